//! What searches and aggregations answer about a few entries, and about arbitrary ones against a plain list.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::{NOW, entries};
use crate::elastic::serve::aggregate::{Aggregation, Tree, finish_all};
use crate::elastic::serve::dsl::Queries;
use crate::elastic::serve::{Scrolled, Search, open_point, scroll, search};
use crate::record::{Entry, Level};
use crate::search::Budget;
use crate::store::Snapshot;

const MINUTE: i64 = 60_000_000_000;

fn snapshot() -> Snapshot {
    // They come oldest first, so the numbers go with time.
    let open: Vec<(u64, Entry)> = (0..).zip(entries().into_iter().rev()).collect();
    Snapshot { next_sequence: open.len() as u64, open, ..Snapshot::default() }
}

fn ask(body: &Json) -> Json {
    let asked = Search::read(body, NOW).unwrap_or_else(|fault| panic!("{body}: {}", fault.to_json()));
    search(&snapshot(), &asked, &Budget::default()).unwrap_or_else(|fault| panic!("{body}: {}", fault.to_json()))
}

/// The letters of the hits.
fn letters(answer: &Json) -> String {
    let hits = answer["hits"]["hits"].as_array().unwrap();
    hits.iter().map(|hit| hit["_source"]["agent"].as_str().unwrap_or("?")).collect()
}

#[test]
fn orders() {
    let check = |body: Json, want: &str| assert_eq!(letters(&ask(&body)), want, "{body}");
    check(json!({}), "abcd");
    check(json!({"size": 2}), "ab");
    check(json!({"size": 2, "from": 1}), "bc");
    check(json!({"size": 0}), "");
    check(json!({"sort": "@timestamp"}), "dcba");
    check(json!({"sort": [{"@timestamp": "desc"}]}), "abcd");
    check(json!({"sort": {"@timestamp": {"order": "asc"}, "_doc": {"order": "asc"}}}), "dcba");
    check(json!({"sort": ["service", {"@timestamp": "asc"}]}), "badc");
    check(json!({"sort": ["service", "_doc"]}), "abcd");
    check(json!({"sort": [{"duration_ms": {"order": "desc"}}, {"agent": "desc"}]}), "bdca");
    check(json!({"sort": [{"fields.status": {"order": "desc", "unmapped_type": "long"}}], "size": 2}), "ab");
    check(json!({"sort": ["_score", {"agent": "desc"}]}), "dcba");
}

#[test]
fn pages_go_on_where_the_last_one_ended() {
    let sorts = [
        json!(["@timestamp", "_doc"]),
        json!([{"@timestamp": "desc"}, "_doc"]),
        json!([{"@timestamp": "desc"}]),
        json!(["@timestamp"]),
        json!(["service", "_doc"]),
        json!(["service", {"@timestamp": "desc"}]),
        json!([{"@timestamp": "desc"}, "service"]),
        json!(["_doc"]),
        json!([{"timestamp": "desc"}, {"id": "desc"}]),
        json!([{"duration_ms": "desc"}, "_doc"]),
        json!([{"agent": {"order": "desc"}}]),
    ];
    for sort in sorts {
        let whole = letters(&ask(&json!({"sort": sort})));
        let (mut found, mut after) = (String::new(), Json::Null);
        for _ in 0..6 {
            let page = ask(&json!({"sort": sort, "size": 1, "search_after": after}));
            found += &letters(&page);
            if let Some(hit) = page["hits"]["hits"].get(0) {
                after = hit["sort"].clone();
            }
        }
        assert_eq!(found, whole, "{sort}");
    }
}

#[test]
fn an_id_names_one_entry() {
    let id = ask(&json!({"size": 1, "from": 2}))["hits"]["hits"][0]["_id"].clone();
    for query in
        [json!({"ids": {"values": [id]}}), json!({"term": {"_id": id}}), json!({"term": {"id": {"value": id}}})]
    {
        let answer = ask(&json!({"query": query, "track_total_hits": true}));
        assert_eq!((letters(&answer).as_str(), &answer["hits"]["total"]["value"]), ("c", &json!(1)), "{query}");
    }
    // Of the same time, and another number.
    let other = format!("{}.77", id.as_str().unwrap().split('.').next().unwrap());
    assert_eq!(letters(&ask(&json!({"query": {"ids": {"values": [other]}}}))), "");
}

#[test]
fn totals() {
    let check = |body: Json, want: Json| assert_eq!(ask(&body)["hits"]["total"], want, "{body}");
    check(json!({}), json!({"value": 4, "relation": "eq"}));
    check(json!({"track_total_hits": 2}), json!({"value": 2, "relation": "gte"}));
    check(json!({"track_total_hits": 4}), json!({"value": 4, "relation": "eq"}));
    check(
        json!({"track_total_hits": true, "query": {"term": {"level": "error"}}}),
        json!({"value": 1, "relation": "eq"}),
    );
    check(json!({"track_total_hits": false}), Json::Null);
    check(json!({"rest_total_hits_as_int": true}), json!(4));
}

#[test]
fn documents() {
    let first = |body: Json| ask(&body)["hits"]["hits"][0].clone();
    let source = |filter: Json| first(json!({"_source": filter, "query": {"term": {"agent": "b"}}}))["_source"].clone();
    assert_eq!(source(json!(["level", "fields.status"])), json!({"level": "info", "fields": {"status": 200}}));
    assert_eq!(source(json!("fields.*")), json!({"fields": {"status": 200, "path": "/v1/users"}}));
    assert_eq!(source(json!({"includes": ["*e*"], "excludes": ["fields", "*ti*", "m*"]}))["level"], "info");
    assert_eq!(source(json!({"excludes": ["fields"]}))["fields"], Json::Null);
    assert_eq!(
        source(json!(["@timestamp", "raw"])),
        json!({"@timestamp": "2026-11-23T10:25:00Z", "raw": "request done"})
    );
    assert_eq!(source(json!(false)), Json::Null);
    assert_eq!(source(json!(true))["raw"], Json::Null);
    let fields = |asked: Json| first(json!({"fields": asked, "query": {"term": {"agent": "b"}}}))["fields"].clone();
    let time = json!([{"field": "@timestamp", "format": "epoch_millis"}, "level.keyword", "fields.p*", "nope"]);
    let want = json!({"@timestamp": ["1795429500000"], "level.keyword": ["info"], "fields.path": ["/v1/users"]});
    assert_eq!(fields(time), want);
    let marked =
        json!({"highlight": {"fields": {"*": {}}}, "query": {"query_string": {"query": "TIMEOUT AND NOT slow"}}});
    assert_eq!(first(marked)["highlight"], json!({"message": ["Connection <em>timeout</em> to db-7"]}));
}

#[test]
fn scrolls_and_points_in_time_do_not_see_what_comes_later() {
    let mut store = snapshot();
    let point = open_point(store.next_sequence, 0);
    let first = Scrolled::first(json!({"size": 3}), store.next_sequence, NOW).page(&store, &Budget::default()).unwrap();
    assert_eq!(letters(&first), "abc");
    let late = Entry { time: NOW - 4000 * MINUTE, agent: Some("late".into()), ..Entry::default() };
    store.open.push((store.next_sequence, late));
    store.next_sequence += 1;
    let next = json!({"scroll_id": first["_scroll_id"]});
    let second = scroll(&next).unwrap().page(&store, &Budget::default()).unwrap();
    assert_eq!((letters(&second).as_str(), &second["hits"]["total"]), ("d", &first["hits"]["total"]));
    let third = json!({"scroll_id": second["_scroll_id"]});
    assert_eq!(letters(&scroll(&third).unwrap().page(&store, &Budget::default()).unwrap()), "");
    let body = json!({"pit": {"id": point["id"], "keep_alive": "1m"}});
    let answer = search(&store, &Search::read(&body, NOW).unwrap(), &Budget::default()).unwrap();
    assert_eq!((letters(&answer).as_str(), &answer["pit_id"]), ("abcd", &point["id"]));
}

/// The answer of one aggregation, by short words: `key:count` of its buckets.
fn buckets(aggregation: &Json) -> String {
    let answer = ask(&json!({"size": 0, "aggs": {"a": aggregation}}));
    let shown = |key: &Json| key.as_str().map_or_else(|| key.to_string(), str::to_owned);
    let found = &answer["aggregations"]["a"]["buckets"];
    let words: Vec<String> = match found {
        Json::Array(list) => list
            .iter()
            .map(|bucket| {
                format!("{}:{}", shown(bucket.get("key_as_string").unwrap_or(&bucket["key"])), bucket["doc_count"])
            })
            .collect(),
        Json::Object(named) => named.iter().map(|(name, bucket)| format!("{name}:{}", bucket["doc_count"])).collect(),
        other => panic!("{other}"),
    };
    words.join(" ")
}

#[test]
fn bucket_aggregations() {
    let check = |aggregation: Json, want: &str| assert_eq!(buckets(&aggregation), want, "{aggregation}");
    check(json!({"terms": {"field": "service"}}), "api:2 old-api:2");
    check(json!({"terms": {"field": "service", "order": {"_key": "desc"}}}), "old-api:2 api:2");
    check(json!({"terms": {"field": "service", "order": [{"_count": "desc"}, {"_key": "desc"}]}}), "old-api:2 api:2");
    check(json!({"terms": {"field": "status"}}), "200:1 504:1 none:1");
    check(json!({"terms": {"field": "status", "missing": 0}}), "0:1 200:1 504:1 none:1");
    check(json!({"terms": {"field": "status", "include": "[0-9]+"}}), "200:1 504:1");
    check(json!({"terms": {"field": "status", "exclude": ["504"]}}), "200:1 none:1");
    check(json!({"terms": {"field": "ok"}}), "true:1");
    check(json!({"terms": {"field": "service", "size": 1}}), "api:2");
    check(json!({"terms": {"field": "service", "min_doc_count": 3}}), "");
    let mean = json!({"m": {"max": {"field": "duration_ms"}}});
    check(
        json!({"terms": {"field": "level", "order": {"m": "desc"}}, "aggs": mean}),
        "info:1 debug:1 error:1 warning:1",
    );
    check(json!({"filters": {"filters": [{"match_all": {}}]}}), "null:4");
    check(json!({"filters": {"filters": {"e": {"term": {"level": "error"}}}, "other_bucket": true}}), "_other_:3 e:1");
    check(
        json!({"range": {"field": "status", "ranges": [{"to": 300}, {"from": 300}, {"key": "all"}]}}),
        "*-300.0:1 300.0-*:1 all:2",
    );
    check(json!({"range": {"field": "status", "keyed": true, "ranges": [{"from": 200, "to": 504}]}}), "200.0-504.0:1");
    let hour = json!([{"from": "now-1h"}, {"to": "now-1h", "key": "old"}]);
    check(json!({"date_range": {"field": "@timestamp", "ranges": hour}}), "2026-11-23T09:30:00.000Z-*:2 old:2");
    check(json!({"histogram": {"field": "status", "interval": 100}}), "200.0:1 300.0:0 400.0:0 500.0:1");
    check(
        json!({"histogram": {"field": "status", "interval": 100, "offset": 50, "min_doc_count": 1}}),
        "150.0:1 450.0:1",
    );
    let times = |more: Json| {
        let mut body = json!({"field": "@timestamp", "fixed_interval": "1h", "format": "HH:mm", "min_doc_count": 1});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"date_histogram": body})
    };
    check(times(json!({})), "08:00:1 09:00:1 10:00:2");
    check(times(json!({"order": {"_key": "desc"}})), "10:00:2 09:00:1 08:00:1");
    check(times(json!({"offset": "30m", "keyed": true})), "08:30:1 09:30:2");
    check(
        times(json!({"time_zone": "+02:00", "fixed_interval": "1d", "format": "yyyy-MM-dd"})),
        "2026-11-21:1 2026-11-23:3",
    );
    check(times(json!({"hard_bounds": {"min": "now-1h", "max": "now"}})), "10:00:2");
    let bounds = json!({"min": "now-4h", "max": "now-2h"});
    let old = json!({"filter": {"term": {"level": "error"}}, "aggs": {"t": times(json!({"min_doc_count": 0, "extended_bounds": bounds}))}});
    let answer = ask(&json!({"size": 0, "aggs": {"a": old}}));
    let steps = answer["aggregations"]["a"]["t"]["buckets"].as_array().unwrap();
    let steps: Vec<String> =
        steps.iter().map(|step| format!("{}:{}", step["key_as_string"], step["doc_count"])).collect();
    assert_eq!(steps.join(" ").replace('"', ""), "06:00:0 07:00:0 08:00:0 09:00:0 10:00:1");
    check(
        json!({"date_histogram": {"field": "@timestamp", "calendar_interval": "day", "format": "epoch_second"}}),
        "1795219200:1 1795305600:0 1795392000:3",
    );
}

#[test]
fn metrics() {
    let check = |aggregation: Json, want: Json| {
        let answer = ask(&json!({"size": 0, "aggs": {"a": aggregation}}));
        assert_eq!(answer["aggregations"]["a"], want, "{aggregation}");
    };
    check(json!({"avg": {"field": "fields.status"}}), json!({"value": 352.0}));
    check(json!({"sum": {"field": "nope"}}), json!({"value": 0.0}));
    check(json!({"min": {"field": "nope"}}), json!({"value": null}));
    check(json!({"min": {"field": "status", "missing": 7}}), json!({"value": 7.0}));
    check(
        json!({"max": {"field": "@timestamp"}}),
        json!({"value": 1_795_429_740_000.0, "value_as_string": "2026-11-23T10:29:00.000Z"}),
    );
    check(json!({"value_count": {"field": "status"}}), json!({"value": 3}));
    check(json!({"value_count": {"field": "_id"}}), json!({"value": 4}));
    check(json!({"cardinality": {"field": "service"}}), json!({"value": 2}));
    check(
        json!({"stats": {"field": "status"}}),
        json!({"count": 2, "min": 200.0, "max": 504.0, "avg": 352.0, "sum": 704.0}),
    );
    check(
        json!({"percentiles": {"field": "status", "percents": [50, 99.9]}}),
        json!({"values": {"50.0": 200.0, "99.9": 504.0}}),
    );
    check(
        json!({"percentiles": {"field": "status", "percents": [50], "keyed": false}}),
        json!({"values": [{"key": 50.0, "value": 200.0}]}),
    );
    check(
        json!({"top_metrics": {"metrics": [{"field": "agent"}], "sort": {"@timestamp": "asc"}}}),
        json!({"top": [{"sort": ["2026-11-21T08:30:00.000Z"], "metrics": {"agent": "d"}}]}),
    );
    let missing = ask(&json!({"size": 0, "aggs": {"a": {"missing": {"field": "status"}, "meta": {"x": 1}}}}));
    assert_eq!(missing["aggregations"]["a"], json!({"doc_count": 1, "meta": {"x": 1}}));
    let extended = ask(&json!({"size": 0, "aggs": {"a": {"extended_stats": {"field": "status"}}}}));
    let extended = &extended["aggregations"]["a"];
    assert_eq!((&extended["variance"], &extended["std_deviation_bounds"]["upper"]), (&json!(23104.0), &json!(656.0)));
}

#[test]
fn mistakes_in_aggregations() {
    let check = |aggregation: Json, part: &str| {
        let body = json!({"size": 0, "aggs": {"a": aggregation}});
        let answer = Search::read(&body, NOW)
            .and_then(|asked| search(&snapshot(), &asked, &Budget { groups: 100, ..Budget::default() }));
        let reason = answer.unwrap_err().to_json()["error"]["reason"].to_string();
        assert!(reason.contains(part), "{body}: {reason}");
    };
    check(json!({"nope": {}}), "aggs.a.nope: Unknown aggregation type [nope]");
    check(json!({"terms": {}}), "aggs.a.terms: [field] is missing");
    check(json!({"terms": {"field": "x", "size": 0}}), "[size] must be greater than 0");
    check(json!({"terms": {"field": "x", "script": "1"}}), "does not support [script]");
    check(json!({"avg": {"script": "1"}}), "scripts are not run here");
    check(json!({"avg": {"field": "x"}, "aggs": {"b": {"avg": {"field": "x"}}}}), "cannot have aggregations inside");
    check(json!({"date_histogram": {"field": "service", "fixed_interval": "1h"}}), "[service] is no time");
    check(json!({"date_histogram": {"field": "@timestamp", "fixed_interval": "0s"}}), "Zero or negative");
    check(
        json!({"date_histogram": {"field": "@timestamp", "calendar_interval": "2d"}}),
        "could not be parsed as a calendar",
    );
    check(json!({"date_histogram": {"field": "@timestamp"}}), "is missing");
    check(json!({"date_histogram": {"field": "@timestamp", "fixed_interval": "1s"}}), "too many buckets");
    check(json!({"histogram": {"field": "status", "interval": 0.001}}), "too many buckets");
    let bounds = json!({"date_histogram": {"field": "@timestamp", "fixed_interval": "1h", "extended_bounds": {"min": "now-1d", "max": "now"}}});
    let mut nested = bounds.clone();
    nested["aggs"] = json!({"b": bounds});
    check(nested, "too many buckets");
    let ranges: Vec<Json> = (0..150).map(|n| json!({"from": n})).collect();
    let level = |inner: Json| json!({"range": {"field": "x", "ranges": ranges}, "aggs": {"i": inner}});
    check(level(level(level(json!({"avg": {"field": "x"}})))), "too many buckets");
    check(level(level(level(level(json!({"avg": {"field": "x"}}))))), "more than 500 aggregations");
}

/// How many, the smallest and the largest duration.
type Told = (u64, Option<(i8, i8)>);

/// Entries of arbitrary minutes, services and durations.
fn rows() -> impl Strategy<Value = Vec<(i64, u8, Option<i8>)>> {
    proptest::collection::vec((0..300_i64, 0..3_u8, proptest::option::of(any::<i8>())), 0..60)
}

proptest! {
    #[test]
    fn trees_are_as_a_plain_list_says_however_they_are_merged(rows in rows(), cut in 0..60_usize) {
        let entry = |(minute, service, duration): &(i64, u8, Option<i8>)| Entry {
            time: NOW - minute * MINUTE,
            level: Level::Info,
            service: format!("s{service}").into(),
            duration_ms: duration.map(f64::from),
            ..Entry::default()
        };
        let aggs = json!({"t": {
            "date_histogram": {"field": "@timestamp", "fixed_interval": "10m", "min_doc_count": 1},
            "aggs": {"s": {"terms": {"field": "service"}, "aggs": {"d": {"stats": {"field": "duration_ms"}}}}},
        }});
        let read = Aggregation::read_all(&aggs, &mut Queries::new(NOW)).unwrap();
        let budget = Budget::default();
        let mut trees = [Tree::new(&read, &budget), Tree::new(&read, &budget)];
        for (index, row) in rows.iter().enumerate() {
            trees[usize::from(index >= cut)].take(&entry(row));
        }
        let [mut one, other] = trees;
        one.merge(other);
        let answer = finish_all(one, 100_000).unwrap();
        let mut want: BTreeMap<(i64, String), Told> = BTreeMap::new();
        for (minute, service, duration) in &rows {
            let step = (NOW - minute * MINUTE).div_euclid(10 * MINUTE) * 10 * MINUTE / 1_000_000;
            let (count, ends) = want.entry((step, format!("s{service}"))).or_default();
            *count += 1;
            if let Some(d) = duration {
                let (low, high) = ends.unwrap_or((*d, *d));
                *ends = Some((low.min(*d), high.max(*d)));
            }
        }
        let mut got = BTreeMap::new();
        for step in answer["t"]["buckets"].as_array().unwrap() {
            for service in step["s"]["buckets"].as_array().unwrap() {
                let end = |name: &str| service["d"][name].as_f64().map(|n| n as i8);
                let key = (step["key"].as_i64().unwrap(), service["key"].as_str().unwrap().to_owned());
                got.insert(key, (service["doc_count"].as_u64().unwrap(), end("min").zip(end("max"))));
            }
        }
        prop_assert_eq!(got, want);
    }

    #[test]
    fn numbers_of_entries_say_the_same_as_entries(rows in rows()) {
        let aggs = json!({"t": {
            "date_histogram": {"field": "@timestamp", "fixed_interval": "10m", "min_doc_count": 1, "time_zone": "Asia/Kolkata"},
            "aggs": {"l": {"terms": {"field": "level", "order": {"_key": "asc"}}}},
        }});
        let read = Aggregation::read_all(&aggs, &mut Queries::new(NOW)).unwrap();
        let (mut one, mut other) = (Tree::new(&read, &Budget::default()), Tree::new(&read, &Budget::default()));
        prop_assert!(one.needs_counts_alone() && one.counts_fit(NOW, NOW + 1) && !one.counts_fit(NOW - MINUTE, NOW + MINUTE));
        let mut counts: BTreeMap<(i64, Level), u64> = BTreeMap::new();
        for (minute, level, _) in &rows {
            let entry = Entry { time: NOW - minute * MINUTE, level: Level::ALL[usize::from(*level)], ..Entry::default() };
            *counts.entry((entry.time, entry.level)).or_default() += 1;
            one.take(&entry);
        }
        counts.into_iter().for_each(|((time, level), count)| other.take_counts(time, level, count));
        prop_assert_eq!(finish_all(one, 100_000).unwrap(), finish_all(other, 100_000).unwrap());
    }
}
