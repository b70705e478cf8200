//! Counts that a cluster makes itself: one small request, however many entries there are.
//!
//! What comes back are bundles: entries that are alike in every part that the question looks at, and how many they are. So
//! the engine only counts; whether a bundle matches and where it belongs is decided here, as with entries. This is exact
//! where those parts are the level, the named columns, steps of whole milliseconds and the numbers of `duration_ms`:
//! engines keep these as they were sent. Words they take apart in their own ways, of `fields` they guess a kind,
//! percentiles and distinct values they estimate; what asks for such needs the entries.
//!
//! [`Plan`] decides. An answer counts only when it accounts for every entry: no term was cut off or estimated, and all
//! bundles together are as many as the hits.

use std::sync::LazyLock;

use serde_json::{Value as Json, json};
use xxhash_rust::xxh3::xxh3_64;

use crate::elastic::ask::translate::{TIME, exactly};
use crate::query::pipe::{Function, FunctionKind, Group, Pipe};
use crate::query::{Field, Query};
use crate::record::{Entry, Level, NAMED, column};
use crate::search::{Bundle, Durations, RateRequest, Window};
use crate::sys::clock;

pub const MILLISECOND: i64 = 1_000_000;
/// Values of one field that are asked for. Engines refuse some 65,000 in all.
const TERMS: u64 = 10_000;
/// Fields that are counted inside of one another.
const MAX_NAMED: usize = 4;
/// The aggregation of each level, and that of the numbers.
const BY: &str = "by";
const NUMBERS: &str = "numbers";

/// Stands for a field that an entry does not have. Nobody who writes logs knows it before.
static ABSENT: LazyLock<String> = LazyLock::new(|| {
    let seed = format!("{} {}", clock::now(), std::process::id());
    format!("absent-{:016x}", xxh3_64(seed.as_bytes()))
});

/// What to count by.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// From the outermost to the innermost.
    parts: Vec<Part>,
    durations: bool,
    /// Says nothing of times.
    condition: Query,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Level,
    /// Nanoseconds.
    Step(i64),
    /// The number of a named column.
    Named(usize),
}

/// What a question needs of entries, as it is found.
#[derive(Default)]
struct Needs {
    level: bool,
    step: Option<i64>,
    named: Vec<usize>,
    durations: bool,
}

/// A field or function that needs the entries.
type Why = String;

impl Plan {
    /// How to count for a question whose first pipe is this one; or what of it needs the entries.
    pub fn of(query: &Query, pipe: &Pipe, window: Window) -> Result<Plan, Why> {
        let mut needs = Needs::default();
        let (by, functions): (&[Group], &[Function]) = match pipe {
            Pipe::Stats { functions, by } => (by, functions),
            Pipe::Top { by, .. } | Pipe::Uniq(by) => (by, &[]),
            Pipe::Rate { by } => {
                needs.level = true;
                (by, &[])
            }
            other => return Err(format!("`{}`", other.name())),
        };
        by.iter().try_for_each(|group| needs.group(group))?;
        let is_bounded = window.since != i64::MIN && window.until != i64::MAX;
        for Function { kind, name } in functions {
            match (kind, kind.field()) {
                (FunctionKind::Rate, _) if needs.step.is_none() && !is_bounded => {
                    return Err("a rate without a step, since and until".to_owned());
                }
                (_, None) => {}
                (FunctionKind::Quantile(..), _) => return Err(format!("`{name}`")),
                (FunctionKind::CountDistinct(_), Some(Field::DurationMs)) => return Err(format!("`{name}`")),
                (FunctionKind::Sum(_) | FunctionKind::Avg(_), Some(Field::Named(_))) => {
                    return Err(format!("`{name}`"));
                }
                (_, Some(Field::DurationMs)) => needs.durations = true,
                (_, Some(field)) => needs.field(field)?,
            }
        }
        needs.plan(query)
    }

    /// The same for rates of errors, but for the ends of workflows.
    pub fn of_rate(request: &RateRequest) -> Result<Plan, Why> {
        let mut needs = Needs { level: true, ..Needs::default() };
        needs.group(&Group::Step(request.step))?;
        match request.by.field() {
            // The end of a workflow need not name its type; another of its entries may.
            Some(field) if field == Field::Named(column::WORKFLOW_TYPE) => return Err(format!("`{field}`")),
            Some(field) => needs.field(&field)?,
            None => {}
        }
        needs.plan(&request.query)
    }

    /// Whether steps of so much earlier begin where steps begin.
    pub fn allows(&self, shift: i64) -> bool {
        self.parts.iter().all(|part| if let Part::Step(step) = part { shift % step == 0 } else { true })
    }

    /// The request for the entries from one time to another, in milliseconds.
    pub fn request(&self, since: Option<i64>, until: Option<i64>) -> Json {
        let query = exactly(&self.condition.need(), since, until);
        let mut body = json!({ "size": 0, "track_total_hits": true, "query": query });
        if let Some(inner) = self.inner(&self.parts) {
            body["aggs"] = inner;
        }
        body
    }

    fn inner(&self, parts: &[Part]) -> Option<Json> {
        let Some((part, rest)) = parts.split_first() else {
            return self.durations.then(|| json!({ NUMBERS: { "stats": { "field": "duration_ms" } } }));
        };
        let mut own = match part {
            Part::Level => json!({ "terms": { "field": "level", "size": TERMS } }),
            Part::Step(step) => {
                let interval = format!("{}ms", step / MILLISECOND);
                json!({ "date_histogram": { "field": TIME, "fixed_interval": interval, "min_doc_count": 1 } })
            }
            Part::Named(index) => {
                json!({ "terms": { "field": Field::Named(*index).to_string(), "size": TERMS, "missing": *ABSENT } })
            }
        };
        if let Some(inner) = self.inner(rest) {
            own["aggs"] = inner;
        }
        Some(json!({ BY: own }))
    }

    /// The bundles of an answer that match, so many nanoseconds later than they are; or why the answer does not count.
    pub fn bundles(&self, answer: &Json, shift: i64) -> Result<Vec<Bundle>, Why> {
        let total = &answer["hits"]["total"];
        let is_exact = total["relation"].as_str().is_none_or(|relation| relation == "eq");
        let hits = total["value"].as_u64().or_else(|| total.as_u64()).filter(|_| is_exact);
        let hits = hits.ok_or("the answer does not say how many entries there are")?;
        let mut bundles = Vec::new();
        if hits > 0 {
            let like = Entry::default();
            let top = json!({ "doc_count": hits });
            let mut reading = Reading { plan: self, shift, bundles: &mut bundles };
            match self.inner(&self.parts) {
                Some(_) => reading.node(&self.parts, &answer["aggregations"], hits, &like)?,
                None => reading.node(&[], &top, hits, &like)?,
            }
        }
        let counted: u64 = bundles.iter().map(|bundle| bundle.count).sum();
        if counted != hits {
            return Err(format!("{counted} of {hits} entries are in the cluster's counts"));
        }
        bundles.retain(|bundle| self.condition.matches(&bundle.like));
        Ok(bundles)
    }
}

impl Needs {
    fn group(&mut self, group: &Group) -> Result<(), Why> {
        match group {
            Group::Field(field) => self.field(field),
            Group::Step(step) if *step > 0 && step % MILLISECOND == 0 => {
                self.step = Some(*step);
                Ok(())
            }
            Group::Step(_) => Err("a step that is no whole milliseconds".to_owned()),
        }
    }

    fn field(&mut self, field: &Field) -> Result<(), Why> {
        match field {
            Field::Level => self.level = true,
            Field::Named(index) if self.named.contains(index) => {}
            Field::Named(index) if *index < NAMED && self.named.len() < MAX_NAMED => self.named.push(*index),
            Field::Named(_) => return Err(format!("more than {MAX_NAMED} fields")),
            other => return Err(format!("`{other}`")),
        }
        Ok(())
    }

    fn plan(mut self, query: &Query) -> Result<Plan, Why> {
        let (condition, _) = query.split_times();
        let fields = condition.fields().ok_or("what looks for words")?;
        fields.iter().try_for_each(|field| self.field(field))?;
        let level = self.level.then_some(Part::Level);
        let step = self.step.map(Part::Step);
        let parts = level.into_iter().chain(step).chain(self.named.into_iter().map(Part::Named)).collect();
        Ok(Plan { parts, durations: self.durations, condition })
    }
}

/// Goes through the buckets of an answer.
struct Reading<'a> {
    plan: &'a Plan,
    shift: i64,
    bundles: &'a mut Vec<Bundle>,
}

impl Reading<'_> {
    fn node(&mut self, parts: &[Part], node: &Json, count: u64, like: &Entry) -> Result<(), Why> {
        let Some((part, rest)) = parts.split_first() else {
            let durations = self.plan.durations.then(|| durations(&node[NUMBERS])).transpose()?;
            self.bundles.push(Bundle { like: like.clone(), count, durations });
            return Ok(());
        };
        let by = &node[BY];
        for (name, what) in [("sum_other_doc_count", "left some out"), ("doc_count_error_upper_bound", "are estimates")]
        {
            if by[name].as_i64().unwrap_or(0) != 0 {
                return Err(format!("the cluster's counts {what}"));
            }
        }
        let buckets = by["buckets"].as_array().ok_or("the answer has no buckets")?;
        for bucket in buckets {
            let count = bucket["doc_count"].as_u64().ok_or("a bucket has no count")?;
            let like = part.of(&bucket["key"], like, self.shift).ok_or("a bucket has a strange key")?;
            self.node(rest, bucket, count, &like)?;
        }
        Ok(())
    }
}

impl Part {
    /// What is known of the entries in the bucket with this key.
    fn of(self, key: &Json, like: &Entry, shift: i64) -> Option<Entry> {
        let mut like = like.clone();
        match self {
            Part::Level => {
                let name = key.as_str()?;
                like.level = Level::ALL.into_iter().find(|level| level.name() == name).unwrap_or_default();
            }
            Part::Step(_) => {
                let milliseconds = key.as_i64().or_else(|| key.as_f64().map(|key| key as i64))?;
                like.time = milliseconds.checked_mul(MILLISECOND)?.checked_add(shift)?;
            }
            Part::Named(index) => {
                let value = key.as_str()?;
                if value != *ABSENT {
                    like.set_named(index, value);
                }
            }
        }
        Some(like)
    }
}

fn durations(numbers: &Json) -> Result<Durations, Why> {
    let count = numbers["count"].as_f64().ok_or("the answer has no numbers")? as u64;
    let number = |name: &str| match count {
        0 => Ok(0.0),
        _ => numbers[name].as_f64().ok_or_else(|| format!("the answer has no {name}")),
    };
    Ok(Durations { count, sum: number("sum")?, least: number("min")?, most: number("max")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Result<Plan, Why> {
        let query = Query::parse(text).unwrap();
        Plan::of(&query, &query.pipes()[0], Window { since: 0, until: 1_000 * MILLISECOND })
    }

    #[test]
    fn what_the_engine_can_count() {
        use Part::{Level, Named, Step};
        let check = |text: &str, want: Result<&[Part], &str>| {
            let got = plan(text).map(|plan| plan.parts);
            assert_eq!(got, want.map(<[Part]>::to_vec).map_err(str::to_owned), "{text}");
        };
        check("* | stats count()", Ok(&[]));
        check("level>=error | stats count() by service", Ok(&[Level, Named(1)]));
        check("service:app* | top 3 by logger", Ok(&[Named(2), Named(1)]));
        check("* | stats rate() by step(1m)", Ok(&[Step(60_000 * MILLISECOND)]));
        check("* | rate by step(1m)", Ok(&[Level, Step(60_000 * MILLISECOND)]));
        check("* | uniq event", Ok(&[Named(8)]));
        check("* | stats avg(duration_ms), max(agent), count_distinct(event)", Ok(&[Named(7), Named(8)]));
        check("timestamp>=2026-11-23T11:00:00Z | stats count()", Ok(&[]));
        check("timeout | stats count()", Err("what looks for words"));
        check("message:timeout | stats count()", Err("`message`"));
        check("status:500 | stats count()", Err("`status`"));
        check("-timestamp>=2026-11-23T11:00:00Z | stats count()", Err("`timestamp`"));
        check("* | stats p95(duration_ms) as p", Err("`p`"));
        check("* | stats min(timestamp)", Err("`timestamp`"));
        check("* | stats count() by duration_ms", Err("`duration_ms`"));
        check("* | stats sum(agent) as s", Err("`s`"));
        check("* | patterns", Err("`patterns`"));
        check("* | uniq source, service, logger, agent, event", Err("more than 4 fields"));
    }

    #[test]
    fn answers_must_account_for_all() {
        let plan = plan("level>=error | stats count() by level").unwrap();
        let answer = |other: u64, error: i64, hits: Json| {
            let buckets = json!([{ "key": "error", "doc_count": 3 }, { "key": "info", "doc_count": 2 }]);
            json!({ "hits": { "total": hits }, "aggregations": { "by": {
                "sum_other_doc_count": other, "doc_count_error_upper_bound": error, "buckets": buckets,
            } } })
        };
        let check = |answer: &Json, want: Result<u64, &str>| {
            let got = plan.bundles(answer, 0).map(|bundles| bundles.iter().map(|bundle| bundle.count).sum::<u64>());
            assert_eq!(got, want.map_err(str::to_owned), "{answer}");
        };
        check(&answer(0, 0, json!(5)), Ok(3));
        check(&answer(0, 0, json!({ "value": 5, "relation": "eq" })), Ok(3));
        check(&json!({ "hits": { "total": 0 } }), Ok(0));
        check(&answer(0, 0, json!(6)), Err("5 of 6 entries are in the cluster's counts"));
        check(&answer(1, 0, json!(5)), Err("the cluster's counts left some out"));
        check(&answer(0, 1, json!(5)), Err("the cluster's counts are estimates"));
        check(&answer(0, -1, json!(5)), Err("the cluster's counts are estimates"));
        let unknown = "the answer does not say how many entries there are";
        check(&answer(0, 0, json!({ "value": 5, "relation": "gte" })), Err(unknown));
        check(&json!({}), Err(unknown));
        check(&json!({ "hits": { "total": 1 } }), Err("the answer has no buckets"));
    }
}
