//! The planner never loses or overwrites, whatever names are taken.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use logmill::rotate::plan::{plan, tidy};
use logmill::rotate::{Action, Listed, Listing, Policy};
use logmill::sys::files::FileId;
use proptest::prelude::*;

use super::now;

/// Does `action` on names alone; what is overwritten or missing fails the property.
fn simulate(model: &mut BTreeMap<PathBuf, u64>, removed: &mut Vec<u64>, action: &Action) {
    match action {
        Action::Rename { from, to } => {
            let content = model.remove(from).expect("renames what is there");
            assert!(model.insert(to.clone(), content).is_none(), "{action} overwrites");
        }
        Action::Copy { from: log, to } | Action::CopyTruncate { log, to, .. } => {
            let content = model[log];
            assert!(model.insert(to.clone(), content).is_none(), "{action} overwrites");
        }
        Action::Create { path, .. } => assert!(model.insert(path.clone(), 0).is_none(), "{action} overwrites"),
        Action::Compress { from, to } => {
            let content = model.remove(from).expect("compresses what is there");
            // What has the name is renamed when it differs, and is the same otherwise.
            model.insert(to.clone(), content).into_iter().for_each(|other| {
                model.insert(PathBuf::from(format!("{}.backup", to.display())), other);
            });
        }
        Action::Remove { path, .. } => removed.push(model.remove(path).expect("removes what is there")),
        Action::RemoveCopy { path } => drop(model.remove(path).expect("removes what is there")),
        Action::Mail { .. } => {}
    }
}

proptest! {
    #[test]
    fn the_planner_never_loses_or_overwrites(
        taken in proptest::collection::btree_map("a\\.log\\.([0-6]|12|4294967295)(\\.gz)?", any::<bool>(), 0..8),
        keep in 1u32..5,
        compress in prop_oneof!["compress", "nocompress", "compress\ndelaycompress"],
        method in prop_oneof!["copytruncate", "copy", "create 0600", "dateext", "renamecopy"],
    ) {
        let listed = |inode, regular| Listed {
            size: 1, data: 1, mtime: 0, id: FileId { device: 1, inode, born: 0 }, mode: 0o600, uid: 0, gid: 0, regular,
        };
        let log = PathBuf::from("/l/a.log");
        let mut listing = Listing::default();
        listing.files.insert(log.clone(), listed(1, true));
        for (inode, (name, regular)) in (2..).zip(&taken) {
            listing.files.insert(Path::new("/l").join(name), listed(inode, *regular));
        }
        let conf = format!("/l/a.log {{\nrotate {keep}\n{compress}\n{method}\n}}");
        let section = Policy::parse(&conf, Path::new("f")).0.sections.remove(0);
        let before: BTreeMap<_, _> = listing.files.iter().map(|(path, f)| (path.clone(), f.id.inode)).collect();
        // What is one too many goes, and nothing else: the last number, or what is to become it.
        let goes = |path: &Path| {
            let name = path.file_name().unwrap().to_string_lossy().replace(".gz", "");
            name.strip_prefix("a.log.").and_then(|n| n.parse::<u32>().ok()).is_some_and(|n| n == keep || n == keep + 1)
        };
        let surplus: Vec<u64> = before.iter().filter(|(path, _)| goes(path)).map(|(_, content)| *content).collect();
        if let Ok(plan) = plan(&section, &log, &listing, &BTreeSet::new(), &now()) {
            let (mut model, mut removed) = (before.clone(), Vec::new());
            plan.steps().for_each(|action| simulate(&mut model, &mut removed, action));
            prop_assert!(removed.iter().all(|content| surplus.contains(content)), "{:?}", plan);
            let is_there = |content: &u64| model.values().any(|c| c == content) || removed.contains(content);
            prop_assert!(before.values().all(is_there), "{:?}", plan);
        }
        // What is tidied away is never the log, and what is compressed is a regular file.
        for action in tidy(&section, &log, &listing, &now()) {
            if let Action::Compress { from, .. } = &action {
                prop_assert!(listing.files[from].regular);
            }
            let (Action::Remove { path, .. } | Action::Compress { from: path, .. }) = action else { panic!("{action}") };
            prop_assert!(path != log);
        }
    }
}
