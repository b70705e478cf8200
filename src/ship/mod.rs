//! Layer 6: entries leave for other systems, in the background, at least once and in order. What follows is the page for
//! those who configure sinks; how it works stands below it.
#![doc = include_str!("manual.md")]
//!
//! # How it works
//!
//! The store is the buffer: a sink has a *place* in it, between two committed entries by their sequence numbers, and no
//! second copy of anything. One thread of the lowest priority serves all sinks, on one small runtime.
//!
//! ```text
//! store ──search::Feed──▶ Shipment ──lanes, by source──▶ Delivery ──▶ kinds::Sender ──▶ the other system
//!                            ▲  batches                     │ retries, halves         │
//!                            └──────── acknowledged ────────┴─────────────────────────┘
//!                            │
//!                            ▼ State::advance: ship/NAME.json, then status, metrics and retention see it
//! ```
//!
//! | border | what passes it |
//! |---|---|
//! | store → ship | [`Fed`](crate::search::Fed): an entry and its [`Place`](crate::search::Place), only committed ones |
//! | ship → kinds | [`Item`]s: the entry, its stable id; a slice of them becomes one request |
//! | kinds → ship | [`Answer`]: accepted, again, refused, stuck, or one word for each entry; tables in `retry` |
//! | ship → others | [`Sinks`]: places, counts, problems; families for metrics |
//!
//! **On disk**, in `ship/` of the data folder: `NAME.json` is the cursor: the identity of the store, a place for each lane,
//! and counts; replaced atomically and synced after each acknowledged batch, never before. `NAME.dead.ndjson` has what was
//! refused, one JSON object a line: when, why, id, entry (with its raw text where the sink has that); synced before the cursor passes the entry.
//! The identity is the file `partitions/identity`: a store that was made anew has another, and sinks begin again.
//!
//! **Order.** A source is always in the same lane, and a lane has one batch on its way. Lanes have places of their own, so
//! that after a crash only batches that were not acknowledged are sent again.
//!
//! **When things fail.** Killed at any moment: the cursor is the old or the new one, and what is behind it is sent again
//! under the same ids. The receiver is slow, gone, or says "later": the lane waits with growing pauses, reading stops when
//! two batches a lane are read, and the store keeps the rest. It refuses a batch: halves, and halves of these, until the
//! entry is alone; that becomes a dead letter, and the rest goes on. It refuses who we are or what we ask for: nothing
//! becomes a dead letter, `status` tells, and it is tried again. The cursor or a dead letter cannot be written: nothing
//! moves until it can. A block cannot be read: the store tells, and the sink goes on behind it. Retention wants what a
//! sink has not had: it stays (`hold`) or is counted and goes (`drop`). A partition that was set aside for damage gives its
//! numbers back, therefore places and ids have the partition's number in them, and the next one is sent from its beginning.

mod cursor;
mod dead;
mod definition;
mod deliver;
mod item;
pub mod kinds;
mod mapping;
mod retry;
mod shipment;
mod sink;
mod sinks;
mod state;

pub use cursor::{Counts, Cursor, CursorError};
pub use definition::sinks;
pub use item::{Answer, Item, One};
pub use mapping::Mapping;
pub use shipment::Shipment;
pub use sink::{Keep, Kind, Sink, Start};
pub use sinks::Sinks;
pub use state::State;
