//! The page about the query language: every example is run, and does what the page says.

use std::path::Path;

use logmill::pipeline::Pipeline;
use logmill::query::Query;
use logmill::record::{Position, RawBatch};
use logmill::search::{Body, Budget, Request, Window, ask};
use logmill::store::{Options, Snapshot, Writer};

/// The rows of all tables: their cells.
fn examples(page: &str) -> Vec<[String; 3]> {
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| {
        let line = line.replace("\\|", "\u{1}");
        let cells = line.trim_matches('|').split('|').map(|cell| cell.trim().replace('\u{1}', "|"));
        cells.collect::<Vec<_>>().try_into().expect("three cells")
    })
    .collect()
}

fn store(folder: &Path, page: &str) -> Writer {
    let sample = page.split("```ndjson\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a sample");
    let pipeline = Pipeline::shipped().into_iter().find(|p| p.name() == "orchestrator").unwrap();
    let mut parser = pipeline.stream(&"sample.log".into());
    let batch = RawBatch {
        source: "sample.log".into(),
        bytes: sample.into(),
        // 2026-11-25T09:46:40Z.
        read_time: 1_795_600_000_000_000_000,
        written: 1_795_600_000_000_000_000,
        last: true,
        ..RawBatch::default()
    };
    let mut writer = Writer::open(folder, Options::default()).unwrap();
    let parsed = parser.run(&batch);
    writer.add(0, parsed.entries, Position::default()).unwrap();
    if let Some(rest) = parser.flush() {
        writer.add(0, rest.entries, Position::default()).unwrap();
    }
    writer
}

fn answer(snapshot: &Snapshot, query: &str) -> String {
    let query = Query::parse_at(query, 1_795_600_000_000_000_000, &chrono::Utc).unwrap_or_else(|e| panic!("{e}"));
    let has_order = !query.pipes().is_empty() && query.pipes()[0].name() == "sort";
    let request = Request { query, window: Window::ALL, limit: 100, after: None, budget: Budget::default() };
    match ask(snapshot, &request, i64::MAX).unwrap().body {
        Body::Entries(mut entries) => {
            if !has_order {
                entries.reverse();
            }
            let numbers: Vec<String> = entries.iter().map(|(sequence, _)| (sequence + 1).to_string()).collect();
            numbers.join(" ")
        }
        Body::Table(table) => format!("`{}`", table.to_json()["rows"]),
    }
}

#[test]
fn every_example_does_what_the_page_says() {
    let page = include_str!("../../src/query/reference.md");
    let folder = tempfile::tempdir().unwrap();
    let writer = store(folder.path(), page);
    let snapshot = writer.shared().snapshot();
    let examples = examples(page);
    assert!(examples.len() > 45, "only {} examples were found", examples.len());
    let mut wrong = Vec::new();
    for [query, _, want] in examples {
        let got = answer(&snapshot, query.trim_matches('`'));
        if got != want {
            wrong.push(format!("{query}\n  gives {got}\n  not   {want}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
