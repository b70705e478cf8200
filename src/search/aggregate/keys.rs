//! A set of keys that numbers them in the order they came. Keys are bytes, one behind the other; to find one that is
//! there takes no allocation, and to add one hardly any. Also how values are written as keys.

use xxhash_rust::xxh3::xxh3_64;

use super::cell::{Cell, cell, step_start};
use crate::query::pipe::Group;
use crate::record::{Row, Value};

/// Bytes that all keys of a set may take together. Beyond it no more are added, as beyond its number.
const BYTES_MAX: usize = 64 << 20;

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INT: u8 = 3;
const FLOAT: u8 = 4;
const TIME: u8 = 5;
const TEXT: u8 = 6;

/// An open hash table over the numbers of the keys.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    /// A power of two of them, at most half in use.
    slots: Vec<Slot>,
    hashes: Vec<u64>,
    /// Where each key ends in `bytes`.
    ends: Vec<u32>,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// Upper half of the hash, so that the keys themselves are rarely compared in vain.
    tag: u32,
    /// Number of the key and one more; 0 when the slot is free.
    next: u32,
}

impl Keys {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn get(&self, number: usize) -> &[u8] {
        let start = number.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| *end as usize);
        let end = self.ends.get(number).map_or(start, |end| *end as usize);
        self.bytes.get(start..end).unwrap_or(&[])
    }

    /// The number of `key`, which is added when it is not there; `None` when there are `max` others.
    #[inline]
    pub(crate) fn add(&mut self, key: &[u8], max: usize) -> Option<usize> {
        let hash = xxh3_64(key);
        if !self.slots.is_empty() {
            let tag = (hash >> 32) as u32;
            let mask = self.slots.len() - 1;
            let mut at = hash as usize & mask;
            loop {
                let slot = self.slots[at];
                if slot.next == 0 {
                    break;
                }
                let number = slot.next as usize - 1;
                if slot.tag == tag && self.get(number) == key {
                    return Some(number);
                }
                at = (at + 1) & mask;
            }
        }
        self.append(key, hash, max)
    }

    #[cold]
    fn append(&mut self, key: &[u8], hash: u64, max: usize) -> Option<usize> {
        let number = self.len();
        if number >= max.min(u32::MAX as usize / 2) || self.bytes.len() + key.len() > BYTES_MAX {
            return None;
        }
        if (number + 1) * 2 > self.slots.len() {
            self.grow();
        }
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len() as u32);
        self.hashes.push(hash);
        place(&mut self.slots, hash, number);
        Some(number)
    }

    fn grow(&mut self) {
        let mut slots = vec![Slot::default(); (self.slots.len() * 2).max(16)];
        for (number, hash) in self.hashes.iter().enumerate() {
            place(&mut slots, *hash, number);
        }
        self.slots = slots;
    }
}

fn place(slots: &mut [Slot], hash: u64, number: usize) {
    let mask = slots.len() - 1;
    let mut at = hash as usize & mask;
    while slots[at].next != 0 {
        at = (at + 1) & mask;
    }
    slots[at] = Slot { tag: (hash >> 32) as u32, next: number as u32 + 1 };
}

/// Appends `cell` to a key.
#[inline]
pub(crate) fn write(cell: &Cell<'_>, key: &mut Vec<u8>) {
    let mut word = |tag: u8, bytes: [u8; 8]| {
        key.push(tag);
        key.extend_from_slice(&bytes);
    };
    match cell {
        Cell::Null => key.push(NULL),
        Cell::Bool(false) => key.push(FALSE),
        Cell::Bool(true) => key.push(TRUE),
        Cell::Int(n) => word(INT, n.to_le_bytes()),
        Cell::Float(n) => word(FLOAT, n.to_le_bytes()),
        Cell::Time(n) => word(TIME, n.to_le_bytes()),
        Cell::Text(text) => {
            key.push(TEXT);
            key.extend_from_slice(&(text.len() as u32).to_le_bytes());
            key.extend_from_slice(text.as_bytes());
        }
    }
}

/// Appends what `row` is grouped by.
#[inline]
pub(crate) fn write_groups<R: Row>(by: &[Group], row: &R, key: &mut Vec<u8>) {
    for group in by {
        match group {
            Group::Field(field) => write(&cell(field, row), key),
            Group::Step(step) => write(&Cell::Time(step_start(row.time(), *step)), key),
        }
    }
}

/// The key of values that were read from one.
pub(crate) fn of_values(values: &[Value]) -> Vec<u8> {
    let mut key = Vec::new();
    for value in values {
        let cell = match value {
            Value::Null => Cell::Null,
            Value::Bool(b) => Cell::Bool(*b),
            Value::Int(n) => Cell::Int(*n),
            Value::Float(n) => Cell::Float(*n),
            Value::Str(text) => Cell::Text(text.as_str().into()),
        };
        write(&cell, &mut key);
    }
    key
}

/// The values in a key. Times are integers.
pub(crate) fn read(mut key: &[u8]) -> Vec<Value> {
    let mut values = Vec::new();
    while let Some(value) = read_one(&mut key) {
        values.push(value);
    }
    values
}

fn read_one(key: &mut &[u8]) -> Option<Value> {
    let (tag, rest) = key.split_first()?;
    *key = rest;
    Some(match *tag {
        NULL => Value::Null,
        FALSE => Value::Bool(false),
        TRUE => Value::Bool(true),
        INT | TIME => Value::Int(i64::from_le_bytes(split(key)?)),
        FLOAT => Value::Float(f64::from_le_bytes(split(key)?)),
        _ => {
            let length = u32::from_le_bytes(split(key)?) as usize;
            let (text, rest) = key.split_at_checked(length)?;
            *key = rest;
            Value::Str(String::from_utf8_lossy(text).into())
        }
    })
}

fn split<const N: usize>(key: &mut &[u8]) -> Option<[u8; N]> {
    let (bytes, rest) = key.split_first_chunk::<N>()?;
    *key = rest;
    Some(*bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_numbered_as_they_come() {
        let mut keys = Keys::default();
        for round in 0..2 {
            for n in 0..5000_usize {
                assert_eq!(keys.add(format!("key {n}").as_bytes(), 5000), Some(n), "{round}");
            }
        }
        assert_eq!(keys.add(b"one more", 5000), None);
        assert_eq!(keys.add(b"key 17", 5000), Some(17));
        assert_eq!(keys.get(4999), b"key 4999");
        assert_eq!(keys.get(5000), b"");
        assert_eq!(Keys::default().add(b"", 0), None);
        assert_eq!(Keys::default().add(b"", 1), Some(0));
    }

    #[test]
    fn bytes_are_limited() {
        let (mut keys, mut key) = (Keys::default(), vec![0; 1 << 20]);
        let added = (0..100_u8).filter(|n| {
            key[0] = *n;
            keys.add(&key, 1000).is_some()
        });
        assert_eq!(added.count(), 64);
    }

    #[test]
    fn values_read_back() {
        let cells = [
            Cell::Text("".into()),
            Cell::Null,
            Cell::Int(-1),
            Cell::Float(0.5),
            Cell::Time(7),
            Cell::Text("naïve\0".into()),
            Cell::Bool(true),
            Cell::Bool(false),
        ];
        let mut key = Vec::new();
        cells.iter().for_each(|cell| write(cell, &mut key));
        let text = |text: &str| Value::Str(text.into());
        let want = [
            text(""),
            Value::Null,
            Value::Int(-1),
            Value::Float(0.5),
            Value::Int(7),
            text("naïve\0"),
            Value::Bool(true),
            Value::Bool(false),
        ];
        assert_eq!(read(&key), want);
        // A broken key ends early and does no harm.
        (0..key.len()).for_each(|cut| drop(read(&key[..cut])));
    }
}
