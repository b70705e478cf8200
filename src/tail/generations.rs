//! Which files in a folder are earlier generations of a log, by their names.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use crate::sys::clock;
use crate::sys::files::FileId;

/// A file that may hold what a log held before.
#[derive(Clone, Debug)]
pub struct Generation {
    pub path: PathBuf,
    pub file: FileId,
    pub size: u64,
    /// Nanoseconds since the epoch.
    pub modified: i64,
    /// A copy that gets its name when the log is truncated: of interest only to who misses what was read before.
    pub unfinished: bool,
}

/// Regular files of one folder.
pub struct Listing(Vec<(String, Generation)>);

/// While files are renamed, a listing may miss some and show others twice; it is tried again so often.
const TRIES: usize = 20;

impl Listing {
    /// Lists a folder until two listings in a row agree on what `logs` and their generations are, and no log became
    /// another file meanwhile. Gives the listing and the files that the logs are; `None` when it does not come to
    /// that: somebody is renaming.
    pub fn stable(folder: &Path, logs: &[PathBuf]) -> Option<(Listing, Vec<Option<FileId>>)> {
        let identities = || logs.iter().map(|log| identity(log)).collect::<Vec<_>>();
        for _ in 0..TRIES {
            let before = identities();
            let (first, second) = (Listing::of(folder), Listing::of(folder));
            let agree = first.names(&[]) == second.names(&[]) || first.names(logs) == second.names(logs);
            if agree && before == identities() {
                return Some((first, before));
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        None
    }

    /// Names and files; with `logs`, only of these and their generations.
    fn names(&self, logs: &[PathBuf]) -> BTreeSet<(&str, FileId)> {
        let logs: Vec<&str> = logs.iter().filter_map(|log| log.file_name()?.to_str()).collect();
        let wanted = |name: &str| logs.is_empty() || logs.iter().any(|log| *log == name || is_generation(log, name));
        let names = self.0.iter().map(|(name, generation)| (name.as_str(), generation.file));
        names.filter(|(name, _)| wanted(name)).collect()
    }

    /// All regular files.
    pub fn files(&self) -> impl Iterator<Item = FileId> {
        self.0.iter().map(|(_, generation)| generation.file)
    }

    /// Lists a folder; one that cannot be read counts as empty (its logs report why).
    fn of(folder: &Path) -> Listing {
        let items = fs::read_dir(folder).into_iter().flatten().flatten();
        let describe = |item: fs::DirEntry| {
            let metadata = item.metadata().ok().filter(Metadata::is_file)?;
            let generation = Generation {
                path: item.path(),
                file: FileId::of(&metadata),
                size: metadata.len(),
                modified: metadata.modified().map(clock::from_system).unwrap_or(0),
                unfinished: item.path().extension().is_some_and(|e| e == "tmp"),
            };
            Some((item.file_name().into_string().ok()?, generation))
        };
        Listing(items.filter_map(describe).collect())
    }

    /// The generations of `log`, oldest first.
    pub fn generations(&self, log: &Path) -> Vec<Generation> {
        let Some(name) = log.file_name().and_then(|n| n.to_str()) else { return Vec::new() };
        let mut found: Vec<Generation> =
            self.0.iter().filter(|(other, _)| is_generation(name, other)).map(|(_, g)| g.clone()).collect();
        found.sort_by(|a, b| (a.modified, &b.path).cmp(&(b.modified, &a.path)));
        found
    }

    pub fn find(&self, file: FileId) -> Option<&Generation> {
        self.0.iter().map(|(_, g)| g).find(|g| g.file == file)
    }
}

/// What a path is now.
fn identity(path: &Path) -> Option<FileId> {
    fs::symlink_metadata(path).ok().as_ref().map(FileId::of)
}

/// Whether `other` is how logrotate, Python or ourselves would call an earlier `name`: `name.1`, `name-20261123`,
/// `name.2026-11-23_10`, `name.1.gz`, and with the extension kept, `base.1.log`, `base-20261123.log.gz`.
/// Also `.name.1.cut.tmp`, a copy that our own copytruncate has not finished.
pub fn is_generation(name: &str, other: &str) -> bool {
    let other = other.strip_prefix('.').and_then(|o| o.strip_suffix(".cut.tmp")).unwrap_or(other);
    let other = [".gz", ".zst", ".bz2", ".xz"].iter().find_map(|e| other.strip_suffix(e)).unwrap_or(other);
    if other.strip_prefix(name).is_some_and(is_number_or_date) {
        return true;
    }
    let Some((base, extension)) = name.rsplit_once('.') else { return false };
    let middle = other.strip_prefix(base).and_then(|rest| rest.strip_suffix(extension)?.strip_suffix('.'));
    middle.is_some_and(is_number_or_date)
}

/// `.1`, `-20261123`, `.2026-11-23_10`: a separator, then digits and separators that begin with a digit.
fn is_number_or_date(suffix: &str) -> bool {
    let mut chars = suffix.chars();
    matches!(chars.next(), Some('.' | '-'))
        && chars.next().is_some_and(|c| c.is_ascii_digit())
        && chars.all(|c| c.is_ascii_digit() || matches!(c, '-' | '_' | '.' | 'T'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let check = |other: &str, want: bool| assert_eq!(is_generation("api.log", other), want, "{other}");
        check("api.log.1", true);
        check("api.log.12.gz", true);
        check("api.log-20261123", true);
        check("api.log-2026112310.zst", true);
        check("api.log.2026-11-23_10-15", true);
        check("api.1.log", true);
        check("api-20261123.log.gz", true);
        check("api.log", false);
        check("api.log.tmp", false);
        check("api.log.1.tmp", false);
        check("api.log2", false);
        check("api_20261123.log", false);
        check("other.log.1", false);
        check(".api.log.1.gz.tmp", false);
        check(".api.log.1.cut.tmp", true);
    }
}
