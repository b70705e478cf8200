//! Reading and indexing as one machine: what the daemon runs for ever, and an import for a while.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::config::Loaded;
use crate::daemon::board::Board;
use crate::daemon::index::{Current, Indexer};
use crate::daemon::metrics::Numbers;
use crate::daemon::tailing::{TailCommand, Tailing};
use crate::pipeline::Pipeline;
use crate::record::Position;
use crate::store::{Shared, StoreError, Writer};
use crate::sys::clock;
use crate::sys::files::FileId;
use crate::tail::{Source, Tailer, Watch};

/// Batches between reading and indexing; each is at most `follow.max_line` large.
const QUEUE: usize = 4;

/// The machine could not be started.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

/// When stopping must be over; unset until it begins.
type Deadline = Arc<Mutex<Option<Instant>>>;

/// See the module. Dropping it without [`Engine::stop`] leaves what is uncommitted to the next start.
pub struct Engine {
    pub board: Board,
    pub shared: Shared,
    pub current: Current,
    pub numbers: Numbers,
    stopping: Arc<AtomicBool>,
    deadline: Deadline,
    commands: Sender<TailCommand>,
    waker: SyncSender<()>,
    threads: Vec<JoinHandle<()>>,
}

impl Engine {
    /// Opens the store and starts the threads. Without `follow` nothing is read but what [`Engine::ingest`] names.
    pub fn start(loaded: Loaded, follow: bool) -> Result<Engine, EngineError> {
        let writer = Writer::open(&loaded.config.data_dir, loaded.config.store_options())?;
        let (positions, stopped) = (writer.positions().cloned().collect(), writer.last_commit_time());
        Engine::with(loaded, follow, writer, positions, stopped)
    }

    /// Reads `logs` and what followed files there are from their beginning, all their earlier generations first, into a
    /// store that knows nothing of them yet.
    pub fn from_the_beginning(loaded: Loaded, logs: &BTreeSet<PathBuf>) -> Result<Engine, EngineError> {
        let writer = Writer::open(&loaded.config.data_dir, loaded.config.store_options())?;
        let position = |log: &PathBuf| Position {
            path: log.display().to_string(),
            file: std::fs::symlink_metadata(log).map(|m| FileId::of(&m)).unwrap_or_default(),
            ..Position::default()
        };
        // As if everything was written since the last run, which had read nothing.
        Engine::with(loaded, true, writer, logs.iter().map(position).collect(), 1)
    }

    fn with(
        loaded: Loaded,
        follow: bool,
        writer: Writer,
        positions: Vec<Position>,
        stopped: i64,
    ) -> Result<Engine, EngineError> {
        let board = Board::default();
        {
            let mut facts = board.lock();
            facts.commit(writer.positions());
            facts.damaged = writer.damaged.iter().map(ToString::to_string).collect();
        }
        let shared = writer.shared();
        let tailer = Tailer::new(sources(&loaded, follow), loaded.config.tail_options(), positions, stopped);
        board.lock().commit(writer.positions());
        let (watch, error) = Watch::new();
        if let Some(error) = error {
            board.error(clock::now(), error.to_string());
        }
        let (commands, command_queue) = channel();
        let (out, incoming) = sync_channel(QUEUE);
        let stopping = Arc::new(AtomicBool::new(false));
        let deadline: Deadline = Deadline::default();
        let waker = watch.waker();
        let current: Current = Arc::new(Mutex::new(loaded));
        let tailing =
            Tailing { tailer, watch, board: board.clone(), stopping: stopping.clone(), out, commands: command_queue };
        let numbers = Numbers::default();
        let indexer = Indexer::new(writer, current.clone(), board.clone(), numbers.clone(), stopping.clone());
        let (for_tail, for_index) = (deadline.clone(), deadline.clone());
        let threads = vec![
            spawn("tail", guarded("tail", &board, &stopping, move || tailing.run(|| end(&for_tail))))?,
            spawn("index", guarded("index", &board, &stopping, move || indexer.run(&incoming, || end(&for_index))))?,
        ];
        Ok(Engine { board, shared, current, numbers, stopping, deadline, commands, waker, threads })
    }

    /// Reads files once, beside whatever is followed. Progress is on the board.
    pub fn ingest(&self, paths: Vec<PathBuf>, pipeline: Option<String>) {
        self.tell(TailCommand::Ingest(paths, pipeline));
    }

    pub fn tell(&self, command: TailCommand) {
        // The thread is gone only when we are stopping.
        let _ = self.commands.send(command);
        let _ = self.waker.try_send(());
    }

    /// What others need to speak to the tail thread.
    pub fn teller(&self) -> (Sender<TailCommand>, SyncSender<()>) {
        (self.commands.clone(), self.waker.clone())
    }

    /// Reads what is there, commits it, and ends, at the latest after `at_most`. Whether all was committed.
    pub fn stop(self, at_most: Duration) -> bool {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + at_most);
        self.stopping.store(true, Ordering::Release);
        let _ = self.waker.try_send(());
        let mut clean = true;
        for thread in self.threads {
            clean &= thread.join().is_ok();
        }
        let facts = self.board.lock();
        clean && facts.stuck.is_none()
    }
}

/// Configured sources, and one without globs for what is imported from anywhere.
pub fn sources(loaded: &Loaded, follow: bool) -> Vec<Source> {
    let mut sources = loaded.sources();
    sources.iter_mut().for_each(|s| s.on_request = !follow);
    sources.push(Source { name: Pipeline::any().name().to_owned(), ..Source::default() });
    sources
}

fn end(deadline: &Deadline) -> Instant {
    let set = *deadline.lock().unwrap_or_else(PoisonError::into_inner);
    set.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600))
}

/// `work`, and a word on the board should it end, even by a panic, while nobody wants it to.
pub fn guarded(
    name: &'static str,
    board: &Board,
    stopping: &Arc<AtomicBool>,
    work: impl FnOnce() + Send + 'static,
) -> impl FnOnce() + Send + 'static {
    struct Guard(&'static str, Board, Arc<AtomicBool>);
    impl Drop for Guard {
        fn drop(&mut self) {
            if !self.2.load(Ordering::Acquire) {
                self.1.lock().dead.get_or_insert(self.0);
            }
        }
    }
    let guard = Guard(name, board.clone(), stopping.clone());
    move || {
        let _guard = guard;
        work();
    }
}

pub fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, EngineError> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map_err(EngineError::Thread)
}
