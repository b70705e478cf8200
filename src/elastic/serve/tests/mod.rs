//! Tables of requests, and which entries they find.

mod answers;

use serde_json::{Value as Json, json};

use super::dsl::Queries;
use super::request::Search;
use super::{body, multi_search};
use crate::query::Query;
use crate::record::{Entry, Level, Value};

const NOW: i64 = 1_795_429_800_000_000_000; // 2026-11-23T10:30:00Z

/// Entries with a letter each as their agent.
fn entries() -> Vec<Entry> {
    let entry = |name: &str, minutes: i64, level: Level, message: &str, fields: Vec<(&str, Value)>| Entry {
        time: NOW - minutes * 60_000_000_000,
        level,
        raw: message.into(),
        message: crate::record::Text::Owned(message.into()),
        source: "/var/log/api.log".into(),
        service: if minutes > 60 { "old-api".into() } else { "api".into() },
        agent: Some(name.into()),
        duration_ms: (minutes == 5).then_some(250.0),
        fields: fields.into_iter().map(|(name, value)| (name.into(), value)).collect(),
        ..Entry::default()
    };
    vec![
        entry("a", 1, Level::Error, "Connection timeout to db-7", vec![("status", Value::Int(504))]),
        entry(
            "b",
            5,
            Level::Info,
            "request done",
            vec![("status", Value::Int(200)), ("path", Value::Str("/v1/users".into()))],
        ),
        entry("c", 90, Level::Warning, "slow request: timeout soon", vec![("ok", Value::Bool(true))]),
        entry("d", 3000, Level::Debug, "cache miss", vec![("status", Value::Str("none".into()))]),
    ]
}

/// The letters of those that match.
fn found(query: &Json) -> Result<String, String> {
    let chosen =
        Queries::new(NOW).chosen(Some(query)).map_err(|fault| fault.to_json()["error"]["reason"].to_string())?;
    let query = Query::of(chosen.condition);
    let all = entries();
    for entry in all.iter().filter(|entry| query.matches(*entry)) {
        assert!(query.window().contains(&entry.time), "{query}: the window leaves out what matches");
    }
    Ok(all.iter().filter(|entry| query.matches(*entry)).filter_map(|entry| entry.agent.as_deref()).collect())
}

#[track_caller]
fn check(query: Json, want: &str) {
    assert_eq!(found(&query).as_deref(), Ok(want), "{query}");
}

#[track_caller]
fn refused(query: Json, part: &str) {
    let error = found(&query).unwrap_err();
    assert!(error.contains(part), "{query}: {error}");
}

#[test]
fn queries() {
    check(json!({"match_all": {}}), "abcd");
    check(json!({"match_none": {}}), "");
    check(json!({"term": {"service": "api"}}), "ab");
    check(json!({"term": {"service": {"value": "API"}}}), "");
    check(json!({"term": {"service": {"value": "API", "case_insensitive": true}}}), "ab");
    check(json!({"term": {"service.keyword": "old-api"}}), "cd");
    check(json!({"term": {"level": "error"}}), "a");
    check(json!({"term": {"status": 504}}), "a");
    check(json!({"term": {"fields.status": "504"}}), "a");
    check(json!({"term": {"fields.ok": true}}), "c");
    check(json!({"terms": {"level": ["error", "debug"]}}), "ad");
    check(json!({"terms": {"level": []}}), "");
    check(json!({"match": {"message": "timeout cache"}}), "acd");
    check(json!({"match": {"message": {"query": "timeout request", "operator": "and"}}}), "c");
    check(json!({"match_phrase": {"message": "timeout to"}}), "a");
    check(json!({"match_phrase_prefix": {"message": "slow req"}}), "c");
    check(json!({"multi_match": {"query": "timeout", "fields": ["message^2", "service"]}}), "ac");
    check(json!({"multi_match": {"query": "users"}}), "b");
    check(json!({"exists": {"field": "duration_ms"}}), "b");
    check(json!({"exists": {"field": "fields.path"}}), "b");
    check(json!({"prefix": {"service": "old"}}), "cd");
    check(json!({"wildcard": {"fields.path": {"value": "/v?/us*"}}}), "b");
    check(json!({"wildcard": {"fields.path": "/v?/us"}}), "");
    check(json!({"regexp": {"service": "old-.*|x"}}), "cd");
    check(json!({"constant_score": {"filter": {"term": {"level": "info"}}}}), "b");
    check(json!({"bool": {}}), "abcd");
    check(json!({"bool": {"must": {"term": {"service": "api"}}, "must_not": [{"term": {"level": "info"}}]}}), "a");
    check(json!({"bool": {"should": [{"term": {"level": "info"}}, {"term": {"level": "debug"}}]}}), "bd");
    let three = json!([{"term": {"service": "api"}}, {"match": {"message": "timeout"}}, {"term": {"level": "error"}}]);
    check(json!({"bool": {"should": three, "minimum_should_match": 2}}), "a");
    check(json!({"bool": {"should": three, "minimum_should_match": "67%"}}), "a");
    check(json!({"bool": {"should": three, "minimum_should_match": -2}}), "abc");
    check(json!({"bool": {"should": three, "minimum_should_match": 3}}), "a");
    check(json!({"bool": {"should": three, "minimum_should_match": 4}}), "");
    check(json!({"bool": {"filter": [{"match_all": {}}], "should": three}}), "abcd");
}

#[test]
fn ranges() {
    let at = |name: &str, limits: Json| json!({"range": {name: limits}});
    check(at("@timestamp", json!({"gte": "now-1h"})), "ab");
    check(
        at("timestamp", json!({"gte": NOW / 1_000_000 - 120_000, "lte": NOW / 1_000_000, "format": "epoch_millis"})),
        "a",
    );
    check(at("@timestamp", json!({"gt": "2026-11-23T10:25:00Z"})), "a");
    check(at("@timestamp", json!({"gte": "2026-11-23T10:25:00Z"})), "ab");
    check(at("@timestamp", json!({"gte": "2026-11-21", "lte": "2026-11-21"})), "d");
    check(at("@timestamp", json!({"gt": "2026-11-21"})), "abc");
    check(at("@timestamp", json!({"lt": "2026-11-23"})), "d");
    check(at("@timestamp", json!({"gte": "now/d"})), "abc");
    check(at("@timestamp", json!({"lt": "1795429800", "format": "epoch_second"})), "abcd");
    check(at("status", json!({"gte": 500})), "a");
    check(at("status", json!({"gte": "200", "lt": "504"})), "b");
    check(at("duration_ms", json!({"from": 250, "to": 300})), "b");
    check(at("duration_ms", json!({"from": 250, "include_lower": false})), "");
    check(at("level", json!({"gte": "warning"})), "ac");
    check(at("service", json!({"gt": "b"})), "cd");
}

#[test]
fn lucene() {
    let text = |query: &str| json!({"query_string": {"query": query, "analyze_wildcard": true}});
    for (query, want) in [
        ("*", "abcd"),
        ("*:*", "abcd"),
        ("", ""),
        ("timeout", "ac"),
        ("TIMEOUT", "ac"),
        ("timeout cache", "acd"),
        ("timeout AND request", "c"),
        ("timeout && request", "c"),
        ("timeout OR cache", "acd"),
        ("timeout || cache", "acd"),
        ("NOT timeout", "bd"),
        ("timeout NOT slow", "a"),
        ("timeout !slow", "a"),
        ("timeout -slow", "a"),
        ("+timeout slow", "ac"),
        ("level:error", "a"),
        ("level:(error OR info)", "ab"),
        ("level:(error info)", "ab"),
        ("-level:error", "bcd"),
        ("service:old*", "cd"),
        ("service:old-api", "cd"),
        ("service:\"old-api\"", "cd"),
        ("path:\\/v1\\/users", "b"),
        ("path:\"/v1/users\"", "b"),
        ("path:/.v[0-9]+.users/", "b"),
        ("/tim.*out/", "ac"),
        ("message:/tim.*out/", "ac"),
        ("mess*", ""),
        ("time*", "ac"),
        ("t?meout", "ac"),
        ("\"timeout to\"", "a"),
        ("\"timeout to\"~3", "a"),
        ("timeout~2", "ac"),
        ("timeout^4 AND db", "a"),
        ("status:504", "a"),
        ("status:[500 TO 599]", "a"),
        ("status:[200 TO 504}", "b"),
        ("status:{200 TO *]", "a"),
        ("status:>=200", "ab"),
        ("status:>200", "a"),
        ("status:<504", "b"),
        ("status:(>=200 AND <300)", "b"),
        ("_exists_:path", "b"),
        ("path:*", "b"),
        ("@timestamp:[now-1h TO now]", "ab"),
        ("@timestamp:>2026-11-23T10:25:00Z", "a"),
        ("@timestamp:[\"2026-11-23T10:25:00Z\" TO *]", "ab"),
        ("(timeout OR cache) AND level:debug", "d"),
        ("timeout AND (NOT level:error)", "c"),
        ("a\\:b", ""),
        ("db\\-7", "a"),
        ("db-7", "a"),
        ("service:api AND NOT level:info OR level:debug", "a"),
        ("*imeout", "ac"),
    ] {
        check(text(query), want);
    }
    let and = |query: &str| json!({"query_string": {"query": query, "default_operator": "AND"}});
    check(and("timeout slow"), "c");
    check(and("timeout OR cache"), "acd");
    check(json!({"query_string": {"query": "api", "fields": ["service"]}}), "ab");
    check(json!({"query_string": {"query": "api", "default_field": "agent"}}), "");
    let simple = |query: &str| json!({"simple_query_string": {"query": query}});
    check(simple("timeout | cache"), "acd");
    check(simple("+timeout +slow"), "c");
    check(simple("\"timeout to\""), "a");
    check(simple("time*"), "ac");
}

#[test]
fn mistakes_in_queries() {
    refused(json!({"fuzzy": {"a": "b"}}), "query.fuzzy: unknown query [fuzzy]");
    refused(json!({"bool": {"must": [{"match_all": {}}, {"x": {}}]}}), "query.bool.must[1].x: unknown query [x]");
    refused(json!({"bool": {"mustt": []}}), "query.bool: [bool] does not support [mustt]");
    refused(json!({"match_all": {}, "term": {}}), "one too many");
    refused(json!({}), "[query] is empty");
    refused(json!([]), "must be an object");
    refused(
        json!({"range": {"@timestamp": {"gte": "noon"}}}),
        "query.range.@timestamp: failed to parse date \\\"noon\\\"",
    );
    refused(json!({"term": {"a": {"value": []}}}), "query.term.a: the value must be");
    refused(json!({"regexp": {"a": "("}}), "cannot be used");
    refused(json!({"ids": {"values": []}, "bool": {}}), "one too many");
    refused(json!({"bool": {"must_not": {"ids": {"values": []}}}}), "ids are for the whole query");
    let many: Vec<String> = (0..2000).map(|n| n.to_string()).collect();
    refused(json!({"terms": {"a": many}}), "more than 1024 conditions");
    let many: Vec<Json> = (0..40).map(|n| json!({"term": {"a": n}})).collect();
    refused(json!({"bool": {"should": many, "minimum_should_match": 20}}), "more than 1024 conditions");
    for (query, part) in [
        ("(a", "column 3: a `)` is missing"),
        ("a)", "column 2: `)` has no meaning here"),
        ("a AND", "something must follow here"),
        ("AND a", "something must stand before AND"),
        ("\"a", "a quote is missing"),
        ("status:[1 TO", "a bound is missing"),
        ("status:[1 5]", "a range is written as"),
        ("[1 TO 5]", "needs a field"),
        ("/a", "the `/` at the end"),
        ("a:", "something must follow here"),
        ("a\\", "escapes nothing"),
        ("@timestamp:noon", "failed to parse date"),
        (&"(".repeat(100), "nest at most"),
        (&"a ".repeat(5000), "at most 8192 bytes"),
        (&"a ".repeat(2000), "more than 1024"),
    ] {
        refused(json!({"query_string": {"query": query}}), part);
    }
}

#[test]
fn ids_are_taken_where_all_must_hold() {
    let ids = |query: Json| Queries::new(0).chosen(Some(&query)).unwrap().ids.unwrap();
    assert_eq!(ids(json!({"ids": {"values": ["5.1", "é", "7.2"]}})), [(5, 1), (7, 2)].into());
    assert_eq!(ids(json!({"term": {"_id": "5.1"}})), [(5, 1)].into());
    assert_eq!(ids(json!({"bool": {"filter": {"terms": {"id": ["5.1", "7.2"]}}}})), [(5, 1), (7, 2)].into());
    refused(json!({"bool": {"should": {"term": {"_id": {"value": "5.1"}}}}}), "ids are for the whole query");
    let both = json!({"bool": {"must": {"ids": {"values": ["5.1", "7.2"]}}, "filter": [{"ids": {"values": ["7.2"]}}]}});
    assert_eq!(ids(both), [(7, 2)].into());
}

#[test]
fn requests() {
    let refused = |body: Json, part: &str| {
        let error = Search::read(&body, NOW).unwrap_err().to_json()["error"]["reason"].to_string();
        assert!(error.contains(part), "{body}: {error}");
    };
    refused(json!({"size": 10_001}), "Result window is too large");
    refused(json!({"from": 9_999, "size": 2}), "Result window is too large");
    refused(json!({"size": -1}), "not negative");
    refused(json!({"sizes": 1}), "[_search] does not support [sizes]");
    refused(json!({"search_after": [1, 2]}), "2 values for 0 keys");
    refused(json!({"sort": ["@timestamp"], "search_after": [true]}), "search_after: true is no time");
    refused(json!({"sort": ["_doc"], "search_after": [5]}), "no place that a hit has shown");
    refused(json!({"sort": [{"a": {"missing": "_first"}}]}), "sort.a: what is missing can only be [_last]");
    refused(json!({"script_fields": {"a": {}}}), "script_fields: scripts are not run here");
    refused(json!({"timeout": "soon"}), "timeout: failed to parse");
    refused(json!({"pit": {"id": "x"}}), "pit: [pit] has no id");
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    assert!(body(nested(500).as_bytes()).is_err() && body(b"{\"a\":").is_err() && body(b" ").is_ok());
    assert_eq!(body(b"\x1f\x8b\x08").unwrap_err().status, 415);
    let error = body(b"{\n\"a\": x}").unwrap_err().to_json();
    assert_eq!((&error["error"]["line"], &error["status"]), (&2.into(), &400.into()));
}

#[test]
fn several_searches() {
    let read = |text: &str| multi_search(text.as_bytes(), "", NOW);
    let all =
        read("{}\n{\"size\":1}\n{\"index\":[\"x\"]}\n{}\n{\"index\":\"x\",\"ignore_unavailable\":true}\n{}\n").unwrap();
    assert!(matches!(&all[0], Ok(Some(search)) if search.size == 1));
    assert!(matches!(&all[1], Err(fault) if fault.status == 404));
    assert!(matches!(&all[2], Ok(None)) && all.len() == 3);
    assert!(read("").is_err() && read("{}").is_err() && read("{}\n{").is_err());
    assert!(read(&"{}\n{}\n".repeat(101)).is_err());
    assert_eq!(read("\n{}\n\n{}").unwrap().len(), 2);
}
