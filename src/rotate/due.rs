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
    Hourly,
    Daily,
    Weekly,
    Monthly,
    Yearly,
    /// The state file says that the last rotation is yet to come.
    FutureState,
    Forced,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Size { size, limit } => {
                return write!(f, "size {} reached the limit of {}", Bytes(*size), Bytes(*limit));
            }
            Reason::Hourly => "hourly",
            Reason::Daily => "daily",
            Reason::Weekly => "weekly",
            Reason::Monthly => "monthly",
            Reason::Yearly => "yearly",
            Reason::FutureState => "last rotated in the future",
            Reason::Forced => "forced",
        })
    }
}

/// A state entry further ahead than this is a clock that was wrong, not a change to winter time.
const FUTURE: TimeDelta = TimeDelta::hours(25);

/// The reason to rotate now, if there is one. `size` in bytes, `mtime` in nanoseconds since the epoch,
/// `last` in local time as the state file has it; without it a time criterion waits one period.
pub fn due<Z: TimeZone>(
    settings: &Settings,
    size: u64,
    mtime: i64,
    last: Option<NaiveDateTime>,
    now: &DateTime<Z>,
) -> Option<Reason> {
    if size == 0 && !settings.if_empty {
        return None;
    }
    // `size` is reached at the limit, `maxsize` beyond it: logrotate compares so.
    let at_once = match (settings.criterion, settings.max_size) {
        (Criterion::Size(limit), _) if size >= limit => Some(Reason::Size { size, limit }),
        (_, Some(limit)) if size > limit => Some(Reason::Size { size, limit }),
        _ => None,
    };
    at_once.or_else(|| {
        let reason = by_time(settings.criterion, last?, now.naive_local())?;
        let big_enough = settings.min_size.is_none_or(|min| size >= min);
        let age = now.timestamp_nanos_opt().unwrap_or(i64::MAX).saturating_sub(mtime) / 1_000_000_000;
        let quiet = settings.min_age.is_none_or(|days| i128::from(age) >= i128::from(days) * 86_400);
        (big_enough && quiet).then_some(reason)
    })
}

/// Compares calendar fields, not elapsed time: 23:59 and 00:00 are two days.
fn by_time(criterion: Criterion, last: NaiveDateTime, now: NaiveDateTime) -> Option<Reason> {
    if matches!(criterion, Criterion::Size(_)) {
        return None;
    }
    if last - now > FUTURE {
        return Some(Reason::FutureState);
    }
    let day_differs = last.date() != now.date();
    let year_differs = last.year() != now.year();
    let days = (now.date() - last.date()).num_days();
    let (is_due, reason) = match criterion {
        Criterion::Size(_) => return None,
        Criterion::Hourly => (day_differs || last.hour() != now.hour(), Reason::Hourly),
        Criterion::Daily => (day_differs, Reason::Daily),
        Criterion::Weekly(day) => {
            let today = now.weekday().num_days_from_sunday() == u32::from(day);
            (days >= 7 || (days >= 1 && today), Reason::Weekly)
        }
        Criterion::Monthly => (year_differs || last.month() != now.month(), Reason::Monthly),
        Criterion::Yearly => (year_differs, Reason::Yearly),
    };
    is_due.then_some(reason)
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
            assert_eq!(got.is_some(), want, "{criterion:?} {last} {now}");
        };
        check(Criterion::Daily, "2026-01-31 23:59", "2026-02-01 00:00", true);
        check(Criterion::Daily, "2026-01-31 00:00", "2026-01-31 23:59", false);
        check(Criterion::Hourly, "2026-01-31 10:59", "2026-01-31 11:00", true);
        check(Criterion::Hourly, "2026-01-31 10:00", "2026-01-31 10:59", false);
        check(Criterion::Hourly, "2026-01-30 10:00", "2026-01-31 10:00", true);
        check(Criterion::Daily, "2028-02-28", "2028-02-29", true); // a leap day
        check(Criterion::Monthly, "2028-02-29", "2028-03-01", true);
        check(Criterion::Monthly, "2028-02-01", "2028-02-29", false);
        check(Criterion::Monthly, "2027-03-15", "2028-03-15", true);
        check(Criterion::Yearly, "2027-12-31 23:59", "2028-01-01 00:00", true);
        check(Criterion::Yearly, "2028-01-01", "2028-12-31", false);
        check(Criterion::Weekly(0), "2026-11-21", "2026-11-22", true); // 22 November 2026 is a Sunday
        check(Criterion::Weekly(0), "2026-11-22 01:00", "2026-11-22 23:00", false);
        check(Criterion::Weekly(3), "2026-11-20", "2026-11-22", false);
        check(Criterion::Weekly(7), "2026-11-16", "2026-11-22", false);
        check(Criterion::Weekly(7), "2026-11-15", "2026-11-22", true);
        check(Criterion::Monthly, "2026-12-01", "2026-11-29", true); // the future
        check(Criterion::Daily, "2026-11-29 13:00", "2026-11-29 12:00", false); // clock set back an hour
    }

    #[test]
    fn a_change_of_summer_time_neither_repeats_nor_skips_a_day() {
        let zone = chrono_tz::Europe::Berlin;
        let at = |day, hour, minute| zone.with_ymd_and_hms(2026, 10, day, hour, minute, 0).earliest().unwrap();
        let daily = settings(Criterion::Daily);
        assert_eq!(due(&daily, 1, 0, Some(at(25, 0, 0).naive_local()), &at(25, 23, 59)), None);
        assert_eq!(due(&daily, 1, 0, Some(at(24, 23, 59).naive_local()), &at(25, 0, 0)), Some(Reason::Daily));
        // 02:30 comes twice on that night; the second one is not another hour.
        let second = zone.with_ymd_and_hms(2026, 10, 25, 2, 30, 0).latest().unwrap();
        assert_eq!(due(&settings(Criterion::Hourly), 1, 0, Some(at(25, 2, 30).naive_local()), &second), None);
    }

    #[test]
    fn sizes_and_ages() {
        let now = chrono::Utc.from_utc_datetime(&time("2026-11-24"));
        let (fresh, old) = (now.timestamp_nanos_opt().unwrap(), 0);
        let yesterday = Some(NaiveDate::from_ymd_opt(2026, 11, 23).unwrap().and_hms_opt(0, 0, 0).unwrap());
        let check = |change: fn(&mut Settings), size, mtime, want: Option<Reason>| {
            let mut settings = settings(Criterion::Daily);
            change(&mut settings);
            assert_eq!(due(&settings, size, mtime, yesterday, &now), want);
        };
        check(|s| s.criterion = Criterion::Size(10), 10, old, Some(Reason::Size { size: 10, limit: 10 }));
        check(|s| s.criterion = Criterion::Size(10), 9, old, None);
        check(|s| s.max_size = Some(10), 10, old, Some(Reason::Daily));
        check(|s| s.max_size = Some(10), 11, old, Some(Reason::Size { size: 11, limit: 10 }));
        check(|s| s.min_size = Some(10), 9, old, None);
        check(|s| s.min_size = Some(10), 10, old, Some(Reason::Daily));
        check(|s| (s.min_size, s.max_size) = (Some(99), Some(10)), 11, old, Some(Reason::Size { size: 11, limit: 10 }));
        check(|s| s.min_age = Some(1), 1, fresh, None);
        check(|s| s.min_age = Some(1), 1, old, Some(Reason::Daily));
        check(|s| s.if_empty = false, 0, old, None);
        check(|_| {}, 0, old, Some(Reason::Daily));
        check(|s| s.min_age = Some(u64::MAX), 1, i64::MIN, None);
        assert_eq!(due(&settings(Criterion::Daily), 1, 0, None, &now), None);
        let reason = Reason::Size { size: 12 << 20, limit: 10 << 20 };
        assert_eq!(reason.to_string(), "size 12.0 MiB reached the limit of 10.0 MiB");
    }
}
