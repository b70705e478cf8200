//! What is wrong with a query, where, and the way out.

use std::fmt;

/// A query that could not be read. Its `Display` shows the query with a caret under the place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct QueryError {
    /// Byte offset in `query`.
    pub position: usize,
    /// What is wrong there, with the remedy.
    pub message: String,
    /// The whole query.
    pub query: String,
}

impl QueryError {
    pub(super) fn new(query: &str, position: usize, message: impl Into<String>) -> QueryError {
        QueryError { position, message: message.into(), query: query.to_owned() }
    }

    /// Where it is, counted from one; columns in characters.
    pub fn line_and_column(&self) -> (usize, usize) {
        let before = self.query.get(..self.position).unwrap_or(&self.query);
        let line = before.rsplit('\n').next().unwrap_or_default();
        (before.matches('\n').count() + 1, line.chars().count() + 1)
    }

    /// The remedy alone, where the message has one.
    pub fn hint(&self) -> Option<&str> {
        let (_, remedy) = self.message.split_once(": ").or_else(|| self.message.split_once("; "))?;
        Some(remedy)
    }
}

/// Characters shown on each side of the place; a query may be 8 KiB.
const SHOWN: usize = 60;

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = self.query.split_at_checked(self.position).unwrap_or((&self.query, ""));
        let start = before.char_indices().rev().nth(SHOWN - 1).map_or(0, |(at, _)| at);
        let on_one_line = |c: char| if c.is_control() { ' ' } else { c };
        let head: String = before[start..].chars().map(on_one_line).collect();
        let tail: String = after.chars().take(SHOWN).map(on_one_line).collect();
        let indent = head.chars().count();
        write!(f, "{}\n  {head}{tail}\n  {:indent$}^", self.message, "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_under_the_place() {
        let error = QueryError { position: 3, message: "no".into(), query: "ä b\tc".into() };
        assert_eq!(error.to_string(), "no\n  ä b c\n    ^");
        let long = QueryError { position: 5000, message: "no".into(), query: "x".repeat(8000) };
        assert!(long.to_string().lines().all(|line| line.len() <= 2 + 2 * SHOWN));
    }
}
