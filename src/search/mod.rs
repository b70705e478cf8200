//! Layer 4: questions. The query's necessary terms select candidate blocks in tantivy (`prune`), newest first;
//! `query::Query::matches` decides on their entries. Nothing else in Logmill reads the index.

mod entries;
mod prune;
mod rate;

use std::sync::Arc;
use std::time::Instant;

use tantivy::schema::Value as _;
use tantivy::{DocAddress, TantivyDocument};

use crate::query::Query;
use crate::record::Entry;
use crate::store::block::{Want, decode};
use crate::store::{Block, PartitionView, Snapshot, StoreError};

pub use entries::{Found, Request, find};
pub use rate::{By, Counts, RateReport, RateRequest, rate};

/// A question could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The times an entry must be in: from `since` on, before `until`; nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub since: i64,
    pub until: i64,
}

impl Window {
    pub const ALL: Window = Window { since: i64::MIN, until: i64::MAX };

    fn contains(&self, time: i64) -> bool {
        (self.since..self.until).contains(&time)
    }

    fn overlaps(&self, first: i64, last: i64) -> bool {
        first < self.until && last >= self.since
    }
}

/// A block that may hold hits, and where it is.
struct Candidate<'a> {
    last_time: i64,
    place: Place<'a>,
}

enum Place<'a> {
    Document(&'a PartitionView, DocAddress),
    Waiting(&'a Arc<Block>),
    Open(&'a [(u64, Entry)]),
}

impl Candidate<'_> {
    fn entries(&self, want: Want) -> Result<Vec<(u64, Entry)>, SearchError> {
        match &self.place {
            Place::Open(entries) => Ok(entries.to_vec()),
            Place::Waiting(block) => Ok(decode(&block.payload, want)?),
            Place::Document(partition, address) => {
                let read = |source| StoreError::Read { path: partition.path.clone(), source };
                let document: TantivyDocument = partition.searcher.doc(*address).map_err(read)?;
                let payload = document.get_first(partition.schema.payload).and_then(|v| v.as_bytes());
                Ok(decode(payload.ok_or(StoreError::Block("a block has no payload"))?, want)?)
            }
        }
    }
}

/// Every block that may hold hits, newest first.
fn candidates<'a>(
    snapshot: &'a Snapshot,
    query: &Query,
    window: Window,
    deadline: Instant,
) -> Result<Vec<Candidate<'a>>, SearchError> {
    let need = query.need();
    let mut found = Vec::new();
    for partition in &snapshot.partitions {
        if Instant::now() >= deadline {
            break;
        }
        for (last_time, address) in prune::documents(partition, &need, window)? {
            found.push(Candidate { last_time, place: Place::Document(partition, address) });
        }
    }
    for block in &snapshot.waiting {
        if window.overlaps(block.stats.first_time, block.stats.last_time) && prune::block_may_match(block, &need) {
            found.push(Candidate { last_time: block.stats.last_time, place: Place::Waiting(block) });
        }
    }
    if let Some(last_time) = snapshot.open.iter().map(|(_, e)| e.time).max() {
        found.push(Candidate { last_time, place: Place::Open(&snapshot.open) });
    }
    found.sort_by_key(|c| std::cmp::Reverse(c.last_time));
    Ok(found)
}
