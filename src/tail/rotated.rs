//! What became of a path: the same file, another one after a rotation, or what the last run left.

use std::fs;
use std::path::Path;

use crate::record::Position;
use crate::sys::clock;
use crate::sys::files::FileId;
use crate::tail::generations::{Generation, Listing};
use crate::tail::stream::Stream;
use crate::tail::tailer::open_error;
use crate::tail::{Content, TailError, Tailer};

impl Tailer {
    /// One live path: is it the file we read, another one, or new to us?
    pub(super) fn look_at_log(&mut self, log: &Path, source: usize, listing: &Listing) -> Result<(), TailError> {
        let metadata = match fs::symlink_metadata(log) {
            Ok(metadata) => metadata,
            // Between two steps of a rotation; the next look will find the new file.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(open_error(log, e)),
        };
        let file = FileId::of(&metadata);
        let modified = metadata.modified().map(clock::from_system).unwrap_or(0);
        let before = self.live.get(log).copied();
        let known = self.resume.remove(log).unwrap_or_default();
        match before {
            Some((same, _)) if same == file => self.reopen_if_finished(log, source, file)?,
            Some((other, written)) => {
                self.retire(log, other, listing);
                self.read_missed(log, source, listing, file, written);
                self.open(log, log, source, 0, false, None)?;
                self.rotations += 1;
            }
            None if known.is_empty() => {
                let at_end = self.sources[source].start_at_end && self.first_look;
                self.open(log, log, source, if at_end { metadata.len() } else { 0 }, false, None)?;
            }
            None => self.resume(log, source, listing, file, known)?,
        }
        self.live.insert(log.to_owned(), (file, modified));
        // Generations that are there now and that nobody reads are of no interest from here on.
        for generation in listing.generations(log) {
            if !self.is_known(generation.file) {
                self.ignored.insert(generation.file);
            }
        }
        Ok(())
    }

    /// A path that was away for so long that its file counted as finished, and is back.
    fn reopen_if_finished(&mut self, log: &Path, source: usize, file: FileId) -> Result<(), TailError> {
        match self.finished.remove(&file) {
            Some(finished) => self.open(log, log, source, finished.end, false, None),
            None => Ok(()),
        }
    }

    /// The file is no longer at its path; what it still gets is read first.
    fn retire(&mut self, log: &Path, file: FileId, listing: &Listing) {
        for stream in self.streams.iter_mut().filter(|s| s.file == file && Path::new(&*s.source) == log) {
            stream.retired = true;
            if let Some(generation) = listing.find(file) {
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
    fn resume(
        &mut self,
        log: &Path,
        source: usize,
        listing: &Listing,
        live: FileId,
        known: Vec<Position>,
    ) -> Result<(), TailError> {
        let mut live_offset = None;
        let mut threshold = self.stopped;
        let mut found: Vec<(Generation, u64)> = Vec::new();
        for position in &known {
            let at_log = position.file == live && is_content_of(log, position);
            if at_log || (position.file == live && position.offset == 0) {
                live_offset = Some(position.offset);
                continue;
            }
            match find_continuation(log, listing, position) {
                Some(generation) => {
                    threshold = threshold.min(generation.modified);
                    // Another position may know that this very file was read further.
                    let further = known.iter().filter(|p| p.file == generation.file).map(|p| p.offset).max();
                    let offset = position.offset.max(further.unwrap_or(0));
                    found.push((generation, offset));
                }
                None if position.file != live => {}
                None => self.truncations += 1,
            }
        }
        found.sort_by_key(|(generation, offset)| (generation.modified, generation.file, std::cmp::Reverse(*offset)));
        found.dedup_by_key(|(generation, _)| generation.file);
        for (generation, offset) in &found {
            self.open(log, &generation.path, source, *offset, true, None)?;
        }
        if live_offset.is_none() {
            self.rotations += 1;
            self.read_missed(log, source, listing, live, threshold);
        }
        self.open(log, log, source, live_offset.unwrap_or(0), false, None)
    }

    /// Generations that came and went from the path since we last looked: written after `threshold`, unknown,
    /// and not copies of something we read.
    fn read_missed(&mut self, log: &Path, source: usize, listing: &Listing, live: FileId, threshold: i64) {
        for generation in listing.generations(log) {
            let unknown = !self.is_known(generation.file) && generation.file != live;
            if unknown
                && generation.modified >= threshold
                && !self.is_copy(log, &generation)
                && let Err(error) = self.open(log, &generation.path, source, 0, true, None)
            {
                tracing::warn!(%error, "a rotated file was missed");
            }
        }
    }

    /// Whether a generation begins like something of the same log that is being read.
    fn is_copy(&self, log: &Path, generation: &Generation) -> bool {
        let Ok((mut content, _)) = Content::open(&generation.path) else { return false };
        let of_log = |s: &&Stream| Path::new(&*s.source) == log;
        self.streams.iter().filter(of_log).any(|s| s.is_continued_in(&mut content))
    }
}

pub(super) fn is_content_of(path: &Path, position: &Position) -> bool {
    Content::open(path).is_ok_and(|(mut content, _)| content.matches(position).unwrap_or(false))
}

/// The generation in which a position's content goes on: the same inode, or a compressed or copied file.
pub(super) fn find_continuation(log: &Path, listing: &Listing, position: &Position) -> Option<Generation> {
    let is_it = |g: &&Generation| is_content_of(&g.path, position);
    let by_inode = listing.find(position.file).filter(|g| g.path != log).filter(is_it).cloned();
    // Newest first: that is where it most likely is.
    by_inode.or_else(|| listing.generations(log).iter().rev().find(is_it).cloned())
}
