//! Layer 2: the one language in which entries are asked for: by search, live tail, filters, metrics and alerts.
//!
//! | query | matches entries |
//! |---|---|
//! | `*`, or nothing | all |
//! | `timeout` | with this word, whatever its case |
//! | `"connection timeout"`, `wf-8f3a12cd` | with these words in a row; what separates them does not matter |
//! | `time*`, `*out`, `ti*t` | with a word like that |
//! | `/time(d )?out/` | with a text that the regular expression finds; `(?i)` ignores case |
//! | `service:api`, `status:404` | whose field is this whole value, whatever its case |
//! | `logger:orchestrator.*` | whose field is like that; `*` alone: which have the field |
//! | `message:timeout` | with the word in this field; so for `message` and `raw` only |
//! | `path:=/Api`, `path:!=/Api` | whose field is exactly that, or is not |
//! | `duration_ms>1000`, `duration_ms:>=1e3` | whose number compares so; texts compare by their bytes |
//! | `level:error`, `level>=warning` | at these levels; `unknown` takes no part in comparisons |
//! | `level:(error OR critical)` | whose field is one of these |
//! | `-x`, `!x`, `NOT x` | that `x` does not match |
//! | `a b`, `a AND b`; `a OR b`; `(…)` | both, either; `NOT` before `AND` before `OR` |
//!
//! Bare words, phrases and regular expressions look at the text of an entry: see [`tokens::any_text`]. Fields are
//! the named columns of [`Entry`] (`workflow:`, `session:`, `request:`, `type:` for short), then the entry's other
//! fields by their full dotted name, with or without `fields.` in front.

mod ast;
mod error;
mod eval;
mod field;
mod lex;
mod matcher;
mod need;
mod parse;
pub mod pipe;
#[cfg(test)]
mod tests;
mod time;
pub mod tokens;

use std::fmt;

pub use error::QueryError;
pub use need::Need;
pub use parse::{MAX_DEPTH, MAX_QUERY_LEN, MAX_TERMS};
pub use time::{TimeError, parse_time};

use crate::record::Entry;

/// A query that was read, ready to run on entries. Two are equal when they say the same; its `Display` reads back
/// to an equal one.
#[derive(Clone, Debug)]
pub struct Query {
    ast: ast::Ast,
    plan: eval::Plan,
}

impl Query {
    /// Reads a query. Its length, depth and number of terms are limited.
    pub fn parse(text: &str) -> Result<Query, QueryError> {
        parse::parse(text).map(Query::from_ast)
    }

    /// The query that every entry matches.
    pub fn all() -> Query {
        Query::from_ast(ast::Ast::All)
    }

    fn from_ast(ast: ast::Ast) -> Query {
        Query { plan: eval::Plan::new(&ast), ast }
    }

    pub fn is_all(&self) -> bool {
        self.ast == ast::Ast::All
    }

    /// Whether the entry matches. This decides; [`Query::need`] only prunes.
    pub fn matches(&self, entry: &Entry) -> bool {
        self.plan.matches(entry)
    }

    /// What a block must contain for one of its entries to match.
    pub fn need(&self) -> Need {
        need::need(&self.ast)
    }
}

impl PartialEq for Query {
    fn eq(&self, other: &Query) -> bool {
        self.ast == other.ast
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
        self.ast.fmt(f)
    }
}
