//! The ship thread: all sinks on one small runtime, at the lowest priority, so that a slow sink costs ingest nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;

use crate::daemon::Board;
use crate::daemon::engine::Engine;
use crate::daemon::index::{Current, lock};
use crate::search::{Place, place_of_end, place_since};
use crate::ship::{Shipment, Sink, Sinks};
use crate::store::{Shared, identity};
use crate::sys::clock;
use crate::sys::process::be_nice;

/// How often it is looked whether to stop, or whether the configuration is another.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// After the runtime could not be made.
const REST: Duration = Duration::from_secs(10);

/// Sinks of a running daemon. Clones share them.
#[derive(Clone)]
pub struct Shipping {
    pub sinks: Sinks,
    shared: Shared,
    current: Current,
    board: Board,
}

impl Shipping {
    /// Cursors are known from here on, so that retention can ask; nothing is sent yet.
    pub fn new(engine: &Engine) -> Shipping {
        let shipping = Shipping {
            sinks: Sinks::default(),
            shared: engine.shared.clone(),
            current: engine.current.clone(),
            board: engine.board.clone(),
        };
        shipping.open();
        shipping
    }

    /// The sinks that the configuration has now.
    fn open(&self) -> Arc<Vec<Arc<Sink>>> {
        let (config, sinks) = {
            let current = lock(&self.current);
            (current.config.clone(), current.sinks.clone())
        };
        if sinks.is_empty() {
            self.sinks.replace(&Sinks::default());
            return sinks;
        }
        match identity(&config.data_dir) {
            Ok(store) => self.sinks.replace(&Sinks::open(&sinks, &config.data_dir, &store, &self.shared.committed())),
            Err(error) => self.board.error(clock::now(), format!("sinks cannot begin: {error}")),
        }
        sinks
    }

    /// Ships until told to stop.
    pub fn run(&self, stops: &AtomicBool) {
        be_nice();
        let mut sinks = lock(&self.current).sinks.clone();
        while !stops.load(Ordering::Acquire) {
            match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime.block_on(self.ship(&sinks, stops)),
                Err(error) => {
                    self.board.error(clock::now(), format!("sinks cannot run: {error}"));
                    std::thread::sleep(REST);
                }
            }
            if !stops.load(Ordering::Acquire) {
                sinks = self.open();
            }
        }
    }

    /// Runs the sinks that are open until they are to be others.
    async fn ship(&self, sinks: &Arc<Vec<Arc<Sink>>>, stops: &AtomicBool) {
        let data = lock(&self.current).config.data_dir.clone();
        let (stop, stopped) = watch::channel(false);
        let shipment = |state| {
            let (shared, data, stop) = (self.shared.clone(), data.clone(), stopped.clone());
            Shipment { state, shared, data, stop }.run()
        };
        let running = self.sinks.states().into_iter().filter(|state| !state.is_broken());
        let mut running: FuturesUnordered<_> = running.map(shipment).collect();
        loop {
            tokio::select! {
                Some(()) = running.next(), if !running.is_empty() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let is_other = !Arc::ptr_eq(&lock(&self.current).sinks, sinks);
            if stops.load(Ordering::Acquire) || is_other {
                break;
            }
        }
        // Nobody listens only when no sink runs.
        let _ = stop.send(true);
        while running.next().await.is_some() {}
    }

    /// Sends once more what is not older than `time`, and everything after it.
    pub fn replay(&self, name: &str, time: i64) -> Result<String, String> {
        let place = place_since(&self.shared.committed(), time).map_err(|error| error.to_string())?;
        self.jump(name, place)
    }

    /// Leaves out what is committed by now.
    pub fn skip(&self, name: &str) -> Result<String, String> {
        self.jump(name, place_of_end(&self.shared.committed()))
    }

    fn jump(&self, name: &str, place: Place) -> Result<String, String> {
        let state = self.sinks.find(name)?;
        if state.is_broken() {
            return Err(format!("{name} does not run: its cursor cannot be read; `logmill ship` says why"));
        }
        state.jump(place);
        Ok(format!("{name} goes on at entry {} of partition {:06}", place.sequence, place.partition))
    }
}
