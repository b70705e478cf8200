//! Alerts as those who are told of them see them: the real program, and receivers in the test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use logmill::sys::clock;
use serde_json::{Value, json};

use crate::home::{Home, QUICK, wait_until};

/// What a receiver got: the path, the headers and the body of each request.
type Got = Arc<Mutex<Vec<(String, String, Value)>>>;

/// Answers each request with the first status that is left, the last of which stays.
struct Receiver {
    port: u16,
    got: Got,
    statuses: Arc<Mutex<Vec<u16>>>,
}

impl Receiver {
    fn start(statuses: &[u16]) -> Receiver {
        Receiver::on(TcpListener::bind("127.0.0.1:0").unwrap(), statuses)
    }

    fn on(listener: TcpListener, statuses: &[u16]) -> Receiver {
        let port = listener.local_addr().unwrap().port();
        let (got, statuses) = (Got::default(), Arc::new(Mutex::new(statuses.to_vec())));
        let (into, answers) = (got.clone(), statuses.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                answer(stream, &into, &answers);
            }
        });
        Receiver { port, got, statuses }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn bodies(&self) -> Vec<Value> {
        self.got.lock().unwrap().iter().map(|(_, _, body)| body.clone()).collect()
    }
}

/// One request on a connection.
fn answer(stream: TcpStream, into: &Got, statuses: &Mutex<Vec<u16>>) {
    let mut reader = BufReader::new(&stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let path = head.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let status = {
        let mut statuses = statuses.lock().unwrap();
        if statuses.len() > 1 { statuses.remove(0) } else { statuses[0] }
    };
    if status < 300 {
        let body = serde_json::from_slice(&body).unwrap_or_else(|_| json!(String::from_utf8_lossy(&body)));
        into.lock().unwrap().push((path, head, body));
    }
    let _ = (&stream).write_all(
        format!("HTTP/1.1 {status} X\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").as_bytes(),
    );
}

fn event(event: &str, id: usize) -> String {
    let time = logmill::record::timestamp(clock::now());
    json!({
        "timestamp": time, "level": "INFO", "logger": "orchestrator.workflow", "message": format!("Workflow event: {event}"),
        "context": {"workflow_id": format!("wf-{id}")}, "event_type": event, "event_data": {"workflow_type": "tdd"},
    })
    .to_string()
        + "\n"
}

fn ended(home: &Home, events: &str, ids: std::ops::Range<usize>) {
    let lines: String = ids.map(|id| event(events, id)).collect();
    home.append("logs/orchestrator.log", lines);
}

const FAILURES: &str = "[[alert]]\nname = 'failures'\nseverity = 'critical'\n\
    summary = '{{ labels.workflow_type }}: {{ value | percent }}'\n\
    failure_rate = { by = 'workflow_type', over = '15m', at_least = 5 }\nabove = '10%'\nclear = '5%'\nevery = '100ms'\n";

fn state(home: &Home, alert: &str) -> String {
    let alerts = home.json(&["alerts"]);
    let all = alerts["alerts"].as_array().unwrap();
    all.iter()
        .find(|one| one["alert"] == alert)
        .map_or_else(String::new, |one| one["state"].as_str().unwrap().to_owned())
}

#[test]
fn an_alert_is_told_once_over_a_crash_and_its_end_is_told() {
    let receiver = Receiver::start(&[200]);
    let home = Home::new(QUICK);
    let notifier = format!("[[notifier]]\nkind = 'webhook'\nurl = '{}/hook'\ngroup_wait = '0s'\n", receiver.url());
    home.write("config/alerts.toml", &format!("{FAILURES}for = '1s'\n{notifier}"));
    let daemon = home.run();
    ended(&home, "workflow_completed", 0..8);
    wait_until("all is read", || home.messages("*").len() == 8);
    assert_eq!(state(&home, "failures"), "inactive");
    ended(&home, "workflow_failed", 8..10);
    wait_until("it is pending", || state(&home, "failures") != "inactive");
    // Half way through `for`.
    daemon.kill();
    let daemon = home.run();
    wait_until("it is told", || !receiver.bodies().is_empty());
    let told = receiver.bodies()[0].clone();
    assert_eq!((&told["status"], &told["firing"]), (&json!("firing"), &json!(1)), "{told:#}");
    assert_eq!(told["alerts"][0]["summary"], "tdd: 20 %");
    assert_eq!(told["alerts"][0]["labels"], json!({"workflow_type": "tdd"}));
    wait_until("it is crossed off", || home.json(&["alerts"])["notifiers"][0]["sent"] == 1);
    daemon.kill();
    let daemon = home.run();
    wait_until("it is evaluated again", || state(&home, "failures") == "firing");
    // 2 of 50 are under what clears it.
    ended(&home, "workflow_completed", 10..50);
    wait_until("its end is told", || receiver.bodies().len() > 1);
    let bodies = receiver.bodies();
    assert_eq!(bodies.len(), 2, "what fires is not told anew: {bodies:#?}");
    assert_eq!(bodies[1]["status"], "resolved");
    assert_eq!(bodies[1]["alerts"][0]["started"], told["alerts"][0]["started"]);
    assert_eq!(home.json(&["alerts"])["history"][0]["alert"], "failures");
    daemon.stop();
}

#[test]
fn a_notifier_that_was_away_gets_everything() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let home = Home::new(QUICK);
    let alertmanager = format!("[[notifier]]\nkind = 'alertmanager'\nurl = 'http://127.0.0.1:{port}'\n");
    let hook = format!(
        "[[notifier]]\nname = 'text'\nkind = 'webhook'\nurl = 'http://127.0.0.1:{port}/text'\nbody = '{{{{ status }}}}'\n\
         headers = {{ X-Token = {{ file = 'token', prefix = 'k ' }} }}\ngroup_wait = '0s'\n"
    );
    home.write("config/alerts.toml", &format!("{FAILURES}{alertmanager}{hook}"));
    home.write("token", "secret\n");
    let daemon = home.run();
    ended(&home, "workflow_failed", 0..5);
    wait_until("both have tried", || {
        let alerts = home.json(&["alerts"]);
        alerts["notifiers"].as_array().unwrap().iter().all(|one| one["failed"].as_u64() > Some(0))
    });
    let alerts = home.ok(&["alerts"]);
    assert!(alerts.contains("firing") && alerts.contains("Connection refused"), "{alerts}");
    // It ends while nobody could be told of it.
    ended(&home, "workflow_completed", 5..200);
    wait_until("it is over", || state(&home, "failures") == "inactive");
    daemon.kill();
    let daemon = home.run();
    let receiver = Receiver::on(TcpListener::bind(("127.0.0.1", port)).unwrap(), &[503, 503, 200]);
    wait_until("both are told", || receiver.bodies().len() >= 2);
    let got = receiver.got.lock().unwrap().clone();
    let of =
        |path: &str| got.iter().find(|(at, ..)| at == path).unwrap_or_else(|| panic!("nothing at {path}: {got:#?}"));
    let (_, _, alerts) = of("/api/v2/alerts");
    assert_eq!(alerts[0]["labels"], json!({"alertname": "failures", "severity": "critical", "workflow_type": "tdd"}));
    let end = alerts[0]["endsAt"].as_str().unwrap();
    assert!(end < logmill::record::timestamp(clock::now()).as_str(), "{end} is in the past");
    let (_, head, text) = of("/text");
    assert_eq!(text, "resolved");
    assert!(head.to_lowercase().contains("x-token: k secret"), "{head}");
    drop(got);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(receiver.bodies().len(), 2, "told once");
    assert_eq!(*receiver.statuses.lock().unwrap(), [200]);
    daemon.stop();
}

#[test]
fn silences_commands_and_reloads() {
    let home = Home::new(QUICK);
    home.write("tell", "#!/bin/sh\nenv | grep ^LOGMILL_ALERT > told.env\ncat >> told.json\necho >> told.json\n");
    home.shell("chmod +x tell");
    let command = "[[notifier]]\nkind = 'command'\ncommand = ['./tell']\ngroup_wait = '0s'\n";
    home.write("config/alerts.toml", &format!("{FAILURES}{command}"));
    let daemon = home.run();
    let told = || std::fs::read_to_string(home.path("told.json")).unwrap_or_default();
    let (code, message) = home.fails(&["silence", "add", "--match", "failures"]);
    assert!(code == 2 && message.contains("is no condition"), "{message}");
    home.ok(&["silence", "add", "--match", "alert=fail*", "--for", "1h", "--reason", "known"]);
    ended(&home, "workflow_failed", 0..5);
    wait_until("it fires", || state(&home, "failures") == "firing");
    let alerts = home.ok(&["alerts"]);
    assert!(alerts.contains("(silence 1)") && alerts.contains("known"), "{alerts}");
    daemon.kill();
    let daemon = home.run();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(told(), "", "a silence outlives a crash");
    home.ok(&["silence", "end", "1"]);
    wait_until("it is told", || told().ends_with("}\n"));
    let message: Value = serde_json::from_str(told().lines().next().unwrap()).unwrap();
    assert_eq!(message["alerts"][0]["alert"], "failures");
    let environment = std::fs::read_to_string(home.path("told.env")).unwrap();
    for line in ["LOGMILL_ALERT_STATUS=firing", "LOGMILL_ALERT_NAME=failures", "LOGMILL_ALERT_LABEL_WORKFLOW_TYPE=tdd"]
    {
        assert!(environment.lines().any(|found| found == line), "{line}: {environment}");
    }
    // What nobody watches any more is over for those who were told.
    home.write("config/alerts.toml", command);
    daemon.signal("HUP");
    wait_until("its end is told", || told().contains("\"resolved\":1"));
    assert!(told().contains("it is not watched any more"), "{}", told());
    // A mistake leaves what there is.
    home.write("config/alerts.toml", "[[alert]]\nname = 'x'\n");
    daemon.signal("HUP");
    wait_until("the mistake is told", || home.log().contains("alerts.toml:1:1: missing field `summary`"));
    let (code, message) = home.fails(&["check"]);
    assert!(code == 2 && message.contains("config/alerts.toml:1:1"), "{message}");
    daemon.stop();
}

#[test]
fn what_never_was_there_is_unknown_and_what_goes_is_down() {
    let receiver = Receiver::start(&[200]);
    let home = Home::new(QUICK);
    let probe = |name: &str, url: &str| format!("[[probe]]\nname = '{name}'\nhttp = '{url}'\nevery = '100ms'\n");
    let alert = "[[alert]]\nname = 'down'\nsummary = '{{ labels.probe }}'\nprobe = 'up'\nbelow = 1\nevery = '100ms'\n";
    let never = probe("never", "http://127.0.0.1:1/");
    let must = probe("must", "http://127.0.0.1:1/") + "required = true\n";
    home.write("config/alerts.toml", &format!("{alert}{}{never}{must}", probe("here", &receiver.url())));
    let daemon = home.run();
    let instances = || {
        let alerts = home.json(&["alerts"]);
        let all = alerts["alerts"][0]["instances"].as_array().unwrap().clone();
        let mut all: Vec<String> = all.iter().map(|one| one["summary"].as_str().unwrap().to_owned()).collect();
        all.sort();
        all
    };
    wait_until("the required one is down", || instances() == ["must"]);
    *receiver.statuses.lock().unwrap() = vec![500];
    wait_until("the one that was there is down, too", || instances() == ["here", "must"]);
    // That it was there is remembered.
    daemon.kill();
    let daemon = home.run();
    wait_until("it is still down", || {
        let alerts = home.json(&["alerts"]);
        // Until it answers, the command reads what was saved, in which there are no probes.
        let probes = alerts["probes"].as_array().cloned().unwrap_or_default();
        probes.iter().map(|probe| probe["state"].as_str().unwrap()).collect::<Vec<_>>() == ["down", "unknown", "down"]
    });
    *receiver.statuses.lock().unwrap() = vec![204];
    wait_until("it is up again", || instances() == ["must"]);
    daemon.stop();
}

/// What was written while logmill was away is evaluated as if it had been there.
#[test]
fn what_happened_during_an_outage_is_told_afterwards() {
    let receiver = Receiver::start(&[200]);
    let home = Home::new(QUICK);
    let alert = "[[alert]]\nname = 'errors'\nsummary = 's'\nquery = 'level:error | stats count() as value'\nover = '5s'\n\
                 above = 5\nevery = '500ms'\n";
    let notifier = format!("[[notifier]]\nkind = 'webhook'\nurl = '{}'\ngroup_wait = '0s'\n", receiver.url());
    home.write("config/alerts.toml", &format!("{alert}{notifier}"));
    let daemon = home.run();
    home.append("logs/orchestrator.log", event("x", 0));
    wait_until("it is evaluated", || home.json(&["alerts"])["alerts"][0]["evaluated"].is_string());
    let saved = || std::fs::read_to_string(home.path("data/alerts.json")).unwrap_or_default();
    wait_until("that is saved", || saved().contains("until"));
    daemon.kill();
    let burst = event("y", 1).replace("INFO", "ERROR").repeat(10);
    home.append("logs/orchestrator.log", burst);
    // Longer than the window: at the next start there is nothing of it in the present.
    std::thread::sleep(Duration::from_secs(7));
    let daemon = home.run();
    wait_until("it is told", || receiver.bodies().iter().any(|body| body["status"] == "resolved"));
    let last = receiver.bodies().pop().unwrap();
    let length = |name: &str| chrono::DateTime::parse_from_rfc3339(last["alerts"][0][name].as_str().unwrap()).unwrap();
    let seconds = (length("ended") - length("started")).as_seconds_f64();
    assert!((3.0..7.0).contains(&seconds), "{last:#}");
    daemon.stop();
}
