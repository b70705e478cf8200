//! Many hosts feed one: both sides are killed again and again, and each entry is there once.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::home::{Home, wait_until};
use crate::receive::{address, home, post};

const SOURCES: usize = 3;

/// A sink of the one that is the other.
fn point(here: &Home, there: &Home) {
    let sink = format!(
        "[[sink]]\nname = \"centre\"\nkind = \"logmill\"\nurl = \"http://{}\"\nconcurrency = 2\n[sink.batch]\nage = \"20ms\"\nentries = 40\n[sink.retry]\nmin = \"10ms\"\nmax = \"100ms\"\n",
        address(there)
    );
    here.write("config/sinks.toml", &sink);
}

#[test]
fn kills_on_both_sides_lose_nothing_and_repeat_nothing() {
    let kills: u64 = std::env::var("LOGMILL_KILLS").ok().and_then(|value| value.parse().ok()).unwrap_or(6);
    let there = home("");
    let here = Home::new(crate::ship::sinks::CONFIG);
    here.write("pipelines/all.toml", crate::ship::sinks::PIPELINE);
    let mut there_daemon = there.run();
    point(&here, &there);
    let mut here_daemon = here.run();
    let mut serial = 0;
    for round in 0..kills {
        for _ in 0..200 {
            let source = serial % SOURCES;
            here.append(
                &format!("logs/{source}.log"),
                format!("2026-11-24 06:00:00,000 - x - INFO - serial={serial} of\n"),
            );
            serial += 1;
        }
        std::thread::sleep(Duration::from_millis(120 + 37 * round));
        if round % 2 == 0 {
            there_daemon.kill();
            there_daemon = there.run();
        } else {
            here_daemon.kill();
            here_daemon = here.run();
        }
    }
    wait_until("everything is there", || there.search("serial").len() >= serial);
    // What was on its way has time to come twice.
    wait_until("the sink is done", || here.json(&["ship", "status"])[0]["behind"] == 0);
    there_daemon.settle();
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for entry in there.search("serial") {
        *found.entry(entry["message"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let twice: Vec<_> = found.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "there twice: {twice:?}");
    assert_eq!(found.len(), serial);
    let entry = there.search("\"serial=7 of\"").remove(0);
    assert!(entry["source"].as_str().unwrap().ends_with("logs/1.log"), "{entry}");
    assert!(entry["fields"]["host"].is_string(), "{entry}");
    assert_eq!(here_daemon.stop(), Some(0));
    assert_eq!(there_daemon.stop(), Some(0));
}

/// Whoever was told yes finds it there.
#[test]
fn what_was_acknowledged_outlives_kill_9() {
    let there = home("");
    let mut daemon = there.run();
    let mut acknowledged = Vec::new();
    for round in 0..4 {
        for n in 0..50 {
            let message = format!("taken {round} {n}");
            let line = format!("2026-11-24T06:00:00Z INFO {message}\n");
            let reply = post(&there, "/api/v1/ingest", "", line.as_bytes());
            assert_eq!(reply.status, 200, "{}", reply.text());
            acknowledged.push(message);
        }
        daemon.kill();
        daemon = there.run();
    }
    wait_until("everything is there", || there.messages("taken").len() >= acknowledged.len());
    let mut found = there.messages("taken");
    found.sort();
    acknowledged.sort();
    assert_eq!(found, acknowledged);
    // The journal goes when its entries are in the store.
    wait_until("the journal is gone but for the file of now", || there.names("data/received").len() <= 2);
}

#[test]
fn a_second_daemon_leaves_the_journal_alone() {
    let there = home("");
    let daemon = there.run();
    assert_eq!(post(&there, "/api/v1/ingest", "", b"2026-11-24T06:00:00Z INFO first\n").status, 200);
    // As if the daemon was in the middle of a line.
    there.append("data/received/000001.ndjson", "{\"half\":");
    let before = std::fs::read(there.path("data/received/000001.ndjson")).unwrap();
    let (_, message) = there.fails(&["run"]);
    assert!(message.contains("another logmill writes to"), "{message}");
    assert_eq!(std::fs::read(there.path("data/received/000001.ndjson")).unwrap(), before);
    drop(daemon);
}

#[test]
fn a_full_journal_puts_senders_off_and_is_told() {
    let there = home("journal = \"1KiB\"\n");
    let daemon = there.run();
    let status = (0..40)
        .map(|n| {
            post(
                &there,
                "/api/v1/ingest",
                "",
                format!("2026-11-24T06:00:00Z INFO fill {n} {}\n", "x".repeat(900)).as_bytes(),
            )
        })
        .find(|reply| reply.status != 200);
    let reply = status.expect("it never was full");
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("5")), "{}", reply.text());
    assert!(reply.json()["detail"].as_str().unwrap().contains("waiting to be indexed"));
    // There is room again when all is indexed.
    daemon.settle();
    wait_until("there is room", || {
        post(&there, "/api/v1/ingest", "", b"2026-11-24T06:00:00Z INFO after\n").status == 200
    });
}
