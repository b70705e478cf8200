//! Each protocol, sent by curl or by our own sinks.

use serde_json::{Value, json};

use crate::home::{Home, wait_until};
use crate::receive::{address, arrived, curl, home, post};
use crate::ship::sinks::{drained, log};

#[test]
fn curl_sends_in_every_protocol() {
    let home = home("");
    let daemon = home.run();
    let check = |target: &str, kind: &str, body: &str, status: u16, query: &str, want: Value| {
        let header = format!("content-type: {kind}");
        let Some((got, said)) = curl(&home, target, &["-H", &header, "--data-binary", body]) else { return };
        assert_eq!(got, status, "{target}: {said}");
        arrived(&home, query, 1);
        let entry = home.search(query).remove(0);
        for (name, value) in want.as_object().unwrap() {
            let got = name.split('.').fold(&entry, |value, part| &value[part]);
            assert_eq!(got, value, "{target}: {name} of {entry}");
        }
    };
    check(
        "/v1/logs",
        "application/json",
        r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeLogs":[{"scope":{"name":"net"},"logRecords":[{"timeUnixNano":"1795500000000000001","severityNumber":17,"body":{"stringValue":"otlp record"},"attributes":[{"key":"n","value":{"intValue":"3"}}]}]}]}]}"#,
        200,
        "\"otlp record\"",
        json!({ "level": "error", "service": "shop", "logger": "net", "timestamp": "2026-11-24T06:00:00.000000001Z", "fields": { "n": 3 } }),
    );
    check(
        "/loki/api/v1/push",
        "application/json",
        r#"{"streams":[{"stream":{"app":"shop","host":"a1","level":"warn"},"values":[["1795500000000000002","loki line"]]}]}"#,
        204,
        "\"loki line\"",
        json!({ "level": "warning", "service": "shop", "timestamp": "2026-11-24T06:00:00.000000002Z", "fields": { "host": "a1", "app": "shop" } }),
    );
    check(
        "/logs/_bulk",
        "application/x-ndjson",
        "{\"create\":{}}\n{\"@timestamp\":\"2026-11-24T06:00:00Z\",\"message\":\"bulk document\",\"level\":\"info\",\"code\":5}\n",
        200,
        "\"bulk document\"",
        json!({ "level": "info", "timestamp": "2026-11-24T06:00:00Z", "service": "bulk" }),
    );
    check(
        "/api/v1/ingest?service=shop&source=till.log",
        "text/plain",
        "2026-11-24 06:00:00,123 - till - ERROR - plain line\nTraceback (most recent call last):\n  File \"x\"\nValueError: no\n",
        200,
        "\"plain line\"",
        json!({ "level": "error", "service": "shop", "source": "till.log", "logger": "till" }),
    );
    let message = &home.messages("\"plain line\"")[0];
    assert!(message.ends_with("ValueError: no"), "{message}");
    let metrics = String::from_utf8(crate::http::client::get(&home, "/metrics").body).unwrap();
    assert!(metrics.contains("logmill_received_total{protocol=\"otlp\",outcome=\"accepted\"} 1"), "{metrics}");
    assert_eq!(daemon.status()["received"]["entries"]["loki"]["accepted"], 1);
    // What is indexed needs no journal.
    daemon.settle();
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn compressed_bodies_and_tokens() {
    let home = home("tokens_file = \"tokens\"\n");
    home.write("tokens", "first\nsecond\n");
    let daemon = home.run();
    let line = b"2026-11-24T06:00:00Z ERROR compressed line\n";
    let packed = zstd::bulk::compress(line, 1).unwrap();
    let check = |headers: &str, body: &[u8], status: u16| {
        let reply = post(&home, "/api/v1/ingest", headers, body);
        assert_eq!(reply.status, status, "{headers}: {}", reply.text());
        reply
    };
    let refused = check("content-encoding: zstd\r\n", &packed, 401);
    assert!(refused.header("www-authenticate").is_some() && refused.json()["status"] == 401);
    check("authorization: Bearer third\r\n", line, 401);
    check("authorization: Bearer \r\n", line, 401);
    check("authorization: Bearer second\r\ncontent-encoding: zstd\r\n", &packed, 200);
    check("authorization: Basic eDpmaXJzdA==\r\n", line, 200);
    arrived(&home, "\"compressed line\"", 2);
    home.write("tokens", "third\n");
    check("authorization: Bearer second\r\n", line, 401);
    check("authorization: Bearer third\r\n", line, 200);
    drop(daemon);
}

/// What one logmill sends in a protocol that loses nothing is the same in the other.
#[test]
fn our_own_sinks_are_understood() {
    let there = home("");
    let there_daemon = there.run();
    let url = format!("http://{}", address(&there));
    let kinds = ["logmill", "http", "elasticsearch", "otlp", "loki"];
    let here = Home::new(crate::ship::sinks::CONFIG);
    here.write("pipelines/all.toml", crate::ship::sinks::PIPELINE);
    let sink = |kind: &&str| {
        let path = if *kind == "http" { "/api/v1/ingest" } else { "" };
        format!(
            "[[sink]]\nname = {kind:?}\nkind = {kind:?}\nurl = \"{url}{path}\"\nquery = \"to:{kind}\"\n[sink.batch]\nage = \"20ms\"\n"
        )
    };
    here.write("config/sinks.toml", &kinds.iter().map(sink).collect::<String>());
    let line = |kind: &str| format!("to={kind} session_id=s-12345 took 3 ms\n  and more");
    for kind in kinds {
        here.append(
            "logs/a.log",
            format!("{{\"timestamp\":\"2026-11-24T06:00:00.000000123Z\",\"level\":\"error\",\"logger\":\"net\",\"message\":{:?},\"to\":{kind:?},\"n\":3}}\n", line(kind)),
        );
    }
    let here_daemon = here.run();
    wait_until("all sinks are done", || {
        here.json(&["ship", "status"]).as_array().unwrap().iter().all(|sink| sink["behind"] == 0)
    });
    wait_until("all are there", || there.search("took").len() == kinds.len());
    for kind in kinds {
        let query = format!("to={kind}");
        let (mut sent, mut got) =
            (here.search(&format!("\"{query}\"")).remove(0), there.search(&format!("\"{query}\"")).remove(0));
        for entry in [&mut sent, &mut got] {
            let entry = entry.as_object_mut().unwrap();
            entry.remove("id");
            entry.get_mut("fields").unwrap().as_object_mut().unwrap().remove("host");
        }
        match kind {
            // Loki has labels and metadata, of which all values are texts, and sources by another name.
            "loki" => {
                for name in ["timestamp", "level", "message", "service", "logger", "session_id"] {
                    assert_eq!(got[name], sent[name], "{kind}: {name}");
                }
            }
            _ => assert_eq!(got, sent, "{kind}"),
        }
    }
    drop((here_daemon, there_daemon));
}

#[test]
fn a_sink_of_kind_syslog_is_understood() {
    let port = crate::ship::lines::free_port();
    let there = home(&format!("syslog = [\"tcp://127.0.0.1:{port}\", \"udp://127.0.0.1:{port}\"]"));
    let there_daemon = there.run();
    let here =
        crate::ship::sinks::home(&format!("kind = \"syslog\"\nurl = \"tcp://127.0.0.1:{port}\"\nhostname = \"a1\""));
    log(&here, (0..500).map(|n| format!("entry {n}")));
    let here_daemon = here.run();
    drained(&here);
    arrived(&there, "entry", 500);
    let entry = there.search("\"entry 7\"").remove(0);
    assert_eq!(
        (&entry["level"], &entry["logger"], &entry["fields"]["host"]),
        (&"info".into(), &"app".into(), &"a1".into())
    );
    assert_eq!(entry["timestamp"], "2026-11-23T10:15:30Z");
    drop((here_daemon, there_daemon));
}
