//! What a question sees: the committed partitions, and the entries that wait for their commit. Every entry is
//! in exactly one of the two, because a commit moves them under one lock.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use serde::{Deserialize, Serialize};
use tantivy::Searcher;

use crate::record::{Columns, Entry};
use crate::store::block::{Decoder, Dictionaries, Origin};
use crate::store::blocks::BlockFile;
use crate::store::directory::Directory;
use crate::store::partition::{self, Folder, Payload};
use crate::store::schema::{Block, Schema};
use crate::store::{StoreError, restored, seal};

/// A partition as of one commit. It is opened when it is first asked.
#[derive(Clone)]
pub struct PartitionView {
    pub number: u64,
    pub generation: u32,
    pub path: PathBuf,
    /// Of a sealed one: what can be known without opening it.
    pub summary: Option<Summary>,
    /// Of one that came back from an archive: retention leaves it alone until then.
    pub kept_until: Option<i64>,
    state: Arc<OnceLock<Result<Opened, String>>>,
    /// The first damage that was met while reading.
    damage: Arc<OnceLock<String>>,
}

/// What a partition is read with.
pub struct Opened {
    pub searcher: Searcher,
    pub schema: Schema,
    pub blocks: Arc<BlockFile>,
    /// Of a sealed partition.
    pub directory: Option<Directory>,
    pub dictionaries: Option<Arc<Dictionaries>>,
}

/// Counts and times of a partition; of a sealed one they are in the file `sealed.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub entries: u64,
    pub blocks: u64,
    pub raw_bytes: u64,
    /// Nanoseconds since the epoch.
    pub oldest_time: Option<i64>,
    pub newest_time: Option<i64>,
    /// Retention rules that were applied when it was packed last, by their text; see `retention`.
    #[serde(default)]
    pub applied: Vec<String>,
}

impl Opened {
    /// Where a block is of which a document says that it is, or once was, at `at`, and how long it is.
    pub fn place(&self, at: u64, length: u64) -> Result<(u64, u64), StoreError> {
        match &self.directory {
            None => Ok((at, length)),
            Some(directory) => directory.find(at).ok_or(StoreError::Block("it is not in the directory")),
        }
    }

    /// Opens a block that a document speaks of.
    pub fn block(&self, at: u64, length: u64, columns: &Columns, decoder: &mut Decoder) -> Result<(), StoreError> {
        let (at, length) = self.place(at, length)?;
        decoder.open(self.dictionaries.as_ref(), columns, Origin::File { file: &self.blocks, at, length })
    }
}

impl PartitionView {
    pub fn unopened(folder: &Folder) -> PartitionView {
        PartitionView {
            number: folder.number,
            generation: folder.generation,
            path: folder.path.clone(),
            summary: seal::read_summary(&folder.path),
            kept_until: restored::kept_until(&folder.path),
            state: Arc::default(),
            damage: Arc::default(),
        }
    }

    pub(super) fn opened(number: u64, path: PathBuf, opened: Opened) -> PartitionView {
        let state = Arc::new(OnceLock::from(Ok(opened)));
        PartitionView { number, generation: 0, path, summary: None, kept_until: None, state, damage: Arc::default() }
    }

    /// Opens the partition, once for all clones. A damaged one stays so until the program starts again.
    pub fn open(&self) -> Result<&Opened, StoreError> {
        let opened = self.state.get_or_init(|| {
            partition::open(&self.path).map_err(|error| match error {
                StoreError::Damaged { reason, .. } => reason,
                other => other.to_string(),
            })
        });
        opened.as_ref().map_err(|reason| StoreError::Damaged { path: self.path.clone(), reason: reason.clone() })
    }

    /// Remembers that a block could not be read, for all clones.
    pub fn note_damage(&self, error: &StoreError) {
        let _ = self.damage.set(format!("partition {} is damaged: {error}", self.path.display()));
    }

    /// What [`PartitionView::note_damage`] was told first.
    pub fn damage(&self) -> Option<&str> {
        self.damage.get().map(String::as_str)
    }
}

/// A state of the store that does not change while a question is answered.
#[derive(Clone, Default)]
pub struct Snapshot {
    /// Oldest first; the last is the active one, when there is a writer.
    pub partitions: Vec<PartitionView>,
    /// Full blocks that wait for their commit.
    pub waiting: Vec<Arc<Block>>,
    /// Entries, with sequence numbers, of blocks that are still being filled.
    pub open: Vec<(u64, Entry)>,
    /// Every entry here has a lower sequence number.
    pub next_sequence: u64,
}

impl Snapshot {
    /// What is committed in a data folder, without the daemon that may be writing there.
    pub fn of_disk(data: &Path) -> Result<Snapshot, StoreError> {
        let partitions = partition::views(&data.join("partitions"))?;
        Ok(Snapshot { partitions, next_sequence: u64::MAX, ..Snapshot::default() })
    }
}

impl Snapshot {
    /// What the newest commit said of positions; nothing where there was none.
    pub fn payload(&self) -> Result<Payload, StoreError> {
        for partition in self.partitions.iter().rev() {
            if let Some(payload) = partition::read_payload(&partition.path)? {
                return Ok(payload);
            }
        }
        Ok(Payload::default())
    }
}

/// What is committed, and nothing else.
#[derive(Clone, Default)]
pub struct Committed {
    /// Oldest first; the last is being written.
    pub partitions: Vec<PartitionView>,
    /// Every entry here has a lower sequence number, and no entry that is committed later has.
    pub next_sequence: u64,
}

/// The store's state, shared between the one writer, the sealer and any number of readers.
#[derive(Clone, Default)]
pub struct Shared(Arc<Mutex<State>>);

#[derive(Default)]
pub(super) struct State {
    pub partitions: Vec<PartitionView>,
    pub waiting: Vec<Arc<Block>>,
    /// By group (a pipeline).
    pub open: Vec<Vec<(u64, Entry)>>,
    pub next_sequence: u64,
    /// As of the newest commit.
    pub committed_sequence: u64,
    /// The blocks closed last, committed or not, each with its last sequence number; while somebody wants them.
    recent: VecDeque<(u64, Arc<Block>)>,
    keeps_recent: bool,
}

/// What came lately: some ten thousand entries. A commit does not take them away.
pub struct Recent {
    pub blocks: Vec<Arc<Block>>,
    pub open: Vec<(u64, Entry)>,
    pub next_sequence: u64,
}

/// So many blocks are kept for those who follow.
const RECENT_BLOCKS: usize = 40;

impl State {
    /// Takes a block that was filled; `last` is the sequence number of its last entry.
    pub fn push(&mut self, block: Arc<Block>, last: u64) {
        if self.keeps_recent {
            self.recent.push_back((last, block.clone()));
            while self.recent.len() > RECENT_BLOCKS {
                self.recent.pop_front();
            }
        }
        self.waiting.push(block);
    }
}

impl Shared {
    pub fn snapshot(&self) -> Snapshot {
        let state = self.lock();
        Snapshot {
            partitions: state.partitions.clone(),
            waiting: state.waiting.clone(),
            open: state.open.iter().flatten().cloned().collect(),
            next_sequence: state.next_sequence,
        }
    }

    /// Whether [`Shared::since`] will be asked. Returns the sequence number that comes next.
    pub fn keep_recent(&self, keep: bool) -> u64 {
        let mut state = self.lock();
        state.keeps_recent = keep;
        if !keep {
            state.recent = VecDeque::new();
        }
        state.next_sequence
    }

    /// What came from this sequence number on, as far as it is still there.
    pub fn since(&self, sequence: u64) -> Recent {
        let state = self.lock();
        let blocks = state.recent.iter().filter(|(last, _)| *last >= sequence).map(|(_, block)| block.clone());
        let open = state.open.iter().flatten().filter(|(number, _)| *number >= sequence).cloned();
        Recent { blocks: blocks.collect(), open: open.collect(), next_sequence: state.next_sequence }
    }

    pub fn committed(&self) -> Committed {
        let state = self.lock();
        Committed { partitions: state.partitions.clone(), next_sequence: state.committed_sequence }
    }

    /// See [`Committed::next_sequence`]; for a quick look whether there is more.
    pub fn committed_sequence(&self) -> u64 {
        self.lock().committed_sequence
    }

    /// The partitions alone.
    pub fn partitions(&self) -> Vec<PartitionView> {
        self.lock().partitions.clone()
    }

    /// Takes a partition out of the readers' sight before its removal. Never the active one, which is the last.
    pub fn detach(&self, number: u64) -> Option<PartitionView> {
        let mut state = self.lock();
        let last = state.partitions.len().saturating_sub(1);
        let index = state.partitions.iter().position(|p| p.number == number)?;
        (index < last).then(|| state.partitions.remove(index))
    }

    /// Puts a partition that came back among the others. False where its number is in use, or not older than that of
    /// the active one.
    pub fn insert(&self, view: PartitionView) -> bool {
        let mut state = self.lock();
        let index = state.partitions.partition_point(|p| p.number < view.number);
        let fits = state.partitions.get(index).is_some_and(|next| next.number != view.number);
        if fits {
            state.partitions.insert(index, view);
        }
        fits
    }

    /// Puts another generation in a partition's place. False when it is gone: retention was quicker.
    pub fn replace(&self, view: PartitionView) -> bool {
        let mut state = self.lock();
        let slot = state.partitions.iter_mut().find(|p| p.number == view.number);
        slot.map(|slot| *slot = view).is_some()
    }

    /// A poisoned lock only means that some reader panicked; the state is replaced in whole steps.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
