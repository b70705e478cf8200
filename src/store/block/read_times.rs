//! When the entries of a block were read: all that were read together have one time, so it is written once for them.
//!
//! The column is the number of runs, 0 when each entry's time of reading is its time. Then come, packed: how many
//! entries each run has; 1 for each whose time is known, otherwise 0; the times as differences, the first from the
//! time of the first entry. A run whose time is not known repeats the one before.

use super::MAX_ENTRIES;
use super::numbers::{Reader, put, put_column};
use super::packed::{self, Unpacked};
use crate::record::Entry;
use crate::store::StoreError;

/// Writes the column with its length in front.
pub fn write(out: &mut Vec<u8>, entries: &[(u64, Entry)]) {
    const { assert!(MAX_ENTRIES <= u16::MAX as usize, "a run's length is a u16") };
    let Some((_, first)) = entries.first() else { return put_column(out, &[0]) };
    if entries.iter().all(|(_, entry)| entry.read_time == Some(entry.time)) {
        return put_column(out, &[0]);
    }
    let (mut lengths, mut known, mut times) = (Vec::new(), Vec::new(), Vec::new());
    let mut last = 0;
    for run in entries.chunk_by(|(_, a), (_, b)| a.read_time == b.read_time) {
        let time = run[0].1.read_time;
        last = time.map_or(last, |time| time.wrapping_sub(first.time));
        lengths.push(run.len() as u16);
        known.push(u16::from(time.is_some()));
        times.push(last);
    }
    let mut column = Vec::new();
    put(&mut column, lengths.len() as u64);
    packed::put_codes(&mut column, &lengths);
    packed::put_codes(&mut column, &known);
    packed::put_deltas(&mut column, &times);
    put_column(out, &column);
}

/// Replaces `read_times` by those of the entries whose times are these.
pub fn read(
    reader: &mut Reader<'_>,
    times: &[i64],
    unpacked: &mut Unpacked,
    read_times: &mut Vec<Option<i64>>,
) -> Result<(), StoreError> {
    read_times.clear();
    let runs = reader.size(times.len())?;
    if runs == 0 {
        read_times.extend(times.iter().copied().map(Some));
        return Ok(());
    }
    let (mut lengths, mut known, mut of_runs) = (Vec::new(), Vec::new(), Vec::new());
    unpacked.codes(reader, runs, &mut lengths)?;
    unpacked.codes(reader, runs, &mut known)?;
    unpacked.deltas(reader, runs, &mut of_runs)?;
    if lengths.iter().map(|length| usize::from(*length)).sum::<usize>() != times.len() {
        return Err(StoreError::Block("the times of reading are more or fewer than the entries"));
    }
    let first = times.first().copied().unwrap_or(0);
    for ((length, known), time) in lengths.into_iter().zip(known).zip(of_runs) {
        let time = (known == 1).then(|| time.wrapping_add(first));
        read_times.extend(std::iter::repeat_n(time, usize::from(length)));
    }
    Ok(())
}
