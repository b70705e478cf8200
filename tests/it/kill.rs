//! Exactly once: the real program is killed at random moments, again and again, while programs write and files are
//! rotated in every way; in the end every line is in the index once.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::cut::can_collapse;
use crate::home::{Home, append};

const CONFIG: &str = r#"
[store]
commit_every = "100ms"
commit_entries = 2000
partition_bytes = "1MiB"

[follow]
discover_every = "100ms"

[search]
max_time = "5m"
max_result = "4GiB"

[rotation]
every = "100ms"
policy = "config/logrotate.conf"
"#;

const POLICY: &str = r#"
"logs/renamed.log" {
    size 60k
    rotate 1000
    create
    compress
    delaycompress
}
"logs/copied.log" {
    size 40k
    rotate 1000
    copytruncate
    compress
}
"#;

const PIPELINE: &str = "name = \"all\"\n[source]\ninclude = [\"logs/*.log\"]\nzone = \"UTC\"\n";

/// Writes numbered entries of one or several lines; the time is always the same.
struct Serials {
    name: &'static str,
    next: u64,
}

impl Serials {
    fn text(&mut self, count: u64) -> String {
        let mut text = String::new();
        for serial in self.next..self.next + count {
            let name = self.name;
            text.push_str(&format!("2026-11-23 10:15:30,004 - {name} - INFO - step serial={name}-{serial}\n"));
            if serial % 7 == 0 {
                text.push_str("Traceback (most recent call last):\n  File \"a.py\", line 1\n\nValueError: x\n");
            }
        }
        self.next += count;
        text
    }
}

/// Keeps its file open and looks now and then whether the path is another file by now, as syslog-like writers do.
fn write_renamed(path: &Path, serials: &mut Serials, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        for _ in 0..20 {
            file.write_all(serials.text(20).as_bytes()).unwrap();
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Renames its own files, as Python's `RotatingFileHandler` does.
fn write_own(path: &Path, serials: &mut Serials, stop: &AtomicBool) {
    let name = |n: u32| path.with_file_name(format!("own.log.{n}"));
    while !stop.load(Ordering::Relaxed) {
        append(path, serials.text(15));
        if fs::metadata(path).unwrap().len() > 50_000 {
            // More are kept than a kill can last, so that none is removed before it was read.
            (1..60).rev().for_each(|n| drop(fs::rename(name(n), name(n + 1))));
            fs::rename(path, name(1)).unwrap();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Writes on and on, where the log can be cut without a loss. Elsewhere it writes in one go and then waits to be
/// truncated: what is written between the last read and the truncation is lost.
fn write_copied(path: &Path, serials: &mut Serials, stop: &AtomicBool) {
    let on_and_on = can_collapse(path.parent().unwrap());
    while !stop.load(Ordering::Relaxed) {
        if on_and_on {
            append(path, serials.text(20));
            std::thread::sleep(Duration::from_millis(5));
            continue;
        }
        append(path, serials.text(600));
        while fs::metadata(path).unwrap().len() > 0 && !stop.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A small random number generator, so that a failure can be repeated by its seed.
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn counts(home: &Home) -> BTreeMap<String, u64> {
    let raw = home.ok(&["search", "*", "--limit", "100000000", "--format", "ndjson"]);
    let mut counts = BTreeMap::new();
    for line in raw.lines() {
        let (_, rest) = line.split_once("serial=").unwrap_or_else(|| panic!("no number: {line}\n{}", home.log()));
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(rest.len());
        *counts.entry(rest[..end].to_owned()).or_default() += 1;
    }
    counts
}

#[test]
fn kill_9_loses_nothing_and_repeats_nothing() {
    let setting = |name: &str| std::env::var(name).ok().and_then(|v| v.parse().ok());
    let kills: u64 = setting("LOGMILL_KILLS").unwrap_or(20);
    let seed: u64 = setting("LOGMILL_SEED").unwrap_or_else(|| u64::from(std::process::id()) * 7919 + 1);
    println!("LOGMILL_KILLS={kills} LOGMILL_SEED={seed}");
    let home = Home::new(CONFIG);
    home.write("config/logrotate.conf", POLICY);
    home.write("pipelines/all.toml", PIPELINE);
    let mut writers = [("renamed", 0), ("own", 0), ("copied", 0)].map(|(name, next)| Serials { name, next });
    let stop = AtomicBool::new(false);
    let mut state = seed;
    std::thread::scope(|scope| {
        let [renamed, own, copied] = &mut writers;
        scope.spawn(|| write_renamed(&home.path("logs/renamed.log"), renamed, &stop));
        scope.spawn(|| write_own(&home.path("logs/own.log"), own, &stop));
        scope.spawn(|| write_copied(&home.path("logs/copied.log"), copied, &stop));
        for _ in 0..kills {
            let daemon = home.spawn();
            std::thread::sleep(Duration::from_millis(30 + random(&mut state) % 900));
            daemon.kill();
            std::thread::sleep(Duration::from_millis(random(&mut state) % 100));
        }
        stop.store(true, Ordering::Relaxed);
    });
    let daemon = home.run();
    let written: u64 = writers.iter().map(|w| w.next).sum();
    daemon.settle();
    assert_eq!(daemon.stop(), Some(0));
    // Without the daemon: only what is committed.
    let counts = counts(&home);
    let expected = writers.iter().flat_map(|w| (0..w.next).map(move |n| format!("{}-{n}", w.name)));
    let lost: Vec<String> = expected.filter(|serial| !counts.contains_key(serial)).collect();
    let repeated: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
    let compressed = fs::read_dir(home.path("logs")).unwrap().flatten();
    let compressed = compressed.filter(|f| f.path().extension().is_some_and(|e| e == "gz")).count();
    println!(
        "{kills} kills, {written} entries, {compressed} files compressed, {} lost, {} repeated",
        lost.len(),
        repeated.len()
    );
    let show = |n: usize| n.min(10);
    assert!(lost.is_empty(), "lost: {:?}", &lost[..show(lost.len())]);
    assert!(repeated.is_empty(), "repeated: {:?}\n{}", &repeated[..show(repeated.len())], home.log());
    assert!(compressed > 0, "nothing was rotated:\n{}", home.log());
}
