//! An outside compressor: stdin is the plain file, stdout the compressed one, and what it says on stderr is kept.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::Builder;

use rustix::process::{Uid, geteuid, getuid};
use rustix::thread::set_thread_res_uid;

use super::{Plain, read_some};
use crate::rotate::error::RotateError;
use crate::rotate::grammar::reason;

/// Where the command finds the name of the plain file.
const NAME: &str = "LOGROTATE_COMPRESSED_FILENAME";
/// Bytes kept of what it writes to stderr.
const STDERR: u64 = 64 * 1024;

/// Runs it; what it wrote to stderr.
pub(super) fn run(
    program: &str,
    options: &[String],
    run_as: Option<(u32, u32)>,
    plain: &Plain<'_>,
    target: &File,
) -> Result<String, RotateError> {
    let failed =
        |status: String, stderr: String| RotateError::Compression { path: plain.path.to_owned(), status, stderr };
    let started = |error: std::io::Error| {
        let text = format!("error: cannot execute compress command '{program}': {}", reason(&error));
        failed("it could not be started".to_owned(), text)
    };
    let mut command = Command::new(program);
    command.args(options).env(NAME, plain.path).stderr(Stdio::piped());
    command.stdin(plain.file.try_clone().map_err(started)?).stdout(target.try_clone().map_err(started)?);
    if let Some((uid, gid)) = run_as {
        command.uid(uid).gid(gid);
    }
    let (status, stderr) = wait(&mut command, run_as.is_some()).map_err(started)?;
    let written = target.metadata().map_err(started)?.len();
    match status.success() {
        // A compressor that says nothing of a file that has something has lost it.
        true if written > 0 || plain.metadata.len() == 0 => Ok(stderr),
        true => Err(failed(format!("{program} wrote nothing"), stderr)),
        false => Err(failed(status.to_string(), stderr)),
    }
}

fn wait(command: &mut Command, becomes_another: bool) -> std::io::Result<(ExitStatus, String)> {
    // Only root may become another user for good. A thread that has put that off for a while takes it back, in a thread
    // of its own.
    let take_back = becomes_another && getuid().is_root() && !geteuid().is_root();
    let mut child = match take_back {
        false => command.spawn()?,
        true => std::thread::scope(|scope| {
            let spawn = || {
                set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT)?;
                command.spawn()
            };
            Builder::new()
                .spawn_scoped(scope, spawn)?
                .join()
                .unwrap_or_else(|_| Err(std::io::Error::other("the thread died")))
        })?,
    };
    let stderr = child.stderr.take().map_or(Ok(String::new()), |pipe| read_some(pipe, STDERR));
    let status = child.wait()?;
    Ok((status, stderr?))
}
