//! What queries mean, in tables.

use chrono_tz::Tz;

use super::{MAX_DEPTH, MAX_GLOB, MAX_PHRASE, MAX_QUERY_LEN, MAX_REGEXES, MAX_TERMS, Need, Query};
use crate::record::{Entry, Level, Text, Value};

fn entry() -> Entry {
    let fields = [
        ("status", Value::Int(404)),
        ("ratio", Value::Float(2.5)),
        ("path", Value::Str("/api/v1/Workflows".into())),
        ("event_data.error", Value::Str("connection reset".into())),
        ("taskName", Value::Null),
        ("success", Value::Bool(true)),
        ("type", Value::Str("odd".into())),
    ];
    Entry {
        time: 1_795_429_800_000_000_000, // 2026-11-23T10:30:00Z
        level: Level::Error,
        raw: "RAW 🎯 Connection  timeout, step_2".into(),
        message: Text::Owned("🎯 Connection  timeout, step_2 took 12.5ms (größer)".into()),
        source: "logs/api.log".into(),
        service: "API".into(),
        logger: Some("orchestrator.workflow".into()),
        workflow_id: Some("wf-8f3a12cd".into()),
        workflow_type: Some("tdd".into()),
        duration_ms: Some(404.0),
        fields: fields.map(|(key, value)| (key.into(), value)).into(),
        ..Entry::default()
    }
}

/// When queries of these tables are asked: a minute after the entry.
const NOW: i64 = 1_795_429_860_000_000_000;

fn parse(text: &str) -> Query {
    Query::parse_at(text, NOW, &Tz::Europe__Berlin).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn what_matches() {
    let entry = entry();
    let check = |query: &str, want: bool| {
        let query = parse(query);
        assert_eq!(query.matches(&entry), want, "{query}");
        let again = Query::parse(&query.to_string()).unwrap();
        assert_eq!(again, query, "Display reads back");
    };
    let yes = "* | timeout | TIMEOUT | connection | \"connection timeout\" | conn* | *out | ti*t | t*m*t | step_2 | 12.5ms \
        | GRÖßER | größ* | wf-8f3a12cd | wf-8f* | 🎯 | api | 404 | \"api.log\" | logs/api.log | -healthz | NOT healthz | !x \
        | timeout AND connection | nothing OR timeout | (nothing OR timeout) connection | -(a b) | --timeout \
        | service:api | service:=API | service:!=api | logger:orchestrator.* | logger:*workflow | logger:* | -agent:* \
        | level:error | level=error | level>=warning | level:>=warning | level:(error OR critical) | level:* | -level:info \
        | level<critical | workflow:WF-8F3A12CD | type:tdd | fields.type:odd | status:404 | status:=404 | status:>403 \
        | status:404.0 | status:4* | status<=404 | duration_ms:404 | duration_ms>=404 | duration_ms:404.0 | ratio:2.5 \
        | event_data.error:\"connection reset\" | fields.event_data.error:conn* | path:/api/v1/workflows | path:/api/* \
        | path:/^\\/api/ | path:=/api/v1/Workflows | path!=x | path>/api | /time(d )?out/ | /(?i)CONNECTION/ | success:true \
        | message:(timeout connection) | message:\"Connection timeout\" | message:tim* | raw:raw | -taskName:* | taskName:null \
        | timestamp>2026-11-23T10:00:00Z | timestamp:2026-11-23T* | /api/v1/workflows | timestamp_source:read | level:ERR \
        | status:[404 TO 404] | status:[400 TO 500} | status:{400 TO *] | status:[* TO 404] | status:[* TO *] | ratio:[\"-1\" TO 2.5] \
        | status:([1 TO 2] OR [400 TO 499]) | path:[/a TO /b] | level:[warning TO fatal] | level:{warning TO *] | level:in(error, info) \
        | service:in(web, API) | service:in(web,api) | status:in(40*) | event_data.error:in(x, \"connection reset\") | -status:in(1, 2) \
        | timestamp>=-15m | timestamp>now-1h | timestamp<now | timestamp<=2026-11-23T10:30:00Z | timestamp:today | timestamp:2026-11-23 \
        | timestamp=2026-11-23T10:30:00Z | timestamp:\"2026-11-23 11:30\" | timestamp:\"2026-11-23 05:30 America/New_York\" \
        | timestamp:[now-1h TO now] | timestamp:[today TO *] | timestamp:{2026-11-22 TO now} | timestamp:* | *imeou* | *nnec*";
    yes.split(" | ").for_each(|query| check(query.trim(), true));
    let no = "time | out | raw | \"timeout connection\" | \"step 2\" | \"took 5ms\" | wf-8f3a | \"reset true\" | timed* | ti*x \
        | null | service:ap | service:=api | service:!=API | level:unknown | level>error | level<=warning | status:40 \
        | status:>404 | agent:x | agent:* | taskName:* | /CONNECTION/ | message:tdd | timestamp<2026-11-23T10:30:00Z \
        | nothing OR (timeout nothing) | timeout -connection | type:odd | path:/api | path:=/api | -* | path:>1 \
        | status:{404 TO 500] | status:[400 TO 404} | status:([1 TO 2] OR 5) | agent:[a TO z] | agent:[* TO *] | path:[a TO b] \
        | level:[info TO warning] | level:in(info, fatal) | service:in(web, ap) | timestamp>=-5s | timestamp<today | timestamp:yesterday \
        | timestamp:[now TO *] | timestamp:\"2026-11-23 10:30\" | timestamp>=2026-11-24 | timestamp!=2026-11-23T10:30:00Z | *imeoux*";
    no.split(" | ").for_each(|query| check(query.trim(), false));
    check("", true);
    assert!(!Query::parse("level>=trace").unwrap().matches(&Entry::default()));
    assert!(Query::parse("level:unknown").unwrap().matches(&Entry::default()));
}

#[test]
fn canonical_text() {
    let check = |query: &str, want: &str| {
        assert_eq!(parse(query).to_string(), want);
        assert_eq!(parse(want).to_string(), want);
    };
    check("  ", "*");
    check("a AND b OR NOT c", "a b OR -c");
    check("a (b OR c) (d e)", "a (b OR c) (d e)");
    check("duration_ms>1000", "duration_ms:>1000");
    check("workflow:x level=warn", "workflow_id:x level:warning");
    check("level:(error OR -info)", "level:error OR -level:info");
    check(r#""AND" "a \"b\" \\ c" "x""#, r#""AND" "a \"b\" \\ c" x"#);
    check(r"/a\/b/ x:/c d/", r"/a\/b/ x:/c d/");
    check(r"\/api* x:/api/*", r"\/api* x:\/api/*");
    check("x!=y", "-x:=y");
    check("x:[1 TO *] x:{\"a b\" TO c] x:>-5 x:[* TO *]", "x:>=1 x:{\"a b\" TO c] x:>-5 x:*");
    check("x:in(a, b) c", "(x:a OR x:b) c");
    check("level:[warn TO error]", "level>=warning level<=error");
    check("timestamp>=-1h", "timestamp:>=2026-11-23T09:31:00Z");
    check("timestamp>2026-11-22", "timestamp:>=2026-11-22T23:00:00Z");
    check(
        "timestamp>=2026-11-22 timestamp<=2026-11-22",
        "timestamp:>=2026-11-21T23:00:00Z timestamp:<2026-11-22T23:00:00Z",
    );
    check("timestamp<2026-11-22", "timestamp:<2026-11-21T23:00:00Z");
    check("timestamp:[2026-11-25 TO 2026-11-26]", "timestamp:[2026-11-24T23:00:00Z TO 2026-11-26T23:00:00Z}");
    check("timestamp:{2026-11-25 TO 2026-11-27}", "timestamp:[2026-11-25T23:00:00Z TO 2026-11-26T23:00:00Z}");
    check("timestamp>\"2026-11-25 10:00 Europe/Berlin\"", "timestamp:>2026-11-25T09:00:00Z");
    check("timestamp>\"2026-11-25 10:00 +01:00\"", "timestamp:>2026-11-25T09:00:00Z");
    check("timestamp<2026-11-25T10:00-05:00", "timestamp:<2026-11-25T15:00:00Z");
    check(r"x:in(\/a/*, >a*, [b*, !=c*)", r"x:\/a/* OR x:in(>a*) OR x:in([b*) OR x:in(!=c*)");
    check("timestamp:today", "timestamp:[2026-11-22T23:00:00Z TO 2026-11-23T23:00:00Z}");
    check("timestamp:now", "timestamp:[2026-11-23T10:31:00Z TO 2026-11-23T10:31:00Z]");
}

#[test]
fn errors_say_where_and_what_to_do() {
    let check = |query: &str, position: usize, part: &str| {
        let error = Query::parse(query).expect_err(query);
        assert_eq!(error.position, position, "{error}");
        assert!(error.message.contains(part), "{error}");
    };
    check("a OR | stats count()", 5, "missing before this `|`");
    check("(a | stats count())", 0, "not closed");
    check("error: x", 6, "put it in quotes");
    check("(a b", 0, "not closed");
    check("a b)", 3, "closes nothing");
    check("()", 1, "missing before this parenthesis");
    check("a OR", 4, "the query ends");
    check("OR a", 0, "quote it");
    check("a \"b c", 2, "not closed");
    check("level:bad", 6, "no such level: there are: unknown, trace");
    check("level:eror", 6, "did you mean `error`?");
    check("level:in(info, wraning)", 15, "did you mean `warning`?");
    check("level:[trace TO erorr]", 16, "did you mean `error`?");
    check("x:[1 2]", 5, "[LOW TO HIGH]");
    check("x:[1 TO 2", 9, "not closed");
    check("x:[1 TO", 7, "a bound is missing");
    check("x:[ TO 2]", 7, "[LOW TO HIGH]");
    check("x:[1 TO b]", 2, "one bound is a number");
    check("x:[2 TO 1]", 2, "smaller bound first");
    check("level:[error TO warning]", 6, "smaller bound first");
    check("level:{fatal TO *]", 6, "nothing is in this range");
    check("x:[2 TO 2}", 2, "smaller bound first");
    check("timestamp:[2026-11-26 TO 2026-11-25]", 10, "smaller bound first");
    check("timestamp:[2026-11-26 10:00 TO now]", 22, "a bound with a space stands in quotes");
    check("timestamp>\"2026-11-26 Europe/Berln\"", 10, "did you mean `Europe/Berlin`?");
    check("see http://x", 9, "in quotes, as in \"http://host\"");
    check("x:in(a b)", 7, "a comma");
    check("x:in()", 5, "a value is missing");
    check("x:in(a,)", 7, "a value is missing");
    check("x:in(a", 6, "a comma, or a `)`");
    check("timestamp:noon", 10, "not a time");
    check("timestamp:[today TO noon]", 20, "not a time");
    check("level:err*", 6, "no such level");
    check("x:/[/", 2, "regular expression does not work");
    check("a - b", 2, "nothing is negated");
    check("x:(a y:b)", 5, "another field");
    check("timestamp>noon", 10, "not a time");
    check("ä >5", 3, "a name is missing");
    check(&"(".repeat(MAX_DEPTH + 1), MAX_DEPTH, "nest at most 64");
    check(&"-".repeat(MAX_DEPTH + 2), MAX_DEPTH, "nest at most 64");
    check(&"a ".repeat(MAX_TERMS + 1), 2 * MAX_TERMS, "at most 500 terms");
    check(&"a".repeat(MAX_QUERY_LEN + 1), 0, "at most 8192 bytes");
    check(&format!("x \"{}\"", "a ".repeat(MAX_PHRASE + 1)), 2, "at most 256 words");
    check(&"/a/ ".repeat(MAX_REGEXES + 1), 4 * MAX_REGEXES, "at most 32 regular expressions");
}

#[test]
fn hostile_queries_are_refused_or_answered() {
    let message = Text::Owned("a ".repeat(32 * 1024).into());
    let worst = Entry { message, logger: Some("a".repeat(64 * 1024).into()), ..entry() };
    let check = |query: &str, answered: bool| {
        let read = Query::parse(query);
        assert_eq!(read.is_ok(), answered, "{:.80}", query);
        if let Ok(query) = read {
            query.matches(&worst);
            query.need();
            query.window();
            assert!(!query.to_string().is_empty());
        }
    };
    for piece in
        ["(", "|", "*", "-", "[", "{", "\"", "/", "a:(", "a:in(", "a OR ", "NOT ", "(?i)", "\\", "é", "a:[", "\u{0}"]
    {
        check(&piece.repeat(32 * 1024 / piece.len()), false);
        for length in [1, 7, 100, MAX_QUERY_LEN] {
            let text = piece.repeat(length.div_ceil(piece.len()));
            for query in [format!("{text}a"), format!("a:{text}"), format!("/{text}/"), format!("a | {text}")] {
                let answered = Query::parse(&query).is_ok();
                check(&query, answered);
            }
        }
    }
    check(&"*a".repeat(MAX_GLOB / 2), true);
    check(&format!("*{}b*", "a".repeat(MAX_GLOB - 3)), true);
    check(&format!("*{}b*", "a".repeat(MAX_GLOB)), false);
    check(&"a".repeat(8000), true);
    check(&format!("\"{}b\"", "a ".repeat(MAX_PHRASE - 1)), true);
    check(&"a ".repeat(MAX_TERMS), true);
    check(&"/\\w{9}/ ".repeat(MAX_REGEXES), true);
    check("/(((a{1000}){1000}){1000})/", false);
    check("/((\\w{100}){100}){100}/", false);
    check(&format!("/{}a{}/", "(".repeat(4000), ")".repeat(4000)), false);
    check(&format!("/{}/", "(a|b|)?".repeat(1000)), true);
    check(&format!("/{}/", "a|".repeat(4000)), true);
}

#[test]
fn needs() {
    let word = |text: &str| Need::Word(text.into());
    let check = |query: &str, want: Need| assert_eq!(Query::parse(query).unwrap().need(), want, "{query}");
    check("*", Need::Anything);
    check("-x", Need::Anything);
    check("level>fatal", Need::Nothing);
    check("Timeout", word("timeout"));
    check("wf-8F", Need::All(vec![word("wf"), word("8f")]));
    check("orch*", Need::Prefix("orch".into()));
    check("*orch", Need::Contains("orch".into()));
    check("logger:orchestrator.*", word("orchestrator"));
    check("service:API", Need::Key { field: "service", value: "api".into(), exact: false });
    check("service:=API", Need::Key { field: "service", value: "API".into(), exact: true });
    check("status:404", word("404"));
    check("status:404.0", Need::Anything);
    check("id:9007199254740993", word("9007199254740993"));
    check("x:null", Need::Anything);
    check("x:n*l", Need::Anything);
    check("x:\"\" service:\"\"", Need::Anything);
    check("x!=a", Need::Anything);
    check("service:\u{130}A", Need::Key { field: "service", value: "\u{130}a".into(), exact: false });
    check("a OR -b", Need::Anything);
    check("a OR b*", Need::Any(vec![word("a"), Need::Prefix("b".into())]));
    check("level:(error OR fatal)", Need::Level(vec![Level::Error, Level::Fatal]));
    check("level>fatal OR a", word("a"));
    check("raw:a duration_ms:5", Need::Anything);
    check("duration_ms:[1 TO 5] x:[1 TO 2] -x:in(a, b)", Need::Anything);
    check("x:in(a, b)", Need::Any(vec![word("a"), word("b")]));
}

#[test]
fn needs_of_patterns() {
    let word = |text: &str| Need::Word(text.into());
    let prefix = |text: &str| Need::Prefix(text.into());
    let piece = |text: &str| Need::Contains(text.into());
    let check = |query: &str, want: Need| assert_eq!(parse(query).need(), want, "{query}");
    check("*orch*", piece("orch"));
    check("*a*", Need::Anything);
    check("lo*mid*hi", Need::All(vec![piece("mid"), prefix("lo"), piece("hi")]));
    check("path:*/v1/Work*", Need::All(vec![prefix("work"), word("v1")]));
    check("/timeout/", piece("timeout"));
    check("/Time[oO]ut/", piece("timeout"));
    check("/(?i)Timeout/", piece("timeout"));
    check("/time(d )?out/", Need::Any(vec![Need::All(vec![piece("timed"), prefix("out")]), piece("timeout")]));
    check("/connection timed out/", Need::All(vec![piece("connection"), word("timed"), prefix("out")]));
    check("/^a b$/", Need::All(vec![word("a"), word("b")]));
    check("/error: +status [0-9]+/", Need::All(vec![word("status"), piece("error")]));
    check("/foo.*bar/", Need::All(vec![piece("foo"), piece("bar")]));
    check("/foo|bar/", Need::Any(vec![piece("foo"), piece("bar")]));
    check("/foo|.*/", Need::Anything);
    check("/[a-z]+/", Need::Anything);
    check(r"/\bfoo\b/", piece("foo"));
    check("/(ab){2,}c/", piece("abab"));
    check(r"/a\s*b/", Need::Any(vec![prefix("b"), piece("ab")]));
    check("/(?i)ok/", Need::Any(vec![piece("ok"), piece("o\u{212a}")]));
    check("x:/^nu/", Need::Anything); // finds a null, too
    check("x:/^no/", prefix("no"));
    check("logger:/^orch/", prefix("orch"));
    let Need::Any(ways) = parse(&format!("/{}/", "(a|b)".repeat(200))).need() else { panic!("one of a few ways") };
    assert_eq!((ways.len(), ways.first()), (16, Some(&piece("aaaa"))));
    check(&format!("/{}/", "((((a{9}){9}){9}){9})"), piece("aaaa"));
}
