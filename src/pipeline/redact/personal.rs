//! What tells who somebody is: addresses of mail, numbers of cards, addresses of hosts.

use super::bytes::{begins, ends_with, from, run, until};

type Span = Option<(usize, usize)>;

/// RFC 5321 allows no more before the `@`.
const LOCAL_MAX: usize = 64;
/// Ends of names that look like addresses: units of systemd, files.
const NO_DOMAINS: [&[u8]; 13] = [
    b"service", b"socket", b"slice", b"scope", b"timer", b"target", b"mount", b"png", b"jpg", b"jpeg", b"gif", b"svg",
    b"webp",
];

/// The address around the `@` at `at`. What is before `floor` is taken already.
pub fn email(bytes: &[u8], at: usize, floor: usize) -> Span {
    let local = |b: &u8| b.is_ascii_alphanumeric() || b"._%+-".contains(b);
    let before = bytes.get(floor..at)?;
    let mut length = before.iter().rev().take_while(|b| local(b)).count();
    // An escape before it, as in `\nalice@…`, is not its first letter.
    let front = until(before, before.len() - length);
    if front.ends_with(b"\\") && matches!(from(before, front.len()), [b'n' | b'r' | b't', ..]) {
        length -= 1;
    }
    let start = at - length;
    let name = bytes.get(start..at)?;
    if name.is_empty() || name.len() > LOCAL_MAX || name == b"git" || is_login(until(bytes, start)) {
        return None;
    }
    let end = domain_end(bytes, at + 1)?;
    // A prompt of a shell, or a path on a host.
    let place = matches!(from(bytes, end), [b':', b'~' | b'/', ..]);
    (!place).then_some((start, end))
}

fn is_login(before: &[u8]) -> bool {
    [&b"ssh "[..], b"scp ", b"//"].iter().any(|w| ends_with(before, w))
}

/// Labels with dots between them, the last of letters only.
fn domain_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut end = run(bytes, start, |b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
    let text = bytes.get(start..end)?;
    end -= text.iter().rev().take_while(|b| **b == b'.' || **b == b'-').count();
    let text = bytes.get(start..end)?;
    let dot = memchr::memrchr(b'.', text)?;
    let (labels, last) = (until(text, dot), from(text, dot + 1));
    let good = last.len() >= 2 && last.iter().all(u8::is_ascii_alphabetic) && !labels.is_empty() && text.len() <= 253;
    let sound = labels.split(|b| *b == b'.').all(|l| !l.is_empty() && !l.starts_with(b"-") && !l.ends_with(b"-"));
    let file = NO_DOMAINS.iter().any(|d| last.eq_ignore_ascii_case(d));
    let version = labels.contains(&b'.') && labels.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    (good && sound && !file && !version).then_some(end)
}

/// The number of a card that begins at `start`: a known issuer, a length it uses, groups as they are printed, and the
/// check digit right.
pub fn card(bytes: &[u8], start: usize) -> Span {
    // Most of what gets here is part of a time or a date: two digits and no more.
    if !matches!(from(bytes, start), [_, _, c, d, ..] if c.is_ascii_digit() && d.is_ascii_digit()) {
        return None;
    }
    // A point, a slash or a sign before it makes it a part of something longer.
    let front = until(bytes, start).last().copied().unwrap_or(b' ');
    if !begins(bytes, start) || b"./+#@\\~".contains(&front) {
        return None;
    }
    let (digits, end) = grouped(bytes, start)?;
    let whole = match from(bytes, end) {
        [b'.', next, ..] => !next.is_ascii_digit(),
        [next, ..] => !(next.is_ascii_alphanumeric() || b"_-%@".contains(next)),
        [] => true,
    };
    (whole && is_issued(&digits) && luhn(&digits)).then_some((start, end))
}

/// Digits in one piece, or in groups with the same blank or dash between: 4-4-4-4 and a rest, 4-6-5, 4-6-4.
fn grouped(bytes: &[u8], start: usize) -> Option<(Vec<u8>, usize)> {
    let first = run(bytes, start, |b| b.is_ascii_digit());
    if first - start != 4 {
        let digits = bytes.get(start..first).filter(|d| (13..=19).contains(&d.len()))?;
        return Some((digits.to_vec(), first));
    }
    let separator = *bytes.get(first).filter(|b| **b == b' ' || **b == b'-')?;
    if in_groups(until(bytes, start)) {
        return None;
    }
    let mut digits = bytes.get(start..first)?.to_vec();
    let (mut end, mut lengths) = (first, vec![]);
    while bytes.get(end) == Some(&separator) && lengths.len() < 4 && digits.len() < 19 {
        let stop = run(bytes, end + 1, |b| b.is_ascii_digit());
        let group = bytes.get(end + 1..stop).filter(|g| (1..=6).contains(&g.len()));
        let Some(group) = group else { break };
        digits.extend_from_slice(group);
        lengths.push(group.len());
        end = stop;
        if group.len() < 4 || lengths == [6, 4] || lengths == [6, 5] {
            break;
        }
    }
    // A number behind a card of sixteen, with a blank before it, is another one.
    if lengths.len() == 4 && separator == b' ' && !luhn(&digits) {
        let last = lengths.pop()?;
        digits.truncate(digits.len() - last);
        end -= last + 1;
    }
    let printed = matches!(lengths.as_slice(), [4, 4, 1..=4] | [4, 4, 4, 1..=3] | [6, 4 | 5]);
    printed.then_some((digits, end))
}

/// Whether a group of four with a digit and a blank are before it, as in an IBAN.
fn in_groups(before: &[u8]) -> bool {
    let Some(before) = before.strip_suffix(b" ") else { return false };
    let word = before.iter().rev().take(5).take_while(|b| b.is_ascii_alphanumeric()).count();
    word == 4 && super::bytes::has_digit(from(before, before.len() - 4))
}

/// Issuers' ranges with the lengths they use, from the public lists of IINs.
fn is_issued(digits: &[u8]) -> bool {
    let number = |n: usize| until(digits, n).iter().fold(0u32, |all, d| all * 10 + u32::from(d - b'0'));
    let length = digits.len();
    match (number(2), number(4)) {
        (40..=49, _) => matches!(length, 13 | 16 | 19),
        (51..=55, _) | (_, 2221..=2720) => length == 16,
        (34 | 37, _) => length == 15,
        (36 | 38 | 39, _) | (_, 3000..=3059) => length == 14,
        (65, _) | (_, 6011 | 6440..=6499 | 3528..=3589) => (16..=19).contains(&length),
        (62, _) => (16..=19).contains(&length),
        (_, 5018 | 5020 | 5038 | 6304 | 6759 | 6761..=6763) => (13..=19).contains(&length),
        _ => false,
    }
}

fn luhn(digits: &[u8]) -> bool {
    let sum = |(at, digit): (usize, &u8)| match (at % 2, u32::from(digit - b'0')) {
        (0, digit) => digit,
        (_, digit) if digit > 4 => digit * 2 - 9,
        (_, digit) => digit * 2,
    };
    digits.iter().rev().enumerate().map(sum).sum::<u32>() % 10 == 0
}

/// Four numbers to 255 with points between, the first of them at `point`, not part of a longer row of them.
pub fn ipv4(bytes: &[u8], point: usize) -> Span {
    let digits = until(bytes, point).iter().rev().take(4).take_while(|b| b.is_ascii_digit()).count();
    let start = point - digits;
    if !begins(bytes, start) && !until(bytes, start).ends_with(b"-") || until(bytes, start).ends_with(b".") {
        return None;
    }
    let mut end = start;
    for part in 0..4 {
        if part > 0 {
            end += usize::from(bytes.get(end) == Some(&b'.'));
        }
        let stop = run(bytes, end, |b| b.is_ascii_digit());
        let number = bytes.get(end..stop).filter(|d| (1..=3).contains(&d.len()))?;
        let value = number.iter().fold(0u32, |all, d| all * 10 + u32::from(d - b'0'));
        if value > 255 || (part < 3 && bytes.get(stop) != Some(&b'.')) {
            return None;
        }
        end = stop;
    }
    let whole = match from(bytes, end) {
        [b'.', next, ..] => !next.is_ascii_alphanumeric(),
        [b'-', next, ..] => !next.is_ascii_alphabetic(),
        [next, ..] => !next.is_ascii_alphanumeric() && *next != b'_',
        [] => true,
    };
    whole.then_some((start, end))
}
