//! Aggregations as tables of data, and that neither order nor threads matter.

use proptest::prelude::*;

use super::*;
use crate::query::Query;
use crate::record::{Entry, Text};
use crate::sys::clock::SECOND;

const NO_LIMITS: Limits = Limits { groups: usize::MAX, bytes: usize::MAX };

fn entry(time: i64, level: Level, service: &str, message: &str, status: Option<Value>) -> Entry {
    Entry {
        time: time * SECOND,
        level,
        service: service.into(),
        message: Text::Owned(message.into()),
        fields: status.map(|status| ("status".into(), status)).into_iter().collect(),
        ..Entry::default()
    }
}

fn entries() -> Vec<Entry> {
    let mut entries = vec![
        entry(0, Level::Info, "api", "took 5 ms", Some(Value::Int(200))),
        entry(30, Level::Error, "api", "took 17.5 ms", Some(Value::Int(500))),
        entry(60, Level::Unknown, "api", "hello", Some(Value::Str("200".into()))),
        entry(61, Level::Warning, "sessions", "took 9 ms", Some(Value::Float(0.5))),
        entry(130, Level::Error, "sessions", "hello", None),
    ];
    let kinds = [("workflow_failed", 0), ("workflow_completed", 1), ("workflow_failed", 2)];
    for (event, id) in kinds {
        let id = format!("wf-{}", id % 2);
        entries.push(Entry {
            event: Some(event.into()),
            workflow_id: Some(id.into()),
            ..entry(200, Level::Info, "x", "", None)
        });
    }
    entries[0].workflow_id = Some("wf-1".into());
    entries[0].workflow_type = Some("build".into());
    entries
}

fn table(pipe: &str, entries: &[Entry], order: impl IntoIterator<Item = usize>, split: usize) -> Table {
    let query: Query = format!("* | {pipe}").parse().unwrap();
    let window = Window { since: 0, until: 400 * SECOND };
    let make = || Aggregation::new(&query.pipes()[0], window, NO_LIMITS).unwrap();
    let (mut left, mut right) = (make(), make());
    for (count, index) in order.into_iter().enumerate() {
        let half = if count < split { &mut left } else { &mut right };
        half.take(index as u64, &entries[index]);
    }
    left.merge(right);
    assert!(!left.is_cut());
    let mut table = left.finish();
    table.rows.truncate(Aggregation::most(&query.pipes()[0]));
    query.pipes()[1..].iter().fold(table, Table::then)
}

const PIPES: [(&str, &str); 15] = [
    ("stats count()", "[[8]]"),
    ("stats count() by service", r#"[["api",3],["sessions",2],["x",3]]"#),
    ("stats count(status), sum(status), avg(status)", "[[4,900.5,225.125]]"),
    ("stats min(status), max(status) by service", r#"[["api",200,500],["sessions",0.5,0.5],["x",null,null]]"#),
    ("stats median(status), count_distinct(service)", "[[200,3]]"),
    (
        "stats count() by step(1m)",
        r#"[["1970-01-01T00:00:00Z",2],["1970-01-01T00:01:00Z",2],["1970-01-01T00:02:00Z",1],["1970-01-01T00:03:00Z",3]]"#,
    ),
    ("stats rate()", "[[0.02]]"),
    ("stats max(timestamp)", r#"[["1970-01-01T00:03:20Z"]]"#),
    ("top 2 service", r#"[["api",3],["x",3]]"#),
    ("uniq level", r#"[["error",2],["info",4],["unknown",1],["warning",1]]"#),
    ("rate by service", r#"[["api",3,2,1,0.5],["sessions",2,2,1,0.5],["x",3,3,0,0.0]]"#),
    ("failure_rate", "[[2,1,0.5]]"),
    ("failure_rate by workflow_type", r#"[["build",1,0,0.0],[null,1,1,1.0]]"#),
    ("patterns 2", r#"[[3,"",""],[3,"took <n> ms","took 5 ms"]]"#),
    ("stats count() as n by service | sort -n, service | limit 1 | fields n", "[[3]]"),
];

#[test]
fn tables() {
    let entries = entries();
    for (pipe, want) in PIPES {
        let got = table(pipe, &entries, 0..entries.len(), 4).to_json();
        assert_eq!(got["rows"].to_string(), want, "{pipe}");
    }
}

#[test]
fn limits_are_told() {
    let entries = entries();
    let check = |pipe: &str, limits: Limits, want: bool| {
        let query: Query = format!("* | {pipe}").parse().unwrap();
        let mut aggregation = Aggregation::new(&query.pipes()[0], Window::ALL, limits).unwrap();
        (0..).zip(&entries).for_each(|(sequence, entry)| aggregation.take(sequence, entry));
        assert_eq!(aggregation.is_cut(), want, "{pipe}");
    };
    for pipe in ["uniq service", "patterns", "failure_rate"] {
        check(pipe, NO_LIMITS, false);
        check(pipe, Limits { groups: 1, ..NO_LIMITS }, true);
    }
    check("stats median(status)", Limits { bytes: 300, ..NO_LIMITS }, false);
    check("stats median(status)", Limits { bytes: 100, ..NO_LIMITS }, true);
}

proptest! {
    #[test]
    fn neither_order_nor_threads_matter(
        order in Just((0..8).collect::<Vec<usize>>()).prop_shuffle(), split in 0..9_usize, pipe in 0..PIPES.len(),
    ) {
        let entries = entries();
        let (pipe, _) = PIPES[pipe];
        prop_assert_eq!(table(pipe, &entries, order, split), table(pipe, &entries, 0..8, 8));
    }
}
