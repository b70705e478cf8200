//! Layer 8: the only place that spawns. Threads and what flows between them:
//!
//! ```text
//! tail ──RawBatch──▶ index ──commit──▶ board ──▶ rotate (may this file be cut?)
//!   ▲                  │                 ▲           │
//!   └── TailCommand ───┼─────────────────┴───────────┘ looks, renames, compresses, removes partitions
//!                      ▼
//!                 store::Shared ──▶ http (search, rate, status), ship (sinks)
//! ```
//!
//! What others send comes through `receiving` into a journal, which is a log like any other to the tail thread.
//!
//! Batches flow forward over a bounded channel, so a slow store slows reading and nothing else. What flows back is
//! the [`board::Board`]: how far each file is committed. Beside them the alert thread asks the same questions as
//! anybody, looks at the board, and tells notifiers.

mod alerting;
mod archiving;
mod board;
mod engine;
mod face;
mod health;
mod index;
mod metrics;
mod partitions;
mod receiving;
mod reload;
mod rotation;
mod run;
mod serving;
mod shipping;
mod syslog;
mod tailing;

pub use archiving::{NO_ARCHIVE, Restore, bring_back};
pub use board::{Board, IngestState};
pub use engine::{Engine, EngineError};
pub use partitions::{Needs, partitions, prune, seal_one};
pub use rotation::Rotating;
pub use run::{Adjust, run};
pub use shipping::Shipping;
