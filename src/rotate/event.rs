//! What the rotator tells: for the journal, for status, and for whoever waits for a rotation.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::cut::Cut;
use super::plan::Action;
use super::policy::Method;
use crate::sys::units::Bytes;

/// How much a message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Told when asked to be verbose.
    Debug,
    Warning,
    Error,
}

/// Hears of everything while it happens.
pub trait Listener {
    /// Something happened, or cannot happen yet.
    fn event(&mut self, event: &Event);
    /// What is being looked at and done, in logrotate's words.
    fn note(&mut self, text: fmt::Arguments<'_>) {
        let _ = text;
    }
    /// A step is about to be done.
    fn step(&mut self, action: &Action) {
        let _ = action;
    }
}

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
        /// How a copytruncate was done.
        #[serde(skip_serializing_if = "Option::is_none")]
        cut: Option<Cut>,
    },
    /// Sizes in bytes.
    Compressed {
        file: PathBuf,
        before: u64,
        after: u64,
    },
    Removed {
        file: PathBuf,
        /// What other than its section wanted it.
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    Mailed {
        file: PathBuf,
    },
    /// It is not rotated, and that is no failure.
    Skipped {
        why: String,
    },
    /// Worth knowing; the rotation goes on.
    Warned {
        level: Level,
        warning: String,
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
}

impl Event {
    pub fn is_failure(&self) -> bool {
        matches!(self.what, What::Failed { .. })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let log = self.log.display();
        match &self.what {
            What::Rotated { to, reason, method, cut } => {
                write!(f, "{log}: rotated to {} by {method}", to.display())?;
                if let Some(cut) = cut {
                    write!(f, " ({cut})")?;
                }
                write!(f, ": {reason}")
            }
            What::Mailed { file } => write!(f, "{log}: mailed {}", file.display()),
            What::Skipped { why } => write!(f, "{log}: {why}"),
            What::Warned { warning, .. } => write!(f, "{log}: {warning}"),
            What::Compressed { file, before, after } => {
                write!(f, "{log}: compressed {} from {} to {}", file.display(), Bytes(*before), Bytes(*after))
            }
            What::Removed { file, why: None } => write!(f, "{log}: removed {}", file.display()),
            What::Removed { file, why: Some(why) } => write!(f, "{log}: removed {}: {why}", file.display()),
            What::Recovered { file } => write!(f, "{log}: finished the interrupted copy {}", file.display()),
            What::Waiting { file, why } => write!(f, "{log}: {} waits: {why}", file.display()),
            What::Failed { error } => write!(f, "{log}: {error}"),
        }
    }
}
