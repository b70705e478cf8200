//! Connections are accepted here, each served by a task of its own; and the thread of those that follow new entries.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::serve::Listener;
use tokio::sync::Semaphore;

use crate::daemon::Board;
use crate::http::{MAX_CONNECTIONS, Pump, Tails, connection};
use crate::sys::clock;
use crate::sys::process::be_nice;

/// Accepts for ever; when there are too many, the next one waits until another has ended.
pub async fn serve<L: Listener>(mut listener: L, router: impl Fn(&L::Addr) -> Router, prepare: impl Fn(&L::Io)) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    while let Ok(place) = places.clone().acquire_owned().await {
        let (stream, peer) = listener.accept().await;
        prepare(&stream);
        let router = router(&peer);
        tokio::spawn(async move {
            connection(stream, router).await;
            drop(place);
        });
    }
}

/// Hands out new entries until told to stop, when nobody else has work to do.
pub fn keep_following(tails: &Tails, board: &Board, stops: &AtomicBool) {
    be_nice();
    let mut pump = Pump::default();
    while !stops.load(Ordering::Acquire) {
        pump.wait(tails);
        if let Err(error) = pump.tick(tails) {
            board.error(clock::now(), format!("cannot follow new entries: {error}"));
        }
    }
}
