//! What a rotation does, decided before anything is touched: pure, so `--debug` and `--plan` print what would
//! happen, and every calendar can be tried.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeZone};

use super::error::RotateError;
use super::names::{Age, Family, Parsed};
use super::policy::{Method, ScriptKind, Section, Settings};
use crate::sys::files::FileId;

/// One step; `execute` does it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Fails if `to` exists, as do the two below.
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Copy {
        from: PathBuf,
        to: PathBuf,
    },
    /// Takes the content out of `log` and puts it in `to`, if `log` still is the file `id`.
    CopyTruncate {
        log: PathBuf,
        to: PathBuf,
        id: FileId,
    },
    /// Access rights beyond the mode come from `like`, if it is given.
    Create {
        path: PathBuf,
        mode: u32,
        uid: u32,
        gid: u32,
        like: Option<PathBuf>,
    },
    /// `from` goes once `to` is complete; if `to` exists, once it has the same content.
    Compress {
        from: PathBuf,
        to: PathBuf,
    },
    /// Removes a generation for good; with `mail` it is mailed before.
    Remove {
        path: PathBuf,
        mail: bool,
    },
    /// Removes what is a copy of something that stays.
    RemoveCopy {
        path: PathBuf,
    },
    /// Mails the new generation, which may be compressed by now.
    Mail {
        path: PathBuf,
    },
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Rename { from, to } => write!(f, "renaming {} to {}", from.display(), to.display()),
            Action::Copy { from, to } => write!(f, "copying {} to {}", from.display(), to.display()),
            Action::CopyTruncate { log, to, .. } => {
                write!(f, "copying {0} to {1}\ntruncating {0}", log.display(), to.display())
            }
            Action::Create { path, mode, uid, gid, .. } => {
                write!(f, "creating new {} mode = 0{mode:o} uid = {uid} gid = {gid}", path.display())
            }
            Action::Compress { from, to } => write!(f, "compressing {} to {}", from.display(), to.display()),
            Action::Remove { path, mail: false } => write!(f, "removing old log {}", path.display()),
            Action::Remove { path, mail: true } => write!(f, "mailing and removing old log {}", path.display()),
            Action::RemoveCopy { path } => write!(f, "removing tmp log {}", path.display()),
            Action::Mail { path } => write!(f, "mailing {}", path.display()),
        }
    }
}

impl Action {
    /// The file that the step is about.
    pub fn subject(&self) -> &Path {
        match self {
            Action::Rename { from, .. } | Action::Copy { from, .. } | Action::Compress { from, .. } => from,
            Action::CopyTruncate { log, .. } => log,
            Action::Create { path, .. }
            | Action::Remove { path, .. }
            | Action::RemoveCopy { path }
            | Action::Mail { path } => path,
        }
    }
}

/// The steps of one rotation. Scripts run between the three groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Make room: what was to be compressed last time, surplus, a new name for every generation.
    pub before: Vec<Action>,
    /// Take the content out of the log.
    pub take: Vec<Action>,
    /// Compress, mail, remove.
    pub after: Vec<Action>,
    /// The newest generation, not compressed.
    pub target: PathBuf,
}

impl Plan {
    /// All steps in their order.
    pub fn steps(&self) -> impl Iterator<Item = &Action> {
        self.before.iter().chain(&self.take).chain(&self.after)
    }
}

/// A file as it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Bytes.
    pub size: u64,
    /// Bytes without a hole at the beginning, which a writer leaves that does not append.
    pub data: u64,
    /// Nanoseconds since the epoch.
    pub mtime: i64,
    pub id: FileId,
    /// Permission bits.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Links, folders and such are no generations, but their names are taken.
    pub regular: bool,
}

/// What there is in the folders of a log and of its generations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    pub files: BTreeMap<PathBuf, Listed>,
}

/// What a generation is at some point of a plan.
#[derive(Clone, Debug)]
struct Generation {
    path: PathBuf,
    age: Age,
    compressed: bool,
    mtime: i64,
    /// Anything else is not compressed.
    regular: bool,
}

/// The generations that a policy looks after, newest first. Without `compress` it does not see compressed files, as
/// logrotate does not.
fn generations(family: &Family<'_>, settings: &Settings, listing: &Listing) -> Vec<Generation> {
    let near = family.near(&listing.files);
    let mut found: Vec<_> = near
        .filter_map(|(path, listed)| {
            let parsed = family.parse(path)?;
            let compressed = parsed.compressed;
            (!compressed || settings.compress).then(|| Generation {
                path: path.clone(),
                age: parsed.age,
                compressed,
                mtime: listed.mtime,
                regular: listed.regular,
            })
        })
        .collect();
    found.sort_by(|a, b| (&a.age, &b.path).cmp(&(&b.age, &a.path)));
    found
}

/// Plans a rotation of `log` at `now`, in local time. `listing` has what is in the folders of the log and of its
/// generations; `locked` are generations that must not be compressed yet.
///
/// Every target is a free name, or one that an earlier step frees. Fails with [`RotateError::Exists`] if a name is taken
/// by what we may not move.
pub fn plan<Z: TimeZone>(
    section: &Section,
    log: &Path,
    listing: &Listing,
    locked: &BTreeSet<PathBuf>,
    now: &DateTime<Z>,
) -> Result<Plan, RotateError>
where
    Z::Offset: fmt::Display,
{
    let settings = &section.settings;
    let family = Family::of(log, settings);
    let mut generations = generations(&family, settings, listing);
    let mut plan = Plan::default();
    if settings.compress {
        compress_leftovers(&family, settings, listing, locked, &mut generations, &mut plan.before);
    }
    let surplus = if settings.date_ext {
        family.check_date_format().map_err(|text| RotateError::DateFormat { text })?;
        plan.target = family.dated(now);
        let name = if settings.compress { family.compressed(&plan.target) } else { plan.target.clone() };
        if [&name, &plan.target].into_iter().any(|path| listing.files.contains_key(path)) {
            let name = if settings.delay_compress { plan.target.clone() } else { name };
            return Err(RotateError::Exists { path: name });
        }
        surplus_dates(settings, generations, now, &mut plan.before)
    } else {
        plan.target = family.numbered(settings.start);
        shift(&family, settings, generations, now, &mut plan.before)
    };
    take(settings, log, listing, &mut plan);
    finish(&family, settings, surplus, &mut plan);
    refuse_taken_names(&plan, listing)?;
    Ok(plan)
}

/// What was to be compressed at the last rotation, or was interrupted: before its name goes to another one.
fn compress_leftovers(
    family: &Family<'_>,
    settings: &Settings,
    listing: &Listing,
    locked: &BTreeSet<PathBuf>,
    generations: &mut Vec<Generation>,
    actions: &mut Vec<Action>,
) {
    let is_kept = |age: &Age| match age {
        Age::Number(number) => *number >= settings.start && first_surplus(settings).is_none_or(|end| *number < end),
        Age::Date(_) => true,
    };
    let mut twins = BTreeSet::new();
    // What delaycompress has put off must not pass unnoticed when something that is no file has its name.
    let put_off = generations.first().filter(|_| settings.delay_compress).map(|g| g.path.clone());
    let is_meant = |g: &&mut Generation| g.regular || put_off.as_ref() == Some(&g.path);
    for generation in generations.iter_mut().filter(|g| !g.compressed && !locked.contains(&g.path)).filter(is_meant) {
        if !is_kept(&generation.age) {
            continue;
        }
        let to = family.compressed(&generation.path);
        if listing.files.contains_key(&to) {
            twins.insert(to.clone());
        }
        actions.push(Action::Compress { from: generation.path.clone(), to: to.clone() });
        (generation.path, generation.compressed) = (to, true);
    }
    // A plain file and its compressed twin are one generation now.
    for twin in twins {
        if let Some(at) = generations.iter().position(|g| g.path == twin) {
            generations.remove(at);
        }
    }
}

/// The number that a generation must not have; `None` without a limit.
fn first_surplus(settings: &Settings) -> Option<u32> {
    settings.kept().map(|kept| settings.start.saturating_add(kept))
}

/// Whether a number is one that the policy gives, the surplus one included.
pub(super) fn is_given(settings: &Settings, number: u32) -> bool {
    number >= settings.start && first_surplus(settings).is_none_or(|end| number <= end)
}

/// Moves every numbered generation one up, oldest first; what is one too many then.
fn shift<Z: TimeZone>(
    family: &Family<'_>,
    settings: &Settings,
    generations: Vec<Generation>,
    now: &DateTime<Z>,
    actions: &mut Vec<Action>,
) -> Vec<PathBuf> {
    let end = first_surplus(settings);
    let (old, mut generations): (Vec<_>, Vec<_>) = generations
        .into_iter()
        .partition(|generation| is_too_old(settings, generation, now) && generation.compressed == settings.compress);
    let mail = settings.mail.is_some();
    let is_near = |age: &Age| matches!(age, Age::Number(n) if *n >= 1 && end.is_none_or(|end| *n <= end));
    for generation in old {
        if is_near(&generation.age) {
            actions.push(Action::Remove { path: generation.path, mail });
        } else {
            generations.push(generation);
        }
    }
    let number = |generation: &Generation| match generation.age {
        Age::Number(number) => number,
        Age::Date(_) => 0,
    };
    generations.sort_by_key(|generation| std::cmp::Reverse(number(generation)));
    let moves_out = end.is_some() && generations.iter().any(|g| number(g).checked_add(1) == end);
    let mut surplus = Vec::new();
    for generation in generations {
        let at = number(&generation);
        match end {
            // It would be overwritten: it was to be removed, or an earlier policy left it there.
            Some(end) if at == end && moves_out => actions.push(Action::Remove { path: generation.path, mail: false }),
            Some(end) if at == end => surplus.push(generation.path),
            Some(end) if at > end => {}
            _ if at < settings.start => {}
            _ => {
                let plain = family.numbered(at.saturating_add(1));
                let to = if generation.compressed { family.compressed(&plain) } else { plain };
                actions.push(Action::Rename { from: generation.path, to: to.clone() });
                if end == Some(at.saturating_add(1)) {
                    surplus.push(to);
                }
            }
        }
    }
    surplus
}

fn is_too_old<Z: TimeZone>(settings: &Settings, generation: &Generation, now: &DateTime<Z>) -> bool {
    let now = now.timestamp_nanos_opt().unwrap_or(0);
    let age = i128::from(now) - i128::from(generation.mtime);
    settings.max_age.is_some_and(|days| age > i128::from(days) * DAY)
}

/// Removes all dated generations that are one too many or too old but the newest of them, which goes at the end.
fn surplus_dates<Z: TimeZone>(
    settings: &Settings,
    generations: Vec<Generation>,
    now: &DateTime<Z>,
    actions: &mut Vec<Action>,
) -> Vec<PathBuf> {
    let mail = settings.mail.is_some();
    // The log will be one more.
    let kept = settings.kept().map(|kept| kept as usize - 1);
    let newest_first = generations.into_iter().enumerate();
    let goes = |(rank, generation): &(usize, Generation)| {
        kept.is_some_and(|kept| *rank >= kept) || is_too_old(settings, generation, now)
    };
    let mut surplus: Vec<PathBuf> = newest_first.filter(goes).map(|(_, generation)| generation.path).collect();
    let last = surplus.drain(..surplus.len().min(1)).collect();
    actions.extend(surplus.into_iter().rev().map(|path| Action::Remove { path, mail }));
    last
}

fn take(settings: &Settings, log: &Path, listing: &Listing, plan: &mut Plan) {
    let (from, to) = (log.to_owned(), plan.target.clone());
    let old = listing.files.get(log);
    let renamed_to = match settings.method() {
        Method::CopyTruncate => {
            let id = old.map(|listed| listed.id).unwrap_or_default();
            plan.take.push(Action::CopyTruncate { log: from, to, id });
            return;
        }
        Method::Copy => {
            plan.take.push(Action::Copy { from, to });
            return;
        }
        Method::Rename => to,
        Method::RenameCopy => {
            let aside = Family::aside(log);
            plan.after.push(Action::Copy { from: aside.clone(), to });
            plan.after.push(Action::RemoveCopy { path: aside.clone() });
            aside
        }
    };
    plan.take.push(Action::Rename { from, to: renamed_to.clone() });
    if let (Some(create), Some(old)) = (settings.create, old) {
        plan.take.push(Action::Create {
            path: log.to_owned(),
            mode: create.mode.unwrap_or(old.mode & 0o777),
            uid: create.uid.unwrap_or(old.uid),
            gid: create.gid.unwrap_or(old.gid),
            like: create.mode.is_none().then_some(renamed_to),
        });
    }
}

/// Compresses and mails the new generation, and removes what is one too many.
fn finish(family: &Family<'_>, settings: &Settings, surplus: Vec<PathBuf>, plan: &mut Plan) {
    let target = plan.target.clone();
    let mail = settings.mail.is_some();
    let is_kept = settings.keep != Some(0);
    // What is removed at once is compressed only for whoever sees it before.
    let is_seen = is_kept || mail || settings.scripts.contains_key(&ScriptKind::Preremove);
    let mut last = target.clone();
    if settings.compress && !settings.delay_compress && is_seen {
        last = family.compressed(&target);
        plan.after.push(Action::Compress { from: target.clone(), to: last.clone() });
    }
    if mail && settings.mail_first {
        plan.after.push(Action::Mail { path: target });
    }
    let mail = mail && !settings.mail_first;
    let surplus = match settings.method() {
        _ if is_kept => surplus,
        // The copy is one more than what was moved out.
        Method::Copy | Method::CopyTruncate => surplus.into_iter().chain([last]).collect(),
        Method::Rename | Method::RenameCopy => vec![last],
    };
    plan.after.extend(surplus.into_iter().map(|path| Action::Remove { path, mail }));
}

/// Follows the names through the steps: a target must be free when its turn comes.
fn refuse_taken_names(plan: &Plan, listing: &Listing) -> Result<(), RotateError> {
    let mut taken: BTreeSet<&Path> = listing.files.keys().map(PathBuf::as_path).collect();
    for action in plan.steps() {
        let (from, to) = match action {
            Action::Rename { from, to } => (Some(from), to),
            Action::Copy { to, .. } | Action::CopyTruncate { to, .. } => (None, to),
            Action::Compress { from, to } => {
                taken.remove(from.as_path());
                taken.insert(to);
                continue;
            }
            Action::Remove { path, .. } | Action::RemoveCopy { path } => {
                taken.remove(path.as_path());
                continue;
            }
            Action::Create { .. } | Action::Mail { .. } => continue,
        };
        if !taken.insert(to) {
            return Err(RotateError::Exists { path: to.clone() });
        }
        from.map(|from| taken.remove(from.as_path()));
    }
    Ok(())
}

/// What is to be removed or compressed among the generations of `log`, oldest first. Found from the listing alone, so
/// what a crash or a gate left undone is simply found again.
pub fn tidy<Z: TimeZone>(section: &Section, log: &Path, listing: &Listing, now: &DateTime<Z>) -> Vec<Action> {
    let settings = &section.settings;
    let family = Family::of(log, settings);
    let mail = settings.mail.is_some() && !settings.mail_first;
    let mut actions = Vec::new();
    let (mut rank, mut previous) = (0u64, None);
    for generation in generations(&family, settings, listing) {
        // A plain file and its compressed twin are one generation.
        rank += u64::from(previous.is_some_and(|age| age != generation.age));
        previous = Some(generation.age.clone());
        let delayed = settings.compress && settings.delay_compress;
        let none_is_kept = settings.keep == Some(0);
        let (is_surplus, is_ours) = match generation.age {
            Age::Number(number) => {
                let goes_at_once = none_is_kept && number == settings.start;
                (goes_at_once || first_surplus(settings) == Some(number), is_given(settings, number))
            }
            Age::Date(_) if none_is_kept => (true, true),
            Age::Date(_) => (settings.kept().is_some_and(|kept| rank >= u64::from(kept)), true),
        };
        // The newest one stays whatever its age: a quiet log's last words are old at once.
        let is_old = rank > 0 && is_ours && is_too_old(settings, &generation, now);
        let path = generation.path;
        if is_surplus || is_old {
            actions.push(Action::Remove { path, mail });
        } else if settings.compress
            && is_ours
            && generation.regular
            && !generation.compressed
            && !(delayed && rank == 0)
        {
            actions.push(Action::Compress { to: family.compressed(&path), from: path });
        }
    }
    actions.reverse();
    actions
}

/// The numbered or dated files near `log` that its policy does not look after: an earlier one left them, with other
/// numbers, another date format or another way of compressing.
pub fn orphans(section: &Section, log: &Path, listing: &Listing) -> Vec<PathBuf> {
    let settings = &section.settings;
    let family = Family::of(log, settings);
    let is_ours = |path: &Path| match family.parse(path) {
        None => false,
        Some(parsed) if parsed.compressed && !settings.compress => false,
        Some(Parsed { age: Age::Number(number), .. }) => is_given(settings, number),
        Some(_) => true,
    };
    let regular = family.near(&listing.files).filter(|(path, listed)| listed.regular && *path != log);
    regular.map(|(path, _)| path).filter(|path| family.is_relative(path) && !is_ours(path)).cloned().collect()
}

/// Nanoseconds.
const DAY: i128 = 86_400_000_000_000;
