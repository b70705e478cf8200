//! With the real Prometheus and Alertmanager: the shipped files are what they understand, `/metrics` is as they want it,
//! every panel of every dashboard has data, and an alert fires, reaches Alertmanager, and ends.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::home::{Home, wait_until};
use crate::http::client::{encode, exchange, get};

/// Whether the programs are there; where not the test says so, and fails in CI.
pub fn have(programs: &[&str]) -> bool {
    let is_there = |name: &&&str| Command::new(name).arg("--version").output().is_ok();
    let Some(missing) = programs.iter().find(|name| !is_there(name)) else { return true };
    assert!(std::env::var_os("CI").is_none(), "CI must have {missing}");
    eprintln!("SKIPPED: there is no {missing}; install prometheus and prometheus-alertmanager");
    false
}

pub fn config(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)
}

/// What a program says that must succeed.
fn ok(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
    said
}

#[test]
fn shipped_files_are_understood_and_their_alerts_fire_and_end() {
    if !have(&["promtool", "amtool"]) {
        return;
    }
    ok(Command::new("promtool").args(["check", "config"]).arg(config("prometheus/prometheus.yml")));
    for file in fs::read_dir(config("prometheus/tests")).unwrap() {
        ok(Command::new("promtool").args(["test", "rules"]).arg(file.unwrap().path()));
    }
    ok(Command::new("amtool").arg("check-config").arg(config("alertmanager/alertmanager.yml")));
}

const CONFIG: &str = r#"
[store]
commit_every = "200ms"
[follow]
discover_every = "100ms"
[host]
every = "500ms"
folders = ["logs"]
[[host.service]]
name = "prometheus"
command = "^prometheus "
[[host.service]]
name = "other"
pid_file = "other.pid"
"#;

const PIPELINE: &str = "name = \"all\"\n[source]\ninclude = [\"logs/*.log\"]\nzone = \"UTC\"\n";

/// Something of everything that is counted.
fn load(home: &Home, round: u32) {
    let mut text = String::new();
    for n in 0..4 {
        let id = format!("wf-{round}-{n}");
        let common = format!(
            "\"context\": {{\"workflow_id\": \"{id}\", \"session_id\": \"session_{round}\", \"agent_name\": \"coder\"}}"
        );
        let end = if n == 0 { "workflow_failed" } else { "workflow_completed" };
        let mut event = |level: &str, name: &str, data: &str| {
            text.push_str(&format!(
                "{{\"level\": \"{level}\", \"message\": \"m\", {common}, \"event_type\": \"{name}\", \"event_data\": {{\"workflow_type\": \"tdd\"{data}}}}}\n"
            ));
        };
        event("INFO", "workflow_started", "");
        event("INFO", "phase_completed", ", \"phase\": \"coder\", \"lines_of_code\": 70");
        event("WARNING", "retry", "");
        event("ERROR", end, ", \"duration_seconds\": 7.5");
        text.push_str(&format!(
            "{{\"level\": \"INFO\", \"message\": \"m\", {common}, \"operation\": \"coder_execution\", \"duration_ms\": 812.5}}\n\
             INFO:     127.0.0.1:52344 - \"GET /workflow-status/{id} HTTP/1.1\" 200 OK\n"
        ));
    }
    home.append("logs/a.log", text);
}

/// A program on a port of its own, killed when dropped.
pub struct Server {
    child: Child,
    pub address: String,
}

impl Server {
    pub fn start(home: &Home, name: &str, arguments: &[String]) -> Server {
        // Free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let log = fs::File::create(home.path(&format!("{name}.log"))).unwrap();
        let child = Command::new(name)
            .args(arguments)
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Server { child, address }
    }

    /// The JSON at a path, once there is one.
    pub fn ask(&self, target: &str) -> Option<Value> {
        let stream = std::net::TcpStream::connect(&self.address).ok()?;
        let request = format!("GET {target} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address);
        let reply = exchange(stream, &request);
        (reply.status == 200).then(|| reply.json())
    }

    /// Has it read its configuration again.
    pub fn reload(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "HUP", &pid]).status().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The shipped rules of this name, which wait a second before they fire.
pub fn brief_rules(name: &str) -> String {
    let rules = fs::read_to_string(config(&format!("prometheus/rules/{name}"))).unwrap();
    let line = |line: &str| match line.trim_start().strip_prefix("for: ") {
        Some(_) => format!("{}for: 1s\n", &line[..line.len() - line.trim_start().len()]),
        None => format!("{line}\n"),
    };
    rules.lines().map(line).collect()
}

/// Prometheus with the shipped configuration, in which only addresses and times are others, and with the rules that are
/// in the folder.
pub fn prometheus(home: &Home, logmill: &str, alertmanager: &str) -> Server {
    let main = fs::read_to_string(config("prometheus/prometheus.yml")).unwrap();
    let main = main.replace(": 15s", ": 1s").replace("127.0.0.1:7600", logmill).replace("127.0.0.1:9093", alertmanager);
    home.write("prometheus/prometheus.yml", &main);
    let path = |name: &str| home.path(name).display().to_string();
    let arguments = [
        format!("--config.file={}", path("prometheus/prometheus.yml")),
        format!("--storage.tsdb.path={}", path("prometheus/data")),
    ];
    Server::start(home, "prometheus", &arguments)
}

/// Title and query of every panel, the dashboards' variables replaced by what Grafana puts there.
fn panels() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for file in fs::read_dir(config("grafana/dashboards")).unwrap() {
        let dashboard: Value = serde_json::from_str(&fs::read_to_string(file.unwrap().path()).unwrap()).unwrap();
        for panel in dashboard["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let query = target["expr"].as_str().unwrap().replace("$__rate_interval", "1m");
                let variables = ["$agent", "$service", "$workflow_type"];
                let query = variables.iter().fold(query, |query, name| query.replace(name, ".*"));
                all.push((format!("{}: {}", dashboard["title"], panel["title"]), query));
            }
        }
    }
    all
}

#[test]
fn panels_have_data_and_an_alert_fires_reaches_alertmanager_and_ends() {
    if !have(&["prometheus", "prometheus-alertmanager", "promtool"]) {
        return;
    }
    let home = Home::new(CONFIG);
    home.write("pipelines/all.toml", PIPELINE);
    let daemon = home.run();
    let logmill = fs::read_to_string(home.path("data/http.addr")).unwrap();
    let storage = format!("--storage.path={}", home.path("alertmanager").display());
    let file = format!("--config.file={}", config("alertmanager/alertmanager.yml").display());
    let alertmanager =
        Server::start(&home, "prometheus-alertmanager", &[storage, file, "--cluster.listen-address=".to_owned()]);
    for name in ["alerts.yml", "recording.yml"] {
        home.write(&format!("prometheus/rules/{name}"), &brief_rules(name));
    }
    let prometheus = prometheus(&home, &logmill, &alertmanager.address);
    let query = |query: &str| prometheus.ask(&format!("/api/v1/query?query={}", encode(query)));
    let mut waiting = panels();
    assert!(waiting.len() > 40, "{} queries", waiting.len());
    let mut round = 0;
    wait_until("every panel has data", || {
        load(&home, round);
        round += 1;
        get(&home, "/api/v1/search?limit=1");
        std::thread::sleep(std::time::Duration::from_millis(300));
        waiting.retain(|(_, text)| {
            let is_number = |one: &Value| one["value"][1].as_str().is_some_and(|value| value != "NaN");
            let has_data =
                |answer: Value| answer["data"]["result"].as_array().is_some_and(|all| all.iter().any(is_number));
            !query(text).is_some_and(has_data)
        });
        if round == 60 {
            eprintln!("still without data: {waiting:#?}");
        }
        waiting.is_empty()
    });
    let metrics = get(&home, "/metrics").text();
    let mut lint = Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).spawn().unwrap();
    lint.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    assert!(lint.wait().unwrap().success(), "promtool finds fault with\n{metrics}");
    // One workflow in four fails, and a service is down.
    let firing = |name: &str| {
        let alerts = alertmanager.ask("/api/v2/alerts?active=true").unwrap_or_default();
        alerts.as_array().is_some_and(|all| all.iter().any(|alert| alert["labels"]["alertname"] == name))
    };
    wait_until("a failing workflow type is told to Alertmanager", || firing("WorkflowFailures"));
    wait_until("a service that is down is told to Alertmanager", || firing("ServiceDown"));
    home.write("other.pid", &std::process::id().to_string());
    wait_until("it ends when the service is up", || !firing("ServiceDown"));
    drop(daemon);
    wait_until("it fires again when logmill is down", || firing("ServiceDown"));
}
