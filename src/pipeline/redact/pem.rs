//! Blocks of private keys, from the line that begins one to the line that ends it, over lines of text or over `\n` in
//! a string.

use super::bytes::{from, run, until};

/// A piece of a key without an end is one from this length: lines of a key have 64, or 70 and more.
const PIECE_MIN: usize = 40;
/// What stands between the dashes of the first line, at most.
const LABEL_MAX: usize = 48;

/// The block whose `BEGIN` is at `head`.
pub fn find(bytes: &[u8], head: usize) -> Option<(usize, usize)> {
    if !until(bytes, head).ends_with(b"-----") {
        return None;
    }
    let label = from(bytes, head).strip_prefix(b"BEGIN ")?;
    let label = label.get(..LABEL_MAX).unwrap_or(label);
    let length = memchr::memmem::find(label, b"-----")?;
    memchr::memmem::find(until(label, length), b"PRIVATE KEY")?;
    let body = head + b"BEGIN ".len() + length + 5;
    let end = body_end(bytes, body);
    let start = head - 5;
    match from(bytes, end).strip_prefix(b"-----END ") {
        Some(rest) => {
            let rest = rest.get(..LABEL_MAX).unwrap_or(rest);
            let closing = memchr::memmem::find(rest, b"-----").map_or(0, |at| at + 5);
            Some((start, end + b"-----END ".len() + closing))
        }
        None => unfinished(bytes, body).map(|end| (start, end)),
    }
}

/// Behind everything that can be between the first and the last line: base64, headers, line ends in any form. Dashes
/// by fives end it, so that no byte is looked at for two blocks.
fn body_end(bytes: &[u8], body: usize) -> usize {
    let mut at = body;
    loop {
        at = run(bytes, at, |b| b.is_ascii_alphanumeric() || b"+/= \t\r\n\\:,.()".contains(&b));
        let dashes = run(bytes, at, |b| b == b'-') - at;
        if dashes == 0 || dashes >= 5 {
            return at;
        }
        at += dashes;
    }
}

/// End of a key that is cut off: all its long pieces, and a shorter last one.
fn unfinished(bytes: &[u8], body: usize) -> Option<usize> {
    let mut end = None;
    let mut at = body;
    loop {
        let start = gap_end(bytes, at);
        let stop = run(bytes, start, |b| b.is_ascii_alphanumeric() || b"+/=".contains(&b));
        if stop - start < PIECE_MIN {
            return end.map(|end| if start > at { stop.max(end) } else { end });
        }
        (end, at) = (Some(stop), stop);
    }
}

/// Behind white space, also as escapes.
fn gap_end(bytes: &[u8], mut at: usize) -> usize {
    loop {
        at = run(bytes, at, |b| b.is_ascii_whitespace());
        match from(bytes, at) {
            [b'\\', b'n' | b'r' | b't', ..] => at += 2,
            _ => return at,
        }
    }
}
