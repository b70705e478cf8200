//! What programs that ship logs to Elasticsearch ask before they send: the version and the license, how the cluster is,
//! and whether their templates, policies and data streams are there.
//!
//! Here any index takes any document, so all that they would set up is there already, and what they set up all the same
//! changes nothing.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::elastic::serve;
use crate::http::elastic::PRODUCT;

/// The paths of it; `HEAD` goes with each `GET`.
pub(super) fn shippers<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let paths: [(&str, MethodRouter<S>); 10] = [
        ("/", get(async || Json(serve::about()))),
        ("/_license", get(async || Json(serve::license()))),
        ("/_xpack", get(async || Json(serve::xpack()))),
        ("/_cluster/health", get(async || Json(serve::cluster_health()))),
        ("/_cat/health", get(health)),
        ("/_ilm/policy/{name}", get(policy).put(set_up)),
        ("/_index_template/{name}", get(template).put(set_up)),
        ("/_component_template/{name}", get(component).put(set_up)),
        ("/_template/{name}", get(old_template).put(set_up)),
        ("/_data_stream/{name}", get(data_stream).put(set_up)),
    ];
    let router = paths.into_iter().fold(Router::new(), |router, (path, handler)| router.route(path, handler));
    router.route_layer(map_response(of_elasticsearch))
}

/// Clients of Elasticsearch look for this header.
pub(super) async fn of_elasticsearch(mut answer: Response) -> Response {
    answer.headers_mut().insert(PRODUCT.0, PRODUCT.1);
    answer
}

/// A line of text, as it is there: time, name, state.
async fn health() -> Response {
    (
        [(CONTENT_TYPE, "text/plain; charset=UTF-8")],
        format!("0 00:00:00 {} green 1 1 1 1 0 0 0 0 - 100.0%\n", serve::INDEX),
    )
        .into_response()
}

async fn policy(Path(name): Path<String>) -> Json<Value> {
    Json(json!({ name: { "version": 1, "modified_date": "1970-01-01T00:00:00.000Z", "policy": { "phases": {} } } }))
}

async fn template(Path(name): Path<String>) -> Json<Value> {
    let template = json!({ "index_patterns": ["*"], "template": {}, "composed_of": [] });
    Json(json!({ "index_templates": [{ "name": name, "index_template": template }] }))
}

async fn component(Path(name): Path<String>) -> Json<Value> {
    Json(json!({ "component_templates": [{ "name": name, "component_template": { "template": {} } }] }))
}

async fn old_template(Path(name): Path<String>) -> Json<Value> {
    Json(json!({ name: { "order": 0, "index_patterns": ["*"], "settings": {}, "mappings": {}, "aliases": {} } }))
}

async fn data_stream(Path(name): Path<String>) -> Json<Value> {
    let stream = json!({
        "name": name, "timestamp_field": { "name": "@timestamp" }, "indices": [], "generation": 1, "status": "GREEN",
        "template": serve::INDEX,
    });
    Json(json!({ "data_streams": [stream] }))
}

async fn set_up() -> (StatusCode, Json<Value>) {
    (StatusCode::OK, Json(json!({ "acknowledged": true })))
}
