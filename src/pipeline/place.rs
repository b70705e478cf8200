//! Where in a definition a mistake is.

use std::ops::Range;
use std::path::Path;

use crate::pipeline::PipelineError;

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
}

/// Characters shown on each side of the place.
const SHOWN: usize = 60;
