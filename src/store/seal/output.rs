//! The new generation of a partition while it is being written.

use std::path::{Path, PathBuf};

use tantivy::IndexWriter;
use tantivy::indexer::NoMergePolicy;

use super::groups::Place;
use crate::record::Entry;
use crate::store::block::{Decoder, Dictionaries, Encoder};
use crate::store::partition::{Partition, read_payload, totals};
use crate::store::schema::Block;
use crate::store::snapshot::{PartitionView, Summary};
use crate::store::stats::BlockStats;
use crate::store::terms::TermSet;
use crate::store::writer::{BLOCK_BYTES, BLOCK_ENTRIES, ends_before};
use crate::store::{StoreError, dictionaries};
use crate::sys::atomic::sync_folder;

/// zstd's. With a dictionary, higher levels cost much and gain little.
const ZSTD_LEVEL: i32 = 3;
/// tantivy's memory for terms.
const INDEXER_BYTES: usize = 64 << 20;
/// Blocks are gathered to so many bytes before they are written.
const WRITE_BYTES: usize = 1 << 20;

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
    /// Where `buffer` goes in the file of blocks.
    written: u64,
    buffer: Vec<u8>,
}

impl Output {
    pub fn create(path: &Path, replaced: &PartitionView, trained: &Dictionaries) -> Result<Output, StoreError> {
        let wrong = |source| StoreError::Folder { path: path.to_owned(), source };
        let tantivy = |source| StoreError::Write { path: path.to_owned(), source };
        let payload = read_payload(&replaced.path)?.unwrap_or_default();
        let partition = Partition::create_at(path.to_owned(), replaced.number)?;
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
            written: 0,
            buffer: Vec::with_capacity(WRITE_BYTES * 2),
        })
    }

    pub fn add(&mut self, sequence: u64, entry: Entry) -> Result<(), StoreError> {
        if ends_before(&self.open, &entry) {
            self.close()?;
        }
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
        self.put(words, keys, bytes, stats)
    }

    /// Takes a block over as it is; only its compression is another.
    pub fn copy(&mut self, block: &mut Decoder, place: &Place) -> Result<(), StoreError> {
        let sections = block.all_sections()?;
        let bytes = self.encoder.pack(block.len(), &sections).map_err(|source| self.wrong(source))?;
        let (words, keys) = self.terms.collect_block(block);
        let stats = BlockStats::of_rows(block, place.raw_bytes);
        self.put(words, keys, bytes, stats)
    }

    fn put(&mut self, words: String, keys: Vec<String>, bytes: Vec<u8>, stats: BlockStats) -> Result<(), StoreError> {
        let at = self.written + self.buffer.len() as u64;
        let block = Block { words, keys, bytes, at, stats };
        let document = self.partition.schema.document(&block);
        let path = || self.path.clone();
        self.indexer.add_document(document).map_err(|source| StoreError::Write { path: path(), source })?;
        self.buffer.extend_from_slice(&block.bytes);
        if self.buffer.len() >= WRITE_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.partition.blocks.write(self.written, &self.buffer).map_err(|source| self.wrong(source))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn wrong(&self, source: std::io::Error) -> StoreError {
        StoreError::Folder { path: self.path.clone(), source }
    }

    /// Commits everything as one segment, durable.
    pub fn finish(mut self) -> Result<Summary, StoreError> {
        self.close()?;
        self.flush()?;
        self.partition.blocks.sync().map_err(|source| self.wrong(source))?;
        let path = self.path.clone();
        let wrong = |source| StoreError::Commit { path: path.clone(), source };
        let mut prepared = self.indexer.prepare_commit().map_err(wrong)?;
        prepared.set_payload(&self.payload);
        prepared.commit().map_err(wrong)?;
        let segments = self.partition.index.searchable_segment_ids().map_err(wrong)?;
        if segments.len() > 1 {
            self.indexer.merge(&segments).wait().map_err(wrong)?;
        }
        self.indexer.garbage_collect_files().wait().map_err(wrong)?;
        self.indexer.wait_merging_threads().map_err(wrong)?;
        sync_folder(&self.path).map_err(|source| StoreError::Folder { path: path.clone(), source })?;
        self.partition.reader.reload().map_err(wrong)?;
        totals(&self.partition.reader.searcher()).map_err(wrong)
    }
}
