//! Layer 4: entries that others send, durable before they are told so. What follows is the page for those who configure
//! it; how it works stands below it.
#![doc = include_str!("manual.md")]
//!
//! # How it works
//!
//! ```text
//! request ──protocols──▶ Received ──Inbox──▶ Journal: data/received/NNNNNN.ndjson ──sync──▶ "yes"
//!                                                │ followed like any log
//!                                                ▼
//!                                   tail ▶ index ▶ store; the board says what is committed
//! ```
//!
//! | border | what passes it |
//! |---|---|
//! | protocols → inbox | [`Received`]: an entry, and the id that another logmill gave it; protocols are pure |
//! | inbox → journal | lines of JSON, each an entry ([`Entry::to_json`](crate::record::Entry::to_json)); one sync for all who wait |
//! | journal → tail | a file that is only appended to; the pipeline `received` makes entries of it again |
//! | board → journal | how much of each file is committed: what is, is removed |
//!
//! **On disk**, in `received/` of the data folder: `NNNNNN.ndjson`, of which the last is being written, and `senders.json`:
//! the last place that was received of each source of each store that sends by kind `logmill`.
//!
//! **When things fail.** Killed before the sync: nobody was told yes. Killed after it: the lines are there, and are read from
//! the committed position on. A line that was not written whole is cut off at the next start. The disk is full: what was
//! written of the batch is cut off, and the sender is told to come back. The store stands still: the journal grows up to
//! its limit, then senders are told to come back.

mod body;
mod inbox;
mod journal;
mod limits;
mod protobuf;
pub mod protocols;
mod rules;
mod senders;

pub use body::{BodyError, decode};
pub use inbox::{Inbox, Refusal, Taken, Tally, Write};
pub use journal::{FOLDER, Journal, JournalError};
pub use limits::{Limits, Visit};
pub use rules::{LOGMILL, Rules, WAYS, left_out, of_all};
pub use senders::{Origin, Senders};

use crate::record::Entry;

/// An entry on its way in.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    pub entry: Entry,
    /// Where it was before, when another logmill sent it.
    pub origin: Option<Origin>,
    /// Another logmill's pipeline has applied its rules to it.
    pub is_processed: bool,
}

impl From<Entry> for Received {
    fn from(entry: Entry) -> Received {
        Received { entry, origin: None, is_processed: false }
    }
}
