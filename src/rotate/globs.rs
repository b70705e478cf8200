//! What a pattern finds: as the shell does it, hidden names where the pattern asks for them, and spelled as the pattern
//! spells its folder, because the state file knows a log by the spelling.

use std::path::{Component, Path, PathBuf};

use glob::{GlobResult, MatchOptions, Pattern};

const WILD: [char; 3] = ['*', '?', '['];

/// All that `pattern` matches; nothing if it is no pattern.
pub(super) fn find(pattern: &str, options: MatchOptions) -> Vec<GlobResult> {
    if !asks_for_hidden(pattern) {
        return glob::glob_with(pattern, options).into_iter().flatten().collect();
    }
    // A walk without hidden names passes over those that the pattern asks for: it is done with all, and what another
    // part of the pattern must not match is left out afterwards.
    let all = MatchOptions { require_literal_leading_dot: false, ..options };
    let plain: PathBuf = Path::new(pattern).components().collect();
    let plain = Pattern::new(&plain.to_string_lossy());
    let is_meant = |path: &Path| plain.as_ref().is_ok_and(|plain| plain.matches_path_with(path, options));
    let found = glob::glob_with(pattern, all).into_iter().flatten();
    found.filter(|found| found.as_ref().map_or(true, |path| is_meant(path))).collect()
}

/// Whether a part with a wildcard begins with a dot.
fn asks_for_hidden(pattern: &str) -> bool {
    let is_hidden = |part: Component<'_>| {
        let name = part.as_os_str().to_string_lossy();
        name.starts_with('.') && name.contains(WILD)
    };
    Path::new(pattern).components().any(is_hidden)
}

/// `found` with its folder as `pattern` has it, doubled slashes and all, when no wildcard is in there.
pub(super) fn spelled(pattern: &str, found: PathBuf) -> PathBuf {
    if Path::new(pattern) == found {
        return PathBuf::from(pattern);
    }
    let (Some((folder, _)), Some(name)) = (pattern.rsplit_once('/'), found.file_name()) else { return found };
    if folder.contains(WILD) || Some(Path::new(folder)) != found.parent() {
        return found;
    }
    let mut path = std::ffi::OsString::from(folder);
    path.push("/");
    path.push(name);
    PathBuf::from(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHELL: MatchOptions =
        MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

    #[test]
    fn hidden_names_are_found_where_they_are_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.log", ".b.log", ".c", "d/x.log", "d/.y.log", ".e/z.log"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let check = |pattern: &str, want: &[&str]| {
            let pattern = format!("{}/{pattern}", folder.path().display());
            let mut found: Vec<_> = find(&pattern, SHELL).into_iter().map(Result::unwrap).collect();
            found.sort();
            let mut want: Vec<_> = want.iter().map(|name| folder.path().join(name)).collect();
            want.sort();
            assert_eq!(found, want, "{pattern}");
        };
        check("*.log", &["a.log"]);
        check(".*.log", &[".b.log"]);
        check(".c*", &[".c"]);
        check(".[bc]*", &[".b.log", ".c"]);
        check("*/*.log", &["d/x.log"]);
        check("*/.*.log", &["d/.y.log"]);
        check(".e*/*.log", &[".e/z.log"]);
        check(".c", &[".c"]);
        check("/.*.log", &[".b.log"]);
        check("d//.*.log", &["d/.y.log"]);
    }

    #[test]
    fn a_path_is_spelled_as_its_pattern() {
        let check = |pattern: &str, found: &str, want: &str| {
            assert_eq!(spelled(pattern, found.into()).to_str(), Some(want));
        };
        check("/t//a.log", "/t/a.log", "/t//a.log");
        check("/t//*.log", "/t/a.log", "/t//a.log");
        check("/t/./*.log", "/t/a.log", "/t/./a.log");
        check("/*//a.log", "/t/a.log", "/t/a.log");
        check("/t/a.log", "/t/a.log", "/t/a.log");
        check("a.log", "a.log", "a.log");
        check("/*.log", "/a.log", "/a.log");
    }
}
