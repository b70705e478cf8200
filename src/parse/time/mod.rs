//! Times as they stand in lines, in every shape that is common. Written by hand, because every line has one: chrono's
//! own parsing takes six times as long, and knows one shape at a time.
//!
//! [`stamp`] reads what is written and guesses nothing that is not: a [`Stamp`] may lack the year, the date or the
//! zone. `clock` completes it.

mod calendar;
mod cursor;
mod names;
mod shapes;

#[cfg(test)]
mod tests;

use chrono_tz::Tz;

pub use calendar::{civil, days};
pub use shapes::{iso, klog, stamp};

/// A time as written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stamp {
    pub day: Day,
    /// Nanoseconds since midnight, on the clock that was written; below 0 or beyond a day only for epochs.
    pub of_day: i64,
    pub zone: Written,
}

impl Stamp {
    /// Nanoseconds since the epoch, if the clock shown were UTC's; `None` without a whole date.
    pub fn naive(&self) -> Option<i64> {
        match self.day {
            Day::Date(days) | Day::Either(days, _) => days.checked_mul(86_400_000_000_000)?.checked_add(self.of_day),
            _ => None,
        }
    }
}

/// The date of a stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Day {
    /// Days since 1970-01-01.
    Date(i64),
    /// The same of a date in which day and month may stand either way: as most write it, and the other way.
    Either(i64, i64),
    /// Month and day, from 1; the year is not written.
    Yearless(u8, u8),
    /// A clock only.
    Unknown,
}

/// What the stamp says about its zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    Nothing,
    /// Seconds east of UTC.
    Offset(i32),
    Named(Tz),
}
