//! The rotator on real folders: golden names, gates, crashes between two steps, and a planner that never loses.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset, TimeZone, Utc};
use logmill::rotate::plan::{plan, tidy};
use logmill::rotate::{
    Action, Compressor, Event, Gate, Level, Listed, Listener, Listing, Locking, NoReader, Options, Policy, Rotator,
    StateFile, What, compress, copy_and_truncate,
};
use logmill::sys::files::FileId;
use proptest::prelude::*;

fn now() -> DateTime<FixedOffset> {
    Utc.with_ymd_and_hms(2026, 11, 24, 3, 0, 0).unwrap().fixed_offset()
}

/// A folder of logs and the daemon's rotator of them, which is told to rotate whether anything is due or not.
struct Bench {
    folder: tempfile::TempDir,
    rotator: Rotator,
}

#[derive(Default)]
struct Journal(Vec<Event>);

impl Listener for Journal {
    fn event(&mut self, event: &Event) {
        self.0.push(event.clone());
    }
}

impl Bench {
    fn new(body: &str) -> Bench {
        Bench::with("/*.log", body)
    }

    fn with(pattern: &str, body: &str) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let rotator = Bench::rotator(folder.path(), pattern, body);
        Bench { folder, rotator }
    }

    fn rotator(folder: &Path, pattern: &str, body: &str) -> Rotator {
        let conf = format!("{}{pattern} {{\n{body}\n}}", folder.display());
        let (policy, problems) = Policy::parse(&conf, Path::new("conf"));
        assert_eq!(problems, []);
        let patience = std::time::Duration::ZERO;
        let options = Options { force: true, finish: true, patience, ..Options::default() };
        Rotator::new(policy, options)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn state(&self) -> StateFile {
        StateFile::open(&self.path("state"), Locking::Try).unwrap().0
    }

    fn tick(&mut self, gate: &dyn Gate) -> Vec<Event> {
        self.tick_at(now(), gate)
    }

    fn tick_at(&mut self, now: DateTime<FixedOffset>, gate: &dyn Gate) -> Vec<Event> {
        let mut journal = Journal::default();
        let mut state = self.state();
        self.rotator.tick(now, &mut state, gate, &mut journal);
        journal.0
    }

    fn names(&self) -> Vec<String> {
        names(self.folder.path())
    }
}

fn names(folder: &Path) -> Vec<String> {
    let all = fs::read_dir(folder).unwrap().map(|item| item.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = all.filter(|name| name != "state").collect();
    names.sort();
    names
}

#[test]
fn policies() {
    // The sections that are left, and how what is told begins.
    let check = |text: &str, sections: usize, told: &[&str]| {
        let (policy, problems) = Policy::parse(text, Path::new("f"));
        let problems: Vec<_> = problems.iter().filter(|problem| problem.level > Level::Debug).collect();
        assert_eq!((policy.sections.len(), problems.len()), (sections, told.len()), "{text}: {problems:?}");
        for (problem, want) in problems.iter().zip(told) {
            assert!(problem.text.starts_with(want), "{problem}, not {want}");
        }
    };
    check("", 0, &[]);
    check("# only\nrotate 3\n/a {\n}\n\n\"/b c\" '/d' {\ndaily\n}\n", 2, &[]);
    check("/a\n# between\n/b {\nsize=10k\n}", 1, &[]);
    check("\"logs/*.log\" {\nweekly 3\n}", 1, &[]);
    check("/a {\npostrotate\n  daily }\n endscript\n}", 1, &[]);
    check("/a {}\n/b { daily }", 2, &[]);
    check("/a { daily compress rotate 3\n}", 1, &[]);
    check("/a {\nrotate 010\nstart 0x2\nmonthly 31\nminutes 5\nnodatehourago\n}", 1, &[]);
    check("/a {\nrotate 1 # x\n}\n/b {\n}", 1, &["f:2 bad rotation count '1 # x'", "found error in /a , skipping"]);
    check("/a {\npostrotate\n}\nendscript\nrotate x\n}\n/b {\n}", 1, &["f:5 bad rotation", "found error"]);
    check("/a {\nrotate x\nprerotate\n}\nendscript\n}\n/b {\n}", 1, &["f:2 bad rotation", "found error"]);
    check("/a {\nfoo bar\n}", 1, &["f:2 unknown option 'foo' -- ignoring line"]);
    check("/a {\nsize 1m\n}", 0, &["f:2 unknown unit 'm'", "found error"]);
    check("/a {\nsize\n}", 1, &["f:2 argument expected after size"]);
    check("/a {\nrotate\n}\n/b {\n}", 1, &["f:2 argument expected after rotate count", "found error"]);
    check("/a {\nweekly 9\n}\n/b {\n}", 0, &["f:2 bad weekly directive ' 9'"]);
    check("/a {\ndaily", 1, &[]);
    check("/a\n/b", 0, &["f:1 missing '{' after log files definition"]);
    check("}\n/a {\n}", 0, &["f:1 unexpected }"]);
    check("daily x y z\n/a {\n}", 1, &["f:1 unknown option 'x'"]);
    check("create 0640 no-such-user\n/a {\n}", 0, &["f:1 unknown user 'no-such-user'"]);
    check("/a {\ncreate :12345 :12346\nsu root root\n}", 1, &[]);
    check("/a {\nsu root\n}", 0, &["f:2 no group for su", "found error"]);
    check("/a {\npostrotate\nkill\n}", 0, &["f:prerotate, postrotate or preremove without endscript"]);
    check("include /does/not/exist\n/a {\n}", 1, &["cannot stat /does/not/exist"]);
    check("/a {\n} x\n/b {\n}", 2, &["f:2, unexpected text after }"]);
    check("/a {\n/b {\n}\n}", 0, &["f:2 unexpected log filename", "found error", "f:4 unexpected }"]);
    check("rotate+1", 0, &["f:1 keyword 'rotate' not properly separated, found 0x2b"]);
    check("\u{0}\u{1}", 0, &["f:1 lines must begin with a keyword"]);
    check("/a {\ncompressext ../x\n}", 0, &["f:2 bad compress-ext", "found error"]);
}

#[test]
fn defaults_go_on_and_a_failing_file_takes_its_own_back() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("1-good", "rotate 5\n/a {\n}\n");
    write("2-bad", "rotate 9\n/b {\n}\n!\n/c {\n}\n");
    write("3-good", "/d {\n}\n");
    write("4.bak", "/e {\n}\n");
    let (policy, problems) = Policy::load(&[folder.path().to_owned()]);
    let found: Vec<_> = policy.sections.iter().map(|s| (s.patterns[0].as_str(), s.settings.keep)).collect();
    assert_eq!(found, [("/a", Some(5)), ("/b", Some(9)), ("/d", Some(5))]);
    assert!(problems.iter().any(|problem| problem.text == "found error in file 2-bad, skipping"));
}

#[test]
fn the_shipped_policy_is_good() {
    let text = fs::read_to_string("config/logrotate.conf").unwrap();
    let (policy, problems) = Policy::parse(&text, Path::new("config/logrotate.conf"));
    assert_eq!((policy.sections.len(), problems), (1, Vec::new()));
}

#[test]
fn generations() {
    let check = |body: &str, before: &[&str], after: &[&str]| {
        let mut bench = Bench::new(body);
        before.iter().for_each(|name| bench.write(name, name));
        bench.tick(&NoReader);
        assert_eq!(bench.names(), after, "{body}");
    };
    check("rotate 2", &["a.log", "a.log.1", "a.log.2"], &["a.log.1", "a.log.2"]);
    check("rotate 2\ncreate", &["a.log", "a.log.7"], &["a.log", "a.log.1", "a.log.7"]);
    check("rotate 2", &["a.log", "a.log.1", "a.log.2", "a.log.3", "a.log.4"], &["a.log.1", "a.log.2", "a.log.4"]);
    check("rotate 2", &["a.log", "a.log.1", "a.log.1.gz"], &["a.log.1", "a.log.1.gz", "a.log.2"]);
    check("rotate 2\nrenamecopy\ncompress", &["a.log", "a.log.1"], &["a.log.1.gz", "a.log.2.gz"]);
    check("rotate 2\nrenamecopy", &["a.log", "a.log.tmp"], &["a.log.1", "a.log.2"]);
    check("rotate 2\naddextension .x", &["a.log", "a.log.1.x"], &["a.log.1.x", "a.log.2.x"]);
    check("rotate 2\nolddir old\ncreateolddir", &["a.log"], &["old"]);
    check("rotate 2\npreremove\nexit 1\nendscript\ncompress", &["a.log"], &["a.log.1", "a.log.1.gz"]);
    check("rotate 0\nshred", &["a.log"], &[]);
    check("rotate 0", &["a.log"], &[]);
    check("rotate 3\ncompress", &["a.log", "a.log.1"], &["a.log.1.gz", "a.log.2.gz"]);
    check("rotate 3\ncompress\ndelaycompress", &["a.log", "a.log.1"], &["a.log.1", "a.log.2.gz"]);
    check("rotate 3\ncopytruncate", &["a.log", "a.log.1"], &["a.log", "a.log.1", "a.log.2"]);
    check("rotate 2\ncompress\npostrotate\nexit 1\nendscript", &["a.log"], &["a.log.1"]);
    check("rotate 2\nmaxage 3", &["a.log", "a.log.1"], &["a.log.1", "a.log.2"]);
    check("rotate -1", &["a.log", "a.log.1", "a.log.9"], &["a.log.1", "a.log.10", "a.log.2"]);
    check("rotate 2\ndateext", &["a.log", "a.log-20260101", "a.log-20260102"], &["a.log-20260102", "a.log-20261124"]);
    check("rotate 2\ndateext\ncompress", &["a.log", "a.log-20261124.gz"], &["a.log", "a.log-20261124.gz"]);
    check("rotate 2\ndateext", &["a.log", "a.log-20261124.gz"], &["a.log-20261124", "a.log-20261124.gz"]);
    check("rotate 2\nnocompress", &["a.log", ".a.log.1.gz.tmp"], &["a.log.1"]);
}

/// Settles nothing until it is told.
struct Closed;

impl Gate for Closed {
    fn known(&self, _: &Path, _: FileId) -> bool {
        true
    }
    fn settled(&self, _: &Path, _: &Path, _: FileId, _: u64) -> bool {
        false
    }
    fn truncated(&self, _: &Path) {}
    fn renamed(&self, _: &Path, _: &Path) {}
    fn compressed(&self, _: FileId, _: &Path) {}
}

#[test]
fn nothing_is_cut_before_it_is_read_and_the_waiting_is_told_once() {
    let mut copying = Bench::new("rotate 1\ncopytruncate");
    copying.write("a.log", "one");
    assert!(matches!(copying.tick(&Closed)[..], [ref e] if matches!(e.what, What::Waiting { .. })));
    assert_eq!((copying.tick(&Closed).len(), copying.rotator.waiting().count()), (0, 1));
    assert_eq!(copying.names(), ["a.log"]);

    // Renaming is immediate, compression and removal wait; so does a rotation that would push out what waits.
    let mut renaming = Bench::new("rotate 1\ncompress\ncreate\nnotifempty");
    for text in ["one", "two", "three"] {
        let kept = fs::read_to_string(renaming.path("a.log")).unwrap_or_default();
        renaming.write("a.log", &format!("{kept}{text}"));
        renaming.tick(&Closed);
    }
    assert_eq!(renaming.names(), ["a.log", "a.log.1", "a.log.2"]);
    let contents = ["a.log.2", "a.log.1", "a.log"].map(|name| renaming.read(name));
    assert_eq!(contents, ["one", "two", "three"]);
    renaming.tick(&NoReader);
    assert_eq!(renaming.names(), ["a.log", "a.log.1.gz"]);
    assert_eq!(renaming.rotator.waiting().count(), 0);
}

#[test]
fn a_crash_between_two_steps_of_copytruncate_loses_nothing() {
    let check = |log: &str, copy: &str, want: &[(&str, &str)]| {
        let mut bench = Bench::new("rotate 3\ncopytruncate\nnotifempty");
        bench.write("a.log", log);
        bench.write(".a.log.1.cut.tmp", copy);
        bench.tick(&NoReader);
        want.iter().for_each(|(name, text)| assert_eq!(bench.read(name), *text, "{name}: {log:?} {copy:?}"));
        assert_eq!(bench.names().len(), want.len());
    };
    check("abc", "", &[("a.log", ""), ("a.log.1", "abc")]);
    check("abc", "ab", &[("a.log", ""), ("a.log.1", "abc")]);
    check("abc", "abc", &[("a.log", ""), ("a.log.1", "abc")]);
    check("", "abc", &[("a.log", ""), ("a.log.1", "abc")]);
    check("d", "abc", &[("a.log", ""), ("a.log.1", "d"), ("a.log.2", "abc")]);
}

#[test]
fn a_crash_around_compression_loses_nothing() {
    let mut bench = Bench::new("rotate 3\ncompress");
    let (plain, gz) = (bench.path("a.log.1"), bench.path("a.log.1.gz"));
    let text = "a line\n".repeat(200_000);
    fs::write(&plain, &text).unwrap();
    compress(&plain, &gz, &Compressor::default()).unwrap();
    // As if the removal had not come.
    compress(&plain, &gz, &Compressor::default()).unwrap();
    bench.tick(&NoReader);
    assert_eq!(bench.names(), ["a.log.1", "a.log.1.gz"], "there is no log that would be rotated or tidied");
    bench.write("a.log", "x");
    bench.tick(&NoReader);
    assert_eq!(bench.names(), ["a.log.1.gz", "a.log.2.gz"]);
    fs::write(&plain, "something else").unwrap();
    assert!(compress(&plain, &gz, &Compressor::default()).unwrap_err().to_string().contains("differ"));
    fs::write(&gz, &fs::read(&gz).unwrap()[..10]).unwrap();
    assert!(compress(&plain, &gz, &Compressor::default()).is_err());
    assert_eq!(bench.names(), ["a.log.1", "a.log.1.gz", "a.log.2.gz"]);
}

#[test]
fn what_a_process_still_writes_to_is_not_compressed() {
    // A plain path, not a pattern: that the log itself is gone must not keep its generation from being finished.
    let mut bench = Bench::with("/a.log", "rotate 2\ncompress");
    bench.write("a.log", "x");
    let output = fs::OpenOptions::new().append(true).open(bench.path("a.log")).unwrap();
    let mut writer = std::process::Command::new("sleep").arg("30").stdout(output).spawn().unwrap();
    bench.tick(&NoReader);
    assert_eq!((bench.names(), bench.rotator.waiting().count()), (vec!["a.log.1".to_owned()], 1));
    writer.kill().unwrap();
    writer.wait().unwrap();
    bench.tick(&NoReader);
    assert_eq!(bench.names(), ["a.log.1.gz"]);
}

#[test]
fn a_forecast_says_what_would_happen_and_changes_nothing() {
    let bench = Bench::new("rotate 1\ncompress\ndaily\nmaxsize 1M");
    ["a.log", "a.log.1", "a.log.7"].iter().for_each(|name| bench.write(name, "x"));
    let forecasts = bench.rotator.forecast(now(), &bench.state());
    let folder = format!("{}/", bench.folder.path().display());
    let steps: Vec<_> = forecasts[0].steps.iter().map(|step| step.to_string().replace(&folder, "")).collect();
    let want = [
        "compressing a.log.1 to a.log.1.gz",
        "renaming a.log.1.gz to a.log.2.gz",
        "renaming a.log to a.log.1",
        "compressing a.log.1 to a.log.1.gz",
        "removing old log a.log.2.gz",
    ];
    assert_eq!(steps, want);
    assert_eq!((forecasts[0].limit, &forecasts[0].orphans), (Some((1 << 20) + 1), &vec![bench.path("a.log.7")]));
    assert_eq!(bench.names(), ["a.log", "a.log.1", "a.log.7"]);
    let mut journal = Journal::default();
    assert!(bench.rotator.remove_orphans(now(), &NoReader, &mut journal));
    assert_eq!((bench.names(), journal.0.len()), (vec!["a.log".to_owned(), "a.log.1".to_owned()], 1));
}

#[test]
fn links_are_refused_and_told_once() {
    let mut bench = Bench::new("rotate 1");
    let log = bench.path("a.log");
    fs::write(&log, "x").unwrap();
    std::os::unix::fs::symlink(&log, bench.path("link.log")).unwrap();
    fs::hard_link(&log, bench.path("hard.log")).unwrap();
    assert_eq!(bench.tick(&NoReader).len(), 3);
    assert_eq!(bench.tick(&NoReader).len(), 0);
    assert_eq!(bench.names(), ["a.log", "hard.log", "link.log"]);
}

#[test]
fn a_rotation_that_fails_again_and_again_changes_nothing() {
    // A generation that is one too many and cannot be removed: nothing may be renamed over it.
    let mut bench = Bench::new("rotate 2\npreremove\nexit 1\nendscript");
    let old = ["a.log.1", "a.log.2", "a.log.3"];
    old.iter().for_each(|name| bench.write(name, name));
    bench.write("a.log", "new");
    for minute in 0..5 {
        let events = bench.tick_at(now() + chrono::TimeDelta::minutes(minute), &NoReader);
        assert!(events.iter().all(Event::is_failure), "{events:?}");
        assert_eq!(bench.names(), ["a.log", "a.log.1", "a.log.2", "a.log.3"]);
        old.iter().for_each(|name| assert_eq!(bench.read(name), **name));
    }
    assert_eq!(bench.read("a.log"), "new");
}

#[test]
fn a_log_that_became_another_file_is_not_cut() {
    let bench = Bench::new("");
    let (log, to) = (bench.path("a.log"), bench.path("a.log.1"));
    fs::write(&log, "content").unwrap();
    let id = FileId::of(&fs::metadata(&log).unwrap());
    assert!(copy_and_truncate(&log, &to, FileId { inode: id.inode + 1, ..id }).is_err());
    assert_eq!((bench.names(), bench.read("a.log")), (vec!["a.log".to_owned()], "content".into()));
    copy_and_truncate(&log, &to, id).unwrap();
    assert_eq!((bench.read("a.log.1"), bench.read("a.log")), ("content".into(), "".into()));
}

#[test]
fn a_hole_that_a_writer_left_is_no_reason_to_rotate() {
    let mut bench = Bench::new("rotate 3\ncopytruncate\nmaxsize 10M\ndaily");
    let file = fs::File::create(bench.path("a.log")).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"line\n", 64 << 20).unwrap();
    bench.rotator.set_force(false);
    assert_eq!(bench.tick(&NoReader), []);
    assert_eq!(bench.names(), ["a.log"]);
}

#[test]
fn a_log_with_nothing_but_the_blank_line_of_a_cut_is_empty() {
    let mut bench = Bench::new("rotate 3\ncopytruncate\nnotifempty");
    bench.write("a.log", &"1 a line\n".repeat(5000));
    for _ in 0..2 {
        bench.tick(&NoReader);
        assert_eq!(bench.names(), ["a.log", "a.log.1"]);
    }
}

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
        taken in proptest::collection::btree_map("a\\.log\\.([0-6]|12)(\\.gz)?", any::<bool>(), 0..8),
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

/// Dies before a step, as from kill -9.
struct Dying(usize);

impl Listener for Dying {
    fn event(&mut self, _: &Event) {}
    fn step(&mut self, _: &Action) {
        assert!(self.0 > 0, "killed");
        self.0 -= 1;
    }
}

/// All that is in the files of a folder, decompressed, each once.
fn contents(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for name in names(folder) {
        if folder.join(&name).is_dir() {
            found.extend(contents(&folder.join(&name)));
            continue;
        }
        let bytes = fs::read(folder.join(&name)).unwrap();
        let mut text = String::new();
        match name.ends_with(".gz") {
            true => drop(flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap()),
            false => text = String::from_utf8(bytes).unwrap(),
        }
        found.extend(text.lines().map(str::to_owned));
    }
    found.sort();
    found
}

/// Every kind of rotation is stopped before each of its steps; the next run finishes it, no byte is missing or twice.
#[test]
fn whatever_step_is_the_last_the_next_run_finishes() {
    let check = |body: &str, before: &[&str]| {
        for steps in 0..20 {
            let mut bench = Bench::new(body);
            before.iter().for_each(|name| bench.write(name, &format!("{name}\n")));
            let want = contents(bench.folder.path());
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let mut state = bench.state();
                bench.rotator.tick(now(), &mut state, &NoReader, &mut Dying(steps))
            }));
            // A compressed file may stand beside its plain one, and a copy beside what it is of.
            let mut left = contents(bench.folder.path());
            left.dedup();
            assert_eq!(left, want, "{body}, killed before step {steps}");
            bench.rotator = Bench::rotator(bench.folder.path(), "/*.log", body);
            // A new process, another time, and a log that may have been written anew.
            bench.write("a.log", &(fs::read_to_string(bench.path("a.log")).unwrap_or_default() + "later\n"));
            let mut want = contents(bench.folder.path());
            want.dedup();
            let mut events = bench.tick_at(now() + chrono::TimeDelta::days(1), &NoReader);
            events.retain(Event::is_failure);
            assert_eq!(events, [], "{body}, killed before step {steps}");
            assert_eq!(contents(bench.folder.path()), want, "{body}, finished after step {steps}");
            let unfinished = bench.names().into_iter().filter(|name| name.contains("tmp")).count();
            assert_eq!(unfinished, 0, "{body}, step {steps}: {:?}", bench.names());
            if ended.is_ok() {
                assert!(steps > 0, "{body}: nothing was done");
                break;
            }
        }
    };
    check("rotate 9", &["a.log", "a.log.1", "a.log.2"]);
    check("rotate 9\ncreate\ncompress", &["a.log", "a.log.1", "a.log.2"]);
    check("rotate 9\ncompress\ndelaycompress", &["a.log", "a.log.1", "a.log.2"]);
    check("rotate 9\ncopytruncate\ncompress", &["a.log", "a.log.1"]);
    check("rotate 9\ncopy\nnotifempty\ncompress\npostrotate\n: > $1\nendscript", &["a.log"]);
    check("rotate 9\nrenamecopy\ncompress", &["a.log", "a.log.1"]);
    check("rotate 9\ndateext\ncompress", &["a.log", "a.log-20261101"]);
    check("rotate 9\ndateext\ncompress\ndelaycompress\ncreate", &["a.log", "a.log-20261101"]);
    check("rotate 9\nolddir old\ncreateolddir\ncompress", &["a.log"]);
}
