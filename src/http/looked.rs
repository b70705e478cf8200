//! What a question is asked of: the store of this host, or what a cluster has of it.

use axum::http::StatusCode;
use serde_json::Value;
use tokio::runtime::Handle;

use crate::elastic::ask::Want;
use crate::http::backend::Shared;
use crate::http::problem::Problem;
use crate::query::Query;
use crate::query::pipe::Pipe;
use crate::search::{Budget, Request, Window};
use crate::store::Snapshot;

/// A state of the store, or the entries of the cluster that match, and why some of those may be missing. Only where it may
/// take a while: see [`question`](crate::http::question::question).
pub(super) fn looked(
    backend: &Shared,
    query: &Query,
    window: Window,
    want: Want,
    budget: &Budget,
) -> Result<(Snapshot, Option<String>), Problem> {
    let Some(cluster) = backend.cluster() else { return Ok((backend.snapshot(), None)) };
    let fetched = Handle::current().block_on(cluster.fetch(query, window, want, budget));
    let fetched = fetched.map_err(|error| Problem::new(StatusCode::BAD_GATEWAY, error))?;
    Ok((fetched.snapshot, fetched.partial))
}

/// The same for a request: where no pipe needs all of them, its page is enough.
pub(super) fn looked_for(backend: &Shared, request: &Request) -> Result<(Snapshot, Option<String>), Problem> {
    let pipes = request.query.pipes();
    // These need entries that do not match.
    if pipes.iter().any(|pipe| matches!(pipe, Pipe::Context { .. } | Pipe::Compare { .. })) {
        return Ok((only_here(backend, "`context` or `compare`")?, None));
    }
    let most = pipes.iter().try_fold(request.limit, |most, pipe| match pipe {
        Pipe::Limit(limit) => Some(most.max(*limit)),
        Pipe::Fields(_) => Some(most),
        _ => None,
    });
    let want = most.map_or(Want::All, |limit| Want::Newest { limit, after: request.after });
    looked(backend, &request.query, request.window, want, &request.budget)
}

/// An answer says why it is partial, unless it says so already.
pub(super) fn noted(mut answer: Value, partial: Option<String>) -> Value {
    if let Some(why) = partial
        && answer["partial"].is_null()
    {
        answer["partial"] = why.into();
    }
    answer
}

/// What only the store can answer.
pub(super) fn only_here(backend: &Shared, what: &str) -> Result<Snapshot, Problem> {
    match backend.cluster() {
        None => Ok(backend.snapshot()),
        Some(cluster) => {
            let message = format!(
                "{what} is not to be had of a cluster ({}); ask a logmill that has the entries",
                cluster.target()
            );
            Err(Problem::new(StatusCode::NOT_IMPLEMENTED, message))
        }
    }
}
