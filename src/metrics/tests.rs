//! What is counted, as a table of entries and the text that comes of them.

use std::path::Path;

use super::{Derived, Family, Kind};
use crate::pipeline::Pipeline;
use crate::record::{Entry, Level, Value};
use crate::sys::clock::SECOND;

/// The lines for families of these names, without comments.
fn lines(families: &[Family], names: &[&str]) -> Vec<String> {
    let wanted = families.iter().filter(|family| names.contains(&&*family.name));
    super::text(wanted).lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

fn event(name: &str, id: &str, kind: Option<&str>, fields: &[(&str, Value)]) -> Entry {
    Entry {
        time: 1_000 * SECOND,
        level: Level::Info,
        service: "orchestrator".into(),
        event: Some(name.into()),
        workflow_id: Some(id.into()),
        workflow_type: kind.map(Into::into),
        fields: fields.iter().map(|(name, value)| ((*name).into(), value.clone())).collect(),
        ..Entry::default()
    }
}

/// What `names` say after `entries`, also after a restart in between, wherever it comes.
fn check(entries: &[Entry], names: &[&str], want: &[&str]) {
    let pipeline = Pipeline::any();
    for restart_at in 0..=entries.len() {
        let mut derived = Derived::default();
        for (index, entry) in entries.iter().enumerate() {
            if index == restart_at {
                let saved = derived.save();
                derived = Derived::default();
                derived.restore(&saved).unwrap();
            }
            derived.observe(pipeline.metrics(), entry);
        }
        assert_eq!(lines(&derived.published(1_000 * SECOND), names), want, "restart at {restart_at}");
    }
}

#[test]
fn workflows_count_once() {
    let lines_of_code = |n: i64| ("event_data.lines_of_code", Value::Int(n));
    let mut end = event("workflow_completed", "a", None, &[lines_of_code(100)]);
    end.duration_ms = Some(83_200.0);
    let entries = [
        event("workflow_started", "a", Some("tdd"), &[]),
        event("phase_completed", "a", None, &[lines_of_code(70)]),
        event("retry", "a", None, &[]),
        end.clone(),
        end,
        // Its start comes late.
        event("workflow_failed", "b", Some("full"), &[]),
        event("workflow_started", "b", Some("full"), &[]),
        event("workflow_started", "c", Some("full"), &[]),
        event("workflow_cancelled", "d", None, &[]),
    ];
    let names = [
        "log_workflows_started_total",
        "log_workflow_executions_total",
        "log_workflow_retries_total",
        "log_generated_code_lines_total",
        "log_workflows_open",
    ];
    check(
        &entries,
        &names,
        &[
            "log_generated_code_lines_total{workflow_type=\"tdd\"} 100",
            "log_workflow_executions_total{workflow_type=\"full\",outcome=\"cancelled\"} 0",
            "log_workflow_executions_total{workflow_type=\"full\",outcome=\"completed\"} 0",
            "log_workflow_executions_total{workflow_type=\"full\",outcome=\"failed\"} 1",
            "log_workflow_executions_total{workflow_type=\"tdd\",outcome=\"cancelled\"} 0",
            "log_workflow_executions_total{workflow_type=\"tdd\",outcome=\"completed\"} 1",
            "log_workflow_executions_total{workflow_type=\"tdd\",outcome=\"failed\"} 0",
            "log_workflow_executions_total{workflow_type=\"unknown\",outcome=\"cancelled\"} 1",
            "log_workflow_retries_total{workflow_type=\"full\"} 0",
            "log_workflow_retries_total{workflow_type=\"tdd\"} 1",
            "log_workflows_open{workflow_type=\"full\"} 1",
            "log_workflows_open{workflow_type=\"tdd\"} 0",
            "log_workflows_open{workflow_type=\"unknown\"} 0",
            "log_workflows_started_total{workflow_type=\"full\"} 2",
            "log_workflows_started_total{workflow_type=\"tdd\"} 1",
        ],
    );
}

#[test]
fn entries_sessions_agents_and_requests() {
    let plain = |level, session: &str| Entry {
        time: 1_000 * SECOND,
        level,
        service: "api".into(),
        session_id: Some(session.into()),
        ..Entry::default()
    };
    let text = |text: &str| Value::Str(text.into());
    let request = |path: &str, status: i64, ms: Option<f64>| Entry {
        fields: [("method".into(), text("GET")), ("path".into(), text(path)), ("status".into(), Value::Int(status))]
            .into(),
        duration_ms: ms,
        ..plain(Level::Info, "s1")
    };
    let agent = |name: Option<&str>, operation: &str, ms: f64| Entry {
        agent: Some("coder".into()),
        event: name.map(Into::into),
        duration_ms: Some(ms),
        fields: [("operation".into(), text(operation))].into(),
        ..plain(Level::Info, "s2")
    };
    let entries = [
        plain(Level::Error, "s1"),
        request("/workflow-status/7d0c?x", 200, Some(7.0)),
        request("/workflow-status/4711", 200, Some(30_000.5)),
        request("/", 99, None),
        agent(None, "coder_execution", 2_000.0),
        agent(Some("agent_interaction"), "", 400.0),
        agent(None, "database", 1.0),
    ];
    let names = ["log_entries_total", "log_http_requests_total", "log_sessions_active", "log_sessions_total"];
    let route = "{service=\"api\",method=\"GET\",path=\"/workflow-status/{id}\"";
    check(
        &entries,
        &names,
        &[
            "log_entries_total{service=\"api\",level=\"error\"} 1",
            "log_entries_total{service=\"api\",level=\"info\"} 6",
            &format!("log_http_requests_total{route},status=\"200\"}} 2"),
            "log_sessions_active 2",
            "log_sessions_total 2",
        ],
    );
    let mut derived = Derived::default();
    entries.iter().for_each(|entry| derived.observe(&[], entry));
    let shown = super::text(&derived.published(1_000 * SECOND));
    for line in [
        &format!("log_http_request_duration_seconds_bucket{route},le=\"0.005\"}} 0"),
        &format!("log_http_request_duration_seconds_bucket{route},le=\"0.01\"}} 1"),
        &format!("log_http_request_duration_seconds_bucket{route},le=\"30\"}} 1"),
        &format!("log_http_request_duration_seconds_bucket{route},le=\"+Inf\"}} 2"),
        &format!("log_http_request_duration_seconds_count{route}}} 2"),
        "log_agent_duration_seconds_sum{agent=\"coder\"} 2",
        "log_agent_call_duration_seconds_sum{agent=\"coder\"} 0.4",
        "# TYPE log_agent_duration_seconds histogram",
    ] {
        assert!(shown.lines().any(|found| found == line), "{line} is missing in\n{shown}");
    }
    // Half an hour later nobody is there any more.
    assert_eq!(lines(&derived.published(2_801 * SECOND), &["log_sessions_active"]), ["log_sessions_active 0"]);
}

const DECLARED: &str = r#"
name = "billing"
[source]
include = ["x"]
[[metric]]
name = "orders_total"
kind = "counter"
query = "level:info"
labels = { currency = "currency", level = "level" }
[[metric]]
name = "amount"
kind = "histogram"
value = "amount"
buckets = [1, 10]
[[metric]]
name = "queue"
kind = "gauge"
value = "depth"
"#;

#[test]
fn declared_metrics() {
    let pipeline = Pipeline::parse(DECLARED, Path::new("billing.toml")).unwrap();
    let mut derived = Derived::default();
    derived.declare(pipeline.metrics());
    let fields = |fields: &[(&str, Value)]| Entry {
        level: Level::Info,
        fields: fields.iter().map(|(name, value)| ((*name).into(), value.clone())).collect(),
        ..Entry::default()
    };
    let entries = [
        fields(&[("currency", Value::Str("a \"b\"\\\n".into())), ("amount", Value::Float(1.0))]),
        fields(&[("amount", Value::Str("nothing".into())), ("depth", Value::Int(7))]),
        fields(&[("amount", Value::Str("12.5".into())), ("depth", Value::Int(3))]),
        Entry { level: Level::Debug, ..Entry::default() },
    ];
    entries.iter().for_each(|entry| derived.observe(pipeline.metrics(), entry));
    // A reload and a restart change nothing.
    derived.declare(pipeline.metrics());
    let mut restarted = Derived::default();
    restarted.declare(pipeline.metrics());
    restarted.restore(&derived.save()).unwrap();
    let names = ["orders_total", "amount", "queue"];
    for derived in [&derived, &restarted] {
        assert_eq!(
            lines(&derived.published(0), &names),
            [
                "amount_bucket{le=\"1\"} 1",
                "amount_bucket{le=\"10\"} 1",
                "amount_bucket{le=\"+Inf\"} 2",
                "amount_sum 13.5",
                "amount_count 2",
                "orders_total{currency=\"\",level=\"info\"} 2",
                "orders_total{currency=\"a \\\"b\\\"\\\\\\n\",level=\"info\"} 1",
                "queue 3",
            ]
        );
    }
    // What is declared differently begins anew, and what is not declared goes.
    let other =
        DECLARED.replace("level = \"level\"", "service = \"service\"").replace("name = \"queue\"", "name = \"q\"");
    let other = Pipeline::parse(&other, Path::new("billing.toml")).unwrap();
    derived.declare(other.metrics());
    assert_eq!(lines(&derived.published(0), &["orders_total", "queue"]), [""; 0]);
    assert_eq!(lines(&derived.published(0), &["amount"]).len(), 5);
}

#[test]
fn mistakes_in_declarations() {
    let check = |metric: &str, want: &str| {
        let text = format!("name = \"a\"\n[source]\ninclude = [\"x\"]\n[[metric]]\n{metric}\n");
        let error = Pipeline::parse(&text, Path::new("a.toml")).unwrap_err().to_string();
        assert!(error.contains(want), "{error}\nlacks {want}");
    };
    check("name = \"1a\"\nkind = \"gauge\"\nvalue = \"x\"", "a.toml:5:8: \"1a\" is no name");
    check("name = \"log_x\"\nkind = \"gauge\"\nvalue = \"x\"", "begin with log_ are in use");
    check("name = \"orders\"\nkind = \"counter\"", "ends in _total: orders_total");
    check("name = \"orders\"\nkind = \"summary\"", "there is no kind \"summary\"");
    check("name = \"orders\"\nkind = \"gauge\"", "a gauge needs a value");
    check("name = \"a_total\"\nkind = \"counter\"\nlabels = { le = \"x\" }", "\"le\" is no label");
    check("name = \"a_total\"\nkind = \"counter\"\nbuckets = [1.0]", "only a histogram has buckets");
    check("name = \"a\"\nkind = \"histogram\"\nvalue = \"x\"\nbuckets = [1.0, 1.0]", "ascending");
    check("name = \"a_total\"\nkind = \"counter\"\nquery = \"level:\"", "a.toml:7:");
    check("name = \"a_total\"\nkind = \"counter\"\n[[metric]]\nname = \"a_total\"\nkind = \"counter\"", "already");
}

#[test]
fn series_are_bounded() {
    let mut family = Family::new(Kind::Counter, "a_total", "", &["x", "y"]);
    for n in 0..5_000 {
        family.add(&[&n.to_string(), &"long".repeat(100)], 1.0);
    }
    let samples = family.samples("a_total");
    assert_eq!(samples.len(), super::family::MAX_SERIES + 1);
    let other = samples.iter().find(|sample| sample.labels.iter().all(|(_, value)| value == "other")).unwrap();
    assert_eq!(other.value, 4_000.0);
    assert_eq!(family.overflowed, 4_000);
    assert!(samples.iter().all(|sample| sample.labels["y"].len() <= 200));
}

#[test]
fn what_cannot_be_restored_is_told() {
    let mut derived = Derived::default();
    assert!(derived.restore("{").is_err());
    derived.restore("{\"families\":{\"log_sessions_total\":{\"labels\":[\"x\"],\"series\":[]}},\"memory\":{\"workflows\":{},\"sessions\":{}}}").unwrap();
    assert_eq!(lines(&derived.published(0), &["log_sessions_total"]), [""; 0]);
}
