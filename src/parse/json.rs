//! One JSON object a line, or one printed over several. Nested objects are flattened with dots, arrays are kept as JSON
//! text, nulls are left out; `places` says where the values go.
//!
//! A time without a zone is taken as UTC: that is what loggers that write JSON mean. A date and a clock under names of
//! their own are the host's, as with firewalls.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;

use super::clock::Clock;
use super::names::Names;
use super::places::Places;
use super::{append_lines, first_line};
use crate::record::{Entry, Text, Value};

/// Objects nested deeper are kept as JSON text.
const MAX_DEPTH: usize = 8;

pub fn recognises(line: &str) -> bool {
    line.starts_with('{') && line.trim_end().trim_end_matches(',').ends_with('}') || opens(line)
}

/// Whether an object printed over several lines begins with this one.
pub fn opens(line: &str) -> bool {
    line.trim_end() == "{"
}

/// Whether an object printed over several lines ends with this one.
pub fn closes(line: &str) -> bool {
    line.starts_with('}') && matches!(line.trim_end(), "}" | "},")
}

pub fn fill(entry: &mut Entry, clock: &mut Clock, names: &mut Names) -> bool {
    let raw = std::mem::take(&mut entry.raw);
    let first = first_line(&raw);
    // One of an array's elements has a comma behind it.
    let line = if opens(first) { &raw } else { first }.trim_end().trim_end_matches(',');
    let mut reader = serde_json::Deserializer::from_str(line);
    let mut sink = Sink { places: Places::new(entry, clock, names, line), depth: 0 };
    let good = Node(&mut sink).deserialize(&mut reader).is_ok() && reader.end().is_ok();
    let (has_message, end) = (sink.places.finish(), line.len());
    if !has_message {
        entry.message = Text::Slice(0..raw.len() as u32);
    }
    entry.raw = raw;
    if has_message {
        append_lines(entry, end);
    }
    good
}

/// Takes values as they are read.
struct Sink<'a> {
    places: Places<'a>,
    depth: usize,
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
        self.0.places.text(text, true);
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.places.text(text, false);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.0.places.field(Value::Bool(value));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.0.places.number(Value::Int(value));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.0.places.number(i64::try_from(value).map_or(Value::Float(value as f64), Value::Int));
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.0.places.number(Value::Float(value));
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
        self.0.places.field(Value::Str(Json::Array(array).to_string().into()));
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let sink = self.0;
        if sink.depth == MAX_DEPTH {
            let object = Json::deserialize(MapAccessDeserializer::new(map))?;
            sink.places.field(Value::Str(object.to_string().into()));
            return Ok(());
        }
        let length = sink.places.name.len();
        sink.depth += 1;
        while map.next_key_seed(Name(&mut sink.places.name))?.is_some() {
            map.next_value_seed(Node(sink))?;
            sink.places.name.truncate(length);
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
