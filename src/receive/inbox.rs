//! Where protocols hand entries in, and wait until they are durable. One thread writes; all that waits when it is done
//! with the batch before is written and synced together.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::receive::Received;

/// Batches that wait to be written; more are refused for now.
const QUEUE: usize = 64;

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// For each entry, whether it was received before and therefore left out.
    pub known: Vec<bool>,
}

/// Why nothing of a batch was taken; the sender comes again later.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("so much is waiting to be indexed that nothing more is taken for now")]
    Full,
    #[error("too many senders at once")]
    Busy,
    #[error("it cannot be kept: {0}")]
    Failed(String),
}

/// A batch on its way to the journal.
pub struct Write {
    pub entries: Vec<Received>,
    pub reply: oneshot::Sender<Result<Taken, Refusal>>,
}

/// Entries by protocol and what became of them.
pub type Tally = BTreeMap<(&'static str, &'static str), u64>;

/// See the module. Clones share it.
#[derive(Clone)]
pub struct Inbox(Arc<Inner>);

struct Inner {
    queue: SyncSender<Write>,
    /// Bytes of the journal that are not committed, and how many there may be.
    waiting: AtomicU64,
    limit: u64,
    /// Why the journal cannot be written.
    problem: Mutex<Option<String>>,
    tally: Mutex<Tally>,
}

impl Inbox {
    /// With the end at which the writing thread takes batches. `limit` is in bytes.
    pub fn new(limit: u64) -> (Inbox, Receiver<Write>) {
        let (queue, writes) = sync_channel(QUEUE);
        let inner =
            Inner { queue, waiting: AtomicU64::new(0), limit, problem: Mutex::default(), tally: Mutex::default() };
        (Inbox(Arc::new(inner)), writes)
    }

    /// Hands entries in; `Ok` when they are durable.
    pub async fn put(&self, protocol: &'static str, entries: Vec<Received>) -> Result<Taken, Refusal> {
        let count = entries.len() as u64;
        let taken = self.try_put(entries).await;
        match &taken {
            Ok(taken) => {
                let known = taken.known.iter().filter(|known| **known).count() as u64;
                self.count(protocol, "known", known);
                self.count(protocol, "accepted", count - known);
            }
            Err(_) => self.count(protocol, "put_off", count),
        }
        taken
    }

    async fn try_put(&self, entries: Vec<Received>) -> Result<Taken, Refusal> {
        if entries.is_empty() {
            return Ok(Taken::default());
        }
        if self.is_full() {
            return Err(Refusal::Full);
        }
        let (reply, answer) = oneshot::channel();
        self.0.queue.try_send(Write { entries, reply }).map_err(|error| match error {
            TrySendError::Full(_) => Refusal::Busy,
            TrySendError::Disconnected(_) => Refusal::Failed("logmill is stopping".to_owned()),
        })?;
        answer.await.unwrap_or_else(|_| Err(Refusal::Failed("logmill is stopping".to_owned())))
    }

    pub fn count(&self, protocol: &'static str, outcome: &'static str, entries: u64) {
        if entries > 0 {
            *lock(&self.0.tally).entry((protocol, outcome)).or_default() += entries;
        }
    }

    pub fn tally(&self) -> Tally {
        lock(&self.0.tally).clone()
    }

    pub fn is_full(&self) -> bool {
        self.waiting() >= self.0.limit
    }

    /// Bytes of the journal that are not in the store yet.
    pub fn waiting(&self) -> u64 {
        self.0.waiting.load(Ordering::Relaxed)
    }

    pub fn set_waiting(&self, bytes: u64) {
        self.0.waiting.store(bytes, Ordering::Relaxed);
    }

    pub fn problem(&self) -> Option<String> {
        lock(&self.0.problem).clone()
    }

    pub fn set_problem(&self, problem: Option<String>) {
        *lock(&self.0.problem) = problem;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
