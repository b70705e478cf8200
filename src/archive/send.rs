//! One sealed partition into the archive.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use crate::archive::manifest::{Item, MANIFEST, MANIFEST_BYTES, Manifest, ManifestError, PLAN, is_file_name};
use crate::archive::remote::{Remote, RemoteError, Sum};
use crate::store::PartitionView;

/// Read at once for a checksum.
const CHUNK_BYTES: usize = 256 << 10;

#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error("{path}: {source}")]
    File { path: String, source: std::io::Error },
    #[error("partition {path} is not sealed")]
    Unsealed { path: String },
    #[error(
        "the archive has another partition as {folder}; nothing is overwritten: give this data folder another \
         archive.host or prefix"
    )]
    Other { folder: String },
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    pub files: u64,
    pub bytes: u64,
    /// Files that were there already.
    pub files_known: u64,
}

/// Sends what is missing of a sealed partition, and its manifest at last.
pub async fn send(remote: &Remote, host: &str, store: &str, view: &PartitionView) -> Result<Sent, SendError> {
    let manifest = describe(host, store, view)?;
    let folder = manifest.folder();
    let (done, plan) = (format!("{folder}/{MANIFEST}"), format!("{folder}/{PLAN}"));
    if let Some(text) = remote.get(&done, MANIFEST_BYTES).await? {
        let known = Manifest::parse(&text, &done)?;
        let files_known = known.files.len() as u64;
        return if known == manifest {
            Ok(Sent { files_known, ..Sent::default() })
        } else {
            Err(SendError::Other { folder })
        };
    }
    let text = serde_json::to_vec_pretty(&manifest)
        .map_err(|error| SendError::File { path: done.clone(), source: error.into() })?;
    let is_planned = remote.get(&plan, MANIFEST_BYTES).await?.is_some_and(|found| found == text);
    let there: HashMap<String, u64> = if is_planned {
        remote.list(&folder).await?.into_iter().collect()
    } else {
        remote.put(&plan, text.clone()).await?;
        HashMap::new()
    };
    let mut sent = Sent::default();
    for item in &manifest.files {
        let key = format!("{folder}/{}", item.name);
        if there.get(&key) == Some(&item.bytes) {
            sent.files_known += 1;
            continue;
        }
        remote.put_file(&key, &view.path.join(&item.name), item.bytes).await?;
        sent.files += 1;
        sent.bytes += item.bytes;
    }
    remote.put(&done, text).await?;
    Ok(sent)
}

/// The manifest of a partition as it is on disk.
fn describe(host: &str, store: &str, view: &PartitionView) -> Result<Manifest, SendError> {
    let unsealed = || SendError::Unsealed { path: view.path.display().to_string() };
    let summary = view.summary.as_ref().filter(|_| view.generation > 0).ok_or_else(unsealed)?;
    let wrong = |source| SendError::File { path: view.path.display().to_string(), source };
    let mut files = Vec::new();
    for item in fs::read_dir(&view.path).map_err(wrong)? {
        let item = item.map_err(wrong)?;
        let name = item.file_name().to_string_lossy().into_owned();
        // Of sealed partitions there are no other files that last.
        if is_file_name(&name) && item.file_type().map_err(wrong)?.is_file() {
            let (bytes, sha256) = sum_of(&item.path()).map_err(wrong)?;
            files.push(Item { name, bytes, sha256 });
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Manifest {
        format: Manifest::format(),
        host: host.to_owned(),
        store: store.to_owned(),
        number: view.number,
        generation: view.generation,
        entries: summary.entries,
        raw_bytes: summary.raw_bytes,
        oldest_time: summary.oldest_time.unwrap_or(0),
        newest_time: summary.newest_time.unwrap_or(0),
        files,
    })
}

/// Length and SHA-256 of a file.
pub fn sum_of(path: &Path) -> std::io::Result<(u64, String)> {
    let (mut file, mut sum, mut total) = (File::open(path)?, Sum::default(), 0);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let n = file.read(&mut chunk)?;
        if n == 0 {
            return Ok((total, sum.finish()));
        }
        sum.add(&chunk[..n]);
        total += n as u64;
    }
}
