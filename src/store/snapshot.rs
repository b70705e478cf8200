//! What a question sees: the committed partitions, and the entries that wait for their commit. Every entry is
//! in exactly one of the two, because a commit moves them under one lock.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use tantivy::Searcher;

use crate::record::Entry;
use crate::store::schema::{Block, Schema};

/// A partition as of one commit.
#[derive(Clone)]
pub struct PartitionView {
    pub number: u64,
    pub path: PathBuf,
    pub searcher: Searcher,
    pub schema: Schema,
}

/// A state of the store that does not change while a question is answered.
#[derive(Clone, Default)]
pub struct Snapshot {
    pub partitions: Vec<PartitionView>,
    /// Full blocks that wait for their commit.
    pub waiting: Vec<Arc<Block>>,
    /// Entries, with sequence numbers, of blocks that are still being filled.
    pub open: Vec<(u64, Entry)>,
}

/// The store's state, shared between the one writer and any number of readers.
#[derive(Clone, Default)]
pub struct Shared(Arc<Mutex<State>>);

#[derive(Default)]
pub(super) struct State {
    pub partitions: Vec<PartitionView>,
    pub waiting: Vec<Arc<Block>>,
    /// By group (a pipeline).
    pub open: Vec<Vec<(u64, Entry)>>,
}

impl Shared {
    pub fn snapshot(&self) -> Snapshot {
        let state = self.lock();
        Snapshot {
            partitions: state.partitions.clone(),
            waiting: state.waiting.clone(),
            open: state.open.iter().flatten().cloned().collect(),
        }
    }

    /// Takes a partition out of the readers' sight before its removal. Never the active one, which is the last.
    pub fn detach(&self, number: u64) -> bool {
        let mut state = self.lock();
        let active = state.partitions.last().map(|p| p.number);
        let before = state.partitions.len();
        state.partitions.retain(|p| p.number != number || Some(p.number) == active);
        state.partitions.len() < before
    }

    /// A poisoned lock only means that some reader panicked; the state is replaced in whole steps.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
