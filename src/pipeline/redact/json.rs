//! Keeps a line of JSON one: what is replaced stays inside of strings, whatever was found, and a number that goes
//! becomes a string.

use super::Hit;

/// A string with its quotes, or a number or word without.
enum Token {
    Text { start: usize, end: usize },
    Scalar { start: usize, end: usize },
}

/// The tokens of an object or array; whether they are in an order that JSON allows is not asked. `Some(Err(()))` is
/// something that is no token.
struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Iterator for Tokens<'_> {
    type Item = Result<Token, ()>;

    fn next(&mut self) -> Option<Self::Item> {
        let skip = |b: &u8| b" \t\r\n{}[],:".contains(b);
        self.at += self.bytes.get(self.at..)?.iter().take_while(|b| skip(b)).count();
        let start = self.at;
        let rest = self.bytes.get(start..)?;
        if *rest.first()? == b'"' {
            let Some(length) = string_length(rest) else { return Some(Err(())) };
            self.at = start + length;
            return Some(Ok(Token::Text { start, end: self.at }));
        }
        let length = rest.iter().take_while(|b| !skip(b) && **b != b'"').count();
        self.at = start + length;
        let word = rest.get(..length).unwrap_or_default();
        Some(if is_scalar(word) { Ok(Token::Scalar { start, end: self.at }) } else { Err(()) })
    }
}

/// Of a string at the head of `bytes`, with both quotes.
fn string_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes.get(at) == Some(&b'"') {
            return Some(at + 1);
        }
        at += 2;
    }
}

fn is_scalar(word: &[u8]) -> bool {
    let number = |b: &u8| b.is_ascii_digit() || b"+-.eE".contains(b);
    let text = str::from_utf8(word).unwrap_or_default();
    matches!(word, b"true" | b"false" | b"null") || word.iter().all(number) && text.parse::<f64>().is_ok()
}

/// Whether `text` is an object or array as far as its tokens go: all valid JSON of that kind, and little else.
fn is_json(text: &str) -> bool {
    text.trim_ascii_start().starts_with(['{', '[']) && Tokens { bytes: text.as_bytes(), at: 0 }.all(|t| t.is_ok())
}

/// Cuts `hits`, which are in order and do not overlap, so that replacing them leaves JSON JSON.
pub(super) fn fit(text: &str, hits: Vec<Hit>) -> Vec<Hit> {
    if !is_json(text) {
        return hits;
    }
    let mut fitted = Vec::with_capacity(hits.len());
    let mut hits = hits.into_iter().peekable();
    for token in (Tokens { bytes: text.as_bytes(), at: 0 }).flatten() {
        let (start, end, scalar) = match token {
            Token::Text { start, end } => (start + 1, end - 1, false),
            Token::Scalar { start, end } => (start, end, true),
        };
        let mut escapes = Escapes::new(text.as_bytes(), start, end);
        let mut done = start;
        while let Some(hit) = hits.peek() {
            if hit.start >= end {
                break;
            }
            let (from, to) = match (scalar, hit.start.max(start), hit.end.min(end)) {
                (true, from, to) if from < to => (start, end),
                (_, from, to) => escapes.widen(from, to),
            };
            if from.max(done) < to {
                fitted.push(Hit { start: from.max(done), end: to, quoted: scalar, ..*hit });
                done = to;
            }
            if hit.end > end {
                break;
            }
            hits.next();
        }
    }
    fitted
}

/// The escapes of one string, walked once from its front to its end.
struct Escapes<'a> {
    bytes: &'a [u8],
    end: usize,
    current: Option<(usize, usize)>,
}

impl<'a> Escapes<'a> {
    fn new(bytes: &'a [u8], start: usize, end: usize) -> Escapes<'a> {
        let mut escapes = Escapes { bytes, end, current: None };
        escapes.advance(start);
        escapes
    }

    fn advance(&mut self, from: usize) {
        let rest = self.bytes.get(from..self.end).unwrap_or_default();
        self.current = memchr::memchr(b'\\', rest).map(|at| {
            let escape = rest.get(at..).unwrap_or_default();
            (from + at, from + at + length(escape))
        });
    }

    /// `from..to` without half of an escape at either end; empty stays empty.
    fn widen(&mut self, mut from: usize, mut to: usize) -> (usize, usize) {
        if from >= to {
            return (from, from);
        }
        while let Some((_, end)) = self.current.filter(|e| e.1 <= from) {
            self.advance(end);
        }
        from = self.current.map_or(from, |e| from.min(e.0));
        while let Some((_, end)) = self.current.filter(|e| e.1 <= to) {
            self.advance(end);
        }
        if let Some((_, end)) = self.current.filter(|e| e.0 < to) {
            to = end.min(self.end);
        }
        (from, to)
    }
}

/// Bytes of the escape at the head of `bytes`; the two of a pair of surrogates are one.
fn length(bytes: &[u8]) -> usize {
    match bytes {
        [_, b'u', _, _, _, _, b'\\', b'u', ..]
            if surrogate(bytes, 0xd8) && surrogate(bytes.get(6..).unwrap_or_default(), 0xdc) =>
        {
            12
        }
        [_, b'u', ..] => 6,
        _ => 2,
    }
}

fn surrogate(escape: &[u8], high: u8) -> bool {
    let byte =
        escape.get(2..4).and_then(|hex| str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
    byte.is_some_and(|b| b & 0xfc == high)
}
