//! What is in the archive, and what is too old to stay.

use futures_util::{StreamExt, stream};

use crate::archive::manifest::{MANIFEST, MANIFEST_BYTES, Manifest};
use crate::archive::remote::{Remote, RemoteError};

/// Manifests read at once.
const AT_ONCE: usize = 8;

/// The complete partitions of a host, or of all, oldest first; and what is wrong with others, in words.
pub async fn manifests(remote: &Remote, host: Option<&str>) -> Result<(Vec<Manifest>, Vec<String>), RemoteError> {
    let folder = host.map_or_else(String::new, |host| format!("{host}/partitions"));
    let keys = remote.list(&folder).await?.into_iter().map(|(key, _)| key);
    let ending = format!("/{MANIFEST}");
    let keys: Vec<String> =
        keys.filter(|key| key.ends_with(&ending) && key.split('/').nth(1) == Some("partitions")).collect();
    let read = |key: String| async move { (remote.get(&key, MANIFEST_BYTES).await, key) };
    let mut found = stream::iter(keys).map(read).buffer_unordered(AT_ONCE);
    let (mut manifests, mut problems) = (Vec::new(), Vec::new());
    while let Some((text, key)) = found.next().await {
        match text {
            Ok(Some(text)) => match Manifest::parse(&text, &key) {
                Ok(manifest) => manifests.push(manifest),
                Err(error) => problems.push(error.to_string()),
            },
            // Retention there was quicker.
            Ok(None) => {}
            Err(error @ RemoteError::Wrong { .. }) => problems.push(error.to_string()),
            Err(error) => return Err(error),
        }
    }
    manifests.sort_by(|a, b| {
        let of = |m: &Manifest| (m.host.clone(), m.store.clone(), m.number, m.generation);
        of(a).cmp(&of(b))
    });
    problems.sort();
    Ok((manifests, problems))
}

/// Removes the partitions of a host whose newest entry is from before this time. The manifest goes first: what is half
/// removed does not count.
pub async fn expire(remote: &Remote, host: &str, before: i64) -> Result<u64, RemoteError> {
    let (found, _) = manifests(remote, Some(host)).await?;
    let mut removed = 0;
    for manifest in found.iter().filter(|manifest| manifest.newest_time < before) {
        let folder = manifest.folder();
        remote.delete(&format!("{folder}/{MANIFEST}")).await?;
        for (key, _) in remote.list(&folder).await? {
            remote.delete(&key).await?;
        }
        removed += 1;
    }
    Ok(removed)
}
