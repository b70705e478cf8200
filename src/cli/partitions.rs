//! `logmill partitions`: what the store is made of, on disk.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::cli::Common;
use crate::cli::ask::open;
use crate::cli::output::{Format, outln, table};
use crate::config::load_main;
use crate::daemon::partitions;
use crate::record::timestamp;
use crate::sys::units::Bytes;

/// What a file of a partition belongs to, by the end of its name.
const PARTS: [(&str, &str); 4] = [("blocks", "blocks"), ("term", "terms"), ("idx", "postings"), ("fast", "columns")];

pub fn run(common: &Common) -> anyhow::Result<()> {
    let config = load_main(common.config.as_deref(), |c| common.adjust(c))?;
    let snapshot = open(&config.data_dir)?;
    let (infos, problems) = partitions(&snapshot.partitions, true);
    let describe = |info: &crate::store::PartitionInfo| {
        json!({
            "partition": info.number, "generation": info.generation, "active": info.active,
            "entries": info.entries, "blocks": info.blocks, "bytes": info.bytes, "raw_bytes": info.raw_bytes,
            "ratio": (info.raw_bytes > 0).then(|| info.bytes as f64 / info.raw_bytes as f64),
            "oldest": info.oldest_time.map(timestamp), "newest": info.newest_time.map(timestamp),
            "parts": parts(&info.path),
        })
    };
    let described: Vec<Value> = infos.iter().map(describe).collect();
    match common.format_or(Format::Table) {
        Format::Json => outln!("{}", Value::from(described)),
        Format::Ndjson => described.iter().for_each(|partition| outln!("{partition}")),
        _ => print(&described)?,
    }
    problems.iter().for_each(|problem| eprintln!("warning: {problem}"));
    anyhow::ensure!(problems.is_empty(), "{} partitions cannot be read", problems.len());
    Ok(())
}

/// Bytes of a partition by what they are for.
fn parts(partition: &Path) -> BTreeMap<&'static str, u64> {
    let mut parts = BTreeMap::new();
    for file in std::fs::read_dir(partition).into_iter().flatten().flatten() {
        let name = file.file_name().to_string_lossy().into_owned();
        let part = PARTS.iter().find(|(end, _)| name.ends_with(end)).map_or("other", |(_, part)| part);
        *parts.entry(part).or_default() += file.metadata().map_or(0, |m| m.len());
    }
    parts
}

fn print(partitions: &[Value]) -> anyhow::Result<()> {
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let bytes = |value: &Value| Bytes(value.as_u64().unwrap_or(0)).to_string();
    let row = |p: &Value| {
        let state = match (p["active"] == true, p["generation"].as_u64()) {
            (true, _) => "active",
            (false, Some(0)) => "to be sealed",
            _ => "sealed",
        };
        let mut row = vec![format!("{:06}", p["partition"].as_u64().unwrap_or(0)), state.to_owned()];
        row.extend([p["entries"].to_string(), p["blocks"].to_string(), bytes(&p["raw_bytes"]), bytes(&p["bytes"])]);
        row.push(p["ratio"].as_f64().map_or_else(String::new, |ratio| format!("{ratio:.3}")));
        row.extend(PARTS.map(|(_, part)| bytes(&p["parts"][part])));
        row.extend([text(&p["oldest"]), text(&p["newest"])]);
        row
    };
    let head = ["partition", "state", "entries", "blocks", "raw", "on disk", "ratio"];
    let head: Vec<&str> = head.into_iter().chain(PARTS.map(|(_, part)| part)).chain(["oldest", "newest"]).collect();
    table(&head, &partitions.iter().map(row).collect::<Vec<_>>())?;
    Ok(())
}
