//! The outside of a block: header, checksums, compression, dictionaries.

use std::io;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;
use zstd::zstd_safe::{CCtx, CDict, DCtx, DDict};

use crate::store::StoreError;

/// Written into each block; a reader refuses those it does not know.
const VERSION: u8 = 3;
/// The oldest that is read. Its side section has no times of reading.
const VERSION_OLDEST: u8 = 2;
/// Sections of a block, in their order: heads, names, side, text, fields, raw.
pub const SECTIONS: usize = 6;
/// Bytes before the sections.
pub const HEADER: usize = 4 + SECTIONS * 12 + 4;
/// No section is longer; a larger claim is damage.
pub const MAX_SECTION: usize = 64 << 20;
/// A shorter section is not worth a frame.
const MIN_FRAME: usize = 48;
/// Largest dictionary to train for each section. Text has the most to repeat; of ids only the frame of columns does.
/// Heads are packed and not compressed.
pub const TRAINED_BYTES: [usize; SECTIONS] = [0, 4 << 10, 4 << 10, 64 << 10, 16 << 10, 16 << 10];

/// What is in a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Heads,
    Names,
    Side,
    Text,
    Fields,
    Raw,
}

impl Section {
    pub const ALL: [Section; SECTIONS] =
        [Section::Heads, Section::Names, Section::Side, Section::Text, Section::Fields, Section::Raw];
}

/// The trained dictionaries of a sealed partition, ready to decompress with. An empty one is none.
#[derive(Default)]
pub struct Dictionaries {
    bytes: [Vec<u8>; SECTIONS],
    prepared: [Option<DDict<'static>>; SECTIONS],
}

impl std::fmt::Debug for Dictionaries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.bytes.iter().map(Vec::len)).finish()
    }
}

impl Dictionaries {
    pub fn new(bytes: [Vec<u8>; SECTIONS]) -> Dictionaries {
        let prepared = std::array::from_fn(|i| Some(&bytes[i]).filter(|b| !b.is_empty()).map(|b| DDict::create(b)));
        Dictionaries { bytes, prepared }
    }

    pub fn bytes(&self) -> &[Vec<u8>; SECTIONS] {
        &self.bytes
    }
}

/// Puts blocks together.
pub struct Packer {
    context: CCtx<'static>,
    level: i32,
    dictionaries: Option<[Option<CDict<'static>>; SECTIONS]>,
    /// The block being made; its memory is kept.
    block: Vec<u8>,
}

impl Packer {
    pub fn new(level: i32, dictionaries: Option<&Dictionaries>) -> io::Result<Packer> {
        let prepare = |bytes: &Vec<u8>| (!bytes.is_empty()).then(|| CDict::create(bytes, level));
        let dictionaries = dictionaries.map(|d| std::array::from_fn(|i| prepare(&d.bytes[i])));
        let context = CCtx::try_create().ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        Ok(Packer { context, level, dictionaries, block: Vec::new() })
    }

    pub fn pack(&mut self, entries: usize, sections: &[Vec<u8>; SECTIONS]) -> io::Result<Vec<u8>> {
        let too_large = || io::Error::new(io::ErrorKind::FileTooLarge, "a block is larger than its format allows");
        let mut block = std::mem::take(&mut self.block);
        block.clear();
        block.resize(HEADER, 0);
        block[0] = VERSION;
        block[1] = u8::from(self.dictionaries.is_some());
        block[2..4].copy_from_slice(&u16::try_from(entries).map_err(|_| too_large())?.to_le_bytes());
        for (number, plain) in sections.iter().enumerate() {
            if plain.len() > MAX_SECTION {
                return Err(too_large());
            }
            let start = block.len();
            self.compress(number, plain, &mut block)?;
            let stored = block.len() - start;
            let place = 4 + number * 12;
            block[place..place + 4].copy_from_slice(&(plain.len() as u32).to_le_bytes());
            block[place + 4..place + 8].copy_from_slice(&(stored as u32).to_le_bytes());
            let sum = checksum(&block[start..]);
            block[place + 8..place + 12].copy_from_slice(&sum);
        }
        let sum = checksum(&block[..HEADER - 4]);
        block[HEADER - 4..HEADER].copy_from_slice(&sum);
        let exact = block.as_slice().to_vec();
        self.block = block;
        Ok(exact)
    }

    /// Appends a section, plain where compression gains nothing.
    fn compress(&mut self, number: usize, plain: &[u8], block: &mut Vec<u8>) -> io::Result<()> {
        if plain.len() >= MIN_FRAME && number != Section::Heads as usize {
            let start = block.len();
            block.resize(start + zstd::zstd_safe::compress_bound(plain.len()), 0);
            let target = &mut block[start..];
            let dictionary = self.dictionaries.as_ref().and_then(|d| d[number].as_ref());
            let written = match dictionary {
                Some(dictionary) => self.context.compress_using_cdict(target, plain, dictionary),
                None => self.context.compress(target, plain, self.level),
            };
            let written = written.map_err(|code| io::Error::other(zstd::zstd_safe::get_error_name(code)))?;
            block.truncate(start + written);
            if written < plain.len() {
                return Ok(());
            }
            block.truncate(start);
        }
        block.extend_from_slice(plain);
        Ok(())
    }
}

pub fn checksum(bytes: &[u8]) -> [u8; 4] {
    (xxh3_64(bytes) as u32).to_le_bytes()
}

/// Where a section is in a block.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    start: usize,
    stored: usize,
    length: usize,
    checksum: [u8; 4],
}

/// A header that was checked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Header {
    pub entries: usize,
    version: u8,
    uses_dictionaries: bool,
    places: [Place; SECTIONS],
}

impl Header {
    /// Reads it off the beginning of a block that is `length` bytes long in all.
    pub fn read(beginning: &[u8], length: usize) -> Result<Header, StoreError> {
        let Some((head, _)) = beginning.split_at_checked(HEADER) else {
            return Err(StoreError::Block("the header is cut short"));
        };
        if head[0] > VERSION {
            return Err(StoreError::Block("written by a newer version of logmill"));
        }
        if head[0] < VERSION_OLDEST {
            return Err(StoreError::Block("written by an older version of logmill; `logmill reindex` makes it anew"));
        }
        if head[HEADER - 4..] != checksum(&head[..HEADER - 4]) {
            return Err(StoreError::Block("the header's checksum is wrong"));
        }
        let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]) as usize;
        let entries = usize::from(u16::from_le_bytes([head[2], head[3]]));
        let mut header = Header { entries, version: head[0], uses_dictionaries: head[1] == 1, ..Header::default() };
        let mut start = HEADER;
        for (index, place) in header.places.iter_mut().enumerate() {
            let at = 4 + index * 12;
            let checksum = [head[at + 8], head[at + 9], head[at + 10], head[at + 11]];
            *place = Place { start, length: number(at), stored: number(at + 4), checksum };
            if place.length > MAX_SECTION || place.stored > place.length {
                return Err(StoreError::Block("a section's length is out of range"));
            }
            start += place.stored;
        }
        if entries > super::MAX_ENTRIES {
            return Err(StoreError::Block("there are too many entries"));
        }
        if start != length {
            return Err(StoreError::Block("the block is cut short"));
        }
        Ok(header)
    }

    /// Whether its sections are as a packer of today makes them.
    pub fn is_current(&self) -> bool {
        self.version == VERSION
    }

    /// Where a section ends in the block.
    pub fn end(&self, section: Section) -> usize {
        let place = self.places[section as usize];
        place.start + place.stored
    }

    /// Length of a section before compression.
    pub fn length(&self, section: Section) -> usize {
        self.places[section as usize].length
    }
}

/// Takes sections out of blocks.
pub struct Unpacker {
    /// One for each section: a context that meets another dictionary than last time takes it for cold and decodes slower.
    contexts: [Option<DCtx<'static>>; SECTIONS],
}

impl Unpacker {
    pub fn new() -> Unpacker {
        Unpacker { contexts: Default::default() }
    }

    /// All sections, as they were before compression.
    pub fn sections(
        &mut self,
        block: &[u8],
        header: &Header,
        dictionaries: Option<&Arc<Dictionaries>>,
    ) -> Result<[Vec<u8>; SECTIONS], StoreError> {
        let mut found: [Vec<u8>; SECTIONS] = Default::default();
        for section in Section::ALL {
            self.unpack(block, header, section, dictionaries, &mut found[section as usize])?;
        }
        Ok(found)
    }

    /// Replaces the content of `plain` by a section.
    pub fn unpack(
        &mut self,
        block: &[u8],
        header: &Header,
        section: Section,
        dictionaries: Option<&Arc<Dictionaries>>,
        plain: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        let place = header.places[section as usize];
        let stored = block.get(place.start..place.start + place.stored);
        let stored = stored.ok_or(StoreError::Block("the block is cut short"))?;
        if checksum(stored) != place.checksum {
            return Err(StoreError::Block("a checksum is wrong"));
        }
        plain.clear();
        if place.stored == place.length {
            plain.extend_from_slice(stored);
            return Ok(());
        }
        plain.reserve(place.length);
        let prepared = match (header.uses_dictionaries, dictionaries) {
            (false, _) => None,
            (true, Some(dictionaries)) => dictionaries.prepared[section as usize].as_ref(),
            (true, None) => return Err(StoreError::Block("the partition's dictionaries are missing")),
        };
        let context = self.contexts[section as usize].get_or_insert_with(DCtx::create);
        let written = match prepared {
            Some(dictionary) => context.decompress_using_ddict(plain, stored, dictionary),
            None => context.decompress(plain, stored),
        };
        match written {
            Ok(length) if length == place.length => Ok(()),
            _ => Err(StoreError::Block("a section does not decompress")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_come_back_with_and_without_dictionaries() {
        let text: Vec<u8> = (0..2000).flat_map(|n: u32| format!("line {n} of many\n").into_bytes()).collect();
        let sections: [Vec<u8>; SECTIONS] =
            [b"short".to_vec(), vec![1; 90], vec![0; 100], text, Vec::new(), b"x".repeat(70)];
        let mut trained: [Vec<u8>; SECTIONS] = Default::default();
        trained[Section::Text as usize] = b"of many\nline ".repeat(20);
        let dictionaries = Arc::new(Dictionaries::new(trained));
        for used in [None, Some(&dictionaries)] {
            let block = Packer::new(3, used.map(|d| &**d)).unwrap().pack(7, &sections).unwrap();
            let header = Header::read(&block, block.len()).unwrap();
            assert_eq!(header.entries, 7);
            let mut plain = Vec::new();
            for section in Section::ALL {
                Unpacker::new().unpack(&block, &header, section, used, &mut plain).unwrap();
                assert_eq!(plain, sections[section as usize]);
            }
            assert!(Header::read(&block, block.len() - 1).is_err());
            assert!(Header::read(&block[..HEADER - 1], block.len()).is_err());
        }
    }
}
