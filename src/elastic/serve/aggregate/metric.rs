//! Numbers of a bucket.

use std::collections::HashSet;

use serde_json::{Map, Value as Json, json};

use super::super::dates::{Format, MILLISECOND, Zone};
use crate::query::Field;
use crate::record::{Columns, Row, Value};
use crate::search::cell::{Cell, Number, cell};
use crate::search::sum::Sum;
use crate::search::{directed, keys, state, values};

#[derive(Clone, Debug)]
pub struct Metric {
    pub field: Field,
    pub kind: MetricKind,
    /// Entries without a value count as if they had this.
    pub missing: Option<f64>,
    /// How a time is written.
    pub format: Format,
}

#[derive(Clone, Debug)]
pub enum MetricKind {
    Average,
    Minimum,
    Maximum,
    Sum,
    Stats,
    /// With so many standard deviations around the mean.
    Extended(f64),
    /// How many entries have a value.
    Count,
    Distinct,
    Percentiles {
        percents: Vec<f64>,
        is_keyed: bool,
    },
    /// Values of the first entry in an order.
    Top {
        shown: Vec<(String, Field)>,
        by: Vec<(String, Field, bool)>,
        size: usize,
    },
}

/// What is remembered.
#[derive(Debug)]
pub enum Measured {
    Count(u64),
    Numbers(Box<Numbers>),
    All(Vec<f64>),
    /// Hashes of 128 bits.
    Distinct(HashSet<u128>),
    Top(Vec<(Vec<Value>, Vec<Value>)>),
}

#[derive(Debug, Default)]
pub struct Numbers {
    count: u64,
    sum: Sum,
    squares: Sum,
    extremes: Option<(f64, f64)>,
}

/// What they take in memory.
pub const NUMBERS_BYTES: usize = size_of::<Numbers>();

impl Metric {
    pub fn state(&self) -> Measured {
        match &self.kind {
            MetricKind::Count => Measured::Count(0),
            MetricKind::Distinct => Measured::Distinct(HashSet::new()),
            MetricKind::Percentiles { .. } => Measured::All(Vec::new()),
            MetricKind::Top { .. } => Measured::Top(Vec::new()),
            _ => Measured::Numbers(Box::default()),
        }
    }

    pub fn columns(&self) -> Columns {
        match &self.kind {
            MetricKind::Top { shown, by, .. } => {
                let fields = shown.iter().map(|(_, field)| field).chain(by.iter().map(|(_, field, _)| field));
                fields.fold(Columns::default(), |columns, field| columns.and(&field.columns()))
            }
            _ => self.field.columns(),
        }
    }

    /// The number of a row: of a time the milliseconds, as answers have it.
    fn number<R: Row>(&self, row: &R) -> Option<Number> {
        match cell(&self.field, row) {
            Cell::Time(time) => Some(Number::from(time as f64 / MILLISECOND as f64)),
            Cell::Null => self.missing.map(Number::from),
            cell => cell.number(),
        }
    }
}

impl Measured {
    /// Takes a row; returns the bytes that are remembered more.
    pub fn take<R: Row>(&mut self, metric: &Metric, row: &R) -> usize {
        match self {
            Measured::Count(count) => {
                let is_there = metric.missing.is_some() || !cell(&metric.field, row).is_null();
                *count += u64::from(is_there);
            }
            Measured::Numbers(numbers) => {
                let squares = matches!(metric.kind, MetricKind::Extended(_));
                metric.number(row).into_iter().for_each(|number| numbers.add(number, squares));
            }
            Measured::All(all) => {
                let number = metric.number(row).map(Number::as_f64);
                all.extend(number);
                return number.map_or(0, |_| size_of::<f64>());
            }
            Measured::Distinct(seen) => {
                let cell = cell(&metric.field, row);
                if cell.is_null() {
                    return 0;
                }
                let mut key = Vec::new();
                keys::write(&cell, &mut key);
                return if seen.insert(xxhash_rust::xxh3::xxh3_128(&key)) { 2 * size_of::<u128>() } else { 0 };
            }
            Measured::Top(kept) => {
                let MetricKind::Top { shown, by, size } = &metric.kind else { return 0 };
                let place = values(by.iter().map(|(_, field, _)| field), row);
                let is_worse = |kept: &(Vec<Value>, Vec<Value>)| before(by, &kept.0, &place).is_le();
                if kept.len() >= *size && kept.last().is_some_and(is_worse) {
                    return 0;
                }
                kept.push((place, values(shown.iter().map(|(_, field)| field), row)));
                return trim(kept, by, *size);
            }
        }
        0
    }

    pub fn merge(&mut self, other: Measured) {
        match (self, other) {
            (Measured::Count(own), Measured::Count(other)) => *own += other,
            (Measured::Numbers(own), Measured::Numbers(other)) => own.merge(*other),
            (Measured::All(own), Measured::All(other)) => own.extend(other),
            (Measured::Distinct(own), Measured::Distinct(other)) => own.extend(other),
            // Put in order when it is finished.
            (Measured::Top(own), Measured::Top(other)) => own.extend(other),
            // Both were made for the same metric.
            _ => {}
        }
    }

    pub fn finish(self, metric: &Metric) -> Json {
        let is_time = metric.field.is_time();
        match (self, &metric.kind) {
            (Measured::Count(count), _) => json!({ "value": count }),
            (Measured::Distinct(seen), _) => json!({ "value": seen.len() }),
            (Measured::Numbers(numbers), kind) => numbers.finish(kind, is_time.then_some(&metric.format)),
            (Measured::All(all), MetricKind::Percentiles { percents, is_keyed }) => {
                percentiles(all, percents, *is_keyed)
            }
            (Measured::Top(mut kept), MetricKind::Top { shown, by, size }) => {
                trim(&mut kept, by, *size);
                top(kept, shown, by)
            }
            _ => Json::Null,
        }
    }
}

fn before(by: &[(String, Field, bool)], a: &[Value], b: &[Value]) -> std::cmp::Ordering {
    let keys = by.iter().zip(a.iter().zip(b));
    keys.map(|((_, _, descending), (a, b))| directed(a, b, *descending))
        .fold(std::cmp::Ordering::Equal, |a, b| a.then(b))
}

/// Keeps the first so many; returns the bytes of one.
fn trim(kept: &mut Vec<(Vec<Value>, Vec<Value>)>, by: &[(String, Field, bool)], size: usize) -> usize {
    let before_len = kept.len();
    // Equal ones are put in one order too, lest threads decide.
    kept.sort_by(|a, b| before(by, &a.0, &b.0).then_with(|| format!("{:?}", a.1).cmp(&format!("{:?}", b.1))));
    kept.truncate(size);
    if kept.len() == before_len { 256 } else { 0 }
}

fn top(kept: Vec<(Vec<Value>, Vec<Value>)>, shown: &[(String, Field)], by: &[(String, Field, bool)]) -> Json {
    let one = |(place, values): (Vec<Value>, Vec<Value>)| {
        let written = |value: &Value, field: &Field| match value {
            Value::Int(time) if field.is_time() => Json::from(Format::Millis.write(*time, Zone::UTC)),
            value => value.to_json(),
        };
        let sort: Vec<Json> = by.iter().zip(&place).map(|((_, field, _), value)| written(value, field)).collect();
        let metrics: Map<String, Json> =
            shown.iter().zip(&values).map(|((name, field), value)| (name.clone(), written(value, field))).collect();
        json!({ "sort": sort, "metrics": metrics })
    };
    json!({ "top": kept.into_iter().map(one).collect::<Vec<_>>() })
}

fn percentiles(mut numbers: Vec<f64>, percents: &[f64], is_keyed: bool) -> Json {
    let mut value = |percent: &f64| state::quantile(percent / 100.0, &mut numbers).as_number();
    if is_keyed {
        let values: Map<String, Json> =
            percents.iter().map(|percent| (format!("{percent:?}"), value(percent).into())).collect();
        return json!({ "values": values });
    }
    let values: Vec<Json> = percents.iter().map(|percent| json!({ "key": percent, "value": value(percent) })).collect();
    json!({ "values": values })
}

impl Numbers {
    fn add(&mut self, number: Number, squares: bool) {
        self.count += 1;
        self.sum.add(number);
        let value = number.as_f64();
        if squares {
            self.squares.add(Number::from(value * value));
        }
        let (low, high) = self.extremes.unwrap_or((value, value));
        self.extremes = Some((low.min(value), high.max(value)));
    }

    fn merge(&mut self, other: Numbers) {
        self.count += other.count;
        self.sum.merge(other.sum);
        self.squares.merge(other.squares);
        self.extremes = match (self.extremes, other.extremes) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (own, other) => own.or(other),
        };
    }

    fn finish(&self, kind: &MetricKind, time: Option<&Format>) -> Json {
        let sum = self.sum.total().as_number().unwrap_or(0.0);
        let mean = self.sum.mean().as_number();
        let (low, high) = (self.extremes.map(|(low, _)| low), self.extremes.map(|(_, high)| high));
        let one = |value: Option<f64>| {
            let mut answer = json!({ "value": value });
            if let (Some(value), Some(format)) = (value, time) {
                let nanoseconds = (value * MILLISECOND as f64) as i64;
                answer["value_as_string"] = format.write(nanoseconds, Zone::UTC).into();
            }
            answer
        };
        match kind {
            MetricKind::Average => one(mean),
            MetricKind::Minimum => one(low),
            MetricKind::Maximum => one(high),
            MetricKind::Sum => json!({ "value": sum }),
            MetricKind::Extended(sigma) => self.extended(*sigma, sum, mean, (low, high)),
            _ => json!({ "count": self.count, "min": low, "max": high, "avg": mean, "sum": sum }),
        }
    }

    fn extended(&self, sigma: f64, sum: f64, mean: Option<f64>, (low, high): (Option<f64>, Option<f64>)) -> Json {
        let squares = self.squares.total().as_number();
        let count = self.count as f64;
        let apart = |of: f64| {
            let (mean, squares) = (mean?, squares?);
            // Rounding may make a little less than nothing.
            (of > 0.0).then(|| ((squares - sum * mean) / of).max(0.0))
        };
        let (variance, sampling) = (apart(count), apart(count - 1.0));
        let (deviation, deviation_sampling) = (variance.map(f64::sqrt), sampling.map(f64::sqrt));
        let bound = |side: f64, deviation: Option<f64>| Some(mean? + side * sigma * deviation?);
        json!({
            "count": self.count, "min": low, "max": high, "avg": mean, "sum": sum,
            "sum_of_squares": squares,
            "variance": variance, "variance_population": variance, "variance_sampling": sampling,
            "std_deviation": deviation, "std_deviation_population": deviation,
            "std_deviation_sampling": deviation_sampling,
            "std_deviation_bounds": {
                "upper": bound(1.0, deviation), "lower": bound(-1.0, deviation),
                "upper_population": bound(1.0, deviation), "lower_population": bound(-1.0, deviation),
                "upper_sampling": bound(1.0, deviation_sampling), "lower_sampling": bound(-1.0, deviation_sampling),
            },
        })
    }
}
