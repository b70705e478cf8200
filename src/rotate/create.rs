//! New files with the rights of old ones: owner, mode, access lists, security label.

use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

/// What a new file is to be like.
pub(super) struct Like<'a> {
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Where the rights come from that a mode cannot say.
    pub file: Option<&'a File>,
}

impl<'a> Like<'a> {
    pub fn file(metadata: &Metadata, file: &'a File) -> Like<'a> {
        Like { mode: metadata.mode() & 0o777, uid: metadata.uid(), gid: metadata.gid(), file: Some(file) }
    }
}

/// Access lists, and what SELinux goes by.
const ATTRIBUTES: &[&str] = &[ACCESS_LIST, "security.selinux"];
const ACCESS_LIST: &str = "system.posix_acl_access";
/// Bytes; a list of access rights that is longer is not copied.
const LONGEST_ATTRIBUTE: usize = 64 * 1024;

/// Creates `path`, which must not exist; no link is followed.
pub(super) fn create_new(path: &Path, like: &Like<'_>) -> io::Result<File> {
    // Closed to others until it has its owner.
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (like.uid, like.gid) {
        match fchown(&file, Some(like.uid), Some(like.gid)) {
            // Only root may give files away; then the file is ours, with the same mode.
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {}
            other => other?,
        }
    }
    if let Some(from) = like.file {
        ATTRIBUTES.iter().try_for_each(|name| copy_attribute(from, &file, name))?;
    }
    // After the change of owner, which clears bits, and whatever the umask is.
    file.set_permissions(Permissions::from_mode(like.mode))?;
    Ok(file)
}

fn copy_attribute(from: &File, to: &File, name: &str) -> io::Result<()> {
    use rustix::io::Errno;
    // Most files have none, and that is cheap to know.
    let length = match rustix::fs::fgetxattr_query(from, name) {
        Ok(length) => length,
        Err(Errno::NODATA) if name == ACCESS_LIST => {
            remove_access_list(to);
            return Ok(());
        }
        Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS) => return Ok(()),
        Err(e) => return Err(e.into()),
    };
    if length > LONGEST_ATTRIBUTE {
        return Ok(());
    }
    let mut value = vec![0u8; length];
    let length = rustix::fs::fgetxattr(from, name, &mut value[..])?;
    match rustix::fs::fsetxattr(to, name, &value[..length], rustix::fs::XattrFlags::empty()) {
        // A label needs a right of its own, and where it cannot be set the system sets its default.
        Ok(()) | Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::PERM | Errno::ACCESS) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

/// A folder may give one to all files that are made in it. Where there are none, there is none to remove.
fn remove_access_list(file: &File) {
    let _ = rustix::fs::fremovexattr(file, ACCESS_LIST);
}
