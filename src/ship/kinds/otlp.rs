//! OTLP over HTTP: logs as OpenTelemetry has them, as protobuf or JSON.

use serde_json::Value;

use crate::ship::kinds::otlp_encode::{Logs, json, protobuf};
use crate::ship::kinds::protobuf::{Field, fields};
use crate::ship::kinds::web::{Poster, under};
use crate::ship::mapping::Mapping;
use crate::ship::retry::{self, Fate};
use crate::ship::sink::Web;
use crate::ship::{Answer, Item};

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub web: Web,
    pub encoding: Encoding,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    #[default]
    Protobuf,
    Json,
}

pub async fn send(settings: &Settings, mapping: &Mapping, poster: &Poster, items: &[Item]) -> Answer {
    let logs = Logs::new(mapping, items);
    let (kind, body) = match settings.encoding {
        Encoding::Protobuf => ("application/x-protobuf", protobuf(&logs)),
        Encoding::Json => ("application/json", json(&logs)),
    };
    let reply = match poster.post(&under(&settings.web.url, "/v1/logs"), kind, body).await {
        Ok(reply) => reply,
        Err(answer) => return answer,
    };
    if retry::OTLP.fate(reply.status) != Fate::Accepted {
        return poster.answer(&reply, &retry::OTLP);
    }
    let partly = match settings.encoding {
        Encoding::Protobuf => partly_of_protobuf(&reply.body),
        Encoding::Json => partly_of_json(&reply.body),
    };
    match partly {
        // Some servers answer 200 with a word of their own. The status is what counts.
        None | Some((0, _)) => Answer::Accepted,
        Some((rejected, message)) => {
            Answer::Partly { rejected, why: format!("{rejected} entries were rejected: {message}") }
        }
    }
}

/// Entries that were rejected, and why; they must not be sent again.
fn partly_of_protobuf(body: &[u8]) -> Option<(u64, String)> {
    let success = fields(body)?.into_iter().find_map(|field| match field {
        (1, Field::Bytes(inner)) => Some(inner),
        _ => None,
    })?;
    let (mut rejected, mut message) = (0, String::new());
    for field in fields(success)? {
        match field {
            (1, Field::Number(number)) => rejected = number,
            (2, Field::Bytes(text)) => message = String::from_utf8_lossy(text).into_owned(),
            _ => {}
        }
    }
    Some((rejected, message))
}

fn partly_of_json(body: &[u8]) -> Option<(u64, String)> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let partly = answer.get("partialSuccess")?;
    let rejected = match partly.get("rejectedLogRecords")? {
        Value::String(digits) => digits.parse().ok()?,
        number => number.as_u64()?,
    };
    Some((rejected, partly["errorMessage"].as_str().unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partial_success() {
        let check = |got: Option<(u64, String)>, want: Option<(u64, &str)>| {
            assert_eq!(got, want.map(|(number, text)| (number, text.to_owned())));
        };
        check(partly_of_protobuf(b""), None);
        check(partly_of_protobuf(b"\x0a\x06\x08\x02\x12\x02no"), Some((2, "no")));
        check(partly_of_protobuf(b"\x0a\x00"), Some((0, "")));
        check(partly_of_protobuf(b"garbage"), None);
        check(partly_of_json(b"{}"), None);
        let partly = br#"{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"old"}}"#;
        check(partly_of_json(partly), Some((3, "old")));
        check(partly_of_json(br#"{"partialSuccess":{"rejectedLogRecords":1}}"#), Some((1, "")));
        check(partly_of_json(b"<html>"), None);
    }
}
