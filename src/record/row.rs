//! One entry, wherever it is kept: a whole [`Entry`], or a line of a block of which only some columns were decoded.
//! Queries are evaluated on rows, so that there is one evaluator for all places.

use std::borrow::Cow;
use std::fmt::{self, Display, Write};

use crate::record::{Entry, Level, LevelSource, TimeSource, Value};

/// A field's value, borrowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValueRef<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(&'a str),
}

/// The parts of an entry. A row that was decoded for some [`Columns`] answers for those; of others it says that the
/// entry has none.
pub trait Row {
    /// Nanoseconds since the epoch.
    fn time(&self) -> i64;
    fn time_source(&self) -> TimeSource;
    /// When it was read, nanoseconds since the epoch.
    fn read_time(&self) -> Option<i64>;
    fn level(&self) -> Level;
    fn level_source(&self) -> LevelSource;
    fn message(&self) -> &str;
    fn raw(&self) -> Cow<'_, str>;
    /// The named text column of this number, in the order of [`Entry::named`].
    fn named(&self, column: usize) -> Option<&str>;
    fn duration_ms(&self) -> Option<f64>;
    /// The first field of this name.
    fn field(&self, name: &str) -> Option<ValueRef<'_>>;
    /// Whether `test` holds for a name and value among the fields; stops at the first.
    fn any_field(&self, test: &mut dyn FnMut(&str, ValueRef<'_>) -> bool) -> bool;
}

/// The parts of entries that a question needs; nothing else has to be decoded. Time, level and their sources are
/// always there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// A bit for each named text column, by its number.
    pub named: u16,
    pub read_time: bool,
    pub duration: bool,
    pub message: bool,
    pub raw: bool,
    pub fields: Fields,
}

/// The fields that a question needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fields {
    #[default]
    None,
    /// Those of these names.
    Some(Vec<Box<str>>),
    All,
}

/// Number of named text columns.
pub const NAMED: usize = 9;

/// Numbers of those that have rules of their own.
pub mod column {
    pub const SOURCE: usize = 0;
    pub const SERVICE: usize = 1;
    pub const LOGGER: usize = 2;
    pub const WORKFLOW_ID: usize = 3;
    pub const SESSION_ID: usize = 4;
    pub const WORKFLOW_TYPE: usize = 6;
    pub const AGENT: usize = 7;
    pub const EVENT: usize = 8;
}

impl Columns {
    /// Everything there is.
    pub fn all() -> Columns {
        Columns {
            named: (1 << NAMED) - 1,
            read_time: true,
            duration: true,
            message: true,
            raw: true,
            fields: Fields::All,
        }
    }

    /// What either needs.
    pub fn and(mut self, other: &Columns) -> Columns {
        self.named |= other.named;
        self.read_time |= other.read_time;
        self.duration |= other.duration;
        self.message |= other.message;
        self.raw |= other.raw;
        self.fields = match (self.fields, &other.fields) {
            (Fields::All, _) | (_, Fields::All) => Fields::All,
            (Fields::None, fields) => fields.clone(),
            (fields, Fields::None) => fields,
            (Fields::Some(mut names), Fields::Some(more)) => {
                names.extend(more.iter().filter(|name| !names.contains(name)).cloned().collect::<Vec<_>>());
                Fields::Some(names)
            }
        };
        self
    }

    pub fn has_named(&self, column: usize) -> bool {
        self.named & (1 << column) != 0
    }
}

impl<'a> ValueRef<'a> {
    /// The number in it, also when it was written as text.
    pub fn as_number(self) -> Option<f64> {
        match self {
            ValueRef::Int(n) => Some(n as f64),
            ValueRef::Float(n) => Some(n),
            ValueRef::Str(text) => text.parse().ok(),
            ValueRef::Null | ValueRef::Bool(_) => None,
        }
    }

    /// The value as a person would write it in a query.
    pub fn to_text(self) -> Cow<'a, str> {
        match self {
            ValueRef::Null => "null".into(),
            ValueRef::Bool(b) => if b { "true" } else { "false" }.into(),
            ValueRef::Int(n) => n.to_string().into(),
            ValueRef::Float(n) => n.to_string().into(),
            ValueRef::Str(text) => text.into(),
        }
    }

    /// What `look` makes of [`ValueRef::to_text`], without allocating.
    pub fn with_text<T>(self, look: impl FnOnce(&str) -> T) -> T {
        match self {
            ValueRef::Null => look("null"),
            ValueRef::Bool(b) => look(if b { "true" } else { "false" }),
            ValueRef::Int(n) => Digits::with(n, look),
            ValueRef::Float(n) => Digits::with(n, look),
            ValueRef::Str(text) => look(text),
        }
    }

    pub fn to_value(self) -> Value {
        match self {
            ValueRef::Null => Value::Null,
            ValueRef::Bool(b) => Value::Bool(b),
            ValueRef::Int(n) => Value::Int(n),
            ValueRef::Float(n) => Value::Float(n),
            ValueRef::Str(text) => Value::Str(text.into()),
        }
    }
}

/// Bytes that any number takes when written in full: the longest are those near the smallest float.
const MAX_DIGITS: usize = 352;

/// A number written where it needs no memory of its own.
struct Digits {
    text: [u8; MAX_DIGITS],
    len: usize,
}

impl Digits {
    fn with<T>(number: impl Display, look: impl FnOnce(&str) -> T) -> T {
        let mut digits = Digits { text: [0; MAX_DIGITS], len: 0 };
        match write!(digits, "{number}") {
            Ok(()) => look(std::str::from_utf8(digits.text.get(..digits.len).unwrap_or_default()).unwrap_or_default()),
            // Longer than any number is, so this does not happen.
            Err(fmt::Error) => look(&number.to_string()),
        }
    }
}

impl Write for Digits {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        self.text.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

impl Value {
    pub fn view(&self) -> ValueRef<'_> {
        match self {
            Value::Null => ValueRef::Null,
            Value::Bool(b) => ValueRef::Bool(*b),
            Value::Int(n) => ValueRef::Int(*n),
            Value::Float(n) => ValueRef::Float(*n),
            Value::Str(text) => ValueRef::Str(text),
        }
    }
}

impl Row for Entry {
    fn time(&self) -> i64 {
        self.time
    }

    fn time_source(&self) -> TimeSource {
        self.time_source
    }

    fn read_time(&self) -> Option<i64> {
        self.read_time
    }

    fn level(&self) -> Level {
        self.level
    }

    fn level_source(&self) -> LevelSource {
        self.level_source
    }

    fn message(&self) -> &str {
        Entry::message(self)
    }

    fn raw(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.raw)
    }

    fn named(&self, column: usize) -> Option<&str> {
        Entry::named(self).get(column)?.1
    }

    fn duration_ms(&self) -> Option<f64> {
        self.duration_ms
    }

    fn field(&self, name: &str) -> Option<ValueRef<'_>> {
        Entry::field(self, name)
    }

    fn any_field(&self, test: &mut dyn FnMut(&str, ValueRef<'_>) -> bool) -> bool {
        self.fields().any(|(name, value)| test(name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_the_same_without_allocating() {
        let numbers = [0.0, -0.0, 404.0, 2.5, f64::MAX, f64::MIN, f64::MIN_POSITIVE, -5e-324, f64::NAN, f64::INFINITY];
        let values = numbers.map(ValueRef::Float).into_iter().chain([i64::MIN, -1, 0, i64::MAX].map(ValueRef::Int));
        let others = [ValueRef::Null, ValueRef::Bool(true), ValueRef::Bool(false), ValueRef::Str("a b")];
        for value in values.chain(others) {
            value.with_text(|text| assert_eq!(text, value.to_text()));
            value.with_text(|text| assert!(text.len() < MAX_DIGITS));
        }
    }

    #[test]
    fn needs_add_up() {
        let some = |names: &[&str]| Fields::Some(names.iter().map(|n| Box::from(*n)).collect());
        let check = |a: Fields, b: Fields, want: Fields| {
            let columns = |fields| Columns { fields, ..Columns::default() };
            assert_eq!(columns(a).and(&columns(b)).fields, want);
        };
        check(Fields::None, Fields::None, Fields::None);
        check(Fields::None, some(&["a"]), some(&["a"]));
        check(some(&["a", "b"]), some(&["b", "c"]), some(&["a", "b", "c"]));
        check(some(&["a"]), Fields::All, Fields::All);
        assert_eq!(Columns::all().and(&Columns::default()), Columns::all());
        assert_eq!(Entry::default().named().len(), NAMED);
    }

    #[test]
    fn columns_have_the_numbers_of_their_names() {
        use column::*;
        let names = Entry::default().named().map(|(name, _)| name);
        let numbers = [SOURCE, SERVICE, LOGGER, WORKFLOW_ID, SESSION_ID, WORKFLOW_TYPE, AGENT, EVENT];
        assert_eq!(
            numbers.map(|number| names[number]),
            ["source", "service", "logger", "workflow_id", "session_id", "workflow_type", "agent", "event"]
        );
    }
}
