//! Each kind of sink of the real program, with a receiver that answers as the protocol says, or as it should not.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::home::{Home, wait_until};
use crate::ship::receiver::{Receiver, Reply, Request};

pub const CONFIG: &str = "[store]\ncommit_every = \"100ms\"\npartition_bytes = \"1MiB\"\n\
    [follow]\ndiscover_every = \"100ms\"\n[rotation]\nenabled = false\n";
pub const PIPELINE: &str = "name = \"all\"\nservice = \"app\"\n[source]\ninclude = [\"logs/*.log\"]\nzone = \"UTC\"\n";

/// A folder with one sink in it, `more` being what that says beside its name.
pub fn home(more: &str) -> Home {
    let home = Home::new(CONFIG);
    home.write("pipelines/all.toml", PIPELINE);
    let quick = "[sink.batch]\nage = \"20ms\"\n[sink.retry]\nmin = \"10ms\"\nmax = \"100ms\"\n";
    home.write("config/sinks.toml", &format!("[[sink]]\nname = \"out\"\n{more}\n{quick}"));
    home
}

pub fn log(home: &Home, messages: impl IntoIterator<Item = String>) {
    let line = |message: String| format!("2026-11-23 10:15:30 - app.x - INFO - {message}\n");
    home.append("logs/a.log", messages.into_iter().map(line).collect::<String>());
}

pub fn numbers(range: std::ops::Range<u32>) -> impl Iterator<Item = String> {
    range.map(|n| format!("entry {n}"))
}

pub fn status(home: &Home) -> Value {
    home.json(&["ship", "status"])[0].clone()
}

/// Until everything that is committed is acknowledged.
pub fn drained(home: &Home) -> Value {
    wait_until("everything is delivered", || status(home)["behind"] == 0);
    status(home)
}

fn messages(requests: &[Request]) -> Vec<String> {
    let records = requests.iter().flat_map(Request::lines);
    records.filter_map(|record| record["message"].as_str().map(str::to_owned)).collect()
}

fn dead(home: &Home) -> Vec<Value> {
    let text = std::fs::read_to_string(home.path("data/ship/out.dead.ndjson")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn http_takes_records_with_what_is_asked_for() {
    let receiver = Receiver::start(|_| Reply::Status(204));
    let home = home(&format!(
        "kind = \"http\"\nurl = \"{}/in?x=1\"\nquery = \"entry -3\"\ncompression = \"zstd\"\n\
         [sink.auth]\nuser = \"me\"\npassword_file = \"password\"\nheaders = {{ X-Scope-OrgID = \"t\" }}\n\
         [sink.fields]\nonly = [\"message\", \"level\"]\nadd = {{ host = \"a1\" }}",
        receiver.url()
    ));
    home.write("password", "secret\n");
    let check = home.json(&["check"]);
    assert_eq!(check["sinks"], json!(["out"]));
    let daemon = home.run();
    log(&home, numbers(0..5));
    daemon.settle();
    let status = drained(&home);
    let requests = receiver.requests();
    assert_eq!((requests[0].path.as_str(), requests[0].headers["x-scope-orgid"].as_str()), ("/in?x=1", "t"));
    assert_eq!(requests[0].headers["authorization"], "Basic bWU6c2VjcmV0");
    assert_eq!(requests[0].headers["content-encoding"], "zstd");
    let records: Vec<Value> = requests.iter().flat_map(Request::lines).collect();
    let record = |n: u32| json!({ "message": format!("entry {n}"), "level": "info", "host": "a1" });
    assert_eq!(records, [0, 1, 2, 4].map(record));
    assert_eq!((&status["counts"]["delivered"], &status["problem"]), (&json!(4), &Value::Null));
    let seen = format!("{status}{}{}", home.log(), std::fs::read_to_string(home.path("data/ship/out.json")).unwrap());
    assert!(!seen.contains("secret"), "{seen}");
}

#[test]
fn what_is_refused_is_found_and_the_rest_arrives_in_order() {
    let receiver = Receiver::start(|request| match request.text().contains("poison") {
        true => Reply::With { status: 422, headers: vec![], body: "no poison here".into() },
        false => Reply::Status(200),
    });
    let home = home(&format!("kind = \"http\"\nurl = \"{}\"", receiver.url()));
    let name = |n: u32| if n == 17 || n == 70 { format!("poison {n}") } else { format!("entry {n}") };
    log(&home, (0..100).map(name));
    let daemon = home.run();
    daemon.settle();
    let status = drained(&home);
    let taken: Vec<Request> = receiver.requests().into_iter().filter(|r| !r.text().contains("poison")).collect();
    assert_eq!(messages(&taken), (0..100).map(name).filter(|name| name.starts_with('e')).collect::<Vec<_>>());
    let letters = dead(&home);
    let texts: Vec<&str> = letters.iter().map(|letter| letter["entry"]["message"].as_str().unwrap()).collect();
    assert_eq!(texts, ["poison 17", "poison 70"]);
    assert!(letters[0]["reason"].as_str().unwrap().contains("422: no poison here"), "{}", letters[0]);
    assert_eq!(letters[0]["entry"]["source"], "logs/a.log");
    assert_eq!((&status["counts"]["dead"], &status["counts"]["delivered"]), (&json!(2), &json!(98)));
}

#[test]
fn bulk_items_fare_one_by_one() {
    let first = AtomicBool::new(true);
    let receiver = Receiver::start(move |request| {
        let first = first.swap(false, Ordering::Relaxed);
        let lines = request.lines();
        let item = |pair: &[Value]| {
            let number: u32 = pair[1]["message"].as_str().unwrap()[6..].parse().unwrap();
            let status = match number {
                3 => 400,
                4 | 5 if first => 429,
                6 => 409,
                _ => 201,
            };
            let error = json!({ "type": "some_exception", "reason": format!("because of {number}") });
            json!({ "create": { "_id": pair[0]["create"]["_id"], "status": status, "error": error } })
        };
        let items: Vec<Value> = lines.chunks(2).map(item).collect();
        Reply::With { status: 200, headers: vec![], body: json!({ "errors": true, "items": items }).to_string() }
    });
    let home = home(&format!("kind = \"elasticsearch\"\nurl = \"{}\"\nindex = \"logs\"", receiver.url()));
    log(&home, numbers(0..9));
    let daemon = home.run();
    daemon.settle();
    let status = drained(&home);
    let requests = receiver.requests();
    assert_eq!(
        (requests[0].path.as_str(), requests[0].headers["content-type"].as_str()),
        ("/_bulk", "application/x-ndjson")
    );
    let all = messages(&requests);
    let again: Vec<&String> =
        all.iter().enumerate().filter(|(at, name)| all[..*at].contains(name)).map(|(_, n)| n).collect();
    assert_eq!(again, ["entry 4", "entry 5"]);
    let ids: Vec<String> = requests
        .iter()
        .flat_map(Request::lines)
        .filter_map(|line| Some(line.get("create")?["_id"].to_string()))
        .collect();
    assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len()), (11, 9), "the same entry has the same id");
    let counts = &status["counts"];
    assert_eq!((&counts["delivered"], &counts["known"], &counts["dead"]), (&json!(8), &json!(1), &json!(1)));
    assert!(dead(&home)[0]["reason"].as_str().unwrap().contains("because of 3"));
}

#[test]
fn loki_and_otlp_are_posted_where_they_listen() {
    let receiver = Receiver::start(|_| Reply::Status(200));
    let home = home(&format!("kind = \"loki\"\nurl = \"{}\"", receiver.url()));
    let more =
        format!("[[sink]]\nname = \"otlp\"\nkind = \"otlp\"\nencoding = \"json\"\nurl = \"{}\"\n", receiver.url());
    let sinks = std::fs::read_to_string(home.path("config/sinks.toml")).unwrap();
    home.write("config/sinks.toml", &format!("{sinks}{more}"));
    log(&home, numbers(0..3));
    let daemon = home.run();
    daemon.settle();
    wait_until("both are there", || home.json(&["ship"]).as_array().unwrap().iter().all(|sink| sink["behind"] == 0));
    let requests = receiver.requests();
    // They come in one request or in several.
    let of = |path: &str, place: &str| -> Vec<Value> {
        let those = requests.iter().filter(|request| request.path == path);
        let bodies = those.map(|request| serde_json::from_slice::<Value>(&request.body).unwrap());
        bodies.flat_map(|body| body.pointer(place).unwrap().as_array().unwrap().clone()).collect()
    };
    let lines = of("/loki/api/v1/push", "/streams/0/values");
    let lines: Vec<&str> = lines.iter().map(|value| value[1].as_str().unwrap()).collect();
    assert_eq!(lines, ["entry 0", "entry 1", "entry 2"]);
    assert_eq!(of("/loki/api/v1/push", "/streams")[0]["stream"], json!({ "service": "app", "level": "info" }));
    let records = of("/v1/logs", "/resourceLogs/0/scopeLogs/0/logRecords");
    let bodies: Vec<&str> = records.iter().map(|record| record["body"]["stringValue"].as_str().unwrap()).collect();
    assert_eq!(bodies, ["entry 0", "entry 1", "entry 2"]);
}

#[test]
fn hostile_answers_cost_time_and_nothing_else() {
    type Mood = (&'static str, fn() -> Reply);
    let moods: [Mood; 7] = [
        ("401", || Reply::Status(401)),
        ("301", || Reply::With { status: 301, headers: vec![("location", "/again".into())], body: String::new() }),
        ("404", || Reply::Status(404)),
        ("timed out", || Reply::Drip),
        ("answer", || Reply::Flood),
        ("connection", || Reply::Reset),
        ("503", || Reply::With { status: 503, headers: vec![("retry-after", "0".into())], body: "x".repeat(1 << 20) }),
    ];
    let mood = Arc::new(AtomicU16::new(0));
    let now = mood.clone();
    let receiver = Receiver::start(move |_| match moods.get(usize::from(now.load(Ordering::Relaxed))) {
        Some((_, reply)) => reply(),
        None => Reply::Status(200),
    });
    let home = home(&format!("kind = \"http\"\ntimeout = \"1s\"\nurl = \"{}\"", receiver.url()));
    log(&home, numbers(0..10));
    let daemon = home.run();
    daemon.settle();
    for (number, (want, _)) in moods.iter().enumerate() {
        mood.store(number as u16, Ordering::Relaxed);
        let before = receiver.requests().len();
        wait_until(want, || {
            receiver.requests().len() > before
                && status(&home)["problem"]["why"].as_str().is_some_and(|why| why.contains(want))
        });
    }
    let memory = home.json(&["status"])["memory_bytes"].as_u64().unwrap();
    assert!(memory < 400 << 20, "{memory} bytes");
    mood.store(u16::MAX, Ordering::Relaxed);
    let status = drained(&home);
    assert_eq!((&status["counts"]["dead"], &status["counts"]["delivered"]), (&json!(0), &json!(10)));
    assert!(status["problem"].is_null(), "{status}");
    assert!(receiver.requests().iter().all(|request| request.path == "/"), "a redirect was followed");
}

#[test]
fn the_cursor_is_moved_by_command() {
    let receiver = Receiver::start(|_| Reply::Status(200));
    let home = home(&format!("kind = \"http\"\nurl = \"{}\"\nstart = \"now\"", receiver.url()));
    let sinks = std::fs::read_to_string(home.path("config/sinks.toml")).unwrap();
    home.write("config/sinks.toml", "");
    log(&home, numbers(0..5));
    let daemon = home.run();
    daemon.settle();
    assert_eq!(daemon.stop(), Some(0));
    home.write("config/sinks.toml", &sinks);
    let daemon = home.run();
    daemon.settle();
    assert_eq!(status(&home)["behind"], 0);
    log(&home, numbers(5..8));
    daemon.settle();
    drained(&home);
    assert_eq!(messages(&receiver.requests()), numbers(5..8).collect::<Vec<_>>());
    let done = home.ok(&["ship", "replay", "out", "--since", "2026-11-23 00:00"]);
    assert!(done.contains("goes on at entry 0 of partition 000001"), "{done}");
    wait_until("all of it came again", || messages(&receiver.requests()).len() == 11);
    let (code, error) = home.fails(&["ship", "skip", "nobody"]);
    assert_eq!((code, error.contains("no sink is called \"nobody\"; there are out")), (1, true), "{error}");
    assert_eq!(daemon.stop(), Some(0));
    // Without a daemon.
    home.ok(&["ship", "replay", "out", "--since", "2026-11-23 00:00"]);
    assert_eq!(status(&home)["behind"], 8);
    home.ok(&["ship", "skip", "out"]);
    assert_eq!(status(&home)["behind"], 0);
    assert!(home.ok(&["ship"]).contains("delivered"));
}

#[test]
fn retention_holds_what_a_sink_has_not_had_or_counts_it() {
    for keep in ["hold", "drop"] {
        let is_up = Arc::new(AtomicBool::new(false));
        let up = is_up.clone();
        let receiver = Receiver::start(move |_| Reply::Status(if up.load(Ordering::Relaxed) { 200 } else { 503 }));
        let home = home(&format!("kind = \"http\"\nurl = \"{}\"\nretention = \"{keep}\"", receiver.url()));
        home.write(
            "config/logmill.toml",
            &format!(
                "http = \"127.0.0.1:0\"\n{CONFIG}[retention]\nmax_age = \"30d\"\nmax_bytes = \"1k\"\nevery = \"50ms\"\n"
            ),
        );
        let daemon = home.run();
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            format!("entry {state:016x}{:016x}", state.rotate_left(29) ^ 0x5555)
        };
        let text: Vec<String> = (0..60_000).map(|_| random()).collect();
        log(&home, text);
        daemon.settle();
        log(&home, ["last".to_owned()]);
        daemon.settle();
        if keep == "hold" {
            let plan = home.ok(&["prune", "--dry-run"]);
            assert!(plan.contains("kept partition 000001") && plan.contains("held for the sink \"out\""), "{plan}");
            assert_eq!(daemon.status()["partitions"][0]["number"], 1);
        } else {
            wait_until("the partition goes", || daemon.status()["partitions"][0]["number"] != 1);
        }
        is_up.store(true, Ordering::Relaxed);
        let counts = drained(&home)["counts"].clone();
        let (delivered, dropped) = (counts["delivered"].as_u64().unwrap(), counts["dropped"].as_u64().unwrap());
        // What had been read before its partition went is delivered all the same, and is counted as dropped, too.
        assert!(delivered + dropped >= 60_001, "{keep}: {counts}");
        assert_eq!(dropped == 0, keep == "hold", "{keep}: {counts}");
        wait_until("the partition goes", || daemon.status()["partitions"][0]["number"] != 1);
    }
}

#[test]
fn a_reload_brings_other_sinks() {
    let receiver = Receiver::start(|_| Reply::Status(200));
    let home = home("kind = \"file\"\npath = \"out.ndjson\"");
    log(&home, numbers(0..3));
    let daemon = home.run();
    daemon.settle();
    drained(&home);
    assert_eq!(std::fs::read_to_string(home.path("out.ndjson")).unwrap().lines().count(), 3);
    home.write("config/sinks.toml", "[[sink]]\nname = \"x\"\nkind = \"htp\"\n");
    daemon.signal("HUP");
    wait_until("the mistake is told", || home.log().contains("config/sinks.toml:3:8: \"htp\" is no kind"));
    let other = format!("[[sink]]\nname = \"other\"\nkind = \"http\"\nurl = \"{}\"\n", receiver.url());
    home.write("config/sinks.toml", &other);
    daemon.signal("HUP");
    wait_until("the other sink has all", || messages(&receiver.requests()).len() == 3);
    assert_eq!(status(&home)["name"], "other");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_dead_sink_stops_neither_reading_nor_the_end() {
    // Nobody listens there.
    let home = home("kind = \"http\"\nurl = \"http://127.0.0.1:9/\"");
    log(&home, numbers(0..20_000));
    let daemon = home.run();
    daemon.settle();
    let status = status(&home);
    assert!(status["waiting"].as_u64().unwrap() <= 2_000, "{status}");
    assert!(status["problem"]["why"].as_str().unwrap().contains("127.0.0.1:9"), "{status}");
    let begun = std::time::Instant::now();
    assert_eq!(daemon.stop(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(9), "it waited for the sink");
}
