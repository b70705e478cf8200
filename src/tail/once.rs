//! What is read from its front to its end and then forgotten: a file, cut into batches as when it is imported, or what
//! comes through a pipe.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::record::{Position, RawBatch, StreamId};
use crate::sys::clock;
use crate::sys::encoding::Encoding;
use crate::sys::files::FileId;
use crate::tail::TailError;
use crate::tail::stream::{Opened, Read, Start, Stream, open_error};

/// Bytes that are taken from a pipe at once.
const PIECE: usize = 64 << 10;

/// See the module. Batches are at most `limit` bytes; a longer line is cut there and marked.
pub struct Once {
    input: Input,
    path: PathBuf,
    limit: usize,
    is_over: bool,
}

enum Input {
    File(Box<Stream>),
    Pipe(Pipe),
}

impl Once {
    /// A file, plain or compressed; `encoding` as in [`Source`](crate::tail::Source).
    pub fn file(path: &Path, encoding: Option<Encoding>, limit: usize) -> Result<Once, TailError> {
        let wrong = |error| open_error(path, error);
        let file = FileId::of(&fs::metadata(path).map_err(wrong)?);
        let source: Arc<str> = Arc::from(path.to_string_lossy());
        let start = Start { id: StreamId::default(), source, pipeline: "", encoding, offset: 0, retired: false };
        let stream = Stream::new(start, Opened::open(path, file)?).map_err(wrong)?;
        Ok(Once { input: Input::File(Box::new(stream)), path: path.to_owned(), limit, is_over: false })
    }

    /// What comes through a pipe: lines are there as soon as they came.
    pub fn pipe(input: Box<dyn io::Read>, name: &Path, encoding: Option<Encoding>, limit: usize) -> Once {
        let source = Arc::from(name.to_string_lossy());
        let pipe =
            Pipe { input, source, encoding, limit: limit - limit % 2, offset: 0, rest: Vec::new(), skips: false };
        Once { input: Input::Pipe(pipe), path: name.to_owned(), limit, is_over: false }
    }

    /// The next whole lines, or at the end those that are left; `None` behind them.
    pub fn read(&mut self) -> Result<Option<RawBatch>, TailError> {
        if self.is_over {
            return Ok(None);
        }
        let batch = match &mut self.input {
            Input::File(stream) => next_of(stream, self.limit),
            Input::Pipe(pipe) => pipe.next(),
        };
        let batch = batch.map_err(|source| TailError::Read { path: self.path.clone(), source })?;
        self.is_over = batch.last;
        Ok(Some(batch))
    }
}

fn next_of(stream: &mut Stream, limit: usize) -> io::Result<RawBatch> {
    loop {
        stream.refresh(clock::now())?;
        match stream.read(limit, true)? {
            Read::Batch(batch) => return Ok(batch),
            Read::Busy | Read::Nothing => {}
            Read::Replaced => return Err(io::Error::other("it was emptied or written anew while it was read")),
        }
    }
}

/// A stream whose size is not known and in which nobody can go back.
struct Pipe {
    input: Box<dyn io::Read>,
    source: Arc<str>,
    /// As it was told, and then as it shows.
    encoding: Option<Encoding>,
    limit: usize,
    /// Of `rest`.
    offset: u64,
    /// What is no whole line yet.
    rest: Vec<u8>,
    /// It is what is left of a line that was cut.
    skips: bool,
}

impl Pipe {
    fn next(&mut self) -> io::Result<RawBatch> {
        let (mut piece, mut last) = (vec![0; PIECE], false);
        loop {
            if let Some(batch) = self.take(last) {
                return Ok(batch);
            }
            // One byte more than a batch tells whether a line goes on.
            let room = PIECE.min(self.limit + 1 - self.rest.len().min(self.limit));
            let count = match self.input.read(&mut piece[..room]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                count => count?,
            };
            self.rest.extend_from_slice(&piece[..count]);
            if self.offset == 0 {
                self.encoding = Encoding::of(&self.rest, self.encoding);
            }
            last = count == 0;
        }
    }

    /// The whole lines that are there, if any. By the same rules as [`Stream::read`].
    fn take(&mut self, last: bool) -> Option<RawBatch> {
        let encoding = self.encoding.unwrap_or_default();
        if self.skips {
            let end = encoding.line_end(&self.rest, self.offset);
            // Half of an end of line is looked at again.
            let half = if last { 0 } else { self.rest.len() % encoding.unit() };
            self.skips = end.is_none();
            self.pass(end.unwrap_or(self.rest.len() - half));
        }
        if last {
            return Some(self.batch(self.rest.len(), true));
        }
        let within = &self.rest[..self.rest.len().min(self.limit)];
        match encoding.last_line_end(within, self.offset) {
            Some(end) => Some(self.batch(end, false)),
            None if self.rest.len() <= self.limit || self.skips => None,
            None if within.iter().all(|byte| *byte == 0) => {
                self.pass(self.limit);
                None
            }
            None => {
                self.skips = true;
                let mut batch = self.batch(self.limit, false);
                batch.bytes.extend_from_slice(encoding.newline());
                batch.truncated = true;
                Some(batch)
            }
        }
    }

    fn pass(&mut self, length: usize) {
        self.rest.drain(..length);
        self.offset += length as u64;
    }

    fn batch(&mut self, length: usize, last: bool) -> RawBatch {
        let (offset, bytes, now) = (self.offset, self.rest[..length].to_vec(), clock::now());
        self.pass(length);
        RawBatch {
            source: self.source.clone(),
            offset,
            encoding: self.encoding.unwrap_or_default(),
            bytes,
            read_time: now,
            written: now,
            position: Position { offset: self.offset, ..Position::default() },
            last,
            ..RawBatch::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const LIMIT: usize = 100;

    /// Lines as they come in batches, with a mark where one was cut.
    fn lines(mut once: Once) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(batch) = once.read().unwrap() {
            assert!(batch.bytes.len() <= LIMIT + 2, "{}", batch.bytes.len());
            let (text, _) = batch.encoding.decode(&batch.bytes, batch.truncated);
            lines.extend(text.lines().map(|line| format!("{}{line}", if batch.truncated { "cut " } else { "" })));
        }
        lines.retain(|line| !line.trim_matches(['\0', ' ']).is_empty());
        lines.iter().map(|line| line.trim_start_matches('\0').to_owned()).collect()
    }

    /// Gives so many bytes at a time.
    struct Drops(Vec<u8>, usize);

    impl io::Read for Drops {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(buffer.len()).min(self.0.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0.drain(..count);
            Ok(count)
        }
    }

    #[test]
    fn files_and_pipes_are_cut_alike() {
        let folder = tempfile::tempdir().unwrap();
        let (plain, packed) = (folder.path().join("a"), folder.path().join("a.gz"));
        let check = |bytes: &[u8], want: Option<&[&str]>| {
            fs::write(&plain, bytes).unwrap();
            let mut encoder = flate2::write::GzEncoder::new(fs::File::create(&packed).unwrap(), Default::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap();
            let got = lines(Once::file(&plain, None, LIMIT).unwrap());
            if let Some(want) = want {
                assert_eq!(got, want);
            }
            assert_eq!(lines(Once::file(&packed, None, LIMIT).unwrap()), got);
            for drop in [1, 7, 99, 100, 101, 1000] {
                let input = Box::new(Drops(bytes.to_vec(), drop));
                assert_eq!(lines(Once::pipe(input, Path::new("-"), None, LIMIT)), got, "{drop} {bytes:?}");
            }
        };
        check(b"", Some(&[]));
        check(b"\n", Some(&[]));
        check(b"one\ntwo\n\nthree", Some(&["one", "two", "three"]));
        for length in [98, 99, 100, 101, 102, 199, 200, 201, 350, 2000] {
            let long = "x".repeat(length);
            let cut = format!("cut {}", &long[..LIMIT.min(length)]);
            let within = if length < LIMIT { long.as_str() } else { cut.as_str() };
            check(format!("one\n{long}\nnext\n").as_bytes(), Some(&["one", within, "next"]));
            // Whether anything comes behind a batch that is full shows in a compressed file only later.
            if length != LIMIT {
                check(format!("{long}\n{long}").as_bytes(), Some(&[within, within]));
            }
            let utf16: Vec<u8> = format!("\u{feff}{long}\nnext").encode_utf16().flat_map(u16::to_le_bytes).collect();
            check(&utf16, None);
        }
        check(&[&[0; 1000][..], b"first\nsecond\n"].concat(), Some(&["first", "second"]));
    }
}
