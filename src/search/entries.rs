//! The newest entries that match.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use crate::query::Query;
use crate::record::Entry;
use crate::search::{SearchError, Window, candidates};
use crate::store::Snapshot;
use crate::store::block::Want;

/// What to look for.
#[derive(Clone, Debug)]
pub struct Request {
    pub query: Query,
    pub window: Window,
    /// The newest so many.
    pub limit: usize,
    /// Past this a partial answer is given.
    pub time_limit: Duration,
}

/// The answer.
#[derive(Debug, Default)]
pub struct Found {
    /// Newest first; entries of the same time in the reverse order of their arrival.
    pub entries: Vec<(u64, Entry)>,
    /// There may be older ones: the limit of entries cut the answer.
    pub more: bool,
    /// The time limit cut the answer: newer ones may be missing too.
    pub partial: bool,
    /// Blocks that were decoded, and that might have been.
    pub blocks_read: usize,
    pub blocks: usize,
}

/// An entry ordered by time, then arrival.
struct Ranked(u64, Entry);

impl Ranked {
    fn key(&self) -> (i64, u64) {
        (self.1.time, self.0)
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Ranked) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Ranked) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Ranked) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// Reads candidate blocks newest first, and stops when no older block can change the answer.
pub fn find(snapshot: &Snapshot, request: &Request) -> Result<Found, SearchError> {
    let deadline = Instant::now() + request.time_limit;
    let candidates = candidates(snapshot, &request.query, request.window, deadline)?;
    let mut found = Found { blocks: candidates.len(), ..Found::default() };
    let mut newest: BinaryHeap<Reverse<Ranked>> = BinaryHeap::new();
    for candidate in &candidates {
        let oldest_kept = newest.peek().map_or(i64::MIN, |Reverse(r)| r.1.time);
        if newest.len() >= request.limit && (request.limit == 0 || candidate.last_time < oldest_kept) {
            found.more = true;
            break;
        }
        if Instant::now() >= deadline {
            found.partial = true;
            break;
        }
        found.blocks_read += 1;
        for (number, entry) in candidate.entries(Want::All)? {
            if request.window.contains(entry.time) && request.query.matches(&entry) {
                newest.push(Reverse(Ranked(number, entry)));
                if newest.len() > request.limit {
                    newest.pop();
                    found.more = true;
                }
            }
        }
    }
    found.entries = newest.into_sorted_vec().into_iter().map(|Reverse(Ranked(n, e))| (n, e)).collect();
    Ok(found)
}
