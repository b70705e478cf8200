//! Budgets of bytes for generations: by the rotator on real folders, and by the whole program.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use chrono::TimeDelta;
use logmill::rotate::{Budget, Event, Gate, NoReader, What};
use logmill::sys::files::FileId;

use super::{Bench, now};
use crate::home::{Home, QUICK, wait_until};

fn budget(folder: Option<&Path>, bytes: u64) -> Vec<Budget> {
    vec![Budget { name: "archive_bytes".to_owned(), folder: folder.map(Path::to_owned), bytes }]
}

/// A generation of so many bytes that was written so many days ago.
fn old(bench: &Bench, name: &str, bytes: usize, days: u64) {
    fs::create_dir_all(bench.path(name).parent().unwrap()).unwrap();
    bench.write(name, &"x".repeat(bytes));
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000 - days * 86_400);
    File::options().write(true).open(bench.path(name)).unwrap().set_modified(time).unwrap();
}

fn removed(events: &[Event]) -> Vec<String> {
    let file = |event: &Event| match &event.what {
        What::Removed { file, why: Some(_) } => Some(file.file_name().unwrap().to_string_lossy().into_owned()),
        _ => None,
    };
    events.iter().filter_map(file).collect()
}

#[test]
fn the_oldest_generations_of_all_logs_go_until_the_rest_fits() {
    let mut bench = Bench::new("rotate 9\ndaily");
    bench.rotator.set_force(false);
    for (log, days) in [("a", [1, 3, 9]), ("b", [2, 5, 6])] {
        bench.write(&format!("{log}.log"), &"live".repeat(1000));
        (1..).zip(days).for_each(|(number, days)| old(&bench, &format!("{log}.log.{number}"), 100, days));
    }
    // Not ours: what no log of the policy has, what an earlier policy left, what has another name.
    let others = ["a.log.10", "a.log.77", "other.log.1", "a.log.old", "keep.txt"];
    others.iter().for_each(|name| bench.write(name, &"x".repeat(5000)));
    bench.write("other", "");
    fs::rename(bench.path("other.log.1"), bench.path("other.1")).unwrap();
    let all = bench.names();
    let check = |bench: &mut Bench, bytes: u64, want: &[&str]| {
        bench.rotator.set_budgets(budget(None, bytes));
        let before = bench.names();
        let trimming = bench.rotator.trimming(&bench.state());
        let told: Vec<_> = trimming.removals.iter().map(|r| r.path.file_name().unwrap().to_owned()).collect();
        assert_eq!((told, bench.names()), (want.iter().map(Into::into).collect(), before), "the plan of {bytes}");
        let events = bench.tick(&NoReader);
        assert_eq!(removed(&events), want, "{bytes}: {events:?}");
    };
    // The surplus one is removed by its own policy.
    check(&mut bench, 10_000, &["a.log.3"][..0]);
    assert_eq!(bench.names(), all.iter().filter(|name| *name != "a.log.10").cloned().collect::<Vec<_>>());
    check(&mut bench, 600, &[]);
    check(&mut bench, 599, &["a.log.3"]);
    check(&mut bench, 499, &["b.log.3"]);
    check(&mut bench, 250, &["b.log.2", "a.log.2"]);
    check(&mut bench, 1, &["b.log.1", "a.log.1"]);
    assert_eq!(bench.names(), ["a.log", "a.log.77", "a.log.old", "b.log", "keep.txt", "other", "other.1"]);
}

#[test]
fn a_removal_says_why() {
    let mut bench = Bench::new("rotate 9\ndaily");
    bench.rotator.set_force(false);
    bench.write("a.log", "live");
    old(&bench, "a.log.1", 2048, 1);
    bench.rotator.set_budgets(budget(Some(bench.folder.path()), 1024));
    let event = bench.tick(&NoReader).remove(0).to_string();
    let text = event.replace(&bench.folder.path().display().to_string(), "");
    let want = "/a.log: removed /a.log.1: generations under  take 2.0 KiB, archive_bytes allows 1.0 KiB; it was the \
                oldest, of 20";
    assert!(text.starts_with(want), "{text}");
}

#[test]
fn of_a_folder_all_under_it_counts_also_through_links() {
    let mut bench = Bench::with("/*/*.log", "rotate 9\ndaily\nolddir old\ncreateolddir");
    bench.rotator.set_force(false);
    for log in ["one/a.log", "two/b.log"] {
        let folder = log.split_once('/').unwrap().0;
        fs::create_dir(bench.path(folder)).unwrap();
        bench.write(log, "live");
        (1..4).for_each(|n| old(&bench, &log.replace('/', "/old/").replace(".log", &format!(".log.{n}")), 100, n));
    }
    std::os::unix::fs::symlink(bench.path("two"), bench.path("link")).unwrap();
    bench.rotator.set_budgets(budget(Some(&bench.path("link")), 150));
    assert_eq!(removed(&bench.tick(&NoReader)), ["b.log.3", "b.log.2"]);
    bench.rotator.set_budgets(budget(Some(&bench.path("one/old")), 250));
    assert_eq!(removed(&bench.tick(&NoReader)), ["a.log.3"]);
    bench.rotator.set_budgets(budget(Some(&bench.path("nowhere")), 1));
    assert_eq!(removed(&bench.tick(&NoReader)), [""; 0]);
}

/// Has not read what has this name.
struct Unread(&'static str);

impl Gate for Unread {
    fn known(&self, _: &Path, _: FileId) -> bool {
        true
    }
    fn settled(&self, _: &Path, file: &Path, _: FileId, _: u64) -> bool {
        !file.ends_with(self.0)
    }
    fn truncated(&self, _: &Path) {}
    fn renamed(&self, _: &Path, _: &Path) {}
    fn compressed(&self, _: FileId, _: &Path) {}
}

#[test]
fn what_is_not_read_waits_and_what_is_younger_behind_it() {
    let mut bench = Bench::new("rotate 9\ndaily");
    bench.rotator.set_force(false);
    bench.write("a.log", "live");
    (1..4).for_each(|n| old(&bench, &format!("a.log.{n}"), 100, n));
    bench.rotator.set_budgets(budget(None, 100));
    assert_eq!(removed(&bench.tick(&Unread("a.log.2"))), ["a.log.3"]);
    assert_eq!(bench.names(), ["a.log", "a.log.1", "a.log.2"]);
    let waiting: Vec<String> = bench.rotator.waiting().map(ToString::to_string).collect();
    assert!(matches!(&waiting[..], [one] if one.contains("a.log.2 waits: not all of it is read")), "{waiting:?}");
    bench.rotator.set_budgets(budget(None, 50));
    assert_eq!(removed(&bench.tick(&Unread("a.log.2"))), [""; 0]);
    assert_eq!(removed(&bench.tick(&NoReader)), ["a.log.2", "a.log.1"]);
}

#[test]
fn what_is_being_made_does_not_count_and_does_not_go() {
    let mut bench = Bench::new("rotate 9\ndaily\ncompress\ncreate\nnotifempty");
    bench.write("a.log", &"x".repeat(5000));
    old(&bench, "a.log.1.gz", 100, 5);
    bench.rotator.set_budgets(budget(None, 150));
    // Rotated now, and cannot be compressed before it is read.
    assert_eq!(removed(&bench.tick(&Unread("a.log.1"))), [""; 0]);
    assert_eq!(bench.names(), ["a.log", "a.log.1", "a.log.2.gz"]);
    bench.rotator.set_force(false);
    assert_eq!(removed(&bench.tick(&NoReader)), [""; 0], "5,000 of the same byte are less than 50 when compressed");
    assert_eq!(bench.names(), ["a.log", "a.log.1.gz", "a.log.2.gz"]);
    bench.rotator.set_budgets(budget(None, 100));
    assert_eq!(removed(&bench.tick(&NoReader)), ["a.log.2.gz"]);
}

#[test]
fn what_cannot_go_is_passed_over_and_tried_again_later() {
    let mut bench = Bench::new("rotate 9\ndaily\npreremove\ncase $1 in *.3) exit 1;; esac\nendscript");
    bench.rotator.set_force(false);
    bench.write("a.log", "live");
    (1..5).for_each(|n| old(&bench, &format!("a.log.{n}"), 100, n));
    let output = File::options().append(true).open(bench.path("a.log.4")).unwrap();
    let mut writer = Command::new("sleep").arg("60").stdout(output).spawn().unwrap();
    bench.rotator.set_budgets(budget(None, 250));
    let events = bench.tick(&NoReader);
    assert_eq!(removed(&events), ["a.log.2", "a.log.1"]);
    assert_eq!(events.iter().filter(|event| event.is_failure()).count(), 1, "{events:?}");
    assert_eq!(bench.names(), ["a.log", "a.log.3", "a.log.4"]);
    assert_eq!(bench.tick_at(now() + TimeDelta::seconds(2), &NoReader), [], "told once");
    writer.kill().unwrap();
    writer.wait().unwrap();
    bench.rotator.set_budgets(budget(None, 100));
    assert_eq!(removed(&bench.tick_at(now() + TimeDelta::seconds(4), &NoReader)), ["a.log.4"]);
    bench.restart("rotate 9\ndaily");
    bench.rotator.set_force(false);
    bench.rotator.set_budgets(budget(None, 50));
    assert_eq!(removed(&bench.tick_at(now() + TimeDelta::seconds(6), &NoReader)), ["a.log.3"]);
}

#[test]
fn what_another_user_owns_goes_with_the_rights_of_its_section() {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        eprintln!("SKIPPED: only root can act as another user");
        return;
    }
    let mut bench = Bench::new("rotate 9\ndaily\nsu nobody nogroup");
    bench.rotator.set_force(false);
    bench.write("a.log", "live");
    old(&bench, "a.log.1", 100, 1);
    fs::set_permissions(bench.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    bench.rotator.set_budgets(budget(None, 50));
    assert_eq!(removed(&bench.tick(&NoReader)), [""; 0], "the folder is not theirs");
    std::os::unix::fs::chown(bench.folder.path(), Some(65534), None).unwrap();
    assert_eq!(removed(&bench.tick_at(now() + TimeDelta::minutes(2), &NoReader)), ["a.log.1"]);
}

/// The daemon reads five archives, and may keep two of them.
#[test]
fn the_daemon_reads_first_and_says_what_it_removed_and_why() {
    let settings = "[rotation]\nevery = \"100ms\"\npolicy = \"config/logrotate.conf\"\n";
    let home = Home::new(&format!("{QUICK}{settings}[[rotation.budget]]\npath = \"logs\"\nbytes = \"2200\"\n"));
    home.write("config/logrotate.conf", "\"logs/*.log\" {\nrotate 9\nweekly\ncreate\n}\n");
    let text = |n: usize| (0..50).map(|line| format!("INFO:     {n} {line:09}\n")).collect::<String>();
    home.append("logs/api.log", "INFO:     live\n");
    for n in 1..6 {
        home.write(&format!("logs/api.log.{n}"), &text(n));
        let time = SystemTime::now() - Duration::from_secs(n as u64 * 86_400);
        File::options().write(true).open(home.path(&format!("logs/api.log.{n}"))).unwrap().set_modified(time).unwrap();
    }
    let plan = home.ok(&["rotate", "--plan"]);
    assert!(plan.contains("5 generations under") && plan.contains("of 2.1 KiB"), "{plan}");
    assert_eq!(plan.matches("goes with the next look, once it is read").count(), 3, "{plan}");
    let dry = home.ok(&["rotate", "--debug"]);
    assert_eq!(dry.matches(": removing ").count(), 3, "{dry}");
    assert_eq!(home.names("logs").len(), 6, "nothing was removed");

    let daemon = home.run();
    wait_until("three are gone", || home.names("logs").len() <= 3);
    daemon.settle();
    assert_eq!(home.names("logs"), ["api.log", "api.log.1", "api.log.2"]);
    let status = daemon.status().to_string();
    assert_eq!(status.matches("its rotation.budget allows 2.1 KiB; it was the oldest").count(), 3, "{status}");
    assert!(home.log().contains("api.log.5: generations under"), "{}", home.log());
    let json = home.json(&["rotate", "--plan"]);
    assert_eq!(json["archives"]["removals"].as_array().map(Vec::len), Some(0), "{json}");
    assert_eq!(json["archives"]["budgets"][0]["generations"], 2, "{json}");
}

#[test]
fn mistakes_are_told_by_check_with_their_line() {
    let home = Home::new("[[rotation.budget]]\npath = \"logs/*.log\"\nbytes = \"1k\"\n");
    let (code, error) = home.fails(&["check"]);
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("config/logmill.toml:3:8:") && error.contains("write the folder"), "{error}");
    home.write("config/logmill.toml", "[[rotation.budget]]\npath = \"nowhere\"\nbytes = \"1k\"\n");
    let told = home.ok(&["check"]);
    assert!(told.contains("there is no folder nowhere; nothing counts until there is"), "{told}");
}
