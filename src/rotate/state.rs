//! The state file that logrotate and we share: when each log was last rotated, in local time. Whoever rotates by it
//! holds its lock.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use chrono::{Datelike, NaiveDate, NaiveDateTime, TimeDelta, Timelike};
use rustix::fs::{FlockOperation, flock};

use super::create::{Like, create_new};
use super::error::RotateError;
use super::event::Level;
use super::policy::Problem;
use crate::sys::atomic;
use crate::sys::files::open_regular_for_appending;

const HEAD: &[u8] = b"logrotate state -- version ";
/// A log that is not there is remembered for a solar year.
const FORGET: TimeDelta = TimeDelta::seconds(31_556_926);

/// What to do about the lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Locking {
    /// Fail when another process has it.
    #[default]
    Try,
    Wait,
    Skip,
    /// Nothing is written: no lock, no file.
    ReadOnly,
}

/// The open state file.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    last: BTreeMap<PathBuf, NaiveDateTime>,
    /// Logs that were looked at.
    used: BTreeSet<PathBuf>,
    locking: Locking,
    /// Gives the lock back when it is closed.
    _lock: Option<File>,
    /// Entries were added behind the others; at the end the file is written anew.
    is_dirty: bool,
    /// Rotations that `write` has not made durable yet.
    stamped: BTreeMap<PathBuf, NaiveDateTime>,
}

impl StateFile {
    /// Takes the lock and reads. Problems do not keep the rest from being read.
    pub fn open(path: &Path, locking: Locking) -> Result<(StateFile, Vec<Problem>), RotateError> {
        let mut problems = Vec::new();
        let is_null = path == Path::new("/dev/null");
        let lock = match locking {
            Locking::ReadOnly => None,
            _ if is_null => None,
            _ => {
                create_stub(path)?;
                lock(path, locking, &mut problems)?
            }
        };
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(RotateError::file("read the state file", path)(e)),
        };
        let last = parse(&bytes, path, &mut problems)?;
        let locking = if is_null { Locking::ReadOnly } else { locking };
        let (path, used, stamped) = (path.to_owned(), BTreeSet::new(), BTreeMap::new());
        Ok((StateFile { path, last, used, locking, _lock: lock, is_dirty: false, stamped }, problems))
    }

    pub fn last(&self, log: &Path) -> Option<NaiveDateTime> {
        self.last.get(log).copied()
    }

    pub fn logs(&self) -> impl Iterator<Item = &PathBuf> {
        self.last.keys()
    }

    /// A log without an entry starts its period now, at the full hour.
    pub fn see(&mut self, log: &Path, now: NaiveDateTime) {
        self.used.insert(log.to_owned());
        if !self.last.contains_key(log) {
            let hour = now.date().and_hms_opt(now.hour(), 0, 0).unwrap_or(now);
            self.last.insert(log.to_owned(), hour);
            self.is_dirty = true;
        }
    }

    /// Remembers a rotation at once, not at the end of the run: killed in between, we would rotate again. The line is
    /// added behind the others, where it counts more than an earlier one of the same log.
    pub fn stamp(&mut self, log: &Path, time: NaiveDateTime) -> Result<(), RotateError> {
        self.remember(log, time);
        if self.locking == Locking::ReadOnly {
            return Ok(());
        }
        let line = line(log, time);
        // Another name of the file, or a link, is not ours to change: then it is written at the end alone.
        let is_ours =
            fs::symlink_metadata(&self.path).is_ok_and(|metadata| metadata.is_file() && metadata.nlink() == 1);
        if !is_ours {
            return Ok(());
        }
        let written = open_regular_for_appending(&self.path).and_then(|file| append(&file, &line));
        written.map_err(RotateError::file("add to the state file", &self.path))
    }

    /// A rotation that the file does not know yet.
    pub(super) fn remember(&mut self, log: &Path, time: NaiveDateTime) {
        // The entry gets the spelling that the policy has now: logrotate finds it by no other.
        self.last.remove(log);
        self.last.insert(log.to_owned(), time);
        self.stamped.insert(log.to_owned(), time);
        self.is_dirty = true;
    }

    /// Rotations that may be in no file.
    pub(super) fn unwritten(&self) -> BTreeMap<PathBuf, NaiveDateTime> {
        self.stamped.clone()
    }

    /// Writes the file anew and atomically, without logs that are long gone. `always`: also when nothing has changed.
    pub fn write(&mut self, now: NaiveDateTime, always: bool) -> Result<(), RotateError> {
        if self.locking == Locking::ReadOnly || !(self.is_dirty || always) {
            return Ok(());
        }
        let used = &self.used;
        self.last.retain(|log, time| used.contains(log) || now - *time <= FORGET);
        let failed = |e: io::Error| RotateError::file("write the state file", &self.path)(e);
        let old = fs::metadata(&self.path).ok();
        let (mode, uid, gid) = old.as_ref().map_or((0o640, 0, 0), |old| (old.mode() & 0o7773, old.uid(), old.gid()));
        let like = File::open(&self.path).ok();
        let like = Like { mode, uid, gid, file: like.as_ref() };
        atomic::write_to(&self.path, &to_bytes(&self.last), |temporary| create_new(temporary, &like))
            .map_err(failed)?;
        self.is_dirty = false;
        self.stamped.clear();
        Ok(())
    }
}

/// All of a line or nothing: half a date is another one. It stands for itself, also behind half a line of whoever was
/// killed while writing.
fn append(mut file: &File, line: &[u8]) -> io::Result<()> {
    let before = file.metadata()?.len();
    let mut last = [b'\n'];
    if before > 0 {
        file.read_exact_at(&mut last, before - 1)?;
    }
    let end: &[u8] = if last == *b"\n" { b"" } else { b"\n" };
    let written = file.write_all(&[end, line].concat());
    if written.is_err() {
        file.set_len(before)?;
    }
    written
}

fn create_stub(path: &Path) -> Result<(), RotateError> {
    let mut options = OpenOptions::new();
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() > 0 || metadata.is_dir() => return Ok(()),
        Ok(_) => options.append(true),
        // No link is followed to where there is nothing.
        Err(_) => options.append(true).create_new(true).mode(0o640),
    };
    let written = options.open(path).and_then(|mut file| file.write_all(&[HEAD, b"2\n"].concat()));
    written.map_err(|source| RotateError::StubState { path: path.to_owned(), source })
}

/// Locks the file that has the name at the moment: whoever held it before may have put another in its place.
fn lock(path: &Path, locking: Locking, problems: &mut Vec<Problem>) -> Result<Option<File>, RotateError> {
    if locking == Locking::Skip {
        return Ok(None);
    }
    let failed = |source: io::Error| RotateError::OpenState { path: path.to_owned(), source };
    loop {
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(failed(io::Error::from_raw_os_error(rustix::io::Errno::ISDIR.raw_os_error())));
        }
        if metadata.mode() & 0o004 != 0 {
            let text = format!(
                "state file {} is world-readable and thus can be locked from other unprivileged users. Skipping lock \
                 acquisition...",
                path.display()
            );
            problems.push(Problem { level: Level::Warning, text, costs: false });
            return Ok(None);
        }
        let how = match locking {
            Locking::Wait => FlockOperation::LockExclusive,
            _ => FlockOperation::NonBlockingLockExclusive,
        };
        match flock(&file, how) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(RotateError::Locked { path: path.to_owned() }),
            Err(rustix::io::Errno::INTR) => continue,
            Err(e) => return Err(failed(e.into())),
        }
        let now = fs::metadata(path).map_err(failed)?;
        if (now.dev(), now.ino()) == (metadata.dev(), metadata.ino()) {
            return Ok(Some(file));
        }
    }
}

/// Reads versions 1 and 2. An empty file is an empty state; a bad line costs only itself.
fn parse(
    bytes: &[u8],
    path: &Path,
    problems: &mut Vec<Problem>,
) -> Result<BTreeMap<PathBuf, NaiveDateTime>, RotateError> {
    let mut last = BTreeMap::new();
    let mut lines = bytes.split(|b| *b == b'\n').enumerate();
    let head = lines.next().map_or(&[][..], |(_, line)| line);
    let is_known = head.strip_prefix(HEAD).is_some_and(|version| matches!(version, b"1" | b"2"));
    if !bytes.is_empty() && !is_known {
        return Err(RotateError::State { path: path.to_owned() });
    }
    for (index, line) in lines.filter(|(_, line)| !line.trim_ascii().is_empty()) {
        match entry(line) {
            Ok((log, time)) => drop(last.insert(log, time)),
            Err(why) => {
                let what = if why.is_empty() { format!("bad line {}", index + 1) } else { why };
                let text =
                    format!("{what} in state file {}; it is skipped, and its log waits one period", path.display());
                problems.push(Problem { level: Level::Error, text, costs: true });
            }
        }
    }
    Ok(last)
}

/// Version 2, sorted by log.
fn to_bytes(last: &BTreeMap<PathBuf, NaiveDateTime>) -> Vec<u8> {
    let lines = last.iter().flat_map(|(log, time)| line(log, *time));
    HEAD.iter().chain(b"2\n").copied().chain(lines).collect()
}

fn line(log: &Path, time: NaiveDateTime) -> Vec<u8> {
    let mut line = vec![b'"'];
    for &byte in log.as_os_str().as_bytes() {
        match byte {
            b'\n' => line.extend(b"\\n"),
            b'"' | b'\\' => line.extend([b'\\', byte]),
            _ => line.push(byte),
        }
    }
    let (date, clock) = (time.date(), time.time());
    let (year, month, day) = (date.year(), date.month(), date.day());
    let (hour, minute, second) = (clock.hour(), clock.minute(), clock.second());
    line.extend(format!("\" {year}-{month}-{day}-{hour}:{minute}:{second}\n").bytes());
    line
}

/// The error says what is bad, or nothing when it is the line as a whole.
fn entry(line: &[u8]) -> Result<(PathBuf, NaiveDateTime), String> {
    let (log, rest) = path(line.trim_ascii()).ok_or("")?;
    let text = std::str::from_utf8(rest).map_err(|_| "")?.trim();
    let mut numbers = Vec::new();
    for number in text.split(['-', ':']) {
        numbers.push(number.parse::<u32>().map_err(|_| "")?);
    }
    let [year, month, day, hour, minute, second] = match numbers[..] {
        [year, month, day, ref clock @ ..] if clock.len() <= 3 => {
            let part = |index| clock.get(index).copied().unwrap_or(0);
            [year, month, day, part(0), part(1), part(2)]
        }
        _ => return Err(String::new()),
    };
    let bad = |what: &str, number: u32| format!("bad {what} {number} for file {}", log.display());
    if year != 1900 && !(1970..=2100).contains(&year) {
        return Err(bad("year", year));
    }
    if !(1..=12).contains(&month) {
        return Err(bad("month", month));
    }
    // logrotate once wrote a day 0, and a day that its month does not have is one of the next.
    let first = NaiveDate::from_ymd_opt(i32::try_from(year).unwrap_or(0), month, 1).filter(|_| day <= 31);
    let date = first.ok_or_else(|| bad("day", day))? + TimeDelta::days(i64::from(day) - 1);
    let parts = [("hour", hour, 23), ("minute", minute, 59), ("second", second, 59)];
    if let Some((what, number, _)) = parts.into_iter().find(|(_, number, most)| number > most) {
        return Err(bad(what, number));
    }
    Ok((log.clone(), date.and_hms_opt(hour, minute, second).ok_or("")?))
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

    fn read(text: &str) -> (BTreeMap<PathBuf, NaiveDateTime>, Vec<Problem>) {
        let mut problems = Vec::new();
        (parse(text.as_bytes(), Path::new("s"), &mut problems).unwrap(), problems)
    }

    #[test]
    fn lines() {
        let check = |line: &str, want: Result<(&str, &str), &str>| {
            let (last, problems) = read(&format!("logrotate state -- version 2\n{line}\n\"/ok\" 2026-1-2-3:4:5\n"));
            assert!(last.contains_key(Path::new("/ok")), "the rest is lost after {line}");
            match want {
                Ok((log, time)) => assert_eq!(last[Path::new(log)].to_string(), time, "{line}"),
                Err(text) => assert!(problems[0].text.starts_with(text), "{line}: {problems:?}"),
            }
        };
        check("\"/a\" 2026-11-24-2:0:9", Ok(("/a", "2026-11-24 02:00:09")));
        check("\"/a\" 2026-11-24", Ok(("/a", "2026-11-24 00:00:00")));
        check("/a 2026-11-24", Ok(("/a", "2026-11-24 00:00:00")));
        check("\"/a \\\"b\\\\ c\" 2026-1-1", Ok(("/a \"b\\ c", "2026-01-01 00:00:00")));
        check("\"/t//a\" 2026-1-1", Ok(("/t/a", "2026-01-01 00:00:00")));
        check("\"/t/a\" 2026-1-1", Ok(("/t//a", "2026-01-01 00:00:00")));
        check("\"/a\" 2026-13-1", Err("bad month 13 for file /a in state file s"));
        check("\"/a\" 2026-2-30-0:0:0", Ok(("/a", "2026-03-02 00:00:00")));
        check("\"/a\" 2026-2-32-0:0:0", Err("bad day 32 for file /a"));
        check("\"/a\" 2026-2-3-24:0:0", Err("bad hour 24 for file /a"));
        check("\"/a", Err("bad line 2 in state file s"));
        check("/a", Err("bad line 2 in state file s"));
        check("\"/a\" soon", Err("bad line 2 in state file s"));
        check("\"/a\" 2026-1-1-1:2", Ok(("/a", "2026-01-01 01:02:00")));
        check("\"/a\" 2026-1-1-1:2:3:4", Err("bad line 2"));
        check("\"/a\" 2026-1-1-1:2:60", Err("bad second 60"));
        check("\"/a\" 99999999999-1-1", Err("bad line 2"));
    }

    #[test]
    fn writes_what_it_reads() {
        let text = "logrotate state -- version 2\n\"/a \\\"b\\\\\\n\" 2026-1-2-3:4:5\n";
        assert_eq!(String::from_utf8(to_bytes(&read(text).0)).unwrap(), text);
        assert_eq!(read("").0, BTreeMap::new());
        assert!(parse(b"ELF", Path::new("s"), &mut Vec::new()).is_err());
    }

    #[test]
    fn an_added_line_counts_more_and_what_is_long_gone_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        fs::write(&path, "logrotate state -- version 2\n\"/gone\" 2020-1-1\n\"/t/a\" 2026-1-1\n").unwrap();
        let time = NaiveDate::from_ymd_opt(2026, 11, 24).unwrap().and_hms_opt(1, 2, 3).unwrap();
        let (mut state, _) = StateFile::open(&path, Locking::Skip).unwrap();
        state.stamp(Path::new("/t//a"), time).unwrap();
        assert_eq!(StateFile::open(&path, Locking::ReadOnly).unwrap().0.last(Path::new("/t/a")), Some(time));
        state.write(time, false).unwrap();
        let text = "logrotate state -- version 2\n\"/t//a\" 2026-11-24-1:2:3\n";
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }

    #[test]
    fn half_a_line_costs_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let time = NaiveDate::from_ymd_opt(2026, 11, 24).unwrap().and_hms_opt(1, 2, 3).unwrap();
        for end in ["", "\n", "\n\"/b\" 2026-", "\n\"/b\" 2026-1-1"] {
            fs::write(&path, format!("logrotate state -- version 2{end}")).unwrap();
            let (mut state, _) = StateFile::open(&path, Locking::Skip).unwrap();
            state.stamp(Path::new("/a"), time).unwrap();
            drop(state);
            let (state, _) = StateFile::open(&path, Locking::ReadOnly).unwrap();
            assert_eq!(state.last(Path::new("/a")), Some(time), "{end:?}");
        }
    }

    #[test]
    fn one_process_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let (first, _) = StateFile::open(&path, Locking::Try).unwrap();
        assert!(matches!(StateFile::open(&path, Locking::Try), Err(RotateError::Locked { .. })));
        assert!(StateFile::open(&path, Locking::Skip).is_ok());
        drop(first);
        // The file that a waiting process has locked may have been replaced meanwhile.
        let (mut second, _) = StateFile::open(&path, Locking::Try).unwrap();
        let waiting = std::thread::spawn({
            let path = path.clone();
            move || StateFile::open(&path, Locking::Wait).map(|(state, _)| state)
        });
        std::thread::sleep(std::time::Duration::from_millis(50));
        second.write(NaiveDateTime::default(), true).unwrap();
        drop(second);
        let _third = waiting.join().unwrap().unwrap();
        assert!(matches!(StateFile::open(&path, Locking::Try), Err(RotateError::Locked { .. })));
    }
}
