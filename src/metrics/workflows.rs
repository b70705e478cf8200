//! Workflows, agents and sessions as numbers: what happens to them is counted when it is read.
//!
//! A number that was counted is not taken back. So of a workflow that is told to have ended twice the first end counts
//! (a search, which sees all entries, takes the last), and one whose end does not name its type has that of an entry
//! before, if there was one.

use serde::{Deserialize, Serialize};

use crate::metrics::recent::Recent;
use crate::metrics::{Family, Kind};
use crate::record::Entry;
use crate::search::{Ending, Event, Facts};
use crate::sys::clock::SECOND;

/// A session is active for so long after its last entry.
const ACTIVE: i64 = 1_800 * SECOND;
/// A workflow that has not ended is open for so long after its last event.
const OPEN: i64 = 86_400 * SECOND;
/// The type of a workflow of which none is known.
const UNKNOWN: &str = "unknown";

const MINUTES: Kind = Kind::Histogram(std::borrow::Cow::Borrowed(&[
    1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0,
]));
const SECONDS: Kind =
    Kind::Histogram(std::borrow::Cow::Borrowed(&[0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0]));

/// What must be remembered between the entries of a workflow.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Known {
    kind: Option<Box<str>>,
    started: bool,
    ended: bool,
    /// Lines of code that its phases told, and that its end may tell once more.
    lines: u64,
}

#[derive(Clone, Debug)]
pub struct Workflows {
    started: Family,
    executions: Family,
    duration: Family,
    retries: Family,
    lines: Family,
    agent: Family,
    call: Family,
    sessions: Family,
    memory: Memory,
}

/// What is kept in a commit besides the numbers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Memory {
    workflows: Recent<Known>,
    sessions: Recent<()>,
}

impl Default for Workflows {
    fn default() -> Workflows {
        let new = Family::new;
        let by_type = ["workflow_type"];
        Workflows {
            started: new(Kind::Counter, "log_workflows_started_total", "Workflows that were started.", &by_type),
            executions: new(
                Kind::Counter,
                "log_workflow_executions_total",
                "Workflows that came to an end, by how.",
                &["workflow_type", "outcome"],
            ),
            duration: new(MINUTES, "log_workflow_duration_seconds", "How long workflows took to their end.", &by_type),
            retries: new(Kind::Counter, "log_workflow_retries_total", "Retries in workflows.", &by_type),
            lines: new(Kind::Counter, "log_generated_code_lines_total", "Lines of code that were generated.", &by_type),
            agent: new(SECONDS, "log_agent_duration_seconds", "How long agents worked on a step.", &["agent"]),
            call: new(SECONDS, "log_agent_call_duration_seconds", "How long agents waited for a model.", &["agent"]),
            sessions: new(Kind::Counter, "log_sessions_total", "Sessions that were seen.", &[]),
            memory: Memory::default(),
        }
    }
}

impl Workflows {
    pub fn observe(&mut self, entry: &Entry) {
        if let Some(session) = &entry.session_id
            && self.memory.sessions.seen(session, entry.time).1
        {
            self.sessions.add(&[], 1.0);
        }
        let event = Event::of(entry);
        if event.is_none() && (entry.agent.is_none() || entry.duration_ms.is_none()) {
            return;
        }
        let facts = Facts::of(entry);
        self.agent(entry, event, &facts);
        self.workflow(entry, event, &facts);
    }

    fn agent(&mut self, entry: &Entry, event: Option<Event>, facts: &Facts) {
        let (Some(agent), Some(duration)) = (&entry.agent, facts.duration_ns) else { return };
        let is_step = |operation: &str| operation.ends_with("_execution") || operation == &**agent;
        match event {
            Some(Event::Call) => self.call.observe(&[agent], seconds(duration)),
            None if facts.operation.as_deref().is_some_and(is_step) => self.agent.observe(&[agent], seconds(duration)),
            _ => {}
        }
    }

    fn workflow(&mut self, entry: &Entry, event: Option<Event>, facts: &Facts) {
        let mut nameless = Known::default();
        let known = match &entry.workflow_id {
            Some(id) => self.memory.workflows.seen(id, entry.time).0,
            None => &mut nameless,
        };
        if entry.workflow_type.is_some() && known.kind.as_deref() != entry.workflow_type.as_deref() {
            known.kind = entry.workflow_type.as_deref().map(Box::from);
        }
        let kind = known.kind.as_deref().unwrap_or(UNKNOWN);
        let lines = facts.lines.unwrap_or(0);
        let new_lines = match event {
            Some(Event::Ended(_)) => lines.saturating_sub(known.lines),
            _ => lines,
        };
        if new_lines > 0 {
            self.lines.add(&[kind], new_lines as f64);
            known.lines += new_lines;
        }
        match event {
            Some(Event::Started) if !std::mem::replace(&mut known.started, true) => {
                self.started.add(&[kind], 1.0);
                // Its first failure, too, shall be an increase: whoever scrapes has seen 0 before.
                self.retries.add(&[kind], 0.0);
                for ending in [Ending::Completed, Ending::Failed, Ending::Cancelled] {
                    self.executions.add(&[kind, outcome(ending)], 0.0);
                }
            }
            Some(Event::Retry) => self.retries.add(&[kind], 1.0),
            Some(Event::Ended(ending)) if !std::mem::replace(&mut known.ended, true) => {
                self.executions.add(&[kind, outcome(ending)], 1.0);
                if let Some(duration) = facts.duration_ns {
                    self.duration.observe(&[kind], seconds(duration));
                }
            }
            _ => {}
        }
    }

    /// The families, with what depends on the time.
    pub fn families(&self) -> impl Iterator<Item = &Family> {
        let Workflows { started, executions, duration, retries, lines, agent, call, sessions, .. } = self;
        [started, executions, duration, retries, lines, agent, call, sessions].into_iter()
    }

    pub fn families_mut(&mut self) -> impl Iterator<Item = &mut Family> {
        let Workflows { started, executions, duration, retries, lines, agent, call, sessions, .. } = self;
        [started, executions, duration, retries, lines, agent, call, sessions].into_iter()
    }

    /// How many workflows and sessions there are at `now`.
    pub fn gauges(&self, now: i64) -> [Family; 2] {
        let help = "Workflows that were started and have not ended.";
        let mut open = Family::new(Kind::Gauge, "log_workflows_open", help, &["workflow_type"]);
        for known in self.memory.workflows.since(now - OPEN) {
            let amount = f64::from(u8::from(known.started && !known.ended));
            // One of which all have ended says 0.
            open.add(&[known.kind.as_deref().unwrap_or(UNKNOWN)], amount);
        }
        let help = "Sessions with an entry in the last 30 minutes.";
        let mut active = Family::new(Kind::Gauge, "log_sessions_active", help, &[]);
        active.set(&[], self.memory.sessions.since(now - ACTIVE).count() as f64);
        [open, active]
    }

    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    pub fn remember(&mut self, memory: Memory) {
        self.memory = memory;
    }
}

fn outcome(ending: Ending) -> &'static str {
    match ending {
        Ending::Completed => "completed",
        Ending::Failed => "failed",
        Ending::Cancelled => "cancelled",
    }
}

fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}
