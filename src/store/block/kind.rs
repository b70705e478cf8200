//! The kind of an entry, as one byte of the heads.

use crate::record::{Entry, Level, LevelSource, TimeSource};
use crate::store::StoreError;

/// Level and where it and the time came from.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub level: Level,
    pub level_source: LevelSource,
    pub time_source: TimeSource,
}

impl Kind {
    pub const UNKNOWN: Kind =
        Kind { level: Level::Unknown, level_source: LevelSource::None, time_source: TimeSource::Read };

    pub fn read(byte: u8) -> Result<Kind, StoreError> {
        let level = Level::from_number(byte & 15);
        let level_source = LevelSource::ALL.get(usize::from(byte >> 4 & 3));
        let time_source = TimeSource::ALL.get(usize::from(byte >> 6));
        match (level, level_source, time_source) {
            (Some(level), Some(level_source), Some(time_source)) => {
                Ok(Kind { level, level_source: *level_source, time_source: *time_source })
            }
            _ => Err(StoreError::Block("a level or its source is out of range")),
        }
    }

    pub fn byte(entry: &Entry) -> u8 {
        entry.level as u8 | (entry.level_source as u8) << 4 | (entry.time_source as u8) << 6
    }
}
