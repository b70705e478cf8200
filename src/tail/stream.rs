//! One file content being read: whole lines in batches, with the position behind each.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::record::{Fingerprint, Position, RawBatch, StreamId, TAIL_LEN};
use crate::sys::clock;
use crate::sys::encoding::Encoding;
use crate::sys::files::{FileId, next_data};
use crate::tail::{Content, TailError};

/// The head fingerprint grows up to this many bytes.
const HEAD_LEN: usize = 1024;

/// So many chunks of a line that is too long are looked at before the other files have their turn.
const LONG_LINE_CHUNKS: usize = 16;

/// What a read came to.
#[expect(clippy::large_enum_variant, reason = "one is made a read, and taken apart at once")]
pub enum Read {
    Batch(RawBatch),
    /// No whole line is there now.
    Nothing,
    /// Neither, but there is more to look at.
    Busy,
    /// The content is not the one that was read before: the file was truncated or written anew.
    Replaced,
}

/// See the module.
pub struct Stream {
    pub id: StreamId,
    /// Changes when the content is read from its front as another one, and when its head was cut.
    pub content_number: u64,
    pub source: Arc<str>,
    /// Name of the pipeline.
    pub pipeline: String,
    pub file: FileId,
    /// Where the file is now; differs from `source` once it was rotated away.
    pub path: PathBuf,
    /// Rotated away: nothing new is expected, and it is read before its successor.
    pub retired: bool,
    /// Read to its end and no further, without waiting.
    pub once: bool,
    pub offset: u64,
    pub size: u64,
    /// When we saw the size change last, nanoseconds since the epoch.
    pub changed: i64,
    /// When the file was written last, nanoseconds since the epoch.
    modified: i64,
    /// A compressed file, read to its end.
    complete: bool,
    /// How far the last read saw, perhaps into a line without end.
    seen: u64,
    /// The last batch said that more follows at once.
    more_was_said: bool,
    /// It was written since its content was last compared with what we remember.
    unverified: bool,
    content: Content,
    /// What the pipeline says of files without a byte order mark.
    pub told: Option<Encoding>,
    encoding: Encoding,
    /// Bytes at the front that are no content, once they were passed over.
    start: u64,
    /// The first bytes behind them.
    head: Vec<u8>,
    tail: Vec<u8>,
    /// Beginning of a line longer than the limit, and the offset up to which its end was looked for.
    long_line: Option<(Vec<u8>, u64)>,
}

/// What a new stream is about.
pub struct Start<'a> {
    pub id: StreamId,
    pub source: Arc<str>,
    pub pipeline: &'a str,
    /// See [`Source::encoding`](crate::tail::Source).
    pub encoding: Option<Encoding>,
    pub offset: u64,
    /// See [`Stream::retired`].
    pub retired: bool,
}

/// A file opened for reading, known to be the one that was meant: names may change at any time.
pub struct Opened {
    pub content: Content,
    pub path: PathBuf,
    pub file: FileId,
    pub size: u64,
}

impl Opened {
    /// Opens the file that `path` was when it was looked at; `Moved` when it is another by now.
    pub fn open(path: &Path, file: FileId) -> Result<Opened, TailError> {
        let moved = || TailError::Moved { path: path.to_owned() };
        match Content::open(path) {
            Ok((content, metadata)) if FileId::of(&metadata) == file => {
                Ok(Opened { content, path: path.to_owned(), file, size: metadata.len() })
            }
            Ok(_) => Err(moved()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(moved()),
            Err(error) => Err(open_error(path, error)),
        }
    }
}

impl Stream {
    /// Reads an open file from an offset on.
    pub fn new(start: Start<'_>, opened: Opened) -> io::Result<Stream> {
        let Opened { mut content, path, file, size } = opened;
        let padding = if start.offset > 0 { content.start()? } else { 0 };
        let padding = if padding <= start.offset { padding } else { 0 };
        let head = head_of(&mut content, padding, start.offset)?;
        let tail = tail_of(&mut content, start.offset)?;
        let first = piece(&mut content, 0, HEAD_LEN.min(usize::try_from(start.offset).unwrap_or(HEAD_LEN)))?;
        let encoding = Encoding::of(&first, start.encoding).unwrap_or_default();
        Ok(Stream {
            id: start.id,
            content_number: start.id.0,
            source: start.source,
            pipeline: start.pipeline.to_owned(),
            file,
            path,
            retired: start.retired,
            once: false,
            offset: start.offset,
            size,
            changed: clock::now(),
            modified: 0,
            complete: false,
            seen: start.offset,
            more_was_said: false,
            unverified: false,
            content,
            told: start.encoding,
            encoding,
            start: padding,
            head,
            tail,
            long_line: None,
        })
    }

    /// The same file, from its front and as other content.
    pub fn rewound(self, id: StreamId) -> Stream {
        let (head, tail, content_number) = (Vec::new(), Vec::new(), id.0);
        Stream { id, content_number, offset: 0, seen: 0, start: 0, head, tail, long_line: None, ..self }
    }

    /// The same content, whose head was taken out of the file: what was at the offset is at `offset` now.
    pub fn shifted(mut self, offset: u64, content_number: u64) -> io::Result<Stream> {
        let start = self.content.start()?;
        let head = head_of(&mut self.content, start, offset)?;
        let tail = tail_of(&mut self.content, offset)?;
        let Content::Plain(file) = &self.content else { return Ok(self) };
        let size = file.metadata()?.len();
        Ok(Stream { content_number, offset, size, seen: offset, start, head, tail, long_line: None, ..self })
    }

    /// A batch without lines that says that the file's head was cut, up to what was at `cut`.
    pub fn announce_cut(&mut self, cut: u64) -> RawBatch {
        RawBatch { cut: Some(cut), ..self.announce() }
    }

    pub fn content(&mut self) -> &mut Content {
        &mut self.content
    }

    pub fn position(&self) -> Position {
        Position {
            path: self.source.to_string(),
            pipeline: self.pipeline.clone(),
            file: self.file,
            offset: self.offset,
            head: Fingerprint::of(&self.head),
            tail: Fingerprint::of(&self.tail),
            complete: self.complete,
        }
    }

    pub fn is_packed(&self) -> bool {
        self.content.is_packed()
    }

    /// Whether other content is what this stream was reading.
    pub fn is_continued_in(&self, other: &mut Content) -> bool {
        other.matches(&self.position()).unwrap_or(false)
    }

    /// Looks at the size; returns the number of links (0: the file was removed).
    pub fn refresh(&mut self, now: i64) -> io::Result<u64> {
        use std::os::unix::fs::MetadataExt;
        let (Content::Plain(file) | Content::Packed { file, .. }) = &self.content;
        let metadata = file.metadata()?;
        let modified = metadata.mtime().saturating_mul(clock::SECOND).saturating_add(metadata.mtime_nsec());
        if self.content.is_packed() {
            // Finished, and never written again; but years that its lines leave out go by when it was.
            self.modified = modified;
            return Ok(1);
        }
        if metadata.len() != self.size {
            self.size = metadata.len();
            self.changed = now;
        }
        self.unverified |= modified != self.modified;
        self.modified = modified;
        Ok(metadata.nlink())
    }

    /// Always false for a compressed file, whose end shows only when it is read.
    pub fn is_at_end(&self) -> bool {
        !self.content.is_packed() && self.offset >= self.size
    }

    /// The next whole lines, at most `limit` bytes. A line longer than that is cut there and marked, and its rest
    /// skipped. With `last`, also a line without an end, and the batch says that nothing follows.
    pub fn read(&mut self, limit: usize, last: bool) -> io::Result<Read> {
        if !self.content.is_packed() && self.size < self.offset {
            return Ok(Read::Replaced);
        }
        let reached = self.long_line.as_ref().map(|(_, reached)| *reached);
        if !self.content.is_packed() && reached.is_some_and(|reached| self.size < reached) {
            return Ok(Read::Replaced);
        }
        // Written, yet not longer: it may have been emptied and filled again to the very same size.
        let suspect = self.unverified && (self.offset == self.size || reached.is_some());
        if suspect && !self.has_long_line_still()? {
            return Ok(Read::Replaced);
        }
        if suspect && self.read_behind_tail(0)?.is_none() {
            return Ok(Read::Replaced);
        }
        self.unverified = false;
        if self.long_line.is_some() {
            return self.finish_long_line(limit, last);
        }
        if !self.content.is_packed() && self.is_at_end() {
            return Ok(if last { Read::Batch(self.close()) } else { Read::Nothing });
        }
        let limit = limit - limit % 2;
        let Some(mut bytes) = self.read_behind_tail(limit)? else { return Ok(Read::Replaced) };
        if self.offset == 0 {
            // What was emptied and goes on without a mark is written as it was.
            self.encoding = Encoding::of(&bytes, self.told).unwrap_or(self.encoding);
        }
        if self.offset == 0 && matches!(bytes.first(), Some(b' ' | b'\n')) {
            let padding = self.content.start()?;
            if padding > 0 {
                return self.pass_over_padding(padding).map(Read::Batch);
            }
        }
        self.seen = self.offset + bytes.len() as u64;
        let is_whole = match self.content {
            Content::Plain(_) => self.offset + bytes.len() as u64 >= self.size,
            Content::Packed { .. } => bytes.len() < limit && !self.content.is_damaged(),
        };
        // A compressed file is finished by nature.
        let last = is_whole && (last || self.content.is_packed());
        match self.encoding.last_line_end(&bytes, self.offset) {
            // Behind damage nothing completes a line.
            _ if last || self.content.is_damaged() => {}
            Some(end) => bytes.truncate(end),
            None if bytes.len() >= limit && bytes.iter().all(|byte| *byte == 0) => {
                return self.pass_over_hole(bytes.len() as u64).map(Read::Batch);
            }
            None if bytes.len() >= limit => {
                let reached = self.offset + bytes.len() as u64;
                self.long_line = Some((bytes, reached));
                return self.finish_long_line(limit, false);
            }
            // Whole lines are waiting for their continuation: no more of them will come soon.
            None if self.more_was_said => return Ok(Read::Batch(self.announce())),
            None => return Ok(Read::Nothing),
        }
        let length = bytes.len() as u64;
        Ok(Read::Batch(self.batch(bytes, length, last)))
    }

    /// The blank line that a cut left at the front is no line of the log.
    fn pass_over_padding(&mut self, length: u64) -> io::Result<RawBatch> {
        self.seen = length;
        let mut batch = self.batch(Vec::new(), length, false);
        self.start = length;
        self.tail = tail_of(&mut self.content, length)?;
        batch.position = self.position();
        Ok(batch)
    }

    /// A writer that went on at its old place after the file was emptied leaves nothing but NULs before it. They are no
    /// line, and need not be read one by one. At least `length` of them are there.
    fn pass_over_hole(&mut self, length: u64) -> io::Result<RawBatch> {
        let behind = self.offset + length;
        let next = match &self.content {
            Content::Plain(file) => next_data(file, behind).min(self.size).max(behind),
            Content::Packed { .. } => behind,
        };
        tracing::info!(path = %self.path.display(), bytes = next - self.offset, "passed over a hole");
        let mut batch = self.batch(Vec::new(), next - self.offset, false);
        if self.content.is_packed() && length >= HEAD_LEN as u64 {
            // To read it again would decode it from its front.
            self.head.resize(HEAD_LEN, 0);
            self.tail = vec![0; TAIL_LEN];
        } else {
            self.head = head_of(&mut self.content, self.start, self.offset)?;
            self.tail = tail_of(&mut self.content, self.offset)?;
        }
        batch.position = self.position();
        Ok(batch)
    }

    /// A batch without lines that says where the stream goes on.
    pub fn announce(&mut self) -> RawBatch {
        self.batch(Vec::new(), 0, false)
    }

    /// A batch without lines that says that nothing follows.
    pub fn close(&mut self) -> RawBatch {
        self.batch(Vec::new(), 0, true)
    }

    /// The bytes from the offset on; `None` when the bytes before it, or the first ones, are no longer those we read.
    fn read_behind_tail(&mut self, at_most: usize) -> io::Result<Option<Vec<u8>>> {
        let known = self.tail.len();
        let expected = match &self.content {
            Content::Plain(_) => usize::try_from(self.size - self.offset).unwrap_or(at_most).min(at_most),
            Content::Packed { .. } => at_most,
        };
        if self.content.is_packed() {
            // A finished file does not change, and going back would decode it again from its start.
            let mut bytes = vec![0; expected];
            let count = self.content.read_at(self.offset, &mut bytes)?;
            bytes.truncate(count);
            return Ok(Some(bytes));
        }
        let mut bytes = vec![0; known + expected];
        let count = self.content.read_at(self.offset - known as u64, &mut bytes)?;
        bytes.truncate(count);
        // The head is looked at last: had the file been emptied and filled again before the read, it shows here.
        if count < known || bytes[..known] != self.tail || !self.has_head_still()? {
            return Ok(None);
        }
        bytes.drain(..known);
        Ok(Some(bytes))
    }

    fn has_head_still(&mut self) -> io::Result<bool> {
        Ok(piece(&mut self.content, self.start, self.head.len())? == self.head)
    }

    /// Whether the line that is too long still begins as it did; true where there is none.
    fn has_long_line_still(&mut self) -> io::Result<bool> {
        let Some((head, _)) = &self.long_line else { return Ok(true) };
        let known = &head[..head.len().min(HEAD_LEN)];
        Ok(piece(&mut self.content, self.offset, known.len())? == known)
    }

    /// Looks for the end of a line longer than the limit, without keeping what is in between.
    fn finish_long_line(&mut self, limit: usize, last: bool) -> io::Result<Read> {
        let Some((head, mut reached)) = self.long_line.take() else { return Ok(Read::Nothing) };
        let mut chunk = vec![0; limit];
        // What is before the place that was reached, as far as it is at hand.
        let is_behind_head = reached == self.offset + head.len() as u64;
        let mut tail = if is_behind_head { head[head.len().saturating_sub(TAIL_LEN)..].to_vec() } else { Vec::new() };
        for _ in 0..LONG_LINE_CHUNKS {
            let count = self.content.read_at(reached, &mut chunk)?;
            let end = self.encoding.line_end(&chunk[..count], reached);
            // Half of an end of line is looked at again.
            let half = if last { 0 } else { count % self.encoding.unit() };
            let passed = end.unwrap_or(count - half);
            reached += passed as u64;
            tail.drain(..tail.len().saturating_sub(TAIL_LEN));
            tail.extend_from_slice(&chunk[passed.saturating_sub(TAIL_LEN)..passed]);
            if end.is_some() || (count < chunk.len() && (last || self.content.is_packed())) {
                let length = reached - self.offset;
                let tail = tail.last_chunk::<TAIL_LEN>().map(|tail| tail.to_vec());
                // Behind an end of line there may be more.
                let last = last && end.is_none();
                return Ok(Read::Batch(self.batch_of_long_line(head, tail, length, last)));
            }
            if count < chunk.len() {
                self.long_line = Some((head, reached));
                return Ok(Read::Nothing);
            }
        }
        self.long_line = Some((head, reached));
        Ok(Read::Busy)
    }

    /// `head` is what is kept of the line, `tail` its last bytes where they are at hand.
    fn batch_of_long_line(&mut self, mut head: Vec<u8>, tail: Option<Vec<u8>>, length: u64, last: bool) -> RawBatch {
        let is_head_known = self.head.len() + head.len() >= HEAD_LEN;
        head.extend_from_slice(self.encoding.newline());
        self.seen = self.offset + length;
        let mut batch = self.batch(head, length, last);
        // The bytes of the batch are not those at these places in the file. What is not known of those is read again, which
        // decodes a compressed file from its front.
        if !is_head_known {
            self.head = head_of(&mut self.content, self.start, self.offset).unwrap_or_default();
        }
        let again = || tail_of(&mut self.content, self.offset).unwrap_or_default();
        self.tail = tail.unwrap_or_else(again);
        batch.truncated = true;
        batch.position = self.position();
        batch
    }

    /// Moves the position `length` bytes on and makes a batch of `bytes`.
    fn batch(&mut self, bytes: Vec<u8>, length: u64, last: bool) -> RawBatch {
        let (offset, before) = (self.offset, Fingerprint::of(&self.tail));
        self.offset += length;
        if self.head.len() < HEAD_LEN && self.start + self.head.len() as u64 == offset {
            let missing = HEAD_LEN - self.head.len();
            self.head.extend_from_slice(&bytes[..bytes.len().min(missing)]);
        }
        self.tail.extend_from_slice(&bytes[bytes.len().saturating_sub(TAIL_LEN)..]);
        self.tail.drain(..self.tail.len().saturating_sub(TAIL_LEN));
        let read_time = clock::now();
        self.complete = last && self.content.is_packed() && !self.content.is_damaged();
        self.more_was_said = self.seen < self.size;
        RawBatch {
            stream: self.id,
            source: self.source.clone(),
            offset,
            before,
            encoding: self.encoding,
            bytes,
            truncated: false,
            read_time,
            cut: None,
            written: self.modified.min(read_time),
            quiet_since: (self.seen >= self.size).then(|| self.modified.min(read_time)),
            position: self.position(),
            last,
        }
    }
}

/// The first bytes of the content between `start` and `offset`, as the head fingerprint covers them.
fn head_of(content: &mut Content, start: u64, offset: u64) -> io::Result<Vec<u8>> {
    let length = usize::try_from(offset.saturating_sub(start)).unwrap_or(HEAD_LEN);
    piece(content, start, HEAD_LEN.min(length))
}

/// The last bytes of the content before `offset`.
fn tail_of(content: &mut Content, offset: u64) -> io::Result<Vec<u8>> {
    let length = TAIL_LEN.min(usize::try_from(offset).unwrap_or(TAIL_LEN));
    piece(content, offset - length as u64, length)
}

fn piece(content: &mut Content, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let count = content.read_at(offset, &mut bytes)?;
    bytes.truncate(count);
    Ok(bytes)
}

pub(super) fn open_error(path: &Path, source: io::Error) -> TailError {
    let hint = match source.kind() {
        io::ErrorKind::PermissionDenied => "; let logmill's user read it",
        _ if matches!(source.raw_os_error(), Some(23 | 24)) => {
            "; too many open files: raise the limit, as by LimitNOFILE= in the systemd unit"
        }
        _ if source.raw_os_error() == Some(40) => "; it is a symbolic link: name the file itself",
        _ => "",
    };
    TailError::Open { path: path.to_owned(), source, hint }
}

#[cfg(test)]
mod tests;
