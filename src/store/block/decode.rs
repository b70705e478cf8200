//! Payload → entries. Total: any bytes give entries or an error, in bounded memory.

use std::sync::Arc;

use super::numbers::{Reader, to_text};
use super::values::{take_duration, take_value};
use super::{COLUMNS, Column, HEADER, MAX_BYTES, MAX_ENTRIES, NAMED, VERSION};
use crate::record::{Entry, Field, Level, LevelSource, Text, TimeSource, Value};
use crate::store::StoreError;

type Result<T> = std::result::Result<T, StoreError>;

/// How much of the entries is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Everything.
    All,
    /// Time, level, named columns and duration: what rates need. Text and fields are left empty.
    Heads,
}

/// The entries of a payload with their sequence numbers, in the order they were added.
pub fn decode(payload: &[u8], want: Want) -> Result<Vec<(u64, Entry)>> {
    let plain = decompress(payload)?;
    let mut reader = Reader(&plain);
    let mut columns = [Reader::default(); COLUMNS];
    for column in &mut columns {
        let len = reader.size(reader.0.len())?;
        *column = Reader(reader.bytes(len)?);
    }
    let mut entries = heads(&mut columns)?;
    if want == Want::All {
        texts(&mut columns, &mut entries)?;
        fields(&columns, &mut entries)?;
    }
    Ok(entries)
}

fn decompress(payload: &[u8]) -> Result<Vec<u8>> {
    let (Some(header), Some(frame)) = (payload.get(..HEADER), payload.get(HEADER..)) else {
        return Err(StoreError::Block("the header is cut short"));
    };
    if header[0] != VERSION {
        return Err(StoreError::Block("written by a newer version of logmill"));
    }
    let mut checksum = [0; 8];
    checksum.copy_from_slice(&header[5..HEADER]);
    if xxhash_rust::xxh3::xxh3_64(frame) != u64::from_le_bytes(checksum) {
        return Err(StoreError::Block("the checksum is wrong"));
    }
    let length = u32::from_le_bytes([header[1], header[2], header[3], header[4]]) as usize;
    if length > MAX_BYTES {
        return Err(StoreError::Block("the length is out of range"));
    }
    zstd::bulk::decompress(frame, length).map_err(|_| StoreError::Block("the frame does not decompress"))
}

/// Entries with everything but text and fields.
fn heads(columns: &mut [Reader<'_>; COLUMNS]) -> Result<Vec<(u64, Entry)>> {
    let count = columns[Column::Count as usize].size(MAX_ENTRIES)?;
    let unit = match columns[Column::Time as usize].byte()? {
        0 => 1,
        1 => 1_000,
        2 => 1_000_000,
        3 => 1_000_000_000,
        _ => return Err(StoreError::Block("the time has an unknown unit")),
    };
    let (mut sequence, mut time) = (0u64, 0i64);
    let mut entries = Vec::with_capacity(count);
    for _ in 0..count {
        sequence = sequence.wrapping_add(columns[Column::Sequence as usize].signed()? as u64);
        time = time.wrapping_add(columns[Column::Time as usize].signed()?);
        let mut entry = Entry { time: time.wrapping_mul(unit), ..Entry::default() };
        set_kind(&mut entry, columns[Column::Kind as usize].byte()?)?;
        entry.duration_ms = take_duration(&mut columns[Column::Duration as usize])?;
        entries.push((sequence, entry));
    }
    for which in 0..NAMED {
        named(columns[Column::Named as usize + which], &mut entries, which)?;
    }
    Ok(entries)
}

fn set_kind(entry: &mut Entry, kind: u8) -> Result<()> {
    let wrong = StoreError::Block("a level or its source is out of range");
    let level = Level::from_number(kind & 15);
    let level_source = LevelSource::ALL.get(usize::from(kind >> 4 & 3));
    let time_source = TimeSource::ALL.get(usize::from(kind >> 6));
    let (Some(level), Some(level_source), Some(time_source)) = (level, level_source, time_source) else {
        return Err(wrong);
    };
    entry.level = level;
    entry.level_source = *level_source;
    entry.time_source = *time_source;
    Ok(())
}

fn named(mut column: Reader<'_>, entries: &mut [(u64, Entry)], which: usize) -> Result<()> {
    let count = column.size(MAX_ENTRIES)?;
    let constant = column.size(1)? == 1;
    let texts = (0..count).map(|_| column.text()).collect::<Result<Vec<&str>>>()?;
    if count == 0 {
        return Ok(());
    }
    // Source and service are shared between entries; the others are each entry's own.
    let shared: Vec<Arc<str>> = if which < 2 { texts.iter().map(|t| Arc::from(*t)).collect() } else { Vec::new() };
    for (_, entry) in entries {
        let index = if constant { 1 } else { column.size(count)? };
        let Some(index) = index.checked_sub(1) else { continue };
        let slot = match which {
            0 | 1 => {
                let text = shared.get(index).cloned().ok_or(StoreError::Block("an index is out of range"))?;
                *(if which == 0 { &mut entry.source } else { &mut entry.service }) = text;
                continue;
            }
            2 => &mut entry.logger,
            3 => &mut entry.workflow_id,
            4 => &mut entry.session_id,
            5 => &mut entry.request_id,
            6 => &mut entry.workflow_type,
            7 => &mut entry.agent,
            _ => &mut entry.event,
        };
        *slot = texts.get(index).map(|text| Box::from(*text));
    }
    Ok(())
}

fn texts(columns: &mut [Reader<'_>; COLUMNS], entries: &mut [(u64, Entry)]) -> Result<()> {
    for (_, entry) in entries {
        let len = columns[Column::RawLength as usize].size(MAX_BYTES)?;
        entry.raw = to_text(columns[Column::Raw as usize].bytes(len)?)?.into();
        let column = &mut columns[Column::Message as usize];
        entry.message = match column.size(1)? {
            0 => {
                let (start, behind) = (column.size(len)?, column.size(len)?);
                let end = len.checked_sub(behind).filter(|end| *end >= start);
                let end = end.ok_or(StoreError::Block("a message is out of range"))?;
                Text::Slice(start as u32..end as u32)
            }
            _ => Text::Owned(column.text()?.into()),
        };
    }
    Ok(())
}

fn fields(columns: &[Reader<'_>; COLUMNS], entries: &mut [(u64, Entry)]) -> Result<()> {
    let mut keys = Vec::new();
    let mut key_column = columns[Column::FieldKeys as usize];
    while !key_column.0.is_empty() {
        keys.push(key_column.text()?);
    }
    let mut column = columns[Column::Shapes as usize];
    let shape_count = column.size(MAX_ENTRIES)?;
    let mut shapes: Vec<Vec<usize>> = Vec::new();
    for _ in 0..shape_count {
        let len = column.size(column.0.len())?;
        let shape = (0..len).map(|_| column.size(keys.len().saturating_sub(1)));
        shapes.push(shape.collect::<Result<_>>()?);
    }
    let shape_of = |_: &(u64, Entry)| {
        let number = column.size(MAX_ENTRIES)?;
        shapes.get(number).ok_or(StoreError::Block("a shape is out of range"))
    };
    let shape_of_entry = entries.iter().map(shape_of).collect::<Result<Vec<_>>>()?;
    if keys.is_empty() {
        return Ok(());
    }
    fill_fields(columns[Column::FieldValues as usize], &keys, &shape_of_entry, entries)
}

/// The values stand by key and then by entry, but belong into the entries in the order of their shapes.
fn fill_fields(
    mut values: Reader<'_>,
    keys: &[&str],
    shape_of_entry: &[&Vec<usize>],
    entries: &mut [(u64, Entry)],
) -> Result<()> {
    // Every value takes at least a byte, so an honest block has no more fields than bytes of values.
    let total: usize = shape_of_entry.iter().map(|shape| shape.len()).sum();
    if total > values.0.len() {
        return Err(StoreError::Block("there are more fields than values"));
    }
    let empty: Field = (Box::from(""), Value::Null);
    let mut by_key: Vec<Vec<(usize, usize)>> = vec![Vec::new(); keys.len()];
    for (number, shape) in shape_of_entry.iter().enumerate() {
        for (slot, key) in shape.iter().enumerate() {
            by_key[*key].push((number, slot));
        }
        entries[number].1.fields = vec![empty.clone(); shape.len()];
    }
    for (key, places) in by_key.into_iter().enumerate() {
        for (number, slot) in places {
            entries[number].1.fields[slot] = (keys[key].into(), take_value(&mut values)?);
        }
    }
    Ok(())
}
