//! `/api/v1/search`: entries, page by page or as one stream, or the table that pipes make of them; `/api/v1/aggregate`:
//! always a table.

use std::io;

use axum::body::{Body, Bytes};
use axum::extract::{Query as Parameters, State};
use axum::response::Response;
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::backend::Shared;
use crate::http::looked::answered;
use crate::http::problem::Problem;
use crate::http::question::{Stop, budget, question, window, word};
use crate::http::reply::{self, Accepts, NDJSON, Packer};
use crate::query::Query;
use crate::search::{Answer, Body as Found, Cursor, Request, Table};
use crate::sys::clock;

/// Most entries in one answer, and in one piece of a stream.
pub(super) const MAX_LIMIT: usize = 10_000;
/// Entries in one piece of a stream.
const PIECE: usize = 2_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    Json,
    Ndjson,
}

/// Everything a question may say. Times are as on the command line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    #[serde(default)]
    query: String,
    since: Option<String>,
    until: Option<String>,
    limit: Option<usize>,
    /// The `next` of the page before.
    after: Option<String>,
    #[serde(default)]
    raw: bool,
    format: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Aggregate {
    query: String,
    since: Option<String>,
    until: Option<String>,
    format: Option<String>,
}

fn is_ndjson(format: Option<&str>, accepts: Accepts) -> Result<bool, Problem> {
    let format: Option<Format> = format.map(|text| word("format", text, "json or ndjson")).transpose()?;
    Ok(format.map_or(accepts.ndjson, |format| format == Format::Ndjson))
}

pub(super) async fn search(
    State(backend): State<Shared>,
    accepts: Accepts,
    Parameters(q): Parameters<Question>,
) -> Result<Response, Problem> {
    let stop = Stop::default();
    let is_stream = is_ndjson(q.format.as_deref(), accepts)?;
    let limit = q.limit.unwrap_or(100);
    let request = Request {
        query: Query::parse(&q.query)?,
        window: window((q.since.as_deref(), q.until.as_deref()), clock::now(), i64::MIN)?,
        limit: limit.min(MAX_LIMIT),
        after: q.after.as_deref().map(str::parse).transpose().map_err(Problem::bad)?,
        budget: budget(&backend, &stop),
    };
    let raw = q.raw;
    if is_stream {
        // What pipes work on is one page.
        let piece = if request.query.pipes().is_empty() { PIECE } else { MAX_LIMIT };
        let packer = Packer::new(accepts.gzip);
        let pager = Pager { backend, request, piece, left: limit, raw, sent: 0, packer, _stop: stop };
        return pager.respond().await;
    }
    question(move || Ok(reply::json(accepts, &answered(&backend, &request, clock::now())?.to_json(raw)))).await?
}

pub(super) async fn aggregate(
    State(backend): State<Shared>,
    accepts: Accepts,
    Parameters(q): Parameters<Aggregate>,
) -> Result<Response, Problem> {
    let stop = Stop::default();
    let is_stream = is_ndjson(q.format.as_deref(), accepts)?;
    let request = Request {
        query: Query::parse(&q.query)?,
        window: window((q.since.as_deref(), q.until.as_deref()), clock::now(), i64::MIN)?,
        limit: MAX_LIMIT,
        after: None,
        budget: budget(&backend, &stop),
    };
    if !request.query.pipes().iter().any(|pipe| pipe.is_aggregation()) {
        return Err(Problem::bad("no pipe counts anything here; add one, as in: * | stats count() by level"));
    }
    question(move || {
        let answer = answered(&backend, &request, clock::now())?;
        match (&answer.body, is_stream) {
            (Found::Table(table), true) => {
                let text = rows(table) + &end(table.rows.len() as u64, None, answer.partial.as_deref());
                Ok(reply::whole(accepts, NDJSON, text.into_bytes()))
            }
            _ => Ok(reply::json(accepts, &answer.to_json(false))),
        }
    })
    .await?
}

/// Rows as objects, a line each.
fn rows(table: &Table) -> String {
    let Value::Object(mut json) = table.to_json() else { return String::new() };
    let (columns, rows) = (json.remove("columns"), json.remove("rows"));
    let columns: Vec<String> = columns.and_then(|columns| serde_json::from_value(columns).ok()).unwrap_or_default();
    let Some(Value::Array(rows)) = rows else { return String::new() };
    let line = |row: Value| {
        let cells = if let Value::Array(cells) = row { cells } else { Vec::new() };
        Value::Object(columns.iter().cloned().zip(cells).collect()).to_string() + "\n"
    };
    rows.into_iter().map(line).collect()
}

/// The last line of a stream. One that lacks it was broken off.
fn end(count: u64, next: Option<Cursor>, partial: Option<&str>) -> String {
    let next = next.map(|cursor| cursor.to_string());
    json!({ "end": { "count": count, "next": next, "partial": partial } }).to_string() + "\n"
}

/// Asks for page after page, each when the one before was taken. Between two pages others have their turn.
struct Pager {
    backend: Shared,
    request: Request,
    piece: usize,
    left: usize,
    raw: bool,
    sent: u64,
    packer: Packer,
    _stop: Stop,
}

impl Pager {
    /// The first page says whether the question can be answered at all.
    async fn respond(mut self) -> Result<Response, Problem> {
        let is_packed = self.packer.is_packing();
        let (first, goes_on) = self.page().await?;
        let pieces = stream::unfold((Some(first), goes_on.then_some(self)), async |(first, pager)| {
            if let Some(first) = first {
                return Some((Ok(first), (None, pager)));
            }
            let mut pager = pager?;
            match pager.page().await {
                Ok((piece, goes_on)) => Some((Ok(piece), (None, goes_on.then_some(pager)))),
                // The stream breaks off without its last line.
                Err(problem) => Some((Err(io::Error::other(problem.detail)), (None, None))),
            }
        });
        Ok(reply::with_headers(Body::from_stream(pieces), NDJSON, is_packed))
    }

    /// A piece of the answer, and whether there are more.
    async fn page(&mut self) -> Result<(Bytes, bool), Problem> {
        let (backend, raw) = (self.backend.clone(), self.raw);
        let request = Request { limit: self.piece.min(self.left), ..self.request.clone() };
        let mut packer = std::mem::replace(&mut self.packer, Packer::new(false));
        let (sent, left) = (self.sent, self.left);
        let page = question(move || -> Result<_, Problem> {
            let answer = answered(&backend, &request, clock::now())?;
            let (mut text, count) = lines(&answer, raw);
            let (sent, left) = (sent + count as u64, left.saturating_sub(count));
            let goes_on = answer.partial.is_none() && answer.next.is_some() && left > 0;
            if !goes_on {
                text += &end(sent, answer.next, answer.partial.as_deref());
            }
            let mut bytes = packer.pack(text.as_bytes()).map_err(Problem::failed)?;
            if !goes_on {
                bytes = [bytes, packer.finish().map_err(Problem::failed)?].concat().into();
            }
            Ok((bytes, goes_on, answer.next, sent, left, packer))
        });
        let (bytes, goes_on, next, sent, left, packer) = page.await??;
        (self.sent, self.left, self.packer, self.request.after) = (sent, left, packer, next);
        Ok((bytes, goes_on))
    }
}

/// The entries of a page, or the rows of a table, a line each; and how many.
fn lines(answer: &Answer, raw: bool) -> (String, usize) {
    match &answer.body {
        Found::Table(table) => (rows(table), table.rows.len()),
        Found::Entries(entries) => {
            let lines =
                entries.iter().map(|(sequence, entry)| Answer::entry_json(*sequence, entry, raw).to_string() + "\n");
            (lines.collect(), entries.len())
        }
    }
}
