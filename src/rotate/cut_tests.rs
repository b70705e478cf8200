//! Cuts that are interrupted between any two steps, and what is found afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::cut::{Cut, CutMethod, copy_and_truncate, cut, recover};
use super::names::Family;
use crate::sys::files::{FileId, padding_of};

/// A folder with a log.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new(shared: bool, text: &str) -> Bench {
        // What is in memory knows no collapse.
        let folder = if shared { tempfile::tempdir() } else { tempfile::tempdir_in("/dev/shm") };
        let bench = Bench { folder: folder.unwrap() };
        bench.append(text);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn id(&self) -> FileId {
        FileId::of(&fs::metadata(self.path("a.log")).unwrap())
    }

    fn append(&self, text: &str) {
        let mut log = fs::OpenOptions::new().append(true).create(true).open(self.path("a.log")).unwrap();
        log.write_all(text.as_bytes()).unwrap();
    }

    fn cut(&self) -> Cut {
        copy_and_truncate(&self.path("a.log"), &self.path("a.log.1"), self.id()).unwrap()
    }

    /// Ends as a killed process would behind the step; whether it came to that.
    fn cut_and_crash(&self, at: &str, meanwhile: &str) -> bool {
        let step = &mut |name: &'static str| {
            if name == at {
                self.append(meanwhile);
                std::panic::resume_unwind(Box::new(()));
            }
        };
        catch_unwind(AssertUnwindSafe(|| cut(&self.path("a.log"), &self.path("a.log.1"), self.id(), step))).is_err()
    }

    /// What a later run does first.
    fn recover(&self) {
        let to = self.path("a.log.1");
        let temporary = Family::cutting(&to);
        if temporary.exists() {
            recover(&self.path("a.log"), &temporary, &to).unwrap();
        }
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// The copy and the log as one, without padding.
    fn all(&self) -> String {
        let log = self.text("a.log");
        self.text("a.log.1") + &log[padding_of(log.as_bytes())..]
    }

    fn names(&self) -> Vec<String> {
        let items = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = items.map(|item| item.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn lines(from: usize, to: usize) -> String {
    (from..to).map(|n| format!("{n:07} a line of a log that is like every other\n")).collect()
}

/// Whether logs in the folder for temporary files can be cut by blocks.
fn can_collapse() -> bool {
    let can = Bench::new(true, &lines(0, 1000)).cut().method == CutMethod::Collapse;
    if !can {
        println!("SKIPPED: no FALLOC_FL_COLLAPSE_RANGE in {}", std::env::temp_dir().display());
    }
    can
}

#[test]
fn all_of_a_log_is_moved() {
    for shared in [true, false] {
        for count in [0, 1, 80, 1000, 30_000] {
            let bench = Bench::new(shared, &lines(0, count));
            let cut = bench.cut();
            assert_eq!(bench.text("a.log.1"), lines(0, count), "{cut:?}");
            assert_eq!((cut.at_risk, cut.bytes), (0, lines(0, count).len() as u64));
            bench.append(&lines(count, count + 10));
            assert_eq!(bench.all(), lines(0, count + 10));
            assert_eq!(bench.names(), ["a.log", "a.log.1"]);
            let left = padding_of(bench.text("a.log").as_bytes());
            assert!(cut.method == CutMethod::Collapse || left == 0, "{cut:?} left {left}");
        }
    }
}

#[test]
fn a_log_of_whole_blocks_is_cut_too() {
    for shared in [true, false] {
        let text = "123456789 12345\n".repeat(3 * 4096 / 16);
        let bench = Bench::new(shared, &text);
        bench.cut();
        bench.append("more\n");
        assert_eq!(bench.all(), text + "more\n");
    }
}

#[test]
fn a_cut_again_and_again_keeps_every_byte() {
    let bench = Bench::new(true, "");
    let mut kept = String::new();
    for round in 0..20 {
        bench.append(&lines(round * 500, (round + 1) * 500 - 7));
        bench.cut();
        let copy = bench.text("a.log.1");
        kept.push_str(&copy[padding_of(copy.as_bytes())..]);
        fs::remove_file(bench.path("a.log.1")).unwrap();
        bench.append(&lines((round + 1) * 500 - 7, (round + 1) * 500));
    }
    let log = bench.text("a.log");
    kept.push_str(&log[padding_of(log.as_bytes())..]);
    assert!(kept == lines(0, 10_000));
}

/// A crash behind every step: all is there once, and another cut goes as if nothing had happened.
#[test]
fn a_crash_behind_any_step_loses_and_repeats_nothing() {
    let can_collapse = can_collapse();
    let steps = ["created", "copied", "shortened", "intended", "collapsed", "blanked", "truncated", "named"];
    for shared in [true, false] {
        let mut crashes = BTreeMap::new();
        for step in steps {
            for (before, meanwhile) in [(1000, 0), (1000, 1), (1000, 3000), (30_000, 100), (50, 1)] {
                let bench = Bench::new(shared, &lines(0, before));
                let crashed = bench.cut_and_crash(step, &lines(before, before + meanwhile));
                *crashes.entry(step).or_insert(0) += u32::from(crashed);
                let written = if crashed { before + meanwhile } else { before };
                bench.append(&lines(written, written + 5));
                bench.recover();
                assert_eq!(bench.all().len(), lines(0, written + 5).len(), "{step} {before} {meanwhile}");
                assert!(bench.all() == lines(0, written + 5), "{step} {before} {meanwhile}");
                let copied = bench.text("a.log.1");
                let _ = fs::rename(bench.path("a.log.1"), bench.path("a.log.2"));
                bench.cut();
                assert!(copied + bench.all().trim_start_matches([' ', '\n']) == lines(0, written + 5));
                assert!(bench.names().iter().all(|name| name.starts_with("a.log")), "{:?}", bench.names());
            }
        }
        let by_blocks = ["shortened", "intended", "collapsed", "blanked"];
        let wanted = |step: &str| by_blocks.contains(&step) == (shared && can_collapse) || step == "created";
        steps.iter().filter(|step| wanted(step)).for_each(|step| assert!(crashes[step] > 0, "{step} {shared}"));
    }
}

/// Content says nothing where all lines are the same.
#[test]
fn a_crash_in_a_log_of_equal_lines_is_understood_by_its_size() {
    if !can_collapse() {
        return;
    }
    let line = format!("{}\n", "x".repeat(63));
    for (step, count, meanwhile, later) in [
        ("intended", 1000, 0, 10),
        ("intended", 1000, 5000, 10),
        ("collapsed", 1000, 0, 0),
        ("collapsed", 1000, 10, 10),
        ("collapsed", 1000, 500, 400),
        ("blanked", 1000, 500, 400),
        ("blanked", 1010, 500, 4000),
    ] {
        let bench = Bench::new(true, &line.repeat(count));
        assert!(bench.cut_and_crash(step, &line.repeat(meanwhile)));
        bench.append(&line.repeat(later));
        bench.recover();
        assert_eq!(bench.all().lines().count(), count + meanwhile + later, "{step} {count} {meanwhile} {later}");
    }
}

#[test]
fn an_entry_of_several_lines_stays_whole() {
    if !can_collapse() {
        return;
    }
    let bench = Bench::new(true, &format!("{}0001000 failed\nTraceback:\n  File a\n", lines(0, 1000)));
    // Between the copy and the cut the rest of it arrives.
    let step = &mut |name: &'static str| {
        if name == "copied" {
            bench.append("ValueError: x\n0001001 next\n");
        }
    };
    cut(&bench.path("a.log"), &bench.path("a.log.1"), bench.id(), step).unwrap();
    assert!(bench.text("a.log.1") == lines(0, 1000));
    let log = bench.text("a.log");
    let rest = &log[padding_of(log.as_bytes())..];
    assert_eq!(rest, "0001000 failed\nTraceback:\n  File a\nValueError: x\n0001001 next\n");
}

#[test]
fn a_log_without_lines_is_cut_between_blocks() {
    if !can_collapse() {
        return;
    }
    let text = "0123456789".repeat(5000);
    let bench = Bench::new(true, &text);
    bench.cut();
    assert_eq!((bench.text("a.log.1").len() % 512, bench.all()), (0, text));
}

#[test]
fn a_writer_that_does_not_append_is_named() {
    let bench = Bench::new(true, &lines(0, 1000));
    let output = fs::OpenOptions::new().write(true).open(bench.path("a.log")).unwrap();
    let mut writer = std::process::Command::new("sleep").arg("30").stdout(output).spawn().unwrap();
    let cut = bench.cut();
    writer.kill().unwrap();
    writer.wait().unwrap();
    assert_eq!((cut.method, cut.not_appending), (CutMethod::Tight, Some(writer.id())));
    assert!(bench.text("a.log.1") == lines(0, 1000) && bench.text("a.log").is_empty());
}

#[test]
fn nothing_is_overwritten_and_nothing_lost_when_the_name_is_taken() {
    for shared in [true, false] {
        let bench = Bench::new(shared, &lines(0, 1000));
        fs::write(bench.path("a.log.1"), "taken").unwrap();
        let id = bench.id();
        assert!(copy_and_truncate(&bench.path("a.log"), &bench.path("a.log.1"), id).is_err());
        assert_eq!(bench.text("a.log.1"), "taken");
        fs::remove_file(bench.path("a.log.1")).unwrap();
        bench.recover();
        assert!(bench.all() == lines(0, 1000));
    }
}

#[test]
fn links_are_not_followed() {
    let bench = Bench::new(true, &lines(0, 10));
    let link = bench.path("link.log");
    std::os::unix::fs::symlink(bench.path("a.log"), &link).unwrap();
    assert!(copy_and_truncate(&link, Path::new("/nowhere/x"), bench.id()).is_err());
    assert!(bench.text("a.log") == lines(0, 10));
}
