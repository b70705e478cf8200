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
    cached: Option<(i64, i64)>,
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

    /// UTC nanoseconds of a time on this zone's wall. A time that occurs twice, when clocks go back, is taken as
    /// the earlier; one that never was, when they go forward, as if they had not yet.
    pub fn to_utc(&mut self, naive: i64) -> i64 {
        if matches!(self.kind, Kind::Utc) {
            return naive;
        }
        let slot = naive.div_euclid(STEP);
        match self.cached {
            Some((known, offset)) if known == slot => naive - offset,
            _ => {
                let offset = self.offset(naive);
                self.cached = Some((slot, offset));
                naive - offset
            }
        }
    }

    /// Nanoseconds east of UTC.
    fn offset(&self, naive: i64) -> i64 {
        let time = DateTime::from_timestamp_nanos(naive).naive_utc();
        let seconds = match self.kind {
            Kind::Utc => 0,
            Kind::Local => offset_in(&Local, time),
            Kind::Named(zone) => offset_in(&zone, time),
        };
        i64::from(seconds) * SECOND
    }
}

fn offset_in<Z: TimeZone>(zone: &Z, time: NaiveDateTime) -> i32 {
    let seconds = |offset: &Z::Offset| offset.fix().local_minus_utc();
    match zone.offset_from_local_datetime(&time) {
        LocalResult::Single(offset) | LocalResult::Ambiguous(offset, _) => seconds(&offset),
        // In the gap: the offset that was in force an hour before.
        LocalResult::None => seconds(&zone.offset_from_utc_datetime(&(time - chrono::Duration::hours(12)))),
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
            assert_eq!(zone.to_utc(parse(naive)), parse(want));
            assert_eq!(zone.to_utc(parse(naive) + 1), parse(want) + 1);
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
