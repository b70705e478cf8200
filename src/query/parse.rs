//! From tokens to the tree: `NOT` binds tighter than `AND` (written or not), which binds tighter than `OR`.

use regex::RegexBuilder;

use crate::query::QueryError;
use crate::query::ast::{Ast, Comparison, Pattern, Test};
use crate::query::field::Field;
use crate::query::lex::{Lexer, Operator, Token};
use crate::query::time::parse_absolute;
use crate::record::Level;

/// Longest query, in bytes.
pub const MAX_QUERY_LEN: usize = 8 * 1024;
/// Deepest nesting of parentheses and negations. The tree is walked by recursion.
pub const MAX_DEPTH: usize = 64;
/// Most words, phrases and field conditions in one query.
pub const MAX_TERMS: usize = 500;
/// Memory a compiled regular expression may take, in bytes.
const MAX_REGEX_SIZE: usize = 1 << 20;

/// Reads a whole query.
pub(super) fn parse(query: &str) -> Result<Ast, QueryError> {
    let lexer = Lexer::new(query);
    if query.len() > MAX_QUERY_LEN {
        let message = format!("a query may have at most {MAX_QUERY_LEN} bytes, this one has {}", query.len());
        return Err(lexer.error(0, message));
    }
    let mut parser = Parser { lexer, token: Token::End, start: 0, depth: 0, terms: 0 };
    parser.advance()?;
    if parser.token == Token::End {
        return Ok(Ast::All);
    }
    let ast = parser.either(None)?;
    match parser.token {
        Token::End => Ok(ast),
        _ => Err(parser.wrong("this parenthesis closes nothing: remove it, or put it in quotes")),
    }
}

struct Parser<'q> {
    lexer: Lexer<'q>,
    /// The token to look at, and the byte where it starts.
    token: Token,
    start: usize,
    depth: usize,
    terms: usize,
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
                Token::Or | Token::Close | Token::End => break,
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
            Token::End => return Err(self.wrong("the query ends where something to look for should stand")),
            _ => {}
        }
        self.terms += 1;
        if self.terms > MAX_TERMS {
            return Err(self.wrong(format!("a query may have at most {MAX_TERMS} terms: use a wildcard or a regex")));
        }
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

    fn group(&mut self, field: Option<&Field>) -> Result<Ast, QueryError> {
        let open = self.start;
        self.nested(|parser| {
            parser.advance()?;
            let inside = parser.either(field)?;
            if parser.token != Token::Close {
                return Err(parser.lexer.error(open, "this parenthesis is not closed: add a `)`"));
            }
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
        let comparison = match operator {
            Operator::Is => None,
            Operator::Compare(comparison) => Some(comparison),
            Operator::Exact | Operator::NotExact => None,
        };
        let ast = match (operator, value) {
            (Operator::Is, value) => self.test(&field, value, start)?,
            (_, Token::Word(text) | Token::Quoted(text)) if field == Field::Level => {
                self.level(comparison, &text, start)?
            }
            (_, Token::Word(text) | Token::Quoted(text)) => match comparison {
                Some(comparison) => self.compare(field, comparison, text, start)?,
                None => Ast::Field(field, Test::Exact(text)),
            },
            (_, _) => return Err(self.lexer.error(start, "a value must follow this sign")),
        };
        self.advance()?;
        Ok(if operator == Operator::NotExact { Ast::Not(Box::new(ast)) } else { ast })
    }

    fn compare(&self, field: Field, than: Comparison, text: String, start: usize) -> Result<Ast, QueryError> {
        if field == Field::Timestamp {
            parse_absolute(&text).map_err(|error| self.lexer.error(start, error.to_string()))?;
        }
        Ok(Ast::Field(field, Test::Compare(than, text)))
    }

    /// What `field:VALUE` says.
    fn test(&self, field: &Field, value: Token, start: usize) -> Result<Ast, QueryError> {
        let exists = value == Token::Word("*".into());
        if *field != Field::Level {
            let test = if exists { Test::Exists } else { Test::Matches(self.pattern(value, start)?) };
            return Ok(Ast::Field(field.clone(), test));
        }
        match self.pattern(value, start)? {
            // Any level but unknown.
            _ if exists => Ok(Ast::Level(Some(Comparison::GreaterOrEqual), Level::Trace)),
            Pattern::Literal(word) => self.level(None, &word, start),
            _ => self.level(None, "", start),
        }
    }

    fn level(&self, comparison: Option<Comparison>, word: &str, start: usize) -> Result<Ast, QueryError> {
        let level = Level::from_word(word).ok_or_else(|| {
            let names: Vec<_> = Level::ALL.iter().map(|level| level.name()).collect();
            self.lexer.error(start, format!("no such level: write one of {}", names.join(", ")))
        })?;
        Ok(Ast::Level(comparison, level))
    }

    fn pattern(&self, token: Token, start: usize) -> Result<Pattern, QueryError> {
        match token {
            Token::Word(word) if word.contains('*') => Ok(Pattern::Glob(word)),
            Token::Word(text) | Token::Quoted(text) => Ok(Pattern::Literal(text)),
            Token::Regex(pattern) => match RegexBuilder::new(&pattern).size_limit(MAX_REGEX_SIZE).build() {
                Ok(regex) => Ok(Pattern::Regex(regex)),
                Err(error) => Err(self.lexer.error(start, regex_message(&error))),
            },
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
