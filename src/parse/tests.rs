//! Tables of lines and what becomes of them.

use serde_json::json;

use super::*;

/// What the first format that takes the text makes of it, as JSON, without what every entry has.
fn parse(text: &str, zone: &str) -> serde_json::Value {
    let mut clock = Clock::new(Zone::from_name(zone).unwrap());
    let line = first_line(text);
    for format in known() {
        let mut head = Head::default();
        if !format.recognises(line, &mut head) && !format.is_text() {
            continue;
        }
        let mut entry = Entry { raw: text.into(), ..Entry::default() };
        if format.fill(&mut entry, &head, &mut clock, &mut Names::default()) {
            assert_eq!(&*entry.raw, text, "the text is kept");
            let mut object = entry.to_json(false);
            let map = object.as_object_mut().unwrap();
            map.retain(|key, value| {
                !((key == "source" || key == "service") && value == ""
                    || key == "timestamp" && value == "1970-01-01T00:00:00Z")
            });
            map.insert("format".to_owned(), format.name().into());
            return object;
        }
    }
    unreachable!("text takes everything")
}

fn check(text: &str, want: serde_json::Value) {
    let found = parse(text, "Europe/Berlin");
    assert_eq!(found, want, "\n{text}\n{found:#}");
}

#[test]
fn json_lines() {
    check(
        r#"{"timestamp": "2026-11-23T10:15:30.123456", "level": "INFO", "logger": "orchestrator.workflow", "message": "Workflow event: workflow_completed", "module": "logging_config", "line": 281, "taskName": null, "context": {"workflow_id": "wf-8f3a12cd"}, "event_type": "workflow_completed", "event_data": {"workflow_type": "tdd", "duration_seconds": 83.2}}"#,
        json!({"format": "json", "timestamp": "2026-11-23T10:15:30.123456Z", "timestamp_source": "zone", "level": "info",
            "level_source": "field", "message": "Workflow event: workflow_completed", "logger": "orchestrator.workflow",
            "workflow_id": "wf-8f3a12cd", "workflow_type": "tdd", "event": "workflow_completed", "duration_ms": 83200.0,
            "fields": {"module": "logging_config", "line": 281, "event_data.duration_seconds": 83.2}}),
    );
    check(
        r#"{"ts": 1763892930.5, "lvl": "WARN", "msg": "a \"quoted\" word", "agent_name": "coder", "tags": ["x", 1], "ok": true, "interaction_type": "review"}"#,
        json!({"format": "json", "timestamp": "2025-11-23T10:15:30.500Z", "timestamp_source": "line", "level": "warning",
            "level_source": "field", "message": "a \"quoted\" word", "agent": "coder", "event": "agent_interaction",
            "fields": {"tags": "[\"x\",1]", "ok": true, "interaction_type": "review"}}),
    );
}

#[test]
fn json_oddities() {
    // The second name for a place is kept as a field, and so is a value that its place cannot hold.
    check(
        r#"{"time": "yesterday", "timestamp": "2026-11-23T10:15:30Z", "level": 30, "message": "m", "msg": "n"}"#,
        json!({"format": "json", "timestamp": "2026-11-23T10:15:30Z", "timestamp_source": "line", "level": "info",
            "level_source": "field", "message": "m", "fields": {"time": "yesterday", "msg": "n"}}),
    );
    check(
        "{\"message\": \"first\"}\nand more",
        json!({"format": "json", "timestamp_source": "read", "level": "unknown", "message": "first\nand more"}),
    );
    check(
        r#"{"a": 1}"#,
        json!({"format": "json", "timestamp_source": "read", "level": "unknown", "message": "{\"a\": 1}", "fields": {"a": 1}}),
    );
    // Not JSON after all.
    check(
        r#"{"a": 1, }"#,
        json!({"format": "text", "timestamp_source": "read", "level": "unknown", "message": "{\"a\": 1, }"}),
    );
    check(
        "{not json}",
        json!({"format": "text", "timestamp_source": "read", "level": "unknown", "message": "{not json}"}),
    );
    check(
        r#"{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":{"i":1}}}}}}}}}"#,
        json!({"format": "json", "timestamp_source": "read", "level": "unknown", "fields": {"a.b.c.d.e.f.g.h": "{\"i\":1}"},
            "message": r#"{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":{"i":1}}}}}}}}}"#}),
    );
}

#[test]
fn json_limits() {
    let many: Vec<String> = (0..1000).map(|n| format!("\"k{n}\":{n}")).collect();
    let found = parse(&format!("{{{}}}", many.join(",")), "UTC");
    assert_eq!(found["fields"].as_object().unwrap().len(), 256);
    let found = parse(&format!("{{\"{}\":1,\"b\":2}}", "k".repeat(300)), "UTC");
    assert_eq!(found["fields"], json!({"b": 2}));
    let deep = format!("{}1{}", "{\"a\":".repeat(5000), "}".repeat(5000));
    assert_eq!(parse(&deep, "UTC")["format"], "text");
}

#[test]
fn python_text() {
    check(
        "2026-11-23 10:15:31,004 - orchestrator - ERROR - Error executing workflow for session 7d0c11ee: a - b\nTraceback\n  x",
        json!({"format": "python", "timestamp": "2026-11-23T09:15:31.004Z", "timestamp_source": "zone", "level": "error",
            "level_source": "field", "logger": "orchestrator", "session_id": "7d0c11ee",
            "message": "Error executing workflow for session 7d0c11ee: a - b\nTraceback\n  x"}),
    );
    check(
        "2026-11-23 10:15:30 - workflow_manager - DEBUG - 🎯 Workflow type (enum): tdd",
        json!({"format": "python", "timestamp": "2026-11-23T09:15:30Z", "timestamp_source": "zone", "level": "debug",
            "level_source": "field", "logger": "workflow_manager", "workflow_type": "tdd",
            "message": "🎯 Workflow type (enum): tdd"}),
    );
    check(
        "2026-11-23 10:15:30 - a - b - INFO - ",
        json!({"format": "python", "timestamp": "2026-11-23T09:15:30Z", "timestamp_source": "zone", "level": "info",
            "level_source": "field", "logger": "a - b", "message": ""}),
    );
    // The third column is no level.
    check(
        "2026-11-23 10:15:30 - a - LOUD - x",
        json!({"format": "text", "timestamp": "2026-11-23T09:15:30Z", "timestamp_source": "zone", "level": "unknown",
            "message": "a - LOUD - x"}),
    );
}

#[test]
fn uvicorn() {
    check(
        r#"INFO:     127.0.0.1:52344 - "GET /workflow-status/7d0c11 HTTP/1.1" 404 Not Found"#,
        json!({"format": "uvicorn", "timestamp_source": "read", "level": "info", "level_source": "head",
            "logger": "uvicorn.access", "session_id": "7d0c11",
            "message": "127.0.0.1:52344 - \"GET /workflow-status/7d0c11 HTTP/1.1\" 404 Not Found",
            "fields": {"client": "127.0.0.1:52344", "method": "GET", "path": "/workflow-status/7d0c11",
                "http_version": "1.1", "status": 404}}),
    );
    check(
        "ERROR:    Exception in ASGI application\nTraceback (most recent call last):",
        json!({"format": "uvicorn", "timestamp_source": "read", "level": "error", "level_source": "head",
            "logger": "uvicorn", "message": "Exception in ASGI application\nTraceback (most recent call last):"}),
    );
}

#[test]
fn basic_config() {
    check(
        "INFO:orchestrator_api:Starting workflow execution for session 7d0c11",
        json!({"format": "basic_config", "timestamp_source": "read", "level": "info", "level_source": "head",
            "logger": "orchestrator_api", "session_id": "7d0c11",
            "message": "Starting workflow execution for session 7d0c11"}),
    );
    check(
        "Note:this:is prose",
        json!({"format": "text", "timestamp_source": "read", "level": "unknown", "message": "Note:this:is prose"}),
    );
}

#[test]
fn access() {
    check(
        r#"10.0.0.7 - alice [23/Nov/2026:10:15:30 +0100] "GET /health HTTP/1.1" 200 12 "-" "curl/8.0""#,
        json!({"format": "access", "timestamp": "2026-11-23T09:15:30Z", "timestamp_source": "line", "level": "unknown",
            "message": "\"GET /health HTTP/1.1\" 200 12 \"-\" \"curl/8.0\"",
            "fields": {"client": "10.0.0.7", "user": "alice", "user_agent": "curl/8.0", "method": "GET",
                "path": "/health", "http_version": "1.1", "status": 200, "bytes": 12}}),
    );
}

#[test]
fn free_text() {
    let text =
        |message: &str| json!({"format": "text", "timestamp_source": "read", "level": "unknown", "message": message});
    check("Test Run: 2025-07-01 15:25:03", text("Test Run: 2025-07-01 15:25:03"));
    check("there was an ERROR here", text("there was an ERROR here"));
    check("ERROR", text("ERROR"));
    check("", text(""));
    check(
        "[WARN] low on disk",
        json!({"format": "text", "timestamp_source": "read", "level": "warning", "level_source": "head", "message": "low on disk"}),
    );
    check(
        "2026-11-23T10:15:30Z ERROR no such host",
        json!({"format": "text", "timestamp": "2026-11-23T10:15:30Z", "timestamp_source": "line", "level": "error",
            "level_source": "head", "message": "no such host"}),
    );
    check(
        "[7d0c] workflow_id=wf-1a2b3c type=tdd duration_ms=12.5 done. agent=\"coder\"",
        json!({"format": "text", "timestamp_source": "read", "level": "unknown", "workflow_id": "wf-1a2b3c",
            "workflow_type": "tdd", "agent": "coder", "duration_ms": 12.5,
            "message": "[7d0c] workflow_id=wf-1a2b3c type=tdd duration_ms=12.5 done. agent=\"coder\""}),
    );
}

proptest::proptest! {
    #[test]
    fn any_text_gives_an_entry(text in ".{0,80}", head in "(INFO: |[0-9]{4}-11-23 10:15:30 - a - ERROR|\\{\"a\":|INFO:a:|\\[WARN\\]|a - - \\[23/Nov/2026:10:15:30 \\+0000\\] \")?") {
        parse(&format!("{head}{text}"), "UTC");
        parse(&format!("{head}{text}\n{text}"), "UTC");
    }
}
