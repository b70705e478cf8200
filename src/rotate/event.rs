//! What the rotator tells: for the journal, for status, and for whoever waits for a rotation.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::policy::Method;
use crate::sys::units::Bytes;

/// Something happened to a log, or cannot happen yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Nanoseconds since the epoch.
    pub time: i64,
    /// The live path.
    pub log: PathBuf,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum What {
    Rotated {
        to: PathBuf,
        reason: String,
        method: Method,
    },
    /// Sizes in bytes.
    Compressed {
        file: PathBuf,
        before: u64,
        after: u64,
    },
    Removed {
        file: PathBuf,
    },
    /// An interrupted copy of an earlier run was found and finished.
    Recovered {
        file: PathBuf,
    },
    /// Told once; `Rotator::waiting` has all that still wait.
    Waiting {
        file: PathBuf,
        why: String,
    },
    /// Told once as long as the error stays the same.
    Failed {
        error: String,
    },
    ScriptFailed {
        error: String,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let log = self.log.display();
        match &self.what {
            What::Rotated { to, reason, method } => {
                write!(f, "{log}: rotated to {} by {method}: {reason}", to.display())
            }
            What::Compressed { file, before, after } => {
                write!(f, "{log}: compressed {} from {} to {}", file.display(), Bytes(*before), Bytes(*after))
            }
            What::Removed { file } => write!(f, "{log}: removed {}", file.display()),
            What::Recovered { file } => write!(f, "{log}: finished the interrupted copy {}", file.display()),
            What::Waiting { file, why } => write!(f, "{log}: {} waits: {why}", file.display()),
            What::Failed { error } | What::ScriptFailed { error } => write!(f, "{log}: {error}"),
        }
    }
}
