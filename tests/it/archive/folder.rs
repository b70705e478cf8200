//! An archive in a folder: the whole round, kills, damage, and what retention does meanwhile.

use std::fs;

use crate::archive::{archived, count, files, fill, home, round, sealed, status, wait_for_archive, with_folder};
use crate::home::wait_until;

#[test]
fn what_is_archived_comes_back() {
    round(&with_folder(""));
}

#[test]
fn killed_while_sending_it_goes_on_with_what_is_missing() {
    let home = with_folder("bandwidth = \"200KiB\"");
    let daemon = home.run();
    let lines = fill(&home, &daemon, 1);
    wait_until("some of a partition is there", || files(&home, "").len() >= 4);
    daemon.kill();
    assert_eq!(files(&home, "manifest.json").len(), 0);
    let daemon = home.run();
    wait_for_archive(&home);
    let counts = status(&home)["counts"].clone();
    assert!(counts["files_known"].as_u64() >= Some(2), "{counts}");
    home.ok(&["archive", "verify"]);
    home.ok(&["prune"]);
    home.ok(&["restore", "--since", "2026-11-20", "--until", "2026-11-21"]);
    assert_eq!(count(&home), lines);
    // What is known to be there is not asked for again after a start.
    daemon.stop();
    let _daemon = home.run();
    wait_for_archive(&home);
    assert_eq!(status(&home)["counts"]["partitions"], counts["partitions"]);
}

#[test]
fn a_lost_ledger_costs_a_look_and_nothing_is_sent_twice() {
    let home = with_folder("");
    let daemon = home.run();
    fill(&home, &daemon, 1);
    wait_for_archive(&home);
    daemon.stop();
    fs::remove_file(home.path("data/archive.json")).unwrap();
    let _daemon = home.run();
    wait_for_archive(&home);
    assert_eq!(status(&home)["counts"]["bytes"], 0);
}

#[test]
fn what_was_changed_there_is_refused() {
    let home = with_folder("");
    let daemon = home.run();
    fill(&home, &daemon, 1);
    wait_for_archive(&home);
    home.ok(&["prune"]);
    let (left, blocks) = (count(&home), files(&home, "blocks").remove(0));
    let good = fs::read(&blocks).unwrap();
    let manifest = files(&home, "manifest.json").remove(0);
    let text = fs::read_to_string(&manifest).unwrap();
    let check = |what: &str| {
        assert!(home.fails(&["archive", "verify"]).1.contains(what), "{what}");
        let (code, error) = home.fails(&["restore", "--since", "2026-11-20", "--until", "2026-11-21"]);
        assert!(code == 1 && error.contains(what), "{error}");
        assert_eq!((count(&home), sealed(&home).len()), (left, 0), "{what}");
        assert!(!home.names("data/partitions").iter().any(|name| name.ends_with(".restoring")), "{what}");
    };
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 1;
    fs::write(&blocks, bad).unwrap();
    check("has another checksum");
    fs::write(&blocks, &good[1..]).unwrap();
    check("by its manifest");
    fs::write(&blocks, [&good[..], b"x"].concat()).unwrap();
    check("has more than the");
    fs::remove_file(&blocks).unwrap();
    check("is not there");
    fs::write(&blocks, &good).unwrap();
    fs::write(&manifest, text.replace("\"blocks\"", "\"../../../blocks\"")).unwrap();
    check("is no name of a partition's file");
    fs::write(&manifest, &text).unwrap();
    home.ok(&["restore", "--since", "2026-11-20", "--until", "2026-11-21"]);
    assert!(count(&home) > left);
}

#[test]
fn what_is_not_archived_is_held_or_counted() {
    let missing = "url = \"file:///nonexistent/archive\"";
    let home = home(missing);
    let daemon = home.run();
    let lines = fill(&home, &daemon, 1);
    wait_until("the problem is told", || {
        status(&home)["problem"]["why"].as_str().is_some_and(|w| w.contains("make the folder"))
    });
    let pruned = home.json(&["prune"]);
    assert!(pruned["held"][0].as_str().unwrap().contains("until it is in the archive"), "{pruned}");
    assert_eq!(count(&home), lines);
    // A reload is enough for another choice.
    let config = fs::read_to_string(home.path("config/logmill.toml")).unwrap();
    home.write("config/logmill.toml", &format!("{config}retention = \"drop\"\n"));
    daemon.signal("HUP");
    wait_until("the reload is used", || status(&home)["retention"] == "drop");
    home.ok(&["prune"]);
    let counts = status(&home)["counts"].clone();
    assert_eq!(count(&home) + counts["entries_lost"].as_u64().unwrap(), lines, "{counts}");
    assert!(counts["partitions_lost"].as_u64() > Some(0));
}

#[test]
fn another_machine_takes_over_a_store_into_an_empty_folder_only() {
    let home = with_folder("");
    let daemon = home.run();
    fill(&home, &daemon, 1);
    wait_for_archive(&home);
    let number = archived(&home);
    daemon.stop();
    let times = ["--since", "2026-11-20", "--until", "2026-11-21"];
    let restore = |folder: &'static str| [&["--data-dir", folder, "restore"][..], &times].concat();
    let answer = home.json(&restore("new"));
    assert_eq!(answer["restored"].as_array().unwrap().len(), number, "{answer}");
    let found = home.json(&["--data-dir", "new", "search", "n7x"]);
    assert_eq!(found.as_array().unwrap().len(), 1);
    // A store of its own has numbers of its own.
    home.write("other.log", "2026-11-20 08:00:00 - api - INFO - of another store\n");
    home.ok(&["--data-dir", "other", "ingest", "other.log"]);
    let answer = home.json(&restore("other"));
    assert!(answer["restored"].as_array().unwrap().is_empty(), "{answer}");
    assert!(answer["left"][0]["why"].as_str().unwrap().contains("a folder of its own"), "{answer}");
}

#[test]
fn what_is_too_old_goes_there() {
    let home = with_folder("");
    let daemon = home.run();
    fill(&home, &daemon, 1);
    wait_for_archive(&home);
    assert!(!files(&home, "blocks").is_empty());
    let config = fs::read_to_string(home.path("config/logmill.toml")).unwrap();
    home.write("config/logmill.toml", &format!("{config}keep = \"1d\"\n"));
    daemon.signal("HUP");
    wait_until("it went", || status(&home)["counts"]["expired"].as_u64() > Some(0));
    wait_until("nothing is left", || files(&home, "").is_empty());
}

#[test]
fn what_cannot_be_sent_is_told_and_those_behind_it_go_on() {
    let home = with_folder("partitions = false");
    let config = fs::read_to_string(home.path("config/logmill.toml")).unwrap();
    let daemon = home.run();
    fill(&home, &daemon, 2);
    let (first, all) = (sealed(&home)[0], sealed(&home).len());
    let store = fs::read_to_string(home.path("data/partitions/identity")).unwrap();
    let generation = home.json(&["status"])["partitions"][0]["generation"].as_u64().unwrap();
    let taken = format!("archive/web-1/partitions/{}/{first:06}.{generation}/manifest.json", store.trim());
    home.write(&taken, "{}");
    home.write("config/logmill.toml", &config.replace("partitions = false", "partitions = true"));
    daemon.signal("HUP");
    wait_until("the others are archived", || archived(&home) == all - 1 && all > 1);
    let found = status(&home);
    assert!(found["stuck"][0]["what"].as_str().unwrap().starts_with(&format!("partition {first:06}")), "{found}");
    assert!(found["stuck"][0]["why"].as_str().unwrap().contains("manifest.json"), "{found}");
    assert!(home.ok(&["archive", "status"]).contains("not sent: partition"));
    let pruned = home.json(&["prune"]);
    assert!(pruned["held"][0].as_str().unwrap().contains("until it is in the archive"), "{pruned}");
    assert_eq!(sealed(&home), [first]);
    fs::remove_file(home.path(&taken)).unwrap();
    wait_for_archive(&home);
    assert!(status(&home)["stuck"].as_array().unwrap().is_empty());
    home.ok(&["archive", "verify"]);
}
