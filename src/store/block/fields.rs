//! The fields of all entries of a block, by name.
//!
//! A column of values begins with its kind: 0 mixed: a tag and a value each; 1 whole numbers, signed; 2 thousandths,
//! signed; 3 texts: a text list; 4 texts that repeat: a text list of the distinct ones, then codes; 5 one value for
//! all: a tag and a value.

use foldhash::HashMap;

use super::MAX_ENTRIES;
use super::columns::TextList;
use super::numbers::{Reader, put, put_codes, put_column, put_signed};
use super::values::{put_value, take_value, thousandths};
use crate::record::{Entry, Fields, ValueRef};
use crate::store::StoreError;

const MIXED: u8 = 0;
const INTS: u8 = 1;
const THOUSANDTHS: u8 = 2;
const TEXTS: u8 = 3;
const REPEATED: u8 = 4;
const CONSTANT: u8 = 5;

/// Most distinct names in a block: as many as an entry may have, for each.
const MAX_NAMES: usize = MAX_ENTRIES * 8;

/// Most values in a block; a larger claim is damage.
const MAX_VALUES: usize = 1 << 23;

/// Writes the section.
pub fn write(out: &mut Vec<u8>, entries: &[(u64, Entry)]) {
    if entries.iter().all(|(_, entry)| entry.fields.is_empty()) {
        return;
    }
    let mut names: HashMap<&str, usize> = HashMap::default();
    let mut name_list = TextList::default();
    let mut values: Vec<Vec<ValueRef<'_>>> = Vec::new();
    let mut shapes: HashMap<Vec<usize>, u16> = HashMap::default();
    let mut shape_list = Vec::new();
    let mut codes = Vec::with_capacity(entries.len());
    let mut shape = Vec::new();
    for (_, entry) in entries {
        shape.clear();
        for (position, (name, value)) in entry.fields().enumerate() {
            // Most entries have the names of the one before at the same places.
            let guess = position_of(&name_list, position, name);
            let number = guess.unwrap_or_else(|| {
                *names.entry(name).or_insert_with(|| {
                    name_list.push(name);
                    values.push(Vec::new());
                    values.len() - 1
                })
            });
            values[number].push(value);
            shape.push(number);
        }
        let code = match shapes.get(&shape) {
            Some(code) => *code,
            None => {
                put(&mut shape_list, shape.len() as u64);
                shape.iter().for_each(|number| put(&mut shape_list, *number as u64));
                let next = shapes.len() as u16;
                shapes.insert(shape.clone(), next);
                next
            }
        };
        codes.push(code);
    }
    name_list.write(out);
    put(out, shapes.len() as u64);
    out.extend_from_slice(&shape_list);
    put_codes(out, &codes);
    let mut column = Vec::new();
    for values in &values {
        column.clear();
        write_column(&mut column, values);
        put_column(out, &column);
    }
}

/// Whether the name at `position` of the list is this one.
fn position_of(names: &TextList, position: usize, name: &str) -> Option<usize> {
    (names.get(position) == Some(name)).then_some(position)
}

fn write_column(out: &mut Vec<u8>, values: &[ValueRef<'_>]) {
    let same = |value: &ValueRef<'_>| same_bits(*value, values[0]);
    if values.iter().all(same) {
        out.push(CONSTANT);
        put_value(out, values[0]);
    } else if values.iter().all(|value| matches!(value, ValueRef::Int(_))) {
        out.push(INTS);
        for value in values {
            if let ValueRef::Int(number) = value {
                put_signed(out, *number);
            }
        }
    } else if let Some(whole) = values.iter().map(|value| as_thousandths(*value)).collect::<Option<Vec<i64>>>() {
        out.push(THOUSANDTHS);
        whole.iter().for_each(|number| put_signed(out, *number));
    } else if values.iter().all(|value| matches!(value, ValueRef::Str(_))) {
        write_texts(out, values);
    } else {
        out.push(MIXED);
        values.iter().for_each(|value| put_value(out, *value));
    }
}

/// Equal, and to the letter for numbers: NaN is itself, and 0.0 is not -0.0.
fn same_bits(a: ValueRef<'_>, b: ValueRef<'_>) -> bool {
    match (a, b) {
        (ValueRef::Float(a), ValueRef::Float(b)) => a.to_bits() == b.to_bits(),
        _ => a == b,
    }
}

fn as_thousandths(value: ValueRef<'_>) -> Option<i64> {
    match value {
        ValueRef::Float(number) => thousandths(number),
        _ => None,
    }
}

fn write_texts(out: &mut Vec<u8>, values: &[ValueRef<'_>]) {
    let texts = values.iter().filter_map(|value| match value {
        ValueRef::Str(text) => Some(*text),
        _ => None,
    });
    let mut distinct: HashMap<&str, u16> = HashMap::default();
    let mut list = TextList::default();
    let mut codes = Vec::with_capacity(values.len());
    for text in texts.clone() {
        let next = distinct.len() as u16;
        codes.push(*distinct.entry(text).or_insert_with(|| {
            list.push(text);
            next
        }));
        if distinct.len() > 64 && distinct.len() * 2 > codes.len() {
            break;
        }
    }
    if codes.len() == values.len() {
        out.push(REPEATED);
        list.write(out);
        put_codes(out, &codes);
        return;
    }
    list.clear();
    texts.for_each(|text| list.push(text));
    out.push(TEXTS);
    list.write(out);
}

/// A value in a column; a text by its number in the column's list.
#[derive(Clone, Copy, Debug)]
enum Stored {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(u32),
}

/// Values of one name, in the order of entries. Of a column that was not asked for there are none.
#[derive(Debug, Default)]
struct ValueColumn {
    values: Vec<Stored>,
    texts: TextList,
    /// For each entry the index of its first value here + 1; 0 when it has none.
    of_entry: Vec<u32>,
}

/// The decoded section.
#[derive(Debug, Default)]
pub struct FieldColumns {
    names: TextList,
    shapes: Vec<Vec<u32>>,
    codes: Vec<u16>,
    columns: Vec<ValueColumn>,
}

impl FieldColumns {
    pub fn clear(&mut self) {
        self.names.clear();
        self.shapes.clear();
        self.codes.clear();
        self.columns.clear();
    }

    /// Reads the names, and the values of those that are wanted.
    pub fn read(&mut self, plain: &[u8], entries: usize, wanted: &Fields) -> Result<(), StoreError> {
        self.clear();
        if plain.is_empty() {
            return Ok(());
        }
        let mut reader = Reader(plain);
        self.names.read(&mut reader, MAX_NAMES)?;
        let count = reader.size(MAX_ENTRIES)?;
        for _ in 0..count {
            let length = reader.size(reader.0.len())?;
            let shape = (0..length).map(|_| Ok(reader.size(self.names.len().saturating_sub(1))? as u32));
            self.shapes.push(shape.collect::<Result<_, StoreError>>()?);
        }
        reader.codes(entries, count.saturating_sub(1), &mut self.codes)?;
        if self.shapes.is_empty() && entries > 0 {
            return Err(StoreError::Block("the fields have no shape"));
        }
        let counts = self.counts();
        if counts.iter().sum::<usize>() > MAX_VALUES {
            return Err(StoreError::Block("there are too many fields"));
        }
        for (number, count) in counts.iter().enumerate() {
            let column = reader.column()?;
            let is_wanted = match wanted {
                Fields::None => false,
                Fields::All => true,
                Fields::Some(names) => names.iter().any(|name| self.names.get(number) == Some(name)),
            };
            let mut values = ValueColumn::default();
            if is_wanted {
                values.read(column, *count)?;
            }
            self.columns.push(values);
        }
        self.link();
        Ok(())
    }

    /// How many values each name has.
    fn counts(&self) -> Vec<usize> {
        let mut of_shape = vec![0usize; self.shapes.len()];
        for code in &self.codes {
            of_shape[usize::from(*code)] += 1;
        }
        let mut counts = vec![0usize; self.names.len()];
        for (shape, times) in self.shapes.iter().zip(of_shape) {
            shape.iter().for_each(|name| counts[*name as usize] += times);
        }
        counts
    }

    /// Finds for each entry and name the place of its first value.
    fn link(&mut self) {
        let mut next = vec![0u32; self.names.len()];
        for column in self.columns.iter_mut().filter(|column| !column.values.is_empty()) {
            column.of_entry.resize(self.codes.len(), 0);
        }
        for (entry, code) in self.codes.iter().enumerate() {
            for name in &self.shapes[usize::from(*code)] {
                let name = *name as usize;
                next[name] += 1;
                if let Some(slot) = self.columns[name].of_entry.get_mut(entry)
                    && *slot == 0
                {
                    *slot = next[name];
                }
            }
        }
    }

    /// The first field of that name.
    pub fn get(&self, entry: usize, name: &str) -> Option<ValueRef<'_>> {
        let number = self.names.iter().position(|own| own == name)?;
        let index = self.columns.get(number)?.of_entry.get(entry)?.checked_sub(1)?;
        self.columns[number].get(index as usize)
    }

    /// Name and value of each field of an entry, in the order of the line; without those that were not wanted.
    pub fn of(&self, entry: usize) -> impl Iterator<Item = (&str, ValueRef<'_>)> {
        let shape = self.codes.get(entry).and_then(|code| self.shapes.get(usize::from(*code)));
        let shape = shape.map_or(&[][..], Vec::as_slice);
        shape.iter().enumerate().filter_map(move |(slot, name)| {
            // The same name may stand in a line more than once.
            let before = shape[..slot].iter().filter(|other| *other == name).count();
            let column = self.columns.get(*name as usize)?;
            let first = column.of_entry.get(entry)?.checked_sub(1)? as usize;
            Some((self.names.get(*name as usize)?, column.get(first + before)?))
        })
    }

    /// Whether there are values that are neither texts nor null.
    pub fn has_other_values(&self) -> bool {
        let is_other = |value: &Stored| !matches!(value, Stored::Text(_) | Stored::Null);
        self.columns.iter().any(|column| column.values.iter().any(is_other))
    }

    /// All texts among the values, those of a column together, for a quick look whether something may be there.
    pub fn texts(&self) -> impl Iterator<Item = &TextList> {
        self.columns.iter().map(|column| &column.texts)
    }
}

impl ValueColumn {
    fn get(&self, index: usize) -> Option<ValueRef<'_>> {
        Some(match *self.values.get(index)? {
            Stored::Null => ValueRef::Null,
            Stored::Bool(truth) => ValueRef::Bool(truth),
            Stored::Int(number) => ValueRef::Int(number),
            Stored::Float(number) => ValueRef::Float(number),
            Stored::Text(number) => ValueRef::Str(self.texts.get(number as usize)?),
        })
    }

    fn read(&mut self, mut reader: Reader<'_>, count: usize) -> Result<(), StoreError> {
        match reader.byte()? {
            MIXED => {
                for _ in 0..count {
                    let value = take_value(&mut reader)?;
                    self.push(value);
                }
            }
            INTS => {
                let numbers = (0..count).map(|_| reader.signed().map(Stored::Int));
                self.values = numbers.collect::<Result<_, _>>()?;
            }
            THOUSANDTHS => {
                let numbers = (0..count).map(|_| reader.signed().map(|n| Stored::Float(n as f64 / 1000.0)));
                self.values = numbers.collect::<Result<_, _>>()?;
            }
            TEXTS => {
                self.texts.read(&mut reader, count)?;
                if self.texts.len() != count {
                    return Err(StoreError::Block("there are more values than texts"));
                }
                self.values = (0..count as u32).map(Stored::Text).collect();
            }
            REPEATED => {
                self.texts.read(&mut reader, count)?;
                let mut codes = Vec::new();
                reader.codes(count, self.texts.len().saturating_sub(1), &mut codes)?;
                self.values = codes.into_iter().map(|code| Stored::Text(u32::from(code))).collect();
            }
            CONSTANT => {
                let value = take_value(&mut reader)?;
                self.push(value);
                self.values = self.values.first().map_or_else(Vec::new, |one| vec![*one; count]);
            }
            _ => return Err(StoreError::Block("a column of values has an unknown kind")),
        }
        Ok(())
    }

    fn push(&mut self, value: ValueRef<'_>) {
        self.values.push(match value {
            ValueRef::Null => Stored::Null,
            ValueRef::Bool(truth) => Stored::Bool(truth),
            ValueRef::Int(number) => Stored::Int(number),
            ValueRef::Float(number) => Stored::Float(number),
            ValueRef::Str(text) => {
                self.texts.push(text);
                Stored::Text(self.texts.len() as u32 - 1)
            }
        });
    }
}
