//! From the events of a workflow, in the order of time, to its attempts and their phases.
//!
//! Logs tell things twice, out of order, or not at all. The rules:
//! - An event that is told again within [`SAME`] is the same one.
//! - A start within [`SAME`] behind an end whose start is not known belongs to it; within [`SKEW`] it does when it
//!   arrived before the end: clocks differ, the order of arrival does not.
//! - A start while an attempt is not over, or after it, begins the next attempt. So does a phase that starts after the
//!   end, by the same measure: that start was not logged.
//! - Of several ends the last one counts.

use super::event::{Ending, Event};
use super::kept::At;
use super::life::Mark;
use crate::sys::clock::SECOND;

/// The same event, from another file or another clock.
pub const SAME: i64 = SECOND;
/// Clocks are not further apart.
const SKEW: i64 = 60 * SECOND;

/// One run of a workflow, from a start to an end; either may be missing.
#[derive(Debug)]
pub struct Attempt {
    pub start: Option<At>,
    /// In the order of time; the last counts.
    pub ends: Vec<End>,
    pub phases: Vec<Phase>,
    /// Of its earliest event.
    begun: i64,
}

#[derive(Debug)]
pub struct End {
    pub at: At,
    pub ending: Ending,
    pub duration_ns: Option<u64>,
    pub lines: Option<u64>,
    pub error: Option<Box<str>>,
}

#[derive(Debug)]
pub struct Phase {
    pub name: Option<Box<str>>,
    pub start: Option<At>,
    pub end: Option<End>,
    pub retries: u64,
}

/// The attempts; `marks` are in the order of time.
pub fn course(marks: Vec<(At, Mark)>) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    for (at, mark) in marks {
        match mark.event {
            Event::Started => start(&mut attempts, at),
            Event::Ended(ending) => current(&mut attempts, at).end(at, ending, mark),
            Event::PhaseStarted => phase_start(&mut attempts, at, mark),
            Event::PhaseEnded(ending) => current(&mut attempts, at).phase_end(at, ending, mark),
            Event::Retry => current(&mut attempts, at).retry(&mark),
            Event::Call => {}
        }
    }
    attempts
}

/// The last attempt, or the first.
fn current(attempts: &mut Vec<Attempt>, at: At) -> &mut Attempt {
    if attempts.is_empty() {
        attempts.push(Attempt::new(None, at));
    }
    let last = attempts.len() - 1;
    &mut attempts[last]
}

fn start(attempts: &mut Vec<Attempt>, at: At) {
    let takes = |attempt: &Attempt| match (attempt.start, attempt.ends.last()) {
        (Some(start), None) => at.0.saturating_sub(start.0) <= SAME,
        (None, None) => at.0.saturating_sub(attempt.begun) <= SAME,
        (None, Some(end)) => belongs(at, end.at),
        (Some(_), Some(_)) => false,
    };
    match attempts.last_mut().filter(|attempt| takes(attempt)) {
        Some(attempt) => attempt.start = attempt.start.or(Some(at)),
        None => attempts.push(Attempt::new(Some(at), at)),
    }
}

/// Whether a start belongs to the end before it.
fn belongs(start: At, end: At) -> bool {
    let behind = start.0.saturating_sub(end.0);
    behind <= SAME || (behind <= SKEW && start.1 < end.1)
}

fn phase_start(attempts: &mut Vec<Attempt>, at: At, mark: Mark) {
    if attempts.last().and_then(|attempt| attempt.ends.last()).is_some_and(|end| !belongs(at, end.at)) {
        attempts.push(Attempt::new(None, at));
    }
    current(attempts, at).phase_start(at, mark);
}

impl Attempt {
    fn new(start: Option<At>, at: At) -> Attempt {
        Attempt { start, ends: Vec::new(), phases: Vec::new(), begun: at.0 }
    }

    fn end(&mut self, at: At, ending: Ending, mark: Mark) {
        self.ends.push(End::new(at, ending, mark));
    }

    /// The last phase of this name.
    fn phase(&mut self, name: Option<&str>) -> Option<&mut Phase> {
        self.phases.iter_mut().rev().find(|phase| phase.name.as_deref() == name)
    }

    fn phase_start(&mut self, at: At, mark: Mark) {
        let takes = |phase: &&mut Phase| match (phase.start, &phase.end) {
            (Some(start), None) => at.0.saturating_sub(start.0) <= SAME,
            (None, Some(end)) => belongs(at, end.at),
            _ => false,
        };
        match self.phase(mark.phase.as_deref()).filter(takes) {
            Some(phase) => phase.start = phase.start.or(Some(at)),
            None => self.phases.push(Phase { name: mark.phase, start: Some(at), end: None, retries: 0 }),
        }
    }

    fn phase_end(&mut self, at: At, ending: Ending, mark: Mark) {
        match self.phase(mark.phase.as_deref()) {
            Some(phase) if phase.end.is_none() => phase.end = Some(End::new(at, ending, mark)),
            Some(Phase { end: Some(end), .. }) if at.0.saturating_sub(end.at.0) <= SAME && end.ending == ending => {}
            _ => {
                let name = mark.phase.clone();
                self.phases.push(Phase { name, start: None, end: Some(End::new(at, ending, mark)), retries: 0 });
            }
        }
    }

    fn retry(&mut self, mark: &Mark) {
        let last = self.phases.len().saturating_sub(1);
        let place = match mark.phase.as_deref() {
            None => Some(last),
            name => self.phases.iter().rposition(|phase| phase.name.as_deref() == name),
        };
        if let Some(phase) = place.and_then(|place| self.phases.get_mut(place)) {
            phase.retries += 1;
        }
    }

    /// The end that counts.
    pub fn last_end(&self) -> Option<&End> {
        self.ends.last()
    }

    /// By how much its end seems to be before its start.
    pub fn skew(&self) -> i64 {
        let times = self.start.zip(self.last_end());
        times.map_or(0, |(start, end)| start.0.saturating_sub(end.at.0))
    }

    /// The duration that its end tells, or else that its times make.
    pub fn duration_ns(&self) -> Option<u64> {
        let end = self.last_end()?;
        end.duration_ns.or_else(|| since(self.start?, end.at))
    }

    /// Lines of code that its phases tell.
    fn lines_of_phases(&self) -> Option<u64> {
        let told = self.phases.iter().filter_map(|phase| phase.end.as_ref()?.lines);
        told.reduce(u64::saturating_add)
    }
}

/// Lines of code of all attempts together: an end tells those of the workflow up to there, phases add to them.
pub fn lines(attempts: &[Attempt]) -> Option<u64> {
    attempts.iter().fold(None, |before, attempt| {
        let told = attempt.last_end().and_then(|end| end.lines);
        told.or_else(|| before.into_iter().chain(attempt.lines_of_phases()).reduce(u64::saturating_add))
    })
}

impl End {
    fn new(at: At, ending: Ending, mark: Mark) -> End {
        let Mark { duration_ns, lines, error, .. } = mark;
        End { at, ending, duration_ns, lines, error }
    }
}

impl Phase {
    pub fn duration_ns(&self) -> Option<u64> {
        let end = self.end.as_ref()?;
        end.duration_ns.or_else(|| since(self.start?, end.at))
    }
}

/// From one to the other; nothing when clocks have it that the end was before the start.
pub fn since(start: At, end: At) -> Option<u64> {
    Some(u64::try_from(end.0.saturating_sub(start.0)).unwrap_or(0))
}
