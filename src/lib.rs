//! Logmill takes over a host's logs: it follows the files, reads meaning out of each line, indexes the
//! entries, rotates the files by logrotate policy, and answers questions.
//!
//! The rooms below stand in layers, and a room imports only from layers under its own;
//! `tests/it/architecture.rs` checks it. ARCHITECTURE.md walks one line through all of them.

pub mod sys; // layer 0

pub mod record; // layer 1
