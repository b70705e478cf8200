//! What a query says, as a tree. Its `Display` is a query text that reads back to the same tree.

use std::cmp::Ordering;
use std::fmt::{self, Display, Write};

use regex::Regex;

use crate::query::field::Field;
use crate::record::{Level, timestamp};

/// A condition on an entry. The parser bounds its depth, so walking it by recursion is safe.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ast {
    All,
    /// Without a comparison: that level.
    Level(Option<Comparison>, Level),
    /// On the text of the entry.
    Text(Pattern),
    Field(Field, Test),
    Not(Box<Ast>),
    And(Vec<Ast>),
    Or(Vec<Ast>),
}

/// What a text must look like.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    Literal(String),
    /// With at least one `*`.
    Glob(String),
    Regex(Regex),
}

/// What must be true of one field.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    Exists,
    /// Whatever the case.
    Matches(Pattern),
    /// The whole value, to the letter.
    Exact(String),
    Compare(Comparison, Bound),
    /// From the first edge to the second.
    Range(Edge, Edge),
}

/// What a value is compared with.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Bound {
    /// Nanoseconds since the epoch.
    Time(i64),
    /// A number when it reads as one.
    Text(String),
}

/// One end of a range.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Edge {
    /// The bound itself is in the range.
    pub inclusive: bool,
    pub bound: Bound,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Ast {
    /// Gathers the parts of an entry that are looked at by name; whether these are all.
    pub(super) fn fields(&self, fields: &mut Vec<Field>) -> bool {
        match self {
            Ast::All => {}
            Ast::Text(_) => return false,
            Ast::Level(..) => fields.push(Field::Level),
            Ast::Field(field, _) => fields.push(field.clone()),
            Ast::Not(inner) => return inner.fields(fields),
            Ast::And(items) | Ast::Or(items) => return items.iter().all(|item| item.fields(fields)),
        }
        true
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        match (self, other) {
            (Pattern::Literal(a), Pattern::Literal(b)) | (Pattern::Glob(a), Pattern::Glob(b)) => a == b,
            (Pattern::Regex(a), Pattern::Regex(b)) => a.as_str() == b.as_str(),
            _ => false,
        }
    }
}

impl Comparison {
    pub(super) fn holds(self, order: Ordering) -> bool {
        match self {
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }
}

/// The levels a level condition accepts. `unknown` takes no part in comparisons.
pub(super) fn levels(comparison: Option<Comparison>, than: Level) -> Vec<Level> {
    let accepted = |level: &Level| match comparison {
        None => *level == than,
        Some(comparison) => *level != Level::Unknown && comparison.holds(level.cmp(&than)),
    };
    Level::ALL.into_iter().filter(accepted).collect()
}

impl Bound {
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Bound::Time(_) => None,
            Bound::Text(text) => text.parse().ok(),
        }
    }

    /// The order of two bounds of one kind; `None` when their kinds differ.
    pub(super) fn order(&self, other: &Bound) -> Option<Ordering> {
        match (self, other, self.number(), other.number()) {
            (Bound::Time(a), Bound::Time(b), ..) => Some(a.cmp(b)),
            (_, _, Some(a), Some(b)) => a.partial_cmp(&b),
            (Bound::Text(a), Bound::Text(b), None, None) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

impl Edge {
    pub(super) fn is_time(&self) -> bool {
        matches!(self.bound, Bound::Time(_))
    }

    /// The comparison that a value must pass at the low end of a range.
    pub(super) fn at_low_end(&self) -> Comparison {
        if self.inclusive { Comparison::GreaterOrEqual } else { Comparison::Greater }
    }

    /// The comparison that a value must pass at the high end of a range.
    pub(super) fn at_high_end(&self) -> Comparison {
        if self.inclusive { Comparison::LessOrEqual } else { Comparison::Less }
    }
}

/// Writes a literal bare when it reads back as itself anywhere, and in quotes otherwise.
fn literal(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let head_is_plain = text.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let all_plain = text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if head_is_plain && all_plain && !matches!(text, "AND" | "OR" | "NOT") {
        return f.write_str(text);
    }
    quoted(text, f)
}

/// Writes a text in quotes.
pub(super) fn quoted(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(c)?;
    }
    f.write_char('"')
}

/// Writes a regular expression between slashes.
fn regex(pattern: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_char('/')?;
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '/' => f.write_str("\\/")?,
            '\\' => {
                f.write_char(c)?;
                chars.next().map_or(Ok(()), |escaped| f.write_char(escaped))?;
            }
            _ => f.write_char(c)?,
        }
    }
    f.write_char('/')
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pattern::Literal(text) => literal(text, f),
            // A leading slash would begin a regular expression.
            Pattern::Glob(text) if text.starts_with('/') => write!(f, "\\{text}"),
            Pattern::Glob(text) => f.write_str(text),
            Pattern::Regex(pattern) => regex(pattern.as_str(), f),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::Time(time) => f.write_str(&timestamp(*time)),
            // Where a bound stands, a sign before a number means nothing else.
            Bound::Text(text) if text.parse::<f64>().is_ok() => f.write_str(text),
            Bound::Text(text) => literal(text, f),
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Test::Exists => f.write_char('*'),
            // Only in a list is this not a sign or a range.
            Test::Matches(Pattern::Glob(text)) if text.starts_with(['[', '{', ':', '=', '<', '>']) => {
                write!(f, "in({text})")
            }
            Test::Matches(Pattern::Glob(text)) if text.starts_with("!=") => write!(f, "in({text})"),
            Test::Matches(pattern) => pattern.fmt(f),
            Test::Exact(text) => {
                f.write_char('=')?;
                literal(text, f)
            }
            Test::Compare(comparison, bound) => write!(f, "{}{bound}", comparison.sign()),
            Test::Range(low, high) => {
                f.write_char(if low.inclusive { '[' } else { '{' })?;
                write!(f, "{} TO {}", low.bound, high.bound)?;
                f.write_char(if high.inclusive { ']' } else { '}' })
            }
        }
    }
}

/// Writes `items` with `between`, and the items that bind no tighter in parentheses.
fn joined(items: &[Ast], between: &str, loose: fn(&Ast) -> bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        if loose(item) { write!(f, "({item})")? } else { item.fmt(f)? }
    }
    Ok(())
}

impl fmt::Display for Ast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ast::All => f.write_char('*'),
            Ast::Level(None, level) => write!(f, "level:{level}"),
            Ast::Level(Some(comparison), level) => write!(f, "level{}{level}", comparison.sign()),
            Ast::Text(pattern) => pattern.fmt(f),
            Ast::Field(field, test) => write!(f, "{field}:{test}"),
            Ast::Not(inner) if matches!(**inner, Ast::And(_) | Ast::Or(_)) => write!(f, "-({inner})"),
            Ast::Not(inner) => write!(f, "-{inner}"),
            Ast::And(items) => joined(items, " ", |item| matches!(item, Ast::And(_) | Ast::Or(_)), f),
            Ast::Or(items) => joined(items, " OR ", |item| matches!(item, Ast::Or(_)), f),
        }
    }
}
