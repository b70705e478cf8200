//! A policy: which logs are rotated when, how, and how many generations stay. Values only; `grammar` reads them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::grammar;

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
    /// Glob patterns; relative ones are taken from the current directory.
    pub patterns: Vec<String>,
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
    /// With its dot: `.gz`.
    pub compress_ext: String,
    pub missing_ok: bool,
    pub if_empty: bool,
    pub method: Method,
    pub create: Option<Create>,
    pub date_ext: bool,
    /// `None` is `-%Y%m%d`, or `-%Y%m%d%H` for hourly logs.
    pub date_format: Option<String>,
    pub date_yesterday: bool,
    /// Stays last in the name: with `.log`, `a.log` becomes `a.1.log`.
    pub extension: Option<String>,
    /// Absolute, or relative to the log's folder.
    pub old_dir: Option<PathBuf>,
    pub shared_scripts: bool,
    pub scripts: BTreeMap<ScriptKind, String>,
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
            compress_ext: ".gz".to_owned(),
            missing_ok: false,
            if_empty: true,
            method: Method::Rename,
            create: None,
            date_ext: false,
            date_format: None,
            date_yesterday: false,
            extension: None,
            old_dir: None,
            shared_scripts: false,
            scripts: BTreeMap::new(),
        }
    }
}

/// What makes a log due; the last one written in a section counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Criterion {
    /// Bytes.
    Size(u64),
    Hourly,
    Daily,
    /// 0 is Sunday; 7 means every seven days, whatever the weekday.
    Weekly(u8),
    Monthly,
    Yearly,
}

/// How the content leaves the live log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    Rename,
    CopyTruncate,
    Copy,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Method::Rename => "rename",
            Method::CopyTruncate => "copytruncate",
            Method::Copy => "copy",
        })
    }
}

/// The new log after a rename; what is `None` is copied from the old one.
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
}

impl ScriptKind {
    pub(super) fn from_word(word: &str) -> Option<ScriptKind> {
        Some(match word {
            "firstaction" => ScriptKind::First,
            "prerotate" => ScriptKind::Pre,
            "postrotate" => ScriptKind::Post,
            "lastaction" => ScriptKind::Last,
            _ => return None,
        })
    }
}

impl fmt::Display for ScriptKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ScriptKind::First => "firstaction",
            ScriptKind::Pre => "prerotate",
            ScriptKind::Post => "postrotate",
            ScriptKind::Last => "lastaction",
        })
    }
}

/// What is wrong at one place of a policy, with the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct PolicyError {
    pub file: PathBuf,
    /// Counted from 1; 0 is the file as a whole.
    pub line: usize,
    pub message: String,
}

/// Something that is understood but not obeyed; the policy holds all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    pub file: PathBuf,
    pub line: usize,
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.message)
    }
}

impl Policy {
    /// Reads `text`; `path` is what messages call it. Fails with every error found, not only the first.
    pub fn parse(text: &str, path: &Path) -> Result<(Policy, Vec<Warning>), Vec<PolicyError>> {
        grammar::parse(text, path)
    }

    /// Reads the file at `path`.
    pub fn load(path: &Path) -> Result<(Policy, Vec<Warning>), Vec<PolicyError>> {
        match grammar::read_config(path) {
            Ok(text) => Policy::parse(&text, path),
            Err(message) => Err(vec![PolicyError { file: path.to_owned(), line: 0, message }]),
        }
    }
}

impl Section {
    /// `FILE:LINE`, for messages.
    pub fn place(&self) -> String {
        format!("{}:{}", self.file.display(), self.line)
    }

    /// The script of that kind, if the section has one.
    pub fn script(&self, kind: ScriptKind) -> Option<&str> {
        self.settings.scripts.get(&kind).map(String::as_str)
    }
}
