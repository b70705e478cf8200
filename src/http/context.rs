//! `/api/v1/context`: an entry by its id, and what its file has around it.

use axum::extract::{Query as Parameters, State};
use axum::response::Response;
use serde::Deserialize;

use crate::http::backend::Shared;
use crate::http::looked::looked;
use crate::http::problem::Problem;
use crate::http::question::{Stop, budget, question};
use crate::http::reply::{self, Accepts};
use crate::query::pipe::MAX_CONTEXT;
use crate::search::{self, EntryId};
use crate::store::Snapshot;

/// Entries before and after where nothing is said.
const AROUND: usize = 10;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    id: String,
    before: Option<usize>,
    after: Option<usize>,
    #[serde(default)]
    raw: bool,
}

pub(super) async fn context(
    State(backend): State<Shared>,
    accepts: Accepts,
    Parameters(q): Parameters<Question>,
) -> Result<Response, Problem> {
    let id: EntryId = q.id.parse().map_err(Problem::bad)?;
    let count = |asked: Option<usize>| asked.unwrap_or(AROUND).min(MAX_CONTEXT);
    let (counts, raw) = ((count(q.before), count(q.after)), q.raw);
    let stop = Stop::default();
    let budget = budget(&backend, &stop);
    question(move || {
        let of_store = |snapshot: &Snapshot| search::context(snapshot, id, counts, &budget);
        match looked(&backend, of_store, async |cluster| cluster.context(id, counts, &budget).await)? {
            Some(answer) => Ok(reply::json(accepts, &answer.to_json(raw))),
            None => Err(Problem::missing(format!("there is no entry {id}; it may have been removed since"))),
        }
    })
    .await?
}
