//! Which partitions have to go: whole ones, oldest first. Decided purely, then done.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::store::{PartitionInfo, StoreError};
use crate::sys::atomic::sync_folder_of;
use crate::sys::units::{Bytes, Span};

/// What to keep within. `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// A partition goes when its newest entry is older.
    pub max_age: Option<Span>,
    /// All partitions together, the active one included.
    pub max_bytes: Option<Bytes>,
    /// Free space on the file system.
    pub min_free: Option<Bytes>,
}

/// Why a partition goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Age(Span),
    Bytes(Bytes),
    Free(Bytes),
}

/// A partition that has to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    pub partition: PartitionInfo,
    pub reason: Reason,
}

impl fmt::Display for Removal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let partition = &self.partition;
        write!(f, "partition {:06} ({}): ", partition.number, Bytes(partition.bytes))?;
        match self.reason {
            Reason::Age(age) => write!(f, "its newest entry is older than max_age = {age}"),
            Reason::Bytes(max) => write!(f, "all partitions together exceed max_bytes = {max}"),
            Reason::Free(min) => write!(f, "the disk has less free than min_free = {min}"),
        }
    }
}

/// What has to go, oldest first, given the partitions in order, free bytes, and the time. The partition being
/// written never goes.
pub fn plan(partitions: &[PartitionInfo], limits: &Limits, free: u64, now: i64) -> Vec<Removal> {
    let mut total: u64 = partitions.iter().map(|p| p.bytes).sum();
    let mut free = free;
    let mut removals = Vec::new();
    for partition in partitions.iter().filter(|p| !p.active) {
        let reason = limits
            .max_age
            .filter(|age| is_older(partition, *age, now))
            .map(Reason::Age)
            .or_else(|| limits.max_bytes.filter(|max| total > max.0).map(Reason::Bytes))
            .or_else(|| limits.min_free.filter(|min| free < min.0).map(Reason::Free));
        if let Some(reason) = reason {
            total -= partition.bytes;
            free += partition.bytes;
            removals.push(Removal { partition: partition.clone(), reason });
        }
    }
    removals
}

fn is_older(partition: &PartitionInfo, age: Span, now: i64) -> bool {
    let age = i64::try_from(age.0.as_nanos()).unwrap_or(i64::MAX);
    partition.newest_time.is_some_and(|newest| newest < now.saturating_sub(age))
}

/// Removes a partition's folder. It gets another name first, so that a half removed one is never opened.
pub fn remove(path: &Path) -> Result<(), StoreError> {
    let wrong = |source| StoreError::Remove { path: path.to_owned(), source };
    let doomed = path.with_extension("removing");
    fs::rename(path, &doomed).map_err(wrong)?;
    sync_folder_of(path).map_err(wrong)?;
    fs::remove_dir_all(&doomed).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const DAY: i64 = 86_400 * 1_000_000_000;

    /// Partitions of 100 bytes, one a day from day 1; the last is active.
    fn partitions(count: i64) -> Vec<PartitionInfo> {
        let partition = |n: i64| PartitionInfo {
            number: n as u64,
            path: format!("{n:06}").into(),
            bytes: 100,
            entries: 1,
            blocks: 1,
            oldest_time: Some(n * DAY),
            newest_time: Some(n * DAY),
            active: n == count,
        };
        (1..=count).map(partition).collect()
    }

    #[test]
    fn oldest_go_first_and_the_active_one_stays() {
        let check = |age: Option<u64>, bytes: Option<u64>, min_free: Option<u64>, free: u64, want: &[u64]| {
            let limits = Limits {
                max_age: age.map(|days| Span(Duration::from_secs(days * 86_400))),
                max_bytes: bytes.map(Bytes),
                min_free: min_free.map(Bytes),
            };
            let gone: Vec<u64> =
                plan(&partitions(5), &limits, free, 6 * DAY).iter().map(|r| r.partition.number).collect();
            assert_eq!(gone, want, "{limits:?}");
        };
        check(None, None, None, 0, &[]);
        check(Some(3), None, None, 0, &[1, 2]);
        check(Some(0), None, None, 0, &[1, 2, 3, 4]);
        check(None, Some(500), None, 0, &[]);
        check(None, Some(499), None, 0, &[1]);
        check(None, Some(0), None, 0, &[1, 2, 3, 4]);
        check(None, None, Some(150), 0, &[1, 2]);
        check(None, None, Some(150), 150, &[]);
        check(Some(4), Some(300), Some(0), 0, &[1, 2]);
    }
}
