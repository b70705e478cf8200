//! What is known of a block without decoding it: times, and how many entries there are, by level and by minute.

use crate::record::{Entry, Level, Row};
use crate::store::block::Decoder;
use crate::sys::clock::SECOND;

pub const MINUTE: i64 = 60 * SECOND;
/// A block whose entries are of more different minutes and levels than this has no counts by minute.
const BY_MINUTE_MAX: usize = 64;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockStats {
    /// Time of the earliest and of the latest entry, nanoseconds.
    pub first_time: i64,
    pub last_time: i64,
    pub count: u64,
    /// Lowest sequence number.
    pub first_sequence: u64,
    /// Entries by level number.
    pub levels: [u64; Level::ALL.len()],
    /// In order of minutes; none when all entries are of one minute, or of very many.
    pub by_minute: Vec<MinuteCount>,
    /// Of the raw texts, their line ends included.
    pub raw_bytes: u64,
}

/// So many entries of a minute at a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MinuteCount {
    /// Minutes since the epoch.
    pub minute: i64,
    pub level: Level,
    pub count: u64,
}

impl MinuteCount {
    /// As one number, for a block that begins at `first_time`: minutes since then, 8 bits of level, 16 bits of count.
    pub fn pack(self, first_time: i64) -> u64 {
        let minutes = (self.minute - first_time.div_euclid(MINUTE)) as u64;
        minutes << 24 | (self.level as u64) << 16 | self.count
    }

    /// `None` for a number that says no level.
    pub fn unpack(packed: u64, first_time: i64) -> Option<MinuteCount> {
        let minute = first_time.div_euclid(MINUTE).saturating_add((packed >> 24) as i64);
        let level = Level::from_number((packed >> 16) as u8)?;
        Some(MinuteCount { minute, level, count: packed & 0xffff })
    }
}

impl BlockStats {
    pub fn of(entries: &[(u64, Entry)]) -> BlockStats {
        let raw_bytes = entries.iter().map(|(_, e)| e.raw.len() as u64 + 1).sum();
        count(entries.iter().map(|(sequence, entry)| (*sequence, entry.time, entry.level)), raw_bytes)
    }

    /// Of a decoded block.
    pub fn of_rows(block: &Decoder, raw_bytes: u64) -> BlockStats {
        count(block.rows().map(|(sequence, row)| (sequence, row.time(), row.level())), raw_bytes)
    }
}

fn count(entries: impl Iterator<Item = (u64, i64, Level)> + Clone, raw_bytes: u64) -> BlockStats {
    let times = || entries.clone().map(|(_, time, _)| time);
    let mut stats = BlockStats {
        first_time: times().min().unwrap_or(0),
        last_time: times().max().unwrap_or(0),
        first_sequence: entries.clone().map(|(sequence, ..)| sequence).min().unwrap_or(0),
        raw_bytes,
        ..BlockStats::default()
    };
    for (_, _, level) in entries.clone() {
        stats.count += 1;
        stats.levels[level as usize] += 1;
    }
    if stats.first_time.div_euclid(MINUTE) != stats.last_time.div_euclid(MINUTE) {
        stats.by_minute = by_minute(entries.map(|(_, time, level)| (time.div_euclid(MINUTE), level)));
    }
    stats
}

fn by_minute(entries: impl Iterator<Item = (i64, Level)>) -> Vec<MinuteCount> {
    let mut counts: Vec<MinuteCount> = Vec::new();
    for (minute, level) in entries {
        // Mostly it is one of the last.
        match counts.iter().rposition(|known| (known.minute, known.level) == (minute, level)) {
            Some(known) => counts[known].count += 1,
            None if counts.len() == BY_MINUTE_MAX => return Vec::new(),
            None => counts.push(MinuteCount { minute, level, count: 1 }),
        }
    }
    counts.sort_unstable();
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_minute_add_up_and_come_back() {
        let check = |times: &[i64], want: &[(i64, Level, u64)]| {
            let level = |n: usize| if n.is_multiple_of(3) { Level::Error } else { Level::Info };
            let entry = |(n, time): (usize, &i64)| {
                (n as u64, Entry { time: time * SECOND, level: level(n), ..Entry::default() })
            };
            let stats = BlockStats::of(&times.iter().enumerate().map(entry).collect::<Vec<_>>());
            let found: Vec<_> = stats.by_minute.iter().map(|c| (c.minute, c.level, c.count)).collect();
            assert_eq!(found, want, "{times:?}");
            for count in stats.by_minute {
                assert_eq!(MinuteCount::unpack(count.pack(stats.first_time), stats.first_time), Some(count));
            }
        };
        use Level::{Error, Info};
        check(&[], &[]);
        check(&[0, 59], &[]);
        check(&[61, 62, 63, 120, 121], &[(1, Info, 2), (1, Error, 1), (2, Info, 1), (2, Error, 1)]);
        check(&[61, -1, 0], &[(-1, Info, 1), (0, Info, 1), (1, Error, 1)]);
        check(&(0..100).map(|n| n * 60).collect::<Vec<_>>(), &[]);
    }
}
