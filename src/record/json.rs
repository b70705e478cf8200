//! An entry as JSON: the names that last. What an entry has not is left out.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Number, Value as Json};

use crate::record::{Entry, LevelSource, Value};

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
            let fields = self.fields.iter().map(|(k, v)| (k.to_string(), v.to_json()));
            object.insert("fields".to_owned(), Json::Object(fields.collect()));
        }
        Json::Object(object)
    }
}

impl Value {
    pub fn to_json(&self) -> Json {
        match self {
            Value::Null => Json::Null,
            Value::Bool(b) => Json::Bool(*b),
            Value::Int(n) => Json::from(*n),
            Value::Float(n) => Number::from_f64(*n).map_or(Json::Null, Json::Number),
            Value::Str(text) => Json::from(&**text),
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
    fn absent_things_are_left_out() {
        let entry = Entry { raw: "hello".into(), source: "a.log".into(), service: "api".into(), ..Entry::default() };
        let object = entry.to_json(true);
        let keys: Vec<_> = object.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["level", "message", "raw", "service", "source", "timestamp", "timestamp_source"]);
        assert_eq!(object["level"], Level::Unknown.name());
    }
}
