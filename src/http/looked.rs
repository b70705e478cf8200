//! Who answers a question: the store of this host, or a cluster.

use axum::http::StatusCode;
use serde_json::Value;
use tokio::runtime::Handle;

use crate::elastic::ask::{AskError, Cluster};
use crate::http::backend::Shared;
use crate::http::problem::Problem;
use crate::search::{Answer, Request, SearchError, ask};
use crate::store::Snapshot;

impl From<AskError> for Problem {
    fn from(error: AskError) -> Problem {
        match error {
            AskError::Search(error) => error.into(),
            AskError::Cluster(error) => Problem::new(StatusCode::BAD_GATEWAY, error),
        }
    }
}

/// Puts a question to the store, or to the cluster where there is one. Only where it may take a while: see
/// [`question`](crate::http::question::question).
pub(super) fn looked<T>(
    backend: &Shared,
    of_store: impl FnOnce(&Snapshot) -> Result<T, SearchError>,
    of_cluster: impl AsyncFnOnce(Cluster) -> Result<T, AskError>,
) -> Result<T, Problem> {
    match backend.cluster() {
        None => Ok(of_store(&backend.snapshot())?),
        Some(cluster) => Ok(Handle::current().block_on(of_cluster(cluster))?),
    }
}

/// The answer to a query with its pipes.
pub(super) fn answered(backend: &Shared, request: &Request, now: i64) -> Result<Answer, Problem> {
    looked(backend, |snapshot| ask(snapshot, request, now), async |cluster| cluster.answer(request, now).await)
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
