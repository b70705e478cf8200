//! Partitions back from the archive.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::archive::manifest::Manifest;
use crate::archive::remote::{Remote, RemoteError};
use crate::store::{PartitionView, StoreError, install_restored, restoring};
use crate::sys::files::disk_space;
use crate::sys::units::Bytes;

/// So much of the disk stays free.
const SPARE_BYTES: u64 = 64 << 20;

#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{path}: {source}")]
    File { path: String, source: std::io::Error },
    #[error("{folder} needs {needed}, and {path} has {free} free; free some space or restore less at a time")]
    Space { folder: String, path: String, needed: Bytes, free: Bytes },
}

/// What is to come back, and what is there.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Entries from then on, and before then; nanoseconds since the epoch.
    pub since: i64,
    pub until: i64,
    /// Of this store; unset: of the one that is here.
    pub store: Option<String>,
    /// The store that is here; `None` where there is none yet.
    pub own: Option<String>,
    /// Numbers of partitions that are here.
    pub present: BTreeSet<u64>,
    /// The partition being written.
    pub active: Option<u64>,
}

/// What comes back.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    pub store: String,
    pub fetch: Vec<Manifest>,
    /// What does not, and why.
    pub left: Vec<(Manifest, String)>,
}

/// Which partitions come back. The error is for who asked.
pub fn choose(manifests: &[Manifest], wanted: &Wanted) -> Result<Choice, String> {
    let mut best: BTreeMap<(&str, u64), &Manifest> = BTreeMap::new();
    for manifest in manifests.iter().filter(|m| m.newest_time >= wanted.since && m.oldest_time < wanted.until) {
        // Later generations have less: rules of retention took some.
        let slot = best.entry((&manifest.store, manifest.number)).or_insert(manifest);
        if manifest.entries > slot.entries {
            *slot = manifest;
        }
    }
    let stores: BTreeSet<&str> = best.keys().map(|(store, _)| *store).collect();
    let list = || stores.iter().copied().collect::<Vec<_>>().join(", ");
    let elsewhere = |store: &str| {
        format!(
            "it is of the store {store}, whose entries have numbers that mean others here; restore it into a folder of \
             its own: logmill --data-dir NEW restore --store {store} ..."
        )
    };
    let store = match (&wanted.store, &wanted.own) {
        (Some(store), Some(own)) if store != own => return Err(elsewhere(store)),
        (Some(store), _) => store.clone(),
        (None, Some(own)) => own.clone(),
        (None, None) if stores.len() > 1 => {
            return Err(format!("there are several stores ({}); name one with --store", list()));
        }
        (None, None) => stores.first().map(|store| (*store).to_owned()).unwrap_or_default(),
    };
    let mut choice = Choice { store, ..Choice::default() };
    for manifest in best.into_values() {
        let why = if manifest.store != choice.store {
            Some(elsewhere(&manifest.store))
        } else if wanted.present.contains(&manifest.number) {
            Some("it is here".to_owned())
        } else if wanted.active.is_some_and(|active| manifest.number >= active) {
            let message = "its number will be given to another partition here; restore it into a folder of its own: \
                           logmill --data-dir NEW restore ...";
            Some(message.to_owned())
        } else {
            None
        };
        match why {
            Some(why) => choice.left.push((manifest.clone(), why)),
            None => choice.fetch.push(manifest.clone()),
        }
    }
    Ok(choice)
}

/// Brings one partition into `partitions`, where retention leaves it until then. It counts only when all of it is there,
/// as it was, and can be opened.
pub async fn fetch(
    remote: &Remote,
    manifest: &Manifest,
    partitions: &Path,
    kept_until: i64,
) -> Result<PartitionView, FetchError> {
    let temporary = restoring(partitions, manifest.number);
    let wrong = |source| FetchError::File { path: temporary.display().to_string(), source };
    let (free, _) = disk_space(partitions).map_err(wrong)?;
    if free < manifest.bytes().saturating_add(SPARE_BYTES) {
        let (folder, path) = (manifest.folder(), partitions.display().to_string());
        return Err(FetchError::Space { folder, path, needed: Bytes(manifest.bytes()), free: Bytes(free) });
    }
    if temporary.exists() {
        fs::remove_dir_all(&temporary).map_err(wrong)?;
    }
    fs::create_dir(&temporary).map_err(wrong)?;
    let fetched = fill(remote, manifest, &temporary).await.map_err(FetchError::from);
    let installed = fetched.and_then(|()| {
        install_restored(&temporary, manifest.number, manifest.generation, kept_until).map_err(FetchError::from)
    });
    if installed.is_err()
        && let Err(error) = fs::remove_dir_all(&temporary)
    {
        tracing::warn!(path = %temporary.display(), %error, "cannot remove what could not be restored");
    }
    installed
}

async fn fill(remote: &Remote, manifest: &Manifest, temporary: &Path) -> Result<(), RemoteError> {
    for item in &manifest.files {
        let key = format!("{}/{}", manifest.folder(), item.name);
        remote.get_file(&key, (item.bytes, &item.sha256), &temporary.join(&item.name)).await?;
    }
    Ok(())
}

/// Reads all of a partition in the archive and compares its checksums.
pub async fn verify(remote: &Remote, manifest: &Manifest) -> Result<(), RemoteError> {
    for item in &manifest.files {
        let key = format!("{}/{}", manifest.folder(), item.name);
        remote.get_checked(&key, (item.bytes, &item.sha256), |_| Ok(())).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers and generations that come, and how many are left.
    type Expected<'a> = Result<(&'a [(u64, u32)], usize), &'a str>;

    const A: &str = "aaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbb";

    fn manifest(store: &str, number: u64, generation: u32, entries: u64) -> Manifest {
        Manifest {
            format: Manifest::format(),
            host: "h".into(),
            store: store.into(),
            number,
            generation,
            entries,
            raw_bytes: 0,
            oldest_time: number as i64 * 10,
            newest_time: number as i64 * 10 + 9,
            files: Vec::new(),
        }
    }

    #[test]
    fn what_comes_back() {
        let there = [
            manifest(A, 1, 1, 100),
            manifest(A, 1, 2, 60),
            manifest(A, 2, 1, 100),
            manifest(A, 3, 2, 50),
            manifest(A, 3, 1, 80),
            manifest(A, 9, 1, 1),
        ];
        let all = Wanted {
            since: 0,
            until: i64::MAX,
            store: None,
            own: Some(A.into()),
            present: BTreeSet::from([2]),
            active: Some(7),
        };
        let check = |there: &[Manifest], wanted: Wanted, want: Expected<'_>| match (choose(there, &wanted), want) {
            (Ok(got), Ok((fetch, left))) => {
                let numbers: Vec<_> = got.fetch.iter().map(|m| (m.number, m.generation)).collect();
                assert_eq!((&numbers[..], got.left.len()), (fetch, left), "{wanted:?}");
            }
            (Err(error), Err(want)) => assert!(error.contains(want), "{error}"),
            (got, want) => panic!("{got:?}, not {want:?}"),
        };
        check(&there, all.clone(), Ok((&[(1, 1), (3, 1)], 2)));
        check(&there, Wanted { since: 20, until: 30, ..all.clone() }, Ok((&[], 1)));
        check(&there, Wanted { since: 19, until: 20, ..all.clone() }, Ok((&[(1, 1)], 0)));
        check(&there, Wanted { own: Some(B.into()), ..all.clone() }, Ok((&[], 4)));
        check(&there, Wanted { store: Some(B.into()), ..all.clone() }, Err("a folder of its own"));
        let empty = Wanted { own: None, present: BTreeSet::new(), active: None, ..all.clone() };
        check(&there, empty.clone(), Ok((&[(1, 1), (2, 1), (3, 1), (9, 1)], 0)));
        let both = [manifest(A, 1, 1, 1), manifest(B, 1, 1, 1)];
        check(&both, empty.clone(), Err("name one with --store"));
        check(&both, Wanted { store: Some(B.into()), ..empty.clone() }, Ok((&[(1, 1)], 1)));
        check(&[], empty, Ok((&[], 0)));
    }
}
