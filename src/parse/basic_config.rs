//! Python's `logging.basicConfig` default: `INFO:logger:message`. No time.

use crate::parse::{first_line, ids, set_message};
use crate::record::{Entry, Level, LevelSource};

/// Level, logger and where the message begins.
pub fn header(line: &str) -> Option<(Level, &str, usize)> {
    let (word, rest) = line.split_once(':')?;
    let (logger, _) = rest.split_once(':')?;
    let is_name = !logger.is_empty() && logger.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    let is_word = word.bytes().all(|b| b.is_ascii_uppercase());
    let level = Level::from_word(word).filter(|_| is_word && is_name)?;
    Some((level, logger, word.len() + logger.len() + 2))
}

pub fn fill(entry: &mut Entry) -> bool {
    let Some((level, logger, message)) = header(first_line(&entry.raw)).map(|(l, n, m)| (l, Box::from(n), m)) else {
        return false;
    };
    entry.level = level;
    entry.level_source = LevelSource::Head;
    entry.logger = Some(logger);
    set_message(entry, message);
    ids::extract(entry);
    true
}
