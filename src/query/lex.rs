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
    /// `in(`, before the values of a field.
    In,
    Range(RawEdge, RawEdge),
    /// `|`: the condition ends, and pipes begin.
    Pipe,
    End,
}

/// One end of a range as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RawEdge {
    /// Byte where the bound starts.
    pub start: usize,
    pub inclusive: bool,
    /// `None` for `*`: no bound.
    pub bound: Option<String>,
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
    /// In the parentheses behind a field, where a range may stand as it may directly behind one.
    pub in_group: bool,
}

/// Ends a bare word.
fn is_delimiter(c: char) -> bool {
    c.is_whitespace() || matches!(c, '(' | ')' | '"' | '|')
}

/// Length of the field name at the head of `text`, 0 when there is none.
pub(super) fn name_len(text: &str) -> usize {
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
        Lexer { query, at: 0, in_group: false }
    }

    pub(super) fn error(&self, position: usize, message: impl Into<String>) -> QueryError {
        QueryError::new(self.query, position, message)
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
            Some('|') => Some(Token::Pipe),
            Some('[' | '{') if self.in_group => return Ok((start, self.range()?)),
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
            Some(c) if !c.is_whitespace() && !matches!(c, ')' | '|') => Ok(Token::Not),
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
            Some('[' | '{') if patterns => Ok((start, self.range()?)),
            Some('i') if patterns && self.rest().starts_with("in(") => {
                self.at += "in(".len();
                Ok((start, Token::In))
            }
            Some('"') => Ok((start, Token::Quoted(self.quoted()?))),
            Some('/') if patterns && self.rest().starts_with("//") => {
                let message = format!("`{field}:` is a field here: put an address in quotes, as in \"{field}://host\"");
                Err(self.error(start, message))
            }
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
            return Ok(Token::Quoted(self.quoted()?));
        }
        if let Some((pattern, len)) = regex(rest).filter(|_| patterns) {
            self.at += len;
            return Ok(Token::Regex(pattern));
        }
        let word = self.until(is_delimiter);
        Ok(Token::Word(if patterns { unescaped(word) } else { word }.to_owned()))
    }

    /// The range at whose bracket the lexer stands: `[1 TO 5]`, with `{` and `}` where a bound is not part of it.
    fn range(&mut self) -> Result<Token, QueryError> {
        let inclusive = self.rest().starts_with('[');
        self.at += 1;
        let (start, bound) = self.bound()?;
        let low = RawEdge { start, inclusive, bound };
        let (start, to) = self.bound()?;
        if to.as_deref() != Some("TO") {
            let message = "a range is written [LOW TO HIGH], with { or } where a bound is not part of it, and * where \
                           there is none; a bound with a space stands in quotes, and so does a text that is no range";
            return Err(self.error(start, message));
        }
        let (start, bound) = self.bound()?;
        self.skip_space();
        let inclusive = match self.rest().chars().next() {
            Some(']') => true,
            Some('}') => false,
            _ => {
                return Err(self.error(self.at, "this range is not closed: add a `]`, or a `}` to leave the bound out"));
            }
        };
        self.at += 1;
        Ok(Token::Range(low, RawEdge { start, inclusive, bound }))
    }

    /// A bound of a range and the byte where it starts; `*` is none.
    fn bound(&mut self) -> Result<(usize, Option<String>), QueryError> {
        self.skip_space();
        let start = self.at;
        if self.rest().starts_with('"') {
            return Ok((start, Some(self.quoted()?)));
        }
        let word = self.until(|c| is_delimiter(c) || matches!(c, '[' | ']' | '{' | '}'));
        match word {
            "" => Err(self.error(start, "a bound is missing: a range is written [LOW TO HIGH]; `*` is no bound")),
            "*" => Ok((start, None)),
            word => Ok((start, Some(word.to_owned()))),
        }
    }

    /// An item of the list in `in(…)`, and the byte where it starts.
    pub(super) fn item(&mut self) -> Result<(usize, Token), QueryError> {
        self.skip_space();
        let start = self.at;
        if self.rest().starts_with('"') {
            return Ok((start, Token::Quoted(self.quoted()?)));
        }
        match self.until(|c| is_delimiter(c) || c == ',') {
            "" => Err(self.error(start, "a value is missing: a list is written in(a, b, \"c d\")")),
            word => Ok((start, Token::Word(unescaped(word).to_owned()))),
        }
    }

    /// What stands behind an item: `true` for a comma, `false` for the end of the list.
    pub(super) fn item_follows(&mut self) -> Result<bool, QueryError> {
        self.skip_space();
        let next = self.rest().chars().next();
        if !matches!(next, Some(',' | ')')) {
            let message = "a comma, or a `)` at the end of the list, is missing here: in(a, b, \"c d\")";
            return Err(self.error(self.at, message));
        }
        self.at += 1;
        Ok(next == Some(','))
    }

    /// What stands before the first character that `ends` it.
    fn until(&mut self, ends: impl Fn(char) -> bool) -> &'q str {
        let rest = self.rest();
        let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    fn quoted(&mut self) -> Result<String, QueryError> {
        let unclosed = || self.error(self.at, "this quote is not closed: add a `\"` at the end of the phrase");
        let (text, len) = quoted(self.rest()).ok_or_else(unclosed)?;
        self.at += len;
        Ok(text)
    }
}

/// The word without the backslash by which its first slash begins no regular expression.
fn unescaped(word: &str) -> &str {
    if word.starts_with("\\/") { &word[1..] } else { word }
}

/// The text in double quotes at the head of `text` and its length with both quotes; `None` when they do not close.
/// In it `\"` and `\\` stand for `"` and `\`.
pub(super) fn quoted(text: &str) -> Option<(String, usize)> {
    let mut inside = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((inside, at + 1)),
            '\\' => match chars.next_if(|(_, next)| matches!(next, '"' | '\\')) {
                Some((_, escaped)) => inside.push(escaped),
                None => inside.push(c),
            },
            _ => inside.push(c),
        }
    }
    None
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
