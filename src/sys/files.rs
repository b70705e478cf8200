//! What a file is, apart from its name: identity, space, who writes to it; and renames that never overwrite.

use std::collections::HashSet;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{CWD, OFlags, RenameFlags, SeekFrom};
use serde::{Deserialize, Serialize};

/// What stays when a file is renamed. The system reuses inodes soon after removal; the time of birth tells the new
/// file from the old one, and following also compares content (see `tail`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileId {
    pub device: u64,
    pub inode: u64,
    /// Nanoseconds since the epoch; 0 where the file system does not say.
    pub born: i64,
}

impl FileId {
    pub fn of(metadata: &Metadata) -> FileId {
        let born = metadata.created().map(crate::sys::clock::from_system).unwrap_or(0);
        FileId { device: metadata.dev(), inode: metadata.ino(), born }
    }
}

/// The folder that holds `path`, also for a bare name.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Opens a regular file for reading: no symbolic link in its last place, and no waiting on a FIFO.
pub fn open_regular(path: &Path) -> io::Result<(File, Metadata)> {
    open_with(OpenOptions::new().read(true), path)
}

/// The same, for reading and writing.
pub fn open_regular_for_writing(path: &Path) -> io::Result<(File, Metadata)> {
    open_with(OpenOptions::new().read(true).write(true), path)
}

/// The same, for appending.
pub fn open_regular_for_appending(path: &Path) -> io::Result<File> {
    open_with(OpenOptions::new().append(true).read(true), path).map(|(file, _)| file)
}

fn open_with(options: &mut OpenOptions, path: &Path) -> io::Result<(File, Metadata)> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = options.custom_flags(flags.bits() as i32).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() {
        Ok((file, metadata))
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
    }
}

/// Renames, and fails with `AlreadyExists` where `rename(2)` would silently replace `to`.
pub fn rename_noreplace(from: &Path, to: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        // Some file systems (NFS, FUSE) lack the flag: link + unlink has the same guarantee.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            fs::hard_link(from, to)?;
            fs::remove_file(from)
        }
        Err(e) => Err(e.into()),
    }
}

/// Bytes of a file without what is no content at its beginning: the hole that is there when a writer went on at its old
/// place after somebody emptied the file, and the blank line that a cut leaves (see [`padding_of`]).
pub fn size_without_leading_hole(path: &Path, metadata: &Metadata) -> u64 {
    let has_holes = metadata.is_file() && metadata.blocks() * 512 < metadata.len();
    // A longer file has content in any case.
    let may_be_blank = metadata.is_file() && (1..=PADDING_MAX as u64).contains(&metadata.len());
    if !has_holes && !may_be_blank {
        return metadata.len();
    }
    let Ok((file, _)) = open_regular(path) else { return metadata.len() };
    let hole = if has_holes { rustix::fs::seek(&file, SeekFrom::Data(0)).unwrap_or(0) } else { 0 };
    let padding = if may_be_blank { padding(&file).unwrap_or(0) } else { 0 };
    metadata.len().saturating_sub(hole.max(padding))
}

/// The longest padding, in bytes: the largest block by which a file is cut at its head.
pub const PADDING_MAX: usize = 64 * 1024;

/// Length of the blank line with which a file begins that was cut at its head: spaces and a line feed in the place of
/// what did not fill a block. 0 where there is none.
pub fn padding_of(head: &[u8]) -> usize {
    let blanks = head.iter().take(PADDING_MAX).take_while(|byte| **byte == b' ').count();
    // Before a NUL a line feed is one of UTF-16, and no log in UTF-16 is cut at its head.
    let is_blank_line = head.get(blanks) == Some(&b'\n') && head.get(blanks + 1) != Some(&0);
    if blanks < PADDING_MAX && is_blank_line { blanks + 1 } else { 0 }
}

/// The same, of a file.
pub fn padding(file: &File) -> io::Result<u64> {
    use std::os::unix::fs::FileExt;
    let mut first = [0];
    if file.read_at(&mut first, 0)? == 0 || !matches!(first[0], b' ' | b'\n') {
        return Ok(0);
    }
    let mut head = vec![0; PADDING_MAX];
    let count = file.read_at(&mut head, 0)?;
    Ok(padding_of(&head[..count]) as u64)
}

/// Where the next data of a sparse file begins at or behind `offset`; its end, or `offset`, where that is not known.
pub fn next_data(file: &File, offset: u64) -> u64 {
    match rustix::fs::seek(file, SeekFrom::Data(offset)) {
        Ok(at) => at,
        Err(rustix::io::Errno::NXIO) => file.metadata().map_or(offset, |metadata| metadata.len()),
        Err(_) => offset,
    }
}

/// Whether one of the folders between the first wildcard of `pattern` and the name of `path` is a symbolic link. Whoever
/// may write there could lead us anywhere.
pub fn leads_through_link(pattern: &Path, path: &Path) -> bool {
    let has_wildcard = |part: &std::path::Component<'_>| part.as_os_str().to_string_lossy().contains(['*', '?', '[']);
    let fixed = pattern.components().take_while(|part| !has_wildcard(part)).count();
    let folders = path.components().count().saturating_sub(1);
    (fixed + 1..=folders).any(|count| {
        let folder: std::path::PathBuf = path.components().take(count).collect();
        fs::symlink_metadata(folder).is_ok_and(|metadata| metadata.is_symlink())
    })
}

/// Free and total bytes, for an unprivileged process, of the file system that holds `path`.
pub fn disk_space(path: &Path) -> io::Result<(u64, u64)> {
    let stat = rustix::fs::statvfs(path)?;
    Ok((stat.f_bavail * stat.f_frsize, stat.f_blocks * stat.f_frsize))
}

/// Bytes of all files under `folder`; what vanishes while we look counts as nothing.
pub fn folder_size(folder: &Path) -> u64 {
    let Ok(listing) = fs::read_dir(folder) else { return 0 };
    let size = |item: fs::DirEntry| match item.metadata() {
        Ok(metadata) if metadata.is_dir() => folder_size(&item.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    listing.flatten().map(size).sum()
}

/// The files that processes (this one not counted) have open for writing, as far as we may see: `/proc/PID/fd` of other
/// users' processes is closed to us unless we are root. Looked for at the first question.
#[derive(Debug, Default)]
pub struct Writers(Option<HashSet<FileId>>);

impl Writers {
    pub fn have(&mut self, file: FileId) -> bool {
        let written = || other_processes().flat_map(written_by).collect();
        self.0.get_or_insert_with(written).contains(&file)
    }
}

fn written_by(pid: u32) -> Vec<FileId> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let written = descriptors.filter_map(|fd| {
        let metadata = fs::metadata(fd.path()).ok().filter(Metadata::is_file)?;
        let flags = flags_of(pid, &fd.file_name().to_string_lossy())?;
        (flags & ACCESS_MODE != 0).then(|| FileId::of(&metadata))
    });
    written.collect()
}

/// A process (not this one) that writes to the file without appending, as far as we may see: when the file is emptied
/// it goes on at its old place.
pub fn writer_without_append(id: FileId) -> Option<u32> {
    let appends = OFlags::APPEND.bits();
    other_processes().find(|pid| opened_with(*pid, id, |flags| flags & ACCESS_MODE != 0 && flags & appends == 0))
}

/// The bits of a descriptor's flags that say whether it reads (0), writes (1), or both (2).
const ACCESS_MODE: u32 = 3;

fn other_processes() -> impl Iterator<Item = u32> {
    let own = std::process::id();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(|p| p.file_name().to_str()?.parse::<u32>().ok()).filter(move |pid| *pid != own)
}

/// Whether a process has the file open with flags that suit.
fn opened_with(pid: u32, id: FileId, suit: impl Fn(u32) -> bool) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    descriptors.flatten().any(|fd| {
        fs::metadata(fd.path()).is_ok_and(|m| FileId::of(&m) == id)
            && flags_of(pid, &fd.file_name().to_string_lossy()).is_some_and(&suit)
    })
}

/// Reads the `flags:` line (octal) of a descriptor.
fn flags_of(pid: u32, fd: &str) -> Option<u32> {
    let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{fd}")).ok()?;
    let flags = info.lines().find_map(|l| l.strip_prefix("flags:"))?;
    u32::from_str_radix(flags.trim(), 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rename_never_overwrites() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&a, "a").unwrap();
        fs::write(&b, "b").unwrap();
        assert_eq!(rename_noreplace(&a, &b).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&b).unwrap(), "b");
    }

    #[test]
    fn a_hole_at_the_beginning_does_not_count() {
        use std::io::{Seek, Write};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut file = File::create(&path).unwrap();
        file.seek(std::io::SeekFrom::Start(8 << 20)).unwrap();
        file.write_all(b"line").unwrap();
        file.sync_all().unwrap();
        let size = size_without_leading_hole(&path, &fs::metadata(&path).unwrap());
        assert!((4..1 << 20).contains(&size), "{size}");
    }

    #[test]
    fn links_on_the_way_are_seen_behind_the_first_wildcard() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("logs/demo_a")).unwrap();
        std::os::unix::fs::symlink(at("logs/demo_a"), at("logs/demo_b")).unwrap();
        std::os::unix::fs::symlink(at("logs"), at("link")).unwrap();
        let check = |pattern: &str, path: &str, want: bool| {
            assert_eq!(leads_through_link(&at(pattern), &at(path)), want, "{pattern} {path}");
        };
        check("logs/demo_*/*.log", "logs/demo_a/x.log", false);
        check("logs/demo_*/*.log", "logs/demo_b/x.log", true);
        check("link/demo_*/*.log", "link/demo_a/x.log", false);
        check("*/demo_a/x.log", "link/demo_a/x.log", true);
        check("logs/demo_b/x.log", "logs/demo_b/x.log", false);
    }

    #[test]
    fn links_folders_and_fifos_are_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
        assert!(open_regular(&link).is_err());
        assert!(open_regular(folder.path()).is_err());
        let fifo = folder.path().join("fifo");
        rustix::fs::mknodat(CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert!(open_regular(&fifo).is_err());
    }

    #[test]
    fn padding() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let check = |text: &str, padding: usize| {
            assert_eq!(padding_of(text.as_bytes()), padding, "{text:?}");
            fs::write(&path, text).unwrap();
            let size = size_without_leading_hole(&path, &fs::metadata(&path).unwrap());
            assert_eq!(size, (text.len() - padding) as u64, "{text:?}");
        };
        check("", 0);
        check("\n", 1);
        check("   \n", 4);
        check("   \n  \n", 4);
        check("   \na line\n", 4);
        check("   ", 0);
        check("   a\n", 0);
        check("a\n", 0);
        check(&format!("{}\n", " ".repeat(PADDING_MAX - 1)), PADDING_MAX);
        assert_eq!(padding_of(format!("{}\n", " ".repeat(PADDING_MAX)).as_bytes()), 0);
    }

    #[test]
    fn another_process_with_the_file_open_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "").unwrap();
        let id = FileId::of(&fs::metadata(&path).unwrap());
        assert!(!Writers::default().have(id));
        for appends in [true, false] {
            let output = OpenOptions::new().append(appends).write(true).open(&path).unwrap();
            let mut child = std::process::Command::new("sleep").arg("30").stdout(output).spawn().unwrap();
            assert!(Writers::default().have(id));
            assert_eq!(writer_without_append(id), (!appends).then_some(child.id()));
            child.kill().unwrap();
            child.wait().unwrap();
            assert!(!Writers::default().have(id));
        }
    }
}
