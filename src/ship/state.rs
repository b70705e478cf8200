//! What is known of a sink while it runs: for `/status`, metrics, retention, and the commands that move its cursor.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::metrics::{Family, Kind};
use crate::record::timestamp;
use crate::search::{Place, SearchError, entries_from};
use crate::ship::cursor::{Cursor, CursorError};
use crate::ship::dead::REASON_CHARS;
use crate::ship::{Counts, Keep, Sink};
use crate::store::{Committed, PartitionView};
use crate::sys::clock;

/// A sink that runs, or would but for a problem. Clones share it.
#[derive(Clone)]
pub struct State {
    pub sink: Arc<Sink>,
    data: PathBuf,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    cursor: Cursor,
    /// Why nothing is delivered, since when (nanoseconds since the epoch).
    problem: Option<(i64, String)>,
    /// When something was acknowledged last.
    last_success: i64,
    /// Entries read and not acknowledged.
    waiting: usize,
    /// Where to go on, when somebody said so.
    jump: Option<Place>,
    /// The cursor is not known.
    is_broken: bool,
}

impl State {
    pub fn new(sink: Arc<Sink>, data: &Path, cursor: Cursor) -> State {
        let inner = Inner { cursor, ..Inner::default() };
        State { sink, data: data.to_owned(), inner: Arc::new(Mutex::new(inner)) }
    }

    /// One whose cursor cannot be read: it does not run, and nothing is taken from it.
    pub fn broken(sink: Arc<Sink>, data: &Path, error: &CursorError) -> State {
        let state = State::new(sink, data, Cursor::default());
        state.lock().is_broken = true;
        state.problem(clock::now(), error.to_string());
        state
    }

    pub fn is_broken(&self) -> bool {
        self.lock().is_broken
    }

    /// A poisoned lock only means that somebody panicked; what is in it is still what was known last.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn cursor(&self) -> Cursor {
        self.lock().cursor.clone()
    }

    pub fn place(&self) -> Place {
        self.lock().cursor.place()
    }

    /// Changes counts; they are durable with the next move of the cursor.
    pub fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.lock().cursor.counts);
    }

    /// Moves lanes to their places, durable before anybody sees it. False when that failed: the old places hold.
    pub fn advance(&self, lanes: Vec<Place>) -> bool {
        let saved = self.save(lanes);
        saved.map_err(|error| self.problem(clock::now(), error.to_string())).is_ok()
    }

    /// The same for those who tell it themselves.
    pub fn save(&self, lanes: Vec<Place>) -> Result<(), CursorError> {
        self.replace(|cursor| cursor.lanes = lanes)
    }

    /// Goes on elsewhere, by somebody's word. Whether that is durable.
    pub fn go(&self, place: Place) -> bool {
        let saved = self.replace(|cursor| cursor.jump(place));
        saved.map_err(|error| self.problem(clock::now(), error.to_string())).is_ok()
    }

    fn replace(&self, change: impl FnOnce(&mut Cursor)) -> Result<(), CursorError> {
        let mut cursor = self.cursor();
        change(&mut cursor);
        cursor.save(&self.data, &self.sink.name)?;
        let mut inner = self.lock();
        (inner.cursor.lanes, inner.cursor.jumps) = (cursor.lanes, cursor.jumps);
        Ok(())
    }

    pub fn succeeded(&self, now: i64) {
        let mut inner = self.lock();
        inner.last_success = now;
        if let Some((_, why)) = inner.problem.take() {
            tracing::info!(sink = self.sink.name, "delivers again; it was: {why}");
        }
    }

    /// Remembers why nothing is delivered; the time of the first reason stays.
    pub fn problem(&self, now: i64, why: String) {
        let why: String = why.chars().take(REASON_CHARS).collect();
        let mut inner = self.lock();
        let is_new = inner.problem.as_ref().is_none_or(|(_, known)| *known != why);
        let since = inner.problem.as_ref().map_or(now, |(since, _)| *since);
        if is_new {
            tracing::warn!(sink = self.sink.name, "{why}");
        }
        inner.problem = Some((since, why));
    }

    pub fn set_waiting(&self, entries: usize) {
        self.lock().waiting = entries;
    }

    /// Goes on at another place, when what is on its way has arrived.
    pub fn jump(&self, place: Place) {
        self.lock().jump = Some(place);
    }

    pub fn take_jump(&self) -> Option<Place> {
        self.lock().jump.take()
    }

    /// Why a partition must not be removed or thinned out yet.
    pub fn holds(&self, number: u64) -> Option<String> {
        let place = self.place();
        let is_held = self.sink.retention == Keep::Hold && place.partition <= number;
        is_held.then(|| {
            format!("held for the sink {:?}, which has it only as far as entry {}", self.sink.name, place.sequence)
        })
    }

    /// Counts what the sink will not have when a partition is removed.
    pub fn will_lose(&self, view: &PartitionView) -> Result<u64, SearchError> {
        let lost = entries_from(view, self.place())?;
        if lost > 0 {
            self.count(|counts| counts.dropped += lost);
            tracing::warn!(sink = self.sink.name, entries = lost, "retention removes what the sink has not had");
        }
        Ok(lost)
    }

    pub fn to_json(&self, committed: &Committed) -> Value {
        let inner = self.lock();
        let place = inner.cursor.place();
        let counts = inner.cursor.counts;
        json!({
            "name": self.sink.name, "kind": self.sink.kind.name(), "query": self.sink.query.to_string(),
            "to": self.sink.kind.target(),
            "partition": place.partition, "sequence": place.sequence,
            "behind": committed.next_sequence.saturating_sub(place.sequence),
            "waiting": inner.waiting, "counts": counts,
            "last_success": (inner.last_success > 0).then(|| timestamp(inner.last_success)),
            "problem": inner.problem.as_ref().map(|(since, why)| json!({ "since": timestamp(*since), "why": why })),
            "retention": self.sink.retention.name(),
        })
    }

    /// Sets this sink's number in each of [`numbers`].
    pub fn measure(&self, committed: &Committed, families: &mut [Family]) {
        let inner = self.lock();
        let counts = inner.cursor.counts;
        let behind = committed.next_sequence.saturating_sub(inner.cursor.place().sequence);
        let values = [
            counts.delivered,
            counts.known,
            counts.dead,
            counts.rejected,
            counts.dropped,
            counts.retries,
            counts.batches,
            behind,
            inner.waiting as u64,
            u64::from(inner.problem.is_some()),
        ];
        for (family, value) in families.iter_mut().zip(values) {
            family.set(&[&self.sink.name], value as f64);
        }
    }
}

/// What is told of each sink in `/metrics`, in the order of [`State::measure`].
pub fn numbers() -> [Family; 10] {
    let counter = |name, help| Family::new(Kind::Counter, name, help, &["sink"]);
    let gauge = |name, help| Family::new(Kind::Gauge, name, help, &["sink"]);
    [
        counter("logmill_sink_delivered_total", "Entries a sink acknowledged."),
        counter("logmill_sink_known_total", "Entries a sink had already."),
        counter("logmill_sink_dead_total", "Entries a sink refused, in its dead-letter file."),
        counter("logmill_sink_rejected_total", "Entries a sink did not take, without saying which."),
        counter("logmill_sink_dropped_total", "Entries retention removed before delivery."),
        counter("logmill_sink_retries_total", "Requests that had to be repeated."),
        counter("logmill_sink_batches_total", "Batches a sink acknowledged."),
        gauge("logmill_sink_behind_entries", "Committed entries before which a sink stands."),
        gauge("logmill_sink_waiting_entries", "Entries read for a sink and not acknowledged."),
        gauge("logmill_sink_failing", "1 while a sink does not take anything."),
    ]
}
