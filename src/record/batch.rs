//! What the rooms hand on: lines as read, and entries as understood.

use std::sync::Arc;

use crate::record::{Entry, Fingerprint, Position};
use crate::sys::encoding::Encoding;

/// A followed file content, for the life of this process. A path that is rotated gets a new one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(pub u64);

/// Whole lines of one stream, as read.
#[derive(Debug, Default)]
pub struct RawBatch {
    pub stream: StreamId,
    /// The path the stream is followed under.
    pub source: Arc<str>,
    /// Content offset of the first byte of `bytes`.
    pub offset: u64,
    /// The bytes just before `offset`, at most [`TAIL_LEN`](crate::record::TAIL_LEN) of them.
    pub before: Fingerprint,
    /// How `bytes` are to be read.
    pub encoding: Encoding,
    /// Whole lines with their ends, except that the last line of a stream that will grow no more may lack one.
    pub bytes: Vec<u8>,
    /// `bytes` is one line that was longer than the limit, cut there. Only then is its length not the
    /// distance from `offset` to `position.offset`.
    pub truncated: bool,
    /// When the bytes were read, nanoseconds since the epoch.
    pub read_time: i64,
    /// When the file was written last, nanoseconds since the epoch; not after `read_time`.
    pub written: i64,
    /// When the file was written last, if these are its last whole lines for now; `None` when more follow at once.
    pub quiet_since: Option<i64>,
    /// The file's head was taken out, up to this offset as it was counted before: `offset` is smaller now, and nothing
    /// else has changed.
    pub cut: Option<u64>,
    /// The stream's position behind `bytes`.
    pub position: Position,
    /// Nothing follows in this stream: an entry that waits for continuation lines is complete.
    pub last: bool,
}

/// How lines fared. The three kinds of line add up to `lines`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    pub lines: u64,
    /// Lines that began an entry whose shape was recognised.
    pub parsed: u64,
    /// Lines that began an entry kept as plain text.
    pub text: u64,
    /// Lines that joined the entry before them, and blank ones.
    pub joined: u64,
    /// Entries that a pipeline's filter, sampling or limit left out.
    pub filtered: u64,
    pub sampled: u64,
    pub limited: u64,
    /// Entries cut at the length limit.
    pub truncated: u64,
    /// Lines with bytes that were not UTF-8.
    pub invalid_utf8: u64,
    /// NUL bytes skipped at the head of lines.
    pub nul_bytes: u64,
}

impl Outcomes {
    pub fn add(&mut self, other: &Outcomes) {
        self.lines += other.lines;
        self.parsed += other.parsed;
        self.text += other.text;
        self.joined += other.joined;
        self.filtered += other.filtered;
        self.sampled += other.sampled;
        self.limited += other.limited;
        self.truncated += other.truncated;
        self.invalid_utf8 += other.invalid_utf8;
        self.nul_bytes += other.nul_bytes;
    }
}

/// Entries of one stream, and how far that stream's *complete* entries reach.
#[derive(Debug)]
pub struct EntryBatch {
    pub stream: StreamId,
    pub entries: Vec<Entry>,
    /// The stream's position behind the last complete entry: the one to commit together with `entries`.
    pub position: Position,
    pub outcomes: Outcomes,
}
