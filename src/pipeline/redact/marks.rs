//! Marks that stand in a text already: what was redacted once is not found again, so that redacting twice gives what
//! redacting once gave.

use std::ops::Range;

use super::Hit;

/// What a redactor writes before the name when it does not hash.
pub const PLAIN: &str = "[redacted:";
/// Longest name, in bytes.
pub const NAME_MAX: usize = 64;
/// Hexadecimal digits of a hash.
const HASH_DIGITS: usize = 16;

/// Where the marks are, in order.
pub(super) fn find(text: &str, names: &[Box<str>]) -> Vec<Range<usize>> {
    let starts = memchr::memchr_iter(b'[', text.as_bytes());
    starts.filter_map(|at| Some(at..at + length(text.get(at..)?, names)?)).collect()
}

/// Bytes of the mark at the head of `text`.
fn length(text: &str, names: &[Box<str>]) -> Option<usize> {
    let known = |name: &str| names.iter().any(|n| **n == *name);
    // Nothing longer than the longest mark is looked through.
    let longest = PLAIN.len() + NAME_MAX + HASH_DIGITS;
    let end = text.bytes().take(longest).position(|b| b == b']')?;
    let inner = text.get(1..end)?;
    let (head, tail) = inner.split_once(':')?;
    let plain = head == "redacted" && known(tail);
    let hash = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    let hashed = tail.len() == HASH_DIGITS && tail.bytes().all(hash) && known(head);
    (plain || hashed).then_some(end + 1)
}

/// The mark that `at` is inside of, its first byte apart.
fn around(marks: &[Range<usize>], at: usize) -> Option<&Range<usize>> {
    let behind = marks.partition_point(|m| m.start < at);
    marks.get(behind.checked_sub(1)?).filter(|m| at < m.end)
}

/// End of the mark that `at` is in, if it is in one.
pub(super) fn end_around(marks: &[Range<usize>], at: usize) -> Option<usize> {
    around(marks, at + 1).map(|m| m.end)
}

/// `hit` without marks at its front and without half a mark at its end; `None` if nothing else is left of it. What is
/// found by reading takes a mark at its end along, what a pattern found ends before it.
pub(super) fn apart(marks: &[Range<usize>], mut hit: Hit, whole: bool) -> Option<Hit> {
    if marks.is_empty() {
        return Some(hit);
    }
    if let Some(mark) = around(marks, hit.start) {
        hit.start = mark.end;
    }
    if let Some(mark) = around(marks, hit.end) {
        hit.end = if whole { mark.end } else { mark.start };
    }
    // Marks only, one behind the other, or with something between?
    let (mut at, first) = (hit.start, marks.partition_point(|m| m.start < hit.start));
    for mark in marks.get(first..).unwrap_or_default().iter().take_while(|m| m.end <= hit.end) {
        if mark.start != at {
            break;
        }
        at = mark.end;
    }
    (at < hit.end).then_some(hit)
}
