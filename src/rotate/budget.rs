//! How many bytes generations may take together, and which go when they take more: the oldest of all logs first. Pure:
//! a list of generations and budgets makes a list of removals. `trim` finds the generations and removes.
//!
//! The order is strict: what has to wait for the reader makes everything behind it wait, because something younger gone in
//! its place would be a hole. What cannot go at all (`kept`) counts, and is passed over.

use std::cmp::Reverse;
use std::fmt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Local};

use super::names::{Age, Family, Parsed};
use super::plan::{Listing, is_given};
use super::policy::Section;
use crate::sys::units::Bytes;

/// At most `bytes` of generations in a folder and all under it, or of all there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The setting it comes from, to name it by.
    pub name: String,
    pub folder: Option<PathBuf>,
    pub bytes: u64,
}

impl Budget {
    fn has(&self, archive: &Archive) -> bool {
        self.folder.as_ref().is_none_or(|folder| archive.place.starts_with(folder))
    }
}

/// A generation that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Archive {
    /// As the policy names it.
    pub path: PathBuf,
    /// Its absolute path without links: what budgets go by.
    pub place: PathBuf,
    pub log: PathBuf,
    /// The index of its section in the policy.
    pub section: usize,
    pub size: u64,
    /// When its content was written last, nanoseconds since the epoch; and its place among those of its log.
    pub mtime: i64,
    pub age: Age,
    /// It is to be compressed, and will be smaller then.
    pub is_pending: bool,
    /// What its compressor put behind its name; unset where it is plain.
    pub ending: Option<String>,
    /// Nothing will be done to it any more but its removal.
    pub is_final: bool,
    /// It stays, whatever the budget says.
    pub kept: bool,
}

/// A generation that goes, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    pub path: PathBuf,
    pub log: PathBuf,
    pub size: u64,
    pub why: String,
    /// Which archive it is.
    at: usize,
}

impl fmt::Display for Removal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: removing {} ({}): {}", self.log.display(), self.path.display(), Bytes(self.size), self.why)
    }
}

/// What became of a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Removed,
    /// It may go later, and nothing younger goes in its place.
    Waits,
    /// It cannot go.
    Stays,
}

/// A budget and what counts against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    pub budget: Budget,
    pub bytes: u64,
    pub generations: usize,
}

/// Names removals one by one, and hears what became of each.
pub(super) struct Trim<'a> {
    /// Oldest first.
    archives: Vec<Archive>,
    /// The narrowest first: what it removes is less for those around it.
    budgets: Vec<&'a Budget>,
    /// Bytes that count, and whether something of it waits; by budget.
    used: Vec<(u64, bool)>,
    /// The budget at work, and the oldest archive that was not looked at for it.
    at: (usize, usize),
}

impl<'a> Trim<'a> {
    pub fn new(mut archives: Vec<Archive>, budgets: &'a [Budget]) -> Trim<'a> {
        archives.sort_by(|a, b| a.mtime.cmp(&b.mtime).then_with(|| a.log.cmp(&b.log)).then_with(|| b.age.cmp(&a.age)));
        let mut budgets: Vec<&Budget> = budgets.iter().collect();
        budgets.sort_by_key(|budget| Reverse(budget.folder.as_ref().map_or(0, |folder| folder.components().count())));
        let sum = |budget: &Budget| archives.iter().filter(|archive| budget.has(archive)).map(|a| a.size).sum();
        let used = budgets.iter().map(|budget| (sum(budget), false)).collect();
        Trim { archives, budgets, used, at: (0, 0) }
    }

    /// What every budget has, in the order of their work.
    pub fn usage(&self) -> Vec<Usage> {
        let usage = |(budget, (bytes, _)): (&&Budget, &(u64, bool))| Usage {
            budget: (*budget).clone(),
            bytes: *bytes,
            generations: self.archives.iter().filter(|archive| budget.has(archive)).count(),
        };
        self.budgets.iter().zip(&self.used).map(usage).collect()
    }

    /// What goes if nothing keeps it.
    pub fn removals(mut self) -> Vec<Removal> {
        let mut all = Vec::new();
        while let Some(removal) = self.next() {
            self.settle(&removal, Outcome::Removed);
            all.push(removal);
        }
        all
    }

    /// The next removal; before another one `settle` must hear of it.
    pub fn next(&mut self) -> Option<Removal> {
        while let Some(budget) = self.budgets.get(self.at.0) {
            let (used, waits) = self.used[self.at.0];
            let candidates = self.archives.iter().enumerate().skip(self.at.1);
            let mut candidates = candidates.filter(|(_, archive)| !archive.kept && archive.size > 0);
            let found = candidates.find(|(_, archive)| budget.has(archive));
            match found.filter(|_| used > budget.bytes && !waits) {
                Some((index, archive)) => {
                    self.at.1 = index + 1;
                    return Some(Removal {
                        path: archive.path.clone(),
                        log: archive.log.clone(),
                        size: archive.size,
                        why: Why { budget, used, archive }.to_string(),
                        at: index,
                    });
                }
                None => self.at = (self.at.0 + 1, 0),
            }
        }
        None
    }

    /// The archive that is to go.
    pub fn archive(&self, removal: &Removal) -> &Archive {
        &self.archives[removal.at]
    }

    pub fn settle(&mut self, removal: &Removal, outcome: Outcome) {
        let archive = &mut self.archives[removal.at];
        // Nobody names it again.
        archive.kept = true;
        for (budget, (used, waits)) in self.budgets.iter().zip(&mut self.used) {
            match outcome {
                Outcome::Removed if budget.has(archive) => *used = used.saturating_sub(archive.size),
                Outcome::Waits if budget.has(archive) => *waits = true,
                _ => {}
            }
        }
    }
}

struct Why<'a> {
    budget: &'a Budget,
    used: u64,
    archive: &'a Archive,
}

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, limit) = (&self.budget.name, Bytes(self.budget.bytes));
        let folder = self.budget.folder.as_ref().map(|folder| format!(" under {}", folder.display()));
        let time = DateTime::from_timestamp_nanos(self.archive.mtime).with_timezone(&Local).format("%Y-%m-%d %H:%M");
        let (used, folder) = (Bytes(self.used), folder.unwrap_or_default());
        write!(f, "generations{folder} take {used}, {name} allows {limit}; it was the oldest, of {time}")
    }
}

/// The generations of `log` that its section looks after, with their place among them; none is the log itself.
/// `is_log` knows the logs of the whole policy.
pub(super) fn archives(
    (index, section): (usize, &Section),
    log: &Path,
    listing: &Listing,
    is_log: impl Fn(&Path) -> bool,
) -> Vec<Archive> {
    let settings = &section.settings;
    let family = Family::of(log, settings);
    let is_ours = |parsed: &Parsed| match parsed.age {
        // Without `compress` a policy does not see compressed files, as in logrotate.
        _ if parsed.compressed && !settings.compress => false,
        Age::Number(number) => is_given(settings, number),
        Age::Date(_) => true,
    };
    let near = family.near(&listing.files).filter(|(path, listed)| listed.regular && *path != log && !is_log(path));
    let mut archives: Vec<Archive> = near
        .filter_map(|(path, listed)| {
            let parsed = family.parse(path).filter(is_ours)?;
            Some(Archive {
                path: path.clone(),
                place: path.clone(),
                log: log.to_owned(),
                section: index,
                size: listed.size,
                mtime: listed.mtime,
                age: parsed.age,
                is_pending: settings.compress && !parsed.compressed,
                ending: parsed.compressed.then(|| settings.compress_ext.clone()),
                is_final: parsed.compressed || !settings.compress,
                kept: false,
            })
        })
        .collect();
    let newest = archives.iter().map(|archive| archive.age.clone()).min();
    for archive in archives.iter_mut().filter(|archive| Some(&archive.age) == newest.as_ref()) {
        archive.is_pending &= !settings.delay_compress;
        // It is still being made.
        archive.kept = archive.is_pending;
    }
    archives
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::rotate::plan::Listed;
    use crate::rotate::policy::Policy;
    use crate::sys::files::FileId;

    /// `/l/x/a.log.1.gz 30 5`: a path, its bytes, its time; ` kept` behind it. Its log is what comes before the number.
    fn archive(text: &str) -> Archive {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (log, rest) = words[0].split_once(".log.").unwrap();
        let number = rest.trim_end_matches(".gz").parse().unwrap();
        Archive {
            path: words[0].into(),
            place: words[0].into(),
            log: format!("{log}.log").into(),
            section: 0,
            size: words[1].parse().unwrap(),
            mtime: words[2].parse().unwrap(),
            age: Age::Number(number),
            is_pending: false,
            ending: None,
            is_final: true,
            kept: words.get(3).is_some(),
        }
    }

    fn budget(folder: &str, bytes: u64) -> Budget {
        let folder = (!folder.is_empty()).then(|| folder.into());
        Budget { name: "budget".to_owned(), folder, bytes }
    }

    #[test]
    fn the_oldest_of_all_logs_go_first() {
        let check = |budgets: &[(&str, u64)], archives: &[&str], want: &[&str]| {
            let budgets: Vec<Budget> = budgets.iter().map(|(folder, bytes)| budget(folder, *bytes)).collect();
            let got = Trim::new(archives.iter().map(|text| archive(text)).collect(), &budgets).removals();
            let got: Vec<String> = got.iter().map(|removal| removal.path.display().to_string()).collect();
            assert_eq!(got, want, "{budgets:?} {archives:?}");
        };
        let two = ["/l/x/a.log.1 30 9", "/l/x/a.log.2 30 5", "/l/y/b.log.1 30 7", "/l/y/b.log.2 30 3"];
        check(&[], &two, &[]);
        check(&[("", 120)], &two, &[]);
        check(&[("", 119)], &two, &["/l/y/b.log.2"]);
        check(&[("", 61)], &two, &["/l/y/b.log.2", "/l/x/a.log.2"]);
        check(&[("", 0)], &two, &["/l/y/b.log.2", "/l/x/a.log.2", "/l/y/b.log.1", "/l/x/a.log.1"]);
        check(&[("/l/x", 30)], &two, &["/l/x/a.log.2"]);
        check(&[("/l/x/", 59)], &two, &["/l/x/a.log.2"]);
        check(&[("/", 119)], &two, &["/l/y/b.log.2"]);
        // No part of a name is a folder.
        check(&[("/l/x/a", 0), ("/m", 0)], &two, &[]);
        // What a narrow budget removes is nothing that the wide one has to remove.
        check(&[("", 90), ("/l/x", 30)], &two, &["/l/x/a.log.2"]);
        check(&[("", 60), ("/l/x", 30)], &two, &["/l/x/a.log.2", "/l/y/b.log.2"]);
        check(&[("/l/x", 30), ("/l/y", 30)], &two, &["/l/x/a.log.2", "/l/y/b.log.2"]);
        // What cannot go counts.
        check(&[("", 35)], &["/l/a.log.1 30 9", "/l/a.log.2 30 5 kept"], &["/l/a.log.1"]);
        check(&[("", 65)], &["/l/a.log.1 30 9", "/l/a.log.2 30 5 kept", "/l/a.log.3 30 4"], &["/l/a.log.3"]);
        // Written at the same time, the higher number is older.
        check(&[("", 35)], &["/l/a.log.1 30 5", "/l/a.log.2.gz 30 5"], &["/l/a.log.2.gz"]);
        check(&[("", 0)], &["/l/a.log.1 0 5"], &[]);
        check(&[("", u64::MAX)], &["/l/a.log.1 1 5"], &[]);
    }

    #[test]
    fn behind_what_waits_nothing_goes_and_what_stays_is_passed_over() {
        let archives = ["/l/a.log.3 30 1", "/l/a.log.2 30 2", "/l/b/b.log.1 30 3", "/l/a.log.1 30 4"];
        let check = |outcomes: &[(&str, Outcome)], want: &[&str]| {
            let budgets = [budget("", 30), budget("/l/b", 0)];
            let mut trim = Trim::new(archives.iter().map(|text| archive(text)).collect(), &budgets);
            let mut named = Vec::new();
            while let Some(removal) = trim.next() {
                let of = |name: &str| removal.path.ends_with(name);
                let outcome =
                    outcomes.iter().find(|(name, _)| of(name)).map_or(Outcome::Removed, |(_, outcome)| *outcome);
                trim.settle(&removal, outcome);
                named.push(removal.path.display().to_string());
            }
            assert_eq!(named, want, "{outcomes:?}");
        };
        check(&[], &["/l/b/b.log.1", "/l/a.log.3", "/l/a.log.2"]);
        check(&[("a.log.3", Outcome::Waits)], &["/l/b/b.log.1", "/l/a.log.3"]);
        check(&[("a.log.3", Outcome::Stays)], &["/l/b/b.log.1", "/l/a.log.3", "/l/a.log.2", "/l/a.log.1"]);
        // A narrow budget that waits makes the wide one wait, too, and not the other way round.
        check(&[("b.log.1", Outcome::Waits)], &["/l/b/b.log.1"]);
        check(&[("b.log.1", Outcome::Stays)], &["/l/b/b.log.1", "/l/a.log.3", "/l/a.log.2", "/l/a.log.1"]);
    }

    #[test]
    fn only_generations_of_the_policy_count() {
        let check = |body: &str, names: &[&str], want: &[&str]| {
            let conf = format!("/l/a.log {{\n{body}\n}}");
            let section = Policy::parse(&conf, Path::new("f")).0.sections.remove(0);
            let mut listing = Listing::default();
            for name in names {
                let id = FileId { device: 1, inode: 1, born: 0 };
                let regular = !name.ends_with('/');
                let listed = Listed { size: 1, data: 1, mtime: 0, id, mode: 0o600, uid: 0, gid: 0, regular };
                listing.files.insert(Path::new("/l").join(name.trim_end_matches('/')), listed);
            }
            let found = archives((0, &section), Path::new("/l/a.log"), &listing, |path| path.ends_with("a.log.3"));
            let shown = |archive: &Archive| {
                let mark = if archive.kept {
                    " kept"
                } else if archive.is_pending {
                    " pending"
                } else {
                    ""
                };
                format!("{}{mark}", archive.path.file_name().unwrap().to_string_lossy())
            };
            assert_eq!(found.iter().map(shown).collect::<Vec<_>>(), want, "{body}");
        };
        // Not the log, not what an earlier policy left, not what is not ours, no folder, and no log of another section.
        let all = [
            "a.log",
            "a.log.1",
            "a.log.2",
            "a.log.2.gz",
            "a.log.3",
            "a.log.4/",
            "a.log.9",
            "a.log.old",
            "a.log-20260101",
            ".a.log.1.gz.tmp",
            "a.log.01",
            "b.log.1",
            "a.log.1.backup",
        ];
        check("rotate 6", &all, &["a.log.1", "a.log.2"]);
        check("rotate 6\ncompress", &all, &["a.log.1 kept", "a.log.2 pending", "a.log.2.gz"]);
        check("rotate 6\ncompress\ndelaycompress", &all, &["a.log.1", "a.log.2 pending", "a.log.2.gz"]);
        check("rotate -1", &all, &["a.log.1", "a.log.2", "a.log.9"]);
        check("rotate 6\ndateext", &all, &["a.log-20260101"]);
        check("rotate 6\nstart 2", &all, &["a.log.2"]);
        check("rotate 6\nolddir old", &all, &[]);
    }

    proptest! {
        #[test]
        fn no_more_goes_than_must_and_the_oldest_first(
            files in proptest::collection::vec((0usize..3, 0usize..3, 0u64..100, 0i64..6, any::<bool>()), 0..24),
            limits in proptest::collection::vec(proptest::option::of(0u64..600), 4),
        ) {
            let folders = ["/l/a", "/l/b", "/l/b/c"];
            let archives: Vec<Archive> = files.iter().enumerate().map(|(n, (folder, log, size, time, kept))| {
                let kept = if *kept && n % 4 == 0 { "kept" } else { "" };
                archive(&format!("{}/{log}.log.{n} {size} {time} {kept}", folders[*folder]))
            }).collect();
            let places = ["", "/l/a", "/l/b", "/l/b/c"];
            let budgets: Vec<Budget> =
                places.iter().zip(&limits).filter_map(|(folder, limit)| Some(budget(folder, (*limit)?))).collect();
            let gone = Trim::new(archives.clone(), &budgets).removals();
            let names: BTreeSet<&PathBuf> = gone.iter().map(|removal| &removal.path).collect();
            prop_assert_eq!(names.len(), gone.len(), "nothing goes twice");
            // Nothing but what was listed, and nothing that is to stay.
            prop_assert!(gone.iter().all(|removal| archives.iter().any(|a| a.path == removal.path && !a.kept)));
            let left = |budget: &Budget, removed: &[Removal]| -> u64 {
                let is_left = |a: &&Archive| budget.has(a) && !removed.iter().any(|removal| removal.path == a.path);
                archives.iter().filter(is_left).map(|archive| archive.size).sum()
            };
            for (count, removal) in gone.iter().enumerate() {
                let of = |path: &Path| archives.iter().find(|a| a.path == path).unwrap();
                let before = &gone[..count];
                // Some budget it counts against is over without it being gone, and it is the oldest of that one.
                let needed = budgets.iter().any(|budget| {
                    let is_older = |a: &&Archive| !a.kept && a.size > 0 && budget.has(a) && a.mtime < of(&removal.path).mtime;
                    budget.has(of(&removal.path))
                        && left(budget, before) > budget.bytes
                        && archives.iter().filter(is_older).all(|a| before.iter().any(|gone| gone.path == a.path))
                });
                prop_assert!(needed, "{:?} of {:?}", removal, gone);
            }
            // What is still too much cannot go.
            for budget in &budgets {
                let may_go = archives.iter().any(|a| !a.kept && a.size > 0 && budget.has(a) && !names.contains(&a.path));
                prop_assert!(left(budget, &gone) <= budget.bytes || !may_go, "{budget:?}");
            }
        }
    }
}
