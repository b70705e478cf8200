//! One log entry: what was understood of one or several lines of a file.

use std::ops::Range;
use std::sync::Arc;

use smol_str::SmolStr;

use crate::record::{FieldList, Level, ValueRef};

/// Where an entry's time came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum TimeSource {
    /// The line had none: this is when the line was read.
    #[default]
    Read = 0,
    /// The line had a time with its zone.
    Line = 1,
    /// The line had a time without a zone, and the pipeline's zone was assumed.
    Zone = 2,
    /// The line had none, or lacked the year or the date: completed from the entry before, or from when the file was
    /// written.
    Estimated = 3,
}

/// Where an entry's level came from. Never from words in the message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum LevelSource {
    /// There was none; the level is `unknown`.
    #[default]
    None = 0,
    /// A parsed field, such as JSON's `level` or the third column of Python's text format.
    Field = 1,
    /// The word at the head of the line, as in `ERROR: no such host`.
    Head = 2,
}

impl TimeSource {
    pub const ALL: [TimeSource; 4] = [TimeSource::Read, TimeSource::Line, TimeSource::Zone, TimeSource::Estimated];

    pub fn from_name(name: &str) -> Option<TimeSource> {
        TimeSource::ALL.into_iter().find(|source| source.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            TimeSource::Read => "read",
            TimeSource::Line => "line",
            TimeSource::Zone => "zone",
            TimeSource::Estimated => "estimated",
        }
    }
}

impl LevelSource {
    pub const ALL: [LevelSource; 3] = [LevelSource::None, LevelSource::Field, LevelSource::Head];

    pub fn from_name(name: &str) -> Option<LevelSource> {
        LevelSource::ALL.into_iter().find(|source| source.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            LevelSource::None => "none",
            LevelSource::Field => "field",
            LevelSource::Head => "head",
        }
    }
}

/// A text that is usually a piece of the entry's raw text, and then is not stored a second time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// Byte range of `Entry::raw`, on character boundaries.
    Slice(Range<u32>),
    Owned(Box<str>),
}

impl Text {
    /// A piece of the raw text where it is one: what ends it, or else the first.
    pub fn within(raw: &str, text: &str) -> Text {
        let at = if raw.ends_with(text) { Some(raw.len() - text.len()) } else { raw.find(text) };
        match at {
            Some(at) if raw.len() <= u32::MAX as usize => Text::Slice(at as u32..(at + text.len()) as u32),
            _ => Text::Owned(text.into()),
        }
    }

    /// The text of an entry with this raw text.
    pub fn of<'a>(&'a self, raw: &'a str) -> &'a str {
        match self {
            Text::Slice(range) => raw.get(range.start as usize..range.end as usize).unwrap_or(""),
            Text::Owned(text) => text,
        }
    }
}

impl Default for Text {
    fn default() -> Text {
        Text::Slice(0..0)
    }
}

/// What a field holds. Nested objects are flattened (`event_data.error`) and arrays kept as JSON text.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(SmolStr),
}

/// One entry. Names and meaning are those of the JSON form in the README.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// Nanoseconds since the Unix epoch, UTC.
    pub time: i64,
    pub time_source: TimeSource,
    /// When the entry's first line was read, likewise; `None` when that is not known.
    pub read_time: Option<i64>,
    pub level: Level,
    pub level_source: LevelSource,
    /// The whole text as it stood in the file, without the last line's end. Invalid UTF-8 became U+FFFD. Message and
    /// fields may be pieces of it: to change it is for those who see to that.
    pub raw: Box<str>,
    /// See [`Entry::message`].
    pub message: Text,
    /// Path of the followed file; stays the same when the file is rotated away.
    pub source: Arc<str>,
    /// The pipeline's service label.
    pub service: Arc<str>,
    pub logger: Option<SmolStr>,
    pub workflow_id: Option<SmolStr>,
    pub session_id: Option<SmolStr>,
    pub request_id: Option<SmolStr>,
    pub workflow_type: Option<SmolStr>,
    pub agent: Option<SmolStr>,
    /// Event type, such as `workflow_completed`.
    pub event: Option<SmolStr>,
    pub duration_ms: Option<f64>,
    pub fields: FieldList,
}

impl Entry {
    /// An entry of which only its text is known, where it comes from, and when it was read: level and time of its own are to
    /// be found out. Written out, since a default would count references that nobody needs.
    pub fn new(raw: Box<str>, source: Arc<str>, service: Arc<str>, read_time: i64) -> Entry {
        Entry {
            time: read_time,
            time_source: TimeSource::Read,
            read_time: Some(read_time),
            level: Level::Unknown,
            level_source: LevelSource::None,
            raw,
            message: Text::Slice(0..0),
            source,
            service,
            logger: None,
            workflow_id: None,
            session_id: None,
            request_id: None,
            workflow_type: None,
            agent: None,
            event: None,
            duration_ms: None,
            fields: FieldList::default(),
        }
    }

    /// What the program said, without time, level and other headings. Continuation lines are part of it.
    pub fn message(&self) -> &str {
        self.message.of(&self.raw)
    }

    /// The named text fields an entry may have, by their JSON names, in one order everywhere.
    pub fn named(&self) -> [(&'static str, Option<&str>); 9] {
        [
            ("source", Some(&self.source)),
            ("service", Some(&self.service)),
            ("logger", self.logger.as_deref()),
            ("workflow_id", self.workflow_id.as_deref()),
            ("session_id", self.session_id.as_deref()),
            ("request_id", self.request_id.as_deref()),
            ("workflow_type", self.workflow_type.as_deref()),
            ("agent", self.agent.as_deref()),
            ("event", self.event.as_deref()),
        ]
    }

    /// The fields beyond the named ones, in the order of the line.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&str, ValueRef<'_>)> + Clone {
        self.fields.of(&self.raw)
    }

    /// Sets the named text field of this number, in the order of [`Entry::named`].
    pub fn set_named(&mut self, column: usize, value: &str) {
        let field = match column {
            0 => return self.source = value.into(),
            1 => return self.service = value.into(),
            2 => &mut self.logger,
            3 => &mut self.workflow_id,
            4 => &mut self.session_id,
            5 => &mut self.request_id,
            6 => &mut self.workflow_type,
            7 => &mut self.agent,
            8 => &mut self.event,
            _ => return,
        };
        *field = Some(value.into());
    }

    /// A field by its name in `fields`.
    pub fn field(&self, name: &str) -> Option<ValueRef<'_>> {
        self.fields.at(self.fields.position(name)?, &self.raw).map(|(_, value)| value)
    }

    /// Makes it the entry of another text, with message and fields as they are.
    pub fn set_raw(&mut self, raw: Box<str>) {
        self.message = Text::Owned(self.message().into());
        self.fields.own(&self.raw);
        self.raw = raw;
    }

    /// Bytes this entry takes in memory, near enough to keep budgets by.
    pub fn size(&self) -> usize {
        let named: usize = self.named().iter().skip(2).map(|(_, v)| v.map_or(0, str::len)).sum();
        size_of::<Entry>() + self.raw.len() + named + self.fields.size()
    }
}

/// Wherever texts are kept: the same message is the same.
impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        let plain = |e: &Entry| (e.time, e.time_source, e.read_time, e.level, e.level_source, e.duration_ms);
        plain(self) == plain(other)
            && self.raw == other.raw
            && self.message() == other.message()
            && self.named() == other.named()
            && self.fields().eq(other.fields())
    }
}

impl Value {
    /// The number in it, also when it was written as text.
    pub fn as_number(&self) -> Option<f64> {
        self.view().as_number()
    }

    /// The value as a person would write it in a query.
    pub fn to_text(&self) -> std::borrow::Cow<'_, str> {
        self.view().to_text()
    }
}
