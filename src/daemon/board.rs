//! What the threads tell each other and the world: progress, counts, the last of everything.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::alert::Heard;
use crate::record::{Fingerprint, Outcomes, Position};
use crate::rotate::Event;
use crate::sys::files::FileId;
use crate::tail::{End, FileStatus};

/// So many rotation events and errors are remembered.
const KEPT: usize = 50;

/// State of a one-shot import.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum IngestState {
    Reading {
        offset: u64,
        size: u64,
        file: FileId,
    },
    Done {
        bytes: u64,
        file: FileId,
        /// Of its content. Its entries are in the store once so much of it is committed.
        end: u64,
    },
    /// It was read before, or is being followed: nothing to do.
    Known,
    Failed {
        error: String,
    },
}

#[derive(Default)]
pub struct Facts {
    /// Committed content offset by file.
    pub committed: HashMap<FileId, u64>,
    /// Of the content that these offsets are in.
    pub heads: HashMap<FileId, Fingerprint>,
    pub files: Vec<FileStatus>,
    /// Files that were read to their end.
    pub ends: HashMap<FileId, End>,
    pub ignored: HashSet<FileId>,
    /// The tailer has looked at all names this often.
    pub discoveries: u64,
    /// What was read last of each source.
    pub heard: BTreeMap<String, HeardOf>,
    pub outcomes: Outcomes,
    pub entries: u64,
    pub bytes: u64,
    pub waiting_entries: usize,
    pub commits: u64,
    pub last_commit: i64,
    /// Time of the newest entry by pipeline, nanoseconds.
    pub newest: HashMap<String, i64>,
    pub rotations_seen: u64,
    pub truncations_seen: u64,
    /// Why indexing stands still, when it does.
    pub stuck: Option<String>,
    /// Why nothing can be received, when it cannot.
    pub receiving: Option<String>,
    /// Files that are to be followed and cannot be read, in words.
    pub failing: Vec<String>,
    /// When the threads were heard of last.
    pub tail_beat: Option<Instant>,
    pub index_beat: Option<Instant>,
    /// A thread that ended although nobody told it to.
    pub dead: Option<&'static str>,
    pub rotations: VecDeque<Event>,
    pub rotations_done: u64,
    pub rotations_failed: u64,
    /// What rotation waits for, in words.
    pub rotations_waiting: Vec<String>,
    pub errors: VecDeque<(i64, String)>,
    pub errors_total: u64,
    pub ingests: BTreeMap<PathBuf, IngestState>,
    pub partitions_removed: u64,
    pub damaged: Vec<String>,
    /// Commits asked for and commits done on request, counted.
    commit_requests: u64,
    commit_answers: u64,
}

impl Facts {
    /// A pipeline has an entry of this time.
    pub fn note_newest(&mut self, pipeline: &str, time: i64) {
        match self.newest.get_mut(pipeline) {
            Some(newest) => *newest = time.max(*newest),
            None => _ = self.newest.insert(pipeline.to_owned(), time),
        }
    }

    /// Entries of a source were read, the last of `time`.
    pub fn hear(&mut self, source: &str, pipeline: &str, time: i64, written: i64) {
        match self.heard.get_mut(source) {
            Some(known) => {
                known.time = time;
                known.written = written.max(known.written);
            }
            None => {
                self.heard.insert(source.to_owned(), HeardOf { pipeline: pipeline.to_owned(), time, written });
            }
        }
        if self.heard.len() > MAX_HEARD {
            let oldest = self.heard.iter().min_by_key(|(_, known)| known.written).map(|(source, _)| source.clone());
            oldest.map(|source| self.heard.remove(&source));
        }
    }

    /// When each source was written last.
    pub fn heard_of(&self) -> Vec<Heard> {
        let one = |(source, known): (&String, &HeardOf)| Heard {
            source: source.clone(),
            pipeline: known.pipeline.clone(),
            at: known.written,
        };
        self.heard.iter().map(one).collect()
    }

    /// What the positions are by now.
    pub fn commit<'a>(&mut self, positions: impl Iterator<Item = &'a Position>) {
        (self.committed, self.heads) = positions.map(|p| ((p.file, p.offset), (p.file, p.head))).unzip();
    }
}

/// The newest of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeardOf {
    pub pipeline: String,
    /// Of its last entry.
    pub time: i64,
    /// When the file was written.
    pub written: i64,
}

/// More sources are not remembered at once; those that were written longest ago go.
const MAX_HEARD: usize = 10_000;

/// Shared by all threads; locked for moments only, and never while another lock is being taken.
#[derive(Clone, Default)]
pub struct Board(Arc<(Mutex<Facts>, Condvar)>);

impl Board {
    /// A poisoned lock only means that a thread panicked; the facts are still the last ones known.
    pub fn lock(&self) -> MutexGuard<'_, Facts> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn error(&self, now: i64, text: String) {
        tracing::warn!("{text}");
        let mut facts = self.lock();
        facts.errors_total += 1;
        facts.errors.push_back((now, text));
        while facts.errors.len() > KEPT {
            facts.errors.pop_front();
        }
    }

    pub fn rotated(&self, event: Event) {
        let mut facts = self.lock();
        facts.rotations.push_back(event);
        while facts.rotations.len() > KEPT {
            facts.rotations.pop_front();
        }
    }

    /// Asks for a commit; the number is for [`Board::wait_for_commit`].
    pub fn request_commit(&self) -> u64 {
        let mut facts = self.lock();
        facts.commit_requests += 1;
        facts.commit_requests
    }

    /// The newest request that has no answer yet.
    pub fn wanted_commit(&self) -> Option<u64> {
        let facts = self.lock();
        (facts.commit_requests > facts.commit_answers).then_some(facts.commit_requests)
    }

    pub fn answer_commit(&self, request: u64) {
        self.lock().commit_answers = request;
        self.0.1.notify_all();
    }

    /// Whether the request was answered in time.
    pub fn wait_for_commit(&self, request: u64, at_most: Duration) -> bool {
        let deadline = Instant::now() + at_most;
        let mut facts = self.lock();
        while facts.commit_answers < request {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            facts = self.0.1.wait_timeout(facts, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}
