//! The one writer of a data folder: entries into blocks, blocks into the active partition, commits.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tantivy::indexer::LogMergePolicy;
use tantivy::{IndexWriter, TantivyDocument};

use crate::record::{Entry, Position};
use crate::store::block::Encoder;
use crate::store::partition::{Partition, Partitions, Payload};
use crate::store::schema::{Block, BlockStats};
use crate::store::terms::TermSet;
use crate::store::{Shared, StoreError};
use crate::sys::atomic::sync_folder;
use crate::sys::clock::{self, SECOND};
use crate::sys::files::{FileId, folder_size};
use crate::sys::lock::{Lock, try_lock};
use crate::sys::units::Bytes;

/// A block is closed when it has this many entries …
const BLOCK_ENTRIES: usize = 256;
/// … or this many bytes of raw text.
const BLOCK_BYTES: usize = 64 * 1024;
/// tantivy's memory for terms that are not yet written.
const INDEXER_BYTES: usize = 32 << 20;
/// Segments of up to so many blocks count as equally small; tantivy's own default is for single entries.
const MERGE_LAYER_BLOCKS: u32 = 128;

/// What of the store is configurable.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// A partition is closed when it reaches this size, or at the end of the UTC day it was begun in.
    pub partition_bytes: Bytes,
}

impl Default for Options {
    fn default() -> Options {
        Options { partition_bytes: Bytes(1 << 30) }
    }
}

/// See the module. Positions and entries given to [`Writer::add`] become durable together in
/// [`Writer::commit`]; until then the entries are searchable from memory.
pub struct Writer {
    folder: PathBuf,
    options: Options,
    shared: Shared,
    active: Partition,
    /// `None` after an error, until the next commit makes a new one and gives it `uncommitted` again.
    indexer: Option<IndexWriter>,
    encoder: Encoder,
    terms: TermSet,
    payload: Payload,
    positions: BTreeMap<FileId, Position>,
    uncommitted: Vec<Arc<Block>>,
    waiting_entries: usize,
    /// Something changed since the last commit.
    dirty: bool,
    /// Partitions that could not be opened and were set aside.
    pub damaged: Vec<StoreError>,
    _lock: Lock,
}

impl Writer {
    /// Opens or creates the store in `data`. Fails with `Locked` when another process writes there.
    pub fn open(data: &Path, options: Options) -> Result<Writer, StoreError> {
        let wrong = |source| StoreError::Folder { path: data.to_owned(), source };
        let folder = data.join("partitions");
        fs::create_dir_all(&folder).map_err(wrong)?;
        let lock = try_lock(&data.join("LOCK")).map_err(wrong)?;
        let lock = lock.ok_or_else(|| StoreError::Locked { path: data.to_owned() })?;
        remove_leftovers(&folder);
        let mut partitions = Partitions::open(&folder)?;
        set_aside(&partitions.damaged);
        let mut payload = partitions.payload()?;
        let active = match partitions.good.pop() {
            Some(newest) => newest,
            None => {
                payload.created = clock::now();
                Partition::create(&folder, next_number(&folder)?)?
            }
        };
        let shared = Shared::default();
        let mut views = partitions.views();
        views.push(active.view());
        shared.lock().partitions = views;
        let encoder = Encoder::new().map_err(wrong)?;
        let positions = payload.positions.drain(..).map(|p| (p.file, p)).collect();
        Ok(Writer {
            folder,
            options,
            shared,
            active,
            indexer: None,
            encoder,
            terms: TermSet::default(),
            payload,
            positions,
            uncommitted: Vec::new(),
            waiting_entries: 0,
            dirty: false,
            damaged: partitions.damaged,
            _lock: lock,
        })
    }

    /// The state for readers, which follows this writer.
    pub fn shared(&self) -> Shared {
        self.shared.clone()
    }

    /// How far each file was read, uncommitted reading included.
    pub fn positions(&self) -> impl Iterator<Item = &Position> {
        self.positions.values()
    }

    /// When the positions were committed last, nanoseconds since the epoch; 0 when never.
    pub fn last_commit_time(&self) -> i64 {
        self.payload.committed_at
    }

    /// Entries that a crash would send back to their files.
    pub fn waiting_entries(&self) -> usize {
        self.waiting_entries
    }

    /// Whether a commit would change anything.
    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Takes entries of a group (a pipeline; its entries share blocks) and the position they reach to.
    pub fn add(&mut self, group: usize, entries: Vec<Entry>, position: Position) -> Result<(), StoreError> {
        self.waiting_entries += entries.len();
        self.positions.insert(position.file, position);
        self.dirty = true;
        let mut entries = entries.into_iter().peekable();
        while entries.peek().is_some() {
            // The lock is held for one block at a time, so that questions need not wait for a whole batch.
            let shared = self.shared.clone();
            let mut state = shared.lock();
            if state.open.len() <= group {
                state.open.resize_with(group + 1, Vec::new);
            }
            let open = &mut state.open[group];
            let mut bytes: usize = open.iter().map(|(_, e)| e.raw.len()).sum();
            while open.len() < BLOCK_ENTRIES && bytes < BLOCK_BYTES {
                let Some(entry) = entries.next() else { break };
                bytes += entry.raw.len();
                open.push((self.payload.next_sequence, entry));
                self.payload.next_sequence += 1;
            }
            if open.len() >= BLOCK_ENTRIES || bytes >= BLOCK_BYTES {
                let block = self.close(open)?;
                state.waiting.push(block);
            }
        }
        Ok(())
    }

    /// The file is gone and read to its end: its position need not be kept.
    pub fn forget(&mut self, file: FileId) {
        self.dirty |= self.positions.remove(&file).is_some();
    }

    /// Empties an open block into a closed one and hands that to tantivy.
    fn close(&mut self, open: &mut Vec<(u64, Entry)>) -> Result<Arc<Block>, StoreError> {
        let wrong = |source| StoreError::Folder { path: self.folder.clone(), source };
        let payload = self.encoder.encode(open).map_err(wrong)?;
        let (words, keys) = self.terms.collect(open);
        let block = Arc::new(Block { words, keys, payload, stats: stats(open) });
        open.clear();
        if let Some(indexer) = &self.indexer
            && indexer.add_document(self.active.schema.document(&block)).is_err()
        {
            // Its threads have died; the next commit says why, and begins anew with what is uncommitted.
            self.indexer = None;
        }
        self.uncommitted.push(block.clone());
        Ok(block)
    }

    fn close_all(&mut self) -> Result<(), StoreError> {
        let shared = self.shared.clone();
        let mut state = shared.lock();
        for group in 0..state.open.len() {
            let mut open = std::mem::take(&mut state.open[group]);
            if !open.is_empty() {
                let block = self.close(&mut open)?;
                state.waiting.push(block);
            }
        }
        Ok(())
    }

    /// Makes everything added so far durable, with the positions. After an error nothing is lost: the entries
    /// wait in memory and the next call tries them again.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        if !self.dirty {
            return Ok(());
        }
        self.close_all()?;
        if let Err(error) = self.commit_blocks() {
            self.indexer = None;
            // An error may also come after the point of no return; then the commit did happen.
            if !self.is_committed() {
                return Err(error);
            }
        }
        self.uncommitted.clear();
        self.waiting_entries = 0;
        self.dirty = false;
        let path = self.active.path.clone();
        sync_folder(&path).map_err(|source| StoreError::Folder { path: path.clone(), source })?;
        self.active.reader.reload().map_err(|source| StoreError::Read { path, source })?;
        let mut state = self.shared.lock();
        state.waiting.clear();
        if let Some(last) = state.partitions.last_mut() {
            *last = self.active.view();
        }
        Ok(())
    }

    fn commit_blocks(&mut self) -> Result<(), StoreError> {
        let path = self.active.path.clone();
        let wrong = |source| StoreError::Commit { path: path.clone(), source };
        if self.indexer.is_none() {
            let indexer = new_indexer(&self.active)?;
            for block in &self.uncommitted {
                indexer.add_document(self.active.schema.document(block)).map_err(wrong)?;
            }
            self.indexer = Some(indexer);
        }
        self.payload.commit += 1;
        self.payload.committed_at = clock::now();
        self.payload.positions = self.positions.values().cloned().collect();
        let text = serde_json::to_string(&self.payload).unwrap_or_default();
        self.payload.positions.clear();
        if let Some(indexer) = &mut self.indexer {
            let mut prepared = indexer.prepare_commit().map_err(wrong)?;
            prepared.set_payload(&text);
            prepared.commit().map_err(wrong)?;
        }
        Ok(())
    }

    fn is_committed(&self) -> bool {
        matches!(self.active.payload(), Ok(Some(payload)) if payload.commit == self.payload.commit
            && payload.next_sequence == self.payload.next_sequence)
    }

    /// Begins a new partition when the active one's day is over or it is large enough. Call after a commit.
    /// Returns whether it did.
    pub fn roll_if_due(&mut self, now: i64) -> Result<bool, StoreError> {
        let day = |time: i64| time.div_euclid(86_400 * SECOND);
        let is_empty = self.active.reader.searcher().num_docs() == 0;
        let full = || folder_size(&self.active.path) >= self.options.partition_bytes.0;
        if self.dirty || is_empty || !(day(now) > day(self.payload.created) || full()) {
            return Ok(false);
        }
        let next = Partition::create(&self.folder, next_number(&self.folder)?)?;
        if let Some(indexer) = self.indexer.take() {
            let path = self.active.path.clone();
            indexer.wait_merging_threads().map_err(|source| StoreError::Write { path, source })?;
        }
        self.payload.created = now;
        self.active = next;
        self.shared.lock().partitions.push(self.active.view());
        // The new partition says at once how far everything was read, so that the old one may be removed.
        self.dirty = true;
        self.commit()?;
        Ok(true)
    }
}

fn new_indexer(partition: &Partition) -> Result<IndexWriter, StoreError> {
    let wrong = |source| StoreError::Write { path: partition.path.clone(), source };
    let indexer: IndexWriter<TantivyDocument> =
        partition.index.writer_with_num_threads(1, INDEXER_BYTES).map_err(wrong)?;
    let mut policy = LogMergePolicy::default();
    policy.set_min_layer_size(MERGE_LAYER_BLOCKS);
    indexer.set_merge_policy(Box::new(policy));
    // Files of commits that a crash interrupted.
    indexer.garbage_collect_files().wait().map_err(wrong)?;
    Ok(indexer)
}

fn stats(entries: &[(u64, Entry)]) -> BlockStats {
    let times = || entries.iter().map(|(_, e)| e.time);
    let mut stats = BlockStats {
        first_time: times().min().unwrap_or(0),
        last_time: times().max().unwrap_or(0),
        count: entries.len() as u64,
        ..BlockStats::default()
    };
    for (_, entry) in entries {
        stats.levels[entry.level as usize] += 1;
    }
    stats
}

/// One above every number in use, damaged partitions included.
fn next_number(folder: &Path) -> Result<u64, StoreError> {
    let listing = fs::read_dir(folder).map_err(|source| StoreError::Folder { path: folder.to_owned(), source })?;
    let number = |name: &str| name.get(..6).and_then(|n| n.parse::<u64>().ok());
    let highest = listing.flatten().filter_map(|item| number(item.file_name().to_str()?)).max();
    Ok(highest.unwrap_or(0) + 1)
}

/// Finishes removals that were interrupted, and drops partitions whose creation was.
fn remove_leftovers(folder: &Path) {
    for item in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = item.path();
        let half_removed = path.extension().is_some_and(|e| e == "removing");
        let is_number = path.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.parse::<u64>().is_ok());
        if (half_removed || (is_number && !path.join("meta.json").exists()))
            && let Err(error) = fs::remove_dir_all(&path)
        {
            tracing::warn!(path = %path.display(), %error, "cannot remove what an interrupted run left");
        }
    }
}

/// A damaged partition gets another name: the others go on without it, and a person can look at it.
fn set_aside(damaged: &[StoreError]) {
    for error in damaged {
        tracing::error!(%error, "set aside");
        if let StoreError::Damaged { path, .. } = error
            && let Err(error) = fs::rename(path, path.with_extension("damaged"))
        {
            tracing::error!(path = %path.display(), %error, "cannot set aside");
        }
    }
}
