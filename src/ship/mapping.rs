//! What a sink gets of an entry: the entry's JSON form, with names changed, fields left out and labels added.

use serde_json::{Map, Value};

use crate::query::tokens::any_text;
use crate::record::Entry;
use crate::ship::Item;

/// How names of fields begin in `only`, `drop` and `rename`.
const FIELDS: &str = "fields.";

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapping {
    /// From the name in the entry's JSON form to another one; a field is called `fields.NAME`.
    pub rename: Vec<(String, String)>,
    /// Nothing else, when there are any.
    pub only: Vec<String>,
    pub drop: Vec<String>,
    /// Whatever the entry has of these names.
    pub add: Vec<(String, Value)>,
    /// Fields stand beside the named ones, and not under `fields`.
    pub flat: bool,
    /// The text as it stood in the file, too.
    pub raw: bool,
    /// All texts of the entry as one, in which words are looked for.
    pub text: bool,
}

impl Mapping {
    /// The record of an entry. Its stable id is `id`.
    pub fn record(&self, item: &Item) -> Map<String, Value> {
        let Value::Object(mut named) = item.entry.to_json(self.raw) else { return Map::new() };
        let fields = named.remove("fields");
        named.insert("id".to_owned(), item.id.clone().into());
        let mut record = Map::new();
        for (name, value) in named {
            if self.wants(&name) {
                record.insert(self.renamed(&name).unwrap_or(&name).to_owned(), value);
            }
        }
        let mut nested = Map::new();
        for (name, value) in fields
            .and_then(|fields| if let Value::Object(map) = fields { Some(map) } else { None })
            .into_iter()
            .flatten()
        {
            let full = format!("{FIELDS}{name}");
            if !self.wants(&full) {
                continue;
            }
            match self.renamed(&full) {
                Some(other) => drop(record.insert(other.to_owned(), value)),
                // A named column keeps its name.
                None if self.flat && !record.contains_key(&name) => drop(record.insert(name, value)),
                None if self.flat => drop(record.insert(full, value)),
                None => drop(nested.insert(name, value)),
            }
        }
        if !nested.is_empty() {
            record.insert(self.renamed("fields").unwrap_or("fields").to_owned(), nested.into());
        }
        if self.text {
            record.insert("text".to_owned(), text_of(&item.entry).into());
        }
        record.extend(self.add.iter().cloned());
        record
    }

    /// The name in the record of what is called so in the entry.
    pub fn name_of<'a>(&'a self, name: &'a str) -> &'a str {
        self.renamed(name).unwrap_or(name)
    }

    fn wants(&self, name: &str) -> bool {
        // `fields` are all of them.
        let is_field = name.starts_with(FIELDS);
        let among = |names: &[String]| names.iter().any(|own| own == name || (is_field && own == "fields"));
        (self.only.is_empty() || among(&self.only)) && !among(&self.drop)
    }

    fn renamed(&self, name: &str) -> Option<&str> {
        self.rename.iter().find(|(from, _)| from == name).map(|(_, to)| to.as_str())
    }
}

/// What a query's bare words look at, a line each.
fn text_of(entry: &Entry) -> String {
    let mut whole = String::new();
    any_text(entry, |text| {
        whole.push_str(text);
        whole.push('\n');
        false
    });
    whole.pop();
    whole
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;
    use crate::record::{Entry, Level, LevelSource, Text, TimeSource, Value as Field};
    use crate::search::{Fed, Place};

    /// An entry that has something of everything.
    pub fn item() -> Item {
        let entry = Entry {
            time: 1_795_600_000_123_456_789,
            time_source: TimeSource::Line,
            level: Level::Error,
            level_source: LevelSource::Field,
            raw: "raw: no \"route\"\nto host".into(),
            message: Text::Slice(5..23),
            source: "logs/api.log".into(),
            service: "api".into(),
            logger: Some("net.http".into()),
            request_id: Some("req_1".into()),
            duration_ms: Some(2.5),
            fields: [
                ("status".into(), Field::Int(502)),
                ("logger".into(), Field::Str("other".into())),
                ("ok".into(), Field::Bool(false)),
            ]
            .into(),
            ..Entry::default()
        };
        Item::new("00c0ffee00c0ffee", Fed { place: Place { partition: 3, sequence: 77 }, entry })
    }

    #[test]
    fn records() {
        let check = |mapping: Mapping, want: Value| {
            assert_eq!(Value::Object(mapping.record(&item())), want, "{mapping:?}");
        };
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let pairs = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let whole = json!({
            "id": "00c0ffee00c0ffee-3-77", "timestamp": "2026-11-25T09:46:40.123456789Z", "timestamp_source": "line",
            "level": "error", "level_source": "field", "message": "no \"route\"\nto host", "source": "logs/api.log",
            "service": "api", "logger": "net.http", "request_id": "req_1", "duration_ms": 2.5,
            "fields": { "status": 502, "logger": "other", "ok": false },
        });
        check(Mapping::default(), whole);
        check(
            Mapping {
                only: names(&["timestamp", "message", "fields.status"]),
                rename: pairs(&[("timestamp", "@timestamp"), ("fields.status", "code")]),
                add: vec![("host".to_owned(), json!("a1"))],
                ..Mapping::default()
            },
            json!({"@timestamp": "2026-11-25T09:46:40.123456789Z", "message": "no \"route\"\nto host", "code": 502, "host": "a1"}),
        );
        check(
            Mapping {
                only: names(&["logger", "fields"]),
                flat: true,
                drop: names(&["fields.ok"]),
                ..Mapping::default()
            },
            json!({"logger": "net.http", "status": 502, "fields.logger": "other"}),
        );
        check(
            Mapping {
                only: names(&["raw", "id"]),
                raw: true,
                add: vec![("id".to_owned(), json!(1))],
                ..Mapping::default()
            },
            json!({"raw": "raw: no \"route\"\nto host", "id": 1}),
        );
        check(
            Mapping { drop: names(&["fields"]), only: names(&["level", "fields"]), ..Mapping::default() },
            json!({"level": "error"}),
        );
        check(
            Mapping { only: names(&["level"]), text: true, ..Mapping::default() },
            json!({"level": "error", "text": "no \"route\"\nto host\nlogs/api.log\napi\nnet.http\nreq_1\n502\nother\nfalse"}),
        );
    }
}
