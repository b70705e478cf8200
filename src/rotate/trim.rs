//! Keeps the generations of a policy within their budgets: finds what counts, removes what `budget` names as far as the
//! gate allows, and says before what it would remove.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::budget::{Archive, Budget, Outcome, Removal, Trim, Usage, archives};
use super::error::RotateError;
use super::event::What;
use super::execute::{Done, Executor};
use super::plan::Action;
use super::policy::{Policy, Section};
use super::rotator::{REST, Rotator, STILL_OPEN, Tick};
use super::state::StateFile;
use super::survey::{Folders, covers, survey};
use crate::sys::files::{FileId, folder_of};
use crate::sys::units::Bytes;
use crate::sys::user::Role;

/// What budgets have, and what would go as things are now.
#[derive(Clone, Debug, PartialEq)]
pub struct Trimming {
    pub usage: Vec<Usage>,
    pub removals: Vec<Removal>,
}

impl Trimming {
    pub fn to_json(&self) -> Value {
        let usage = |usage: &Usage| {
            let Usage { budget: Budget { name, folder, bytes: limit }, bytes, generations } = usage;
            json!({ "setting": name, "folder": folder, "limit": limit, "bytes": bytes, "generations": generations })
        };
        let removal = |Removal { path, log, size, why, .. }: &Removal| json!({ "file": path, "log": log, "bytes": size, "size": Bytes(*size).to_string(), "why": why });
        json!({
            "budgets": self.usage.iter().map(usage).collect::<Vec<_>>(),
            "removals": self.removals.iter().map(removal).collect::<Vec<_>>(),
        })
    }
}

/// A rotated file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    pub path: PathBuf,
    /// The live log's path.
    pub log: PathBuf,
    /// What its compressor put behind its name; unset where it is plain.
    pub ending: Option<String>,
    /// Nothing will be done to it any more but its removal.
    pub is_final: bool,
}

impl Rotator {
    /// What there is of all logs. Changes nothing, and asks no reader.
    pub fn generations(&self, state: &StateFile) -> Vec<Generation> {
        let covered: Vec<Vec<PathBuf>> = survey(&self.policy).into_iter().map(|covered| covered.logs).collect();
        let archives = collect(&self.policy, &covered, state, &mut Folders::default());
        let generation =
            |Archive { place: path, log, ending, is_final, .. }| Generation { path, log, ending, is_final };
        archives.into_iter().map(generation).collect()
    }

    /// Limits for the generations of all logs together, whatever their sections keep.
    pub fn set_budgets(&mut self, budgets: Vec<Budget>) {
        self.budgets = budgets;
    }

    /// What a tick would remove for the budgets, were nothing rotated before. Changes nothing, and asks no reader.
    pub fn trimming(&self, state: &StateFile) -> Trimming {
        if self.budgets.is_empty() {
            return Trimming { usage: Vec::new(), removals: Vec::new() };
        }
        let covered: Vec<Vec<PathBuf>> = survey(&self.policy).into_iter().map(|covered| covered.logs).collect();
        let mut archives = collect(&self.policy, &covered, state, &mut Folders::default());
        // Nobody knows yet what will be left of it.
        archives.retain(|archive| !archive.is_pending);
        let budgets = resolved(&self.budgets);
        let trim = Trim::new(archives, &budgets);
        Trimming { usage: trim.usage(), removals: trim.removals() }
    }

    /// Removes what is over the budgets. `covered` are the logs of every section.
    pub(super) fn trim(&mut self, covered: &[Vec<PathBuf>], tick: &mut Tick<'_>) {
        if self.budgets.is_empty() {
            return;
        }
        let policy = self.policy.clone();
        let mut archives = collect(&policy, covered, tick.state, &mut tick.folders);
        // It counts once it is compressed, or when it cannot be: what it takes now is not what it will take.
        archives.retain(|archive| !archive.is_pending || !is_awaited(&policy, archive, tick));
        let budgets = resolved(&self.budgets);
        let mut trim = Trim::new(archives, &budgets);
        while let Some(removal) = trim.next() {
            let section = &policy.sections[trim.archive(&removal).section];
            let outcome = self.remove_archive(section, &removal, tick);
            trim.settle(&removal, outcome);
        }
    }

    fn remove_archive(&mut self, section: &Section, removal: &Removal, tick: &mut Tick<'_>) -> Outcome {
        let Removal { path, log, why, .. } = removal;
        if self.rests(path, tick) {
            return Outcome::Stays;
        }
        let mail = section.settings.mail.is_some() && !section.settings.mail_first;
        let action = Action::Remove { path: path.clone(), mail };
        if let Some(why) = self.obstacle(section, log, &action, tick) {
            self.wait(tick, log, &action, why);
            return Outcome::Waits;
        }
        // What a program writes into a file without a name nobody will see.
        if id_of(section, log, path, &mut tick.folders).is_some_and(|id| tick.writers.have(id)) {
            self.wait(tick, log, &action, STILL_OPEN);
            return Outcome::Stays;
        }
        tick.note(format_args!("{action}: {why}"));
        if self.options.dry {
            return Outcome::Removed;
        }
        tick.listener.step(&action);
        let done = self.remove_as_owner(section, log, &action);
        tick.folders.touch(path);
        match done {
            Ok(is_mailed) => {
                if is_mailed {
                    tick.event(log, What::Mailed { file: path.clone() });
                }
                tick.event(log, What::Removed { file: path.clone(), why: Some(why.clone()) });
                Outcome::Removed
            }
            Err(error) => {
                self.fail(tick, log, path, &error);
                self.resting.insert(path.clone(), tick.now + REST);
                Outcome::Stays
            }
        }
    }

    /// As the user of the section, with its `preremove` and `shred`; whether it was mailed.
    fn remove_as_owner(&self, section: &Section, log: &Path, action: &Action) -> Result<bool, RotateError> {
        let su = section.settings.su;
        let role = Role::start(su).map_err(|source| {
            let (uid, gid) = su.unwrap_or_default();
            RotateError::Switch { uid, gid, source }
        })?;
        let mut executor = Executor::new(section, &self.options.mail_command, self.options.script_limit, role);
        Ok(matches!(executor.execute(log, action)?, Done::Removed { mailed: true }))
    }
}

/// Whether a generation that is to be compressed only waits for somebody. One that could have been compressed and is
/// still plain could not.
fn is_awaited(policy: &Policy, archive: &Archive, tick: &mut Tick<'_>) -> bool {
    let id = id_of(&policy.sections[archive.section], &archive.log, &archive.path, &mut tick.folders);
    let Some(id) = id else { return true };
    !tick.gate.settled(&archive.log, &archive.path, id, archive.size) || tick.writers.have(id)
}

fn id_of(section: &Section, log: &Path, path: &Path, folders: &mut Folders) -> Option<FileId> {
    folders.around(section, log).ok()?.files.get(path).map(|listed| listed.id)
}

/// The generations of all logs, those that were rotated away and not made again included; each once.
fn collect(policy: &Policy, covered: &[Vec<PathBuf>], state: &StateFile, folders: &mut Folders) -> Vec<Archive> {
    let live: BTreeSet<&Path> = covered.iter().flatten().map(PathBuf::as_path).collect();
    let mut found = BTreeMap::new();
    let mut places = BTreeMap::new();
    for (index, (section, logs)) in policy.sections.iter().zip(covered).enumerate() {
        let gone = state.logs().filter(|log| !live.contains(log.as_path()) && covers(section, log));
        for log in logs.iter().chain(gone) {
            // A folder that cannot be read has nothing that we could remove.
            let Ok(listing) = folders.around(section, log) else { continue };
            for mut archive in archives((index, section), log, listing, |path| live.contains(path)) {
                let folder = folder_of(&archive.path);
                let place = places.entry(folder.to_owned()).or_insert_with(|| real(folder));
                archive.place = place.join(archive.path.file_name().unwrap_or_default());
                found.entry(archive.place.clone()).or_insert(archive);
            }
        }
    }
    found.into_values().collect()
}

/// Links in the names of folders lead elsewhere, and it is there that they take space.
fn resolved(budgets: &[Budget]) -> Vec<Budget> {
    let resolve = |budget: &Budget| Budget { folder: budget.folder.as_deref().map(real), ..budget.clone() };
    budgets.iter().map(resolve).collect()
}

fn real(folder: &Path) -> PathBuf {
    fs::canonicalize(folder).or_else(|_| std::path::absolute(folder)).unwrap_or_else(|_| folder.to_owned())
}
