//! Alerts over HTTP: `/api/v1/alerts`.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use crate::http::backend::Shared;

/// Everything there is to say of them.
pub(super) async fn list(State(backend): State<Shared>) -> Json<Value> {
    Json(backend.alerts())
}
