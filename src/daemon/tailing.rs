//! The tail thread: ticks of the tailer, woken by the file system or by time.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::{Duration, Instant};

use crate::daemon::index::ToIndex;
use crate::daemon::{Board, IngestState};
use crate::sys::clock;
use crate::sys::files::FileId;
use crate::tail::{Source, Tailer, Watch};

/// Without an event, sizes are looked at this often.
const POLL: Duration = Duration::from_millis(200);
/// A busy file wakes us for every write; this much may gather between two ticks.
const GATHER: Duration = Duration::from_millis(10);

/// What others ask of the tail thread.
pub enum TailCommand {
    SetSources(Vec<Source>),
    /// Read these once, by this pipeline or by the one whose globs match; positions of earlier reading are given.
    Ingest(Vec<PathBuf>, Option<String>),
    /// Look at names now.
    Look,
    /// Rotation made a compressed file of one that was read.
    Compressed(FileId, PathBuf),
}

pub struct Tailing {
    pub tailer: Tailer,
    pub watch: Watch,
    pub board: Board,
    pub stopping: Arc<AtomicBool>,
    pub out: SyncSender<ToIndex>,
    pub commands: Receiver<TailCommand>,
}

impl Tailing {
    /// Runs until told to stop; then reads what is there, within the deadline.
    pub fn run(mut self, deadline: impl Fn() -> Instant) {
        let mut next_folders = Instant::now();
        // What earlier runs read is known before anybody asks for it.
        self.tick();
        loop {
            let stopping = self.stopping.load(Ordering::Acquire);
            if stopping {
                self.tailer.look_now();
            }
            for command in self.commands.try_iter().collect::<Vec<_>>() {
                self.obey(command);
            }
            let more = self.tick();
            if stopping && (!more || Instant::now() >= deadline()) {
                return;
            }
            if Instant::now() >= next_folders {
                next_folders = Instant::now() + Duration::from_secs(1);
                for error in self.watch.set_folders(self.tailer.folders()) {
                    self.board.error(clock::now(), error.to_string());
                }
            }
            if !more && !stopping {
                std::thread::sleep(GATHER);
                self.watch.wait(POLL);
            }
        }
    }

    fn obey(&mut self, command: TailCommand) {
        match command {
            TailCommand::SetSources(sources) => self.tailer.set_sources(sources),
            TailCommand::Look => self.tailer.look_now(),
            TailCommand::Compressed(from, to) => self.tailer.compressed(from, &to),
            TailCommand::Ingest(paths, pipeline) => {
                for path in paths {
                    let (size, file) = std::fs::metadata(&path)
                        .map_or_else(|_| Default::default(), |metadata| (metadata.len(), FileId::of(&metadata)));
                    let state = match self.tailer.read_once(&path, pipeline.as_deref()) {
                        Ok(true) => IngestState::Reading { offset: 0, size, file },
                        Ok(false) => IngestState::Known,
                        Err(error) => IngestState::Failed { error: error.to_string() },
                    };
                    self.board.lock().ingests.insert(path, state);
                }
            }
        }
    }

    /// Whether there is more to read at once.
    fn tick(&mut self) -> bool {
        let out = &self.out;
        let mut open = true;
        let tick = self.tailer.tick(clock::now(), &mut |batch| {
            open &= out.send(ToIndex::Batch(batch)).is_ok();
            open
        });
        for position in &tick.moved {
            open &= out.send(ToIndex::Moved(position.clone())).is_ok();
        }
        for file in &tick.forget {
            open &= out.send(ToIndex::Forget(*file)).is_ok();
        }
        for error in &tick.errors {
            self.board.error(clock::now(), error.to_string());
        }
        let mut facts = self.board.lock();
        let facts = &mut *facts;
        facts.files = self.tailer.status();
        facts.ends = self.tailer.ends().collect();
        facts.ignored.clone_from(self.tailer.ignored());
        facts.failing = self.tailer.failing().map(str::to_owned).collect();
        facts.tail_beat = Some(Instant::now());
        facts.discoveries = self.tailer.discoveries;
        facts.rotations_seen = self.tailer.rotations;
        facts.truncations_seen = self.tailer.truncations;
        for state in facts.ingests.values_mut() {
            let IngestState::Reading { size: bytes, file, .. } = *state else { continue };
            if let Some((_, error)) = tick.failed.iter().find(|(failed, _)| *failed == file) {
                *state = IngestState::Failed { error: error.clone() };
            } else if let Some(read) = facts.files.iter().find(|f| f.file == file) {
                *state = IngestState::Reading { offset: read.offset, size: read.size, file };
            } else {
                *state = IngestState::Done { bytes, file, end: facts.ends.get(&file).map_or(0, |end| end.offset) };
            }
        }
        tick.more && open
    }
}
