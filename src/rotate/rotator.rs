//! Joins the parts: one `tick` looks at every log, rotates what is due, and does of the pending compressions
//! and removals what the gate allows. It keeps nothing in memory that the folders and the state do not say.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, FixedOffset, NaiveDateTime, TimeDelta};

use super::budget::Budget;
use super::due::{NotDue, Reason, due};
use super::error::RotateError;
use super::event::{Event, Level, Listener, What};
use super::execute::Executor;
use super::plan::{Action, Listed, tidy};
use super::policy::{Criterion, Method, Policy, Section};
use super::set::{Due, Set};
use super::state::StateFile;
use super::survey::{Covered, Folders, Found, check_old_dir, covers, inspect, survey};
use crate::sys::files::{FileId, Writers};
use crate::sys::user::Role;

/// What the reader of the logs has to say before anything is cut.
pub trait Gate {
    /// May this file's content be cut (truncated, compressed, removed)? Yes if every byte of it up to `size` was
    /// read and committed, or nobody follows it. `file` is the generation, or the log itself.
    fn settled(&self, log: &Path, file: &Path, id: FileId, size: u64) -> bool;
    /// May this generation be removed? Asked when it is settled.
    fn may_go(&self, file: &Path) -> bool {
        let _ = file;
        true
    }
    /// May this log get another name? Yes if the reader will know it after a crash, or nobody follows it.
    fn known(&self, log: &Path, id: FileId) -> bool;
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
    fn known(&self, _: &Path, _: FileId) -> bool {
        true
    }
    fn settled(&self, _: &Path, _: &Path, _: FileId, _: u64) -> bool {
        true
    }
    fn truncated(&self, _: &Path) {}
    fn renamed(&self, _: &Path, _: &Path) {}
    fn compressed(&self, _: FileId, _: &Path) {}
}

/// How to rotate, apart from the policy.
#[derive(Clone, Debug)]
pub struct Options {
    /// Rotate at every tick, due or not (`notifempty` still holds).
    pub force: bool,
    /// Only tell what would be done.
    pub dry: bool,
    /// Finish at every tick what earlier ones left: the daemon's way. Otherwise a log is tidied when it is rotated.
    pub finish: bool,
    /// So long a tick waits, all in all, for programs to close rotated logs before these are compressed.
    pub patience: Duration,
    /// Scripts that take longer are killed.
    pub script_limit: Option<Duration>,
    pub mail_command: String,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            force: false,
            dry: false,
            finish: false,
            patience: Duration::from_secs(2),
            script_limit: None,
            mail_command: "/usr/bin/mail".to_owned(),
        }
    }
}

/// A policy at work.
#[derive(Debug)]
pub struct Rotator {
    pub(super) policy: Arc<Policy>,
    pub(super) options: Options,
    /// What was told of each file and still holds; not told again.
    told: BTreeMap<PathBuf, Event>,
    /// As `told`, of the tick at work.
    telling: BTreeMap<PathBuf, Event>,
    /// Logs that could not be rotated, and generations that could not be removed, and when they are tried again.
    pub(super) resting: BTreeMap<PathBuf, DateTime<FixedOffset>>,
    pub(super) budgets: Vec<Budget>,
    /// Rotations that could not be written to the state file. Forgotten, they would be done at every tick until nothing is
    /// left of the generations.
    unwritten: BTreeMap<PathBuf, NaiveDateTime>,
}

/// What could not be done is left alone for so long.
pub(super) const REST: TimeDelta = TimeDelta::seconds(60);

impl Rotator {
    pub fn new(policy: impl Into<Arc<Policy>>, options: Options) -> Rotator {
        let (told, telling, resting, budgets, unwritten) = Default::default();
        Rotator { policy: policy.into(), options, told, telling, resting, budgets, unwritten }
    }

    /// Takes another policy; what is pending is found again from the folders.
    pub fn set_policy(&mut self, policy: Arc<Policy>) {
        self.policy = policy;
    }

    pub fn set_force(&mut self, force: bool) {
        self.options.force = force;
    }

    /// What waits or fails at present, by file.
    pub fn waiting(&self) -> impl Iterator<Item = &Event> {
        self.told.values()
    }

    /// Rotates what is due at `now` (local time) and does the pending work the gate allows. A log that cannot be
    /// rotated costs only itself. True when nothing failed.
    pub fn tick(
        &mut self,
        now: DateTime<FixedOffset>,
        state: &mut StateFile,
        gate: &dyn Gate,
        listener: &mut dyn Listener,
    ) -> bool {
        let patience = self.options.patience;
        let mut tick = Tick {
            now,
            state,
            gate,
            listener,
            folders: Folders::default(),
            writers: Writers::default(),
            patience,
            spared: BTreeSet::new(),
            failed: false,
        };
        self.unwritten.iter().for_each(|(log, time)| tick.state.remember(log, *time));
        let policy = self.policy.clone();
        let surveyed = survey(&policy);
        let logs: Vec<Vec<PathBuf>> = match self.budgets.is_empty() {
            true => Vec::new(),
            false => surveyed.iter().map(|covered| covered.logs.clone()).collect(),
        };
        tick.note(format_args!("\nHandling {} logs", policy.sections.len()));
        for (section, covered) in policy.sections.iter().zip(surveyed) {
            self.section(section, covered, &mut tick);
        }
        self.trim(&logs, &mut tick);
        if !self.options.dry
            && let Err(error) = tick.state.write(now.naive_local(), !self.options.finish)
        {
            self.fail(&mut tick, Path::new(""), Path::new(""), &error);
        }
        self.unwritten = tick.state.unwritten();
        self.told = std::mem::take(&mut self.telling);
        !tick.failed
    }

    fn section(&mut self, section: &Section, covered: Covered, tick: &mut Tick<'_>) {
        tick.note(format_args!("{}", Header { section, force: self.options.force }));
        let role = match Role::start(section.settings.su.filter(|_| !self.options.dry)) {
            Ok(role) => role,
            Err(source) => {
                let (uid, gid) = section.settings.su.unwrap_or_default();
                let error = RotateError::Switch { uid, gid, source };
                return self.fail(tick, Path::new(&section.head), &section.file, &error);
            }
        };
        let mail_command = self.options.mail_command.clone();
        let executor = Executor::new(section, &mail_command, self.options.script_limit, role);
        let mut set = Set { section, executor, ready: Vec::new(), as_old: None };
        let mut broken = !covered.errors.is_empty();
        for error in &covered.errors {
            let of = match error {
                RotateError::Duplicate { path, .. } => path.clone(),
                _ => section.file.clone(),
            };
            self.fail(tick, &of, &of, error);
        }
        let mut logs = covered.logs;
        if let Some(error) = logs.iter().find_map(|log| check_old_dir(section, log, self.options.dry).err()) {
            return self.fail(tick, Path::new(&section.head), &section.file, &error);
        }
        for log in &logs {
            broken |= !self.consider(&mut set, log, tick);
        }
        // With sharedscripts one error keeps the whole set as it is, as in logrotate.
        let shared = section.settings.shared_scripts;
        let is_held = shared && broken;
        if is_held {
            tick.spared.extend(logs.iter().cloned());
        }
        self.rotate_set(&mut set, is_held, tick);
        if self.options.finish {
            // A log that was rotated away and not made again still has generations to compress and remove.
            let gone = tick.state.logs().filter(|log| covers(section, log) && !logs.contains(log));
            logs.extend(gone.cloned().collect::<Vec<_>>());
            let all_spared = shared && logs.iter().any(|log| tick.spared.contains(log));
            for log in logs.iter().filter(|log| !all_spared && !tick.spared.contains(*log)).collect::<Vec<_>>() {
                self.tidy(&mut set, log, tick);
            }
        }
    }

    /// Looks whether a log is due; false when it cannot be told.
    fn consider<'a>(&mut self, set: &mut Set<'a>, log: &Path, tick: &mut Tick<'_>) -> bool {
        tick.note(format_args!("considering log {}", log.display()));
        let found = inspect(set.section, log);
        tick.state.see(log, tick.now.naive_local());
        let found = match found {
            Found::File(found) => {
                self.recover(set, log, tick);
                found
            }
            Found::Gone => {
                self.recover(set, log, tick);
                tick.note(format_args!("  log {} does not exist -- skipping", log.display()));
                return true;
            }
            Found::Skipped(why) => {
                tick.note(format_args!("  {why}"));
                self.tell(tick, log, log, What::Skipped { why });
                return true;
            }
            Found::Wrong(error) => {
                self.fail(tick, log, log, &error);
                return false;
            }
        };
        if self.rests(log, tick) {
            return true;
        }
        let last = tick.state.last(log);
        tick.note(format_args!("  Now: {}", tick.now.format("%Y-%m-%d %H:%M")));
        tick.note(format_args!("  Last rotated at {}", last.unwrap_or_default().format("%Y-%m-%d %H:%M")));
        match self.judge(set.section, last, &found, tick.now) {
            Ok(reason) => {
                if reason == Reason::FutureState {
                    let warning = format!("log {} last rotated in the future -- rotation forced", log.display());
                    self.tell(tick, log, log, What::Warned { level: Level::Error, warning });
                }
                tick.note(format_args!("  log needs rotating"));
                set.ready.push(Due { log: log.to_owned(), found, reason });
            }
            Err(why) => tick.note(format_args!("  {why}")),
        }
        true
    }

    pub(super) fn judge(
        &self,
        section: &Section,
        last: Option<NaiveDateTime>,
        found: &Listed,
        now: DateTime<FixedOffset>,
    ) -> Result<Reason, NotDue> {
        let settings = &section.settings;
        if self.options.force {
            return if found.data > 0 || settings.if_empty { Ok(Reason::Forced) } else { Err(NotDue::Empty) };
        }
        due(settings, found.data, found.mtime, last, &now)
    }

    /// Whether it is too early to try `log` again; what was told of it still holds.
    pub(super) fn rests(&mut self, log: &Path, tick: &mut Tick<'_>) -> bool {
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
    pub(super) fn give_up(&mut self, log: &Path, error: &RotateError, tick: &mut Tick<'_>) {
        self.fail(tick, log, log, error);
        tick.spared.insert(log.to_owned());
        self.resting.insert(log.to_owned(), tick.now + REST);
    }

    /// Pending removals and compressions, oldest first.
    fn tidy(&mut self, set: &mut Set<'_>, log: &Path, tick: &mut Tick<'_>) {
        let now = tick.now;
        let Ok(listing) = tick.folders.around(set.section, log) else { return };
        for action in tidy(set.section, log, listing, &now) {
            if let Some(why) = self.obstacle(set.section, log, &action, tick) {
                self.wait(tick, log, &action, why);
                continue;
            }
            if let Err(error) = self.step(set, log, &action, tick) {
                let file = action.subject().to_owned();
                self.fail(tick, log, &file, &error);
            }
        }
    }

    /// Why a generation may not be compressed or removed now.
    pub(super) fn obstacle(
        &self,
        section: &Section,
        log: &Path,
        action: &Action,
        tick: &mut Tick<'_>,
    ) -> Option<&'static str> {
        let (Action::Compress { from: file, .. } | Action::Remove { path: file, .. }) = action else { return None };
        let found = *tick.folders.around(section, log).ok()?.files.get(file)?;
        if !tick.gate.settled(log, file, found.id, found.size) {
            return Some(NOT_READ);
        }
        if matches!(action, Action::Remove { .. }) && !tick.gate.may_go(file) {
            return Some(NOT_ARCHIVED);
        }
        (matches!(action, Action::Compress { .. }) && tick.has_writer(found.id)).then_some(STILL_OPEN)
    }

    pub(super) fn wait(&mut self, tick: &mut Tick<'_>, log: &Path, action: &Action, why: &str) {
        let file = action.subject().to_owned();
        self.tell(tick, log, &file, What::Waiting { file: file.clone(), why: why.to_owned() });
    }

    pub(super) fn fail(&mut self, tick: &mut Tick<'_>, log: &Path, file: &Path, error: &RotateError) {
        tick.failed = true;
        self.tell(tick, log, file, What::Failed { error: error.to_string() });
    }

    /// Makes an event of what is wrong with `file`, unless the last tick told the same.
    pub(super) fn tell(&mut self, tick: &mut Tick<'_>, log: &Path, file: &Path, what: What) {
        let event = match self.told.get(file) {
            Some(known) if known.what == what => known.clone(),
            _ => tick.event(log, what),
        };
        self.telling.insert(file.to_owned(), event);
    }

    /// Truncation needs all that is in the log to be read and committed, a new name only some of it.
    pub(super) fn may_cut(&mut self, section: &Section, due: &Due, tick: &mut Tick<'_>) -> bool {
        let may = match section.settings.method() {
            Method::CopyTruncate => tick.gate.settled(&due.log, &due.log, due.found.id, due.found.size),
            _ => tick.gate.known(&due.log, due.found.id),
        };
        if may {
            return true;
        }
        let what = What::Waiting { file: due.log.clone(), why: NOT_READ.to_owned() };
        self.tell(tick, &due.log, &due.log, what);
        false
    }
}

/// What logrotate says about a section before it looks at its logs.
struct Header<'a> {
    section: &'a Section,
    force: bool,
}

impl fmt::Display for Header<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = &self.section.settings;
        write!(f, "\nrotating pattern: {} ", self.section.head)?;
        match settings.criterion {
            _ if self.force => f.write_str("forced from command line")?,
            Criterion::Size(bytes) => write!(f, "{bytes} bytes")?,
            Criterion::Daily => f.write_str("after 1 days")?,
            other => f.write_str(other.word())?,
        }
        match settings.keep {
            Some(0) => f.write_str(" (no old logs will be kept)\n")?,
            Some(count) => writeln!(f, " ({count} rotations)")?,
            None => f.write_str("\n")?,
        }
        if let Some(folder) = &settings.old_dir {
            write!(f, "olddir is {}, ", folder.display())?;
        }
        write!(f, "empty log files are {}rotated, ", if settings.if_empty { "" } else { "not " })?;
        if let Some(bytes) = settings.min_size {
            write!(f, "only log files >= {bytes} bytes are rotated, ")?;
        }
        if let Some(bytes) = settings.max_size {
            write!(f, "log files >= {bytes} are rotated earlier, ")?;
        }
        if let Some(days) = settings.min_age {
            write!(f, "only log files older than {days} days are rotated, ")?;
        }
        match &settings.mail {
            Some(address) => write!(f, "old logs mailed to {address}"),
            None => f.write_str("old logs are removed"),
        }
    }
}

pub(super) const NOT_READ: &str = "not all of it is read and committed yet";
pub(super) const NOT_ARCHIVED: &str = "it is not in the archive yet";
pub(super) const STILL_OPEN: &str = "a process still has it open for writing; let postrotate make it reopen its log";

/// What everything in one pass shares.
pub(super) struct Tick<'a> {
    pub now: DateTime<FixedOffset>,
    pub state: &'a mut StateFile,
    pub gate: &'a dyn Gate,
    pub listener: &'a mut dyn Listener,
    pub folders: Folders,
    pub writers: Writers,
    /// What is left of it.
    pub patience: Duration,
    /// Logs whose script failed: their generations stay as they are until the next tick.
    pub spared: BTreeSet<PathBuf>,
    failed: bool,
}

/// Between two looks for who still writes.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

impl Tick<'_> {
    pub fn event(&mut self, log: &Path, what: What) -> Event {
        let event = Event { time: self.now.timestamp_nanos_opt().unwrap_or(0), log: log.to_owned(), what };
        self.listener.event(&event);
        event
    }

    pub fn note(&mut self, text: fmt::Arguments<'_>) {
        self.listener.note(text);
    }

    /// Whether a process has the file open for writing, after some time to close it.
    fn has_writer(&mut self, file: FileId) -> bool {
        while self.writers.have(file) {
            if self.patience < LOOK_AGAIN {
                return true;
            }
            std::thread::sleep(LOOK_AGAIN);
            self.patience -= LOOK_AGAIN;
            self.writers = Writers::default();
        }
        false
    }
}
