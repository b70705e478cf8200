//! What is known to be in the archive: `DATA/archive.json`. It saves questions, and is not needed: where it is missing or
//! speaks of another place, the manifests there are looked at before anything is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::sys::atomic;

pub const NAME: &str = "archive.json";

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Where that is.
    pub target: String,
    /// Identity of the store.
    pub store: String,
    /// Numbers of partitions that are there, and the generation.
    pub partitions: BTreeMap<u64, u32>,
    /// Rotated logs that are there and still here, by [`mark`](crate::archive::RotatedLog::mark).
    #[serde(default)]
    pub logs: BTreeSet<String>,
    #[serde(default)]
    pub counts: Counts,
}

/// What became of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    pub partitions: u64,
    /// Rotated logs.
    pub logs: u64,
    /// Rotated logs that went before they were archived.
    pub logs_lost: u64,
    /// Sent, of files.
    pub bytes: u64,
    /// Files that an interrupted run had sent.
    pub files_known: u64,
    pub failures: u64,
    /// Partitions, and entries in them, that retention removed before they were archived.
    pub partitions_lost: u64,
    pub entries_lost: u64,
    /// Partitions and logs that the archive's own retention removed there.
    pub expired: u64,
    /// Partitions that were brought back.
    pub restored: u64,
}

impl Ledger {
    /// As it was for this place and store, or a new one that goes on counting.
    pub fn load(data: &Path, target: &str, store: &str) -> Ledger {
        let path = data.join(NAME);
        let found: Ledger = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!(path = %path.display(), %error, "cannot be read: what is archived is looked up there");
                Ledger::default()
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ledger::default(),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "cannot be read: what is archived is looked up there");
                Ledger::default()
            }
        };
        if found.target == target && found.store == store {
            return found;
        }
        Ledger { target: target.to_owned(), store: store.to_owned(), counts: found.counts, ..Ledger::default() }
    }

    pub fn save(&self, data: &Path) -> std::io::Result<()> {
        atomic::write(&data.join(NAME), &serde_json::to_vec(self)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_believed_for_its_own_place_and_store_only() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::load(folder.path(), "file:///a", "1");
        ledger.partitions.insert(7, 1);
        ledger.counts.partitions = 1;
        ledger.save(folder.path()).unwrap();
        let check = |target: &str, store: &str, want: usize| {
            let found = Ledger::load(folder.path(), target, store);
            assert_eq!((found.partitions.len(), found.counts.partitions), (want, 1), "{target} {store}");
        };
        check("file:///a", "1", 1);
        check("file:///a", "2", 0);
        check("file:///b", "1", 0);
        std::fs::write(folder.path().join(NAME), "{").unwrap();
        assert_eq!(Ledger::load(folder.path(), "file:///a", "1").partitions.len(), 0);
    }
}
