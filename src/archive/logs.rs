//! One rotated log into the archive. Its name there tells the log, when it was written last and what is in it, so that the
//! same content has one place, whatever number the generation has by now.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::archive::manifest::MANIFEST_BYTES;
use crate::archive::remote::{Remote, RemoteError};
use crate::archive::send::{SendError, sum_of};
use crate::sys::files::FileId;

/// Behind the name of a log's object.
const ENDING: &str = ".manifest.json";
const NAME_BYTES: usize = 120;

/// A rotated file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotatedLog {
    pub path: PathBuf,
    pub id: FileId,
    /// The live log's path.
    pub log: PathBuf,
    pub bytes: u64,
    /// When it was written last, nanoseconds since the epoch.
    pub written: i64,
    /// What its compressor puts behind names; empty for a plain one.
    pub ending: String,
    /// Nothing will be done to it any more but its removal.
    pub is_final: bool,
}

/// What is known of an archived log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogManifest {
    pub format: u32,
    pub host: String,
    /// The live log's path.
    pub log: String,
    /// The name of the generation when it was sent.
    pub file: String,
    /// Nanoseconds since the epoch.
    pub written: i64,
    pub bytes: u64,
    pub sha256: String,
}

impl RotatedLog {
    /// What it is known by in the ledger: it may get another name, and when it is written it is another.
    pub fn mark(&self) -> String {
        mark(self.id, self.bytes, self.written)
    }
}

/// See [`RotatedLog::mark`].
pub fn mark(FileId { device, inode, born }: FileId, bytes: u64, written: i64) -> String {
    format!("{device}:{inode}:{born}:{bytes}:{written}")
}

/// `HOST/logs/YYYY/MM/DD/LOG-TIME-SUM.gz`.
fn key(host: &str, log: &RotatedLog, sha256: &str) -> String {
    let good = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    let clean = |text: &str| text.chars().map(good).collect::<String>();
    let flat = clean(log.log.display().to_string().trim_start_matches('/'));
    // Of a long path the end tells more.
    let flat = &flat[flat.len().saturating_sub(NAME_BYTES)..];
    let time = chrono::DateTime::from_timestamp_nanos(log.written);
    let (day, time) = (time.format("%Y/%m/%d"), time.format("%Y%m%dT%H%M%SZ"));
    let sum = &sha256[..sha256.len().min(16)];
    format!("{host}/logs/{day}/{flat}-{time}-{sum}{}", clean(&log.ending))
}

/// Sends a rotated log, and its manifest at last. Bytes sent; `None` where all of it was there.
pub async fn send_log(remote: &Remote, host: &str, log: &RotatedLog) -> Result<Option<u64>, SendError> {
    let wrong = |source| SendError::File { path: log.path.display().to_string(), source };
    let (bytes, sha256) = sum_of(&log.path).map_err(wrong)?;
    let key = key(host, log, &sha256);
    let done = format!("{key}{ENDING}");
    if remote.get(&done, MANIFEST_BYTES).await?.is_some() {
        return Ok(None);
    }
    if remote.size(&key).await? != Some(bytes) {
        remote.put_file(&key, &log.path, bytes).await?;
    }
    let manifest = LogManifest {
        format: 1,
        host: host.to_owned(),
        log: log.log.display().to_string(),
        file: log.path.display().to_string(),
        written: log.written,
        bytes,
        sha256,
    };
    let text = serde_json::to_vec_pretty(&manifest).map_err(|error| wrong(error.into()))?;
    remote.put(&done, text).await?;
    Ok(Some(bytes))
}

/// The complete logs of a host, or of all, by their keys; and what is wrong with others, in words.
pub async fn logs(
    remote: &Remote,
    host: Option<&str>,
) -> Result<(Vec<(String, LogManifest)>, Vec<String>), RemoteError> {
    let folder = host.map_or_else(String::new, |host| format!("{host}/logs"));
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for (key, _) in remote.list(&folder).await? {
        let Some(object) = key.strip_suffix(ENDING).filter(|_| key.split('/').nth(1) == Some("logs")) else { continue };
        let Some(text) = remote.get(&key, MANIFEST_BYTES).await? else { continue };
        match serde_json::from_slice::<LogManifest>(&text) {
            Ok(manifest) => found.push((object.to_owned(), manifest)),
            Err(error) => problems.push(format!("{key}: {error}")),
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok((found, problems))
}

/// Reads an archived log and compares its checksum.
pub async fn verify_log(remote: &Remote, key: &str, manifest: &LogManifest) -> Result<(), RemoteError> {
    remote.get_checked(key, (manifest.bytes, &manifest.sha256), |_| Ok(())).await
}

/// Removes the logs of a host that were written before this time, each with its manifest first.
pub async fn expire_logs(remote: &Remote, host: &str, before: i64) -> Result<u64, RemoteError> {
    let mut removed = 0;
    for (key, _) in logs(remote, Some(host)).await?.0.iter().filter(|(_, manifest)| manifest.written < before) {
        remote.delete(&format!("{key}{ENDING}")).await?;
        remote.delete(key).await?;
        removed += 1;
    }
    Ok(removed)
}

/// What a file is, how long, and when it was written last.
pub fn id_and_time(path: &Path) -> std::io::Result<(FileId, u64, i64)> {
    let metadata = std::fs::symlink_metadata(path)?;
    let written = metadata.modified().map(crate::sys::clock::from_system)?;
    Ok((FileId::of(&metadata), metadata.len(), written))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_and_the_same_for_the_same_content() {
        let check = |log: &str, ending: &str, want: &str| {
            let log = RotatedLog {
                path: "x".into(),
                id: FileId::default(),
                log: log.into(),
                bytes: 1,
                written: 1_795_600_000_000_000_000,
                ending: ending.into(),
                is_final: true,
            };
            assert_eq!(key("h", &log, &"0123456789abcdef".repeat(4)), want);
        };
        let time = "20261125T094640Z-0123456789abcdef";
        check("/var/log/app/api.log", ".gz", &format!("h/logs/2026/11/25/var_log_app_api.log-{time}.gz"));
        check("logs/ä b.log", "", &format!("h/logs/2026/11/25/logs___b.log-{time}"));
        check("/../../x", "/../y", &format!("h/logs/2026/11/25/.._.._x-{time}_.._y"));
        let long = format!("/{}/end.log", "d".repeat(500));
        check(&long, "", &format!("h/logs/2026/11/25/{}_end.log-{time}", "d".repeat(NAME_BYTES - 8)));
    }
}
