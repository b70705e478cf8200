//! One workflow by its id, with the errors that were logged in it.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::list::{Gathering, Lives};
use super::{Clock, Life, Workflow};
use crate::query::Query;
use crate::record::column::{AGENT, LOGGER, WORKFLOW_ID};
use crate::record::{Columns, Row};
use crate::search::budget::Meter;
use crate::search::scan::{Hits, Scan, Take, Visit};
use crate::search::{Budget, Effort, SearchError, Window};
use crate::store::Snapshot;
use crate::sys::clock::SECOND;

/// Errors that are told of a workflow.
const MAX_ERRORS: usize = 50;
/// An error of the session so long after the workflow's last entry may be its own.
const LINGER: i64 = 5 * SECOND;
/// Ids that are named where there is none of this name.
const MAX_NEAR: usize = 5;
/// Ids by thread that those are chosen from.
const MAX_LIKE: usize = 1000;
/// So much of an id must be right for it to be near.
const MIN_HEAD: usize = 4;

/// The answer.
#[derive(Debug)]
pub struct One {
    pub workflow: Option<Workflow>,
    /// Where there is none: ids that are like it, or that belong to the session of this name.
    pub near: Vec<String>,
    pub partial: Option<String>,
    pub effort: Effort,
}

impl One {
    /// The answer for machines.
    pub fn to_json(&self) -> Json {
        json!({ "workflow": self.workflow, "partial": self.partial, "effort": self.effort })
    }

    /// What to tell where there is none.
    pub fn missing(&self, id: &str) -> String {
        let hint = match self.near.is_empty() {
            true => "`logmill workflows` lists those there are".to_owned(),
            false => format!("there are {}", self.near.join(", ")),
        };
        format!("no entry names the workflow {id:?}; {hint}")
    }
}

/// The life of the workflow `id`, to the letter.
pub fn workflow(snapshot: &Snapshot, id: &str, clock: Clock, budget: &Budget) -> Result<One, SearchError> {
    let meter = Meter::start(budget);
    let (lives, effort) = (Lives::default(), Effort::default());
    let mut gathering = Gathering { snapshot, meter: &meter, samples: MAX_ERRORS, lives, effort };
    gathering.gather(&Query::of_values("workflow_id", [id]), Window::ALL, None)?;
    let mut effort = gathering.effort;
    let life = gathering.lives.by_id.remove(id);
    let (workflow, near) = match life {
        Some(mut life) => {
            of_sessions(snapshot, &mut life, &meter, &mut effort)?;
            (Some(Workflow::tell(id, life, clock)), Vec::new())
        }
        None => (None, near(snapshot, id, &meter, &mut effort)?),
    };
    Ok(One { workflow, near, partial: meter.reason().map(|cut| cut.to_string()), effort })
}

/// Adds the errors of its sessions that name no workflow, from its time.
fn of_sessions(snapshot: &Snapshot, life: &mut Life, meter: &Meter, effort: &mut Effort) -> Result<(), SearchError> {
    if life.sessions.is_empty() {
        return Ok(());
    }
    let query = Query::of_values("session_id", life.sessions.iter().map(|session| &**session));
    let window = Window { since: life.seen.0, until: life.seen.1.saturating_add(LINGER) };
    let scan = Scan { snapshot, query: &query, window, meter, shift: 0 };
    let (found, more) = scan.run(|| SessionErrors(Life::new(MAX_ERRORS)))?;
    effort.add(&more);
    found.into_iter().for_each(|found| life.samples.merge(found.0.samples));
    Ok(())
}

struct SessionErrors(Life);

impl Visit for SessionErrors {
    fn hits(&mut self, hits: &mut Hits<'_>) -> Result<(), SearchError> {
        let named = 1 << WORKFLOW_ID | 1 << LOGGER | 1 << AGENT;
        hits.rows(&Columns { named, message: true, ..Columns::default() }, self)
    }
}

impl Take for SessionErrors {
    fn row<R: Row>(&mut self, sequence: u64, row: &R) {
        if row.level().is_error() && row.named(WORKFLOW_ID).is_none() {
            self.0.take_of_session(sequence, row);
        }
    }
}

/// Ids with the same head, or of a session of this name.
fn near(snapshot: &Snapshot, id: &str, meter: &Meter, effort: &mut Effort) -> Result<Vec<String>, SearchError> {
    let mut ids = Vec::new();
    let head = &id[..id.floor_char_boundary((id.len() * 2 / 3).max(MIN_HEAD))];
    let is_plain = head.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    let begins = is_plain.then(|| format!("workflow_id:{head}*").parse::<Query>().ok()).flatten();
    for query in std::iter::once(Query::of_values("session_id", [id])).chain(begins) {
        let scan = Scan { snapshot, query: &query, window: Window::ALL, meter, shift: 0 };
        let (found, more) = scan.run(|| Near(BTreeSet::new()))?;
        effort.add(&more);
        ids.extend(found.into_iter().flat_map(|near| near.0));
    }
    ids.sort_by(|a, b| same_head(b, id).cmp(&same_head(a, id)).then_with(|| a.cmp(b)));
    ids.dedup();
    ids.truncate(MAX_NEAR);
    Ok(ids)
}

/// How far two ids are the same.
fn same_head(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

struct Near(BTreeSet<String>);

impl Visit for Near {
    fn hits(&mut self, hits: &mut Hits<'_>) -> Result<(), SearchError> {
        if self.0.len() < MAX_LIKE {
            hits.rows(&Columns { named: 1 << WORKFLOW_ID, ..Columns::default() }, self)?;
        }
        Ok(())
    }
}

impl Take for Near {
    fn row<R: Row>(&mut self, _: u64, row: &R) {
        let Some(id) = row.named(WORKFLOW_ID).filter(|id| !self.0.contains(*id)) else { return };
        if self.0.len() < MAX_LIKE {
            self.0.insert(id.to_owned());
        }
    }
}
