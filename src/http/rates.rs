//! `/api/v1/rate`: error rates over time; `/api/v1/histogram`: how many entries at each level, step by step.

use std::collections::BTreeMap;

use axum::extract::{Query as Parameters, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::backend::Shared;
use crate::http::looked::{answered, looked};
use crate::http::problem::Problem;
use crate::http::question::{Stop, budget, condition, question, window, word};
use crate::http::reply::{self, Accepts};
use crate::query::Field;
use crate::query::pipe::{Function, FunctionKind, Group, Pipe};
use crate::record::{Level, Value as Cell, timestamp};
use crate::search::{Body, By, RateRequest, Request, Table, Window, rate, step_start};
use crate::store::Snapshot;
use crate::sys::clock::{self, SECOND};
use crate::sys::units::Span;

/// How far back where nothing is said: an hour.
const DEFAULT_SINCE: i64 = 3600 * SECOND;
/// A window without an end goes on for so long: a day. Clocks differ.
const DEFAULT_AHEAD: i64 = 86_400 * SECOND;
/// Most steps in one answer.
const MAX_STEPS: i64 = 10_000;
/// Shortest step.
const MIN_STEP: i64 = SECOND / 1000;
/// Steps of a histogram where nothing is said.
const STEPS: i64 = 60;
/// Lengths of a step that people understand, in seconds.
const ROUND: [i64; 19] =
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 604_800];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RateQuestion {
    #[serde(default)]
    query: String,
    since: Option<String>,
    until: Option<String>,
    step: Option<String>,
    by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HistogramQuestion {
    #[serde(default)]
    query: String,
    since: Option<String>,
    until: Option<String>,
    step: Option<String>,
    steps: Option<i64>,
}

fn span(text: &str) -> Result<i64, Problem> {
    let span: Span = text.parse().map_err(|error| Problem::bad(format!("step: {error}")))?;
    Ok(span.nanoseconds())
}

/// Whether so many steps are not too many.
fn fits(step: i64, window: Window) -> Result<(), Problem> {
    if step < MIN_STEP || window.until.saturating_sub(window.since) / step > MAX_STEPS {
        let message = format!("more than {MAX_STEPS} steps; take a longer step or a shorter window");
        return Err(Problem::bad(message));
    }
    Ok(())
}

pub(super) async fn rates(
    State(backend): State<Shared>,
    accepts: Accepts,
    Parameters(q): Parameters<RateQuestion>,
) -> Result<Response, Problem> {
    let now = clock::now();
    let step = span(q.step.as_deref().unwrap_or("1m"))?;
    let window = window((q.since.as_deref(), q.until.as_deref()), now, now - DEFAULT_SINCE)?;
    let window = Window { until: window.until.min(now + DEFAULT_AHEAD), ..window };
    fits(step, window)?;
    let by: By = word("by", q.by.as_deref().unwrap_or("none"), "none, service, workflow_type, agent or level")?;
    let stop = Stop::default();
    let request = RateRequest { query: condition(&q.query)?, window, step, by, budget: budget(&backend, &stop) };
    question(move || {
        let of_store = |snapshot: &Snapshot| rate(snapshot, &request);
        let report = looked(&backend, of_store, async |cluster| cluster.rate(&request).await)?;
        Ok(reply::json(accepts, &report.to_json(by, step)))
    })
    .await?
}

pub(super) async fn histogram(
    State(backend): State<Shared>,
    accepts: Accepts,
    Parameters(q): Parameters<HistogramQuestion>,
) -> Result<Response, Problem> {
    let now = clock::now();
    let window = window((q.since.as_deref(), q.until.as_deref()), now, now - DEFAULT_SINCE)?;
    // What has no end ends now.
    let window =
        Window { until: if window.until == i64::MAX { now.saturating_add(1) } else { window.until }, ..window };
    let step = match (q.step, q.steps.unwrap_or(STEPS)) {
        (Some(step), _) => span(&step)?,
        (None, steps @ 1..=MAX_STEPS) => round_step(window.until.saturating_sub(window.since) / steps),
        (None, _) => return Err(Problem::bad(format!("steps must be from 1 to {MAX_STEPS}"))),
    };
    fits(step, window)?;
    let stop = Stop::default();
    let count = Function { kind: FunctionKind::Count(None), name: "count".to_owned() };
    let by = vec![Group::Step(step), Group::Field(Field::Level)];
    let query = condition(&q.query)?.then(Pipe::Stats { functions: vec![count], by });
    let request = Request { query, window, limit: 0, after: None, budget: budget(&backend, &stop) };
    question(move || {
        let answer = answered(&backend, &request, now)?;
        let Body::Table(table) = &answer.body else { return Err(Problem::failed("the counts are no table")) };
        let steps = steps(table, window, step);
        let text = |time: i64| Value::from(timestamp(time));
        Ok(reply::json(
            accepts,
            &json!({
                "since": text(window.since), "until": text(window.until), "step_seconds": step as f64 / SECOND as f64,
                "steps": steps, "partial": answer.partial, "damaged": answer.effort.damaged,
            }),
        ))
    })
    .await?
}

/// The shortest round step that is no shorter.
fn round_step(least: i64) -> i64 {
    let round = ROUND.iter().map(|seconds| seconds * SECOND).find(|step| *step >= least);
    // Whole weeks.
    let week = 604_800 * SECOND;
    round.unwrap_or_else(|| (least.saturating_sub(1) / week + 1).saturating_mul(week))
}

/// All steps of the window, also those without entries.
fn steps(table: &Table, window: Window, step: i64) -> Vec<Value> {
    let mut counts: BTreeMap<i64, BTreeMap<&str, i64>> = BTreeMap::new();
    let mut start = step_start(window.since, step);
    while start < window.until {
        counts.insert(start, BTreeMap::new());
        let Some(next) = start.checked_add(step) else { break };
        start = next;
    }
    for row in &table.rows {
        if let [Cell::Int(start), Cell::Str(level), Cell::Int(count)] = &row[..] {
            counts.entry(*start).or_default().insert(level, *count);
        }
    }
    let step = |(start, levels): (i64, BTreeMap<&str, i64>)| {
        let total: i64 = levels.values().sum();
        let errors = Level::ALL.iter().filter(|level| level.is_error()).filter_map(|level| levels.get(level.name()));
        json!({ "start": timestamp(start), "total": total, "errors": errors.sum::<i64>(), "levels": levels })
    };
    counts.into_iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        let check = |least: i64, want: i64| assert_eq!(round_step(least * SECOND), want * SECOND);
        check(0, 1);
        check(1, 1);
        check(60, 60);
        check(61, 120);
        check(86_401, 604_800);
        check(604_801, 2 * 604_800);
        assert_eq!(round_step(i64::MAX), i64::MAX);
    }
}
