//! Cutting a log at its head: the blocks that are in the copy are taken out from under the writer, and what it wrote
//! meanwhile moves to the front. Nothing can be lost, because nothing is emptied.
//!
//! Only whole blocks can go. The copy ends at the end of a line, somewhere in a block; the rest of that block before
//! this place, which is in the copy too, stays at the front of the log and is overwritten with a line of blanks.
//! A writer that appends does not notice.
//!
//! A crash between collapse and blanks would leave that rest twice, and the content alone does not always say whether
//! the collapse happened (think of a log of one line again and again). So before it an [`Intent`] is written beside
//! the copy: which log, which copy, how long, and how long the log was. The log only grows; if it is shorter than it
//! was, it was cut. If it is not, it was cut only if it has another head than the copy. What remains is a log that
//! repeats itself in step with the blocks, and grew by all that was cut since the crash: it counts as not cut.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate, fstatfs};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::cut::begins_with;
use crate::sys::atomic;
use crate::sys::files::{FileId, PADDING_MAX, open_regular, padding_of};

/// Blocks may come in clusters, which the file system does not tell; then this is tried next.
const CLUSTER: u64 = PADDING_MAX as u64;
/// Bytes before the end of the copy in which an end of line is looked for.
const LOOK_BACK: u64 = 1 << 20;

/// What a cut is about to do, kept until it is done. It says no hash: the copy is synced before, known by its identity,
/// and there to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Intent {
    log: FileId,
    copy: FileId,
    /// Bytes in the copy.
    pub length: u64,
    /// Bytes that are taken out: whole blocks, at most so many as the copy has.
    pub cut: u64,
    /// Bytes the log had before.
    size: u64,
}

impl Intent {
    /// Where it is kept: one for each log and folder, so that one left behind by a crash is replaced by the next.
    pub fn path(log: &Path, copy: &Path) -> PathBuf {
        let mut name = std::ffi::OsString::from(".");
        name.push(log.file_name().unwrap_or_default());
        name.push(".intent");
        copy.with_file_name(name)
    }

    /// The one that was written for `copy`, if it is still as long as it was then.
    pub fn read(log: &Path, copy: &Path) -> io::Result<Option<Intent>> {
        let text = match fs::read(Intent::path(log, copy)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let metadata = fs::symlink_metadata(copy)?;
        // It is written as a whole or not at all; what cannot be read is not ours.
        let intent = serde_json::from_slice::<Intent>(&text).ok();
        Ok(intent.filter(|intent| (intent.copy, intent.length) == (FileId::of(&metadata), metadata.len())))
    }

    fn write(&self, log: &Path, copy: &Path) -> io::Result<()> {
        atomic::write(&Intent::path(log, copy), &serde_json::to_vec(self)?)
    }

    pub fn forget(log: &Path, copy: &Path) -> io::Result<()> {
        match fs::remove_file(Intent::path(log, copy)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }

    /// After a crash: whether the log was cut already. `begins_with_copy` is asked only where the size does not say it.
    pub fn was_done(&self, log: &Path, begins_with_copy: impl FnOnce() -> io::Result<bool>) -> io::Result<bool> {
        match fs::symlink_metadata(log) {
            Ok(metadata) if FileId::of(&metadata) == self.log && metadata.len() < self.size => Ok(true),
            Ok(_) => begins_with_copy().map(|is_whole| !is_whole),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(e) => Err(e),
        }
    }

    /// Overwrites what is left of the last block in a log that was cut.
    pub fn blank(&self, log: &File) -> io::Result<()> {
        log.write_all_at(&self.blanks(), 0)?;
        log.sync_data()
    }

    /// After a crash: the same, if it was not done yet.
    pub fn blank_if_missing(&self, log: &File, copy: &Path) -> io::Result<()> {
        let length = self.length.saturating_sub(self.cut).min(CLUSTER) as usize;
        let (copy, _) = open_regular(copy)?;
        let (mut left, mut right) = (vec![0; length], vec![0; length]);
        copy.read_exact_at(&mut left, self.cut)?;
        let is_whole = FileId::of(&log.metadata()?) == self.log && log.read_exact_at(&mut right, 0).is_ok();
        if is_whole && left == right { self.blank(log) } else { Ok(()) }
    }

    fn blanks(&self) -> Vec<u8> {
        let mut blanks = vec![b' '; self.length.saturating_sub(self.cut).min(CLUSTER) as usize];
        if let Some(last) = blanks.last_mut() {
            *last = b'\n';
        }
        blanks
    }
}

/// A log whose head is in a copy.
pub(super) struct Head<'a> {
    pub log: &'a File,
    pub path: &'a Path,
    pub copy: &'a Path,
    /// Bytes in the copy, all synced.
    pub length: u64,
}

impl Head<'_> {
    /// Takes the head out of the log; `None`, and nothing has changed, where that cannot be done. `step` is called
    /// before and after.
    pub fn collapse(&self, step: &mut dyn FnMut(&'static str)) -> io::Result<Option<Intent>> {
        let mut blocks = vec![block_size(self.log)?, CLUSTER];
        blocks.dedup();
        for block in blocks {
            let size = self.log.metadata()?.len();
            let Some(cut) = whole_blocks(self.length, size, block) else { break };
            let (log, copy) = (FileId::of(&self.log.metadata()?), FileId::of(&fs::symlink_metadata(self.copy)?));
            let intent = Intent { log, copy, length: self.length, cut, size };
            intent.write(self.path, self.copy)?;
            step("intended");
            let error = match fallocate(self.log, FallocateFlags::COLLAPSE_RANGE, 0, cut) {
                Ok(()) => None,
                // Errors come before anything is done; should one not, the log tells.
                Err(_) if intent.was_done(self.path, || begins_with(self.path, self.copy))? => None,
                Err(error) => Some(error),
            };
            match error {
                None => {
                    step("collapsed");
                    return Ok(Some(intent));
                }
                Some(Errno::INVAL) => {}
                Some(_) => break,
            }
        }
        Intent::forget(self.path, self.copy).map(|()| None)
    }
}

/// Whether the file system knows how to: asked by a range that no file system can take out, a single byte.
pub(super) fn is_known(log: &File) -> bool {
    fallocate(log, FallocateFlags::COLLAPSE_RANGE, 0, 1) == Err(Errno::INVAL)
}

pub(super) fn block_size(log: &File) -> io::Result<u64> {
    let size = fstatfs(log)?.f_bsize;
    Ok(u64::try_from(size).unwrap_or(CLUSTER).clamp(512, CLUSTER))
}

/// Bytes to take out of a log of `size` of which `length` are copied. It cannot be all of it: then the last block stays.
fn whole_blocks(length: u64, size: u64, block: u64) -> Option<u64> {
    let whole = length / block * block;
    let cut = if whole >= size { whole.saturating_sub(block) } else { whole };
    (cut > 0).then_some(cut)
}

/// Where to cut a log of which `done` bytes are copied: behind a line, and before one that begins as the log itself
/// does, so that an entry of several lines stays whole. A log without lines is cut between two blocks.
pub(super) fn boundary(log: &File, done: u64, block: u64) -> io::Result<u64> {
    let start = done.saturating_sub(LOOK_BACK);
    let window = read(log, start, done - start)?;
    // It did not grow while the copy was synced: what ends with a line is complete.
    let is_quiet = log.metadata()?.len() == done;
    if is_quiet && window.last() == Some(&b'\n') {
        return Ok(done);
    }
    let head = read(log, 0, CLUSTER.min(done))?;
    let first = head.get(padding_of(&head)).copied().map(kind);
    let mut ends = memchr::memrchr_iter(b'\n', &window).map(|at| at + 1);
    let Some(last) = ends.next() else { return Ok(done / block * block) };
    let begins_entry = |end: &usize| window.get(*end).copied().map(kind) == first;
    let end = std::iter::once(last).chain(ends).find(begins_entry).unwrap_or(last);
    Ok(start + end as u64)
}

/// Whether a log of which `done` bytes are copied has text in UTF-16 at its end, or no text: what is written into its
/// front, and where its lines end, would not be right there.
pub(super) fn has_nuls(log: &File, done: u64) -> io::Result<bool> {
    let start = done.saturating_sub(CLUSTER);
    Ok(memchr::memchr(0, &read(log, start, done - start)?).is_some())
}

/// What a line begins with, roughly: lines that begin entries of one log begin alike.
fn kind(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => b'0',
        b'a'..=b'z' | b'A'..=b'Z' => b'a',
        other => other,
    }
}

fn read(file: &File, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks() {
        let check = |length, size, want| assert_eq!(whole_blocks(length, size, 4096), want, "{length} of {size}");
        check(0, 0, None);
        check(100, 100, None);
        check(4095, 10_000, None);
        check(4096, 4096, None);
        check(4096, 4097, Some(4096));
        check(5000, 5000, Some(4096));
        check(8192, 8192, Some(4096));
        check(8192, 8193, Some(8192));
        check(9000, 9000, Some(8192));
    }

    #[test]
    fn boundaries() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let check = |text: &str, done: usize, want: usize| {
            fs::write(&path, text).unwrap();
            let found = boundary(&File::open(&path).unwrap(), done as u64, 4).unwrap();
            assert_eq!(found, want as u64, "{text:?} {done}");
        };
        check("1 a\n2 b\n", 8, 8);
        check("1 a\n2 b\n3 ", 8, 4);
        check("1 a\n2 b\n3 ", 10, 8);
        check("1 a\nTrace\n  b\nError\n2 c\n", 23, 20);
        check("1 a\nTrace\n  b\nError\n2 c\n", 16, 14); // no such line: any end will do
        check("1 a\n2 b\nTrace\n  b\nError", 20, 4);
        check("   \n1 a\nTrace\n2 a\n   b", 20, 14);
        check("{1}\n{2}\n{3", 10, 8);
        check("no end of", 9, 8);
        check("a\nno end", 8, 2);
    }
}
