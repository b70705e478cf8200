//! The rooms stand in layers: a room imports only from rooms under it, and files stay short enough to read.

use std::fs;
use std::path::{Path, PathBuf};

/// Rooms by layer, lowest first. A room that is not here does not exist.
const LAYERS: &[&[&str]] = &[
    &["sys"],
    &["record"],
    &["parse", "query", "generate"],
    &["pipeline", "tail", "rotate", "store"],
    &["receive", "search"],
    &["metrics"],
    &["alert", "archive", "elastic", "ship"],
    &["config", "http"],
    &["daemon"],
    &["cli"],
];

/// A file that needs more lines than this wants to be two files.
const MAX_LINES: usize = 500;

fn layer_of(room: &str) -> Option<usize> {
    LAYERS.iter().position(|rooms| rooms.contains(&room))
}

fn rust_files(folder: &Path, into: &mut Vec<PathBuf>) {
    for item in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = item.path();
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// Source files with the room they are in (`None` for `lib.rs` and `main.rs`) and their text.
fn sources() -> Vec<(PathBuf, Option<String>, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    let describe = |path: PathBuf| {
        let inside = path.strip_prefix(&root).unwrap();
        let room = (inside.components().count() > 1)
            .then(|| inside.components().next().unwrap().as_os_str().to_string_lossy().into_owned());
        let text = fs::read_to_string(&path).unwrap();
        (path, room, text)
    };
    files.into_iter().map(describe).collect()
}

/// The rooms that `text` names as `crate::ROOM`.
fn imports(text: &str) -> impl Iterator<Item = &str> {
    text.split("crate::").skip(1).map(|rest| {
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        &rest[..end]
    })
}

/// Why `room` may not import `import`, if it may not.
fn objection(room: &str, import: &str) -> Option<&'static str> {
    match (layer_of(room), layer_of(import)) {
        (None, _) => Some("the room is in no layer"),
        (_, None) => Some("the imported name is no room (import as crate::ROOM::…)"),
        _ if room == import => None,
        (Some(own), Some(other)) if other >= own => Some("imports go down the layers only"),
        _ => None,
    }
}

#[test]
fn imports_go_down() {
    for (path, room, text) in sources() {
        let Some(room) = room else { continue };
        for import in imports(&text) {
            if let Some(why) = objection(&room, import) {
                panic!("{}: {room} imports {import}: {why}", path.display());
            }
        }
    }
}

#[test]
fn the_check_can_fail() {
    assert_eq!(imports("use crate::store::Store; crate::sys::x").collect::<Vec<_>>(), ["store", "sys"]);
    assert!(objection("store", "search").is_some());
    assert!(objection("store", "tail").is_some());
    assert!(objection("nowhere", "sys").is_some());
    assert!(objection("store", "record").is_none());
}

#[test]
fn only_the_daemon_spawns_threads_and_only_the_store_and_search_know_tantivy() {
    for (path, room, text) in sources() {
        let room = room.as_deref().unwrap_or("");
        let code = text.split("#[cfg(test)]").next().unwrap();
        let may_spawn = matches!(room, "daemon" | "cli");
        assert!(may_spawn || !code.contains("thread::spawn"), "{} spawns", path.display());
        assert!(may_spawn || !code.contains("tokio::spawn"), "{} spawns", path.display());
        let may_use_tantivy = matches!(room, "store" | "search");
        assert!(may_use_tantivy || !code.contains("tantivy::"), "{} uses tantivy", path.display());
        assert!(room == "sys" || !code.contains("unsafe "), "{} has unsafe code", path.display());
    }
}

#[test]
fn every_file_says_what_it_is_for_and_fits_a_sitting() {
    for (path, _, text) in sources() {
        assert!(text.starts_with("//!"), "{} lacks its //! head", path.display());
        let lines = text.lines().count();
        assert!(lines <= MAX_LINES, "{} has {lines} lines; the limit is {MAX_LINES}", path.display());
    }
}
