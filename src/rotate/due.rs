//! Whether a log is due: pure, from its size, its times and the local calendar.

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, TimeZone, Timelike};

use super::policy::{Criterion, Settings};
use crate::sys::units::Bytes;

/// Why a log is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Bytes: what the log has, and the limit it reached.
    Size {
        size: u64,
        limit: u64,
    },
    /// The time that this criterion asks for has come.
    Time(Criterion),
    /// The state file says that the last rotation is yet to come.
    FutureState,
    Forced,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Size { size, limit } => write!(f, "size {} reached the limit of {}", Bytes(*size), Bytes(*limit)),
            Reason::Time(criterion) => f.write_str(criterion.word()),
            Reason::FutureState => f.write_str("last rotated in the future"),
            Reason::Forced => f.write_str("forced"),
        }
    }
}

/// Why a log is left as it is. Its text is logrotate's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotDue {
    Small,
    AlreadyRotated,
    /// Its period, as the last rotation began it, is not over.
    Period {
        last: NaiveDateTime,
        name: &'static str,
    },
    MinSize,
    MinAge,
    Empty,
}

impl fmt::Display for NotDue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("log does not need rotating (")?;
        match self {
            NotDue::Small => f.write_str("log size is below the 'size' threshold"),
            NotDue::AlreadyRotated => f.write_str("log has been already rotated"),
            NotDue::Period { last, name } => {
                let time = last.format("%Y-%-m-%-d %-H:%-M");
                write!(f, "log has been rotated at {time}, which is less than a {name} ago")
            }
            NotDue::MinSize => {
                f.write_str("'minsize' directive is used and the log size is smaller than the minsize value")
            }
            NotDue::MinAge => f.write_str("'minage' directive is used and the log age is smaller than the minage days"),
            NotDue::Empty => f.write_str("log is empty"),
        }?;
        f.write_str(")")
    }
}

/// A state entry further ahead than this is a clock that was wrong, not a change to winter time.
const FUTURE: TimeDelta = TimeDelta::hours(25);

/// The reason to rotate now, or not to. `size` in bytes, `mtime` in nanoseconds since the epoch, `last` in local time
/// as the state file has it; without it a time criterion waits one period.
pub fn due<Z: TimeZone>(
    settings: &Settings,
    size: u64,
    mtime: i64,
    last: Option<NaiveDateTime>,
    now: &DateTime<Z>,
) -> Result<Reason, NotDue> {
    let reason = match (settings.criterion, settings.max_size) {
        (_, Some(limit)) if size > limit => Reason::Size { size, limit },
        // `size` is reached at the limit, `maxsize` beyond it: logrotate compares so.
        (Criterion::Size(limit), _) if size >= limit => Reason::Size { size, limit },
        (Criterion::Size(_), _) => return Err(NotDue::Small),
        (criterion, _) => by_time(criterion, last.ok_or(NotDue::AlreadyRotated)?, now.naive_local())?,
    };
    if let Reason::Time(_) = reason {
        if settings.min_size.is_some_and(|min| size < min) {
            return Err(NotDue::MinSize);
        }
        let age = now.timestamp_nanos_opt().unwrap_or(i64::MAX).saturating_sub(mtime) / 1_000_000_000;
        if settings.min_age.is_some_and(|days| i128::from(days) * 86_400 >= i128::from(age)) {
            return Err(NotDue::MinAge);
        }
    }
    if size == 0 && !settings.if_empty { Err(NotDue::Empty) } else { Ok(reason) }
}

/// Compares calendar fields, not elapsed time: 23:59 and 00:00 are two days.
fn by_time(criterion: Criterion, last: NaiveDateTime, now: NaiveDateTime) -> Result<Reason, NotDue> {
    if last - now > FUTURE {
        return Ok(Reason::FutureState);
    }
    // Never twice within an hour of the clock, or with `minutes` within one of its minutes.
    let same_hour = last.date() == now.date() && last.hour() == now.hour();
    let is_gated = same_hour && (!matches!(criterion, Criterion::Minutes(_)) || last.minute() == now.minute());
    if is_gated {
        return Err(NotDue::AlreadyRotated);
    }
    let same_month = (last.year(), last.month()) == (now.year(), now.month());
    let days = (now.date() - last.date()).num_days();
    let (is_due, name) = match criterion {
        Criterion::Size(_) => return Err(NotDue::Small),
        Criterion::Minutes(minutes) => {
            let passed = u64::try_from((now - last).num_minutes()).unwrap_or(0);
            (passed > minutes, "period")
        }
        Criterion::Hourly => (true, "hour"),
        Criterion::Daily => (days != 0, "day"),
        Criterion::Weekly(day) => {
            let today = now.weekday().num_days_from_sunday() == u32::from(day);
            (days >= 7 || (days >= 1 && today), "week")
        }
        Criterion::Monthly(0) => (!same_month, "month"),
        Criterion::Monthly(day) => {
            let is_last = now.date().succ_opt().is_none_or(|tomorrow| tomorrow.month() != now.month());
            (days >= 31 || (days >= 1 && (now.day() == u32::from(day) || is_last)), "month")
        }
        Criterion::Yearly => (last.year() != now.year(), "year"),
    };
    if is_due { Ok(Reason::Time(criterion)) } else { Err(NotDue::Period { last, name }) }
}

/// The first moment after `now` at which [`due`] will find the period over, at an hour, minute or day of the calendar;
/// `None` for a size, and when it is not known (nobody has a state yet).
pub fn next(criterion: Criterion, last: Option<NaiveDateTime>, now: NaiveDateTime) -> Option<NaiveDateTime> {
    let last = last?;
    let step = match criterion {
        Criterion::Size(_) => return None,
        Criterion::Minutes(_) => TimeDelta::minutes(1),
        _ => TimeDelta::hours(1),
    };
    let begin = match criterion {
        Criterion::Minutes(_) => now.with_second(0)?.with_nanosecond(0)?,
        _ => now.date().and_hms_opt(now.hour(), 0, 0)?,
    };
    let is_due = |time: &NaiveDateTime| by_time(criterion, last, *time).is_ok();
    // A year has 8,784 hours; longer `minutes` are not worth a forecast.
    (1..=9000).map(|count| begin + step * count).find(is_due)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{FixedOffset, NaiveDate};

    fn time(text: &str) -> NaiveDateTime {
        let padded = if text.len() == 10 { format!("{text} 12:00") } else { text.to_owned() };
        NaiveDateTime::parse_from_str(&padded, "%Y-%m-%d %H:%M").unwrap()
    }

    fn settings(criterion: Criterion) -> Settings {
        Settings { criterion, ..Settings::default() }
    }

    #[test]
    fn calendar() {
        let check = |criterion, last: &str, now: &str, want: bool| {
            let now = FixedOffset::east_opt(3600).unwrap().from_local_datetime(&time(now)).unwrap();
            let got = due(&settings(criterion), 1, 0, Some(time(last)), &now);
            assert_eq!(got.is_ok(), want, "{criterion:?} {last} {now}");
        };
        check(Criterion::Daily, "2026-01-31 23:59", "2026-02-01 00:00", true);
        check(Criterion::Daily, "2026-01-31 00:00", "2026-01-31 23:59", false);
        check(Criterion::Hourly, "2026-01-31 10:59", "2026-01-31 11:00", true);
        check(Criterion::Hourly, "2026-01-31 10:00", "2026-01-31 10:59", false);
        check(Criterion::Minutes(10), "2026-01-31 10:00", "2026-01-31 10:10", false);
        check(Criterion::Minutes(10), "2026-01-31 10:00", "2026-01-31 10:11", true);
        check(Criterion::Minutes(0), "2026-01-31 10:00", "2026-01-31 10:01", true);
        check(Criterion::Monthly(15), "2026-01-31 10:00", "2026-02-14 10:00", false);
        check(Criterion::Monthly(15), "2026-01-31 10:00", "2026-02-15 10:00", true);
        check(Criterion::Monthly(31), "2026-01-31 10:00", "2026-02-28 10:00", true);
        check(Criterion::Monthly(31), "2028-01-31 10:00", "2028-02-28 10:00", false);
        check(Criterion::Monthly(5), "2026-01-20 10:00", "2026-02-20 10:00", true);
        check(Criterion::Hourly, "2026-01-30 10:00", "2026-01-31 10:00", true);
        check(Criterion::Daily, "2028-02-28", "2028-02-29", true); // a leap day
        check(Criterion::Monthly(0), "2028-02-29", "2028-03-01", true);
        check(Criterion::Monthly(0), "2028-02-01", "2028-02-29", false);
        check(Criterion::Monthly(0), "2027-03-15", "2028-03-15", true);
        check(Criterion::Yearly, "2027-12-31 23:59", "2028-01-01 00:00", true);
        check(Criterion::Yearly, "2028-01-01", "2028-12-31", false);
        check(Criterion::Weekly(0), "2026-11-21", "2026-11-22", true); // 22 November 2026 is a Sunday
        check(Criterion::Weekly(0), "2026-11-22 01:00", "2026-11-22 23:00", false);
        check(Criterion::Weekly(3), "2026-11-20", "2026-11-22", false);
        check(Criterion::Weekly(7), "2026-11-16", "2026-11-22", false);
        check(Criterion::Weekly(7), "2026-11-15", "2026-11-22", true);
        check(Criterion::Monthly(0), "2026-12-01", "2026-11-29", true); // the future
        check(Criterion::Daily, "2026-11-29 13:00", "2026-11-29 12:00", false); // clock set back an hour
    }

    #[test]
    fn a_change_of_summer_time_neither_repeats_nor_skips_a_day() {
        let zone = chrono_tz::Europe::Berlin;
        let at = |day, hour, minute| zone.with_ymd_and_hms(2026, 10, day, hour, minute, 0).earliest().unwrap();
        let daily = settings(Criterion::Daily);
        assert_eq!(due(&daily, 1, 0, Some(at(25, 0, 0).naive_local()), &at(25, 23, 59)).ok(), None);
        assert_eq!(
            due(&daily, 1, 0, Some(at(24, 23, 59).naive_local()), &at(25, 0, 0)),
            Ok(Reason::Time(Criterion::Daily))
        );
        // 02:30 comes twice on that night; the second one is not another hour.
        let second = zone.with_ymd_and_hms(2026, 10, 25, 2, 30, 0).latest().unwrap();
        assert_eq!(
            due(&settings(Criterion::Hourly), 1, 0, Some(at(25, 2, 30).naive_local()), &second),
            Err(NotDue::AlreadyRotated)
        );
    }

    #[test]
    fn sizes_and_ages() {
        let now = chrono::Utc.from_utc_datetime(&time("2026-11-24"));
        let (fresh, old) = (now.timestamp_nanos_opt().unwrap(), 0);
        let yesterday = Some(NaiveDate::from_ymd_opt(2026, 11, 23).unwrap().and_hms_opt(0, 0, 0).unwrap());
        let check = |change: fn(&mut Settings), size, mtime, want: Option<Reason>| {
            let mut settings = settings(Criterion::Daily);
            change(&mut settings);
            assert_eq!(due(&settings, size, mtime, yesterday, &now).ok(), want);
        };
        check(|s| s.criterion = Criterion::Size(10), 10, old, Some(Reason::Size { size: 10, limit: 10 }));
        check(|s| s.criterion = Criterion::Size(10), 9, old, None);
        check(|s| s.max_size = Some(10), 10, old, Some(Reason::Time(Criterion::Daily)));
        check(|s| s.max_size = Some(10), 11, old, Some(Reason::Size { size: 11, limit: 10 }));
        check(|s| s.min_size = Some(10), 9, old, None);
        check(|s| s.min_size = Some(10), 10, old, Some(Reason::Time(Criterion::Daily)));
        check(|s| (s.min_size, s.max_size) = (Some(99), Some(10)), 11, old, Some(Reason::Size { size: 11, limit: 10 }));
        check(|s| s.min_age = Some(1), 1, fresh, None);
        check(|s| s.min_age = Some(1), 1, old, Some(Reason::Time(Criterion::Daily)));
        check(|s| s.if_empty = false, 0, old, None);
        check(
            |s| (s.min_age, s.criterion) = (Some(1), Criterion::Size(1)),
            1,
            fresh,
            Some(Reason::Size { size: 1, limit: 1 }),
        );
        check(|_| {}, 0, old, Some(Reason::Time(Criterion::Daily)));
        check(|s| s.min_age = Some(u64::MAX), 1, i64::MIN, None);
        assert_eq!(due(&settings(Criterion::Daily), 1, 0, None, &now), Err(NotDue::AlreadyRotated));
        let reason = Reason::Size { size: 12 << 20, limit: 10 << 20 };
        assert_eq!(reason.to_string(), "size 12.0 MiB reached the limit of 10.0 MiB");
    }
    #[test]
    fn forecasts() {
        let check = |criterion, last: &str, now: &str, want: Option<&str>| {
            assert_eq!(next(criterion, Some(time(last)), time(now)), want.map(time), "{criterion:?} {last} {now}");
        };
        check(Criterion::Hourly, "2026-01-31 10:20", "2026-01-31 10:30", Some("2026-01-31 11:00"));
        check(Criterion::Daily, "2026-01-31 10:20", "2026-01-31 10:30", Some("2026-02-01 00:00"));
        check(Criterion::Weekly(0), "2026-11-22 10:00", "2026-11-23 10:30", Some("2026-11-29 00:00"));
        check(Criterion::Monthly(31), "2026-01-31 10:00", "2026-02-03 10:30", Some("2026-02-28 00:00"));
        check(Criterion::Yearly, "2026-01-31 10:00", "2026-02-03 10:30", Some("2027-01-01 00:00"));
        check(Criterion::Minutes(5), "2026-01-31 10:00", "2026-01-31 10:03", Some("2026-01-31 10:06"));
        check(Criterion::Size(1), "2026-01-31 10:00", "2026-01-31 10:03", None);
    }
}
