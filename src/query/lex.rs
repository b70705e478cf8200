//! A query's text, cut into tokens with their places.

use crate::query::QueryError;
use crate::query::ast::Comparison;

/// A piece of a query.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Open,
    Close,
    And,
    Or,
    /// `NOT`, or `-` or `!` before a term.
    Not,
    /// A bare word; a `*` in it is a wildcard.
    Word(String),
    Quoted(String),
    /// What stood between slashes, with `\/` already a slash.
    Regex(String),
    /// A field's name and operator. The lexer then stands before its value: see [`Lexer::value`].
    Field(String, Operator),
    End,
}

/// What stands between a field's name and its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Operator {
    /// `:`
    Is,
    /// `:=` or `=`
    Exact,
    /// `:!=` or `!=`
    NotExact,
    /// `:>`, `>` and so on.
    Compare(Comparison),
}

/// Longer signs first.
const OPERATORS: [(&str, Operator); 7] = [
    ("!=", Operator::NotExact),
    (">=", Operator::Compare(Comparison::GreaterOrEqual)),
    ("<=", Operator::Compare(Comparison::LessOrEqual)),
    (">", Operator::Compare(Comparison::Greater)),
    ("<", Operator::Compare(Comparison::Less)),
    ("=", Operator::Exact),
    (":", Operator::Is),
];

pub(super) struct Lexer<'q> {
    query: &'q str,
    /// Byte offset of what is not read yet.
    at: usize,
}

/// Ends a bare word.
fn is_delimiter(c: char) -> bool {
    c.is_whitespace() || matches!(c, '(' | ')' | '"' | '|')
}

/// Length of the field name at the head of `text`, 0 when there is none.
fn name_len(text: &str) -> usize {
    if !text.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '@')) {
        return 0;
    }
    text.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '@' | '.' | '-'))).unwrap_or(text.len())
}

/// The operator at the head of `text` and its length. A colon may stand before any other.
fn operator(text: &str) -> Option<(Operator, usize)> {
    let sign = |text: &str| OPERATORS.iter().find(|(sign, _)| text.starts_with(sign)).map(|(s, op)| (*op, s.len()));
    let (first, len) = sign(text)?;
    match (first, sign(&text[len..])) {
        (Operator::Is, Some((second, more))) if second != Operator::Is => Some((second, len + more)),
        _ => Some((first, len)),
    }
}

impl<'q> Lexer<'q> {
    pub(super) fn new(query: &'q str) -> Lexer<'q> {
        Lexer { query, at: 0 }
    }

    pub(super) fn error(&self, position: usize, message: impl Into<String>) -> QueryError {
        QueryError { position, message: message.into(), query: self.query.to_owned() }
    }

    fn rest(&self) -> &'q str {
        &self.query[self.at..]
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// The next token and the byte where it starts.
    pub(super) fn next(&mut self) -> Result<(usize, Token), QueryError> {
        self.skip_space();
        let start = self.at;
        let rest = self.rest();
        let single = match rest.chars().next() {
            None => return Ok((start, Token::End)),
            Some('(') => Some(Token::Open),
            Some(')') => Some(Token::Close),
            Some('-' | '!') => Some(self.not()?),
            // Pipes (`| stats …`) are to be read here, behind the condition.
            Some('|') => return Err(self.error(start, "unexpected `|`: to search for it, put it in quotes: \"|\"")),
            Some('=' | '<' | '>' | ':') => {
                let message = "a name is missing before this sign: write field:value, or put the text in quotes";
                return Err(self.error(start, message));
            }
            _ => None,
        };
        if let Some(token) = single {
            self.at += 1;
            return Ok((start, token));
        }
        let name = name_len(rest);
        if let Some((operator, len)) = operator(&rest[name..]).filter(|_| name > 0) {
            self.at += name + len;
            return Ok((start, Token::Field(rest[..name].to_owned(), operator)));
        }
        let token = match self.text(true)? {
            Token::Word(word) => match word.as_str() {
                "AND" => Token::And,
                "OR" => Token::Or,
                "NOT" => Token::Not,
                _ => Token::Word(word),
            },
            token => token,
        };
        Ok((start, token))
    }

    /// A sign of negation stands directly before what it negates.
    fn not(&self) -> Result<Token, QueryError> {
        match self.rest().chars().nth(1) {
            Some(c) if !c.is_whitespace() && c != ')' && c != '|' => Ok(Token::Not),
            _ => Err(self.error(self.at, "nothing is negated here: write -word without a space, or put it in quotes")),
        }
    }

    /// The value behind a [`Token::Field`], and the byte where it starts. Only a value that may be a pattern
    /// (`patterns`) may also be a group in parentheses.
    pub(super) fn value(&mut self, field: &str, patterns: bool) -> Result<(usize, Token), QueryError> {
        let start = self.at;
        match self.rest().chars().next() {
            Some('(') if patterns => {
                self.at += 1;
                Ok((start, Token::Open))
            }
            Some('"') => Ok((start, self.quoted()?)),
            Some(c) if !is_delimiter(c) && c != ':' => Ok((start, self.text(patterns)?)),
            _ => {
                let message = format!(
                    "a value is missing for `{field}`: write it without a space, {field}:value; \
                     to search for the text itself, put it in quotes"
                );
                Err(self.error(start, message))
            }
        }
    }

    /// A quoted text, a regular expression (where `patterns` may stand), or a bare word.
    fn text(&mut self, patterns: bool) -> Result<Token, QueryError> {
        let rest = self.rest();
        if rest.starts_with('"') {
            return self.quoted();
        }
        if let Some((pattern, len)) = regex(rest).filter(|_| patterns) {
            self.at += len;
            return Ok(Token::Regex(pattern));
        }
        let word = &rest[..rest.find(is_delimiter).unwrap_or(rest.len())];
        self.at += word.len();
        let escaped_slash = patterns && word.starts_with("\\/");
        Ok(Token::Word(word[usize::from(escaped_slash)..].to_owned()))
    }

    /// A text in double quotes, in which `\"` and `\\` stand for `"` and `\`.
    fn quoted(&mut self) -> Result<Token, QueryError> {
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1).peekable();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += at + 1;
                    return Ok(Token::Quoted(text));
                }
                '\\' => match chars.next_if(|(_, next)| matches!(next, '"' | '\\')) {
                    Some((_, escaped)) => text.push(escaped),
                    None => text.push(c),
                },
                _ => text.push(c),
            }
        }
        Err(self.error(self.at, "this quote is not closed: add a `\"` at the end of the phrase"))
    }
}

/// The regular expression at the head of `text` and its length with both slashes.
///
/// The first slash that is not escaped must end it, before a space, a parenthesis, `|` or the end; otherwise the
/// text is a path such as `/api/v1/workflows`, which is a word.
fn regex(text: &str) -> Option<(String, usize)> {
    let mut pattern = String::new();
    let mut chars = text.strip_prefix('/')?.chars();
    while let Some(c) = chars.next() {
        match c {
            '/' => {
                let rest = chars.as_str();
                let ends = rest.chars().next().is_none_or(|c| is_delimiter(c) && c != '(' && c != '"');
                return (ends && !pattern.is_empty()).then(|| (pattern, text.len() - rest.len()));
            }
            '\\' => {
                let escaped = chars.next()?;
                if escaped != '/' {
                    pattern.push(c);
                }
                pattern.push(escaped);
            }
            _ => pattern.push(c),
        }
    }
    None
}
