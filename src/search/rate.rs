//! Error rates over time: of entries (errors ÷ entries with a known level) and of workflows (failed ÷ finished).

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::query::{Field, Query};
use crate::record::column::{AGENT, EVENT, SERVICE, WORKFLOW_ID, WORKFLOW_TYPE};
use crate::record::{Columns, Level, Row, timestamp};
use crate::search::aggregate::step_start;
use crate::search::budget::Meter;
use crate::search::entries::window_of;
use crate::search::scan::{Hits, Scan, Take, Visit};
use crate::search::workflow::{Ending, Endings};
use crate::search::{Budget, Bundle, Counted, SearchError, Window};
use crate::store::Snapshot;

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
    pub budget: Budget,
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
    /// Why the counts are too low, when they are.
    pub partial: Option<String>,
    /// Partitions that could not be read.
    pub damaged: Vec<String>,
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

    fn count(&mut self, level: Level, entries: u64) {
        self.entries += entries;
        self.known += if level == Level::Unknown { 0 } else { entries };
        self.errors += if level.is_error() { entries } else { 0 };
    }
}

/// Counts everything that matches.
pub fn rate(snapshot: &Snapshot, request: &RateRequest) -> Result<RateReport, SearchError> {
    report(snapshot, request, |_, _| Ok(()))
}

/// The same by what was counted elsewhere. Who ended a workflow is among the bundles, which do not tell of whom: `endings`
/// has these entries.
pub fn rate_counted(counted: &Counted, endings: &Snapshot, request: &RateRequest) -> Result<RateReport, SearchError> {
    report(&counted.snapshot, request, |all, scan| {
        counted.bundles.iter().for_each(|bundle| all.take_bundle(bundle));
        let (visitors, _) = Scan { snapshot: endings, ..*scan }.run(|| Ends(Counter::new(request)))?;
        visitors.into_iter().for_each(|Ends(counter)| all.merge(counter));
        Ok(())
    })
}

fn report<'a>(
    snapshot: &Snapshot,
    request: &'a RateRequest,
    more: impl FnOnce(&mut Counter<'a>, &Scan<'_>) -> Result<(), SearchError>,
) -> Result<RateReport, SearchError> {
    let meter = Meter::start(&request.budget);
    let window = request.window.and(window_of(&request.query));
    let scan = Scan { snapshot, query: &request.query, window, meter: &meter, shift: 0 };
    let (counters, effort) = scan.run(|| Counter::new(request))?;
    let mut all = Counter::new(request);
    counters.into_iter().for_each(|counter| all.merge(counter));
    more(&mut all, &scan)?;
    let is_cut = all.endings.is_cut();
    let mut report = all.report();
    let too_many = || format!("more than {} workflows ended; some are not counted", request.budget.groups);
    report.partial = meter.reason().map(|cut| cut.to_string()).or_else(|| is_cut.then(too_many));
    report.damaged = effort.damaged;
    Ok(report)
}

/// Counts for one thread.
struct Counter<'a> {
    request: &'a RateRequest,
    groups: HashMap<Box<str>, BTreeMap<i64, Counts>>,
    endings: Endings<Option<Box<str>>>,
}

impl Visit for Counter<'_> {
    fn hits(&mut self, hits: &mut Hits<'_>) -> Result<(), SearchError> {
        let heads = Columns { named: 1 << EVENT | self.request.by.column(), ..Columns::default() };
        let mut counting = Counting { counter: self, any_ending: false };
        hits.rows(&heads, &mut counting)?;
        if counting.any_ending || self.request.by == By::WorkflowType {
            let ids = heads.and(&Columns { named: 1 << WORKFLOW_ID, ..Columns::default() });
            hits.rows(&ids, &mut Workflows(self))?;
        }
        Ok(())
    }
}

/// Looks only at how workflows ended.
struct Ends<'a>(Counter<'a>);

impl Visit for Ends<'_> {
    fn hits(&mut self, hits: &mut Hits<'_>) -> Result<(), SearchError> {
        let named = 1 << EVENT | 1 << WORKFLOW_ID | self.0.request.by.column();
        hits.rows(&Columns { named, ..Columns::default() }, &mut Workflows(&mut self.0))
    }
}

/// Counts rows by group and step.
struct Counting<'c, 'a> {
    counter: &'c mut Counter<'a>,
    any_ending: bool,
}

impl Take for Counting<'_, '_> {
    fn row<R: Row>(&mut self, _: u64, row: &R) {
        let group = group_of(row, self.counter.request.by).unwrap_or("-");
        let step = self.counter.step_of(row.time());
        self.counter.at(group, step).count(row.level(), 1);
        self.any_ending |= Ending::of(row).is_some();
    }
}

/// Remembers how workflows ended, and their types, which the ending itself may not name.
struct Workflows<'c, 'a>(&'c mut Counter<'a>);

impl Take for Workflows<'_, '_> {
    fn row<R: Row>(&mut self, sequence: u64, row: &R) {
        let id = row.named(WORKFLOW_ID);
        if let (Some(id), Some(kind)) = (id, row.named(WORKFLOW_TYPE)) {
            self.0.endings.note_type(id, kind);
        }
        if let Some(ending) = Ending::of(row) {
            let by = self.0.request.by;
            self.0.endings.end(id, (row.time(), sequence), ending, || group_of(row, by).map(Box::from));
        }
    }
}

fn group_of<R: Row>(row: &R, by: By) -> Option<&str> {
    match by {
        By::None => Some("all"),
        By::Service => row.named(SERVICE),
        By::WorkflowType => row.named(WORKFLOW_TYPE),
        By::Agent => row.named(AGENT),
        By::Level => Some(row.level().name()),
    }
}

impl By {
    /// The part of entries that they are grouped by.
    pub fn field(self) -> Option<Field> {
        let name = match self {
            By::None => return None,
            By::Service => "service",
            By::WorkflowType => "workflow_type",
            By::Agent => "agent",
            By::Level => "level",
        };
        Some(Field::from_name(name))
    }

    /// The bit of its named column.
    fn column(self) -> u16 {
        match self {
            By::None | By::Level => 0,
            By::Service => 1 << SERVICE,
            By::WorkflowType => 1 << WORKFLOW_TYPE,
            By::Agent => 1 << AGENT,
        }
    }
}

impl<'a> Counter<'a> {
    fn new(request: &'a RateRequest) -> Counter<'a> {
        Counter { request, groups: HashMap::new(), endings: Endings::new(request.budget.groups) }
    }

    fn step_of(&self, time: i64) -> i64 {
        step_start(time, self.request.step)
    }

    fn at(&mut self, group: &str, step: i64) -> &mut Counts {
        if !self.groups.contains_key(group) {
            self.groups.insert(group.into(), BTreeMap::new());
        }
        self.groups.entry(group.into()).or_default().entry(step).or_default()
    }

    fn take_bundle(&mut self, bundle: &Bundle) {
        let group = group_of(&bundle.like, self.request.by).unwrap_or("-");
        let step = self.step_of(bundle.like.time);
        self.at(group, step).count(bundle.like.level, bundle.count);
    }

    fn merge(&mut self, other: Counter<'a>) {
        for (group, steps) in other.groups {
            let own = self.groups.entry(group).or_default();
            steps.iter().for_each(|(step, counts)| own.entry(*step).or_default().add(counts));
        }
        self.endings.merge(other.endings);
    }

    fn report(mut self) -> RateReport {
        let by = self.request.by;
        let endings = std::mem::replace(&mut self.endings, Endings::new(0));
        for (last, kind, failed) in endings.finish(|group| group.is_none() && by == By::WorkflowType) {
            let group = last.group.or(kind).unwrap_or_else(|| "-".into());
            let step = self.step_of(last.at.0);
            let counts = self.at(&group, step);
            counts.finished += 1;
            counts.failed += u64::from(failed);
        }
        let groups = self.groups.into_iter().map(|(group, steps)| (group.into(), steps)).collect();
        RateReport { groups, ..RateReport::default() }
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
            "damaged": self.damaged,
            "groups": self.groups.iter().map(group).collect::<Vec<_>>(),
        })
    }
}
