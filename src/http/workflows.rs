//! Workflows over HTTP: `/api/v1/workflows` and `/api/v1/workflows/{id}`.

use axum::extract::{Path, Query as Parameters, State};
use axum::response::Response;
use serde::Deserialize;

use crate::http::backend::Shared;
use crate::http::looked::looked;
use crate::http::problem::Problem;
use crate::http::question::{Stop, budget, condition, question, window, word};
use crate::http::reply::{self, Accepts};
use crate::http::search::MAX_LIMIT;
use crate::search::{Clock, ListRequest, Outcome, Sort, workflow, workflows};
use crate::store::Snapshot;
use crate::sys::clock::{self, SECOND};
use crate::sys::units::Span;

/// How far back a list looks where nothing is said: a day.
const DEFAULT_SINCE: i64 = 86_400 * SECOND;
/// A workflow without an end and without an entry for so long is stalled, where nothing is said: an hour.
const DEFAULT_STALLED: i64 = 3600 * SECOND;

/// What a list may be asked for, as on the command line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuestion {
    #[serde(default)]
    query: String,
    since: Option<String>,
    until: Option<String>,
    /// One or several, separated by commas.
    outcome: Option<String>,
    r#type: Option<String>,
    agent: Option<String>,
    sort: Option<String>,
    #[serde(default)]
    reverse: bool,
    limit: Option<usize>,
    stalled_after: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OneQuestion {
    stalled_after: Option<String>,
}

fn judged(stalled_after: Option<&str>, now: i64) -> Result<Clock, Problem> {
    let wrong = |error| Problem::bad(format!("stalled_after: {error}"));
    let span = |text: &str| text.parse::<Span>().map(Span::nanoseconds).map_err(wrong);
    Ok(Clock { now, stalled_after: stalled_after.map_or(Ok(DEFAULT_STALLED), span)? })
}

pub(super) async fn list(
    State(backend): State<Shared>,
    accepts: Accepts,
    Parameters(q): Parameters<ListQuestion>,
) -> Result<Response, Problem> {
    let now = clock::now();
    let stop = Stop::default();
    let outcomes = q.outcome.as_deref().unwrap_or("").split(',').filter(|text| !text.trim().is_empty());
    let known = "completed, failed, cancelled, running or stalled";
    let outcomes = outcomes.map(|text| match word::<Outcome>("outcome", text, known)? {
        outcome if Outcome::OF_WORKFLOWS.contains(&outcome) => Ok(outcome),
        _ => Err(Problem::bad(format!("outcome: {text:?} must be {known}"))),
    });
    let sorts = "start, end, duration, retries, errors, lines, type or id";
    let request = ListRequest {
        query: condition(&q.query)?,
        window: window((q.since.as_deref(), q.until.as_deref()), now, now - DEFAULT_SINCE)?,
        outcomes: outcomes.collect::<Result<_, _>>()?,
        kind: q.r#type,
        agent: q.agent,
        sort: q.sort.as_deref().map_or(Ok(Sort::default()), |text| word("sort", text, sorts))?,
        reverse: q.reverse,
        limit: q.limit.unwrap_or(100).min(MAX_LIMIT),
        clock: judged(q.stalled_after.as_deref(), now)?,
        budget: budget(&backend, &stop),
    };
    question(move || {
        let of_store = |snapshot: &Snapshot| workflows(snapshot, &request);
        let list = looked(&backend, of_store, async |cluster| cluster.workflows(&request).await)?;
        Ok(reply::json(accepts, &list.to_json()))
    })
    .await?
}

pub(super) async fn one(
    State(backend): State<Shared>,
    accepts: Accepts,
    Path(id): Path<String>,
    Parameters(q): Parameters<OneQuestion>,
) -> Result<Response, Problem> {
    let clock = judged(q.stalled_after.as_deref(), clock::now())?;
    let stop = Stop::default();
    let budget = budget(&backend, &stop);
    question(move || {
        let of_store = |snapshot: &Snapshot| workflow(snapshot, &id, clock, &budget);
        let one = looked(&backend, of_store, async |cluster| cluster.workflow(&id, clock, &budget).await)?;
        match one.workflow {
            Some(_) => Ok(reply::json(accepts, &one.to_json())),
            None => Err(Problem::missing(one.missing(&id))),
        }
    })
    .await?
}
