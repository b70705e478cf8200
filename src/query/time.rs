//! Points in time as people write them, in `--since` and `--until` and in conditions on `timestamp`.

use chrono::{DateTime, Datelike, Days, FixedOffset, Local, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::{TZ_VARIANTS, Tz};

use crate::query::suggest::nearest;
use crate::sys::units::Span;

/// Years in which nanoseconds since the epoch fit an `i64`, and some around.
const YEARS: std::ops::Range<i32> = 1677..2263;

/// A text that is no time, with the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a time: {remedy}")]
pub struct TimeError {
    text: String,
    remedy: String,
}

/// The ways to write a time.
const USAGE: &str = "write 2026-11-23T10:15:30Z, \"2026-11-23 10:15\", \"2026-11-23 10:15 Europe/Berlin\", \
                     2026-11-23, 15m (ago), now-1h, today, or epoch seconds";

/// What a text says of time: a moment, or a whole day. Nanoseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Period {
    pub since: i64,
    /// The midnight at the end of a day.
    pub until: Option<i64>,
}

/// Nanoseconds since the epoch of what `text` says at the moment `now_ns`: RFC 3339, a date with or without a time
/// (local unless a zone is given, as `+02:00` or by its IANA name), an age such as `15m` or `1h30m`, `now`, `today`,
/// `yesterday` (their midnight), `now-1h`, `today+8h`, or seconds or milliseconds since the epoch.
pub fn parse_time(text: &str, now_ns: i64) -> Result<i64, TimeError> {
    parse_period(text, now_ns, &Local).map(|period| period.since)
}

/// As [`parse_time`], in any zone, and knowing a day from its midnight.
pub(super) fn parse_period<Z: TimeZone>(text: &str, now_ns: i64, zone: &Z) -> Result<Period, TimeError> {
    let trimmed = text.trim();
    let named = || {
        let (time, name) = trimmed.rsplit_once(' ')?;
        period(time.trim_end(), now_ns, &zone_named(name)?)
    };
    let offset = || {
        let (time, offset) = with_offset(trimmed)?;
        period(time, now_ns, &offset)
    };
    period(trimmed, now_ns, zone).or_else(named).or_else(offset).ok_or_else(|| {
        let remedy = slip_of_a_zone(trimmed, now_ns).unwrap_or_else(|| USAGE.to_owned());
        TimeError { text: text.to_owned(), remedy }
    })
}

/// The zone of this IANA name, whatever its case.
fn zone_named(name: &str) -> Option<Tz> {
    TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(name)).copied()
}

/// Cuts `+01:00`, `-0500` or `Z` off a date, with a time or without one. Behind a word such as `now`, a sign says how
/// much later or earlier.
fn with_offset(text: &str) -> Option<(&str, FixedOffset)> {
    let behind_date = text.get("2026-11-23".len()..).filter(|_| text.starts_with(|c: char| c.is_ascii_digit()))?;
    let (time, offset) = match text.strip_suffix(['Z', 'z']) {
        Some(time) => (time, FixedOffset::east_opt(0)?),
        None => {
            let (time, offset) = text.split_at(text.len() - behind_date.len() + behind_date.rfind(['+', '-'])?);
            (time, offset.parse().ok()?)
        }
    };
    Some((time.trim_end(), offset))
}

/// What to say of a time with the name of a zone behind it that there is not.
fn slip_of_a_zone(text: &str, now_ns: i64) -> Option<String> {
    let (time, name) = text.rsplit_once(' ')?;
    period(time.trim_end(), now_ns, &Tz::UTC)?;
    let names = || TZ_VARIANTS.iter().map(|zone| zone.name());
    let of_city = |zone: &&str| zone.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(name));
    let meant = names().find(of_city).or_else(|| nearest(name, names()));
    let meant = meant.map_or_else(String::new, |zone| format!("did you mean `{zone}`? "));
    Some(format!("there is no time zone `{name}`: {meant}write an IANA name such as Europe/Berlin, or +01:00"))
}

fn period<Z: TimeZone>(text: &str, now_ns: i64, zone: &Z) -> Option<Period> {
    let moment = |since: i64| Period { since, until: None };
    let today = DateTime::from_timestamp_nanos(now_ns).with_timezone(zone).date_naive();
    if let Some(day) = day(text, today) {
        let until = day.succ_opt().and_then(|next| midnight(next, zone));
        return midnight(day, zone).map(|since| Period { since, until });
    }
    relative(text, now_ns, today, zone)
        .or_else(|| age(text).and_then(|age| now_ns.checked_sub(age)))
        .or_else(|| absolute(text, zone))
        .map(moment)
}

fn day(text: &str, today: NaiveDate) -> Option<NaiveDate> {
    match text {
        "today" => Some(today),
        "yesterday" => today.checked_sub_days(Days::new(1)),
        _ => NaiveDate::parse_from_str(text, "%Y-%m-%d").ok(),
    }
}

/// `now`, and `now-1h` or `today+8h`: one of the words, with a span before or behind it.
fn relative<Z: TimeZone>(text: &str, now_ns: i64, today: NaiveDate, zone: &Z) -> Option<i64> {
    let end = text.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let base = if word == "now" { now_ns } else { midnight(day(word, today)?, zone)? };
    let rest = rest.trim_start();
    if rest.is_empty() {
        return Some(base);
    }
    let (sign, span) = rest.split_at_checked(1)?;
    let span = nanoseconds(span)?;
    match sign {
        "-" => base.checked_sub(span),
        "+" => base.checked_add(span),
        _ => None,
    }
}

/// Nanoseconds in `15m`, `-15m` or `15m ago`.
fn age(text: &str) -> Option<i64> {
    let text = text.strip_suffix("ago").unwrap_or(text);
    nanoseconds(text.strip_prefix('-').unwrap_or(text))
}

fn nanoseconds(span: &str) -> Option<i64> {
    let span: Span = span.parse().ok()?;
    i64::try_from(span.0.as_nanos()).ok()
}

fn absolute<Z: TimeZone>(text: &str, zone: &Z) -> Option<i64> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return time.timestamp_nanos_opt();
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
    if !YEARS.contains(&time.year()) {
        return None;
    }
    let later = || zone.from_local_datetime(&time.checked_add_signed(TimeDelta::hours(1))?).earliest();
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
    use super::*;
    use crate::record::timestamp;

    #[test]
    fn times() {
        let zone = FixedOffset::east_opt(3600).unwrap();
        let now = 1_795_429_800_000_000_000; // 2026-11-23T10:30:00Z
        let check = |text: &str, want: &str| {
            let got = parse_period(text, now, &zone).map_or("none".into(), |period| timestamp(period.since));
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
        check("now-1h", "2026-11-23T09:30:00Z");
        check("now + 90s", "2026-11-23T10:31:30Z");
        check("today+8h", "2026-11-23T07:00:00Z");
        check("2026-11-23 10:15 Europe/Berlin", "2026-11-23T09:15:00Z");
        check("2026-07-23 10:15:30 Europe/Berlin", "2026-07-23T08:15:30Z");
        check("today America/New_York", "2026-11-23T05:00:00Z");
        check("2026-11-23 UTC", "2026-11-23T00:00:00Z");
        check("2026-03-29 02:30 Europe/Berlin", "2026-03-29T01:30:00Z"); // skipped by the clocks
        check("2026-10-25 02:30 Europe/Berlin", "2026-10-25T00:30:00Z"); // shown twice
        check("2026-11-23 10:15 europe/berlin", "2026-11-23T09:15:00Z");
        check("2026-11-23 10:15+02:00", "2026-11-23T08:15:00Z");
        check("2026-11-23 10:15 -0500", "2026-11-23T15:15:00Z");
        check("2026-11-23T10:15Z", "2026-11-23T10:15:00Z");
        check("2026-11-23 10:15:30.5 Z", "2026-11-23T10:15:30.500Z");
        check("2026-11-23 +05:30", "2026-11-22T18:30:00Z");
        check("2026-11-23Z", "2026-11-23T00:00:00Z");
        check("1795429800", "2026-11-23T10:30:00Z");
        check("1795429800123", "2026-11-23T10:30:00.123Z");
        for wrong in [
            "",
            "15",
            "now-",
            "now-5",
            "now*5m",
            "tomorrow",
            "now-é",
            "today-99999999w",
            "10:15 Europe/Berlin",
            "2026-11-23 10:15 +99:00",
            "2026-11-23 10:15 +é",
            "2026-11-2é 10:15+",
            "now +01:00",
            "now-01:00",
            "Z",
            "2026",
            "noon",
            "2026-13-01",
            "99999999999999999999",
            "9999d9999999999w",
            "9999-01-01",
        ] {
            check(wrong, "none");
        }
    }

    #[test]
    fn days_are_known_from_their_midnights() {
        let now = 1_795_429_800_000_000_000; // 2026-11-23T10:30:00Z
        let hours = |text: &str| {
            let period = parse_period(text, now, &Tz::Europe__Berlin).unwrap();
            period.until.map(|until| (until - period.since) / 3_600_000_000_000)
        };
        assert_eq!(hours("today"), Some(24));
        assert_eq!(hours("2026-10-25"), Some(25));
        assert_eq!(hours("2026-03-29"), Some(23));
        assert_eq!(hours("2026-10-25 UTC"), Some(24));
        assert_eq!(hours("2026-10-25 America/New_York"), Some(24));
        assert_eq!(hours("2026-10-25 +01:00"), Some(24));
        assert_eq!(hours("now"), None);
        assert_eq!(hours("2026-11-23 00:00"), None);
    }

    #[test]
    fn the_error_shows_the_way_out() {
        let check = |text: &str, part: &str| {
            let error = parse_time(text, 0).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        };
        check("noon", "\"noon\" is not a time: write 2026");
        check("2026-11-23 10:15 Europe/Berln", "did you mean `Europe/Berlin`?");
        check("2026-11-23 10:15 berlin", "did you mean `Europe/Berlin`?");
        check("today Nowhere/AtAllAtAll", "there is no time zone `Nowhere/AtAllAtAll`: write an IANA name");
        check("noon Europe/Berlin", "is not a time: write 2026");
    }
}
