//! A file in independent pieces: every tool reads them as one, cores share them, and a line can be read from the
//! middle. Workers take pieces in turn and bring them back in any order; whoever has the next one writes it, and those
//! behind it that are there. Nobody runs far ahead of the output, so memory is bounded whatever the size of the file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;

use super::encode::{Encoder, stamp};
use super::{Compressor, Plain};
use crate::rotate::cut::fill;

/// Bytes of plain text in a gzip member. A repetition is not found across its border: the file is half a percent larger
/// than what `gzip -6` makes; of 256 KiB it would be two percent. `benches/rotate.rs` has the other figures.
pub(super) const MEMBER: usize = 512 * 1024;
/// The same for a zstd frame, whose window is larger: two percent more than `zstd -3`.
const FRAME: usize = 1024 * 1024;
/// Bytes that all workers at one file may take together.
const MEMORY: usize = 20 * 1024 * 1024;

fn piece_of(how: &Compressor) -> usize {
    match how {
        Compressor::Zstd(_) => FRAME,
        _ => MEMBER,
    }
}

/// Bytes of memory for one worker: a piece, the tables of the encoder, and what was compressed and waits for its turn,
/// which at the worst is as long as the piece.
fn memory_of(how: &Compressor) -> usize {
    let tables = match how {
        Compressor::Zstd(..=4) => 2 << 20,
        Compressor::Zstd(..=9) => 11 << 20,
        Compressor::Zstd(_) => 17 << 20,
        _ => 300 << 10,
    };
    tables + piece_of(how) * 5 / 2
}

/// How many threads work on a file of so many bytes.
fn workers(how: &Compressor, length: u64) -> usize {
    let pieces = length.div_ceil(piece_of(how) as u64);
    // How many cores there are is asked only where it matters: it takes as long as a small file.
    if pieces <= 1 {
        return 1;
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores.min(usize::try_from(pieces).unwrap_or(usize::MAX)).min(MEMORY / memory_of(how)).max(1)
}

/// One that compresses: it keeps its encoder and its buffers from file to file.
#[derive(Default)]
pub(super) struct Worker {
    encoder: Option<Encoder>,
    plain: Vec<u8>,
    packed: Vec<u8>,
}

impl Worker {
    /// Writes `plain`, compressed, to `target`: here, and on other cores if it has several pieces.
    pub(super) fn compress(&mut self, plain: &Plain<'_>, target: &File, how: &Compressor) -> io::Result<()> {
        let length = plain.metadata.len();
        let workers = workers(how, length);
        let line = Line {
            how,
            // One more than a small file has, so that its end is seen at once.
            piece: usize::try_from(length + 1).unwrap_or(usize::MAX).min(piece_of(how)),
            time: plain.metadata.mtime(),
            ahead: workers + workers.div_ceil(2),
            source: Mutex::new(Source { file: &plain.file, next: 0, ended: false }),
            sink: Mutex::new(Sink { file: target, next: 0, waiting: BTreeMap::new(), spare: Vec::new(), failed: None }),
            moved: Condvar::new(),
        };
        std::thread::scope(|scope| {
            for _ in 1..workers {
                // Where there may be no more threads, those that there are do it.
                let _ = Builder::new().spawn_scoped(scope, || Worker::default().work(&line));
            }
            self.work(&line);
        });
        let sink = line.sink.into_inner().unwrap_or_else(PoisonError::into_inner);
        sink.failed.map_or(Ok(()), Err)
    }

    fn work(&mut self, line: &Line<'_>) {
        if let Err(error) = self.pieces(line) {
            line.sink().failed.get_or_insert(error);
            line.moved.notify_all();
        }
    }

    fn pieces(&mut self, line: &Line<'_>) -> io::Result<()> {
        if !self.encoder.as_ref().is_some_and(|encoder| encoder.is_of(line.how)) {
            self.encoder = Encoder::of(line.how)?;
        }
        let Some(encoder) = &mut self.encoder else { return Ok(()) };
        self.plain.resize(line.piece, 0);
        while let Some((number, bytes)) = line.take(&mut self.plain)? {
            encoder.encode(&self.plain[..bytes], &mut self.packed)?;
            if number == 0 {
                stamp(&mut self.packed, line.how, line.time);
            }
            line.put(number, &mut self.packed)?;
        }
        Ok(())
    }
}

/// What the workers at one file share.
struct Line<'a> {
    how: &'a Compressor,
    /// Bytes of plain text a piece holds, but for the last.
    piece: usize,
    /// When the plain file was last written, in seconds.
    time: i64,
    /// Pieces that may be at work or waiting at the same time.
    ahead: usize,
    source: Mutex<Source<'a>>,
    sink: Mutex<Sink<'a>>,
    /// A piece was written, or something failed.
    moved: Condvar,
}

struct Source<'a> {
    file: &'a File,
    next: usize,
    ended: bool,
}

struct Sink<'a> {
    file: &'a File,
    next: usize,
    waiting: BTreeMap<usize, Vec<u8>>,
    spare: Vec<Vec<u8>>,
    failed: Option<io::Error>,
}

impl<'a> Line<'a> {
    fn sink(&self) -> MutexGuard<'_, Sink<'a>> {
        self.sink.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next piece: its number and its length. None at the end, or when somebody failed.
    fn take(&self, plain: &mut [u8]) -> io::Result<Option<(usize, usize)>> {
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever waits here holds no piece, so the one that is to be written next is at work elsewhere.
        let too_far = |sink: &mut Sink<'_>| sink.failed.is_none() && source.next >= sink.next + self.ahead;
        let sink = self.moved.wait_while(self.sink(), too_far).unwrap_or_else(PoisonError::into_inner);
        if source.ended || sink.failed.is_some() {
            return Ok(None);
        }
        drop(sink);
        let bytes = fill(&mut source.file, plain)?;
        source.ended = bytes < plain.len();
        // An empty file still is one piece: nothing at all would not be gzip.
        if bytes == 0 && source.next > 0 {
            return Ok(None);
        }
        source.next += 1;
        Ok(Some((source.next - 1, bytes)))
    }

    /// Gives a piece away for an empty buffer.
    fn put(&self, number: usize, packed: &mut Vec<u8>) -> io::Result<()> {
        let mut sink = self.sink();
        let spare = sink.spare.pop().unwrap_or_default();
        sink.waiting.insert(number, std::mem::replace(packed, spare));
        while let Some(ready) = {
            let next = sink.next;
            sink.waiting.remove(&next)
        } {
            sink.file.write_all(&ready)?;
            sink.next += 1;
            sink.spare.push(ready);
        }
        self.moved.notify_all();
        Ok(())
    }
}
