//! How a question is answered: read from the parameters, when it is its turn, beside the server and not in its way, and
//! no longer than somebody waits for the answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::http::backend::Shared;
use crate::http::problem::Problem;
use crate::query::{Query, parse_time};
use crate::search::{Budget, Window, without_pipes};

/// Questions that are answered at once. Each has a budget of memory.
const AT_ONCE: usize = 4;
/// Questions that are answered or wait for their turn; more are refused.
const MOST: usize = 64;
/// A question that waited so long for its turn is refused.
const PATIENCE: Duration = Duration::from_secs(30);

static TURNS: Semaphore = Semaphore::const_new(AT_ONCE);
static PLACES: Semaphore = Semaphore::const_new(MOST);

/// Runs a question beside the server when it is its turn.
pub(super) async fn question<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let _place = PLACES.try_acquire().map_err(|_| Problem::busy(format!("{MOST} questions wait for their turn")))?;
    let turn = tokio::time::timeout(PATIENCE, TURNS.acquire()).await;
    let _turn = turn.map_err(|_| Problem::busy("it was not its turn in time"))?.map_err(Problem::failed)?;
    beside(work).await
}

/// Runs what may take a while beside the server.
pub(super) async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!("an HTTP request failed: {error}");
        Problem::failed("this is a mistake in logmill; its log says more")
    })
}

/// Cancels a question when it is dropped: whoever asked is gone.
#[derive(Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub(super) fn budget(backend: &Shared, stop: &Stop) -> Budget {
    Budget { cancel: stop.0.clone(), ..backend.budget() }
}

/// A query where only a condition makes sense.
pub(super) fn condition(text: &str) -> Result<Query, Problem> {
    let query = Query::parse(text)?;
    without_pipes(&query)?;
    Ok(query)
}

/// The window from one time to another, as they were given.
pub(super) fn window(
    (since, until): (Option<&str>, Option<&str>),
    now: i64,
    default_since: i64,
) -> Result<Window, Problem> {
    let time = |name: &str, text: Option<&str>, default| {
        text.map_or(Ok(default), |text| parse_time(text, now).map_err(|error| Problem::bad(format!("{name}: {error}"))))
    };
    Ok(Window { since: time("since", since, default_since)?, until: time("until", until, i64::MAX)? })
}

/// A word that is one of a few.
pub(super) fn word<T: DeserializeOwned>(name: &str, text: &str, known: &str) -> Result<T, Problem> {
    let word: Result<T, _> = serde_json::from_value(json!(text.trim()));
    word.map_err(|_| Problem::bad(format!("{name}: {text:?} must be {known}")))
}
