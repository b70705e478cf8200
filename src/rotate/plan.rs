//! What a rotation does, decided before anything is touched: pure, so `--dry-run` prints what would happen.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeZone};

use super::error::RotateError;
use super::names::{Age, Family};
use super::policy::{Method, ScriptKind, Section};
use crate::sys::files::FileId;

/// One step; `execute` does it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Fails if `to` exists, as do the three below.
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Copy {
        from: PathBuf,
        to: PathBuf,
    },
    /// Copies to the end, then empties `log` at once, if it still is the file `id`.
    CopyTruncate {
        log: PathBuf,
        to: PathBuf,
        id: FileId,
    },
    Create {
        path: PathBuf,
        mode: u32,
        uid: u32,
        gid: u32,
    },
    /// `from` goes once `to` is complete; if `to` exists, once it has the same content.
    Compress {
        from: PathBuf,
        to: PathBuf,
    },
    Remove {
        path: PathBuf,
    },
    Script {
        kind: ScriptKind,
        text: String,
        args: Vec<String>,
    },
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Rename { from, to } => write!(f, "rename {} to {}", from.display(), to.display()),
            Action::Copy { from, to } => write!(f, "copy {} to {}", from.display(), to.display()),
            Action::CopyTruncate { log, to, .. } => {
                write!(f, "copy {} to {} and truncate it", log.display(), to.display())
            }
            Action::Create { path, mode, uid, gid } => {
                write!(f, "create {} mode {mode:04o} owner {uid}:{gid}", path.display())
            }
            Action::Compress { from, to } => write!(f, "compress {} to {}", from.display(), to.display()),
            Action::Remove { path } => write!(f, "remove {}", path.display()),
            Action::Script { kind, args, .. } => write!(f, "run {kind} {}", args.join(" ")),
        }
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

struct Generation<'a> {
    path: &'a Path,
    age: Age,
    compressed: bool,
    listed: &'a Listed,
}

/// The generations of `family`, newest first.
fn generations<'a>(family: &Family<'_>, listing: &'a Listing) -> Vec<Generation<'a>> {
    let regular = listing.files.iter().filter(|(_, listed)| listed.regular);
    let mut found: Vec<_> = regular
        .filter_map(|(path, listed)| {
            let parsed = family.parse(path)?;
            Some(Generation { path, age: parsed.age, compressed: parsed.compressed, listed })
        })
        .collect();
    found.sort_by(|a, b| a.age.cmp(&b.age));
    found
}

/// The steps that take the content out of `log` and leave it as its newest generation.
///
/// Every target is a free name, or one that an earlier step frees. Compression and removal are no part of it:
/// see [`tidy`]. Fails with [`RotateError::Exists`] if a name is taken by what we may not move.
pub fn plan<Z: TimeZone>(
    section: &Section,
    log: &Path,
    listing: &Listing,
    now: &DateTime<Z>,
) -> Result<Vec<Action>, RotateError> {
    let settings = &section.settings;
    let family = Family::of(log, settings);
    let (mut actions, target) = if settings.date_ext {
        (Vec::new(), family.dated(now))
    } else {
        (shift(&family, listing), family.numbered(settings.start))
    };
    let from = log.to_owned();
    actions.push(match settings.method {
        Method::Rename => Action::Rename { from, to: target.clone() },
        Method::CopyTruncate => {
            let id = listing.files.get(log).map(|listed| listed.id).unwrap_or_default();
            Action::CopyTruncate { log: from, to: target.clone(), id }
        }
        Method::Copy => Action::Copy { from, to: target.clone() },
    });
    refuse_taken_names(&actions, listing)?;
    let compressed = family.compressed(&target);
    if settings.date_ext && listing.files.contains_key(&compressed) {
        return Err(RotateError::Exists { path: compressed });
    }
    if let (Method::Rename, Some(create), Some(old)) = (settings.method, settings.create, listing.files.get(log)) {
        actions.push(Action::Create {
            path: log.to_owned(),
            mode: create.mode.unwrap_or(old.mode),
            uid: create.uid.unwrap_or(old.uid),
            gid: create.gid.unwrap_or(old.gid),
        });
    }
    Ok(actions)
}

/// Moves every numbered generation one up, oldest first; also the plain ones whose compression is pending.
fn shift(family: &Family<'_>, listing: &Listing) -> Vec<Action> {
    let oldest_first = generations(family, listing).into_iter().rev();
    oldest_first
        .filter_map(|generation| {
            let Age::Number(number) = generation.age else { return None };
            let plain = family.numbered(number.checked_add(1)?);
            let to = if generation.compressed { family.compressed(&plain) } else { plain };
            Some(Action::Rename { from: generation.path.to_owned(), to })
        })
        .collect()
}

/// Follows the names through the renames: a target must be free when its turn comes.
fn refuse_taken_names(actions: &[Action], listing: &Listing) -> Result<(), RotateError> {
    let mut taken: BTreeSet<&Path> = listing.files.keys().map(PathBuf::as_path).collect();
    for action in actions {
        let (from, to) = match action {
            Action::Rename { from, to } => (Some(from), to),
            Action::Copy { to, .. } | Action::CopyTruncate { to, .. } => (None, to),
            _ => continue,
        };
        if !taken.insert(to) {
            return Err(RotateError::Exists { path: to.clone() });
        }
        from.map(|from| taken.remove(from.as_path()));
    }
    Ok(())
}

/// What is to be removed or compressed among the generations of `log`, oldest first. Found from the listing
/// alone, so what a crash or a gate left undone is simply found again.
pub fn tidy<Z: TimeZone>(section: &Section, log: &Path, listing: &Listing, now: &DateTime<Z>) -> Vec<Action> {
    let settings = &section.settings;
    let family = Family::of(log, settings);
    let generations = generations(&family, listing);
    let now = now.timestamp_nanos_opt().unwrap_or(0);
    let mut actions = Vec::new();
    let (mut rank, mut previous) = (0u64, None);
    for generation in &generations {
        // A plain file and its compressed twin are one generation.
        rank += u64::from(previous.is_some_and(|age| age != &generation.age));
        previous = Some(&generation.age);
        let surplus = settings.keep.is_some_and(|keep| match generation.age {
            Age::Number(number) => u64::from(number) >= u64::from(settings.start) + u64::from(keep),
            Age::Date(_) => rank >= u64::from(keep),
        });
        let days = u64::try_from(now.saturating_sub(generation.listed.mtime) / DAY).unwrap_or(0);
        // The newest one stays whatever its age: a quiet log's last words are old at once.
        let too_old = rank > 0 && settings.max_age.is_some_and(|max| days > max);
        let path = generation.path.to_owned();
        if surplus || too_old {
            actions.push(Action::Remove { path });
        } else if settings.compress && !generation.compressed && !(settings.delay_compress && rank == 0) {
            actions.push(Action::Compress { to: family.compressed(&path), from: path });
        }
    }
    actions.reverse();
    actions
}

/// The listing as it will be after `actions`, so that a dry run can foresee what is tidied then.
pub(super) fn foresee(listing: &Listing, actions: &[Action]) -> Listing {
    let mut files = listing.files.clone();
    for action in actions {
        let moved = match action {
            Action::Rename { from, to } => files.remove(from).map(|listed| (to, listed)),
            Action::Copy { from: log, to } | Action::CopyTruncate { log, to, .. } => {
                files.get(log).map(|listed| (to, *listed))
            }
            _ => None,
        };
        files.extend(moved.map(|(to, listed)| (to.clone(), listed)));
    }
    Listing { files }
}

/// Nanoseconds.
const DAY: i64 = 86_400_000_000_000;
