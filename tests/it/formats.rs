//! Logs of many programs, and the truth about them: `tests/formats/NAME.log` with `NAME.jsonl`. The truth was made
//! without this program: by what was logged, or by the programs' documentation. Its first line says how, and the zone
//! and the moment of reading; then for each entry its first line, its time, level and logger, and mostly its message.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use logmill::pipeline::Pipeline;
use logmill::record::{Entry, Position, RawBatch, TimeSource, timestamp};
use serde_json::Value as Json;

/// Entries of a log by the line they begin at, from 1.
fn entries(log: &[u8], zone: &str, read: i64) -> BTreeMap<usize, Entry> {
    let definition = format!("name = \"x\"\n[source]\ninclude = [\"x\"]\nzone = {zone:?}\n");
    let mut parser = Pipeline::parse(&definition, Path::new("x.toml")).unwrap().stream(&"x".into());
    let mut entries = BTreeMap::new();
    let (mut line, mut begin, mut offset) = (1, 1, 0);
    // Line by line, so that it is known where each entry begins.
    for bytes in log.split_inclusive(|b| *b == b'\n') {
        let position = Position { offset: offset + bytes.len() as u64, ..Position::default() };
        let batch = RawBatch {
            source: "x".into(),
            offset,
            bytes: bytes.into(),
            read_time: read,
            written: read,
            position,
            last: false,
            ..RawBatch::default()
        };
        let out = parser.run(&batch);
        entries.extend(out.entries.into_iter().map(|entry| (begin, entry)));
        if out.position.offset == offset {
            begin = line;
        }
        offset += bytes.len() as u64;
        line += 1;
    }
    let rest = parser.flush().into_iter().flat_map(|out| out.entries);
    entries.extend(rest.map(|entry| (begin, entry)));
    entries
}

fn nanoseconds(text: &str) -> i64 {
    chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_nanos_opt().unwrap()
}

/// Where an entry is not what the truth says.
fn differences(want: &Json, found: &Entry) -> Vec<String> {
    let mut differences = Vec::new();
    let mut compare = |what: &str, want: String, found: String| {
        if want != found {
            differences.push(format!("{what} is {found:?}, not {want:?}"));
        }
    };
    let text = |name: &str| want[name].as_str().unwrap_or("").to_owned();
    let time = want["time"].as_str().map(|time| timestamp(nanoseconds(time))).unwrap_or_default();
    let has_time = found.time_source != TimeSource::Read;
    compare("time", time, if has_time { timestamp(found.time) } else { String::new() });
    compare("level", text("level"), found.level.name().to_owned());
    compare("logger", text("logger"), found.logger.as_deref().unwrap_or("").to_owned());
    if let Some(message) = want["message"].as_str() {
        compare("message", message.trim_end().to_owned(), found.message().trim_end().to_owned());
    }
    differences
}

fn check(path: &Path) -> Vec<String> {
    let truth = fs::read_to_string(path.with_extension("jsonl")).unwrap();
    let mut truth = truth.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    let about = truth.next().unwrap();
    let log = fs::read(path).unwrap();
    let mut found = entries(&log, about["zone"].as_str().unwrap(), nanoseconds(about["read"].as_str().unwrap()));
    let mut wrong = Vec::new();
    for want in truth {
        let line = want["line"].as_u64().unwrap() as usize;
        match found.remove(&line) {
            Some(entry) => wrong.extend(differences(&want, &entry).into_iter().map(|d| format!("line {line}: {d}"))),
            None => wrong.push(format!("line {line} begins no entry")),
        }
    }
    wrong.extend(found.keys().map(|line| format!("line {line} begins an entry")));
    wrong.iter().map(|wrong| format!("{}: {wrong}", path.display())).collect()
}

#[test]
fn logs_of_many_programs_are_read_right() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats");
    let mut logs: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|item| item.unwrap().path()).collect();
    logs.retain(|path| path.extension().is_some_and(|e| e == "log"));
    logs.sort();
    assert!(logs.len() > 100, "only {} logs", logs.len());
    let wrong: Vec<String> = logs.iter().flat_map(|path| check(path)).collect();
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}
