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

/// Where the message begins behind the last part of the head: past one separator, if blanks follow it.
fn message(line: &str, at: usize) -> usize {
    const BLANKS: [char; 2] = [' ', '\t'];
    let rest = line[at..].trim_start_matches(BLANKS);
    let is_sure = |behind: &str| behind.is_empty() || behind.starts_with(BLANKS);
    let behind = rest.strip_prefix([':', '|', ',', ';', '-']).filter(|behind| is_sure(behind));
    let rest = behind.unwrap_or(rest).trim_start_matches(BLANKS);
    line.len() - rest.strip_prefix("- ").unwrap_or(rest).len()
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
        if let Some((level, end)) = level(rest, head.stamp.as_ref(), line[..at].trim_ascii().is_empty()) {
            head.level = Some(level);
            head.level_at = at as u32..(at + end) as u32;
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
/// before a run of blanks, as in a column; in small letters before a dash, and such as begin no sentence behind a time with
/// its zone.
fn level(rest: &str, time: Option<&Stamp>, at_beginning: bool) -> Option<(Level, usize)> {
    let behind_time = time.is_some();
    if rest.starts_with(['[', '(', '<']) {
        return bracketed(rest);
    }
    let length = rest.bytes().take(16).take_while(u8::is_ascii_alphanumeric).count();
    let word = &rest[..length];
    let mut next = rest.bytes().skip(length);
    let (first, second) = (next.next(), next.next());
    let is_caps = word.bytes().all(|b| b.is_ascii_uppercase());
    let is_lower = word.bytes().all(|b| b.is_ascii_lowercase());
    let is_column = matches!((first, second), (Some(b'\t'), _) | (Some(b' '), Some(b' ')));
    let good = match first {
        Some(b':') => second.is_none_or(|b| b == b' ' || b == b'\t'),
        Some(b'|') => behind_time,
        // rustc's, with a code.
        Some(b'[') => {
            at_beginning && is_lower && rest[length..].split_once("]: ").is_some_and(|(code, _)| code.len() < 8)
        }
        Some(b' ') if is_lower && at_beginning => rest[length..].trim_start_matches(' ').starts_with("- "),
        Some(b' ' | b'\t' | b',') if is_caps => behind_time || at_beginning && is_column,
        Some(b' ' | b'\t') if is_column => behind_time,
        Some(b' ') => {
            let begins_no_sentence = matches!(word, "trace" | "debug" | "info" | "warn");
            begins_no_sentence && time.is_some_and(|stamp| stamp.zone != Written::Nothing)
        }
        None => is_caps && behind_time,
        _ => false,
    };
    let level = if is_abbreviation(word) { Level::from_column(word) } else { Level::from_word(word) };
    let level = level.filter(|_| good)?;
    Some((level, length + usize::from(first == Some(b':'))))
}

/// A level in brackets, perhaps padded: `[INFO ]`, `( WARN)`. In pointed ones a syslog priority, too; and what stands right
/// behind those shows that they are a tag of a text. A single letter is a level in square ones only.
fn bracketed(rest: &str) -> Option<(Level, usize)> {
    let open = rest.bytes().next()?;
    let padding = rest.bytes().skip(1).take(8).take_while(|b| *b == b' ').count();
    let begin = 1 + padding;
    let length = rest[begin..].bytes().take(16).take_while(u8::is_ascii_alphanumeric).count();
    let word = &rest[begin..begin + length];
    let blanks = rest[begin + length..].bytes().take_while(|b| *b == b' ').count();
    let end = begin + length + blanks;
    let level = match (rest.as_bytes().get(end)?, length) {
        (b']', 1) if open == b'[' && word.as_bytes()[0].is_ascii_uppercase() => Level::from_column(word),
        (b']' | b')', 2..) => Level::from_column(word),
        (b'>', 1..4) if word.bytes().all(|b| b.is_ascii_digit()) => Level::from_syslog(word.parse::<u8>().ok()? & 7),
        (b'>', 2..) if rest[end + 1..].is_empty() || rest[end + 1..].starts_with([' ', '\t', ':']) => {
            Level::from_column(word)
        }
        _ => None,
    };
    level.map(|level| (level, end + 1))
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
    matches!(
        word,
        "TRC" | "DBG" | "INF" | "WRN" | "ERR" | "FTL" | "PNC" | "VRB" | "CRT" | "ERRO" | "FATA" | "PANI" | "DEBU"
    )
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
