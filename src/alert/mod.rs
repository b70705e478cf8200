//! Layer 6: alerts. A [`Measure`] gives samples as of a moment, the [`engine`] makes states of them, label set by label
//! set, a [`Ledger`] for each notifier says what it has still to be told, and [`send()`] tells it. All that is remembered
//! is one [`State`]. Nothing here starts a thread: the daemon does. What follows is the page for those who write alerts.
#![doc = include_str!("manual.md")]

mod engine;
mod ledger;
mod measure;
mod probe;
mod rule;
pub mod saved;
mod send;
mod silence;
mod state;
mod template;

pub use engine::{Condition, Side};
pub use ledger::{Failure, Ledger, Message, Notice};
pub use measure::{Heard, Measure, Pair, ProbeResult, Sample, Sources, Who};
pub use probe::probe;
pub use rule::{
    Body, Email, JsonBody, Kind, Labels, MESSAGE_NAMES, Matcher, Notifier, Probe, ProbeTarget, Rule, Rules,
    SUMMARY_NAMES, Secret, Security,
};
pub use send::{alert as describe, send};
pub use silence::Silence;
pub use state::{Evaluated, Instance, State};
pub use template::{Template, TemplateError};
