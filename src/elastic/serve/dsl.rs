//! Elasticsearch's query language in JSON → a [`Condition`], which the evaluator of all questions decides.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::dates::{Reader, Zone};
use super::fault::Fault;
use super::json::{self, Object};
use super::lucene::{self, Lucene};
use super::names::{self, TEXT, field};
use crate::query::{Against, Condition, Field, Limit};
use crate::search::EntryId;

/// Most conditions of one request, and most regular expressions among them.
const MAX_CLAUSES: usize = 1024;
const MAX_REGEXES: usize = 32;

/// Reads the queries of one request.
pub struct Queries {
    pub now: i64,
    clauses: usize,
    regexes: usize,
}

/// What an entry must be.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    pub condition: Condition,
    /// One of these, where a query says so.
    pub ids: Option<BTreeSet<(i64, u64)>>,
}

type Read = Result<Condition, Fault>;

impl Queries {
    pub fn new(now: i64) -> Queries {
        Queries { now, clauses: 0, regexes: 0 }
    }

    /// The query of a request.
    pub fn chosen(&mut self, query: Option<&Json>) -> Result<Chosen, Fault> {
        let mut ids = None;
        let condition = match query {
            None => Condition::all(),
            Some(query) => self.one(query, Some(&mut ids)).map_err(|fault| fault.inside("query"))?,
        };
        Ok(Chosen { condition, ids })
    }

    /// A query inside of something else.
    pub fn condition(&mut self, query: &Json) -> Read {
        self.one(query, None)
    }

    /// One more condition.
    pub fn count(&mut self) -> Result<(), String> {
        self.clauses += 1;
        if self.clauses > MAX_CLAUSES {
            return Err(format!("there are more than {MAX_CLAUSES} conditions: ask for less at once"));
        }
        Ok(())
    }

    /// One more regular expression.
    pub fn count_regex(&mut self) -> Result<(), String> {
        self.regexes += 1;
        if self.regexes > MAX_REGEXES {
            return Err(format!("there are more than {MAX_REGEXES} regular expressions and patterns with `?`"));
        }
        self.count()
    }

    /// `ids` are taken where everything must be true of an entry.
    fn one(&mut self, query: &Json, ids: Option<&mut Option<BTreeSet<(i64, u64)>>>) -> Read {
        let (kind, body) = json::only(query, "query")?;
        let read = match (kind, ids) {
            ("ids", Some(ids)) => self.ids(json::object(body, kind)?.get("values"), ids),
            ("term" | "terms", Some(ids)) if id_of(body).is_some() => {
                self.ids(id_of(body).map(|value| unwrapped(value, "value").0), ids)
            }
            ("bool", ids) => self.bool(body, ids),
            ("constant_score", Some(ids)) => self.wrapped(body, "filter", Some(ids)),
            (kind, _) => self.leaf(kind, body),
        };
        read.map_err(|fault| fault.inside(kind))
    }

    fn leaf(&mut self, kind: &str, body: &Json) -> Read {
        self.count().map_err(too_many)?;
        match kind {
            "match_all" => Ok(Condition::all()),
            "match_none" => Ok(Condition::none()),
            "constant_score" => self.wrapped(body, "filter", None),
            "term" | "terms" if id_of(body).is_some() => Err(Fault::argument(ONLY_AT_THE_TOP)),
            "term" => self.term(body),
            "terms" => self.terms(body),
            "match" => self.matching(body, Match::Words),
            "match_phrase" => self.matching(body, Match::Phrase),
            "match_phrase_prefix" | "match_bool_prefix" => self.matching(body, Match::Prefix),
            "multi_match" => self.multi_match(body),
            "query_string" | "simple_query_string" => self.query_string(body, kind == "simple_query_string"),
            "range" => self.range(body),
            "exists" => match json::object(body, kind)?.get("field").and_then(Json::as_str) {
                Some(name) => Ok(names::exists(name)),
                None => Err(Fault::parsing("[exists] needs a [field]")),
            },
            "prefix" | "wildcard" | "regexp" => self.pattern(kind, body),
            "ids" => Err(Fault::argument(ONLY_AT_THE_TOP)),
            other => Err(Fault::parsing(format!("unknown query [{other}]"))),
        }
    }

    fn wrapped(&mut self, body: &Json, name: &str, ids: Option<&mut Option<BTreeSet<(i64, u64)>>>) -> Read {
        let body = json::object(body, "constant_score")?;
        json::knows(body, &[name, "boost", "_name"], "constant_score")?;
        let inner = body.get(name).ok_or_else(|| Fault::parsing(format!("[{name}] is missing")))?;
        self.one(inner, ids).map_err(|fault| fault.inside(name))
    }

    fn bool(&mut self, body: &Json, mut ids: Option<&mut Option<BTreeSet<(i64, u64)>>>) -> Read {
        let body = json::object(body, "bool")?;
        let known =
            ["must", "filter", "should", "must_not", "minimum_should_match", "boost", "_name", "adjust_pure_negative"];
        json::knows(body, &known, "bool")?;
        let mut all = Vec::new();
        for name in ["must", "filter"] {
            for (index, item) in items(body, name) {
                all.push(self.one(item, ids.as_deref_mut()).map_err(|f| f.inside(format!("{name}{index}")))?);
            }
        }
        for (index, item) in items(body, "must_not") {
            let refused = self.one(item, None).map_err(|fault| fault.inside(format!("must_not{index}")))?;
            all.push(Condition::not(refused));
        }
        let mut should = Vec::new();
        for (index, item) in items(body, "should") {
            should.push(self.one(item, None).map_err(|fault| fault.inside(format!("should{index}")))?);
        }
        let is_alone = !body.contains_key("must") && !body.contains_key("filter");
        let least = match json::text_of(body, "minimum_should_match")? {
            Some(text) => least_of(&text, should.len())?,
            None => usize::from(is_alone && !should.is_empty()),
        };
        all.push(self.at_least(least, should).map_err(too_many)?);
        Ok(Condition::all_of(all))
    }

    /// At least so many of `items` hold: every choice of so many is a way.
    fn at_least(&mut self, least: usize, items: Vec<Condition>) -> Result<Condition, String> {
        match least {
            0 => return Ok(Condition::all()),
            1 => return Ok(Condition::any_of(items)),
            least if least > items.len() => return Ok(Condition::none()),
            least if least == items.len() => return Ok(Condition::all_of(items)),
            _ => {}
        }
        let mut ways = Vec::new();
        let mut chosen: Vec<usize> = (0..least).collect();
        loop {
            for _ in 0..least {
                self.count()?;
            }
            ways.push(Condition::all_of(chosen.iter().filter_map(|index| items.get(*index).cloned())));
            // The next choice, in the order of the words of a dictionary.
            let Some(place) = (0..least).rev().find(|place| chosen[*place] < items.len() - least + place) else {
                return Ok(Condition::any_of(ways));
            };
            chosen[place] += 1;
            for later in place + 1..least {
                chosen[later] = chosen[later - 1] + 1;
            }
        }
    }

    fn ids(&mut self, values: Option<&Json>, ids: &mut Option<BTreeSet<(i64, u64)>>) -> Read {
        let mut own = BTreeSet::new();
        for value in values.map(json::listed).unwrap_or_default() {
            self.count().map_err(too_many)?;
            // What is no id of ours is the id of no entry.
            if let Some(id) = value.as_str().and_then(|text| text.parse::<EntryId>().ok()) {
                own.insert((id.time, id.sequence));
            }
        }
        let exactly = |time: i64| {
            let limit = || Some(Limit { bound: Against::Time(time), inclusive: true });
            Condition::between(Field::Timestamp, limit(), limit())
        };
        let condition = Condition::any_of(own.iter().map(|(time, _)| exactly(*time)));
        *ids = Some(match ids.take() {
            Some(others) => others.intersection(&own).copied().collect(),
            None => own,
        });
        Ok(condition)
    }

    fn term(&mut self, body: &Json) -> Read {
        let (name, value) = named(body, "term")?;
        let (value, options) = unwrapped(value, "value");
        let any_case = options.map_or(Ok(None), |options| json::truth_of(options, "case_insensitive"))?;
        self.value(name, value, any_case == Some(true)).map_err(|fault| fault.inside(name))
    }

    fn terms(&mut self, body: &Json) -> Read {
        let body = json::object(body, "terms")?;
        let mut fields = body.iter().filter(|(name, _)| *name != "boost" && *name != "_name");
        let (Some((name, values)), None) = (fields.next(), fields.next()) else {
            return Err(Fault::parsing("[terms] needs one field"));
        };
        let Json::Array(values) = values else {
            return Err(Fault::parsing("[terms] needs a list of values").inside(name));
        };
        let read = values.iter().map(|value| {
            self.count().map_err(too_many)?;
            self.value(name, value, false).map_err(|fault| fault.inside(name))
        });
        Ok(Condition::any_of(read.collect::<Result<Vec<_>, _>>()?))
    }

    /// The field has this value.
    fn value(&self, name: &str, value: &Json, any_case: bool) -> Read {
        let field = field(name);
        let text =
            json::text(value).ok_or_else(|| Fault::argument("the value must be a text, a number or a boolean"))?;
        if field.is_time() {
            let end = || Some((text.clone(), true));
            return between(name, end(), end(), &Reader::at(self.now)).map_err(Fault::argument);
        }
        let is_text = value.is_string() && !any_case;
        if is_text { Condition::exact(field, &text) } else { Condition::equals(field, &text) }.map_err(Fault::argument)
    }

    fn matching(&mut self, body: &Json, how: Match) -> Read {
        let (name, value) = named(body, "match")?;
        let (value, options) = unwrapped(value, "query");
        let text = json::text(value).ok_or_else(|| Fault::parsing("[query] must be a text").inside(name))?;
        let operator = options.map_or(Ok(None), |options| json::text_of(options, "operator"))?;
        let all = operator.is_some_and(|operator| operator.eq_ignore_ascii_case("and"));
        self.words(name, &text, how, all).map_err(|fault| fault.inside(name))
    }

    fn multi_match(&mut self, body: &Json) -> Read {
        let body = json::object(body, "multi_match")?;
        let text = json::text_of(body, "query")?.ok_or_else(|| Fault::parsing("[query] is missing"))?;
        let how = match json::text_of(body, "type")?.as_deref() {
            Some("phrase") => Match::Phrase,
            Some("phrase_prefix" | "bool_prefix") => Match::Prefix,
            Some("best_fields" | "most_fields" | "cross_fields") | None => Match::Words,
            Some(other) => return Err(Fault::parsing(format!("unknown [type] [{other}]"))),
        };
        let all = json::text_of(body, "operator")?.is_some_and(|operator| operator.eq_ignore_ascii_case("and"));
        let fields = lucene::fields_of(body.get("fields"))?;
        if fields.is_empty() {
            return self.words("*", &text, how, all);
        }
        let read = fields.iter().map(|name| self.words(name, &text, how, all));
        Ok(Condition::any_of(read.collect::<Result<Vec<_>, _>>()?))
    }

    fn words(&mut self, name: &str, text: &str, how: Match, all: bool) -> Read {
        let field = (name != "*" && name != TEXT).then(|| field(name));
        if let Some(time) = field.as_ref().filter(|field| field.is_time()) {
            return self.value(&time.to_string(), &Json::from(text), false);
        }
        let whole = field.as_ref().is_some_and(|field| !field.is_prose());
        let words = match how {
            Match::Words if !whole => text.split_whitespace().collect(),
            _ => vec![text],
        };
        let mut read = Vec::new();
        for word in words {
            self.count().map_err(too_many)?;
            let word = if how == Match::Prefix { format!("{}*", word.replace('*', " ")) } else { word.to_owned() };
            let condition = match (&field, how) {
                (None, Match::Prefix) => Condition::text_like(&word),
                (None, _) => Condition::text(&word),
                (Some(field), Match::Prefix) => Condition::like(field.clone(), &word),
                (Some(field), _) => Condition::equals(field.clone(), &word),
            };
            read.push(condition.map_err(Fault::argument)?);
        }
        Ok(if all { Condition::all_of(read) } else { Condition::any_of(read) })
    }

    fn query_string(&mut self, body: &Json, is_simple: bool) -> Read {
        let body = json::object(body, "query_string")?;
        let text = json::text_of(body, "query")?.ok_or_else(|| Fault::parsing("[query] is missing"))?;
        let mut fields = lucene::fields_of(body.get("fields"))?;
        fields.extend(json::text_of(body, "default_field")?.filter(|name| name != "*"));
        let zone = json::text_of(body, "time_zone")?.map_or(Ok(Zone::UTC), |zone| Zone::read(&zone));
        let reader = Reader { zone: zone.map_err(Fault::argument)?, ..Reader::at(self.now) };
        let all = json::text_of(body, "default_operator")?.is_some_and(|operator| operator.eq_ignore_ascii_case("and"));
        Lucene { queries: self, fields, all, reader, is_simple }.read(&text).map_err(Fault::parsing)
    }

    fn range(&mut self, body: &Json) -> Read {
        let (name, limits) = named(body, "range")?;
        let limits = json::object(limits, "range")?;
        let known = [
            "gt",
            "gte",
            "lt",
            "lte",
            "from",
            "to",
            "include_lower",
            "include_upper",
            "format",
            "time_zone",
            "boost",
            "relation",
            "_name",
        ];
        json::knows(limits, &known, "range").map_err(|fault| fault.inside(name))?;
        let end = |inclusive: &str, exclusive: &str, old: &str, flag: &str| {
            let is_there = |key: &str| limits.get(key).filter(|value| !value.is_null()).map(text_or_number);
            let old_inclusive = limits.get(flag) != Some(&Json::Bool(false));
            let found = is_there(inclusive).map(|text| (text, true));
            found
                .or_else(|| is_there(exclusive).map(|text| (text, false)))
                .or_else(|| is_there(old).map(|text| (text, old_inclusive)))
        };
        let low = end("gte", "gt", "from", "include_lower");
        let high = end("lte", "lt", "to", "include_upper");
        let zone = json::text_of(limits, "time_zone")?;
        let format = json::text_of(limits, "format")?;
        let zone = zone.map_or(Ok(Zone::UTC), |zone| Zone::read(&zone)).map_err(Fault::argument)?;
        let reader = Reader { zone, ..Reader::at(self.now) }.with_format(format.as_deref());
        between(name, low, high, &reader).map_err(|why| Fault::argument(why).inside(name))
    }

    fn pattern(&mut self, kind: &str, body: &Json) -> Read {
        let (name, value) = named(body, kind)?;
        let (value, options) = unwrapped(value, if options_have(value, "wildcard") { "wildcard" } else { "value" });
        let text = json::text(value).ok_or_else(|| Fault::parsing("[value] must be a text").inside(name))?;
        let any_case = options.map_or(Ok(None), |options| json::truth_of(options, "case_insensitive"))? == Some(true);
        self.count_regex().map_err(too_many)?;
        let regex = match kind {
            "prefix" => format!("{}.*", regex::escape(&text)),
            "wildcard" => lucene::wildcard_regex(&text),
            _ => text,
        };
        if name == TEXT {
            // Some word of it, whatever the case, as it stands in an index.
            return Condition::text_regex(&format!("(?si){regex}")).map_err(|why| Fault::argument(why).inside(name));
        }
        let field = field(name);
        let pattern = names::anchored(&field, &regex, any_case);
        Condition::regex(field, &pattern).map_err(|why| Fault::argument(why).inside(name))
    }
}

/// The evaluator knows nothing of ids; hits are picked by them.
const ONLY_AT_THE_TOP: &str = "ids are for the whole query, alone or in a [bool] under [must] or [filter]";

/// What a `term` or `terms` says of the id.
fn id_of(body: &Json) -> Option<&Json> {
    body.get("_id").or_else(|| body.get("id"))
}

/// How the words of a text are looked for.
#[derive(Clone, Copy, PartialEq)]
enum Match {
    Words,
    Phrase,
    Prefix,
}

fn options_have(value: &Json, name: &str) -> bool {
    value.as_object().is_some_and(|options| options.contains_key(name))
}

/// One end of a range as it was written, and whether it is part of it.
pub type End = Option<(String, bool)>;

/// Ends of a range; a time is rounded so that the range is as wide as its words say.
pub fn between(name: &str, low: End, high: End, reader: &Reader) -> Result<Condition, String> {
    let field = field(name);
    let is_time = field.is_time();
    let limit = |text: String, inclusive: bool, last: bool| {
        let bound = if is_time { Against::Time(reader.read(&text, last)?) } else { Against::Text(text) };
        Ok::<_, String>(Limit { bound, inclusive })
    };
    let low = low.map(|(text, inclusive)| limit(text, inclusive, !inclusive)).transpose()?;
    let high = high.map(|(text, inclusive)| limit(text, inclusive, inclusive)).transpose()?;
    Ok(Condition::between(field, low, high))
}

fn too_many(why: String) -> Fault {
    Fault::new(400, "too_many_clauses", why)
}

/// Items of a clause of `bool` with their places.
fn items<'a>(body: &'a Object, name: &str) -> Vec<(String, &'a Json)> {
    match body.get(name) {
        None | Some(Json::Null) => Vec::new(),
        Some(Json::Array(list)) => list.iter().enumerate().map(|(index, item)| (format!("[{index}]"), item)).collect(),
        Some(one) => vec![(String::new(), one)],
    }
}

/// The field and what is said of it.
fn named<'a>(body: &'a Json, kind: &str) -> Result<(&'a str, &'a Json), Fault> {
    let object = json::object(body, kind)?;
    let mut fields = object.iter().filter(|(name, _)| !matches!(name.as_str(), "boost" | "_name"));
    match (fields.next(), fields.next()) {
        (Some((name, value)), None) => Ok((name, value)),
        (None, _) => Err(Fault::parsing(format!("[{kind}] needs a field"))),
        (_, Some((name, _))) => Err(Fault::parsing(format!("[{kind}] is about one field; [{name}] is one too many"))),
    }
}

/// The short form is the value alone.
fn unwrapped<'a>(value: &'a Json, name: &str) -> (&'a Json, Option<&'a Object>) {
    match value.as_object() {
        Some(options) => (options.get(name).unwrap_or(&Json::Null), Some(options)),
        None => (value, None),
    }
}

fn text_or_number(value: &Json) -> String {
    json::text(value).unwrap_or_else(|| value.to_string())
}

/// How many of so many must hold: `2`, `-1`, `75%`.
fn least_of(text: &str, of: usize) -> Result<usize, Fault> {
    let wrong = || Fault::argument(format!("[minimum_should_match] {text:?} is not known here; write a number or 75%"));
    let (number, share) = match text.strip_suffix('%') {
        Some(number) => (number, true),
        None => (text, false),
    };
    let number: i64 = number.trim().parse().map_err(|_| wrong())?;
    let of = i64::try_from(of).unwrap_or(i64::MAX);
    let part = if share { number.checked_mul(of).ok_or_else(wrong)? / 100 } else { number };
    let least = if part < 0 { of.saturating_add(part) } else { part };
    Ok(usize::try_from(least.max(0)).unwrap_or(usize::MAX))
}
