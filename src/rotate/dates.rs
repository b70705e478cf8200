//! The date in a generation's name: made by a `dateformat`, and read back.

use chrono::{DateTime, NaiveDateTime, TimeZone};

/// What may stand behind a `%`.
const FIELDS: &str = "YmdHMSVszGygUWuwj";
/// Characters that the suffix may have, and that logrotate's pattern for it may have.
const LONGEST: usize = 64;
const LONGEST_PATTERN: usize = 127;

/// A time as a name has it: year, month, day, hour, minute, second, seconds since the epoch; negated, so that old is
/// great. What the format does not say is 0.
pub(super) type Key = [i64; 7];

enum Piece {
    Literal(char),
    Field(char),
}

fn pieces(format: &str) -> impl Iterator<Item = Piece> + '_ {
    let mut characters = format.chars().peekable();
    std::iter::from_fn(move || {
        let c = characters.next()?;
        // Another `%` is itself, as is what stands behind it.
        match characters.peek() {
            Some(&field) if c == '%' && FIELDS.contains(field) => {
                characters.next();
                Some(Piece::Field(field))
            }
            _ => Some(Piece::Literal(c)),
        }
    })
}

/// Digits of a field; `None`: a sign and four digits.
fn width(field: char) -> Option<usize> {
    match field {
        'Y' | 'G' => Some(4),
        'j' => Some(3),
        's' => Some(10),
        'u' | 'w' => Some(1),
        'z' => None,
        _ => Some(2),
    }
}

/// What counts of `format`: logrotate reads no more of it than a suffix may have.
pub(super) fn cut(format: &str) -> &str {
    let end = (0..LONGEST.min(format.len() + 1)).rev().find(|end| format.is_char_boundary(*end));
    &format[..end.unwrap_or(0)]
}

/// Whether names can be made and found by `format`.
pub(super) fn check(format: &str) -> Result<(), String> {
    if format.contains('/') {
        return Err(format!("bad dateformat {format}; write a part of a file name, without /"));
    }
    let length = |piece: Piece| match piece {
        Piece::Literal(c) => (c.len_utf8(), c.len_utf8()),
        Piece::Field(field) => (width(field).unwrap_or(5), width(field).unwrap_or(5) * "[0-9]".len()),
    };
    let (name, pattern) = pieces(format).map(length).fold((0, 0), |sum, each| (sum.0 + each.0, sum.1 + each.1));
    if name >= LONGEST || pattern > LONGEST_PATTERN {
        return Err(format!("Date format {format} is too long"));
    }
    Ok(())
}

/// The suffix for `local`, a moment of the calendar that is near `now`.
pub(super) fn suffix<Z: TimeZone>(format: &str, local: NaiveDateTime, now: &DateTime<Z>) -> String
where
    Z::Offset: std::fmt::Display,
{
    let mut text = String::new();
    for piece in pieces(format) {
        match piece {
            Piece::Literal(c) => text.push(c),
            Piece::Field('s') => text.push_str(&now.timestamp().to_string()),
            Piece::Field('z') => text.push_str(&now.format("%z").to_string()),
            Piece::Field(field) => text.push_str(&local.format(&format!("%{field}")).to_string()),
        }
    }
    text
}

/// Reads a suffix back; `None` if it was not made by `format`.
pub(super) fn key(format: &str, suffix: &[u8]) -> Option<Key> {
    let (mut key, mut rest) = ([0; 7], suffix);
    for piece in pieces(format) {
        match piece {
            Piece::Literal(c) => rest = rest.strip_prefix(c.encode_utf8(&mut [0; 4]).as_bytes())?,
            Piece::Field('z') => {
                rest = rest.strip_prefix(b"+").or_else(|| rest.strip_prefix(b"-"))?;
                rest = digits(rest, 4)?.1;
            }
            Piece::Field(field) => {
                let (number, behind) = digits(rest, width(field)?)?;
                rest = behind;
                match "YmdHMSs".find(field) {
                    Some(index) => key[index] = -number,
                    // The two digits of a year, and the day of one in the place of the month.
                    None if field == 'y' => key[0] = -(2000 + number),
                    None if field == 'j' => key[1] = -number,
                    None => {}
                }
            }
        }
    }
    rest.is_empty().then_some(key)
}

fn digits(text: &[u8], count: usize) -> Option<(i64, &[u8])> {
    let (number, rest) = text.split_at_checked(count)?;
    let is_number = number.iter().all(u8::is_ascii_digit);
    Some((std::str::from_utf8(number).ok().filter(|_| is_number)?.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Utc;

    #[test]
    fn made_and_read_back() {
        let check = |format: &str, want: &str| {
            let now = Utc.with_ymd_and_hms(2026, 3, 1, 0, 5, 9).unwrap();
            let made = suffix(format, now.naive_utc(), &now);
            assert_eq!(made, want);
            assert!(key(format, made.as_bytes()).is_some(), "{format}");
            assert!(key(format, format!("{made}x").as_bytes()).is_none(), "{format}");
        };
        check("-%Y%m%d", "-20260301");
        check("-%Y%m%d%H", "-2026030100");
        check(".%s", ".1772323509");
        check("_%d-%H.%M.%S", "_01-00.05.09");
        check("-%V-%G-%y-%g-%U-%W-%u-%w-%j", "-09-2026-26-26-09-08-7-0-060");
        check("-%Y%m%d%z", "-20260301+0000");
        check("-%%x%", "-%%x%");
        check("-%e%Y", "-%e2026");
    }

    #[test]
    fn what_is_too_long_or_leaves_its_folder_is_refused() {
        assert!(super::check("-%Y/%m").is_err());
        assert!(super::check(&"x".repeat(64)).is_err());
        assert!(super::check("-%s%s%s").is_err());
        assert!(super::check("-%Y%m%d%H%M%S").is_ok());
    }

    #[test]
    fn what_is_beyond_the_longest_suffix_is_not_read() {
        assert_eq!(cut("-%Y"), "-%Y");
        assert_eq!(cut(""), "");
        assert_eq!(cut(&"x".repeat(63)).len(), 63);
        assert_eq!(cut(&"x".repeat(64)).len(), 63);
        assert_eq!(cut(&"ä".repeat(40)).len(), 62);
        assert!(super::check(cut(&"x".repeat(99))).is_ok());
    }

    #[test]
    fn older_is_greater() {
        let key = |text: &str| key("-%d-%m-%Y", text.as_bytes()).unwrap();
        assert!(key("-01-02-2025") > key("-01-01-2026"));
        assert!(key("-30-12-2025") > key("-31-12-2025"));
    }
}
