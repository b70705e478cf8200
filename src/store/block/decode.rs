//! Block → rows. Total: any bytes give rows or an error, in bounded memory; only the sections that are asked for are
//! decompressed, and only the columns that are asked for are read.

use std::sync::Arc;

use super::BlockRow;
use super::columns::{Dictionary, TextList};
use super::encode::{HEAD_COLUMNS, SIDE_COLUMNS};
use super::fields::FieldColumns;
use super::frame::{Dictionaries, Header, SECTIONS, Section, Unpacker, sections};
use super::numbers::Reader;
use super::template::{Renderer, Template};
use super::values::take_duration;
use crate::record::{Columns, Entry, Fields, Level, LevelSource, NAMED, Text, TimeSource};
use crate::store::StoreError;

type Result<T> = std::result::Result<T, StoreError>;

/// See [`Columns::all`].
static EVERYTHING: Columns =
    Columns { named: (1 << NAMED) - 1, duration: true, message: true, raw: true, fields: Fields::All };

/// Takes one block after the other, keeping its memory. After [`Decoder::open`] the rows have what was asked for;
/// [`Decoder::want`] adds to that.
pub struct Decoder {
    unpacker: Unpacker,
    dictionaries: Option<Arc<Dictionaries>>,
    block: Vec<u8>,
    header: Header,
    plain: Vec<u8>,
    /// What the rows have.
    loaded: Columns,
    pub(super) sequences: Vec<u64>,
    pub(super) times: Vec<i64>,
    pub(super) kinds: Vec<Kind>,
    pub(super) named: [Dictionary; NAMED],
    pub(super) durations: Vec<Option<f64>>,
    pub(super) messages: TextList,
    pub(super) fields: FieldColumns,
    pub(super) raw: RawColumn,
    bytes: u64,
}

/// Level and where it and the time came from.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub level: Level,
    pub level_source: LevelSource,
    pub time_source: TimeSource,
}

#[derive(Debug, Default)]
pub struct RawColumn {
    pub templates: Vec<Template>,
    pub codes: Vec<u16>,
    pub literals: TextList,
    /// For each entry its number among the literals.
    pub literal_of: Vec<u32>,
}

impl Decoder {
    pub fn new() -> Decoder {
        Decoder {
            unpacker: Unpacker::new(),
            dictionaries: None,
            block: Vec::new(),
            header: Header::default(),
            plain: Vec::new(),
            loaded: Columns::default(),
            sequences: Vec::new(),
            times: Vec::new(),
            kinds: Vec::new(),
            named: Default::default(),
            durations: Vec::new(),
            messages: TextList::default(),
            fields: FieldColumns::default(),
            raw: RawColumn::default(),
            bytes: 0,
        }
    }

    /// Opens a block: `fill` puts its bytes into the buffer it is given.
    pub fn open(
        &mut self,
        dictionaries: Option<&Arc<Dictionaries>>,
        columns: &Columns,
        fill: impl FnOnce(&mut Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        self.block.clear();
        self.loaded = Columns::default();
        self.named.iter_mut().for_each(Dictionary::clear);
        self.durations.clear();
        self.messages.clear();
        self.fields.clear();
        self.raw = RawColumn::default();
        self.dictionaries = dictionaries.cloned();
        // After an error there are no rows.
        self.times.clear();
        self.header = Header::default();
        fill(&mut self.block)?;
        self.header = Header::read(&self.block)?;
        self.read_heads(if columns.raw { &EVERYTHING } else { columns })?;
        self.want(columns)
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Bytes decompressed by this decoder so far.
    pub fn decoded_bytes(&self) -> u64 {
        self.bytes
    }

    pub fn row(&self, index: usize) -> BlockRow<'_> {
        BlockRow::new(self, index)
    }

    pub fn sequence(&self, index: usize) -> u64 {
        self.sequences.get(index).copied().unwrap_or(0)
    }

    pub fn rows(&self) -> impl Iterator<Item = (u64, BlockRow<'_>)> {
        self.sequences.iter().enumerate().map(|(index, sequence)| (*sequence, self.row(index)))
    }

    /// The text of a named column.
    pub fn named(&self, column: usize, entry: usize) -> Option<&str> {
        self.named.get(column)?.get(entry)
    }

    /// All sections of the block, to be packed again.
    pub fn all_sections(&self) -> Result<[Vec<u8>; SECTIONS]> {
        sections(&self.block, self.dictionaries.as_ref())
    }

    /// All messages as one text, each with a line end behind it, for a quick look whether something may be there. Empty
    /// when not asked for.
    pub fn messages(&self) -> &str {
        self.messages.whole()
    }

    /// The distinct texts of a named column, likewise.
    pub fn named_texts(&self, column: usize) -> impl Iterator<Item = &str> {
        self.named.get(column).into_iter().flat_map(|dictionary| dictionary.texts.iter())
    }

    /// Whether there are fields whose values are not texts.
    pub fn has_other_values(&self) -> bool {
        self.fields.has_other_values()
    }

    /// The texts among the values of fields, likewise.
    pub fn field_texts(&self) -> impl Iterator<Item = &str> {
        self.fields.texts().flat_map(TextList::iter)
    }

    /// Decodes what is not there yet.
    pub fn want(&mut self, columns: &Columns) -> Result<()> {
        // The raw text is made of everything else.
        let columns = if columns.raw { &EVERYTHING } else { columns };
        if HEAD_COLUMNS.iter().any(|c| columns.has_named(*c) && !self.loaded.has_named(*c)) {
            self.read_heads(columns)?;
        }
        let side = SIDE_COLUMNS.iter().any(|c| columns.has_named(*c) && !self.loaded.has_named(*c));
        let messages = columns.message && !self.loaded.message;
        if side || messages || (columns.duration && !self.loaded.duration) {
            self.read_side(columns)?;
        }
        let new_fields = match (&columns.fields, &self.loaded.fields) {
            (Fields::None, _) | (_, Fields::All) => false,
            (Fields::Some(wanted), Fields::Some(have)) => wanted.iter().any(|name| !have.contains(name)),
            _ => true,
        };
        if new_fields {
            self.unpack(Section::Fields)?;
            let wanted = self.loaded.clone().and(columns).fields;
            self.fields.read(&self.plain, self.header.entries, &wanted)?;
            self.loaded.fields = wanted;
        }
        if columns.raw && !self.loaded.raw {
            self.read_raw()?;
        }
        self.loaded = std::mem::take(&mut self.loaded).and(columns);
        Ok(())
    }

    fn unpack(&mut self, section: Section) -> Result<()> {
        self.bytes += self.header.length(section) as u64;
        let dictionaries = self.dictionaries.as_ref();
        self.unpacker.unpack(&self.block, &self.header, section, dictionaries, &mut self.plain)
    }

    fn read_heads(&mut self, columns: &Columns) -> Result<()> {
        self.unpack(Section::Heads)?;
        let count = self.header.entries;
        let mut reader = Reader(&self.plain);
        read_sequences(&mut reader, count, &mut self.sequences)?;
        self.times.clear();
        read_times(&mut reader, count, &mut self.times)?;
        self.kinds.clear();
        for byte in reader.bytes(count)? {
            self.kinds.push(Kind::read(*byte)?);
        }
        let wanted = columns.named | self.loaded.named;
        for column in HEAD_COLUMNS {
            // Nothing of the rest is wanted.
            if wanted & mask(&HEAD_COLUMNS) >> column << column == 0 {
                break;
            }
            read_or_skip(&mut self.named[column], wanted & 1 << column != 0, &mut reader, count)?;
        }
        self.loaded.named |= columns.named & mask(&HEAD_COLUMNS);
        Ok(())
    }

    fn read_side(&mut self, columns: &Columns) -> Result<()> {
        self.unpack(Section::Side)?;
        let count = self.header.entries;
        let mut reader = Reader(&self.plain);
        for column in SIDE_COLUMNS {
            let is_wanted = columns.has_named(column) || self.loaded.has_named(column);
            read_or_skip(&mut self.named[column], is_wanted, &mut reader, count)?;
        }
        self.durations.clear();
        if reader.size(1)? == 1 {
            for _ in 0..count {
                self.durations.push(take_duration(&mut reader)?);
            }
        }
        if !columns.duration && !self.loaded.duration {
            self.durations.clear();
        }
        self.loaded.named |= columns.named & mask(&SIDE_COLUMNS);
        if columns.message && !self.loaded.message {
            let lengths = reader.0.to_vec();
            self.read_messages(&lengths)?;
        }
        Ok(())
    }

    fn read_messages(&mut self, lengths: &[u8]) -> Result<()> {
        let count = self.header.entries;
        let side = std::mem::replace(&mut self.plain, self.messages.take_text().into_bytes());
        let unpacked = self.unpack(Section::Text);
        let text = std::mem::replace(&mut self.plain, side);
        unpacked?;
        let text = String::from_utf8(text).map_err(|_| StoreError::Block("a text is not UTF-8"))?;
        self.messages.set_lines(text, &mut Reader(lengths), count)
    }

    fn read_raw(&mut self) -> Result<()> {
        self.unpack(Section::Raw)?;
        let count = self.header.entries;
        let mut reader = Reader(&self.plain);
        let templates = reader.size(count)?;
        let mut raw = RawColumn::default();
        for _ in 0..templates {
            raw.templates.push(Template::read(&mut reader)?);
        }
        reader.codes(count, templates, &mut raw.codes)?;
        raw.literals.read(&mut reader, count)?;
        let mut next = 0;
        for code in &raw.codes {
            raw.literal_of.push(next);
            next += u32::from(*code == 0);
        }
        if next as usize != raw.literals.len() {
            return Err(StoreError::Block("the raw texts are more or fewer than their codes say"));
        }
        self.raw = raw;
        Ok(())
    }

    /// The whole entry, with its raw text if that was asked for. Everything else must have been asked for.
    pub fn entry(&self, index: usize, renderer: &mut Renderer) -> Entry {
        let row = self.row(index);
        let own = |column: usize| self.named[column].get(index);
        let text = |column: usize| own(column).map(Box::from);
        let kind = self.kinds.get(index).copied().unwrap_or(Kind::UNKNOWN);
        Entry {
            time: self.times.get(index).copied().unwrap_or(0),
            time_source: kind.time_source,
            level: kind.level,
            level_source: kind.level_source,
            raw: if self.loaded.raw { row.render(renderer).into() } else { Box::default() },
            message: Text::Owned(self.messages.get(index).unwrap_or("").into()),
            source: own(0).unwrap_or("").into(),
            service: own(1).unwrap_or("").into(),
            logger: text(2),
            workflow_id: text(3),
            session_id: text(4),
            request_id: text(5),
            workflow_type: text(6),
            agent: text(7),
            event: text(8),
            duration_ms: self.durations.get(index).copied().flatten(),
            fields: self.fields.of(index).map(|(name, value)| (name.into(), value.to_value())).collect(),
        }
    }
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder::new()
    }
}

fn read_or_skip(column: &mut Dictionary, is_wanted: bool, reader: &mut Reader<'_>, count: usize) -> Result<()> {
    if is_wanted {
        return column.read(reader, count);
    }
    column.clear();
    Dictionary::skip(reader, count)
}

fn mask(columns: &[usize]) -> u16 {
    columns.iter().fold(0, |mask, column| mask | 1 << column)
}

fn read_sequences(reader: &mut Reader<'_>, count: usize, sequences: &mut Vec<u64>) -> Result<()> {
    sequences.clear();
    let first = reader.number()?;
    if reader.size(1)? == 0 {
        sequences.extend((0..count as u64).map(|n| first.wrapping_add(n)));
        return Ok(());
    }
    let mut sequence = first;
    for _ in 0..count {
        sequence = sequence.wrapping_add(reader.signed()? as u64);
        sequences.push(sequence);
    }
    Ok(())
}

fn read_times(reader: &mut Reader<'_>, count: usize, times: &mut Vec<i64>) -> Result<()> {
    let unit = match reader.byte()? {
        0 => 1,
        1 => 1_000,
        2 => 1_000_000,
        3 => 1_000_000_000,
        _ => return Err(StoreError::Block("the time has an unknown unit")),
    };
    let mut time = 0i64;
    for _ in 0..count {
        time = time.wrapping_add(reader.signed()?);
        times.push(time.wrapping_mul(unit));
    }
    Ok(())
}

impl Kind {
    const UNKNOWN: Kind =
        Kind { level: Level::Unknown, level_source: LevelSource::None, time_source: TimeSource::Read };

    fn read(byte: u8) -> Result<Kind> {
        let level = Level::from_number(byte & 15);
        let level_source = LevelSource::ALL.get(usize::from(byte >> 4 & 3));
        let time_source = TimeSource::ALL.get(usize::from(byte >> 6));
        match (level, level_source, time_source) {
            (Some(level), Some(level_source), Some(time_source)) => {
                Ok(Kind { level, level_source: *level_source, time_source: *time_source })
            }
            _ => Err(StoreError::Block("a level or its source is out of range")),
        }
    }
}
