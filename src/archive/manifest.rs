//! What an archived partition consists of. It was written by somebody who may write to the archive: nothing in it is
//! believed before it was checked.

use serde::{Deserialize, Serialize};

use crate::store::{DIGITS_OF_IDENTITY, is_identity};

/// Name of the object that makes a partition complete, and of the one that says what it is going to be.
pub const MANIFEST: &str = "manifest.json";
pub const PLAN: &str = "plan.json";
/// A longer manifest is not read.
pub const MANIFEST_BYTES: u64 = 4 << 20;
const FORMAT: u32 = 1;
const FILES_MAX: usize = 10_000;
const NAME_BYTES: usize = 128;
/// Of a file, and of all together.
const BYTES_MAX: u64 = 1 << 40;
/// Without these it is no sealed partition.
const NEEDED: [&str; 3] = ["meta.json", "sealed.json", "blocks"];

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    pub host: String,
    /// Identity of the store.
    pub store: String,
    pub number: u64,
    pub generation: u32,
    pub entries: u64,
    pub raw_bytes: u64,
    /// Nanoseconds since the epoch.
    pub oldest_time: i64,
    pub newest_time: i64,
    pub files: Vec<Item>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    pub name: String,
    pub bytes: u64,
    /// Hexadecimal.
    pub sha256: String,
}

#[derive(Debug, thiserror::Error)]
#[error("{key}: {reason}; it was not written by logmill, or was changed since")]
pub struct ManifestError {
    pub key: String,
    pub reason: String,
}

impl Manifest {
    pub fn format() -> u32 {
        FORMAT
    }

    /// Folder of a partition, below the archive's root.
    pub fn folder(&self) -> String {
        format!("{}/partitions/{}/{:06}.{}", self.host, self.store, self.number, self.generation)
    }

    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|item| item.bytes).sum()
    }

    /// Reads the manifest at `key` and refuses what would lead elsewhere, or is more than anybody has.
    pub fn parse(text: &[u8], key: &str) -> Result<Manifest, ManifestError> {
        let wrong = |reason: String| ManifestError { key: key.to_owned(), reason };
        let manifest: Manifest = serde_json::from_slice(text).map_err(|error| wrong(error.to_string()))?;
        manifest.check().map_err(wrong)?;
        let folder = key.rsplit_once('/').map_or("", |(folder, _)| folder);
        if folder != manifest.folder() {
            return Err(wrong(format!("it says that it is {}", manifest.folder())));
        }
        Ok(manifest)
    }

    fn check(&self) -> Result<(), String> {
        if self.format != FORMAT {
            return Err(format!("it has format {}, and this version reads {FORMAT}", self.format));
        }
        if !is_host(&self.host) {
            return Err(format!("{:?} is no host", self.host));
        }
        if !is_identity(&self.store) {
            return Err(format!("{:?} is no store: those have {DIGITS_OF_IDENTITY} hexadecimal digits", self.store));
        }
        if self.number == 0 || self.generation == 0 || self.oldest_time > self.newest_time {
            return Err("it has no number, is of no sealed partition, or ends before it begins".to_owned());
        }
        if self.files.len() > FILES_MAX {
            return Err(format!("it has {} files", self.files.len()));
        }
        let mut total = 0_u64;
        for (index, item) in self.files.iter().enumerate() {
            if !is_file_name(&item.name) || self.files[..index].iter().any(|other| other.name == item.name) {
                return Err(format!("{:?} is no name of a partition's file, or is there twice", item.name));
            }
            let is_sum = item.sha256.len() == 64 && item.sha256.bytes().all(|b| b.is_ascii_hexdigit());
            total = total.saturating_add(item.bytes);
            if !is_sum || total > BYTES_MAX {
                return Err(format!("{}: it has no checksum, or is too large", item.name));
            }
        }
        match NEEDED.iter().find(|name| !self.files.iter().any(|item| item.name == **name)) {
            Some(missing) => Err(format!("it lacks {missing}")),
            None => Ok(()),
        }
    }
}

/// Whether a text may be a host in the layout.
pub fn is_host(text: &str) -> bool {
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    !text.is_empty() && text.len() <= 253 && !text.starts_with('.') && text.bytes().all(good)
}

/// Whether a file of this name belongs to a partition. Marks of this machine, locks and temporary files do not.
pub fn is_file_name(name: &str) -> bool {
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let is_ours = matches!(name, MANIFEST | PLAN | crate::store::RESTORED);
    let is_passing = name.ends_with(".lock") || name.ends_with(".tmp");
    let is_name = !name.is_empty() && name.len() <= NAME_BYTES && name.bytes().all(good);
    is_name && name != "." && !name.starts_with("..") && !is_ours && !is_passing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let item = |name: &str| Item { name: name.to_owned(), bytes: 1, sha256: "0".repeat(64) };
        Manifest {
            format: FORMAT,
            host: "h".into(),
            store: "0123456789abcdef".into(),
            number: 1,
            generation: 1,
            entries: 1,
            raw_bytes: 1,
            oldest_time: 1,
            newest_time: 2,
            files: NEEDED.map(item).into(),
        }
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        let check = |change: &dyn Fn(&mut Manifest), want: Option<&str>| {
            let mut changed = manifest();
            change(&mut changed);
            let key = "h/partitions/0123456789abcdef/000001.1/manifest.json";
            let text = serde_json::to_vec(&changed).unwrap();
            match (Manifest::parse(&text, key), want) {
                (Ok(_), None) => {}
                (Err(error), Some(want)) => assert!(error.to_string().contains(want), "{error}"),
                (got, want) => panic!("{got:?}, not {want:?}"),
            }
        };
        check(&|_| {}, None);
        for name in ["../x", "..", "a/b", "/etc/passwd", "", ".", "a\0b", "restored.json", "meta.json", "x.lock", "ä"]
        {
            check(&|m| m.files.push(Item { name: name.into(), bytes: 1, sha256: "0".repeat(64) }), Some("is no name"));
        }
        check(&|m| m.files[0].sha256.truncate(3), Some("no checksum"));
        check(&|m| m.files[0].bytes = u64::MAX, Some("too large"));
        check(&|m| m.files.iter_mut().for_each(|f| f.bytes = BYTES_MAX / 2), Some("too large"));
        check(&|m| drop(m.files.pop()), Some("lacks blocks"));
        check(&|m| m.format = 2, Some("format 2"));
        check(&|m| m.host = "../x".into(), Some("no host"));
        check(&|m| m.host = "other".into(), Some("it says that it is other/"));
        check(&|m| m.number = 2, Some("it says that it is"));
        check(&|m| m.store = "../0123456789abc".into(), Some("no store"));
        check(&|m| m.generation = 0, Some("no sealed partition"));
        assert!(Manifest::parse(b"{", "x").is_err());
    }
}
