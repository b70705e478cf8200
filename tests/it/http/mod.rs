//! The daemon's face as programs meet it: answers, errors, streams, health, and who does not behave.

mod answers;
pub mod client;
mod fuzz;
mod manners;
mod service;
