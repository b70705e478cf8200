//! Workflows over HTTP: `/api/v1/workflows` and `/api/v1/workflows/{id}`.

use axum::Json;
use axum::extract::{Path, Query as Parameters, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::http::routes::{MAX_LIMIT, Refusal, Shared, Stop, bad, budget, question, refused, window};
use crate::query::Query;
use crate::search::{Clock, ListRequest, Outcome, Sort, without_pipes, workflow, workflows};
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

/// A word that is one of a few.
fn word<T: DeserializeOwned>(text: &str, known: &str) -> Result<T, Refusal> {
    serde_json::from_value(json!(text.trim())).map_err(|_| bad(format!("{text:?} must be {known}")))
}

fn judged(stalled_after: Option<&str>, now: i64) -> Result<Clock, Refusal> {
    let span = |text: &str| text.parse::<Span>().map(Span::nanoseconds).map_err(bad);
    Ok(Clock { now, stalled_after: stalled_after.map_or(Ok(DEFAULT_STALLED), span)? })
}

pub(super) async fn list(
    State(backend): State<Shared>,
    Parameters(q): Parameters<ListQuestion>,
) -> Result<Json<Value>, Refusal> {
    let now = clock::now();
    let stop = Stop::default();
    let outcomes = q.outcome.as_deref().unwrap_or("").split(',').filter(|text| !text.trim().is_empty());
    let known = "completed, failed, cancelled, running or stalled";
    let outcomes = outcomes.map(|text| match word::<Outcome>(text, known)? {
        outcome if Outcome::OF_WORKFLOWS.contains(&outcome) => Ok(outcome),
        _ => Err(bad(format!("{text:?} must be {known}"))),
    });
    let sorts = "start, end, duration, retries, errors, lines, type or id";
    let request = ListRequest {
        query: Query::parse(&q.query).map_err(bad)?,
        window: window((q.since.as_deref(), q.until.as_deref()), now, now - DEFAULT_SINCE)?,
        outcomes: outcomes.collect::<Result<_, _>>()?,
        kind: q.r#type,
        agent: q.agent,
        sort: q.sort.as_deref().map_or(Ok(Sort::default()), |text| word(text, sorts))?,
        reverse: q.reverse,
        limit: q.limit.unwrap_or(100).min(MAX_LIMIT),
        clock: judged(q.stalled_after.as_deref(), now)?,
        budget: budget(&backend, &stop),
    };
    without_pipes(&request.query).map_err(refused)?;
    let list = question(move || workflows(&backend.snapshot(), &request)).await?.map_err(refused)?;
    Ok(Json(list.to_json()))
}

pub(super) async fn one(
    State(backend): State<Shared>,
    Path(id): Path<String>,
    Parameters(q): Parameters<OneQuestion>,
) -> Result<Json<Value>, Refusal> {
    let clock = judged(q.stalled_after.as_deref(), clock::now())?;
    let stop = Stop::default();
    let budget = budget(&backend, &stop);
    let asked = id.clone();
    let one = question(move || workflow(&backend.snapshot(), &asked, clock, &budget)).await?.map_err(refused)?;
    match one.workflow {
        Some(_) => Ok(Json(one.to_json())),
        None => Err(Refusal(StatusCode::NOT_FOUND, one.missing(&id))),
    }
}
