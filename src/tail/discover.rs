//! Which files to follow: globs to paths, and the folders worth watching for new ones.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};

use crate::sys::encoding::Encoding;
use crate::sys::files::leads_through_link;
use crate::tail::TailError;
use crate::tail::generations::is_generation;

/// What one pipeline wants followed.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Of the pipeline.
    pub name: String,
    /// Globs, relative to the working folder where they do not begin with `/`.
    pub include: Vec<String>,
    pub exclude: Vec<String>,
    /// Of files that have no byte order mark. Unset: UTF-8, or UTF-16 where it shows.
    pub encoding: Option<Encoding>,
    /// Files that are there at the first start are followed from their end.
    pub start_at_end: bool,
    /// Nothing is followed: it reads only what it is given.
    pub on_request: bool,
}

const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// The files to follow, each with the index of its source: the first source that wants it gets it.
/// Earlier generations of a followed file are not followed themselves; `known` are files that were followed before
/// and may be away for a moment.
/// `errors` gets what matches and cannot be followed.
pub fn paths(
    sources: &[Source],
    known: &dyn Fn(&Path) -> bool,
    errors: &mut Vec<(PathBuf, TailError)>,
) -> BTreeMap<PathBuf, usize> {
    let mut found = BTreeMap::new();
    for (index, source) in sources.iter().enumerate().filter(|(_, s)| !s.on_request) {
        let excludes: Vec<Pattern> = source.exclude.iter().filter_map(|e| Pattern::new(e).ok()).collect();
        for path in source.include.iter().flat_map(|include| wanted(include, errors)).collect::<Vec<_>>() {
            if excludes.iter().any(|e| e.matches_path_with(&path, OPTIONS)) {
                continue;
            }
            if path.is_dir() {
                errors.push((path.clone(), TailError::Folder { path }));
            } else {
                found.entry(path).or_insert(index);
            }
        }
    }
    let all: BTreeSet<PathBuf> = found.keys().cloned().collect();
    found.retain(|path, _| !is_generation_of_another(path, &|other| all.contains(other) || known(other)));
    found
}

/// The logs that are there now.
pub fn followed(sources: &[Source]) -> Vec<PathBuf> {
    paths(sources, &|_| false, &mut Vec::new()).into_keys().collect()
}

/// The first source whose globs match a path, whether there is such a file or not.
pub fn source_of(sources: &[Source], path: &Path) -> Option<usize> {
    let matches = |globs: &[String]| {
        globs.iter().any(|g| Pattern::new(g).is_ok_and(|pattern| pattern.matches_path_with(path, OPTIONS)))
    };
    sources.iter().position(|s| matches(&s.include) && !matches(&s.exclude))
}

/// The source that would read a file, had it stood in its place: `/backup/logs/api.log.3.gz` is for the source that
/// has `logs/api.log`.
pub fn source_like(sources: &[Source], path: &Path) -> Option<usize> {
    logs_of(path).iter().find_map(|path| {
        // The whole path first, then ever less of its folders.
        let components: Vec<_> = path.components().collect();
        (0..components.len()).find_map(|skip| source_of(sources, &components[skip..].iter().collect::<PathBuf>()))
    })
}

/// The path, and then the logs of which it may be a generation.
pub(super) fn logs_of(path: &Path) -> Vec<PathBuf> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return Vec::new() };
    let stems = name.match_indices(['.', '-']).map(|(at, _)| &name[..at]);
    let logs = stems.flat_map(|stem| [stem.to_owned(), format!("{stem}.log")]).filter(|log| is_generation(log, name));
    std::iter::once(name.to_owned()).chain(logs).map(|name| path.with_file_name(name)).collect()
}

fn expand(include: &str) -> impl Iterator<Item = PathBuf> {
    glob::glob_with(include, OPTIONS).into_iter().flatten().flatten()
}

/// What a glob matches, without what is behind a symbolic link among its wildcards: it has another name already, or is
/// none of our business.
fn wanted(include: &str, errors: &mut Vec<(PathBuf, TailError)>) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for item in glob::glob_with(include, OPTIONS).into_iter().flatten() {
        match item {
            Ok(path) if leads_through_link(Path::new(include), &path) => {}
            Ok(path) => paths.push(path),
            Err(error) => {
                let path = error.path().to_owned();
                errors.push((path.clone(), TailError::List { path, source: error.into() }));
            }
        }
    }
    paths
}

fn is_generation_of_another(path: &Path, is_log: &dyn Fn(&Path) -> bool) -> bool {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|n| n.to_str())) else { return false };
    // The name of which this could be a generation begins with the same letters, up to a separator and a digit.
    let stems = name.match_indices(['.', '-']).map(|(at, _)| &name[..at]);
    let mut candidates = stems.flat_map(|stem| [folder.join(stem), folder.join(format!("{stem}.log"))]);
    candidates.any(|c| {
        c != path && is_log(&c) && c.file_name().and_then(|n| n.to_str()).is_some_and(|n| is_generation(n, name))
    })
}

/// The existing folders in which a matching file or folder may appear.
pub fn folders(sources: &[Source]) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for include in sources.iter().flat_map(|s| &s.include) {
        let mut pattern = Path::new(include);
        while let Some(parent) = pattern.parent() {
            pattern = parent;
            let text = if parent.as_os_str().is_empty() { "." } else { parent.to_str().unwrap_or(".") };
            found.extend(expand(text).filter(|p| p.is_dir()));
            if !has_wildcard(text) {
                break;
            }
        }
    }
    found
}

pub(super) fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_out_of_place_find_their_source() {
        let source = |include: &str| Source { include: vec![include.to_owned()], ..Source::default() };
        let sources = [source("logs/api.log"), source("logs/demo_*/*.log"), source("*.txt")];
        let check =
            |path: &str, want: Option<usize>| assert_eq!(source_like(&sources, Path::new(path)), want, "{path}");
        check("logs/api.log", Some(0));
        check("/backup/logs/api.log", Some(0));
        check("/backup/logs/api.log.3.gz", Some(0));
        check("logs/api.log-20261123.zst", Some(0));
        check("/x/logs/demo_1/w.log.1", Some(1));
        check("/x/y/z.txt", Some(2));
        check("/backup/api.log", None);
        check("/", None);
    }

    #[test]
    fn first_source_wins_and_generations_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in ["a.log", "a.log.1", "a.log.2.gz", "b.log", "b_20261123.log", "c-1.log", "skip.log", "x.txt"] {
            std::fs::write(root.join(name), "").unwrap();
        }
        std::fs::create_dir_all(root.join("demo_1/x.log")).unwrap();
        std::fs::write(root.join("demo_1/w.log"), "").unwrap();
        let glob = |tail: &str| root.join(tail).to_str().unwrap().to_owned();
        let source =
            |include: &str| Source { include: vec![glob(include)], exclude: vec![glob("skip*")], ..Source::default() };
        let sources = [source("a.log*"), source("*.log"), source("demo_*/*.log")];
        let mut errors = Vec::new();
        let names: Vec<(String, usize)> = paths(&sources, &|_| false, &mut errors)
            .into_iter()
            .map(|(p, i)| (p.strip_prefix(root).unwrap().display().to_string(), i))
            .collect();
        let want = [("a.log", 0), ("b.log", 1), ("b_20261123.log", 1), ("c-1.log", 1), ("demo_1/w.log", 2)];
        assert_eq!(names, want.map(|(n, i)| (n.to_owned(), i)));
        assert!(matches!(&errors[..], [(_, TailError::Folder { path })] if path.ends_with("x.log")), "{errors:?}");
        assert_eq!(folders(&sources), BTreeSet::from([root.to_owned(), root.join("demo_1")]));
    }
}
