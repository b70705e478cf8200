//! Partitions that came back from an archive: how they arrive, and the mark that tells retention to leave them alone for
//! a while.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::store::StoreError;
use crate::store::partition::{Folder, folder_name};
use crate::store::snapshot::PartitionView;
use crate::sys::atomic::{self, sync_folder_of};

/// Name of the mark.
pub const RESTORED: &str = "restored.json";

#[derive(Serialize, Deserialize)]
struct Mark {
    /// Retention does not look at the partition before then; nanoseconds since the epoch.
    kept_until: i64,
}

/// When retention may look at the partition again; `None` for one that never left.
pub fn kept_until(partition: &Path) -> Option<i64> {
    let mark: Mark = serde_json::from_slice(&fs::read(partition.join(RESTORED)).ok()?).ok()?;
    Some(mark.kept_until)
}

/// Where a partition grows; what is left there is removed when the store is opened.
pub fn restoring(partitions: &Path, number: u64) -> PathBuf {
    partitions.join(format!("{number:06}.restoring"))
}

/// Makes a partition of a folder that has all its files, each of them durable. It must be one that can be opened.
pub fn install(temporary: &Path, number: u64, generation: u32, kept_until: i64) -> Result<PartitionView, StoreError> {
    let wrong = |source| StoreError::Folder { path: temporary.to_owned(), source };
    let view = |path: PathBuf| PartitionView::unopened(&Folder { number, generation, path });
    let tried = view(temporary.to_owned());
    let damaged = |reason: &str| StoreError::Damaged { path: temporary.to_owned(), reason: reason.to_owned() };
    tried.summary.as_ref().ok_or_else(|| damaged("its summary cannot be read"))?;
    tried.open()?;
    let mark = serde_json::to_vec(&Mark { kept_until }).unwrap_or_default();
    atomic::write(&temporary.join(RESTORED), &mark).map_err(wrong)?;
    let path = temporary.with_file_name(folder_name(number, generation));
    fs::rename(temporary, &path).and_then(|()| sync_folder_of(&path)).map_err(wrong)?;
    Ok(view(path))
}
