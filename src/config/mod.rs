//! Layer 7: the configuration. Every room's options in one file; a mistake names file, line and the way out.
//!
//! Paths and globs are relative to the working folder of the process.

pub mod alerts;
mod archive;
mod budgets;
mod cluster;
mod health;
mod load;
mod receive;
mod retention;
mod sinks;

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::metrics::host;
use crate::search::Budget;
use crate::store;
use crate::sys::units::{Bytes, Span};
use crate::tail;

pub use archive::Archive;
pub use budgets::RotationBudget;
pub use cluster::{Backend, ClusterTable};
pub use health::Health;
pub use load::{ConfigError, Loaded, Problems, load, load_main};
pub use receive::{Doors, Receive};
pub use retention::retention;

/// The rotation policy used where the configuration names none and `config/logrotate.conf` is missing.
pub const SHIPPED_POLICY: &str = include_str!("../../config/logrotate.conf");

/// `config/logmill.toml`. Every setting has a default, so an empty file is a configuration.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where everything Logmill writes is kept.
    pub data_dir: PathBuf,
    /// Folder of pipeline files. Unset: `pipelines`, and where that is missing the three shipped ones.
    pub pipelines: Option<PathBuf>,
    /// File of alerts, probes and notifiers. Unset: `config/alerts.toml`, and where that is missing the shipped one.
    pub alerts: Option<PathBuf>,
    /// File of sinks. Unset: `config/sinks.toml` where it is there, otherwise none.
    pub sinks: Option<PathBuf>,
    /// Address of the HTTP server, or `off`.
    pub http: String,
    pub follow: Follow,
    pub store: Store,
    pub search: Search,
    pub retention: Retention,
    pub rotation: Rotation,
    pub archive: Archive,
    pub host: host::Options,
    pub health: Health,
    pub receive: Receive,
    pub shutdown: Shutdown,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Follow {
    /// A longer line is cut here, marked and counted. 4 KiB to 16 MiB.
    pub max_line: Bytes,
    /// How often names are looked at without an event of the file system.
    pub discover_every: Span,
    /// A rotated file that has not grown for so long is finished.
    pub linger: Span,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// Commit at the latest after this time …
    pub commit_every: Span,
    /// … or when so many entries wait.
    pub commit_entries: usize,
    /// A partition is closed at this size, or at the end of the UTC day.
    pub partition_bytes: Bytes,
}

/// What one question may cost. Past a limit its answer is partial, and says so.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Search {
    pub max_time: Span,
    /// Of blocks, decompressed.
    pub max_decoded: Bytes,
    /// Rows of a table before it is cut.
    pub max_groups: usize,
    /// Of entries or groups held for one answer, for each thread.
    pub max_result: Bytes,
    /// For one question.
    pub threads: usize,
    /// Who answers.
    pub backend: Backend,
    pub cluster: ClusterTable,
}

/// What is unset is not limited.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    pub max_age: Option<Span>,
    pub max_bytes: Option<Bytes>,
    pub min_free: Option<Bytes>,
    /// How often the limits are looked at.
    pub every: Span,
    /// Entries that leave earlier than others.
    pub rule: Vec<RetentionRule>,
    /// Times of which nothing is removed.
    pub hold: Vec<RetentionHold>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionRule {
    /// As for `logmill search`, without pipes.
    pub query: String,
    pub max_age: Span,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionHold {
    /// Times as for `logmill search --since`.
    pub since: String,
    pub until: String,
    #[serde(default)]
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rotation {
    pub enabled: bool,
    /// A logrotate file. Unset: `config/logrotate.conf`, and where that is missing the shipped one.
    pub policy: Option<PathBuf>,
    /// Unset: `rotation.state` in the data folder. May be logrotate's own.
    pub state: Option<PathBuf>,
    /// How often sizes and times are looked at.
    pub every: Span,
    /// Of all rotated generations together; the oldest go first.
    #[serde(deserialize_with = "budgets::maybe_bytes")]
    pub archive_bytes: Option<Bytes>,
    /// The same for folders.
    #[serde(deserialize_with = "budgets::all")]
    pub budget: Vec<RotationBudget>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shutdown {
    /// After SIGTERM, what was not read and committed by then is left to the next start.
    pub deadline: Span,
}

const fn seconds(n: u64) -> Span {
    Span(Duration::from_secs(n))
}

impl Default for Config {
    fn default() -> Config {
        Config {
            data_dir: "data".into(),
            pipelines: None,
            alerts: None,
            sinks: None,
            http: "127.0.0.1:7600".into(),
            follow: Follow::default(),
            store: Store::default(),
            search: Search::default(),
            retention: Retention::default(),
            rotation: Rotation::default(),
            archive: Archive::default(),
            host: host::Options::default(),
            health: Health::default(),
            receive: Receive::default(),
            shutdown: Shutdown::default(),
        }
    }
}

impl Default for Follow {
    fn default() -> Follow {
        Follow { max_line: Bytes(1 << 20), discover_every: seconds(1), linger: seconds(10) }
    }
}

impl Default for Store {
    fn default() -> Store {
        Store { commit_every: seconds(5), commit_entries: 200_000, partition_bytes: Bytes(1 << 30) }
    }
}

impl Default for Search {
    fn default() -> Search {
        let Budget { time, decoded_bytes, groups, result_bytes, .. } = Budget::default();
        Search {
            max_time: Span(time),
            max_decoded: Bytes(decoded_bytes),
            max_groups: groups,
            max_result: Bytes(result_bytes as u64),
            threads: 2,
            backend: Backend::default(),
            cluster: ClusterTable::default(),
        }
    }
}

impl Default for Retention {
    fn default() -> Retention {
        Retention {
            max_age: Some(seconds(30 * 86_400)),
            max_bytes: None,
            min_free: None,
            every: seconds(60),
            rule: Vec::new(),
            hold: Vec::new(),
        }
    }
}

impl Default for Rotation {
    fn default() -> Rotation {
        Rotation {
            enabled: true,
            policy: None,
            state: None,
            every: seconds(2),
            archive_bytes: None,
            budget: Vec::new(),
        }
    }
}

impl Default for Shutdown {
    fn default() -> Shutdown {
        Shutdown { deadline: seconds(10) }
    }
}

impl Config {
    pub fn tail_options(&self) -> tail::Options {
        tail::Options {
            max_line: self.follow.max_line.0 as usize,
            discover_every: self.follow.discover_every.nanoseconds(),
            linger: self.follow.linger.nanoseconds(),
        }
    }

    /// For one question; it can be cancelled by its own flag.
    pub fn budget(&self) -> Budget {
        let Search { max_time, max_decoded, max_groups, max_result, threads, .. } = self.search;
        Budget {
            time: max_time.0,
            decoded_bytes: max_decoded.0,
            groups: max_groups,
            result_bytes: usize::try_from(max_result.0).unwrap_or(usize::MAX),
            threads: threads.max(1),
            ..Budget::default()
        }
    }

    pub fn store_options(&self) -> store::Options {
        store::Options { partition_bytes: self.store.partition_bytes }
    }

    pub fn rotation_state(&self) -> PathBuf {
        self.rotation.state.clone().unwrap_or_else(|| self.data_dir.join("rotation.state"))
    }

    /// The socket through which our own commands speak to a running daemon.
    pub fn control_socket(&self) -> PathBuf {
        self.data_dir.join("control.sock")
    }
}
