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

    /// The level a program's word stands for, whatever its case; `None` when it is not one. These are the words that
    /// mean a level wherever they stand at a head; see [`Level::from_column`] for the rest.
    pub fn from_word(word: &str) -> Option<Level> {
        in_capitals(word).or_else(|| known(Lower::of(word)?.text()))
    }

    /// The same of a word in capitals.
    pub fn from_capitals(word: &str) -> Option<Level> {
        let is_caps = || word.bytes().all(|b| b.is_ascii_uppercase());
        in_capitals(word).or_else(|| Level::from_word(word).filter(|_| is_caps()))
    }

    /// The level that a word, an abbreviation or a letter stands for in a place where a level is expected.
    pub fn from_column(word: &str) -> Option<Level> {
        in_capitals(word).or_else(|| {
            let lower = Lower::of(word)?;
            known(lower.text()).or_else(|| abbreviated(lower.text()))
        })
    }

    /// The level of a value as fields have it: a word as in a column, or a number.
    pub fn from_value(text: &str) -> Option<Level> {
        let text = text.trim();
        Level::from_column(text).or_else(|| Level::from_scale(text.parse().ok()?))
    }

    /// Severity of syslog, 0 to 7.
    pub fn from_syslog(severity: u8) -> Option<Level> {
        use Level::{Critical, Debug, Error, Fatal, Info, Notice, Warning};
        [Fatal, Critical, Critical, Error, Warning, Notice, Info, Debug].get(usize::from(severity)).copied()
    }

    /// A level written as a number: syslog's 0 to 7, or the tens of Node's loggers (10 trace … 60 fatal), which up to 50
    /// are Python's too.
    pub fn from_scale(number: i64) -> Option<Level> {
        match number {
            0..=7 => Level::from_syslog(number as u8),
            8..15 => Some(Level::Trace),
            15..25 => Some(Level::Debug),
            25..35 => Some(Level::Info),
            35..45 => Some(Level::Warning),
            45..55 => Some(Level::Error),
            55..=100 => Some(Level::Fatal),
            _ => None,
        }
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

/// The words that most lines have, as most lines have them: a short cut.
fn in_capitals(word: &str) -> Option<Level> {
    Some(match word.as_bytes() {
        b"DEBUG" => Level::Debug,
        b"INFO" => Level::Info,
        b"WARN" | b"WARNING" => Level::Warning,
        b"ERROR" => Level::Error,
        _ => return None,
    })
}

/// A short word in small letters.
struct Lower {
    bytes: [u8; 16],
    length: usize,
}

impl Lower {
    fn of(word: &str) -> Option<Lower> {
        let mut bytes = [0u8; 16];
        let slot = bytes.get_mut(..word.len())?;
        slot.copy_from_slice(word.as_bytes());
        slot.make_ascii_lowercase();
        Some(Lower { bytes, length: word.len() })
    }

    fn text(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

fn known(lower: &[u8]) -> Option<Level> {
    Some(match lower {
        b"trace" | b"blat" | b"finest" | b"finer" | b"verbose" => Level::Trace,
        b"debug" | b"ddebug" | b"subdebug" | b"dbug" | b"debg" | b"fine" => Level::Debug,
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

/// Words that mean something else as often, outside of a level's place.
fn abbreviated(lower: &[u8]) -> Option<Level> {
    Some(match lower {
        b"t" | b"v" | b"trc" | b"trce" | b"trac" | b"vrb" | b"verb" | b"silly" => Level::Trace,
        b"trace1" | b"trace2" | b"trace3" | b"trace4" | b"trace5" | b"trace6" | b"trace7" | b"trace8" => Level::Trace,
        b"d" | b"dbg" | b"debu" | b"deb" | b"config" => Level::Debug,
        b"debug1" | b"debug2" | b"debug3" | b"debug4" | b"debug5" => Level::Debug,
        b"i" | b"inf" | b"log" | b"system" | b"note" | b"http" => Level::Info,
        b"n" | b"success" => Level::Notice,
        b"w" | b"wrn" | b"deprecated" => Level::Warning,
        b"e" | b"eror" | b"erro" | b"fail" => Level::Error,
        b"c" | b"a" | b"dpanic" | b"failure" | b"fault" => Level::Critical,
        b"f" | b"ftl" | b"fata" | b"pani" | b"pnc" => Level::Fatal,
        // Ruby's, for messages that are always written.
        b"any" => Level::Unknown,
        _ => return None,
    })
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
