//! The same with a real S3 server: SeaweedFS, which dies and comes back.

use std::time::Duration;

use crate::archive::server::Weed;
use crate::archive::{archived, count, fill, home, round, sealed, status, wait_for_archive};
use crate::home::{Home, wait_until};
use crate::ship::lines::{certificates, has};

#[test]
fn what_is_archived_in_s3_comes_back() {
    let Some(weed) = Weed::start() else { return };
    let home = home(&weed.settings());
    weed.write_keys(&home);
    round(&home);
}

#[test]
fn a_server_that_was_away_gets_all_of_it() {
    let Some(mut weed) = Weed::start() else { return };
    let home = home(&weed.settings());
    weed.write_keys(&home);
    weed.stop();
    let daemon = home.run();
    let lines = fill(&home, &daemon, 1);
    wait_until("the problem is told", || !status(&home)["problem"].is_null());
    assert_eq!(archived(&home), 0);
    // What is not there yet stays here.
    home.ok(&["prune"]);
    assert_eq!(count(&home), lines);
    weed.again();
    daemon.signal("HUP");
    wait_for_archive(&home);
    assert!(status(&home)["problem"].is_null());
    home.ok(&["archive", "verify"]);
    home.ok(&["prune"]);
    assert!(sealed(&home).is_empty());
    home.ok(&["restore", "--since", "2026-11-20", "--until", "2026-11-21"]);
    assert_eq!(count(&home), lines);
}

#[test]
fn wrong_keys_are_told_and_cost_nothing() {
    let Some(weed) = Weed::start() else { return };
    let home = home(&weed.settings());
    weed.write_keys(&home);
    home.write("secret_key", "wrong\n");
    let daemon = home.run();
    fill(&home, &daemon, 1);
    wait_until("the problem is told", || !status(&home)["problem"].is_null());
    let shown = status(&home).to_string();
    assert!(!shown.contains("wrong") && archived(&home) == 0, "{shown}");
    // Secrets are read whenever they are used; a reload tries at once.
    weed.write_keys(&home);
    daemon.signal("HUP");
    wait_for_archive(&home);
}

#[test]
fn killed_while_sending_and_while_restoring() {
    let Some(weed) = Weed::start() else { return };
    let home = home(&format!("{}\nbandwidth = \"400KiB\"", weed.settings()));
    weed.write_keys(&home);
    let daemon = home.run();
    let lines = fill(&home, &daemon, 3);
    daemon.kill();
    for pause in [700, 300, 1_500, 900] {
        let daemon = home.run();
        std::thread::sleep(Duration::from_millis(pause));
        daemon.kill();
    }
    let daemon = home.run();
    wait_for_archive(&home);
    let verified = home.json(&["archive", "verify"]);
    let there = verified["partitions"].as_array().unwrap();
    let numbers: Vec<_> = there.iter().map(|partition| partition["partition"].as_u64().unwrap()).collect();
    let all: Vec<u64> = (1..=numbers.len() as u64).collect();
    assert!(numbers == all && all.len() >= 3 && verified["problems"] == serde_json::json!([]), "{verified}");
    home.ok(&["prune"]);
    assert!(sealed(&home).is_empty());
    let times = ["restore", "--since", "2026-11-20", "--until", "2026-11-21"];
    let mut restoring = home.command(&times).stdout(std::process::Stdio::null()).spawn().unwrap();
    wait_until("some of it is here", || home.names("data/partitions").iter().any(|n| n.ends_with(".restoring")));
    daemon.kill();
    restoring.wait().unwrap();
    let daemon = home.run();
    wait_until("what was half there is gone", || {
        !home.names("data/partitions").iter().any(|name| name.ends_with(".restoring"))
    });
    home.ok(&times);
    assert_eq!(count(&home), lines);
    home.ok(&["verify"]);
    drop(daemon);
}

#[test]
fn an_authority_of_ones_own_is_trusted_when_it_is_named() {
    if !has("openssl") {
        return;
    }
    let certified = Home::new("");
    certificates(&certified, &[("server", 2)]);
    let Some(weed) = Weed::start_with_tls(certified.path("server.pem"), certified.path("server.key")) else { return };
    let home = home(&weed.settings());
    weed.write_keys(&home);
    let daemon = home.run();
    fill(&home, &daemon, 1);
    wait_until("the problem is told", || {
        status(&home)["problem"]["why"].as_str().is_some_and(|why| why.to_lowercase().contains("certificate"))
    });
    let config = std::fs::read_to_string(home.path("config/logmill.toml")).unwrap();
    let ca = certified.path("CA.pem");
    home.write("config/logmill.toml", &format!("{config}\nca = \"{}\"\n", ca.display()));
    daemon.signal("HUP");
    wait_for_archive(&home);
    home.ok(&["archive", "verify"]);
}
