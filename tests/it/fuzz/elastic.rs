//! Requests in Elasticsearch's shapes, asked of a few entries: whatever comes, the answer is an answer or an error, and
//! one that counts counts no more than there is.

use std::sync::OnceLock;

use logmill::elastic::serve::{self, Search};
use logmill::record::{Entry, Level, Text, Value};
use logmill::search::Budget;
use logmill::store::Snapshot;

pub const REQUESTS: &[&str] = &[
    r#"{"query":{"bool":{"filter":[{"range":{"@timestamp":{"gte":"now-1h/h","lte":"now","format":"epoch_millis"}}},{"query_string":{"query":"level:error AND (a* OR \"b c\") -d:[1 TO 5}","analyze_wildcard":true}}],"should":[{"term":{"service":{"value":"api"}}},{"terms":{"level":["error"]}}],"must_not":{"exists":{"field":"x"}},"minimum_should_match":"50%"}},"size":3,"from":1,"sort":{"@timestamp":{"order":"desc"},"_doc":{}},"search_after":[1,"1.2"]}"#,
    r#"{"size":0,"aggs":{"2":{"date_histogram":{"field":"@timestamp","fixed_interval":"1h","time_zone":"Europe/Berlin","offset":"+6h","min_doc_count":0,"extended_bounds":{"min":"now-1d","max":"now"},"format":"yyyy-MM-dd'T'HH:mm"},"aggs":{"3":{"terms":{"field":"level","size":5,"order":{"1.avg":"desc"},"missing":"none","exclude":"a.*"},"aggs":{"1":{"extended_stats":{"field":"duration_ms"}}}},"4":{"derivative":{"buckets_path":"3>1"}}}},"5":{"avg_bucket":{"buckets_path":"2>_count"}}}}"#,
    r#"{"aggs":{"a":{"range":{"field":"duration_ms","ranges":[{"to":5},{"from":5}],"keyed":true},"aggs":{"p":{"percentiles":{"field":"duration_ms","percents":[50,"99"]}}}},"b":{"filters":{"filters":{"x":{"match":{"message":"a b"}},"y":{"wildcard":{"service":"a?i*"}}},"other_bucket":true}},"c":{"histogram":{"field":"duration_ms","interval":0.5}},"d":{"top_metrics":{"metrics":{"field":"message"},"sort":{"@timestamp":"desc"}}},"e":{"date_histogram":{"field":"timestamp","calendar_interval":"month"}},"f":{"cardinality":{"field":"service"}}}}"#,
    r#"{"query":{"regexp":{"service":"a.i|o.*"}},"_source":{"includes":["a*","fields"],"excludes":"level"},"fields":["@timestamp",{"field":"*","format":"epoch_second"}],"highlight":{"fields":{"*":{}}},"track_total_hits":5,"timeout":"1s"}"#,
    r#"{"query":{"ids":{"values":["1.2"]}},"sort":["duration_ms:desc","_score"],"pit":{"id":"eyJzIjo1fQ"}}"#,
    r#"{"query":{"simple_query_string":{"query":"+a | (b -c) \"d e\"~2 f^3","fields":["message","service^2"],"default_operator":"and"}}}"#,
    "{\"index\":\"logmill\"}\n{\"query\":{\"multi_match\":{\"query\":\"a\",\"type\":\"phrase_prefix\"}}}\n{}\n{\"size\":1}\n",
];

pub const WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "null",
    "true",
    "-1",
    "0",
    "1e308",
    "9223372036854775807",
    "\"*\"",
    "\"now\"",
    "now-1M/w",
    "now/y",
    "||+1d",
    "\"1ms\"",
    "\"1ns\"",
    "\"quarter\"",
    "\"UTC\"",
    "\"+14:00\"",
    "1969",
    "262143-01-01",
    "\"must\"",
    "\"should\"",
    "\"aggs\"",
    "\"field\"",
    "\"_count\"",
    "\"read_time\"",
    "\\u0000",
    "AND",
    "OR",
    "NOT",
    "/",
    "\\\\",
    "?",
    "~",
    "é",
    "\"min_doc_count\":0",
    "\"hard_bounds\"",
    "\"keyed\":true",
    "\"serial_diff\"",
    "\"cumulative_sum\"",
    "\"moving_fn\"",
    "\"missing\"",
];

/// A few entries that no commit has had yet.
fn snapshot() -> &'static Snapshot {
    static ENTRIES: OnceLock<Snapshot> = OnceLock::new();
    ENTRIES.get_or_init(|| {
        let entry = |n: u64| Entry {
            time: NOW - n as i64 * 600_000_000_000,
            level: Level::ALL[n as usize % 9],
            raw: format!("a b-{n} c").into(),
            message: Text::Slice(0..5),
            source: "a.log".into(),
            service: if n.is_multiple_of(2) { "api" } else { "old" }.into(),
            duration_ms: (!n.is_multiple_of(3)).then_some(n as f64 * 2.5),
            fields: [("x".into(), Value::Int(n as i64)), ("a.b".into(), Value::Str("y".into()))].into(),
            ..Entry::default()
        };
        Snapshot {
            open: (0..ENTRIES_THERE).map(|n| (n, entry(n))).collect(),
            next_sequence: ENTRIES_THERE,
            ..Snapshot::default()
        }
    })
}

const NOW: i64 = 1_800_000_000_000_000_000;
const ENTRIES_THERE: u64 = 30;

pub fn elastic(input: &[u8]) -> Vec<String> {
    let mut seen = Vec::new();
    let text = String::from_utf8_lossy(input);
    if let Ok(several) = serve::multi_search(input, "", NOW) {
        seen.push(format!("{} searches", several.iter().filter(|search| search.is_ok()).count()));
    }
    let budget = Budget { groups: 500, threads: 1, ..Budget::default() };
    let answer = serve::body(input).and_then(|body| serve::search(snapshot(), &Search::read(&body, NOW)?, &budget));
    match answer {
        Ok(answer) => {
            assert_eq!(answer["_shards"]["failed"], answer["timed_out"].as_bool().map_or(1, u64::from), "{text}");
            let total = answer["hits"]["total"]["value"].as_u64().unwrap_or(0);
            assert!(total <= ENTRIES_THERE, "{text}: {answer}");
            assert!(answer.to_string().len() < 4 << 20, "{text}: the answer has {} bytes", answer.to_string().len());
            let aggregations = answer["aggregations"].as_object().into_iter().flatten().map(|(name, _)| name.as_str());
            seen.push(format!("{total} {:?}", aggregations.collect::<Vec<_>>()));
        }
        Err(fault) => {
            let error = fault.to_json();
            assert!((400..500).contains(&fault.status) && error["error"]["reason"].is_string(), "{text}: {error}");
            seen.push(fault.reason.split_whitespace().filter(|w| w.chars().all(char::is_alphabetic)).take(5).collect());
        }
    }
    seen
}
