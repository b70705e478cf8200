//! Free text. A time at the head of the line is taken, and a level in capitals at the head, as in `[WARN] …` or
//! `2026-11-23 10:15:30 ERROR …`; never a word from further inside.

use crate::parse::timestamp::{Stamp, iso};
use crate::parse::zone::Zone;
use crate::parse::{first_line, ids, set_message, set_time};
use crate::record::{Entry, Level, LevelSource};

struct Head {
    stamp: Option<Stamp>,
    level: Option<Level>,
    message: usize,
}

/// Whether there is a time or a level at the head, so that the line begins an entry for certain.
pub fn has_head(line: &str) -> bool {
    let head = head(line);
    head.stamp.is_some() || head.level.is_some()
}

fn head(line: &str) -> Head {
    let (stamp, end) = iso(line).map_or((None, 0), |(stamp, end)| (Some(stamp), end));
    let rest = line[end..].trim_start_matches([' ', '\t', ']', '-', '|']);
    let start = line.len() - rest.len();
    match level(rest, stamp.is_some()) {
        Some((level, length)) => {
            let message = rest[length..].trim_start_matches([' ', ':', '-', '|']);
            Head { stamp, level: Some(level), message: line.len() - message.len() }
        }
        None if stamp.is_some() => Head { stamp, level: None, message: start },
        None => Head { stamp: None, level: None, message: 0 },
    }
}

/// A level in capitals in brackets, before a colon, or directly behind a time, with the bytes it takes.
fn level(text: &str, behind_time: bool) -> Option<(Level, usize)> {
    let bracket = usize::from(text.starts_with('['));
    let word = text[bracket..].bytes().take_while(u8::is_ascii_uppercase).count();
    let level = Level::from_word(&text[bracket..bracket + word])?;
    let next = text.as_bytes().get(bracket + word);
    let good = match next {
        Some(b']') => bracket == 1,
        Some(b':') => bracket == 0,
        Some(b' ') | None => bracket == 0 && behind_time,
        _ => false,
    };
    good.then_some((level, bracket + word + usize::from(next.is_some())))
}

pub fn fill(entry: &mut Entry, zone: &mut Zone) -> bool {
    let head = head(first_line(&entry.raw));
    if let Some(stamp) = head.stamp {
        set_time(entry, stamp, zone);
    }
    if let Some(level) = head.level {
        entry.level = level;
        entry.level_source = LevelSource::Head;
    }
    set_message(entry, head.message);
    ids::extract(entry);
    true
}
