//! From tokens to the tree: `NOT` binds tighter than `AND` (written or not), which binds tighter than `OR`. What
//! stands behind the first `|` is read by `pipe`.

use std::cmp::Ordering;

use regex::RegexBuilder;

use crate::query::QueryError;
use crate::query::ast::{Ast, Bound, Comparison, Edge, Pattern, Test, levels};
use crate::query::field::Field;
use crate::query::lex::{Lexer, Operator, RawEdge, Token};
use crate::query::pipe::{self, Pipe};
use crate::query::suggest::hint;
use crate::query::time::{Period, TimeError};
use crate::query::tokens::tokens;
use crate::record::Level;

/// Longest query, in bytes.
pub const MAX_QUERY_LEN: usize = 8 * 1024;
/// Deepest nesting of parentheses and negations. The tree is walked by recursion.
pub const MAX_DEPTH: usize = 64;
/// Most words, phrases and field conditions in one query.
pub const MAX_TERMS: usize = 500;
/// Most words of one phrase; a text is compared with all of them from each of its own words on.
pub const MAX_PHRASE: usize = 256;
/// Longest pattern with `*`, in bytes, for the same reason.
pub const MAX_GLOB: usize = 512;
/// Most regular expressions in one query, and the memory that one may take when compiled, in bytes.
pub const MAX_REGEXES: usize = 32;
pub(super) const MAX_REGEX_SIZE: usize = 1 << 20;

/// What a text says of time, by the clock and zone that the query is read with.
pub(super) type Times<'t> = &'t dyn Fn(&str) -> Result<Period, TimeError>;

/// Reads a whole query: the condition and the pipes behind it.
pub(super) fn parse(query: &str, times: Times<'_>) -> Result<(Ast, Vec<Pipe>), QueryError> {
    let lexer = Lexer::new(query);
    if query.len() > MAX_QUERY_LEN {
        let message = format!("a query may have at most {MAX_QUERY_LEN} bytes, this one has {}", query.len());
        return Err(lexer.error(0, message));
    }
    let mut parser = Parser { lexer, times, token: Token::End, start: 0, depth: 0, terms: 0, regexes: 0 };
    parser.advance()?;
    let ast = match parser.token {
        Token::End | Token::Pipe => Ast::All,
        _ => parser.either(None)?,
    };
    match parser.token {
        Token::End => Ok((ast, Vec::new())),
        Token::Pipe => Ok((ast, pipe::parse(query, parser.start)?)),
        _ => Err(parser.wrong("this parenthesis closes nothing: remove it, or put it in quotes")),
    }
}

/// `level:*`: any level but unknown.
const KNOWN_LEVEL: Ast = Ast::Level(Some(Comparison::GreaterOrEqual), Level::Trace);

const EMPTY_RANGE: &str =
    "nothing is in this range: write the smaller bound first; a bound in { or } is not part of it";

/// The comparisons that a value must pass at the low and the high end of a range.
fn ends(low: &RawEdge, high: &RawEdge) -> (Comparison, Comparison) {
    let below = if low.inclusive { Comparison::GreaterOrEqual } else { Comparison::Greater };
    let above = if high.inclusive { Comparison::LessOrEqual } else { Comparison::Less };
    (below, above)
}

/// What a time as a value says: exactly then, or in that day.
fn within(period: Period) -> Test {
    let edge = |time, inclusive| Edge { inclusive, bound: Bound::Time(time) };
    Test::Range(edge(period.since, true), edge(period.until.unwrap_or(period.since), period.until.is_none()))
}

struct Parser<'q> {
    lexer: Lexer<'q>,
    times: Times<'q>,
    /// The token to look at, and the byte where it starts.
    token: Token,
    start: usize,
    depth: usize,
    terms: usize,
    regexes: usize,
}

impl Parser<'_> {
    fn advance(&mut self) -> Result<Token, QueryError> {
        let (start, token) = self.lexer.next()?;
        self.start = start;
        Ok(std::mem::replace(&mut self.token, token))
    }

    fn wrong(&self, message: impl Into<String>) -> QueryError {
        self.lexer.error(self.start, message)
    }

    /// One level deeper, unless that is too deep.
    fn nested<T>(&mut self, inside: impl FnOnce(&mut Self) -> Result<T, QueryError>) -> Result<T, QueryError> {
        if self.depth == MAX_DEPTH {
            return Err(self.wrong(format!("a query may nest at most {MAX_DEPTH} deep: simplify it")));
        }
        self.depth += 1;
        let result = inside(self);
        self.depth -= 1;
        result
    }

    /// `a OR b`. In a group behind a field, `field` is what the words are about.
    fn either(&mut self, field: Option<&Field>) -> Result<Ast, QueryError> {
        let mut items = vec![self.both(field)?];
        while self.token == Token::Or {
            self.advance()?;
            items.push(self.both(field)?);
        }
        Ok(if items.len() == 1 { items.swap_remove(0) } else { Ast::Or(items) })
    }

    /// `a b`, or `a AND b`.
    fn both(&mut self, field: Option<&Field>) -> Result<Ast, QueryError> {
        let mut items = vec![self.unary(field)?];
        loop {
            match self.token {
                Token::Or | Token::Close | Token::Pipe | Token::End => break,
                Token::And => drop(self.advance()?),
                _ => {}
            }
            items.push(self.unary(field)?);
        }
        Ok(if items.len() == 1 { items.swap_remove(0) } else { Ast::And(items) })
    }

    fn unary(&mut self, field: Option<&Field>) -> Result<Ast, QueryError> {
        if self.token != Token::Not {
            return self.primary(field);
        }
        self.nested(|parser| {
            parser.advance()?;
            Ok(Ast::Not(Box::new(parser.unary(field)?)))
        })
    }

    fn primary(&mut self, field: Option<&Field>) -> Result<Ast, QueryError> {
        let start = self.start;
        match &self.token {
            Token::Open => return self.group(field),
            Token::Close => return Err(self.wrong("something to look for is missing before this parenthesis")),
            Token::And | Token::Or => {
                let message = "something to look for is missing here; to search for the word itself, quote it";
                return Err(self.wrong(message));
            }
            Token::Pipe => {
                let message = "something to look for is missing before this `|`; to search for it, quote it: \"|\"";
                return Err(self.wrong(message));
            }
            Token::End => return Err(self.wrong("the query ends where something to look for should stand")),
            _ => {}
        }
        self.count_term(start)?;
        if let Token::Field(name, operator) = &self.token {
            if field.is_some() {
                return Err(self.wrong("a field in the group of another field: close the group first, or quote it"));
            }
            let (name, operator) = (name.clone(), *operator);
            return self.field(&name, operator);
        }
        let token = self.advance()?;
        match field {
            None if token == Token::Word("*".into()) => Ok(Ast::All),
            None => Ok(Ast::Text(self.pattern(token, start)?)),
            Some(field) => self.test(field, token, start),
        }
    }

    fn count_term(&mut self, start: usize) -> Result<(), QueryError> {
        self.terms += 1;
        if self.terms > MAX_TERMS {
            let message = format!("a query may have at most {MAX_TERMS} terms: use a wildcard or a regex");
            return Err(self.lexer.error(start, message));
        }
        Ok(())
    }

    fn group(&mut self, field: Option<&Field>) -> Result<Ast, QueryError> {
        let open = self.start;
        self.nested(|parser| {
            // The lexer is one token ahead: it learns of the group before the first token in it is read, and that
            // the group is over before the first one behind it.
            let outer = std::mem::replace(&mut parser.lexer.in_group, field.is_some());
            parser.advance()?;
            let inside = parser.either(field)?;
            if parser.token != Token::Close {
                return Err(parser.lexer.error(open, "this parenthesis is not closed: add a `)`"));
            }
            parser.lexer.in_group = outer;
            parser.advance()?;
            Ok(inside)
        })
    }

    /// `name:value` and its relatives; the lexer stands before the value.
    fn field(&mut self, name: &str, operator: Operator) -> Result<Ast, QueryError> {
        let field = Field::from_name(name);
        let (start, value) = self.lexer.value(name, operator == Operator::Is)?;
        if value == Token::Open {
            (self.start, self.token) = (start, value);
            return self.group(Some(&field));
        }
        if value == Token::In {
            return self.one_of(&field);
        }
        let comparison = match operator {
            Operator::Is => None,
            Operator::Compare(comparison) => Some(comparison),
            Operator::Exact | Operator::NotExact => None,
        };
        let ast = match (operator, value) {
            (Operator::Is, value) => self.test(&field, value, start)?,
            (_, Token::Word(text) | Token::Quoted(text)) if field == Field::Level => {
                Ast::Level(comparison, self.level(&text, start)?)
            }
            (_, Token::Word(text) | Token::Quoted(text)) => match comparison {
                Some(comparison) => self.compare(field, comparison, text, start)?,
                None => self.exact(field, text, start)?,
            },
            (_, _) => return Err(self.lexer.error(start, "a value must follow this sign")),
        };
        self.advance()?;
        Ok(if operator == Operator::NotExact { Ast::Not(Box::new(ast)) } else { ast })
    }

    /// The list behind `field:in(`; it says what `field:(a OR b)` says.
    fn one_of(&mut self, field: &Field) -> Result<Ast, QueryError> {
        let mut items = Vec::new();
        loop {
            let (start, value) = self.lexer.item()?;
            self.count_term(start)?;
            items.push(self.test(field, value, start)?);
            if !self.lexer.item_follows()? {
                break;
            }
        }
        self.advance()?;
        Ok(if items.len() == 1 { items.swap_remove(0) } else { Ast::Or(items) })
    }

    fn compare(&self, field: Field, than: Comparison, text: String, start: usize) -> Result<Ast, QueryError> {
        let (than, bound) = self.bound(&field, than, text, start)?;
        Ok(Ast::Field(field, Test::Compare(than, bound)))
    }

    fn period(&self, text: &str, start: usize) -> Result<Period, QueryError> {
        (self.times)(text).map_err(|error| self.lexer.error(start, error.to_string()))
    }

    /// What a value is compared with, and how. Before and behind a day is before and behind the whole day.
    fn bound(
        &self,
        field: &Field,
        than: Comparison,
        text: String,
        start: usize,
    ) -> Result<(Comparison, Bound), QueryError> {
        if !field.is_time() {
            return Ok((than, Bound::Text(text)));
        }
        let period = self.period(&text, start)?;
        let (than, time) = match (than, period.until) {
            (Comparison::Greater, Some(until)) => (Comparison::GreaterOrEqual, until),
            (Comparison::LessOrEqual, Some(until)) => (Comparison::Less, until),
            (than, _) => (than, period.since),
        };
        Ok((than, Bound::Time(time)))
    }

    fn exact(&self, field: Field, text: String, start: usize) -> Result<Ast, QueryError> {
        let test = match field {
            _ if field.is_time() => within(self.period(&text, start)?),
            _ => Test::Exact(text),
        };
        Ok(Ast::Field(field, test))
    }

    /// `field:[LOW TO HIGH]`.
    fn range(&self, field: &Field, low: RawEdge, high: RawEdge, open: usize) -> Result<Ast, QueryError> {
        if *field == Field::Level {
            return self.level_range(low, high, open);
        }
        let (below, above) = ends(&low, &high);
        let bound =
            |raw: RawEdge, than: Comparison| raw.bound.map(|text| self.bound(field, than, text, raw.start)).transpose();
        let test = match (bound(low, below)?, bound(high, above)?) {
            (None, None) => Test::Exists,
            (Some((than, bound)), None) | (None, Some((than, bound))) => Test::Compare(than, bound),
            (Some((below, low)), Some((above, high))) => {
                let order = low.order(&high);
                let low = Edge { inclusive: below == Comparison::GreaterOrEqual, bound: low };
                let high = Edge { inclusive: above == Comparison::LessOrEqual, bound: high };
                match order {
                    None => return Err(self.lexer.error(open, "one bound is a number and the other is not")),
                    Some(Ordering::Less) => Test::Range(low, high),
                    Some(Ordering::Equal) if low.inclusive && high.inclusive => Test::Range(low, high),
                    Some(_) => return Err(self.lexer.error(open, EMPTY_RANGE)),
                }
            }
        };
        Ok(Ast::Field(field.clone(), test))
    }

    fn level_range(&self, low: RawEdge, high: RawEdge, open: usize) -> Result<Ast, QueryError> {
        let (below, above) = ends(&low, &high);
        let mut items = Vec::new();
        let mut accepted = Level::ALL.to_vec();
        for (edge, comparison) in [(low, below), (high, above)] {
            if let Some(word) = edge.bound {
                let level = self.level(&word, edge.start)?;
                accepted.retain(|other| levels(Some(comparison), level).contains(other));
                items.push(Ast::Level(Some(comparison), level));
            }
        }
        match items.len() {
            0 => Ok(KNOWN_LEVEL),
            _ if accepted.is_empty() => Err(self.lexer.error(open, EMPTY_RANGE)),
            1 => Ok(items.swap_remove(0)),
            _ => Ok(Ast::And(items)),
        }
    }

    /// What `field:VALUE` says.
    fn test(&mut self, field: &Field, value: Token, start: usize) -> Result<Ast, QueryError> {
        let exists = value == Token::Word("*".into());
        if let Token::Range(low, high) = value {
            return self.range(field, low, high, start);
        }
        if *field != Field::Level {
            let test = match self.pattern(value, start)? {
                _ if exists => Test::Exists,
                Pattern::Literal(text) if field.is_time() => within(self.period(&text, start)?),
                pattern => Test::Matches(pattern),
            };
            return Ok(Ast::Field(field.clone(), test));
        }
        match self.pattern(value, start)? {
            _ if exists => Ok(KNOWN_LEVEL),
            Pattern::Literal(word) => Ok(Ast::Level(None, self.level(&word, start)?)),
            Pattern::Glob(_) | Pattern::Regex(_) => Ok(Ast::Level(None, self.level("", start)?)),
        }
    }

    fn level(&self, word: &str, start: usize) -> Result<Level, QueryError> {
        Level::from_word(word).ok_or_else(|| {
            self.lexer.error(start, format!("no such level: {}", hint(word, &Level::ALL.map(Level::name))))
        })
    }

    fn pattern(&mut self, token: Token, start: usize) -> Result<Pattern, QueryError> {
        match token {
            Token::Word(word) if word.contains('*') && word.len() > MAX_GLOB => {
                let message = format!("a pattern with `*` may have at most {MAX_GLOB} bytes: cut it");
                Err(self.lexer.error(start, message))
            }
            Token::Word(word) if word.contains('*') => Ok(Pattern::Glob(word)),
            Token::Word(text) | Token::Quoted(text) if tokens(&text).nth(MAX_PHRASE).is_some() => {
                let message = format!("a phrase may have at most {MAX_PHRASE} words: cut it, or say it in several");
                Err(self.lexer.error(start, message))
            }
            Token::Word(text) | Token::Quoted(text) => Ok(Pattern::Literal(text)),
            Token::Regex(_) if self.regexes == MAX_REGEXES => {
                let message = format!("a query may have at most {MAX_REGEXES} regular expressions: join some by `|`");
                Err(self.lexer.error(start, message))
            }
            Token::Regex(pattern) => {
                self.regexes += 1;
                let regex = RegexBuilder::new(&pattern).size_limit(MAX_REGEX_SIZE).build();
                regex.map(Pattern::Regex).map_err(|error| self.lexer.error(start, regex_message(&error)))
            }
            _ => Err(self.lexer.error(start, "a word, a \"phrase\" or a /regex/ is missing here")),
        }
    }
}

/// The last line of the error is what is wrong; those before repeat the pattern.
fn regex_message(error: &regex::Error) -> String {
    let text = error.to_string();
    let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
    format!("this regular expression does not work: {reason}; to search for the text itself, put it in quotes")
}
