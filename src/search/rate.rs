//! Error rates over time: of entries (errors ÷ entries with a known level) and of workflows (failed ÷ finished).

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::query::Query;
use crate::record::{Entry, Level, timestamp};
use crate::search::{SearchError, Window, candidates};
use crate::store::Snapshot;
use crate::store::block::Want;

/// What to group by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    #[default]
    None,
    Service,
    WorkflowType,
    Agent,
    Level,
}

/// What to count.
#[derive(Clone, Debug)]
pub struct RateRequest {
    pub query: Query,
    pub window: Window,
    /// Width of a step, nanoseconds. Steps begin at multiples of it.
    pub step: i64,
    pub by: By,
    pub time_limit: Duration,
}

/// Counts of one group in one step, or of several together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub entries: u64,
    /// Entries with a known level: the denominator of the entry error rate.
    pub known: u64,
    /// Entries at error or above.
    pub errors: u64,
    /// Workflows that ended, well or not: the denominator of the failure rate.
    pub finished: u64,
    /// Workflows that failed.
    pub failed: u64,
}

/// The answer: by group, then by start of the step.
#[derive(Debug, Default, PartialEq)]
pub struct RateReport {
    pub groups: BTreeMap<String, BTreeMap<i64, Counts>>,
    /// The time limit cut the answer.
    pub partial: bool,
}

impl Counts {
    /// Share of errors among entries with a known level; `None` when there are none.
    pub fn error_rate(&self) -> Option<f64> {
        (self.known > 0).then(|| self.errors as f64 / self.known as f64)
    }

    /// Share of failures among finished workflows; `None` when there are none.
    pub fn failure_rate(&self) -> Option<f64> {
        (self.finished > 0).then(|| self.failed as f64 / self.finished as f64)
    }

    pub fn add(&mut self, other: &Counts) {
        self.entries += other.entries;
        self.known += other.known;
        self.errors += other.errors;
        self.finished += other.finished;
        self.failed += other.failed;
    }

    fn count(&mut self, level: Level) {
        self.entries += 1;
        self.known += u64::from(level != Level::Unknown);
        self.errors += u64::from(level.is_error());
    }
}

/// The end of a workflow. One that is reported twice counts once, as it was reported last.
struct Ending {
    time: i64,
    failed: bool,
    group: Option<Box<str>>,
}

/// Counts everything that matches.
pub fn rate(snapshot: &Snapshot, request: &RateRequest) -> Result<RateReport, SearchError> {
    let deadline = Instant::now() + request.time_limit;
    let want = if request.query.is_all() { Want::Heads } else { Want::All };
    let mut report = RateReport::default();
    let mut endings: HashMap<Box<str>, Ending> = HashMap::new();
    let mut types: HashMap<Box<str>, Box<str>> = HashMap::new();
    for candidate in candidates(snapshot, &request.query, request.window, deadline)? {
        if Instant::now() >= deadline {
            report.partial = true;
            break;
        }
        for (number, entry) in candidate.entries(want)? {
            if !request.window.contains(entry.time) || (want == Want::All && !request.query.matches(&entry)) {
                continue;
            }
            let group = group_of(&entry, request.by).unwrap_or("-");
            let step = entry.time.div_euclid(request.step) * request.step;
            if !report.groups.contains_key(group) {
                report.groups.insert(group.to_owned(), BTreeMap::new());
            }
            if let Some(steps) = report.groups.get_mut(group) {
                steps.entry(step).or_default().count(entry.level);
            }
            note_workflow(number, &entry, request.by, &mut endings, &mut types);
        }
    }
    count_endings(&mut report, request, endings, &types);
    Ok(report)
}

fn group_of(entry: &Entry, by: By) -> Option<&str> {
    match by {
        By::None => Some("all"),
        By::Service => Some(&entry.service),
        By::WorkflowType => entry.workflow_type.as_deref(),
        By::Agent => entry.agent.as_deref(),
        By::Level => Some(entry.level.name()),
    }
}

/// Remembers how workflows ended, and their types, which the ending itself may not name.
fn note_workflow(
    number: u64,
    entry: &Entry,
    by: By,
    endings: &mut HashMap<Box<str>, Ending>,
    types: &mut HashMap<Box<str>, Box<str>>,
) {
    if let (Some(id), Some(kind)) = (&entry.workflow_id, &entry.workflow_type)
        && !types.contains_key(id)
    {
        types.insert(id.clone(), kind.clone());
    }
    let failed = match entry.event.as_deref() {
        Some("workflow_completed") => false,
        Some("workflow_failed") => true,
        _ => return,
    };
    let key = entry.workflow_id.clone().unwrap_or_else(|| number.to_string().into());
    let group = group_of(entry, by).map(Box::from);
    let ending = Ending { time: entry.time, failed, group };
    match endings.get(&key) {
        Some(known) if known.time >= ending.time => {}
        _ => drop(endings.insert(key, ending)),
    }
}

fn count_endings(
    report: &mut RateReport,
    request: &RateRequest,
    endings: HashMap<Box<str>, Ending>,
    types: &HashMap<Box<str>, Box<str>>,
) {
    for (id, ending) in endings {
        let by_type = || types.get(&id).filter(|_| request.by == By::WorkflowType).cloned();
        let group = ending.group.or_else(by_type).unwrap_or_else(|| "-".into());
        let step = ending.time.div_euclid(request.step) * request.step;
        let counts = report.groups.entry(group.into()).or_default().entry(step).or_default();
        counts.finished += 1;
        counts.failed += u64::from(ending.failed);
    }
}

impl RateReport {
    /// All steps of a group together.
    pub fn total(steps: &BTreeMap<i64, Counts>) -> Counts {
        let mut total = Counts::default();
        steps.values().for_each(|c| total.add(c));
        total
    }

    /// The report for machines: totals by group, with the steps.
    pub fn to_json(&self, request_by: By, step: i64) -> serde_json::Value {
        let counts = |c: &Counts| {
            serde_json::json!({
                "entries": c.entries, "known": c.known, "errors": c.errors, "error_rate": c.error_rate(),
                "finished": c.finished, "failed": c.failed, "failure_rate": c.failure_rate(),
            })
        };
        let group = |(name, steps): (&String, &BTreeMap<i64, Counts>)| {
            let mut object = counts(&RateReport::total(steps));
            object["group"] = name.as_str().into();
            let step = |(start, c): (&i64, &Counts)| {
                let mut object = counts(c);
                object["start"] = timestamp(*start).into();
                object
            };
            object["steps"] = steps.iter().map(step).collect();
            object
        };
        serde_json::json!({
            "by": request_by,
            "step_seconds": step as f64 / 1e9,
            "partial": self.partial,
            "groups": self.groups.iter().map(group).collect::<Vec<_>>(),
        })
    }
}
