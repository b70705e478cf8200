//! Rotated logs: each is in the archive once, none is removed before.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::archive::server::Weed;
use crate::archive::{files, status};
use crate::home::{Home, QUICK, wait_until};

fn rotating(archive: &str) -> Home {
    let home = Home::new("");
    std::fs::create_dir(home.path("archive")).unwrap();
    rotating_to(&home, &format!("url = \"file://{}\"", home.path(archive).display()));
    home
}

fn rotating_to(home: &Home, place: &str) {
    let config = format!(
        "http = \"127.0.0.1:0\"\n{QUICK}[rotation]\nevery = \"100ms\"\npolicy = \"config/logrotate.conf\"\n\
         [archive]\nhost = \"web-1\"\n{place}\n"
    );
    home.write("config/logmill.toml", &config);
    home.write("config/logrotate.conf", "\"logs/api.log\" {\nsize 2k\nrotate 2\ncompress\ncreate\n}\n");
}

/// Lines until the log was rotated so often.
fn rotations(home: &Home, count: u64) -> Vec<String> {
    let mut lines = Vec::new();
    wait_until("the log was rotated", || {
        for _ in 0..30 {
            let line = format!("INFO:     number {} of many that are to be kept for later", lines.len());
            home.append("logs/api.log", format!("{line}\n"));
            lines.push(line);
        }
        rotated(home) >= count
    });
    lines
}

fn rotated(home: &Home) -> u64 {
    home.json(&["status"])["rotations"].to_string().matches("\"rotated\"").count() as u64
}

/// The logs in the archive that have a manifest.
fn archived(home: &Home) -> Vec<PathBuf> {
    let manifests = files(home, ".manifest.json");
    manifests.iter().map(|path| path.display().to_string().replace(".manifest.json", "").into()).collect()
}

fn lines_of(path: &Path) -> Vec<String> {
    let (mut text, mut file) = (String::new(), std::fs::File::open(path).unwrap());
    // One that was to be removed before it could be compressed is there as it was.
    if path.extension().is_some_and(|ending| ending == "gz") {
        flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
    } else {
        file.read_to_string(&mut text).unwrap();
    }
    text.lines().map(str::to_owned).collect()
}

#[test]
fn every_generation_is_archived_once_before_it_is_removed() {
    let home = rotating("archive");
    let daemon = home.run();
    let lines = rotations(&home, 6);
    daemon.settle();
    let want: BTreeSet<String> = lines.into_iter().collect();
    let there = || -> BTreeSet<String> {
        let live = std::fs::read_to_string(home.path("logs/api.log")).unwrap_or_default();
        let archived = archived(&home).into_iter().flat_map(|path| lines_of(&path));
        archived.chain(live.lines().map(str::to_owned)).collect()
    };
    wait_until("every line is in the archive or in the log", || status(&home)["logs_waiting"] == 0 && there() == want);
    assert_eq!(status(&home)["counts"]["logs_lost"], 0);
    let listed = home.json(&["archive", "verify"])["logs"].as_array().unwrap().clone();
    assert_eq!(listed.len(), archived(&home).len());
    assert!(listed.iter().all(|log| log["log"].as_str().unwrap().ends_with("logs/api.log")), "{listed:?}");
    // The same content is known by its name there, whatever is remembered here.
    let sent = status(&home)["counts"]["bytes"].clone();
    daemon.stop();
    let ledger = std::fs::read_to_string(home.path("data/archive.json")).unwrap();
    let mut ledger: serde_json::Value = serde_json::from_str(&ledger).unwrap();
    ledger["logs"] = serde_json::json!([]);
    home.write("data/archive.json", &ledger.to_string());
    let known = ledger["counts"]["files_known"].as_u64().unwrap();
    let _daemon = home.run();
    wait_until("they are known", || status(&home)["counts"]["files_known"].as_u64() >= Some(known + 2));
    assert_eq!(status(&home)["counts"]["bytes"], sent);
}

#[test]
fn without_the_archive_rotation_goes_on_and_what_is_lost_is_counted() {
    let home = rotating("missing");
    let _daemon = home.run();
    rotations(&home, 6);
    wait_until("what went is counted", || status(&home)["counts"]["logs_lost"].as_u64() > Some(0));
    assert!(status(&home)["problem"]["why"].as_str().unwrap().contains("make the folder"));
}

/// A file of several parts, killed while they are on their way.
#[test]
fn a_large_log_is_there_whole_whenever_it_was_killed() {
    let Some(weed) = Weed::start() else { return };
    let home = Home::new("");
    let place = |bandwidth: &str| format!("{}\nbandwidth = \"{bandwidth}\"", weed.settings());
    rotating_to(&home, &place("3MiB"));
    home.write("config/logrotate.conf", "\"logs/api.log\" {\nsize 2k\nrotate 2\nnocompress\ncreate\n}\n");
    weed.write_keys(&home);
    let line = |n: u64| format!("INFO:     number {n} of {:016x}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).repeat(4);
    let text = (0..130_000).map(line).collect::<String>();
    assert!(text.len() > 2 * (8 << 20), "less than three parts");
    home.append("logs/api.log", &text);
    for pause in [1_500, 600, 2_200] {
        let daemon = home.run();
        std::thread::sleep(std::time::Duration::from_millis(pause));
        daemon.kill();
    }
    rotating_to(&home, &place("1GiB"));
    home.write("config/logrotate.conf", "\"logs/api.log\" {\nsize 2k\nrotate 2\nnocompress\ncreate\n}\n");
    let _daemon = home.run();
    wait_until("the log is archived", || status(&home)["counts"]["logs"] == 1);
    let verified = home.json(&["archive", "verify"]);
    let logs = verified["logs"].as_array().unwrap();
    assert_eq!((logs.len(), verified["problems"].as_array().unwrap().len()), (1, 0), "{verified}");
    assert_eq!(logs[0]["bytes"].as_u64(), Some(text.len() as u64));
}
