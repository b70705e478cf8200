//! Layer 3: rotation by logrotate policy. `grammar` and `directive` read a policy, `due` and `plan` decide (pure),
//! `budget` says what is too much (pure), `execute`, `cut` and `compress` act, `set` does it in logrotate's order, and
//! `rotator` joins them, one `tick` at a time.
//!
//! The order of authority is read → index → commit, and only then compress, truncate or remove: whoever
//! calls a [`Rotator`] gives it a [`Gate`] that knows how far reading got.

mod budget;
mod collapse;
mod compress;
mod copy;
mod create;
mod cursor;
mod cut;
#[cfg(test)]
mod cut_tests;
mod dates;
mod directive;
pub mod due;
mod error;
mod event;
mod execute;
mod forecast;
mod globs;
mod grammar;
mod names;
pub mod plan;
pub mod policy;
mod rotator;
mod set;
pub mod state;
mod survey;
mod taboo;
mod trim;

pub use budget::{Budget, Removal, Usage};
pub use compress::{Compressed, Compressor, compress, compress_all};
pub use cut::{Cut, CutMethod, copy_and_truncate, recover as recover_cut};
pub use error::RotateError;
pub use event::{Event, Level, Listener, What};
pub use forecast::Forecast;
pub use plan::{Action, Listed, Listing, Plan};
pub use policy::{Policy, Problem, Section, Settings};
pub use rotator::{Gate, NoReader, Options, Rotator};
pub use state::{Locking, StateFile};
pub use trim::{Generation, Trimming};
