//! What can go wrong while rotating. A message begins as logrotate's does, because scripts look for that, and ends with
//! the way out.

use std::io;
use std::path::{Path, PathBuf};

use super::grammar::reason;

/// A failure that costs one log (or one generation of it), never the whole run.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    #[error("error {} {path}: {}; check that the folder exists, is writable by us and has space", gerund(.doing), reason(.source))]
    File { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("error renaming {from} to {to}: {}", reason(.source))]
    Rename { from: PathBuf, to: PathBuf, source: io::Error },
    #[error("failed to rename {log} to {to}: {}", reason(.source))]
    Take { log: PathBuf, to: PathBuf, source: io::Error },
    #[error("Failed to remove old log {path}: {}; look at what it is", reason(.source))]
    Remove { path: PathBuf, source: io::Error },
    #[error("error creating {path}: {}", reason(.source))]
    MakeFolder { path: PathBuf, source: io::Error },
    #[error("{text}; write another dateformat")]
    DateFormat { text: String },
    #[error("stat of {path} failed: {}{}", reason(.source), hint(.source))]
    Stat { path: PathBuf, source: io::Error },
    #[error("glob failed for {pattern}: {}", reason(.source))]
    Glob { pattern: String, source: io::Error },
    #[error("{path} is not a regular file; leave it out of the pattern")]
    NotRegular { path: PathBuf },
    #[error(
        "skipping \"{path}\" because parent directory has insecure permissions (It's world writable or writable by \
         group which is not \"root\") Set \"su\" directive in config file to tell logrotate which user/group should be \
         used for rotation."
    )]
    InsecureFolder { path: PathBuf },
    #[error("destination {path} already exists, skipping rotation; move it away, or use a finer `dateformat`")]
    Exists { path: PathBuf },
    #[error("{path} and {compressed} both exist and differ; both are kept: compare them and remove one")]
    Differs { path: PathBuf, compressed: PathBuf },
    #[error("{path} changed while it was being read; it is kept, and tried again")]
    Changed { path: PathBuf },
    #[error("{place} duplicate log entry for {path}; {first} has it: remove it from one of them")]
    Duplicate { path: PathBuf, first: String, place: String },
    #[error("{place} error verifying olddir path {path}: {}; make it, or write `createolddir`", reason(.source))]
    OldDir { place: String, path: PathBuf, source: io::Error },
    #[error("{place} error verifying log file path {path}: {}", reason(.source))]
    LogFolder { place: String, path: PathBuf, source: io::Error },
    #[error("{place} olddir {folder} and log file {path} are on different devices; use `copytruncate` or `renamecopy`")]
    OtherDevice { place: String, folder: PathBuf, path: PathBuf },
    /// `text` says which script for which log.
    #[error("{text} ({status}); run it by hand with `sh -c` to see why")]
    Script { text: String, status: String },
    #[error("unable to open {path} (read-only) for compression: {}", reason(.source))]
    OpenPlain { path: PathBuf, source: io::Error },
    #[error("failed to compress log {path}: {status}")]
    Compression { path: PathBuf, status: String, stderr: String },
    #[error("mail command failed for {path}: {status}")]
    Mail { path: PathBuf, status: String },
    #[error("uncompress command failed mailing {path}: {status}")]
    Uncompress { path: PathBuf, status: String },
    #[error("error switching euid to {uid} and egid to {gid}: {}", reason(.source))]
    Switch { uid: u32, gid: u32, source: io::Error },
    #[error("bad top line in state file {path}; name another with -s, or move it away to start anew")]
    State { path: PathBuf },
    #[error("error creating stub state file {path}: {}", reason(.source))]
    StubState { path: PathBuf, source: io::Error },
    #[error("error opening state file {path}: {}", reason(.source))]
    OpenState { path: PathBuf, source: io::Error },
    #[error(
        "state file {path} is already locked\nlogrotate does not support parallel execution on the same set of logfiles."
    )]
    Locked { path: PathBuf },
}

/// As logrotate says it, where it says something.
fn gerund(doing: &str) -> String {
    match doing {
        "open" => "opening".to_owned(),
        "create" => "creating output file".to_owned(),
        other => format!("trying to {other}"),
    }
}

fn hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::NotFound => "; write `missingok` in its section if that is normal",
        _ => "",
    }
}

impl RotateError {
    /// For `map_err`: an operating system error with what was being done to which file.
    pub(super) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RotateError {
        move |source| match source.kind() {
            io::ErrorKind::AlreadyExists => RotateError::Exists { path: path.to_owned() },
            _ => RotateError::File { doing, path: path.to_owned(), source },
        }
    }
}
