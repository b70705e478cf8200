//! gzip in independent members of 512 KiB: every gzip tool reads it, and one line can be read from its middle.
//! The plain file goes only when its compressed form is complete and durable.

use std::fs::{self, File, FileTimes};
use std::io::{self, BufReader, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::cut::{create_like, fill, same_content};
use super::error::RotateError;
use super::names::Family;
use crate::sys::atomic::sync_folder_of;
use crate::sys::files::{open_regular, rename_noreplace};

/// Bytes of plain text a member holds.
pub const MEMBER: usize = 512 * 1024;
const LEVEL: u32 = 6;

/// Sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compressed {
    pub before: u64,
    pub after: u64,
}

/// Compresses `from` to `to` and removes `from`. If `to` exists (a crash came before the removal) and has the
/// same content, only the removal is left to do; if it differs both stay. `named` is called when `to` is whole and
/// `from` still there: a reader must learn that they are the same before it misses `from`.
pub fn compress(from: &Path, to: &Path, named: impl FnOnce()) -> Result<Compressed, RotateError> {
    let (source, metadata) = open_regular(from).map_err(RotateError::file("open", from))?;
    let before = metadata.len();
    if fs::symlink_metadata(to).is_ok() {
        if !decompresses_to(to, source) {
            return Err(RotateError::Differs { path: from.to_owned(), compressed: to.to_owned() });
        }
    } else {
        write(&source, &metadata, to)?;
        // Somebody appended while we read: what we have is only its head.
        let now = fs::symlink_metadata(from).map_err(RotateError::file("look at", from))?;
        if now.len() != before || now.modified().ok() != metadata.modified().ok() {
            fs::remove_file(to).map_err(RotateError::file("remove", to))?;
            return Err(RotateError::Changed { path: from.to_owned() });
        }
    }
    named();
    fs::remove_file(from).map_err(RotateError::file("remove", from))?;
    sync_folder_of(from).map_err(RotateError::file("sync the folder of", from))?;
    let after = fs::metadata(to).map_or(0, |m| m.len());
    Ok(Compressed { before, after })
}

/// Whether `compressed` is whole and holds exactly the bytes of `plain`.
fn decompresses_to(compressed: &Path, plain: File) -> bool {
    let Ok((file, _)) = open_regular(compressed) else { return false };
    same_content(MultiGzDecoder::new(BufReader::new(file)), plain).unwrap_or(false)
}

fn write(source: &File, metadata: &fs::Metadata, to: &Path) -> Result<(), RotateError> {
    let temporary = Family::compressing(to);
    let _ = fs::remove_file(&temporary); // of an interrupted run; the plain file still has it all
    let written = create_like(&temporary, metadata).and_then(|file| write_members(source, file, metadata));
    let named = written
        .map_err(RotateError::file("compress to", &temporary))
        .and_then(|()| rename_noreplace(&temporary, to).map_err(RotateError::file("rename a compressed file to", to)));
    if named.is_err() {
        let _ = fs::remove_file(&temporary); // the disk may be full of it
    }
    named?;
    sync_folder_of(to).map_err(RotateError::file("sync the folder of", to))
}

fn write_members(mut source: &File, mut file: File, metadata: &fs::Metadata) -> io::Result<()> {
    let mut plain = vec![0; MEMBER];
    let mut first = true;
    loop {
        let n = fill(&mut source, &mut plain)?;
        // An empty file still is one member: nothing at all would not be gzip.
        if n == 0 && !first {
            break;
        }
        first = false;
        let mut member = GzEncoder::new(Vec::new(), Compression::new(LEVEL));
        member.write_all(&plain[..n])?;
        file.write_all(&member.finish()?)?;
    }
    let times = FileTimes::new().set_accessed(metadata.accessed()?).set_modified(metadata.modified()?);
    file.set_times(times)?;
    file.sync_all()
}
