//! The file `blocks` of a partition: its blocks, one after the other. A document in tantivy says where one is.
//!
//! Blocks are written and synced before the commit of the documents that point to them, and the commit says how long
//! the file was then. What is behind that length was never committed, and the next writer cuts it off.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use crate::store::StoreError;

/// Name of the file in the partition's folder.
const NAME: &str = "blocks";
/// No block is longer; a larger claim is damage. All sections of the longest, and the header.
const MAX_BLOCK: u64 = 512 << 20;

#[derive(Debug)]
pub struct BlockFile(File);

impl BlockFile {
    /// Opens or creates the file for writing behind `committed` bytes.
    pub fn writer(partition: &Path, committed: u64) -> io::Result<BlockFile> {
        let file = options().read(true).write(true).create(true).mode(0o640).open(partition.join(NAME))?;
        if file.metadata()?.len() < committed {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the file of blocks is shorter than was committed",
            ));
        }
        file.set_len(committed)?;
        Ok(BlockFile(file))
    }

    pub fn reader(partition: &Path) -> io::Result<BlockFile> {
        options().read(true).open(partition.join(NAME)).map(BlockFile)
    }

    pub fn write(&self, at: u64, block: &[u8]) -> io::Result<()> {
        self.0.write_all_at(block, at)
    }

    pub fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    /// The length of a block, when it can be one.
    pub fn check(length: u64) -> Result<usize, StoreError> {
        if length > MAX_BLOCK { Err(StoreError::Block("its length is out of range")) } else { Ok(length as usize) }
    }

    /// Fills `buffer` with what begins at a byte.
    pub fn read(&self, at: u64, buffer: &mut [u8]) -> Result<(), StoreError> {
        self.0.read_exact_at(buffer, at).map_err(StoreError::BlockFile)
    }
}

/// Blocks are gathered to so many bytes before they are written.
const WRITE_BYTES: usize = 1 << 20;

/// Gathers blocks that stand one behind the other, and writes them in large pieces.
#[derive(Debug)]
pub struct Gathered {
    /// Where `buffer` goes in the file.
    at: u64,
    buffer: Vec<u8>,
}

impl Gathered {
    /// The first block goes to `at`.
    pub fn new(at: u64) -> Gathered {
        Gathered { at, buffer: Vec::with_capacity(2 * WRITE_BYTES) }
    }

    /// Takes a block; where it is in the file, or will be.
    pub fn add(&mut self, block: &[u8], file: &BlockFile) -> io::Result<u64> {
        let at = self.at + self.buffer.len() as u64;
        self.buffer.extend_from_slice(block);
        if self.buffer.len() >= WRITE_BYTES {
            self.flush(file)?;
        }
        Ok(at)
    }

    /// Writes what was not written yet. After an error it may be tried again.
    pub fn flush(&mut self, file: &BlockFile) -> io::Result<()> {
        file.write(self.at, &self.buffer)?;
        self.at += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.custom_flags(OFlags::NOFOLLOW.bits() as i32);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_committed_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let file = BlockFile::writer(folder.path(), 0).unwrap();
        file.write(0, b"committed, and not").unwrap();
        let again = BlockFile::writer(folder.path(), 9).unwrap();
        let mut buffer = [0; 9];
        again.read(0, &mut buffer).unwrap();
        assert_eq!(&buffer, b"committed");
        assert!(again.read(0, &mut [0; 10]).is_err());
        assert!(BlockFile::writer(folder.path(), 10).is_err());
    }
}
