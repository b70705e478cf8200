//! What the daemon can measure.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::alert::{Heard, ProbeResult, Sources};
use crate::daemon::alerting::desk::Desk;
use crate::daemon::index::lock;
use crate::metrics::Sample;
use crate::search::Budget;
use crate::store::Snapshot;

/// A question of an alert may take no longer.
const MAX_TIME: Duration = Duration::from_secs(10);

impl Sources for Desk {
    fn snapshot(&self) -> Snapshot {
        self.shared.snapshot()
    }

    /// Alerts ask often, so they ask modestly.
    fn budget(&self) -> Budget {
        let budget = lock(&self.current).config.budget();
        Budget { time: budget.time.min(MAX_TIME), threads: 1, ..budget }
    }

    fn metric(&self, name: &str) -> Vec<Sample> {
        self.numbers.samples(name)
    }

    fn heard(&self) -> Vec<Heard> {
        let known = self.lock();
        let heard = known.state.heard.iter();
        heard
            .map(|(source, one)| Heard { source: source.clone(), pipeline: one.pipeline.clone(), at: one.at })
            .collect()
    }

    fn data_dir(&self) -> PathBuf {
        self.data.clone()
    }

    fn probes(&self) -> BTreeMap<String, ProbeResult> {
        let known = self.lock();
        known
            .probes
            .iter()
            .filter(|(_, seen)| seen.counts)
            .map(|(name, seen)| (name.clone(), seen.result.clone()))
            .collect()
    }
}
