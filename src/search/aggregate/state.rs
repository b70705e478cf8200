//! What each function of an aggregation remembers of a group. Merging two gives what one would have remembered of all
//! their rows, in whatever order they came.

use std::collections::HashSet;

use super::cell::{Cell, Number, cell};
use super::keys;
use super::sum::Sum;
use super::{Bundle, Durations};
use crate::query::Field;
use crate::query::pipe::FunctionKind;
use crate::record::{Level, Row, Value};

/// What is counted of a group: a function of `stats`, or what another aggregation shows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Counted<'p> {
    Function(&'p FunctionKind),
    Count,
    /// Entries, those with a known level, errors and their rate: four columns.
    Levels,
}

#[derive(Clone, Debug)]
pub(super) enum State {
    Count(u64),
    Sum(Sum),
    Mean(Sum),
    /// The smallest, or the largest.
    Extreme {
        largest: bool,
        number: Option<Number>,
        text: Option<Box<str>>,
    },
    /// Every number there was.
    Quantile {
        share: f64,
        numbers: Vec<f64>,
    },
    /// Hashes of 128 bits of the distinct values.
    Distinct(HashSet<u128>),
    Levels {
        entries: u64,
        known: u64,
        errors: u64,
    },
}

impl<'p> Counted<'p> {
    pub(super) fn state(self) -> State {
        match self {
            Counted::Count => State::Count(0),
            Counted::Levels => State::Levels { entries: 0, known: 0, errors: 0 },
            Counted::Function(kind) => match kind {
                FunctionKind::Count(_) | FunctionKind::Rate => State::Count(0),
                FunctionKind::Sum(_) => State::Sum(Sum::default()),
                FunctionKind::Avg(_) => State::Mean(Sum::default()),
                FunctionKind::Min(_) => State::Extreme { largest: false, number: None, text: None },
                FunctionKind::Max(_) => State::Extreme { largest: true, number: None, text: None },
                FunctionKind::Quantile(share, _) => State::Quantile { share: *share, numbers: Vec::new() },
                FunctionKind::CountDistinct(_) => State::Distinct(HashSet::new()),
            },
        }
    }

    /// Whether it needs only the level of entries, and how many there are.
    pub(super) fn needs_levels_alone(self) -> bool {
        matches!(
            self,
            Counted::Count | Counted::Levels | Counted::Function(FunctionKind::Count(None) | FunctionKind::Rate)
        )
    }

    pub(super) fn is_rate(self) -> bool {
        matches!(self, Counted::Function(FunctionKind::Rate))
    }
}

impl State {
    /// Takes one row; returns the bytes it remembers more.
    #[inline]
    pub(super) fn take<R: Row>(&mut self, counted: Counted<'_>, row: &R) -> usize {
        let field = match counted {
            Counted::Function(kind) => kind.field(),
            Counted::Count | Counted::Levels => None,
        };
        let Some(field) = field else {
            self.take_many(row.level(), 1);
            return 0;
        };
        let cell = cell(field, row);
        if cell.is_null() {
            return 0;
        }
        match self {
            State::Count(count) => *count += 1,
            State::Sum(sum) | State::Mean(sum) => {
                cell.number().into_iter().for_each(|number| sum.add(number));
            }
            State::Extreme { largest, number, text } => extreme(&cell, *largest, number, text),
            State::Quantile { numbers, .. } => {
                numbers.extend(cell.number().map(Number::as_f64));
                return size_of::<f64>();
            }
            State::Distinct(seen) => {
                let mut key = Vec::new();
                keys::write(&cell, &mut key);
                if seen.insert(xxhash_rust::xxh3::xxh3_128(&key)) {
                    return 2 * size_of::<u128>();
                }
            }
            State::Levels { .. } => {}
        }
        0
    }

    /// Takes what was counted elsewhere; returns the bytes it remembers more.
    pub(super) fn take_bundle(&mut self, counted: Counted<'_>, bundle: &Bundle) -> usize {
        let field = if let Counted::Function(kind) = counted { kind.field() } else { None };
        match (field, self) {
            (None, state) => state.take_many(bundle.like.level, bundle.count),
            (Some(Field::DurationMs), state) => {
                bundle.durations.iter().for_each(|numbers| state.take_durations(numbers))
            }
            (Some(field), State::Count(count)) => {
                *count += if cell(field, &bundle.like).is_null() { 0 } else { bundle.count };
            }
            // To others it does not matter how often there is a value.
            (Some(_), state) => return state.take(counted, &bundle.like),
        }
        0
    }

    fn take_durations(&mut self, numbers: &Durations) {
        match self {
            State::Count(count) => *count += numbers.count,
            State::Sum(sum) | State::Mean(sum) => sum.add_many(Number::from(numbers.sum), numbers.count),
            State::Extreme { largest, number, .. } if numbers.count > 0 => {
                better_number(Number::from(if *largest { numbers.most } else { numbers.least }), *largest, number);
            }
            _ => {}
        }
    }

    /// Takes so many entries at a level, for functions that need no more.
    #[inline]
    pub(super) fn take_many(&mut self, level: Level, count: u64) {
        match self {
            State::Count(all) => *all += count,
            State::Levels { entries, known, errors } => {
                *entries += count;
                *known += if level == Level::Unknown { 0 } else { count };
                *errors += if level.is_error() { count } else { 0 };
            }
            _ => {}
        }
    }

    pub(super) fn merge(&mut self, other: State) {
        match (self, other) {
            (State::Count(a), State::Count(b)) => *a += b,
            (State::Sum(a), State::Sum(b)) | (State::Mean(a), State::Mean(b)) => a.merge(b),
            (State::Extreme { largest, number, text }, State::Extreme { number: n, text: t, .. }) => {
                n.into_iter().for_each(|n| better_number(n, *largest, number));
                t.into_iter().for_each(|t| better_text(&t, *largest, text));
            }
            (State::Quantile { numbers, .. }, State::Quantile { numbers: more, .. }) => numbers.extend(more),
            (State::Distinct(seen), State::Distinct(more)) => seen.extend(more),
            (State::Levels { entries, known, errors }, State::Levels { entries: e, known: k, errors: f }) => {
                *entries += e;
                *known += k;
                *errors += f;
            }
            // Both were made for the same function.
            _ => {}
        }
    }

    /// Appends the columns. `seconds` is what a rate is of.
    pub(super) fn finish(self, counted: Counted<'_>, seconds: Option<f64>, row: &mut Vec<Value>) {
        let last = match self {
            State::Count(count) if counted.is_rate() => rate(count as f64, seconds),
            State::Count(count) => integer(count),
            State::Sum(sum) => sum.total(),
            State::Mean(sum) => sum.mean(),
            State::Extreme { number: Some(number), .. } => number.to_value(),
            State::Extreme { text, .. } => text.map_or(Value::Null, |text| Value::Str(text.into())),
            State::Quantile { share, mut numbers } => quantile(share, &mut numbers),
            State::Distinct(seen) => integer(seen.len() as u64),
            State::Levels { entries, known, errors } => {
                row.extend([integer(entries), integer(known), integer(errors)]);
                ratio(errors, known)
            }
        };
        row.push(last);
    }
}

pub(super) fn integer(n: u64) -> Value {
    Value::Int(i64::try_from(n).unwrap_or(i64::MAX))
}

/// A share; null where there is nothing to share.
pub(super) fn ratio(part: u64, whole: u64) -> Value {
    if whole == 0 { Value::Null } else { Value::Float(part as f64 / whole as f64) }
}

fn rate(count: f64, seconds: Option<f64>) -> Value {
    seconds.filter(|seconds| *seconds > 0.0).map_or(Value::Null, |seconds| Value::Float(count / seconds))
}

fn extreme(cell: &Cell<'_>, largest: bool, number: &mut Option<Number>, text: &mut Option<Box<str>>) {
    match (cell, cell.number()) {
        (Cell::Time(time), _) => better_number(Number::Int(*time), largest, number),
        (_, Some(found)) => better_number(found, largest, number),
        (Cell::Text(found), None) => better_text(found, largest, text),
        _ => {}
    }
}

fn better_number(found: Number, largest: bool, best: &mut Option<Number>) {
    let order = best.map(|best| found.compare(best));
    if order.is_none_or(|order| if largest { order.is_gt() } else { order.is_lt() }) {
        *best = Some(found);
    }
}

fn better_text(found: &str, largest: bool, best: &mut Option<Box<str>>) {
    let order = best.as_deref().map(|best| found.cmp(best));
    if order.is_none_or(|order| if largest { order.is_gt() } else { order.is_lt() }) {
        *best = Some(found.into());
    }
}

/// The number below which a share of the numbers lies: the nearest rank, so it is one of them.
pub(crate) fn quantile(share: f64, numbers: &mut [f64]) -> Value {
    if numbers.is_empty() {
        return Value::Null;
    }
    let rank = ((share * numbers.len() as f64).ceil() as usize).clamp(1, numbers.len()) - 1;
    let (_, found, _) = numbers.select_nth_unstable_by(rank, f64::total_cmp);
    Number::from(*found).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_nearest_ranks() {
        let check = |share: f64, want: Value| {
            assert_eq!(quantile(share, &mut (1..=10).rev().map(f64::from).collect::<Vec<_>>()), want, "{share}");
        };
        check(0.0, Value::Int(1));
        check(0.1, Value::Int(1));
        check(0.5, Value::Int(5));
        check(0.95, Value::Int(10));
        check(1.0, Value::Int(10));
        assert_eq!(quantile(0.5, &mut []), Value::Null);
        assert_eq!(quantile(0.5, &mut [0.5]), Value::Float(0.5));
    }
}
