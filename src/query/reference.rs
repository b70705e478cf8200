//! The page of reference: every example on it is a query, and finds what it says.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use serde_json::Value as Json;

use super::{MAX_DEPTH, MAX_GLOB, MAX_PHRASE, MAX_QUERY_LEN, MAX_REGEXES, MAX_TERMS, Query, pipe};
use crate::record::{Entry, Level, Text, Value};

const PAGE: &str = include_str!("reference.md");

/// When the examples are asked.
const NOW: &str = "2026-11-26T10:30:00Z";

/// The numbers of the sample entries that each condition on the page finds.
const FINDS: &[(&str, &str)] = &[
    ("*", "1 2 3 4 5"),
    ("timeout", "1 2"),
    ("GRÖSSE OR größe", "5"),
    (r#""connection timeout""#, "1"),
    ("wf-8f3a12cd", "1 2"),
    ("pay*", "2"),
    ("*flows", "1 4"),
    ("t*ed", "2"),
    ("*ealth*", "3"),
    ("/time(d )?out/", "1 2"),
    ("/(?i)CONNECTION/", "1 2"),
    (r"/\bapi\/v[0-9]/", "4"),
    ("/api/v1/workflows", "1 4"),
    (r"\/healthz*", "3"),
    (r#""✅""#, "5"),
    (r#""OR""#, ""),
    ("service:api", "1 3 4"),
    ("path:/api/v1/workflows", "1 4"),
    ("message:timeout", "1 2"),
    (r#"message:"timeout after""#, "1"),
    ("raw:timeout", "1 2"),
    (r#"service:"api""#, "1 3 4"),
    ("logger:orchestrator.*", "1 2 4"),
    ("logger:/^orch.*http$/", "1 4"),
    ("path:=/Api/v1/workflows", "1"),
    ("service!=api", "2 5"),
    ("duration_ms:*", "1 3 4"),
    ("-workflow_id:*", "3 4 5"),
    ("retry:null", "1"),
    ("workflow:wf-8f3a12cd", "1 2"),
    ("type:tdd", "2"),
    ("fields.type:card", "2"),
    ("status:504.0", "1"),
    ("duration_ms>1000", "1 4"),
    ("status>=500", "1 2"),
    ("status<404", "3"),
    ("status<=404", "3 4"),
    ("path>/b", "3"),
    ("status:[400 TO 504]", "1 2 4"),
    ("status:{404 TO 504}", "2"),
    ("status:[500 TO *]", "1 2"),
    ("status:in(404, 500)", "2 4"),
    (r#"service:in(billing, "cache", u*)"#, "2 5"),
    ("service:(billing OR cache)", "2 5"),
    ("status:([200 TO 299] OR 404)", "3 4"),
    ("message:(timeout -payment)", "1"),
    ("level:error", "1"),
    ("level:warn", "4"),
    ("level>=warning", "1 2 4"),
    ("level<error", "3 4"),
    ("level:(error OR critical)", "1 2"),
    ("level:[info TO error]", "1 3 4"),
    ("level!=info", "1 2 4 5"),
    ("level:*", "1 2 3 4"),
    ("level:unknown", "5"),
    ("timestamp>=now-1h", "1 2"),
    ("timestamp>15m", "1"),
    ("timestamp:today", "1 2 3"),
    ("timestamp<today-12h", "5"),
    ("timestamp:2026-11-25", "4"),
    ("timestamp>2026-11-25", "1 2 3"),
    ("timestamp:[2026-11-24 TO 2026-11-25]", "4 5"),
    ("timestamp:{2026-11-24 TO now]", "1 2 3 4"),
    ("timestamp>=2026-11-26T10:25:00Z", "1"),
    (r#"timestamp<"2026-11-26 10:10""#, "3 4 5"),
    (r#"timestamp>="2026-11-26 10:00 Europe/Berlin""#, "1 2 3"),
    (r#"timestamp>="2026-11-26 10:00 +01:00""#, "1 2 3"),
    (r#"timestamp:"2026-11-26 Europe/Berlin""#, "1 2 3 4"),
    ("timestamp>=1795687200", "1 2"),
    ("timeout service:api", "1"),
    ("healthz AND status:200", "3"),
    ("payment OR slow", "2 4"),
    ("-timeout", "3 4 5"),
    ("NOT (timeout OR healthz)", "4 5"),
    ("level:error OR slow -status:500", "1 4"),
    ("(payment OR slow) level>=error", "2"),
];

fn nanoseconds(time: &str) -> i64 {
    DateTime::parse_from_rfc3339(time).unwrap().timestamp_nanos_opt().unwrap()
}

fn parse(text: &str) -> Query {
    Query::parse_at(text, nanoseconds(NOW), &chrono_tz::UTC).unwrap_or_else(|error| panic!("{error}"))
}

/// What stands in backticks in the first column of tables.
fn examples() -> Vec<String> {
    let first = |line: &str| Some(line.strip_prefix("| `")?.split_once("` |")?.0.replace("\\|", "|"));
    PAGE.lines().filter_map(first).collect()
}

/// The sample entries of the page.
fn samples() -> Vec<Entry> {
    PAGE.lines().filter(|line| line.starts_with('{')).map(entry).collect()
}

fn entry(line: &str) -> Entry {
    let json: Json = serde_json::from_str(line).unwrap();
    let text = |key: &str| json[key].as_str();
    let known = ["timestamp", "level", "message", "service", "logger", "workflow_id", "workflow_type"];
    let other = |key: &String| !known.contains(&key.as_str()) && !["duration_ms", "fields"].contains(&key.as_str());
    assert_eq!(json.as_object().unwrap().keys().find(|key| other(key)), None, "a name that this test does not read");
    let message = text("message").unwrap();
    let fields = json["fields"].as_object().into_iter().flatten();
    Entry {
        time: nanoseconds(text("timestamp").unwrap()),
        level: Level::from_word(text("level").unwrap()).unwrap(),
        raw: message.into(),
        message: Text::Owned(message.into()),
        source: "logs/app.log".into(),
        service: text("service").unwrap().into(),
        logger: text("logger").map(Into::into),
        workflow_id: text("workflow_id").map(Into::into),
        workflow_type: text("workflow_type").map(Into::into),
        duration_ms: json["duration_ms"].as_f64(),
        fields: fields.map(|(key, json)| (key.as_str().into(), value(json))).collect(),
        ..Entry::default()
    }
}

fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Number(number) => number.as_i64().map_or_else(|| Value::Float(number.as_f64().unwrap()), Value::Int),
        Json::String(text) => Value::Str(text.as_str().into()),
        other => panic!("a sample holds {other}"),
    }
}

#[test]
fn every_example_finds_what_it_says() {
    let (samples, examples) = (samples(), examples());
    let mut expected: BTreeMap<&str, &str> = FINDS.iter().copied().collect();
    assert_eq!(expected.len(), FINDS.len(), "an example is expected twice");
    let found = |query: &Query| {
        let numbers = samples.iter().enumerate().filter(|(_, entry)| query.matches(*entry));
        numbers.map(|(index, _)| (index + 1).to_string()).collect::<Vec<_>>().join(" ")
    };
    for example in &examples {
        let query = parse(example);
        assert_eq!(parse(&query.to_string()), query, "{example}: its canonical text reads back");
        if query.pipes().is_empty() {
            let want = expected.remove(example.as_str());
            assert_eq!(want, Some(found(&query).as_str()), "{example}");
        }
    }
    assert_eq!(expected, BTreeMap::new(), "examples that are not on the page");
}

#[test]
fn every_pipe_and_function_has_an_example() {
    let queries: Vec<Query> = examples().iter().map(|example| parse(example)).collect();
    let pipes = || queries.iter().flat_map(Query::pipes);
    let names: BTreeSet<&str> = pipes().map(pipe::Pipe::name).collect();
    assert_eq!(names, BTreeSet::from(pipe::names()));
    let functions: BTreeSet<String> = pipes()
        .filter_map(|pipe| match pipe {
            pipe::Pipe::Stats { functions, .. } => Some(functions),
            _ => None,
        })
        .flatten()
        .map(|function| format!("{:?}", function.kind).chars().take_while(|c| c.is_alphabetic()).collect())
        .collect();
    let all = ["Avg", "Count", "CountDistinct", "Max", "Min", "Quantile", "Rate", "Sum"];
    assert_eq!(functions, all.map(str::to_owned).into());
}

#[test]
fn the_limits_are_those_of_the_page() {
    let check = |what: &str, most: usize| {
        let row = PAGE.lines().find_map(|line| line.strip_prefix("| ")?.strip_prefix(what)?.strip_prefix(" | "));
        let number = row.and_then(|row| row.split([' ', ',']).next()?.parse().ok());
        assert_eq!(number, Some(most), "{what}");
    };
    check("length", MAX_QUERY_LEN);
    check("depth of parentheses and negations", MAX_DEPTH);
    check("words, phrases and conditions on fields", MAX_TERMS);
    check("regular expressions", MAX_REGEXES);
    check("words of a phrase", MAX_PHRASE);
    check("length of a pattern with wildcards", MAX_GLOB);
    check("pipes", pipe::MAX_PIPES);
    check("functions of one `stats`", pipe::MAX_FUNCTIONS);
    check("names in one list", pipe::MAX_NAMES);
    check("rows of `limit`, `top` and `patterns`", pipe::MAX_LIMIT);
    check("entries of `context` on one side", pipe::MAX_CONTEXT);
}
