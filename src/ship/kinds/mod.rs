//! The protocols, one file each: settings, and how entries become a request and its answer a verdict.

pub mod bulk;
pub mod file;
pub mod http;
pub mod logmill;
pub mod loki;
pub mod nats;
pub mod otlp;
pub mod otlp_encode;
mod protobuf;
mod sender;
pub mod stream;
pub mod syslog;
mod web;

pub use sender::Sender;
