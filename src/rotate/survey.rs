//! Looks at the disk for the planner: which logs a policy covers, what they are, and what lies around them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};

use super::error::RotateError;
use super::grammar::expand_home;
use super::names::Family;
use super::plan::{Listed, Listing};
use super::policy::{Policy, Section};
use super::state::State;
use crate::sys::clock;
use crate::sys::files::{FileId, leads_through_link, size_without_leading_hole};

/// As the shell matches: `*` stops at `/` and leaves hidden files alone.
const MATCH: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// A log that a section covers.
pub(super) struct Candidate {
    pub log: PathBuf,
    /// `Ok(None)`: it is not there, and that is fine; its generations are still looked after.
    pub found: Result<Option<Listed>, RotateError>,
}

/// The logs of each section, in the order of the policy.
pub(super) fn survey(policy: &Policy, state: &State) -> Vec<Vec<Candidate>> {
    let matched: Vec<Vec<PathBuf>> = policy.sections.iter().map(matches).collect();
    let output = own_output(policy, &matched);
    let mut owner: BTreeMap<PathBuf, &Section> = BTreeMap::new();
    let mut survey = Vec::new();
    for (section, logs) in policy.sections.iter().zip(matched) {
        let mut candidates = Vec::new();
        for log in logs.into_iter().filter(|log| !output.contains(log)) {
            let found = match owner.get(&log) {
                Some(first) if *first == section => continue, // two patterns of one section
                Some(first) => {
                    let (first, second) = (first.place(), section.place());
                    Err(RotateError::Duplicate { path: log.clone(), first, second })
                }
                None => inspect(section, &log),
            };
            owner.entry(log.clone()).or_insert(section);
            candidates.push(Candidate { log, found });
        }
        // A log that was rotated away and not made again still has generations to compress and remove.
        for log in state.last.keys().filter(|log| !owner.contains_key(*log) && covers(section, log)) {
            candidates.push(Candidate { log: log.clone(), found: Ok(None) });
        }
        survey.push(candidates);
    }
    survey
}

fn matches(section: &Section) -> Vec<PathBuf> {
    let mut logs = Vec::new();
    for pattern in &section.patterns {
        let pattern = expand_home(pattern);
        let found = glob::glob_with(&pattern.to_string_lossy(), MATCH);
        let before = logs.len();
        let found = found.into_iter().flatten().flatten();
        logs.extend(found.filter(|path| !path.is_dir() && !leads_through_link(&pattern, path)));
        // A plain path is wanted whether it is there or not.
        let is_plain = !pattern.to_string_lossy().contains(['*', '?', '[']);
        if logs.len() == before && is_plain && !pattern.is_dir() {
            logs.push(pattern);
        }
    }
    logs
}

fn covers(section: &Section, log: &Path) -> bool {
    section.patterns.iter().any(|pattern| {
        Pattern::new(&expand_home(pattern).to_string_lossy()).is_ok_and(|p| p.matches_path_with(log, MATCH))
    })
}

/// Files that are generations of another log of the policy: rotating them again would breed without end.
fn own_output(policy: &Policy, matched: &[Vec<PathBuf>]) -> BTreeSet<PathBuf> {
    let mut output = BTreeSet::new();
    let all: BTreeSet<&PathBuf> = matched.iter().flatten().collect();
    for (section, logs) in policy.sections.iter().zip(matched) {
        for family in logs.iter().map(|log| Family::of(log, &section.settings)) {
            // Ordered by name: only those in the family's folder that come near it are looked at.
            let start = family.folder.clone();
            let near = all.range::<PathBuf, _>(&start..).take_while(|path| path.starts_with(&start));
            output.extend(near.filter(|path| family.is_output(path)).map(|path| (*path).clone()));
        }
    }
    output
}

fn inspect(section: &Section, log: &Path) -> Result<Option<Listed>, RotateError> {
    let path = log.to_owned();
    let metadata = match fs::symlink_metadata(log) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == io::ErrorKind::NotFound && section.settings.missing_ok => return Ok(None),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(RotateError::Missing { path }),
        Err(e) => return Err(RotateError::file("look at", log)(e)),
    };
    if metadata.is_symlink() {
        Err(RotateError::Link { path })
    } else if !metadata.is_file() {
        Err(RotateError::NotRegular { path })
    } else if metadata.nlink() != 1 {
        Err(RotateError::HardLinked { path })
    } else {
        Ok(Some(Listed { data: size_without_leading_hole(log, &metadata), ..listed(&metadata) }))
    }
}

fn listed(metadata: &Metadata) -> Listed {
    Listed {
        size: metadata.len(),
        data: metadata.len(),
        mtime: metadata.modified().map_or(0, clock::from_system),
        id: FileId::of(metadata),
        mode: metadata.mode() & 0o7777,
        uid: metadata.uid(),
        gid: metadata.gid(),
        regular: metadata.is_file(),
    }
}

/// What is in the folder of `log` and in that of its generations.
pub(super) fn list(section: &Section, log: &Path) -> Result<Listing, RotateError> {
    let mut listing = Listing::default();
    let family = Family::of(log, &section.settings);
    let own = log.parent().unwrap_or(Path::new(""));
    for folder in BTreeSet::from([own, family.folder.as_path()]) {
        let opened = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        for item in fs::read_dir(opened).map_err(RotateError::file("list", opened))? {
            let Ok(item) = item else { continue };
            // What vanishes while we look was not ours to rotate.
            if let Ok(metadata) = fs::symlink_metadata(item.path()) {
                listing.files.insert(folder.join(item.file_name()), listed(&metadata));
            }
        }
    }
    Ok(listing)
}
