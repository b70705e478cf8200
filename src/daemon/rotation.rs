//! The house thread: rotation by policy, behind the gate that reading keeps, and retention of partitions.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::Local;

use crate::archive::Archive;
use crate::daemon::board::{Board, Facts};
use crate::daemon::engine::Engine;
use crate::daemon::index::{Current, lock};
use crate::daemon::partitions::{Needs, prune};
use crate::daemon::tailing::TailCommand;
use crate::record::Fingerprint;
use crate::rotate::{
    Event, Forecast, Gate, Generation, Listener, Locking, Options, Policy, Rotator, StateFile, Trimming, What,
};
use crate::store::Shared;
use crate::sys::clock;
use crate::sys::files::FileId;
use crate::tail::FileStatus;

/// A live log may be copied and cut when no more than this is unread: the reader finds it in the copy.
const READ_FROM_COPY: u64 = 4 << 20;

/// A script that takes longer is killed, with what it started: rotation of all other logs waits for it.
const SCRIPT_LIMIT: Duration = Duration::from_secs(15 * 60);
/// After a rotation for a log's size, sizes alone cause no other for so long.
const FULL_AGAIN: Duration = Duration::from_millis(500);

/// Rotation in a running daemon. Clones share one rotator.
#[derive(Clone)]
pub struct Rotating {
    rotator: Arc<Mutex<Option<Rotator>>>,
    gate: Arc<BoardGate>,
    /// Sizes at which logs are rotated, as far as they were asked for since the last tick.
    limits: Arc<Mutex<HashMap<PathBuf, Option<u64>>>>,
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
    archive: Archive,
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

    fn may_go(&self, file: &Path) -> bool {
        self.archive.lets_go(file)
    }

    fn known(&self, _: &Path, id: FileId) -> bool {
        let facts = self.board.lock();
        // Before the reader has looked at all, a log that it is to follow looks like one that nobody follows.
        let is_nobodys = facts.discoveries > 0 && !facts.files.iter().any(|file| file.file == id && file.size > 0);
        let known = facts.committed.contains_key(&id) || is_nobodys;
        drop(facts);
        if !known {
            self.board.request_commit();
        }
        known
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
        let committed = facts.committed.get(&id).copied();
        if let Some(followed) = followed.filter(|_| is_live) {
            return self.may_be_cut(followed, facts.heads.get(&id), size);
        }
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

    /// A live log may be copied and cut when the reader will know the copy: by what it read before, and when
    /// it has noticed the last time that we did this.
    fn may_be_cut(&self, followed: &FileStatus, committed: Option<&Fingerprint>, size: u64) -> bool {
        let mut cut = locked(&self.cut);
        let noticed = cut.get(&followed.file) != Some(&followed.stream);
        if noticed {
            cut.remove(&followed.file);
        }
        // After a crash, too: so this content must be the one of the committed position.
        let known = followed.head.len > 0 && committed == Some(&followed.head);
        let may = noticed && known && size.saturating_sub(followed.offset) <= READ_FROM_COPY;
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
    pub fn new(engine: &Engine, archive: Archive, commands: Sender<TailCommand>, waker: SyncSender<()>) -> Rotating {
        let gate = BoardGate {
            board: engine.board.clone(),
            commands: Mutex::new(commands),
            waker,
            unknown: Mutex::default(),
            allowed: Mutex::default(),
            cut: Mutex::default(),
            archive,
        };
        Rotating {
            rotator: Arc::default(),
            gate: Arc::new(gate),
            limits: Arc::default(),
            current: engine.current.clone(),
            shared: engine.shared.clone(),
        }
    }

    fn with<T>(&self, force: bool, work: impl FnOnce(&mut Rotator, &mut StateFile) -> T) -> Result<T, String> {
        let (policy, budgets, path) = {
            let current = lock(&self.current);
            (current.policy.clone(), current.config.budgets(), current.config.rotation_state())
        };
        let mut slot = locked(&self.rotator);
        let options =
            Options { finish: true, script_limit: Some(SCRIPT_LIMIT), patience: Duration::ZERO, ..Options::default() };
        let rotator = slot.get_or_insert_with(|| Rotator::new(Policy::default(), options));
        rotator.set_policy(policy);
        rotator.set_budgets(budgets);
        rotator.set_force(force);
        // Read and locked anew each time: logrotate itself may use the same file in between.
        let (mut state, problems) = StateFile::open(&path, Locking::Try).map_err(|e| e.to_string())?;
        problems.iter().for_each(|problem| tracing::warn!("{problem}"));
        Ok(work(rotator, &mut state))
    }

    /// One look at all logs; what happened is also on the board.
    pub fn tick(&self, force: bool) -> Vec<Event> {
        let ticked = self.with(force, |rotator, state| {
            let mut journal = Journal::default();
            rotator.tick(Local::now().fixed_offset(), state, &*self.gate, &mut journal);
            // The policy may be another one now.
            locked(&self.limits).clear();
            (journal.0, rotator.waiting().map(ToString::to_string).collect())
        });
        let board = &self.gate.board;
        let (events, waiting) = ticked.unwrap_or_else(|error| {
            board.error(clock::now(), error);
            Default::default()
        });
        board.lock().rotations_waiting = waiting;
        for event in &events {
            match &event.what {
                What::Failed { .. } => board.error(clock::now(), event.to_string()),
                What::Warned { .. } | What::Skipped { .. } => tracing::warn!("{event}"),
                What::Waiting { .. } => tracing::debug!("{event}"),
                _ => tracing::info!("{event}"),
            }
            match event.what {
                What::Rotated { .. } => board.lock().rotations_done += 1,
                What::Failed { .. } => board.lock().rotations_failed += 1,
                _ => {}
            }
            // What waits is on the board as long as it does.
            if !matches!(event.what, What::Waiting { .. }) {
                board.rotated(event.clone());
            }
        }
        events
    }

    /// Whether a followed log has reached the size that it is rotated at.
    fn is_full(&self) -> bool {
        let policy = lock(&self.current).policy.clone();
        let mut limits = locked(&self.limits);
        let facts = self.gate.board.lock();
        facts.files.iter().filter(|file| !file.retired).any(|file| {
            let limit = match limits.get(&file.path) {
                Some(limit) => *limit,
                None => *limits.entry(file.path.clone()).or_insert(policy.size_limit(&file.path)),
            };
            limit.is_some_and(|limit| file.size >= limit)
        })
    }

    /// What failed and has not been mended since.
    pub fn failures(&self) -> Vec<String> {
        let slot = locked(&self.rotator);
        slot.iter().flat_map(Rotator::waiting).filter(|event| event.is_failure()).map(ToString::to_string).collect()
    }

    /// What would become of every log now, and when; and what would go for the budgets.
    pub fn forecast(&self, force: bool) -> Result<(Vec<Forecast>, Trimming), String> {
        let now = Local::now().fixed_offset();
        self.with(force, |rotator, state| (rotator.forecast(now, state), rotator.trimming(state)))
    }

    /// What there is of all logs.
    pub fn generations(&self) -> Result<Vec<Generation>, String> {
        self.with(false, |rotator, state| rotator.generations(state))
    }

    /// Removes the generations that an earlier policy left behind.
    pub fn remove_orphans(&self) -> Result<Vec<Event>, String> {
        self.with(false, |rotator, _| {
            let mut journal = Journal::default();
            rotator.remove_orphans(Local::now().fixed_offset(), &*self.gate, &mut journal);
            journal.0.iter().for_each(|event| self.gate.board.rotated(event.clone()));
            journal.0
        })
    }
}

/// What happened in a tick.
#[derive(Default)]
struct Journal(Vec<Event>);

impl Listener for Journal {
    fn event(&mut self, event: &Event) {
        self.0.push(event.clone());
    }
}

/// Rotates and removes until told to stop.
pub fn keep_house(rotating: &Rotating, needs: &Needs, stops: &AtomicBool) {
    let (mut next_rotation, mut next_full, mut next_prune) = (Instant::now(), Instant::now(), Instant::now());
    while !stops.load(Ordering::Acquire) {
        let (config, retention) = {
            let current = lock(&rotating.current);
            (current.config.clone(), current.retention.clone())
        };
        // A log that could not be rotated stays full, and is not looked at all the time for that.
        let is_full = Instant::now() >= next_full && rotating.is_full();
        if config.rotation.enabled && (Instant::now() >= next_rotation || is_full) {
            rotating.tick(false);
            next_rotation = Instant::now() + config.rotation.every.0;
            next_full = Instant::now() + if is_full { FULL_AGAIN } else { Duration::ZERO };
        }
        if Instant::now() >= next_prune {
            let board = &rotating.gate.board;
            if let Err(error) = prune(&rotating.shared, &retention, needs, board, clock::now(), false) {
                board.error(clock::now(), error);
            }
            next_prune = Instant::now() + config.retention.every.0;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log that was never committed may be renamed when nobody follows it, which nobody knows before the first look.
    #[test]
    fn before_the_first_look_nothing_is_nobodys() {
        let board = Board::default();
        let (commands, _queue) = std::sync::mpsc::channel();
        let gate = BoardGate {
            board: board.clone(),
            commands: Mutex::new(commands),
            waker: std::sync::mpsc::sync_channel(1).0,
            unknown: Mutex::default(),
            allowed: Mutex::default(),
            cut: Mutex::default(),
            archive: Archive::default(),
        };
        let id = FileId { inode: 7, ..FileId::default() };
        assert!(!gate.known(Path::new("a.log"), id));
        board.lock().discoveries = 1;
        assert!(gate.known(Path::new("a.log"), id));
        board.lock().discoveries = 0;
        board.lock().committed.insert(id, 5);
        assert!(gate.known(Path::new("a.log"), id));
    }
}
