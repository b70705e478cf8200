//! What the daemon shows and does for those who ask over HTTP.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, SyncSender};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::daemon::Board;
use crate::daemon::board::IngestState;
use crate::daemon::index::{Current, lock};
use crate::daemon::partitions::{partitions, prune};
use crate::daemon::rotation::Rotating;
use crate::daemon::shipping::Shipping;
use crate::daemon::tailing::TailCommand;
use crate::http::{Backend, Control};
use crate::pipeline::Pipeline;
use crate::record::timestamp;
use crate::rotate::Forecast;
use crate::search::Budget;
use crate::store::{PartitionInfo, Shared, Snapshot};
use crate::sys::{clock, files, process};

/// A commit somebody waits for takes no longer than this, or is reported as not done.
const COMMIT_PATIENCE: Duration = Duration::from_secs(20);

pub struct Face {
    pub board: Board,
    pub shared: Shared,
    pub current: Current,
    pub rotating: Rotating,
    pub shipping: Shipping,
    pub commands: Sender<TailCommand>,
    pub waker: SyncSender<()>,
    pub started: Instant,
}

impl Face {
    fn partitions(&self) -> Vec<PartitionInfo> {
        partitions(&self.shared.partitions(), true).0
    }

    /// What is wrong, the damage of partitions included.
    fn problems_with(&self, damage: Vec<String>) -> Vec<String> {
        let facts = self.board.lock();
        let mut problems: Vec<String> = facts.stuck.iter().map(|why| format!("indexing stands still: {why}")).collect();
        problems.extend(facts.dead.iter().map(|name| format!("the {name} thread has died; restart logmill")));
        problems.extend(facts.damaged.iter().cloned());
        problems.extend(damage);
        problems
    }

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

    fn budget(&self) -> Budget {
        lock(&self.current).config.budget()
    }

    fn status(&self) -> Value {
        let (partitions, damage) = partitions(&self.shared.partitions(), true);
        let problems = self.problems_with(damage);
        let redacted = redacted(&lock(&self.current).pipelines);
        let committed = self.shared.committed();
        let facts = self.board.lock();
        let file = |f: &crate::tail::FileStatus| {
            let committed = facts.committed.get(&f.file).copied().unwrap_or(0);
            json!({
                "source": f.source, "path": f.path, "pipeline": f.pipeline, "offset": f.offset, "size": f.size,
                "committed": committed, "lag_bytes": f.size.saturating_sub(f.offset), "rotated_away": f.retired,
            })
        };
        let files: Vec<Value> = facts.files.iter().map(file).collect();
        json!({
            "running": true,
            "pid": std::process::id(),
            "uptime_seconds": self.started.elapsed().as_secs(),
            "healthy": problems.is_empty(),
            "problems": problems,
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
            "sinks": self.shipping.sinks.to_json(&committed),
            "memory_bytes": process::resident_bytes(),
        })
    }

    fn problems(&self) -> Vec<String> {
        self.problems_with(partitions(&self.shared.partitions(), true).1)
    }

    fn metrics(&self) -> String {
        let partitions = self.partitions();
        let free = files::disk_space(&lock(&self.current).config.data_dir).map_or(0, |(free, _)| free);
        let facts = self.board.lock();
        let lag: u64 = facts.files.iter().map(|f| f.size.saturating_sub(f.offset)).sum();
        let mut text = String::new();
        let mut metric = |kind: &str, name: &str, help: &str, value: f64| {
            // Writing to a String cannot fail.
            let _ =
                write!(text, "# HELP logmill_{name} {help}\n# TYPE logmill_{name} {kind}\nlogmill_{name} {value}\n");
        };
        metric("counter", "read_bytes_total", "Bytes read from followed files.", facts.bytes as f64);
        metric("counter", "entries_total", "Entries made of what was read.", facts.entries as f64);
        metric("counter", "lines_total", "Lines read.", facts.outcomes.lines as f64);
        metric("counter", "lines_text_total", "Lines kept as plain text.", facts.outcomes.text as f64);
        metric("counter", "lines_truncated_total", "Lines cut at the length limit.", facts.outcomes.truncated as f64);
        metric("counter", "entries_filtered_total", "Entries that filters left out.", facts.outcomes.filtered as f64);
        metric("counter", "entries_sampled_total", "Entries that sampling left out.", facts.outcomes.sampled as f64);
        metric("counter", "entries_limited_total", "Entries beyond a limit.", facts.outcomes.limited as f64);
        metric("counter", "errors_total", "Errors of this process.", facts.errors_total as f64);
        metric("counter", "commits_total", "Commits of the store.", facts.commits as f64);
        metric("counter", "rotations_total", "Files this process rotated.", facts.rotations_done as f64);
        metric("counter", "partitions_removed_total", "Partitions retention removed.", facts.partitions_removed as f64);
        metric("gauge", "followed_files", "Files being followed.", facts.files.len() as f64);
        metric("gauge", "lag_bytes", "Bytes in followed files that are not read yet.", lag as f64);
        metric("gauge", "waiting_entries", "Entries that wait for their commit.", facts.waiting_entries as f64);
        metric("gauge", "last_commit_seconds", "How long the last commit took.", facts.commit_seconds);
        metric("gauge", "partitions", "Partitions of the store.", partitions.len() as f64);
        let bytes: u64 = partitions.iter().map(|p| p.bytes).sum();
        metric("gauge", "store_bytes", "Size of the store on disk.", bytes as f64);
        metric("gauge", "disk_free_bytes", "Free space where the store is.", free as f64);
        metric("gauge", "resident_memory_bytes", "Memory of this process.", process::resident_bytes() as f64);
        metric("gauge", "stuck", "1 while the store cannot be written.", f64::from(u8::from(facts.stuck.is_some())));
        text
    }

    fn control(&self, control: Control) -> Result<Value, String> {
        match control {
            Control::Ingest { paths, pipeline } => self.ingest(paths, pipeline),
            Control::IngestState { paths } => Ok(self.ingest_state(&paths)),
            Control::Prune { dry_run } => {
                let retention = lock(&self.current).retention.clone();
                let plan = prune(&self.shared, &retention, &self.shipping.sinks, &self.board, clock::now(), dry_run)?;
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
            Control::ShipReplay { sink, since } => self.shipping.replay(&sink, since).map(Value::from),
            Control::ShipSkip { sink } => self.shipping.skip(&sink).map(Value::from),
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

/// How many secrets of each kind, over all pipelines.
fn redacted(pipelines: &[Pipeline]) -> BTreeMap<String, u64> {
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
