//! The names of a log's generations: made from a number or a date, and read back.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, TimeZone};

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
    /// Year, month, day, hour, minute, second, epoch seconds; negated, so that old is great.
    Date([i64; 7]),
}

/// What a name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parsed {
    pub age: Age,
    pub compressed: bool,
}

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
        let name = log.file_name().unwrap_or_default().as_bytes();
        let ext = settings.extension.as_deref().unwrap_or_default().as_bytes();
        let (stem, ext) = match name.strip_suffix(ext) {
            Some(stem) if !stem.is_empty() => (stem, ext),
            _ => (name, &[][..]),
        };
        Family { folder, stem: stem.to_vec(), ext: ext.to_vec(), settings }
    }

    fn path(&self, middle: &[u8]) -> PathBuf {
        let name = [&self.stem, middle, &self.ext].concat();
        self.folder.join(OsString::from_vec(name))
    }

    pub fn numbered(&self, number: u32) -> PathBuf {
        self.path(format!(".{number}").as_bytes())
    }

    pub fn dated<Z: TimeZone>(&self, now: &DateTime<Z>) -> PathBuf {
        let mut time = now.naive_local();
        if self.settings.date_yesterday {
            // Noon: no change of summer time moves it to another day.
            let noon = time.date().and_hms_opt(12, 0, 0).unwrap_or(time);
            time = noon - TimeDelta::days(1);
        }
        let mut middle = String::new();
        for piece in pieces(self.date_format()) {
            match piece {
                Piece::Literal(byte) => middle.push(char::from(byte)),
                Piece::Field('s') => middle.push_str(&now.timestamp().to_string()),
                Piece::Field(field) => middle.push_str(&time.format(&format!("%{field}")).to_string()),
            }
        }
        self.path(middle.as_bytes())
    }

    fn date_format(&self) -> &str {
        match (&self.settings.date_format, self.settings.criterion) {
            (Some(format), _) => format,
            (None, Criterion::Hourly) => "-%Y%m%d%H",
            (None, _) => "-%Y%m%d",
        }
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
            let age = if dated { date(self.date_format(), middle)? } else { self.number(middle)? };
            Some(Parsed { age, compressed })
        })
    }

    /// `.7`, but neither `.07` nor a number under `start`: those are not from us.
    fn number(&self, middle: &[u8]) -> Option<Age> {
        let digits = std::str::from_utf8(middle.strip_prefix(b".")?).ok()?;
        let number: u32 = digits.parse().ok()?;
        (number.to_string() == digits && number >= self.settings.start).then_some(Age::Number(number))
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

enum Piece {
    Literal(u8),
    Field(char),
}

fn pieces(format: &str) -> Vec<Piece> {
    let (mut pieces, mut bytes) = (Vec::new(), format.bytes());
    while let Some(byte) = bytes.next() {
        pieces.push(match byte {
            b'%' => bytes.next().map_or(Piece::Literal(b'%'), |field| Piece::Field(char::from(field))),
            _ => Piece::Literal(byte),
        });
    }
    pieces
}

/// Reads `text` back by the format that made it.
fn date(format: &str, mut text: &[u8]) -> Option<Age> {
    let mut fields = [0i64; 7];
    for piece in pieces(format) {
        match piece {
            Piece::Literal(byte) => text = text.strip_prefix(&[byte])?,
            Piece::Field(field) => {
                let index = "YmdHMSs".find(field)?;
                let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
                let (number, rest) = text.split_at_checked(match field {
                    'Y' => 4,
                    's' => digits.clamp(1, 12),
                    _ => 2,
                })?;
                if !number.iter().all(u8::is_ascii_digit) {
                    return None;
                }
                fields[index] = -std::str::from_utf8(number).ok()?.parse::<i64>().ok()?;
                text = rest;
            }
        }
    }
    text.is_empty().then_some(Age::Date(fields))
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
        check(|s| (s.date_ext, s.date_format) = (true, Some(".%s".into())), "/l/a.log.1772323509");
        check(|s| (s.date_ext, s.date_format) = (true, Some("_%d-%H.%M.%S".into())), "/l/a.log_01-00.05.09");
    }

    #[test]
    fn other_names_are_not_ours() {
        let settings = Settings::default();
        let family = Family::of(Path::new("/l/a.log"), &settings);
        for name in ["a.log", "a.log.", "a.log.0", "a.log.01", "a.log.x", "a.log.1.bak", "b.log.1", "a.log.99999999999"]
        {
            assert!(family.parse(&Path::new("/l").join(name)).is_none(), "{name}");
        }
        assert!(family.parse(Path::new("/other/a.log.1")).is_none());
        assert!(family.is_output(Path::new("/l/a.log-20260301.gz")));
    }
}
