//! Does one planned step, durably, and decides nothing. What compressing and cutting are stands in their own files.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::compress::{Compressed, Compressor, compress, compress_all};
use super::create::{Like, create_new};
use super::cut::{Cut, copy_and_truncate, copy_only};
use super::error::RotateError;
use super::names::Family;
use super::plan::Action;
use super::policy::{ScriptKind, Section, Settings};
use crate::sys::files::{open_regular, open_regular_for_writing, rename_noreplace};
use crate::sys::process::kill_group;
use crate::sys::units::Span;
use crate::sys::user::Role;

/// What a step came to, where that is worth telling.
#[derive(Debug)]
pub(super) enum Done {
    Plain,
    Cut(Cut),
    Compressed(Compressed),
    Removed { mailed: bool },
    Mailed,
}

/// For whom steps are done, and with what.
pub(super) struct Executor<'a> {
    pub section: &'a Section,
    pub mail_command: &'a str,
    /// Scripts that take longer are killed, with what they started.
    pub script_limit: Option<Duration>,
    /// Scripts and mail run as ourselves, whatever `su` says.
    pub role: Role,
    /// Compressions that were done together, ahead of their steps, by the plain file.
    pub compressed: BTreeMap<PathBuf, Result<Compressed, RotateError>>,
    /// What the last step has to say although it went on.
    pub told: Vec<String>,
}

impl<'a> Executor<'a> {
    pub fn new(
        section: &'a Section,
        mail_command: &'a str,
        script_limit: Option<Duration>,
        role: Role,
    ) -> Executor<'a> {
        Executor { section, mail_command, script_limit, role, compressed: BTreeMap::new(), told: Vec::new() }
    }

    /// Does `action`. No name that content depends on is lost with the power: what copies or compresses makes its work
    /// durable before anything is removed, and file systems keep renames in order. Compressing leaves the plain file, which is
    /// removed when everybody who should knows of the compressed one.
    pub fn execute(&mut self, log: &Path, action: &Action) -> Result<Done, RotateError> {
        self.told.clear();
        match action {
            Action::Rename { from, to } => rename(from, to).map_err(|error| match error {
                RotateError::Rename { from, to, source } if from == log => RotateError::Take { log: from, to, source },
                other => other,
            })?,
            Action::Copy { from, to } => copy_only(from, to)?,
            Action::CopyTruncate { log, to, id } => return copy_and_truncate(log, to, *id).map(Done::Cut),
            Action::Create { path, mode, uid, gid, like } => create(path, *mode, *uid, *gid, like.as_deref())?,
            Action::Compress { from, to } => return self.compress(from, to).map(Done::Compressed),
            Action::RemoveCopy { path } => drop(remove(path)?),
            Action::Mail { path } => {
                self.mail(log, path)?;
                return Ok(Done::Mailed);
            }
            Action::Remove { path, mail } => {
                if *mail {
                    self.mail(log, path)?;
                }
                self.remove(path)?;
                return Ok(Done::Removed { mailed: *mail });
            }
        }
        Ok(Done::Plain)
    }

    fn compress(&mut self, from: &Path, to: &Path) -> Result<Compressed, RotateError> {
        let settings = &self.section.settings;
        let how = compressor(settings);
        if fs::symlink_metadata(from).is_ok_and(|metadata| !self.may_touch(&metadata)) {
            return Err(RotateError::OpenPlain { path: from.to_owned(), source: shared_with_others() });
        }
        match self.compressed.remove(from).unwrap_or_else(|| compress(from, to, &how)) {
            // Something else has the name. It is kept under another one, as logrotate does.
            Err(RotateError::Differs { .. }) => {
                let backup = Family::backup(to, &chrono::Local::now());
                let text = format!("destination {} already exists, renaming to {}", to.display(), backup.display());
                self.told.push(text);
                rename(to, &backup)?;
                compress(from, to, &how)
            }
            other => other,
        }
    }

    /// A file with another name may be somebody else's: its content is neither read as ours nor destroyed.
    fn may_touch(&self, metadata: &fs::Metadata) -> bool {
        metadata.nlink() == 1 || self.section.settings.allow_hard_link
    }

    /// Compresses many files at once, so that the steps of `jobs` (from, to) find it done.
    pub fn compress_ahead(&mut self, mut jobs: Vec<(PathBuf, PathBuf)>) {
        jobs.retain(|(from, _)| fs::symlink_metadata(from).is_ok_and(|metadata| self.may_touch(&metadata)));
        let settings = &self.section.settings;
        let how = compressor(settings);
        let results = compress_all(&jobs, &how);
        self.compressed = jobs.into_iter().map(|(from, _)| from).zip(results).collect();
    }

    /// Removes a generation for good, once `preremove` agrees.
    pub fn remove(&mut self, path: &Path) -> Result<(), RotateError> {
        if let Some(text) = self.section.script(ScriptKind::Preremove) {
            let args = [path.to_string_lossy().into_owned()];
            self.run(text, &args).map_err(|status| RotateError::Script {
                text: format!(
                    "error running preremove script for {} of '{}'. Not removing this file.",
                    path.display(),
                    self.section.head
                ),
                status,
            })?;
        }
        if self.section.settings.shred {
            self.shred(path)?;
        }
        if !remove(path)? {
            self.told.push(format!("error unlinking log file {}: No such file or directory", path.display()));
        }
        Ok(())
    }

    /// Overwrites the content. A shred that fails is told, and the file goes all the same, as in logrotate.
    fn shred(&self, path: &Path) -> Result<(), RotateError> {
        let (file, metadata) = open_regular_for_writing(path).map_err(RotateError::file("open", path))?;
        if !self.may_touch(&metadata) {
            return Err(RotateError::File { doing: "open", path: path.to_owned(), source: shared_with_others() });
        }
        let mut command = Command::new("shred");
        command.arg("-u");
        if self.section.settings.shred_cycles > 0 {
            command.args(["-n", &self.section.settings.shred_cycles.to_string()]);
        }
        let status = command.arg("-").stdin(Stdio::null()).stdout(file).status();
        if !status.as_ref().is_ok_and(ExitStatus::success) {
            tracing::warn!(path = %path.display(), ?status, "Failed to shred; it is removed without");
        }
        Ok(())
    }

    /// Mails `path`, or its compressed form when that is there, in plain text.
    fn mail(&mut self, log: &Path, path: &Path) -> Result<(), RotateError> {
        let settings = &self.section.settings;
        let Some(address) = settings.mail.as_deref() else { return Ok(()) };
        let family = Family::of(log, settings);
        let packed = family.compressed(path);
        let path = if packed.exists() { &packed } else { path };
        let is_packed = settings.compress && path.as_os_str().to_string_lossy().ends_with(&settings.compress_ext);
        let subject = if is_packed && settings.mail_first { log } else { path };
        let (file, _) = open_regular(path).map_err(RotateError::file("open for mailing", path))?;
        let (mut uncompress, input): (Option<Child>, Stdio) = if is_packed {
            let failed = |e: std::io::Error| RotateError::Uncompress { path: path.to_owned(), status: e.to_string() };
            let mut child = Command::new(&settings.uncompress_command)
                .stdin(file)
                .stdout(Stdio::piped())
                .spawn()
                .map_err(failed)?;
            let output = child.stdout.take().map_or_else(Stdio::null, Stdio::from);
            (Some(child), output)
        } else {
            (None, Stdio::from(file))
        };
        let mut command = Command::new(self.mail_command);
        command.arg("-s").arg(subject).arg(address).stdin(input).stdout(Stdio::null());
        let mailed = self.role.pause(|| command.status());
        // Its end of the pipe goes with it, so that an uncompressor nobody listens to ends.
        drop(command);
        let unpacked = uncompress.as_mut().map(Child::wait);
        let status = match mailed {
            Ok(Ok(status)) if status.success() => None,
            Ok(Ok(status)) => Some(status.to_string()),
            Ok(Err(error)) | Err(error) => Some(error.to_string()),
        };
        if let Some(status) = status {
            return Err(RotateError::Mail { path: path.to_owned(), status });
        }
        match unpacked {
            None => Ok(()),
            Some(Ok(status)) if status.success() => Ok(()),
            Some(status) => {
                let status = status.map_or_else(|e| e.to_string(), |status| status.to_string());
                Err(RotateError::Uncompress { path: path.to_owned(), status })
            }
        }
    }

    /// Runs a script as ourselves. The error is what became of it.
    pub fn run(&mut self, text: &str, args: &[String]) -> Result<(), String> {
        let limit = self.script_limit;
        self.role.pause(|| run_script(text, args, limit)).map_err(|e| e.to_string())?
    }
}

/// A program that compresses under `su` gives up what we are for good, as with logrotate.
fn compressor(settings: &Settings) -> Compressor {
    Compressor::of(&settings.compress_command, &settings.compress_options, settings.su)
}

fn rename(from: &Path, to: &Path) -> Result<(), RotateError> {
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::AlreadyExists => RotateError::Exists { path: to.to_owned() },
        _ => RotateError::Rename { from: from.to_owned(), to: to.to_owned(), source },
    };
    rename_noreplace(from, to).map_err(failed)
}

/// False when somebody else did it before.
fn remove(path: &Path) -> Result<bool, RotateError> {
    match fs::remove_file(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
        other => other.map(|()| true).map_err(RotateError::file("remove", path)),
    }
}

fn create(path: &Path, mode: u32, uid: u32, gid: u32, like: Option<&Path>) -> Result<(), RotateError> {
    let like = like.and_then(|like| open_regular(like).ok()).map(|(file, _)| file);
    match create_new(path, &Like { mode, uid, gid, file: like.as_ref() }) {
        // The writer was faster and made its own new log: nothing is left to do.
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map(drop).map_err(RotateError::file("create", path)),
    }
}

fn shared_with_others() -> std::io::Error {
    std::io::Error::from_raw_os_error(rustix::io::Errno::OPNOTSUPP.raw_os_error())
}

fn run_script(text: &str, args: &[String], limit: Option<Duration>) -> Result<(), String> {
    let mut command = Command::new("sh");
    command.arg("-c").arg(text).arg("logrotate_script").args(args);
    let failed = |e: std::io::Error| format!("cannot run sh: {e}");
    let ended = |status: ExitStatus| if status.success() { Ok(()) } else { Err(status.to_string()) };
    let Some(limit) = limit else {
        return command.status().map_err(failed).and_then(ended);
    };
    let mut child = command.process_group(0).spawn().map_err(failed)?;
    let begun = Instant::now();
    loop {
        match child.try_wait().map_err(failed)? {
            Some(status) => return ended(status),
            None if begun.elapsed() < limit => std::thread::sleep(Duration::from_millis(5)),
            None => {
                kill_group(&child);
                let _ = child.wait();
                return Err(format!("it took longer than {} and was killed", Span(limit)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_end_or_are_ended() {
        let run = |text: &str, limit| run_script(text, &["a b".to_owned()], Some(Duration::from_millis(limit)));
        assert_eq!(run("test \"$1\" = 'a b'", 10_000), Ok(()));
        assert_eq!(run("exit 3", 10_000), Err("exit status: 3".to_owned()));
        assert_eq!(run_script("exit 3", &[], None), Err("exit status: 3".to_owned()));
        let begun = Instant::now();
        assert!(run("sleep 100 & sleep 100", 50).unwrap_err().contains("longer than"));
        assert!(begun.elapsed() < Duration::from_secs(50));
    }
}
