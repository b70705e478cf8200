//! Loki's push API, as JSON: entries in streams by few labels, everything else as structured metadata.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::ship::kinds::http::write;
use crate::ship::kinds::web::{Poster, under};
use crate::ship::mapping::Mapping;
use crate::ship::retry;
use crate::ship::sink::Web;
use crate::ship::{Answer, Item};

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub web: Web,
    /// Names in the record whose values tell streams apart. Loki wants few of them, with few values.
    pub labels: Vec<String>,
    pub line: Line,
    /// The rest of the record goes along (Loki 3, or 2.9 where it is switched on).
    pub metadata: bool,
}

/// The text of an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Line {
    #[default]
    Message,
    Raw,
    /// The whole record.
    Json,
}

pub async fn send(settings: &Settings, mapping: &Mapping, poster: &Poster, items: &[Item]) -> Answer {
    let url = under(&settings.web.url, "/loki/api/v1/push");
    match poster.post(&url, "application/json", body(settings, mapping, items)).await {
        Ok(reply) => poster.answer(&reply, &retry::LOKI),
        Err(answer) => answer,
    }
}

pub fn body(settings: &Settings, mapping: &Mapping, items: &[Item]) -> Vec<u8> {
    // By labels, in order; and the streams in the order of their first entries.
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut streams: Vec<(Map<String, Value>, Vec<Value>)> = Vec::new();
    for item in items {
        let mut record = mapping.record(item);
        let whole = if settings.line == Line::Json { Value::Object(record.clone()).to_string() } else { String::new() };
        let labels = labels(settings, mapping, &mut record);
        let place = *places.entry(Value::Object(labels.clone()).to_string()).or_insert_with(|| {
            streams.push((labels, Vec::new()));
            streams.len() - 1
        });
        let line = match settings.line {
            Line::Message => item.entry.message(),
            Line::Raw => &item.entry.raw,
            Line::Json => &whole,
        };
        let mut value = vec![json!(item.entry.time.to_string()), json!(line)];
        if settings.metadata {
            value.push(Value::Object(metadata(mapping, record)));
        }
        streams[place].1.push(Value::Array(value));
    }
    let streams: Vec<Value> =
        streams.into_iter().map(|(labels, values)| json!({ "stream": labels, "values": values })).collect();
    let mut body = Vec::new();
    write(&mut body, &json!({ "streams": streams }));
    body
}

fn labels(settings: &Settings, mapping: &Mapping, record: &mut Map<String, Value>) -> Map<String, Value> {
    let mut labels = Map::new();
    for (name, value) in &mapping.add {
        record.remove(name);
        labels.insert(name_of_label(name), text(value.clone()).into());
    }
    for name in &settings.labels {
        if let Some(value) = record.remove(name) {
            labels.insert(name_of_label(name), text(value).into());
        }
    }
    if labels.is_empty() {
        // A stream without labels is refused.
        labels.insert("job".to_owned(), "logmill".into());
    }
    labels
}

/// What is neither label nor line nor time, as texts.
fn metadata(mapping: &Mapping, mut record: Map<String, Value>) -> Map<String, Value> {
    for name in ["timestamp", "message", "raw"] {
        record.remove(mapping.name_of(name));
    }
    let fields = match record.remove("fields") {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let all = record.into_iter().chain(fields.into_iter().map(|(name, value)| (format!("fields_{name}"), value)));
    all.map(|(name, value)| (name_of_label(&name), text(value).into())).collect()
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// Letters, digits and underscores, as Prometheus has them.
fn name_of_label(name: &str) -> String {
    let good = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' };
    let name: String = name.chars().map(good).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ship::mapping::tests::item;

    #[test]
    fn bodies() {
        let check = |labels: &[&str], line: Line, metadata: bool, mapping: Mapping, items: &[Item], want: Value| {
            let labels = labels.iter().map(|name| (*name).to_owned()).collect();
            let settings = Settings { web: Web::plain("http://h"), labels, line, metadata };
            let got: Value = serde_json::from_slice(&body(&settings, &mapping, items)).unwrap();
            assert_eq!(got, want);
        };
        let time = "1795600000123456789";
        let mut other = item();
        other.entry.service = "b".into();
        let message = "no \"route\"\nto host";
        check(
            &["service"],
            Line::Message,
            false,
            Mapping::default(),
            &[item(), other, item()],
            json!({ "streams": [
                { "stream": { "service": "api" }, "values": [[time, message], [time, message]] },
                { "stream": { "service": "b" }, "values": [[time, message]] },
            ] }),
        );
        let few = Mapping {
            only: ["level", "duration_ms", "fields.ok", "message"].map(str::to_owned).to_vec(),
            add: vec![("host-name".into(), json!("a1"))],
            ..Mapping::default()
        };
        check(
            &["level", "missing"],
            Line::Message,
            true,
            few.clone(),
            &[item()],
            json!({ "streams": [{
                "stream": { "level": "error", "host_name": "a1" },
                "values": [[time, message, { "duration_ms": "2.5", "fields_ok": "false" }]],
            }] }),
        );
        let line = r#"{"level":"error"}"#;
        let level = Mapping { only: vec!["level".into()], ..Mapping::default() };
        check(
            &[],
            Line::Json,
            false,
            level,
            &[item()],
            json!({ "streams": [{ "stream": { "job": "logmill" }, "values": [[time, line]] }] }),
        );
        assert_eq!(name_of_label("9a.b-c"), "_9a_b_c");
    }
}
