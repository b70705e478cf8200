//! The tree → the answer.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value as Json, json};

use super::super::dates::{Format, MILLISECOND, Zone};
use super::super::fault::Fault;
use super::super::json::Object;
use super::histogram::{Dates, Numbers};
use super::{Aggregation, Bucket, Filters, Kind, Range, Ranges, State, Terms, Tree, order, states};
use crate::record::Value;
use crate::search::{directed, keys};

/// The `aggregations` of an answer of at most so many buckets, the empty ones included.
pub fn finish_all(tree: Tree<'_>, most: usize) -> Result<Json, Fault> {
    Finishing { most, left: most }.all(tree.aggregations, tree.states).map(Json::Object)
}

pub fn too_many(most: usize) -> Fault {
    let reason = format!(
        "Trying to create too many buckets. Must be less than or equal to: [{most}], and small enough to be remembered: \
         take a longer interval, [min_doc_count] 1, a shorter time, or fewer of them"
    );
    Fault::new(400, "too_many_buckets_exception", reason)
}

/// Counts the buckets of an answer.
struct Finishing {
    most: usize,
    left: usize,
}

impl Finishing {
    fn all(&mut self, aggregations: &[Aggregation], states: Vec<State>) -> Result<Object, Fault> {
        let mut answers = Map::new();
        for (aggregation, state) in aggregations.iter().zip(states) {
            if matches!(aggregation.kind, Kind::Pipeline(_)) {
                continue;
            }
            let mut answer = self.one(aggregation, state)?;
            if let Some(meta) = &aggregation.meta {
                answer["meta"] = meta.clone();
            }
            answers.insert(aggregation.name.clone(), answer);
        }
        for aggregation in aggregations {
            if let Kind::Pipeline(pipeline) = &aggregation.kind
                && let Some(answer) = pipeline.beside(&answers)
            {
                answers.insert(aggregation.name.clone(), answer);
            }
        }
        Ok(answers)
    }

    fn one(&mut self, of: &Aggregation, state: State) -> Result<Json, Fault> {
        match (&of.kind, state) {
            (Kind::Dates(dates), State::Steps(steps)) => self.dates(of, dates, steps),
            (Kind::Numbers(numbers), State::Steps(steps)) => self.numbers(of, numbers, steps),
            (Kind::Terms(terms), State::Keys(found)) => self.terms(of, terms, found),
            (Kind::Ranges(ranges), State::Places(places)) => self.ranges(of, ranges, places),
            (Kind::Filters(filters), State::Places(places)) => self.filters(of, filters, places),
            (Kind::Missing(_), State::Places(places)) => self.single(of, places),
            (Kind::Metric(metric), State::Metric(measured)) => Ok(measured.finish(metric)),
            _ => Ok(Json::Null),
        }
    }

    /// What every bucket has: its number of entries and what is inside.
    fn bucket(&mut self, of: &Aggregation, bucket: Bucket) -> Result<Object, Fault> {
        self.left = self.left.checked_sub(1).ok_or_else(|| too_many(self.most))?;
        let inner = if bucket.inner.is_empty() { states(&of.inner) } else { bucket.inner };
        let mut answer = self.all(&of.inner, inner)?;
        answer.insert("doc_count".to_owned(), bucket.count.into());
        Ok(answer)
    }

    fn single(&mut self, of: &Aggregation, places: Vec<Bucket>) -> Result<Json, Fault> {
        places.into_iter().next().map_or(Ok(Json::Null), |one| self.bucket(of, one).map(Json::Object))
    }

    fn dates(&mut self, of: &Aggregation, dates: &Dates, steps: HashMap<i64, Bucket>) -> Result<Json, Fault> {
        let mut steps: BTreeMap<i64, Bucket> =
            steps.into_iter().filter(|(_, bucket)| bucket.count >= dates.least).collect();
        if dates.least == 0 {
            let extended = dates.extended.map(|(first, last)| (dates.start(first), dates.start(last)));
            let ends = [steps.keys().next().copied(), extended.map(|(first, _)| first)];
            let first = ends.into_iter().flatten().min();
            let ends = [steps.keys().next_back().copied(), extended.map(|(_, last)| last)];
            let last = ends.into_iter().flatten().max();
            if let (Some(first), Some(last)) = (first, last) {
                let mut at = Some(first);
                while let Some(start) = at.filter(|start| *start <= last) {
                    steps.entry(start).or_default();
                    if steps.len() > self.left {
                        return Err(too_many(self.most));
                    }
                    at = dates.next(start);
                }
            }
        }
        let mut buckets = Vec::new();
        for (start, bucket) in steps {
            let mut answer = self.bucket(of, bucket)?;
            answer.insert("key".to_owned(), start.div_euclid(MILLISECOND).into());
            answer.insert("key_as_string".to_owned(), dates.format.write(start, dates.zone).into());
            buckets.push(answer);
        }
        Ok(listed(of, buckets, dates.is_keyed.then_some("key_as_string"), dates.descending))
    }

    fn numbers(&mut self, of: &Aggregation, numbers: &Numbers, steps: HashMap<i64, Bucket>) -> Result<Json, Fault> {
        let mut steps: BTreeMap<i64, Bucket> =
            steps.into_iter().filter(|(_, bucket)| bucket.count >= numbers.least).collect();
        if numbers.least == 0 {
            let extended = numbers.extended.and_then(|(a, b)| Some((numbers.step_of(a)?, numbers.step_of(b)?)));
            let first = [steps.keys().next().copied(), extended.map(|(first, _)| first)].into_iter().flatten().min();
            let last = [steps.keys().next_back().copied(), extended.map(|(_, last)| last)].into_iter().flatten().max();
            if let (Some(first), Some(last)) = (first, last) {
                if usize::try_from(last.saturating_sub(first)).is_ok_and(|steps| steps >= self.left) {
                    return Err(too_many(self.most));
                }
                for step in first..=last {
                    steps.entry(step).or_default();
                }
            }
        }
        let mut buckets = Vec::new();
        for (step, bucket) in steps {
            let mut answer = self.bucket(of, bucket)?;
            answer.insert("key".to_owned(), numbers.start(step).into());
            buckets.push(answer);
        }
        Ok(listed(of, buckets, numbers.is_keyed.then_some("key"), numbers.descending))
    }

    fn terms(&mut self, of: &Aggregation, terms: &Terms, found: HashMap<Box<[u8]>, Bucket>) -> Result<Json, Fault> {
        let mut others: u64 = found.values().map(|bucket| bucket.count).sum();
        let enough = found.into_iter().filter(|(_, bucket)| bucket.count >= terms.least);
        let mut buckets: Vec<(Value, Bucket)> =
            enough.map(|(key, bucket)| (keys::read(&key).pop().unwrap_or(Value::Null), bucket)).collect();
        buckets.sort_by(|(a, _), (b, _)| directed(a, b, false));
        let by_count = terms.order.iter().all(|(name, _)| name == "_count" || name == "_key");
        if by_count {
            // What is cut off needs no answer.
            let counts = |count: u64| Object::from_iter([("doc_count".to_owned(), Json::from(count))]);
            sort(&mut buckets, terms, |(_, bucket)| counts(bucket.count));
            buckets.truncate(terms.size);
        }
        let mut answers = Vec::new();
        for (value, bucket) in buckets {
            let mut answer = self.bucket(of, bucket)?;
            match value {
                Value::Bool(truth) => {
                    answer.insert("key".to_owned(), u8::from(truth).into());
                    answer.insert("key_as_string".to_owned(), truth.to_string().into());
                }
                Value::Int(time) if terms.field.is_time() => {
                    answer.insert("key".to_owned(), time.div_euclid(MILLISECOND).into());
                    answer.insert("key_as_string".to_owned(), Format::Nanos.write(time, Zone::UTC).into());
                }
                value => drop(answer.insert("key".to_owned(), value.to_json())),
            }
            answers.push(answer);
        }
        if !by_count {
            sort(&mut answers, terms, Clone::clone);
            answers.truncate(terms.size);
        }
        let shown = answers.iter().filter_map(|answer| answer.get("doc_count")?.as_u64());
        others = others.saturating_sub(shown.sum());
        Ok(json!({ "doc_count_error_upper_bound": 0, "sum_other_doc_count": others, "buckets": answers }))
    }

    fn ranges(&mut self, of: &Aggregation, ranges: &Ranges, places: Vec<Bucket>) -> Result<Json, Fault> {
        let mut buckets = Vec::new();
        for (range, bucket) in ranges.list.iter().zip(places) {
            let mut answer = self.bucket(of, bucket)?;
            for (name, edge) in [("from", range.from), ("to", range.to)] {
                let Some(edge) = edge else { continue };
                let shown = if ranges.is_date { edge / MILLISECOND as f64 } else { edge };
                answer.insert(name.to_owned(), shown.into());
                if ranges.is_date {
                    answer.insert(format!("{name}_as_string"), ranges.format.write(edge as i64, Zone::UTC).into());
                }
            }
            answer.insert("key".to_owned(), ranges.key(range).into());
            buckets.push(answer);
        }
        Ok(json!({ "buckets": by_name(buckets, ranges.is_keyed.then_some("key")) }))
    }

    fn filters(&mut self, of: &Aggregation, filters: &Filters, places: Vec<Bucket>) -> Result<Json, Fault> {
        if filters.is_single {
            return self.single(of, places);
        }
        let answers: Vec<Object> =
            places.into_iter().map(|bucket| self.bucket(of, bucket)).collect::<Result<_, _>>()?;
        let buckets = match &filters.names {
            Some(names) => names.iter().cloned().zip(answers.into_iter().map(Json::Object)).collect::<Object>().into(),
            None => Json::from(answers),
        };
        Ok(json!({ "buckets": buckets }))
    }
}

/// The buckets of a histogram, with what pipelines make of their order.
fn listed(of: &Aggregation, mut buckets: Vec<Object>, keyed: Option<&str>, descending: bool) -> Json {
    for inner in &of.inner {
        if let Kind::Pipeline(pipeline) = &inner.kind
            && !pipeline.is_sibling()
        {
            pipeline.along(&inner.name, &mut buckets);
        }
    }
    if descending {
        buckets.reverse();
    }
    json!({ "buckets": by_name(buckets, keyed) })
}

/// Sorts what is in the order of its keys. This is stable, so equal ones stay in that order.
fn sort<T>(buckets: &mut [T], terms: &Terms, answer: impl Fn(&T) -> Object) {
    if terms.order.iter().any(|(name, descending)| name == "_key" && *descending) {
        buckets.reverse();
    }
    if terms.order.first().is_none_or(|(name, _)| name != "_key") {
        buckets.sort_by_cached_key(|bucket| Ranked(answer(bucket), terms));
    }
}

/// A bucket by the order of its `terms`.
struct Ranked<'t>(Object, &'t Terms);

impl PartialEq for Ranked<'_> {
    fn eq(&self, other: &Ranked<'_>) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked<'_> {}

impl PartialOrd for Ranked<'_> {
    fn partial_cmp(&self, other: &Ranked<'_>) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked<'_> {
    fn cmp(&self, other: &Ranked<'_>) -> std::cmp::Ordering {
        order::compare(&self.1.order, &self.0, &other.0)
    }
}

/// Buckets as a list, or by the name that one of their values is.
fn by_name(buckets: Vec<Object>, keyed: Option<&str>) -> Json {
    let Some(keyed) = keyed else { return Json::from(buckets) };
    let named = buckets.into_iter().map(|bucket| {
        let name = bucket.get(keyed).and_then(super::super::json::text).unwrap_or_default();
        (name, Json::Object(bucket))
    });
    Json::Object(named.collect())
}

impl Ranges {
    /// `*-100.0`, `100.0-*`, or the name it was given.
    fn key(&self, range: &Range) -> String {
        let edge = |edge: Option<f64>| match edge {
            None => "*".to_owned(),
            Some(edge) if self.is_date => self.format.write(edge as i64, Zone::UTC),
            Some(edge) => format!("{edge:?}"),
        };
        range.key.clone().unwrap_or_else(|| format!("{}-{}", edge(range.from), edge(range.to)))
    }
}
