//! Python's usual text format: `2026-11-23 10:15:30,004 - name - LEVEL - message`. The message may hold ` - ` too,
//! and goes on over the following lines.

use crate::parse::timestamp::{Stamp, iso};
use crate::parse::zone::Zone;
use crate::parse::{first_line, ids, set_message, set_time};
use crate::record::{Entry, Level, LevelSource};

pub struct Header<'a> {
    stamp: Stamp,
    name: &'a str,
    level: Level,
    /// Where the message begins.
    message: usize,
}

const SEPARATOR: &str = " - ";

/// The header of a line; `None` when it is not of this shape, in particular when the third column is no level.
pub fn header(line: &str) -> Option<Header<'_>> {
    let (stamp, end) = iso(line)?;
    let rest = line.get(end..)?.strip_prefix(SEPARATOR)?;
    let mut name_end = 0;
    loop {
        // The name may itself hold the separator; the level decides.
        name_end += memchr::memmem::find(&rest.as_bytes()[name_end..], SEPARATOR.as_bytes())?;
        let behind = &rest[name_end + SEPARATOR.len()..];
        let word = behind.bytes().take_while(u8::is_ascii_alphabetic).count();
        if let Some(level) = Level::from_word(&behind[..word]) {
            let after = &behind[word..];
            // An empty message may have lost its trailing space.
            let skipped = if after.starts_with(SEPARATOR) {
                3
            } else if after == " -" {
                2
            } else {
                return None;
            };
            let message = line.len() - after.len() + skipped;
            return Some(Header { stamp, name: &rest[..name_end], level, message });
        }
        name_end += SEPARATOR.len();
        if name_end > MAX_NAME {
            return None;
        }
    }
}

/// No logger's name is longer.
const MAX_NAME: usize = 200;

pub fn fill(entry: &mut Entry, zone: &mut Zone) -> bool {
    let raw = std::mem::take(&mut entry.raw);
    let found = header(first_line(&raw)).map(|h| (h.stamp, Box::from(h.name), h.level, h.message));
    entry.raw = raw;
    let Some((stamp, name, level, message)) = found else { return false };
    set_time(entry, stamp, zone);
    entry.level = level;
    entry.level_source = LevelSource::Field;
    entry.logger = Some(name);
    set_message(entry, message);
    ids::extract(entry);
    true
}
