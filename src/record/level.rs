//! How bad it is. The order of the variants is the order of severity.

use std::fmt;

/// Severity of an entry. `Unknown` stands apart: it takes no part in comparisons or error rates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    #[default]
    Unknown = 0,
    Trace = 1,
    Debug = 2,
    Info = 3,
    Notice = 4,
    Warning = 5,
    Error = 6,
    Critical = 7,
    Fatal = 8,
}

impl Level {
    /// Every level, by number.
    pub const ALL: [Level; 9] = [
        Level::Unknown,
        Level::Trace,
        Level::Debug,
        Level::Info,
        Level::Notice,
        Level::Warning,
        Level::Error,
        Level::Critical,
        Level::Fatal,
    ];

    /// The level a program's word stands for, whatever its case; `None` when it is not one.
    pub fn from_word(word: &str) -> Option<Level> {
        let mut lower = [0u8; 16];
        let bytes = word.as_bytes();
        let slot = lower.get_mut(..bytes.len())?;
        slot.copy_from_slice(bytes);
        slot.make_ascii_lowercase();
        Some(match &*slot {
            b"trace" | b"finest" | b"verbose" => Level::Trace,
            b"debug" | b"fine" => Level::Debug,
            b"info" | b"information" | b"informational" => Level::Info,
            b"notice" => Level::Notice,
            b"warn" | b"warning" => Level::Warning,
            b"error" | b"err" | b"severe" => Level::Error,
            b"critical" | b"crit" | b"alert" => Level::Critical,
            b"fatal" | b"emerg" | b"emergency" | b"panic" => Level::Fatal,
            b"unknown" => Level::Unknown,
            _ => return None,
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Level::Unknown => "unknown",
            Level::Trace => "trace",
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Notice => "notice",
            Level::Warning => "warning",
            Level::Error => "error",
            Level::Critical => "critical",
            Level::Fatal => "fatal",
        }
    }

    pub fn from_number(number: u8) -> Option<Level> {
        Level::ALL.get(usize::from(number)).copied()
    }

    /// Counts in the numerator of the entry error rate.
    pub fn is_error(self) -> bool {
        self >= Level::Error
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for level in Level::ALL {
            assert_eq!(Level::from_word(level.name()), Some(level));
            assert_eq!(Level::from_word(&level.name().to_uppercase()), Some(level));
            assert_eq!(Level::from_number(level as u8), Some(level));
        }
        assert_eq!(Level::from_word("errors"), None);
        assert_eq!(Level::from_word("a word that is far too long to be one"), None);
    }
}
