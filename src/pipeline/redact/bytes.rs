//! Small questions about bytes at a place, shared by the recipes. None of them looks further than a bounded number
//! of bytes, so that asking at every candidate stays linear.

/// A byte of a word, as identifiers and tokens are made of.
pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// Base64 in the URL alphabet, without padding.
pub fn is_base64url(byte: u8) -> bool {
    is_word(byte)
}

/// The bytes from `at` on; empty behind the end.
pub fn from(bytes: &[u8], at: usize) -> &[u8] {
    bytes.get(at..).unwrap_or_default()
}

/// The bytes before `at`.
pub fn until(bytes: &[u8], at: usize) -> &[u8] {
    bytes.get(..at).unwrap_or(bytes)
}

/// End of the run of bytes that `good` takes, from `at`.
pub fn run(bytes: &[u8], at: usize, good: impl Fn(u8) -> bool) -> usize {
    at + from(bytes, at).iter().take_while(|b| good(**b)).count()
}

/// Whether `text` ends with `tail`, which is in lower case, in any case.
pub fn ends_with(text: &[u8], tail: &[u8]) -> bool {
    text.len().checked_sub(tail.len()).is_some_and(|at| from(text, at).eq_ignore_ascii_case(tail))
}

/// Whether `text` begins with `head`, which is in lower case, in any case.
pub fn starts_with(text: &[u8], head: &[u8]) -> bool {
    text.get(..head.len()).is_some_and(|t| t.eq_ignore_ascii_case(head))
}

/// Whether a word can begin at `at`: nothing of a word is before it, or what is there belongs to an escape (`\n` in
/// JSON, `%3D` in a URL, a colour of a terminal) that only looks like one.
pub fn begins(bytes: &[u8], at: usize) -> bool {
    match until(bytes, at) {
        [] => true,
        [.., b'\\', b'n' | b'r' | b't'] => true,
        [.., b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => true,
        [.., b'\\', b'u', a, b, c, d] if [a, b, c, d].iter().all(|x| x.is_ascii_hexdigit()) => true,
        before @ [.., b'm'] => behind_colour(before),
        [.., last] => !is_word(*last),
    }
}

/// Whether `before` ends with `ESC [ 1 ; 32 m`.
fn behind_colour(before: &[u8]) -> bool {
    let body = before.strip_suffix(b"m").unwrap_or(before);
    let digits = body.iter().rev().take(12).take_while(|b| b.is_ascii_digit() || **b == b';').count();
    until(body, body.len() - digits).ends_with(b"\x1b[")
}

pub fn has_digit(bytes: &[u8]) -> bool {
    bytes.iter().any(u8::is_ascii_digit)
}
