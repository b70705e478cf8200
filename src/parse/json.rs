//! One JSON object a line. Well-known names fill the entry's own places, in the spellings that Python, Node, Go and
//! Elastic loggers use; everything else becomes a field. Nested objects are flattened with dots, arrays are kept as
//! JSON text, nulls are left out. The first of several names for one place wins; the others become fields.
//!
//! A time without a zone is taken as UTC: that is what loggers that write JSON mean.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;

use crate::parse::timestamp::iso;
use crate::parse::zone::Zone;
use crate::parse::{first_line, ids, set_time};
use crate::record::{Entry, Level, LevelSource, Text, TimeSource, Value};
use crate::sys::clock::SECOND;

/// Objects nested deeper are kept as JSON text.
const MAX_DEPTH: usize = 8;
/// Fields of one entry; what is beyond stands in `raw` only.
const MAX_FIELDS: usize = 256;
/// Bytes of a dotted name; a field with a longer one stands in `raw` only.
const MAX_NAME: usize = 256;

pub fn recognises(line: &str) -> bool {
    line.starts_with('{') && line.trim_end().ends_with('}')
}

pub fn fill(entry: &mut Entry, _: &mut Zone) -> bool {
    let raw = std::mem::take(&mut entry.raw);
    let line = first_line(&raw);
    let mut reader = serde_json::Deserializer::from_str(line);
    let mut sink = Sink { entry, line, name: String::with_capacity(64), depth: 0, has_message: false, has_time: false };
    let good = Node(&mut sink).deserialize(&mut reader).is_ok() && reader.end().is_ok();
    let (has_message, rest) = (sink.has_message, &raw[line.len()..]);
    if !has_message {
        entry.message = Text::Slice(0..raw.len() as u32);
    } else if !rest.is_empty() {
        let message = match &entry.message {
            Text::Slice(range) => &raw[range.start as usize..range.end as usize],
            Text::Owned(text) => text,
        };
        entry.message = Text::Owned(format!("{message}{rest}").into());
    }
    entry.raw = raw;
    if good {
        ids::extract(entry);
    }
    good
}

/// Takes values as they are read.
struct Sink<'a> {
    entry: &'a mut Entry,
    line: &'a str,
    /// The dotted name of the value being read.
    name: String,
    depth: usize,
    has_message: bool,
    has_time: bool,
}

impl Sink<'_> {
    /// A text; `borrowed` when it is a piece of the line.
    fn text(&mut self, text: &str, borrowed: bool) {
        if !self.is_taken_by_name(text, borrowed) {
            self.field(Value::Str(text.into()));
        }
    }

    /// Puts the text where its name says, if that place is free.
    fn is_taken_by_name(&mut self, text: &str, borrowed: bool) -> bool {
        let slot = match &*self.name {
            "timestamp" | "time" | "ts" | "@timestamp" => return self.time(text),
            "level" | "levelname" | "severity" | "lvl" | "log.level" => return self.level(text),
            "message" | "msg" => return self.message(text, borrowed),
            "interaction_type" if self.entry.event.is_none() => {
                self.entry.event = Some("agent_interaction".into());
                return false;
            }
            "logger" | "name" | "logger_name" => &mut self.entry.logger,
            "workflow_id" | "context.workflow_id" => &mut self.entry.workflow_id,
            "session_id" | "context.session_id" => &mut self.entry.session_id,
            "request_id" | "context.request_id" => &mut self.entry.request_id,
            "agent" | "agent_name" | "context.agent_name" => &mut self.entry.agent,
            "workflow_type" | "event_data.workflow_type" | "context.workflow_type" => &mut self.entry.workflow_type,
            "event_type" | "event" => &mut self.entry.event,
            _ => return false,
        };
        let is_free = slot.is_none() && !text.is_empty();
        if is_free {
            *slot = Some(text.into());
        }
        is_free
    }

    fn time(&mut self, text: &str) -> bool {
        let stamp = iso(text).filter(|(_, end)| *end == text.len() && !self.has_time);
        if let Some((stamp, _)) = stamp {
            set_time(self.entry, stamp, &mut Zone::utc());
            self.has_time = true;
        }
        stamp.is_some()
    }

    fn level(&mut self, text: &str) -> bool {
        let level = Level::from_word(text).filter(|_| self.entry.level_source == LevelSource::None);
        if let Some(level) = level {
            self.entry.level = level;
            self.entry.level_source = LevelSource::Field;
        }
        level.is_some()
    }

    fn message(&mut self, text: &str, borrowed: bool) -> bool {
        if self.has_message {
            return false;
        }
        self.has_message = true;
        self.entry.message = if borrowed {
            let start = text.as_ptr() as usize - self.line.as_ptr() as usize;
            Text::Slice(start as u32..(start + text.len()) as u32)
        } else {
            Text::Owned(text.into())
        };
        true
    }

    fn number(&mut self, value: Value) {
        let number = value.as_number().filter(|n| n.is_finite());
        match (&*self.name, number) {
            ("timestamp" | "time" | "ts" | "@timestamp", Some(number)) if !self.has_time => {
                if let Some(time) = epoch(&value, number) {
                    self.entry.time = time;
                    self.entry.time_source = TimeSource::Line;
                    self.has_time = true;
                    return;
                }
            }
            ("duration_ms", Some(number)) if self.entry.duration_ms.is_none() => {
                self.entry.duration_ms = Some(number);
                return;
            }
            ("duration_seconds" | "event_data.duration_seconds", Some(number)) => {
                self.entry.duration_ms = self.entry.duration_ms.or(Some(number * 1000.0));
            }
            _ => {}
        }
        self.field(value);
    }

    fn field(&mut self, value: Value) {
        if self.entry.fields.len() < MAX_FIELDS && self.name.len() <= MAX_NAME {
            self.entry.fields.push((self.name.as_str().into(), value));
        }
    }
}

/// Seconds, milliseconds, microseconds or nanoseconds since the epoch, told apart by their size.
fn epoch(value: &Value, number: f64) -> Option<i64> {
    let unit = match number {
        1e8..1e11 => SECOND,
        1e11..1e14 => SECOND / 1_000,
        1e14..1e17 => SECOND / 1_000_000,
        1e17..9.2e18 => 1,
        _ => return None,
    };
    match value {
        Value::Int(whole) => whole.checked_mul(unit),
        // A double holds microseconds of today's times, not more.
        _ => Some((number * (unit as f64) / 1_000.0).round() as i64 * 1_000),
    }
}

/// A value about to be read into the sink, under the sink's current name.
struct Node<'s, 'a>(&'s mut Sink<'a>);

impl<'de> DeserializeSeed<'de> for Node<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<(), E> {
        self.0.text(text, true);
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.text(text, false);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.0.field(Value::Bool(value));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.0.number(Value::Int(value));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.0.number(i64::try_from(value).map_or(Value::Float(value as f64), Value::Int));
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.0.number(Value::Float(value));
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element::<Json>()? {
            array.push(item);
        }
        self.0.field(Value::Str(Json::Array(array).to_string().into()));
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let sink = self.0;
        if sink.depth == MAX_DEPTH {
            let object = Json::deserialize(MapAccessDeserializer::new(map))?;
            sink.field(Value::Str(object.to_string().into()));
            return Ok(());
        }
        let length = sink.name.len();
        sink.depth += 1;
        while map.next_key_seed(Name(&mut sink.name))?.is_some() {
            map.next_value_seed(Node(sink))?;
            sink.name.truncate(length);
        }
        sink.depth -= 1;
        Ok(())
    }
}

/// Appends a key to the dotted name.
struct Name<'s>(&'s mut String);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, key: &str) -> Result<(), E> {
        if !self.0.is_empty() {
            self.0.push('.');
        }
        self.0.push_str(key);
        Ok(())
    }
}
