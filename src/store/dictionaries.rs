//! The file `dictionaries` of a sealed partition: what its blocks were compressed with.
//!
//! A `sealed_file`; its content is for each section of a block: length u32 little endian, the zstd dictionary.

use std::io;
use std::path::Path;

use crate::store::block::{Dictionaries, SECTIONS, TRAINED_BYTES};
use crate::store::{StoreError, sealed_file};

const NAME: &str = "dictionaries";
/// Fewer samples do not make a dictionary.
const MIN_SAMPLES: usize = 16;

/// Trains a dictionary for each section on samples of them. One that cannot be trained is left empty.
pub fn train(samples: &[[Vec<u8>; SECTIONS]]) -> Dictionaries {
    Dictionaries::new(std::array::from_fn(|section| {
        let parts: Vec<&[u8]> = samples.iter().map(|s| s[section].as_slice()).filter(|s| s.len() >= 8).collect();
        let total: usize = parts.iter().map(|part| part.len()).sum();
        // A dictionary must pay for its place: it shall be a small part of what it was trained on.
        let size = TRAINED_BYTES[section].min(total / 16);
        if parts.len() < MIN_SAMPLES || size < 512 {
            return Vec::new();
        }
        zstd::dict::from_samples(&parts, size).unwrap_or_default()
    }))
}

pub fn write(partition: &Path, dictionaries: &Dictionaries) -> io::Result<()> {
    let mut content = Vec::new();
    for dictionary in dictionaries.bytes() {
        content.extend((dictionary.len() as u32).to_le_bytes());
        content.extend(dictionary);
    }
    sealed_file::write(partition, NAME, &content)
}

/// `None` where there is none: the partition is not sealed.
pub fn read(partition: &Path) -> Result<Option<Dictionaries>, StoreError> {
    let Some(content) = sealed_file::read(partition, NAME)? else { return Ok(None) };
    let cut_short = || sealed_file::damaged(partition, NAME, "ends within a dictionary");
    let mut rest = content.as_slice();
    let mut found: [Vec<u8>; SECTIONS] = Default::default();
    for dictionary in &mut found {
        let (length, behind) = rest.split_first_chunk::<4>().ok_or_else(cut_short)?;
        let taken = behind.split_at_checked(u32::from_le_bytes(*length) as usize);
        let (bytes, behind) = taken.ok_or_else(cut_short)?;
        *dictionary = bytes.to_vec();
        rest = behind;
    }
    Ok(Some(Dictionaries::new(found)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn written_is_read_and_damage_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path()).unwrap().is_none());
        let sample = |n: usize| std::array::from_fn(|i| format!("{n} of section {i} ").repeat(20 + i).into_bytes());
        let trained = train(&(0..200).map(sample).collect::<Vec<_>>());
        assert!(trained.bytes().iter().any(|bytes| !bytes.is_empty()));
        write(folder.path(), &trained).unwrap();
        assert_eq!(read(folder.path()).unwrap().unwrap().bytes(), trained.bytes());
        let path = folder.path().join(NAME);
        let mut bytes = fs::read(&path).unwrap();
        bytes[20] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert!(read(folder.path()).is_err());
    }

    #[test]
    fn nothing_to_learn_from_gives_none() {
        assert!(train(&[]).bytes().iter().all(Vec::is_empty));
    }
}
