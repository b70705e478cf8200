//! From a time as written to nanoseconds since the epoch, for one file: what the line leaves out is completed from the
//! pipeline's zone, from when the file was written, and from the entry before.

use chrono_tz::Tz;

use super::time::{Day, Stamp, Written, civil, days};
use super::zone::{Fold, Zone};
use crate::record::TimeSource;
use crate::sys::clock::SECOND;

const DAY: i64 = 86_400 * SECOND;
/// A time further ahead of the clock is marked: clocks of hosts differ by seconds.
const AHEAD: i64 = 300 * SECOND;
/// Where only a clock is written: how far it goes back at most between two lines of one day.
const JITTER: i64 = 2 * 3600 * SECOND;
/// A file whose entries go back by more is marked: threads of one program are out of order by less.
const BACK: i64 = 600 * SECOND;
/// In an hour that occurs twice, an entry that would go back by more is of the second pass.
const FOLD: i64 = 10 * SECOND;
/// A file that was written so near to the second pass is in it.
const NEAR: i64 = 900 * SECOND;
/// A file that was written so long before it was read is no live one.
const LIVE: i64 = 60 * SECOND;

/// The times of one file, in the order of its lines.
#[derive(Clone, Debug)]
pub struct Clock {
    zone: Zone,
    /// The zone last named by a line.
    named: Option<(Tz, Zone)>,
    /// When the lines at hand were written, or later; and when they were read.
    written: i64,
    read: i64,
    /// The entry before.
    last: Option<i64>,
}

/// A completed time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Nanoseconds since the epoch.
    pub time: i64,
    pub source: TimeSource,
    /// What is odd about it: `dst_gap`, `dst_overlap`, `future` or `step_back`.
    pub note: Option<&'static str>,
}

impl Clock {
    pub fn new(zone: Zone) -> Clock {
        Clock { zone, named: None, written: 0, read: 0, last: None }
    }

    pub fn set_zone(&mut self, zone: Zone) {
        self.zone = zone;
    }

    /// Lines follow that were read at `read` and written at `written` or before.
    pub fn observe(&mut self, written: i64, read: i64) {
        self.written = written.min(read);
        self.read = read;
    }

    /// For an entry that names no time: when it was read; of an old file, the time of the entry before, or when the file
    /// was written.
    pub fn untold(&self) -> Told {
        if self.read - self.written < LIVE {
            return Told { time: self.read, source: TimeSource::Read, note: None };
        }
        Told { time: self.last.unwrap_or(self.written), source: TimeSource::Estimated, note: None }
    }

    /// Completes a time; `utc` when a missing zone means UTC whatever the pipeline says.
    pub fn tell(&mut self, stamp: &Stamp, utc: bool) -> Told {
        let mut is_whole = matches!(stamp.day, Day::Date(_) | Day::Either(..));
        let naive = match stamp.day {
            Day::Date(days) => (days * DAY).saturating_add(stamp.of_day),
            Day::Either(usual, other) => {
                let (usual, other) = (usual * DAY + stamp.of_day, other * DAY + stamp.of_day);
                is_whole = !self.is_better(other, usual);
                if is_whole { usual } else { other }
            }
            Day::Yearless(month, day) => self.with_year(month.into(), day.into(), stamp.of_day),
            Day::Unknown => self.with_date(stamp.of_day, stamp.zone),
        };
        let (time, fold) = match stamp.zone {
            Written::Offset(seconds) => (naive.saturating_sub(i64::from(seconds) * SECOND), Fold::None),
            Written::Named(zone) => self.in_zone(zone).to_utc(naive),
            Written::Nothing if utc => (naive, Fold::None),
            Written::Nothing => self.zone.to_utc(naive),
        };
        let (time, fold_note) = self.unfold(time, fold);
        let source = match stamp.zone {
            _ if !is_whole => TimeSource::Estimated,
            Written::Nothing => TimeSource::Zone,
            _ => TimeSource::Line,
        };
        let note = self.note(time).or(fold_note);
        self.last = Some(time);
        Told { time, source, note }
    }

    fn in_zone(&mut self, zone: Tz) -> &mut Zone {
        match &mut self.named {
            Some((known, _)) if *known == zone => {}
            slot => *slot = Some((zone, Zone::named(zone))),
        }
        match &mut self.named {
            Some((_, zone)) => zone,
            None => &mut self.zone,
        }
    }

    /// What is odd about the time.
    fn note(&self, time: i64) -> Option<&'static str> {
        if self.read > 0 && time > self.read.saturating_add(AHEAD) {
            return Some("future");
        }
        self.last.filter(|last| time < last - BACK).map(|_| "step_back")
    }

    /// Of the two passes of an hour that occurs twice, the one that goes on from the entry before, or the one in which
    /// the file was written.
    fn unfold(&self, time: i64, fold: Fold) -> (i64, Option<&'static str>) {
        match fold {
            Fold::None => (time, None),
            Fold::Gap => (time, Some("dst_gap")),
            Fold::Overlap(later) => {
                let goes_back = self.last.is_some_and(|last| time < last - FOLD && later >= last - FOLD);
                let is_now = self.last.is_none() && (later - self.written).abs() < NEAR;
                (if goes_back || is_now { later } else { time }, Some("dst_overlap"))
            }
        }
    }

    /// Whether of two dates that may be meant it is rather the first: the file was written before the other, or the first
    /// is nearer to the entry before, or it is about when the file was written.
    fn is_better(&self, one: i64, other: i64) -> bool {
        let is_ahead = |time: i64| time > self.written.saturating_add(DAY);
        let near = self.last.unwrap_or(self.written);
        let far = |time: i64| time.abs_diff(near);
        let is_near = self.last.is_some() || far(one) < 3 * DAY as u64;
        !is_ahead(one) && (is_ahead(other) || is_near && far(one) < far(other))
    }

    /// The latest year in which the day does not lie after the file was written; a day of tolerance covers all zones.
    fn with_year(&self, month: i64, day: i64, of_day: i64) -> i64 {
        let latest = self.written.saturating_add(DAY);
        let (mut year, ..) = civil(latest.div_euclid(DAY));
        // Eight years may lie between two leap years.
        for _ in 0..9 {
            let time = days(year, month, day).map(|days| days * DAY + of_day);
            match time {
                Some(time) if time <= latest => return time,
                _ => year -= 1,
            }
        }
        self.written
    }

    /// The date of the entry before, or of the file; past midnight the next, unless that is still to come.
    fn with_date(&mut self, of_day: i64, zone: Written) -> i64 {
        let (last, read) = (self.last, self.read);
        let before = last.unwrap_or(self.written);
        let east = match zone {
            Written::Offset(seconds) => i64::from(seconds) * SECOND,
            Written::Named(zone) => self.in_zone(zone).east(before),
            Written::Nothing => self.zone.east(before),
        };
        let (near, now) = (before.saturating_add(east), read.saturating_add(east));
        let time = (near.div_euclid(DAY) * DAY).saturating_add(of_day);
        let next = time.saturating_add(DAY);
        match last {
            Some(_) if time < near.saturating_sub(JITTER) && next <= now.saturating_add(AHEAD) => next,
            Some(_) if time > near.saturating_add(DAY - JITTER) => time - DAY,
            None if time > near.saturating_add(AHEAD) => time - DAY,
            _ => time,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::time::stamp;
    use chrono::DateTime;

    fn utc(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp_nanos_opt().unwrap()
    }

    /// The times of lines of one file, written and read when is said.
    fn check(zone: &str, written: &str, read: &str, lines: &[(&str, &str, TimeSource, Option<&str>)]) {
        let mut clock = Clock::new(Zone::from_name(zone).unwrap());
        clock.observe(utc(written), utc(read));
        for (line, want, source, note) in lines {
            let told = match stamp(line) {
                Some((stamp, _)) => clock.tell(&stamp, false),
                None => clock.untold(),
            };
            assert_eq!(crate::record::timestamp(told.time), *want, "{line}");
            assert_eq!((told.source, told.note), (*source, *note), "{line}");
        }
    }

    #[test]
    fn years_that_are_not_written() {
        let now = "2026-11-26T12:00:00Z";
        check(
            "UTC",
            now,
            now,
            &[
                ("Nov 26 11:59:59 host", "2026-11-26T11:59:59Z", TimeSource::Estimated, None),
                ("Nov 27 09:00:00 host", "2026-11-27T09:00:00Z", TimeSource::Estimated, Some("future")),
                ("Nov 28 09:00:00 host", "2025-11-28T09:00:00Z", TimeSource::Estimated, Some("step_back")),
                ("Feb 29 09:00:00 host", "2024-02-29T09:00:00Z", TimeSource::Estimated, Some("step_back")),
            ],
        );
        // A file of the turn of the year, read long after.
        check(
            "Europe/Berlin",
            "2006-01-02T00:00:00Z",
            now,
            &[
                ("Dec 31 23:59:59 host", "2005-12-31T22:59:59Z", TimeSource::Estimated, None),
                ("Jan  1 00:00:01 host", "2005-12-31T23:00:01Z", TimeSource::Estimated, None),
            ],
        );
    }

    #[test]
    fn dates_that_may_be_meant_either_way() {
        let now = "2026-11-26T12:00:00Z";
        check(
            "UTC",
            now,
            now,
            &[
                ("12/11/2026 23:59:59", "2026-11-12T23:59:59Z", TimeSource::Estimated, None),
                ("13/11/2026 00:00:01", "2026-11-13T00:00:01Z", TimeSource::Zone, None),
            ],
        );
        check(
            "UTC",
            "2026-05-07T00:00:00Z",
            now,
            &[
                ("05-06-2026 10:00:00 +0200", "2026-05-06T08:00:00Z", TimeSource::Estimated, None),
                ("05-07-2026 10:00:00 +0200", "2026-05-07T08:00:00Z", TimeSource::Estimated, None),
            ],
        );
        check(
            "UTC",
            now,
            now,
            &[
                ("04/05/2026 10:00:00", "2026-04-05T10:00:00Z", TimeSource::Zone, None),
                ("04/06/2026 10:00:00", "2026-04-06T10:00:00Z", TimeSource::Zone, None),
                ("11/11/2026 10:00:00", "2026-11-11T10:00:00Z", TimeSource::Zone, None),
            ],
        );
    }

    #[test]
    fn dates_that_are_not_written() {
        let now = "2026-11-26T12:00:00Z";
        check(
            "UTC",
            now,
            now,
            &[
                ("11:59:59.5 [main] INFO", "2026-11-26T11:59:59.500Z", TimeSource::Estimated, None),
                ("23:00:00 [main] INFO", "2026-11-26T23:00:00Z", TimeSource::Estimated, Some("future")),
            ],
        );
        check(
            "UTC",
            now,
            now,
            &[
                ("23:00:00 [main] INFO", "2026-11-25T23:00:00Z", TimeSource::Estimated, None),
                ("00:00:01 [main] INFO", "2026-11-26T00:00:01Z", TimeSource::Estimated, None),
                ("23:59:59 [main] INFO", "2026-11-25T23:59:59Z", TimeSource::Estimated, None),
            ],
        );
    }

    #[test]
    fn an_hour_that_occurs_twice_and_one_that_never_was() {
        let (written, read) = ("2026-10-25T05:00:00Z", "2026-11-26T12:00:00Z");
        check(
            "Europe/Berlin",
            written,
            read,
            &[
                ("2026-10-25 02:10:00", "2026-10-25T00:10:00Z", TimeSource::Zone, Some("dst_overlap")),
                ("2026-10-25 02:55:00", "2026-10-25T00:55:00Z", TimeSource::Zone, Some("dst_overlap")),
                ("2026-10-25 02:05:00", "2026-10-25T01:05:00Z", TimeSource::Zone, Some("dst_overlap")),
                ("2026-10-25 02:50:00", "2026-10-25T01:50:00Z", TimeSource::Zone, Some("dst_overlap")),
                ("2026-10-25 03:00:00", "2026-10-25T02:00:00Z", TimeSource::Zone, None),
            ],
        );
        // A live file, of which nothing was read before.
        let now = "2026-10-25T01:30:01Z";
        check(
            "Europe/Berlin",
            now,
            now,
            &[("2026-10-25 02:30:00", "2026-10-25T01:30:00Z", TimeSource::Zone, Some("dst_overlap"))],
        );
        check(
            "Europe/Berlin",
            written,
            read,
            &[("2026-03-29 02:30:00", "2026-03-29T01:30:00Z", TimeSource::Zone, Some("dst_gap"))],
        );
    }

    #[test]
    fn entries_without_a_time() {
        let now = "2026-11-26T12:00:00Z";
        check(
            "UTC",
            now,
            now,
            &[
                ("2026-11-26T11:00:00Z", "2026-11-26T11:00:00Z", TimeSource::Line, None),
                ("none", now, TimeSource::Read, None),
            ],
        );
        check(
            "UTC",
            "2020-01-01T00:00:00Z",
            now,
            &[
                ("none", "2020-01-01T00:00:00Z", TimeSource::Estimated, None),
                ("2019-12-31T11:00:00 Europe/Berlin", "2019-12-31T10:00:00Z", TimeSource::Line, None),
                ("none", "2019-12-31T10:00:00Z", TimeSource::Estimated, None),
            ],
        );
    }

    #[test]
    fn clocks_that_step() {
        let now = "2026-11-26T12:00:00Z";
        check(
            "UTC",
            now,
            now,
            &[
                ("2026-11-26T12:04:59Z", "2026-11-26T12:04:59Z", TimeSource::Line, None),
                ("2026-11-26T11:55:00Z", "2026-11-26T11:55:00Z", TimeSource::Line, None),
                ("2026-11-26T11:44:59Z", "2026-11-26T11:44:59Z", TimeSource::Line, Some("step_back")),
                ("2026-11-26T11:45:00Z", "2026-11-26T11:45:00Z", TimeSource::Line, None),
                ("2026-11-26T15:00:00Z", "2026-11-26T15:00:00Z", TimeSource::Line, Some("future")),
            ],
        );
    }
}
