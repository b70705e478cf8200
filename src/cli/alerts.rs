//! `logmill alerts`.

use serde_json::{Value, json};

use crate::alert::saved;
use crate::cli::Common;
use crate::cli::ask::Host;
use crate::cli::output::{Format, cell, colour, outln, printable, table};
use crate::config::load;
use crate::sys::clock;

pub fn run(common: &Common) -> anyhow::Result<()> {
    let source = Host::find(common);
    let alerts = match source {
        Ok((Host::Daemon(client), _)) => client.ask("/api/v1/alerts", None)?.body,
        _ => from_disk(common)?,
    };
    match common.format_or(Format::Table) {
        Format::Json => outln!("{alerts:#}"),
        Format::Ndjson => list(&alerts, "alerts").iter().for_each(|alert| outln!("{alert}")),
        _ => print(&alerts)?,
    }
    Ok(())
}

/// As it was when the daemon ended.
fn from_disk(common: &Common) -> anyhow::Result<Value> {
    let loaded = load(common.config.as_deref(), |config| common.adjust(config))?;
    let path = saved::path(&loaded.config.data_dir);
    anyhow::ensure!(path.exists(), "no daemon runs here, and none has evaluated alerts; start `logmill run`");
    let text = std::fs::read(&path)?;
    let state: crate::alert::State = serde_json::from_slice(&text)?;
    let mut all = state.to_json(&loaded.alerts, clock::now());
    all["running"] = json!(false);
    Ok(all)
}

fn print(alerts: &Value) -> anyhow::Result<()> {
    if alerts["running"] == false {
        outln!("{}; this is what was known last", colour("not running", "33"));
    }
    let state = |state: &str| match state {
        "firing" => colour(state, "31"),
        "pending" => colour(state, "33"),
        _ => state.to_owned(),
    };
    let mut rows = Vec::new();
    for alert in list(alerts, "alerts") {
        let head = [cell(&alert["alert"]), cell(&alert["severity"])];
        let instances = list(alert, "instances");
        for one in instances {
            let silenced = one["silenced_by"].as_u64().map_or_else(String::new, |id| format!(" (silence {id})"));
            let word = format!("{}{silenced}", state(one["state"].as_str().unwrap_or_default()));
            rows.push(
                head.iter().cloned().chain([word, cell(&one["since"]), printable(&cell(&one["summary"]))]).collect(),
            );
        }
        if instances.is_empty() {
            let why = alert["problem"].as_str().unwrap_or_default();
            rows.push(head.into_iter().chain(["inactive".to_owned(), String::new(), printable(why)]).collect());
        }
    }
    table(&["alert", "severity", "state", "since", "summary"], &rows)?;
    let probe = |probe: &Value| {
        vec![cell(&probe["probe"]), cell(&probe["state"]), cell(&probe["at"]), printable(&cell(&probe["error"]))]
    };
    section(&["probe", "state", "asked", "error"], list(alerts, "probes"), probe)?;
    let notifier = |one: &Value| {
        let names = ["notifier", "sent", "failed", "waiting"];
        names.iter().map(|name| cell(&one[name])).chain([printable(&cell(&one["error"]))]).collect()
    };
    section(&["notifier", "sent", "failed", "waiting", "error"], list(alerts, "notifiers"), notifier)?;
    section(&["silence", "until", "condition", "reason"], list(alerts, "silences"), silence)?;
    for over in list(alerts, "history").iter().take(5) {
        let (started, ended) = (cell(&over["started"]), cell(&over["ended"]));
        outln!("over: {} from {started} to {ended}: {}", cell(&over["alert"]), printable(&cell(&over["summary"])));
    }
    if let Some(problem) = alerts["problem"].as_str() {
        outln!("{} {problem}", colour("problem:", "31"));
    }
    Ok(())
}

/// The row of a silence.
pub fn silence(one: &Value) -> Vec<String> {
    let conditions: Vec<String> = list(one, "matchers").iter().map(cell).collect();
    vec![cell(&one["id"]), cell(&one["until"]), printable(&conditions.join(" ")), printable(&cell(&one["reason"]))]
}

fn section(head: &[&str], all: &[Value], row: impl Fn(&Value) -> Vec<String>) -> std::io::Result<()> {
    if all.is_empty() {
        return Ok(());
    }
    outln!("");
    table(head, &all.iter().map(row).collect::<Vec<_>>())
}

pub fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}
