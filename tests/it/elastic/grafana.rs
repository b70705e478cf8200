//! Requests in the shapes of Grafana's Elasticsearch data source, and what it must find in the answers.

use serde_json::{Value, json};

use super::{home, searches, send};
use crate::home::Home;

/// The query of every panel: a time and a text.
fn query(text: &str) -> Value {
    let now = logmill::sys::clock::now() / 1_000_000;
    json!({ "bool": { "filter": [
        { "range": { "@timestamp": { "format": "epoch_millis", "gte": now - 3_600_000, "lte": now } } },
        { "query_string": { "analyze_wildcard": true, "query": text } },
    ] } })
}

/// A panel of numbers over time.
fn metric(text: &str, inner: Value) -> Value {
    let now = logmill::sys::clock::now() / 1_000_000;
    json!({ "size": 0, "query": query(text), "aggs": { "2": {
        "date_histogram": {
            "field": "@timestamp", "fixed_interval": "60s", "min_doc_count": 0, "format": "epoch_millis",
            "extended_bounds": { "min": now - 3_600_000, "max": now },
        },
        "aggs": inner,
    } } })
}

fn one(home: &Home, body: Value) -> Value {
    let answer = searches(home, &[body]).remove(0);
    assert_eq!(answer["status"], 200, "{answer}");
    answer
}

fn counts(buckets: &Value) -> Vec<u64> {
    buckets.as_array().unwrap().iter().map(|bucket| bucket["doc_count"].as_u64().unwrap()).collect()
}

#[test]
fn panels_get_what_they_ask_for() {
    let home = home(1_500);
    let daemon = home.run();
    daemon.settle();
    metrics(&home);
    pipelines(&home);
    logs(&home);
    variables(&home);
    annotations(&home);
    health(&home);
    assert!(!home.log().contains("panicked"), "{}", home.log());
    assert_eq!(daemon.stop(), Some(0));
}

fn metrics(home: &Home) {
    let all = home.search("*").len() as u64;
    let answer = one(home, metric("*", json!({})));
    let buckets = &answer["aggregations"]["2"]["buckets"];
    assert_eq!(counts(buckets).iter().sum::<u64>(), all);
    // Empty steps are there from one end to the other, each with its time as a number and as a text.
    assert!((60..=62).contains(&buckets.as_array().unwrap().len()), "{}", buckets.as_array().unwrap().len());
    assert_eq!(buckets[0]["key"].as_i64().unwrap().to_string(), buckets[0]["key_as_string"].as_str().unwrap());
    let by_level = json!({ "3": {
        "terms": { "field": "level", "size": 10, "order": { "1": "desc" }, "min_doc_count": 1 },
        "aggs": {
            "1": { "avg": { "field": "duration_ms" } }, "4": { "extended_stats": { "field": "duration_ms", "sigma": "2" } },
            "5": { "percentiles": { "field": "duration_ms", "percents": ["50", "95"] } },
            "6": { "cardinality": { "field": "service" } },
            "7": { "top_metrics": { "metrics": [{ "field": "message" }], "sort": [{ "@timestamp": "desc" }], "size": 1 } },
        },
    } });
    let answer = one(home, json!({ "size": 0, "query": query("*"), "aggs": by_level }));
    let buckets = &answer["aggregations"]["3"]["buckets"];
    assert_eq!(counts(buckets).iter().sum::<u64>(), all);
    let means: Vec<f64> =
        buckets.as_array().unwrap().iter().filter_map(|bucket| bucket["1"]["value"].as_f64()).collect();
    assert!(!means.is_empty() && means.is_sorted_by(|a, b| a >= b), "{means:?}");
    assert!(buckets[0]["4"]["std_deviation_bounds"]["upper"].as_f64() >= buckets[0]["1"]["value"].as_f64());
    assert!(buckets[0]["5"]["values"]["95.0"].as_f64() >= buckets[0]["5"]["values"]["50.0"].as_f64());
    assert!(buckets[0]["7"]["top"][0]["metrics"]["message"].is_string(), "{}", buckets[0]);
    let filters = json!({ "filters": {
        "level:error": { "query_string": { "query": "level:error", "analyze_wildcard": true } },
        "rest": { "query_string": { "query": "-level:error", "analyze_wildcard": true } },
    } });
    let answer = one(home, json!({ "size": 0, "query": query("*"), "aggs": { "3": { "filters": filters } } }));
    let buckets = &answer["aggregations"]["3"]["buckets"];
    let errors = home.search("level:error").len() as u64;
    assert_eq!(
        (&buckets["level:error"]["doc_count"], &buckets["rest"]["doc_count"]),
        (&errors.into(), &(all - errors).into())
    );
    let numbers = json!({ "3": { "histogram": { "field": "duration_ms", "interval": "1000", "min_doc_count": 1 } } });
    let answer = one(home, json!({ "size": 0, "query": query("*"), "aggs": numbers }));
    let with_duration = home.search("duration_ms:*").len() as u64;
    assert_eq!(counts(&answer["aggregations"]["3"]["buckets"]).iter().sum::<u64>(), with_duration);
}

fn pipelines(home: &Home) {
    let inner = json!({
        "1": { "derivative": { "buckets_path": "_count" } },
        "3": { "cumulative_sum": { "buckets_path": "_count" } },
        "4": { "moving_fn": { "buckets_path": "_count", "window": 3, "script": "MovingFunctions.unweightedAvg(values)", "shift": 1 } },
    });
    let answer = one(home, metric("*", inner));
    let buckets = answer["aggregations"]["2"]["buckets"].as_array().unwrap();
    let (mut before, mut sum) = (None, 0.0);
    for (index, bucket) in buckets.iter().enumerate() {
        let count = bucket["doc_count"].as_f64().unwrap();
        sum += count;
        assert_eq!(bucket["1"]["value"].as_f64(), before.map(|before| count - before), "{index}");
        assert_eq!(bucket["3"]["value"].as_f64(), Some(sum), "{index}");
        let window: Vec<f64> =
            buckets[index.saturating_sub(2)..=index].iter().map(|b| b["doc_count"].as_f64().unwrap()).collect();
        assert_eq!(bucket["4"]["value"].as_f64(), Some(window.iter().sum::<f64>() / window.len() as f64), "{index}");
        before = Some(count);
    }
    let script = json!({ "1": { "bucket_script": { "buckets_path": { "a": "_count" }, "script": "params.a * 2" } } });
    let refused = searches(home, &[metric("*", script)]).remove(0);
    assert_eq!((&refused["status"], &refused["error"]["type"]), (&400.into(), &"illegal_argument_exception".into()));
    let reason = refused["error"]["reason"].as_str().unwrap();
    assert_eq!(reason, "aggs.2.aggs.1.bucket_script: scripts are not run here");
}

fn logs(home: &Home) {
    let body = |more: Value| {
        let mut body = json!({
            "size": 100, "query": query("level:error OR workflow"),
            "sort": { "@timestamp": { "order": "desc", "unmapped_type": "boolean" }, "_doc": { "order": "desc" } },
            "fields": [{ "field": "@timestamp", "format": "strict_date_optional_time_nanos" }],
            "highlight": { "fields": { "*": {} }, "fragment_size": 2_147_483_647,
                           "pre_tags": ["@HIGHLIGHT@"], "post_tags": ["@/HIGHLIGHT@"] },
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let mut want = home.search("level:error OR workflow");
    // The command has the oldest first.
    want.reverse();
    let want: Vec<&str> = want.iter().map(|entry| entry["id"].as_str().unwrap()).collect();
    let (mut found, mut after) = (Vec::new(), json!({}));
    loop {
        let hits = one(home, body(after))["hits"]["hits"].take();
        let hits = hits.as_array().unwrap();
        let Some(last) = hits.last() else { break };
        for hit in hits {
            assert_eq!(hit["fields"]["@timestamp"], json!([hit["_source"]["timestamp"]]));
            let message = hit["_source"]["message"].as_str().unwrap();
            let marked = hit["highlight"]["message"][0].as_str().unwrap_or(message);
            assert_eq!(marked.replace("@HIGHLIGHT@", "").replace("@/HIGHLIGHT@", ""), message);
            found.push(hit["_id"].as_str().unwrap().to_owned());
        }
        after = json!({ "search_after": last["sort"] });
    }
    assert_eq!(found, want);
    assert!(found.len() > 100, "one page is no test");
    let raw = json!({ "size": 5, "query": query("*"), "docvalue_fields": ["@timestamp"], "script_fields": {},
                      "sort": { "@timestamp": { "order": "asc", "unmapped_type": "boolean" } } });
    let answer = one(home, raw);
    assert_eq!(answer["hits"]["hits"][0]["_id"], home.search("*")[0]["id"]);
}

/// `{"find": "terms", "field": "level"}` and `{"find": "fields"}`.
fn variables(home: &Home) {
    let terms = json!({ "size": 0, "query": query("*"), "aggs": { "1": { "terms": { "field": "level", "size": 500, "order": { "_key": "asc" } } } } });
    let answer = one(home, terms);
    let keys: Vec<&str> =
        answer["aggregations"]["1"]["buckets"].as_array().unwrap().iter().map(|b| b["key"].as_str().unwrap()).collect();
    assert!(keys.contains(&"error") && keys.is_sorted(), "{keys:?}");
    let mapping = send(home, "GET", "/logmill/_mapping", "").json();
    assert_eq!(mapping["logmill"]["mappings"]["properties"]["level"]["type"], "keyword");
}

fn annotations(home: &Home) {
    let now = logmill::sys::clock::now() / 1_000_000;
    let range = json!({ "range": { "@timestamp": { "from": now - 3_600_000, "to": now, "format": "epoch_millis" } } });
    let body = json!({ "size": 10_000, "query": { "bool": { "filter": [
        { "bool": { "should": [range], "minimum_should_match": 1 } },
        { "query_string": { "query": "level:error" } },
    ] } } });
    assert_eq!(one(home, body)["hits"]["hits"].as_array().unwrap().len(), home.search("level:error").len());
}

fn health(home: &Home) {
    let caps = send(home, "GET", "/logmill/_field_caps?fields=@timestamp", "").json();
    assert!(caps["fields"]["@timestamp"].is_object(), "{caps}");
    assert_eq!(send(home, "GET", "", "").json()["version"]["number"], "8.17.0");
    assert_eq!(send(home, "POST", "/metrics-*/_count", "[]").status, 400);
    assert_eq!(send(home, "POST", "/metrics-*/_count", "{}").json()["count"], 0);
    // What is refused before a route is found has the same shape.
    let missing = send(home, "DELETE", "/logmill/_search", "");
    assert_eq!((missing.status, missing.json()["status"].as_u64()), (405, Some(405)));
    let large = send(home, "POST", "/_search", &" ".repeat((1 << 20) + 1));
    assert_eq!((large.status, large.json()["error"]["type"].is_string()), (413, true));
    let broken = send(home, "POST", "/_search", "{\n\"query\": x}").json();
    assert_eq!((&broken["error"]["line"], &broken["error"]["type"]), (&2.into(), &"parsing_exception".into()));
}
