//! Whether a partition holds what it says: every block is read, its checksums are compared, all of it is decoded, and
//! what its document says of it is counted again.

use crate::record::{Columns, Level};
use crate::store::block::{Decoder, Renderer};
use crate::store::schema::{
    AT, BY_MINUTE, COUNT, FIRST_SEQUENCE, FIRST_TIME, LAST_TIME, LENGTH, RAW_BYTES, level_column,
};
use crate::store::stats::{BlockStats, MinuteCount};
use crate::store::{Opened, PartitionView, StoreError};

/// What was looked at, and what is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    pub blocks: u64,
    pub entries: u64,
    /// In words; none when all is well. At most [`MAX_PROBLEMS`].
    pub problems: Vec<String>,
}

/// More problems than this are not listed.
pub const MAX_PROBLEMS: usize = 20;

/// Checks all of a partition. An error when it cannot be opened at all.
pub fn verify(partition: &PartitionView) -> Result<Checked, StoreError> {
    let opened = partition.open()?;
    let wrong = |source| StoreError::Read { path: partition.path.clone(), source };
    let mut checked = Checked::default();
    let (mut decoder, mut renderer) = (Decoder::new(), Renderer::default());
    for segment in opened.searcher.segment_readers() {
        for document in 0..segment.max_doc() {
            let (said, at, length) = said(segment, document).map_err(wrong)?;
            checked.blocks += 1;
            let in_file = opened.place(at, length).map_or(at, |(at, _)| at);
            match found(opened, at, length, &mut decoder, &mut renderer) {
                Ok(found) => {
                    checked.entries += found.count;
                    if found != said {
                        checked.note(in_file, "is not what the index says of it");
                    }
                }
                Err(error) => checked.note(in_file, &error.to_string()),
            }
        }
    }
    Ok(checked)
}

impl Checked {
    fn note(&mut self, at: u64, what: &str) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(format!("the block at byte {at}: {what}"));
        }
    }
}

/// What the document says, and where the block is.
fn said(segment: &tantivy::SegmentReader, document: u32) -> tantivy::Result<(BlockStats, u64, u64)> {
    let columns = segment.fast_fields();
    let number = |name: &str| tantivy::Result::Ok(columns.u64(name)?.first(document).unwrap_or(0));
    let time = |name: &str| tantivy::Result::Ok(columns.i64(name)?.first(document).unwrap_or(0));
    let mut stats = BlockStats {
        first_time: time(FIRST_TIME)?,
        last_time: time(LAST_TIME)?,
        count: number(COUNT)?,
        first_sequence: number(FIRST_SEQUENCE)?,
        raw_bytes: number(RAW_BYTES)?,
        ..BlockStats::default()
    };
    let by_minute = columns.u64(BY_MINUTE)?.values_for_doc(document).collect::<Vec<u64>>();
    stats.by_minute = by_minute.into_iter().filter_map(|n| MinuteCount::unpack(n, stats.first_time)).collect();
    for level in Level::ALL {
        stats.levels[level as usize] = number(&level_column(level))?;
    }
    Ok((stats, number(AT)?, number(LENGTH)?))
}

fn found(
    opened: &Opened,
    at: u64,
    length: u64,
    decoder: &mut Decoder,
    renderer: &mut Renderer,
) -> Result<BlockStats, StoreError> {
    opened.block(at, length, &Columns::all(), decoder)?;
    let raw_bytes = (0..decoder.len()).map(|index| decoder.entry(index, renderer).raw.len() as u64 + 1).sum();
    Ok(BlockStats::of_rows(decoder, raw_bytes))
}
