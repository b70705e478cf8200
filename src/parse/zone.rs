//! From the time on the wall to UTC, for lines that do not name their zone.

use chrono::offset::LocalResult;
use chrono::{DateTime, Local, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;

use crate::sys::clock::SECOND;

/// Offsets change at multiples of this, everywhere and always so far.
const STEP: i64 = 900 * SECOND;

/// A zone, with the offset last used: neighbouring lines nearly always share it.
#[derive(Clone, Debug)]
pub struct Zone {
    kind: Kind,
    cached: Option<(i64, Offsets)>,
}

/// What was odd about a time on the wall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    None,
    /// It occurs twice, when clocks go back; this is the later, in UTC nanoseconds.
    Overlap(i64),
    /// It never was, when they go forward.
    Gap,
}

/// Nanoseconds east of UTC of a time on the wall: the first pass, and the second where there is one.
#[derive(Clone, Copy, Debug)]
enum Offsets {
    One(i64),
    Two(i64, i64),
    Gap(i64),
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Utc,
    Local,
    Named(Tz),
}

impl Zone {
    pub const fn utc() -> Zone {
        Zone { kind: Kind::Utc, cached: None }
    }

    /// The host's zone.
    pub const fn local() -> Zone {
        Zone { kind: Kind::Local, cached: None }
    }

    /// `UTC`, `local` (the host's), or an IANA name such as `Europe/Berlin`.
    pub fn from_name(name: &str) -> Option<Zone> {
        let kind = match name {
            "utc" | "UTC" => Kind::Utc,
            "local" => Kind::Local,
            name => Kind::Named(name.parse().ok()?),
        };
        Some(Zone { kind, cached: None })
    }

    pub fn named(zone: Tz) -> Zone {
        Zone { kind: Kind::Named(zone), cached: None }
    }

    /// UTC nanoseconds of a time on this zone's wall. One that never was is taken as if the clocks had not yet gone
    /// forward.
    pub fn to_utc(&mut self, naive: i64) -> (i64, Fold) {
        if matches!(self.kind, Kind::Utc) {
            return (naive, Fold::None);
        }
        let slot = naive.div_euclid(STEP);
        let offsets = match self.cached {
            Some((known, offsets)) if known == slot => offsets,
            _ => {
                let offsets = self.offsets(naive);
                self.cached = Some((slot, offsets));
                offsets
            }
        };
        match offsets {
            Offsets::One(offset) => (naive - offset, Fold::None),
            Offsets::Two(offset, later) => (naive - offset, Fold::Overlap(naive - later)),
            Offsets::Gap(offset) => (naive - offset, Fold::Gap),
        }
    }

    /// Nanoseconds east of UTC at a time in UTC.
    pub fn east(&self, utc: i64) -> i64 {
        let time = DateTime::from_timestamp_nanos(utc).naive_utc();
        let seconds = match self.kind {
            Kind::Utc => 0,
            Kind::Local => Local.offset_from_utc_datetime(&time).fix().local_minus_utc(),
            Kind::Named(zone) => zone.offset_from_utc_datetime(&time).fix().local_minus_utc(),
        };
        i64::from(seconds) * SECOND
    }

    fn offsets(&self, naive: i64) -> Offsets {
        let time = DateTime::from_timestamp_nanos(naive).naive_utc();
        match self.kind {
            Kind::Utc => Offsets::One(0),
            Kind::Local => offsets_in(&Local, time),
            Kind::Named(zone) => offsets_in(&zone, time),
        }
    }
}

fn offsets_in<Z: TimeZone>(zone: &Z, time: NaiveDateTime) -> Offsets {
    let east = |offset: &Z::Offset| i64::from(offset.fix().local_minus_utc()) * SECOND;
    match zone.offset_from_local_datetime(&time) {
        LocalResult::Single(offset) => Offsets::One(east(&offset)),
        LocalResult::Ambiguous(first, second) => Offsets::Two(east(&first), east(&second)),
        // In the gap: the offset that was in force half a day before.
        LocalResult::None => {
            let before = time.checked_sub_signed(chrono::Duration::hours(12)).unwrap_or(time);
            Offsets::Gap(east(&zone.offset_from_utc_datetime(&before)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn winter_summer_overlap_and_gap() {
        let check = |zone: &str, naive: &str, want: &str| {
            let parse = |t: &str| DateTime::parse_from_rfc3339(t).unwrap().timestamp_nanos_opt().unwrap();
            let mut zone = Zone::from_name(zone).unwrap();
            // Twice: the second answer comes from the cache.
            assert_eq!(zone.to_utc(parse(naive)).0, parse(want));
            assert_eq!(zone.to_utc(parse(naive) + 1).0, parse(want) + 1);
        };
        check("UTC", "2026-11-23T10:15:30Z", "2026-11-23T10:15:30Z");
        check("Europe/Berlin", "2026-11-23T10:15:30Z", "2026-11-23T09:15:30Z");
        check("Europe/Berlin", "2026-07-23T10:15:30Z", "2026-07-23T08:15:30Z");
        check("Europe/Berlin", "2026-10-25T02:30:00Z", "2026-10-25T00:30:00Z");
        check("Europe/Berlin", "2026-03-29T02:30:00Z", "2026-03-29T01:30:00Z");
        check("Asia/Kolkata", "2026-11-23T10:15:30Z", "2026-11-23T04:45:30Z");
        assert!(Zone::from_name("Mars/Olympus").is_none());
    }
}
