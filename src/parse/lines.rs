//! Which lines go on with an entry, whatever its format: indented ones, and the parts of tracebacks of the common
//! languages.

use super::bytes::{self, BLANK};
use super::json;

/// What a line is to the entry before it, if it begins none itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Belongs to the entry before.
    Goes,
    /// Belongs to it, and begins a traceback, of which the last line may stand at the margin.
    Traceback,
    /// The same of one that ends with its frames, which are indented or calls.
    Panic,
    /// Belongs to it within such a traceback.
    Frame,
    /// Head of a traceback whose error stands in it: belongs to another such, or stands.
    Crash,
    /// A frame with its number before it: belongs to what has none itself.
    Numbered,
    /// Ends an object printed over several lines.
    Closes,
    /// Nothing says that it belongs to the entry before.
    Stands,
}

/// Looks at a line that begins no entry.
pub fn look(line: &str) -> Line {
    match line.as_bytes().first() {
        Some(b' ' | b'\t') => Line::Goes,
        Some(b'}') if json::closes(line) => Line::Closes,
        Some(byte) if byte.is_ascii_alphabetic() || b"#.-[".contains(byte) => part(line),
        _ => Line::Stands,
    }
}

/// Whether the line begins as errors are printed: `TypeError: x is undefined`, `java.io.IOException: closed`.
pub fn names_error(line: &str) -> bool {
    let name = line.split_once(": ").map_or(line, |(name, _)| name);
    let good = |b: u8| b.is_ascii_alphanumeric() || b"._$".contains(&b);
    (name.ends_with("Error") || name.ends_with("Exception")) && name.bytes().all(good)
}

/// How many blanks a line begins with.
pub fn indentation(line: &str) -> usize {
    bytes::run(line.as_bytes(), BLANK)
}

/// Whether an object printed over several lines begins with this line.
pub fn opens_object(line: &str) -> bool {
    json::opens(line)
}

/// Whether a private key begins in this line and does not end in it.
pub fn opens_key(line: &str) -> bool {
    line.contains("-----BEGIN ") && line.contains("PRIVATE KEY") && !line.contains("-----END ")
}

/// Words that stand between or before the frames of a traceback, at the margin.
fn part(line: &str) -> Line {
    // Behind these the frames come, and behind them the error itself.
    const TRACEBACKS: [&str; 4] = [
        "Traceback (most recent call last)",
        "During handling of the above exception",
        "The above exception was the direct cause",
        "Exception Group Traceback (most recent call last)",
    ];
    // These have said their error, and the frames come last.
    const PANICS: [&str; 4] = ["panic: ", "fatal error: ", "goroutine ", "Exception in thread "];
    const PARTS: [&str; 12] = [
        "Caused by:",
        "Suppressed: ",
        "created by ",
        "exit status ",
        "stack backtrace:",
        "Stack trace:",
        "note: run with `RUST_BACKTRACE",
        "note: Some details are omitted",
        "... ",
        "--- End of ",
        "PHP Stack trace:",
        "[signal ",
    ];
    // Lines of most logs begin with none of these bytes, or do not end so: then no text is compared.
    let first = line.as_bytes().first();
    let begins = |words: &&str| words.as_bytes().first() == first && line.starts_with(*words);
    let is_panic = || line.starts_with("thread '") && line.contains(" panicked at ");
    if TRACEBACKS.iter().any(begins) || is_panic() {
        return Line::Traceback;
    }
    if PANICS.iter().any(begins) {
        return Line::Panic;
    }
    let is_numbered = || line.strip_prefix('#').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if is_numbered() {
        return Line::Numbered;
    }
    if PARTS.iter().any(begins) {
        return Line::Goes;
    }
    match line.ends_with(')') {
        true if is_call(line) => Line::Frame,
        true if is_crash(line) => Line::Crash,
        _ => Line::Stands,
    }
}

/// A line that ends with `)`. Ruby's: `app.rb:3:in 'run': no route (RuntimeError)`.
fn is_crash(line: &str) -> bool {
    line.contains(".rb:") && line.contains(":in ")
}

/// A line that ends with `)`. A frame of Go's: `main.(*server).run(0x1, 0x2)`.
fn is_call(line: &str) -> bool {
    let Some((name, _)) = line.rsplit_once('(').filter(|_| line.len() < 512) else { return false };
    let good = |b: u8| b.is_ascii_alphanumeric() || b"./_*()-[]{}@%".contains(&b);
    name.contains('.') && name.bytes().all(good)
}
