//! The same with a real S3 server: SeaweedFS, which dies and comes back.

use crate::archive::server::Weed;
use crate::archive::{archived, count, fill, home, round, sealed, status, wait_for_archive};
use crate::home::wait_until;

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
