//! Layer 0: the only place that asks the operating system for more than plain file reading and writing,
//! and the units people write sizes and durations in.

pub mod atomic;
pub mod auth;
pub mod clock;
pub mod encoding;
pub mod files;
pub mod lock;
pub mod net;
pub mod notify;
pub mod process;
pub mod secret;
pub mod socket;
pub mod tls;
pub mod units;
pub mod user;
pub mod web;
