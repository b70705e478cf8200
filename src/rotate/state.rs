//! The state file that logrotate and we share: when each log was last rotated, in local time.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};

use super::error::RotateError;
use crate::sys::atomic;

const HEAD: &[u8] = b"logrotate state -- version ";

/// Last rotations by log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub last: BTreeMap<PathBuf, NaiveDateTime>,
}

impl State {
    /// Reads versions 1 and 2. A missing or empty file is an empty state; a bad line costs only itself and is
    /// named in the second value.
    pub fn read(path: &Path) -> Result<(State, Vec<String>), RotateError> {
        match fs::read(path) {
            Ok(bytes) => State::parse(&bytes, path),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok((State::default(), Vec::new())),
            Err(e) => Err(RotateError::file("read the state file", path)(e)),
        }
    }

    fn parse(bytes: &[u8], path: &Path) -> Result<(State, Vec<String>), RotateError> {
        let (mut state, mut warnings) = (State::default(), Vec::new());
        let mut lines = bytes.split(|b| *b == b'\n').enumerate();
        let head = lines.next().map_or(&[][..], |(_, line)| line);
        if !bytes.is_empty() && !head.starts_with(HEAD) {
            return Err(RotateError::State { path: path.to_owned() });
        }
        for (index, line) in lines.filter(|(_, line)| !line.trim_ascii().is_empty()) {
            match entry(line) {
                Some((log, time)) => drop(state.last.insert(log, time)),
                None => warnings.push(format!(
                    "{}:{}: not a line of the form \"LOG\" Y-M-D-h:m:s; skipped, its log waits one period",
                    path.display(),
                    index + 1
                )),
            }
        }
        Ok((state, warnings))
    }

    /// Replaces the file atomically, in version 2, sorted by log.
    pub fn write(&self, path: &Path) -> Result<(), RotateError> {
        atomic::write(path, &self.to_bytes()).map_err(RotateError::file("write the state file", path))
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = [HEAD, b"2\n"].concat();
        for (log, time) in &self.last {
            bytes.push(b'"');
            for &byte in log.as_os_str().as_bytes() {
                match byte {
                    b'\n' => bytes.extend(b"\\n"),
                    b'"' | b'\\' => bytes.extend([b'\\', byte]),
                    _ => bytes.push(byte),
                }
            }
            let (date, clock) = (time.date(), time.time());
            let (year, month, day) = (date.year(), date.month(), date.day());
            let (hour, minute, second) = (clock.hour(), clock.minute(), clock.second());
            bytes.extend(format!("\" {year}-{month}-{day}-{hour}:{minute}:{second}\n").bytes());
        }
        bytes
    }
}

fn entry(line: &[u8]) -> Option<(PathBuf, NaiveDateTime)> {
    let (log, rest) = path(line.trim_ascii())?;
    let text = std::str::from_utf8(rest).ok()?.trim();
    let mut numbers = Vec::new();
    for number in text.split(['-', ':']) {
        numbers.push(number.parse::<u32>().ok()?);
    }
    let (date, clock) = match numbers[..] {
        [year, month, day] => ((year, month, day), (0, 0, 0)),
        [year, month, day, hour, minute, second] => ((year, month, day), (hour, minute, second)),
        _ => return None,
    };
    let date = NaiveDate::from_ymd_opt(i32::try_from(date.0).ok()?, date.1, date.2)?;
    // A leap second reads as the one before it.
    Some((log, date.and_hms_opt(clock.0, clock.1, clock.2.min(59))?))
}

/// The path at the head of a line, quoted with escapes or plain up to a blank, and the rest.
fn path(line: &[u8]) -> Option<(PathBuf, &[u8])> {
    let to_path = |bytes: Vec<u8>| PathBuf::from(OsString::from_vec(bytes));
    let Some(quoted) = line.strip_prefix(b"\"") else {
        let end = line.iter().position(u8::is_ascii_whitespace)?;
        return Some((to_path(line[..end].to_vec()), &line[end..]));
    };
    let (mut name, mut bytes) = (Vec::new(), quoted.iter().enumerate());
    while let Some((index, &byte)) = bytes.next() {
        match byte {
            b'"' => return Some((to_path(name), &quoted[index + 1..])),
            b'\\' => match *bytes.next()?.1 {
                b'n' => name.push(b'\n'),
                other => name.push(other),
            },
            _ => name.push(byte),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (State, usize) {
        let (state, warnings) = State::parse(text.as_bytes(), Path::new("s")).unwrap();
        (state, warnings.len())
    }

    #[test]
    fn lines() {
        let check = |line: &str, want: Option<(&str, &str)>| {
            let (state, warnings) = read(&format!("logrotate state -- version 2\n{line}\n\"/ok\" 2026-1-2-3:4:5\n"));
            assert!(state.last.contains_key(Path::new("/ok")), "the rest is lost after {line}");
            assert_eq!(warnings, usize::from(want.is_none()), "{line}");
            if let Some((log, time)) = want {
                assert_eq!(state.last[Path::new(log)].to_string(), time, "{line}");
            }
        };
        check("\"/a\" 2026-11-24-2:0:9", Some(("/a", "2026-11-24 02:00:09")));
        check("\"/a\" 2026-11-24", Some(("/a", "2026-11-24 00:00:00")));
        check("/a 2026-11-24", Some(("/a", "2026-11-24 00:00:00")));
        check("\"/a \\\"b\\\\ c\" 2026-1-1", Some(("/a \"b\\ c", "2026-01-01 00:00:00")));
        check("\"/a\" 2026-13-1", None);
        check("\"/a\" 2026-2-30-0:0:0", None);
        check("\"/a", None);
        check("/a", None);
        check("\"/a\" soon", None);
        check("\"/a\" 2026-1-1-1:2", None);
        check("\"/a\" 99999999999-1-1", None);
    }

    #[test]
    fn writes_what_it_reads() {
        let text = "logrotate state -- version 2\n\"/a \\\"b\\\\\\n\" 2026-1-2-3:4:5\n";
        assert_eq!(String::from_utf8(read(text).0.to_bytes()).unwrap(), text);
        assert_eq!(read("").0, State::default());
        assert!(State::parse(b"ELF", Path::new("s")).is_err());
    }
}
