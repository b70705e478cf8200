//! The names a query may give to the parts of an entry.

use std::borrow::Cow;
use std::fmt;

use crate::record::{Columns, Fields, Row, ValueRef, timestamp};

/// The named text columns, in the order of [`crate::record::Entry::named`]. Their exact values are keys in the store.
pub(super) const NAMED: [&str; 9] =
    ["source", "service", "logger", "workflow_id", "session_id", "request_id", "workflow_type", "agent", "event"];

/// Short names for the columns asked for most.
const ALIASES: [(&str, &str); 4] =
    [("workflow", "workflow_id"), ("session", "session_id"), ("request", "request_id"), ("type", "workflow_type")];

/// A part of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    Timestamp,
    TimestampSource,
    ReadTime,
    Level,
    LevelSource,
    Message,
    Raw,
    DurationMs,
    /// Index into [`NAMED`].
    Named(usize),
    /// A key of `Entry::fields`, by its full dotted name.
    Other(String),
}

/// What an entry holds under a name.
#[derive(Clone, Debug, PartialEq)]
pub enum Found<'a> {
    Text(Cow<'a, str>),
    /// Nanoseconds since the epoch.
    Time(i64),
    Value(ValueRef<'a>),
}

impl Field {
    /// The part that `name` stands for. With `fields.` in front, a name is always one of `Entry::fields`.
    pub fn from_name(name: &str) -> Field {
        if let Some(key) = name.strip_prefix("fields.").filter(|key| !key.is_empty()) {
            return Field::Other(key.to_owned());
        }
        let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, full)| full);
        if let Some(index) = NAMED.iter().position(|known| *known == name) {
            return Field::Named(index);
        }
        match name {
            "timestamp" => Field::Timestamp,
            "timestamp_source" => Field::TimestampSource,
            "read_time" => Field::ReadTime,
            "level" => Field::Level,
            "level_source" => Field::LevelSource,
            "message" => Field::Message,
            "raw" => Field::Raw,
            "duration_ms" => Field::DurationMs,
            other => Field::Other(other.to_owned()),
        }
    }

    /// Its values are points in time.
    pub fn is_time(&self) -> bool {
        matches!(self, Field::Timestamp | Field::ReadTime)
    }

    /// Its value is prose: tests on it look for words, not for the whole value.
    pub fn is_prose(&self) -> bool {
        matches!(self, Field::Message | Field::Raw)
    }

    /// What the row holds under this name; the row must have been decoded for [`Field::columns`].
    pub fn of<'a, R: Row + ?Sized>(&self, row: &'a R) -> Option<Found<'a>> {
        Some(match self {
            Field::Timestamp => Found::Time(row.time()),
            Field::TimestampSource => Found::Text(row.time_source().name().into()),
            Field::ReadTime => Found::Time(row.read_time()?),
            Field::Level => Found::Text(row.level().name().into()),
            Field::LevelSource => Found::Text(row.level_source().name().into()),
            Field::Message => Found::Text(row.message().into()),
            Field::Raw => Found::Text(row.raw()),
            Field::DurationMs => Found::Value(ValueRef::Float(row.duration_ms()?)),
            Field::Named(index) => Found::Text(row.named(*index)?.into()),
            Field::Other(name) => Found::Value(row.field(name)?),
        })
    }

    /// What must be decoded to answer [`Field::of`].
    pub fn columns(&self) -> Columns {
        let none = Columns::default();
        match self {
            Field::Timestamp | Field::TimestampSource | Field::Level | Field::LevelSource => none,
            Field::ReadTime => Columns { read_time: true, ..none },
            Field::Message => Columns { message: true, ..none },
            Field::Raw => Columns { raw: true, ..none },
            Field::DurationMs => Columns { duration: true, ..none },
            Field::Named(index) => Columns { named: 1 << index, ..none },
            Field::Other(name) => Columns { fields: Fields::Some(vec![name.as_str().into()]), ..none },
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Field::Timestamp => f.write_str("timestamp"),
            Field::TimestampSource => f.write_str("timestamp_source"),
            Field::ReadTime => f.write_str("read_time"),
            Field::Level => f.write_str("level"),
            Field::LevelSource => f.write_str("level_source"),
            Field::Message => f.write_str("message"),
            Field::Raw => f.write_str("raw"),
            Field::DurationMs => f.write_str("duration_ms"),
            Field::Named(index) => f.write_str(NAMED.get(*index).unwrap_or(&"")),
            Field::Other(name) if Field::from_name(name) == *self => f.write_str(name),
            Field::Other(name) => write!(f, "fields.{name}"),
        }
    }
}

impl Found<'_> {
    /// The value as a person would write it in a query.
    pub fn to_text(&self) -> Cow<'_, str> {
        match self {
            Found::Text(text) => Cow::Borrowed(text.as_ref()),
            Found::Time(time) => Cow::Owned(timestamp(*time)),
            Found::Value(value) => value.to_text(),
        }
    }

    /// What `look` makes of [`Found::to_text`]; only the text of a time is allocated.
    pub(super) fn with_text<T>(&self, look: impl FnOnce(&str) -> T) -> T {
        match self {
            Found::Text(text) => look(text),
            Found::Time(time) => look(&timestamp(*time)),
            Found::Value(value) => value.with_text(look),
        }
    }

    /// The number, when it is stored as one.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Found::Value(value) if !matches!(value, ValueRef::Str(_)) => value.as_number(),
            _ => None,
        }
    }

    /// The number, also when it was written as text.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Found::Text(text) => text.parse().ok(),
            Found::Time(_) => None,
            Found::Value(value) => value.as_number(),
        }
    }

    /// A named column that is empty, or a field that is null: what `field:*` does not find.
    pub fn is_null(&self) -> bool {
        match self {
            Found::Text(text) => text.is_empty(),
            Found::Time(_) => false,
            Found::Value(value) => *value == ValueRef::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Entry;

    #[test]
    fn named_columns_are_in_the_order_of_the_entry() {
        assert_eq!(Entry::default().named().map(|(name, _)| name), NAMED);
    }

    #[test]
    fn names_read_back() {
        let check = |name: &str, want: &str| {
            let field = Field::from_name(name);
            assert_eq!(field.to_string(), want);
            assert_eq!(Field::from_name(want), field);
        };
        check("workflow", "workflow_id");
        check("type", "workflow_type");
        check("fields.type", "fields.type");
        check("fields.status", "status");
        check("fields.read_time", "fields.read_time");
        check("fields.fields.x", "fields.fields.x");
        check("event_data.error", "event_data.error");
    }
}
