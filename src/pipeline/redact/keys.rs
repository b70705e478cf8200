//! Secrets behind a name (`api_key=…`, `"password": "…"`), keys that one knows by their look (AWS, Google), and blocks
//! of private keys. The prefixes are the issuers' own; gitleaks' rules were read for what else people look for.

use super::bytes::{begins, ends_with, from, has_digit, is_word, run, starts_with, until};
use super::trigger::Trigger;
use super::value::{Value, blanks, quote, value};

/// Longest name looked at before the word that makes it one of a secret, in bytes.
const NAME_MAX: usize = 64;
/// Shorter values of tokens and keys are numbers of something, not secrets.
const TOKEN_MIN: usize = 6;
/// In prose (`token: word`), a word without a digit is a secret from this length.
const PROSE_MIN: usize = 16;

/// No longer value is a path, in bytes.
const PATH_MAX: usize = 256;

/// What makes a `key` one that opens something.
const KEY_KINDS: [&[u8]; 15] = [
    b"api",
    b"access",
    b"secret",
    b"private",
    b"encryption",
    b"encrypt",
    b"signing",
    b"auth",
    b"account",
    b"shared",
    b"subscription",
    b"master",
    b"storage",
    b"app",
    b"license",
];

/// Values that only say something about a secret.
const NO_SECRET: [&str; 62] = [
    "a",
    "accepted",
    "an",
    "and",
    "any",
    "array",
    "authentication",
    "bool",
    "boolean",
    "bytes",
    "cannot",
    "changed",
    "created",
    "denied",
    "does",
    "empty",
    "error",
    "expired",
    "failed",
    "false",
    "for",
    "found",
    "generated",
    "has",
    "hidden",
    "incorrect",
    "int",
    "integer",
    "invalid",
    "is",
    "it",
    "malformed",
    "mismatch",
    "missing",
    "must",
    "nil",
    "no",
    "none",
    "not",
    "null",
    "number",
    "ok",
    "option",
    "optional",
    "refreshed",
    "rejected",
    "removed",
    "required",
    "reset",
    "revoked",
    "should",
    "str",
    "string",
    "the",
    "too",
    "true",
    "undefined",
    "unknown",
    "updated",
    "valid",
    "was",
    "wrong",
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Password,
    Secret,
    Token,
    Key,
}

/// The bytes of the secret that belongs to the window whose middle byte is at `middle`.
pub fn find(bytes: &[u8], middle: usize, trigger: Trigger) -> Option<(usize, usize)> {
    let head = middle.saturating_sub(1);
    match trigger {
        Trigger::Aws => aws(bytes, head),
        Trigger::Google => google(bytes, head),
        Trigger::Pem => super::pem::find(bytes, head),
        _ => assignment(bytes, head, trigger),
    }
}

/// `AKIA…`: sixteen more of base 32.
fn aws(bytes: &[u8], head: usize) -> Option<(usize, usize)> {
    let known = matches!(from(bytes, head), [b'A', b'K' | b'S' | b'B', b'I', b'A', ..] | [b'A', b'C', b'C', b'A', ..]);
    // Asked first: so a run is walked once, however often it says `AKIA`.
    if !known || !begins(bytes, head) {
        return None;
    }
    let end = run(bytes, head, |b| b.is_ascii_uppercase() || b.is_ascii_digit());
    let whole = end - head == 20 && bytes.get(end).is_none_or(|b| !b.is_ascii_alphanumeric());
    whole.then_some((head, end))
}

fn google(bytes: &[u8], head: usize) -> Option<(usize, usize)> {
    if !from(bytes, head).starts_with(b"AIza") {
        return None;
    }
    let end = run(bytes, head, is_word);
    (end - head >= 39).then_some((head, end))
}

/// Where the word of a secret ends, and what kind it is.
fn name(bytes: &[u8], head: usize, trigger: Trigger) -> Option<(usize, Kind)> {
    let before = until(bytes, head);
    let here = from(bytes, head);
    match trigger {
        Trigger::Key => {
            let stem = before.strip_suffix(b"_").or(before.strip_suffix(b"-")).or(before.strip_suffix(b" "));
            let stem = stem.or(before.strip_suffix(b".")).unwrap_or(before);
            KEY_KINDS.iter().any(|kind| ends_with(stem, kind)).then_some((head + 3, Kind::Key))
        }
        // `Unexpected token: x` is about syntax.
        Trigger::Token if starts_with(here, b"token") && !ends_with(before, b"unexpected ") => {
            Some((head + 5, Kind::Token))
        }
        Trigger::Secret if starts_with(here, b"ecret") && ends_with(before, b"s") => Some((head + 5, Kind::Secret)),
        Trigger::Passwd if ends_with(before, b"pa") => {
            let words = [&b"ssword"[..], b"sswd", b"ssphrase"];
            words.iter().find(|w| starts_with(here, w)).map(|w| (head + w.len(), Kind::Password))
        }
        // Alone it counts as good as often as secrets: `pass: 12, fail: 3`.
        Trigger::Pass if [&b"_pa"[..], b"-pa", b"dbpa", b"userpa"].iter().any(|w| ends_with(before, w)) => {
            Some((head + 2, Kind::Password))
        }
        Trigger::Pwd if begins(bytes, head) || before.ends_with(b"_") || before.ends_with(b"-") => {
            Some((head + 3, Kind::Password))
        }
        _ => None,
    }
}

fn assignment(bytes: &[u8], head: usize, trigger: Trigger) -> Option<(usize, usize)> {
    let (end, kind) = name(bytes, head, trigger)?;
    let end = numbered(bytes, end);
    if bytes.get(end).is_some_and(|b| is_word(*b)) {
        return None;
    }
    let (at, prose) = delimiter(bytes, head, end)?;
    let found = value(bytes, at)?;
    is_secret(bytes, &found, kind, prose).then_some((found.range.start, found.range.end))
}

/// Behind a number of the name, as in `API_KEY_2`.
fn numbered(bytes: &[u8], end: usize) -> usize {
    let start = end + usize::from(matches!(bytes.get(end), Some(b'_' | b'-')));
    let digits = run(bytes, start, |b| b.is_ascii_digit()) - start;
    if (1..=2).contains(&digits) { start + digits } else { end }
}

/// Where a value can begin behind the name that ends at `end`, and whether the text looks like prose there.
fn delimiter(bytes: &[u8], head: usize, end: usize) -> Option<(usize, bool)> {
    let (slashes, quote) = quote(bytes, end);
    let closed = end + if quote.is_some() { slashes + 1 } else { usize::from(bytes.get(end) == Some(&b']')) };
    let at = blanks(bytes, closed);
    let rest = from(bytes, at);
    let length = match rest {
        [b':', b':', ..] => return None,
        [b'=', b'>' | b'=', ..] | [b':', b'=', ..] => 2,
        [b'=' | b':', ..] => 1,
        [b'%', b'3', b'D' | b'd' | b'A' | b'a', ..] => 3,
        [b'>', ..] => return (quote.is_none() && option(bytes, head).ends_with(b"<")).then_some((at + 1, false)),
        _ => {
            let given = at > closed && quote.is_none() && option(bytes, head).ends_with(b"--");
            return (given && rest.first() != Some(&b'-')).then_some((at, false));
        }
    };
    let start = blanks(bytes, at + length);
    Some((start, quote.is_none() && rest.first() == Some(&b':') && start > at + length))
}

/// What is before the name that the word at `head` belongs to, with the dashes of an option.
fn option(bytes: &[u8], head: usize) -> &[u8] {
    let before = until(bytes, head);
    let name =
        before.iter().rev().take(NAME_MAX).take_while(|b| b.is_ascii_alphanumeric() || b"_-.:".contains(b)).count();
    let start = before.len() - name;
    let dashes = run(before, start, |b| b == b'-');
    until(before, dashes)
}

fn is_secret(bytes: &[u8], value: &Value, kind: Kind, prose: bool) -> bool {
    let text = bytes.get(value.range.clone()).unwrap_or_default();
    // The longest of the words has 14 bytes; a sentence's end may follow.
    let word = text.strip_suffix(b".").or(text.strip_suffix(b":")).unwrap_or(text);
    let says = word.len() <= 14 && NO_SECRET.iter().any(|w| word.eq_ignore_ascii_case(w.as_bytes()));
    if says || text.iter().all(|b| *b == b'*') {
        return false;
    }
    if kind != Kind::Password && (text.len() < TOKEN_MIN || is_path(text)) {
        return false;
    }
    match kind {
        Kind::Token | Kind::Key => !prose || value.quoted || has_digit(text) || text.len() >= PROSE_MIN,
        Kind::Password => !is_path(text),
        Kind::Secret => true,
    }
}

/// `/etc/ssl/key.pem`, `./key`: a place, not a secret. Base64 can begin with a slash, but has not only short words
/// between slashes.
fn is_path(text: &[u8]) -> bool {
    let rooted = matches!(text, [b'/', ..] | [b'~', b'/', ..] | [b'.', b'/', ..] | [b'.', b'.', b'/', ..]);
    let windows = matches!(text, [d, b':', b'\\', ..] if d.is_ascii_alphabetic());
    // Longer ones would be walked again for each name in them.
    let short = text.len() <= PATH_MAX;
    short && windows || short && rooted && text.split(|b| *b == b'/').all(|s| s.len() <= 24) && !text.contains(&b'+')
}
