//! Looks at the disk for the planner: which logs a policy covers, what they are, and what lies around them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};

use super::error::RotateError;
use super::globs;
use super::grammar::expand_home;
use super::names::Family;
use super::plan::{Listed, Listing};
use super::policy::{Create, Method, Policy, Section};
use crate::sys::clock;
use crate::sys::files::{FileId, folder_of, leads_through_link, size_without_leading_hole};
use crate::sys::user::is_root;

/// As the shell matches: `*` stops at `/` and leaves hidden files alone.
const MATCH: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// What a section covers.
#[derive(Debug, Default)]
pub(super) struct Covered {
    pub logs: Vec<PathBuf>,
    /// What keeps some or all of them from being rotated.
    pub errors: Vec<RotateError>,
}

/// The logs of each section, in the order of the policy.
pub(super) fn survey(policy: &Policy) -> Vec<Covered> {
    let matched: Vec<(Vec<PathBuf>, Vec<RotateError>)> = policy.sections.iter().map(matches).collect();
    let output = own_output(policy, &matched);
    let mut owner: BTreeMap<PathBuf, &Section> = BTreeMap::new();
    let mut survey = Vec::new();
    for (section, (logs, errors)) in policy.sections.iter().zip(matched) {
        let mut covered = Covered { logs: Vec::new(), errors };
        for log in logs.into_iter().filter(|log| !output.contains(log)) {
            match owner.get(&log) {
                Some(first) if first.settings.ignore_duplicates => {}
                Some(first) => {
                    let (first, place) = (first.place(), section.place());
                    covered.errors.push(RotateError::Duplicate { path: log, first, place });
                }
                None => {
                    owner.insert(log.clone(), section);
                    covered.logs.push(log);
                }
            }
        }
        survey.push(covered);
    }
    survey
}

fn matches(section: &Section) -> (Vec<PathBuf>, Vec<RotateError>) {
    let (mut logs, mut errors) = (Vec::new(), Vec::new());
    for pattern in &section.patterns {
        let pattern = expand_home(pattern);
        let text = pattern.to_string_lossy();
        let before = logs.len();
        // What is no pattern is a name, and so is a pattern that nothing matches; a missing file is told as such.
        for found in globs::find(&simple(&text), MATCH) {
            match found {
                Ok(path) if leads_through_link(&pattern, &path) => {}
                Ok(path) => logs.push(globs::spelled(&text, path)),
                Err(e) if e.error().kind() == io::ErrorKind::NotFound || section.settings.missing_ok => {}
                Err(e) => {
                    let pattern = format!("{} {text}", section.place());
                    errors.push(RotateError::Glob { pattern, source: e.into() });
                }
            }
        }
        if logs.len() == before && errors.is_empty() {
            logs.push(pattern);
        }
    }
    logs.retain(|log| !fs::symlink_metadata(log).is_ok_and(|metadata| metadata.is_dir()));
    (logs, errors)
}

/// Two stars are one: the shell has no pattern over several folders.
fn simple(pattern: &str) -> String {
    let mut simple = String::with_capacity(pattern.len());
    for c in pattern.chars() {
        if c != '*' || !simple.ends_with('*') {
            simple.push(c);
        }
    }
    simple
}

/// Whether a section would have this log, were it there.
pub(super) fn covers(section: &Section, log: &Path) -> bool {
    section.patterns.iter().any(|pattern| {
        let pattern = simple(&expand_home(pattern).to_string_lossy());
        Pattern::new(&pattern).is_ok_and(|p| p.matches_path_with(log, MATCH))
    })
}

/// Files that are generations of another log of the policy: rotating them again would breed without end.
fn own_output(policy: &Policy, matched: &[(Vec<PathBuf>, Vec<RotateError>)]) -> BTreeSet<PathBuf> {
    let mut output = BTreeSet::new();
    let all: BTreeMap<PathBuf, ()> = matched.iter().flat_map(|(logs, _)| logs).map(|log| (log.clone(), ())).collect();
    for (section, (logs, _)) in policy.sections.iter().zip(matched) {
        for family in logs.iter().map(|log| Family::of(log, &section.settings)) {
            let near = family.near(&all).map(|(path, ())| path);
            output.extend(near.filter(|path| family.is_output(path)).cloned());
        }
    }
    output
}

/// What a covered log is.
#[derive(Debug)]
pub(super) enum Found {
    File(Listed),
    /// It is not there, and that is fine; its generations are still looked after.
    Gone,
    /// It is not to be rotated, and that is no failure.
    Skipped(String),
    Wrong(RotateError),
}

pub(super) fn inspect(section: &Section, log: &Path) -> Found {
    let settings = &section.settings;
    if let Some(found) = inspect_folder(section, log) {
        return found;
    }
    let metadata = match fs::symlink_metadata(log) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == io::ErrorKind::NotFound && settings.missing_ok => return Found::Gone,
        Err(source) => return Found::Wrong(RotateError::Stat { path: log.to_owned(), source }),
    };
    if metadata.is_symlink() {
        Found::Skipped(format!(
            "log {} is symbolic link. Rotation of symbolic links is not allowed to avoid security issues -- skipping.",
            log.display()
        ))
    } else if metadata.is_file() && metadata.nlink() != 1 && !settings.allow_hard_link {
        Found::Skipped(format!(
            "log {} has multiple ({}) hard links. Rotation of files with multiple hard links is not allowed -- skipping.",
            log.display(),
            metadata.nlink()
        ))
    } else if !metadata.is_file() {
        Found::Wrong(RotateError::NotRegular { path: log.to_owned() })
    } else {
        Found::File(Listed { data: size_without_leading_hole(log, &metadata), ..listed(&metadata) })
    }
}

/// Root rotates only where nobody else may change names meanwhile.
fn inspect_folder(section: &Section, log: &Path) -> Option<Found> {
    if section.settings.su.is_some() || !is_root() {
        return None;
    }
    let folder = folder_of(log);
    let metadata = match fs::metadata(folder) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == io::ErrorKind::NotFound && section.settings.missing_ok => return Some(Found::Gone),
        Err(source) => return Some(Found::Wrong(RotateError::Stat { path: folder.to_owned(), source })),
    };
    let others = metadata.mode() & 0o002 != 0 || (metadata.gid() != 0 && metadata.mode() & 0o020 != 0);
    others.then(|| Found::Wrong(RotateError::InsecureFolder { path: log.to_owned() }))
}

/// Whether generations of `log` may go where the policy wants them; makes that folder if it says so.
pub(super) fn check_old_dir(section: &Section, log: &Path, dry: bool) -> Result<(), RotateError> {
    let settings = &section.settings;
    let Some(old_dir) = &settings.old_dir else { return Ok(()) };
    let place = || format!("{}:{}", section.file.display(), section.end);
    let own = folder_of(log);
    let own_metadata = match fs::metadata(own) {
        Ok(metadata) => metadata,
        Err(_) if settings.missing_ok => return Ok(()),
        Err(source) => {
            return Err(RotateError::LogFolder { place: place(), path: own.to_owned(), source });
        }
    };
    let folder = Family::of(log, settings).folder;
    let failed = |source| RotateError::OldDir { place: place(), path: folder.clone(), source };
    let metadata = match (fs::metadata(&folder), settings.create_old_dir) {
        (Err(e), Some(_)) if e.kind() == io::ErrorKind::NotFound && dry => return Ok(()),
        (Err(e), Some(create)) if e.kind() == io::ErrorKind::NotFound => {
            let made = make_folder(&folder, create).and_then(|()| fs::metadata(&folder));
            made.map_err(|source| RotateError::MakeFolder { path: folder.clone(), source })?
        }
        (found, _) => found.map_err(failed)?,
    };
    if metadata.dev() != own_metadata.dev() && settings.method() == Method::Rename {
        return Err(RotateError::OtherDevice { place: place(), folder: old_dir.clone(), path: log.to_owned() });
    }
    Ok(())
}

fn make_folder(folder: &Path, create: Create) -> io::Result<()> {
    let mode = create.mode.unwrap_or(0o755);
    if let Some(parent) = folder.parent().filter(|parent| !parent.exists()) {
        make_folder(parent, create)?;
    }
    DirBuilder::new().mode(mode).create(folder)?;
    if create.uid.is_some() || create.gid.is_some() {
        chown(folder, create.uid, create.gid)?;
    }
    // Whatever the umask is.
    fs::set_permissions(folder, fs::Permissions::from_mode(mode))
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

/// The folder of a bare name is the one we are in.
fn readable(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

/// What is in the folders that were looked into, kept true by whoever changes it.
#[derive(Debug, Default)]
pub(super) struct Folders {
    listing: Listing,
    known: BTreeSet<PathBuf>,
    /// Whether a folder has hidden files.
    hidden: BTreeMap<PathBuf, bool>,
}

impl Folders {
    /// What is in the folder of `log` and in that of its generations, and in others.
    pub fn around(&mut self, section: &Section, log: &Path) -> Result<&Listing, RotateError> {
        let family = Family::of(log, &section.settings);
        let own = log.parent().unwrap_or(Path::new(""));
        for folder in BTreeSet::from([own, family.folder.as_path()]) {
            if !self.known.contains(folder) {
                self.read(folder)?;
                self.known.insert(folder.to_owned());
            }
        }
        Ok(&self.listing)
    }

    /// Whether a folder has hidden files, as unfinished ones are: cheaper to know than all about all files.
    pub fn has_hidden(&mut self, folder: &Path) -> bool {
        if let Some(known) = self.hidden.get(folder) {
            return *known;
        }
        let opened = readable(folder);
        let mut names = fs::read_dir(opened).into_iter().flatten().flatten().map(|item| item.file_name());
        let hidden = names.any(|name| name.as_encoded_bytes().starts_with(b"."));
        self.hidden.insert(folder.to_owned(), hidden);
        hidden
    }

    fn read(&mut self, folder: &Path) -> Result<(), RotateError> {
        let opened = readable(folder);
        let items = match fs::read_dir(opened) {
            // A folder that `createolddir` would make has nothing in it.
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            items => items.map_err(RotateError::file("list", opened))?,
        };
        for item in items {
            let Ok(item) = item else { continue };
            // What vanishes while we look was not ours to rotate.
            if let Ok(metadata) = fs::symlink_metadata(item.path()) {
                self.listing.files.insert(folder.join(item.file_name()), listed(&metadata));
            }
        }
        Ok(())
    }

    /// Something became of `path`.
    pub fn touch(&mut self, path: &Path) {
        if !path.parent().is_some_and(|folder| self.known.contains(folder)) {
            return;
        }
        match fs::symlink_metadata(path) {
            Ok(metadata) => drop(self.listing.files.insert(path.to_owned(), listed(&metadata))),
            Err(_) => drop(self.listing.files.remove(path)),
        }
    }
}
