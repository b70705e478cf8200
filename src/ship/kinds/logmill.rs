//! Another logmill: entries as they are, with the ids by which it knows what it has. Its side is `receive`.

use serde_json::{Map, json};

use crate::ship::kinds::http::write;
use crate::ship::kinds::web::{Poster, under};
use crate::ship::retry;
use crate::ship::sink::Web;
use crate::ship::{Answer, Item};

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub web: Web,
    /// The field `host` of entries that have none: there they come from many.
    pub hostname: String,
}

/// `sender` is of letters, digits, - and _: see [`Sender`](crate::ship::kinds::Sender).
pub async fn send(settings: &Settings, sender: &str, poster: &Poster, items: &[Item]) -> Answer {
    let url = under(&settings.web.url, "/api/v1/ingest");
    let url = format!("{url}{}sender={sender}", if url.contains('?') { '&' } else { '?' });
    match poster.post(&url, "application/x-ndjson", body(settings, items)).await {
        Ok(reply) => poster.answer(&reply, &retry::HTTP),
        Err(answer) => answer,
    }
}

fn body(settings: &Settings, items: &[Item]) -> Vec<u8> {
    let mut body = Vec::new();
    for item in items {
        let mut object = item.entry.to_json(true);
        object["id"] = item.id.as_str().into();
        if let Some(map) = object.as_object_mut()
            && let Some(fields) = map.entry("fields").or_insert_with(|| Map::new().into()).as_object_mut()
        {
            fields.entry("host").or_insert_with(|| json!(settings.hostname));
        }
        write(&mut body, &object);
        body.push(b'\n');
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Entry, Field, Value, ValueRef};
    use crate::ship::mapping::tests::item;

    #[test]
    fn entries_arrive_as_they_are() {
        let settings = Settings { web: Web::plain("http://h"), hostname: "a1".to_owned() };
        let mut named = item();
        named.entry.fields.push(("host".into(), Value::Str("b2".into())));
        let items = [item(), named];
        let body = String::from_utf8(body(&settings, &items)).unwrap();
        for ((line, item), host) in body.lines().zip(&items).zip(["a1", "b2"]) {
            let object: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(object["id"], item.id);
            let mut entry = Entry::from_json(&object).unwrap();
            assert_eq!(entry.field("host"), Some(ValueRef::Str(host)));
            // JSON has its own order.
            let mut want = item.entry.clone();
            for entry in [&mut want, &mut entry] {
                let mut fields: Vec<Field> =
                    entry.fields().map(|(name, value)| (name.clone(), value.to_value())).collect();
                fields.retain(|(name, _)| name != "host");
                fields.sort_by(|a, b| a.0.cmp(&b.0));
                entry.fields = fields.into_iter().collect();
            }
            assert_eq!(entry, want);
        }
    }
}
