//! Small files of a sealed partition that are written once and read whole: a version, the content, a checksum.
//!
//! ```text
//! byte  0      format version (1)
//! then         the content
//! last 8 bytes xxh3-64 of everything before, little endian
//! ```

use std::fs;
use std::io;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use crate::store::StoreError;

const VERSION: u8 = 1;

/// Writes the file, durable.
pub fn write(partition: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let mut bytes = vec![VERSION];
    bytes.extend(content);
    bytes.extend(xxh3_64(&bytes).to_le_bytes());
    crate::sys::atomic::write(&partition.join(name), &bytes)
}

/// The content; `None` where there is no such file: the partition is not sealed.
pub fn read(partition: &Path, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let bytes = match fs::read(partition.join(name)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(damaged(partition, name, &format!("cannot be read: {error}"))),
    };
    let sound = bytes.split_last_chunk::<8>().filter(|(content, sum)| xxh3_64(content).to_le_bytes() == **sum);
    match sound {
        Some(([VERSION, content @ ..], _)) => Ok(Some(content.to_vec())),
        _ => Err(damaged(partition, name, "is cut short, or its checksum is wrong")),
    }
}

/// What is wrong with the file, as an error.
pub fn damaged(partition: &Path, name: &str, reason: &str) -> StoreError {
    StoreError::Damaged { path: partition.to_owned(), reason: format!("the file `{name}` {reason}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_is_read_and_damage_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path(), "x").unwrap().is_none());
        write(folder.path(), "x", b"content").unwrap();
        assert_eq!(read(folder.path(), "x").unwrap().unwrap(), b"content");
        let path = folder.path().join("x");
        let good = fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            for bad in [&bytes[..], &good[..at]] {
                fs::write(&path, bad).unwrap();
                assert!(read(folder.path(), "x").is_err(), "{at}");
            }
        }
    }
}
