//! Reading a time byte by byte. Everything answers `None` where the text ends or has something else.

use crate::sys::clock::SECOND;

/// A place in a text.
#[derive(Clone, Copy)]
pub struct Cursor<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
}

impl<'a> Cursor<'a> {
    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Takes the byte if it is there.
    pub fn eat(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Takes one of the bytes.
    pub fn one_of(&mut self, bytes: &[u8]) -> Option<u8> {
        let byte = self.peek().filter(|b| bytes.contains(b))?;
        self.at += 1;
        Some(byte)
    }

    /// Takes a comma if there is one.
    pub fn eat_comma(&mut self) {
        self.at += usize::from(self.peek() == Some(b','));
    }

    pub fn blanks(&mut self) -> usize {
        let count = self.rest().iter().take_while(|b| **b == b' ').count();
        self.at += count;
        count
    }

    /// How many digits are next, up to 20.
    pub fn digits(&self) -> usize {
        self.rest().iter().take(20).take_while(|b| b.is_ascii_digit()).count()
    }

    /// A number of at least `min` and at most `max` digits, at most 18.
    pub fn number(&mut self, min: usize, max: usize) -> Option<i64> {
        let count = self.rest().iter().take(max).take_while(|b| b.is_ascii_digit()).count();
        if count < min {
            return None;
        }
        let value = self.rest()[..count].iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
        self.at += count;
        Some(value)
    }

    /// Exactly two digits.
    pub fn two(&mut self) -> Option<i64> {
        self.number(2, 2)
    }

    /// The run of letters that is next.
    pub fn word(&self) -> &'a [u8] {
        let rest = self.rest();
        &rest[..rest.iter().take_while(|b| b.is_ascii_alphabetic()).count()]
    }

    /// Whether what was read may end here: no digit or letter goes on.
    pub fn is_end(&self) -> bool {
        self.peek().is_none_or(|b| !b.is_ascii_alphanumeric())
    }

    /// A clock with a fraction, in nanoseconds since midnight: `10:15:30`, `10:15:30,123`, `10.15.30.123456`,
    /// `3:04:05 PM`. A leap second counts as the second before.
    pub fn clock(&mut self) -> Option<i64> {
        self.clock_of(2, false)
    }

    /// The same behind a date, where the seconds may be left out.
    pub fn clock_of_date(&mut self) -> Option<i64> {
        self.clock_of(2, true)
    }

    /// The same, of minutes and seconds of at least `digits`: `0:7:20:9`.
    pub fn clock_of(&mut self, digits: usize, has_date: bool) -> Option<i64> {
        let mut hour = self.number(1, 2)?;
        let colon = self.one_of(b":.")?;
        let minute = self.number(digits, 2)?;
        // In brackets the seconds may be left out.
        let second = match self.eat(colon) {
            Some(()) => self.number(digits, 2)?,
            None if has_date && colon == b':' => {
                matches!(self.peek(), None | Some(b']' | b' ' | b'\t' | b',')).then_some(0)?
            }
            None => (self.peek()? == b']').then_some(0)?,
        };
        let fraction = self.fraction();
        let mut behind = *self;
        behind.blanks();
        // Java since 20 writes a narrow no-break space.
        if behind.rest().starts_with("\u{202f}".as_bytes()) {
            behind.at += "\u{202f}".len();
        }
        let half = behind.one_of(b"AaPp").filter(|_| {
            let has_point = behind.eat(b'.').is_some();
            behind.one_of(b"Mm").is_some() && (!has_point || behind.eat(b'.').is_some()) && behind.is_end()
        });
        if let Some(half) = half {
            if !(1..=12).contains(&hour) {
                return None;
            }
            hour = hour % 12 + if half.eq_ignore_ascii_case(&b'p') { 12 } else { 0 };
            *self = behind;
        }
        let good = hour < 24 && minute < 60 && second <= 60;
        good.then(|| (hour * 3600 + minute * 60 + second.min(59)) * SECOND + fraction)
    }

    /// `3:04PM`, in nanoseconds since midnight.
    pub fn kitchen(&mut self) -> Option<i64> {
        let hour = self.number(1, 2).filter(|hour| (1..=12).contains(hour))?;
        self.eat(b':')?;
        let minute = self.two().filter(|minute| *minute < 60)?;
        let half = if self.one_of(b"AaPp")?.eq_ignore_ascii_case(&b'p') { 12 } else { 0 };
        self.one_of(b"Mm").filter(|_| self.is_end())?;
        Some(((hour % 12 + half) * 3600 + minute * 60) * SECOND)
    }

    /// `.123` or `,123`, in nanoseconds; more than nine digits are skipped. `:123` is a number of milliseconds.
    pub fn fraction(&mut self) -> i64 {
        let mut ahead = *self;
        let Some(point) = ahead.one_of(b".,:") else { return 0 };
        let count = ahead.digits();
        if count == 0 {
            return 0;
        }
        if point == b':' {
            let value = ahead.number(1, 3).filter(|_| count <= 3 && ahead.peek() != Some(b':'));
            *self = if value.is_some() { ahead } else { *self };
            return value.unwrap_or(0) * 1_000_000;
        }
        const UNITS: [i64; 10] = [SECOND, 100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];
        let (digits, more) = ahead.rest()[..count].split_at(count.min(9));
        let value = digits.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0')) * UNITS[digits.len()];
        ahead.at += count;
        // Digits of which `count` knows nothing are skipped, too.
        if !more.is_empty() {
            ahead.at += ahead.rest().iter().take_while(|b| b.is_ascii_digit()).count();
        }
        *self = ahead;
        value
    }
}
