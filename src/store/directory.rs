//! The file `directory` of a sealed partition: where its blocks are. Documents that sealing took over still say where
//! their block was when it was written; what they say is its *name* from then on.
//!
//! A `sealed_file`; its content is for each block, by name: name u64, where it is in the file of blocks u64, its length
//! u32, little endian.

use std::io;
use std::path::Path;

use crate::store::{StoreError, sealed_file};

const NAME: &str = "directory";
const RECORD: usize = 20;

/// Places of blocks by name.
#[derive(Debug, Default)]
pub struct Directory(Vec<Record>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Record {
    name: u64,
    at: u64,
    length: u32,
}

impl Directory {
    pub fn add(&mut self, name: u64, at: u64, length: usize) {
        self.0.push(Record { name, at, length: length as u32 });
    }

    /// Where a block is, and how long; `None` when there is none of that name.
    pub fn find(&self, name: u64) -> Option<(u64, u64)> {
        let index = self.0.binary_search_by_key(&name, |record| record.name).ok()?;
        self.0.get(index).map(|record| (record.at, record.length.into()))
    }

    pub fn write(&mut self, partition: &Path) -> io::Result<()> {
        self.0.sort_unstable();
        let mut content = Vec::with_capacity(self.0.len() * RECORD);
        for record in &self.0 {
            content.extend(record.name.to_le_bytes());
            content.extend(record.at.to_le_bytes());
            content.extend(record.length.to_le_bytes());
        }
        sealed_file::write(partition, NAME, &content)
    }

    /// `None` where there is none: the partition is not sealed.
    pub fn read(partition: &Path) -> Result<Option<Directory>, StoreError> {
        let Some(content) = sealed_file::read(partition, NAME)? else { return Ok(None) };
        let (records, []) = content.as_chunks::<RECORD>() else {
            return Err(sealed_file::damaged(partition, NAME, "ends within a record"));
        };
        let number = |bytes: &[u8]| bytes.iter().rfold(0u64, |number, byte| number << 8 | u64::from(*byte));
        let read = |record: &[u8; RECORD]| Record {
            name: number(&record[..8]),
            at: number(&record[8..16]),
            length: number(&record[16..]) as u32,
        };
        Ok(Some(Directory(records.iter().map(read).collect())))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn written_is_read_and_damage_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Directory::read(folder.path()).unwrap().is_none());
        let mut directory = Directory::default();
        directory.add(7_000_000_000, 0, 300);
        directory.add(0, 300, 1 << 20);
        directory.write(folder.path()).unwrap();
        let read = Directory::read(folder.path()).unwrap().unwrap();
        assert_eq!(read.find(7_000_000_000), Some((0, 300)));
        assert_eq!(read.find(0), Some((300, 1 << 20)));
        assert_eq!(read.find(1), None);
        let path = folder.path().join(NAME);
        let good = fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            fs::write(&path, bytes).unwrap();
            assert!(Directory::read(folder.path()).is_err(), "{at}");
            fs::write(&path, &good[..at]).unwrap();
            assert!(Directory::read(folder.path()).is_err(), "{at}");
        }
    }
}
