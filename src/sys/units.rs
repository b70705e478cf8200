//! Sizes and durations as people write them in configuration: `100MB`, `1GiB`, `7d`, `1h30m`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// A number of bytes. `k`, `M`, `G`, `T` and their `KB`/`KiB` spellings are all powers of 1024,
/// as in logrotate, so that one word means one thing in every file of ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

/// A span of time: `ms`, `s`, `m`, `h`, `d`, `w`, and sums of them such as `1h30m`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Span {
    /// Saturates after 292 years.
    pub fn nanoseconds(self) -> i64 {
        i64::try_from(self.0.as_nanos()).unwrap_or(i64::MAX)
    }
}

/// What is wrong with a size or a duration, with the way out.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {what}; write for example {example}")]
pub struct UnitError {
    text: String,
    what: &'static str,
    example: &'static str,
}

/// Splits `12.5GiB` into its number and the unit behind it.
fn number_and_unit(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    Some((number, text[end..].trim_start()))
}

impl std::str::FromStr for Bytes {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Bytes, UnitError> {
        let wrong = || UnitError { text: text.to_owned(), what: "size", example: "500MB or 2GiB" };
        let (number, unit) = number_and_unit(text.trim()).ok_or_else(wrong)?;
        let power = match unit.to_ascii_lowercase().as_str() {
            "" | "b" => 0,
            "k" | "kb" | "kib" => 1,
            "m" | "mb" | "mib" => 2,
            "g" | "gb" | "gib" => 3,
            "t" | "tb" | "tib" => 4,
            _ => return Err(wrong()),
        };
        let bytes = number * 1024f64.powi(power);
        if bytes < u64::MAX as f64 { Ok(Bytes(bytes as u64)) } else { Err(wrong()) }
    }
}

impl std::str::FromStr for Span {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Span, UnitError> {
        let wrong = || UnitError { text: text.to_owned(), what: "duration", example: "30s, 15m, 1h30m or 7d" };
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(wrong());
        }
        let mut seconds = 0f64;
        while !rest.is_empty() {
            let (number, tail) = number_and_unit(rest).ok_or_else(wrong)?;
            let end = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
            seconds += number * unit_seconds(&tail[..end]).ok_or_else(wrong)?;
            rest = tail[end..].trim_start();
        }
        Duration::try_from_secs_f64(seconds).map(Span).map_err(|_| wrong())
    }
}

fn unit_seconds(unit: &str) -> Option<f64> {
    Some(match unit {
        "ms" => 0.001,
        "s" | "sec" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" | "day" | "days" => 86_400.0,
        "w" => 604_800.0,
        _ => return None,
    })
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut value = self.0 as f64;
        for unit in ["B", "KiB", "MiB", "GiB"] {
            if value < 1024.0 {
                return if unit == "B" { write!(f, "{} B", self.0) } else { write!(f, "{value:.1} {unit}") };
            }
            value /= 1024.0;
        }
        write!(f, "{value:.1} TiB")
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.0.as_secs();
        if total == 0 {
            return write!(f, "{}ms", self.0.as_millis());
        }
        for (unit, seconds) in [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)] {
            let count = total / seconds;
            if count > 0 {
                let rest = total % seconds;
                write!(f, "{count}{unit}")?;
                return if rest > 0 { write!(f, "{}", Span(Duration::from_secs(rest))) } else { Ok(()) };
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Bytes, D::Error> {
        from_text_or_number(d)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Span, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

fn from_text_or_number<'de, D: Deserializer<'de>>(d: D) -> Result<Bytes, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u64),
        Text(String),
    }
    match Either::deserialize(d)? {
        Either::Number(n) => Ok(Bytes(n)),
        Either::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let check = |text: &str, want: Option<u64>| assert_eq!(text.parse::<Bytes>().ok().map(|b| b.0), want, "{text}");
        check("0", Some(0));
        check("100", Some(100));
        check("1k", Some(1024));
        check("1.5 MiB", Some(1_572_864));
        check("2GB", Some(2 << 30));
        check("1x", None);
        check("", None);
        check("-1", None);
        check("99999999999999999T", None);
    }

    #[test]
    fn durations() {
        let check = |text: &str, want: Option<f64>| {
            assert_eq!(text.parse::<Span>().ok().map(|s| s.0.as_secs_f64()), want, "{text}");
        };
        check("250ms", Some(0.25));
        check("1h30m", Some(5400.0));
        check("7d", Some(604_800.0));
        check("", None);
        check("7", None);
        check("5 parsecs", None);
        check("1e400d", None);
    }

    #[test]
    fn display_reads_back() {
        for seconds in [1, 59, 60, 3661, 86_400, 90_061] {
            let span = Span(Duration::from_secs(seconds));
            assert_eq!(span.to_string().parse(), Ok(span));
        }
        assert_eq!(Bytes(1536).to_string(), "1.5 KiB");
    }
}
