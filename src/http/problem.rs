//! Errors in one shape, RFC 9457: `application/problem+json` with `type`, `title`, `status` and `detail`, and for a
//! mistake in a query where it is and the way out.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use serde_json::{Value, json};

use crate::query::QueryError;
use crate::search::SearchError;

/// The media type of an error.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";
/// Longest text that axum gives with a refusal of its own, in bytes.
const MAX_DETAIL: usize = 4096;
/// After so many seconds it is worth to ask again.
const RETRY_SECONDS: &str = "1";

/// An error answer.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    pub detail: String,
    query: Option<Box<QueryError>>,
}

impl Problem {
    pub fn new(status: StatusCode, detail: impl ToString) -> Problem {
        Problem { status, detail: detail.to_string(), query: None }
    }

    /// Whoever asks has made a mistake.
    pub fn bad(detail: impl ToString) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, detail)
    }

    pub fn missing(detail: impl ToString) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, detail)
    }

    /// There is too much to do; it may be otherwise in a moment.
    pub fn busy(detail: impl ToString) -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    /// The daemon could not do what it should.
    pub fn failed(detail: impl ToString) -> Problem {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }

    fn to_json(&self) -> Value {
        let mut body = body(self.status, &self.detail);
        if let Some(error) = &self.query {
            let (line, column) = error.line_and_column();
            body["type"] = "urn:logmill:problem:query".into();
            body["title"] = "There is a mistake in the query".into();
            body["position"] = error.position.into();
            body["line"] = line.into();
            body["column"] = column.into();
            body["hint"] = error.hint().into();
        }
        body
    }
}

fn body(status: StatusCode, detail: &str) -> Value {
    json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": detail,
    })
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Problem {
        Problem { detail: error.message.clone(), query: Some(Box::new(error)), ..Problem::bad("") }
    }
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Problem {
        match error {
            SearchError::Question(_) => Problem::bad(error),
            SearchError::Store(_) => Problem::failed(error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.to_json().to_string()).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS));
        }
        response
    }
}

/// Gives what axum refuses by itself (no such path, another method, parameters and bodies that cannot be read) the same
/// shape, and what panicked an answer.
pub(super) async fn in_one_shape(request: Request, next: Next) -> Response {
    let response = match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            let why = words(&*panic);
            tracing::error!("an HTTP request failed: {why}");
            Problem::failed("this is a mistake in logmill; its log says more").into_response()
        }
    };
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    if !is_error || is_json(&response) { response } else { shaped(response).await }
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic")
}

/// Ours are.
fn is_json(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.ends_with("json"))
}

async fn shaped(response: Response) -> Response {
    let (mut parts, inner) = response.into_parts();
    let said = to_bytes(inner, MAX_DETAIL).await.unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let detail = match (said.trim(), parts.status) {
        ("", StatusCode::NOT_FOUND) => "there is nothing at this path; /api/v1/openapi.json says what there is",
        ("", StatusCode::METHOD_NOT_ALLOWED) => "this path has other methods; the header `allow` names them",
        ("", _) => "the request cannot be answered",
        (said, _) => said,
    };
    let text = body(parts.status, detail).to_string();
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    Response::from_parts(parts, Body::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Query;

    #[test]
    fn a_mistake_in_a_query_has_a_place_and_a_way_out() {
        let check = |query: &str, (position, line, column): (u64, u64, u64), hint: &str| {
            let body = Problem::from(Query::parse(query).unwrap_err()).to_json();
            assert_eq!(
                (&body["position"], &body["line"], &body["column"]),
                (&position.into(), &line.into(), &column.into())
            );
            assert!(body["hint"].as_str().unwrap().starts_with(hint), "{query}: {body}");
            assert_eq!(body["status"], 400);
        };
        check("(a b", (0, 1, 1), "add a `)`");
        check("ä\nlevel:eror", (9, 2, 7), "did you mean `error`?");
    }
}
