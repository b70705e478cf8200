//! `/api/v1/tail`: new entries as server-sent events, from now on.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::extract::{Query as Parameters, State};
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::response::Response;
use futures_util::stream;
use serde::Deserialize;

use crate::http::backend::Shared;
use crate::http::live::MAX_TAILS;
use crate::http::problem::Problem;
use crate::http::question::condition;
use crate::http::reply::with_headers;

pub(super) const EVENT_STREAM: &str = "text/event-stream";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    #[serde(default)]
    query: String,
    #[serde(default)]
    raw: bool,
}

pub(super) async fn tail(
    State(backend): State<Shared>,
    Parameters(q): Parameters<Question>,
) -> Result<Response, Problem> {
    let query = condition(&q.query)?;
    let too_many = || Problem::busy(format!("{MAX_TAILS} follow already"));
    let events = backend.tails().join(query, q.raw).ok_or_else(too_many)?;
    // Something at once, so that whoever asked knows that it was understood.
    let first = Bytes::from_static(b"retry: 2000\n\n");
    let pieces = stream::unfold((Some(first), events), async |(first, mut events)| {
        let piece = match first {
            Some(first) => first,
            None => events.recv().await?,
        };
        Some((Ok::<_, Infallible>(piece), (None, events)))
    });
    let mut response = with_headers(Body::from_stream(pieces), EVENT_STREAM, false);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
