//! Entries → payload.

use std::collections::HashMap;

use super::numbers::{put, put_signed, put_text};
use super::values::{put_duration, put_value};
use super::{COLUMNS, Column, HEADER, NAMED, VERSION};
use crate::record::{Entry, Text};

/// zstd's level: 3 costs about a third more time than 1 here and saves about a tenth of the bytes.
const ZSTD_LEVEL: i32 = 3;

/// Reusable buffers for writing payloads.
pub struct Encoder {
    columns: [Vec<u8>; COLUMNS],
    plain: Vec<u8>,
    zstd: zstd::bulk::Compressor<'static>,
}

impl Encoder {
    pub fn new() -> std::io::Result<Encoder> {
        let zstd = zstd::bulk::Compressor::new(ZSTD_LEVEL)?;
        Ok(Encoder { columns: Default::default(), plain: Vec::new(), zstd })
    }

    /// The payload of `entries`, each with its sequence number.
    pub fn encode(&mut self, entries: &[(u64, Entry)]) -> std::io::Result<Vec<u8>> {
        self.columns.iter_mut().for_each(Vec::clear);
        put(&mut self.columns[Column::Count as usize], entries.len() as u64);
        sequence(&mut self.columns[Column::Sequence as usize], entries);
        time(&mut self.columns[Column::Time as usize], entries);
        for (_, entry) in entries {
            self.columns[Column::Kind as usize].push(kind(entry));
            put_duration(&mut self.columns[Column::Duration as usize], entry.duration_ms);
            put(&mut self.columns[Column::RawLength as usize], entry.raw.len() as u64);
            self.columns[Column::Raw as usize].extend_from_slice(entry.raw.as_bytes());
            message(&mut self.columns[Column::Message as usize], entry);
        }
        for which in 0..NAMED {
            named(&mut self.columns[Column::Named as usize + which], entries, which);
        }
        self.fields(entries);
        self.finish()
    }

    fn fields(&mut self, entries: &[(u64, Entry)]) {
        let mut keys: HashMap<&str, usize> = HashMap::new();
        let mut values: Vec<Vec<u8>> = Vec::new();
        let mut shapes: HashMap<Vec<usize>, usize> = HashMap::new();
        let mut shape_list = Vec::new();
        let mut shape_of_entry = Vec::new();
        for (_, entry) in entries {
            let mut shape = Vec::with_capacity(entry.fields.len());
            for (key, value) in &entry.fields {
                let next = keys.len();
                let number = *keys.entry(key).or_insert_with(|| {
                    put_text(&mut self.columns[Column::FieldKeys as usize], key);
                    values.push(Vec::new());
                    next
                });
                put_value(&mut values[number], value);
                shape.push(number);
            }
            let next = shapes.len();
            let number = *shapes.entry(shape).or_insert_with_key(|shape| {
                put(&mut shape_list, shape.len() as u64);
                shape.iter().for_each(|key| put(&mut shape_list, *key as u64));
                next
            });
            put(&mut shape_of_entry, number as u64);
        }
        let column = &mut self.columns[Column::Shapes as usize];
        put(column, shapes.len() as u64);
        column.extend_from_slice(&shape_list);
        column.extend_from_slice(&shape_of_entry);
        self.columns[Column::FieldValues as usize] = values.concat();
    }

    fn finish(&mut self) -> std::io::Result<Vec<u8>> {
        self.plain.clear();
        for column in &self.columns {
            put(&mut self.plain, column.len() as u64);
            self.plain.extend_from_slice(column);
        }
        let mut payload = vec![0; HEADER + zstd::zstd_safe::compress_bound(self.plain.len())];
        let length = self.zstd.compress_to_buffer(&self.plain, &mut payload[HEADER..])?;
        payload.truncate(HEADER + length);
        payload.shrink_to_fit();
        payload[0] = VERSION;
        payload[1..5].copy_from_slice(&(self.plain.len() as u32).to_le_bytes());
        let checksum = xxhash_rust::xxh3::xxh3_64(&payload[HEADER..]);
        payload[5..HEADER].copy_from_slice(&checksum.to_le_bytes());
        Ok(payload)
    }
}

fn kind(entry: &Entry) -> u8 {
    entry.level as u8 | (entry.level_source as u8) << 4 | (entry.time_source as u8) << 6
}

fn sequence(out: &mut Vec<u8>, entries: &[(u64, Entry)]) {
    let mut before = 0u64;
    for (number, _) in entries {
        put_signed(out, number.wrapping_sub(before) as i64);
        before = *number;
    }
}

fn time(out: &mut Vec<u8>, entries: &[(u64, Entry)]) {
    let divides = |unit: &i64| entries.iter().all(|(_, e)| e.time % unit == 0);
    let units = [1_000_000_000, 1_000_000, 1_000];
    let (code, unit) = units.iter().position(divides).map_or((0, 1), |i| (3 - i as u8, units[i]));
    out.push(code);
    let mut before = 0i64;
    for (_, entry) in entries {
        let time = entry.time / unit;
        put_signed(out, time.wrapping_sub(before));
        before = time;
    }
}

fn named(out: &mut Vec<u8>, entries: &[(u64, Entry)], which: usize) {
    let mut dictionary: HashMap<&str, u64> = HashMap::new();
    let mut texts = Vec::new();
    let mut indexes = Vec::new();
    let mut all_present = true;
    for (_, entry) in entries {
        let Some(text) = entry.named()[which].1 else {
            all_present = false;
            put(&mut indexes, 0);
            continue;
        };
        let next = dictionary.len() as u64 + 1;
        let number = *dictionary.entry(text).or_insert_with(|| {
            put_text(&mut texts, text);
            next
        });
        put(&mut indexes, number);
    }
    let constant = all_present && dictionary.len() == 1;
    put(out, dictionary.len() as u64);
    put(out, u64::from(constant));
    out.extend_from_slice(&texts);
    if !constant && !dictionary.is_empty() {
        out.extend_from_slice(&indexes);
    }
}

fn message(out: &mut Vec<u8>, entry: &Entry) {
    match &entry.message {
        Text::Slice(range) => {
            put(out, 0);
            put(out, u64::from(range.start));
            put(out, (entry.raw.len() as u64).saturating_sub(u64::from(range.end)));
        }
        Text::Owned(text) => {
            put(out, 1);
            put_text(out, text);
        }
    }
}
