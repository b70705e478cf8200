//! What a word is. The store indexes these tokens and the evaluator looks for them, so the two cannot disagree.
//!
//! A token is a run of alphanumeric characters and `_`; everything else separates. `wf-8f3a12cd` is two tokens,
//! and so is `orchestrator.workflow`. Tokens are compared in lower case, see [`lower`].

use crate::record::{NAMED, Row, ValueRef};

/// Class of a byte: part of a token, a separator, or the start of a character that must be decoded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Separator,
    Token,
    Decode,
}

const CLASSES: [Class; 256] = {
    let mut table = [Class::Separator; 256];
    let mut byte = 0;
    while byte < 256 {
        if byte >= 128 {
            table[byte] = Class::Decode;
        } else if (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_' {
            table[byte] = Class::Token;
        }
        byte += 1;
    }
    table
};

/// Whether `c` belongs to a token.
pub fn is_token_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The lower case of one character, as tokens and keys are stored.
///
/// One character stays one character, ASCII stays ASCII and the rest stays the rest; a character whose Unicode
/// lower case breaks that (`İ`, the Kelvin sign) is left alone. Therefore an ASCII word can be searched by bytes.
pub fn lower(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    let mut mapped = c.to_lowercase();
    match (mapped.next(), mapped.next()) {
        (Some(one), None) if !one.is_ascii() => one,
        _ => c,
    }
}

/// Replaces the content of `buffer` with `text` in lower case.
pub fn lower_into(text: &str, buffer: &mut String) {
    buffer.clear();
    if text.is_ascii() {
        buffer.push_str(text);
        buffer.make_ascii_lowercase();
    } else {
        buffer.extend(text.chars().map(lower));
    }
}

/// `text` in lower case.
pub fn to_lower(text: &str) -> String {
    let mut buffer = String::with_capacity(text.len());
    lower_into(text, &mut buffer);
    buffer
}

/// Whether `text` in lower case is `lowered`, which already is in lower case.
pub fn equals_lower(text: &str, lowered: &str) -> bool {
    text.eq_ignore_ascii_case(lowered) || (!lowered.is_ascii() && text.chars().map(lower).eq(lowered.chars()))
}

/// The tokens of a text, in their own case.
pub fn tokens(text: &str) -> Tokens<'_> {
    Tokens { rest: text }
}

/// See [`tokens`]. A clone goes on from the same place.
#[derive(Clone, Debug)]
pub struct Tokens<'a> {
    rest: &'a str,
}

/// The highest bit of each byte.
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Of eight bytes, the highest bit of those that are ASCII token characters.
#[inline]
fn token_bits(word: u64) -> u64 {
    let each = |byte: u8| HIGH / 128 * u64::from(byte);
    // Without the highest bits, no sum goes over into the next byte.
    let (low, folded) = (word & !HIGH, (word | each(0x20)) & !HIGH);
    let letters = (folded + each(128 - b'a')) & !(folded + each(127 - b'z'));
    let digits = (low + each(128 - b'0')) & !(low + each(127 - b'9'));
    let underscores = !((low ^ each(b'_')) + each(127));
    (letters | digits | underscores) & !word & HIGH
}

/// Length of the longest head of `text` whose characters are all token characters, or all separators.
#[inline]
fn run(text: &str, of_tokens: bool) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(word) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        let word = u64::from_le_bytes(*word);
        let tokens = token_bits(word);
        let stops = if of_tokens { !tokens & HIGH } else { tokens | (word & HIGH) };
        at += stops.trailing_zeros() as usize / 8;
        if stops != 0 {
            break;
        }
    }
    while let Some(&byte) = bytes.get(at) {
        match CLASSES[usize::from(byte)] {
            Class::Decode => match text[at..].chars().next() {
                Some(c) if is_token_char(c) == of_tokens => at += c.len_utf8(),
                _ => break,
            },
            class if (class == Class::Token) == of_tokens => at += 1,
            _ => break,
        }
    }
    at
}

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = &self.rest[run(self.rest, false)..];
        let (token, rest) = text.split_at(run(text, true));
        self.rest = rest;
        (!token.is_empty()).then_some(token)
    }
}

/// Whether a token ends at byte `at` of `text`, or none is there: the characters on both sides do not join.
pub(super) fn ends_before(text: &str, at: usize) -> bool {
    match text.as_bytes().get(at).map(|&byte| CLASSES[usize::from(byte)]) {
        None | Some(Class::Separator) => true,
        Some(Class::Token) => false,
        Some(Class::Decode) => !text[at..].chars().next().is_some_and(is_token_char),
    }
}

/// Whether a token may start at byte `at` of `text`: no token character stands just before.
pub(super) fn starts_after(text: &str, at: usize) -> bool {
    match at.checked_sub(1).map(|before| CLASSES[usize::from(text.as_bytes()[before])]) {
        None | Some(Class::Separator) => true,
        Some(Class::Token) => false,
        Some(Class::Decode) => !text[..at].chars().next_back().is_some_and(is_token_char),
    }
}

/// Whether `test` holds for one of the texts of a row; stops at the first.
///
/// The *text of an entry* is what bare words, phrases and regular expressions look at: the message, then the
/// values of the named text columns ([`Row::named`]), then the values of all fields but null ones. Each value
/// is tokenised by itself, so a phrase never spans two. The raw text is not among them.
pub fn any_text<R: Row + ?Sized>(row: &R, mut test: impl FnMut(&str) -> bool) -> bool {
    test(row.message())
        || (0..NAMED).any(|column| row.named(column).is_some_and(&mut test))
        || row.any_field(&mut |_, value| value != ValueRef::Null && value.with_text(&mut test))
}

/// Calls `f` with every token of the row's text in lower case, repetitions included. `buffer` is scratch space.
/// This is what the store indexes as terms.
pub fn for_each_token<R: Row + ?Sized>(row: &R, buffer: &mut String, mut f: impl FnMut(&str)) {
    any_text(row, |text| {
        for token in tokens(text) {
            lower_into(token, buffer);
            f(buffer);
        }
        false
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_text() {
        let check = |text: &str, want: &[&str]| assert_eq!(tokens(text).collect::<Vec<_>>(), want, "{text:?}");
        check("", &[]);
        check("🎯 —…", &[]);
        check("wf-8f3a12cd", &["wf", "8f3a12cd"]);
        check("orchestrator.workflow", &["orchestrator", "workflow"]);
        check("duration_ms=12.5", &["duration_ms", "12", "5"]);
        check("Größe: naïve…日本語x", &["Größe", "naïve", "日本語x"]);
        check("é", &["é"]);
    }

    #[test]
    fn eight_bytes_at_once_are_as_one_by_one() {
        for byte in 0..=u8::MAX {
            for place in 0..8 {
                let word = u64::from(byte) << (place * 8);
                let want = byte.is_ascii_alphanumeric() || byte == b'_';
                assert_eq!(token_bits(word), u64::from(want) << (place * 8 + 7), "{byte} at {place}");
            }
        }
        let pieces = ["a", "Z9_", " ", "-.", "é", "…", "longer_than_eight", "        \t\t", "日本"];
        for first in pieces {
            for second in pieces {
                for third in pieces {
                    let text = [first, second, third].concat();
                    let want: Vec<&str> = text.split(|c| !is_token_char(c)).filter(|token| !token.is_empty()).collect();
                    assert_eq!(tokens(&text).collect::<Vec<_>>(), want, "{text:?}");
                }
            }
        }
    }

    #[test]
    fn boundaries() {
        let text = "aé b";
        assert!(starts_after(text, 0) && !starts_after(text, 1) && !starts_after(text, 3) && starts_after(text, 4));
        assert!(!ends_before(text, 1) && ends_before(text, 3) && ends_before(text, 5));
    }

    #[test]
    fn lower_case_keeps_tokens_whole() {
        for c in '\0'..=char::MAX {
            let low = lower(c);
            assert_eq!(lower(low), low, "{c:?}");
            assert_eq!(is_token_char(low), is_token_char(c), "{c:?}");
            assert_eq!(low.is_ascii(), c.is_ascii(), "{c:?}");
        }
        assert_eq!(to_lower("GRÖSSE İ \u{212a}"), "grösse İ \u{212a}");
        assert!(equals_lower("GRÖSSE", "grösse") && equals_lower("ABC", "abc") && !equals_lower("ABCD", "abc"));
    }
}
