//! Sinks of the real program: what arrives, in which order, and how often; whatever the receiver does.

mod kill;
pub mod lines;
mod nats;
mod receiver;
pub mod sinks;
