//! How texts and documents become entries: as a followed file's lines would, with what the protocol knows beside them.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use crate::parse::place;
use crate::pipeline::Pipeline;
use crate::receive::{Origin, Received};
use crate::record::{Entry, Level, LevelSource, RawBatch, Text, TimeSource, Value};

/// Fields of one entry; what is beyond is left out.
const MAX_FIELDS: usize = 256;
/// Objects nested deeper are kept as JSON text.
const MAX_DEPTH: usize = 8;

/// Makes entries of what one request brought.
pub struct Reader {
    pipeline: Pipeline,
    /// When it arrived, nanoseconds since the epoch.
    pub now: i64,
    source: Arc<str>,
    service: Arc<str>,
    /// See [`Origin::sender`].
    sender: Option<String>,
}

impl Reader {
    /// `source` and `service` of what names none.
    pub fn new(source: &str, service: &str, now: i64) -> Reader {
        Reader { pipeline: Pipeline::any(), now, source: source.into(), service: service.into(), sender: None }
    }

    /// Another logmill sends under this name.
    pub fn from_sender(self, sender: Option<String>) -> Reader {
        Reader { sender, ..self }
    }

    /// Lines as they stand in a log, which belong together as in a file.
    pub fn lines(&self, text: &[u8]) -> Vec<Entry> {
        let batch = RawBatch {
            source: self.source.clone(),
            bytes: text.to_vec(),
            read_time: self.now,
            written: self.now,
            last: true,
            ..RawBatch::default()
        };
        let mut entries = self.pipeline.stream(&self.source).run(&batch).entries;
        entries.iter_mut().for_each(|entry| entry.service = self.service.clone());
        entries
    }

    /// One text, whatever lines it has.
    pub fn text(&self, text: &str) -> Entry {
        let mut entries = self.lines(text.as_bytes());
        match (entries.pop(), entries.is_empty()) {
            (Some(entry), true) if &*entry.raw == text.trim_end_matches('\n') => entry,
            // Several entries by their looks, or none: it is one by what the sender says.
            _ => self.plain(text),
        }
    }

    /// A text of which nothing more is known.
    pub fn plain(&self, text: &str) -> Entry {
        Entry {
            time: self.now,
            read_time: Some(self.now),
            raw: text.into(),
            message: Text::Slice(0..text.len() as u32),
            source: self.source.clone(),
            service: self.service.clone(),
            ..Entry::default()
        }
    }

    /// A JSON object, as it was sent: an entry of another logmill's, or whatever a program logs.
    pub fn document(&self, text: &str, object: &Json) -> Received {
        match Entry::from_json(object) {
            Some(entry) => {
                let read_time = entry.read_time.or(Some(self.now));
                let id = object.get("id").and_then(Json::as_str);
                let origin =
                    id.zip(self.sender.as_deref()).and_then(|(id, sender)| Origin::new(sender, id, &entry.source));
                Received { entry: Entry { read_time, ..entry }, origin }
            }
            None => self.text(text).into(),
        }
    }
}

/// What the protocol says of the time, where the text itself does not know it better.
pub fn take_time(entry: &mut Entry, time: Option<i64>) {
    if let Some(time) = time.filter(|time| *time > 0)
        && matches!(entry.time_source, TimeSource::Read | TimeSource::Estimated)
    {
        entry.time = time;
        entry.time_source = TimeSource::Line;
    }
}

/// What the protocol says of the level, where the text has none.
pub fn take_level(entry: &mut Entry, level: Option<Level>) {
    if let Some(level) = level.filter(|level| *level != Level::Unknown)
        && entry.level == Level::Unknown
    {
        entry.level = level;
        entry.level_source = LevelSource::Field;
    }
}

/// A value that the protocol has beside the text: to its own place, where the entry has one that is empty, or a field.
pub fn take(entry: &mut Entry, name: &str, value: &Json) {
    flatten(entry, name, value, 0);
}

fn flatten(entry: &mut Entry, name: &str, value: &Json, depth: usize) {
    match value {
        Json::Object(map) if depth < MAX_DEPTH => inner(entry, name, map, depth),
        _ if entry.fields.len() >= MAX_FIELDS || entry.field(name).is_some() => {}
        _ => put(entry, name, Value::from_json(value)),
    }
}

fn inner(entry: &mut Entry, name: &str, map: &Map<String, Json>, depth: usize) {
    for (key, value) in map {
        flatten(entry, &format!("{name}.{key}"), value, depth + 1);
    }
}

/// The text's own ids stay.
fn put(entry: &mut Entry, name: &str, value: Value) {
    let is_taken = entry.named().iter().skip(2).any(|(known, text)| *known == name && text.is_some());
    let is_duration = name == "duration_ms" && entry.duration_ms.is_some();
    match is_taken || is_duration || name == "level" {
        true => entry.fields.push((name.into(), value)),
        false => place(entry, name.into(), value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record::ValueRef;

    #[test]
    fn texts_are_read_as_lines_of_a_log_are() {
        let reader = Reader::new("loki", "shop", 1_795_600_000_000_000_000);
        let mut entry = reader.text("2026-11-23 10:15:30,123 - a.b - ERROR - it broke");
        assert_eq!((entry.level, entry.logger.as_deref(), entry.message()), (Level::Error, Some("a.b"), "it broke"));
        let own = entry.time;
        take_time(&mut entry, Some(7));
        take_level(&mut entry, Some(Level::Info));
        assert_eq!((entry.time, entry.level), (own, Level::Error), "the text knows better");
        let mut entry = reader.text("two\nlines");
        assert_eq!((entry.message(), &*entry.service), ("two\nlines", "shop"));
        take_time(&mut entry, Some(7));
        take_level(&mut entry, Some(Level::Info));
        take(&mut entry, "logger", &json!("x"));
        take(&mut entry, "k", &json!({"a": {"b": 1}, "c": [1, 2]}));
        take(&mut entry, "k.c", &json!("later"));
        assert_eq!((entry.time, entry.level, entry.logger.as_deref()), (7, Level::Info, Some("x")));
        let fields: Vec<_> = entry.fields().map(|(name, value)| (name.as_str(), value)).collect();
        assert_eq!(fields, [("k.a.b", ValueRef::Int(1)), ("k.c", ValueRef::Str("[1,2]"))]);
    }
}
