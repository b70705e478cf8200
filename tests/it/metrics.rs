//! `/metrics` of the real program: counters that come from logs neither fall nor double when it is killed and when logs
//! are rotated, and what a pipeline declares is there.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::home::{Home, PATIENCE};
use crate::http::client::exchange;

const CONFIG: &str = r#"
[store]
commit_every = "100ms"
[follow]
discover_every = "100ms"
[rotation]
every = "100ms"
[host]
every = "200ms"
folders = ["logs"]
[[host.service]]
name = "nobody"
pid_file = "no.pid"
"#;

const PIPELINE: &str = r#"
name = "all"
[source]
include = ["logs/*.log"]
[[metric]]
name = "bytes_served_total"
kind = "counter"
value = "bytes"
query = "event:served"
labels = { level = "level" }
"#;

const POLICY: &str = "\"logs/*.log\" {\n    size 20k\n    rotate 1000\n    create\n    compress\n}\n";

/// Values by name and labels.
fn samples(home: &Home) -> Option<BTreeMap<String, f64>> {
    // Between two lives nobody listens where the last one did.
    let address = std::fs::read_to_string(home.path("data/http.addr")).ok()?;
    let stream = std::net::TcpStream::connect(address).ok()?;
    let text = exchange(stream, "GET /metrics HTTP/1.0\r\nhost: localhost\r\n\r\n").text();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}"));
        (name.to_owned(), value.parse().unwrap_or_else(|_| panic!("no number: {line}")))
    };
    Some(lines.map(sample).collect())
}

#[test]
fn counters_neither_fall_nor_double_over_kills_and_rotations() {
    let home = Home::new(CONFIG);
    home.write("pipelines/all.toml", PIPELINE);
    home.write("config/logrotate.conf", POLICY);
    let mut last: BTreeMap<String, f64> = BTreeMap::new();
    let mut written = 0;
    let mut daemon = home.run();
    for round in 0..12 {
        for _ in 0..10 {
            let line = |n: u32| {
                let wf = format!("\"workflow_id\": \"wf-{n}\"");
                let served =
                    format!("{{\"level\": \"WARNING\", \"message\": \"m\", \"event\": \"served\", \"bytes\": {n}}}\n");
                served
                    + &format!(
                        "{{\"level\": \"INFO\", \"message\": \"m\", \"event_type\": \"workflow_started\", {wf}, \"workflow_type\": \"tdd\"}}\n\
                     {{\"level\": \"ERROR\", \"message\": \"m\", \"event_type\": \"workflow_failed\", {wf}, \"event_data\": {{\"duration_seconds\": 2}}}}\n"
                    )
            };
            home.append("logs/a.log", (0..10).map(|n| line(written + n)).collect::<String>());
            written += 10;
            let now = samples(&home).unwrap_or_default();
            for (name, value) in now.iter().filter(|(name, _)| name.starts_with("log_") || name.contains("served")) {
                let before = last.get(name).copied().unwrap_or(0.0);
                assert!(*value >= before || !name.contains("_total"), "{name} fell from {before} to {value}");
            }
            last.extend(now);
            std::thread::sleep(Duration::from_millis(15));
        }
        if round % 2 == 0 {
            daemon.kill();
            daemon = home.run();
        }
    }
    daemon.settle();
    let total = f64::from(written);
    let expected = [
        ("bytes_served_total{level=\"warning\"}", total * (total - 1.0) / 2.0),
        ("log_entries_total{service=\"all\",level=\"warning\"}", total),
        ("log_entries_total{service=\"all\",level=\"error\"}", total),
        ("log_workflows_started_total{workflow_type=\"tdd\"}", total),
        ("log_workflow_executions_total{workflow_type=\"tdd\",outcome=\"failed\"}", total),
        ("log_workflow_duration_seconds_sum{workflow_type=\"tdd\"}", 2.0 * total),
        ("log_workflows_open{workflow_type=\"tdd\"}", 0.0),
        ("service_up{service=\"nobody\"}", 0.0),
        ("logmill_healthy", 1.0),
    ];
    // As of the last commit; what is not as expected by then is said.
    let begun = Instant::now();
    let differing = || {
        let now = samples(&home).unwrap();
        let wrong = expected.iter().filter(|(name, value)| now.get(*name) != Some(value));
        wrong.map(|(name, value)| format!("{name} is {:?}, not {value}", now.get(*name))).collect::<Vec<_>>()
    };
    while !differing().is_empty() && begun.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(differing(), [""; 0], "{}", home.log());
    let now = samples(&home).unwrap();
    assert!(now["logmill_rotations_total{result=\"done\"}"] >= 1.0, "nothing was rotated");
    assert!(now["folder_bytes{folder=\"logs\"}"] > 0.0);
    assert!(now["logmill_commit_duration_seconds_count"] >= 1.0);
    assert_eq!(daemon.stop(), Some(0));
}
