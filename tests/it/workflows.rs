//! Workflows as the program tells them, against what was generated, and those whose logs are not as they should be.

use std::collections::BTreeMap;

use logmill::generate::Generator;
use logmill::sys::clock::{self, SECOND};
use serde_json::Value;

use crate::home::{Home, QUICK, wait_until};

const LIST: [&str; 5] = ["workflows", "--since", "6h", "--limit", "10000"];

/// Counts by type: how many, completed, failed, retries, lines of code.
type ByType = BTreeMap<String, [u64; 5]>;

fn by_type(workflows: &Value) -> ByType {
    let mut types = ByType::new();
    for workflow in workflows.as_array().unwrap() {
        let counts = types.entry(workflow["type"].as_str().unwrap_or("-").to_owned()).or_default();
        let outcome = |name: &str| u64::from(workflow["outcome"] == name);
        let more = [
            1,
            outcome("completed"),
            outcome("failed"),
            workflow["retries"].as_u64().unwrap(),
            workflow["lines_of_code"].as_u64().unwrap_or(0),
        ];
        counts.iter_mut().zip(more).for_each(|(count, more)| *count += more);
    }
    types
}

#[test]
fn workflows_are_told_as_they_were_generated() {
    let home = Home::new(QUICK);
    let mut generator = Generator::new(11, clock::now() - 1200 * SECOND);
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    // A request of the API begins when all lines of what happened before are given.
    for number in 0.. {
        let line = generator.next();
        texts.entry(line.file.to_string()).or_default().push_str(&line.text);
        if number > 4000 && &*line.file == "logs/api.log" {
            break;
        }
    }
    for (file, text) in &texts {
        home.append(file, text);
    }
    let truth = generator.truth().clone();
    let daemon = home.run();
    wait_until("all entries are there", || daemon.status()["entries_read"] == truth.entries);
    daemon.settle();
    let beside = home.json(&LIST);
    let failed = home.json(&["workflows", "--failed", "--since", "6h", "--sort", "id", "--limit", "3"]);
    let id = failed[0]["id"].as_str().unwrap();
    let one = home.json(&["workflow", id]);
    let rates = home.json(&["rate", "--by", "workflow_type", "--since", "6h", "--step", "6h"]);
    let unknown = home.fails(&["workflow", &id[..id.len() - 1]]);
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(home.json(&LIST), beside, "the same without the daemon");
    assert_eq!(home.json(&["workflow", id]), one);
    assert_eq!(home.fails(&["workflow", &id[..id.len() - 1]]), unknown);
    assert!(unknown.0 == 1 && unknown.1.contains(id), "{unknown:?}");

    let told = by_type(&beside);
    for (kind, truth) in &truth.workflows {
        let want = [truth.started, truth.completed, truth.failed, truth.retries, truth.lines_of_code];
        assert_eq!(told[*kind], want, "{kind}");
    }
    for group in rates["groups"].as_array().unwrap().iter().filter(|group| group["group"] != "-") {
        let [_, completed, failed, ..] = told[group["group"].as_str().unwrap()];
        assert_eq!((group["finished"].as_u64(), group["failed"].as_u64()), (Some(completed + failed), Some(failed)));
    }
    let all = beside.as_array().unwrap();
    let starts: Vec<&str> = all.iter().map(|workflow| workflow["start"].as_str().unwrap()).collect();
    assert!(starts.is_sorted_by(|a, b| a >= b), "newest first");
    for workflow in all {
        assert_eq!(workflow["attempts"].as_array().unwrap().len(), 1, "{workflow:#}");
        assert!(workflow["notes"].as_array().unwrap().is_empty(), "{workflow:#}");
    }
    assert_eq!(one["outcome"], "failed");
    assert!(one["error"].is_string() && one["error_entries"].as_array().unwrap().len() >= 2, "{one:#}");
}

#[test]
fn what_is_missing_is_told() {
    let home = Home::new(QUICK);
    let event = |id: &str, minute: i64, event: &str| {
        let time = logmill::record::timestamp((clock::now() / SECOND - 7200 + minute * 60) * SECOND);
        format!(
            "{{\"timestamp\": \"{time}\", \"level\": \"INFO\", \"message\": \"x\", \"workflow_id\": \"{id}\", \
             \"event_type\": \"{event}\", \"event_data\": {{\"workflow_type\": \"tdd\", \"phase\": \"coder\"}}}}\n"
        )
    };
    let events = [
        ("a/b c", 0, "workflow_started"),
        ("a/b c", 100, "workflow_failed"),
        ("twice", 110, "workflow_completed"),
        ("twice", 90, "workflow_started"),
        ("twice", 80, "workflow_started"),
        ("never", 1, "workflow_started"),
        ("late", 119, "phase_started"),
    ];
    events.iter().for_each(|(id, minute, name)| home.append("logs/orchestrator.log", event(id, *minute, name)));
    home.ok(&["ingest", "logs/orchestrator.log"]);
    let ids = |more: &[&str]| {
        let all = home.json(&[&["workflows"], more].concat());
        let ids = all.as_array().unwrap().iter().map(|workflow| workflow["id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<String>>().join(" ")
    };
    assert_eq!(ids(&["--sort", "id"]), "a/b c late never twice");
    assert_eq!(ids(&["--sort", "id", "--reverse", "--limit", "2"]), "twice never");
    assert_eq!(ids(&["--failed"]), "a/b c");
    assert_eq!(ids(&["--outcome", "running,stalled", "--sort", "id"]), "late never");
    assert_eq!(ids(&["--outcome", "running", "--stalled-after", "3h", "--sort", "id"]), "late never");
    assert_eq!(ids(&["--query", "event:workflow_failed"]), "a/b c");
    assert_eq!(ids(&["--agent", "coder"]), "");
    assert_eq!(ids(&["--type", "full"]), "");
    assert_eq!(ids(&["--since", "30m", "--sort", "id"]), "a/b c late twice");
    // What lies outside the time belongs to the life, too.
    let recent = home.json(&["workflows", "--since", "30m", "--failed"]);
    assert_eq!(recent[0]["duration_ms"], 6_000_000.0, "{recent:#}");
    let old = home.json(&["workflows", "--until", "60m", "--failed"]);
    assert_eq!(old[0]["duration_ms"], 6_000_000.0, "{old:#}");

    let twice = home.json(&["workflow", "twice"]);
    assert_eq!(twice["outcome"], "completed");
    assert_eq!(twice["attempts"].as_array().unwrap().len(), 2);
    assert_eq!(twice["attempts"][0]["outcome"], "interrupted");
    let text = home.ok(&["workflow", "a/b c"]);
    assert!(text.starts_with("a/b c  tdd  failed\n") && text.contains("duration  1h40m"), "{text}");
    let text = home.ok(&["workflow", "never"]);
    assert!(text.contains("stalled") && text.contains("it has not ended, and there was no entry for 1h5"), "{text}");
    let (code, error) = home.fails(&["workflow", "nowhere"]);
    assert!(code == 1 && error.contains("no entry names the workflow"), "{error}");
    let (code, error) = home.fails(&["workflow", "twic"]);
    assert!(code == 1 && error.contains("there are twice"), "{error}");
    let table = home.ok(&["workflows"]);
    assert!(table.contains("4 of 4 workflows: 1 completed, 1 failed, 1 running, 1 stalled"), "{table}");
}
