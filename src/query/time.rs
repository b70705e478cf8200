//! Points in time as people write them for `--since` and `--until`.

use chrono::{DateTime, Days, Local, NaiveDate, NaiveDateTime, NaiveTime, TimeZone};

use crate::sys::units::Span;

/// A text that is no time, with the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a time: write 2026-11-23T10:15:30Z, \"2026-11-23 10:15\", 15m (ago), today, or epoch seconds")]
pub struct TimeError(String);

/// Nanoseconds since the epoch of what `text` says at the moment `now_ns`: RFC 3339, a date with or without a time
/// (local unless a zone is given), an age such as `15m` or `1h30m`, `now`, `today`, `yesterday` (their midnight),
/// or seconds or milliseconds since the epoch.
pub fn parse_time(text: &str, now_ns: i64) -> Result<i64, TimeError> {
    parse_time_in(text, now_ns, &Local)
}

/// As [`parse_time`], but only what does not depend on now.
pub(super) fn parse_absolute(text: &str) -> Result<i64, TimeError> {
    absolute(text.trim(), &Local).ok_or_else(|| TimeError(text.to_owned()))
}

fn parse_time_in<Z: TimeZone>(text: &str, now_ns: i64, zone: &Z) -> Result<i64, TimeError> {
    let trimmed = text.trim();
    let today = DateTime::from_timestamp_nanos(now_ns).with_timezone(zone).date_naive();
    let time = match trimmed {
        "now" => Some(now_ns),
        "today" => midnight(today, zone),
        "yesterday" => today.checked_sub_days(Days::new(1)).and_then(|day| midnight(day, zone)),
        _ => age(trimmed).and_then(|age| now_ns.checked_sub(age)).or_else(|| absolute(trimmed, zone)),
    };
    time.ok_or_else(|| TimeError(text.to_owned()))
}

/// Nanoseconds in `15m`, `-15m` or `15m ago`.
fn age(text: &str) -> Option<i64> {
    let text = text.strip_suffix("ago").unwrap_or(text);
    let span: Span = text.strip_prefix('-').unwrap_or(text).parse().ok()?;
    i64::try_from(span.0.as_nanos()).ok()
}

fn absolute<Z: TimeZone>(text: &str, zone: &Z) -> Option<i64> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return time.timestamp_nanos_opt();
    }
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return midnight(day, zone);
    }
    for format in ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"] {
        if let Ok(time) = NaiveDateTime::parse_from_str(text, format) {
            return in_zone(time, zone);
        }
    }
    epoch(text)
}

fn midnight<Z: TimeZone>(day: NaiveDate, zone: &Z) -> Option<i64> {
    in_zone(day.and_time(NaiveTime::MIN), zone)
}

/// A time that the clocks show twice is the earlier one. One that they skip is an hour later.
fn in_zone<Z: TimeZone>(time: NaiveDateTime, zone: &Z) -> Option<i64> {
    let later = || zone.from_local_datetime(&(time + chrono::TimeDelta::hours(1))).earliest();
    zone.from_local_datetime(&time).earliest().or_else(later)?.timestamp_nanos_opt()
}

/// Seconds since the epoch (9 to 11 digits) or milliseconds (12 to 14). Shorter numbers are rather a slip.
fn epoch(text: &str) -> Option<i64> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i64 = text.parse().ok()?;
    match text.len() {
        9..=11 => number.checked_mul(1_000_000_000),
        12..=14 => number.checked_mul(1_000_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use chrono::FixedOffset;

    use super::*;
    use crate::record::timestamp;

    #[test]
    fn times() {
        let zone = FixedOffset::east_opt(3600).unwrap();
        let now = 1_795_429_800_000_000_000; // 2026-11-23T10:30:00Z
        let check = |text: &str, want: &str| {
            let got = parse_time_in(text, now, &zone).map_or("none".into(), timestamp);
            assert_eq!(got, want, "{text}");
        };
        check("now", "2026-11-23T10:30:00Z");
        check("today", "2026-11-22T23:00:00Z");
        check("yesterday", "2026-11-21T23:00:00Z");
        check("15m", "2026-11-23T10:15:00Z");
        check("-1h30m", "2026-11-23T09:00:00Z");
        check("7d ago", "2026-11-16T10:30:00Z");
        check("2026-11-23T10:15:30Z", "2026-11-23T10:15:30Z");
        check("2026-11-23 10:15:30+02:00", "2026-11-23T08:15:30Z");
        check("2026-11-23", "2026-11-22T23:00:00Z");
        check(" 2026-11-23 10:15 ", "2026-11-23T09:15:00Z");
        check("2026-11-23T10:15:30.5", "2026-11-23T09:15:30.500Z");
        check("1795429800", "2026-11-23T10:30:00Z");
        check("1795429800123", "2026-11-23T10:30:00.123Z");
        for wrong in ["", "15", "2026", "noon", "2026-13-01", "99999999999999999999", "9999d9999999999w", "9999-01-01"]
        {
            check(wrong, "none");
        }
    }

    #[test]
    fn the_error_shows_the_way_out() {
        assert!(parse_time("noon", 0).unwrap_err().to_string().starts_with("\"noon\" is not a time: write 2026"));
    }
}
