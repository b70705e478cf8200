//! The one writer of a data folder: entries into blocks, blocks into the active partition, commits.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tantivy::indexer::LogMergePolicy;
use tantivy::{IndexWriter, TantivyDocument};

use crate::record::{Entry, Position};
use crate::store::block::Encoder;
use crate::store::blocks::{BlockFile, Gathered};
use crate::store::partition::{self, Folder, Partition, Payload};
use crate::store::schema::Block;
use crate::store::snapshot::PartitionView;
use crate::store::stats::BlockStats;
use crate::store::terms::TermSet;
use crate::store::{Shared, StoreError};
use crate::sys::atomic::{sync_folder, sync_folder_of};
use crate::sys::clock::{self, SECOND};
use crate::sys::files::{FileId, folder_size};
use crate::sys::lock::{Lock, try_lock};
use crate::sys::units::Bytes;

/// A block is closed when it has this many entries …
pub(super) const BLOCK_ENTRIES: usize = 256;
/// … or this many bytes of raw text.
pub(super) const BLOCK_BYTES: usize = 128 * 1024;
/// zstd's, for blocks that are packed again when the partition is sealed.
const ZSTD_LEVEL: i32 = 1;
/// tantivy's memory for terms that are not yet written.
const INDEXER_BYTES: usize = 32 << 20;
/// Segments of up to so many blocks count as equally small; tantivy's own default is for single entries.
const MERGE_LAYER_BLOCKS: u32 = 64;
/// Larger segments stay as they are until the partition is sealed.
const MERGE_MAX_BLOCKS: usize = 256;

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
    /// Where the next block goes in the file of blocks.
    blocks_end: u64,
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
        remove_leftovers(&folder)?;
        let (mut folders, _) = partition::newest(partition::folders(&folder)?);
        let mut damaged = Vec::new();
        let (active, payload) = match open_newest(&mut folders, &mut damaged)? {
            Some(found) => found,
            None => {
                let payload = Payload { created: clock::now(), ..newest_payload(&folders)? };
                (Partition::create(&folder, next_number(&folder)?)?, payload)
            }
        };
        let shared = Shared::default();
        let mut views: Vec<PartitionView> = folders.iter().map(PartitionView::unopened).collect();
        views.push(active.view());
        {
            let mut state = shared.lock();
            state.partitions = views;
            state.next_sequence = payload.next_sequence;
            state.committed_sequence = payload.next_sequence;
        }
        let blocks_end = payload.blocks_bytes;
        let mut payload = payload;
        let encoder = Encoder::new(ZSTD_LEVEL, None).map_err(wrong)?;
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
            blocks_end,
            damaged,
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

    /// What was counted of the entries up to the last commit.
    pub fn counted(&self) -> &str {
        &self.payload.counted
    }

    /// What the next commit is to say that was counted.
    pub fn set_counted(&mut self, counted: String) {
        self.payload.counted = counted;
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
            let state = &mut *state;
            let open = &mut state.open[group];
            let mut bytes: usize = open.iter().map(|(_, e)| e.raw.len()).sum();
            let mut is_full = false;
            while !is_full && let Some(entry) = entries.next() {
                bytes += entry.raw.len();
                open.push((self.payload.next_sequence, entry));
                self.payload.next_sequence += 1;
                is_full = open.len() >= BLOCK_ENTRIES || bytes >= BLOCK_BYTES;
            }
            state.next_sequence = self.payload.next_sequence;
            if is_full {
                let block = self.close(open)?;
                state.push(block, self.payload.next_sequence - 1);
            }
        }
        Ok(())
    }

    /// Takes a position without entries.
    pub fn know(&mut self, position: Position) {
        self.dirty = true;
        self.positions.insert(position.file, position);
    }

    /// The file is gone and read to its end: its position need not be kept.
    pub fn forget(&mut self, file: FileId) {
        self.dirty |= self.positions.remove(&file).is_some();
    }

    /// Empties an open block into a closed one and hands that to tantivy.
    fn close(&mut self, open: &mut Vec<(u64, Entry)>) -> Result<Arc<Block>, StoreError> {
        let wrong = |source| StoreError::Folder { path: self.folder.clone(), source };
        let bytes = self.encoder.encode(open).map_err(wrong)?;
        let (words, keys) = self.terms.collect(open);
        let block = Arc::new(Block { words, keys, bytes, at: self.blocks_end, stats: BlockStats::of(open) });
        self.blocks_end += block.bytes.len() as u64;
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
            if let Some((last, _)) = open.last() {
                let last = *last;
                let block = self.close(&mut open)?;
                state.push(block, last);
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
        state.committed_sequence = self.payload.next_sequence;
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
        // The blocks are there before the documents that point to them.
        write_blocks(&self.active.blocks, &self.uncommitted)
            .map_err(|source| StoreError::Folder { path: path.clone(), source })?;
        self.payload.blocks_bytes = self.blocks_end;
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
        self.blocks_end = 0;
        self.active = next;
        self.shared.lock().partitions.push(self.active.view());
        // The new partition says at once how far everything was read, so that the old one may be removed.
        self.dirty = true;
        self.commit()?;
        Ok(true)
    }
}

pub(super) fn new_indexer(partition: &Partition) -> Result<IndexWriter, StoreError> {
    let wrong = |source| StoreError::Write { path: partition.path.clone(), source };
    let indexer: IndexWriter<TantivyDocument> =
        partition.index.writer_with_num_threads(1, INDEXER_BYTES).map_err(wrong)?;
    let mut policy = LogMergePolicy::default();
    policy.set_min_layer_size(MERGE_LAYER_BLOCKS);
    policy.set_max_docs_before_merge(MERGE_MAX_BLOCKS);
    indexer.set_merge_policy(Box::new(policy));
    // Files of commits that a crash interrupted.
    indexer.garbage_collect_files().wait().map_err(wrong)?;
    Ok(indexer)
}

fn write_blocks(file: &BlockFile, blocks: &[Arc<Block>]) -> std::io::Result<()> {
    let Some(first) = blocks.first() else { return Ok(()) };
    let mut gathered = Gathered::new(first.at);
    for block in blocks {
        gathered.add(&block.bytes, file)?;
    }
    gathered.flush(file)?;
    file.sync()
}

/// Opens the newest partition, to go on writing to it, and takes it from the list. One that is damaged is set aside
/// and the one before is read for the positions, but not written: that would mix up their order.
fn open_newest(
    folders: &mut Vec<Folder>,
    damaged: &mut Vec<StoreError>,
) -> Result<Option<(Partition, Payload)>, StoreError> {
    let Some(newest) = folders.last().filter(|newest| newest.generation == 0).cloned() else { return Ok(None) };
    match Partition::open(&newest) {
        Ok((partition, payload)) => {
            folders.pop();
            let payload = payload.map_or_else(|| newest_payload(folders), Ok)?;
            Ok(Some((partition, payload)))
        }
        Err(error) => {
            set_aside(&error);
            damaged.push(error);
            folders.pop();
            Ok(None)
        }
    }
}

/// What the newest commit of all said, or nothing at all.
fn newest_payload(folders: &[Folder]) -> Result<Payload, StoreError> {
    for folder in folders.iter().rev() {
        match partition::read_payload(&folder.path) {
            // The file of blocks is another.
            Ok(Some(payload)) => return Ok(Payload { blocks_bytes: 0, ..payload }),
            Ok(None) => {}
            // An older one knows less, and then some is read again; that is better than not to start.
            Err(error @ StoreError::Damaged { .. }) => tracing::error!(%error, "its positions are lost"),
            Err(error) => return Err(error),
        }
    }
    Ok(Payload::default())
}

/// One above every number in use, damaged partitions included.
fn next_number(folder: &Path) -> Result<u64, StoreError> {
    let listing = fs::read_dir(folder).map_err(|source| StoreError::Folder { path: folder.to_owned(), source })?;
    let number = |name: &str| name.get(..6).and_then(|n| n.parse::<u64>().ok());
    let highest = listing.flatten().filter_map(|item| number(item.file_name().to_str()?)).max();
    Ok(highest.unwrap_or(0) + 1)
}

/// Finishes what was interrupted: removals, creations and sealings.
fn remove_leftovers(folder: &Path) -> Result<(), StoreError> {
    let (_, superseded) = partition::newest(partition::folders(folder)?);
    let mut doomed: Vec<PathBuf> = superseded.into_iter().map(|folder| folder.path).collect();
    for item in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = item.path();
        let half_done = path.extension().is_some_and(|e| e == "removing" || e == "sealing" || e == "restoring");
        let is_number = path.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.parse::<u64>().is_ok());
        if half_done || (is_number && !path.join("meta.json").exists()) {
            doomed.push(path);
        }
    }
    for path in doomed {
        if let Err(error) = fs::remove_dir_all(&path) {
            tracing::warn!(path = %path.display(), %error, "cannot remove what an interrupted run left");
        }
    }
    Ok(())
}

/// A damaged partition gets another name: the others go on without it, and a person can look at it.
pub fn set_aside(error: &StoreError) {
    tracing::error!(%error, "set aside");
    if let StoreError::Damaged { path, .. } = error {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".damaged");
        let renamed = fs::rename(path, path.with_file_name(name)).and_then(|()| sync_folder_of(path));
        if let Err(error) = renamed {
            tracing::error!(path = %path.display(), %error, "cannot set aside");
        }
    }
}
