//! How much is in a folder.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Names that are looked at; a folder with more is told as far as that.
const MOST: u64 = 500_000;

/// Bytes and number of the files in a folder and under it, on its own file system; links are not followed. `None` where it
/// cannot be read.
pub fn size(folder: &Path) -> Option<(u64, u64)> {
    let device = std::fs::symlink_metadata(folder).ok()?.dev();
    let (mut bytes, mut files, mut looked) = (0, 0, 0);
    let mut waiting = vec![folder.to_owned()];
    std::fs::read_dir(folder).ok()?;
    while let Some(folder) = waiting.pop() {
        // What goes away meanwhile counts no more.
        for item in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            looked += 1;
            let Ok(metadata) = item.metadata() else { continue };
            if metadata.is_dir() && metadata.dev() == device {
                waiting.push(item.path());
            } else if metadata.is_file() {
                bytes += metadata.len();
                files += 1;
            }
            if looked >= MOST {
                return Some((bytes, files));
            }
        }
    }
    Some((bytes, files))
}
