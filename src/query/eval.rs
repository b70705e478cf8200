//! Whether a row matches. One evaluator serves search, live tail, filters, metrics and alerts.

use std::cmp::Ordering;

use regex::Regex;

use crate::query::ast::{Ast, Bound, Comparison, Pattern, Test, levels};
use crate::query::field::{Field, Found};
use crate::query::matcher::{Glob, Matcher};
use crate::query::need::number_beside_text;
use crate::query::tokens::{any_text, equals_lower, to_lower};
use crate::record::{Columns, Fields, NAMED, Row};

/// A query made ready to run.
#[derive(Clone, Debug)]
pub(super) enum Plan {
    All,
    /// A bit for each level.
    Levels(u16),
    Text(Matcher),
    Field(Field, Check),
    Not(Box<Plan>),
    And(Vec<Plan>),
    Or(Vec<Plan>),
}

/// A condition on one field.
#[derive(Clone, Debug)]
pub(super) enum Check {
    Exists,
    /// The whole value, whatever the case; also values equal to the number, see [`number_beside_text`].
    Equals(String, Option<f64>),
    Like(Glob),
    Regex(Regex),
    /// For prose: the words are in it.
    Contains(Matcher),
    Exact(String),
    Number(Comparison, f64),
    /// In the order of the bytes.
    Order(Comparison, String),
    /// Nanoseconds since the epoch.
    Time(Comparison, i64),
    /// Both hold.
    Range(Box<Check>, Box<Check>),
}

impl Plan {
    pub(super) fn new(ast: &Ast) -> Plan {
        match ast {
            Ast::All => Plan::All,
            Ast::Level(comparison, level) => {
                Plan::Levels(levels(*comparison, *level).iter().fold(0, |mask, level| mask | 1 << *level as u16))
            }
            Ast::Text(pattern) => Plan::Text(Matcher::new(pattern)),
            Ast::Field(field, test) => Plan::Field(field.clone(), Check::new(field, test)),
            Ast::Not(inner) => Plan::Not(Box::new(Plan::new(inner))),
            Ast::And(items) => {
                let mut plans: Vec<Plan> = items.iter().map(Plan::new).collect();
                // The order does not matter, and the cheap ones spare the others most of their work.
                plans.sort_by_key(Plan::cost);
                Plan::And(plans)
            }
            Ast::Or(items) => Plan::Or(items.iter().map(Plan::new).collect()),
        }
    }

    /// How much work it is, roughly.
    fn cost(&self) -> u8 {
        match self {
            Plan::All | Plan::Levels(_) => 0,
            Plan::Field(..) => 1,
            Plan::Not(inner) => inner.cost(),
            Plan::Text(_) => 3,
            Plan::And(items) | Plan::Or(items) => items.iter().map(Plan::cost).max().unwrap_or(0),
        }
    }

    pub(super) fn matches<R: Row + ?Sized>(&self, row: &R) -> bool {
        match self {
            Plan::All => true,
            Plan::Levels(mask) => mask & (1 << row.level() as u16) != 0,
            Plan::Text(matcher) => any_text(row, |text| matcher.is_in(text)),
            Plan::Field(field, check) => field.of(row).is_some_and(|found| check.holds(&found)),
            Plan::Not(inner) => !inner.matches(row),
            Plan::And(items) => items.iter().all(|item| item.matches(row)),
            Plan::Or(items) => items.iter().any(|item| item.matches(row)),
        }
    }

    /// What must be decoded for [`Plan::matches`].
    pub(super) fn columns(&self) -> Columns {
        match self {
            Plan::All | Plan::Levels(_) => Columns::default(),
            // See `any_text`.
            Plan::Text(_) => {
                Columns { message: true, named: (1 << NAMED) - 1, fields: Fields::All, ..Columns::default() }
            }
            Plan::Field(field, _) => field.columns(),
            Plan::Not(inner) => inner.columns(),
            Plan::And(items) | Plan::Or(items) => {
                items.iter().fold(Columns::default(), |columns, item| columns.and(&item.columns()))
            }
        }
    }
}

impl Check {
    fn new(field: &Field, test: &Test) -> Check {
        match test {
            Test::Exists => Check::Exists,
            Test::Exact(text) => Check::Exact(text.clone()),
            Test::Compare(comparison, bound) => Check::compare(*comparison, bound),
            Test::Range(low, high) => Check::Range(
                Box::new(Check::compare(low.at_low_end(), &low.bound)),
                Box::new(Check::compare(high.at_high_end(), &high.bound)),
            ),
            Test::Matches(Pattern::Regex(regex)) => Check::Regex(regex.clone()),
            Test::Matches(pattern) if field.is_prose() => Check::Contains(Matcher::new(pattern)),
            Test::Matches(Pattern::Glob(text)) => Check::Like(Glob::new(text)),
            Test::Matches(Pattern::Literal(text)) => Check::Equals(to_lower(text), number_beside_text(text)),
        }
    }

    fn compare(comparison: Comparison, bound: &Bound) -> Check {
        match (bound, bound.number()) {
            (Bound::Time(time), _) => Check::Time(comparison, *time),
            (_, Some(number)) => Check::Number(comparison, number),
            (Bound::Text(text), None) => Check::Order(comparison, text.clone()),
        }
    }

    fn holds(&self, found: &Found<'_>) -> bool {
        let compare =
            |comparison: Comparison, order: Option<Ordering>| order.is_some_and(|order| comparison.holds(order));
        match self {
            Check::Exists => !found.is_null(),
            Check::Equals(lowered, number) => {
                found.with_text(|text| equals_lower(text, lowered)) || (number.is_some() && found.number() == *number)
            }
            Check::Like(glob) => found.with_text(|text| glob.matches(text)),
            Check::Regex(regex) => found.with_text(|text| regex.is_match(text)),
            Check::Contains(matcher) => found.with_text(|text| matcher.is_in(text)),
            Check::Exact(text) => found.with_text(|own| own == text),
            Check::Number(comparison, number) => {
                compare(*comparison, found.as_number().and_then(|own| own.partial_cmp(number)))
            }
            Check::Order(comparison, text) => {
                let orderable = !found.is_null() && found.as_number().is_none();
                orderable && found.with_text(|own| comparison.holds(own.cmp(text.as_str())))
            }
            Check::Range(low, high) => low.holds(found) && high.holds(found),
            Check::Time(comparison, time) => match found {
                Found::Time(own) => comparison.holds(own.cmp(time)),
                _ => false,
            },
        }
    }
}
