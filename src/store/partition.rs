//! The partitions of a data folder: finding, opening and creating them, and setting damaged ones aside.
//!
//! A partition is the folder `NNNNNN`, or `NNNNNN.G` once it was sealed for the G-th time. Of several generations of
//! one number the highest is the partition; the others are what a crash left of the change.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tantivy::{Index, IndexReader, IndexSettings, ReloadPolicy, Searcher, TantivyError};

use crate::record::Position;
use crate::store::blocks::BlockFile;
use crate::store::dictionaries;
use crate::store::directory::Directory;
use crate::store::schema::{COUNT, FIRST_TIME, LAST_TIME, RAW_BYTES, Schema};
use crate::store::snapshot::{Opened, PartitionView};
use crate::store::{StoreError, Summary};
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
    /// Length of the file of blocks; what is behind it was not committed.
    pub blocks_bytes: u64,
    /// How far each file was read.
    pub positions: Vec<Position>,
    /// What was counted of the entries up to here, for those who count; the store does not look into it.
    #[serde(default)]
    pub counted: String,
}

/// What `status` and retention know of a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionInfo {
    pub number: u64,
    /// How often it was sealed or repacked.
    pub generation: u32,
    pub path: PathBuf,
    /// On disk.
    pub bytes: u64,
    /// Of the raw texts of its entries.
    pub raw_bytes: u64,
    pub entries: u64,
    pub blocks: u64,
    /// Times of the entries, nanoseconds; absent while there are none.
    pub oldest_time: Option<i64>,
    pub newest_time: Option<i64>,
    /// Still being written.
    pub active: bool,
}

/// A partition opened for writing.
pub struct Partition {
    pub number: u64,
    pub path: PathBuf,
    pub index: Index,
    pub reader: IndexReader,
    pub schema: Schema,
    pub blocks: Arc<BlockFile>,
}

/// A partition's folder, by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Folder {
    pub number: u64,
    pub generation: u32,
    pub path: PathBuf,
}

/// The folders of the partitions in `folder`, oldest first, with all generations. Other names are not ours.
pub fn folders(folder: &Path) -> Result<Vec<Folder>, StoreError> {
    let listing = match fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(StoreError::Folder { path: folder.to_owned(), source }),
    };
    let mut found: Vec<Folder> = listing.flatten().filter_map(|item| parse(&item.path())).collect();
    found.sort();
    Ok(found)
}

fn parse(path: &Path) -> Option<Folder> {
    let name = path.file_name()?.to_str()?;
    let (number, generation) = name.split_once('.').unwrap_or((name, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if number.len() < 6 || !digits(number) || !digits(generation) {
        return None;
    }
    Some(Folder { number: number.parse().ok()?, generation: generation.parse().ok()?, path: path.to_owned() })
}

/// Name of a partition's folder.
pub fn folder_name(number: u64, generation: u32) -> String {
    if generation == 0 { format!("{number:06}") } else { format!("{number:06}.{generation}") }
}

/// Of each number the highest generation, and the folders that those supersede. A folder without `meta.json` is what
/// an interrupted creation left, and neither.
pub fn newest(folders: Vec<Folder>) -> (Vec<Folder>, Vec<Folder>) {
    let mut kept: Vec<Folder> = Vec::new();
    let mut superseded = Vec::new();
    for folder in folders.into_iter().filter(|f| f.path.join("meta.json").exists()) {
        match kept.last_mut().filter(|last| last.number == folder.number) {
            Some(last) => superseded.push(std::mem::replace(last, folder)),
            None => kept.push(folder),
        }
    }
    (kept, superseded)
}

/// Views of all partitions, oldest first. Nothing is read but the summaries of sealed ones: a partition is opened
/// when something is asked of it.
pub fn views(folder: &Path) -> Result<Vec<PartitionView>, StoreError> {
    let (kept, _) = newest(folders(folder)?);
    Ok(kept.iter().map(PartitionView::unopened).collect())
}

impl Partition {
    /// Makes an empty partition, durable before it is used.
    pub fn create(folder: &Path, number: u64) -> Result<Partition, StoreError> {
        Partition::create_at(folder.join(folder_name(number, 0)), number)
    }

    /// Makes an empty partition in a folder of any name.
    pub fn create_at(path: PathBuf, number: u64) -> Result<Partition, StoreError> {
        let wrong = |source| StoreError::Folder { path: path.clone(), source };
        fs::create_dir_all(&path).map_err(wrong)?;
        sync_folder_of(&path).map_err(wrong)?;
        let blocks = BlockFile::writer(&path, 0).map_err(wrong)?;
        let schema = Schema::new();
        let index = Index::builder()
            .schema(schema.tantivy.clone())
            .settings(IndexSettings { docstore_compress_dedicated_thread: false, ..IndexSettings::default() })
            .create_in_dir(&path)
            .map_err(|source| StoreError::Write { path: path.clone(), source })?;
        Partition::with_reader(number, path, index, schema, Arc::new(blocks))
    }

    /// Makes a partition with the documents of another, but without its blocks. The other one is not written any more.
    pub fn with_documents_of(other: &Path, path: PathBuf, number: u64) -> Result<Partition, StoreError> {
        let wrong = |source| StoreError::Folder { path: path.clone(), source };
        fs::create_dir_all(&path).map_err(wrong)?;
        let (index, _) = open_index(other)?;
        let metas = index.load_metas().map_err(|source| StoreError::Read { path: other.to_owned(), source })?;
        for name in metas.list_segment_files() {
            // Not every segment has every file.
            link(&other.join(&name), &path.join(&name)).map_err(wrong)?;
        }
        for name in [".managed.json", "meta.json"] {
            fs::copy(other.join(name), path.join(name)).map_err(wrong)?;
        }
        let blocks = BlockFile::writer(&path, 0).map_err(wrong)?;
        let (index, schema) = open_index(&path)?;
        Partition::with_reader(number, path, index, schema, Arc::new(blocks))
    }

    /// Opens a partition to go on writing to it; its payload, and `None` for one that was never committed to.
    pub fn open(folder: &Folder) -> Result<(Partition, Option<Payload>), StoreError> {
        let path = folder.path.clone();
        let damaged = |reason: String| StoreError::Damaged { path: path.clone(), reason };
        let (index, schema) = open_index(&path)?;
        let payload = payload_of(&index, &path)?;
        let committed = payload.as_ref().map_or(0, |p| p.blocks_bytes);
        let blocks = BlockFile::writer(&path, committed).map_err(|e| damaged(e.to_string()))?;
        Ok((Partition::with_reader(folder.number, path.clone(), index, schema, Arc::new(blocks))?, payload))
    }

    fn with_reader(
        number: u64,
        path: PathBuf,
        index: Index,
        schema: Schema,
        blocks: Arc<BlockFile>,
    ) -> Result<Partition, StoreError> {
        let reader = open_reader(&index, &path)?;
        Ok(Partition { number, path, index, reader, schema, blocks })
    }

    pub fn view(&self) -> PartitionView {
        let opened = Opened {
            searcher: self.reader.searcher(),
            schema: self.schema.clone(),
            blocks: self.blocks.clone(),
            directory: None,
            dictionaries: None,
        };
        PartitionView::opened(self.number, self.path.clone(), opened)
    }

    /// The payload of the newest commit, if there was one.
    pub fn payload(&self) -> Result<Option<Payload>, StoreError> {
        payload_of(&self.index, &self.path)
    }
}

/// Gives a file that is never written again another name, or copies it where that cannot be done.
fn link(from: &Path, to: &Path) -> std::io::Result<()> {
    match fs::hard_link(from, to) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(_) => fs::copy(from, to).and_then(|_| fs::File::open(to)?.sync_all()),
        Ok(()) => Ok(()),
    }
}

/// Opens a partition for reading.
pub fn open(path: &Path) -> Result<Opened, StoreError> {
    let damaged = |reason: String| StoreError::Damaged { path: path.to_owned(), reason };
    let (index, schema) = open_index(path)?;
    let reader = open_reader(&index, path)?;
    let blocks = BlockFile::reader(path).map_err(|e| damaged(format!("its blocks cannot be read: {e}")))?;
    let dictionaries = dictionaries::read(path)?.map(Arc::new);
    let directory = Directory::read(path)?;
    Ok(Opened { searcher: reader.searcher(), schema, blocks: Arc::new(blocks), directory, dictionaries })
}

/// The payload of a partition's newest commit, without opening more than its metadata.
pub fn read_payload(path: &Path) -> Result<Option<Payload>, StoreError> {
    payload_of(&open_index(path)?.0, path)
}

fn open_index(path: &Path) -> Result<(Index, Schema), StoreError> {
    let damaged = |reason: String| StoreError::Damaged { path: path.to_owned(), reason };
    let index = Index::open_in_dir(path).map_err(|e| damaged(e.to_string()))?;
    let schema = Schema::new();
    if index.schema() != schema.tantivy {
        return Err(damaged("its schema is not of this version of logmill".to_owned()));
    }
    Ok((index, schema))
}

fn open_reader(index: &Index, path: &Path) -> Result<IndexReader, StoreError> {
    let damaged = |e: TantivyError| StoreError::Damaged { path: path.to_owned(), reason: e.to_string() };
    // A commit and what it leaves in memory change hands together, in `Writer::commit`.
    index.reader_builder().reload_policy(ReloadPolicy::Manual).doc_store_cache_num_blocks(0).try_into().map_err(damaged)
}

fn payload_of(index: &Index, path: &Path) -> Result<Option<Payload>, StoreError> {
    let damaged = |reason: String| StoreError::Damaged { path: path.to_owned(), reason };
    let metas = index.load_metas().map_err(|e| damaged(e.to_string()))?;
    let Some(text) = metas.payload else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|e| damaged(format!("its positions cannot be read: {e}")))
}

impl PartitionView {
    /// Sizes and times; `active` says that this is the one being written.
    pub fn info(&self, active: bool) -> Result<PartitionInfo, StoreError> {
        let summary = match &self.summary {
            Some(summary) => summary.clone(),
            None => {
                let read = |source| StoreError::Read { path: self.path.clone(), source };
                totals(&self.open()?.searcher).map_err(read)?
            }
        };
        Ok(PartitionInfo {
            number: self.number,
            generation: self.generation,
            path: self.path.clone(),
            bytes: folder_size(&self.path),
            raw_bytes: summary.raw_bytes,
            entries: summary.entries,
            blocks: summary.blocks,
            oldest_time: summary.oldest_time,
            newest_time: summary.newest_time,
            active,
        })
    }
}

/// Counts and times of what an index holds.
pub fn totals(searcher: &Searcher) -> Result<Summary, TantivyError> {
    let mut total = Summary { blocks: searcher.num_docs(), ..Summary::default() };
    for segment in searcher.segment_readers() {
        let columns = segment.fast_fields();
        let (count, raw_bytes) = (columns.u64(COUNT)?, columns.u64(RAW_BYTES)?);
        for document in 0..segment.max_doc() {
            total.entries += count.first(document).unwrap_or(0);
            total.raw_bytes += raw_bytes.first(document).unwrap_or(0);
        }
        if segment.max_doc() > 0 {
            let (first, last) = (columns.i64(FIRST_TIME)?.min_value(), columns.i64(LAST_TIME)?.max_value());
            total.oldest_time = Some(total.oldest_time.map_or(first, |oldest| oldest.min(first)));
            total.newest_time = Some(total.newest_time.map_or(last, |newest| newest.max(last)));
        }
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_generation_is_the_partition() {
        let root = tempfile::tempdir().unwrap();
        for name in ["000001", "000001.1", "000002", "000003.2", "000003.1", "000004", "000003.2.removing", "x", "12"] {
            fs::create_dir(root.path().join(name)).unwrap();
            if name != "000004" {
                fs::write(root.path().join(name).join("meta.json"), "{}").unwrap();
            }
        }
        let (kept, superseded) = newest(folders(root.path()).unwrap());
        let names = |folders: &[Folder]| -> Vec<String> {
            folders.iter().map(|f| folder_name(f.number, f.generation)).collect()
        };
        assert_eq!(names(&kept), ["000001.1", "000002", "000003.2"]);
        assert_eq!(names(&superseded), ["000001", "000003.1"]);
    }
}
