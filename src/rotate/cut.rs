//! copytruncate: the content goes to a copy, then the live file is emptied under its writer.
//!
//! The copy has a hidden name until the log is empty. After a crash its content tells how far it came: a copy
//! that is the head of the log can be made again, anything else is the only place of its bytes (see [`recover`]).

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

use super::error::RotateError;
use super::names::Family;
use crate::sys::atomic::sync_folder_of;
use crate::sys::files::{FileId, open_regular, open_regular_for_writing, rename_noreplace};

const BUFFER: usize = 256 * 1024;
/// Bytes: so little is copied faster than it is synced, so the truncation may follow at once.
const LITTLE: u64 = 64 * 1024;
/// A writer faster than our disk would keep us here for ever.
const ROUNDS: usize = 8;

/// Creates `path`, which must not exist, with the mode and owner of `like`.
pub(super) fn create_like(path: &Path, like: &fs::Metadata) -> io::Result<File> {
    // Closed to others until it has its owner; create_new follows no link.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (like.uid(), like.gid()) {
        match fchown(&file, Some(like.uid()), Some(like.gid())) {
            // Only root may give files away; then the copy is ours, with the same mode.
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {}
            other => other?,
        }
    }
    file.set_permissions(Permissions::from_mode(like.mode() & 0o7777))?;
    Ok(file)
}

/// Copies `log` to `to`, syncs the copy, adds what came in the meantime, and truncates at once.
///
/// A line written between the last read and the truncation (microseconds) is lost: copytruncate's race, made as
/// small as copying allows. Until the last read, every byte is in the copy or in the log.
///
/// `id` is the file that the log was when this was decided; another one is left alone. After an error the log is as it
/// was and there is no copy, or the hidden copy is the only place of its bytes.
pub fn copy_and_truncate(log: &Path, to: &Path, id: FileId) -> Result<(), RotateError> {
    let (mut log_file, metadata) = open_regular_for_writing(log).map_err(RotateError::file("open", log))?;
    if FileId::of(&metadata) != id {
        return Err(RotateError::Changed { path: log.to_owned() });
    }
    let temporary = Family::cutting(to);
    let copied = create_like(&temporary, &metadata)
        .and_then(|mut copy| copy_all(&mut log_file, &mut copy).map(|()| copy))
        .and_then(|copy| log_file.set_len(0).map(|()| copy));
    let copy = copied.map_err(|error| {
        // All is still in the log.
        let _ = fs::remove_file(&temporary);
        RotateError::file("copy to", &temporary)(error)
    })?;
    copy.sync_all().map_err(RotateError::file("sync", &temporary))?;
    finish(&temporary, to)
}

fn copy_all(log: &mut File, copy: &mut File) -> io::Result<()> {
    for _ in 0..ROUNDS {
        let copied = append(log, copy)?;
        copy.sync_data()?;
        if copied < LITTLE {
            break;
        }
    }
    append(log, copy).map(drop)
}

/// Copies `log` to `to` and leaves it as it is.
pub(super) fn copy_only(log: &Path, to: &Path) -> Result<(), RotateError> {
    let (mut source, metadata) = open_regular(log).map_err(RotateError::file("open", log))?;
    let temporary = Family::cutting(to);
    let copied = create_like(&temporary, &metadata)
        .and_then(|mut copy| append(&mut source, &mut copy).and_then(|_| copy.sync_all()));
    copied.map_err(|error| {
        let _ = fs::remove_file(&temporary);
        RotateError::file("copy to", &temporary)(error)
    })?;
    finish(&temporary, to)
}

fn append(source: &mut File, copy: &mut File) -> io::Result<u64> {
    let mut buffer = vec![0; BUFFER];
    let mut total = 0;
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return Ok(total),
            Ok(n) => {
                copy.write_all(&buffer[..n])?;
                total += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// Gives a finished copy its visible name.
fn finish(temporary: &Path, to: &Path) -> Result<(), RotateError> {
    rename_noreplace(temporary, to).map_err(RotateError::file("rename a copy to", to))?;
    sync_folder_of(to).map_err(RotateError::file("sync the folder of", to))
}

/// Decides about the unfinished copy `temporary` of an interrupted run: removed if `log` still begins with all
/// of it, else named `to`. Returns whether it was kept.
pub fn recover(log: &Path, temporary: &Path, to: &Path) -> Result<bool, RotateError> {
    let has_it_all = begins_with(log, temporary).map_err(RotateError::file("compare with its log", temporary))?;
    if has_it_all {
        fs::remove_file(temporary).map_err(RotateError::file("remove", temporary))?;
        sync_folder_of(temporary).map_err(RotateError::file("sync the folder of", temporary))?;
        return Ok(false);
    }
    finish(temporary, to).map(|()| true)
}

fn begins_with(log: &Path, head: &Path) -> io::Result<bool> {
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
