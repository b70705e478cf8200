//! Entries on their way, and what was answered.

use std::time::Duration;

use crate::record::Entry;
use crate::search::{Fed, Place};

/// An entry on its way to a sink.
#[derive(Clone, Debug)]
pub struct Item {
    pub place: Place,
    /// The same for this entry whenever and to whomever it is sent, and no other entry's: the store's identity, the
    /// partition, the sequence number.
    pub id: String,
    pub entry: Entry,
    /// What it takes in memory; what it takes on the wire is about as much.
    pub bytes: usize,
}

impl Item {
    pub fn new(store: &str, fed: Fed) -> Item {
        let id = format!("{store}-{}-{}", fed.place.partition, fed.place.sequence);
        Item { place: fed.place, id, bytes: fed.entry.size(), entry: fed.entry }
    }
}

/// What came of sending some entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// All of them are there.
    Accepted,
    /// None of them may be there; time may mend it.
    Again { why: String, after: Option<Duration> },
    /// As long as they are sent together.
    Refused { why: String },
    /// See [`crate::ship::retry::Fate::Stuck`].
    Stuck { why: String },
    /// Taken, but for so many of which nobody knows which.
    Partly { rejected: u64, why: String },
    /// For each of them.
    Each(Vec<One>),
}

/// What came of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum One {
    Accepted,
    /// It was there already.
    Known,
    Again(String),
    Refused(String),
    Stuck(String),
}
