//! Makes the compressed form of a generation, whole and durable before it has its name; the plain file stays, and the
//! caller removes it. `compressor` says how, `encode` makes one piece, `pieces` a file of them on all cores, `command`
//! runs an outside program, `many` does a lot of small files at once.
//!
//! The order is: write under a hidden name, sync the file, look whether the plain file is still the same, rename, sync
//! the folder. The sync before the rename is what lets a name stand for a whole file after a power cut. The one behind
//! it, of the folder, could be left out on ext4, xfs and btrfs if the file were synced once more, which costs the same;
//! POSIX promises it only for the folder.

mod command;
mod compressor;
mod encode;
mod many;
mod pieces;

use std::fs::{self, File, FileTimes, Metadata};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use flate2::read::MultiGzDecoder;

pub use compressor::Compressor;
pub use many::compress_all;

use super::create::{Like, create_new};
use super::cut::same_content;
use super::error::RotateError;
use super::names::Family;
use crate::sys::atomic::sync_folder_of;
use crate::sys::files::{FileId, open_regular, rename_noreplace};
use pieces::Worker;

/// Bytes before and after, and what a command wrote to stderr.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compressed {
    pub before: u64,
    pub after: u64,
    pub stderr: String,
}

/// Makes `to` from `from`: complete and durable, with owner, mode, atime and mtime of `from`, which stays. If `to`
/// exists with the same content (a crash came before the removal of `from`), nothing is left to do; if it differs,
/// both stay and it is an error. If `from` changed meanwhile it is an error, and nothing is left behind.
pub fn compress(from: &Path, to: &Path, how: &Compressor) -> Result<Compressed, RotateError> {
    let compressed = name_compressed(from, to, how, &mut Worker::default())?;
    sync_folder_of(to).map_err(RotateError::file("sync the folder of", to))?;
    Ok(compressed)
}

/// `compress` without the sync of the folder: until that is done, `from` must not go.
fn name_compressed(from: &Path, to: &Path, how: &Compressor, worker: &mut Worker) -> Result<Compressed, RotateError> {
    let plain = Plain::open(from)?;
    if fs::symlink_metadata(to).is_ok() {
        return already(&plain, to, how, worker);
    }
    let temporary = Family::compressing(to);
    let named = write(&plain, &temporary, how, worker).and_then(|compressed| {
        plain.is_unchanged()?;
        rename_noreplace(&temporary, to).map_err(RotateError::file("rename a compressed file to", to))?;
        Ok(compressed)
    });
    if named.is_err() {
        let _ = fs::remove_file(&temporary); // the disk may be full of it
    }
    named
}

/// The file to compress, as it was when we began.
struct Plain<'a> {
    path: &'a Path,
    file: File,
    metadata: Metadata,
}

impl Plain<'_> {
    fn open(path: &Path) -> Result<Plain<'_>, RotateError> {
        let failed = |source| RotateError::OpenPlain { path: path.to_owned(), source };
        let (file, metadata) = open_regular(path).map_err(failed)?;
        Ok(Plain { path, file, metadata })
    }

    /// An error if somebody wrote while we read: what we have is only its head.
    fn is_unchanged(&self) -> Result<(), RotateError> {
        let now = fs::symlink_metadata(self.path).map_err(RotateError::file("look at", self.path))?;
        let state = |m: &Metadata| (FileId::of(m), m.len(), m.modified().ok());
        if state(&now) == state(&self.metadata) {
            return Ok(());
        }
        Err(RotateError::Changed { path: self.path.to_owned() })
    }
}

/// Writes `path`, which must not exist, and syncs it.
fn write(plain: &Plain<'_>, path: &Path, how: &Compressor, worker: &mut Worker) -> Result<Compressed, RotateError> {
    let cannot = |error| RotateError::file("compress to", path)(error);
    let target = create(path, plain).map_err(cannot)?;
    let stderr = match how {
        Compressor::Command { program, options, run_as } => command::run(program, options, *run_as, plain, &target)?,
        Compressor::Gzip(_) | Compressor::Zstd(_) => {
            worker.compress(plain, &target, how).map_err(cannot)?;
            String::new()
        }
    };
    finish(&target, &plain.metadata).map_err(cannot)?;
    let after = target.metadata().map_err(cannot)?.len();
    Ok(Compressed { before: plain.metadata.len(), after, stderr })
}

/// A file that an interrupted run left there goes first: the plain file still has it all.
fn create(path: &Path, plain: &Plain<'_>) -> io::Result<File> {
    let like = Like::file(&plain.metadata, &plain.file);
    match create_new(path, &like) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            create_new(path, &like)
        }
        other => other,
    }
}

fn finish(target: &File, like: &Metadata) -> io::Result<()> {
    target.set_times(FileTimes::new().set_accessed(like.accessed()?).set_modified(like.modified()?))?;
    target.sync_all()
}

/// What there is to say when `to` exists.
fn already(plain: &Plain<'_>, to: &Path, how: &Compressor, worker: &mut Worker) -> Result<Compressed, RotateError> {
    let differ = || RotateError::Differs { path: plain.path.to_owned(), compressed: to.to_owned() };
    let (compressed, metadata) = open_regular(to).map_err(|_| differ())?;
    let same = match (Form::of(&compressed), how) {
        (Form::Gzip, _) => same_content(MultiGzDecoder::new(BufReader::new(&compressed)), &plain.file),
        (Form::Zstd, _) => zstd::Decoder::new(&compressed).and_then(|decoder| same_content(decoder, &plain.file)),
        (Form::Other, Compressor::Command { .. }) => made_again(plain, to, &compressed, how, worker)?,
        (Form::Other, _) => Ok(false),
    };
    // What cannot be decoded is damaged or of another kind, and that is different.
    if !same.unwrap_or(false) {
        return Err(differ());
    }
    plain.is_unchanged()?;
    // Whoever made it may not have come to this.
    compressed.sync_all().map_err(RotateError::file("sync", to))?;
    Ok(Compressed { before: plain.metadata.len(), after: metadata.len(), stderr: String::new() })
}

/// Whether a command makes these very bytes of `plain`: we cannot decode them.
fn made_again(
    plain: &Plain<'_>,
    to: &Path,
    compressed: &File,
    how: &Compressor,
    worker: &mut Worker,
) -> Result<io::Result<bool>, RotateError> {
    let temporary = Family::compressing(to);
    let written = write(plain, &temporary, how, worker);
    let same = written.map(|_| open_regular(&temporary).and_then(|(again, _)| same_content(again, compressed)));
    let _ = fs::remove_file(&temporary); // found and removed by the next run if this fails
    same
}

/// What a file is by its first bytes.
enum Form {
    Gzip,
    Zstd,
    Other,
}

impl Form {
    fn of(file: &File) -> Form {
        let mut magic = [0; 4];
        match file.read_exact_at(&mut magic, 0).map(|()| magic) {
            Ok([0x1f, 0x8b, ..]) => Form::Gzip,
            Ok([0x28, 0xb5, 0x2f, 0xfd]) => Form::Zstd,
            _ => Form::Other,
        }
    }
}

/// The first `limit` bytes of `input` as text; the rest is read and dropped.
fn read_some(mut input: impl Read, limit: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    input.by_ref().take(limit).read_to_end(&mut bytes)?;
    io::copy(&mut input, &mut io::sink())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
