//! Another configuration for a running daemon: checked as a whole, used, or refused with everything that is wrong.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, SyncSender};

use serde_json::{Value, json};

use crate::config::{Config, Receive, load};
use crate::daemon::Board;
use crate::daemon::engine::sources;
use crate::daemon::index::{Current, lock};
use crate::daemon::run::Adjust;
use crate::daemon::tailing::TailCommand;
use crate::sys::clock;
use crate::sys::notify::Supervisor;

/// What a reload needs.
#[derive(Clone)]
pub struct Reloading {
    pub current: Current,
    pub board: Board,
    pub commands: Sender<TailCommand>,
    pub waker: SyncSender<()>,
    /// The main file.
    pub path: Option<PathBuf>,
    pub adjust: Adjust,
    pub supervisor: Arc<Supervisor>,
}

impl Reloading {
    /// The answer names the settings that wait for the next start.
    pub fn reload(&self) -> Result<Value, String> {
        self.supervisor.reloading();
        let result = self.load();
        self.supervisor.ready();
        if let Err(error) = &result {
            self.board.error(clock::now(), error.clone());
        }
        result
    }

    fn load(&self) -> Result<Value, String> {
        let loaded = load(self.path.as_deref(), |config| (self.adjust)(config))
            .map_err(|problems| format!("configuration not reloaded, the old one stays in use:\n{problems}"))?;
        let fixed = changed_in_vain(&lock(&self.current).config, &loaded.config);
        if !fixed.is_empty() {
            let names = fixed.join(", ");
            tracing::warn!("{names}: used from the next start on; the rest of the configuration is used now");
        }
        let (sources, warnings) = (sources(&loaded, true), loaded.warnings.clone());
        // The pipelines are there before the first batch that needs them.
        *lock(&self.current) = loaded;
        // The thread is gone only when we are stopping.
        let _ = self.commands.send(TailCommand::SetSources(sources));
        let _ = self.waker.try_send(());
        tracing::info!("configuration reloaded");
        Ok(json!({ "reloaded": true, "from_next_start": fixed, "warnings": warnings }))
    }
}

/// Settings that differ and that a running daemon cannot change.
fn changed_in_vain(old: &Config, new: &Config) -> Vec<&'static str> {
    let settings = [
        ("data_dir", old.data_dir != new.data_dir),
        ("http", old.http != new.http),
        ("follow", old.follow != new.follow),
        ("store.partition_bytes", old.store.partition_bytes != new.store.partition_bytes),
        ("receive", fixed(&old.receive) != fixed(&new.receive)),
        ("rotation.state", old.rotation_state() != new.rotation_state()),
    ];
    settings.iter().filter(|(_, differs)| *differs).map(|(name, _)| *name).collect()
}

/// What of receiving waits for the next start: all but rules, networks, and the files of TLS.
fn fixed(receive: &Receive) -> (Receive, bool) {
    let has_tls = receive.tls.is_some();
    let kept =
        Receive { pipeline: None, pipelines: BTreeMap::new(), syslog_from: Vec::new(), tls: None, ..receive.clone() };
    (kept, has_tls)
}
