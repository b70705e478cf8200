//! `[health]`: from when on something is wrong.

use std::time::Duration;

use serde::Deserialize;

use crate::sys::units::{Bytes, Span};

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Health {
    /// Free space of the file system that the data is on, in percent of it.
    pub min_free_percent: f64,
    /// Bytes of a file that are not read.
    pub max_lag: Bytes,
    /// How long a file may be behind, and entries may wait for their commit.
    pub patience: Span,
    /// How long the archive may fail.
    pub archive_patience: Span,
}

impl Default for Health {
    fn default() -> Health {
        Health {
            min_free_percent: 1.0,
            max_lag: Bytes(256 << 20),
            patience: Span(Duration::from_secs(60)),
            archive_patience: Span(Duration::from_secs(3600)),
        }
    }
}
