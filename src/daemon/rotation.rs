//! The house thread: rotation by policy, behind the gate that reading keeps, and retention of partitions.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::Local;

use crate::daemon::board::{Board, Facts};
use crate::daemon::engine::Engine;
use crate::daemon::index::{Current, lock};
use crate::daemon::partitions::prune;
use crate::daemon::tailing::TailCommand;
use crate::rotate::{Event, Gate, Options, Rotator, What};
use crate::store::Shared;
use crate::sys::clock;
use crate::sys::files::FileId;
use crate::tail::FileStatus;

/// A live log may be copied and truncated when no more than this is unread: the reader finds it in the copy.
const READ_FROM_COPY: u64 = 4 << 20;

/// Rotation in a running daemon. Clones share one rotator.
#[derive(Clone)]
pub struct Rotating {
    rotator: Arc<Mutex<Option<Rotator>>>,
    gate: Arc<BoardGate>,
    current: Current,
    shared: Shared,
}

/// Answers from the board whether a file was read and committed.
struct BoardGate {
    board: Board,
    commands: Mutex<Sender<TailCommand>>,
    waker: SyncSender<()>,
    /// Files that the reader does not know, and how often it had looked when we first asked.
    unknown: Mutex<HashMap<FileId, u64>>,
    /// Files that we were allowed to truncate, and the stream that read them then.
    allowed: Mutex<HashMap<FileId, u64>>,
    /// Files that we truncated, likewise.
    cut: Mutex<HashMap<FileId, u64>>,
}

impl Gate for BoardGate {
    fn settled(&self, log: &Path, file: &Path, id: FileId, size: u64) -> bool {
        let allowed = self.is_settled(&self.board.lock(), file == log, id, size);
        if !allowed {
            // Perhaps it is only the commit that is missing; the next tick will know.
            self.board.request_commit();
        }
        allowed
    }

    fn truncated(&self, log: &Path) {
        if let Ok(metadata) = std::fs::symlink_metadata(log) {
            let id = FileId::of(&metadata);
            // The reader may have noticed already, and be reading another stream of it.
            let stream = locked(&self.allowed).remove(&id);
            stream.map(|stream| locked(&self.cut).insert(id, stream));
        }
        self.look();
    }

    fn renamed(&self, _: &Path, _: &Path) {
        self.look();
    }

    fn compressed(&self, from: FileId, to: &Path) {
        self.tell(TailCommand::Compressed(from, to.to_owned()));
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl BoardGate {
    fn is_settled(&self, facts: &Facts, is_live: bool, id: FileId, size: u64) -> bool {
        let followed = facts.files.iter().find(|f| f.file == id);
        if let Some(followed) = followed.filter(|_| is_live) {
            return self.may_be_cut(followed, size);
        }
        let committed = facts.committed.get(&id).copied();
        // A log that the reader has not looked for yet since the start is not known by its committed offset alone.
        if followed.is_some() || (committed.is_some() && !is_live) {
            self.forget(id);
            return match facts.ends.get(&id) {
                // Its content ends elsewhere than the file.
                Some(end) if end.is_packed => committed.unwrap_or(0) >= end.offset,
                _ => committed.unwrap_or(0) == size,
            };
        }
        facts.ignored.contains(&id) || self.stays_unknown(facts, id)
    }

    /// A live log may be copied and truncated when the reader will know the copy: by what it read before, and when
    /// it has noticed the last time that we did this.
    fn may_be_cut(&self, followed: &FileStatus, size: u64) -> bool {
        let mut cut = locked(&self.cut);
        let noticed = cut.get(&followed.file) != Some(&followed.stream);
        if noticed {
            cut.remove(&followed.file);
        }
        let may = noticed && followed.offset > 0 && size.saturating_sub(followed.offset) <= READ_FROM_COPY;
        if may {
            locked(&self.allowed).insert(followed.file, followed.stream);
        }
        may
    }

    /// A file is nobody's when the reader has looked at all names twice since we first asked, and does not know it.
    fn stays_unknown(&self, facts: &Facts, id: FileId) -> bool {
        let mut unknown = locked(&self.unknown);
        let asked = *unknown.entry(id).or_insert(facts.discoveries);
        facts.discoveries >= asked + 2
    }

    fn forget(&self, id: FileId) {
        locked(&self.unknown).remove(&id);
    }

    fn look(&self) {
        self.tell(TailCommand::Look);
    }

    fn tell(&self, command: TailCommand) {
        // The thread is gone only when we are stopping.
        let _ = locked(&self.commands).send(command);
        let _ = self.waker.try_send(());
    }
}

impl Rotating {
    pub fn new(engine: &Engine, commands: Sender<TailCommand>, waker: SyncSender<()>) -> Rotating {
        let gate = BoardGate {
            board: engine.board.clone(),
            commands: Mutex::new(commands),
            waker,
            unknown: Mutex::default(),
            allowed: Mutex::default(),
            cut: Mutex::default(),
        };
        Rotating {
            rotator: Arc::default(),
            gate: Arc::new(gate),
            current: engine.current.clone(),
            shared: engine.shared.clone(),
        }
    }

    fn with<T>(&self, force: bool, work: impl FnOnce(&mut Rotator) -> T) -> Result<T, String> {
        let (policy, state) = {
            let current = lock(&self.current);
            (current.policy.clone(), current.config.rotation_state())
        };
        let mut slot = self.rotator.lock().unwrap_or_else(PoisonError::into_inner);
        let rotator = match &mut *slot {
            Some(rotator) => {
                rotator.set_policy(policy);
                rotator
            }
            None => {
                let (rotator, warnings) = Rotator::new(policy, state, Options::default()).map_err(|e| e.to_string())?;
                warnings.iter().for_each(|w| tracing::warn!("{w}"));
                slot.insert(rotator)
            }
        };
        rotator.set_options(Options { force });
        Ok(work(rotator))
    }

    /// One look at all logs; what happened is also on the board.
    pub fn tick(&self, force: bool) -> Vec<Event> {
        let ticked = self.with(force, |rotator| {
            let events = rotator.tick(Local::now().fixed_offset(), &*self.gate);
            (events, rotator.waiting().map(ToString::to_string).collect())
        });
        let board = &self.gate.board;
        let (events, waiting) = ticked.unwrap_or_else(|error| {
            board.error(clock::now(), error);
            Default::default()
        });
        board.lock().rotations_waiting = waiting;
        for event in &events {
            match &event.what {
                What::Failed { .. } | What::ScriptFailed { .. } => board.error(clock::now(), event.to_string()),
                What::Waiting { .. } => tracing::debug!("{event}"),
                _ => tracing::info!("{event}"),
            }
            if matches!(event.what, What::Rotated { .. }) {
                board.lock().rotations_done += 1;
            }
            // What waits is on the board as long as it does.
            if !matches!(event.what, What::Waiting { .. }) {
                board.rotated(event.clone());
            }
        }
        events
    }

    /// What failed and has not been mended since.
    pub fn failures(&self) -> Vec<String> {
        let slot = locked(&self.rotator);
        let is_failure = |event: &&Event| matches!(event.what, What::Failed { .. } | What::ScriptFailed { .. });
        slot.iter().flat_map(|rotator| rotator.waiting().filter(is_failure)).map(ToString::to_string).collect()
    }

    /// What a tick would do, one line a step.
    pub fn dry_run(&self, force: bool) -> Vec<String> {
        let plan = self.with(force, |rotator| rotator.dry_run(Local::now().fixed_offset()));
        plan.map_or_else(|error| vec![error], |plan| describe(&plan))
    }
}

/// A rotation plan in words, one line a step.
pub fn describe(plan: &[(std::path::PathBuf, crate::rotate::due::Reason, Vec<crate::rotate::Action>)]) -> Vec<String> {
    let mut lines = Vec::new();
    for (log, reason, actions) in plan {
        lines.push(format!("{}: {reason}", log.display()));
        lines.extend(actions.iter().map(|action| format!("  {action}")));
    }
    lines
}

/// Rotates and removes until told to stop.
pub fn keep_house(rotating: &Rotating, stops: &AtomicBool) {
    let (mut next_rotation, mut next_prune) = (Instant::now(), Instant::now());
    while !stops.load(Ordering::Acquire) {
        let (config, retention) = {
            let current = lock(&rotating.current);
            (current.config.clone(), current.retention.clone())
        };
        if config.rotation.enabled && Instant::now() >= next_rotation {
            rotating.tick(false);
            next_rotation = Instant::now() + config.rotation.every.0;
        }
        if Instant::now() >= next_prune {
            let board = &rotating.gate.board;
            if let Err(error) = prune(&rotating.shared, &retention, board, clock::now(), false) {
                board.error(clock::now(), error);
            }
            next_prune = Instant::now() + config.retention.every.0;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
