//! How far the value of an assignment reaches: in quotes of any depth of escaping, or up to what can only be a
//! separator.

use std::ops::Range;

use super::bytes::{from, run, starts_with};

/// A value without its quotes.
#[derive(Debug)]
pub struct Value {
    pub range: Range<usize>,
    pub quoted: bool,
}

/// Blanks between a name, its delimiter and the value.
const BLANKS_MAX: usize = 4;

pub fn blanks(bytes: &[u8], at: usize) -> usize {
    run(bytes, at, |b| b == b' ' || b == b'\t').min(at + BLANKS_MAX)
}

/// The value that begins at `at`; `None` where nothing does.
pub fn value(bytes: &[u8], at: usize) -> Option<Value> {
    let prefix = match from(bytes, at) {
        [b'b' | b'u' | b'r' | b'f', b'"' | b'\'', ..] => 1,
        // The first of a list, as headers of HTTP are written, and what Rust prints of an option.
        [b'[', b'"' | b'\'' | b'\\', ..] => 1,
        [b'S', b'o', b'm', b'e', b'(', b'"' | b'\\', ..] => 5,
        _ => 0,
    };
    let (slashes, quote) = quote(bytes, at + prefix);
    let found = match quote {
        Some(quote) => {
            let start = at + prefix + slashes + 1;
            Value { range: start..quoted_end(bytes, start, slashes, quote), quoted: true }
        }
        // The beginning of a structure.
        None if !bracketed(bytes, at) && matches!(from(bytes, at), [b'{' | b'[' | b'(' | b'<', ..]) => return None,
        None => {
            let start = at + usize::from(bracketed(bytes, at));
            Value { range: start..bare_end(bytes, start), quoted: false }
        }
    };
    (!found.range.is_empty()).then_some(found)
}

/// `password=[hunter2]`, `<hunter2>`.
fn bracketed(bytes: &[u8], at: usize) -> bool {
    matches!(from(bytes, at), [b'[' | b'(' | b'<', next, ..] if next.is_ascii_alphanumeric())
}

/// The backslashes and the quote at `at`.
pub fn quote(bytes: &[u8], at: usize) -> (usize, Option<u8>) {
    // Eight levels of strings in strings would need more, and nobody has those.
    let slashes = from(bytes, at).iter().take(127).take_while(|b| **b == b'\\').count();
    (slashes, bytes.get(at + slashes).copied().filter(|b| matches!(b, b'"' | b'\'' | b'`')))
}

/// Whether a quote behind `run` backslashes ends a string that was opened with `opened` of them, or one around it.
fn closes(run: usize, opened: usize) -> bool {
    run.is_multiple_of(2) || opened > 0 && closes((run - 1) / 2, (opened - 1) / 2)
}

/// End of a value in quotes: before the quote and its backslashes, at the end of the line, or where the string ends
/// that this one is in.
fn quoted_end(bytes: &[u8], start: usize, opened: usize, quote: u8) -> usize {
    let mut slashes = 0;
    for (at, byte) in from(bytes, start).iter().enumerate() {
        let at = start + at;
        match *byte {
            b'\n' => return at,
            b'\\' => {
                slashes += 1;
                continue;
            }
            b if b == quote && closes(slashes, opened) => {
                return if slashes % 2 == 1 { at - opened.min(slashes) } else { at };
            }
            b'"' if quote != b'"' && slashes % 2 == 0 && ends_string(bytes, at + 1) => return at,
            _ => {}
        }
        slashes = 0;
    }
    bytes.len()
}

/// What is behind the last quote of a string in JSON.
fn ends_string(bytes: &[u8], at: usize) -> bool {
    matches!(from(bytes, blanks(bytes, at)), [] | [b',' | b'}' | b']' | b':' | b'\n' | b'\r', ..])
}

/// End of a value without quotes.
fn bare_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        let ends = match byte {
            b'"' | b'\'' | b'`' | b'&' | b';' | b'<' | b'>' | b'|' => true,
            b if b.is_ascii_whitespace() || b.is_ascii_control() => true,
            b',' => is_separator(bytes, at + 1),
            b')' | b']' | b'}' => closes_group(bytes, at + 1),
            b'%' => starts_with(from(bytes, at), b"%26"),
            b'\\' => {
                let slashes = run(bytes, at, |b| b == b'\\') - at;
                match bytes.get(at + slashes) {
                    Some(b'"' | b'\'') if slashes % 2 == 1 => true,
                    Some(b'n' | b'r' | b't') if slashes % 2 == 1 => {
                        return at + slashes - 1;
                    }
                    Some(b'u') if slashes % 2 == 1 && is_escaped_end(from(bytes, at + slashes)) => {
                        return at + slashes - 1;
                    }
                    _ => {
                        at += slashes;
                        continue;
                    }
                }
            }
            _ => false,
        };
        if ends {
            return at;
        }
        at += 1;
    }
    bytes.len()
}

/// `&`, `<`, `>` and quotes as JSON writers for web pages escape them.
fn is_escaped_end(text: &[u8]) -> bool {
    [&b"u0026"[..], b"u003c", b"u003e", b"u0022", b"u0027"].iter().any(|e| starts_with(text, e))
}

/// A comma ends a value before a blank, a closing of something, or another assignment: passwords have commas too.
fn is_separator(bytes: &[u8], at: usize) -> bool {
    match bytes.get(at) {
        None => true,
        Some(b) if b.is_ascii_whitespace() || b"\"'{}[])\\".contains(b) => true,
        Some(_) => {
            let end = run(from(bytes, at).get(..32).unwrap_or(from(bytes, at)), 0, super::bytes::is_word) + at;
            end > at && matches!(bytes.get(end), Some(b'=' | b':'))
        }
    }
}

/// A closing bracket ends a value where nothing of a value follows.
fn closes_group(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_none_or(|b| b.is_ascii_whitespace() || b"\"'`,;.:)]}<>&|\\/".contains(b))
}
