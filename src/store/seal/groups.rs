//! Which entries share blocks after sealing: a large stream has its own, small ones of a service share.

use std::collections::HashMap;

use tantivy::{Searcher, TantivyError};

use crate::record::{Row, column};
use crate::store::block::Decoder;
use crate::store::schema::{AT, COUNT, FIRST_TIME, LAST_TIME, LENGTH, RAW_BYTES};
use crate::store::writer::BLOCK_BYTES;

/// A stream with so many entries has blocks of its own, if it is among the largest so many.
const OWN_ENTRIES: u64 = 1024;
const OWN_STREAMS: usize = 64;
/// A block with so many entries, or so many bytes of raw text, need not be filled up.
const WELL_FILLED: u64 = 192;
const WELL_FILLED_BYTES: u64 = BLOCK_BYTES as u64 * 3 / 4;

/// A block of the partition being sealed, as its document says.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub at: u64,
    pub length: u64,
    pub first_time: i64,
    pub last_time: i64,
    pub count: u64,
    pub raw_bytes: u64,
}

impl Place {
    pub fn is_well_filled(&self) -> bool {
        self.count >= WELL_FILLED || self.raw_bytes >= WELL_FILLED_BYTES
    }
}

/// All blocks of a partition, in the order in which they were written.
pub fn places(searcher: &Searcher) -> Result<Vec<Place>, TantivyError> {
    let mut found = Vec::new();
    for segment in searcher.segment_readers() {
        let columns = segment.fast_fields();
        let (first, last) = (columns.i64(FIRST_TIME)?, columns.i64(LAST_TIME)?);
        let (at, length, count) = (columns.u64(AT)?, columns.u64(LENGTH)?, columns.u64(COUNT)?);
        let raw_bytes = columns.u64(RAW_BYTES)?;
        let place = |document| {
            Some(Place {
                at: at.first(document)?,
                length: length.first(document)?,
                first_time: first.first(document)?,
                last_time: last.first(document)?,
                count: count.first(document)?,
                raw_bytes: raw_bytes.first(document)?,
            })
        };
        found.extend((0..segment.max_doc()).filter_map(place));
    }
    found.sort_by_key(|place| place.at);
    Ok(found)
}

/// Number of entries, and the blocks they are in.
type Stream = (u64, Vec<usize>);

/// Streams by service and source, and the group of each.
#[derive(Debug, Default)]
pub struct Groups {
    streams: HashMap<(Box<str>, Box<str>), Stream>,
    group_of: HashMap<Box<str>, HashMap<Box<str>, usize>>,
    /// Blocks of each group.
    groups: Vec<Vec<usize>>,
}

impl Groups {
    /// Counts the entries of block `index`.
    pub fn count(&mut self, index: usize, block: &Decoder) {
        let mut last: Option<(&str, &str, u64)> = None;
        for entry in 0..block.len() {
            let own = |column| block.named(column, entry).unwrap_or("");
            let (source, service) = (own(column::SOURCE), own(column::SERVICE));
            match &mut last {
                Some((s, p, count)) if *s == source && *p == service => *count += 1,
                _ => {
                    if let Some((source, service, count)) = last.replace((source, service, 1)) {
                        self.note(index, source, service, count);
                    }
                }
            }
        }
        if let Some((source, service, count)) = last {
            self.note(index, source, service, count);
        }
    }

    fn note(&mut self, index: usize, source: &str, service: &str, count: u64) {
        let (entries, blocks) = self.streams.entry((service.into(), source.into())).or_default();
        *entries += count;
        if blocks.last() != Some(&index) {
            blocks.push(index);
        }
    }

    /// Call once, when all blocks were counted.
    pub fn decide(&mut self) {
        let mut streams: Vec<_> = std::mem::take(&mut self.streams).into_iter().collect();
        streams.sort_by(|(a, (m, _)), (b, (n, _))| n.cmp(m).then_with(|| a.cmp(b)));
        let mut shared: HashMap<Box<str>, usize> = HashMap::new();
        for (rank, ((service, source), (entries, blocks))) in streams.into_iter().enumerate() {
            let next = self.groups.len();
            let own = rank < OWN_STREAMS && entries >= OWN_ENTRIES;
            let group = if own { next } else { *shared.entry(service.clone()).or_insert(next) };
            if group == next {
                self.groups.push(Vec::new());
            }
            self.groups[group].extend(blocks);
            self.group_of.entry(service).or_default().insert(source, group);
        }
        for blocks in &mut self.groups {
            blocks.sort_unstable();
            blocks.dedup();
        }
    }

    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// The blocks that have entries of a group.
    pub fn places(&self, group: usize) -> &[usize] {
        self.groups.get(group).map_or(&[], Vec::as_slice)
    }

    /// The group of an entry.
    pub fn of(&self, row: &impl Row) -> usize {
        let own = |column| row.named(column).unwrap_or("");
        self.group_of
            .get(own(column::SERVICE))
            .and_then(|sources| sources.get(own(column::SOURCE)))
            .copied()
            .unwrap_or(0)
    }
}
