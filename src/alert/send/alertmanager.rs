//! Alertmanager's API, version 2. It keeps an alert until `endsAt`, so what goes on is sent again before that, and what
//! ended is sent with its end.

use serde_json::{Value as Json, json};

use crate::alert::ledger::{Message, Notice};
use crate::alert::rule::Secret;
use crate::alert::send::headers;
use crate::record::timestamp;
use crate::sys::clock::SECOND;
use crate::sys::web::Call;

/// An alert that we do not send again ends by itself after this, at least.
const SHORTEST_LIFE: i64 = 300 * SECOND;

pub(super) fn call(
    url: &str,
    secrets: &[(String, Secret)],
    message: &Message,
    repeat: i64,
    now: i64,
) -> Result<Call, String> {
    // Some rounds may fail before Alertmanager takes the alert for over.
    let life = repeat.saturating_mul(4).max(SHORTEST_LIFE);
    let alerts: Vec<Json> = message.notices.iter().map(|notice| alert(notice, now.saturating_add(life))).collect();
    let mut headers = headers(secrets)?;
    headers.push(("content-type".to_owned(), "application/json".to_owned()));
    let url = format!("{}/api/v2/alerts", url.trim_end_matches('/'));
    Ok(Call { url, headers, body: Some(Json::from(alerts).to_string().into_bytes()), ..Call::default() })
}

fn alert(notice: &Notice, until: i64) -> Json {
    let mut labels = notice.labels.clone();
    labels.insert("alertname".to_owned(), notice.alert.clone());
    labels.insert("severity".to_owned(), notice.severity.clone());
    // An empty label is none to Alertmanager, which refuses names that are none.
    let labels: serde_json::Map<String, Json> = labels
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| (label_name(key), json!(value)))
        .collect();
    let mut annotations = json!({ "summary": notice.summary, "value": notice.value.to_string() });
    if let Some(reason) = &notice.reason {
        annotations["reason"] = json!(reason);
    }
    json!({
        "labels": labels,
        "annotations": annotations,
        "startsAt": timestamp(notice.fired),
        "endsAt": timestamp(notice.ended.unwrap_or(until)),
    })
}

/// Letters, digits and `_`, no digit first: what Prometheus has always taken for the name of a label.
fn label_name(name: &str) -> String {
    let mut name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::rule::Labels;

    #[test]
    fn alerts_as_alertmanager_takes_them() {
        let notice = Notice {
            alert: "disk_free".to_owned(),
            severity: "critical".to_owned(),
            labels: Labels::from([("a.b".to_owned(), "x".to_owned()), ("none".to_owned(), String::new())]),
            summary: "full".to_owned(),
            value: 0.05,
            fired: 1_000 * SECOND,
            ended: None,
            reason: None,
        };
        let message = |ended| Message { group: Labels::new(), notices: vec![Notice { ended, ..notice.clone() }] };
        let body = |ended, repeat| {
            let call = call("http://am:9093/", &[], &message(ended), repeat, 2_000 * SECOND).unwrap();
            assert_eq!(call.url, "http://am:9093/api/v2/alerts");
            serde_json::from_slice::<Json>(&call.body.unwrap()).unwrap()[0].clone()
        };
        let firing = body(None, 60 * SECOND);
        assert_eq!(firing["labels"], json!({"alertname": "disk_free", "severity": "critical", "a_b": "x"}));
        assert_eq!(firing["annotations"], json!({"summary": "full", "value": "0.05"}));
        assert_eq!(
            (&firing["startsAt"], &firing["endsAt"]),
            (&json!("1970-01-01T00:16:40Z"), &json!("1970-01-01T00:38:20Z"))
        );
        assert_eq!(body(None, 600 * SECOND)["endsAt"], json!("1970-01-01T01:13:20Z"));
        assert_eq!(body(Some(1_500 * SECOND), 60 * SECOND)["endsAt"], json!("1970-01-01T00:25:00Z"));
    }

    #[test]
    fn names_of_labels() {
        for (name, want) in [("path", "path"), ("a-b.c", "a_b_c"), ("0x", "_0x"), ("", "_"), ("ü", "_")] {
            assert_eq!(label_name(name), want);
        }
    }
}
