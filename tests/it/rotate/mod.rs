//! The rotator on real folders: golden names, gates, and what is refused.

mod budget;
mod crash;
mod full;
mod planner;
mod policies;
mod su;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset, TimeZone, Utc};
use logmill::rotate::{
    Compressor, Event, Gate, Listener, Locking, NoReader, Options, Policy, Rotator, StateFile, What, compress,
    copy_and_truncate,
};
use logmill::sys::files::FileId;

pub fn now() -> DateTime<FixedOffset> {
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

    /// Another process with another policy for the same folder.
    fn restart(&mut self, body: &str) {
        self.rotator = Bench::rotator(self.folder.path(), "/*.log", body);
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
    // What a disk is made full with, and what every ext4 has, is nothing of ours.
    let mut names: Vec<_> = all.filter(|name| !["state", "filler", "lost+found"].contains(&name.as_str())).collect();
    names.sort();
    names
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
