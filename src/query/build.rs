//! Conditions that are put together by a program instead of being read from a text: what other search languages are
//! translated to. They are evaluated, pruned and limited as those that were read.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use regex::{Regex, RegexBuilder};

use crate::query::ast::{Ast, Bound, Comparison, Edge, Pattern, Test};
use crate::query::eval::Plan;
use crate::query::field::Field;
use crate::query::parse::{MAX_GLOB, MAX_PHRASE, MAX_REGEX_SIZE};
use crate::query::tokens::{to_lower, tokens};
use crate::query::{Query, window};
use crate::record::Level;

/// A condition on an entry. Whoever builds one bounds its depth: it is walked by recursion.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition(Ast);

/// One end of a range: the bound, and whether it is part of the range.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    pub bound: Against,
    pub inclusive: bool,
}

/// What values are compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Against {
    /// Nanoseconds since the epoch.
    Time(i64),
    /// A number when it reads as one.
    Text(String),
}

impl Condition {
    pub fn all() -> Condition {
        Condition(Ast::All)
    }

    pub fn none() -> Condition {
        Condition(Ast::Or(Vec::new()))
    }

    pub fn all_of(conditions: impl IntoIterator<Item = Condition>) -> Condition {
        let mut items: Vec<Ast> = conditions.into_iter().map(|c| c.0).filter(|ast| *ast != Ast::All).collect();
        Condition(match items.len() {
            0 => Ast::All,
            1 => items.swap_remove(0),
            _ => Ast::And(items),
        })
    }

    pub fn any_of(conditions: impl IntoIterator<Item = Condition>) -> Condition {
        let mut items: Vec<Ast> = conditions.into_iter().map(|condition| condition.0).collect();
        Condition(if items.len() == 1 { items.swap_remove(0) } else { Ast::Or(items) })
    }

    #[allow(clippy::should_implement_trait, reason = "it stands in a row with the others")]
    pub fn not(condition: Condition) -> Condition {
        Condition(Ast::Not(Box::new(condition.0)))
    }

    /// The words of `text`, one behind the other, somewhere in the text of the entry.
    pub fn text(text: &str) -> Result<Condition, String> {
        Ok(Condition(Ast::Text(Pattern::Literal(phrase(text)?))))
    }

    /// As [`Condition::text`], with `*` for any part of a word.
    pub fn text_like(pattern: &str) -> Result<Condition, String> {
        Ok(Condition(Ast::Text(glob(pattern)?)))
    }

    pub fn text_regex(pattern: &str) -> Result<Condition, String> {
        Ok(Condition(Ast::Text(Pattern::Regex(regex(pattern)?))))
    }

    pub fn exists(field: Field) -> Condition {
        match field {
            // Every entry has these.
            Field::Timestamp | Field::TimestampSource | Field::LevelSource | Field::Level => Condition::all(),
            field => Condition(Ast::Field(field, Test::Exists)),
        }
    }

    /// The whole value, to the letter; of prose, the words.
    pub fn exact(field: Field, value: &str) -> Result<Condition, String> {
        match field {
            Field::Level => Ok(of_level(None, value)),
            field if field.is_prose() => Condition::equals(field, value),
            field => Ok(Condition(Ast::Field(field, Test::Exact(value.to_owned())))),
        }
    }

    /// The whole value whatever the case, or an equal number; of prose, the words.
    pub fn equals(field: Field, value: &str) -> Result<Condition, String> {
        match field {
            Field::Level => Ok(of_level(None, value)),
            field => Ok(Condition(Ast::Field(field, Test::Matches(Pattern::Literal(phrase(value)?))))),
        }
    }

    /// The value with `*` for any part, whatever the case; of prose, the words.
    pub fn like(field: Field, pattern: &str) -> Result<Condition, String> {
        Ok(Condition(Ast::Field(field, Test::Matches(glob(pattern)?))))
    }

    /// A regular expression that is found somewhere in the value.
    pub fn regex(field: Field, pattern: &str) -> Result<Condition, String> {
        Ok(Condition(Ast::Field(field, Test::Matches(Pattern::Regex(regex(pattern)?)))))
    }

    /// What remains beside the times, and the times, in nanoseconds: an entry matches when both hold. A question about
    /// a time and nothing else can be answered without looking at each entry.
    pub fn split_times(self) -> (Condition, RangeInclusive<i64>) {
        let times = window::window(&self.0);
        (Condition(without_times(self.0)), times)
    }

    /// The words, in lower case, that the condition looks for in texts.
    pub fn words(&self) -> BTreeSet<String> {
        let mut words = BTreeSet::new();
        collect_words(&self.0, &mut words);
        words
    }

    /// Between two limits, of which at most one may be open. Levels are compared by how bad they are.
    pub fn between(field: Field, low: Option<Limit>, high: Option<Limit>) -> Condition {
        let edge = |limit: Limit| {
            let bound = match limit.bound {
                Against::Time(time) => Bound::Time(time),
                Against::Text(text) => Bound::Text(text),
            };
            Edge { inclusive: limit.inclusive, bound }
        };
        let low = low.map(edge).map(|edge| (edge.at_low_end(), edge));
        let high = high.map(edge).map(|edge| (edge.at_high_end(), edge));
        let one = |(comparison, edge): (Comparison, Edge)| match (&field, edge.bound) {
            (Field::Level, Bound::Text(word)) => of_level(Some(comparison), &word),
            (field, bound) => Condition(Ast::Field(field.clone(), Test::Compare(comparison, bound))),
        };
        match (low, high) {
            (None, None) => Condition::exists(field),
            (low, high) => Condition::all_of(low.into_iter().chain(high).map(one)),
        }
    }
}

/// Without what the window of the same condition says to the nanosecond.
fn without_times(ast: Ast) -> Ast {
    match ast {
        Ast::Field(Field::Timestamp, Test::Compare(_, Bound::Time(_))) => Ast::All,
        Ast::Field(Field::Timestamp, Test::Range(low, high)) if low.is_time() && high.is_time() => Ast::All,
        Ast::And(items) => Condition::all_of(items.into_iter().map(without_times).map(Condition)).0,
        other => other,
    }
}

fn collect_words(ast: &Ast, words: &mut BTreeSet<String>) {
    match ast {
        Ast::Text(Pattern::Literal(text)) | Ast::Field(Field::Message, Test::Matches(Pattern::Literal(text))) => {
            words.extend(tokens(text).map(to_lower));
        }
        Ast::And(items) | Ast::Or(items) => items.iter().for_each(|item| collect_words(item, words)),
        _ => {}
    }
}

/// No entry has a level that there is not.
fn of_level(comparison: Option<Comparison>, word: &str) -> Condition {
    Level::from_column(word).map_or_else(Condition::none, |level| Condition(Ast::Level(comparison, level)))
}

fn phrase(text: &str) -> Result<String, String> {
    match tokens(text).count() {
        count if count > MAX_PHRASE => {
            Err(format!("a phrase may have at most {MAX_PHRASE} words, this one has {count}"))
        }
        _ => Ok(text.to_owned()),
    }
}

fn glob(pattern: &str) -> Result<Pattern, String> {
    match pattern.len() {
        length if length > MAX_GLOB => {
            Err(format!("a pattern may have at most {MAX_GLOB} bytes, this one has {length}"))
        }
        _ => Ok(Pattern::Glob(pattern.to_owned())),
    }
}

fn regex(pattern: &str) -> Result<Regex, String> {
    let compiled = RegexBuilder::new(pattern).size_limit(MAX_REGEX_SIZE).build();
    compiled.map_err(|error| format!("the regular expression {pattern:?} cannot be used: {error}"))
}

impl Query {
    /// The query of a condition that a program made.
    pub fn of(condition: Condition) -> Query {
        Query { plan: Plan::new(&condition.0), ast: condition.0, pipes: Vec::new() }
    }

    /// The condition without what it says of times, and these times: see [`Condition::split_times`].
    pub fn split_times(&self) -> (Query, RangeInclusive<i64>) {
        let (condition, times) = Condition(self.ast.clone()).split_times();
        (Query::of(condition), times)
    }

    /// What both conditions hold for.
    pub fn and(&self, other: &Query) -> Query {
        Query::of(Condition::all_of([Condition(self.ast.clone()), Condition(other.ast.clone())]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_split_off() {
        let query = |text: &str| Query::parse_at(text, 1_795_429_800_000_000_000, &chrono::Utc).unwrap();
        let check = |text: &str, rest: &str| {
            let (left, times) = Condition(query(text).ast).split_times();
            assert_eq!((Query::of(left), times), (query(rest), query(text).window()), "{text}");
        };
        check("*", "*");
        check("timestamp>now-1h timestamp<=now", "*");
        check("timestamp>now-1h level:error", "level:error");
        check("(timestamp>now-1h a) b", "a b");
        check("timestamp>now-1h OR a", "timestamp>now-1h OR a");
        check("-timestamp>now-1h", "-timestamp>now-1h");
        check("read_time>now-1h", "read_time>now-1h");
        check("timestamp:[now-1h TO now} a", "a");
        check("timestamp:2026-11-23", "*");
    }
}
