//! A file whose content is not the one we were reading: it was emptied, or its head was cut, and perhaps copied before.

use std::path::{Path, PathBuf};

use crate::record::RawBatch;
use crate::sys::files::{FileId, folder_of};
use crate::tail::cut::{Behind, Rest, find_behind, wait_for_cut};
use crate::tail::generations::Listing;
use crate::tail::rotated::{Log, find_continuation};
use crate::tail::stream::{Opened, open_error};
use crate::tail::{TailError, Tailer};

impl Tailer {
    /// The content was replaced in place. What of the old content was not read may be in a copy. On an error nothing has
    /// changed, and the stream is found replaced again in the next tick.
    pub(super) fn start_over(&mut self, at: usize, out: &mut dyn FnMut(RawBatch) -> bool) -> Result<(), TailError> {
        let log = PathBuf::from(&*self.streams[at].source);
        let position = self.streams[at].position();
        let moved = || TailError::Moved { path: log.clone() };
        let (listing, _) = Listing::stable(folder_of(&log), std::slice::from_ref(&log)).ok_or_else(moved)?;
        let live = self.streams[at].content();
        match find_continuation(&log, &listing, &position)? {
            Some((modified, mut copy)) => {
                wait_for_cut(&log, live, &listing, &mut copy)?;
                self.go_on_in_copy(at, &log, &listing, Some((modified, copy)), out)
            }
            None => match find_behind(&log, Some(live), &listing, &position)? {
                Some(behind) => self.go_on_behind(at, &log, &listing, behind, out),
                None => self.go_on_in_copy(at, &log, &listing, None, out),
            },
        }
    }

    /// Reads the rest of the old content in its copy, if there is one, and the log from its front.
    fn go_on_in_copy(
        &mut self,
        at: usize,
        log: &Path,
        listing: &Listing,
        copy: Option<(i64, Opened)>,
        out: &mut dyn FnMut(RawBatch) -> bool,
    ) -> Result<(), TailError> {
        let source = self.source_index(at);
        let position = self.streams[at].position();
        // It may have been copied and emptied more than once since we last looked.
        let taken: Vec<FileId> = copy.iter().map(|(_, opened)| opened.file).collect();
        let log_now = Log { path: log, source, metadata: None, listing };
        let missed = self.missed(&log_now, copy.as_ref().map_or(i64::MAX, |c| c.0), &taken, &[])?;
        let copy = copy.map(|(_, opened)| opened);
        let mut old = self.streams.remove(at);
        self.truncations += 1;
        let in_copy = copy.as_ref().map(|opened| opened.path.clone());
        tracing::info!(path = %old.path.display(), read = position.offset, copy = ?in_copy, "truncated: from the start");
        let goes_on = copy.map(|opened| self.stream_as(old.id, log, source, opened, position.offset, true));
        match goes_on {
            Some(Ok(mut stream)) => {
                // The position moves to the copy before the emptied file gets one of its own, so that an entry
                // that still waits for lines is not between two files when the power fails.
                out(stream.announce());
                self.insert(stream);
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "the copy of a truncated file cannot be read");
                out(old.close());
            }
            None => drop(out(old.close())),
        }
        for mut stream in missed {
            out(stream.announce());
            self.insert(stream);
        }
        let mut live = old.rewound(self.next_id());
        out(live.announce());
        self.insert(live);
        Ok(())
    }

    /// We had read more than what was cut: the copy is known to its end, and reading goes on behind it.
    fn go_on_behind(
        &mut self,
        at: usize,
        log: &Path,
        listing: &Listing,
        behind: Behind,
        out: &mut dyn FnMut(RawBatch) -> bool,
    ) -> Result<(), TailError> {
        let Behind { copy, length, rest, .. } = behind;
        let source = self.source_index(at);
        let taken = copy.file;
        tracing::info!(path = %log.display(), copy = %copy.path.display(), length, "its head was cut");
        let (copy_id, number) = (self.next_id(), self.next_id());
        let mut copy = self.stream_as(copy_id, log, source, copy, length, true)?;
        match rest {
            Rest::Live(offset) => {
                let old = self.streams.remove(at);
                let path = old.path.clone();
                let mut live = old.shifted(offset, number.0).map_err(|error| open_error(&path, error))?;
                // What waits for more lines still has its place in the old content; the position of the copy tells
                // that it belongs to it, and comes first.
                out(copy.announce());
                out(live.announce_cut(length));
                self.insert(copy);
                self.insert(live);
            }
            Rest::Generation(modified, next, offset) => {
                let log_now = Log { path: log, source, metadata: None, listing };
                let missed = self.missed(&log_now, modified, &[taken, next.file], &[])?;
                let next = self.stream_as(number, log, source, next, offset, true)?;
                let mut old = self.streams.remove(at);
                out(old.close());
                let live = old.rewound(self.next_id());
                for mut stream in [copy, next].into_iter().chain(missed).chain([live]) {
                    out(stream.announce());
                    self.insert(stream);
                }
            }
        }
        self.truncations += 1;
        Ok(())
    }

    fn source_index(&self, at: usize) -> usize {
        let pipeline = &self.streams[at].pipeline;
        self.sources.iter().position(|s| s.name == *pipeline).unwrap_or(0)
    }
}
