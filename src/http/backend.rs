//! What the routes need of the daemon.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use crate::elastic::ask::Cluster;
use crate::http::live::Tails;
use crate::search::Budget;
use crate::store::Snapshot;

/// What a daemon can be asked to do; on the control socket only.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Control {
    Ingest {
        paths: Vec<std::path::PathBuf>,
        pipeline: Option<String>,
    },
    IngestState {
        paths: Vec<std::path::PathBuf>,
    },
    Prune {
        dry_run: bool,
    },
    Rotate {
        dry_run: bool,
        force: bool,
    },
    RotationPlan {
        force: bool,
    },
    RemoveOrphans,
    Commit,
    Reload,
    /// From the first entry on that is not older, nanoseconds since the epoch.
    ShipReplay {
        sink: String,
        since: i64,
    },
    ShipSkip {
        sink: String,
    },
    /// What the archive has of this time comes back into search; times in nanoseconds since the epoch.
    Restore {
        since: i64,
        until: i64,
        host: Option<String>,
        store: Option<String>,
        /// Retention leaves it alone until then.
        kept_until: i64,
        dry_run: bool,
    },
    /// Nobody is told of what matches, for so long.
    Silence {
        matchers: Vec<String>,
        seconds: f64,
        reason: String,
    },
    EndSilence {
        id: u64,
    },
}

/// How the daemon is.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// Its threads work: a restart would not help.
    pub live: bool,
    /// Reasons not to be healthy; none when all is well.
    pub problems: Vec<String>,
}

/// What the routes need of the daemon.
pub trait Backend: Send + Sync + 'static {
    fn snapshot(&self) -> Snapshot;
    /// Who is asked instead of the store, if anybody.
    fn cluster(&self) -> Option<Cluster>;
    /// What one question may cost.
    fn budget(&self) -> Budget;
    /// Those who wait for new entries.
    fn tails(&self) -> &Tails;
    /// Everything, for a person or a script.
    fn status(&self) -> Value;
    /// The followed files.
    fn sources(&self) -> Value;
    fn partition_list(&self) -> Value;
    /// What was rotated last, and what waits.
    fn rotations(&self) -> Value;
    /// Alerts, probes, notifiers and silences.
    fn alerts(&self) -> Value;
    /// Cheap enough to be asked a thousand times a second.
    fn health(&self) -> Health;
    /// Prometheus text.
    fn metrics(&self) -> String;
    /// A question of this kind took so long.
    fn answered(&self, kind: &str, seconds: f64);
    /// Does what is asked; the error is for the person who asked.
    fn control(&self, control: Control) -> Result<Value, String>;
}

pub(super) type Shared = Arc<dyn Backend>;
