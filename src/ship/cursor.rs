//! How far a sink has taken what is committed: the file `ship/NAME.json` in the data folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::search::Place;
use crate::sys::atomic;

const FORMAT: u32 = 1;
/// A longer file is none of ours.
const BYTES_MAX: u64 = 1 << 20;

/// Everything before a lane's place was acknowledged, as far as its sources are this lane's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    format: u32,
    /// See [`crate::store::identity`].
    pub store: String,
    pub lanes: Vec<Place>,
    /// How often it was told to go elsewhere: what is sent then is no repetition.
    #[serde(default)]
    pub jumps: u64,
    #[serde(default)]
    pub counts: Counts,
}

/// What became of entries since the cursor was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Acknowledged.
    pub delivered: u64,
    /// Of those, the engine said that it had them already.
    pub known: u64,
    /// Refused for what they are, and in the dead-letter file.
    pub dead: u64,
    /// The engine said that it did not take so many, and not which.
    pub rejected: u64,
    /// Retention removed them before they were delivered. The filter was not asked.
    pub dropped: u64,
    /// Attempts in vain, and the entries in them: a receiver may have seen those, and sees them again.
    pub retries: u64,
    pub sent_again: u64,
    pub batches: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum CursorError {
    #[error("{path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error(
        "{path}: {reason}; remove the file and send SIGHUP to begin as `start` says, then `logmill ship replay NAME --since …` goes back"
    )]
    Damaged { path: PathBuf, reason: String },
}

/// The file of a sink's cursor.
pub fn path(data: &Path, name: &str) -> PathBuf {
    data.join("ship").join(format!("{name}.json"))
}

impl Cursor {
    pub fn new(store: String, lanes: usize, place: Place) -> Cursor {
        Cursor { format: FORMAT, store, lanes: vec![place; lanes.max(1)], jumps: 0, counts: Counts::default() }
    }

    /// Before the first entry that was not acknowledged.
    pub fn place(&self) -> Place {
        self.lanes.iter().min().copied().unwrap_or_default()
    }

    /// Sources go to so many lanes from now on.
    pub fn with_lanes(mut self, lanes: usize) -> Cursor {
        if self.lanes.len() != lanes {
            // Which source was in which lane is another question now.
            self.lanes = vec![self.place(); lanes.max(1)];
        }
        self
    }

    pub fn jump(&mut self, place: Place) {
        self.lanes.fill(place);
        self.jumps += 1;
    }

    /// `None` where there is none yet.
    pub fn load(data: &Path, name: &str) -> Result<Option<Cursor>, CursorError> {
        let path = path(data, name);
        let damaged = |reason: String| CursorError::Damaged { path: path.clone(), reason };
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(CursorError::File { path, source }),
            Ok(metadata) if metadata.len() > BYTES_MAX => return Err(damaged("is too long for a cursor".to_owned())),
            Ok(_) => {}
        }
        let bytes = fs::read(&path).map_err(|source| CursorError::File { path: path.clone(), source })?;
        let cursor: Cursor = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        match cursor.format {
            FORMAT if !cursor.lanes.is_empty() => Ok(Some(cursor)),
            FORMAT => Err(damaged("has no lanes".to_owned())),
            other => Err(damaged(format!("is of format {other}, and this logmill reads {FORMAT}"))),
        }
    }

    /// Replaces the file, durable.
    pub fn save(&self, data: &Path, name: &str) -> Result<(), CursorError> {
        let path = path(data, name);
        let text = serde_json::to_vec(self).unwrap_or_default();
        fs::create_dir_all(data.join("ship"))
            .and_then(|()| atomic::write(&path, &text))
            .map_err(|source| CursorError::File { path, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(partition: u64, sequence: u64) -> Place {
        Place { partition, sequence }
    }

    #[test]
    fn saved_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Cursor::load(folder.path(), "a").unwrap().is_none());
        let mut cursor = Cursor::new("x".into(), 3, place(1, 5));
        cursor.lanes[1] = place(2, 7);
        cursor.counts.delivered = 9;
        cursor.save(folder.path(), "a").unwrap();
        let loaded = Cursor::load(folder.path(), "a").unwrap().unwrap();
        assert_eq!(loaded, cursor);
        assert_eq!(loaded.place(), place(1, 5));
        assert_eq!(loaded.clone().with_lanes(3), cursor);
        assert_eq!(loaded.with_lanes(2).lanes, [place(1, 5); 2]);
    }

    #[test]
    fn what_is_wrong_with_a_cursor_is_told() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("ship")).unwrap();
        let check = |text: &str, want: &str| {
            fs::write(path(folder.path(), "a"), text).unwrap();
            let error = Cursor::load(folder.path(), "a").unwrap_err().to_string();
            assert!(error.contains(want) && error.contains("ship/a.json"), "{text}: {error}");
        };
        check("", "remove the file and send SIGHUP");
        check("{\"format\":2,\"store\":\"x\",\"lanes\":[{\"partition\":1,\"sequence\":2}]}", "format 2");
        check("{\"format\":1,\"store\":\"x\",\"lanes\":[]}", "no lanes");
        check("{\"format\":1,\"store\":\"x\",\"lanes\":[{\"partition\":-1,\"sequence\":2}]}", "invalid value");
        check(&" ".repeat(BYTES_MAX as usize + 1), "too long");
    }
}
