//! What queries mean, in tables, and the laws that hold for every query and entry.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::tokens::{for_each_token, to_lower};
use super::{MAX_DEPTH, MAX_QUERY_LEN, MAX_TERMS, Need, Query};
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

#[test]
fn what_matches() {
    let entry = entry();
    let check = |query: &str, want: bool| {
        let query = Query::parse(query).unwrap_or_else(|error| panic!("{error}"));
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
        | timestamp>2026-11-23T10:00:00Z | timestamp:2026-11-23T* | /api/v1/workflows | timestamp_source:read | level:ERR";
    yes.split(" | ").for_each(|query| check(query.trim(), true));
    let no = "time | out | raw | \"timeout connection\" | \"step 2\" | \"took 5ms\" | wf-8f3a | \"reset true\" | timed* | ti*x \
        | null | service:ap | service:=api | service:!=API | level:unknown | level>error | level<=warning | status:40 \
        | status:>404 | agent:x | agent:* | taskName:* | /CONNECTION/ | message:tdd | timestamp<2026-11-23T10:30:00Z \
        | nothing OR (timeout nothing) | timeout -connection | type:odd | path:/api | path:=/api | -* | path:>1";
    no.split(" | ").for_each(|query| check(query.trim(), false));
    check("", true);
    assert!(!Query::parse("level>=trace").unwrap().matches(&Entry::default()));
    assert!(Query::parse("level:unknown").unwrap().matches(&Entry::default()));
}

#[test]
fn canonical_text() {
    let check = |query: &str, want: &str| assert_eq!(Query::parse(query).unwrap().to_string(), want);
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
}

#[test]
fn errors_say_where_and_what_to_do() {
    let check = |query: &str, position: usize, part: &str| {
        let error = Query::parse(query).expect_err(query);
        assert_eq!(error.position, position, "{error}");
        assert!(error.message.contains(part), "{error}");
    };
    check("a | stats count()", 2, "unexpected `|`");
    check("error: x", 6, "put it in quotes");
    check("(a b", 0, "not closed");
    check("a b)", 3, "closes nothing");
    check("()", 1, "missing before this parenthesis");
    check("a OR", 4, "the query ends");
    check("OR a", 0, "quote it");
    check("a \"b c", 2, "not closed");
    check("level:bad", 6, "no such level: write one of unknown, trace");
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
    check("*orch", Need::Anything);
    check("logger:orchestrator.*", word("orchestrator"));
    check("service:API", Need::Key { field: "service", value: "api".into() });
    check("status:404", word("404"));
    check("status:404.0", Need::Anything);
    check("a OR -b", Need::Anything);
    check("a OR b*", Need::Any(vec![word("a"), Need::Prefix("b".into())]));
    check("level:(error OR fatal)", Need::Level(vec![Level::Error, Level::Fatal]));
    check("level>fatal OR a", word("a"));
    check("/re/ raw:a duration_ms:5", Need::Anything);
}

/// What a block of one entry holds, as the store indexes it.
struct Block {
    tokens: BTreeSet<String>,
    keys: Vec<(&'static str, String)>,
    level: Level,
}

impl Block {
    fn of(entry: &Entry) -> Block {
        let mut tokens = BTreeSet::new();
        for_each_token(entry, &mut String::new(), |token| {
            tokens.insert(token.to_owned());
        });
        let keys = entry.named().into_iter().filter_map(|(field, value)| Some((field, to_lower(value?)))).collect();
        Block { tokens, keys, level: entry.level }
    }

    fn satisfies(&self, need: &Need) -> bool {
        match need {
            Need::Anything => true,
            Need::Nothing => false,
            Need::Word(word) => self.tokens.contains(word),
            Need::Prefix(head) => self.tokens.iter().any(|token| token.starts_with(head)),
            Need::Key { field, value } => self.keys.iter().any(|(f, v)| f == field && v == value),
            Need::Level(levels) => levels.contains(&self.level),
            Need::All(needs) => needs.iter().all(|need| self.satisfies(need)),
            Need::Any(needs) => needs.iter().any(|need| self.satisfies(need)),
        }
    }
}

/// Texts of a small alphabet, so that queries often match.
const TEXT: &str = "[abAB1.0é🎯 /-]{0,6}";
const ATOM: &str = r#"[abAB*é1/.-]{1,4}|"[abAB .é🎯*1-]{0,5}"|/[ab.]{1,3}/|null|40[0-9]|1\.0|1e0|tru*"#;
const FIELD: &str = "(message|logger|service|agent|workflow|x|fields\\.type|y\\.z|duration_ms|raw):(=|!=|>|<=)?";
const LEVEL: &str = "level(=|:|>=|>|<|<=|!=)(debug|warning|error|fatal|unknown)";

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (398..408i64).prop_map(Value::Int),
        prop_oneof![Just(1.0), Just(404.0), Just(-0.5)].prop_map(Value::Float),
        TEXT.prop_map(|text| Value::Str(text.into())),
    ]
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let fields = proptest::collection::vec((prop_oneof!["x", "type", "y\\.z"], any_value()), 0..4);
    let named = (TEXT, TEXT, proptest::option::of(TEXT), proptest::option::of(TEXT));
    (0..9u8, TEXT, named, proptest::option::of(prop_oneof![Just(1.0), Just(404.0)]), fields).prop_map(
        |(level, message, (service, logger, agent, workflow_id), duration_ms, fields)| Entry {
            level: Level::from_number(level).unwrap_or_default(),
            raw: message.clone().into(),
            message: Text::Owned(message.into()),
            service: service.into(),
            logger: Some(logger.into()),
            agent: agent.map(Into::into),
            workflow_id: workflow_id.map(Into::into),
            duration_ms,
            fields: fields.into_iter().map(|(key, value)| (key.into(), value)).collect(),
            ..Entry::default()
        },
    )
}

fn any_query() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        3 => ATOM.boxed(),
        3 => (FIELD, ATOM).prop_map(|(field, atom)| field + &atom).boxed(),
        1 => LEVEL.boxed(),
    ];
    leaf.prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} OR {b})")),
            inner.clone().prop_map(|a| format!("-({a})")),
            inner.prop_map(|a| format!("NOT {a}")),
            (ATOM, ATOM).prop_map(|(a, b)| format!("x:({a} OR {b})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_match_satisfies_the_need(text in any_query(), entry in any_entry()) {
        if let Ok(query) = Query::parse(&text)
            && query.matches(&entry)
        {
            prop_assert!(Block::of(&entry).satisfies(&query.need()), "{text}: {:?}", query.need());
        }
    }

    #[test]
    fn display_reads_back(text in any_query()) {
        if let Ok(query) = Query::parse(&text) {
            prop_assert_eq!(Query::parse(&query.to_string()), Ok(query));
        }
    }

    #[test]
    fn hostile_text_is_a_query_or_an_error(text in r#"(\PC|[-!:=<>/"\\()|*a ]|AND |OR |level){0,40}"#, entry in any_entry()) {
        match Query::parse(&text) {
            Ok(query) => {
                let _ = query.matches(&entry);
                prop_assert_eq!(Query::parse(&query.to_string()), Ok(query));
            }
            Err(error) => prop_assert!(error.to_string().contains('^')),
        }
    }

    #[test]
    fn a_word_of_the_text_finds_it(entry in any_entry()) {
        let mut found = Vec::new();
        for_each_token(&entry, &mut String::new(), |token| found.push(token.to_owned()));
        for token in found {
            prop_assert!(Query::parse(&format!("\"{token}\"")).unwrap().matches(&entry), "{token}");
        }
    }
}
