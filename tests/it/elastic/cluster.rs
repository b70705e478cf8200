//! A logmill that asks a cluster says what the logmill says that has the entries, of which the cluster here is another one:
//! each question is put to the store, and through the translation.

use serde_json::{Value, json};

use crate::home::{Home, QUICK};
use crate::http::client::{encode, get};

const PIPELINE: &str = "name = \"all\"\nservice = \"app\"\n[source]\ninclude = [\"logs/*.log\"]\nzone = \"UTC\"\n";

/// Entries of all kinds over two hours.
fn log() -> String {
    let mut text = String::new();
    for n in 0..3_000 {
        let time = format!("2026-11-23T{:02}:{:02}:{:02}.{:03}Z", 10 + n / 1_800, n / 30 % 60, n * 2 % 60, n % 1000);
        let level = ["INFO", "DEBUG", "WARNING", "ERROR", "CRITICAL"][n % 5];
        let line = match n % 4 {
            0 => format!(
                "{{\"timestamp\":\"{time}\",\"level\":\"{level}\",\"logger\":\"{}\",\"message\":\"request {n} took 12.5 ms\",\"status\":{},\"path\":\"/orders/{}\",\"duration_ms\":{}.5}}",
                ["net.http", "Net.HTTP"][n / 4 % 2],
                200 + n % 7 * 50,
                n % 9,
                n % 90
            ),
            1 => format!("{time} {level} db.pool: connection timeout after {n} tries, id=wf-{}", n % 40),
            2 => format!(
                "{{\"timestamp\":\"{time}\",\"level\":\"{level}\",\"message\":\"m\",\"context\":{{\"workflow_id\":\"wf-{}\",\"agent_name\":\"coder\"}},\"event_type\":\"{}\",\"event_data\":{{\"workflow_type\":\"tdd\"}}}}",
                n / 12,
                ["workflow_started", "retry", "workflow_completed"][n / 4 % 3]
            ),
            _ => format!("{time} {level} caché: naïve Größe {} – done", n % 3),
        };
        text.push_str(&line);
        text.push('\n');
    }
    text
}

const QUERIES: &[&str] = &[
    "*",
    "level>=error",
    "level:warning",
    "timeout",
    "connection timeout",
    "\"connection timeout\"",
    "time*",
    "*out",
    "conn*tion",
    "12.5",
    "request 8",
    "-timeout",
    "timeout OR naïve",
    "größe",
    "logger:net.http",
    "logger:=Net.HTTP",
    "logger:db*",
    "service:app level>=error",
    "status:500",
    "status>=400",
    "fields.path:/orders/3",
    "/took 1[0-9]\\.5/",
    "workflow_id:wf-3",
    "event:retry",
    "duration_ms>80",
    "timestamp>=2026-11-23T11:00:00Z timeout",
    "nothing_like_this",
    "* | stats count() by level",
    "timeout | stats count() as n, min(timestamp) by level, step(10m)",
    "* | stats p95(duration_ms), avg(duration_ms) by logger",
    "level>=error | top 3 by logger",
    "workflow_id:* | failure_rate by workflow_type",
    "* | sort duration_ms | limit 7",
    "* | fields timestamp, level, message | limit 5",
    "timeout | patterns",
];

/// What a cluster counts itself.
const COUNTED: &[&str] = &[
    "* | stats count()",
    "nothing:* level:info level:error | stats count()",
    "level>=error | stats count() by level, step(10m)",
    "logger:net.* | stats count() by logger",
    "logger:net.http OR event:retry | uniq level, logger",
    "(-logger:net.http) | top 3 by logger, level",
    "workflow_id:* | stats count_distinct(workflow_id), max(agent), min(level)",
    "* | stats count(agent), count(duration_ms), sum(duration_ms), avg(duration_ms), min(duration_ms), max(duration_ms) by level",
    "logger:none_of_them | stats count(), sum(duration_ms), min(agent)",
    "* | rate by service, step(7m)",
    "event:retry OR logger:db* | uniq event, agent",
    "* | stats rate() as r, count() by step(1m) | sort -count | limit 3",
    "timestamp:[2026-11-23T10:10:00.0005Z TO 2026-11-23T10:50:00.0335Z} | stats count() by service",
    "level:error | stats count() by level, logger | compare 30m",
    "* | rate by step(10m) | compare 20m",
];

/// What else needs more than a page.
const FETCHED: &[&str] = &[
    "timeout | stats count() by level | compare 30m",
    "* | stats count() by step(7m) | compare 1h",
    "timestamp>=2026-11-23T10:40:00Z OR level:error | stats count() by level | compare 20m",
    "timeout | limit 5 | context 2",
    "level:critical timeout | context before=1 after=3 | stats count() by level",
    "workflow_id:wf-3 | context after=2 before=0 | fields timestamp, message | limit 9",
    "level:error | sort duration_ms | limit 4 | context 1",
];

/// Answers tell their cost, too, and cursors what there was when the first page was asked for.
fn plain(mut answer: Value) -> Value {
    for name in ["effort", "damaged"] {
        answer.as_object_mut().unwrap().remove(name);
    }
    if answer["next"].is_string() {
        answer["next"] = "there is more".into();
    }
    numbers(answer)
}

/// Whether a whole number is written as `13` or `13.0` says nothing.
fn numbers(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().into(),
        Value::Array(items) => items.into_iter().map(numbers).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, numbers(value))).collect(),
        other => other,
    }
}

/// A configuration that asks this logmill as its cluster.
fn asking(there: &Home, max_entries: usize) -> String {
    let address = std::fs::read_to_string(there.path("data/http.addr")).unwrap();
    format!(
        "{QUICK}[search]\nbackend = \"elasticsearch\"\n[search.cluster]\nurl = \"http://{address}/elastic\"\n\
         index = \"logmill\"\nmax_entries = {max_entries}\n"
    )
}

/// More entries than are fetched are counted; without a daemon a command asks the cluster by itself.
#[test]
fn a_cluster_counts_itself() {
    let there = Home::new(QUICK);
    there.write("pipelines/all.toml", PIPELINE);
    there.append("logs/a.log", log());
    let there_daemon = there.run();
    there_daemon.settle();
    let here = Home::new(&asking(&there, 1_000));
    let window = ["--since", "2026-11-23T10:00:00.0005Z", "--until", "2026-11-23T11:39:00Z"];
    for query in COUNTED {
        let arguments = [&["search", query], &window[..]].concat();
        assert_eq!(numbers(here.json(&arguments)), numbers(there.json(&arguments)), "{query}");
    }
    for by in ["none", "service", "agent", "level"] {
        let arguments = [&["rate", "event:* OR level:error", "--by", by], &window[..]].concat();
        assert_eq!(numbers(here.json(&arguments)), numbers(there.json(&arguments)), "{by}");
    }
    let check = |arguments: &[&str], want: &str| {
        let (code, message) = here.fails(arguments);
        assert!(code == 1 && message.contains(want), "{arguments:?}: {message}");
    };
    let looked = "only the newest 1000 entries of the cluster were looked at; the cluster does not count these itself";
    check(&["search", "* -timeout | stats count()"], &format!("{looked}: what looks for words"));
    check(&["search", "* | stats count() by status"], &format!("{looked}: `status`"));
    check(&["rate", "--by", "workflow_type", "--since", "2026-11-23"], &format!("{looked}: `workflow_type`"));
    // Other commands ask it too.
    assert_eq!(here.messages("timeout").len(), there.messages("timeout").len());
    let one = ["workflow", "wf-3", "--stalled-after", "10h"];
    assert_eq!(here.json(&one), there.json(&one));
    let (code, message) = here.fails(&["search", "* | stats count() | fields nothing"]);
    assert!(code == 2, "{message}");
}

#[test]
fn a_cluster_answers_as_the_store_does() {
    let there = Home::new(QUICK);
    there.write("pipelines/all.toml", PIPELINE);
    there.append("logs/a.log", log());
    let there_daemon = there.run();
    there_daemon.settle();
    let here = Home::new(&asking(&there, 200_000));
    let here_daemon = here.run();
    let check = |target: &str| {
        let (want, got) = (get(&there, target), get(&here, target));
        assert_eq!((want.status, got.status), (200, 200), "{target}: {}", got.text());
        let (want, whole) = (want.json(), got.json());
        assert_eq!(plain(whole.clone()), plain(want), "{target}");
        whole
    };
    for query in QUERIES.iter().chain(COUNTED).chain(FETCHED) {
        let query = encode(query);
        check(&format!("/api/v1/search?query={query}&limit=50"));
        check(&format!(
            "/api/v1/search?query={query}&limit=20&since=2026-11-23T10:30:00.5Z&until=2026-11-23T11:10:00Z"
        ));
    }
    // Page after page, to the end.
    let (mut after, mut pages) = (String::new(), 0);
    loop {
        let page = check(&format!("/api/v1/search?query={}&limit=97{after}", encode("timeout OR retry")));
        pages += 1;
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert!(pages > 5, "{pages}");
    let window = "since=2026-11-23T10:00:00Z&until=2026-11-23T12:00:00Z";
    check(&format!("/api/v1/histogram?query=timeout&{window}&steps=12"));
    check(&format!("/api/v1/rate?by=level&step=10m&{window}"));
    check(&format!("/api/v1/fields/status?{window}"));
    check(&format!("/api/v1/workflows?{window}&stalled_after=10h"));
    check("/api/v1/workflows/wf-3?stalled_after=10h");
    for by in ["none", "service", "agent", "workflow_type"] {
        check(&format!("/api/v1/rate?by={by}&step=7m&since=2026-11-23T10:00:00.0005Z&until=2026-11-23T11:30:00Z"));
    }
    check(&format!("/api/v1/fields/logger?{window}"));
    let id = there.search("timeout")[50]["id"].as_str().unwrap().to_owned();
    check(&format!("/api/v1/context?id={id}&before=3&after=4"));
    for (id, status) in [("1795427000000000000.7", 404), ("x", 400)] {
        assert_eq!(get(&here, &format!("/api/v1/context?id={id}")).status, status, "{id}");
    }
    drop(there_daemon);
    let reply = get(&here, "/api/v1/search?query=x");
    assert_eq!(reply.status, 502, "{}", reply.text());
    assert!(reply.json()["detail"].as_str().unwrap().contains("does not answer"));
    drop(here_daemon);
}

#[test]
fn what_is_wrong_with_a_cluster_is_told() {
    let check = |more: &str, want: &str| {
        let home = Home::new(&format!("[search]\nbackend = \"elasticsearch\"\n[search.cluster]\n{more}"));
        let (code, message) = home.fails(&["check"]);
        assert!(code == 2 && message.contains(want), "{more}: {message}");
    };
    check("", "search.cluster.url: is wanted");
    check("url = \"nonsense\"", "is no address");
    check("url = \"http://127.0.0.1:9\"\nca = \"/nowhere.pem\"", "/nowhere.pem");
    let home = Home::new(
        "[search]\nbackend = \"elasticsearch\"\n[search.cluster]\nurl = \"http://127.0.0.1:9\"\nuser = \"me\"\npassword_file = \"none\"\n",
    );
    let _daemon = home.run();
    let reply = get(&home, "/api/v1/search?query=x");
    assert_eq!((reply.status, &reply.json()["status"]), (502, &json!(502)));
    assert!(reply.text().contains("none: the secret cannot be read"), "{}", reply.text());
}
