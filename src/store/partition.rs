//! The partitions of a data folder: finding, opening and creating them, and setting damaged ones aside.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tantivy::store::Compressor;
use tantivy::{Index, IndexReader, IndexSettings, ReloadPolicy, Searcher, TantivyError};

use crate::record::Position;
use crate::store::schema::{COUNT, FIRST_TIME, LAST_TIME, Schema};
use crate::store::{PartitionView, StoreError};
use crate::sys::atomic::sync_folder_of;
use crate::sys::files::folder_size;

/// What each commit says besides its entries. The newest commit of the newest partition is the truth.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// When the partition was begun, nanoseconds since the epoch.
    pub created: i64,
    /// Counts commits, so that a commit whose outcome is unclear can be recognised.
    pub commit: u64,
    /// When it was made, nanoseconds since the epoch.
    pub committed_at: i64,
    /// Sequence number of the next entry.
    pub next_sequence: u64,
    /// How far each file was read.
    pub positions: Vec<Position>,
}

/// What `status` and retention know of a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionInfo {
    pub number: u64,
    pub path: PathBuf,
    /// On disk.
    pub bytes: u64,
    pub entries: u64,
    pub blocks: u64,
    /// Times of the entries, nanoseconds; absent while there are none.
    pub oldest_time: Option<i64>,
    pub newest_time: Option<i64>,
    /// Still being written.
    pub active: bool,
}

/// An opened partition.
pub struct Partition {
    pub number: u64,
    pub path: PathBuf,
    pub index: Index,
    pub reader: IndexReader,
    pub schema: Schema,
}

/// Everything that could be opened under `data/partitions`, oldest first, and what could not.
#[derive(Default)]
pub struct Partitions {
    pub good: Vec<Partition>,
    pub damaged: Vec<StoreError>,
}

impl Partitions {
    /// Opens all partitions for reading. A missing folder is an empty store.
    pub fn open(folder: &Path) -> Result<Partitions, StoreError> {
        let mut partitions = Partitions::default();
        for (number, path) in list(folder)? {
            match Partition::open(number, &path) {
                Ok(Some(partition)) => partitions.good.push(partition),
                Ok(None) => {}
                Err(damage) => partitions.damaged.push(damage),
            }
        }
        Ok(partitions)
    }

    pub fn views(&self) -> Vec<PartitionView> {
        self.good.iter().map(Partition::view).collect()
    }

    /// The payload of the newest commit, or of nothing at all.
    pub fn payload(&self) -> Result<Payload, StoreError> {
        for partition in self.good.iter().rev() {
            if let Some(payload) = partition.payload()? {
                return Ok(payload);
            }
        }
        Ok(Payload::default())
    }
}

/// Numbers and paths of the partitions in `folder`, oldest first. Other names are not ours.
pub fn list(folder: &Path) -> Result<Vec<(u64, PathBuf)>, StoreError> {
    let listing = match fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(StoreError::Folder { path: folder.to_owned(), source }),
    };
    let mut found: Vec<(u64, PathBuf)> = listing
        .flatten()
        .filter_map(|item| {
            let name = item.file_name();
            let number = name.to_str().filter(|n| n.len() == 6)?.parse().ok()?;
            Some((number, item.path()))
        })
        .collect();
    found.sort();
    Ok(found)
}

impl Partition {
    /// Makes an empty partition, durable before it is used.
    pub fn create(folder: &Path, number: u64) -> Result<Partition, StoreError> {
        let path = folder.join(format!("{number:06}"));
        let wrong = |source| StoreError::Folder { path: path.clone(), source };
        fs::create_dir_all(&path).map_err(wrong)?;
        sync_folder_of(&path).map_err(wrong)?;
        let settings = IndexSettings {
            // The payloads are compressed already.
            docstore_compression: Compressor::None,
            docstore_compress_dedicated_thread: false,
            ..IndexSettings::default()
        };
        let schema = Schema::new();
        let index = Index::builder()
            .schema(schema.tantivy.clone())
            .settings(settings)
            .create_in_dir(&path)
            .map_err(|source| StoreError::Write { path: path.clone(), source })?;
        Partition::with_reader(number, path, index, schema)
    }

    /// Opens a partition; `None` for one whose creation was interrupted, which holds nothing.
    pub fn open(number: u64, path: &Path) -> Result<Option<Partition>, StoreError> {
        if !path.join("meta.json").exists() {
            return Ok(None);
        }
        let damaged = |e: TantivyError| StoreError::Damaged { path: path.to_owned(), reason: e.to_string() };
        let index = Index::open_in_dir(path).map_err(damaged)?;
        let schema = Schema::new();
        if index.schema() != schema.tantivy {
            let reason = "its schema is not of this version of logmill".to_owned();
            return Err(StoreError::Damaged { path: path.to_owned(), reason });
        }
        Partition::with_reader(number, path.to_owned(), index, schema).map(Some)
    }

    fn with_reader(number: u64, path: PathBuf, index: Index, schema: Schema) -> Result<Partition, StoreError> {
        let reader = index
            .reader_builder()
            // A commit and what it leaves in memory change hands together, in `Writer::commit`.
            .reload_policy(ReloadPolicy::Manual)
            .doc_store_cache_num_blocks(4)
            .try_into()
            .map_err(|e: TantivyError| StoreError::Damaged { path: path.clone(), reason: e.to_string() })?;
        Ok(Partition { number, path, index, reader, schema })
    }

    pub fn view(&self) -> PartitionView {
        PartitionView {
            number: self.number,
            path: self.path.clone(),
            searcher: self.reader.searcher(),
            schema: self.schema.clone(),
        }
    }

    /// The payload of the newest commit, if there was one.
    pub fn payload(&self) -> Result<Option<Payload>, StoreError> {
        let damaged = |reason: String| StoreError::Damaged { path: self.path.clone(), reason };
        let metas = self.index.load_metas().map_err(|e| damaged(e.to_string()))?;
        let Some(text) = metas.payload else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|e| damaged(format!("its positions cannot be read: {e}")))
    }
}

impl PartitionView {
    /// Sizes and times; `active` says that this is the one being written.
    pub fn info(&self, active: bool) -> Result<PartitionInfo, StoreError> {
        let read = |source| StoreError::Read { path: self.path.clone(), source };
        let (entries, oldest_time, newest_time) = totals(&self.searcher).map_err(read)?;
        Ok(PartitionInfo {
            number: self.number,
            path: self.path.clone(),
            bytes: folder_size(&self.path),
            entries,
            blocks: self.searcher.num_docs(),
            oldest_time,
            newest_time,
            active,
        })
    }
}

/// Number of entries, time of the oldest and of the newest.
fn totals(searcher: &Searcher) -> Result<(u64, Option<i64>, Option<i64>), TantivyError> {
    let (mut entries, mut oldest, mut newest) = (0, None, None);
    for segment in searcher.segment_readers() {
        let columns = segment.fast_fields();
        let count = columns.u64(COUNT)?;
        entries += (0..segment.max_doc()).filter_map(|doc| count.first(doc)).sum::<u64>();
        let (first, last) = (columns.i64(FIRST_TIME)?.min_value(), columns.i64(LAST_TIME)?.max_value());
        oldest = Some(oldest.map_or(first, |o: i64| o.min(first)));
        newest = Some(newest.map_or(last, |n: i64| n.max(last)));
    }
    Ok((entries, oldest, newest))
}
