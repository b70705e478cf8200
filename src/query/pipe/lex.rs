//! The text of pipes, cut into tokens with their places.

use crate::query::QueryError;
use crate::query::lex::{name_len, quoted};

/// A piece of a pipe.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A field, a column, a function or a word such as `by`.
    Name(String),
    /// In quotes: a name that could not stand bare.
    Quoted(String),
    /// `10`, `0.95`, or with units, `1h30m`.
    Number(String),
    /// One of `(`, `)`, `,`, `=` and `-`.
    Sign(char),
    Pipe,
    End,
}

pub(super) struct Lexer<'q> {
    pub query: &'q str,
    /// Byte offset of what is not read yet.
    pub at: usize,
}

impl Lexer<'_> {
    /// The next token and the byte where it starts.
    pub(super) fn next(&mut self) -> Result<(usize, Token), QueryError> {
        let rest = &self.query[self.at..];
        let trimmed = rest.trim_start();
        let start = self.at + rest.len() - trimmed.len();
        let Some(first) = trimmed.chars().next() else { return Ok((start, Token::End)) };
        let (token, len) = match first {
            '|' => (Token::Pipe, 1),
            '(' | ')' | ',' | '=' | '-' => (Token::Sign(first), 1),
            '"' => {
                let unclosed = || QueryError::new(self.query, start, "this quote is not closed: add a `\"`");
                let (text, len) = quoted(trimmed).ok_or_else(unclosed)?;
                (Token::Quoted(text), len)
            }
            '0'..='9' | '.' => {
                let len = trimmed.find(|c: char| !(c.is_alphanumeric() || c == '.')).unwrap_or(trimmed.len());
                (Token::Number(trimmed[..len].to_owned()), len)
            }
            _ => match name_len(trimmed) {
                0 => {
                    let message =
                        format!("`{first}` says nothing in a pipe; a name with it stands in quotes: \"{first}\"");
                    return Err(QueryError::new(self.query, start, message));
                }
                len => (Token::Name(trimmed[..len].to_owned()), len),
            },
        };
        self.at = start + len;
        Ok((start, token))
    }
}
