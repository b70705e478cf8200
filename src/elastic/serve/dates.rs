//! Times as Elasticsearch's requests write them: ISO dates with parts missing, numbers since the epoch, date math; and
//! how answers write them.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, Offset, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

use crate::record::timestamp;
use crate::sys::clock::SECOND;

pub const MILLISECOND: i64 = SECOND / 1_000;
const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// A zone by its IANA name, or so many nanoseconds east of UTC.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Zone {
    East(i64),
    Named(Tz),
}

impl Zone {
    pub const UTC: Zone = Zone::East(0);

    pub fn read(text: &str) -> Result<Zone, String> {
        if matches!(text, "Z" | "UTC" | "utc" | "GMT") {
            return Ok(Zone::UTC);
        }
        if let Ok(offset) = text.parse::<chrono::FixedOffset>() {
            return Ok(Zone::East(i64::from(offset.local_minus_utc()) * SECOND));
        }
        text.parse().map(Zone::Named).map_err(|_| format!("unknown time zone {text:?}; write Europe/Berlin or +01:00"))
    }

    /// Nanoseconds east of UTC at a moment.
    pub fn east(self, utc: i64) -> i64 {
        match self {
            Zone::East(east) => east,
            Zone::Named(zone) => {
                let naive = DateTime::from_timestamp_nanos(utc).naive_utc();
                i64::from(zone.offset_from_utc_datetime(&naive).fix().local_minus_utc()) * SECOND
            }
        }
    }

    /// The moment of a time on the wall; where the clocks show it twice, the earlier one; where they skip it, as if they
    /// had not yet.
    pub fn to_utc(self, local: i64) -> i64 {
        match self {
            Zone::East(east) => local.saturating_sub(east),
            Zone::Named(zone) => {
                let naive = DateTime::from_timestamp_nanos(local).naive_utc();
                match zone.from_local_datetime(&naive).earliest().and_then(|time| time.timestamp_nanos_opt()) {
                    Some(time) => time,
                    None => {
                        local.saturating_sub(self.east(local.saturating_sub(self.east(local)).saturating_sub(HOUR)))
                    }
                }
            }
        }
    }
}

/// A unit of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Unit {
    /// As date math and intervals name it.
    pub fn read(text: &str) -> Option<Unit> {
        Some(match text {
            "s" | "1s" | "second" => Unit::Second,
            "m" | "1m" | "minute" => Unit::Minute,
            "h" | "H" | "1h" | "hour" => Unit::Hour,
            "d" | "1d" | "day" => Unit::Day,
            "w" | "1w" | "week" => Unit::Week,
            "M" | "1M" | "month" => Unit::Month,
            "q" | "1q" | "quarter" => Unit::Quarter,
            "y" | "1y" | "year" => Unit::Year,
            _ => return None,
        })
    }

    /// Its length, where it always is the same on the wall.
    fn fixed(self) -> Option<i64> {
        Some(match self {
            Unit::Second => SECOND,
            Unit::Minute => MINUTE,
            Unit::Hour => HOUR,
            Unit::Day => DAY,
            Unit::Week | Unit::Month | Unit::Quarter | Unit::Year => return None,
        })
    }

    /// The beginning of the unit that a time on the wall is in.
    pub fn floor(self, local: i64) -> i64 {
        if let Some(length) = self.fixed() {
            return local.saturating_sub(local.rem_euclid(length));
        }
        let date = DateTime::from_timestamp_nanos(local).date_naive();
        let first = match self {
            Unit::Week => date.checked_sub_days(Days::new(u64::from(date.weekday().num_days_from_monday()))),
            Unit::Month => date.with_day(1),
            Unit::Quarter => date.with_day(1).and_then(|first| first.with_month(date.month0() / 3 * 3 + 1)),
            _ => NaiveDate::from_ymd_opt(date.year(), 1, 1),
        };
        first.and_then(nanoseconds_of).unwrap_or(i64::MIN)
    }

    /// So many units later on the wall, or earlier.
    pub fn add(self, local: i64, count: i64) -> Option<i64> {
        let days = |days: i64| local.checked_add(days.checked_mul(DAY)?);
        let months = |months: i64| {
            let time = DateTime::from_timestamp_nanos(local);
            let by = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
            let moved = if months < 0 { time.checked_sub_months(by)? } else { time.checked_add_months(by)? };
            moved.timestamp_nanos_opt()
        };
        match self {
            Unit::Week => days(count.checked_mul(7)?),
            Unit::Month => months(count),
            Unit::Quarter => months(count.checked_mul(3)?),
            Unit::Year => months(count.checked_mul(12)?),
            unit => local.checked_add(unit.fixed()?.checked_mul(count)?),
        }
    }
}

fn nanoseconds_of(date: NaiveDate) -> Option<i64> {
    date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_nanos_opt()
}

/// How a request wants its times to be read.
#[derive(Clone, Debug)]
pub struct Reader {
    pub now: i64,
    pub zone: Zone,
    /// Numbers are seconds; else milliseconds.
    pub seconds: bool,
}

impl Reader {
    pub fn at(now: i64) -> Reader {
        Reader { now, zone: Zone::UTC, seconds: false }
    }

    /// With the `format` of a request, of which only the unit of numbers matters.
    pub fn with_format(mut self, format: Option<&str>) -> Reader {
        self.seconds = format.is_some_and(|format| format.contains("epoch_second"));
        self
    }

    /// A time; where parts are missing or rounded off, the first moment or the `last` one.
    pub fn read(&self, text: &str, last: bool) -> Result<i64, String> {
        let wrong =
            || format!("failed to parse date {text:?}; write 2026-11-23T10:15:30Z, epoch milliseconds, or now-1h");
        let text = text.trim();
        let (base, math) = match text.strip_prefix("now") {
            Some(math) => (self.now, math),
            None => {
                let (date, math) = text.split_once("||").unwrap_or((text, ""));
                // Math works on the first moment.
                (self.date(date, last && math.is_empty()).ok_or_else(wrong)?, math)
            }
        };
        self.math(base, math, last).ok_or_else(wrong)
    }

    /// A number since the epoch.
    pub fn number(&self, number: f64) -> Result<i64, String> {
        let unit = if self.seconds { SECOND } else { MILLISECOND };
        let whole = (number.abs() < 1e15).then(|| (number as i64).checked_mul(unit)).flatten();
        let part = (number.fract() * unit as f64) as i64;
        whole.and_then(|whole| whole.checked_add(part)).ok_or_else(|| format!("the time {number} is out of range"))
    }

    fn math(&self, base: i64, mut math: &str, last: bool) -> Option<i64> {
        let mut time = base;
        while let Some(sign) = math.chars().next() {
            let rest = math.get(1..)?;
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (count, rest) = rest.split_at(if sign == '/' { 0 } else { digits });
            let unit = Unit::read(rest.get(..1)?)?;
            math = rest.get(1..)?;
            let local = time.checked_add(self.zone.east(time))?;
            let moved = match sign {
                '/' if last => unit.add(unit.floor(local), 1)?.checked_sub(1)?,
                '/' => unit.floor(local),
                '+' | '-' => {
                    let count: i64 = if count.is_empty() { 1 } else { count.parse().ok()? };
                    unit.add(local, if sign == '-' { -count } else { count })?
                }
                _ => return None,
            };
            time = self.zone.to_utc(moved);
        }
        Some(time)
    }

    fn date(&self, text: &str, last: bool) -> Option<i64> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        // Four digits are a year.
        if digits.len() != 4 && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            return self.number(text.parse().ok()?).ok();
        }
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return time.timestamp_nanos_opt();
        }
        let (text, zone) = with_zone(text).unwrap_or((text, self.zone));
        let (date, clock) = text.split_once(['T', ' ']).unwrap_or((text, ""));
        let mut parts = date.split('-');
        let mut next = || parts.next().map(|part| part.parse::<u32>().ok());
        let year = next()??;
        let (month, day) = (next(), next());
        let date = NaiveDate::from_ymd_opt(year.try_into().ok()?, month.unwrap_or(Some(1))?, day.unwrap_or(Some(1))?)?;
        let (clock, smallest) = wall_clock(clock)?;
        let smallest = match (month, day) {
            (None, _) => Unit::Year,
            (_, None) => Unit::Month,
            _ => smallest.unwrap_or(Unit::Day),
        };
        let local = NaiveDateTime::new(date, clock).and_utc().timestamp_nanos_opt()?;
        let has_fraction = clock.nanosecond() > 0;
        let local = if last && !has_fraction { smallest_end(local, smallest)? } else { local };
        Some(zone.to_utc(local))
    }
}

/// The last moment of the unit that begins at `local`.
fn smallest_end(local: i64, unit: Unit) -> Option<i64> {
    // A time to the second is meant to the second.
    if unit == Unit::Second { Some(local) } else { unit.add(local, 1)?.checked_sub(1) }
}

/// `10`, `10:15`, `10:15:30`, `10:15:30.123`, and the smallest unit that was said.
fn wall_clock(text: &str) -> Option<(chrono::NaiveTime, Option<Unit>)> {
    if text.is_empty() {
        return Some((chrono::NaiveTime::MIN, None));
    }
    let colons = text.matches(':').count();
    let filled = format!("{text}{}", [":00:00", ":00", ""].get(colons)?);
    let time = chrono::NaiveTime::parse_from_str(&filled, "%H:%M:%S%.f").ok()?;
    Some((time, [Unit::Hour, Unit::Minute, Unit::Second].get(colons).copied()))
}

/// Cuts `Z`, `+01:00` or `+0100` off a date with a time.
fn with_zone(text: &str) -> Option<(&str, Zone)> {
    if let Some(text) = text.strip_suffix('Z') {
        return Some((text, Zone::UTC));
    }
    let clock = text.find(['T', ' '])?;
    let sign = clock + text[clock..].find(['+', '-'])?;
    let (time, zone) = text.split_at(sign);
    Some((time, Zone::read(zone).ok()?))
}

/// How an answer writes a time.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Format {
    /// With milliseconds, as `strict_date_optional_time`.
    #[default]
    Millis,
    /// With as many digits as there are.
    Nanos,
    EpochMillis,
    EpochSecond,
    /// strftime's.
    Pattern(String),
}

impl Format {
    /// A format of Elasticsearch; of several, the first.
    pub fn read(text: &str) -> Result<Format, String> {
        match text.split("||").next().unwrap_or_default() {
            "epoch_millis" => Ok(Format::EpochMillis),
            "epoch_second" => Ok(Format::EpochSecond),
            "strict_date_optional_time_nanos" => Ok(Format::Nanos),
            "strict_date_optional_time" | "date_optional_time" | "strict_date_time" | "date_time" | "iso8601" => {
                Ok(Format::Millis)
            }
            "strict_date_time_no_millis" | "date_time_no_millis" => Ok(Format::Pattern("%Y-%m-%dT%H:%M:%S%:z".into())),
            "strict_date" | "date" => Ok(Format::Pattern("%Y-%m-%d".into())),
            other => pattern(other).map(Format::Pattern),
        }
    }

    pub fn write(&self, time: i64, zone: Zone) -> String {
        let pattern = match self {
            Format::EpochMillis => return time.div_euclid(MILLISECOND).to_string(),
            Format::EpochSecond => return time.div_euclid(SECOND).to_string(),
            Format::Nanos if zone == Zone::UTC => return timestamp(time),
            Format::Nanos => "%Y-%m-%dT%H:%M:%S%.9f%:z",
            Format::Millis => "%Y-%m-%dT%H:%M:%S%.3f%:z",
            Format::Pattern(pattern) => pattern,
        };
        let east = i32::try_from(zone.east(time) / SECOND).ok().and_then(chrono::FixedOffset::east_opt);
        let time = DateTime::<Utc>::from_timestamp_nanos(time);
        let text = match east {
            Some(offset) => time.with_timezone(&offset).format(pattern).to_string(),
            None => time.format(pattern).to_string(),
        };
        match text.strip_suffix("+00:00") {
            Some(text) => format!("{text}Z"),
            None => text,
        }
    }
}

/// Java's letters → strftime's.
fn pattern(java: &str) -> Result<String, String> {
    let known = [
        ("yyyy", "%Y"),
        ("uuuu", "%Y"),
        ("MM", "%m"),
        ("dd", "%d"),
        ("HH", "%H"),
        ("mm", "%M"),
        ("ss", "%S"),
        ("SSS", "%3f"),
        ("XXX", "%:z"),
        ("Z", "%z"),
        ("'T'", "T"),
        ("'Z'", "Z"),
        ("MMM", "%b"),
        ("EEE", "%a"),
    ];
    let mut known = known.to_vec();
    known.sort_by_key(|(java, _)| std::cmp::Reverse(java.len()));
    let (mut rest, mut out) = (java, String::new());
    while let Some(c) = rest.chars().next() {
        if let Some((java, ours)) = known.iter().find(|(java, _)| rest.starts_with(java)) {
            out += ours;
            rest = &rest[java.len()..];
        } else if c.is_ascii_alphabetic() || c == '\'' {
            return Err(format!("the date format [{java}] is not known here from {rest:?} on"));
        } else {
            out += &if c == '%' { "%%".to_owned() } else { c.to_string() };
            rest = &rest[c.len_utf8()..];
        }
    }
    Ok(out)
}

/// Nanoseconds of `30s`, `500ms`, `1.5h`, `1d`; may have a sign.
pub fn span(text: &str) -> Result<i64, String> {
    let wrong = || format!("failed to parse {text:?} as a time value; write 30s, 5m, 1h or 1d");
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
    let (number, unit) = rest.split_at(end);
    let unit = match unit {
        "nanos" | "ns" => 1,
        "micros" | "us" => 1_000,
        "ms" => MILLISECOND,
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        "d" => DAY,
        "w" => 7 * DAY,
        _ => return Err(wrong()),
    };
    let nanoseconds = match number.parse::<i64>() {
        Ok(whole) => whole.checked_mul(unit),
        Err(_) => number.parse::<f64>().ok().map(|n| n * unit as f64).filter(|n| n.abs() < 9e18).map(|n| n as i64),
    };
    let nanoseconds = nanoseconds.ok_or_else(wrong)?;
    Ok(if negative { -nanoseconds } else { nanoseconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_429_800_000_000_000; // 2026-11-23T10:30:00Z, a Monday

    #[test]
    fn times_are_read() {
        let reader = Reader { zone: Zone::read("+01:00").unwrap(), ..Reader::at(NOW) };
        let check = |text: &str, first: &str, last: &str| {
            let read = |last| reader.read(text, last).map_or("none".to_owned(), timestamp);
            assert_eq!((read(false).as_str(), read(true).as_str()), (first, last), "{text}");
        };
        let same = |text: &str, want: &str| check(text, want, want);
        same("now", "2026-11-23T10:30:00Z");
        same("now-1h", "2026-11-23T09:30:00Z");
        same("now-1M", "2026-10-23T10:30:00Z");
        check("now/d", "2026-11-22T23:00:00Z", "2026-11-23T22:59:59.999999999Z");
        check("now-1d/w", "2026-11-15T23:00:00Z", "2026-11-22T22:59:59.999999999Z");
        check("now/h", "2026-11-23T10:00:00Z", "2026-11-23T10:59:59.999999999Z");
        same("2026-11-23T10:15:30Z", "2026-11-23T10:15:30Z");
        same("2026-11-23T10:15:30.123456789Z", "2026-11-23T10:15:30.123456789Z");
        same("2026-11-23T10:15:30+02:00", "2026-11-23T08:15:30Z");
        same("2026-11-23T10:15:30", "2026-11-23T09:15:30Z");
        check("2026-11-23T10:15", "2026-11-23T09:15:00Z", "2026-11-23T09:15:59.999999999Z");
        check("2026-11-23T10Z", "2026-11-23T10:00:00Z", "2026-11-23T10:59:59.999999999Z");
        check("2026-11-23", "2026-11-22T23:00:00Z", "2026-11-23T22:59:59.999999999Z");
        check("2026-11", "2026-10-31T23:00:00Z", "2026-11-30T22:59:59.999999999Z");
        check("2026", "2025-12-31T23:00:00Z", "2026-12-31T22:59:59.999999999Z");
        same("2026-11-23||+1d", "2026-11-23T23:00:00Z");
        same("1795429800123", "2026-11-23T10:30:00.123Z");
        for wrong in [
            "",
            "noon",
            "now-",
            "now-1x",
            "now*1d",
            "now/",
            "now-é",
            "2026-13-01",
            "2026-11-23T25",
            "20é6",
            "now-99999999999999999999d",
            "now+9999999999y",
            "-",
            "1e5",
            "2026-11-23||é",
        ] {
            check(wrong, "none", "none");
        }
        assert_eq!(Reader { seconds: true, ..reader.clone() }.read("1795429800", false), Ok(NOW));
    }

    #[test]
    fn times_are_written() {
        let time = NOW + 123_456_789;
        let check = |format: &str, zone: &str, want: &str| {
            assert_eq!(Format::read(format).unwrap().write(time, Zone::read(zone).unwrap()), want, "{format}");
        };
        check("epoch_millis", "UTC", "1795429800123");
        check("epoch_second||x", "UTC", "1795429800");
        check("strict_date_optional_time", "UTC", "2026-11-23T10:30:00.123Z");
        check("strict_date_optional_time", "Europe/Berlin", "2026-11-23T11:30:00.123+01:00");
        check("strict_date_optional_time_nanos", "UTC", "2026-11-23T10:30:00.123456789Z");
        check("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "+02:00", "2026-11-23T12:30:00.123+02:00");
        check("yyyy.MM.dd 100%", "UTC", "2026.11.23 100%");
        assert!(Format::read("YYYY").is_err() && Format::read("'x").is_err());
    }

    #[test]
    fn spans() {
        let check = |text: &str, want: Option<i64>| assert_eq!(span(text).ok(), want, "{text}");
        check("30s", Some(30 * SECOND));
        check("500ms", Some(500 * MILLISECOND));
        check("-1.5h", Some(-90 * MINUTE));
        check("+6h", Some(6 * HOUR));
        check("7d", Some(7 * DAY));
        for wrong in ["", "s", "5", "1M", "9999999999999d", "1..2s", "é"] {
            check(wrong, None);
        }
    }

    #[test]
    fn clocks_that_change() {
        let berlin = Zone::read("Europe/Berlin").unwrap();
        // 2026-10-25T00:00 local is 22:00 UTC the day before; the day has 25 hours.
        let noon = Reader::at(NOW).read("2026-10-25T12:00:00Z", false).unwrap();
        let start = berlin.to_utc(Unit::Day.floor(noon + berlin.east(noon)));
        let end = berlin.to_utc(Unit::Day.add(start + berlin.east(start), 1).unwrap());
        assert_eq!((timestamp(start).as_str(), (end - start) / HOUR), ("2026-10-24T22:00:00Z", 25));
    }
}
