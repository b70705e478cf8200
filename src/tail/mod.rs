//! Layer 3: following files. Finds them by globs, reads whole lines, and knows a file again under another
//! name: its identity is device, inode, a hash of its head and a hash of the bytes before the offset.
//!
//! [`Tailer::tick`] is the whole machine; the daemon calls it from a thread, a test by hand. Events of the
//! file system ([`Watch`]) only say that it is worth a tick now: what a tick does follows from what it sees.

mod content;
mod cut;
mod discover;
mod finished;
mod generations;
mod named;
mod once;
mod replaced;
mod rotated;
mod stream;
mod tailer;
mod watch;

#[cfg(test)]
mod cut_tests;
#[cfg(test)]
mod tests;

pub use content::{Content, Packing};
pub use discover::{Source, followed, source_like};
pub use finished::End;
pub use named::source_for;
pub use once::Once;
pub use tailer::{FileStatus, Options, Tailer, Tick};
pub use watch::Watch;

/// A file could not be followed, with the way out.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    #[error("cannot open {path}: {source}{hint}")]
    Open { path: std::path::PathBuf, source: std::io::Error, hint: &'static str },
    #[error("cannot read {path}: {source}")]
    Read { path: std::path::PathBuf, source: std::io::Error },
    #[error("{path} was cut and {copy} not finished; it is read on when `logmill rotate` has finished it")]
    Cut { path: std::path::PathBuf, copy: std::path::PathBuf },
    /// Between looking and opening; it is looked for again at once.
    #[error("{path} was renamed or removed meanwhile")]
    Moved { path: std::path::PathBuf },
    #[error("{path} is a folder where a log should be; leave it out of the globs, or move it away")]
    Folder { path: std::path::PathBuf },
    #[error("cannot list {path}: {source}; let logmill's user read it, or leave it out of the globs")]
    List { path: std::path::PathBuf, source: std::io::Error },
    #[error("{path} is also followed as {other}; it is read once")]
    Twice { path: std::path::PathBuf, other: String },
    #[error("cannot watch for new files: {0}; polling goes on")]
    Watch(String),
}

impl TailError {
    /// Somebody should do something about it: a log is there and cannot be read. What is no file, a link, or gone is
    /// only told.
    pub fn is_failure(&self) -> bool {
        use std::io::ErrorKind::{InvalidInput, NotFound};
        match self {
            TailError::Open { source, .. } | TailError::Read { source, .. } | TailError::List { source, .. } => {
                let is_link = source.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error());
                !is_link && !matches!(source.kind(), InvalidInput | NotFound)
            }
            _ => false,
        }
    }
}
