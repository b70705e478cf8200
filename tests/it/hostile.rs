//! Input that no program should write, and surroundings that no program should meet: the daemon goes on, counts it,
//! and loses nothing else.

use std::fs;
use std::os::unix::fs::symlink;

use crate::home::{Home, SmallDisk, wait_until};

const QUICK: &str = "[store]\ncommit_every = \"100ms\"\n[follow]\ndiscover_every = \"100ms\"\nmax_line = \"64KiB\"\n";

#[test]
fn bytes_and_files_of_every_kind() {
    let home = Home::new(QUICK);
    home.append("secret", "INFO:     secret\n");
    fs::create_dir(home.path("logs/orchestrator.log")).unwrap();
    symlink(home.path("secret"), home.path("logs/orchestrator_link.log")).unwrap();
    symlink(home.path("nowhere"), home.path("logs/orchestrator_dangling.log")).unwrap();
    home.append("logs/api.log", b"INFO:     first\n\0\0\0\0INFO:     after nuls\nINFO:     bad \xff\xfe bytes\n");
    let daemon = home.run();
    let long = "x".repeat(300_000);
    home.append("logs/api.log", format!("INFO:     {long}\nINFO:     after the long line\n\x1b[2J\n"));
    home.append("logs/demo_1_20260101_000000/workflow.log", "INFO:     vanishes\n");
    wait_until("the session is read", || home.messages("vanishes").len() == 1);
    fs::remove_dir_all(home.path("logs/demo_1_20260101_000000")).unwrap();
    home.append("logs/api.log", "INFO:     last\n");
    wait_until("the last line is read", || home.messages("last").len() == 1);
    daemon.settle();
    let messages = home.messages("service:api");
    let short: Vec<String> = messages.iter().map(|m| m.chars().take(30).collect()).collect();
    assert_eq!(short.len(), 6, "{short:?}");
    assert!(
        short.contains(&"after nuls".to_owned()) && short.contains(&"bad \u{fffd}\u{fffd} bytes".to_owned()),
        "{short:?}"
    );
    assert!(home.messages("secret").is_empty(), "a link was followed");
    assert_eq!(home.search("fields.truncated:true").len(), 1);
    let lines = &daemon.status()["lines"];
    let number = |key: &str| lines[key].as_u64().unwrap();
    assert_eq!(number("read"), number("parsed") + number("text") + number("joined"));
    assert_eq!((number("nul_bytes"), number("invalid_utf8"), number("truncated")), (4, 1, 1));
    assert!(daemon.status()["errors_total"].as_u64().unwrap() > 0, "what could not be opened is told");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_partial_last_line_waits() {
    let home = Home::new(QUICK);
    let daemon = home.run();
    home.append("logs/api.log", "INFO:     one\nINFO:     tw");
    wait_until("the first line is read", || home.messages("*") == ["one"]);
    std::thread::sleep(std::time::Duration::from_millis(800));
    assert_eq!(home.messages("*"), ["one"]);
    home.append("logs/api.log", "o\n");
    wait_until("the second line is read", || home.messages("*") == ["one", "two"]);
    drop(daemon);
}

#[test]
fn a_full_disk_stops_indexing_and_nothing_else() {
    let home = Home::new(QUICK);
    let data = home.path("data");
    fs::create_dir(&data).unwrap();
    let Some(_disk) = SmallDisk::in_memory(&data, "2m") else { return };
    home.append("logs/api.log", "INFO:     before\n");
    let daemon = home.run();
    wait_until("the first line is committed", || daemon.status()["commits"].as_u64() > Some(0));
    // All that is left.
    let _ = fs::write(data.join("filler"), vec![1; 4 << 20]);
    let line = |n: usize| format!("INFO:     entry {n} {:016x}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let text: String = (0..20_000).map(line).collect();
    home.append("logs/api.log", &text);
    wait_until("it is unhealthy", || daemon.status()["healthy"] == false);
    assert_eq!(home.output(&["health"]).status.code(), Some(1));
    assert!(!home.messages("before").is_empty(), "searching goes on");
    fs::remove_file(data.join("filler")).unwrap();
    wait_until("it is healthy again", || daemon.status()["healthy"] == true);
    daemon.settle();
    assert_eq!(daemon.stop(), Some(0));
    let all = home.ok(&["search", "*", "--limit", "100000", "--format", "ndjson"]);
    assert_eq!(all.lines().count(), 20_001, "nothing lost, nothing twice");
}
