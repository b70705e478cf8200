//! A metric with all its series: what one `# TYPE` line stands for.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

/// Series of one family; more go to one whose labels are all [`OTHER`].
pub const MAX_SERIES: usize = 1_000;
/// The value of every label of the series for what is beyond [`MAX_SERIES`].
pub const OTHER: &str = "other";
/// Bytes of a label's value; the rest is cut off.
const MAX_VALUE: usize = 200;
/// Between the values of labels in a key. In a value it becomes a blank.
const BETWEEN: char = '\u{1f}';

type Name = Cow<'static, str>;

#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Counter,
    Gauge,
    /// Upper bounds of the buckets, ascending, without +Inf.
    Histogram(Cow<'static, [f64]>),
}

/// What a series holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Cell {
    Number(f64),
    /// Observations by bucket, each counted in one; the last is +Inf. And their sum.
    Buckets(Box<[u64]>, f64),
}

/// One number with its labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Family {
    pub name: Name,
    pub help: Name,
    pub kind: Kind,
    pub labels: Vec<Name>,
    /// By the values of all labels, joined.
    series: HashMap<Box<str>, Cell, foldhash::fast::RandomState>,
    /// Observations that went to the series of [`OTHER`].
    pub overflowed: u64,
    key: String,
}

/// What is kept of a family in a commit.
#[derive(Debug, Serialize, Deserialize)]
pub struct Saved {
    labels: Vec<String>,
    series: Vec<(Box<str>, Cell)>,
}

impl Family {
    pub fn new(kind: Kind, name: impl Into<Name>, help: impl Into<Name>, labels: &[&'static str]) -> Family {
        let labels = labels.iter().map(|label| Name::Borrowed(*label)).collect();
        Family::with_labels(kind, name.into(), help.into(), labels)
    }

    pub fn with_labels(kind: Kind, name: Name, help: Name, labels: Vec<Name>) -> Family {
        Family { name, help, kind, labels, series: HashMap::default(), overflowed: 0, key: String::new() }
    }

    /// Adds to a counter or gauge. `values` are those of the labels, in their order.
    pub fn add(&mut self, values: &[&str], amount: f64) {
        if let Cell::Number(number) = self.cell(values) {
            *number += amount;
        }
    }

    pub fn set(&mut self, values: &[&str], value: f64) {
        if let Cell::Number(number) = self.cell(values) {
            *number = value;
        }
    }

    /// Adds an observation to a histogram.
    pub fn observe(&mut self, values: &[&str], value: f64) {
        let Kind::Histogram(bounds) = &self.kind else { return };
        let bucket = bounds.partition_point(|bound| *bound < value);
        if let Cell::Buckets(counts, sum) = self.cell(values) {
            counts[bucket] += 1;
            *sum += value;
        }
    }

    fn cell(&mut self, values: &[&str]) -> &mut Cell {
        self.key.clear();
        join(&mut self.key, values);
        if !self.series.contains_key(self.key.as_str()) {
            self.begin();
        }
        self.series.get_mut(self.key.as_str()).expect("was put there")
    }

    /// A new series for the key, or where there are too many the one of [`OTHER`].
    fn begin(&mut self) {
        if self.series.len() >= MAX_SERIES {
            self.overflowed += 1;
            self.key.clear();
            join(&mut self.key, &vec![OTHER; self.labels.len()]);
        }
        let empty = match &self.kind {
            Kind::Histogram(bounds) => Cell::Buckets(vec![0; bounds.len() + 1].into(), 0.0),
            Kind::Counter | Kind::Gauge => Cell::Number(0.0),
        };
        self.series.entry(self.key.as_str().into()).or_insert(empty);
    }

    /// Calls `take` for each line of the text format: a suffix of the name, labels, the value. Sorted by labels.
    pub fn each(&self, mut take: impl FnMut(&str, &[(&str, &str)], f64)) {
        let mut all: Vec<(&Box<str>, &Cell)> = self.series.iter().collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        for (key, cell) in all {
            let labels: Vec<(&str, &str)> = self.labels.iter().map(|l| &**l).zip(key.split(BETWEEN)).collect();
            match (cell, &self.kind) {
                (Cell::Number(value), _) => take("", &labels, *value),
                (Cell::Buckets(counts, sum), Kind::Histogram(bounds)) => {
                    let mut total = 0;
                    for (index, count) in counts.iter().enumerate() {
                        total += count;
                        let bound = bounds.get(index).map_or("+Inf".to_owned(), f64::to_string);
                        take("_bucket", &[&labels[..], &[("le", &bound)]].concat(), total as f64);
                    }
                    take("_sum", &labels, *sum);
                    take("_count", &labels, total as f64);
                }
                (Cell::Buckets(..), _) => {}
            }
        }
    }

    /// Its samples, or those of one of a histogram's three names.
    pub fn samples(&self, name: &str) -> Vec<Sample> {
        let mut found = Vec::new();
        self.each(|suffix, labels, value| {
            if name.strip_prefix(&*self.name) == Some(suffix) {
                let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
                found.push(Sample { labels, value });
            }
        });
        found
    }

    pub fn save(&self) -> Saved {
        let labels = self.labels.iter().map(|label| label.to_string()).collect();
        Saved { labels, series: self.series.iter().map(|(key, cell)| (key.clone(), cell.clone())).collect() }
    }

    /// Takes up what was saved, unless its labels or buckets are others now.
    pub fn restore(&mut self, saved: Saved) {
        if !saved.labels.iter().eq(self.labels.iter().map(|label| &**label)) {
            return;
        }
        let fits = |cell: &Cell| match (cell, &self.kind) {
            (Cell::Number(_), Kind::Counter | Kind::Gauge) => true,
            (Cell::Buckets(counts, _), Kind::Histogram(bounds)) => counts.len() == bounds.len() + 1,
            _ => false,
        };
        self.series = saved.series.into_iter().filter(|(_, cell)| fits(cell)).collect();
    }
}

fn join(key: &mut String, values: &[&str]) {
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            key.push(BETWEEN);
        }
        let value = &value[..value.floor_char_boundary(MAX_VALUE)];
        match value.contains(BETWEEN) {
            true => key.push_str(&value.replace(BETWEEN, " ")),
            false => key.push_str(value),
        }
    }
}
