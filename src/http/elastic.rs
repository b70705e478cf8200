//! Elasticsearch's search API under `/elastic`: what clients and Grafana read with. `elastic::serve` answers; here are
//! the paths, the parameters of addresses, and the shape of errors.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Instant;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, Query as Parameters, Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::elastic::serve::{self, Fault, INDEX, Scrolled, Search};
use crate::http::backend::Shared;
use crate::http::problem::{PROBLEM_JSON, Problem};
use crate::http::question::{Stop, budget, question};
use crate::http::reply::{self, Accepts};
use crate::receive::{BodyError, decode};
use crate::search::Budget;
use crate::store::Snapshot;
use crate::sys::clock;

/// Where all of this is.
const PREFIX: &str = "/elastic";
/// Clients look for this before they go on.
pub(super) const PRODUCT: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-elastic-product"), HeaderValue::from_static("Elasticsearch"));
/// Longest error that is given another shape, in bytes.
const MAX_ERROR: usize = 64 * 1024;

type Given = Parameters<BTreeMap<String, String>>;
type Index = Option<Path<String>>;

/// Gives answers under the prefix the header that clients want, and their errors the shape.
pub(super) async fn in_its_shape(request: Request, next: Next) -> Response {
    let is_here = is_here(request.uri().path());
    let mut response = next.run(request).await;
    if !is_here {
        return response;
    }
    let kind = response.headers().get(CONTENT_TYPE);
    if kind.is_some_and(|kind| kind.as_bytes() == PROBLEM_JSON.as_bytes()) {
        response = shaped(response).await;
    }
    response.headers_mut().insert(PRODUCT.0, PRODUCT.1);
    response
}

/// Takes bodies out of their compression, which official clients use when told to. What is in it may be as long as a body
/// that has none.
pub(super) async fn unpacked(State(most): State<usize>, request: Request, next: Next) -> Response {
    let is_packed = request.headers().contains_key(CONTENT_ENCODING) && is_here(request.uri().path());
    if !is_packed {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let encoding = parts.headers.remove(CONTENT_ENCODING);
    parts.headers.remove(CONTENT_LENGTH);
    let encoding = encoding.as_ref().map(|value| value.to_str().unwrap_or("?"));
    let content = match to_bytes(body, most).await {
        Ok(body) => decode(&body, encoding, most),
        // It has no other word for it.
        Err(error) if error.to_string().contains("length limit") => Err(BodyError::TooLong(most)),
        Err(error) => return Problem::bad(format!("the body cannot be read: {error}")).into_response(),
    };
    match content {
        Ok(content) => next.run(Request::from_parts(parts, Body::from(content))).await,
        Err(error) => refused(&error, &error).into_response(),
    }
}

/// Why a body is not taken.
pub(super) fn refused(error: &BodyError, detail: &dyn Display) -> Problem {
    let status = match error {
        BodyError::TooLong(_) => StatusCode::PAYLOAD_TOO_LARGE,
        BodyError::Unknown(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        BodyError::Damaged(..) => StatusCode::BAD_REQUEST,
    };
    Problem::new(status, detail)
}

fn is_here(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

async fn shaped(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let said = to_bytes(body, MAX_ERROR).await.unwrap_or_default();
    let said: Value = serde_json::from_slice(&said).unwrap_or_default();
    let kind = match parts.status {
        StatusCode::SERVICE_UNAVAILABLE => "es_rejected_execution_exception",
        StatusCode::NOT_FOUND => "resource_not_found_exception",
        status if status.is_server_error() => "exception",
        _ => "illegal_argument_exception",
    };
    let fault = Fault::new(parts.status.as_u16(), kind, said["detail"].as_str().unwrap_or("it cannot be answered"));
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(reply::JSON));
    Response::from_parts(parts, Body::from(fault.to_json().to_string()))
}

fn failed(accepts: Accepts, fault: &Fault) -> Response {
    let mut response = reply::json(accepts, &fault.to_json());
    *response.status_mut() = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::BAD_REQUEST);
    response
}

/// Answers with what `work` makes of the store, when it is its turn.
async fn answer(
    backend: Shared,
    accepts: Accepts,
    work: impl FnOnce(&Snapshot, &Budget) -> Result<Value, Fault> + Send + 'static,
) -> Result<Response, Problem> {
    let stop = Stop::default();
    let budget = budget(&backend, &stop);
    question(move || match work(&backend.snapshot(), &budget) {
        Ok(value) => reply::json(accepts, &value),
        Err(fault) => failed(accepts, &fault),
    })
    .await
}

/// The names of indices in an address, if it has them.
fn names(index: Index) -> String {
    index.map_or_else(String::new, |Path(names)| names)
}

fn is_named(index: &str, given: &BTreeMap<String, String>) -> Result<bool, Fault> {
    serve::is_named(index, given.get("ignore_unavailable").is_some_and(|word| word != "false"))
}

/// What a search finds where there is no index of this name: nothing.
fn of_nothing(body: &mut Value) {
    if let Some(body) = body.as_object_mut() {
        body.insert("query".to_owned(), json!({ "match_none": {} }));
    }
}

/// The body with what the address says beside it.
fn with_parameters(text: &[u8], given: &BTreeMap<String, String>) -> Result<Value, Fault> {
    let mut body = serve::body(text)?;
    let Some(object) = body.as_object_mut() else { return Ok(body) };
    let mut set = |name: &str, value: Value| drop(object.insert(name.to_owned(), value));
    let list = |text: &str| Value::from(text.split(',').collect::<Vec<_>>());
    for (name, text) in given {
        match name.as_str() {
            "size" | "from" | "track_total_hits" | "timeout" | "rest_total_hits_as_int" => {
                set(name, text.as_str().into());
            }
            "sort" => set(name, list(text)),
            "_source" if text == "true" || text == "false" => set(name, (text == "true").into()),
            "_source" => set(name, list(text)),
            "q" => {
                let mut query = json!({ "query": text });
                for (ours, theirs) in [("default_operator", "default_operator"), ("default_field", "df")] {
                    if let Some(value) = given.get(theirs) {
                        query[ours] = value.as_str().into();
                    }
                }
                set("query", json!({ "query_string": query }));
            }
            _ => {}
        }
    }
    let parts = [("includes", "_source_includes"), ("excludes", "_source_excludes")];
    let parts: serde_json::Map<String, Value> =
        parts.iter().filter_map(|(ours, theirs)| Some(((*ours).to_owned(), list(given.get(*theirs)?)))).collect();
    if !parts.is_empty() {
        set("_source", parts.into());
    }
    Ok(body)
}

pub(super) async fn root(accepts: Accepts) -> Response {
    reply::json(accepts, &serve::about())
}

pub(super) async fn search(
    State(backend): State<Shared>,
    accepts: Accepts,
    index: Index,
    Parameters(given): Given,
    text: Bytes,
) -> Result<Response, Problem> {
    let index = names(index);
    answer(backend, accepts, move |snapshot, budget| {
        let mut body = with_parameters(&text, &given)?;
        if !is_named(&index, &given)? {
            of_nothing(&mut body);
        }
        let now = clock::now();
        if given.contains_key("scroll") {
            return Scrolled::first(body, snapshot.next_sequence, now).page(snapshot, budget);
        }
        serve::search(snapshot, &Search::read(&body, now)?, budget)
    })
    .await
}

pub(super) async fn multi_search(
    State(backend): State<Shared>,
    accepts: Accepts,
    index: Index,
    text: Bytes,
) -> Result<Response, Problem> {
    let index = names(index);
    answer(backend, accepts, move |snapshot, budget| {
        let begun = Instant::now();
        let nothing = || Search::read(&json!({ "query": { "match_none": {} } }), 0);
        let mut bytes = budget.result_bytes;
        let one = |asked: Result<Option<Search>, Fault>| {
            // All of them share the time and the memory of one question.
            let time = budget.time.saturating_sub(begun.elapsed());
            let budget = Budget { time, result_bytes: bytes, ..budget.clone() };
            let asked = asked.and_then(|asked| asked.map_or_else(nothing, Ok));
            match asked.and_then(|asked| serve::search(snapshot, &asked, &budget)) {
                Ok(mut answer) => {
                    bytes = bytes.saturating_sub(answer.to_string().len());
                    answer["status"] = 200.into();
                    answer
                }
                Err(fault) => fault.to_json(),
            }
        };
        let answers: Vec<Value> = serve::multi_search(&text, &index, clock::now())?.into_iter().map(one).collect();
        Ok(json!({ "took": begun.elapsed().as_millis() as u64, "responses": answers }))
    })
    .await
}

pub(super) async fn count(
    State(backend): State<Shared>,
    accepts: Accepts,
    index: Index,
    Parameters(given): Given,
    text: Bytes,
) -> Result<Response, Problem> {
    let index = names(index);
    answer(backend, accepts, move |snapshot, budget| {
        let mut body = with_parameters(&text, &given)?;
        if !is_named(&index, &given)? {
            of_nothing(&mut body);
        }
        serve::count(snapshot, &Search::read(&body, clock::now())?, budget)
    })
    .await
}

pub(super) async fn scroll(
    State(backend): State<Shared>,
    accepts: Accepts,
    Parameters(given): Given,
    text: Bytes,
) -> Result<Response, Problem> {
    answer(backend, accepts, move |snapshot, budget| {
        let mut body = serve::body(&text)?;
        for (name, value) in given.iter().filter(|(name, _)| matches!(name.as_str(), "scroll_id" | "scroll")) {
            if let Some(object) = body.as_object_mut() {
                object.insert(name.clone(), value.as_str().into());
            }
        }
        serve::scroll(&body)?.page(snapshot, budget)
    })
    .await
}

/// Ends a scroll or a point in time.
pub(super) async fn close(accepts: Accepts, text: Bytes) -> Response {
    match serve::body(&text) {
        Ok(body) => reply::json(accepts, &serve::close(&body)),
        Err(fault) => failed(accepts, &fault),
    }
}

pub(super) async fn open_point(
    State(backend): State<Shared>,
    accepts: Accepts,
    index: Index,
    Parameters(given): Given,
) -> Result<Response, Problem> {
    let index = names(index);
    answer(backend, accepts, move |snapshot, _| {
        is_named(&index, &given)?;
        Ok(serve::open_point(snapshot.next_sequence, clock::now() / 1_000_000))
    })
    .await
}

pub(super) async fn mapping(
    State(backend): State<Shared>,
    accepts: Accepts,
    index: Index,
    Parameters(given): Given,
) -> Result<Response, Problem> {
    let index = names(index);
    answer(
        backend,
        accepts,
        move |snapshot, budget| {
            if is_named(&index, &given)? { serve::mapping(snapshot, budget) } else { Ok(json!({})) }
        },
    )
    .await
}

pub(super) async fn field_caps(
    State(backend): State<Shared>,
    accepts: Accepts,
    index: Index,
    Parameters(given): Given,
    text: Bytes,
) -> Result<Response, Problem> {
    let index = names(index);
    answer(backend, accepts, move |snapshot, budget| {
        let body = serve::body(&text)?;
        if !is_named(&index, &given)? {
            return Ok(json!({ "indices": [], "fields": {} }));
        }
        let named =
            body["fields"].as_array().map(|list| list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","));
        let patterns =
            named.or_else(|| body["fields"].as_str().map(str::to_owned)).or_else(|| given.get("fields").cloned());
        serve::field_caps(snapshot, patterns.as_deref().unwrap_or("*"), budget)
    })
    .await
}

pub(super) async fn cluster_health(accepts: Accepts) -> Response {
    reply::json(accepts, &serve::cluster_health())
}

/// `_cat/indices` as JSON; there is no other form.
pub(super) async fn indices(
    State(backend): State<Shared>,
    accepts: Accepts,
    index: Index,
    Parameters(given): Given,
) -> Result<Response, Problem> {
    let index = names(index);
    answer(backend, accepts, move |snapshot, budget| {
        if !is_named(&index, &given)? {
            return Ok(json!([]));
        }
        let all = Search::read(&json!({}), 0)?;
        let count = serve::count(snapshot, &all, budget)?;
        Ok(json!([{
            "health": "green", "status": "open", "index": INDEX, "uuid": INDEX, "pri": "1", "rep": "0",
            "docs.count": count["count"].to_string(), "docs.deleted": "0",
        }]))
    })
    .await
}

pub(super) async fn resolve(accepts: Accepts, index: Index, Parameters(given): Given) -> Response {
    match is_named(&names(index), &given) {
        Ok(is_there) => {
            let indices = if is_there { json!([{ "name": INDEX, "attributes": ["open"] }]) } else { json!([]) };
            reply::json(accepts, &json!({ "indices": indices, "aliases": [], "data_streams": [] }))
        }
        Err(fault) => failed(accepts, &fault),
    }
}
