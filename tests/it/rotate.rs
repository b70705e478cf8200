//! The rotator on real folders: golden names, gates, crashes between two steps, and a planner that never loses.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset, TimeZone, Utc};
use logmill::rotate::plan::{plan, tidy};
use logmill::rotate::{Action, Gate, Listed, Listing, NoReader, Options, Policy, Rotator, What, compress};
use logmill::sys::files::FileId;
use proptest::prelude::*;

fn now() -> DateTime<FixedOffset> {
    Utc.with_ymd_and_hms(2026, 11, 24, 3, 0, 0).unwrap().fixed_offset()
}

fn rotator(folder: &Path, body: &str) -> Rotator {
    let conf = format!("{}/*.log {{\n{body}\n}}", folder.display());
    let (policy, _) = Policy::parse(&conf, Path::new("conf")).unwrap();
    Rotator::new(policy, folder.join("state"), Options { force: true }).unwrap().0
}

fn names(folder: &Path) -> Vec<String> {
    let all = fs::read_dir(folder).unwrap().map(|item| item.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = all.filter(|name| name != "state").collect();
    names.sort();
    names
}

#[test]
fn policies() {
    let check = |text: &str, want: Result<usize, &[&str]>| match (Policy::parse(text, Path::new("f")), want) {
        (Ok((policy, _)), Ok(sections)) => assert_eq!(policy.sections.len(), sections, "{text}"),
        (Err(errors), Err(wanted)) => {
            assert_eq!(errors.len(), wanted.len(), "{text}: {errors:?}");
            for (error, want) in errors.iter().zip(wanted) {
                assert!(error.to_string().starts_with(want), "{error}");
            }
        }
        (got, _) => panic!("{text}: {got:?}"),
    };
    check("", Ok(0));
    check("# only\nrotate 3\n/a {\n}\n\n\"/b c\" '/d' {\ndaily\n}\n", Ok(2));
    check("/a\n# between\n/b {\nsize=10k\n}", Ok(1));
    check("logs/*.log {\nweekly 3\n}", Ok(1));
    check("/a {\npostrotate\n  daily }\n endscript\n}", Ok(1));
    check("/a {}\n/b {}", Ok(2));
    check("/a {\nrotate 1 # x\n}", Err(&["f:2: rotate"]));
    check("/a {\nrotate x\nsize 1m\nweekly 9\nfoo\n}", Err(&["f:2: ", "f:3: ", "f:4: ", "f:5: unknown directive"]));
    check("/a {\ndaily", Err(&["f:1: the section has no end"]));
    check("/a\n/b", Err(&["f:1: missing {"]));
    check("}", Err(&["f:1: unexpected }"]));
    check("daily 1\ncreate 0999 x y z\nolddir\n", Err(&["f:1: ", "f:2: ", "f:3: "]));
    check("/a {\ncreate 0640 no-such-user\n}", Err(&["f:2: create: \"no-such-user\""]));
    check("/a {\npostrotate\nkill\n}", Err(&["f:2: postrotate has no end"]));
    check("include /does/not/exist", Err(&["f:1: include /does/not/exist"]));
    check("\"/a {\n}", Err(&["f:1: a quote"]));
    check("dateformat -%j", Err(&["f:1: dateformat"]));
}

#[test]
fn the_shipped_policy_is_good() {
    let (policy, warnings) = Policy::load(Path::new("config/logrotate.conf")).unwrap();
    assert_eq!((policy.sections.len(), warnings.len()), (1, 0));
}

#[test]
fn generations() {
    let check = |body: &str, before: &[&str], after: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        for name in before {
            fs::write(folder.path().join(name), *name).unwrap();
        }
        rotator(folder.path(), body).tick(now(), &NoReader);
        assert_eq!(names(folder.path()), after, "{body}");
    };
    check("rotate 2", &["a.log", "a.log.1", "a.log.2"], &["a.log.1", "a.log.2"]);
    check("rotate 2\ncreate", &["a.log", "a.log.7"], &["a.log", "a.log.1"]);
    check("rotate 0", &["a.log"], &[]);
    check("rotate 3\ncompress", &["a.log", "a.log.1"], &["a.log.1.gz", "a.log.2.gz"]);
    check("rotate 3\ncompress\ndelaycompress", &["a.log", "a.log.1"], &["a.log.1", "a.log.2.gz"]);
    check("rotate 3\ncopytruncate", &["a.log", "a.log.1"], &["a.log", "a.log.1", "a.log.2"]);
    check("rotate 2\ncompress\npostrotate\nexit 1\nendscript", &["a.log"], &["a.log.1"]);
    check("rotate 2\nmaxage 3", &["a.log", "a.log.1"], &["a.log.1", "a.log.2"]);
    check("rotate 2\ndateext", &["a.log", "a.log-20260101", "a.log-20260102"], &["a.log-20260102", "a.log-20261124"]);
    check("rotate 2\ndateext", &["a.log", "a.log-20261124.gz"], &["a.log", "a.log-20261124.gz"]);
    check("rotate 2\nnocompress", &["a.log", ".a.log.1.gz.tmp"], &["a.log.1"]);
}

/// Settles nothing until it is told.
struct Closed;

impl Gate for Closed {
    fn settled(&self, _: &Path, _: &Path, _: FileId, _: u64) -> bool {
        false
    }
    fn truncated(&self, _: &Path) {}
    fn renamed(&self, _: &Path, _: &Path) {}
    fn compressed(&self, _: FileId, _: &Path) {}
}

#[test]
fn nothing_is_cut_before_it_is_read_and_the_waiting_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.log"), "one").unwrap();
    let mut copying = rotator(folder.path(), "rotate 1\ncopytruncate");
    assert!(matches!(copying.tick(now(), &Closed)[..], [ref e] if matches!(e.what, What::Waiting { .. })));
    assert_eq!((copying.tick(now(), &Closed).len(), copying.waiting().count()), (0, 1));
    assert_eq!(names(folder.path()), ["a.log"]);

    // Renaming is immediate, compression and removal wait; nothing that waits is overwritten.
    let mut renaming = rotator(folder.path(), "rotate 1\ncompress\ncreate\nnotifempty");
    for text in ["one", "two", "three"] {
        fs::write(folder.path().join("a.log"), text).unwrap();
        renaming.tick(now(), &Closed);
    }
    assert_eq!(names(folder.path()), ["a.log", "a.log.1", "a.log.2", "a.log.3"]);
    assert_eq!(fs::read_to_string(folder.path().join("a.log.3")).unwrap(), "one");
    renaming.tick(now(), &NoReader);
    assert_eq!(names(folder.path()), ["a.log", "a.log.1.gz"]);
    assert_eq!(renaming.waiting().count(), 0);
}

#[test]
fn a_crash_between_two_steps_of_copytruncate_loses_nothing() {
    let check = |log: &str, copy: &str, want: &[(&str, &str)]| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.log"), log).unwrap();
        fs::write(folder.path().join(".a.log.1.cut.tmp"), copy).unwrap();
        rotator(folder.path(), "rotate 3\ncopytruncate\nnotifempty").tick(now(), &NoReader);
        for (name, text) in want {
            assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), *text, "{name}: {log:?} {copy:?}");
        }
        assert_eq!(names(folder.path()).len(), want.len());
    };
    check("abc", "", &[("a.log", ""), ("a.log.1", "abc")]);
    check("abc", "ab", &[("a.log", ""), ("a.log.1", "abc")]);
    check("abc", "abc", &[("a.log", ""), ("a.log.1", "abc")]);
    check("", "abc", &[("a.log", ""), ("a.log.1", "abc")]);
    check("d", "abc", &[("a.log", ""), ("a.log.1", "d"), ("a.log.2", "abc")]);
}

#[test]
fn a_crash_around_compression_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (plain, gz) = (folder.path().join("a.log.1"), folder.path().join("a.log.1.gz"));
    let text = "a line\n".repeat(200_000);
    fs::write(&plain, &text).unwrap();
    compress(&plain, &gz, || ()).unwrap();
    fs::write(&plain, &text).unwrap(); // as if the removal had not come
    compress(&plain, &gz, || ()).unwrap();
    assert_eq!(names(folder.path()), ["a.log.1.gz"]);
    fs::write(&plain, "something else").unwrap();
    assert!(compress(&plain, &gz, || ()).unwrap_err().to_string().contains("differ"));
    fs::write(&gz, &fs::read(&gz).unwrap()[..100]).unwrap();
    assert!(compress(&plain, &gz, || ()).is_err());
    assert_eq!(names(folder.path()), ["a.log.1", "a.log.1.gz"]);
}

#[test]
fn what_a_process_still_writes_to_is_not_compressed() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    fs::write(&log, "x").unwrap();
    let output = fs::OpenOptions::new().append(true).open(&log).unwrap();
    let mut writer = std::process::Command::new("sleep").arg("30").stdout(output).spawn().unwrap();
    // A plain path, not a pattern: that the log itself is gone must not keep its generation from being finished.
    let conf = format!("{} {{\nrotate 2\ncompress\n}}", log.display());
    let (policy, _) = Policy::parse(&conf, Path::new("conf")).unwrap();
    let (mut rotator, _) = Rotator::new(policy, folder.path().join("state"), Options { force: true }).unwrap();
    rotator.tick(now(), &NoReader);
    assert_eq!((names(folder.path()), rotator.waiting().count()), (vec!["a.log.1".to_owned()], 1));
    writer.kill().unwrap();
    writer.wait().unwrap();
    rotator.tick(now(), &NoReader);
    assert_eq!(names(folder.path()), ["a.log.1.gz"]);
}

#[test]
fn a_dry_run_says_what_would_happen_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.log", "a.log.1"] {
        fs::write(folder.path().join(name), "x").unwrap();
    }
    let steps = rotator(folder.path(), "rotate 1\ncompress").dry_run(now());
    let text: Vec<_> =
        steps[0].2.iter().map(|a| a.to_string().replace(&format!("{}/", folder.path().display()), "")).collect();
    let want =
        ["rename a.log.1 to a.log.2", "rename a.log to a.log.1", "remove a.log.2", "compress a.log.1 to a.log.1.gz"];
    assert_eq!(text, want);
    assert_eq!(names(folder.path()), ["a.log", "a.log.1"]);
}

#[test]
fn links_are_refused_and_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    fs::write(&log, "x").unwrap();
    std::os::unix::fs::symlink(&log, folder.path().join("link.log")).unwrap();
    fs::hard_link(&log, folder.path().join("hard.log")).unwrap();
    let mut rotator = rotator(folder.path(), "rotate 1");
    assert_eq!(rotator.tick(now(), &NoReader).len(), 3);
    assert_eq!(rotator.tick(now(), &NoReader).len(), 0);
    assert_eq!(names(folder.path()), ["a.log", "hard.log", "link.log"]);
}

#[test]
fn a_rotation_that_fails_again_and_again_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir_in("/dev/shm").expect("another file system");
    let device = |path: &Path| FileId::of(&fs::metadata(path).unwrap()).device;
    assert_ne!(device(folder.path()), device(elsewhere.path()), "the rename must fail for this test to say anything");
    fs::write(folder.path().join("a.log"), "new").unwrap();
    let old = ["a.log.1", "a.log.2.gz", "a.log.3"];
    old.iter().for_each(|name| fs::write(elsewhere.path().join(name), name).unwrap());
    let mut rotator = rotator(folder.path(), &format!("rotate 3\nolddir {}", elsewhere.path().display()));
    for minute in 0..5 {
        let events = rotator.tick(now() + chrono::TimeDelta::minutes(minute), &NoReader);
        assert!(events.iter().all(|e| matches!(e.what, What::Failed { .. })), "{events:?}");
        assert_eq!(names(elsewhere.path()), old);
        old.iter().for_each(|name| assert_eq!(fs::read_to_string(elsewhere.path().join(name)).unwrap(), **name));
    }
    assert_eq!(fs::read_to_string(folder.path().join("a.log")).unwrap(), "new");
}

#[test]
fn a_log_that_became_another_file_is_not_cut() {
    let folder = tempfile::tempdir().unwrap();
    let (log, to) = (folder.path().join("a.log"), folder.path().join("a.log.1"));
    fs::write(&log, "content").unwrap();
    let action = |id| Action::CopyTruncate { log: log.clone(), to: to.clone(), id };
    let id = FileId::of(&fs::metadata(&log).unwrap());
    assert!(logmill::rotate::execute(&action(FileId { inode: id.inode + 1, ..id })).is_err());
    assert_eq!((names(folder.path()), fs::read_to_string(&log).unwrap()), (vec!["a.log".to_owned()], "content".into()));
    logmill::rotate::execute(&action(id)).unwrap();
    assert_eq!((fs::read_to_string(&to).unwrap(), fs::read_to_string(&log).unwrap()), ("content".into(), "".into()));
}

#[test]
fn a_hole_that_a_writer_left_is_no_reason_to_rotate() {
    let folder = tempfile::tempdir().unwrap();
    let file = fs::File::create(folder.path().join("a.log")).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"line\n", 64 << 20).unwrap();
    let mut rotator = rotator(folder.path(), "rotate 3\ncopytruncate\nmaxsize 10M");
    rotator.set_options(Options { force: false });
    assert_eq!(rotator.tick(now(), &NoReader), []);
    assert_eq!(names(folder.path()), ["a.log"]);
}

/// Does `action` on names alone; what is overwritten or missing fails the property.
fn simulate(model: &mut BTreeMap<PathBuf, u64>, action: &Action) {
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
        other => panic!("{other} is no part of a rotation"),
    }
}

proptest! {
    #[test]
    fn the_planner_never_loses_or_overwrites(
        taken in proptest::collection::btree_map("a\\.log\\.([1-6]|12)(\\.gz)?", any::<bool>(), 0..8),
        keep in 1u32..5,
        method in prop_oneof!["copytruncate", "copy", "create 0600", "dateext"],
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
        let conf = format!("/l/a.log {{\nrotate {keep}\ncompress\n{method}\n}}");
        let section = Policy::parse(&conf, Path::new("f")).unwrap().0.sections.remove(0);
        let mut model: BTreeMap<_, _> = listing.files.iter().map(|(path, f)| (path.clone(), f.id.inode)).collect();
        let before: Vec<u64> = model.values().copied().collect();
        if let Ok(actions) = plan(&section, &log, &listing, &now()) {
            actions.iter().for_each(|action| simulate(&mut model, action));
            prop_assert!(before.iter().all(|content| model.values().any(|c| c == content)));
        }
        // What is tidied away is never the log, nor what is no regular file.
        for action in tidy(&section, &log, &listing, &now()) {
            let (Action::Remove { path } | Action::Compress { from: path, .. }) = action else { panic!("{action}") };
            prop_assert!(path != log && listing.files[&path].regular);
        }
    }
}
