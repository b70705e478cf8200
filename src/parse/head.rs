//! Free text. What stands at the head of a line is taken, whatever the order: a time, and a level where its place or its
//! brackets say that it is one. Never a word from further inside.

use super::bytes::{self, NAME};
use super::layout::Head;
use super::time::{Day, Stamp, Written, stamp};
use crate::record::Level;

/// Parts looked at before the message begins, and bytes they may take.
const MAX_PARTS: usize = 8;
const MAX_HEAD: usize = 160;

/// Looks at a line; `head` was cleared for it. Whether there is a time or a level at its head, so that the line begins
/// an entry for certain.
pub fn look(line: &str, head: &mut Head) -> bool {
    head.clear();
    let mut at = 0;
    for _ in 0..MAX_PARTS {
        let begin = skip(line, at);
        if begin > MAX_HEAD {
            break;
        }
        match part(line, begin, head) {
            Some(end) => at = end,
            None => break,
        }
    }
    let has_head = head.stamp.is_some() || head.level.is_some();
    let start = if has_head { message(line, at) } else { 0 };
    head.message = start as u32..line.len() as u32;
    has_head
}

/// Past blanks and what people put between columns.
fn skip(line: &str, at: usize) -> usize {
    let rest = &line[at..];
    let mut trimmed = rest.trim_start_matches([' ', '\t', '|', ';', ',']);
    while let Some(behind) = trimmed.strip_prefix("- ") {
        trimmed = behind.trim_start();
    }
    line.len() - trimmed.len()
}

/// Where the message begins behind the last part of the head.
fn message(line: &str, at: usize) -> usize {
    let rest = line[at..].trim_start_matches([' ', '\t', ':', '|', ',', ';']);
    let rest = rest.strip_prefix("- ").unwrap_or(rest);
    line.len() - rest.len()
}

/// The end of the part of the head that begins at `at`: a time, a level, or what stands between those.
fn part(line: &str, at: usize, head: &mut Head) -> Option<usize> {
    let rest = &line[at..];
    if head.stamp.is_none()
        && let Some(end) = time(rest, head)
    {
        return Some(at + end);
    }
    if head.level.is_none() {
        if let Some((level, end)) = level(rest, head.stamp.as_ref(), at == 0) {
            head.level = Some(level);
            return Some(at + end);
        }
        let end = at + between(rest, head)?;
        let bracketed = line[at..end].strip_prefix(['[', '(']).and_then(|rest| rest.get(..rest.len() - 1));
        if head.logger.is_none() && bracketed.is_some_and(is_logger) {
            head.logger = Some(at as u32 + 1..end as u32 - 1);
        }
        return Some(end);
    }
    None
}

/// A time, in brackets or not. A mere clock counts at the line's beginning.
fn time(rest: &str, head: &mut Head) -> Option<usize> {
    let bracket = usize::from(rest.starts_with(['[', '(', '<', '"']));
    let (stamp, length) = stamp(&rest[bracket..])?;
    let end = bracket + length;
    let next = rest.as_bytes().get(end).copied();
    let is_closed = bracket == 0 || matches!(next, Some(b']' | b')' | b'>' | b'"'));
    let is_end = bracket == 1 || next.is_none_or(|b| !b.is_ascii_alphanumeric());
    if !is_closed && next != Some(b' ') || !is_end || stamp.day == Day::Unknown && head.level.is_some() {
        return None;
    }
    head.stamp = Some(stamp);
    Some(end + usize::from(bracket == 1 && is_closed || next == Some(b':')))
}

/// A level and the bytes it takes: in brackets or before a colon however it is written; in capitals behind a time;
/// before a run of blanks, as in a column; in small letters before a dash, or behind a time with its zone, which only
/// programs write.
fn level(rest: &str, time: Option<&Stamp>, at_beginning: bool) -> Option<(Level, usize)> {
    let behind_time = time.is_some();
    let bracket = usize::from(rest.starts_with(['[', '(', '<']));
    let inner = &rest[bracket..];
    let length = inner.bytes().take(16).take_while(u8::is_ascii_alphanumeric).count();
    let word = &inner[..length];
    if bracket == 1 {
        let blanks = inner[length..].bytes().take_while(|b| *b == b' ').count();
        let closing = inner.as_bytes().get(length + blanks)?;
        let level = match closing {
            b']' | b')' => Level::from_column(word),
            b'>' => Level::from_column(word).or_else(|| Level::from_syslog(word.parse::<u8>().ok()? & 7)),
            _ => None,
        };
        return level.map(|level| (level, 2 + length + blanks));
    }
    let mut next = inner.bytes().skip(length);
    let (first, second) = (next.next(), next.next());
    let is_caps = word.bytes().all(|b| b.is_ascii_uppercase());
    let is_lower = word.bytes().all(|b| b.is_ascii_lowercase());
    let is_column = matches!((first, second), (Some(b'\t'), _) | (Some(b' '), Some(b' ')));
    let good = match first {
        Some(b':') => second.is_none_or(|b| b == b' ' || b == b'\t'),
        Some(b'|') => behind_time,
        Some(b' ') if is_lower && at_beginning => inner[length..].trim_start_matches(' ').starts_with("- "),
        Some(b' ' | b'\t' | b',') if is_caps => behind_time || at_beginning && is_column,
        Some(b' ' | b'\t') if is_column => behind_time,
        Some(b' ') => is_lower && time.is_some_and(|stamp| stamp.zone != Written::Nothing),
        None => is_caps && behind_time,
        _ => false,
    };
    let level = if is_abbreviation(word) { Level::from_column(word) } else { Level::from_word(word) };
    let level = level.filter(|_| good)?;
    Some((level, length + usize::from(first == Some(b':'))))
}

/// Whether it is a logger and no thread, process or place: a name without blanks, with a dot in it if it has digits.
fn is_logger(name: &str) -> bool {
    let is_named =
        name.starts_with(|c: char| c.is_ascii_alphabetic()) && bytes::run(name.as_bytes(), NAME) == name.len();
    let has_digit = || name.bytes().any(|b| b.is_ascii_digit());
    let is_thread = || name == "main" || name.to_ascii_lowercase().contains("thread");
    is_named && (name.contains('.') || !has_digit() && !is_thread())
}

/// Abbreviations that are no words.
fn is_abbreviation(word: &str) -> bool {
    matches!(word, "TRC" | "DBG" | "INF" | "WRN" | "ERR" | "FTL" | "PNC" | "VRB" | "CRT")
}

/// What may stand between the parts of a head: numbers, addresses, and brackets with a thread or a process in them.
/// Passed over only if a time or a level comes behind.
fn between(rest: &str, head: &Head) -> Option<usize> {
    let end = match rest.bytes().next()? {
        b'[' | b'(' => rest.bytes().take(64).position(|b| b == b']' || b == b')')? + 1,
        b'0'..=b'9' => {
            let end = rest.find([' ', '\t'])?;
            let good = |b: u8| b.is_ascii_hexdigit() || matches!(b, b'.' | b':' | b'#');
            rest[..end].bytes().all(good).then_some(end)?
        }
        _ => return None,
    };
    let mut ahead = Head::default();
    ahead.stamp = head.stamp;
    let mut at = end;
    for _ in 0..3 {
        at = skip(rest, at);
        let behind = &rest[at..];
        if head.stamp.is_none() && time(behind, &mut ahead).is_some()
            || level(behind, head.stamp.as_ref(), false).is_some()
        {
            return Some(end);
        }
        at += match behind.bytes().next()? {
            b'[' | b'(' => behind.bytes().take(64).position(|b| b == b']' || b == b')')? + 1,
            b'0'..=b'9' => behind.find([' ', '\t'])?,
            _ => return None,
        };
    }
    None
}
