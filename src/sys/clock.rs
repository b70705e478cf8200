//! The wall clock, as nanoseconds since the Unix epoch: the unit of every time in Logmill.

use std::time::{SystemTime, UNIX_EPOCH};

/// One second in the unit of all times.
pub const SECOND: i64 = 1_000_000_000;

/// Nanoseconds since 1970-01-01T00:00:00Z. Runs out in 2262; a clock before 1970 reads as 0.
pub fn now() -> i64 {
    from_system(SystemTime::now())
}

/// A file's time stamp in our unit; times before 1970 read as 0.
pub fn from_system(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_nanos()).unwrap_or(i64::MAX))
}
