//! Layer 2: the one language in which entries are asked for: by search, live tail, filters, metrics and alerts.
//!
//! Bare words, phrases and regular expressions look at the text of an entry: see [`tokens::any_text`]. What follows is
//! the page for those who write queries.
#![doc = include_str!("reference.md")]

mod ast;
mod build;
mod error;
mod eval;
mod field;
#[cfg(test)]
mod laws;
mod lex;
mod matcher;
mod need;
mod parse;
mod pieces;
pub mod pipe;
mod quick;
mod suggest;
#[cfg(test)]
mod tests;
mod time;
pub mod tokens;
mod window;

use std::fmt;
use std::ops::RangeInclusive;

pub use build::{Against, Condition, Limit};
pub use error::QueryError;
pub use field::{Field, Found};
pub use need::Need;
pub use parse::{MAX_DEPTH, MAX_GLOB, MAX_PHRASE, MAX_QUERY_LEN, MAX_REGEXES, MAX_TERMS};
pub use quick::TextTest;
pub use time::{TimeError, parse_time};

use chrono::TimeZone;

use crate::query::pipe::Pipe;
use crate::record::{Columns, Level, Row};
use crate::sys::clock;

/// A query that was read, ready to run on entries. Two are equal when they say the same; its `Display` reads back
/// to an equal one, anywhere and at any time, unless what it spells out is longer or deeper than a query may be.
#[derive(Clone, Debug)]
pub struct Query {
    ast: ast::Ast,
    plan: eval::Plan,
    pipes: Vec<Pipe>,
}

impl Query {
    /// Reads a query, with times such as `now-1h` and `today` by the clock and the zone of this host. Its length,
    /// depth and numbers of terms and pipes are limited.
    pub fn parse(text: &str) -> Result<Query, QueryError> {
        Query::parse_at(text, clock::now(), &chrono::Local)
    }

    /// As [`Query::parse`], at the moment `now_ns` (nanoseconds since the epoch) and in `zone`.
    pub fn parse_at<Z: TimeZone>(text: &str, now_ns: i64, zone: &Z) -> Result<Query, QueryError> {
        let (ast, pipes) = parse::parse(text, &|time| time::parse_period(time, now_ns, zone))?;
        Ok(Query { plan: eval::Plan::new(&ast), ast, pipes })
    }

    /// The query that every entry matches.
    pub fn all() -> Query {
        Query { ast: ast::Ast::All, plan: eval::Plan::All, pipes: Vec::new() }
    }

    /// The query of the entries whose field is one of `values`, to the letter.
    pub fn of_values<'a>(field: &str, values: impl IntoIterator<Item = &'a str>) -> Query {
        let is = |value: &str| ast::Ast::Field(Field::from_name(field), ast::Test::Exact(value.to_owned()));
        let mut any: Vec<ast::Ast> = values.into_iter().map(is).collect();
        let ast = match any.len() {
            1 => any.swap_remove(0),
            _ => ast::Ast::Or(any),
        };
        Query { plan: eval::Plan::new(&ast), ast, pipes: Vec::new() }
    }

    /// The same condition with one more pipe behind it.
    pub fn then(mut self, pipe: Pipe) -> Query {
        self.pipes.push(pipe);
        self
    }

    /// Whether the condition is one that every entry matches. This says nothing of [`Query::pipes`].
    pub fn is_all(&self) -> bool {
        self.ast == ast::Ast::All
    }

    /// Whether the row matches; it must have been decoded for [`Query::columns`]. This decides; [`Query::need`] only
    /// prunes.
    pub fn matches<R: Row + ?Sized>(&self, row: &R) -> bool {
        self.plan.matches(row)
    }

    /// The parts of an entry that the condition looks at; `None` when it looks at texts, whatever part they are of.
    pub fn fields(&self) -> Option<Vec<Field>> {
        let mut fields = Vec::new();
        self.ast.fields(&mut fields).then_some(fields)
    }

    /// What must be decoded of entries for the condition. What a pipe needs, [`Pipe::columns`] says.
    pub fn columns(&self) -> Columns {
        self.plan.columns()
    }

    /// What is to be done with the entries that match, from left to right.
    pub fn pipes(&self) -> &[Pipe] {
        &self.pipes
    }

    /// The times in which entries may match, in nanoseconds since the epoch: what conditions on `timestamp` leave.
    /// Like [`Query::need`] this may be too wide, never too narrow.
    pub fn window(&self) -> RangeInclusive<i64> {
        window::window(&self.ast)
    }

    /// Conditions on the text that every match fulfils.
    pub fn text_tests(&self) -> Vec<TextTest> {
        quick::text_tests(&self.ast)
    }

    /// The levels that match, when the condition is on the level alone.
    pub fn levels_alone(&self) -> Option<Vec<Level>> {
        match &self.ast {
            ast::Ast::All => Some(Level::ALL.to_vec()),
            ast::Ast::Level(comparison, level) => Some(ast::levels(*comparison, *level)),
            _ => None,
        }
    }

    /// What a block must contain for one of its entries to match.
    pub fn need(&self) -> Need {
        need::need(&self.ast)
    }
}

impl PartialEq for Query {
    fn eq(&self, other: &Query) -> bool {
        self.ast == other.ast && self.pipes == other.pipes
    }
}

impl std::str::FromStr for Query {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Query, QueryError> {
        Query::parse(text)
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ast.fmt(f)?;
        self.pipes.iter().try_for_each(|pipe| write!(f, " | {pipe}"))
    }
}
