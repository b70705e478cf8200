//! Names in times: months, weekdays, zones.

use chrono_tz::Tz;

use super::Written;
use super::cursor::Cursor;

const MONTHS: [&[u8]; 12] = [
    b"january",
    b"february",
    b"march",
    b"april",
    b"may",
    b"june",
    b"july",
    b"august",
    b"september",
    b"october",
    b"november",
    b"december",
];
const WEEKDAYS: [&[u8]; 7] = [b"monday", b"tuesday", b"wednesday", b"thursday", b"friday", b"saturday", b"sunday"];

/// Zone names that mean one offset to nearly everybody, in hours east of UTC.
const ZONES: [(&[u8], i32); 35] = [
    (b"UTC", 0),
    (b"GMT", 0),
    (b"Z", 0),
    (b"UT", 0),
    (b"WET", 0),
    (b"WEST", 1),
    (b"BST", 1),
    (b"CET", 1),
    (b"CEST", 2),
    (b"EET", 2),
    (b"EEST", 3),
    (b"MSK", 3),
    (b"HKT", 8),
    (b"SGT", 8),
    (b"JST", 9),
    (b"KST", 9),
    (b"EST", -5),
    (b"EDT", -4),
    (b"CST", -6),
    (b"CDT", -5),
    (b"MST", -7),
    (b"MDT", -6),
    (b"PST", -8),
    (b"PDT", -7),
    (b"AKST", -9),
    (b"AKDT", -8),
    (b"HST", -10),
    (b"BRT", -3),
    (b"SAST", 2),
    (b"EAT", 3),
    (b"AWST", 8),
    (b"AEST", 10),
    (b"AEDT", 11),
    (b"NZST", 12),
    (b"NZDT", 13),
];

/// The place of the word in a list of names, given whole or by its first three letters.
fn place(word: &[u8], names: &[&[u8]]) -> Option<i64> {
    let first = word.first()?.to_ascii_lowercase();
    let same = |name: &&[u8]| {
        let is_short = || word.len() == 3 && word.eq_ignore_ascii_case(&name[..3]);
        name[0] == first && (is_short() || word.eq_ignore_ascii_case(name))
    };
    names.iter().position(same).map(|index| index as i64)
}

/// Takes the name of a month: 1 to 12.
pub fn month(cursor: &mut Cursor<'_>) -> Option<i64> {
    let word = cursor.word();
    let month = place(word, &MONTHS)?;
    cursor.at += word.len();
    // Some languages end an abbreviation with a point.
    cursor.at += usize::from(cursor.peek() == Some(b'.'));
    Some(month + 1)
}

/// Takes the name of a weekday.
pub fn weekday(cursor: &mut Cursor<'_>) -> Option<()> {
    let word = cursor.word();
    place(word, &WEEKDAYS)?;
    cursor.at += word.len();
    Some(())
}

/// Takes what stands behind a clock and says its zone: `Z`, `+01:00`, `-0530`, `+01`, ` +0100`, ` CEST`,
/// ` Europe/Berlin`, `GMT+0100`, `+01:00[Europe/Berlin]`.
pub fn zone(cursor: &mut Cursor<'_>) -> Written {
    let mut ahead = *cursor;
    let blanks = ahead.blanks();
    let found = match ahead.peek() {
        Some(b'+' | b'-') => offset(&mut ahead, blanks > 0),
        Some(b'A'..=b'Z') if blanks < 2 => name(&mut ahead),
        Some(b'[') if blanks == 0 => region(&mut ahead),
        _ => None,
    };
    let Some(written) = found else { return Written::Nothing };
    *cursor = ahead;
    // What Java adds to an offset.
    if ahead.peek() == Some(b'[') && region(&mut ahead).is_some() {
        *cursor = ahead;
    }
    written
}

/// `[Europe/Berlin]`.
fn region(cursor: &mut Cursor<'_>) -> Option<Written> {
    cursor.eat(b'[')?;
    let named = name(cursor).filter(|written| matches!(written, Written::Named(_)))?;
    cursor.eat(b']').map(|()| named)
}

/// Behind a blank only with four digits, so that a number in a message is none.
fn offset(cursor: &mut Cursor<'_>, behind_blank: bool) -> Option<Written> {
    let sign = if cursor.one_of(b"+-")? == b'+' { 1 } else { -1 };
    let hours = if cursor.digits() == 1 && !behind_blank { cursor.number(1, 1)? } else { cursor.two()? };
    let colon = cursor.eat(b':').is_some();
    let minutes = match cursor.two() {
        None if colon || behind_blank => return None,
        minutes => minutes.unwrap_or(0),
    };
    (hours <= 14 && minutes < 60 && cursor.is_end())
        .then(|| Written::Offset(sign * (hours * 3600 + minutes * 60) as i32))
}

fn name(cursor: &mut Cursor<'_>) -> Option<Written> {
    let word = cursor.word();
    cursor.at += word.len();
    if cursor.peek() == Some(b'/') && word.len() > 1 {
        let rest = cursor.rest();
        let more = rest.iter().take_while(|b| b.is_ascii_alphabetic() || b"/_+-".contains(b)).count();
        let whole = &cursor.bytes[cursor.at - word.len()..cursor.at + more];
        cursor.at += more;
        return str::from_utf8(whole).ok()?.parse::<Tz>().ok().map(Written::Named);
    }
    if matches!(word, b"GMT" | b"UTC") && matches!(cursor.peek(), Some(b'+' | b'-')) {
        return offset(cursor, false);
    }
    let hours = ZONES.iter().find(|(name, _)| *name == word)?.1;
    cursor.is_end().then_some(Written::Offset(hours * 3600))
}
