//! The server that takes entries of others: a door of its own, which may be open to a network while the other stays on
//! the loopback.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Extension, Path, Query, State};
use axum::http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::http::elastic;
use crate::http::guard::guard;
use crate::http::problem::{Problem, in_one_shape};
use crate::http::shippers::{of_elasticsearch, shippers};
use crate::receive::protocols::{Malformed, Reader, bulk, lines, loki, otlp};
use crate::receive::{BodyError, Inbox, Limits, Received, Refusal, Rules, Taken, decode, left_out, of_all};
use crate::sys::clock;

/// Requests that are decoded at once: each may take some times `max_body` of memory.
const DECODING: usize = 4;
/// Bodies that are held at once take at most so many times `max_body`; others wait for their turn.
const BODIES: usize = 8;
const TURN_WITHIN: Duration = Duration::from_secs(10);
/// A body must be there after this time.
const BODY_WITHIN: Duration = Duration::from_secs(60);
/// Bytes of the file of tokens.
const TOKENS_BYTES: u64 = 1 << 20;

/// What the server needs. Clones share it.
#[derive(Clone)]
pub struct Receiver {
    inbox: Inbox,
    limits: Limits,
    tokens: Option<PathBuf>,
    max_body: usize,
    /// Those that hold now.
    rules: Arc<dyn Fn() -> Arc<Rules> + Send + Sync>,
    decoding: Arc<Semaphore>,
    /// Of each KiB that may be held.
    room: Arc<Semaphore>,
}

/// Whose connection it is.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// What the address may say of lines.
#[derive(Deserialize)]
struct Labels {
    service: Option<String>,
    source: Option<String>,
    /// The name under which another logmill sends.
    sender: Option<String>,
}

/// Whose request it is, and what came.
type Arrived = (Extension<Peer>, HeaderMap, Body);

type Parsed<T> = Result<(Vec<Received>, T), Malformed>;

impl Receiver {
    /// `max_body` in bytes; `rules` is asked for each request.
    pub fn new(
        inbox: Inbox,
        limits: Limits,
        tokens: Option<PathBuf>,
        max_body: usize,
        rules: impl Fn() -> Arc<Rules> + Send + Sync + 'static,
    ) -> Receiver {
        let room = Arc::new(Semaphore::new(BODIES * kibibytes(max_body)));
        let decoding = Arc::new(Semaphore::new(DECODING));
        Receiver { inbox, limits, tokens, max_body, rules: Arc::new(rules), decoding, room }
    }

    /// From a request to what was taken; or the answer that says why not.
    async fn take<T: Send + 'static>(
        &self,
        protocol: &'static str,
        (Peer(client), headers, body): (Peer, &HeaderMap, Body),
        encoding: Option<String>,
        parse: impl FnOnce(&[u8], &Rules) -> Parsed<T> + Send + 'static,
    ) -> Result<(T, Taken), Box<Response>> {
        self.admit(headers)?;
        let visit = self.limits.enter(client).map_err(|too_much| {
            self.inbox.count(protocol, "slowed_down", 1);
            Box::new(later(StatusCode::TOO_MANY_REQUESTS, too_much.0, "too much at once, or too fast"))
        })?;
        // Before anything is read of it.
        if self.inbox.is_full() {
            return Err(Box::new(refused(&Refusal::Full)));
        }
        let said = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let size = kibibytes(said.unwrap_or(self.max_body).min(self.max_body)) as u32;
        let room = tokio::time::timeout(TURN_WITHIN, self.room.clone().acquire_many_owned(size)).await;
        let room = room.map_err(|_| Box::new(refused(&Refusal::Busy)))?;
        let body = tokio::time::timeout(BODY_WITHIN, to_bytes(body, self.max_body)).await;
        let body = body.map_err(|_| Box::new(problem(StatusCode::REQUEST_TIMEOUT, "the body did not come in time")))?;
        let body = body.map_err(|error| Box::new(self.unread(protocol, &error)))?;
        // It is never closed.
        let place = self.decoding.clone().acquire_owned().await;
        let (max_body, rules) = (self.max_body, (self.rules)());
        let work = move || {
            let content = decode(&body, encoding.as_deref(), max_body).map_err(Wrong::Body)?;
            let (received, more) = parse(&content, &rules).map_err(Wrong::Content)?;
            Ok::<_, Wrong>((content.len(), rules.screen(protocol, received, clock::now()), more))
        };
        let done = tokio::task::spawn_blocking(work).await;
        drop((place, room));
        let done = done.map_err(|error| Box::new(problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string())))?;
        let (bytes, (kept, fates), more) = done.map_err(|wrong| {
            self.inbox.count(protocol, "malformed", 1);
            Box::new(wrong.into_response())
        })?;
        visit.charge(bytes);
        let taken = self.inbox.put(protocol, kept).await.map_err(|refusal| Box::new(refused(&refusal)))?;
        left_out(&fates).into_iter().for_each(|(outcome, count)| self.inbox.count(protocol, outcome, count));
        Ok((more, of_all(&fates, taken)))
    }

    fn unread(&self, protocol: &'static str, error: &axum::Error) -> Response {
        self.inbox.count(protocol, "malformed", 1);
        let text = error.to_string();
        // axum has no other word for it.
        match text.contains("length limit") {
            true => Wrong::Body(BodyError::TooLong(self.max_body)).into_response(),
            false => problem(StatusCode::BAD_REQUEST, &format!("the body cannot be read: {text}")),
        }
    }

    /// Whether the sender has a token, where one is wanted.
    fn admit(&self, headers: &HeaderMap) -> Result<(), Box<Response>> {
        let Some(path) = &self.tokens else { return Ok(()) };
        let wrong = |error: std::io::Error| {
            tracing::error!("{}: the tokens cannot be read, nobody may send: {error}", path.display());
            Box::new(problem(StatusCode::SERVICE_UNAVAILABLE, "the tokens cannot be read"))
        };
        let length = std::fs::metadata(path).map_err(wrong)?.len();
        let tokens = std::fs::read_to_string(path).map_err(wrong)?;
        let said = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(token).unwrap_or_default();
        let good = |known: &str| !known.is_empty() && is_same(known.as_bytes(), said.as_bytes());
        if length <= TOKENS_BYTES && tokens.lines().any(|line| good(line.trim())) {
            return Ok(());
        }
        let mut answer = problem(StatusCode::UNAUTHORIZED, "a token of this logmill's is wanted");
        answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer, Basic"));
        Err(Box::new(answer))
    }
}

fn kibibytes(bytes: usize) -> usize {
    bytes / 1024 + 1
}

/// What the header `Authorization` says: a bearer's token, or a password.
fn token(header: &str) -> Option<String> {
    let (scheme, rest) = header.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    let pair = BASE64_STANDARD.decode(rest.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    String::from_utf8(pair).ok()?.split_once(':').map(|(_, password)| password.to_owned())
}

/// Takes the same time wherever they differ.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

enum Wrong {
    Body(BodyError),
    Content(Malformed),
}

impl IntoResponse for Wrong {
    fn into_response(self) -> Response {
        match self {
            Wrong::Body(error @ BodyError::TooLong(_)) => {
                let way_out = format!("{error}; send smaller batches, or raise receive.max_body");
                elastic::refused(&error, &way_out).into_response()
            }
            Wrong::Body(error) => elastic::refused(&error, &error).into_response(),
            Wrong::Content(error) => problem(StatusCode::BAD_REQUEST, &error.to_string()),
        }
    }
}

fn problem(status: StatusCode, detail: &str) -> Response {
    Problem::new(status, detail).into_response()
}

fn later(status: StatusCode, after: Duration, detail: &str) -> Response {
    let mut answer = problem(status, detail);
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
    answer
}

fn refused(refusal: &Refusal) -> Response {
    let seconds = if *refusal == Refusal::Busy { 1 } else { 5 };
    later(StatusCode::SERVICE_UNAVAILABLE, Duration::from_secs(seconds), &refusal.to_string())
}

/// The server at `address`.
pub fn receive_router(receiver: Receiver, address: SocketAddr) -> Router {
    shippers()
        .route("/v1/logs", post(otlp_logs))
        .route("/loki/api/v1/push", post(loki_push))
        .route("/_bulk", post(bulk_all).put(bulk_all))
        .route("/{index}/_bulk", post(bulk_index).put(bulk_index))
        .route("/api/v1/ingest", post(ingest))
        .route("/health", get(ready))
        .route("/ready", get(ready))
        .fallback(async || Problem::missing("entries are taken at /v1/logs, /loki/api/v1/push, /_bulk, /api/v1/ingest"))
        .layer(from_fn_with_state(Some(address), guard))
        .layer(from_fn(in_one_shape))
        .with_state(receiver)
}

async fn ready(State(receiver): State<Receiver>) -> Response {
    match receiver.inbox.problem() {
        None if !receiver.inbox.is_full() => "ready\n".into_response(),
        None => refused(&Refusal::Full),
        Some(why) => refused(&Refusal::Failed(why)),
    }
}

fn kind(headers: &HeaderMap) -> &str {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}

/// A header that cannot be read is one that is not known.
fn encoding(headers: &HeaderMap) -> Option<String> {
    headers.get(CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?").to_owned())
}

fn unsupported(kind: &str, wanted: &str) -> Response {
    problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, &format!("Content-Type {kind:?} is not known here; send {wanted}"))
}

async fn otlp_logs(State(receiver): State<Receiver>, (Extension(peer), headers, body): Arrived) -> Response {
    let is_json = match kind(&headers) {
        "application/json" => true,
        "application/x-protobuf" | "application/protobuf" => false,
        other => return unsupported(other, "application/x-protobuf or application/json"),
    };
    let parse = move |bytes: &[u8], rules: &Rules| {
        let reader = Reader::new("otlp", "otlp", clock::now()).by(rules.of("otlp"));
        let received = if is_json { otlp::json(bytes, &reader) } else { otlp::protobuf(bytes, &reader) };
        received.map(|received| (received, ()))
    };
    match receiver.take("otlp", (peer, &headers, body), encoding(&headers), parse).await {
        Err(answer) => *answer,
        Ok(_) if is_json => Json(json!({ "partialSuccess": {} })).into_response(),
        // An empty message.
        Ok(_) => ([(CONTENT_TYPE, "application/x-protobuf")], Body::empty()).into_response(),
    }
}

async fn loki_push(State(receiver): State<Receiver>, (Extension(peer), headers, body): Arrived) -> Response {
    let is_json = match kind(&headers) {
        "application/json" => true,
        "application/x-protobuf" => false,
        other => return unsupported(other, "application/x-protobuf or application/json"),
    };
    // Protobuf is always snappy, whether the header says so or not.
    let encoding = if is_json { encoding(&headers) } else { Some("snappy".to_owned()) };
    let parse = move |bytes: &[u8], rules: &Rules| {
        let reader = Reader::new("loki", "loki", clock::now()).by(rules.of("loki"));
        let received = if is_json { loki::json(bytes, &reader) } else { loki::protobuf(bytes, &reader) };
        received.map(|received| (received, ()))
    };
    match receiver.take("loki", (peer, &headers, body), encoding, parse).await {
        Err(answer) => *answer,
        Ok(_) => StatusCode::NO_CONTENT.into_response(),
    }
}

async fn bulk_all(State(receiver): State<Receiver>, (Extension(peer), headers, body): Arrived) -> Response {
    take_bulk(&receiver, None, (peer, &headers, body)).await
}

async fn bulk_index(
    State(receiver): State<Receiver>,
    Path(index): Path<String>,
    (Extension(peer), headers, body): Arrived,
) -> Response {
    take_bulk(&receiver, Some(&index), (peer, &headers, body)).await
}

async fn take_bulk(receiver: &Receiver, index: Option<&str>, request: (Peer, &HeaderMap, Body)) -> Response {
    let encoding = encoding(request.1);
    let parse = |bytes: &[u8], rules: &Rules| {
        let mut bulk = bulk::read(bytes, &Reader::new("bulk", "bulk", clock::now()).by(rules.of("bulk")))?;
        Ok((std::mem::take(&mut bulk.received), bulk))
    };
    match receiver.take("bulk", request, encoding, parse).await {
        Err(answer) => of_elasticsearch(*answer).await,
        Ok((bulk, taken)) => {
            receiver.inbox.count("bulk", "malformed", bulk.refused());
            of_elasticsearch(Json(bulk.answer(index, &taken)).into_response()).await
        }
    }
}

async fn ingest(
    State(receiver): State<Receiver>,
    labels: Result<Query<Labels>, axum::extract::rejection::QueryRejection>,
    (Extension(peer), headers, body): Arrived,
) -> Response {
    let labels = match labels {
        Ok(Query(labels)) => labels,
        Err(error) => return problem(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let parse = move |bytes: &[u8], rules: &Rules| {
        let reader = Reader::new(labels.source.as_deref().unwrap_or("http"), "http", clock::now());
        let reader = reader.by(rules.of("lines")).of_service(labels.service.as_deref());
        let reader = reader.from_sender(labels.sender.clone());
        lines::read(bytes, &reader).map(|received| (received, ()))
    };
    match receiver.take("lines", (peer, &headers, body), encoding(&headers), parse).await {
        Err(answer) => *answer,
        Ok(((), taken)) => {
            let known = taken.known.iter().filter(|known| **known).count();
            Json(json!({ "accepted": taken.known.len() - known, "known": known })).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        let check = |header: &str, want: Option<&str>| assert_eq!(token(header).as_deref(), want, "{header}");
        check("Bearer abc", Some("abc"));
        check("bearer  abc ", Some("abc"));
        check("Basic dXNlcjpwYTpzcw==", Some("pa:ss"));
        check("Basic dXNlcg==", None);
        check("Basic !", None);
        check("Digest abc", None);
        check("abc", None);
        assert!(is_same(b"abc", b"abc") && !is_same(b"abc", b"abd") && !is_same(b"abc", b"ab"));
    }
}
