//! How far a file was read, and what the file looked like, so that it is known again under another name.

use serde::{Deserialize, Serialize};

use crate::sys::files::FileId;

/// A stretch of a file's content, by its length and hash (xxh3, 64 bits).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Bytes covered.
    pub len: u32,
    pub hash: u64,
}

impl Fingerprint {
    pub fn of(bytes: &[u8]) -> Fingerprint {
        Fingerprint { len: bytes.len() as u32, hash: xxhash_rust::xxh3::xxh3_64(bytes) }
    }

    /// Whether `bytes` begin with what was seen. An empty fingerprint matches nothing: it knows nothing.
    pub fn matches_head_of(&self, bytes: &[u8]) -> bool {
        self.len > 0 && bytes.get(..self.len as usize).is_some_and(|head| Fingerprint::of(head) == *self)
    }
}

/// The most bytes before an offset that a tail fingerprint covers.
pub const TAIL_LEN: usize = 256;

/// Everything before `offset` is committed. Stored in the payload of each commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The path the file was followed under, which rotation does not change.
    pub path: String,
    /// Name of the pipeline that reads it.
    pub pipeline: String,
    pub file: FileId,
    /// Bytes read, of the content (so of the decompressed content of a compressed file).
    pub offset: u64,
    /// The first bytes of the file, behind the blank line that a cut leaves at its front.
    pub head: Fingerprint,
    /// The bytes just before `offset`, at most [`TAIL_LEN`] of them.
    pub tail: Fingerprint,
    /// A compressed file that was read to its end. It does not change, and is not decoded again to know it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub complete: bool,
}

impl Position {
    /// Whether something of the content was read (perhaps behind the offset), so that it can be known again.
    pub fn knows_content(&self) -> bool {
        self.head.len > 0
    }
}
