//! Logmill takes over a host's logs: it follows the files, reads meaning out of each line, indexes the
//! entries, rotates the files by logrotate policy, and answers questions.
//!
//! The rooms below stand in layers, and a room imports only from layers under its own;
//! `tests/it/architecture.rs` checks it. ARCHITECTURE.md walks one line through all of them.

pub mod sys; // layer 0

pub mod record; // layer 1

pub mod generate; // layer 2
pub mod parse; // layer 2
pub mod query; // layer 2

pub mod pipeline; // layer 3
pub mod rotate; // layer 3
pub mod store; // layer 3
pub mod tail; // layer 3

pub mod receive; // layer 4
pub mod search; // layer 4

pub mod metrics; // layer 5

pub mod alert; // layer 6
pub mod archive; // layer 6
pub mod elastic; // layer 6
pub mod ship; // layer 6

pub mod config; // layer 7
pub mod http; // layer 7

pub mod daemon; // layer 8

pub mod cli; // layer 9
