//! The shapes, told apart by how many digits begin them and what follows.

use super::cursor::Cursor;
use super::{Day, Stamp, Written, days, names};
use crate::sys::clock::SECOND;

/// Years that times are believed to be of: what nanoseconds since 1970 in 64 bits can hold.
const YEARS: std::ops::RangeInclusive<i64> = 1970..=2261;
/// Seconds since the epoch that a bare number of ten digits is believed to be: 2001 to 2100.
const EPOCHS: std::ops::Range<i64> = 1_000_000_000..4_102_444_800;

/// The time at the head of `text`, with its length in bytes.
pub fn stamp(text: &str) -> Option<(Stamp, usize)> {
    let bytes = text.as_bytes();
    let mut cursor = Cursor { bytes, at: 0 };
    let stamp = match *bytes.first()? {
        b'0'..=b'9' => match iso(text) {
            Some(found) => return Some(found),
            None => numeric(&mut cursor),
        },
        b'A'..=b'Z' => worded(&mut cursor),
        _ => None,
    }?;
    Some((stamp, cursor.at))
}

/// The shape that most lines have, quickly: `2026-11-23 10:15:30,123`, `2026-11-23T10:15:30.123456789+01:00`.
pub fn iso(text: &str) -> Option<(Stamp, usize)> {
    let bytes = text.as_bytes();
    let head: &[u8; 19] = bytes.first_chunk()?;
    let two = |at: usize| {
        let (tens, ones) = (head[at].wrapping_sub(b'0'), head[at + 1].wrapping_sub(b'0'));
        (tens < 10 && ones < 10).then(|| i64::from(tens * 10 + ones))
    };
    let is_shape = head[4] == b'-' && head[7] == b'-' && head[13] == b':' && head[16] == b':';
    if !is_shape || !matches!(head[10], b' ' | b'T') {
        return None;
    }
    let day = date(two(0)? * 100 + two(2)?, two(5)?, two(8)?)?;
    let (hour, minute, second) = (two(11)?, two(14)?, two(17)?);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut cursor = Cursor { bytes, at: 19 };
    let of_day = (hour * 3600 + minute * 60 + second.min(59)) * SECOND + cursor.fraction();
    // A clock of twelve hours.
    if cursor.peek() == Some(b' ') && matches!(bytes.get(cursor.at + 1), Some(b'A' | b'P' | b'a' | b'p')) {
        let mut cursor = Cursor { bytes, at: 11 };
        let of_day = cursor.clock()?;
        let zone = names::zone(&mut cursor);
        return Some((Stamp { day, of_day, zone }, cursor.at));
    }
    let zone = names::zone(&mut cursor);
    Some((Stamp { day, of_day, zone }, cursor.at))
}

fn date(year: i64, month: i64, day: i64) -> Option<Day> {
    if !YEARS.contains(&year) {
        return None;
    }
    days(year, month, day).map(Day::Date)
}

/// A date of which day and month stand in an order that only their values may tell.
fn either(year: i64, usual: (i64, i64), other: (i64, i64)) -> Option<Day> {
    let (usual, other) = (date(year, usual.0, usual.1), date(year, other.0, other.1));
    match (usual, other) {
        (Some(Day::Date(usual)), Some(Day::Date(other))) if usual != other => Some(Day::Either(usual, other)),
        _ => usual.or(other),
    }
}

/// A year of two digits: the last seventy years and the next thirty, as POSIX has it.
fn century(year: i64) -> i64 {
    if year < 69 { 2000 + year } else { 1900 + year }
}

fn yearless(month: i64, day: i64) -> Option<Day> {
    // The 29th of February is a day in some years.
    days(2000, month, day).map(|_| Day::Yearless(month as u8, day as u8))
}

fn numeric(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let count = cursor.digits();
    let next = cursor.bytes.get(count).copied();
    match (count, next) {
        (4, Some(b'-' | b'/' | b'.' | b':')) => year_first(cursor),
        (1 | 2, Some(b'/')) => slashes(cursor),
        (1 | 2, Some(b'-')) => dashes(cursor),
        (1, Some(b'.')) if cursor.bytes.iter().skip(2).take(9).all(u8::is_ascii_digit) => scientific(cursor),
        (1 | 2, Some(b'.')) => dots(cursor),
        (1 | 2, Some(b' ')) => day_first(cursor),
        (4, Some(b' ')) => year_alone(cursor),
        (1 | 2, Some(b':')) => clock_only(cursor, count),
        (6 | 8, Some(b' ' | b'-' | b'T' | b'_' | b':')) => compact(cursor, count),
        (14, _) => joined(cursor),
        (10 | 13 | 16 | 19, _) => epoch(cursor, count),
        _ => None,
    }
}

/// What follows a date: a separator, the clock, the zone.
fn with_clock(cursor: &mut Cursor<'_>, day: Option<Day>, separators: &[u8]) -> Option<Stamp> {
    let day = day?;
    // Date and clock may stand in brackets of their own.
    let apart = ["] [", "]["].iter().find(|apart| cursor.rest().starts_with(apart.as_bytes()));
    if let Some(apart) = apart {
        cursor.at += apart.len();
    } else if cursor.one_of(separators)? == b' ' {
        cursor.blanks();
        // Some put a dash or two between them.
        if cursor.eat(b'-').is_some() {
            cursor.at += usize::from(cursor.peek() == Some(b'-'));
            cursor.eat(b' ')?;
        }
    }
    let of_day = cursor.clock_of_date()?;
    let zone = names::zone(cursor);
    Some(Stamp { day, of_day, zone })
}

/// `2026/11/23 10:15:30`, `2026.11.23 10:15:30`, `2005-06-03-15.42.50.675872`, `2026-11-23_10:15:30`, `2026-1-2 3:04:05`,
/// `2026/11/23 - 10:15:30`, `2026-11-23, 10:15:30`, `2026-11-23][10:15:30`, `2026-11-23 10:15`.
fn year_first(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let year = cursor.number(4, 4)?;
    let separator = cursor.one_of(b"-/.:")?;
    let month = cursor.number(1, 2)?;
    cursor.eat(separator)?;
    let day = cursor.number(1, 2)?;
    cursor.eat_comma();
    with_clock(cursor, date(year, month, day), b" T-_:/\t")
}

/// `23/Nov/2026:10:15:30 +0000`, `17/06/09 20:10:40` (year first, as log4j writes it), `11/23/2026 3:04:05 PM`.
/// Of two numbers before a year of four digits the first is mostly the month.
fn slashes(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let first = cursor.number(1, 2)?;
    cursor.eat(b'/')?;
    if let Some(month) = names::month(cursor) {
        cursor.eat(b'/')?;
        let year = cursor.number(4, 4)?;
        return with_clock(cursor, date(year, month, first), b": ");
    }
    let second = cursor.number(1, 2)?;
    if cursor.peek() == Some(b' ') {
        return with_clock(cursor, yearless(first, second), b" ");
    }
    cursor.eat(b'/')?;
    let day = match cursor.digits() {
        4 => {
            let year = cursor.number(4, 4)?;
            either(year, (first, second), (second, first))
        }
        2 => {
            let third = cursor.two()?;
            if second > 12 { date(century(third), first, second) } else { date(century(first), second, third) }
        }
        _ => None,
    };
    cursor.eat_comma();
    with_clock(cursor, day, b" -:T")
}

/// `23-Nov-2026 10:15:30`, `23-Nov-26 10:15:30`, `11-23 16:13:38.811` (Android), `23-11-2026 10:15:30`, `26-11-23 10:15:30`.
fn dashes(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let first = cursor.number(1, 2)?;
    cursor.eat(b'-')?;
    if let Some(month) = names::month(cursor) {
        cursor.eat(b'-')?;
        let year = if cursor.digits() == 2 { century(cursor.two()?) } else { cursor.number(4, 4)? };
        // Erlang writes two.
        if cursor.rest().starts_with(b"::") {
            cursor.at += 1;
        }
        return with_clock(cursor, date(year, month, first), b" :T");
    }
    let second = cursor.two()?;
    if cursor.peek() == Some(b' ') {
        return with_clock(cursor, yearless(first, second), b" ");
    }
    cursor.eat(b'-')?;
    let day = match cursor.digits() {
        4 => either(cursor.number(4, 4)?, (second, first), (first, second)),
        2 => date(century(first), second, cursor.two()?),
        _ => None,
    };
    with_clock(cursor, day, b" T")
}

/// `23.11.2026 10:15:30`, `1.12.2026 10:15:30`, `10.30 16:49:06` (month first).
fn dots(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let begin = cursor.at;
    let first = cursor.number(1, 2)?;
    cursor.eat(b'.')?;
    let second = cursor.number(1, 2)?;
    if cursor.peek() == Some(b' ') && cursor.at - begin == 5 {
        return with_clock(cursor, yearless(first, second), b" ");
    }
    cursor.eat(b'.')?;
    let year = match cursor.digits() {
        4 => cursor.number(4, 4)?,
        2 => century(cursor.two()?),
        _ => return None,
    };
    cursor.eat_comma();
    with_clock(cursor, date(year, second, first), b" T-")
}

/// `23 Nov 2026 10:15:30.123`, `23 Nov 10:15:30`.
fn day_first(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let day = cursor.number(1, 2)?;
    cursor.eat(b' ')?;
    let month = names::month(cursor)?;
    cursor.eat(b' ')?;
    let day = match cursor.digits() {
        4 => {
            let year = cursor.number(4, 4)?;
            cursor.eat(b' ')?;
            date(year, month, day)
        }
        _ => yearless(month, day),
    }?;
    let of_day = cursor.clock()?;
    let zone = names::zone(cursor);
    Some(Stamp { day, of_day, zone })
}

/// `2026 Nov 23 10:15:30`.
fn year_alone(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let year = cursor.number(4, 4)?;
    cursor.eat(b' ')?;
    let month = names::month(cursor)?;
    cursor.blanks();
    let day = cursor.number(1, 2)?;
    with_clock(cursor, date(year, month, day), b" ")
}

/// `10:15:30`, and `3:04PM` as Go's `Kitchen` has it.
fn clock_only(cursor: &mut Cursor<'_>, count: usize) -> Option<Stamp> {
    let mut ahead = *cursor;
    let of_day = match ahead.kitchen() {
        Some(of_day) => {
            *cursor = ahead;
            of_day
        }
        None if count == 2 => cursor.clock()?,
        // With one digit only on a clock of twelve hours.
        None => {
            let of_day = cursor.clock()?;
            matches!(cursor.bytes[cursor.at - 1], b'M' | b'm').then_some(of_day)?
        }
    };
    let zone = names::zone(cursor);
    cursor.is_end().then_some(Stamp { day: Day::Unknown, of_day, zone })
}

/// `081109 203615`, `20171223-22:15:29:606`, `20261123T101530.123Z`, `261123 10:15:30`, `20261123:101530.123`.
fn compact(cursor: &mut Cursor<'_>, count: usize) -> Option<Stamp> {
    let year = if count == 8 { cursor.number(4, 4)? } else { century(cursor.two()?) };
    let day = date(year, cursor.two()?, cursor.two()?)?;
    if cursor.one_of(b" -T_:")? == b' ' {
        cursor.blanks();
    }
    let of_day = match cursor.digits() {
        6 => six(cursor)?,
        _ => cursor.clock_of(1, false)?,
    };
    let zone = names::zone(cursor);
    cursor.is_end().then_some(Stamp { day, of_day, zone })
}

/// `101530` with a fraction.
fn six(cursor: &mut Cursor<'_>) -> Option<i64> {
    let (hour, minute, second) = (cursor.two()?, cursor.two()?, cursor.two()?);
    let good = hour < 24 && minute < 60 && second <= 60;
    let fraction = cursor.fraction();
    good.then(|| (hour * 3600 + minute * 60 + second.min(59)) * SECOND + fraction)
}

/// `20261123101530`.
fn joined(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let day = date(cursor.number(4, 4)?, cursor.two()?, cursor.two()?)?;
    let of_day = six(cursor)?;
    let zone = names::zone(cursor);
    cursor.is_end().then_some(Stamp { day, of_day, zone })
}

/// Google's logging libraries: `1123 10:15:30.123456`, `20261123 10:15:30.123456`, `261123 10:15:30.123456`; Chromium's:
/// `1123/101530.123456`. Only where a level's letter or numbers stand before it, so [`stamp`] does not look for it.
pub fn klog(text: &str) -> Option<(Stamp, usize)> {
    let mut cursor = Cursor { bytes: text.as_bytes(), at: 0 };
    let day = match cursor.digits() {
        4 => yearless(cursor.two()?, cursor.two()?),
        6 => date(century(cursor.two()?), cursor.two()?, cursor.two()?),
        8 => date(cursor.number(4, 4)?, cursor.two()?, cursor.two()?),
        _ => None,
    };
    if cursor.eat(b'/').is_some() {
        let of_day = six(&mut cursor)?;
        return Some((Stamp { day: day?, of_day, zone: Written::Nothing }, cursor.at));
    }
    let stamp = with_clock(&mut cursor, day, b" ")?;
    Some((stamp, cursor.at))
}

/// Since the epoch: seconds, with a fraction or without, milliseconds, microseconds, nanoseconds.
fn epoch(cursor: &mut Cursor<'_>, count: usize) -> Option<Stamp> {
    let seconds = cursor.number(10, 10)?;
    let fraction = if count == 10 {
        cursor.fraction()
    } else {
        let rest = count - 10;
        cursor.number(rest, rest)? * 10_i64.pow(9 - rest as u32)
    };
    let good = EPOCHS.contains(&seconds) && cursor.is_end();
    good.then(|| Stamp { day: Day::Date(0), of_day: seconds * SECOND + fraction, zone: Written::Offset(0) })
}

/// `1.7956944355563753e+09`: seconds since the epoch as zap's console writes them.
fn scientific(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let whole = cursor.number(1, 1)?;
    cursor.eat(b'.')?;
    let seconds = cursor.number(9, 9)?;
    let fraction = cursor.digits();
    // Nine digits are seconds, as the exponent says; the rest is a fraction of one.
    let nanoseconds = match fraction {
        0 => 0,
        1..=9 => cursor.number(fraction, fraction)? * 10_i64.pow(9 - fraction as u32),
        _ => return None,
    };
    cursor.eat(b'e')?;
    cursor.eat(b'+')?;
    let seconds = whole * SECOND + seconds;
    let good = cursor.two()? == 9 && EPOCHS.contains(&seconds) && cursor.is_end();
    good.then(|| Stamp { day: Day::Date(0), of_day: seconds * SECOND + nanoseconds, zone: Written::Offset(0) })
}

/// `Nov 23 10:15:30`, `Nov 23 2026 10:15:30`, `Nov 23, 2026 3:04:05 PM`, `Mon Nov 23 10:15:30.123456 UTC 2026`,
/// `Mon, 23 Nov 2026 10:15:30 GMT`.
fn worded(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    if names::weekday(cursor).is_some() {
        cursor.eat_comma();
        cursor.eat(b' ')?;
        cursor.blanks();
        match cursor.digits() {
            0 => {}
            4 => return year_first(cursor),
            _ => return day_first(cursor),
        }
    }
    let month = names::month(cursor)?;
    cursor.eat(b' ')?;
    cursor.blanks();
    let day = cursor.number(1, 2)?;
    cursor.eat_comma();
    cursor.eat(b' ')?;
    if cursor.digits() == 4 {
        let year = cursor.number(4, 4)?;
        cursor.eat_comma();
        return with_clock(cursor, date(year, month, day), b" ");
    }
    let of_day = cursor.clock()?;
    let mut zone = names::zone(cursor);
    // The year may stand at the end; a message that begins with such a number is rarer.
    let mut ahead = *cursor;
    let year = ahead.eat(b' ').and_then(|()| ahead.number(4, 4));
    // An address may begin so, too.
    let is_address = || ahead.peek() == Some(b':') && ahead.bytes.get(ahead.at + 1) != Some(&b' ');
    let year = year.filter(|year| YEARS.contains(year) && ahead.is_end() && !is_address());
    let day = match year {
        Some(year) => {
            *cursor = ahead;
            if zone == Written::Nothing {
                zone = names::zone(cursor);
            }
            date(year, month, day)
        }
        None => yearless(month, day),
    }?;
    Some(Stamp { day, of_day, zone })
}
