//! Routes and their limits. Errors are `{"error": "…"}` with a status that fits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{Query as Parameters, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::http::workflows;
use crate::query::{Query, parse_time};
use crate::search::{Budget, By, RateRequest, Request, SearchError, Window, ask, rate, without_pipes};
use crate::store::Snapshot;
use crate::sys::clock;
use crate::sys::units::Span;

/// Most entries in one answer.
pub(super) const MAX_LIMIT: usize = 10_000;
/// Most steps in one rate.
const MAX_STEPS: i64 = 10_000;

/// What a daemon can be asked to do; on the control socket only.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Control {
    Ingest {
        paths: Vec<std::path::PathBuf>,
        pipeline: Option<String>,
    },
    IngestState {
        paths: Vec<std::path::PathBuf>,
    },
    Prune {
        dry_run: bool,
    },
    Rotate {
        dry_run: bool,
        force: bool,
    },
    RotationPlan {
        force: bool,
    },
    RemoveOrphans,
    /// From the first entry on that is not older, nanoseconds since the epoch.
    ShipReplay {
        sink: String,
        since: i64,
    },
    ShipSkip {
        sink: String,
    },
    Commit,
}

/// What the routes need of the daemon.
pub trait Backend: Send + Sync + 'static {
    fn snapshot(&self) -> Snapshot;
    /// What one question may cost.
    fn budget(&self) -> Budget;
    fn status(&self) -> Value;
    /// Reasons not to be healthy; none when all is well.
    fn problems(&self) -> Vec<String>;
    /// Prometheus text.
    fn metrics(&self) -> String;
    /// Does what is asked; the error is for the person who asked.
    fn control(&self, control: Control) -> Result<Value, String>;
}

pub(super) type Shared = Arc<dyn Backend>;

/// An error answer.
pub(super) struct Refusal(pub StatusCode, pub String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

pub(super) fn bad(message: impl ToString) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, message.to_string())
}

pub(super) fn failed(message: impl ToString) -> Refusal {
    Refusal(StatusCode::INTERNAL_SERVER_ERROR, message.to_string())
}

pub(super) fn refused(error: SearchError) -> Refusal {
    match error {
        SearchError::Question(_) => bad(error),
        SearchError::Store(_) => failed(error),
    }
}

/// What everybody may ask.
pub fn router(backend: Shared) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/status", get(|State(b): State<Shared>| async move { Json(b.status()) }))
        .route("/metrics", get(metrics))
        .route("/api/v1/search", get(search))
        .route("/api/v1/rate", get(rates))
        .route("/api/v1/workflows", get(workflows::list))
        .route("/api/v1/workflows/{id}", get(workflows::one))
        .with_state(backend)
}

/// What the owner of the data folder may ask, over the control socket.
pub fn control_router(backend: Shared) -> Router {
    router(backend.clone()).merge(Router::new().route("/control", post(control)).with_state(backend))
}

async fn health(State(backend): State<Shared>) -> Response {
    let problems = backend.problems();
    let (status, word) = match problems.is_empty() {
        true => (StatusCode::OK, "healthy"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "degraded"),
    };
    (status, Json(json!({ "status": word, "problems": problems }))).into_response()
}

async fn metrics(State(backend): State<Shared>) -> Response {
    ([("content-type", "text/plain; version=0.0.4; charset=utf-8")], backend.metrics()).into_response()
}

/// Everything a question may say. Times are as on the command line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    #[serde(default)]
    query: String,
    since: Option<String>,
    until: Option<String>,
    limit: Option<usize>,
    /// The `next` of the page before.
    after: Option<String>,
    #[serde(default)]
    raw: bool,
    step: Option<String>,
    by: Option<String>,
}

impl Question {
    fn query(&self) -> Result<Query, Refusal> {
        Query::parse(&self.query).map_err(bad)
    }

    fn window(&self, now: i64, default_since: i64) -> Result<Window, Refusal> {
        window((self.since.as_deref(), self.until.as_deref()), now, default_since)
    }
}

/// The window from one time to another, as they were given.
pub(super) fn window(
    (since, until): (Option<&str>, Option<&str>),
    now: i64,
    default_since: i64,
) -> Result<Window, Refusal> {
    let time = |text: Option<&str>, default| text.map_or(Ok(default), |text| parse_time(text, now).map_err(bad));
    Ok(Window { since: time(since, default_since)?, until: time(until, i64::MAX)? })
}

/// Cancels a question when it is dropped: whoever asked is gone.
#[derive(Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub(super) fn budget(backend: &Shared, stop: &Stop) -> Budget {
    Budget { cancel: stop.0.clone(), ..backend.budget() }
}

/// Questions that are answered at once. Each has a budget of memory; more of them wait for their turn.
static TURNS: Semaphore = Semaphore::const_new(4);

/// Runs a question beside the server, not in its way, when it is its turn.
pub(super) async fn question<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    let _turn = TURNS.acquire().await.map_err(failed)?;
    beside(work).await
}

async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.map_err(failed)
}

async fn search(State(backend): State<Shared>, Parameters(q): Parameters<Question>) -> Result<Json<Value>, Refusal> {
    let stop = Stop::default();
    let request = Request {
        query: q.query()?,
        window: q.window(clock::now(), i64::MIN)?,
        limit: q.limit.unwrap_or(100).min(MAX_LIMIT),
        after: q.after.as_deref().map(str::parse).transpose().map_err(bad)?,
        budget: budget(&backend, &stop),
    };
    let raw = q.raw;
    let answer = question(move || ask(&backend.snapshot(), &request, clock::now())).await?.map_err(refused)?;
    Ok(Json(answer.to_json(raw)))
}

async fn rates(State(backend): State<Shared>, Parameters(q): Parameters<Question>) -> Result<Json<Value>, Refusal> {
    let now = clock::now();
    let step = q.step.as_deref().unwrap_or("1m").parse::<Span>().map_err(bad)?.nanoseconds();
    let window = q.window(now, now - 3600 * clock::SECOND)?;
    let window = Window { until: window.until.min(now + 86_400 * clock::SECOND), ..window };
    if step < clock::SECOND / 1000 || window.until.saturating_sub(window.since) / step > MAX_STEPS {
        return Err(bad(format!("more than {MAX_STEPS} steps; take a longer step or a shorter window")));
    }
    let by = serde_json::from_value(json!(q.by.as_deref().unwrap_or("none")));
    let by: By = by.map_err(|_| bad("by must be none, service, workflow_type, agent or level"))?;
    let stop = Stop::default();
    let request = RateRequest { query: q.query()?, window, step, by, budget: budget(&backend, &stop) };
    without_pipes(&request.query).map_err(refused)?;
    let report = question(move || rate(&backend.snapshot(), &request)).await?.map_err(refused)?;
    Ok(Json(report.to_json(by, step)))
}

async fn control(State(backend): State<Shared>, Json(control): Json<Control>) -> Result<Json<Value>, Refusal> {
    beside(move || backend.control(control)).await?.map(Json).map_err(failed)
}
