//! The logs of a section that are due, rotated in logrotate's order: firstaction; for each log, or for all together
//! with sharedscripts, prerotate, the steps that take the content, postrotate, and compression, mail and removal;
//! lastaction.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::cut;
use super::due::Reason;
use super::error::RotateError;
use super::event::{Level, What};
use super::execute::{Done, Executor};
use super::names::Family;
use super::plan::{Action, Listed, Plan, plan};
use super::policy::{Method, ScriptKind, Section};
use super::rotator::{Rotator, Tick};
use crate::sys::files::open_regular_for_writing;

/// A log that is due.
pub(super) struct Due {
    pub log: PathBuf,
    pub found: Listed,
    pub reason: Reason,
}

/// A section at work.
pub(super) struct Set<'a> {
    pub section: &'a Section,
    pub executor: Executor<'a>,
    pub ready: Vec<Due>,
    /// A new generation, and when its content was written last, nanoseconds since the epoch.
    pub as_old: Option<(PathBuf, i64)>,
}

/// A log with what will be done to it.
struct Planned {
    due: Due,
    plan: Plan,
}

impl Rotator {
    /// firstaction, the logs with their scripts unless they are `held`, lastaction.
    pub(super) fn rotate_set(&mut self, set: &mut Set<'_>, held: bool, tick: &mut Tick<'_>) {
        let ready = std::mem::take(&mut set.ready);
        let ready: Vec<Due> = ready.into_iter().filter(|due| self.may_cut(set.section, due, tick)).collect();
        if ready.is_empty() {
            return;
        }
        let head = [set.section.head.clone()];
        let first = ready[0].log.clone();
        if !self.script(set, ScriptKind::First, &first, &head, tick) {
            return;
        }
        if held {
            tick.note(format_args!("not rotating any, because of the errors above"));
        } else if set.section.settings.shared_scripts || is_silent(set.section) {
            self.group(set, ready, tick);
        } else {
            ready.into_iter().for_each(|due| self.group(set, vec![due], tick));
        }
        self.script(set, ScriptKind::Last, &first, &head, tick);
    }

    /// Rotates the logs that share their scripts: all of a section, or one.
    fn group(&mut self, set: &mut Set<'_>, group: Vec<Due>, tick: &mut Tick<'_>) {
        let shared = set.section.settings.shared_scripts;
        let Some(mut planned) = self.prepare(set, group, tick) else { return };
        let mut all_done = true;
        planned.retain(|planned| {
            let done = self.make_room(set, planned, tick);
            all_done &= done;
            done
        });
        let Some(first) = planned.first() else { return };
        let log = first.due.log.clone();
        let name = if shared { set.section.head.clone() } else { log.to_string_lossy().into_owned() };
        // What was made room for will not come: tried again and again, it would push all generations out.
        let may_go_on = !shared || all_done;
        if !may_go_on || !self.script(set, ScriptKind::Pre, &log, std::slice::from_ref(&name), tick) {
            planned.iter().for_each(|planned| self.undo(set, planned, planned.plan.before.len(), tick));
            return;
        }
        planned.retain(|planned| {
            let done = (all_done || !shared) && self.take(set, planned, tick);
            all_done &= done;
            done
        });
        if planned.is_empty() || (shared && !all_done) {
            return;
        }
        let target = planned[0].plan.target.to_string_lossy().into_owned();
        let args = if shared { vec![name] } else { vec![name, target] };
        if !self.script(set, ScriptKind::Post, &log, &args, tick) {
            tick.spared.extend(planned.into_iter().map(|planned| planned.due.log));
            return;
        }
        self.compress_ahead(set, &planned, tick);
        for planned in planned {
            if !self.finish(set, &planned, tick) && shared {
                return;
            }
        }
    }

    /// Compresses the new generations of several logs together.
    fn compress_ahead(&mut self, set: &mut Set<'_>, group: &[Planned], tick: &mut Tick<'_>) {
        if group.len() < 2 || self.options.dry {
            return;
        }
        let mut jobs = Vec::new();
        for Planned { due, plan } in group {
            for action in &plan.after {
                if let Action::Compress { from, to } = action
                    && !tick.spared.contains(&due.log)
                    && from.exists()
                    && self.obstacle(set.section, &due.log, action, tick).is_none()
                {
                    jobs.push((from.clone(), to.clone()));
                }
            }
        }
        set.executor.compress_ahead(jobs);
    }

    /// Plans every log; `None` when one that cannot be rotated keeps the others from it.
    fn prepare(&mut self, set: &mut Set<'_>, group: Vec<Due>, tick: &mut Tick<'_>) -> Option<Vec<Planned>> {
        let mut planned = Vec::new();
        for due in group {
            let count = set.section.kept_text();
            tick.note(format_args!("rotating log {}, log->rotateCount is {count}", due.log.display()));
            match self.plan_one(set, &due.log, tick) {
                Ok(Some(plan)) => planned.push(Planned { due, plan }),
                // What it waits for was told.
                Ok(None) if !set.section.settings.shared_scripts => {}
                Ok(None) => return None,
                Err(error) => {
                    self.give_up(&due.log, &error, tick);
                    if set.section.settings.shared_scripts {
                        return None;
                    }
                }
            }
        }
        Some(planned)
    }

    /// `None` when the rotation has to wait for the reader.
    fn plan_one(&mut self, set: &mut Set<'_>, log: &Path, tick: &mut Tick<'_>) -> Result<Option<Plan>, RotateError> {
        let now = tick.now;
        let wish = plan(set.section, log, tick.folders.around(set.section, log)?, &BTreeSet::new(), &now)?;
        let has_leftovers = wish.before.iter().any(|action| matches!(action, Action::Compress { .. }));
        let plan = if has_leftovers && !self.options.dry {
            let locked = self.compress_leftovers(set, log, &wish.before, tick)?;
            plan(set.section, log, tick.folders.around(set.section, log)?, &locked, &now)?
        } else {
            wish
        };
        let removals = plan.before.iter().filter(|action| matches!(action, Action::Remove { .. }));
        for action in removals {
            if let Some(why) = self.obstacle(set.section, log, action, tick) {
                self.wait(tick, log, action, why);
                tick.spared.insert(log.to_owned());
                return Ok(None);
            }
        }
        Ok(Some(plan))
    }

    /// Compresses what was left plain; what has to stay plain for now. With delaycompress a failure keeps the log from
    /// being rotated, as in logrotate.
    fn compress_leftovers(
        &mut self,
        set: &mut Set<'_>,
        log: &Path,
        before: &[Action],
        tick: &mut Tick<'_>,
    ) -> Result<BTreeSet<PathBuf>, RotateError> {
        let mut locked = BTreeSet::new();
        for action in before {
            let Action::Compress { from, .. } = action else { continue };
            if self.obstacle(set.section, log, action, tick).is_some() {
                locked.insert(from.clone());
                continue;
            }
            match self.step(set, log, action, tick) {
                Ok(_) => {}
                Err(error) if set.section.settings.delay_compress => return Err(error),
                Err(error) => {
                    self.fail(tick, log, from, &error);
                    locked.insert(from.clone());
                }
            }
        }
        Ok(locked)
    }

    /// Does what comes before the log is touched; whether that worked.
    fn make_room(&mut self, set: &mut Set<'_>, planned: &Planned, tick: &mut Tick<'_>) -> bool {
        let Planned { due, plan } = planned;
        for (number, action) in plan.before.iter().enumerate() {
            if let Err(error) = self.step(set, &due.log, action, tick) {
                self.undo(set, planned, number, tick);
                self.give_up(&due.log, &error, tick);
                return false;
            }
        }
        true
    }

    /// Takes the content out of the log; whether it was done. When a step fails before the content moved, what made room
    /// for it is undone.
    fn take(&mut self, set: &mut Set<'_>, planned: &Planned, tick: &mut Tick<'_>) -> bool {
        let Planned { due, plan } = planned;
        let mut cut = None;
        for (number, action) in plan.take.iter().enumerate() {
            match self.step(set, &due.log, action, tick) {
                Ok(Done::Cut(how)) => cut = Some(how),
                Ok(_) => {}
                // What was to be moved has moved; the writer may go on as it can.
                Err(error) if number > 0 => {
                    self.fail(tick, &due.log, &due.log, &error);
                    tick.spared.insert(due.log.clone());
                }
                Err(error) => {
                    // The hidden copy may be the only place of what was in the log: the name it waits for is free, and
                    // the next tick gives it.
                    let waits = matches!(action, Action::CopyTruncate { to, .. } if Family::cutting(to).exists());
                    if !waits {
                        self.undo(set, planned, plan.before.len(), tick);
                    }
                    self.give_up(&due.log, &error, tick);
                    return false;
                }
            }
        }
        if self.options.dry {
            return true;
        }
        let method = set.section.settings.method();
        let (to, reason) = (plan.target.clone(), due.reason.to_string());
        tick.event(&due.log, What::Rotated { to, reason, method, cut });
        // The state is ours, whoever owns the log.
        let (state, time) = (&mut *tick.state, tick.now.naive_local());
        let stamped = set.executor.role.pause(|| state.stamp(&due.log, time));
        let failed = |source| RotateError::File { doing: "become ourselves again for", path: due.log.clone(), source };
        if let Err(error) = stamped.map_err(failed).and_then(|stamped| stamped) {
            self.fail(tick, &due.log, &due.log, &error);
        }
        true
    }

    /// Gives generations back the names they had before the first `done` steps.
    fn undo(&mut self, set: &mut Set<'_>, planned: &Planned, done: usize, tick: &mut Tick<'_>) {
        for action in planned.plan.before[..done].iter().rev() {
            let Action::Rename { from, to } = action else { continue };
            let back = Action::Rename { from: to.clone(), to: from.clone() };
            if let Err(error) = self.step(set, &planned.due.log, &back, tick) {
                tracing::error!(%error, "a generation keeps the name it was to get");
            }
        }
    }

    /// Compresses, mails and removes, as far as that may be done now; false when something failed.
    fn finish(&mut self, set: &mut Set<'_>, planned: &Planned, tick: &mut Tick<'_>) -> bool {
        let Planned { due, plan } = planned;
        let log = &due.log;
        if tick.spared.contains(log) {
            return false;
        }
        set.as_old = Some((plan.target.clone(), due.found.mtime));
        for action in &plan.after {
            if let Some(why) = self.obstacle(set.section, log, action, tick) {
                self.wait(tick, log, action, why);
                continue;
            }
            if let Err(error) = self.step(set, log, action, tick) {
                // Not tried again until the next rotation, or the daemon's next look.
                self.give_up(log, &error, tick);
                if let (Action::Remove { path, .. }, RotateError::Script { .. }) = (action, &error) {
                    let error = format!("Failed to remove old log {}: it stays", path.display());
                    self.tell(tick, log, path, What::Failed { error });
                }
                return false;
            }
        }
        true
    }

    /// One step, and whoever has to know of it is told.
    pub(super) fn step(
        &mut self,
        set: &mut Set<'_>,
        log: &Path,
        action: &Action,
        tick: &mut Tick<'_>,
    ) -> Result<Done, RotateError> {
        if !matches!(action, Action::Compress { .. }) {
            tick.note(format_args!("{action}"));
        } else {
            tick.note(format_args!("compressing log with: {}", set.section.settings.compress_command));
        }
        if self.options.dry {
            return Ok(Done::Plain);
        }
        tick.listener.step(action);
        let done = set.executor.execute(log, action);
        for warning in std::mem::take(&mut set.executor.told) {
            self.tell(tick, log, action.subject(), What::Warned { level: Level::Error, warning });
        }
        let done = match done {
            Ok(done) => done,
            Err(error) => {
                if let (Action::Compress { from, to }, RotateError::Compression { stderr, .. }) = (action, &error) {
                    self.tell_stderr(tick, log, from, to, stderr);
                }
                return Err(match (action, error) {
                    (Action::Remove { .. }, RotateError::File { doing: "remove", path, source }) => {
                        RotateError::Remove { path, source }
                    }
                    (_, other) => other,
                });
            }
        };
        match (action, &done) {
            (Action::Rename { from, to }, _) => {
                tick.gate.renamed(from, to);
                [from, to].into_iter().for_each(|path| tick.folders.touch(path));
            }
            (Action::Copy { to, .. }, _) => tick.folders.touch(to),
            (Action::CopyTruncate { log, to, .. }, Done::Cut(cut)) => {
                tick.gate.truncated(log);
                [log, to].into_iter().for_each(|path| tick.folders.touch(path));
                if let Some(pid) = cut.not_appending {
                    let warning = format!(
                        "process {pid} does not append to {0}: it goes on where it was, behind a hole; let it open {0} \
                         with O_APPEND",
                        log.display()
                    );
                    self.tell(tick, log, log, What::Warned { level: Level::Warning, warning });
                }
            }
            (Action::Compress { from, to }, Done::Compressed(sizes)) => {
                self.tell_stderr(tick, log, from, to, &sizes.stderr);
                // A copy is younger than what is in it; its compressed form is as old as the log was.
                if let Some((_, mtime)) = set.as_old.as_ref().filter(|(target, _)| target == from) {
                    set_mtime(to, *mtime);
                }
                let id = tick.folders.around(set.section, log)?.files.get(from).map(|listed| listed.id);
                id.into_iter().for_each(|id| tick.gate.compressed(id, to));
                tick.folders.touch(to);
                let what = What::Compressed { file: from.clone(), before: sizes.before, after: sizes.after };
                let source = Action::RemoveCopy { path: from.clone() };
                tick.listener.step(&source);
                set.executor.remove(from)?;
                tick.folders.touch(from);
                tick.event(log, what);
            }
            (Action::Remove { path, .. } | Action::RemoveCopy { path }, done) => {
                tick.folders.touch(path);
                if let Done::Removed { mailed } = done {
                    if *mailed {
                        tick.event(log, What::Mailed { file: path.clone() });
                    }
                    tick.event(log, What::Removed { file: path.clone(), why: None });
                }
            }
            (Action::Create { path, .. }, _) => tick.folders.touch(path),
            (Action::Mail { path }, _) => drop(tick.event(log, What::Mailed { file: path.clone() })),
            _ => {}
        }
        Ok(done)
    }

    fn tell_stderr(&mut self, tick: &mut Tick<'_>, log: &Path, from: &Path, to: &Path, stderr: &str) {
        if stderr.is_empty() {
            return;
        }
        let warning = format!(
            "Compressing program wrote following message to stderr when compressing log {}:\n{}",
            from.display(),
            stderr.trim_end()
        );
        self.tell(tick, log, to, What::Warned { level: Level::Error, warning });
    }

    /// Finishes what an interrupted run left unfinished.
    pub(super) fn recover(&mut self, set: &mut Set<'_>, log: &Path, tick: &mut Tick<'_>) {
        let family = Family::of(log, &set.section.settings);
        let may_have = tick.folders.has_hidden(&family.folder) || set.section.settings.method() == Method::RenameCopy;
        if self.options.dry || !may_have {
            return;
        }
        let Ok(listing) = tick.folders.around(set.section, log) else { return };
        let hidden: Vec<PathBuf> = family.hidden(&listing.files).cloned().collect();
        let aside = Family::aside(log);
        let has_aside = set.section.settings.method() == Method::RenameCopy && listing.files.contains_key(&aside);
        for path in hidden {
            let done = if let Some(target) = family.cut_target(&path) {
                cut::recover(log, &path, &target).map(|kept| kept.then_some(What::Recovered { file: target.clone() }))
            } else if family.is_unfinished_compression(&path) {
                let action = Action::RemoveCopy { path: path.clone() };
                set.executor.execute(log, &action).map(|_| None)
            } else {
                continue;
            };
            tick.folders.touch(&path);
            family.cut_target(&path).iter().for_each(|target| tick.folders.touch(target));
            match done {
                Ok(what) => what.into_iter().for_each(|what| drop(tick.event(log, what))),
                Err(error) => self.fail(tick, log, &path, &error),
            }
        }
        if has_aside && let Err(error) = self.recover_aside(set, log, &aside, tick) {
            self.fail(tick, log, &aside, &error);
        }
    }

    /// A renamecopy was cut short: what it put aside becomes a generation, unless its copy was finished.
    fn recover_aside(
        &mut self,
        set: &mut Set<'_>,
        log: &Path,
        aside: &Path,
        tick: &mut Tick<'_>,
    ) -> Result<(), RotateError> {
        let now = tick.now;
        let family = Family::of(log, &set.section.settings);
        let newest = match set.section.settings.date_ext {
            true => family.dated(&now),
            false => family.numbered(set.section.settings.start),
        };
        if !cut::same_files(aside, &newest) {
            let mut listing = tick.folders.around(set.section, log)?.clone();
            listing.files.remove(aside);
            let plan = plan(set.section, log, &listing, &BTreeSet::new(), &now)?;
            for action in &plan.before {
                self.step(set, log, action, tick)?;
            }
            let copy = Action::Copy { from: aside.to_owned(), to: plan.target };
            self.step(set, log, &copy, tick)?;
        }
        self.step(set, log, &Action::RemoveCopy { path: aside.to_owned() }, tick)?;
        tick.event(log, What::Recovered { file: newest });
        Ok(())
    }

    /// Whether rotation may go on: there is no such script, or it ended well.
    fn script(
        &mut self,
        set: &mut Set<'_>,
        kind: ScriptKind,
        log: &Path,
        args: &[String],
        tick: &mut Tick<'_>,
    ) -> bool {
        let Some(text) = set.section.script(kind) else { return true };
        tick.note(format_args!("running {} script", kind.words()));
        if self.options.dry {
            return true;
        }
        let Err(status) = set.executor.run(text, args) else { return true };
        let head = &set.section.head;
        let text = match kind {
            ScriptKind::First | ScriptKind::Last => format!("error running {} script for {head}", kind.words()),
            _ if set.section.settings.shared_scripts => format!("error running shared {kind} script for '{head}'"),
            _ => format!("error running non-shared {kind} script for {} of '{head}'", log.display()),
        };
        self.fail(tick, log, log, &RotateError::Script { text, status });
        tick.spared.insert(log.to_owned());
        false
    }
}

/// Whether nobody looks at one log of a section while another one is rotated: then all may be compressed at once.
fn is_silent(section: &Section) -> bool {
    let settings = &section.settings;
    settings.scripts.keys().all(|kind| matches!(kind, ScriptKind::First | ScriptKind::Last)) && settings.mail.is_none()
}

/// As far as we may: it is no disaster where we may not.
fn set_mtime(path: &Path, mtime: i64) {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_nanos(u64::try_from(mtime).unwrap_or(0));
    let set = open_regular_for_writing(path).and_then(|(file, _)| file.set_modified(time));
    if let Err(error) = set {
        tracing::debug!(path = %path.display(), %error, "its time stays");
    }
}
