//! All sinks of a data folder.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::metrics::Family;
use crate::search::{Place, SearchError, place_of_end};
use crate::ship::cursor::{Cursor, CursorError};
use crate::ship::sink::{Sink, Start};
use crate::ship::state::{State, numbers};
use crate::store::{Committed, PartitionView};

/// See the module. Clones share them.
#[derive(Clone, Default)]
pub struct Sinks(Arc<Mutex<Vec<State>>>);

impl Sinks {
    /// As their cursors stand; those that have none would begin as `start` says.
    pub fn open(sinks: &[Arc<Sink>], data: &Path, store: &str, committed: &Committed) -> Sinks {
        let open = |sink: &Arc<Sink>| match cursor(sink, data, store, committed) {
            Ok(cursor) => State::new(sink.clone(), data, cursor),
            Err(error) => State::broken(sink.clone(), data, &error),
        };
        Sinks(Arc::new(Mutex::new(sinks.iter().map(open).collect())))
    }

    pub fn states(&self) -> Vec<State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts others in their place.
    pub fn replace(&self, other: &Sinks) {
        let states = other.states();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = states;
    }

    /// The sink of this name, or what there is instead.
    pub fn find(&self, name: &str) -> Result<State, String> {
        let states = self.states();
        let names: Vec<&str> = states.iter().map(|state| state.sink.name.as_str()).collect();
        let known =
            if names.is_empty() { "there are none".to_owned() } else { format!("there are {}", names.join(", ")) };
        let found = states.iter().find(|state| state.sink.name == name).cloned();
        found.ok_or_else(|| format!("no sink is called {name:?}; {known}"))
    }

    /// Why a partition must not be removed or thinned out yet.
    pub fn holds(&self, number: u64) -> Option<String> {
        self.states().iter().find_map(|state| state.holds(number))
    }

    /// Counts what sinks will not have when a partition is removed.
    pub fn will_lose(&self, view: &PartitionView) -> Result<(), SearchError> {
        self.states().iter().try_for_each(|state| state.will_lose(view).map(drop))
    }

    pub fn to_json(&self, committed: &Committed) -> Value {
        self.states().iter().map(|state| state.to_json(committed)).collect()
    }

    pub fn families(&self, committed: &Committed) -> Vec<Family> {
        let mut families = numbers();
        self.states().iter().for_each(|state| state.measure(committed, &mut families));
        families.into()
    }
}

fn cursor(sink: &Sink, data: &Path, store: &str, committed: &Committed) -> Result<Cursor, CursorError> {
    let start = || match sink.start {
        Start::Beginning => Place::default(),
        Start::Now => place_of_end(committed),
    };
    Ok(match Cursor::load(data, &sink.name)? {
        Some(cursor) if cursor.store == store => cursor.with_lanes(sink.concurrency),
        Some(other) => {
            // Its numbers mean other entries here. Twice is better than not at all.
            tracing::warn!(
                sink = sink.name,
                "the store was made anew: all of it is sent; `logmill ship skip` ends that"
            );
            let mut cursor = Cursor::new(store.to_owned(), sink.concurrency, Place::default());
            cursor.counts = other.counts;
            cursor
        }
        None => Cursor::new(store.to_owned(), sink.concurrency, start()),
    })
}
