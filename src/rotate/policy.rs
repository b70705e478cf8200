//! A policy: which logs are rotated when, how, and how many generations stay. Values only; `grammar` reads them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::event::Level;
use super::{grammar, survey};

/// The rules of one configuration file and of those it includes, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    pub sections: Vec<Section>,
}

/// `PATTERN... { directives }`, with the defaults that were in force where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
    /// The line of its last brace.
    pub end: usize,
    /// Glob patterns; relative ones are taken from the current directory.
    pub patterns: Vec<String>,
    /// The patterns as they were written, for messages and shared scripts.
    pub head: String,
    pub settings: Settings,
}

/// Everything a section can say. `Default` is what logrotate does when nothing is said.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub criterion: Criterion,
    /// Bytes: a time criterion waits until the log is at least this big.
    pub min_size: Option<u64>,
    /// Bytes: a bigger log is rotated at once, whatever the time.
    pub max_size: Option<u64>,
    /// Days since the last write that a time criterion asks for.
    pub min_age: Option<u64>,
    /// Days after which old generations are removed.
    pub max_age: Option<u64>,
    /// Generations that stay; `None` is `rotate -1`, no limit.
    pub keep: Option<u32>,
    /// Number of the newest generation.
    pub start: u32,
    pub compress: bool,
    pub delay_compress: bool,
    pub compress_command: String,
    pub compress_options: Vec<String>,
    pub uncompress_command: String,
    /// With its dot: `.gz`.
    pub compress_ext: String,
    pub missing_ok: bool,
    pub if_empty: bool,
    pub copy: bool,
    pub copy_truncate: bool,
    pub rename_copy: bool,
    pub create: Option<Create>,
    pub date_ext: bool,
    /// `None` is `-%Y%m%d`, with `%H` for hourly logs and `%H%M` for those rotated by the minute.
    pub date_format: Option<String>,
    pub date_yesterday: bool,
    pub date_hour_ago: bool,
    /// Stays last in the name: with `.log`, `a.log` becomes `a.1.log`.
    pub extension: Option<String>,
    /// Is put last in the name, or moved there.
    pub add_extension: Option<String>,
    /// Absolute, or relative to the log's folder.
    pub old_dir: Option<PathBuf>,
    /// Makes `old_dir` where it is missing.
    pub create_old_dir: Option<Create>,
    pub shared_scripts: bool,
    pub scripts: BTreeMap<ScriptKind, String>,
    /// Where the generation that goes, or the new one, is mailed to.
    pub mail: Option<String>,
    pub mail_first: bool,
    pub shred: bool,
    /// 0: as often as `shred` likes.
    pub shred_cycles: u32,
    pub allow_hard_link: bool,
    /// Later sections may name these logs, too; they are rotated by this one.
    pub ignore_duplicates: bool,
    /// User and group that files are touched as.
    pub su: Option<(u32, u32)>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            criterion: Criterion::Size(1 << 20),
            min_size: None,
            max_size: None,
            min_age: None,
            max_age: None,
            keep: Some(0),
            start: 1,
            compress: false,
            delay_compress: false,
            compress_command: "/bin/gzip".to_owned(),
            compress_options: Vec::new(),
            uncompress_command: "/bin/gunzip".to_owned(),
            compress_ext: ".gz".to_owned(),
            missing_ok: false,
            if_empty: true,
            copy: false,
            copy_truncate: false,
            rename_copy: false,
            create: None,
            date_ext: false,
            date_format: None,
            date_yesterday: false,
            date_hour_ago: false,
            extension: None,
            add_extension: None,
            old_dir: None,
            create_old_dir: None,
            shared_scripts: false,
            scripts: BTreeMap::new(),
            mail: None,
            mail_first: false,
            shred: false,
            shred_cycles: 0,
            allow_hard_link: false,
            ignore_duplicates: false,
            su: None,
        }
    }
}

impl Settings {
    /// How the content leaves the log. `copy` beside `copytruncate` truncates.
    pub fn method(&self) -> Method {
        match (self.copy_truncate, self.rename_copy, self.copy) {
            (true, ..) => Method::CopyTruncate,
            (_, true, _) => Method::RenameCopy,
            (_, _, true) => Method::Copy,
            _ => Method::Rename,
        }
    }

    /// Generations that stay after a rotation. With none, the log is still rotated to one, so that scripts see it.
    pub fn kept(&self) -> Option<u32> {
        self.keep.map(|keep| keep.max(1))
    }
}

/// What makes a log due; the last one written in a section counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Criterion {
    /// Bytes.
    Size(u64),
    /// Whole minutes that must have passed.
    Minutes(u64),
    Hourly,
    Daily,
    /// 0 is Sunday; 7 means every seven days, whatever the weekday.
    Weekly(u8),
    /// Day of the month, or the month's last day if it is shorter; 0 is the first run in a month.
    Monthly(u8),
    Yearly,
}

impl Criterion {
    /// The directive.
    pub fn word(self) -> &'static str {
        match self {
            Criterion::Size(_) => "size",
            Criterion::Minutes(_) => "minutes",
            Criterion::Hourly => "hourly",
            Criterion::Daily => "daily",
            Criterion::Weekly(_) => "weekly",
            Criterion::Monthly(_) => "monthly",
            Criterion::Yearly => "yearly",
        }
    }
}

/// How the content leaves the live log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    Rename,
    CopyTruncate,
    Copy,
    /// Renamed beside the log, then copied to where the generations are.
    RenameCopy,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Method::Rename => "rename",
            Method::CopyTruncate => "copytruncate",
            Method::Copy => "copy",
            Method::RenameCopy => "renamecopy",
        })
    }
}

/// A new log or folder; what is `None` is copied from the old log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Create {
    pub mode: Option<u32>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
}

/// When a script runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ScriptKind {
    First,
    Pre,
    Post,
    Last,
    Preremove,
}

impl ScriptKind {
    pub(super) fn from_word(word: &str) -> Option<ScriptKind> {
        Some(match word {
            "firstaction" => ScriptKind::First,
            "prerotate" => ScriptKind::Pre,
            "postrotate" => ScriptKind::Post,
            "lastaction" => ScriptKind::Last,
            "preremove" => ScriptKind::Preremove,
            _ => return None,
        })
    }
}

impl ScriptKind {
    /// As messages call it.
    pub(super) fn words(self) -> &'static str {
        match self {
            ScriptKind::First => "first action",
            ScriptKind::Pre => "prerotate",
            ScriptKind::Post => "postrotate",
            ScriptKind::Last => "last action",
            ScriptKind::Preremove => "preremove",
        }
    }
}

impl fmt::Display for ScriptKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ScriptKind::First => "firstaction",
            ScriptKind::Pre => "prerotate",
            ScriptKind::Post => "postrotate",
            ScriptKind::Last => "lastaction",
            ScriptKind::Preremove => "preremove",
        })
    }
}

/// Something about a policy that its author should know, in logrotate's words, with the way out behind them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub level: Level,
    /// With `FILE:LINE` in front where there is a place.
    pub text: String,
    /// A section or a file was left out.
    pub costs: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Policy {
    /// Reads `text`; `path` is what messages call it. A mistake costs its line, its section or the rest of its file, as
    /// in logrotate, and is in the second value.
    pub fn parse(text: &str, path: &Path) -> (Policy, Vec<Problem>) {
        grammar::parse(text, path)
    }

    /// Whether a section has this log.
    pub fn covers(&self, log: &Path) -> bool {
        self.sections.iter().any(|section| survey::covers(section, log))
    }

    /// The size in bytes from which on a log is rotated whatever the time, whether it is there or not.
    pub fn size_limit(&self, log: &Path) -> Option<u64> {
        self.sections.iter().find(|section| survey::covers(section, log))?.size_limit()
    }

    /// Reads files and folders, in this order; defaults go on from one to the next.
    pub fn load(paths: &[PathBuf]) -> (Policy, Vec<Problem>) {
        grammar::load(paths)
    }
}

impl Section {
    /// `FILE:LINE`, for messages.
    pub fn place(&self) -> String {
        format!("{}:{}", self.file.display(), self.line)
    }

    /// See [`Policy::size_limit`]. `maxsize` is reached beyond it.
    pub(super) fn size_limit(&self) -> Option<u64> {
        match self.settings.criterion {
            Criterion::Size(limit) => Some(limit),
            _ => self.settings.max_size.map(|limit| limit.saturating_add(1)),
        }
    }

    /// The count of generations as it was written.
    pub(super) fn kept_text(&self) -> String {
        self.settings.keep.map_or("-1".to_owned(), |keep| keep.to_string())
    }

    /// The script of that kind, if the section has one.
    pub fn script(&self, kind: ScriptKind) -> Option<&str> {
        self.settings.scripts.get(&kind).map(String::as_str)
    }
}
