//! The index thread: batches through their pipelines into the store, and commits.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::config::Loaded;
use crate::daemon::Board;
use crate::daemon::metrics::Numbers;
use crate::metrics::Derived;
use crate::pipeline::{Pipeline, StreamParser};
use crate::record::{EntryBatch, Position, RawBatch, StreamId};
use crate::store::Writer;
use crate::sys::clock::{self, SECOND};
use crate::sys::files::FileId;

/// An entry that waits for continuation lines is complete when its file was not written for so long.
const QUIET: i64 = SECOND / 2;
/// How long the store rests after an error before it tries again.
const RETRY: Duration = Duration::from_secs(1);

/// What the index thread takes in.
pub enum ToIndex {
    Batch(RawBatch),
    Forget(FileId),
    /// What was read of another file is known of this one.
    Moved(Position),
}

/// Pipelines and commit settings, which a reload replaces.
pub type Current = Arc<Mutex<Loaded>>;

struct Parser {
    parser: StreamParser,
    pipeline: Pipeline,
    group: usize,
    /// See [`RawBatch::quiet_since`].
    quiet_since: Option<i64>,
}

pub struct Indexer {
    pub writer: Writer,
    pub current: Current,
    pub board: Board,
    numbers: Numbers,
    /// Set when reading has stopped for good.
    pub stopping: Arc<AtomicBool>,
    parsers: HashMap<StreamId, Parser>,
    /// Blocks are shared by pipeline; this is the number of each.
    groups: HashMap<String, usize>,
    pipelines: Arc<Vec<Pipeline>>,
    derived: Derived,
    last_commit: Instant,
    retry_at: Option<Instant>,
}

impl Indexer {
    pub fn new(writer: Writer, current: Current, board: Board, numbers: Numbers, stopping: Arc<AtomicBool>) -> Indexer {
        let pipelines = lock(&current).pipelines.clone();
        let mut derived = Derived::default();
        derived.declare(pipelines.iter().flat_map(Pipeline::metrics));
        if !writer.counted().is_empty()
            && let Err(error) = derived.restore(writer.counted())
        {
            let message = format!("the numbers of the last commit cannot be read and begin anew: {error}");
            board.error(clock::now(), message);
        }
        numbers.publish(derived.published(clock::now()));
        Indexer {
            writer,
            current,
            board,
            numbers,
            derived,
            stopping,
            parsers: HashMap::new(),
            groups: HashMap::new(),
            pipelines,
            last_commit: Instant::now(),
            retry_at: None,
        }
    }

    /// Runs until the senders are gone and everything is committed, or the deadline has passed.
    pub fn run(mut self, incoming: &Receiver<ToIndex>, deadline: impl Fn() -> Instant) {
        let mut open = true;
        while open {
            if self.may_take() {
                match incoming.recv_timeout(Duration::from_millis(50)) {
                    Ok(item) => self.take(item),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => open = false,
                }
            } else {
                // Nothing is taken while the store cannot write; the bounded channel stops the reading.
                std::thread::sleep(Duration::from_millis(50));
                open = !self.stopping.load(Ordering::Acquire) || Instant::now() < deadline();
            }
            self.tick(clock::now());
        }
        // The last entries of quiet files are complete in a moment.
        while self.parsers.values().any(|p| p.parser.is_waiting()) && Instant::now() < deadline() {
            std::thread::sleep(Duration::from_millis(20));
            let now = clock::now();
            self.flush_quiet(now);
            if self.parsers.values().all(|p| p.quiet_since.is_none_or(|since| now - since > 2 * QUIET)) {
                break;
            }
        }
        while !self.commit() && Instant::now() < deadline() {
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn may_take(&self) -> bool {
        self.retry_at.is_none()
    }

    fn take(&mut self, item: ToIndex) {
        match item {
            ToIndex::Batch(batch) => self.batch(batch),
            ToIndex::Moved(position) => self.writer.know(position),
            ToIndex::Forget(file) => {
                self.writer.forget(file);
                self.board.lock().committed.remove(&file);
            }
        }
    }

    fn batch(&mut self, batch: RawBatch) {
        self.follow_reload();
        let pipelines = self.pipelines.clone();
        let name = &batch.position.pipeline;
        let next_group = self.groups.len();
        let group = *self.groups.entry(name.clone()).or_insert(next_group);
        let slot = self.parsers.entry(batch.stream).or_insert_with(|| {
            let found = pipelines.iter().find(|p| p.name() == name);
            let pipeline = found.cloned().unwrap_or_else(Pipeline::any);
            Parser { parser: pipeline.stream(&batch.source), pipeline, group, quiet_since: None }
        });
        slot.quiet_since = batch.quiet_since;
        let pipeline = slot.pipeline.clone();
        let parsed = slot.parser.run(&batch);
        let flushed = if batch.last { slot.parser.flush() } else { None };
        {
            let mut facts = self.board.lock();
            facts.bytes += batch.bytes.len() as u64;
            if let Some(last) = parsed.entries.last() {
                facts.hear(&batch.source, pipeline.name(), last.time, batch.written);
            }
        }
        self.add(&pipeline, group, parsed);
        if let Some(rest) = flushed {
            self.add(&pipeline, group, rest);
        }
        if batch.last {
            self.parsers.remove(&batch.stream);
        }
    }

    fn add(&mut self, pipeline: &Pipeline, group: usize, batch: EntryBatch) {
        {
            let mut facts = self.board.lock();
            facts.outcomes.add(&batch.outcomes);
            facts.entries += batch.entries.len() as u64;
            if let Some(newest) = batch.entries.iter().map(|entry| entry.time).max() {
                facts.note_newest(pipeline.name(), newest);
            }
        }
        batch.entries.iter().for_each(|entry| self.derived.observe(pipeline.metrics(), entry));
        if let Err(error) = self.writer.add(group, batch.entries, batch.position) {
            self.board.error(clock::now(), error.to_string());
        }
    }

    fn flush_quiet(&mut self, now: i64) {
        let quiet = |p: &Parser| p.parser.is_waiting() && p.quiet_since.is_some_and(|since| now - since >= QUIET);
        let due: Vec<StreamId> = self.parsers.iter().filter(|(_, p)| quiet(p)).map(|(id, _)| *id).collect();
        for id in due {
            let Some(slot) = self.parsers.get_mut(&id) else { continue };
            let (pipeline, group) = (slot.pipeline.clone(), slot.group);
            if let Some(rest) = slot.parser.flush() {
                self.add(&pipeline, group, rest);
            }
        }
    }

    /// A reload gives new pipelines: what the old ones hold back is complete, and each stream starts anew.
    fn follow_reload(&mut self) {
        let pipelines = lock(&self.current).pipelines.clone();
        if !Arc::ptr_eq(&pipelines, &self.pipelines) {
            self.pipelines = pipelines;
            self.parsers.values_mut().for_each(|p| p.quiet_since = Some(0));
            self.flush_quiet(i64::MAX);
            self.parsers.clear();
            self.derived.declare(self.pipelines.iter().flat_map(Pipeline::metrics));
        }
    }

    fn tick(&mut self, now: i64) {
        self.flush_quiet(now);
        let (every, entries) = {
            let current = lock(&self.current);
            (current.config.store.commit_every.0, current.config.store.commit_entries)
        };
        let request = self.board.wanted_commit();
        let is_retry = self.retry_at.is_some();
        let due = is_retry
            || self.last_commit.elapsed() >= every
            || self.writer.waiting_entries() >= entries
            || request.is_some();
        let resting = self.retry_at.is_some_and(|at| Instant::now() < at);
        if due && !resting && self.commit() {
            if let Err(error) = self.writer.roll_if_due(now) {
                self.stuck(error.to_string());
            }
            if let Some(request) = request {
                self.board.answer_commit(request);
            }
        }
        let mut facts = self.board.lock();
        facts.waiting_entries = self.writer.waiting_entries();
        facts.index_beat = Some(Instant::now());
    }

    /// Whether everything is committed now.
    fn commit(&mut self) -> bool {
        self.last_commit = Instant::now();
        let is_dirty = self.writer.is_dirty();
        if is_dirty {
            self.writer.set_counted(self.derived.save());
        }
        if let Err(error) = self.writer.commit() {
            self.stuck(error.to_string());
            return false;
        }
        self.retry_at = None;
        if is_dirty {
            self.numbers.own.committed(self.last_commit.elapsed().as_secs_f64());
        }
        self.numbers.publish(self.derived.published(clock::now()));
        let mut facts = self.board.lock();
        facts.stuck = None;
        if is_dirty {
            facts.commits += 1;
            facts.last_commit = clock::now();
            facts.commit(self.writer.positions());
        }
        true
    }

    /// Stops taking batches until a later commit succeeds.
    fn stuck(&mut self, error: String) {
        self.retry_at = Some(Instant::now() + RETRY);
        let is_new = self.board.lock().stuck.replace(error.clone()).as_ref() != Some(&error);
        if is_new {
            self.board.error(clock::now(), error);
        }
    }
}

pub fn lock(current: &Current) -> std::sync::MutexGuard<'_, Loaded> {
    current.lock().unwrap_or_else(PoisonError::into_inner)
}
