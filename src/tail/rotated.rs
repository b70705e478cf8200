//! What became of a path: the same file, another one after a rotation, or what the last run left.
//!
//! Names may change between looking and opening. So everything is opened first and known by what it is; only when
//! nothing can fail any more does the tailer's state change. Otherwise the path is looked at again.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::record::{Position, StreamId};
use crate::sys::clock;
use crate::sys::files::FileId;
use crate::tail::cut::{Rest, find_behind, wait_for_cut, wait_for_cuts};
use crate::tail::finished::Finished;
use crate::tail::generations::{Generation, Listing};
use crate::tail::stream::{Opened, Start, Stream, open_error};
use crate::tail::{Content, Source, TailError, Tailer};

/// A path that a source wants followed, as it was when its folder was listed.
pub(super) struct Log<'a> {
    pub path: &'a Path,
    pub source: usize,
    /// `None`: there is no such file at the moment.
    pub metadata: Option<Metadata>,
    pub listing: &'a Listing,
}

impl Log<'_> {
    fn file(&self) -> Option<FileId> {
        self.metadata.as_ref().map(FileId::of)
    }
}

impl Tailer {
    /// One path: is it the file we read, another one, or new to us? On an error nothing has changed.
    pub(super) fn look_at_log(&mut self, log: &Log<'_>) -> Result<(), TailError> {
        let before = self.live.get(log.path).map(|(_, written)| *written);
        match (log.file(), self.live.get(log.path).copied()) {
            _ if self.resume.contains_key(log.path) => self.resume(log)?,
            // Between two steps of a rotation; a later look will find the new file.
            (None, _) => return Ok(()),
            (Some(file), Some((same, _))) if same == file => self.reopen_if_finished(log, file)?,
            (Some(file), Some((other, written))) => {
                let missed = self.missed(log, written, &[], &[])?;
                let live = self.stream(log, Opened::open(log.path, file)?, 0, false)?;
                self.retire(log, other);
                missed.into_iter().for_each(|stream| self.insert(stream));
                self.insert(live);
                self.rotations += 1;
            }
            (Some(file), None) => {
                if let Some(other) = self.streams.iter().find(|s| s.file == file) {
                    // Two names at once, or a rename that is read to its end under the old name.
                    let both = std::fs::symlink_metadata(&*other.source).is_ok_and(|m| FileId::of(&m) == file);
                    let twice = || TailError::Twice { path: log.path.to_owned(), other: other.source.to_string() };
                    return if both { Err(twice()) } else { Ok(()) };
                }
                self.begin(log, file)?;
            }
        }
        // A log that is away just now will come back as another file, perhaps not at once as the one we see.
        let seen = log.metadata.as_ref().map_or((FileId::default(), 0), |metadata| {
            (FileId::of(metadata), metadata.modified().map(clock::from_system).unwrap_or(0))
        });
        self.live.insert(log.path.to_owned(), seen);
        // Generations that were there before, and that nobody reads, are of no interest from here on. One that was written
        // since the last look may have come and gone from the path meanwhile: reading will show it.
        for generation in log.listing.generations(log.path) {
            let is_new = before.is_some_and(|written| generation.modified >= written);
            if !generation.unfinished && !is_new && !self.is_known(generation.file) {
                self.ignored.insert(generation.file);
            }
        }
        Ok(())
    }

    /// A path that was not there before, or that we see for the first time.
    fn begin(&mut self, log: &Log<'_>, file: FileId) -> Result<(), TailError> {
        let mut opened = Opened::open(log.path, file)?;
        let at_end = self.sources[log.source].start_at_end && self.first_look && self.stopped == 0;
        // Read before under another name: what it got since is new.
        let known = self.finished.get(&file).map(|finished| finished.end().min(opened.size));
        let known = known.or_else(|| self.imported_before(log.path, &mut opened));
        let offset = known.unwrap_or(if at_end { opened.size } else { 0 });
        let mut live = self.stream(log, opened, offset, false)?;
        if at_end {
            // What we began without is not to be read after a restart either.
            self.announced.push(live.announce());
        }
        self.insert(live);
        Ok(())
    }

    /// How far the last run imported the file at `path`, which it knew by another name of the same place.
    fn imported_before(&mut self, path: &Path, opened: &mut Opened) -> Option<u64> {
        let place = |name: &Path| std::fs::canonicalize(name).ok();
        let is_it = |(name, positions): &(&PathBuf, &mut Vec<Position>)| {
            let is_read = *name != path && positions.iter().any(|position| position.file == opened.file);
            is_read && place(name).is_some_and(|real| place(path) == Some(real))
        };
        let (_, positions) = self.resume.iter_mut().find(is_it)?;
        let at = positions.iter().position(|position| position.file == opened.file)?;
        let position = positions.remove(at);
        opened.content.matches(&position).unwrap_or(false).then_some(position.offset)
    }

    /// A path that was away, perhaps for so long that its file counted as finished, may be back.
    fn reopen_if_finished(&mut self, log: &Log<'_>, file: FileId) -> Result<(), TailError> {
        for stream in self.streams.iter_mut().filter(|s| s.file == file && Path::new(&*s.source) == log.path) {
            stream.retired = false;
        }
        let Some(end) = self.finished.get(&file).map(Finished::end) else { return Ok(()) };
        let stream = self.stream(log, Opened::open(log.path, file)?, end, false)?;
        self.insert(stream);
        Ok(())
    }

    /// The file is no longer at its path; what it still gets is read first.
    fn retire(&mut self, log: &Log<'_>, file: FileId) {
        for stream in self.streams.iter_mut().filter(|s| s.file == file && Path::new(&*s.source) == log.path) {
            stream.retired = true;
            if let Some(generation) = log.listing.find(file) {
                stream.path = generation.path.clone();
            }
        }
    }

    fn is_known(&self, file: FileId) -> bool {
        self.ignored.contains(&file)
            || self.finished.contains_key(&file)
            || self.streams.iter().any(|s| s.file == file)
            || self.resume.values().flatten().any(|p| p.file == file)
    }

    /// Goes on where the last run stopped, oldest file first.
    fn resume(&mut self, log: &Log<'_>) -> Result<(), TailError> {
        let known = self.resume.get(log.path).cloned().unwrap_or_default();
        let mut live = log.file().map(|file| Opened::open(log.path, file)).transpose()?;
        let mut live_offset = None;
        let mut threshold = self.stopped;
        let mut rewritten = 0;
        let mut found: Vec<(i64, u64, Opened)> = Vec::new();
        for position in &known {
            if position.complete
                && let Some(generation) = log.listing.find(position.file)
            {
                self.finished.insert(position.file, Finished::new(position.clone(), generation.size, false));
                continue;
            }
            if let Some(live) = live.as_mut().filter(|live| live.file == position.file) {
                if !position.knows_content() || live.content.matches(position).unwrap_or(false) {
                    live_offset = Some(if position.knows_content() { position.offset } else { 0 });
                    continue;
                }
                rewritten += 1;
            }
            let content = live.as_mut().map(|live| &mut live.content);
            if let Some((modified, mut opened)) = find_continuation(log.path, log.listing, position)? {
                content.map(|live| wait_for_cut(log.path, live, log.listing, &mut opened)).transpose()?;
                threshold = threshold.min(modified);
                // Another position may know that this very file was read further.
                let further = known.iter().filter(|p| p.file == opened.file).map(|p| p.offset).max();
                found.push((modified, position.offset.max(further.unwrap_or(0)), opened));
            } else if let Some(behind) = find_behind(log.path, content, log.listing, position)? {
                threshold = threshold.min(behind.modified);
                found.push((behind.modified, behind.length, behind.copy));
                match behind.rest {
                    Rest::Live(offset) => live_offset = Some(live_offset.unwrap_or(0).max(offset)),
                    Rest::Generation(modified, opened, offset) => found.push((modified, offset, opened)),
                }
            }
        }
        found.sort_by_key(|(modified, offset, opened)| (*modified, opened.file, std::cmp::Reverse(*offset)));
        found.dedup_by_key(|(_, _, opened)| opened.file);
        let taken: Vec<FileId> = found.iter().map(|(_, _, opened)| opened.file).collect();
        let mut streams = Vec::new();
        for (_, offset, opened) in found {
            streams.push(self.stream(log, opened, offset, true)?);
        }
        // A log of which nothing was read may have been filled, copied and emptied since.
        if live_offset.is_none_or(|offset| offset == 0) {
            let content = live.as_mut().map(|live| &mut live.content);
            content.map(|live| wait_for_cuts(log.path, live, log.listing)).transpose()?;
            streams.extend(self.missed(log, threshold, &taken, &known)?);
            self.rotations += u64::from(live_offset.is_none());
        }
        if let Some(live) = live {
            streams.push(self.stream(log, live, live_offset.unwrap_or(0), false)?);
        }
        self.resume.remove(log.path);
        self.truncations += rewritten;
        // Files that are gone, or whose content goes on in another one.
        let gone = |p: &&Position| {
            let is_read = streams.iter().any(|s| s.file == p.file) || self.finished.contains_key(&p.file);
            Some(p.file) != log.file() && !is_read
        };
        self.forgotten.extend(known.iter().filter(gone).map(|p| p.file));
        for mut stream in streams {
            // Positions that moved to another file are told at once: the old ones would lead astray one day.
            if !known.iter().any(|p| (p.file, p.offset) == (stream.file, stream.offset)) {
                self.announced.push(stream.announce());
            }
            self.insert(stream);
        }
        Ok(())
    }

    /// Generations that came and went from the path since we last looked: written after `threshold`, unknown,
    /// and not copies of something we read, in this run or up to one of the `earlier` positions.
    pub(super) fn missed(
        &mut self,
        log: &Log<'_>,
        threshold: i64,
        taken: &[FileId],
        earlier: &[Position],
    ) -> Result<Vec<Stream>, TailError> {
        let mut streams = Vec::new();
        for generation in log.listing.generations(log.path) {
            let is_new = !self.is_known(generation.file) && !taken.contains(&generation.file);
            let is_live = Some(generation.file) == log.file();
            if !is_new || is_live || generation.unfinished || generation.modified < threshold {
                continue;
            }
            match Opened::open(&generation.path, generation.file) {
                Ok(mut opened) => {
                    if !self.is_copy(log, earlier, &mut opened.content) {
                        streams.push(self.stream(log, opened, 0, true)?);
                    }
                }
                Err(moved @ TailError::Moved { .. }) => return Err(moved),
                Err(error) => tracing::warn!(%error, "a rotated file cannot be read"),
            }
        }
        Ok(streams)
    }

    /// Whether a generation begins like something of the same log that is being read, or is the whole of something that
    /// was read (a compression that was cut short leaves the plain file and the compressed one).
    fn is_copy(&self, log: &Log<'_>, earlier: &[Position], content: &mut Content) -> bool {
        let of_log = |s: &&Stream| Path::new(&*s.source) == log.path;
        let finished = self.finished.values().filter(|f| f.log() == log.path).map(|f| &f.position);
        self.streams.iter().filter(of_log).any(|s| s.is_continued_in(content))
            || finished.chain(earlier).any(|position| content.ends_at(position).unwrap_or(false))
    }

    fn stream(&mut self, log: &Log<'_>, opened: Opened, offset: u64, retired: bool) -> Result<Stream, TailError> {
        let id = self.next_id();
        self.stream_as(id, log.path, log.source, opened, offset, retired)
    }

    pub(super) fn stream_as(
        &self,
        id: StreamId,
        log: &Path,
        source: usize,
        opened: Opened,
        offset: u64,
        retired: bool,
    ) -> Result<Stream, TailError> {
        let Source { name: pipeline, encoding, .. } = &self.sources[source];
        let start =
            Start { id, source: Arc::from(log.to_string_lossy()), pipeline, encoding: *encoding, offset, retired };
        let path = opened.path.clone();
        Stream::new(start, opened).map_err(|error| open_error(&path, error))
    }
}

/// Where a position's content goes on, with the time it was written last: the same inode under another name, or a
/// compressed or copied file.
pub(super) fn find_continuation(
    log: &Path,
    listing: &Listing,
    position: &Position,
) -> Result<Option<(i64, Opened)>, TailError> {
    let by_inode = listing.find(position.file).filter(|g| g.path != log).cloned();
    if !position.knows_content() {
        // Nothing was read, so there is no content to compare; the file itself is all we know.
        let opened = by_inode.map(|g| Opened::open(&g.path, g.file).map(|opened| (g.modified, opened)));
        return opened.transpose();
    }
    // Newest first: that is where it most likely is.
    let generations = listing.generations(log).into_iter().rev();
    for Generation { path, file, modified, .. } in by_inode.into_iter().chain(generations) {
        match Opened::open(&path, file) {
            Ok(mut opened) => {
                if opened.content.matches(position).unwrap_or(false) {
                    return Ok(Some((modified, opened)));
                }
            }
            Err(moved @ TailError::Moved { .. }) => return Err(moved),
            // What cannot be opened cannot be read on either; the log itself reports why.
            Err(_) => {}
        }
    }
    Ok(None)
}
