//! What others send, protocol by protocol: bytes in, entries out. Every one of them takes any bytes, and says what is wrong.

pub mod bulk;
mod entry;
pub mod lines;
pub mod loki;
pub mod otlp;
pub mod syslog;

pub use entry::Reader;

/// The body is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

impl Malformed {
    fn new(what: impl ToString) -> Malformed {
        Malformed(what.to_string())
    }
}

/// Entries of one request; more are refused.
pub const MAX_ENTRIES: usize = 100_000;
