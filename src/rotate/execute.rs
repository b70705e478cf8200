//! Does one planned step, durably, and decides nothing.

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, fchown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::compress::compress;
use super::cut::{copy_and_truncate, copy_only};
use super::error::RotateError;
use super::plan::Action;
use super::policy::ScriptKind;
use crate::sys::atomic::sync_folder_of;
use crate::sys::files::rename_noreplace;
use crate::sys::process::kill_group;
use crate::sys::units::Span;

/// Does `action`; when it returns, the change survives a power cut.
pub fn execute(action: &Action) -> Result<(), RotateError> {
    match action {
        Action::Rename { from, to } => rename(from, to)?,
        Action::Copy { from, to } => copy_only(from, to)?,
        Action::CopyTruncate { log, to, id } => copy_and_truncate(log, to, *id)?,
        Action::Create { path, mode, uid, gid } => create(path, *mode, *uid, *gid)?,
        Action::Compress { from, to } => compress(from, to, || ()).map(drop)?,
        Action::Remove { path } => {
            fs::remove_file(path).map_err(RotateError::file("remove", path))?;
            sync(path)?;
        }
        Action::Script { kind, text, args } => script(*kind, text, args)?,
    }
    Ok(())
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
        match fchown(&file, Some(uid), Some(gid)) {
            // Only root may give files away; the log is ours then, with the mode that was asked for.
            Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {}
            other => other?,
        }
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

/// A script that takes longer is killed, with what it started: rotation of all other logs waits for it.
const SCRIPT_LIMIT: Duration = Duration::from_secs(15 * 60);

fn script(kind: ScriptKind, text: &str, args: &[String]) -> Result<(), RotateError> {
    run_script(text, args, SCRIPT_LIMIT).map_err(|status| RotateError::Script { kind, status })
}

/// The error is what became of it.
fn run_script(text: &str, args: &[String], limit: Duration) -> Result<(), String> {
    let mut command = Command::new("sh");
    command.arg("-c").arg(text).arg("logrotate_script").args(args).process_group(0);
    let mut child = command.spawn().map_err(|e| format!("cannot start sh: {e}"))?;
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(status.to_string()),
            Ok(None) if begun.elapsed() < limit => std::thread::sleep(Duration::from_millis(5)),
            Ok(None) => {
                kill_group(&child);
                let _ = child.wait();
                return Err(format!("it took longer than {} and was killed", Span(limit)));
            }
            Err(e) => return Err(format!("cannot wait for sh: {e}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_end_or_are_ended() {
        let run = |text: &str, limit| run_script(text, &["a b".to_owned()], Duration::from_millis(limit));
        assert_eq!(run("test \"$1\" = 'a b'", 10_000), Ok(()));
        assert_eq!(run("exit 3", 10_000), Err("exit status: 3".to_owned()));
        let begun = Instant::now();
        assert!(run("sleep 100 & sleep 100", 50).unwrap_err().contains("longer than"));
        assert!(begun.elapsed() < Duration::from_secs(50));
    }
}
