//! `_bulk` as Elasticsearch has it, which OpenSearch, Quickwit and VictoriaLogs take too: two lines an entry, and an
//! answer with a status for each.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::ship::kinds::http::write;
use crate::ship::kinds::web::{Poster, under};
use crate::ship::mapping::Mapping;
use crate::ship::retry::{self, Fate};
use crate::ship::sink::Web;
use crate::ship::{Answer, Item, One};

/// Characters of a reason that are kept.
const REASON_CHARS: usize = 300;

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub web: Web,
    /// Index or data stream; unset: the address says it.
    pub index: Option<String>,
}

/// What of the answer matters.
#[derive(Deserialize)]
struct Reply {
    errors: bool,
    #[serde(default)]
    items: Vec<std::collections::BTreeMap<String, Outcome>>,
}

#[derive(Deserialize)]
struct Outcome {
    status: u16,
    #[serde(default)]
    error: Value,
}

pub async fn send(settings: &Settings, mapping: &Mapping, poster: &Poster, items: &[Item]) -> Answer {
    let url = under(&settings.web.url, "/_bulk");
    let reply = match poster.post(&url, "application/x-ndjson", body(settings, mapping, items)).await {
        Ok(reply) => reply,
        Err(answer) => return answer,
    };
    if retry::BULK.fate(reply.status) != Fate::Accepted {
        return poster.answer(&reply, &retry::BULK);
    }
    match answer(&reply.body, items.len()) {
        Ok(answer) => answer,
        Err(what) => poster.nonsense(&reply, &what),
    }
}

/// `create` with the entry's id: an entry that is there already is not made twice, and data streams take nothing else.
pub fn body(settings: &Settings, mapping: &Mapping, items: &[Item]) -> Vec<u8> {
    let mut body = Vec::new();
    for item in items {
        let mut action = json!({ "_id": item.id });
        if let Some(index) = &settings.index {
            action["_index"] = index.as_str().into();
        }
        write(&mut body, &json!({ "create": action }));
        body.push(b'\n');
        write(&mut body, &Value::Object(mapping.record(item)));
        body.push(b'\n');
    }
    body
}

fn answer(body: &[u8], count: usize) -> Result<Answer, String> {
    let reply: Reply = serde_json::from_slice(body).map_err(|error| format!("the answer is not of _bulk: {error}"))?;
    if !reply.errors {
        return Ok(Answer::Accepted);
    }
    if reply.items.len() != count {
        return Err(format!("the answer has {} items for {count} entries", reply.items.len()));
    }
    let one = |item: &std::collections::BTreeMap<String, Outcome>| {
        let Some(outcome) = item.values().next() else { return Err("an item of the answer is empty".to_owned()) };
        let why = || reason(outcome);
        Ok(match retry::BULK_ITEM.fate(outcome.status) {
            Fate::Accepted => One::Accepted,
            Fate::Known => One::Known,
            Fate::Again => One::Again(why()),
            Fate::Refused => One::Refused(why()),
            Fate::Stuck => One::Stuck(why()),
        })
    };
    reply.items.iter().map(one).collect::<Result<_, _>>().map(Answer::Each)
}

/// Elasticsearch says type and reason, others a text.
fn reason(outcome: &Outcome) -> String {
    let text = match (&outcome.error["type"], &outcome.error["reason"], &outcome.error) {
        (Value::String(kind), Value::String(reason), _) => format!("{kind}: {reason}"),
        (.., Value::String(text)) => text.clone(),
        (.., other) => other.to_string(),
    };
    format!("{} {text}", outcome.status).chars().take(REASON_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ship::mapping::tests::item;

    #[test]
    fn bodies() {
        let check = |index: Option<&str>, want: &str| {
            let settings = Settings { web: Web::plain("http://h"), index: index.map(str::to_owned) };
            let mapping = Mapping {
                only: vec!["timestamp".into(), "level".into()],
                rename: vec![("timestamp".into(), "@timestamp".into())],
                ..Mapping::default()
            };
            assert_eq!(String::from_utf8(body(&settings, &mapping, &[item()])).unwrap(), want);
        };
        let document = "{\"@timestamp\":\"2026-11-25T09:46:40.123456789Z\",\"level\":\"error\"}\n";
        check(
            Some("logs"),
            &format!("{{\"create\":{{\"_id\":\"00c0ffee00c0ffee-3-77\",\"_index\":\"logs\"}}}}\n{document}"),
        );
        check(None, &format!("{{\"create\":{{\"_id\":\"00c0ffee00c0ffee-3-77\"}}}}\n{document}"));
    }

    #[test]
    fn answers() {
        let check = |body: &str, count: usize, want: Result<Answer, &str>| match (answer(body.as_bytes(), count), want)
        {
            (Ok(got), Ok(want)) => assert_eq!(got, want),
            (Err(got), Err(want)) => assert!(got.contains(want), "{got}"),
            (got, want) => panic!("{got:?}, not {want:?}"),
        };
        check(r#"{"took":3,"errors":false}"#, 2, Ok(Answer::Accepted));
        let items = [
            r#"{"create":{"_index":"i","_id":"1","status":201,"result":"created"}}"#,
            r#"{"create":{"_id":"2","status":409,"error":{"type":"version_conflict_engine_exception","reason":"[2]: there"}}}"#,
            r#"{"create":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"full"}}}"#,
            r#"{"create":{"status":400,"error":{"type":"document_parsing_exception","reason":"no date"}}}"#,
            r#"{"create":{"status":404,"error":{"type":"index_not_found_exception","reason":"no such index"}}}"#,
        ];
        let body = format!(r#"{{"took":1,"errors":true,"items":[{}]}}"#, items.join(","));
        let want = Answer::Each(vec![
            One::Accepted,
            One::Known,
            One::Again("429 es_rejected_execution_exception: full".into()),
            One::Refused("400 document_parsing_exception: no date".into()),
            One::Stuck("404 index_not_found_exception: no such index".into()),
        ]);
        check(&body, 5, Ok(want));
        check(&body, 4, Err("5 items for 4 entries"));
        check(r#"{"errors":true,"items":[{}]}"#, 1, Err("empty"));
        check("<html>", 1, Err("not of _bulk"));
        check("{}", 1, Err("missing field `errors`"));
    }
}
