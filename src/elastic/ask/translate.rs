//! From what must be true of an entry to what is asked of the cluster: what comes back may be too much, never too little,
//! and is decided here, by the evaluator of all questions. So only what all engines agree on is used: words, whole
//! values, prefixes, ranges.

use serde_json::{Value as Json, json};

use crate::query::Need;
use crate::record::TimeSource;
use crate::search::Window;

/// The field that has all texts of an entry; see `fields.text` of a sink.
const TEXT: &str = "text";
pub const TIME: &str = "@timestamp";

/// Every entry from one time to another, in milliseconds, of a need that says all there is to say: no others.
pub fn exactly(need: &Need, since: Option<i64>, until: Option<i64>) -> Json {
    let sources = TimeSource::ALL.map(TimeSource::name);
    // What no sink of ours wrote does not count.
    let mut filter = vec![json!({ "terms": { "timestamp_source": sources } })];
    if since.is_some() || until.is_some() {
        let mut range = json!({ "format": "epoch_millis" });
        since.iter().for_each(|since| range["gte"] = (*since).into());
        until.iter().for_each(|until| range["lt"] = (*until).into());
        filter.push(json!({ "range": { TIME: range } }));
    }
    match clause(need) {
        Clause::All => {}
        Clause::None => filter.push(json!({ "match_none": {} })),
        Clause::Is(clause) => filter.push(clause),
    }
    json!({ "bool": { "filter": filter } })
}

/// Every entry of the window that fulfils the need, and perhaps others.
pub fn query(need: &Need, window: Window) -> Json {
    let mut filter = vec![];
    if window != Window::ALL {
        filter.push(json!({ "range": { TIME: range(window) } }));
    }
    match clause(need) {
        Clause::All => {}
        Clause::None => filter.push(json!({ "match_none": {} })),
        Clause::Is(clause) => filter.push(clause),
    }
    match filter.len() {
        0 => json!({ "match_all": {} }),
        1 => filter.remove(0),
        _ => json!({ "bool": { "filter": filter } }),
    }
}

/// Engines keep milliseconds, or more: the edges are rounded outwards.
fn range(window: Window) -> Json {
    const MILLISECOND: i64 = 1_000_000;
    let mut range = json!({ "format": "epoch_millis" });
    if window.since != i64::MIN {
        range["gte"] = window.since.div_euclid(MILLISECOND).into();
    }
    if window.until != i64::MAX {
        range["lte"] = window.until.div_euclid(MILLISECOND).saturating_add(1).into();
    }
    range
}

enum Clause {
    All,
    None,
    Is(Json),
}

fn clause(need: &Need) -> Clause {
    Clause::Is(match need {
        Need::Anything => return Clause::All,
        Need::Nothing => return Clause::None,
        // Engines disagree on what a number is: `12` may be part of `12.5`, and not findable.
        Need::Word(word) | Need::Prefix(word) if !is_plain(word) => return Clause::All,
        Need::Word(word) => json!({ "match": { TEXT: { "query": word, "operator": "and" } } }),
        Need::Prefix(head) => json!({ "prefix": { TEXT: { "value": head } } }),
        // Not every engine looks inside of words.
        Need::Contains(_) => return Clause::All,
        Need::Key { field, value, exact } if *exact || is_caseless(value) => {
            json!({ "term": { *field: { "value": value } } })
        }
        // Whole values are kept to the letter; their words are among all texts in any case.
        Need::Key { value, .. } if is_found_by_words(value) => {
            json!({ "match": { TEXT: { "query": value, "operator": "and" } } })
        }
        Need::Key { .. } => return Clause::All,
        Need::Level(levels) => {
            json!({ "terms": { "level": levels.iter().map(|level| level.name()).collect::<Vec<_>>() } })
        }
        Need::All(needs) => {
            let clauses = needs.iter().map(clause).collect::<Vec<_>>();
            if clauses.iter().any(|clause| matches!(clause, Clause::None)) {
                return Clause::None;
            }
            let clauses: Vec<Json> = clauses.into_iter().filter_map(Clause::json).collect();
            match clauses.len() {
                0 => return Clause::All,
                _ => json!({ "bool": { "filter": clauses } }),
            }
        }
        Need::Any(needs) => {
            let clauses = needs.iter().map(clause).collect::<Vec<_>>();
            if clauses.iter().any(|clause| matches!(clause, Clause::All)) {
                return Clause::All;
            }
            let clauses: Vec<Json> = clauses.into_iter().filter_map(Clause::json).collect();
            match clauses.len() {
                0 => return Clause::None,
                _ => json!({ "bool": { "should": clauses, "minimum_should_match": 1 } }),
            }
        }
    })
}

impl Clause {
    fn json(self) -> Option<Json> {
        if let Clause::Is(json) = self { Some(json) } else { None }
    }
}

/// It can be written in one way only.
fn is_caseless(value: &str) -> bool {
    !value.chars().any(|c| c.is_lowercase() || c.is_uppercase())
}

/// It has a word, whatever an engine takes for one, and engines agree on its lower case.
fn is_found_by_words(value: &str) -> bool {
    /// Engines pass over longer words.
    const LONGEST: usize = 200;
    value.is_ascii() && value.len() <= LONGEST && value.bytes().any(|byte| byte.is_ascii_alphanumeric())
}

/// ASCII letters, with digits among them: one word to every engine.
fn is_plain(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_alphanumeric()) && word.starts_with(|c: char| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Query;

    #[test]
    fn questions() {
        let check = |text: &str, want: Json| {
            let query = Query::parse(text).unwrap();
            assert_eq!(super::query(&query.need(), Window::ALL), want, "{text}");
        };
        let word = |word: &str| json!({ "match": { "text": { "query": word, "operator": "and" } } });
        let all = json!({ "match_all": {} });
        check("*", all.clone());
        check("Timeout", word("timeout"));
        check("connection timeout", json!({ "bool": { "filter": [word("connection"), word("timeout")] } }));
        check("a1 OR b2", json!({ "bool": { "should": [word("a1"), word("b2")], "minimum_should_match": 1 } }));
        check("12", all.clone());
        check("a1 OR 12", all.clone());
        check("-timeout", all.clone());
        check("time*", json!({ "prefix": { "text": { "value": "time" } } }));
        check("*out", all.clone());
        check("level:error", json!({ "terms": { "level": ["error"] } }));
        check("level>=critical", json!({ "terms": { "level": ["critical", "fatal"] } }));
        check("status:502", all.clone());
        let term = |value: &str| json!({ "term": { "service": { "value": value } } });
        check("service:=API", term("API"));
        check("service:12", term("12"));
        check("service:API", word("api"));
        check("service:db-7.x", word("db-7.x"));
        check("service:größe", all);
    }

    #[test]
    fn times_are_rounded_outwards() {
        let check = |since: i64, until: i64, want: Json| {
            assert_eq!(query(&Need::Anything, Window { since, until }), want, "{since} {until}");
        };
        let range = |range: Json| json!({ "range": { "@timestamp": range } });
        check(1_500_000, i64::MAX, range(json!({ "format": "epoch_millis", "gte": 1 })));
        check(i64::MIN, 1_500_000, range(json!({ "format": "epoch_millis", "lte": 2 })));
        check(-1, 0, range(json!({ "format": "epoch_millis", "gte": -1, "lte": 1 })));
    }
}
