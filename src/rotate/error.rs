//! What can go wrong while rotating; every message names the file and the way out.

use std::io;
use std::path::{Path, PathBuf};

use super::policy::ScriptKind;

/// A failure that costs one log (or one generation of it), never the whole run.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    #[error("cannot {doing} {path}: {source}; check that the folder exists, is writable by us and has space")]
    File { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("{path} does not exist; write `missingok` in its section if that is normal")]
    Missing { path: PathBuf },
    #[error("{path} is a symbolic link; name the file it points to in the policy")]
    Link { path: PathBuf },
    #[error("{path} is not a regular file; leave it out of the pattern")]
    NotRegular { path: PathBuf },
    #[error("{path} has more than one hard link; remove the other names, they would share the rotation")]
    HardLinked { path: PathBuf },
    #[error("{path} already exists and is not overwritten; move it away, or use a finer `dateformat`")]
    Exists { path: PathBuf },
    #[error("{path} and {compressed} both exist and differ; both are kept: compare them and remove one")]
    Differs { path: PathBuf, compressed: PathBuf },
    #[error("{path} changed while it was being compressed; it is kept, and tried again")]
    Changed { path: PathBuf },
    #[error("{path} is covered twice; the section at {first} has it, remove it from the one at {second}")]
    Duplicate { path: PathBuf, first: String, second: String },
    #[error("the {kind} script failed ({status}); run it by hand with `sh -c` to see why")]
    Script { kind: ScriptKind, status: String },
    #[error("{path} is not a logrotate state file; name another with -s, or move it away to start anew")]
    State { path: PathBuf },
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
