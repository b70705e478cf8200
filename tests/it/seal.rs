//! Sealed partitions: interrupted, damaged, packed once more by the rules of retention.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use logmill::query::Query;
use logmill::record::{Entry, Level, Position, Text};
use logmill::search::{Budget, Found, Request, Window, export, find};
use logmill::store::{Options, Packing, Retention, Rule, SealError, Sealer, Snapshot, Writer, verify};
use logmill::sys::clock::{self, SECOND};
use logmill::sys::units::{Bytes, Span};

const ENTRIES: i64 = 3000;

/// A store with one partition that is not written any more, and the next one.
fn store() -> (tempfile::TempDir, Writer) {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    let level = |n: i64| if n % 10 == 0 { Level::Debug } else { Level::Info };
    let entry = |n: i64| Entry {
        time: n * SECOND,
        level: level(n),
        raw: format!("entry {n} of some").into(),
        message: Text::Slice(0..5),
        source: format!("{}.log", n % 3).into(),
        service: "api".into(),
        ..Entry::default()
    };
    writer.add(0, (0..ENTRIES).map(entry).collect(), Position::default()).unwrap();
    writer.commit().unwrap();
    assert!(writer.roll_if_due(clock::now() + 2 * 86_400 * SECOND).unwrap());
    (folder, writer)
}

fn open(data: &Path) -> Writer {
    Writer::open(data, Options { partition_bytes: Bytes(1 << 30) }).unwrap()
}

fn ask(snapshot: &Snapshot, query: &str) -> Found {
    let query: Query = query.parse().unwrap();
    let request = Request { query, window: Window::ALL, limit: 10_000, after: None, budget: Budget::default() };
    find(snapshot, &request).unwrap()
}

fn count(snapshot: &Snapshot, query: &str) -> i64 {
    ask(snapshot, query).entries.len() as i64
}

fn names(data: &Path) -> Vec<String> {
    let name = |item: fs::DirEntry| item.file_name().to_string_lossy().into_owned();
    let mut names: Vec<String> = fs::read_dir(data.join("partitions")).unwrap().flatten().map(name).collect();
    names.sort();
    names
}

fn seal(writer: &Writer, packing: Packing) -> PathBuf {
    let shared = writer.shared();
    let view = shared.partitions().remove(0);
    let sealed = Sealer::run(&view, packing, &AtomicBool::new(false)).unwrap();
    let path = sealed.path.clone();
    assert!(shared.replace(sealed));
    path
}

#[test]
fn who_is_told_to_stop_leaves_nothing() {
    let (folder, writer) = store();
    let view = writer.shared().partitions().remove(0);
    let stopped = Sealer::run(&view, Packing::default(), &AtomicBool::new(true));
    assert!(matches!(stopped, Err(SealError::Stopped)));
    assert_eq!(names(folder.path()), ["000001", "000002"]);
    assert_eq!(count(&writer.shared().snapshot(), "*"), ENTRIES);
}

#[test]
fn a_crash_at_any_moment_leaves_one_of_the_two() {
    let (folder, writer) = store();
    let partitions = folder.path().join("partitions");
    // Half done: some of the new generation is there.
    fs::create_dir(partitions.join("000001.sealing")).unwrap();
    fs::write(partitions.join("000001.sealing/blocks"), "half").unwrap();
    drop(writer);
    let writer = open(folder.path());
    assert_eq!(names(folder.path()), ["000001", "000002"]);
    // Done, but the old generation was not removed.
    seal(&writer, Packing::default());
    assert_eq!(names(folder.path()), ["000001", "000001.1", "000002"]);
    assert_eq!(count(&Snapshot::of_disk(folder.path()).unwrap(), "*"), ENTRIES);
    drop(writer);
    let writer = open(folder.path());
    assert_eq!(names(folder.path()), ["000001.1", "000002"]);
    assert_eq!(count(&writer.shared().snapshot(), "*"), ENTRIES);
    // Being removed.
    fs::rename(partitions.join("000001.1"), partitions.join("000001.removing")).unwrap();
    drop(writer);
    assert_eq!(count(&open(folder.path()).shared().snapshot(), "*"), 0);
    assert_eq!(names(folder.path()), ["000002"]);
}

#[test]
fn who_reads_the_old_generation_reads_on() {
    let (folder, writer) = store();
    let before = writer.shared().snapshot();
    seal(&writer, Packing::default());
    fs::remove_dir_all(folder.path().join("partitions/000001")).unwrap();
    assert_eq!(count(&before, "*"), ENTRIES);
    assert_eq!(count(&writer.shared().snapshot(), "*"), ENTRIES);
}

#[test]
fn rules_take_what_is_old_and_are_not_applied_twice() {
    let (_folder, writer) = store();
    let rule = Rule { query: "level:debug".parse().unwrap(), max_age: Span(std::time::Duration::from_secs(1000)) };
    let retention = Retention { rules: vec![rule], ..Retention::default() };
    let packing = |now: i64| {
        let view = writer.shared().partitions().remove(0);
        let applied = view.summary.as_ref().map(|summary| summary.applied.clone());
        retention.packing(&view.info(false).unwrap(), applied.as_deref(), now)
    };
    seal(&writer, packing(2000 * SECOND).unwrap());
    let snapshot = writer.shared().snapshot();
    assert_eq!(count(&snapshot, "level:debug"), ENTRIES / 10 - 100);
    assert_eq!(count(&snapshot, "*"), ENTRIES - 100);
    assert!(packing(2500 * SECOND).is_none());
    seal(&writer, packing(9000 * SECOND).unwrap());
    assert_eq!(count(&writer.shared().snapshot(), "level:debug"), 0);
    assert_eq!(count(&writer.shared().snapshot(), "*"), ENTRIES - ENTRIES / 10);
    assert!(packing(10_000 * SECOND).is_none());
}

#[test]
fn damage_is_named_and_the_rest_answers() {
    let (_folder, writer) = store();
    let path = seal(&writer, Packing::default());
    let checked = verify(&writer.shared().partitions()[0]).unwrap();
    assert_eq!((checked.entries, checked.problems.len()), (ENTRIES as u64, 0));
    let mut bytes = fs::read(path.join("blocks")).unwrap();
    bytes[100] ^= 1;
    fs::write(path.join("blocks"), bytes).unwrap();
    let found = ask(&writer.shared().snapshot(), "*");
    let lost = ENTRIES - found.entries.len() as i64;
    assert!((1..=256).contains(&lost), "one block is lost, not {lost} entries");
    assert!(found.effort.damaged[0].contains("000001.1"), "{:?}", found.effort.damaged);
    let checked = verify(&writer.shared().partitions()[0]).unwrap();
    assert_eq!(checked.problems.len(), 1, "{checked:?}");
    let mut exported = 0;
    let snapshot = writer.shared().snapshot();
    let damaged = export(&snapshot, &Query::all(), Window::ALL, |_| {
        exported += 1;
        true
    });
    assert_eq!((exported, damaged.unwrap().len()), (ENTRIES - lost, 1));
}

#[test]
fn a_writer_starts_beside_partitions_that_it_cannot_read() {
    let (folder, writer) = store();
    drop(writer);
    for partition in ["000001", "000002"] {
        fs::write(folder.path().join("partitions").join(partition).join("meta.json"), "{}").unwrap();
    }
    let writer = open(folder.path());
    assert_eq!(names(folder.path()), ["000001", "000002.damaged", "000003"]);
    let found = ask(&writer.shared().snapshot(), "*");
    assert!(found.entries.is_empty() && found.effort.damaged[0].contains("000001"), "{:?}", found.effort);
}
