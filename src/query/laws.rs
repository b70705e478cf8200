//! Laws that hold for every query and entry.

use std::borrow::Cow;
use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::string::string_regex;

use super::tokens::{for_each_token, to_lower};
use super::{Need, Query};
use crate::record::{Columns, Entry, Fields, Level, LevelSource, Row, Text, TimeSource, Value, ValueRef};

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
            Need::Contains(piece) => self.tokens.iter().any(|token| token.contains(piece)),
            Need::Key { field, value, .. } => self.keys.iter().any(|(f, v)| f == field && *v == to_lower(value)),
            Need::Level(levels) => levels.contains(&self.level),
            Need::All(needs) => needs.iter().all(|need| self.satisfies(need)),
            Need::Any(needs) => needs.iter().any(|need| self.satisfies(need)),
        }
    }
}

/// Texts of a small alphabet, so that queries often match.
const TEXT: &str = "[abAB1.0é🎯 /-]{0,6}";
const ATOM: &str = r#"[abAB*é1/.-]{1,4}|\*[ab1]{1,2}\*|"[abAB .é🎯*1-]{0,5}"|/(\(\?i\))?[ab .1*?+|^$]{1,4}/|null|40[0-9]|1\.0|1e0|tru*"#;
const RANGE: &str = r#"(x|duration_ms|service|y\.z):[\[{](\*|-?[0-9]{1,3}|[ab"]{1,2}) TO (\*|40[0-9]|[ab]|"b ")[\]}]"#;
const LIST: &str = r#"(x|service|level):in\((error|[!=<>:/\[{\\-]{0,2}[ab1*]{1,3}|"a b")(, ?(info|[ab1]))?\)"#;
const TIME: &str = r#"timestamp(:|=|!=|>|>=|<|<=)(-?[0-9]{1,2}[smhd]|now|today|now[-+][1-3]h|2026-11-2[2-4]|"2026-11-23( UTC|Z| \\+01:00)"|"2026-11-23 1[01]:30( UTC| Europe/Berlin|[+-]02:00)")"#;
const TIMES: &str = r"timestamp:[\[{](\*|now-[0-9]m|today|2026-11-2[1-4]) TO (\*|now|now-[0-5]m|2026-11-2[2-4])[\]}]";
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
            time: NOW - i64::from(level) * 60 * 1_000_000_000,
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
        1 => RANGE.boxed(),
        1 => LIST.boxed(),
        1 => TIME.boxed(),
        1 => TIMES.boxed(),
    ];
    leaf.prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} OR {b})")),
            inner.clone().prop_map(|a| format!("-({a})")),
            inner.prop_map(|a| format!("NOT {a}")),
            (ATOM, ATOM).prop_map(|(a, b)| format!("x:({a} OR {b})")),
            ATOM.prop_map(|a| format!("x:([1 TO 405] {a})")),
        ]
    })
}

const NOW: i64 = 1_795_429_800_000_000_000; // 2026-11-23T10:30:00Z

fn parse(text: &str) -> Result<Query, super::QueryError> {
    Query::parse_at(text, NOW, &chrono_tz::Europe::Berlin)
}

/// A regular expression of the letters whose case is odd in Unicode, of separators and of what can be done to them.
fn any_regex() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => "[abksAKS1_é²ſ]{1,3}",
        2 => "[ ./-]{1,2}".prop_map(|text| regex::escape(&text)),
        1 => Just(".".to_owned()),
        1 => "\\[[abks _.]{1,3}\\]",
        1 => prop_oneof![Just("\\s"), Just("\\w"), Just("\\W"), Just("[^a]"), Just("[ _]")].prop_map(str::to_owned),
    ];
    let whole = leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            3 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}{b}")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}|{b})")),
            1 => (inner.clone(), prop_oneof![Just("?"), Just("*"), Just("+"), Just("{2}"), Just("{2,3}"), Just("{0}")])
                .prop_map(|(a, times)| format!("({a}){times}")),
            1 => inner.prop_map(|a| format!("(?i:{a})")),
        ]
    });
    (any::<bool>(), whole).prop_map(|(ignore, regex)| if ignore { format!("(?i){regex}") } else { regex })
}

/// Ways to anchor a regular expression, and what may stand around a text that it finds.
const ANCHORS: [(&str, &str); 5] = [("", ""), ("^", "$"), ("\\b", "\\b"), ("(?m)^", "(?m)$"), ("\\B", "")];
const AROUND: &str = "[ab .²é\n_]{0,2}";

fn regex_and_text() -> impl Strategy<Value = (String, String)> {
    let anchored = (any_regex(), 0..ANCHORS.len());
    anchored.prop_flat_map(|(regex, anchor)| {
        let found = string_regex(&regex).expect("generated regexes are valid and have no anchors").boxed();
        let (before, after) = ANCHORS[anchor];
        (Just(format!("{before}(?:{regex}){after}")), (AROUND, found, AROUND).prop_map(|(a, b, c)| a + &b + &c))
    })
}

/// A row that has only what it was decoded for.
struct Decoded<'e>(&'e Entry, Columns);

impl Row for Decoded<'_> {
    fn time(&self) -> i64 {
        self.0.time
    }
    fn time_source(&self) -> TimeSource {
        self.0.time_source
    }
    fn read_time(&self) -> Option<i64> {
        self.0.read_time.filter(|_| self.1.read_time)
    }
    fn level(&self) -> Level {
        self.0.level
    }
    fn level_source(&self) -> LevelSource {
        self.0.level_source
    }
    fn message(&self) -> &str {
        if self.1.message { self.0.message() } else { "" }
    }
    fn raw(&self) -> Cow<'_, str> {
        if self.1.raw { Row::raw(self.0) } else { "".into() }
    }
    fn named(&self, column: usize) -> Option<&str> {
        Row::named(self.0, column).filter(|_| self.1.has_named(column))
    }
    fn duration_ms(&self) -> Option<f64> {
        self.0.duration_ms.filter(|_| self.1.duration)
    }
    fn field(&self, name: &str) -> Option<ValueRef<'_>> {
        let decoded = match &self.1.fields {
            Fields::None => false,
            Fields::Some(names) => names.iter().any(|n| &**n == name),
            Fields::All => true,
        };
        Row::field(self.0, name).filter(|_| decoded)
    }
    fn any_field(&self, test: &mut dyn FnMut(&str, ValueRef<'_>) -> bool) -> bool {
        self.0.any_field(&mut |name, value| Decoded::field(self, name).is_some() && test(name, value))
    }
}

const NAME: &str = r#"service|workflow|status|y\.z|count|avg_x|by_x|"by"|"a \"b"|fields\.type|step"#;
const FUNCTION: &str = r#"(count\(\)|count|rate\(\)|count\(x\)|sum\(x\)|avg\(fields\.type\)|min\("a b"\)|p(5|50|99\.9|100)\(x\)|median\(x\)|quantile\(0\.(5|123|95), x\)|count_distinct\(workflow\))( as (n|"by"|count))?"#;

fn any_pipe() -> impl Strategy<Value = String> {
    let names = || proptest::collection::vec(NAME, 1..4).prop_map(|names| names.join(", "));
    let groups = || (names(), prop_oneof![Just(""), Just(" step(5m)"), Just(", bin(1h30m)"), Just(", step(1500ms)")]);
    let by = || prop_oneof![Just(String::new()), groups().prop_map(|(names, step)| format!(" by {names}{step}"))];
    prop_oneof![
        3 => (proptest::collection::vec(FUNCTION, 1..4), by()).prop_map(|(f, by)| format!("stats {}{by}", f.join(", "))),
        1 => (FUNCTION, by()).prop_map(|(f, by)| format!("{f}{by}")),
        1 => (prop_oneof![Just("rate"), Just("failure_rate"), Just("count")], by()).prop_map(|(p, by)| format!("{p}{by}")),
        1 => groups().prop_map(|(names, step)| format!("uniq {names}{step}")),
        1 => (1..30usize, groups()).prop_map(|(n, (names, step))| format!("top {n} {names}{step}")),
        2 => proptest::collection::vec(("-?", NAME, "( desc| asc)?"), 1..3)
            .prop_map(|keys| format!("sort {}", keys.iter().map(|(m, n, d)| format!("{m}{n}{d}")).collect::<Vec<_>>().join(", "))),
        2 => (names(), "( as [a-z]{1,2})?").prop_map(|(names, rename)| format!("fields {names}{rename}")),
        1 => (0..2000usize).prop_map(|n| format!("limit {n}")),
        1 => prop_oneof![Just("patterns"), Just("patterns 5"), Just("compare"), Just("compare 1d12h")].prop_map(str::to_owned),
        1 => prop_oneof![Just("context 5"), Just("context before=2 after=8"), Just("context after=1")].prop_map(str::to_owned),
    ]
}

fn any_whole_query() -> impl Strategy<Value = String> {
    (any_query(), proptest::collection::vec(any_pipe(), 0..4))
        .prop_map(|(condition, pipes)| pipes.iter().fold(condition, |query, pipe| format!("{query} | {pipe}")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_match_satisfies_the_need(text in any_query(), entry in any_entry()) {
        if let Ok(query) = parse(&text)
            && query.matches(&entry)
        {
            prop_assert!(Block::of(&entry).satisfies(&query.need()), "{text}: {:?}", query.need());
        }
    }

    #[test]
    fn a_regex_that_finds_satisfies_its_need((regex, text) in regex_and_text()) {
        let query = format!("/{}/", regex.replace('/', "\\/"));
        let Ok(query) = parse(&query) else { return Ok(()) };
        let entry = Entry { raw: text.clone().into(), message: Text::Owned(text.clone().into()), ..Entry::default() };
        if query.matches(&entry) {
            prop_assert!(Block::of(&entry).satisfies(&query.need()), "{regex} finds {text:?}: {:?}", query.need());
        }
    }

    #[test]
    fn a_match_is_in_the_window(text in any_query(), entry in any_entry()) {
        if let Ok(query) = parse(&text)
            && query.matches(&entry)
        {
            prop_assert!(query.window().contains(&entry.time), "{text}");
        }
    }

    #[test]
    fn the_columns_are_enough(text in any_query(), entry in any_entry()) {
        if let Ok(query) = parse(&text) {
            prop_assert_eq!(query.matches(&Decoded(&entry, query.columns())), query.matches(&entry), "{}", text);
        }
    }

    #[test]
    fn display_reads_back(text in any_whole_query()) {
        if let Ok(query) = parse(&text) {
            let canonical = query.to_string();
            // At another time and place.
            let again = Query::parse_at(&canonical, 0, &chrono_tz::UTC);
            prop_assert_eq!(again.as_ref().map(ToString::to_string), Ok(canonical));
            prop_assert_eq!(again, Ok(query));
        }
    }

    #[test]
    fn any_time_reads_back(time in any::<i64>()) {
        let query = Query::parse_at("timestamp>now", time, &chrono_tz::UTC).unwrap();
        prop_assert_eq!(parse(&query.to_string()), Ok(query));
    }

    #[test]
    fn hostile_pipes_are_pipes_or_an_error(text in r#"[-(),="|é0-9. ]{0,6}(stats|count|by|sort|step\(5m\)|p95|\PC|[-(),="| ]){0,12}"#) {
        match parse(&format!("|{text}")) {
            Ok(query) => prop_assert_eq!(parse(&query.to_string()), Ok(query)),
            Err(error) => prop_assert!(error.to_string().contains('^')),
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
