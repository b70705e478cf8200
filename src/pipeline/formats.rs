//! The formats of a pipeline, in the order in which they are tried, and which of them a line can be of.

use std::ops::Deref;
use std::sync::Arc;

use crate::parse::{Format, Head};

#[derive(Debug)]
pub struct Formats {
    /// Text is always the last.
    all: Vec<Arc<Format>>,
    /// For each byte that a line can begin with, what such a line can be: of most bytes only a few.
    by_first: Vec<Vec<Candidate>>,
}

/// A layout of a format.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    /// Characters that each of its lines has, for [`Head::has`]; 0 for none.
    needs: u64,
    format: usize,
    layout: usize,
}

impl Formats {
    pub fn new(all: Vec<Arc<Format>>) -> Formats {
        let candidates = |byte| {
            let of = |(format, known): (usize, &Arc<Format>)| {
                let candidates = known.candidates(byte).into_iter();
                candidates.map(move |(layout, needs)| Candidate { needs, format, layout })
            };
            all.iter().enumerate().flat_map(of).collect()
        };
        let by_first = (0..=u8::MAX).map(candidates).collect();
        Formats { all, by_first }
    }

    /// The format of which `line` begins an entry, other than `known`; what the line says is in `head`, which was cleared
    /// for the line.
    pub fn recognise(&self, line: &str, known: Option<usize>, head: &mut Head) -> Option<usize> {
        let first = usize::from(*line.as_bytes().first()?);
        let mut candidates = self.by_first.get(first)?.iter().filter(|it| Some(it.format) != known);
        let found = candidates.find(|it| {
            (it.needs == 0 || head.has(it.needs, line)) && self.all[it.format].recognises_as(it.layout, line, head)
        });
        found.map(|it| it.format)
    }
}

impl Deref for Formats {
    type Target = [Arc<Format>];

    fn deref(&self) -> &[Arc<Format>] {
        &self.all
    }
}
