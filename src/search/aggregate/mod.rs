//! Entries → a table, by the first aggregation among a query's pipes. Each thread has an [`Aggregation`] of its own and
//! takes rows in any order; merged, they give the same table whatever the order was. Memory is bounded: past a limit
//! the table is partial and [`Aggregation::is_cut`] says so.

mod bundle;
pub(crate) mod cell;
mod groups;
pub(crate) mod keys;
mod order;
mod shape;
pub(crate) mod state;
pub(crate) mod sum;
mod table;
mod workflows;

#[cfg(test)]
mod tests;

pub use bundle::{Bundle, Durations};
pub use table::{Column, Role, Table};

use std::collections::HashMap;

use crate::query::pipe::Pipe;
use crate::record::{Level, Row, Value};
use crate::search::Window;
use groups::Groups;
use shape::shape;
use workflows::Workflows;

pub use cell::step_start;
pub(crate) use groups::values;
pub(crate) use order::directed;

/// What an aggregation may remember.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub groups: usize,
    pub bytes: usize,
}

/// See the module.
pub enum Aggregation<'p> {
    Groups(Box<Groups<'p>>),
    Workflows(Workflows<'p>),
    Patterns(Patterns),
}

impl<'p> Aggregation<'p> {
    /// `None` when `pipe` is no aggregation.
    pub fn new(pipe: &'p Pipe, window: Window, limits: Limits) -> Option<Aggregation<'p>> {
        Some(match pipe {
            Pipe::FailureRate { by } => Aggregation::Workflows(Workflows::new(by, limits)),
            Pipe::Patterns { .. } => Aggregation::Patterns(Patterns::new(limits)),
            pipe => Aggregation::Groups(Box::new(Groups::new(pipe, window, limits)?)),
        })
    }

    pub fn take<R: Row>(&mut self, sequence: u64, row: &R) {
        match self {
            Aggregation::Groups(groups) => groups.take(row),
            Aggregation::Workflows(workflows) => workflows.take(sequence, row),
            Aggregation::Patterns(patterns) => patterns.take(sequence, row),
        }
    }

    /// Takes what was counted elsewhere. Only groups can.
    pub fn take_bundle(&mut self, bundle: &Bundle) {
        if let Aggregation::Groups(groups) = self {
            groups.take_bundle(bundle);
        }
    }

    /// Whether entries from `first` to `last` may be given to [`Aggregation::take_counts`]; else their rows are needed.
    pub fn counts_fit(&self, first: i64, last: i64) -> bool {
        matches!(self, Aggregation::Groups(groups) if groups.counts_fit(first, last))
    }

    /// Takes so many entries at a level.
    pub fn take_counts(&mut self, first: i64, last: i64, level: Level, count: u64) {
        if let Aggregation::Groups(groups) = self {
            groups.take_counts(first, last, level, count);
        }
    }

    /// Whether [`Aggregation::take_counts`] may do.
    pub fn needs_counts_alone(&self) -> bool {
        matches!(self, Aggregation::Groups(groups) if groups.needs_counts_alone())
    }

    pub fn merge(&mut self, other: Aggregation<'p>) {
        match (self, other) {
            (Aggregation::Groups(a), Aggregation::Groups(b)) => a.merge(*b),
            (Aggregation::Workflows(a), Aggregation::Workflows(b)) => a.merge(b),
            (Aggregation::Patterns(a), Aggregation::Patterns(b)) => a.merge(b),
            // Both were made for the same pipe.
            _ => {}
        }
    }

    /// A limit was reached, and something left out.
    pub fn is_cut(&self) -> bool {
        match self {
            Aggregation::Groups(groups) => groups.is_cut(),
            Aggregation::Workflows(workflows) => workflows.is_cut(),
            Aggregation::Patterns(patterns) => patterns.cut,
        }
    }

    /// The table; of `top` and `patterns` all rows, also those that [`Aggregation::most`] cuts off.
    pub fn finish(self) -> Table {
        match self {
            Aggregation::Groups(groups) => groups.finish(),
            Aggregation::Workflows(workflows) => workflows.finish(),
            Aggregation::Patterns(patterns) => patterns.finish(),
        }
    }

    /// So many rows were asked for.
    pub fn most(pipe: &Pipe) -> usize {
        match pipe {
            Pipe::Top { limit, .. } | Pipe::Patterns { limit } => *limit,
            _ => usize::MAX,
        }
    }
}

/// Longest example, in bytes.
const MAX_EXAMPLE: usize = 1000;

/// How many, and the earliest one's time, number and message.
type OfShape = (u64, (i64, u64), Box<str>);

/// Messages by their shape.
pub struct Patterns {
    limits: Limits,
    shapes: HashMap<Box<str>, OfShape>,
    bytes: usize,
    cut: bool,
    buffer: String,
}

impl Patterns {
    fn new(limits: Limits) -> Patterns {
        Patterns { limits, shapes: HashMap::new(), bytes: 0, cut: false, buffer: String::new() }
    }

    fn take<R: Row>(&mut self, sequence: u64, row: &R) {
        let mut shape_of = std::mem::take(&mut self.buffer);
        shape(row.message(), &mut shape_of);
        self.note(&shape_of, 1, (row.time(), sequence), row.message());
        self.buffer = shape_of;
    }

    fn note(&mut self, shape: &str, count: u64, key: (i64, u64), message: &str) {
        let example = &message[..message.floor_char_boundary(MAX_EXAMPLE)];
        if let Some((all, earliest, text)) = self.shapes.get_mut(shape) {
            *all += count;
            if key < *earliest {
                *earliest = key;
                *text = example.into();
            }
            return;
        }
        self.bytes += shape.len() + MAX_EXAMPLE;
        if self.shapes.len() >= self.limits.groups || self.bytes > self.limits.bytes {
            self.cut = true;
            return;
        }
        self.shapes.insert(shape.into(), (count, key, example.into()));
    }

    fn merge(&mut self, other: Patterns) {
        self.cut |= other.cut;
        for (shape, (count, key, example)) in other.shapes {
            self.note(&shape, count, key, &example);
        }
    }

    fn finish(self) -> Table {
        let mut shapes: Vec<_> = self.shapes.into_iter().collect();
        shapes.sort_by(|(a, (m, ..)), (b, (n, ..))| n.cmp(m).then_with(|| a.cmp(b)));
        let text = |text: Box<str>| Value::Str(text.into());
        let row = |(shape, (count, _, example))| vec![state::integer(count), text(shape), text(example)];
        let columns = [("count", Role::Counted), ("pattern", Role::Group), ("example", Role::Example)];
        let columns = columns.map(|(name, role)| Column::new(name, role)).into();
        Table { columns, rows: shapes.into_iter().map(row).collect() }
    }
}
