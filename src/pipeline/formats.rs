//! The formats of a pipeline, in the order in which they are tried, and which of them a line can be of.

use std::ops::Deref;
use std::sync::Arc;

use crate::parse::{Format, Head};

#[derive(Debug)]
pub struct Formats {
    /// Text is always the last.
    all: Vec<Arc<Format>>,
    /// For each byte that a line can begin with, those that have such lines: of most bytes only a few.
    by_first: Vec<Vec<usize>>,
}

impl Formats {
    pub fn new(all: Vec<Arc<Format>>) -> Formats {
        let having = |byte| all.iter().enumerate().filter(move |(_, format)| format.can_begin_with(byte));
        let by_first = (0..=u8::MAX).map(|byte| having(byte).map(|(index, _)| index).collect()).collect();
        Formats { all, by_first }
    }

    /// The format of which `line` begins an entry, other than `known`; what the line says is in `head`, which was cleared
    /// for the line.
    pub fn recognise(&self, line: &str, known: Option<usize>, head: &mut Head) -> Option<usize> {
        let first = usize::from(*line.as_bytes().first()?);
        let mut others = self.by_first.get(first)?.iter().filter(|index| Some(**index) != known);
        others.find(|index| self.all[**index].recognises(line, head)).copied()
    }
}

impl Deref for Formats {
    type Target = [Arc<Format>];

    fn deref(&self) -> &[Arc<Format>] {
        &self.all
    }
}
