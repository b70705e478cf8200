//! Whose a file is that somebody names: by its path, however it is written and whatever links are on the way.

use std::fs;
use std::path::{Component, Path, PathBuf};

use glob::Pattern;

use crate::tail::Source;
use crate::tail::discover::{has_wildcard, logs_of, source_like, source_of};

/// The source that follows a file, or would have followed it when it was a log, if it stands in its place; or else the
/// one that would read it, had it stood there. The globs may be relative and lead through links, and so may the path.
pub fn source_for(sources: &[Source], path: &Path) -> Option<usize> {
    let (plain, real) = (plain(path), fs::canonicalize(path).ok());
    let paths = || plain.iter().chain(&real);
    let placed = |sources: &[Source], path: &PathBuf| logs_of(path).iter().find_map(|log| source_of(sources, log));
    let in_place = || {
        let absolute = anchored(sources, |folder| Some(folder.to_owned()));
        paths().find_map(|path| placed(&absolute, path))
    };
    let behind_links = || {
        let resolved = anchored(sources, |folder| fs::canonicalize(folder).ok());
        paths().find_map(|path| placed(&resolved, path))
    };
    let elsewhere = || paths().find_map(|path| source_like(sources, path));
    in_place().or_else(behind_links).or_else(elsewhere)
}

/// The path from the root on, and the same without `..`, if that is the same file: behind a link it may not be.
fn plain(path: &Path) -> Vec<PathBuf> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut short = PathBuf::new();
    for component in absolute.components() {
        match component {
            Component::ParentDir => drop(short.pop()),
            component => short.push(component),
        }
    }
    let real = |path: &Path| fs::canonicalize(path).ok();
    if short == absolute || real(&short) != real(&absolute) { vec![absolute] } else { vec![absolute, short] }
}

/// The sources with globs that begin at the root, where the folder before their wildcards is what `place` makes of it.
fn anchored(sources: &[Source], place: impl Fn(&Path) -> Option<PathBuf>) -> Vec<Source> {
    let here = std::env::current_dir().unwrap_or_default();
    let anchor = |glob: &String| {
        let parts: Vec<_> = Path::new(glob).components().filter(|part| *part != Component::CurDir).collect();
        let is_fixed = |part: &&Component<'_>| part.as_os_str().to_str().is_some_and(|part| !has_wildcard(part));
        let fixed = parts.iter().take_while(is_fixed).count().min(parts.len().saturating_sub(1));
        let folder = place(&here.join(parts[..fixed].iter().collect::<PathBuf>()))?;
        let anchored = Path::new(&Pattern::escape(folder.to_str()?)).join(parts[fixed..].iter().collect::<PathBuf>());
        anchored.into_os_string().into_string().ok()
    };
    let anchored = |globs: &[String]| globs.iter().filter_map(anchor).collect();
    let source = |source: &Source| Source {
        include: anchored(&source.include),
        exclude: anchored(&source.exclude),
        ..Source::default()
    };
    sources.iter().map(source).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_file_has_its_source_under_whatever_name() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["x/logs", "x/far/logs", "y/app1", "other"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        for name in ["x/logs/a.log", "x/logs/skip.log", "x/logs/a.log.1", "x/far/logs/a.log", "y/app1/b.log", "c.log"] {
            fs::write(root.join(name), "").unwrap();
        }
        for (link, to) in [("link", "x/logs"), ("far", "x/far"), ("apps", "y"), ("y/app2", "x/logs"), ("z", "x")] {
            symlink(root.join(to), root.join(link)).unwrap();
        }
        let glob = |tail: &str| root.join(tail).to_str().unwrap().to_owned();
        let source = |include: &str| Source {
            include: vec![glob(include)],
            exclude: vec![glob("x/logs/skip.log")],
            ..Source::default()
        };
        let sources = [source("x/logs/*.log"), source("apps/*/b.log"), source("c.log")];
        let relative =
            [Source { include: vec!["./src/ta*l/named.rs".to_owned()], ..Source::default() }, sources[0].clone()];
        let check = |sources: &[Source], path: &str, want: Option<usize>| {
            let path = if path.starts_with("src") { PathBuf::from(path) } else { root.join(path) };
            assert_eq!(source_for(sources, &path), want, "{}", path.display());
        };
        check(&sources, "x/logs/a.log", Some(0));
        check(&sources, "./x/./logs/a.log", Some(0));
        check(&sources, "other/../x/logs/a.log", Some(0));
        check(&sources, "other/../x/logs/a.log.1", Some(0));
        check(&sources, "link/a.log", Some(0));
        check(&sources, "z/logs/a.log.1", Some(0));
        check(&sources, "y/app2/../../other/../z/logs/a.log", Some(0));
        check(&sources, "y/app2/a.log", Some(0));
        // What is behind a link goes up from where that leads.
        check(&sources, "far/../logs/a.log", Some(0));
        check(&sources, "far/logs/../../logs/a.log", Some(0));
        check(&sources, "far/logs/a.log", None);
        check(&sources, "x/logs/../far/logs/a.log", None);
        // Files that are left out are, under any name.
        check(&sources, "x/logs/skip.log", None);
        check(&sources, "link/skip.log", None);
        // A glob may lead through a link.
        check(&sources, "y/app1/b.log", Some(1));
        check(&sources, "apps/app1/b.log", Some(1));
        check(&sources, "c.log", Some(2));
        check(&sources, "gone/../x/logs/gone.log", Some(0));
        // Tests run in the package's folder.
        check(&relative, "src/tail/named.rs", Some(0));
        check(&relative, "src/cli/../tail/named.rs", Some(0));
        check(&relative, "src/tail/once.rs", None);
    }
}
