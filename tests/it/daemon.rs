//! The real program as its users meet it: followed files, questions beside it and without it, rotation, reload.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::process::Command;

use logmill::generate::Generator;
use logmill::sys::clock::{self, SECOND};
use serde_json::{Value, json};

use crate::home::{Home, QUICK, wait_until};

fn with_rotation(policy: &str) -> Home {
    let home = Home::new(&format!("{QUICK}[rotation]\nevery = \"100ms\"\npolicy = \"config/logrotate.conf\"\n"));
    home.write("config/logrotate.conf", policy);
    home
}

#[test]
fn generated_logs_are_counted_as_they_were_written() {
    let home = Home::new(QUICK);
    let mut generator = Generator::new(7, clock::now() - 600 * SECOND);
    let mut write = |count: usize| {
        for line in (0..count).map(|_| generator.next()) {
            home.append(&line.file, &line.text);
        }
        generator.truth().clone()
    };
    write(2_000);
    let daemon = home.run();
    // New session folders come while it runs.
    let truth = write(2_000);
    wait_until("all entries are there", || daemon.status()["entries_read"] == truth.entries);
    daemon.settle();
    let ask = || {
        let levels = home.json(&["rate", "--by", "level", "--since", "2h", "--step", "1h"]);
        let types = home.json(&["rate", "--by", "workflow_type", "--since", "2h", "--step", "1h"]);
        (levels["groups"].clone(), types["groups"].clone())
    };
    let beside = ask();
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(ask(), beside, "the same answers without the daemon");
    let group = |groups: &Value, name: &str| {
        let all = groups.as_array().unwrap();
        all.iter().find(|g| g["group"] == name).cloned().unwrap_or_default()
    };
    for (level, count) in &truth.by_level {
        assert_eq!(group(&beside.0, level)["entries"], *count, "{level}: {:#}", beside.0);
    }
    for (kind, of_kind) in &truth.workflows {
        let found = group(&beside.1, kind);
        if of_kind.completed + of_kind.failed > 0 {
            let want = json!([of_kind.completed + of_kind.failed, of_kind.failed]);
            assert_eq!(json!([found["finished"], found["failed"]]), want, "{kind}: {:#}", beside.1);
        }
    }
    let mut by_file: BTreeMap<String, u64> = BTreeMap::new();
    let all = home.ok(&["search", "*", "--limit", "100000", "--format", "ndjson"]);
    for entry in all.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        *by_file.entry(entry["source"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!(by_file, truth.by_file);
}

#[test]
fn python_rotating_file_handler() {
    const SCRIPT: &str = "
import logging, logging.handlers, time
handler = logging.handlers.RotatingFileHandler('workflow_execution.log', maxBytes=20000, backupCount=20)
handler.setFormatter(logging.Formatter('%(asctime)s - %(name)s - %(levelname)s - %(message)s'))
logger = logging.getLogger('workflow_manager')
logger.addHandler(handler)
logger.setLevel(logging.DEBUG)
for n in range(2000):
    try:
        if n % 50 == 0:
            raise ValueError(f'bad {n}')
        logger.info('step %d', n)
    except ValueError:
        logger.exception('failed %d', n)
    if n % 20 == 0:
        time.sleep(0.01)
";
    let home = Home::new(QUICK);
    let daemon = home.run();
    let python = Command::new("python3").args(["-c", SCRIPT]).current_dir(home.path("")).status();
    match python {
        Ok(status) => assert!(status.success()),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "CI must have python3: {error}");
            eprintln!("SKIPPED: python3 is not installed, its RotatingFileHandler was not followed");
            return;
        }
    }
    daemon.settle();
    wait_until("all entries are there", || home.messages("*").len() >= 2000);
    let messages = home.messages("*");
    assert_eq!(messages.len(), 2000);
    assert_eq!(home.messages("level:info").len(), 1960);
    let failed = home.messages("level:error \"failed 150\"");
    assert_eq!(failed.len(), 1);
    assert!(
        failed[0].starts_with("failed 150\nTraceback") && failed[0].ends_with("ValueError: bad 150"),
        "{}",
        failed[0]
    );
}

#[test]
fn rotated_only_after_it_was_read() {
    let home = with_rotation(
        "\"logs/api.log\" {\nsize 2k\nrotate 50\ncompress\ncreate\npostrotate\necho x >> rotations\nendscript\n}\n",
    );
    let daemon = home.run();
    let mut lines = Vec::new();
    for n in 0..400 {
        let line = format!("INFO:     number {n} of many");
        home.append("logs/api.log", format!("{line}\n"));
        lines.push(line);
        if n % 40 == 0 {
            std::thread::sleep(std::time::Duration::from_millis(60));
        }
    }
    let archived = || {
        let mut text = String::new();
        for n in (1..50).rev() {
            if let Ok(file) = fs::File::open(home.path(&format!("logs/api.log.{n}.gz"))) {
                flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
            }
        }
        text
    };
    wait_until("something is compressed", || !archived().is_empty());
    // Whatever is in a compressed file can be found.
    for line in archived().lines() {
        let number = line.split(' ').rev().nth(2).unwrap();
        assert_eq!(home.messages(&format!("\"number {number} of\"")).len(), 1, "{line}");
    }
    daemon.settle();
    assert_eq!(home.messages("*").len(), lines.len());
    let scripts = fs::read_to_string(home.path("rotations")).unwrap().lines().count();
    assert_eq!(
        daemon.status()["rotations"].as_array().unwrap().iter().filter(|e| e["what"]["kind"] == "rotated").count(),
        scripts
    );
}

#[test]
fn reload_checks_before_it_swaps() {
    let home = Home::new(QUICK);
    home.write("pipelines/a.toml", "name = \"a\"\n[source]\ninclude = [\"logs/a.log\"]\n");
    home.append("logs/a.log", "INFO:     one\n");
    home.append("logs/b.log", "INFO:     two\n");
    let daemon = home.run();
    wait_until("a.log is read", || home.messages("*") == ["one"]);
    home.write("pipelines/b.toml", "name = \"b\"\n[source]\nincluded = [\"logs/b.log\"]\n");
    daemon.signal("HUP");
    wait_until("the log says why", || home.log().contains("pipelines/b.toml:3:1: unknown field `included`"));
    assert_eq!(home.messages("*"), ["one"]);
    home.write("pipelines/b.toml", "name = \"b\"\n[source]\ninclude = [\"logs/b.log\"]\n");
    daemon.signal("HUP");
    wait_until("b.log is read, too", || home.messages("service:b") == ["two"]);
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(home.messages("*"), ["one", "two"]);
}

#[test]
fn imported_once() {
    let home = Home::new(QUICK);
    let text = "2026-11-23 10:15:30 - a - INFO - one\n2026-11-23 10:15:31 - a - ERROR - two\nTraceback\n";
    home.append("old/logs/orchestrator.log.3", text);
    home.append("plain.txt", "three");
    home.ok(&["ingest", "old/logs/orchestrator.log.3", "plain.txt"]);
    home.ok(&["ingest", "old/logs/orchestrator.log.3"]);
    assert_eq!(home.messages("*").len(), 3);
    assert_eq!(home.messages("service:orchestrator"), ["one", "two\nTraceback"]);
    let daemon = home.run();
    home.append("more.txt", "four\n");
    home.ok(&["ingest", "more.txt", "plain.txt"]);
    assert_eq!(home.messages("service:ingest").len(), 2);
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(home.fails(&["ingest", "missing.txt"]).0, 2);
}

#[test]
fn parse_stores_nothing() {
    let home = Home::new("");
    home.append("logs/api.log", "INFO:     one\nERROR:    two\nmore\n");
    let lines = home.ok(&["parse", "logs/api.log"]);
    let entries: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let messages: Vec<&Value> = entries.iter().map(|e| &e["message"]).collect();
    assert_eq!(messages, ["one", "two\nmore"]);
    assert_eq!(entries[0]["service"], "api");
    assert!(!home.path("data").exists());
}

#[test]
fn whole_partitions_are_pruned() {
    let home = Home::new("[retention]\nmax_age = \"1d\"\n");
    home.append("old.txt", "2020-01-01T00:00:00Z INFO old\n");
    home.ok(&["ingest", "old.txt"]);
    let dry = home.ok(&["prune", "--dry-run"]);
    assert_eq!(dry, "nothing to remove\n", "the partition being written stays");
    assert_eq!(home.messages("*"), ["old"]);
}

#[test]
fn mistakes_end_with_2_before_anything_starts() {
    let check = |name: &str, text: &str, want: &str| {
        let home = Home::new("");
        home.write(name, text);
        for command in ["run", "check"] {
            let (code, message) = home.fails(&[command]);
            assert_eq!(code, 2, "{command}: {message}");
            assert!(message.contains(want), "{command}: {message}");
            assert!(!home.path("data").exists(), "{command} has begun");
        }
    };
    check("config/logmill.toml", "htpp = \"off\"\n", "config/logmill.toml:1:1: unknown field `htpp`");
    check("pipelines/x.toml", "name = \"x\"\n[source]\ninclude = 3\n", "pipelines/x.toml:3:11:");
    // A mistake in a policy costs a part of it: a daemon starts all the same, and the check says what is left out.
    let home = Home::new("");
    home.write("config/logrotate.conf", "/a {\nrotate x\n}\n/b {\nrotat 3\n}\n");
    let (code, message) = home.fails(&["check"]);
    assert_eq!(code, 1, "{message}");
    let told = String::from_utf8(home.output(&["check"]).stdout).unwrap();
    assert!(told.contains("config/logrotate.conf:2 bad rotation count 'x'"), "{told}");
    assert!(told.contains("config/logrotate.conf:5 unknown option 'rotat'"), "{told}");
    let home = Home::new("");
    home.write("logs/api.log", "INFO:     x\n");
    assert_eq!(home.fails(&["search", "level:("]).0, 2);
    assert_eq!(home.fails(&["search", "*", "--since", "soon"]).0, 2);
    let (code, message) = home.fails(&["search", "*"]);
    assert_eq!(code, 1);
    assert!(message.contains("there is no logmill data in data; start `logmill run`"), "{message}");
}

#[test]
fn one_daemon_a_folder() {
    let home = Home::new("");
    let daemon = home.run();
    let (code, message) = home.fails(&["run"]);
    assert_eq!(code, 1, "{message}");
    assert!(message.contains("data"), "{message}");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn closed_and_full_outputs() {
    let home = Home::new("");
    let piped = |script: &str| {
        let script = script.replace("logmill", env!("CARGO_BIN_EXE_logmill"));
        let output =
            Command::new("bash").args(["-o", "pipefail", "-c", &script]).current_dir(home.path("")).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for command in ["completions bash", "check", "--help"] {
        assert_eq!(piped(&format!("logmill {command} | true")), (Some(0), String::new()), "{command}");
    }
    let (code, message) = piped("logmill check > /dev/full");
    assert_eq!((code, message.contains("could not be written")), (Some(1), true), "{message}");
}

#[test]
fn damaged_archives_give_what_they_have_and_fail() {
    let home = Home::new("");
    let lines: String = (0..50_000).map(|n| format!("2026-11-23T10:00:00Z INFO line {n}\n")).collect();
    home.write("logs/plain", &lines);
    home.shell("gzip -c logs/plain | head -c 60000 > old.log.gz; rm logs/plain");
    for _ in 0..2 {
        let (code, message) = home.fails(&["ingest", "old.log.gz"]);
        assert_eq!(code, 1);
        assert!(message.contains("old.log.gz"), "{message}");
    }
    let count = home.ok(&["search", "* | stats count()", "--format", "csv"]);
    let count: u64 = count.lines().nth(1).unwrap().parse().unwrap();
    assert!((1000..50_000).contains(&count), "{count}");
}

#[test]
fn what_was_imported_is_known_under_another_name() {
    let home = Home::new("");
    home.write("old/x.log.1", "2026-11-23T10:00:00Z INFO one\n");
    home.ok(&["ingest", "old/x.log.1"]);
    home.shell("mv old/x.log.1 old/x.log.2");
    home.ok(&["ingest", "old/x.log.2"]);
    assert_eq!(home.messages("*"), ["one"]);
}

#[test]
fn what_our_rotation_compressed_is_not_read_again_and_goes_when_it_must() {
    let home = Home::new("");
    home.write("config/logrotate.conf", "\"logs/*.log\" {\nrotate 1\ncompress\ncreate\nnotifempty\n}\n");
    let daemon = home.run();
    for n in 0..3 {
        home.append("logs/api.log", format!("INFO:     line {n}\n"));
        wait_until("the line is there", || home.messages("*").len() == n + 1);
        home.ok(&["rotate", "--force"]);
        wait_until("it is compressed", || {
            home.ok(&["rotate"]);
            home.names("logs") == ["api.log", "api.log.1.gz"]
        });
        home.ok(&["ingest", "logs/api.log.1.gz"]);
    }
    assert_eq!(home.messages("*").len(), 3);
    daemon.stop();
    home.ok(&["ingest", "logs/api.log.1.gz"]);
    let daemon = home.run();
    home.append("logs/api.log", "INFO:     line 3\n");
    wait_until("the line is there", || home.messages("*").len() >= 4);
    assert_eq!(home.messages("*").len(), 4);
    daemon.stop();
}

#[test]
fn a_log_is_rotated_when_it_reaches_its_size_and_not_when_a_timer_wakes() {
    let home = Home::new("[rotation]\nevery = \"1h\"\n");
    home.write("config/logrotate.conf", "\"logs/*.log\" {\ndaily\nmaxsize 10k\nrotate 5\ncreate\ncompress\n}\n");
    let daemon = home.run();
    // It is not there when the policy is looked at first.
    for n in 0..3 {
        home.append("logs/api.log", format!("INFO:     line {n}\n").repeat(1000));
        wait_until("it is rotated", || fs::metadata(home.path("logs/api.log")).is_ok_and(|m| m.len() == 0));
    }
    let plan = home.json(&["rotate", "--plan"]);
    assert_eq!((&plan["logs"][0]["now"], &plan["logs"][0]["limit"]), (&json!("not due"), &json!(10241)));
    assert!(home.ok(&["rotate", "--plan"]).contains("at 10.0 KiB"));
    wait_until("all is read", || home.messages("*").len() == 3000);
    daemon.stop();
}

#[test]
fn mistakes_beside_a_daemon_are_mistakes() {
    let home = Home::new("");
    home.write("config/logrotate.conf", "\"logs/*.log\" {\nrotate 1\nprerotate\nexit 1\nendscript\n}\n");
    home.write("x.log", "INFO:     x\n");
    let daemon = home.run();
    let (code, message) = home.fails(&["ingest", "x.log", "--pipeline", "apo"]);
    assert_eq!(code, 2, "{message}");
    assert!(message.contains("no pipeline is called"), "{message}");
    let (code, message) = home.fails(&["rotate", "config/other.conf"]);
    assert_eq!(code, 2, "{message}");
    // A script that fails keeps a log as it is, and every call says so.
    home.append("logs/api.log", "INFO:     y\n");
    wait_until("the line is there", || !home.messages("*").is_empty());
    for _ in 0..2 {
        let (code, message) = home.fails(&["rotate", "--force"]);
        assert_eq!(code, 1, "{message}");
    }
    daemon.stop();
}

#[test]
fn the_store_is_made_anew_from_logs_and_archives() {
    let home = Home::new("");
    home.write("logs/api.log.2.gz.txt", "INFO:     one\n");
    home.shell("cd logs && gzip -c api.log.2.gz.txt > api.log.2.gz && rm api.log.2.gz.txt && touch -d '2 hours ago' api.log.2.gz");
    home.write("logs/api.log.1", "INFO:     two\n");
    home.shell("touch -d '1 hour ago' logs/api.log.1");
    home.write("logs/api.log", "INFO:     three\n");
    home.write("other.txt", "2026-11-23T10:00:00Z INFO imported\n");
    home.ok(&["ingest", "other.txt"]);
    home.shell("dd if=/dev/urandom of=data/partitions/000001/blocks bs=1 count=80 conv=notrunc status=none");
    assert_eq!(home.fails(&["verify"]).0, 1);
    let said = home.ok(&["reindex"]);
    assert!(said.contains("4 entries") && said.contains("partitions.before-"), "{said}");
    home.ok(&["verify"]);
    let mut messages = home.messages("*");
    messages.sort();
    assert_eq!(messages, ["imported", "one", "three", "two"]);
    let exported = home.ok(&["export", "service:api", "--format", "raw"]);
    assert_eq!(exported, "INFO:     one\nINFO:     two\nINFO:     three\n");
    // It goes on from there.
    let daemon = home.run();
    home.append("logs/api.log", "INFO:     four\n");
    wait_until("the new line is there", || home.messages("*").len() >= 5);
    assert_eq!(home.messages("*").len(), 5);
    daemon.stop();
}

/// What a command imported by its whole path, the daemon follows from there under the name of its glob.
#[test]
fn what_was_imported_is_followed_from_there() {
    let home = Home::new(QUICK);
    home.append("logs/orchestrator.log", "2026-11-23 10:15:30,004 - a - INFO - one\n");
    home.ok(&["ingest", "logs/orchestrator.log"]);
    let daemon = home.run();
    daemon.settle();
    home.append("logs/orchestrator.log", "2026-11-23 10:15:31,004 - a - INFO - two\n");
    daemon.settle();
    assert_eq!(home.messages("*"), ["one", "two"]);
    assert_eq!(daemon.status()["files"].as_array().unwrap().len(), 1);
    daemon.stop();
}
