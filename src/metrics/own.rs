//! What Logmill measures of itself as it happens: how long commits and questions take.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use crate::metrics::{Family, Kind};

const SECONDS: Kind = Kind::Histogram(Cow::Borrowed(&[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
]));

/// Shared by all threads.
#[derive(Clone, Debug)]
pub struct Own(Arc<Mutex<[Family; 2]>>);

impl Default for Own {
    fn default() -> Own {
        let commits = Family::new(SECONDS, "logmill_commit_duration_seconds", "How long commits took.", &[]);
        let help = "How long questions took to be answered, by kind.";
        let queries = Family::new(SECONDS, "logmill_query_duration_seconds", help, &["kind"]);
        Own(Arc::new(Mutex::new([commits, queries])))
    }
}

impl Own {
    pub fn committed(&self, seconds: f64) {
        self.with(|[commits, _]| commits.observe(&[], seconds));
    }

    /// `kind` is what was asked for, such as `search`.
    pub fn answered(&self, kind: &str, seconds: f64) {
        self.with(|[_, queries]| queries.observe(&[kind], seconds));
    }

    pub fn families(&self) -> Vec<Family> {
        self.with(|families| families.to_vec())
    }

    fn with<T>(&self, work: impl FnOnce(&mut [Family; 2]) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
