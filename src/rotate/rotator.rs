//! Joins the parts: one `tick` looks at every log, rotates what is due, and does of the pending compressions
//! and removals what the gate allows. It keeps nothing in memory that the folders and the state do not say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset, TimeDelta, Timelike};

use super::compress::compress;
use super::cut;
use super::due::{Reason, due};
use super::error::RotateError;
use super::event::{Event, What};
use super::execute::execute;
use super::names::Family;
use super::plan::{Action, Listed, Listing, foresee, plan, tidy};
use super::policy::{Method, Policy, ScriptKind, Section};
use super::state::State;
use super::survey::{Candidate, list, survey};
use crate::sys::files::{FileId, has_writer};

/// What the reader of the logs has to say before anything is cut.
pub trait Gate {
    /// May this file's content be cut (truncated, compressed, removed)? Yes if every byte of it up to `size` was
    /// read and committed, or nobody follows it. `file` is the generation, or the log itself.
    fn settled(&self, log: &Path, file: &Path, id: FileId, size: u64) -> bool;
    /// copytruncate happened: the reader should look at once.
    fn truncated(&self, log: &Path);
    /// The log, or one of its generations, has another name now.
    fn renamed(&self, from: &Path, to: &Path);
    /// The content of `from` is in `to`, compressed, and `from` is about to go.
    fn compressed(&self, from: FileId, to: &Path);
}

/// Nobody follows the logs: everything may be cut.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoReader;

impl Gate for NoReader {
    fn settled(&self, _: &Path, _: &Path, _: FileId, _: u64) -> bool {
        true
    }
    fn truncated(&self, _: &Path) {}
    fn renamed(&self, _: &Path, _: &Path) {}
    fn compressed(&self, _: FileId, _: &Path) {}
}

/// How to rotate, apart from the policy.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Rotate at every tick, due or not (`notifempty` still holds).
    pub force: bool,
}

/// A policy at work.
#[derive(Debug)]
pub struct Rotator {
    policy: Policy,
    state_path: PathBuf,
    state: State,
    options: Options,
    /// What was told of each file and still holds; not told again.
    told: BTreeMap<PathBuf, Event>,
    /// As `told`, of the tick at work.
    telling: BTreeMap<PathBuf, Event>,
    /// Logs that could not be rotated, and when they are tried again.
    resting: BTreeMap<PathBuf, DateTime<FixedOffset>>,
}

/// A log that could not be rotated is left alone for so long.
const REST: TimeDelta = TimeDelta::seconds(60);

/// A log of a section that is due, and what will be done to it.
struct Due {
    log: PathBuf,
    found: Listed,
    reason: Reason,
}

impl Rotator {
    /// Reads the state file; the second value names lines of it that were skipped.
    pub fn new(policy: Policy, state_path: PathBuf, options: Options) -> Result<(Rotator, Vec<String>), RotateError> {
        let (state, warnings) = State::read(&state_path)?;
        let (told, telling, resting) = Default::default();
        Ok((Rotator { policy, state_path, state, options, told, telling, resting }, warnings))
    }

    /// Takes another policy; what is pending is found again from the folders.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    pub fn set_options(&mut self, options: Options) {
        self.options = options;
    }

    /// What waits or fails at present, by file.
    pub fn waiting(&self) -> impl Iterator<Item = &Event> {
        self.told.values()
    }

    /// What a tick would rotate, and by which steps; scripts apart, compressions and removals last. Changes nothing.
    pub fn dry_run(&self, now: DateTime<FixedOffset>) -> Vec<(PathBuf, Reason, Vec<Action>)> {
        let mut steps = Vec::new();
        for (section, candidates) in self.policy.sections.iter().zip(survey(&self.policy, &self.state)) {
            for Candidate { log, found } in candidates {
                let Ok(Some(found)) = found else { continue };
                let Some(reason) = self.reason(section, &log, &found, now) else { continue };
                // A log that cannot be planned is told by the tick; here it has no steps.
                let planned = list(section, &log).and_then(|listing| {
                    let mut actions = plan(section, &log, &listing, &now)?;
                    actions.extend(tidy(section, &log, &foresee(&listing, &actions), &now));
                    Ok(actions)
                });
                steps.push((log, reason, planned.unwrap_or_default()));
            }
        }
        steps
    }

    /// Rotates what is due at `now` (local time) and does the pending work the gate allows. A log that cannot be
    /// rotated costs only itself.
    pub fn tick(&mut self, now: DateTime<FixedOffset>, gate: &dyn Gate) -> Vec<Event> {
        let mut tick = Tick { now, gate, events: Vec::new(), spared: BTreeSet::new() };
        let surveyed = survey(&self.policy, &self.state);
        let sections = self.policy.sections.clone();
        for (section, candidates) in sections.iter().zip(surveyed) {
            self.section(section, candidates, &mut tick);
        }
        self.told = std::mem::take(&mut self.telling);
        tick.events
    }

    fn section(&mut self, section: &Section, candidates: Vec<Candidate>, tick: &mut Tick<'_>) {
        let (mut ready, mut logs, mut broken) = (Vec::new(), Vec::new(), false);
        for Candidate { log, found } in candidates {
            match found {
                Ok(found) => {
                    self.recover(section, &log, tick);
                    logs.push(log.clone());
                    let Some(found) = found else { continue };
                    if self.rests(&log, tick) {
                        continue;
                    }
                    if let Some(reason) = self.reason(section, &log, &found, tick.now) {
                        ready.push(Due { log, found, reason });
                    } else {
                        self.first_seen(&log, tick);
                    }
                }
                Err(error) => {
                    broken = true;
                    // Renamed and not made again: its generations are looked after all the same.
                    if matches!(error, RotateError::Missing { .. }) {
                        logs.push(log.clone());
                    }
                    self.tell(tick, &log.clone(), &log, What::Failed { error: error.to_string() });
                }
            }
        }
        // With sharedscripts one error keeps the whole set as it is, as in logrotate.
        if section.settings.shared_scripts && broken {
            ready.clear();
        }
        ready.retain(|due| self.may_cut(section, due, tick));
        if !ready.is_empty() {
            self.rotate_set(section, &ready, tick);
        }
        let all_spared = section.settings.shared_scripts && logs.iter().any(|log| tick.spared.contains(log));
        for log in logs.into_iter().filter(|log| !all_spared && !tick.spared.contains(log)).collect::<Vec<_>>() {
            self.tidy(section, &log, tick);
        }
    }

    /// Whether it is too early to try `log` again; what was told of it still holds.
    fn rests(&mut self, log: &Path, tick: &mut Tick<'_>) -> bool {
        let rests = !self.options.force && self.resting.get(log).is_some_and(|until| tick.now < *until);
        if rests {
            tick.spared.insert(log.to_owned());
            let held = self.told.get(log).map(|event| (log.to_owned(), event.clone()));
            self.telling.extend(held);
        } else {
            self.resting.remove(log);
        }
        rests
    }

    /// Tells why a log was not rotated, and leaves it and its generations alone for a while.
    fn failed(&mut self, log: &Path, error: &RotateError, tick: &mut Tick<'_>) {
        self.tell(tick, log, log, What::Failed { error: error.to_string() });
        tick.spared.insert(log.to_owned());
        self.resting.insert(log.to_owned(), tick.now + REST);
    }

    fn reason(&self, section: &Section, log: &Path, found: &Listed, now: DateTime<FixedOffset>) -> Option<Reason> {
        let settings = &section.settings;
        if self.options.force {
            return (found.size > 0 || settings.if_empty).then_some(Reason::Forced);
        }
        due(settings, found.data, found.mtime, self.state.last.get(log).copied(), &now)
    }

    /// A log without an entry starts its period now, at the full hour.
    fn first_seen(&mut self, log: &Path, tick: &mut Tick<'_>) {
        if !self.state.last.contains_key(log) {
            let hour = tick.now.naive_local().date().and_hms_opt(tick.now.hour(), 0, 0);
            self.stamp(log, hour.unwrap_or(tick.now.naive_local()), tick);
        }
    }

    fn stamp(&mut self, log: &Path, time: chrono::NaiveDateTime, tick: &mut Tick<'_>) {
        self.state.last.insert(log.to_owned(), time);
        // At once, not at the end of the run: a crash in between would rotate again.
        if let Err(error) = self.state.write(&self.state_path) {
            let path = self.state_path.clone();
            self.tell(tick, log, &path, What::Failed { error: error.to_string() });
        }
    }

    /// Truncation needs all that is in the log to be read and committed.
    fn may_cut(&mut self, section: &Section, due: &Due, tick: &mut Tick<'_>) -> bool {
        let cuts = section.settings.method == Method::CopyTruncate;
        if !cuts || tick.gate.settled(&due.log, &due.log, due.found.id, due.found.size) {
            return true;
        }
        self.wait(tick, &due.log, &due.log, NOT_READ);
        false
    }

    /// firstaction, the logs with their scripts, lastaction.
    fn rotate_set(&mut self, section: &Section, ready: &[Due], tick: &mut Tick<'_>) {
        let shared = vec![section.patterns.join(" ")];
        let set = &ready[0].log;
        if !self.script(section, ScriptKind::First, set, &shared, tick) {
            return;
        }
        let once = section.settings.shared_scripts;
        if !once || self.script(section, ScriptKind::Pre, set, &shared, tick) {
            let rotated = ready.iter().filter(|due| self.rotate(section, due, tick)).count();
            if once && rotated > 0 {
                self.script(section, ScriptKind::Post, set, &shared, tick);
            }
        }
        self.script(section, ScriptKind::Last, set, &shared, tick);
    }

    /// Rotates one log; whether it was done.
    fn rotate(&mut self, section: &Section, due: &Due, tick: &mut Tick<'_>) -> bool {
        let each = !section.settings.shared_scripts;
        let name = due.log.to_string_lossy().into_owned();
        let planned = list(section, &due.log).and_then(|listing| plan(section, &due.log, &listing, &tick.now));
        let actions = match planned {
            Ok(actions) => actions,
            Err(error) => {
                self.failed(&due.log, &error, tick);
                return false;
            }
        };
        if each && !self.script(section, ScriptKind::Pre, &due.log, std::slice::from_ref(&name), tick) {
            return false;
        }
        let to = match self.run(&due.log, &actions, tick) {
            Ok(to) => to,
            Err(error) => {
                self.failed(&due.log, &error, tick);
                return false;
            }
        };
        let method = section.settings.method;
        let what = What::Rotated { to: to.clone(), reason: due.reason.to_string(), method };
        tick.push(&due.log, what);
        self.stamp(&due.log, tick.now.naive_local(), tick);
        if each {
            self.script(section, ScriptKind::Post, &due.log, &[name, to.to_string_lossy().into_owned()], tick);
        }
        true
    }

    /// Does the steps of a rotation, telling the reader; where the content went. When a step fails before the content
    /// moved, the renames before it are undone: tried again and again, they would push all generations out.
    fn run(&mut self, log: &Path, actions: &[Action], tick: &mut Tick<'_>) -> Result<PathBuf, RotateError> {
        let mut newest = None;
        for (number, action) in actions.iter().enumerate() {
            match (execute(action), &newest) {
                (Ok(()), _) => {}
                (Err(error), None) => {
                    undo(&actions[..number], action, tick.gate);
                    return Err(error);
                }
                // What was to be moved has moved; the writer may go on as it can.
                (Err(error), Some(_)) => {
                    self.tell(tick, log, log, What::Failed { error: error.to_string() });
                    break;
                }
            }
            match action {
                Action::Rename { from, to } => {
                    tick.gate.renamed(from, to);
                    newest = newest.or_else(|| (from == log).then(|| to.clone()));
                }
                Action::Copy { to, .. } => newest = Some(to.clone()),
                Action::CopyTruncate { log, to, .. } => {
                    newest = Some(to.clone());
                    tick.gate.truncated(log);
                }
                _ => {}
            }
        }
        Ok(newest.unwrap_or_else(|| log.to_owned()))
    }

    /// Whether rotation may go on: there is no such script, or it ended well.
    fn script(
        &mut self,
        section: &Section,
        kind: ScriptKind,
        log: &Path,
        args: &[String],
        tick: &mut Tick<'_>,
    ) -> bool {
        let Some(text) = section.script(kind) else { return true };
        match execute(&Action::Script { kind, text: text.to_owned(), args: args.to_vec() }) {
            Ok(_) => true,
            Err(error) => {
                tick.push(log, What::ScriptFailed { error: error.to_string() });
                tick.spared.insert(log.to_owned());
                false
            }
        }
    }

    /// Finishes what an interrupted run left unfinished.
    fn recover(&mut self, section: &Section, log: &Path, tick: &mut Tick<'_>) {
        let Ok(listing) = list(section, log) else { return };
        let family = Family::of(log, &section.settings);
        for path in listing.files.keys() {
            let done = if let Some(target) = family.cut_target(path) {
                cut::recover(log, path, &target).map(|kept| kept.then_some(What::Recovered { file: target }))
            } else if family.is_unfinished_compression(path) {
                execute(&Action::Remove { path: path.clone() }).map(|_| None)
            } else {
                continue;
            };
            match done {
                Ok(what) => what.into_iter().for_each(|what| tick.push(log, what)),
                Err(error) => self.tell(tick, log, path, What::Failed { error: error.to_string() }),
            }
        }
    }

    /// Pending removals and compressions, oldest first.
    fn tidy(&mut self, section: &Section, log: &Path, tick: &mut Tick<'_>) {
        let Ok(listing) = list(section, log) else { return };
        for action in tidy(section, log, &listing, &tick.now) {
            let (Action::Compress { from: file, .. } | Action::Remove { path: file }) = &action else { continue };
            if let Some(why) = obstacle(log, file, &listing, &action, tick.gate) {
                self.wait(tick, log, file, why);
                continue;
            }
            let done =
                match (&action, listing.files.get(file)) {
                    (Action::Compress { from, to }, Some(found)) => compress(from, to, || {
                        tick.gate.compressed(found.id, to)
                    })
                    .map(|sizes| What::Compressed { file: file.clone(), before: sizes.before, after: sizes.after }),
                    _ => execute(&action).map(|_| What::Removed { file: file.clone() }),
                };
            match done {
                Ok(what) => tick.push(log, what),
                Err(error) => self.tell(tick, log, file, What::Failed { error: error.to_string() }),
            }
        }
    }

    fn wait(&mut self, tick: &mut Tick<'_>, log: &Path, file: &Path, why: &str) {
        self.tell(tick, log, file, What::Waiting { file: file.to_owned(), why: why.to_owned() });
    }

    /// Makes an event of what is wrong with `file`, unless the last tick told the same.
    fn tell(&mut self, tick: &mut Tick<'_>, log: &Path, file: &Path, what: What) {
        let event = match self.told.get(file) {
            Some(known) if known.what == what => known.clone(),
            _ => {
                tick.push(log, what.clone());
                tick.event(log, what)
            }
        };
        self.telling.insert(file.to_owned(), event);
    }
}

/// Everything in one pass shares its time, gate and list of events.
struct Tick<'a> {
    now: DateTime<FixedOffset>,
    gate: &'a dyn Gate,
    events: Vec<Event>,
    /// Logs whose script failed: their generations stay as they are until the next tick.
    spared: BTreeSet<PathBuf>,
}

impl Tick<'_> {
    fn event(&self, log: &Path, what: What) -> Event {
        Event { time: self.now.timestamp_nanos_opt().unwrap_or(0), log: log.to_owned(), what }
    }

    fn push(&mut self, log: &Path, what: What) {
        let event = self.event(log, what);
        self.events.push(event);
    }
}

/// Gives generations back the names they had before `failed`. Not when its hidden copy is the only place of what was in
/// the log: the name it waits for is free then, and the next tick gives it.
fn undo(done: &[Action], failed: &Action, gate: &dyn Gate) {
    if let Action::CopyTruncate { to, .. } = failed
        && Family::cutting(to).exists()
    {
        return;
    }
    for action in done.iter().rev() {
        let Action::Rename { from, to } = action else { continue };
        let back = Action::Rename { from: to.clone(), to: from.clone() };
        match execute(&back) {
            Ok(_) => gate.renamed(to, from),
            Err(error) => tracing::error!(%error, "a generation keeps the name it was to get"),
        }
    }
}

const NOT_READ: &str = "not all of it is read and committed yet";
const STILL_OPEN: &str = "a process still has it open for writing; let postrotate make it reopen its log";

/// Why a generation may not be compressed or removed now.
fn obstacle(log: &Path, file: &Path, listing: &Listing, action: &Action, gate: &dyn Gate) -> Option<&'static str> {
    let found = listing.files.get(file)?;
    if !gate.settled(log, file, found.id, found.size) {
        return Some(NOT_READ);
    }
    (matches!(action, Action::Compress { .. }) && has_writer(found.id)).then_some(STILL_OPEN)
}
