//! Rows by group: `stats`, `top`, `uniq` and `rate`.

use super::cell::{Cell, cell, step_start};
use super::keys::{self, Keys};
use super::state::{Counted, State};
use super::{Bundle, Column, Limits, Role, Table, order};
use crate::query::Field;
use crate::query::pipe::{FunctionKind, Group, Pipe};
use crate::record::{Level, Row, Value};
use crate::search::Window;
use crate::sys::clock::SECOND;

/// See the module.
pub struct Groups<'p> {
    pipe: &'p Pipe,
    by: &'p [Group],
    counted: Vec<Counted<'p>>,
    window: Window,
    limits: Limits,
    keys: Keys,
    /// For each group as many as `counted`.
    states: Vec<State>,
    /// Bytes remembered beside keys and states.
    bytes: usize,
    cut: bool,
    /// Times of the earliest and the latest row.
    first: i64,
    last: i64,
    key: Vec<u8>,
    recent: Recent,
}

/// Where the states are of the groups that [`Groups::take_counts`] met last: those of one step, by level.
#[derive(Default)]
struct Recent {
    step: i64,
    at: [Option<usize>; Level::ALL.len()],
}

impl<'p> Groups<'p> {
    pub(super) fn new(pipe: &'p Pipe, window: Window, limits: Limits) -> Option<Groups<'p>> {
        let (by, counted): (&[Group], Vec<Counted<'p>>) = match pipe {
            Pipe::Stats { functions, by } => {
                (by, functions.iter().map(|function| Counted::Function(&function.kind)).collect())
            }
            Pipe::Top { by, .. } | Pipe::Uniq(by) => (by, vec![Counted::Count]),
            Pipe::Rate { by } => (by, vec![Counted::Levels]),
            _ => return None,
        };
        let mut groups = Groups {
            pipe,
            by,
            counted,
            window,
            limits,
            keys: Keys::default(),
            states: Vec::new(),
            bytes: 0,
            cut: false,
            first: i64::MAX,
            last: i64::MIN,
            key: Vec::new(),
            recent: Recent::default(),
        };
        // Without groups there is one row, also of nothing.
        if by.is_empty() {
            groups.at_key();
        }
        Some(groups)
    }

    #[inline]
    pub(super) fn take<R: Row>(&mut self, row: &R) {
        self.take_by(row, |state, counted| state.take(counted, row));
    }

    pub(super) fn take_bundle(&mut self, bundle: &Bundle) {
        self.take_by(&bundle.like, |state, counted| state.take_bundle(counted, bundle));
    }

    /// Gives the states of the row's group to `take`, which says how many bytes more are remembered.
    #[inline]
    fn take_by<R: Row>(&mut self, row: &R, take: impl Fn(&mut State, Counted<'p>) -> usize) {
        self.key.clear();
        keys::write_groups(self.by, row, &mut self.key);
        self.note_times(row.time(), row.time());
        let Some(at) = self.at_key() else { return };
        let states = self.states[at..].iter_mut();
        let bytes: usize = states.zip(&self.counted).map(|(state, counted)| take(state, *counted)).sum();
        self.bytes += bytes;
        if self.bytes > self.limits.bytes {
            self.cut = true;
        }
    }

    /// Where the states of the group of `self.key` begin; `None` beyond the limits.
    fn at_key(&mut self) -> Option<usize> {
        let Some(number) = self.keys.add(&self.key, self.limits.groups) else {
            self.cut = true;
            return None;
        };
        let at = number * self.counted.len();
        if at == self.states.len() {
            self.bytes += self.counted.len() * size_of::<State>() + self.key.len();
            self.states.extend(self.counted.iter().map(|counted| counted.state()));
        }
        Some(at)
    }

    fn note_times(&mut self, first: i64, last: i64) {
        self.first = self.first.min(first);
        self.last = self.last.max(last);
    }

    pub(super) fn needs_counts_alone(&self) -> bool {
        let is_simple = |group: &Group| matches!(group, Group::Step(_) | Group::Field(Field::Level));
        self.by.iter().all(is_simple) && self.counted.iter().all(|counted| counted.needs_levels_alone())
    }

    pub(super) fn counts_fit(&self, first: i64, last: i64) -> bool {
        let within = |group: &Group| match group {
            Group::Step(step) => step_start(first, *step) == step_start(last, *step),
            Group::Field(_) => true,
        };
        self.needs_counts_alone() && self.by.iter().all(within)
    }

    pub(super) fn take_counts(&mut self, first: i64, last: i64, level: Level, count: u64) {
        self.note_times(first, last);
        if let Some(at) = self.at_level(first, level) {
            let states = self.states[at..].iter_mut().take(self.counted.len());
            states.for_each(|state| state.take_many(level, count));
        }
    }

    /// [`Groups::at_key`] for what [`Groups::counts_fit`] said yes to. Most blocks are of the same step as the last.
    fn at_level(&mut self, time: i64, level: Level) -> Option<usize> {
        let mut steps = self.by.iter().filter_map(|group| match group {
            Group::Step(step) => Some(step_start(time, *step)),
            Group::Field(_) => None,
        });
        let (step, more) = (steps.next().unwrap_or(0), steps.next().is_some());
        if more || self.recent.step != step {
            self.recent = Recent { step, ..Recent::default() };
        }
        if let Some(at) = self.recent.at[level as usize] {
            return Some(at);
        }
        self.key.clear();
        for group in self.by {
            let cell = match group {
                Group::Step(step) => Cell::Time(step_start(time, *step)),
                Group::Field(_) => Cell::Text(level.name().into()),
            };
            keys::write(&cell, &mut self.key);
        }
        self.recent.at[level as usize] = self.at_key();
        self.recent.at[level as usize]
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    pub(super) fn merge(&mut self, other: Groups<'p>) {
        self.cut |= other.cut;
        self.bytes += other.bytes;
        self.note_times(other.first, other.last);
        let mut theirs = other.states.into_iter();
        for number in 0..other.keys.len() {
            self.key.clear();
            self.key.extend_from_slice(other.keys.get(number));
            let states = theirs.by_ref().take(self.counted.len()).collect::<Vec<_>>();
            if let Some(at) = self.at_key() {
                self.states[at..].iter_mut().zip(states).for_each(|(own, state)| own.merge(state));
            }
        }
    }

    pub(super) fn finish(mut self) -> Table {
        let seconds = self.seconds();
        let mut states = std::mem::take(&mut self.states).into_iter();
        let mut rows = Vec::with_capacity(self.keys.len());
        for number in 0..self.keys.len() {
            let mut row = keys::read(self.keys.get(number));
            for (counted, state) in self.counted.iter().zip(states.by_ref().take(self.counted.len())) {
                state.finish(*counted, seconds, &mut row);
            }
            rows.push(row);
        }
        let groups = self.by.len();
        // No two are equal.
        rows.sort_unstable_by(|a, b| order::compare_rows(&a[..groups], &b[..groups]));
        if let Pipe::Top { .. } = self.pipe {
            // Stable: ties stay in the order of their values.
            rows.sort_by(|a, b| order::directed(&a[groups], &b[groups], true));
        }
        Table { columns: self.columns(), rows }
    }

    /// What a rate is of: the step, or the window, or where that has no end from the earliest entry to the latest.
    fn seconds(&self) -> Option<f64> {
        let step = self.by.iter().find_map(|group| match group {
            Group::Step(step) => Some(*step),
            Group::Field(_) => None,
        });
        let Window { since, until } = self.window;
        let bounded = || (since != i64::MIN && until != i64::MAX).then(|| until.saturating_sub(since));
        let seen = || (self.first <= self.last).then(|| self.last.saturating_sub(self.first).max(SECOND));
        step.or_else(bounded).or_else(seen).map(|span| span as f64 / SECOND as f64)
    }

    fn columns(&self) -> Vec<Column> {
        let names = self.pipe.header().unwrap_or_default();
        let is_time = |place: usize| match self.by.get(place) {
            Some(group) => group.is_time(),
            None => match self.counted.get(place - self.by.len()) {
                Some(Counted::Function(FunctionKind::Min(field) | FunctionKind::Max(field))) => field.is_time(),
                _ => false,
            },
        };
        let role = |place: usize| if place < self.by.len() { Role::Group } else { Role::Counted };
        let column = |(place, name)| Column { name, is_time: is_time(place), role: role(place) };
        names.into_iter().enumerate().map(column).collect()
    }
}

/// The row of a table for one entry: the values of `fields`.
pub(crate) fn values<'f, R: Row>(fields: impl IntoIterator<Item = &'f Field>, row: &R) -> Vec<Value> {
    let mut key = Vec::new();
    fields.into_iter().for_each(|field| keys::write(&cell(field, row), &mut key));
    keys::read(&key)
}
