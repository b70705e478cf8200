//! A workflow's life as it is told to people and programs, with what is missing or odd about it.

use serde::{Deserialize, Serialize, Serializer};

use super::course::{self, Attempt, Phase, SAME, course};
use super::event::Ending;
use super::kept::At;
use super::life::{self, Life, Sample};
use crate::record::timestamp;
use crate::sys::units::Span;

/// How a workflow, an attempt or a phase stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Completed,
    Failed,
    Cancelled,
    /// It has not ended, and there are recent entries.
    Running,
    /// It has not ended, and nothing was heard of it for longer than is usual.
    Stalled,
    /// Of an attempt or a phase: it has no end, and what came next began.
    Interrupted,
}

/// A workflow as JSON. Times are RFC 3339; durations are milliseconds; what is not known is null.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Workflow {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub outcome: Outcome,
    /// Of the first attempt.
    #[serde(serialize_with = "time")]
    pub start: Option<i64>,
    /// Of the last attempt.
    #[serde(serialize_with = "time")]
    pub end: Option<i64>,
    /// Of the only attempt as it was logged, or else from start to end.
    pub duration_ms: Option<f64>,
    #[serde(serialize_with = "time")]
    pub first_seen: Option<i64>,
    #[serde(serialize_with = "time")]
    pub last_seen: Option<i64>,
    pub entries: u64,
    /// Entries at error or above.
    pub errors: u64,
    pub retries: u64,
    pub lines_of_code: Option<u64>,
    /// Why it failed, or was cancelled.
    pub error: Option<String>,
    pub sessions: Vec<String>,
    pub attempts: Vec<AttemptTold>,
    /// The longest at work first.
    pub agents: Vec<AgentTold>,
    /// The first errors as they were logged, where they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub error_entries: Vec<ErrorTold>,
    /// What is missing or odd.
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AttemptTold {
    pub outcome: Outcome,
    #[serde(serialize_with = "time")]
    pub start: Option<i64>,
    #[serde(serialize_with = "time")]
    pub end: Option<i64>,
    pub duration_ms: Option<f64>,
    pub error: Option<String>,
    pub phases: Vec<PhaseTold>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PhaseTold {
    pub phase: Option<String>,
    pub outcome: Outcome,
    #[serde(serialize_with = "time")]
    pub start: Option<i64>,
    #[serde(serialize_with = "time")]
    pub end: Option<i64>,
    pub duration_ms: Option<f64>,
    pub retries: u64,
    pub lines_of_code: Option<u64>,
    pub error: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AgentTold {
    pub agent: String,
    pub calls: u64,
    pub runs: u64,
    pub time_ms: f64,
    /// Of the time of all agents.
    pub share: Option<f64>,
    pub entries: u64,
    pub errors: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ErrorTold {
    #[serde(serialize_with = "time")]
    pub timestamp: Option<i64>,
    pub level: &'static str,
    pub logger: Option<String>,
    pub agent: Option<String>,
    pub message: String,
    /// The entry does not name the workflow, but one of its sessions.
    pub by_session: bool,
}

/// When a workflow without an end is taken for stalled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    pub now: i64,
    /// Without an entry for longer than this, nanoseconds.
    pub stalled_after: i64,
}

fn time<S: Serializer>(time: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(timestamp).serialize(serializer)
}

fn milliseconds(nanoseconds: Option<u64>) -> Option<f64> {
    nanoseconds.map(|n| n as f64 / 1e6)
}

fn own(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

fn span(nanoseconds: i64) -> Span {
    Span(std::time::Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(0)))
}

impl Outcome {
    pub const OF_WORKFLOWS: [Outcome; 5] =
        [Outcome::Completed, Outcome::Failed, Outcome::Cancelled, Outcome::Running, Outcome::Stalled];

    pub fn name(self) -> &'static str {
        match self {
            Outcome::Completed => "completed",
            Outcome::Failed => "failed",
            Outcome::Cancelled => "cancelled",
            Outcome::Running => "running",
            Outcome::Stalled => "stalled",
            Outcome::Interrupted => "interrupted",
        }
    }

    fn of(ending: Ending) -> Outcome {
        match ending {
            Ending::Completed => Outcome::Completed,
            Ending::Failed => Outcome::Failed,
            Ending::Cancelled => Outcome::Cancelled,
        }
    }
}

impl Workflow {
    /// The story of what is remembered.
    pub fn tell(id: &str, life: Life, clock: Clock) -> Workflow {
        let mut notes = Vec::new();
        let is_cut = life.milestones.is_cut() || life.steps.is_cut();
        let mut marks = life.milestones.into_sorted();
        marks.extend(life.steps.into_sorted());
        marks.sort_by_key(|(at, _)| *at);
        let attempts = course(marks);
        let quiet = clock.now.saturating_sub(life.seen.1);
        let unended = if quiet > clock.stalled_after { Outcome::Stalled } else { Outcome::Running };
        notes_on(&attempts, life.seen, (unended, quiet), &mut notes);
        if life.types.len() > 1 {
            let types: Vec<&str> = life.types.iter().map(|kind| &**kind).collect();
            notes.push(format!("its entries name several types: {}", types.join(", ")));
        }
        if is_cut {
            notes.push("it has more events than are remembered; phases or attempts are missing here".to_owned());
        }
        let told = told(&attempts, unended);
        let ended = attempts.last().and_then(Attempt::last_end);
        let (start, end) = (attempts.first().and_then(|attempt| attempt.start), ended.map(|end| end.at));
        let duration_ns = match &attempts[..] {
            [only] => only.duration_ns(),
            _ => start.zip(end).and_then(|(start, end)| course::since(start, end)),
        };
        Workflow {
            id: id.to_owned(),
            kind: own(life.types.first().map(|kind| &**kind)),
            outcome: ended.map_or(unended, |end| Outcome::of(end.ending)),
            start: start.map(|at| at.0),
            end: end.map(|at| at.0),
            duration_ms: milliseconds(duration_ns),
            first_seen: Some(life.seen.0),
            last_seen: Some(life.seen.1),
            entries: life.entries,
            errors: life.errors,
            retries: life.retries,
            lines_of_code: course::lines(&attempts).or(life.lines),
            error: told.last().and_then(|attempt| attempt.error.clone()),
            sessions: life.sessions.iter().map(|session| session.to_string()).collect(),
            attempts: told,
            agents: agents(&life.agents),
            error_entries: life.samples.into_sorted().into_iter().map(ErrorTold::of).collect(),
            notes,
        }
    }

    /// When it began, as far as that is known.
    pub fn begun(&self) -> i64 {
        self.start.or(self.first_seen).unwrap_or(i64::MIN)
    }
}

fn told(attempts: &[Attempt], unended: Outcome) -> Vec<AttemptTold> {
    let last = attempts.len().saturating_sub(1);
    let tell = |(place, attempt): (usize, &Attempt)| {
        let without_end = if place == last { unended } else { Outcome::Interrupted };
        AttemptTold::of(attempt, without_end)
    };
    attempts.iter().enumerate().map(tell).collect()
}

impl AttemptTold {
    fn of(attempt: &Attempt, without_end: Outcome) -> AttemptTold {
        let end = attempt.last_end();
        let of_phase = if end.is_some() { Outcome::Interrupted } else { without_end };
        let phases = attempt.phases.iter().enumerate();
        let is_last = |place: usize| {
            let name = &attempt.phases[place].name;
            !attempt.phases[place + 1..].iter().any(|later| later.name == *name)
        };
        AttemptTold {
            outcome: end.map_or(without_end, |end| Outcome::of(end.ending)),
            start: attempt.start.map(|at| at.0),
            end: end.map(|end| end.at.0),
            duration_ms: milliseconds(attempt.duration_ns()),
            error: end.and_then(|end| own(end.error.as_deref())),
            phases: phases
                .map(|(place, phase)| {
                    PhaseTold::of(phase, if is_last(place) { of_phase } else { Outcome::Interrupted })
                })
                .collect(),
        }
    }
}

impl PhaseTold {
    fn of(phase: &Phase, without_end: Outcome) -> PhaseTold {
        let end = phase.end.as_ref();
        PhaseTold {
            phase: own(phase.name.as_deref()),
            outcome: end.map_or(without_end, |end| Outcome::of(end.ending)),
            start: phase.start.map(|at| at.0),
            end: end.map(|end| end.at.0),
            duration_ms: milliseconds(phase.duration_ns()),
            retries: phase.retries,
            lines_of_code: end.and_then(|end| end.lines),
            error: end.and_then(|end| own(end.error.as_deref())),
        }
    }
}

impl ErrorTold {
    fn of((at, sample): (At, Sample)) -> ErrorTold {
        ErrorTold {
            timestamp: Some(at.0),
            level: sample.level.name(),
            logger: own(sample.logger.as_deref()),
            agent: own(sample.agent.as_deref()),
            message: sample.message.into(),
            by_session: sample.by_session,
        }
    }
}

fn agents(all: &std::collections::BTreeMap<Box<str>, life::Agent>) -> Vec<AgentTold> {
    let total = all.values().fold(0u64, |sum, agent| sum.saturating_add(agent.spent_ns()));
    let mut agents: Vec<(&str, &life::Agent)> = all.iter().map(|(name, agent)| (&**name, agent)).collect();
    agents.sort_by_key(|(_, agent)| std::cmp::Reverse(agent.spent_ns()));
    let tell = |(name, agent): (&str, &life::Agent)| AgentTold {
        agent: name.to_owned(),
        calls: agent.calls,
        runs: agent.runs,
        time_ms: agent.spent_ns() as f64 / 1e6,
        share: (total > 0).then(|| agent.spent_ns() as f64 / total as f64),
        entries: agent.entries,
        errors: agent.errors,
    };
    agents.into_iter().map(tell).collect()
}

/// What is missing or odd. Entries were seen between two times; what has no end is `unended`, for so long.
fn notes_on(attempts: &[Attempt], seen: (i64, i64), (unended, quiet): (Outcome, i64), notes: &mut Vec<String>) {
    let Some((first, last)) = attempts.first().zip(attempts.last()) else {
        notes.push("no event tells of its start, its phases or its end".to_owned());
        return;
    };
    for (place, attempt) in attempts.iter().enumerate() {
        let of = if attempts.len() > 1 { format!("attempt {}: ", place + 1) } else { String::new() };
        notes_on_attempt(attempt, &of, place + 1 < attempts.len(), notes);
    }
    if attempts.iter().any(|attempt| attempt.skew() > SAME) {
        // What follows compares times, which say nothing then.
        return;
    }
    match last.last_end() {
        None if unended == Outcome::Stalled => {
            notes.push(format!("it has not ended, and there was no entry for {}", span(quiet)));
        }
        Some(end) if seen.1.saturating_sub(end.at.0) > SAME => {
            notes.push(format!("entries came until {} after its end", span(seen.1 - end.at.0)));
        }
        _ => {}
    }
    if let Some(start) = first.start.filter(|start| start.0.saturating_sub(seen.0) > SAME) {
        notes.push(format!("entries came from {} before its start on", span(start.0 - seen.0)));
    }
}

fn notes_on_attempt(attempt: &Attempt, of: &str, has_next: bool, notes: &mut Vec<String>) {
    let mut note = |text: String| notes.push(format!("{of}{text}"));
    if attempt.start.is_none() {
        note("its start was not logged".to_owned());
    }
    let Some(end) = attempt.last_end() else {
        if has_next {
            note("it has no end, and the next one began".to_owned());
        }
        return;
    };
    if attempt.skew() > SAME {
        note(format!("its end has a time {} before its start: clocks differ", span(attempt.skew())));
    }
    let others = attempt.ends.iter().filter(|other| other.ending != end.ending);
    for other in others {
        let (before, last) = (Outcome::of(other.ending).name(), Outcome::of(end.ending).name());
        note(format!("it was told as {before} at {} and as {last} later; the last counts", timestamp(other.at.0)));
    }
    let (told, measured) = (end.duration_ns, attempt.start.and_then(|start| course::since(start, end.at)));
    if let (Some(told), Some(measured)) = (told, measured)
        && told.abs_diff(measured) > (told / 10).max(2 * SAME as u64)
    {
        let text = |n: u64| span(i64::try_from(n).unwrap_or(i64::MAX)).to_string();
        note(format!("it says that it took {}, but {} lie between start and end", text(told), text(measured)));
    }
    if end.ending == Ending::Completed {
        let open = attempt.phases.iter().filter(|phase| phase.end.is_none());
        for phase in open {
            note(format!("phase {} has no end", phase.name.as_deref().unwrap_or("without a name")));
        }
    }
    for phase in attempt.phases.iter().filter(|phase| phase.start.is_none()) {
        note(format!("the start of phase {} was not logged", phase.name.as_deref().unwrap_or("without a name")));
    }
}
