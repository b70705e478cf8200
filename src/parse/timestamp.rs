//! Times as they stand in lines. Written by hand, because every line has one: chrono's own parsing takes six
//! times as long.

use crate::sys::clock::SECOND;

/// A time as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Nanoseconds since the epoch, if the clock shown were UTC's.
    pub naive: i64,
    /// Seconds east of UTC, where the line says so.
    pub offset: Option<i32>,
}

/// Two decimal digits.
fn two(bytes: &[u8], at: usize) -> Option<i64> {
    let (tens, ones) = (bytes.get(at)?.wrapping_sub(b'0'), bytes.get(at + 1)?.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(tens * 10 + ones))
}

/// Days since the epoch of a civil date (after Howard Hinnant's `days_from_civil`).
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let length = match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if day < 1 || day > length {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// Hours, minutes, seconds at `at`, as `hh:mm:ss`; a leap second counts as the second before.
fn clock(bytes: &[u8], at: usize) -> Option<i64> {
    let (hour, minute, second) = (two(bytes, at)?, two(bytes, at + 3)?, two(bytes, at + 6)?);
    let good = bytes[at + 2] == b':' && bytes[at + 5] == b':' && hour < 24 && minute < 60 && second <= 60;
    good.then(|| hour * 3600 + minute * 60 + second.min(59))
}

/// A time of ISO 8601 or RFC 3339 at the head of `text`, with its length in bytes: `2026-11-23 10:15:30,123`,
/// `2026-11-23T10:15:30.123456789+01:00`. Years 1970 to 2261.
pub fn iso(text: &str) -> Option<(Stamp, usize)> {
    let bytes = text.as_bytes();
    let year = two(bytes, 0)? * 100 + two(bytes, 2)?;
    let shape =
        bytes.get(4) == Some(&b'-') && bytes.get(7) == Some(&b'-') && matches!(bytes.get(10), Some(b' ' | b'T'));
    if !shape || !(1970..=2261).contains(&year) {
        return None;
    }
    let day = days(year, two(bytes, 5)?, two(bytes, 8)?)?;
    let seconds = day * 86_400 + clock(bytes, 11)?;
    let (nanoseconds, mut end) = fraction(bytes, 19);
    let offset = offset(bytes, &mut end);
    Some((Stamp { naive: seconds * SECOND + nanoseconds, offset }, end))
}

/// `.123` or `,123` at `at`: nanoseconds and the place behind. More than nine digits are skipped.
fn fraction(bytes: &[u8], at: usize) -> (i64, usize) {
    if !matches!(bytes.get(at), Some(b'.' | b',')) || !bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
        return (0, at);
    }
    let (mut value, mut unit, mut end) = (0, SECOND, at + 1);
    while let Some(digit) = bytes.get(end).filter(|b| b.is_ascii_digit()) {
        unit /= 10;
        value += i64::from(digit - b'0') * unit;
        end += 1;
    }
    (value, end)
}

/// `Z`, `+01:00`, `-0530` at `end`, which is moved behind it.
fn offset(bytes: &[u8], end: &mut usize) -> Option<i32> {
    let sign = match bytes.get(*end)? {
        b'Z' => {
            *end += 1;
            return Some(0);
        }
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours = two(bytes, *end + 1)?;
    let colon = usize::from(bytes.get(*end + 3) == Some(&b':'));
    let minutes = two(bytes, *end + 3 + colon)?;
    if hours > 14 || minutes > 59 {
        return None;
    }
    *end += 5 + colon;
    Some(sign * (hours * 3600 + minutes * 60) as i32)
}

/// The access log's `23/Nov/2026:10:15:30 +0000`, all of `text`.
pub fn access(text: &str) -> Option<Stamp> {
    const MONTHS: [&[u8]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    let bytes = text.as_bytes();
    let month = MONTHS.iter().position(|m| bytes.get(3..6) == Some(*m))? as i64 + 1;
    let year = two(bytes, 7)? * 100 + two(bytes, 9)?;
    let shape = bytes.get(2) == Some(&b'/') && bytes.get(6) == Some(&b'/') && bytes.get(11) == Some(&b':');
    if !shape || !(1970..=2261).contains(&year) {
        return None;
    }
    let seconds = days(year, month, two(bytes, 0)?)? * 86_400 + clock(bytes, 12)?;
    // Behind a blank.
    let mut end = 21;
    let offset = offset(bytes, &mut end);
    Some(Stamp { naive: seconds * SECOND, offset })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, NaiveDate};

    #[test]
    fn iso_shapes() {
        let check = |text: &str, want: Option<(&str, Option<i32>, usize)>| {
            let want = want.map(|(naive, offset, len)| {
                let naive = DateTime::parse_from_rfc3339(naive).unwrap().timestamp_nanos_opt().unwrap();
                (Stamp { naive, offset }, len)
            });
            assert_eq!(iso(text), want, "{text}");
        };
        check("2026-11-23 10:15:30 - x", Some(("2026-11-23T10:15:30Z", None, 19)));
        check("2026-11-23 10:15:30,004 - x", Some(("2026-11-23T10:15:30.004Z", None, 23)));
        check("2026-11-23T10:15:30.123456", Some(("2026-11-23T10:15:30.123456Z", None, 26)));
        check("2026-11-23T10:15:30.1234567891Z", Some(("2026-11-23T10:15:30.123456789Z", Some(0), 31)));
        check("2026-11-23T10:15:30+01:30 x", Some(("2026-11-23T10:15:30Z", Some(5400), 25)));
        check("2026-11-23T10:15:30-0530", Some(("2026-11-23T10:15:30Z", Some(-19_800), 24)));
        check("2026-11-23 10:15:60", Some(("2026-11-23T10:15:59Z", None, 19)));
        check("2026-02-29 10:15:30", None);
        check("2028-02-29 10:15:30", Some(("2028-02-29T10:15:30Z", None, 19)));
        check("2026-13-01 10:15:30", None);
        check("2026-11-23 24:15:30", None);
        check("2026-11-23", None);
        check("2026-11-23 10:15:3", None);
        check("", None);
        check("2026–11-23 10:15:30", None);
    }

    #[test]
    fn access_shape() {
        let want = DateTime::parse_from_rfc3339("2026-11-23T10:15:30Z").unwrap().timestamp_nanos_opt();
        assert_eq!(access("23/Nov/2026:10:15:30 +0000").map(|s| s.naive), want);
        assert_eq!(access("23/Nov/2026:10:15:30 +0100").map(|s| s.offset), Some(Some(3600)));
        assert_eq!(access("23/Foo/2026:10:15:30 +0000"), None);
        assert_eq!(access("23/Nov"), None);
    }

    #[test]
    fn days_as_chrono_counts_them() {
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        for n in (0..100_000).step_by(13) {
            let date = epoch + chrono::Duration::days(n);
            use chrono::Datelike;
            assert_eq!(days(date.year().into(), date.month().into(), date.day().into()), Some(n));
        }
    }
}
