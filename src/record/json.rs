//! An entry as JSON: the names that last. What an entry has not is left out.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Number, Value as Json};

use crate::record::{Entry, Level, LevelSource, Text, TimeSource, Value, ValueRef};

/// RFC 3339 in UTC with as many digits as the time needs: none, 3, 6 or 9.
pub fn timestamp(time: i64) -> String {
    DateTime::<Utc>::from_timestamp_nanos(time).to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

impl Entry {
    /// The JSON object of this entry; `raw` only when asked for.
    pub fn to_json(&self, with_raw: bool) -> Json {
        let mut object = Map::new();
        let mut text = |key: &str, value: &str| {
            object.insert(key.to_owned(), Json::from(value));
        };
        text("timestamp", &timestamp(self.time));
        text("timestamp_source", self.time_source.name());
        if let Some(read_time) = self.read_time {
            text("read_time", &timestamp(read_time));
        }
        text("level", self.level.name());
        if self.level_source != LevelSource::None {
            text("level_source", self.level_source.name());
        }
        text("message", self.message());
        for (key, value) in self.named() {
            if let Some(value) = value {
                text(key, value);
            }
        }
        if with_raw {
            text("raw", &self.raw);
        }
        if let Some(number) = self.duration_ms.and_then(Number::from_f64) {
            object.insert("duration_ms".to_owned(), Json::Number(number));
        }
        if !self.fields.is_empty() {
            let fields = self.fields().map(|(k, v)| (k.to_string(), v.to_json()));
            object.insert("fields".to_owned(), Json::Object(fields.collect()));
        }
        Json::Object(object)
    }
}

impl Entry {
    /// The entry of which this is the JSON object, with or without `raw`; `None` when it is of something else. What a
    /// sender may get wrong is left out, and what has no place in an entry is forgotten.
    pub fn from_json(object: &Json) -> Option<Entry> {
        let text = |name: &str| object.get(name).and_then(Json::as_str);
        let time = |name: &str| DateTime::parse_from_rfc3339(text(name)?).ok()?.timestamp_nanos_opt();
        let message = text("message")?;
        let raw = text("raw").unwrap_or(message);
        let named = |name: &str| text(name).map(Into::into);
        let fields = object.get("fields").and_then(Json::as_object);
        Some(Entry {
            time: time("timestamp").or_else(|| time("@timestamp"))?,
            time_source: TimeSource::from_name(text("timestamp_source")?)?,
            read_time: time("read_time"),
            level: Level::ALL.into_iter().find(|level| text("level") == Some(level.name())).unwrap_or_default(),
            level_source: text("level_source").and_then(LevelSource::from_name).unwrap_or_default(),
            message: Text::within(raw, message),
            raw: raw.into(),
            source: text("source").unwrap_or_default().into(),
            service: text("service").unwrap_or_default().into(),
            logger: named("logger"),
            workflow_id: named("workflow_id"),
            session_id: named("session_id"),
            request_id: named("request_id"),
            workflow_type: named("workflow_type"),
            agent: named("agent"),
            event: named("event"),
            duration_ms: object.get("duration_ms").and_then(Json::as_f64),
            fields: fields.into_iter().flatten().map(|(name, value)| (name.into(), Value::from_json(value))).collect(),
        })
    }
}

impl Value {
    /// What is nested is kept as JSON text.
    pub fn from_json(value: &Json) -> Value {
        match value {
            Json::Null => Value::Null,
            Json::Bool(b) => Value::Bool(*b),
            Json::String(text) => Value::Str(text.into()),
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => Value::Int(whole),
                (None, float) => float.map_or(Value::Null, Value::Float),
            },
            nested => Value::Str(nested.to_string().into()),
        }
    }

    pub fn to_json(&self) -> Json {
        self.view().to_json()
    }
}

impl ValueRef<'_> {
    pub fn to_json(self) -> Json {
        match self {
            ValueRef::Null => Json::Null,
            ValueRef::Bool(b) => Json::Bool(b),
            ValueRef::Int(n) => Json::from(n),
            ValueRef::Float(n) => Number::from_f64(n).map_or(Json::Null, Json::Number),
            ValueRef::Str(text) => Json::from(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Level;

    #[test]
    fn times_have_as_many_digits_as_they_need() {
        let check = |time: i64, want: &str| assert_eq!(timestamp(time), want);
        check(0, "1970-01-01T00:00:00Z");
        check(1_500_000, "1970-01-01T00:00:00.001500Z");
        check(1, "1970-01-01T00:00:00.000000001Z");
    }

    #[test]
    fn what_was_written_is_read_again() {
        let raw = "2026-11-26 10:00:00 [x] it \"broke\"\n  here";
        let whole = Entry {
            time: 1_795_600_000_123_456_789,
            time_source: TimeSource::Zone,
            read_time: Some(1_795_600_001_000_000_000),
            level: Level::Error,
            level_source: LevelSource::Field,
            raw: raw.into(),
            message: Text::Slice(24..raw.len() as u32),
            source: "logs/a.log".into(),
            service: "api".into(),
            logger: Some("x".into()),
            workflow_id: Some("wf-1".into()),
            session_id: Some("s1".into()),
            request_id: Some("r1".into()),
            workflow_type: Some("tdd".into()),
            agent: Some("coder".into()),
            event: Some("retry".into()),
            duration_ms: Some(2.5),
            fields: [
                ("a".into(), Value::Null),
                ("b".into(), Value::Bool(true)),
                ("c".into(), Value::Int(-1)),
                ("d".into(), Value::Float(1.0)),
                ("e.f".into(), Value::Str("[1,2]".into())),
            ]
            .into(),
        };
        let elsewhere = Entry { message: Text::Owned("something else".into()), ..whole.clone() };
        let bare = Entry { raw: "hello".into(), message: Text::Slice(0..5), ..Entry::default() };
        for entry in [whole.clone(), elsewhere, bare] {
            assert_eq!(Entry::from_json(&entry.to_json(true)), Some(entry));
        }
        let without = Entry::from_json(&whole.to_json(false)).unwrap();
        assert_eq!((without.message(), &*without.raw), (whole.message(), whole.message()));
    }

    #[test]
    fn what_is_no_entry() {
        let check = |text: &str, want: bool| {
            assert_eq!(Entry::from_json(&serde_json::from_str(text).unwrap()).is_some(), want, "{text}");
        };
        check(r#"{"timestamp":"2026-11-26T10:00:00Z","timestamp_source":"line","message":"m"}"#, true);
        check(r#"{"timestamp":"2026-11-26T10:00:00Z","timestamp_source":"x","message":"m"}"#, false);
        check(r#"{"timestamp":"2026-11-26T10:00:00Z","message":"m"}"#, false);
        check(r#"{"timestamp":"9999-11-26T10:00:00Z","timestamp_source":"line","message":"m"}"#, false);
        check(r#"{"timestamp":"now","timestamp_source":"line","message":"m","level":5}"#, false);
        check(r#"{"@timestamp":"2026-11-26T10:00:00Z","timestamp_source":"line","message":"m"}"#, true);
        check("[]", false);
        check("null", false);
    }

    #[test]
    fn absent_things_are_left_out() {
        let entry = Entry { raw: "hello".into(), source: "a.log".into(), service: "api".into(), ..Entry::default() };
        let object = entry.to_json(true);
        let keys: Vec<_> = object.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["level", "message", "raw", "service", "source", "timestamp", "timestamp_source"]);
        assert_eq!(object["level"], Level::Unknown.name());
    }
}
