//! copytruncate: the content goes to a copy, then it leaves the live log under its writer.
//!
//! Where the file system can take blocks out of a file ([`collapse`]: ext4, xfs), nothing is lost. Elsewhere, and for a
//! log that is smaller than a block, the copy is made to the very end and the log emptied at once: what is written
//! within these microseconds is lost. So is a writer served that does not append: it goes on at its old place whatever
//! is done, and taking blocks out would only make its hole bigger.
//!
//! The copy has a hidden name until the log is cut. After a crash at any point [`recover`] finds out how far it came:
//!
//! | crash | what is there | then |
//! |---|---|---|
//! | while copying | a copy that is the head of the log | it is removed, and made again another day |
//! | between intent and collapse | the same, and an intent | the same |
//! | between collapse and blanks | a log that is shorter, or has another head | blanks are written, the copy gets its name |
//! | behind the blanks | the same | the copy gets its name |
//! | behind the truncation | a log without that head | the copy gets its name |
//! | behind the name | an intent without a hidden copy | nothing; the next cut replaces it |
//!
//! See [`Intent`] for how the second and the third are told apart.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::collapse::{self, Head, Intent};
use super::copy::Copying;
use super::create::{Like, create_new};
use super::error::RotateError;
use super::names::Family;
use crate::sys::atomic::sync_folder_of;
use crate::sys::files::{FileId, open_regular, open_regular_for_writing, rename_noreplace, writer_without_append};

const BUFFER: usize = 256 * 1024;

/// How the content left the live log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CutMethod {
    /// Its blocks were taken out: nothing can be lost.
    Collapse,
    /// Copied, drained, truncated: what is written in the last microseconds is lost.
    Tight,
}

/// What a cut did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Cut {
    pub method: CutMethod,
    /// Bytes that left the log.
    pub bytes: u64,
    /// Bytes that may have been lost: what the log grew between the last read and the truncation, as far as can be seen.
    pub at_risk: u64,
    /// A process that has the log open for writing and does not append: it leaves a hole.
    pub not_appending: Option<u32>,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.method {
            CutMethod::Collapse => f.write_str("its blocks were taken out, nothing can be lost"),
            CutMethod::Tight => write!(f, "copied and emptied, {} bytes at risk", self.at_risk),
        }
    }
}

/// Moves the content of `log` to `to`, and leaves in the log what is written meanwhile.
///
/// `id` is the file that the log was when this was decided; another one is left alone. After an error the log is as it
/// was and there is no copy, or the hidden copy is the only place of its bytes.
pub fn copy_and_truncate(log: &Path, to: &Path, id: FileId) -> Result<Cut, RotateError> {
    cut(log, to, id, &mut |_| ())
}

/// `step` is called between any two steps that a crash may come between.
pub(super) fn cut(log: &Path, to: &Path, id: FileId, step: &mut dyn FnMut(&'static str)) -> Result<Cut, RotateError> {
    let (log_file, metadata) = open_regular_for_writing(log).map_err(RotateError::file("open", log))?;
    if FileId::of(&metadata) != id {
        return Err(RotateError::Changed { path: log.to_owned() });
    }
    let not_appending = writer_without_append(id);
    let temporary = Family::cutting(to);
    Intent::forget(log, &temporary).map_err(RotateError::file("remove the intent beside", &temporary))?;
    let copy = create_new(&temporary, &Like::file(&metadata, &log_file)).map_err(RotateError::file("create", to))?;
    step("created");
    let mut cutting = Cutting { log, temporary, to, copying: Copying::new(log_file, copy), step };
    cutting.follow()?;
    let collapsed = if not_appending.is_none() { cutting.collapse()? } else { None };
    let (method, bytes, at_risk) = match collapsed {
        Some(bytes) => (CutMethod::Collapse, bytes, 0),
        None => cutting.tight().map(|at_risk| (CutMethod::Tight, cutting.copying.done, at_risk))?,
    };
    finish(&cutting.temporary, to)?;
    (cutting.step)("named");
    Intent::forget(log, to).map_err(RotateError::file("remove the intent beside", to))?;
    Ok(Cut { method, bytes, at_risk, not_appending })
}

/// A cut on its way.
struct Cutting<'a> {
    log: &'a Path,
    /// The hidden name of the copy.
    temporary: PathBuf,
    to: &'a Path,
    copying: Copying,
    step: &'a mut dyn FnMut(&'static str),
}

impl Cutting<'_> {
    /// An error before the log was cut: the copy is of no use. Made sure of, because it might be all there is.
    fn discard(&self, error: io::Error) -> RotateError {
        if begins_with(self.log, &self.temporary).unwrap_or(false) {
            let _ = fs::remove_file(&self.temporary); // If it stays, the next run removes it.
        }
        RotateError::file("copy to", self.to)(error)
    }

    fn follow(&mut self) -> Result<(), RotateError> {
        let followed = self.copying.follow().and_then(|()| sync_folder_of(&self.temporary));
        followed.map_err(|error| self.discard(error))?;
        (self.step)("copied");
        Ok(())
    }

    /// Bytes that left the log; `None` where it cannot be done this way.
    fn collapse(&mut self) -> Result<Option<u64>, RotateError> {
        if !collapse::is_known(self.copying.log()) || !self.shorten().map_err(|error| self.discard(error))? {
            return Ok(None);
        }
        let length = self.copying.done;
        let head = Head { log: self.copying.log(), path: self.log, copy: &self.temporary, length };
        let collapsed = head.collapse(self.step);
        let Some(intent) = collapsed.map_err(|error| self.discard(error))? else { return Ok(None) };
        // From here on the copy is the only place of its bytes; what is left to do is done by `recover`.
        intent.blank(self.copying.log()).map_err(RotateError::file("write blanks to", self.log))?;
        (self.step)("blanked");
        Ok(Some(length))
    }

    /// Lets the copy end where the log is to be cut; `false` when there is no block to take out.
    fn shorten(&mut self) -> io::Result<bool> {
        let (log, done) = (self.copying.log(), self.copying.done);
        let block = collapse::block_size(log)?;
        if done < block || collapse::has_nuls(log, done)? {
            return Ok(false);
        }
        let boundary = collapse::boundary(log, done, block)?;
        if boundary < block {
            return Ok(false);
        }
        if boundary < done {
            self.copying.shorten(boundary)?;
        }
        (self.step)("shortened");
        Ok(true)
    }

    /// Bytes that may have been lost.
    fn tight(&mut self) -> Result<u64, RotateError> {
        let emptied = self.copying.follow().and_then(|()| self.copying.drain_and_truncate());
        let at_risk = emptied.map_err(|error| self.discard(error))?;
        (self.step)("truncated");
        self.copying.sync().map_err(RotateError::file("sync", &self.temporary))?;
        Ok(at_risk)
    }
}

/// Copies `log` to `to` and leaves it as it is.
pub fn copy_only(log: &Path, to: &Path) -> Result<(), RotateError> {
    let (source, metadata) = open_regular(log).map_err(RotateError::file("open", log))?;
    let temporary = Family::cutting(to);
    let copied = create_new(&temporary, &Like::file(&metadata, &source)).and_then(|copy| {
        let mut copying = Copying::new(source, copy);
        copying.catch_up().and_then(|()| copying.sync())
    });
    copied.map_err(|error| {
        let _ = fs::remove_file(&temporary);
        RotateError::file("copy to", &temporary)(error)
    })?;
    finish(&temporary, to)
}

/// Gives a finished copy its visible name.
fn finish(temporary: &Path, to: &Path) -> Result<(), RotateError> {
    rename_noreplace(temporary, to).map_err(RotateError::file("rename a copy to", to))?;
    sync_folder_of(to).map_err(RotateError::file("sync the folder of", to))
}

/// Decides about the unfinished copy `temporary` of an interrupted run: removed if the log still begins with all of it,
/// else what is left of the cut is done and it is named `to`. Returns whether it was kept.
pub fn recover(log: &Path, temporary: &Path, to: &Path) -> Result<bool, RotateError> {
    let wrong = RotateError::file("compare with its log", temporary);
    let kept = finish_cut(log, temporary).map_err(wrong)?;
    if kept {
        finish(temporary, to)?;
    } else {
        fs::remove_file(temporary).map_err(RotateError::file("remove", temporary))?;
        sync_folder_of(temporary).map_err(RotateError::file("sync the folder of", temporary))?;
    }
    Intent::forget(log, temporary).map_err(RotateError::file("remove the intent beside", temporary))?;
    Ok(kept)
}

/// Whether the copy is the only place of what is in it; then the log needs no more work.
fn finish_cut(log: &Path, temporary: &Path) -> io::Result<bool> {
    let Some(intent) = Intent::read(log, temporary)? else { return begins_with(log, temporary).map(|whole| !whole) };
    if !intent.was_done(log, || begins_with(log, temporary))? {
        return Ok(false);
    }
    match open_regular_for_writing(log) {
        Ok((log, _)) => intent.blank_if_missing(&log, temporary).map(|()| true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(e) => Err(e),
    }
}

/// Whether the log has all of `head` at its front.
pub(super) fn begins_with(log: &Path, head: &Path) -> io::Result<bool> {
    let (head, metadata) = open_regular(head)?;
    if metadata.len() == 0 {
        return Ok(true);
    }
    match open_regular(log) {
        Ok((log, _)) => same_content(head, log.take(metadata.len())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

/// Whether both are there and have the same bytes.
pub(super) fn same_files(a: &Path, b: &Path) -> bool {
    let (Ok((a, _)), Ok((b, _))) = (open_regular(a), open_regular(b)) else { return false };
    same_content(a, b).unwrap_or(false)
}

/// Whether both give the same bytes to their end.
pub(super) fn same_content(mut a: impl Read, mut b: impl Read) -> io::Result<bool> {
    let (mut left, mut right) = (vec![0; BUFFER], vec![0; BUFFER]);
    loop {
        let (n, m) = (fill(&mut a, &mut left)?, fill(&mut b, &mut right)?);
        if left[..n] != right[..m] {
            return Ok(false);
        }
        if n == 0 {
            return Ok(true);
        }
    }
}

/// Reads until `buffer` is full or the input ends.
pub(super) fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}
