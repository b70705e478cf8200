//! Elasticsearch's search API of the real daemon: the official clients of Elasticsearch and OpenSearch say the same as
//! Logmill's own API, and what Grafana asks for has answers.

mod bodies;
pub mod clients;
mod cluster;
mod grafana;

use logmill::generate::Generator;
use logmill::sys::clock::{self, SECOND};
use serde_json::Value;

use crate::home::Home;
use crate::http::client::{Reply, connect, exchange};

/// A folder with so many generated entries of the last hour.
pub fn home(entries: usize) -> Home {
    let home = Home::new("[store]\ncommit_every = \"100ms\"\n[follow]\ndiscover_every = \"100ms\"\n");
    let mut generator = Generator::new(11, clock::now() - 1800 * SECOND);
    for line in (0..entries).map(|_| generator.next()) {
        home.append(&line.file, &line.text);
    }
    home
}

/// Sends a body to a path under `/elastic`.
pub fn send(home: &Home, method: &str, path: &str, body: &str) -> Reply {
    let head = format!("{method} /elastic{path} HTTP/1.0\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", body.len());
    exchange(connect(home), &(head + body))
}

/// The answers of an `_msearch` of these bodies.
pub fn searches(home: &Home, bodies: &[Value]) -> Vec<Value> {
    let header = r#"{"ignore_unavailable":true,"index":"logmill","search_type":"query_then_fetch"}"#;
    let text: String = bodies.iter().map(|body| format!("{header}\n{body}\n")).collect();
    let reply = send(home, "POST", "/_msearch?max_concurrent_shard_requests=5", &text);
    assert_eq!((reply.status, reply.header("x-elastic-product")), (200, Some("elasticsearch")), "{}", reply.text());
    match reply.json()["responses"].take() {
        Value::Array(answers) => answers,
        other => panic!("{other}"),
    }
}
