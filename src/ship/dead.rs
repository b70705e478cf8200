//! Dead letters: entries that a sink refuses for what they are, with the reason, in `ship/NAME.dead.ndjson`. When the
//! file is full it becomes `NAME.dead.1.ndjson` in place of the one before.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::record::timestamp;
use crate::ship::Item;
use crate::sys::atomic::sync_folder_of;
use crate::sys::clock;
use crate::sys::units::Bytes;

/// Characters of a reason that are kept: servers may answer with much.
pub const REASON_CHARS: usize = 500;

#[derive(Clone, Debug)]
pub struct DeadLetters {
    path: PathBuf,
    /// Both files together keep within it.
    max: Bytes,
}

impl DeadLetters {
    pub fn new(data: &Path, name: &str, max: Bytes) -> DeadLetters {
        DeadLetters { path: data.join("ship").join(format!("{name}.dead.ndjson")), max }
    }

    /// Puts entries with their reasons behind the others, durable.
    pub fn add(&self, letters: &[(Item, String)]) -> io::Result<()> {
        if letters.is_empty() {
            return Ok(());
        }
        let mut text = Vec::new();
        for (item, reason) in letters {
            let reason: String = reason.chars().take(REASON_CHARS).collect();
            let letter = json!({
                "refused_at": timestamp(clock::now()), "reason": reason, "id": item.id, "entry": item.entry.to_json(!item.entry.raw.is_empty()),
            });
            serde_json::to_writer(&mut text, &letter)?;
            text.push(b'\n');
        }
        fs::create_dir_all(self.path.parent().unwrap_or(Path::new(".")))?;
        let length = fs::metadata(&self.path).map_or(0, |metadata| metadata.len());
        if length > 0 && length + text.len() as u64 > self.max.0 / 2 {
            fs::rename(&self.path, self.path.with_extension("1.ndjson"))?;
        }
        let mut file = OpenOptions::new().create(true).append(true).mode(0o640).open(&self.path)?;
        file.write_all(&text)?;
        file.sync_all()?;
        sync_folder_of(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ship::mapping::tests::item;

    #[test]
    fn letters_are_kept_within_a_bound() {
        let folder = tempfile::tempdir().unwrap();
        let dead = DeadLetters::new(folder.path(), "a", Bytes(8_000));
        for number in 0..100 {
            dead.add(&[(item(), format!("reason {number} {}", "é".repeat(1000)))]).unwrap();
        }
        let read = |name: &str| fs::read_to_string(folder.path().join("ship").join(name)).unwrap();
        let (new, old) = (read("a.dead.ndjson"), read("a.dead.1.ndjson"));
        assert!(new.len() + old.len() <= 8_000 && !old.is_empty());
        let last: serde_json::Value = serde_json::from_str(new.lines().last().unwrap()).unwrap();
        assert!(last["reason"].as_str().unwrap().starts_with("reason 99 "), "{last}");
        assert_eq!(last["reason"].as_str().unwrap().chars().count(), REASON_CHARS);
        assert_eq!(last["entry"]["message"], "no \"route\"\nto host");
        assert_eq!(last["id"], "00c0ffee00c0ffee-3-77");
    }
}
