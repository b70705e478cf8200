//! What the daemon tells of itself: `/health`, `/status`, `/metrics`, and its parts under `/api/v1`. What changes
//! something is on the control socket only.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::http::backend::{Control, Health, Shared};
use crate::http::openapi::DOCUMENT;
use crate::http::problem::Problem;
use crate::http::question::beside;
use crate::http::reply::{self, Accepts};

/// The media type of metrics.
pub(super) const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

fn state(Health { live, problems }: &Health, is_well: bool) -> Response {
    let status = if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let word = if problems.is_empty() { "healthy" } else { "degraded" };
    let body = json!({ "status": word, "live": live, "ready": problems.is_empty(), "problems": problems });
    (status, Json(body)).into_response()
}

/// Whether all is well.
pub(super) async fn ready(State(backend): State<Shared>) -> Response {
    let health = backend.health();
    state(&health, health.problems.is_empty())
}

/// Whether a restart would not help.
pub(super) async fn live(State(backend): State<Shared>) -> Response {
    let health = backend.health();
    state(&health, health.live)
}

/// Those who are told something at once; it looks at folders. Whoever scrapes does not wait for questions.
static TELLING: Semaphore = Semaphore::const_new(4);

async fn told(tell: impl FnOnce() -> Response + Send + 'static) -> Result<Response, Problem> {
    let _turn = TELLING.acquire().await.map_err(Problem::failed)?;
    beside(tell).await
}

pub(super) async fn status(State(backend): State<Shared>, accepts: Accepts) -> Result<Response, Problem> {
    told(move || reply::json(accepts, &backend.status())).await
}

pub(super) async fn sources(State(backend): State<Shared>, accepts: Accepts) -> Result<Response, Problem> {
    told(move || reply::json(accepts, &backend.sources())).await
}

pub(super) async fn partitions(State(backend): State<Shared>, accepts: Accepts) -> Result<Response, Problem> {
    told(move || reply::json(accepts, &backend.partition_list())).await
}

pub(super) async fn rotations(State(backend): State<Shared>, accepts: Accepts) -> Result<Response, Problem> {
    told(move || reply::json(accepts, &backend.rotations())).await
}

pub(super) async fn metrics(State(backend): State<Shared>, accepts: Accepts) -> Result<Response, Problem> {
    told(move || reply::whole(accepts, METRICS, backend.metrics().into_bytes())).await
}

pub(super) async fn openapi(accepts: Accepts) -> Response {
    reply::whole(accepts, reply::JSON, DOCUMENT.into())
}

pub(super) async fn control(
    State(backend): State<Shared>,
    Json(control): Json<Control>,
) -> Result<Json<Value>, Problem> {
    beside(move || backend.control(control)).await?.map(Json).map_err(Problem::failed)
}

pub(super) async fn reload(State(backend): State<Shared>) -> Result<Json<Value>, Problem> {
    let unusable = |why| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why);
    beside(move || backend.control(Control::Reload)).await?.map(Json).map_err(unusable)
}
