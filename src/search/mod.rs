//! Layer 4: questions. The query's necessary terms select candidate blocks in tantivy (`prune`), newest first;
//! `query::Query::matches` decides on their rows (`scan`), of which only the columns that matter are decoded. Nothing
//! else in Logmill reads the index.

mod aggregate;
mod ask;
mod budget;
mod context;
mod entries;
mod export;
mod feed;
mod follow;
mod keyed;
mod later;
#[cfg(test)]
mod model;
mod names;
mod prune;
mod rate;
mod scan;
mod sorted;
mod workflow;

use crate::store::StoreError;

pub use aggregate::{Bundle, Column, Durations, Role, Table, step_start};
pub(crate) use aggregate::{cell, directed, keys, state, sum, values};
pub use ask::{Answer, Body, Counted, MAX_PIPED, ask, ask_counted, ask_from, ask_until, spans, without_pipes};
pub use budget::{Budget, Cut, Meter};
pub use context::context;
pub(crate) use entries::window_of;
pub use entries::{Cursor, EntryId, Found, Request, find};
pub use export::export;
pub use feed::{Fed, Feed, Place, entries_from, place_of_end, place_since};
pub use follow::{Followed, Follower, Match};
pub(crate) use later::Later;
pub use names::{FieldNames, field_names};
pub use rate::{By, Counts, RateReport, RateRequest, rate, rate_counted};
pub use scan::{Effort, Hits, Scan, Take, Visit};
pub use workflow::{
    Clock, ENDINGS, Ending, Event, Facts, List, ListRequest, One, Outcome, Sort, Workflow, workflow, workflows,
};

/// A question could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Question(String),
}

/// The times an entry must be in: from `since` on, before `until`; nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub since: i64,
    pub until: i64,
}

impl Window {
    pub const ALL: Window = Window { since: i64::MIN, until: i64::MAX };

    pub fn contains(&self, time: i64) -> bool {
        // The last moment there is has none behind it.
        time >= self.since && (time < self.until || self.until == i64::MAX)
    }

    pub fn overlaps(&self, first: i64, last: i64) -> bool {
        last >= self.since && (first < self.until || self.until == i64::MAX)
    }

    /// What is in both.
    pub fn and(&self, other: Window) -> Window {
        Window { since: self.since.max(other.since), until: self.until.min(other.until) }
    }
}
