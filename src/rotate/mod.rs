//! Layer 3: rotation by logrotate policy. `grammar` and `directive` read a policy, `due` and `plan` decide
//! (pure), `execute`, `cut` and `compress` act, and `rotator` joins them, one `tick` at a time.
//!
//! The order of authority is read → index → commit, and only then compress, truncate or remove: whoever
//! calls a [`Rotator`] gives it a [`Gate`] that knows how far reading got.

mod compress;
mod cut;
mod directive;
pub mod due;
mod error;
mod event;
mod execute;
mod grammar;
mod names;
pub mod plan;
pub mod policy;
mod rotator;
pub mod state;
mod survey;

pub use compress::{Compressed, compress};
pub use cut::{copy_and_truncate, recover as recover_cut};
pub use error::RotateError;
pub use event::{Event, What};
pub use execute::execute;
pub use plan::{Action, Listed, Listing};
pub use policy::{Policy, PolicyError, Section, Settings, Warning};
pub use rotator::{Gate, NoReader, Options, Rotator};
