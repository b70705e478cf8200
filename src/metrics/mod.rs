//! Layer 5: numbers for Prometheus. [`Derived`] are counted from entries as they are indexed and are part of each commit,
//! so that they neither jump nor double after a crash; [`Own`] are Logmill's own; [`host`] looks at the machine.
//!
//! Names follow Prometheus's rules: a base unit at the end, `_total` for counters. What is Logmill's own begins with
//! `logmill_`, what comes from logs with `log_`, what was seen of the machine with `host_`, `service_`, `folder_` or
//! `filesystem_`. A family has a bounded number of series; what is beyond goes to one whose labels are all `other`.

mod derived;
mod exposition;
mod family;
pub mod host;
mod own;
mod paths;
mod recent;
#[cfg(test)]
mod tests;
mod workflows;

pub use derived::Derived;
pub use exposition::text;
pub use family::{Family, Kind, Sample};
pub use own::Own;
