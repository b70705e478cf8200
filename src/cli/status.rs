//! `logmill status`.

use serde_json::{Value, json};

use crate::cli::Common;
use crate::cli::ask::Host;
use crate::cli::output::{Format, cell, colour, outln, table};
use crate::config::Config;
use crate::daemon::partitions;
use crate::record::timestamp;
use crate::store::Snapshot;
use crate::sys::units::Bytes;

pub fn run(common: &Common) -> anyhow::Result<()> {
    let (source, config) = Host::find(common)?;
    let status = match source {
        Host::Daemon(client) => client.ask("/status", None)?.body,
        Host::Disk(snapshot) => from_disk(&snapshot, &config)?,
    };
    match common.format_or(Format::Table) {
        Format::Json => outln!("{status:#}"),
        Format::Ndjson => outln!("{status}"),
        _ => print(&status)?,
    }
    Ok(())
}

/// What can be known without a daemon.
fn from_disk(snapshot: &Snapshot, config: &Config) -> anyhow::Result<Value> {
    let payload = snapshot.payload()?;
    let file = |p: &crate::record::Position| {
        let size = std::fs::metadata(&p.path).map_or(0, |m| m.len());
        json!({
            "source": p.path, "path": p.path, "pipeline": p.pipeline, "offset": p.offset, "committed": p.offset,
            "size": size, "lag_bytes": size.saturating_sub(p.offset),
        })
    };
    Ok(json!({
        "running": false,
        "files": payload.positions.iter().map(file).collect::<Vec<_>>(),
        "partitions": partitions(&snapshot.partitions, true).0,
        "last_commit": (payload.committed_at > 0).then(|| timestamp(payload.committed_at)),
        "rotations": rotations(config),
    }))
}

/// The state file's own words: when each log was rotated last, or seen for the first time.
fn rotations(config: &Config) -> Vec<Value> {
    let text = std::fs::read_to_string(config.rotation_state()).unwrap_or_default();
    text.lines().skip(1).map(Value::from).collect()
}

fn print(status: &Value) -> anyhow::Result<()> {
    let running = status["running"] == true;
    match running {
        true => outln!(
            "{} pid {}, up {} s, {} entries read, {} waiting, memory {}",
            colour("running", "32"),
            status["pid"],
            status["uptime_seconds"],
            status["entries_read"],
            status["entries_waiting"],
            bytes(&status["memory_bytes"])
        ),
        false => outln!("{}", colour("not running", "33")),
    }
    outln!("last commit {}", status["last_commit"].as_str().unwrap_or("never"));
    for problem in list(status, "problems") {
        outln!("{} {}", colour("problem:", "31"), cell(problem));
    }
    outln!("");
    let file = |f: &Value| {
        let mut name = cell(&f["source"]);
        if f["rotated_away"] == true {
            name = format!("{name} (now {})", cell(&f["path"]));
        }
        vec![name, cell(&f["pipeline"]), cell(&f["offset"]), cell(&f["size"]), bytes(&f["lag_bytes"])]
    };
    let rows: Vec<Vec<String>> = list(status, "files").iter().map(file).collect();
    table(&["file", "pipeline", "offset", "size", "lag"], &rows)?;
    outln!("");
    let partition = |p: &Value| {
        let time = |v: &Value| v.as_i64().map_or_else(String::new, timestamp);
        vec![
            format!("{:06}{}", p["number"].as_u64().unwrap_or(0), if p["active"] == true { " (active)" } else { "" }),
            cell(&p["entries"]),
            cell(&p["blocks"]),
            bytes(&p["bytes"]),
            time(&p["oldest_time"]),
            time(&p["newest_time"]),
        ]
    };
    let rows: Vec<Vec<String>> = list(status, "partitions").iter().map(partition).collect();
    table(&["partition", "entries", "blocks", "size", "oldest", "newest"], &rows)?;
    print_rotations(status);
    for error in list(status, "errors") {
        outln!("{} {} {}", colour("error:", "31"), cell(&error["time"]), cell(&error["error"]));
    }
    Ok(())
}

fn print_rotations(status: &Value) {
    let events = list(status, "rotations");
    let head = match (events.is_empty(), status["running"] == true) {
        (true, _) => "no rotation yet",
        (false, true) => "rotations, newest first",
        (false, false) => "log, and when it was rotated last or seen first",
    };
    outln!("\n{}", colour(head, "1"));
    for event in events.iter().take(5) {
        match event.as_str() {
            Some(line) => outln!("  {line}"),
            None => {
                let time = event["time"].as_i64().map_or_else(String::new, timestamp);
                outln!("  {time} {} {}", cell(&event["log"]), event["what"]);
            }
        }
    }
    for waiting in list(status, "rotations_waiting") {
        outln!("  waiting: {}", cell(waiting));
    }
}

fn list<'a>(status: &'a Value, key: &str) -> &'a [Value] {
    status[key].as_array().map_or(&[], Vec::as_slice)
}

fn bytes(value: &Value) -> String {
    Bytes(value.as_u64().unwrap_or(0)).to_string()
}
