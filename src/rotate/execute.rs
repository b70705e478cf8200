//! Does one planned step, durably, and decides nothing.

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;
use std::process::Command;

use super::compress::{Compressed, compress};
use super::cut::{copy_and_truncate, copy_only};
use super::error::RotateError;
use super::plan::Action;
use super::policy::ScriptKind;
use crate::sys::atomic::sync_folder_of;
use crate::sys::files::rename_noreplace;

/// Does `action`; when it returns, the change survives a power cut. Compressing tells the sizes.
pub fn execute(action: &Action) -> Result<Option<Compressed>, RotateError> {
    match action {
        Action::Rename { from, to } => rename(from, to)?,
        Action::Copy { from, to } => copy_only(from, to)?,
        Action::CopyTruncate { log, to } => copy_and_truncate(log, to)?,
        Action::Create { path, mode, uid, gid } => create(path, *mode, *uid, *gid)?,
        Action::Truncate { log } => truncate(log)?,
        Action::Compress { from, to } => return compress(from, to).map(Some),
        Action::Remove { path } => {
            fs::remove_file(path).map_err(RotateError::file("remove", path))?;
            sync(path)?;
        }
        Action::Script { kind, text, args } => script(*kind, text, args)?,
    }
    Ok(None)
}

fn sync(path: &Path) -> Result<(), RotateError> {
    sync_folder_of(path).map_err(RotateError::file("sync the folder of", path))
}

fn rename(from: &Path, to: &Path) -> Result<(), RotateError> {
    rename_noreplace(from, to).map_err(RotateError::file("rename to", to))?;
    sync(to)?;
    if from.parent() == to.parent() { Ok(()) } else { sync(from) }
}

fn create(path: &Path, mode: u32, uid: u32, gid: u32) -> Result<(), RotateError> {
    let open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let made = open.and_then(|file| {
        fchown(&file, Some(uid), Some(gid))?;
        // After the change of owner, which clears bits, and whatever the umask is.
        file.set_permissions(Permissions::from_mode(mode))
    });
    match made {
        // The writer was faster and made its own new log: nothing is left to do.
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map_err(RotateError::file("create", path)),
    }?;
    sync(path)
}

fn truncate(log: &Path) -> Result<(), RotateError> {
    let flags = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
    let file = OpenOptions::new().write(true).custom_flags(flags).open(log);
    file.and_then(|f| f.set_len(0)).map_err(RotateError::file("truncate", log))
}

fn script(kind: ScriptKind, text: &str, args: &[String]) -> Result<(), RotateError> {
    let status = Command::new("sh").arg("-c").arg(text).arg("logrotate_script").args(args).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(RotateError::Script { kind, status: status.to_string() }),
        Err(e) => Err(RotateError::Script { kind, status: format!("cannot start sh: {e}") }),
    }
}
