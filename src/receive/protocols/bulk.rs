//! Elasticsearch's `_bulk`: a line that says what to do, and a line with the document, again and again. The answer has an
//! item for each.

use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::receive::protocols::{MAX_ENTRIES, Malformed, Reader};
use crate::receive::{Received, Taken};

/// Bytes of a document.
const MAX_DOCUMENT: usize = 1 << 20;

/// What a request asks for, in its order.
#[derive(Debug, Default)]
pub struct Bulk {
    pub received: Vec<Received>,
    items: Vec<Item>,
}

#[derive(Debug)]
struct Item {
    /// `create`, `index`, or what else was asked for.
    action: String,
    index: Option<String>,
    id: Option<String>,
    /// Why it is none of the received.
    refused: Option<String>,
}

#[derive(Deserialize, Default)]
struct Target {
    #[serde(rename = "_index")]
    index: Option<String>,
    #[serde(rename = "_id")]
    id: Option<String>,
}

pub fn read(body: &[u8], reader: &Reader) -> Result<Bulk, Malformed> {
    let mut bulk = Bulk::default();
    let mut lines = body.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
    while let Some((at, line)) = lines.next() {
        let wrong = |what: &dyn std::fmt::Display| Malformed(format!("line {}: {what}", at + 1));
        let action: Json = serde_json::from_slice(line).map_err(|error| wrong(&error))?;
        let named = action.as_object().filter(|map| map.len() == 1).and_then(|map| map.iter().next());
        let Some((name, target)) = named else { return Err(wrong(&"one action is wanted, such as {\"create\":{}}")) };
        let target = Target::deserialize(target).map_err(|error| wrong(&error))?;
        let mut item = Item { action: name.clone(), index: target.index, id: target.id, refused: None };
        match name.as_str() {
            "create" | "index" => {
                let Some((_, document)) = lines.next() else { return Err(wrong(&"its document is missing")) };
                match entry(document, &item, reader) {
                    Ok(received) => bulk.received.push(received),
                    Err(why) => item.refused = Some(why),
                }
            }
            "update" => {
                lines.next();
                item.refused = Some("a log is not changed afterwards".to_owned());
            }
            "delete" => item.refused = Some("a log is not changed afterwards".to_owned()),
            _ => return Err(wrong(&"the action is none of create, index, update, delete")),
        }
        bulk.items.push(item);
        if bulk.items.len() > MAX_ENTRIES {
            return Err(Malformed(format!("more than {MAX_ENTRIES} items at once")));
        }
    }
    Ok(bulk)
}

fn entry(document: &[u8], item: &Item, reader: &Reader) -> Result<Received, String> {
    if document.len() > MAX_DOCUMENT {
        return Err(format!("the document has more than {MAX_DOCUMENT} bytes"));
    }
    let text = str::from_utf8(document.trim_ascii()).map_err(|error| error.to_string())?;
    let mut object: Json = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if !object.is_object() {
        return Err("the document is no object".to_owned());
    }
    if let Some(id) = &item.id {
        object["id"] = id.as_str().into();
    }
    Ok(reader.document(text, &object))
}

impl Bulk {
    /// The answer, when the received ones were taken. `index` is that of the address.
    pub fn answer(&self, index: Option<&str>, taken: &Taken) -> Json {
        let mut known = taken.known.iter();
        let item = |item: &Item| {
            let index = item.index.as_deref().or(index).unwrap_or("logmill");
            let mut said = json!({ "_index": index, "_id": item.id });
            match &item.refused {
                Some(why) => {
                    said["status"] = 400.into();
                    said["error"] = json!({ "type": "document_parsing_exception", "reason": why });
                }
                None if known.next() == Some(&true) => {
                    said["status"] = 409.into();
                    let reason = "it was received before";
                    said["error"] = json!({ "type": "version_conflict_engine_exception", "reason": reason });
                }
                None => {
                    said["status"] = 201.into();
                    said["result"] = "created".into();
                    said["_version"] = 1.into();
                    said["_seq_no"] = 0.into();
                    said["_primary_term"] = 1.into();
                    said["_shards"] = json!({ "total": 1, "successful": 1, "failed": 0 });
                }
            }
            json!({ &item.action: said })
        };
        let items: Vec<Json> = self.items.iter().map(item).collect();
        let errors = self.items.iter().any(|item| item.refused.is_some()) || taken.known.contains(&true);
        json!({ "took": 0, "errors": errors, "items": items })
    }

    /// Documents that were not understood.
    pub fn refused(&self) -> u64 {
        self.items.iter().filter(|item| item.refused.is_some()).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_and_their_answers() {
        let reader = Reader::new("_bulk", "shop", 1_795_600_000_000_000_000);
        let body = concat!(
            "{\"create\":{\"_id\":\"ab-1-1\"}}\n",
            "{\"timestamp\":\"2026-11-26T10:00:00Z\",\"timestamp_source\":\"line\",\"message\":\"one\",\"source\":\"a\"}\n",
            "{\"index\":{\"_index\":\"x\"}}\n",
            "{\"@timestamp\":\"2026-11-26T10:00:01Z\",\"message\":\"two\",\"log.level\":\"warn\"}\n",
            "{\"create\":{}}\n",
            "{\"message\":\n",
            "{\"delete\":{\"_id\":\"1\"}}\n",
        );
        let bulk = read(body.as_bytes(), &reader).unwrap();
        let messages: Vec<_> = bulk.received.iter().map(|received| received.entry.message()).collect();
        assert_eq!(messages, ["one", "two"]);
        let answer = bulk.answer(Some("logs"), &Taken { known: vec![true, false] });
        assert_eq!(answer["errors"], true);
        let statuses: Vec<_> = answer["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item.as_object().unwrap().iter().next().unwrap())
            .map(|(action, said)| (action.as_str(), said["_index"].as_str().unwrap(), said["status"].as_u64().unwrap()))
            .collect();
        assert_eq!(
            statuses,
            [("create", "logs", 409), ("index", "x", 201), ("create", "logs", 400), ("delete", "logs", 400)]
        );
        assert_eq!(bulk.refused(), 2);
    }

    #[test]
    fn what_is_no_bulk() {
        let reader = Reader::new("_bulk", "shop", 0);
        let check = |body: &str, want: &str| {
            let error = read(body.as_bytes(), &reader).unwrap_err().0;
            assert!(error.contains(want), "{body}: {error}");
        };
        check("x\n", "line 1: expected value");
        check("{}\n", "line 1: one action");
        check("{\"create\":{},\"index\":{}}\n", "line 1: one action");
        check("{\"create\":{}}\n{}\n\n{\"create\":{}}\n", "line 4: its document is missing");
        check("{\"create\":{\"_id\":5}}\n{}\n", "line 1: invalid type");
        check("{\"drop\":{}}\n{}\n", "none of create");
        check(&"[".repeat(200), "recursion limit");
    }
}
