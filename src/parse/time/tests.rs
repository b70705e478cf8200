//! Tables of times.

use super::*;
use chrono::DateTime;

const NOTHING: Written = Written::Nothing;

/// What is read from the head of `text`: the time as it would be in UTC, with year 0001 and day 0001-01-01 where those are
/// not written, its zone, and how many bytes it takes.
fn check(text: &str, want: Option<(&str, Written, usize)>) {
    let found = stamp(text).map(|(stamp, length)| {
        let day = match stamp.day {
            Day::Date(days) | Day::Either(days, _) => {
                let time = DateTime::from_timestamp_nanos(days * 86_400_000_000_000 + stamp.of_day);
                time.format("%Y-%m-%dT%H:%M:%S%.f").to_string()
            }
            Day::Yearless(month, day) => format!("{month:02}-{day:02}T{}", clock(stamp.of_day)),
            Day::Unknown => clock(stamp.of_day),
        };
        (day, stamp.zone, length)
    });
    assert_eq!(found, want.map(|(time, zone, length)| (time.to_owned(), zone, length)), "{text}");
}

fn clock(of_day: i64) -> String {
    DateTime::from_timestamp_nanos(of_day).format("%H:%M:%S%.f").to_string()
}

#[test]
fn year_first() {
    check("2026-11-23 10:15:30 - x", Some(("2026-11-23T10:15:30", NOTHING, 19)));
    check("2026-11-23 10:15:30,004 - x", Some(("2026-11-23T10:15:30.004", NOTHING, 23)));
    check("2026-11-23T10:15:30.1234567891Z", Some(("2026-11-23T10:15:30.123456789", Written::Offset(0), 31)));
    check("2026-11-23T10:15:30+01:30 x", Some(("2026-11-23T10:15:30", Written::Offset(5400), 25)));
    check("2026-11-23T10:15:30-0530", Some(("2026-11-23T10:15:30", Written::Offset(-19_800), 24)));
    check("2026-11-23 10:15:30 +0100 x", Some(("2026-11-23T10:15:30", Written::Offset(3600), 25)));
    check("2026-11-23 10:15:30+01", Some(("2026-11-23T10:15:30", Written::Offset(3600), 22)));
    check("2026-11-23 10:15:30 CET [1]", Some(("2026-11-23T10:15:30", Written::Offset(3600), 23)));
    check("2026-11-23 10:15:30 INFO x", Some(("2026-11-23T10:15:30", NOTHING, 19)));
    check("2026-11-23 10:15:30 -5 degrees", Some(("2026-11-23T10:15:30", NOTHING, 19)));
    check("2026-11-23 3:04:05 PM x", Some(("2026-11-23T15:04:05", NOTHING, 21)));
    check("2026-11-23 12:04:05 AM", Some(("2026-11-23T00:04:05", NOTHING, 22)));
    check("2026-11-23 10:15:60", Some(("2026-11-23T10:15:59", NOTHING, 19)));
    check("2028-02-29 10:15:30", Some(("2028-02-29T10:15:30", NOTHING, 19)));
    check("2026/11/23 10:15:30.5", Some(("2026-11-23T10:15:30.500", NOTHING, 21)));
    check("2005-06-03-15.42.50.675872 R", Some(("2005-06-03T15:42:50.675872", NOTHING, 26)));
    for none in
        ["2026-02-29 10:15:30", "2026-13-01 10:15:30", "2026-11-23 24:15:30", "2026-11-23", "2026–11-23 10:15:30"]
    {
        check(none, None);
    }
}

#[test]
fn other_orders() {
    check("23/Nov/2026:10:15:30 +0100]", Some(("2026-11-23T10:15:30", Written::Offset(3600), 26)));
    check("17/06/09 20:10:40 INFO", Some(("2017-06-09T20:10:40", NOTHING, 17)));
    check("11/23/2026 3:04:05 PM", Some(("2026-11-23T15:04:05", NOTHING, 21)));
    check("23/11/2026 10:15:30", Some(("2026-11-23T10:15:30", NOTHING, 19)));
    check("23-Nov-2026 10:15:30 Europe/Berlin]", Some(("2026-11-23T10:15:30", Written::Named(Tz::Europe__Berlin), 34)));
    check("23.11.2026 10:15:30", Some(("2026-11-23T10:15:30", NOTHING, 19)));
    check("23 Nov 2026 10:15:30.123 *", Some(("2026-11-23T10:15:30.123", NOTHING, 24)));
    check("Mon Nov 23 10:15:30.5 2026]", Some(("2026-11-23T10:15:30.500", NOTHING, 26)));
    check("Mon Nov 23 10:15:30 UTC 2026", Some(("2026-11-23T10:15:30", Written::Offset(0), 28)));
    check("Mon, 23 Nov 2026 10:15:30 GMT", Some(("2026-11-23T10:15:30", Written::Offset(0), 29)));
    check("Mon 2026-11-23 10:15:30 CET x", Some(("2026-11-23T10:15:30", Written::Offset(3600), 27)));
    check("Nov 23, 2026 3:04:05 PM a", Some(("2026-11-23T15:04:05", NOTHING, 23)));
    check("Nov 23, 2026 3:04:05\u{202f}PM a", Some(("2026-11-23T15:04:05", NOTHING, 25)));
    check("081109 203615 148 INFO", Some(("2008-11-09T20:36:15", NOTHING, 13)));
    check("20171223-22:15:29:606|x", Some(("2017-12-23T22:15:29.606", NOTHING, 21)));
    check("20171224-0:7:20:9|x", Some(("2017-12-24T00:07:20.009", NOTHING, 17)));
    check("20261123T101530.123Z", Some(("2026-11-23T10:15:30.123", Written::Offset(0), 20)));
    check("20261123101530 x", Some(("2026-11-23T10:15:30", NOTHING, 14)));
    for none in
        ["10.0.0.7 - -", "1.2.3", "23/Foo/2026:10:15:30 +0000", "99/99/2026 10:15:30", "Monday morning", "May I", ""]
    {
        check(none, None);
    }
}

#[test]
fn parts_and_numbers() {
    check("Nov 23 10:15:30 host", Some(("11-23T10:15:30", NOTHING, 15)));
    check("Nov  3 10:15:30 host", Some(("11-03T10:15:30", NOTHING, 15)));
    check("11-23 10:15:30.5  1", Some(("11-23T10:15:30.500", NOTHING, 16)));
    check("10.30 16:49:06] x", Some(("10-30T16:49:06", NOTHING, 14)));
    check("10:15:30.123 [main]", Some(("10:15:30.123", NOTHING, 12)));
    check("1763892930 x", Some(("2025-11-23T10:15:30", Written::Offset(0), 10)));
    check("1763892930.5", Some(("2025-11-23T10:15:30.500", Written::Offset(0), 12)));
    check("1763892930123", Some(("2025-11-23T10:15:30.123", Written::Offset(0), 13)));
    check("1763892930123456789", Some(("2025-11-23T10:15:30.123456789", Written::Offset(0), 19)));
    check("1.7638929305e+09\t", Some(("2025-11-23T10:15:30.500", Written::Offset(0), 16)));
    for none in ["17638929301", "0763892930", "176389293x", "1.7638929305e+08", "12:34"] {
        check(none, None);
    }
}
