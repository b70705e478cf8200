//! The archive: partitions go to a folder and to a real S3 server, and come back into search.

mod folder;
mod logs;
mod s3;
mod server;

use std::path::PathBuf;

use serde_json::Value;

use crate::home::{Home, wait_until};

/// Small partitions, and a retention that wants all of them gone at once when it is asked to.
const CONFIG: &str = "[store]\ncommit_every = \"100ms\"\npartition_bytes = \"1MiB\"\n[follow]\ndiscover_every = \"100ms\"\n\
                      [retention]\nevery = \"1h\"\nmax_bytes = \"1KiB\"\n[rotation]\nenabled = false\n\
                      [archive]\nhost = \"web-1\"\n";

fn home(archive: &str) -> Home {
    Home::new(&format!("{CONFIG}{archive}\n"))
}

/// A home with an archive in a folder beside its data.
fn with_folder(more: &str) -> Home {
    let home = home("");
    std::fs::create_dir(home.path("archive")).unwrap();
    let url = format!("url = \"file://{}\"", home.path("archive").display());
    home.write("config/logmill.toml", &format!("http = \"127.0.0.1:0\"\n{CONFIG}{url}\n{more}\n"));
    home
}

/// Lines that compress badly, so that partitions are soon full. Their texts are found again by number.
fn log(home: &Home, numbers: std::ops::Range<u64>) {
    let noise = |n: u64| (0..12).map(|i| format!("{:016x}", mix(n * 31 + i))).collect::<Vec<_>>().join(" ");
    let line = |n: u64| format!("2026-11-20 08:{:02}:{:02} - api - INFO - n{n}x {}\n", n / 60 % 60, n % 60, noise(n));
    home.append("logs/api.log", numbers.map(line).collect::<String>());
}

fn mix(n: u64) -> u64 {
    let n = (n ^ (n >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (n ^ (n >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

/// What `/status` says of the archive.
fn status(home: &Home) -> Value {
    home.json(&["archive", "status"])
}

/// Sealed partitions that are here.
fn sealed(home: &Home) -> Vec<u64> {
    let partitions = home.json(&["status"])["partitions"].as_array().unwrap().clone();
    let sealed = partitions.iter().filter(|partition| partition["generation"].as_u64() > Some(0));
    sealed.map(|partition| partition["number"].as_u64().unwrap()).collect()
}

/// Writes until there are so many partitions that are full, and waits until they are sealed.
fn fill(home: &Home, daemon: &crate::home::Daemon<'_>, partitions: usize) -> u64 {
    let mut lines = 0;
    while home.json(&["status"])["partitions"].as_array().unwrap().len() <= partitions {
        log(home, lines..lines + 1500);
        lines += 1500;
        daemon.settle();
    }
    wait_until("all full partitions are sealed", || {
        sealed(home).len() + 1 == home.json(&["status"])["partitions"].as_array().unwrap().len()
    });
    lines
}

fn archived(home: &Home) -> usize {
    status(home)["partitions"].as_array().unwrap().len()
}

fn wait_for_archive(home: &Home) {
    wait_until("all sealed partitions are archived", || archived(home) == sealed(home).len());
}

fn count(home: &Home) -> u64 {
    let answer = home.json(&["search", "* | count"]);
    let text = answer.to_string();
    answer[0]["count"].as_u64().or_else(|| answer["rows"][0][0].as_u64()).unwrap_or_else(|| panic!("{text}"))
}

/// Files below a folder of the archive, by their names.
fn files(home: &Home, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![home.path("archive")];
    while let Some(folder) = folders.pop() {
        for item in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if item.path().is_dir() {
                folders.push(item.path());
            } else if item.file_name().to_string_lossy().ends_with(ending) {
                found.push(item.path());
            }
        }
    }
    found.sort();
    found
}

/// The whole round: archived, removed here by retention, asked for in vain, brought back, found.
fn round(home: &Home) {
    let daemon = home.run();
    let lines = fill(home, &daemon, 2);
    wait_for_archive(home);
    assert_eq!(count(home), lines);
    let there = home.json(&["archive", "list"])["partitions"].as_array().unwrap().clone();
    assert_eq!(there.len(), archived(home));
    assert!(there.iter().all(|partition| partition["host"] == "web-1"), "{there:?}");
    home.ok(&["archive", "verify"]);
    // Retention takes all but the one being written.
    home.ok(&["prune"]);
    assert_eq!(sealed(home), [0_u64; 0]);
    let archived_entries: u64 = there.iter().map(|partition| partition["entries"].as_u64().unwrap()).sum();
    assert_eq!(count(home), lines - archived_entries);
    assert!(home.messages("n7x").is_empty());
    let times = ["--since", "2026-11-20", "--until", "2026-11-21"];
    let planned = home.json(&[&["restore", "--dry-run"][..], &times].concat());
    assert_eq!(planned["restored"].as_array().unwrap().len(), there.len());
    assert!(home.messages("n7x").is_empty());
    let outside = home.json(&["restore", "--since", "2026-11-18", "--until", "2026-11-19"]);
    assert!(outside["restored"].as_array().unwrap().is_empty(), "{outside}");
    let restored = home.json(&[&["restore"][..], &times].concat());
    assert_eq!(restored["restored"].as_array().unwrap().len(), there.len(), "{restored}");
    assert_eq!(count(home), lines);
    assert_eq!(home.messages("n7x").len(), 1);
    // Retention leaves it alone, and what is here is not fetched again.
    home.ok(&["prune"]);
    assert_eq!(count(home), lines);
    let again = home.json(&[&["restore"][..], &times].concat());
    assert_eq!(
        (again["restored"].as_array().unwrap().len(), again["left"].as_array().unwrap().len()),
        (0, there.len())
    );
    // So it is after a start, too, and new entries go on behind.
    daemon.stop();
    assert_eq!(count(home), lines);
    let daemon = home.run();
    log(home, lines..lines + 10);
    daemon.settle();
    assert_eq!(count(home), lines + 10);
    home.ok(&["verify"]);
}
