//! Where in a definition a mistake is.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;

use crate::pipeline::PipelineError;
use crate::query::Query;

/// A definition's text and path.
pub struct Place<'a> {
    pub text: &'a str,
    pub path: &'a Path,
}

impl Place<'_> {
    /// Line and column, from 1, of a byte.
    pub fn at(&self, byte: usize) -> (usize, usize) {
        let before = self.text.get(..byte).unwrap_or(self.text);
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        (before.matches('\n').count() + 1, column)
    }

    pub fn wrong(&self, span: Range<usize>, message: impl Into<String>) -> PipelineError {
        let (line, column) = self.at(span.start);
        let text: String =
            self.text.lines().nth(line - 1).unwrap_or("").chars().map(|c| if c == '\t' { ' ' } else { c }).collect();
        // A long line is shown around the place only.
        let skipped = column.saturating_sub(SHOWN);
        let shown: String = text.chars().skip(skipped).take(2 * SHOWN).collect();
        let number = line.to_string();
        let indent = number.len();
        let before = column - 1 - skipped;
        let excerpt = format!("  {number} | {shown}\n  {:indent$} | {:before$}^", "", "");
        PipelineError::Wrong { path: self.path.to_owned(), line, column, message: message.into(), excerpt }
    }

    /// The same at a byte of the text that stands in quotes at `span`. Escapes before it move it, which is near enough.
    pub fn wrong_inside(&self, span: Range<usize>, byte: usize, message: impl Into<String>) -> PipelineError {
        let at = (span.start + 1 + byte).min(span.end.saturating_sub(1));
        self.wrong(at..at, message)
    }

    /// A name of something that is defined here.
    pub fn name(&self, name: &Spanned<String>) -> Result<String, PipelineError> {
        let text = name.get_ref();
        let good = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        match !text.is_empty() && text.len() <= 64 && text.bytes().all(good) {
            true => Ok(text.clone()),
            false => {
                Err(self.wrong(name.span(), format!("{text:?} is no name; use letters, digits, - and _, at most 64")))
            }
        }
    }

    pub fn query(&self, text: &Spanned<String>) -> Result<Query, PipelineError> {
        Query::parse(text.get_ref())
            .map_err(|error| self.wrong_inside(text.span(), error.position, format!("query: {}", error.message)))
    }
}

/// Characters shown on each side of the place.
const SHOWN: usize = 60;
