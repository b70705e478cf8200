//! Block → rows. Total: any bytes give rows or an error, in bounded memory; only the sections that are asked for are
//! decompressed, and only the columns that are asked for are read.

use std::sync::Arc;

use smol_str::SmolStr;

use super::columns::{Dictionary, TextList};
use super::encode::{HEAD_COLUMNS, SIDE_COLUMNS};
use super::fields::FieldColumns;
use super::frame::{Dictionaries, Header, SECTIONS, Section, Unpacker};
use super::kind::Kind;
use super::numbers::Reader;
use super::packed::{self, Unpacked};
use super::read_times;
use super::template::{Renderer, Template};
use super::values::take_duration;
use super::{BlockRow, MAX_ENTRIES};
use crate::record::{Columns, Entry, Fields, Level, NAMED, Text};
use crate::store::{BlockFile, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// Where a block comes from.
#[derive(Clone, Copy)]
pub enum Origin<'a> {
    Memory(&'a [u8]),
    /// So many bytes from that byte of the file.
    File {
        file: &'a Arc<BlockFile>,
        at: u64,
        length: u64,
    },
}

/// Read of a block at first when only its heads are wanted. Longer heads take a second look.
const BEGINNING: usize = 2048;

/// See [`Columns::all`].
static EVERYTHING: Columns =
    Columns { named: (1 << NAMED) - 1, read_time: true, duration: true, message: true, raw: true, fields: Fields::All };

/// Takes one block after the other, keeping its memory. After [`Decoder::open`] the rows have what was asked for;
/// [`Decoder::want`] adds to that.
pub struct Decoder {
    unpacker: Unpacker,
    dictionaries: Option<Arc<Dictionaries>>,
    /// What was read of the block so far, and where the rest is.
    block: Vec<u8>,
    rest: Option<(Arc<BlockFile>, u64)>,
    length: usize,
    header: Header,
    plain: Vec<u8>,
    unpacked: Unpacked,
    /// What the rows have.
    loaded: Columns,
    /// In eight bytes each, whatever their sign.
    pub(super) sequences: Vec<i64>,
    pub(super) times: Vec<i64>,
    /// The kinds there are, and which of them each entry has.
    kinds: Vec<Kind>,
    kind_codes: Vec<u16>,
    pub(super) named: [Dictionary; NAMED],
    /// Empty while they are not wanted, and where a block has none.
    pub(super) read_times: Vec<Option<i64>>,
    pub(super) durations: Vec<Option<f64>>,
    pub(super) messages: TextList,
    pub(super) fields: FieldColumns,
    pub(super) raw: RawColumn,
    bytes: u64,
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
            rest: None,
            length: 0,
            header: Header::default(),
            plain: Vec::new(),
            unpacked: Unpacked::default(),
            loaded: Columns::default(),
            sequences: Vec::new(),
            times: Vec::new(),
            kinds: Vec::new(),
            kind_codes: Vec::new(),
            named: Default::default(),
            read_times: Vec::new(),
            durations: Vec::new(),
            messages: TextList::default(),
            fields: FieldColumns::default(),
            raw: RawColumn::default(),
            bytes: 0,
        }
    }

    /// Opens a block. Of one in a file no more is read than is wanted.
    pub fn open(
        &mut self,
        dictionaries: Option<&Arc<Dictionaries>>,
        columns: &Columns,
        origin: Origin<'_>,
    ) -> Result<()> {
        self.loaded = Columns::default();
        self.named.iter_mut().for_each(Dictionary::clear);
        self.read_times.clear();
        self.durations.clear();
        self.messages.clear();
        self.fields.clear();
        self.raw = RawColumn::default();
        self.dictionaries = dictionaries.cloned();
        // After an error there are no rows.
        self.times.clear();
        self.header = Header::default();
        self.block.clear();
        match origin {
            Origin::Memory(bytes) => {
                self.block.extend_from_slice(bytes);
                (self.rest, self.length) = (None, bytes.len());
            }
            Origin::File { file, at, length } => {
                self.length = BlockFile::check(length)?;
                self.rest = Some((file.clone(), at));
                let first = if needs_heads_alone(columns) { BEGINNING.min(self.length) } else { self.length };
                self.load(first)?;
            }
        }
        self.header = Header::read(&self.block, self.length)?;
        self.read_heads(if columns.raw { &EVERYTHING } else { columns })?;
        self.want(columns)
    }

    /// Reads on, so that the first `end` bytes are there.
    fn load(&mut self, end: usize) -> Result<()> {
        let have = self.block.len();
        if have < end
            && let Some((file, at)) = &self.rest
        {
            self.block.resize(end, 0);
            file.read(at + have as u64, &mut self.block[have..])?;
        }
        Ok(())
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

    /// The entries at one of these levels, by their places.
    pub fn at_levels(&self, levels: &[Level], places: &mut Vec<u32>) {
        let is_wanted: Vec<bool> = self.kinds.iter().map(|kind| levels.contains(&kind.level)).collect();
        let codes = self.kind_codes.iter().enumerate();
        places.extend(codes.filter(|(_, code)| is_wanted[usize::from(**code)]).map(|(place, _)| place as u32));
    }

    #[inline]
    pub(super) fn kind(&self, entry: usize) -> Kind {
        let kind = self.kind_codes.get(entry).and_then(|code| self.kinds.get(usize::from(*code)));
        kind.copied().unwrap_or(Kind::UNKNOWN)
    }

    pub fn sequence(&self, index: usize) -> u64 {
        self.sequences.get(index).map_or(0, |sequence| *sequence as u64)
    }

    pub fn rows(&self) -> impl Iterator<Item = (u64, BlockRow<'_>)> + Clone {
        self.sequences.iter().enumerate().map(|(index, sequence)| (*sequence as u64, self.row(index)))
    }

    /// The text of a named column.
    pub fn named(&self, column: usize, entry: usize) -> Option<&str> {
        self.named.get(column)?.get(entry)
    }

    /// Whether the block's sections may be packed again as they are.
    pub fn is_current(&self) -> bool {
        self.header.is_current()
    }

    /// All sections of the block, to be packed again.
    pub fn all_sections(&mut self) -> Result<[Vec<u8>; SECTIONS]> {
        self.load(self.length)?;
        self.unpacker.sections(&self.block, &self.header, self.dictionaries.as_ref())
    }

    /// Whether `test` says yes to what holds the texts of named columns and fields: all of them, with something between
    /// some of them. For a quick look whether something may be there.
    pub fn other_texts(&mut self, test: impl Fn(&[u8]) -> bool) -> Result<bool> {
        for section in [Section::Names, Section::Side, Section::Fields] {
            self.unpack(section)?;
            let mut reader = Reader(&self.plain);
            if section == Section::Fields && !self.plain.is_empty() {
                // What fields are called is not asked for.
                TextList::skip(&mut reader)?;
            }
            if test(reader.0) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// All messages as one text, each with a line end behind it, likewise.
    pub fn messages(&mut self) -> Result<&str> {
        self.unpack_text()?;
        Ok(self.messages.whole())
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
        let read_times = columns.read_time && !self.loaded.read_time;
        if side || messages || read_times || (columns.duration && !self.loaded.duration) {
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
        // Whoever wants more than the heads mostly wants more still.
        let end = self.header.end(section);
        self.load(if section == Section::Heads || section == Section::Names { end } else { self.length })?;
        self.bytes += self.header.length(section) as u64;
        let dictionaries = self.dictionaries.as_ref();
        self.unpacker.unpack(&self.block, &self.header, section, dictionaries, &mut self.plain)
    }

    fn read_heads(&mut self, columns: &Columns) -> Result<()> {
        self.unpack(Section::Heads)?;
        let count = self.header.entries;
        let mut reader = Reader(&self.plain);
        self.unpacked.deltas(&mut reader, count, &mut self.sequences)?;
        self.times.clear();
        read_times(&mut reader, count, &mut self.unpacked, &mut self.times)?;
        self.kinds.clear();
        let distinct = reader.size(usize::from(u8::MAX) + 1)?;
        for byte in reader.bytes(distinct)? {
            self.kinds.push(Kind::read(*byte)?);
        }
        self.unpacked.codes(&mut reader, count, &mut self.kind_codes)?;
        if self.kind_codes.iter().max().is_some_and(|most| usize::from(*most) >= distinct) {
            return Err(StoreError::Block("a code is out of range"));
        }
        let wanted = (columns.named | self.loaded.named) & mask(&HEAD_COLUMNS);
        if wanted == 0 {
            return Ok(());
        }
        for column in HEAD_COLUMNS {
            if wanted & 1 << column == 0 {
                self.named[column].clear();
                packed::skip_codes(&mut reader, count)?;
            } else {
                self.unpacked.codes(&mut reader, count, &mut self.named[column].codes)?;
            }
        }
        self.read_names(wanted)?;
        self.loaded.named |= wanted;
        Ok(())
    }

    fn read_names(&mut self, wanted: u16) -> Result<()> {
        self.unpack(Section::Names)?;
        let mut reader = Reader(&self.plain);
        for column in HEAD_COLUMNS {
            // Nothing of the rest is wanted.
            if wanted & mask(&HEAD_COLUMNS) >> column << column == 0 {
                break;
            }
            if wanted & 1 << column == 0 {
                TextList::skip(&mut reader)?;
            } else {
                self.named[column].texts.read(&mut reader, MAX_ENTRIES)?;
                self.named[column].check()?;
            }
        }
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
        if self.header.is_current() {
            let mut column = reader.column()?;
            if columns.read_time || self.loaded.read_time {
                read_times::read(&mut column, &self.times, &mut self.unpacked, &mut self.read_times)?;
            }
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
        self.unpack_text()?;
        let text = self.messages.take_text();
        self.messages.set_lines(text, &mut Reader(lengths), count)
    }

    /// Puts the whole text into `messages`, which does not know its lines then.
    fn unpack_text(&mut self) -> Result<()> {
        if !self.messages.whole().is_empty() {
            return Ok(());
        }
        let plain = std::mem::replace(&mut self.plain, self.messages.take_text().into_bytes());
        let unpacked = self.unpack(Section::Text);
        let text = std::mem::replace(&mut self.plain, plain);
        unpacked?;
        self.messages.set_text(String::from_utf8(text).map_err(|_| StoreError::Block("a text is not UTF-8"))?);
        Ok(())
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
        let text = |column: usize| own(column).map(SmolStr::from);
        let kind = self.kind(index);
        Entry {
            time: self.times.get(index).copied().unwrap_or(0),
            time_source: kind.time_source,
            read_time: self.read_times.get(index).copied().flatten(),
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

fn needs_heads_alone(columns: &Columns) -> bool {
    let Columns { named, read_time, duration, message, raw, fields } = columns;
    named & !mask(&HEAD_COLUMNS) == 0 && !read_time && !duration && !message && !raw && *fields == Fields::None
}

fn read_times(reader: &mut Reader<'_>, count: usize, unpacked: &mut Unpacked, times: &mut Vec<i64>) -> Result<()> {
    let unit = match reader.byte()? {
        0 => 1,
        1 => 1_000,
        2 => 1_000_000,
        3 => 1_000_000_000,
        _ => return Err(StoreError::Block("the time has an unknown unit")),
    };
    unpacked.deltas(reader, count, times)?;
    times.iter_mut().for_each(|time| *time = time.wrapping_mul(unit));
    Ok(())
}
