//! What can go wrong in the store.

use std::io;
use std::path::PathBuf;

/// One variant an operation; each names the place and, where there is one, the way out.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot use the data folder {path}: {source}; check its owner and mode, or choose another with --data-dir")]
    Folder { path: PathBuf, source: io::Error },
    #[error("another logmill writes to {path}; ask it (its commands work beside it), or stop it first")]
    Locked { path: PathBuf },
    #[error("partition {path} is damaged: {reason}")]
    Damaged { path: PathBuf, reason: String },
    #[error("cannot write to partition {path}: {source}; entries wait and are tried again")]
    Write { path: PathBuf, source: tantivy::TantivyError },
    #[error("cannot commit to partition {path}: {source}; entries wait and are tried again")]
    Commit { path: PathBuf, source: tantivy::TantivyError },
    #[error("cannot read partition {path}: {source}")]
    Read { path: PathBuf, source: tantivy::TantivyError },
    #[error("block is damaged: {0}")]
    Block(&'static str),
    #[error("cannot read a block: {0}")]
    BlockFile(io::Error),
    #[error("cannot remove partition {path}: {source}")]
    Remove { path: PathBuf, source: io::Error },
}
