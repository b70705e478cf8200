//! The *necessary* condition of a query, from which the store picks the blocks worth decoding.
//!
//! The rule: when an entry matches, the block it is in satisfies the need. A need may select too much, never too
//! little, and the evaluator decides. So a negation needs nothing, a comparison needs nothing, and a pattern needs
//! only the pieces that every text it matches contains: see `pieces`.

use std::fmt;

use crate::query::ast::{Ast, Pattern, Test, levels};
use crate::query::field::{Field, NAMED};
use crate::query::matcher::Glob;
use crate::query::pieces::{of_glob, of_regex};
use crate::query::tokens::{to_lower, tokens};
use crate::record::Level;

/// What a block must contain to be worth decoding. Words are in lower case ([`crate::query::tokens::lower`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// Every block.
    Anything,
    /// No block: nothing can match.
    Nothing,
    /// This token, of the tokens of [`crate::query::tokens::for_each_token`].
    Word(String),
    /// A token with this head.
    Prefix(String),
    /// A token with this piece anywhere in it: token characters only, at least two.
    Contains(String),
    /// An entry whose named column `field` has this whole value: to the letter, or in any case, and then it is in lower
    /// case.
    Key { field: &'static str, value: String, exact: bool },
    /// An entry at one of these levels.
    Level(Vec<Level>),
    /// All of these; at least two.
    All(Vec<Need>),
    /// One of these; at least two.
    Any(Vec<Need>),
}

impl Need {
    /// All of `needs`, simplified.
    pub(super) fn all(needs: impl IntoIterator<Item = Need>) -> Need {
        let mut kept: Vec<Need> = Vec::new();
        for need in needs {
            match need {
                Need::Anything => {}
                Need::Nothing => return Need::Nothing,
                Need::All(inner) => kept.extend(inner),
                need if kept.contains(&need) => {}
                need => kept.push(need),
            }
        }
        match kept.len() {
            0 => Need::Anything,
            1 => kept.swap_remove(0),
            _ => Need::All(kept),
        }
    }

    /// One of `needs`, simplified; the levels become one set.
    pub(super) fn any(needs: impl IntoIterator<Item = Need>) -> Need {
        let mut kept: Vec<Need> = Vec::new();
        let mut any_level: Vec<Level> = Vec::new();
        for need in needs {
            match need {
                Need::Anything => return Need::Anything,
                Need::Nothing => {}
                Need::Level(levels) => any_level.extend(levels),
                Need::Any(inner) => kept.extend(inner),
                need if kept.contains(&need) => {}
                need => kept.push(need),
            }
        }
        if !any_level.is_empty() {
            any_level.sort_unstable();
            any_level.dedup();
            kept.push(Need::Level(any_level));
        }
        match kept.len() {
            0 => Need::Nothing,
            1 => kept.swap_remove(0),
            _ => Need::Any(kept),
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = |needs: &[Need], between: &str| {
            for (index, need) in needs.iter().enumerate() {
                f.write_str(if index == 0 { "" } else { between })?;
                if matches!(need, Need::All(_) | Need::Any(_)) { write!(f, "({need})")? } else { write!(f, "{need}")? }
            }
            Ok(())
        };
        match self {
            Need::Anything => f.write_str("nothing: every block"),
            Need::Nothing => f.write_str("what cannot be: no block"),
            Need::Word(word) => write!(f, "the word {word:?}"),
            Need::Prefix(head) => write!(f, "a word that begins with {head:?}"),
            Need::Contains(piece) => write!(f, "a word with {piece:?} in it"),
            Need::Key { field, value, .. } => write!(f, "{field} = {value:?}"),
            Need::Level(levels) => {
                let names: Vec<&str> = levels.iter().map(|level| level.name()).collect();
                write!(f, "level {}", names.join("/"))
            }
            Need::All(needs) => list(needs, " and "),
            Need::Any(needs) => list(needs, " or "),
        }
    }
}

/// The need of a query.
pub(super) fn need(ast: &Ast) -> Need {
    match ast {
        Ast::All => Need::Anything,
        Ast::Level(comparison, level) => of_levels(levels(*comparison, *level)),
        Ast::Text(pattern) => of_pattern(pattern),
        Ast::Field(field, test) => of_field(field, test),
        Ast::And(items) => Need::all(items.iter().map(need)),
        Ast::Or(items) => Need::any(items.iter().map(need)),
        // A block where nothing matches the inner condition looks like any other, except by level.
        Ast::Not(inner) => match &**inner {
            Ast::All => Need::Nothing,
            Ast::Level(comparison, level) => {
                let refused = levels(*comparison, *level);
                of_levels(Level::ALL.into_iter().filter(|level| !refused.contains(level)).collect())
            }
            _ => Need::Anything,
        },
    }
}

fn of_levels(levels: Vec<Level>) -> Need {
    match levels.len() {
        0 => Need::Nothing,
        all if all == Level::ALL.len() => Need::Anything,
        _ => Need::Level(levels),
    }
}

fn of_pattern(pattern: &Pattern) -> Need {
    match pattern {
        Pattern::Literal(text) => of_tokens(text),
        Pattern::Glob(text) => of_glob(text),
        Pattern::Regex(regex) => of_regex(regex.as_str()),
    }
}

fn of_tokens(text: &str) -> Need {
    Need::all(tokens(text).map(|token| Need::Word(to_lower(token))))
}

fn of_field(field: &Field, test: &Test) -> Need {
    match (field, test) {
        // Not among the tokens.
        (Field::Raw | Field::Timestamp | Field::TimestampSource | Field::ReadTime, _) => Need::Anything,
        (Field::Level | Field::LevelSource | Field::DurationMs, _) => Need::Anything,
        (_, Test::Exists | Test::Compare(..) | Test::Range(..)) => Need::Anything,
        (Field::Named(index), Test::Exact(value)) if !value.is_empty() => {
            of_key(*index, |field| Need::Key { field, value: value.clone(), exact: true })
        }
        (Field::Named(index), Test::Matches(Pattern::Literal(value))) if !value.is_empty() => {
            of_key(*index, |field| Need::Key { field, value: to_lower(value), exact: false })
        }
        (Field::Other(_), Test::Exact(value) | Test::Matches(Pattern::Literal(value))) if is_loose(value) => {
            Need::Anything
        }
        // A null has no tokens.
        (Field::Other(_), Test::Matches(Pattern::Glob(text))) if Glob::new(text).matches("null") => Need::Anything,
        (Field::Other(_), Test::Matches(Pattern::Regex(regex))) if regex.is_match("null") => Need::Anything,
        (_, Test::Exact(value)) => of_tokens(value),
        (_, Test::Matches(pattern)) => of_pattern(pattern),
    }
}

fn of_key(index: usize, need: impl FnOnce(&'static str) -> Need) -> Need {
    NAMED.get(index).map_or(Need::Anything, |field| need(field))
}

/// Whether a value with other tokens, or with none, may equal `text`: see `number_beside_text` and null.
fn is_loose(text: &str) -> bool {
    text.eq_ignore_ascii_case("null") || number_beside_text(text).is_some()
}

/// The number that `text` is, when a value equal to that number has another text: `404.0` and `1e3`, not `404`.
/// Such texts are compared as numbers also; all others by their text alone, which is what the tokens can answer. A
/// whole number too long for a float is written in one way only, and not to be taken for its neighbours.
pub(super) fn number_beside_text(text: &str) -> Option<f64> {
    let looks_so = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
    let number: f64 = text.parse().ok().filter(|_| looks_so)?;
    let exact = text.parse::<i64>().is_ok_and(|whole| whole.to_string() == text);
    (!exact && number.to_string() != text).then_some(number)
}
