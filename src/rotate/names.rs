//! The names of a log's generations: made from a number or a date, and read back.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, TimeZone, Timelike};

use super::dates;
use super::policy::{Criterion, Settings};

/// How the generations of one log are called.
pub(super) struct Family<'a> {
    /// Where they are: the log's folder, or `olddir`.
    pub folder: PathBuf,
    stem: Vec<u8>,
    /// What stays last, with `extension`.
    ext: Vec<u8>,
    settings: &'a Settings,
}

/// A generation's place in time; the greater, the older.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Age {
    Number(u32),
    Date(dates::Key),
}

/// What a name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parsed {
    pub age: Age,
    pub compressed: bool,
}

/// What compressors put behind a name.
const PACKED: &[&[u8]] = &[b".gz", b".zst", b".xz", b".bz2", b".Z", b".zip"];
/// Before the name of an unfinished file: no glob of a policy matches it.
const HIDDEN: &[u8] = b".";
/// Behind the name of an unfinished compressed file.
const COMPRESSING: &[u8] = b".tmp";
/// Behind the name of an unfinished copy, which may be the only place of what it has.
const CUTTING: &[u8] = b".cut.tmp";

impl<'a> Family<'a> {
    pub fn of(log: &Path, settings: &'a Settings) -> Family<'a> {
        let parent = log.parent().unwrap_or(Path::new(""));
        let folder = settings.old_dir.as_ref().map_or(parent.to_owned(), |old| parent.join(old));
        let (mut stem, mut ext) = (log.file_name().unwrap_or_default().as_bytes(), &[][..]);
        // As logrotate does it: the added extension is put last whether the name has it or not.
        if let Some(added) = settings.add_extension.as_deref() {
            stem = stem.strip_suffix(added.as_bytes()).unwrap_or(stem);
            ext = added.as_bytes();
        }
        if let Some(kept) = settings.extension.as_deref()
            && let Some(rest) = stem.strip_suffix(kept.as_bytes()).filter(|rest| !rest.is_empty())
        {
            (stem, ext) = (rest, kept.as_bytes());
        }
        Family { folder, stem: stem.to_vec(), ext: ext.to_vec(), settings }
    }

    fn path(&self, middle: &[u8]) -> PathBuf {
        let name = [&self.stem, middle, &self.ext].concat();
        self.folder.join(OsString::from_vec(name))
    }

    /// The files of `listing` whose names begin as those of this family.
    pub fn near<'l, T>(&self, files: &'l BTreeMap<PathBuf, T>) -> impl Iterator<Item = (&'l PathBuf, &'l T)> {
        self.beginning(files, self.stem.clone())
    }

    /// The files of `listing` in this family's folder whose names begin with `name`.
    fn beginning<'l, T>(
        &self,
        files: &'l BTreeMap<PathBuf, T>,
        name: Vec<u8>,
    ) -> impl Iterator<Item = (&'l PathBuf, &'l T)> + use<'l, T> {
        let folder = self.folder.clone();
        let begin = folder.join(OsString::from_vec(name.clone()));
        files.range(begin..).take_while(move |(path, _)| {
            path.parent() == Some(&folder) && path.file_name().is_some_and(|file| file.as_bytes().starts_with(&name))
        })
    }

    pub fn numbered(&self, number: u32) -> PathBuf {
        self.path(format!(".{number}").as_bytes())
    }

    pub fn dated<Z: TimeZone>(&self, now: &DateTime<Z>) -> PathBuf
    where
        Z::Offset: std::fmt::Display,
    {
        let mut time = now.naive_local();
        if self.settings.date_yesterday {
            // Noon: no change of summer time moves it to another day.
            let noon = time.date().and_hms_opt(12, time.minute(), time.second()).unwrap_or(time);
            time = noon - TimeDelta::days(1);
        }
        if self.settings.date_hour_ago {
            time -= TimeDelta::hours(1);
        }
        self.path(dates::suffix(self.date_format(), time, now).as_bytes())
    }

    fn date_format(&self) -> &str {
        match (&self.settings.date_format, self.settings.criterion) {
            (Some(format), _) => dates::cut(format),
            (None, Criterion::Hourly) => "-%Y%m%d%H",
            (None, Criterion::Minutes(_)) => "-%Y%m%d%H%M",
            (None, _) => "-%Y%m%d",
        }
    }

    /// Whether names can be made of it.
    pub fn check_date_format(&self) -> Result<(), String> {
        dates::check(self.date_format())
    }

    pub fn compressed(&self, plain: &Path) -> PathBuf {
        let mut name = plain.as_os_str().to_owned();
        name.push(&self.settings.compress_ext);
        PathBuf::from(name)
    }

    /// What `path` is if it is a generation in the style of the policy (numbers, or dates).
    pub fn parse(&self, path: &Path) -> Option<Parsed> {
        self.parse_as(path, self.settings.date_ext)
    }

    /// Whether `path` is a generation in any style: then it is our output, not a log.
    pub fn is_output(&self, path: &Path) -> bool {
        self.parse_as(path, true).is_some() || self.parse_as(path, false).is_some()
    }

    fn parse_as(&self, path: &Path, dated: bool) -> Option<Parsed> {
        let name = (path.parent() == Some(&self.folder)).then(|| path.file_name())??.as_bytes();
        let rest = name.strip_prefix(&self.stem[..])?;
        let uncompressed = rest.strip_suffix(self.settings.compress_ext.as_bytes());
        [(Some(rest), false), (uncompressed, true)].into_iter().find_map(|(rest, compressed)| {
            let middle = rest?.strip_suffix(&self.ext[..])?;
            let age = if dated { Age::Date(dates::key(self.date_format(), middle)?) } else { number(middle)? };
            Some(Parsed { age, compressed })
        })
    }

    /// Whether `path` looks like a generation of this log by any policy: a number or a date between its name and an
    /// ending that a compressor gives.
    pub fn is_relative(&self, path: &Path) -> bool {
        let name = (path.parent() == Some(&self.folder)).then(|| path.file_name()).flatten().unwrap_or_default();
        let Some(rest) = name.as_bytes().strip_prefix(&self.stem[..]) else { return false };
        let packed = PACKED.iter().find_map(|ending| rest.strip_suffix(*ending)).unwrap_or(rest);
        let middle = packed.strip_suffix(&self.ext[..]).unwrap_or(packed);
        let is_separator = |byte: &u8| matches!(byte, b'.' | b'-' | b'_');
        middle.first().is_some_and(is_separator)
            && middle[1..].first().is_some_and(u8::is_ascii_digit)
            && middle[1..].iter().all(|byte| byte.is_ascii_digit() || is_separator(byte))
    }

    /// Where a file goes whose name is needed, as logrotate calls it.
    pub fn backup<Z: TimeZone>(path: &Path, now: &DateTime<Z>) -> PathBuf
    where
        Z::Offset: std::fmt::Display,
    {
        let mut name = path.as_os_str().to_owned();
        name.push(now.format("-%Y%m%d%H.backup").to_string());
        PathBuf::from(name)
    }

    /// Where `renamecopy` puts a log before it copies it.
    pub fn aside(log: &Path) -> PathBuf {
        let mut name = log.as_os_str().to_owned();
        name.push(".tmp");
        PathBuf::from(name)
    }

    /// Files of `listing` that could be unfinished ones of this family.
    pub fn hidden<'l, T>(&self, files: &'l BTreeMap<PathBuf, T>) -> impl Iterator<Item = &'l PathBuf> {
        self.beginning(files, [HIDDEN, &self.stem].concat()).map(|(path, _)| path)
    }

    /// The unfinished copy that becomes `target`.
    pub fn cutting(target: &Path) -> PathBuf {
        hidden(target, CUTTING)
    }

    /// The unfinished compressed file that becomes `target`.
    pub fn compressing(target: &Path) -> PathBuf {
        hidden(target, COMPRESSING)
    }

    /// The generation that the unfinished copy `path` was to become.
    pub fn cut_target(&self, path: &Path) -> Option<PathBuf> {
        let target = shown(path, CUTTING)?;
        self.parse(&target).filter(|p| !p.compressed).map(|_| target)
    }

    /// Whether `path` is what an interrupted compression of ours left.
    pub fn is_unfinished_compression(&self, path: &Path) -> bool {
        shown(path, COMPRESSING).and_then(|target| self.parse(&target)).is_some_and(|p| p.compressed)
    }
}

fn hidden(target: &Path, ending: &[u8]) -> PathBuf {
    let name = target.file_name().unwrap_or_default().as_bytes();
    target.with_file_name(OsString::from_vec([HIDDEN, name, ending].concat()))
}

fn shown(path: &Path, ending: &[u8]) -> Option<PathBuf> {
    let name = path.file_name()?.as_bytes().strip_prefix(HIDDEN)?.strip_suffix(ending)?;
    (!name.is_empty()).then(|| path.with_file_name(OsString::from_vec(name.to_vec())))
}

/// `.7`, but not `.07`: that is not from us.
fn number(middle: &[u8]) -> Option<Age> {
    let digits = std::str::from_utf8(middle.strip_prefix(b".")?).ok()?;
    let number: u32 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(Age::Number(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_and_read_back() {
        let check = |change: fn(&mut Settings), plain: &str| {
            let mut settings = Settings::default();
            change(&mut settings);
            let now = chrono::Utc.with_ymd_and_hms(2026, 3, 1, 0, 5, 9).unwrap();
            let family = Family::of(Path::new("/l/a.log"), &settings);
            let path = if settings.date_ext { family.dated(&now) } else { family.numbered(3) };
            assert_eq!(path, Path::new(plain));
            assert!(!family.parse(&path).unwrap().compressed);
            let compressed = family.compressed(&path);
            assert!(family.parse(&compressed).unwrap().compressed, "{compressed:?}");
            assert_eq!(family.cut_target(&Family::cutting(&path)), Some(path));
            assert!(family.is_unfinished_compression(&Family::compressing(&compressed)));
        };
        check(|_| {}, "/l/a.log.3");
        check(|s| s.extension = Some(".log".into()), "/l/a.3.log");
        check(|s| s.extension = Some(".txt".into()), "/l/a.log.3");
        check(|s| s.old_dir = Some("old".into()), "/l/old/a.log.3");
        check(|s| s.old_dir = Some("/o".into()), "/o/a.log.3");
        check(|s| s.date_ext = true, "/l/a.log-20260301");
        check(|s| (s.date_ext, s.criterion) = (true, Criterion::Hourly), "/l/a.log-2026030100");
        check(|s| (s.date_ext, s.date_yesterday) = (true, true), "/l/a.log-20260228");
        check(|s| (s.date_ext, s.date_hour_ago) = (true, true), "/l/a.log-20260228");
        check(|s| (s.date_ext, s.date_format) = (true, Some(".%s".into())), "/l/a.log.1772323509");
        check(|s| s.add_extension = Some(".bak".into()), "/l/a.log.3.bak");
        check(|s| s.add_extension = Some(".log".into()), "/l/a.3.log");
        check(|s| (s.add_extension, s.extension) = (Some(".bak".into()), Some(".log".into())), "/l/a.3.log");
    }

    #[test]
    fn other_names_are_not_ours() {
        let settings = Settings::default();
        let family = Family::of(Path::new("/l/a.log"), &settings);
        for name in ["a.log", "a.log.", "a.log.01", "a.log.x", "a.log.1.bak", "b.log.1", "a.log.99999999999"] {
            assert!(family.parse(&Path::new("/l").join(name)).is_none(), "{name}");
        }
        assert!(family.parse(Path::new("/other/a.log.1")).is_none());
        assert!(family.is_output(Path::new("/l/a.log-20260301.gz")));
    }
}
