//! What is remembered of one workflow while its entries come, in any order and by several threads. Everything here is
//! a sum, an extreme or the first so many, so the order changes nothing; [`course`](super::course) makes a story of it.

use std::collections::{BTreeMap, BTreeSet};

use super::event::{Event, Facts, MAX_TEXT, short};
use super::kept::{At, Kept, Text};
use crate::record::column::{AGENT, LOGGER, SESSION_ID, WORKFLOW_TYPE};
use crate::record::{Level, Row};

/// Starts and ends that are remembered of a workflow, the last ones; phases and retries, the first ones.
const MAX_MILESTONES: usize = 100;
const MAX_STEPS: usize = 1000;
/// Agents and sessions of a workflow, and types it is given: the first by name.
const MAX_AGENTS: usize = 64;
const MAX_SESSIONS: usize = 8;
const MAX_TYPES: usize = 4;
/// Bytes of an error's message.
const MAX_MESSAGE: usize = 2000;

/// See the module.
#[derive(Clone, Debug)]
pub struct Life {
    pub types: BTreeSet<Box<str>>,
    pub sessions: BTreeSet<Box<str>>,
    pub entries: u64,
    pub errors: u64,
    pub retries: u64,
    /// Times of the first and the last entry.
    pub seen: (i64, i64),
    pub milestones: Kept<Mark>,
    pub steps: Kept<Mark>,
    pub agents: BTreeMap<Box<str>, Agent>,
    /// Lines of code that neither an end nor a phase told.
    pub lines: Option<u64>,
    pub samples: Kept<Sample>,
}

/// One event in a workflow's life.
#[derive(Clone, Debug)]
pub struct Mark {
    pub event: Event,
    pub phase: Option<Box<str>>,
    pub duration_ns: Option<u64>,
    pub lines: Option<u64>,
    pub error: Option<Box<str>>,
}

/// What an agent did for a workflow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agent {
    pub entries: u64,
    pub errors: u64,
    /// Times it was asked for something, and how long that took.
    pub calls: u64,
    pub call_ns: u64,
    /// Times it ran, as its performance was measured, and how long.
    pub runs: u64,
    pub run_ns: u64,
}

/// An error as it was logged.
#[derive(Clone, Debug)]
pub struct Sample {
    pub level: Level,
    pub logger: Option<Box<str>>,
    pub agent: Option<Box<str>>,
    pub message: Box<str>,
    /// Found by the session: the entry does not name the workflow.
    pub by_session: bool,
}

impl Life {
    /// Remembers so many errors as they were logged.
    pub fn new(samples: usize) -> Life {
        Life {
            types: BTreeSet::new(),
            sessions: BTreeSet::new(),
            entries: 0,
            errors: 0,
            retries: 0,
            seen: (i64::MAX, i64::MIN),
            milestones: Kept::last(MAX_MILESTONES),
            steps: Kept::first(MAX_STEPS),
            agents: BTreeMap::new(),
            lines: None,
            samples: Kept::first(samples),
        }
    }

    /// Takes an entry that names the workflow, decoded for [`columns`](super::event::columns); for samples with its
    /// message and logger, too.
    pub fn take<R: Row>(&mut self, sequence: u64, row: &R) {
        let at = (row.time(), sequence);
        self.entries += 1;
        self.seen = (self.seen.0.min(at.0), self.seen.1.max(at.0));
        if let Some(kind) = row.named(WORKFLOW_TYPE) {
            note(&mut self.types, kind, MAX_TYPES);
        }
        if let Some(session) = row.named(SESSION_ID) {
            note(&mut self.sessions, session, MAX_SESSIONS);
        }
        let is_error = row.level().is_error();
        if is_error {
            self.errors += 1;
            if self.samples.keeps_any() {
                self.samples.add(at, Sample::of(row, false));
            }
        }
        let (event, agent, facts) = (Event::of(row), row.named(AGENT), Facts::of(row));
        agent.into_iter().for_each(|agent| self.agent(agent, event, &facts, is_error));
        match event {
            Some(Event::Call) | None => self.lines = sum(self.lines, facts.lines),
            Some(event) => self.mark(at, event, agent, facts),
        }
    }

    fn mark(&mut self, at: At, event: Event, agent: Option<&str>, facts: Facts) {
        let Facts { phase, error, lines, duration_ns, .. } = facts;
        let phase = phase.or_else(|| agent.map(|agent| short(agent, MAX_TEXT)));
        let mark = Mark { event, phase, duration_ns, lines, error };
        match event {
            Event::Started | Event::Ended(_) => self.milestones.add(at, mark),
            _ => {
                self.retries += u64::from(event == Event::Retry);
                self.steps.add(at, mark);
            }
        }
    }

    fn agent(&mut self, name: &str, event: Option<Event>, facts: &Facts, is_error: bool) {
        let name = &name[..name.floor_char_boundary(MAX_TEXT)];
        let mut did = Agent { entries: 1, errors: u64::from(is_error), ..Agent::default() };
        let is_run = || facts.operation.as_deref().is_some_and(|operation| operation.starts_with(name));
        match (event, facts.duration_ns) {
            (Some(Event::Call), spent) => (did.calls, did.call_ns) = (1, spent.unwrap_or(0)),
            (None, Some(spent)) if is_run() => (did.runs, did.run_ns) = (1, spent),
            _ => {}
        }
        match self.agents.get_mut(name) {
            Some(agent) => agent.add(&did),
            None => drop(self.agents.insert(name.into(), did)),
        }
        self.bound_agents();
    }

    /// The first by name stay, and those were never left out: what was counted of them is complete.
    fn bound_agents(&mut self) {
        while self.agents.len() > MAX_AGENTS {
            self.agents.pop_last();
        }
    }

    /// Takes an error of one of the workflow's sessions that names no workflow.
    pub fn take_of_session<R: Row>(&mut self, sequence: u64, row: &R) {
        self.samples.add((row.time(), sequence), Sample::of(row, true));
    }

    pub fn merge(&mut self, other: Life) {
        self.entries += other.entries;
        self.errors += other.errors;
        self.retries += other.retries;
        self.seen = (self.seen.0.min(other.seen.0), self.seen.1.max(other.seen.1));
        other.types.iter().for_each(|kind| note(&mut self.types, kind, MAX_TYPES));
        other.sessions.iter().for_each(|session| note(&mut self.sessions, session, MAX_SESSIONS));
        for (name, did) in other.agents {
            self.agents.entry(name).or_default().add(&did);
        }
        self.bound_agents();
        self.lines = sum(self.lines, other.lines);
        self.milestones.merge(other.milestones);
        self.steps.merge(other.steps);
        self.samples.merge(other.samples);
    }

    /// Whether one of its starts, and one of its ends, was seen.
    pub fn has_start_and_end(&self) -> (bool, bool) {
        let has = |test: fn(Event) -> bool| self.milestones.any(|mark| test(mark.event));
        (has(|event| event == Event::Started), has(|event| matches!(event, Event::Ended(_))))
    }

    /// Bytes this takes in memory, near enough to keep budgets by.
    pub fn size(&self) -> usize {
        let kept = self.milestones.size() + self.steps.size() + self.samples.size();
        let names = (self.sessions.len() + self.types.len() + self.agents.len()) * 48;
        size_of::<Life>() + kept + names + self.agents.len() * size_of::<Agent>()
    }
}

impl Text for Mark {
    fn text(&self) -> usize {
        length(&self.phase) + length(&self.error)
    }
}

impl Text for Sample {
    fn text(&self) -> usize {
        length(&self.logger) + length(&self.agent) + self.message.len()
    }
}

fn length(text: &Option<Box<str>>) -> usize {
    text.as_deref().map_or(0, str::len)
}

impl Agent {
    fn add(&mut self, other: &Agent) {
        self.entries += other.entries;
        self.errors += other.errors;
        self.calls += other.calls;
        self.call_ns = self.call_ns.saturating_add(other.call_ns);
        self.runs += other.runs;
        self.run_ns = self.run_ns.saturating_add(other.run_ns);
    }

    /// The time spent in it. A run holds its calls, so where runs were measured they say it alone.
    pub fn spent_ns(&self) -> u64 {
        if self.runs > 0 { self.run_ns } else { self.call_ns }
    }
}

impl Sample {
    fn of(row: &impl Row, by_session: bool) -> Sample {
        let own = |column: usize| row.named(column).map(|text| short(text, MAX_TEXT));
        let message = short(row.message(), MAX_MESSAGE);
        Sample { level: row.level(), logger: own(LOGGER), agent: own(AGENT), message, by_session }
    }
}

fn sum(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.saturating_add(b)),
        (a, b) => a.or(b),
    }
}

/// Adds a name; of too many the first in order stay.
fn note(names: &mut BTreeSet<Box<str>>, name: &str, most: usize) {
    let name = &name[..name.floor_char_boundary(MAX_TEXT)];
    if !names.contains(name) {
        names.insert(name.into());
        if names.len() > most {
            names.pop_last();
        }
    }
}
