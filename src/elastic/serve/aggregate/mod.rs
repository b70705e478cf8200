//! A tree of aggregations in one pass over rows. Each thread has a tree of its own; merged, they give the same whatever
//! the order was. What a tree may remember is bounded: past it the request is refused, as Elasticsearch does.

mod finish;
mod histogram;
mod metric;
mod order;
mod pipeline;
mod read;

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde_json::Value as Json;

pub use finish::{finish_all, too_many};
use histogram::{Dates, Numbers};
use metric::{Measured, Metric};
use pipeline::Pipeline;

use super::dates::Format;
use crate::query::{Field, Query};
use crate::record::{self, Columns, Level, Row, Value};
use crate::search::Budget;
use crate::search::cell::{Cell, cell};
use crate::search::keys;

/// One aggregation with those inside of it.
#[derive(Clone, Debug)]
pub struct Aggregation {
    pub name: String,
    kind: Kind,
    inner: Vec<Aggregation>,
    meta: Option<Json>,
}

#[derive(Clone, Debug)]
enum Kind {
    Dates(Dates),
    Numbers(Numbers),
    Terms(Terms),
    Ranges(Ranges),
    Filters(Filters),
    /// Entries that have nothing under the field.
    Missing(Field),
    Metric(Metric),
    /// Made of the others when all is counted.
    Pipeline(Pipeline),
}

/// A bucket for each value.
#[derive(Clone, Debug)]
struct Terms {
    field: Field,
    size: usize,
    least: u64,
    /// What to sort by, and whether the largest come first.
    order: Vec<(String, bool)>,
    /// Entries without a value count as if they had this.
    missing: Option<Value>,
    include: Option<Words>,
    exclude: Option<Words>,
}

/// Values that count, or do not.
#[derive(Clone, Debug)]
enum Words {
    List(Vec<String>),
    Regex(regex::Regex),
}

/// From the first bound on, before the second; for times in nanoseconds.
#[derive(Clone, Debug)]
struct Ranges {
    field: Field,
    list: Vec<Range>,
    is_keyed: bool,
    is_date: bool,
    format: Format,
}

#[derive(Clone, Debug)]
struct Range {
    key: Option<String>,
    from: Option<f64>,
    to: Option<f64>,
}

#[derive(Clone, Debug)]
struct Filters {
    queries: Vec<Query>,
    /// One for each of `queries`, and one more where what none of them takes has a bucket.
    names: Option<Vec<String>>,
    has_other: bool,
    /// `filter`: the bucket itself is the answer.
    is_single: bool,
}

/// What an aggregation remembers.
#[derive(Debug)]
enum State {
    /// By the number of the step.
    Steps(HashMap<i64, Bucket>),
    /// By the value as a key.
    Keys(HashMap<Box<[u8]>, Bucket>),
    /// By its place in the request.
    Places(Vec<Bucket>),
    Metric(Measured),
    Nothing,
}

#[derive(Debug, Default)]
struct Bucket {
    count: u64,
    /// Made with the first entry: there may be far more empty buckets than entries.
    inner: Vec<State>,
}

/// What a tree may still remember.
#[derive(Debug)]
struct Allowance {
    buckets: usize,
    bytes: usize,
    is_spent: bool,
    /// So many entries are what is taken.
    count: u64,
    key: Vec<u8>,
}

/// The tree of one thread.
pub struct Tree<'a> {
    aggregations: &'a [Aggregation],
    states: Vec<State>,
    allowance: Allowance,
}

impl<'a> Tree<'a> {
    pub fn new(aggregations: &'a [Aggregation], budget: &Budget) -> Tree<'a> {
        let allowance = Allowance {
            buckets: budget.groups,
            bytes: budget.result_bytes,
            is_spent: false,
            count: 1,
            key: Vec::new(),
        };
        Tree { aggregations, states: states(aggregations), allowance }
    }

    pub fn columns(aggregations: &[Aggregation]) -> Columns {
        aggregations.iter().fold(Columns::default(), |columns, one| columns.and(&one.columns()))
    }

    pub fn take<R: Row>(&mut self, row: &R) {
        take(self.aggregations, &mut self.states, row, &mut self.allowance);
    }

    /// Whether times and levels of entries, and how many there are, say enough.
    pub fn needs_counts_alone(&self) -> bool {
        self.aggregations.iter().all(Aggregation::needs_counts_alone)
    }

    /// Whether entries from one time to another are in the same buckets.
    pub fn counts_fit(&self, first: i64, last: i64) -> bool {
        self.aggregations.iter().all(|one| one.counts_fit(first, last))
    }

    /// Takes so many entries at a level, about that time.
    pub fn take_counts(&mut self, time: i64, level: Level, count: u64) {
        self.allowance.count = count;
        self.take(&record::Entry { time, level, ..record::Entry::default() });
        self.allowance.count = 1;
    }

    pub fn merge(&mut self, other: Tree<'a>) {
        self.allowance.is_spent |= other.allowance.is_spent;
        merge(self.aggregations, &mut self.states, other.states, &mut self.allowance);
    }

    /// More was to be remembered than may be.
    pub fn is_spent(&self) -> bool {
        self.allowance.is_spent
    }
}

fn states(aggregations: &[Aggregation]) -> Vec<State> {
    aggregations.iter().map(Aggregation::state).collect()
}

fn take<R: Row>(aggregations: &[Aggregation], states: &mut [State], row: &R, allowance: &mut Allowance) {
    for (aggregation, state) in aggregations.iter().zip(states) {
        aggregation.take(state, row, allowance);
    }
}

fn merge(aggregations: &[Aggregation], states: &mut [State], others: Vec<State>, allowance: &mut Allowance) {
    for (aggregation, (state, other)) in aggregations.iter().zip(states.iter_mut().zip(others)) {
        match (state, other) {
            (State::Steps(own), State::Steps(others)) => merge_all(aggregation, own, others, allowance),
            (State::Keys(own), State::Keys(others)) => merge_all(aggregation, own, others, allowance),
            (State::Places(own), State::Places(others)) => {
                own.iter_mut().zip(others).for_each(|(own, other)| aggregation.merge(own, other, allowance));
            }
            (State::Metric(own), State::Metric(other)) => own.merge(other),
            // Both were made for the same aggregation.
            _ => {}
        }
    }
}

fn merge_all<K: std::hash::Hash + Eq>(
    aggregation: &Aggregation,
    own: &mut HashMap<K, Bucket>,
    others: HashMap<K, Bucket>,
    allowance: &mut Allowance,
) {
    for (key, other) in others {
        match own.get_mut(&key) {
            Some(bucket) => aggregation.merge(bucket, other, allowance),
            None if allowance.allows(0) => drop(own.insert(key, other)),
            None => {}
        }
    }
}

impl Allowance {
    /// Whether one more bucket may be made, whose key has so many bytes.
    fn allows(&mut self, key: usize) -> bool {
        let bytes = key + size_of::<Bucket>() + 32;
        match (self.buckets.checked_sub(1), self.bytes.checked_sub(bytes)) {
            (Some(buckets), Some(bytes)) => {
                (self.buckets, self.bytes) = (buckets, bytes);
                true
            }
            _ => {
                self.is_spent = true;
                false
            }
        }
    }

    /// A bucket remembers so many bytes more.
    fn spend(&mut self, bytes: usize) {
        self.is_spent |= self.bytes < bytes;
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

impl Bucket {
    fn take<R: Row>(&mut self, inner: &[Aggregation], row: &R, allowance: &mut Allowance) {
        self.count += allowance.count;
        if self.inner.is_empty() && !inner.is_empty() {
            allowance.spend(inner.iter().map(Aggregation::size).sum());
            self.inner = states(inner);
        }
        take(inner, &mut self.inner, row, allowance);
    }
}

impl Aggregation {
    fn state(&self) -> State {
        match &self.kind {
            Kind::Dates(_) | Kind::Numbers(_) => State::Steps(HashMap::new()),
            Kind::Terms(_) => State::Keys(HashMap::new()),
            Kind::Ranges(_) | Kind::Filters(_) | Kind::Missing(_) => {
                State::Places((0..self.places()).map(|_| Bucket::default()).collect())
            }
            Kind::Metric(metric) => State::Metric(metric.state()),
            Kind::Pipeline(_) => State::Nothing,
        }
    }

    fn needs_counts_alone(&self) -> bool {
        let own = match &self.kind {
            Kind::Dates(dates) => dates.field == Field::Timestamp && dates.hard.is_none(),
            Kind::Terms(terms) => terms.field == Field::Level,
            Kind::Pipeline(_) => true,
            _ => false,
        };
        own && self.inner.iter().all(Aggregation::needs_counts_alone)
    }

    fn counts_fit(&self, first: i64, last: i64) -> bool {
        let fits = match &self.kind {
            Kind::Dates(dates) => dates.start(first) == dates.start(last),
            _ => true,
        };
        fits && self.inner.iter().all(|inner| inner.counts_fit(first, last))
    }

    /// Buckets that are there from the first.
    fn places(&self) -> usize {
        match &self.kind {
            Kind::Ranges(ranges) => ranges.list.len(),
            Kind::Filters(filters) => filters.queries.len() + usize::from(filters.has_other),
            Kind::Missing(_) => 1,
            _ => 0,
        }
    }

    /// Bytes that its state takes from the first.
    fn size(&self) -> usize {
        let numbers = if matches!(self.kind, Kind::Metric(_)) { metric::NUMBERS_BYTES } else { 0 };
        size_of::<State>() + self.places() * size_of::<Bucket>() + numbers
    }

    fn columns(&self) -> Columns {
        let own = match &self.kind {
            Kind::Dates(dates) => dates.field.columns(),
            Kind::Numbers(numbers) => numbers.field.columns(),
            Kind::Terms(terms) => terms.field.columns(),
            Kind::Ranges(ranges) => ranges.field.columns(),
            Kind::Missing(field) => field.columns(),
            Kind::Metric(metric) => metric.columns(),
            Kind::Filters(filters) => {
                filters.queries.iter().fold(Columns::default(), |columns, query| columns.and(&query.columns()))
            }
            Kind::Pipeline(_) => Columns::default(),
        };
        own.and(&Tree::columns(&self.inner))
    }

    fn merge(&self, own: &mut Bucket, other: Bucket, allowance: &mut Allowance) {
        own.count += other.count;
        if own.inner.is_empty() {
            own.inner = other.inner;
        } else {
            merge(&self.inner, &mut own.inner, other.inner, allowance);
        }
    }

    fn take<R: Row>(&self, state: &mut State, row: &R, allowance: &mut Allowance) {
        match (&self.kind, state) {
            (Kind::Dates(dates), State::Steps(steps)) => {
                if let Some(step) = dates.step(&cell(&dates.field, row)) {
                    self.take_step(step, steps, row, allowance);
                }
            }
            (Kind::Numbers(numbers), State::Steps(steps)) => {
                if let Some(step) = numbers.step(&cell(&numbers.field, row)) {
                    self.take_step(step, steps, row, allowance);
                }
            }
            (Kind::Terms(terms), State::Keys(found)) => self.take_term(terms, found, row, allowance),
            (Kind::Ranges(ranges), State::Places(places)) => {
                let Some(number) = measured(&cell(&ranges.field, row)) else { return };
                for (range, bucket) in ranges.list.iter().zip(places) {
                    if range.from.is_none_or(|from| number >= from) && range.to.is_none_or(|to| number < to) {
                        bucket.take(&self.inner, row, allowance);
                    }
                }
            }
            (Kind::Filters(filters), State::Places(places)) => {
                let mut is_taken = false;
                for (query, bucket) in filters.queries.iter().zip(places.iter_mut()) {
                    if query.matches(row) {
                        is_taken = true;
                        bucket.take(&self.inner, row, allowance);
                    }
                }
                if filters.has_other
                    && !is_taken
                    && let Some(other) = places.last_mut()
                {
                    other.take(&self.inner, row, allowance);
                }
            }
            (Kind::Missing(field), State::Places(places)) if cell(field, row).is_null() => {
                places.iter_mut().for_each(|bucket| bucket.take(&self.inner, row, allowance));
            }
            (Kind::Metric(metric), State::Metric(measured)) => allowance.spend(measured.take(metric, row)),
            // Pipelines look at no rows, and a state is that of its kind.
            _ => {}
        }
    }

    fn take_step<R: Row>(&self, step: i64, steps: &mut HashMap<i64, Bucket>, row: &R, allowance: &mut Allowance) {
        match steps.entry(step) {
            Entry::Occupied(found) => found.into_mut().take(&self.inner, row, allowance),
            Entry::Vacant(place) if allowance.allows(0) => {
                place.insert(Bucket::default()).take(&self.inner, row, allowance);
            }
            Entry::Vacant(_) => {}
        }
    }

    fn take_term<R: Row>(
        &self,
        terms: &Terms,
        found: &mut HashMap<Box<[u8]>, Bucket>,
        row: &R,
        allowance: &mut Allowance,
    ) {
        let cell = match (cell(&terms.field, row), &terms.missing) {
            (Cell::Null, None) => return,
            (Cell::Null, Some(missing)) => Cell::from(missing.view()),
            (cell, _) => cell,
        };
        if !terms.counts(&cell) {
            return;
        }
        let mut key = std::mem::take(&mut allowance.key);
        key.clear();
        keys::write(&cell, &mut key);
        if !found.contains_key(key.as_slice()) && allowance.allows(key.len()) {
            found.insert(key.as_slice().into(), Bucket::default());
        }
        if let Some(bucket) = found.get_mut(key.as_slice()) {
            bucket.take(&self.inner, row, allowance);
        }
        allowance.key = key;
    }
}

impl Terms {
    /// Whether a value is one of those that were asked for.
    fn counts(&self, cell: &Cell<'_>) -> bool {
        if self.include.is_none() && self.exclude.is_none() {
            return true;
        }
        let text = match cell {
            Cell::Text(text) => text.clone(),
            Cell::Int(n) | Cell::Time(n) => n.to_string().into(),
            Cell::Float(n) => n.to_string().into(),
            Cell::Bool(truth) => truth.to_string().into(),
            Cell::Null => "null".into(),
        };
        self.include.as_ref().is_none_or(|words| words.have(&text))
            && !self.exclude.as_ref().is_some_and(|words| words.have(&text))
    }
}

impl Words {
    fn have(&self, text: &str) -> bool {
        match self {
            Words::List(list) => list.iter().any(|word| word == text),
            Words::Regex(regex) => regex.is_match(text),
        }
    }
}

/// The number in a value: of a time its nanoseconds.
fn measured(cell: &Cell<'_>) -> Option<f64> {
    match cell {
        Cell::Time(time) => Some(*time as f64),
        cell => cell.number().map(crate::search::cell::Number::as_f64),
    }
}
