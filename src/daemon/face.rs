//! What the daemon shows and does for those who ask over HTTP.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, SyncSender};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::daemon::Board;
use crate::daemon::alerting::Desk;
use crate::daemon::archiving::{Archiving, Restore};
use crate::daemon::board::{Facts, IngestState};
use crate::daemon::health::Doctor;
use crate::daemon::index::{Current, lock};
use crate::daemon::metrics::Numbers;
use crate::daemon::partitions::{Needs, partitions, prune};
use crate::daemon::receiving::Receiving;
use crate::daemon::reload::Reloading;
use crate::daemon::rotation::Rotating;
use crate::daemon::shipping::Shipping;
use crate::daemon::tailing::TailCommand;
use crate::elastic::ask::Cluster;
use crate::http::{Backend, Control, Health, Tails};
use crate::metrics;
use crate::pipeline::Pipeline;
use crate::record::timestamp;
use crate::rotate::Forecast;
use crate::search::Budget;
use crate::store::{Shared, Snapshot};
use crate::sys::{clock, process};
use crate::tail::FileStatus;

/// A commit somebody waits for takes no longer than this, or is reported as not done.
const COMMIT_PATIENCE: Duration = Duration::from_secs(20);

pub struct Face {
    pub desk: Arc<Desk>,
    pub board: Board,
    pub shared: Shared,
    pub current: Current,
    pub rotating: Rotating,
    pub shipping: Shipping,
    /// `None` where nothing is received.
    pub receiving: Option<Receiving>,
    pub archiving: Archiving,
    pub needs: Needs,
    pub commands: Sender<TailCommand>,
    pub waker: SyncSender<()>,
    pub numbers: Numbers,
    pub tails: Tails,
    pub doctor: Doctor,
    pub reloading: Reloading,
    pub started: Instant,
}

impl Face {
    fn ingest(&self, paths: Vec<PathBuf>, pipeline: Option<String>) -> Result<Value, String> {
        if let Some(name) = &pipeline {
            let pipelines = lock(&self.current).pipelines.clone();
            if !pipelines.iter().any(|p| p.name() == name) {
                let known: Vec<&str> = pipelines.iter().map(|p| p.name()).collect();
                return Err(format!("no pipeline is called {name:?}; there are {}", known.join(", ")));
            }
        }
        self.board.lock().ingests.retain(|path, _| !paths.contains(path));
        let _ = self.commands.send(TailCommand::Ingest(paths, pipeline));
        let _ = self.waker.try_send(());
        Ok(json!({ "accepted": true }))
    }

    fn ingest_state(&self, paths: &[PathBuf]) -> Value {
        let facts = self.board.lock();
        let mut waits = false;
        let mut state = |path: &PathBuf| {
            let state = facts.ingests.get(path).cloned().map(|state| match state {
                // Read, but its last entries may still be on their way to the store.
                IngestState::Done { bytes, file, end } if facts.committed.get(&file).is_none_or(|c| *c < end) => {
                    waits = true;
                    IngestState::Reading { offset: bytes, size: bytes, file }
                }
                state => state,
            });
            (path.display().to_string(), json!(state))
        };
        let states = Value::Object(paths.iter().map(&mut state).collect());
        drop(facts);
        if waits {
            self.board.request_commit();
        }
        states
    }
}

impl Backend for Face {
    fn snapshot(&self) -> Snapshot {
        self.shared.snapshot()
    }

    fn cluster(&self) -> Option<Cluster> {
        lock(&self.current).cluster.clone()
    }

    fn budget(&self) -> Budget {
        lock(&self.current).config.budget()
    }

    fn tails(&self) -> &Tails {
        &self.tails
    }

    fn status(&self) -> Value {
        let health = self.health();
        let alerts = self.desk.to_json();
        let (partitions, _) = partitions(&self.shared.partitions(), true);
        let redacted = redacted(&lock(&self.current).pipelines);
        let committed = self.shared.committed();
        let facts = self.board.lock();
        let files: Vec<Value> = facts.files.iter().map(|file| followed(file, &facts)).collect();
        json!({
            "running": true,
            "version": env!("CARGO_PKG_VERSION"),
            "pid": std::process::id(),
            "uptime_seconds": self.started.elapsed().as_secs(),
            "healthy": health.problems.is_empty(),
            "live": health.live,
            "problems": health.problems,
            "files": files,
            "partitions": partitions,
            "entries_read": facts.entries,
            "bytes_read": facts.bytes,
            "entries_waiting": facts.waiting_entries,
            "lines": outcomes(&facts.outcomes),
            "commits": facts.commits,
            "last_commit": (facts.last_commit > 0).then(|| timestamp(facts.last_commit)),
            "rotations_seen": facts.rotations_seen,
            "truncations_seen": facts.truncations_seen,
            "rotations": facts.rotations.iter().rev().collect::<Vec<_>>(),
            "rotations_waiting": facts.rotations_waiting,
            "partitions_removed": facts.partitions_removed,
            "errors_total": facts.errors_total,
            "errors": facts.errors.iter().rev().take(10).map(|(time, text)| json!({"time": timestamp(*time), "error": text})).collect::<Vec<_>>(),
            "redacted": redacted,
            "tails": self.tails.count(),
            "alerts": alerts,
            "sinks": self.shipping.sinks.to_json(&committed),
            "received": self.receiving.as_ref().map(Receiving::to_json),
            "archive": self.archiving.archive.to_json(),
            "memory_bytes": process::resident_bytes(),
        })
    }

    fn sources(&self) -> Value {
        let facts = self.board.lock();
        let files: Vec<Value> = facts.files.iter().map(|file| followed(file, &facts)).collect();
        json!({ "sources": files, "failing": facts.failing })
    }

    fn partition_list(&self) -> Value {
        let (partitions, damaged) = partitions(&self.shared.partitions(), true);
        json!({ "partitions": partitions, "damaged": damaged })
    }

    fn rotations(&self) -> Value {
        let enabled = lock(&self.current).config.rotation.enabled;
        let facts = self.board.lock();
        json!({
            "enabled": enabled,
            "rotations": facts.rotations.iter().rev().collect::<Vec<_>>(),
            "waiting": facts.rotations_waiting,
            "done": facts.rotations_done,
        })
    }

    fn alerts(&self) -> Value {
        self.desk.to_json()
    }

    fn health(&self) -> Health {
        self.doctor.health()
    }

    fn metrics(&self) -> String {
        metrics::text(&self.families())
    }

    fn answered(&self, kind: &str, seconds: f64) {
        self.numbers.own.answered(kind, seconds);
    }

    fn control(&self, control: Control) -> Result<Value, String> {
        match control {
            Control::Ingest { paths, pipeline } => self.ingest(paths, pipeline),
            Control::IngestState { paths } => Ok(self.ingest_state(&paths)),
            Control::Silence { matchers, seconds, reason } => self.desk.add_silence(matchers, seconds, &reason),
            Control::EndSilence { id } => self.desk.end_silence(id),
            Control::Prune { dry_run } => {
                let retention = lock(&self.current).retention.clone();
                let plan = prune(&self.shared, &retention, &self.needs, &self.board, clock::now(), dry_run)?;
                Ok(plan.to_json())
            }
            Control::RotationPlan { force } => {
                let (forecasts, trimming) = self.rotating.forecast(force)?;
                let logs = forecasts.iter().map(Forecast::to_json).collect::<Vec<_>>();
                Ok(json!({ "logs": logs, "archives": trimming.to_json() }))
            }
            Control::RemoveOrphans => {
                let events = self.rotating.remove_orphans()?;
                let failures = events.iter().filter(|event| event.is_failure()).count();
                let lines: Vec<String> = events.iter().map(ToString::to_string).collect();
                Ok(json!({ "lines": lines, "failures": failures }))
            }
            Control::Rotate { dry_run: true, force } => {
                let (forecasts, trimming) = self.rotating.forecast(force)?;
                let due = forecasts.iter().filter(|forecast| forecast.due.is_ok()).map(ToString::to_string);
                let over = trimming.removals.iter().map(ToString::to_string);
                Ok(json!({ "lines": due.chain(over).collect::<Vec<_>>() }))
            }
            Control::Rotate { dry_run: false, force } => {
                // Nothing has to wait for it then. What could not be committed waits, and says so.
                let _ = self.board.wait_for_commit(self.board.request_commit(), COMMIT_PATIENCE);
                let lines: Vec<String> = self.rotating.tick(force).iter().map(ToString::to_string).collect();
                Ok(json!({ "lines": lines, "failures": self.rotating.failures() }))
            }
            Control::Reload => self.reloading.reload(),
            Control::ShipReplay { sink, since } => self.shipping.replay(&sink, since).map(Value::from),
            Control::ShipSkip { sink } => self.shipping.skip(&sink).map(Value::from),
            Control::Restore { since, until, host, store, kept_until, dry_run } => {
                self.archiving.restore(&Restore { since, until, host, store, kept_until, dry_run })
            }
            Control::Commit => {
                let request = self.board.request_commit();
                match self.board.wait_for_commit(request, COMMIT_PATIENCE) {
                    true => Ok(json!({ "committed": true })),
                    false => Err("the store could not commit in time; see /status".to_owned()),
                }
            }
        }
    }
}

/// A file, and how far it was read and committed.
fn followed(file: &FileStatus, facts: &Facts) -> Value {
    let committed = facts.committed.get(&file.file).copied().unwrap_or(0);
    json!({
        "source": file.source, "path": file.path, "pipeline": file.pipeline, "offset": file.offset, "size": file.size,
        "committed": committed, "lag_bytes": file.size.saturating_sub(file.offset), "rotated_away": file.retired,
    })
}

/// How many secrets of each kind, over all pipelines.
pub(super) fn redacted(pipelines: &[Pipeline]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for (name, count) in pipelines.iter().flat_map(Pipeline::redacted) {
        *counts.entry(name).or_default() += count;
    }
    counts
}

fn outcomes(o: &crate::record::Outcomes) -> Value {
    json!({
        "read": o.lines, "parsed": o.parsed, "text": o.text, "joined": o.joined, "truncated": o.truncated,
        "filtered": o.filtered, "sampled": o.sampled, "limited": o.limited, "invalid_utf8": o.invalid_utf8, "nul_bytes": o.nul_bytes,
    })
}

impl IngestState {
    /// Nothing more will happen to it.
    pub fn is_over(&self) -> bool {
        !matches!(self, IngestState::Reading { .. })
    }
}
