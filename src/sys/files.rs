//! What a file is, apart from its name: identity, space, who writes to it; and renames that never overwrite.

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

/// Opens a regular file for reading: no symbolic link in its last place, and no waiting on a FIFO.
pub fn open_regular(path: &Path) -> io::Result<(File, Metadata)> {
    open_with(OpenOptions::new().read(true), path)
}

/// The same, for reading and writing.
pub fn open_regular_for_writing(path: &Path) -> io::Result<(File, Metadata)> {
    open_with(OpenOptions::new().read(true).write(true), path)
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

/// Bytes of a file without the hole at its beginning, which is there when a writer went on at its old place after
/// somebody emptied the file.
pub fn size_without_leading_hole(path: &Path, metadata: &Metadata) -> u64 {
    let has_holes = metadata.is_file() && metadata.blocks() * 512 < metadata.len();
    if !has_holes {
        return metadata.len();
    }
    let data = open_regular(path).ok().and_then(|(file, _)| rustix::fs::seek(file, SeekFrom::Data(0)).ok());
    metadata.len().saturating_sub(data.unwrap_or(0))
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

/// Whether some process (this one not counted) has the file open for writing, as far as we may see:
/// `/proc/PID/fd` of other users' processes is closed to us unless we are root.
pub fn has_writer(id: FileId) -> bool {
    let Ok(processes) = fs::read_dir("/proc") else { return false };
    let own = std::process::id();
    processes
        .flatten()
        .filter_map(|p| p.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| *pid != own)
        .any(|pid| writes(pid, id))
}

fn writes(pid: u32, id: FileId) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    descriptors.flatten().any(|fd| {
        fs::metadata(fd.path()).is_ok_and(|m| FileId::of(&m) == id)
            && opened_for_writing(pid, &fd.file_name().to_string_lossy())
    })
}

/// Reads the `flags:` line (octal, access mode in the two low bits) of a descriptor.
fn opened_for_writing(pid: u32, fd: &str) -> bool {
    let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{fd}")).unwrap_or_default();
    let flags = info.lines().find_map(|l| l.strip_prefix("flags:"));
    flags.and_then(|f| u32::from_str_radix(f.trim(), 8).ok()).is_some_and(|f| f & 3 != 0)
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
    fn another_process_with_the_file_open_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "").unwrap();
        let id = FileId::of(&fs::metadata(&path).unwrap());
        assert!(!has_writer(id));
        let output = OpenOptions::new().append(true).open(&path).unwrap();
        let mut child = std::process::Command::new("sleep").arg("30").stdout(output).spawn().unwrap();
        assert!(has_writer(id));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!has_writer(id));
    }
}
