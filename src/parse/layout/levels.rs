//! Levels as programs write them, each in the way of its own.

use super::LevelKind;
use crate::parse::bytes::{self, DIGIT, WORD};
use crate::record::Level;

/// The level at the head of `text`, and its length.
pub fn level(kind: LevelKind, text: &str) -> Option<(Level, usize)> {
    match kind {
        LevelKind::Redis => Some((redis(*text.as_bytes().first()?)?, 1)),
        LevelKind::Priority => priority(text),
        LevelKind::Severity => severity(text),
        LevelKind::Xorg => xorg(text),
        LevelKind::Two => two(text),
        LevelKind::Topics => topics(text),
        LevelKind::Php => php(text),
        LevelKind::PostgresPart => postgres_part(text),
        _ => {
            let most = if kind == LevelKind::Letter { 1 } else { 16 };
            let length = bytes::run(&text.as_bytes()[..text.len().min(most)], WORD);
            Some((word(kind, &text[..length])?, length))
        }
    }
}

fn word(kind: LevelKind, word: &str) -> Option<Level> {
    match kind {
        LevelKind::Letter => Level::from_column(word).filter(|_| word.as_bytes()[0].is_ascii_uppercase()),
        LevelKind::Three if word.len() != 3 => None,
        LevelKind::Dotnet => matches!(word, "trce" | "dbug" | "info" | "warn" | "fail" | "crit")
            .then(|| Level::from_column(word).or(Some(Level::Critical)))?,
        LevelKind::Glib if word == "Message" => Some(Level::Notice),
        LevelKind::Erlang if matches!(word, "CRASH" | "SUPERVISOR") => Some(Level::Error),
        LevelKind::Erlang if word == "PROGRESS" => Some(Level::Info),
        LevelKind::Caps | LevelKind::Glib | LevelKind::Erlang => Level::from_capitals(word),
        LevelKind::Postgres => {
            Level::from_column(word).filter(|_| word.len() > 2 && word.bytes().all(|b| !b.is_ascii_lowercase()))
        }
        // Letters mean levels only where a letter is expected.
        LevelKind::Word if word.len() < 2 => None,
        _ => Level::from_column(word),
    }
}

/// What Redis writes between the time and the message.
fn redis(mark: u8) -> Option<Level> {
    Some(match mark {
        b'.' => Level::Debug,
        // `verbose`, which Redis sends to syslog as info.
        b'-' => Level::Info,
        b'*' => Level::Notice,
        b'#' => Level::Warning,
        _ => return None,
    })
}

/// `134` of `<134>`: facility × 8 + severity.
fn priority(text: &str) -> Option<(Level, usize)> {
    let length = text.bytes().take(4).take_while(u8::is_ascii_digit).count();
    let number: u8 = text[..length].parse().ok().filter(|n| *n < 192)?;
    Some((Level::from_syslog(number & 7)?, length))
}

/// One digit, as syslog counts.
fn severity(text: &str) -> Option<(Level, usize)> {
    let digit = text.bytes().next().filter(|_| bytes::run(text.as_bytes(), DIGIT) == 1)?;
    Some((Level::from_syslog(digit - b'0')?, 1))
}

/// The two characters that X writes in parentheses.
fn xorg(text: &str) -> Option<(Level, usize)> {
    let level = match text.get(..2)? {
        "EE" => Level::Error,
        "WW" => Level::Warning,
        "II" | "--" | "**" | "==" => Level::Info,
        "!!" => Level::Notice,
        "NI" | "??" => Level::Unknown,
        _ => return None,
    };
    Some((level, 2))
}

/// What PostgreSQL writes before lines that explain the one before: no level.
fn postgres_part(text: &str) -> Option<(Level, usize)> {
    const PARTS: [&str; 6] = ["DETAIL", "HINT", "STATEMENT", "CONTEXT", "QUERY", "LOCATION"];
    let part = PARTS.iter().find(|part| text.strip_prefix(**part).is_some_and(|rest| rest.starts_with(':')))?;
    Some((Level::Unknown, part.len()))
}

fn two(text: &str) -> Option<(Level, usize)> {
    let level = match text.get(..2)? {
        "Db" => Level::Debug,
        "In" => Level::Info,
        "No" => Level::Notice,
        "Wa" => Level::Warning,
        "Er" => Level::Error,
        "Cr" | "Al" => Level::Critical,
        "Em" => Level::Fatal,
        _ => return None,
    };
    Some((level, 2))
}

/// `system,error,critical`: the worst of several.
fn topics(text: &str) -> Option<(Level, usize)> {
    let length = text.bytes().take(64).take_while(|b| b.is_ascii_lowercase() || *b == b',').count();
    let topics = &text[..length];
    let level = topics.split(',').filter_map(Level::from_word).max()?;
    topics.contains(',').then_some((level, length))
}

/// PHP's words, which may be two.
fn php(text: &str) -> Option<(Level, usize)> {
    const WORDS: [(&str, Level); 9] = [
        ("Fatal error", Level::Fatal),
        ("Recoverable fatal error", Level::Error),
        ("Parse error", Level::Fatal),
        ("Core error", Level::Fatal),
        ("Compile error", Level::Fatal),
        ("Warning", Level::Warning),
        ("Notice", Level::Notice),
        ("Deprecated", Level::Warning),
        ("Strict Standards", Level::Notice),
    ];
    let (word, level) = WORDS.iter().find(|(word, _)| text.starts_with(word))?;
    Some((*level, word.len()))
}
