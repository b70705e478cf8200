//! What is made of other aggregations when all is counted.

use serde_json::{Value as Json, json};

use super::super::fault::Fault;
use super::super::json::{self, Object};

#[derive(Clone, Debug)]
pub struct Pipeline {
    /// The path to a number: of the buckets it stands in, or of those beside it.
    path: String,
    kind: PipelineKind,
    /// A bucket without a number is passed over; else it counts as nothing.
    skips: bool,
}

#[derive(Clone, Debug)]
enum PipelineKind {
    /// The difference from the bucket so many before.
    Difference(usize),
    Cumulative,
    /// Over a window of so many buckets before, and so many to shift it.
    Moving {
        function: Moving,
        window: usize,
        shift: i64,
    },
    /// One number of all buckets beside it.
    Sibling(Sibling),
}

#[derive(Clone, Copy, Debug)]
enum Moving {
    Average,
    Minimum,
    Maximum,
    Sum,
}

#[derive(Clone, Copy, Debug)]
enum Sibling {
    Average,
    Minimum,
    Maximum,
    Sum,
}

/// Longest window.
const MAX_WINDOW: u64 = 10_000;

impl Pipeline {
    /// `None` when `kind` is none.
    pub fn read(kind: &str, body: &Object) -> Result<Option<Pipeline>, Fault> {
        let window = |name: &str, default: u64| {
            let count = json::count_of(body, name)?.unwrap_or(default);
            let fits = (1..=MAX_WINDOW).contains(&count);
            if fits { Ok(count as usize) } else { Err(Fault::argument(format!("[{name}] may be 1 to {MAX_WINDOW}"))) }
        };
        let read = match kind {
            "derivative" => PipelineKind::Difference(1),
            "serial_diff" => PipelineKind::Difference(window("lag", 1)?),
            "cumulative_sum" => PipelineKind::Cumulative,
            "moving_avg" => match json::text_of(body, "model")?.as_deref() {
                None | Some("simple") => {
                    PipelineKind::Moving { function: Moving::Average, window: window("window", 5)?, shift: 1 }
                }
                Some(other) => {
                    return Err(Fault::argument(format!("the model [{other}] of [moving_avg] is not known here")));
                }
            },
            "moving_fn" => PipelineKind::Moving {
                function: moving(body)?,
                window: window("window", 5)?,
                shift: json::number_of(body, "shift")?.map_or(0, |shift| shift as i64),
            },
            "avg_bucket" => PipelineKind::Sibling(Sibling::Average),
            "min_bucket" => PipelineKind::Sibling(Sibling::Minimum),
            "max_bucket" => PipelineKind::Sibling(Sibling::Maximum),
            "sum_bucket" => PipelineKind::Sibling(Sibling::Sum),
            "bucket_script" | "bucket_selector" => {
                return Err(Fault::argument("scripts are not run here"));
            }
            _ => return Ok(None),
        };
        let path = json::text_of(body, "buckets_path")?.ok_or_else(|| Fault::argument("[buckets_path] is missing"))?;
        let skips = match json::text_of(body, "gap_policy")?.as_deref() {
            None | Some("skip" | "keep_values") => true,
            Some("insert_zeros") => false,
            Some(other) => return Err(Fault::argument(format!("unknown [gap_policy] [{other}]"))),
        };
        Ok(Some(Pipeline { path, kind: read, skips }))
    }

    /// Adds its number to each of the buckets that it stands in.
    pub fn along(&self, name: &str, buckets: &mut [Object]) {
        let numbers: Vec<Option<f64>> = buckets.iter().map(|bucket| self.number(bucket)).collect();
        let mut sum = 0.0;
        for (index, bucket) in buckets.iter_mut().enumerate() {
            let value = match &self.kind {
                PipelineKind::Difference(lag) => {
                    let before = index.checked_sub(*lag).and_then(|before| numbers[before]);
                    numbers[index].zip(before).map(|(own, before)| own - before)
                }
                PipelineKind::Cumulative => {
                    sum += numbers[index].unwrap_or(0.0);
                    Some(sum)
                }
                PipelineKind::Moving { function, window, shift } => {
                    let end = (index as i64).saturating_add(*shift).clamp(0, numbers.len() as i64) as usize;
                    let window: Vec<f64> =
                        numbers[end.saturating_sub(*window)..end].iter().flatten().copied().collect();
                    moved(*function, &window)
                }
                PipelineKind::Sibling(_) => None,
            };
            if let Some(value) = value {
                bucket.insert(name.to_owned(), json!({ "value": value }));
            }
        }
    }

    /// Its one number, of the aggregations beside it.
    pub fn beside(&self, others: &Object) -> Option<Json> {
        let PipelineKind::Sibling(kind) = self.kind else { return None };
        let (name, path) = self.path.split_once('>').unwrap_or((&self.path, "_count"));
        let buckets: Vec<(&Json, f64)> = match others.get(name)?.get("buckets")? {
            Json::Array(list) => list
                .iter()
                .filter_map(|bucket| Some((bucket.get("key")?, number_at(bucket.as_object()?, path)?)))
                .collect(),
            _ => return None,
        };
        let numbers = || buckets.iter().map(|(_, number)| *number);
        let keyed = |value: Option<f64>| {
            let keys: Vec<String> =
                buckets.iter().filter(|(_, n)| Some(*n) == value).filter_map(|(key, _)| json::text(key)).collect();
            json!({ "value": value, "keys": keys })
        };
        Some(match kind {
            Sibling::Sum => json!({ "value": numbers().sum::<f64>() }),
            Sibling::Average => {
                json!({ "value": (!buckets.is_empty()).then(|| numbers().sum::<f64>() / buckets.len() as f64) })
            }
            Sibling::Minimum => keyed(numbers().reduce(f64::min)),
            Sibling::Maximum => keyed(numbers().reduce(f64::max)),
        })
    }

    pub fn is_sibling(&self) -> bool {
        matches!(self.kind, PipelineKind::Sibling(_))
    }

    fn number(&self, bucket: &Object) -> Option<f64> {
        let is_empty = bucket.get("doc_count") == Some(&Json::from(0));
        let of_count = self.path == "_count";
        match number_at(bucket, &self.path) {
            Some(number) if of_count || !is_empty => Some(number),
            _ if self.skips => None,
            number => Some(number.unwrap_or(0.0)),
        }
    }
}

/// The functions of `MovingFunctions` that need no more than the window.
fn moving(body: &Object) -> Result<Moving, Fault> {
    let script =
        body.get("script").and_then(|script| script.get("source").unwrap_or(script).as_str()).unwrap_or_default();
    let name: String = script.chars().filter(|c| !c.is_whitespace() && *c != ';').collect();
    Ok(match name.as_str() {
        "MovingFunctions.unweightedAvg(values)" => Moving::Average,
        "MovingFunctions.min(values)" => Moving::Minimum,
        "MovingFunctions.max(values)" => Moving::Maximum,
        "MovingFunctions.sum(values)" => Moving::Sum,
        _ => {
            let known = "MovingFunctions.unweightedAvg(values), min, max and sum";
            return Err(Fault::argument(format!("scripts are not run here but {known}")).inside("script"));
        }
    })
}

fn moved(function: Moving, window: &[f64]) -> Option<f64> {
    let numbers = window.iter().copied();
    match function {
        Moving::Sum => Some(numbers.sum()),
        Moving::Average => (!window.is_empty()).then(|| numbers.sum::<f64>() / window.len() as f64),
        Moving::Minimum => numbers.reduce(f64::min),
        Moving::Maximum => numbers.reduce(f64::max),
    }
}

/// The number that a path of `buckets_path` or `order` leads to: `_count`, `name`, `name.avg`, `name[95.0]`,
/// `filter>name`.
pub fn number_at(bucket: &Object, path: &str) -> Option<f64> {
    if path == "_count" {
        return bucket.get("doc_count")?.as_f64();
    }
    if let Some((name, rest)) = path.split_once('>') {
        return number_at(bucket.get(name)?.as_object()?, rest);
    }
    if let Some(answer) = bucket.get(path) {
        return answer.get("value")?.as_f64();
    }
    let (name, property) = match path.strip_suffix(']') {
        Some(path) => path.split_once('[')?,
        None => path.split_once('.')?,
    };
    let answer = bucket.get(name)?;
    let named = answer.get(property).or_else(|| answer.get("values")?.get(property));
    let percent = || {
        let percent: f64 = property.parse().ok()?;
        answer.get("values")?.get(format!("{percent:?}"))
    };
    let of_bounds = || answer.get("std_deviation_bounds")?.get(property.strip_prefix("std_")?);
    named.or_else(percent).or_else(of_bounds)?.as_f64()
}
