//! The new generation of a partition while it is being written.

use std::path::{Path, PathBuf};

use tantivy::index::SegmentId;
use tantivy::indexer::NoMergePolicy;
use tantivy::{IndexWriter, Term};

use super::groups::Place;
use crate::record::Entry;
use crate::store::block::{Decoder, Dictionaries, Encoder};
use crate::store::blocks::Gathered;
use crate::store::directory::Directory;
use crate::store::partition::{Partition, read_payload, totals};
use crate::store::schema::Block;
use crate::store::snapshot::{PartitionView, Summary};
use crate::store::stats::BlockStats;
use crate::store::terms::TermSet;
use crate::store::writer::{BLOCK_BYTES, BLOCK_ENTRIES};
use crate::store::{StoreError, dictionaries};
use crate::sys::atomic::sync_folder;

/// zstd's. With a dictionary, higher levels cost much and gain little.
const ZSTD_LEVEL: i32 = 1;
/// tantivy's memory for terms.
const INDEXER_BYTES: usize = 64 << 20;

/// The documents of blocks that stay as they are come with the segments of the old generation; those of the others are
/// deleted from them, and new blocks have new documents. At the end all of it is merged.
pub struct Output {
    path: PathBuf,
    partition: Partition,
    indexer: IndexWriter,
    /// The payload of the partition that this one replaces.
    payload: String,
    encoder: Encoder,
    terms: TermSet,
    open: Vec<(u64, Entry)>,
    open_bytes: usize,
    directory: Directory,
    /// What the next new block is called.
    next_name: u64,
    gathered: Gathered,
}

impl Output {
    /// Names from `next_name` on are free.
    pub fn create(
        path: &Path,
        replaced: &PartitionView,
        trained: &Dictionaries,
        next_name: u64,
    ) -> Result<Output, StoreError> {
        let wrong = |source| StoreError::Folder { path: path.to_owned(), source };
        let tantivy = |source| StoreError::Write { path: path.to_owned(), source };
        let payload = read_payload(&replaced.path)?.unwrap_or_default();
        let partition = Partition::with_documents_of(&replaced.path, path.to_owned(), replaced.number)?;
        dictionaries::write(path, trained).map_err(wrong)?;
        let indexer: IndexWriter = partition.index.writer_with_num_threads(1, INDEXER_BYTES).map_err(tantivy)?;
        indexer.set_merge_policy(Box::new(NoMergePolicy));
        Ok(Output {
            path: path.to_owned(),
            partition,
            indexer,
            payload: serde_json::to_string(&payload).unwrap_or_default(),
            encoder: Encoder::new(ZSTD_LEVEL, Some(trained)).map_err(wrong)?,
            terms: TermSet::default(),
            open: Vec::new(),
            open_bytes: 0,
            directory: Directory::default(),
            next_name,
            gathered: Gathered::new(0),
        })
    }

    pub fn add(&mut self, sequence: u64, entry: Entry) -> Result<(), StoreError> {
        self.open_bytes += entry.raw.len();
        self.open.push((sequence, entry));
        if self.open.len() >= BLOCK_ENTRIES || self.open_bytes >= BLOCK_BYTES { self.close() } else { Ok(()) }
    }

    /// Ends the block being filled.
    pub fn close(&mut self) -> Result<(), StoreError> {
        if self.open.is_empty() {
            return Ok(());
        }
        let bytes = self.encoder.encode(&self.open).map_err(|source| self.wrong(source))?;
        let (words, keys) = self.terms.collect(&self.open);
        let stats = BlockStats::of(&self.open);
        self.open.clear();
        self.open_bytes = 0;
        let block = Block { words, keys, bytes, at: self.next_name, stats };
        self.next_name += 1;
        let document = self.partition.schema.document(&block);
        let path = || self.path.clone();
        self.indexer.add_document(document).map_err(|source| StoreError::Write { path: path(), source })?;
        self.put(block.at, &block.bytes)
    }

    /// Takes a block over as it is, with its document; only its compression is another.
    pub fn keep(&mut self, block: &mut Decoder, place: &Place) -> Result<(), StoreError> {
        let sections = block.all_sections()?;
        let bytes = self.encoder.pack(block.len(), &sections).map_err(|source| self.wrong(source))?;
        self.put(place.at, &bytes)
    }

    /// Leaves the document of a block out.
    pub fn drop(&mut self, place: &Place) {
        self.indexer.delete_term(Term::from_field_u64(self.partition.schema.at, place.at));
    }

    fn put(&mut self, name: u64, block: &[u8]) -> Result<(), StoreError> {
        let at = self.gathered.add(block, &self.partition.blocks).map_err(|source| self.wrong(source))?;
        self.directory.add(name, at, block.len());
        Ok(())
    }

    fn wrong(&self, source: std::io::Error) -> StoreError {
        StoreError::Folder { path: self.path.clone(), source }
    }

    /// Commits everything as one segment, durable.
    pub fn finish(mut self) -> Result<Summary, StoreError> {
        self.close()?;
        let written = self.gathered.flush(&self.partition.blocks).and_then(|()| self.partition.blocks.sync());
        let written = written.and_then(|()| self.directory.write(&self.path));
        written.map_err(|source| self.wrong(source))?;
        let path = self.path.clone();
        let wrong = |source| StoreError::Commit { path: path.clone(), source };
        let mut prepared = self.indexer.prepare_commit().map_err(wrong)?;
        prepared.set_payload(&self.payload);
        prepared.commit().map_err(wrong)?;
        let segments: Vec<(SegmentId, bool)> = {
            let metas = self.partition.index.searchable_segment_metas().map_err(wrong)?;
            metas.iter().map(|segment| (segment.id(), segment.has_deletes())).collect()
        };
        if segments.len() > 1 || segments.iter().any(|(_, has_deletes)| *has_deletes) {
            let segments: Vec<SegmentId> = segments.into_iter().map(|(id, _)| id).collect();
            self.indexer.merge(&segments).wait().map_err(wrong)?;
        }
        // As long as the reader has the old segments, their files stay.
        self.partition.reader.reload().map_err(wrong)?;
        self.indexer.garbage_collect_files().wait().map_err(wrong)?;
        self.indexer.wait_merging_threads().map_err(wrong)?;
        sync_folder(&self.path).map_err(|source| StoreError::Folder { path: path.clone(), source })?;
        totals(&self.partition.reader.searcher()).map_err(wrong)
    }
}
