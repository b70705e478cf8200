//! Patterns made ready to look for in many texts, without allocating.

use std::sync::OnceLock;

use memchr::memchr2_iter;
use regex::{Regex, bytes};

use crate::query::ast::Pattern;
use crate::query::tokens::{Tokens, ends_before, equals_lower, is_token_char, lower, starts_after, to_lower, tokens};

/// What to find in a text.
#[derive(Clone, Debug)]
pub(super) enum Matcher {
    /// Consecutive tokens.
    Sequence(Sequence),
    /// A text without tokens, such as an emoji: found as it stands.
    Substring(String),
    Regex(Regex),
}

impl Matcher {
    pub(super) fn new(pattern: &Pattern) -> Matcher {
        match pattern {
            Pattern::Regex(regex) => Matcher::Regex(regex.clone()),
            Pattern::Literal(text) if tokens(text).next().is_none() => Matcher::Substring(text.clone()),
            Pattern::Literal(text) => {
                Matcher::Sequence(Sequence::new(tokens(text).map(|t| TokenMatcher::Word(to_lower(t))).collect()))
            }
            Pattern::Glob(text) => {
                let runs = text.split(|c: char| !(is_token_char(c) || c == '*')).filter(|run| !run.is_empty());
                Matcher::Sequence(Sequence::new(runs.map(TokenMatcher::new).collect()))
            }
        }
    }

    pub(super) fn is_in(&self, text: &str) -> bool {
        match self {
            Matcher::Sequence(sequence) => sequence.is_in(text),
            Matcher::Substring(part) => text.contains(part.as_str()),
            Matcher::Regex(regex) => regex.is_match(text),
        }
    }

    /// The same, quicker for a long text, and slower for the first one.
    pub(super) fn is_in_long(&self, text: &str) -> bool {
        match self {
            Matcher::Sequence(sequence) => sequence.is_in_long(text),
            Matcher::Substring(_) | Matcher::Regex(_) => self.is_in(text),
        }
    }
}

/// What one token must look like, in lower case.
#[derive(Clone, Debug)]
enum TokenMatcher {
    Word(String),
    Prefix(String),
    Glob(Glob),
}

impl TokenMatcher {
    /// `run` is made of token characters and `*`.
    fn new(run: &str) -> TokenMatcher {
        match run.split_once('*') {
            None => TokenMatcher::Word(to_lower(run)),
            Some((head, "")) if !head.is_empty() => TokenMatcher::Prefix(to_lower(head)),
            Some(_) => TokenMatcher::Glob(Glob::new(run)),
        }
    }

    fn matches(&self, token: &str) -> bool {
        match self {
            TokenMatcher::Word(word) => equals_lower(token, word),
            TokenMatcher::Prefix(head) if head.is_ascii() => {
                token.as_bytes().get(..head.len()).is_some_and(|start| start.eq_ignore_ascii_case(head.as_bytes()))
            }
            TokenMatcher::Prefix(head) => {
                let mut chars = token.chars().map(lower);
                head.chars().all(|c| chars.next() == Some(c))
            }
            TokenMatcher::Glob(glob) => glob.matches(token),
        }
    }
}

/// Tokens that must follow one another in one text; at least one.
#[derive(Clone, Debug)]
pub(super) struct Sequence {
    tokens: Vec<TokenMatcher>,
    /// A quick way to where the first token may be.
    scan: Option<Scan>,
    /// One for long texts, made when the first of them comes.
    long: OnceLock<Option<bytes::Regex>>,
}

impl Sequence {
    fn new(tokens: Vec<TokenMatcher>) -> Sequence {
        let scan = match tokens.first() {
            Some(TokenMatcher::Word(word)) => Scan::new(word, true),
            Some(TokenMatcher::Prefix(head)) => Scan::new(head, false),
            _ => None,
        };
        Sequence { tokens, scan, long: OnceLock::new() }
    }

    fn is_in(&self, text: &str) -> bool {
        match &self.scan {
            Some(scan) => scan.places(text).any(|at| self.starts(tokens(&text[at..]))),
            None => {
                let mut from = tokens(text);
                loop {
                    if self.starts(from.clone()) {
                        return true;
                    }
                    if from.next().is_none() {
                        return false;
                    }
                }
            }
        }
    }

    fn is_in_long(&self, text: &str) -> bool {
        // The regex engine compares many bytes at once with the beginnings of all cases of a word.
        let any_case = |scan: &Scan| {
            let pattern = std::str::from_utf8(&scan.needle).ok().map(regex::escape)?;
            bytes::RegexBuilder::new(&pattern).case_insensitive(true).unicode(false).build().ok()
        };
        let Some(places) = self.long.get_or_init(|| self.scan.as_ref().and_then(any_case)) else {
            return self.is_in(text);
        };
        let mut starts = places.find_iter(text.as_bytes()).map(|place| place.start());
        starts.any(|at| starts_after(text, at) && self.starts(tokens(&text[at..])))
    }

    fn starts(&self, mut found: Tokens<'_>) -> bool {
        self.tokens.iter().all(|wanted| found.next().is_some_and(|token| wanted.matches(token)))
    }
}

/// Finds an ASCII token, or the head of one, by its rarest letter.
#[derive(Clone, Debug)]
struct Scan {
    needle: Box<[u8]>,
    rare: Rare,
    whole: bool,
}

impl Scan {
    fn new(needle: &str, whole: bool) -> Option<Scan> {
        let rare = Rare::of(needle)?;
        Some(Scan { needle: needle.as_bytes().into(), rare, whole })
    }

    /// Byte offsets of the tokens that fit.
    fn places<'a>(&'a self, text: &'a str) -> impl Iterator<Item = usize> + 'a {
        let bytes = text.as_bytes();
        self.rare.places(bytes).filter(move |start| {
            // Most hits are refused by what stands before them; so each token is compared once, however long.
            let end = start + self.needle.len();
            text.is_char_boundary(*start)
                && starts_after(text, *start)
                && bytes.get(*start..end).is_some_and(|part| part.eq_ignore_ascii_case(&self.needle))
                && (!self.whole || ends_before(text, end))
        })
    }
}

/// The rarest letter of an ASCII text. A case-insensitive search by bytes is exact, because no other character has an
/// ASCII lower case (see [`lower`]).
#[derive(Clone, Copy, Debug)]
struct Rare {
    /// Its place in the text, and the byte in both cases.
    at: usize,
    cases: (u8, u8),
}

/// Letters and digits of logs, roughly from common to rare.
const COMMON: &[u8] = b"etaoinsrl0d1c2pumf3g4_5h6w7b8y9vkxqjz";

impl Rare {
    fn of(text: &str) -> Option<Rare> {
        if !text.is_ascii() {
            return None;
        }
        let rank = |byte: &u8| COMMON.iter().position(|common| common == byte);
        let (at, byte) = text.bytes().enumerate().max_by_key(|(_, byte)| rank(byte))?;
        Some(Rare { at, cases: (byte, byte.to_ascii_uppercase()) })
    }

    /// Where the text would begin.
    fn places(self, bytes: &[u8]) -> impl Iterator<Item = usize> {
        memchr2_iter(self.cases.0, self.cases.1, bytes).filter_map(move |hit| hit.checked_sub(self.at))
    }
}

/// Whether an ASCII text, of whatever case, is among bytes. Of a long one only the beginning is looked for.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    needle: Box<[u8]>,
    rare: Rare,
}

/// Bounds what a piece that is nearly everywhere can cost.
const MAX_PIECE: usize = 32;

impl Piece {
    pub(super) fn new(text: &str) -> Option<Piece> {
        let text = &text[..text.floor_char_boundary(MAX_PIECE)];
        let rare = Rare::of(text)?;
        Some(Piece { needle: text.as_bytes().into(), rare })
    }

    pub(super) fn is_in(&self, bytes: &[u8]) -> bool {
        let fits = |part: &[u8]| part.eq_ignore_ascii_case(&self.needle);
        self.rare.places(bytes).any(|at| bytes.get(at..at + self.needle.len()).is_some_and(fits))
    }
}

/// A text with wildcards that must match a whole value, whatever the case.
#[derive(Clone, Debug)]
pub(super) struct Glob {
    pattern: Box<[char]>,
}

impl Glob {
    pub(super) fn new(pattern: &str) -> Glob {
        Glob { pattern: pattern.chars().map(lower).collect() }
    }

    /// Greedy with one place to fall back to: after a later `*`, an earlier one need not be tried again.
    pub(super) fn matches(&self, text: &str) -> bool {
        let mut at = 0;
        let mut chars = text.chars();
        let mut fallback: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            if self.pattern.get(at) == Some(&'*') {
                at += 1;
                fallback = Some((at, chars.clone()));
                continue;
            }
            match chars.next() {
                None if at == self.pattern.len() => return true,
                None => return false,
                Some(c) if self.pattern.get(at) == Some(&lower(c)) => at += 1,
                Some(_) => {
                    let Some((behind, from)) = &mut fallback else { return false };
                    from.next();
                    at = *behind;
                    chars = from.clone();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces() {
        let check = |piece: &str, text: &str, want: bool| {
            assert_eq!(Piece::new(piece).unwrap().is_in(text.as_bytes()), want, "{piece} in {text}");
        };
        check("failed", "operationFAILED.", true);
        check("failed", "fail", false);
        check("8f3a", "xx8F3a", true);
        check("zz", "z", false);
        check(&"a".repeat(100), &"A".repeat(32), true);
        assert!(Piece::new("käse").is_none() && Piece::new("").is_none());
    }

    #[test]
    fn globs() {
        let check = |pattern: &str, text: &str, want: bool| {
            assert_eq!(Glob::new(pattern).matches(text), want, "{pattern} on {text}");
        };
        check("*", "", true);
        check("a*", "ABC", true);
        check("a*c", "abcb", false);
        check("*b*b", "abab", true);
        check("a**c", "ac", true);
        check("ä*", "Ähre", true);
        check("a*", "", false);
        check("a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false);
    }
}
