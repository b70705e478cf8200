//! Which workflows there are: those of which an entry matches, each with its whole life.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::event::columns;
use super::{Clock, Life, Outcome, Workflow};
use crate::query::Query;
use crate::record::column::WORKFLOW_ID;
use crate::record::{Columns, Row};
use crate::search::budget::{Cut, Meter};
use crate::search::entries::window_of;
use crate::search::scan::{Hits, Scan, Take, Visit};
use crate::search::{Budget, Effort, SearchError, Window};
use crate::store::Snapshot;

/// With so few ids their entries are looked for one by one, and else in all entries.
const FEW: usize = 200;
/// Of more workflows than this, that reach beyond the window, no other part is looked for.
const MAX_COMPLETED: usize = 1000;
/// Workflows that are sorted and cut at once.
const BATCH: usize = 1000;

/// What to list.
#[derive(Clone, Debug)]
pub struct ListRequest {
    /// Workflows of which an entry matches, within the window.
    pub query: Query,
    pub window: Window,
    /// None is all.
    pub outcomes: Vec<Outcome>,
    pub kind: Option<String>,
    pub agent: Option<String>,
    pub sort: Sort,
    /// The other way round.
    pub reverse: bool,
    pub limit: usize,
    pub clock: Clock,
    pub budget: Budget,
}

/// The order of a list: newest, longest and most first; words by the alphabet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    #[default]
    Start,
    End,
    Duration,
    Retries,
    Errors,
    Lines,
    Type,
    Id,
}

/// The answer.
#[derive(Debug, Default)]
pub struct List {
    pub workflows: Vec<Workflow>,
    /// All that matched, by outcome, also those beyond the limit.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Why workflows are missing.
    pub partial: Option<String>,
    /// What else to know of the answer.
    pub notes: Vec<String>,
    pub effort: Effort,
}

/// Lists workflows. One of which an entry lies within the window is told as a whole, also what lies outside.
pub fn workflows(snapshot: &Snapshot, request: &ListRequest) -> Result<List, SearchError> {
    let meter = Meter::start(&request.budget);
    let window = request.window.and(window_of(&request.query));
    let mut gathering =
        Gathering { snapshot, meter: &meter, samples: 0, lives: Lives::default(), effort: Effort::default() };
    if request.query.is_all() {
        gathering.gather(&Query::all(), window, None)?;
    } else {
        let ids = gathering.ids(&request.query, window)?;
        gathering.gather_of(&ids, window)?;
    }
    let mut notes = Vec::new();
    gathering.complete(window, &mut notes)?;
    let Gathering { lives, effort, .. } = gathering;
    let mut list = choose(lives.by_id, request);
    list.partial = meter.reason().map(|cut| cut.to_string());
    if list.partial.is_none() && lives.cut {
        list.partial = Some(format!(
            "there are more workflows than {}, or more of them to remember than fits; take a shorter time",
            request.budget.groups
        ));
    }
    list.notes = notes;
    list.effort = effort;
    Ok(list)
}

impl List {
    /// The answer for machines.
    pub fn to_json(&self) -> Json {
        let outcomes: serde_json::Map<String, Json> =
            self.outcomes.iter().map(|(outcome, count)| (outcome.name().to_owned(), json!(count))).collect();
        json!({
            "workflows": self.workflows,
            "outcomes": outcomes,
            "partial": self.partial,
            "notes": self.notes,
            "effort": self.effort,
        })
    }
}

/// Tells the lives, and keeps the first so many that were asked for.
fn choose(lives: HashMap<Box<str>, Life>, request: &ListRequest) -> List {
    let mut list = List::default();
    let compare = |a: &Workflow, b: &Workflow| {
        let order = request.sort.compare(a, b);
        (if request.reverse { order.reverse() } else { order }).then_with(|| a.id.cmp(&b.id))
    };
    for (id, life) in lives {
        if request.agent.as_deref().is_some_and(|agent| !life.agents.contains_key(agent)) {
            continue;
        }
        let workflow = Workflow::tell(&id, life, request.clock);
        let is_of_type = request.kind.is_none() || workflow.kind == request.kind;
        if !is_of_type || !(request.outcomes.is_empty() || request.outcomes.contains(&workflow.outcome)) {
            continue;
        }
        *list.outcomes.entry(workflow.outcome).or_default() += 1;
        list.workflows.push(workflow);
        if list.workflows.len() >= request.limit.saturating_add(BATCH) {
            list.workflows.sort_by(compare);
            list.workflows.truncate(request.limit);
        }
    }
    list.workflows.sort_by(compare);
    list.workflows.truncate(request.limit);
    list
}

impl Sort {
    fn compare(self, a: &Workflow, b: &Workflow) -> Ordering {
        match self {
            Sort::Start => b.begun().cmp(&a.begun()),
            Sort::End => b.end.cmp(&a.end),
            Sort::Duration => {
                let of = |workflow: &Workflow| workflow.duration_ms.unwrap_or(-1.0);
                of(b).total_cmp(&of(a))
            }
            Sort::Retries => b.retries.cmp(&a.retries),
            Sort::Errors => b.errors.cmp(&a.errors),
            Sort::Lines => b.lines_of_code.cmp(&a.lines_of_code),
            Sort::Type => a.kind.cmp(&b.kind),
            Sort::Id => a.id.cmp(&b.id),
        }
    }
}

/// Lives by workflow, and what they take in memory.
#[derive(Default)]
pub(super) struct Lives {
    pub by_id: HashMap<Box<str>, Life>,
    bytes: usize,
    cut: bool,
}

impl Lives {
    fn take<R: Row>(&mut self, id: &str, samples: usize, meter: &Meter, (sequence, row): (u64, &R)) {
        let limits = meter.budget();
        if let Some(life) = self.by_id.get_mut(id) {
            let before = life.size();
            life.take(sequence, row);
            self.bytes = (self.bytes + life.size()).saturating_sub(before);
            self.bound(meter);
        } else if self.by_id.len() >= limits.groups || self.bytes >= limits.result_bytes {
            self.cut = true;
        } else {
            let mut life = Life::new(samples);
            life.take(sequence, row);
            self.bytes += life.size() + id.len();
            self.by_id.insert(id.into(), life);
        }
    }

    /// Lives that are remembered grow on. Past twice the budget, where new ones are refused, the question ends.
    fn bound(&self, meter: &Meter) {
        let most = meter.budget().result_bytes;
        if self.bytes > most.saturating_mul(2) {
            meter.cut(Cut::Result(most));
        }
    }

    fn merge(&mut self, other: Lives, meter: &Meter) {
        let limits = meter.budget();
        self.cut |= other.cut;
        for (id, life) in other.by_id {
            let size = life.size();
            if let Some(known) = self.by_id.get_mut(&id) {
                known.merge(life);
            } else if self.by_id.len() >= limits.groups || self.bytes >= limits.result_bytes {
                self.cut = true;
                continue;
            } else {
                self.by_id.insert(id, life);
            }
            self.bytes += size;
        }
        self.bound(meter);
    }
}

/// Gathers lives by one scan after the other.
pub(super) struct Gathering<'a> {
    pub snapshot: &'a Snapshot,
    pub meter: &'a Meter,
    /// Errors that are kept of a workflow.
    pub samples: usize,
    pub lives: Lives,
    pub effort: Effort,
}

impl Gathering<'_> {
    /// Takes the entries that match, of all workflows or of some.
    pub fn gather(
        &mut self,
        query: &Query,
        window: Window,
        only: Option<&HashSet<Box<str>>>,
    ) -> Result<(), SearchError> {
        let scan = Scan { snapshot: self.snapshot, query, window, meter: self.meter, shift: 0 };
        let (meter, samples) = (self.meter, self.samples);
        let (gatherers, effort) = scan.run(|| Gatherer { only, samples, meter, lives: Lives::default() })?;
        self.effort.add(&effort);
        gatherers.into_iter().for_each(|gatherer| self.lives.merge(gatherer.lives, meter));
        Ok(())
    }

    fn gather_of(&mut self, ids: &HashSet<Box<str>>, window: Window) -> Result<(), SearchError> {
        match ids.len() {
            0 => Ok(()),
            1..=FEW => self.gather(&Query::of_values("workflow_id", ids.iter().map(|id| &**id)), window, None),
            _ => self.gather(&Query::all(), window, Some(ids)),
        }
    }

    /// The workflows of which an entry matches.
    fn ids(&mut self, query: &Query, window: Window) -> Result<HashSet<Box<str>>, SearchError> {
        let scan = Scan { snapshot: self.snapshot, query, window, meter: self.meter, shift: 0 };
        let most = self.meter.budget().groups;
        let (found, effort) = scan.run(|| Ids { ids: HashSet::new(), most, cut: false })?;
        self.effort.add(&effort);
        let mut ids = HashSet::new();
        for found in found {
            self.lives.cut |= found.cut;
            ids.extend(found.ids);
        }
        Ok(ids)
    }

    /// Whether there may be entries from one time to another.
    fn has_entries(&self, window: Window) -> bool {
        let is_stored = self.snapshot.partitions.iter().any(|partition| {
            let times = partition.summary.as_ref().map(|summary| summary.oldest_time.zip(summary.newest_time));
            times.is_none_or(|times| times.is_some_and(|(first, last)| window.overlaps(first, last)))
        });
        let waiting = &mut self.snapshot.waiting.iter().map(|block| (block.stats.first_time, block.stats.last_time));
        window.since < window.until
            && (is_stored
                || waiting.any(|(first, last)| window.overlaps(first, last))
                || self.snapshot.open.iter().any(|(_, entry)| window.contains(entry.time)))
    }

    /// Looks for starts before the window, and for ends after it.
    fn complete(&mut self, window: Window, notes: &mut Vec<String>) -> Result<(), SearchError> {
        let lacking = |lacks: fn((bool, bool)) -> bool| -> Vec<Box<str>> {
            let open = self.lives.by_id.iter().filter(|(_, life)| lacks(life.has_start_and_end()));
            open.map(|(id, _)| id.clone()).collect()
        };
        let sides = [
            (lacking(|(start, _)| !start), Window { since: i64::MIN, until: window.since }, "start before"),
            (lacking(|(_, end)| !end), Window { since: window.until, until: i64::MAX }, "end after"),
        ];
        for (ids, outside, what) in sides {
            if ids.is_empty() || !self.has_entries(outside) {
                continue;
            }
            if ids.len() > MAX_COMPLETED {
                let count = ids.len();
                notes.push(format!("{count} workflows may {what} the time that was asked for; that was not looked at"));
                continue;
            }
            for few in ids.chunks(FEW) {
                self.gather(&Query::of_values("workflow_id", few.iter().map(|id| &**id)), outside, None)?;
            }
        }
        Ok(())
    }
}

/// Gathers for one thread.
struct Gatherer<'a> {
    only: Option<&'a HashSet<Box<str>>>,
    samples: usize,
    meter: &'a Meter,
    lives: Lives,
}

impl Visit for Gatherer<'_> {
    fn hits(&mut self, hits: &mut Hits<'_>) -> Result<(), SearchError> {
        let mut looking = Looking { only: self.only, any: false };
        hits.rows(&Columns { named: 1 << WORKFLOW_ID, ..Columns::default() }, &mut looking)?;
        if !looking.any {
            return Ok(());
        }
        let mut columns = columns();
        if self.samples > 0 {
            columns = columns.and(&Columns {
                named: 1 << crate::record::column::LOGGER,
                message: true,
                ..Columns::default()
            });
        }
        hits.rows(&columns, self)
    }
}

impl Take for Gatherer<'_> {
    fn row<R: Row>(&mut self, sequence: u64, row: &R) {
        if let Some(id) = wanted(row, self.only) {
            self.lives.take(id, self.samples, self.meter, (sequence, row));
        }
    }
}

fn wanted<'r, R: Row>(row: &'r R, only: Option<&HashSet<Box<str>>>) -> Option<&'r str> {
    row.named(WORKFLOW_ID).filter(|id| only.is_none_or(|only| only.contains(*id)))
}

/// Whether there is anything of them in a block, so that no more is decoded of others.
struct Looking<'a> {
    only: Option<&'a HashSet<Box<str>>>,
    any: bool,
}

impl Take for Looking<'_> {
    fn row<R: Row>(&mut self, _: u64, row: &R) {
        self.any = self.any || wanted(row, self.only).is_some();
    }
}

struct Ids {
    ids: HashSet<Box<str>>,
    most: usize,
    cut: bool,
}

impl Visit for Ids {
    fn hits(&mut self, hits: &mut Hits<'_>) -> Result<(), SearchError> {
        hits.rows(&Columns { named: 1 << WORKFLOW_ID, ..Columns::default() }, self)
    }
}

impl Take for Ids {
    fn row<R: Row>(&mut self, _: u64, row: &R) {
        let Some(id) = row.named(WORKFLOW_ID).filter(|id| !self.ids.contains(*id)) else { return };
        if self.ids.len() < self.most {
            self.ids.insert(id.into());
        } else {
            self.cut = true;
        }
    }
}
