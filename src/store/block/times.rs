//! How times are written in raw texts.

use crate::parse::time::{Day, Stamp, civil};
use crate::sys::clock::SECOND;

const DAY_SECONDS: i64 = 86_400;
/// Zones are so many seconds apart, or a multiple of them.
const ZONE_STEP: i64 = 900;

/// How a time is written. A zone that is written behind it is no part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeStyle {
    /// Number in [`SHAPES`], or what stands between the date and the clock of ISO 8601.
    pub shape: u8,
    /// Before the fraction; 0 for nothing.
    pub point: u8,
    /// Of the fraction.
    pub digits: u8,
    /// Seconds east of UTC.
    pub offset: i32,
}

/// The shapes beside ISO 8601. Their numbers are on disk: a shape is added at the end, and none leaves. `Y` and `y` are a
/// year of four and two digits, `m` and `b` a month as number and name, `d` and `e` a day with a zero and with a blank
/// before it, `a` a weekday, `H`, `M`, `S` a clock, `s` seconds since the epoch; all else stands for itself.
const SHAPES: [&str; 11] = [
    // Access logs.
    "d/b/Y:H:M:S",
    // nginx, Go.
    "Y/m/d H:M:S",
    // Syslog, RFC 3164.
    "b e H:M:S",
    // Apache: the year follows.
    "a b d H:M:S",
    "s",
    // Kubernetes and glog.
    "md H:M:S",
    "Ymd H:M:S",
    // Android.
    "m-d H:M:S",
    // log4j.
    "y/m/d H:M:S",
    "d.m.Y H:M:S",
    "d b Y H:M:S",
];

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// Writes times; remembers the date that it wrote last.
#[derive(Debug, Default)]
pub struct TimeWriter {
    day: Option<i64>,
    /// Year, month, day.
    date: (i64, i64, i64),
    /// The same as ISO 8601 has it.
    iso: String,
}

impl TimeWriter {
    /// Appends the time, nanoseconds since the epoch; `None` when there is no such style.
    pub fn write(&mut self, time: i64, style: TimeStyle, out: &mut String) -> Option<()> {
        let local = time.checked_add(i64::from(style.offset) * SECOND)?;
        let (seconds, nanoseconds) = (local.div_euclid(SECOND), local.rem_euclid(SECOND));
        self.set_day(seconds.div_euclid(DAY_SECONDS));
        if style.shape.is_ascii_graphic() || style.shape == b' ' {
            out.push_str(&self.iso);
            out.push(char::from(style.shape));
            clock(seconds.rem_euclid(DAY_SECONDS), out);
        } else {
            self.shape(SHAPES.get(usize::from(style.shape))?, seconds, out);
        }
        if style.digits > 0 {
            if style.point != 0 {
                out.push(char::from(style.point));
            }
            let unit = 10i64.checked_pow(9u32.checked_sub(u32::from(style.digits))?)?;
            digits(nanoseconds / unit, usize::from(style.digits), out);
        }
        Some(())
    }

    fn set_day(&mut self, day: i64) {
        if self.day == Some(day) {
            return;
        }
        let (year, month, of_month) = civil(day);
        (self.day, self.date) = (Some(day), (year, month, of_month));
        self.iso.clear();
        digits(year, 4, &mut self.iso);
        self.iso.push('-');
        digits(month, 2, &mut self.iso);
        self.iso.push('-');
        digits(of_month, 2, &mut self.iso);
    }

    fn shape(&self, shape: &str, seconds: i64, out: &mut String) {
        let (year, month, day) = self.date;
        let of_day = seconds.rem_euclid(DAY_SECONDS);
        let name = |names: &[&'static str], index: i64| names[index.rem_euclid(names.len() as i64) as usize];
        for part in shape.chars() {
            match part {
                'Y' => digits(year, 4, out),
                'y' => digits(year % 100, 2, out),
                'm' => digits(month, 2, out),
                'b' => out.push_str(name(&MONTHS, month - 1)),
                'd' => digits(day, 2, out),
                'e' if day < 10 => {
                    out.push(' ');
                    digits(day, 1, out);
                }
                'e' => digits(day, 2, out),
                'a' => out.push_str(name(&WEEKDAYS, seconds.div_euclid(DAY_SECONDS))),
                'H' => digits(of_day / 3600, 2, out),
                'M' => digits(of_day / 60 % 60, 2, out),
                'S' => digits(of_day % 60, 2, out),
                's' => digits(seconds, 10, out),
                other => out.push(other),
            }
        }
    }

    /// The style in which `time` stands at the head of `text`, where `stamp` was read, and its length.
    pub fn style_of(&mut self, text: &str, stamp: &Stamp, time: i64) -> Option<(TimeStyle, usize)> {
        let separator = text.as_bytes().get(10).copied().filter(|b| matches!(b, b' ' | b'T'));
        let shapes = || separator.into_iter().chain(0..SHAPES.len() as u8);
        offsets(stamp, time).into_iter().flatten().find_map(|offset| {
            shapes().find_map(|shape| self.fraction(text, TimeStyle { shape, point: 0, digits: 0, offset }, time))
        })
    }

    /// Adds the fraction to a style without one, if `text` begins with what it gives.
    fn fraction(&mut self, text: &str, whole: TimeStyle, time: i64) -> Option<(TimeStyle, usize)> {
        let mut written = String::new();
        self.write(time, whole, &mut written)?;
        let rest = text.strip_prefix(&written)?.as_bytes();
        let count = |from: usize| rest.iter().skip(from).take_while(|b| b.is_ascii_digit()).count();
        let point = rest.first().copied().filter(|b| matches!(b, b'.' | b',') && count(1) > 0);
        let digits = if point.is_some() { count(1) } else { count(0) };
        let style = TimeStyle { point: point.unwrap_or(0), digits: u8::try_from(digits).ok()?, ..whole };
        written.clear();
        self.write(time, style, &mut written)?;
        text.starts_with(&written).then_some((style, written.len()))
    }
}

/// Seconds east of UTC of the clock that was written, as far as can be told. Without a date it may be one of two.
fn offsets(stamp: &Stamp, time: i64) -> [Option<i32>; 2] {
    let seconds = |difference: i64| i32::try_from(difference / SECOND).ok();
    match (stamp.naive(), stamp.day) {
        (Some(naive), _) => {
            let offset = naive.checked_sub(time).and_then(seconds);
            [offset.filter(|offset| i64::from(offset.abs()) <= DAY_SECONDS), None]
        }
        (None, Day::Unknown) => [None, None],
        (None, _) => {
            let east = (stamp.of_day / SECOND - time.div_euclid(SECOND)).rem_euclid(DAY_SECONDS);
            let is_zone = east % ZONE_STEP == 0;
            [east, east - DAY_SECONDS].map(|offset| i32::try_from(offset).ok().filter(|_| is_zone))
        }
    }
}

fn clock(second: i64, out: &mut String) {
    digits(second / 3600, 2, out);
    out.push(':');
    digits(second / 60 % 60, 2, out);
    out.push(':');
    digits(second % 60, 2, out);
}

/// `number` with leading zeros, `width` digits wide.
pub fn digits(mut number: i64, width: usize, out: &mut String) {
    let mut buffer = [b'0'; 10];
    let width = width.min(buffer.len());
    for slot in buffer[..width].iter_mut().rev() {
        *slot = b'0' + number.rem_euclid(10) as u8;
        number = number.div_euclid(10);
    }
    buffer[..width].iter().for_each(|digit| out.push(char::from(*digit)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::parse::time::{klog, stamp};
    use crate::parse::{Clock, Zone};

    #[test]
    fn times_are_written_as_they_stood() {
        let check = |text: &str, left: &str| {
            for zone in ["UTC", "Europe/Berlin", "Pacific/Kiritimati", "Pacific/Pago_Pago"] {
                let mut clock = Clock::new(Zone::from_name(zone).unwrap());
                clock.observe(1_796_000_000 * SECOND, 1_796_000_000 * SECOND);
                let (stamp, _) = klog(text).or_else(|| stamp(text)).unwrap();
                let time = clock.tell(&stamp, false).time;
                let mut writer = TimeWriter::default();
                let (style, length) = writer.style_of(text, &stamp, time).unwrap_or_else(|| panic!("{text} in {zone}"));
                assert_eq!(&text[length..], left, "{text}");
                let mut written = String::new();
                writer.write(time, style, &mut written).unwrap();
                assert_eq!(written, text[..length]);
            }
        };
        check("2026-11-23 10:15:30,123 x", " x");
        check("2026-11-23T10:15:30.123456789Z", "Z");
        check("2026-11-23T10:15:30+01:00", "+01:00");
        check("03/Nov/2026:10:15:30 +0000]", " +0000]");
        check("2026/11/03 10:15:30.000120 main.go", " main.go");
        check("Nov  3 10:15:30 host", " host");
        check("Nov 23 23:15:30.123 host", " host");
        check("Mon Nov 23 10:15:30.047814 2026]", " 2026]");
        check("1795600000 x", " x");
        check("1795600000123 x", " x");
        check("1795600000.047814 x", " x");
        check("1795600000047814123 x", " x");
        check("1123 10:15:30.443401   7", "   7");
        check("20261123 10:15:30.443401   7", "   7");
        check("11-23 10:15:30.123  1", "  1");
        check("26/11/23 10:15:30 WARN", " WARN");
        check("23.11.2026 10:15:30,5", "");
        check("23 Nov 2026 10:15:30.123 * x", " * x");
    }

    proptest! {
        /// Also what damage says, and what no log has.
        #[test]
        fn any_time_in_any_style(time: i64, other: i64, shape: u8, point: u8, digits: u8, offset: i32) {
            let style = TimeStyle { shape: shape % 16, point, digits: digits % 11, offset: offset % 50_000 };
            let mut writer = TimeWriter::default();
            for style in [style, TimeStyle { shape, point, digits, offset }] {
                let mut text = String::new();
                let written = writer.write(time, style, &mut text);
                prop_assert!(written.is_none() || !text.is_empty());
                if let Some((stamp, _)) = klog(&text).or_else(|| stamp(&text)) {
                    for time in [time, other] {
                        if let Some((found, length)) = writer.style_of(&text, &stamp, time) {
                            let mut again = String::new();
                            writer.write(time, found, &mut again).unwrap();
                            prop_assert_eq!(&again, &text[..length]);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_style_that_is_not_known_writes_nothing() {
        let mut writer = TimeWriter::default();
        let style = TimeStyle { shape: SHAPES.len() as u8, point: 0, digits: 0, offset: 0 };
        assert_eq!(writer.write(0, style, &mut String::new()), None);
        assert_eq!(writer.write(0, TimeStyle { shape: 0, digits: 10, ..style }, &mut String::new()), None);
        assert_eq!(writer.write(i64::MAX, TimeStyle { shape: 0, offset: 9, ..style }, &mut String::new()), None);
    }
}
