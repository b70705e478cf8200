//! What an entry says about the life of its workflow: the event it reports, and the fields that belong to it, in the
//! usual spellings.

use std::sync::LazyLock;

use crate::record::column::{AGENT, EVENT, SESSION_ID, WORKFLOW_ID, WORKFLOW_TYPE};
use crate::record::{Columns, Fields, Row, ValueRef};

/// How a workflow ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Completed,
    Failed,
    Cancelled,
}

/// What happens in a workflow's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Started,
    Ended(Ending),
    PhaseStarted,
    PhaseEnded(Ending),
    Retry,
    /// An agent was asked for something.
    Call,
}

/// The events that end a workflow. All begin with [`OF_WORKFLOWS`].
pub const ENDINGS: [(&str, Ending); 10] = [
    ("workflow_completed", Ending::Completed),
    ("workflow_succeeded", Ending::Completed),
    ("workflow_finished", Ending::Completed),
    ("workflow_failed", Ending::Failed),
    ("workflow_error", Ending::Failed),
    ("workflow_timeout", Ending::Failed),
    ("workflow_timed_out", Ending::Failed),
    ("workflow_cancelled", Ending::Cancelled),
    ("workflow_canceled", Ending::Cancelled),
    ("workflow_aborted", Ending::Cancelled),
];
const OF_WORKFLOWS: &str = "workflow_";

impl Ending {
    /// Of the entry that says how a workflow ended.
    pub fn of(row: &impl Row) -> Option<Ending> {
        // Rates ask this of every entry; most are done with here.
        let event = row.named(EVENT).filter(|event| event.starts_with(OF_WORKFLOWS))?;
        ENDINGS.iter().find(|(name, _)| *name == event).map(|(_, ending)| *ending)
    }
}

impl Event {
    pub fn of(row: &impl Row) -> Option<Event> {
        if let Some(ending) = Ending::of(row) {
            return Some(Event::Ended(ending));
        }
        Some(match row.named(EVENT)? {
            "workflow_started" | "workflow_start" | "workflow_restarted" => Event::Started,
            "phase_started" | "phase_start" => Event::PhaseStarted,
            "phase_completed" | "phase_succeeded" | "phase_finished" => Event::PhaseEnded(Ending::Completed),
            "phase_failed" | "phase_error" | "phase_timeout" => Event::PhaseEnded(Ending::Failed),
            "phase_cancelled" | "phase_canceled" | "phase_skipped" => Event::PhaseEnded(Ending::Cancelled),
            "retry" | "workflow_retry" | "phase_retry" | "agent_retry" | "step_retry" => Event::Retry,
            "agent_interaction" => Event::Call,
            _ => return None,
        })
    }
}

/// What a field beyond the named ones is to a workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Phase,
    Operation,
    Error,
    Lines,
    /// Milliseconds.
    Duration,
}

/// Where such fields stand, the place that counts most first.
const PREFIXES: [&str; 5] = ["event_data.", "", "context.", "metadata.", "metrics."];
/// Their names there.
const NAMES: [(&str, Part); 13] = [
    ("phase", Part::Phase),
    ("phase_name", Part::Phase),
    ("operation", Part::Operation),
    ("error", Part::Error),
    ("error_message", Part::Error),
    ("reason", Part::Error),
    ("lines_of_code", Part::Lines),
    ("lines_of_code_generated", Part::Lines),
    ("lines_generated", Part::Lines),
    ("generated_lines", Part::Lines),
    ("code_lines", Part::Lines),
    ("loc", Part::Lines),
    ("duration_ms", Part::Duration),
];

/// What the field is, and the rank of its place.
fn part(name: &str) -> Option<(Part, usize)> {
    let place = match name.split_once('.') {
        None => "",
        Some((head, _)) => &name[..=head.len()],
    };
    let rank = PREFIXES.iter().position(|prefix| *prefix == place)?;
    let index = NAMES.iter().position(|(known, _)| *known == &name[place.len()..])?;
    Some((NAMES[index].1, rank * NAMES.len() + index))
}

/// Everything that must be decoded of an entry for [`Facts`].
pub fn columns() -> Columns {
    static FIELDS: LazyLock<Vec<Box<str>>> = LazyLock::new(|| {
        let at = |prefix: &'static str| NAMES.iter().map(move |(name, _)| format!("{prefix}{name}").into());
        PREFIXES.into_iter().flat_map(at).collect()
    });
    let named = 1 << WORKFLOW_ID | 1 << WORKFLOW_TYPE | 1 << AGENT | 1 << EVENT | 1 << SESSION_ID;
    Columns { named, duration: true, fields: Fields::Some(FIELDS.clone()), ..Columns::default() }
}

/// More lines than any program has are a mistake.
const LINES_MAX: f64 = 1e12;

/// The fields of one entry that matter.
#[derive(Debug, Default)]
pub struct Facts {
    pub phase: Option<Box<str>>,
    pub operation: Option<Box<str>>,
    pub error: Option<Box<str>>,
    pub lines: Option<u64>,
    pub duration_ns: Option<u64>,
}

impl Facts {
    pub fn of(row: &impl Row) -> Facts {
        let mut facts = Facts { duration_ns: row.duration_ms().and_then(nanoseconds), ..Facts::default() };
        let has_duration = facts.duration_ns.is_some();
        let mut ranks = [usize::MAX; 5];
        row.any_field(&mut |name, value| {
            if let Some((part, rank)) = part(name)
                && rank < ranks[part as usize]
                && !(part == Part::Duration && has_duration)
                && facts.note(part, value)
            {
                ranks[part as usize] = rank;
            }
            false
        });
        facts
    }

    /// Whether the value is one for this part.
    fn note(&mut self, part: Part, value: ValueRef<'_>) -> bool {
        let number = || value.as_number().filter(|n| (0.0..=LINES_MAX).contains(n));
        match part {
            Part::Lines => return number().map(|n| self.lines = Some(n as u64)).is_some(),
            Part::Duration => return number().map(|n| self.duration_ns = nanoseconds(n)).is_some(),
            _ => {}
        }
        let text = value.to_text();
        if text.is_empty() || matches!(value, ValueRef::Null) {
            return false;
        }
        let slot = match part {
            Part::Phase => &mut self.phase,
            Part::Operation => &mut self.operation,
            _ => &mut self.error,
        };
        *slot = Some(short(&text, MAX_TEXT));
        true
    }
}

/// Bytes that are kept of a name or of what an error says.
pub const MAX_TEXT: usize = 300;

pub fn short(text: &str, most: usize) -> Box<str> {
    text[..text.floor_char_boundary(most)].into()
}

/// Whole nanoseconds, so that sums do not depend on their order.
fn nanoseconds(milliseconds: f64) -> Option<u64> {
    // Beyond the largest it saturates.
    (milliseconds.is_finite() && milliseconds >= 0.0).then(|| (milliseconds * 1e6).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Entry, Value};

    #[test]
    fn each_field_that_is_read_has_a_part() {
        let Fields::Some(names) = columns().fields else { panic!() };
        assert_eq!(names.len(), PREFIXES.len() * NAMES.len());
        assert!(names.iter().all(|name| part(name).is_some()));
        for other in ["other.phase", "phases", "event_data.a.phase", "event_data.", ""] {
            assert_eq!(part(other), None, "{other}");
        }
    }

    #[test]
    fn the_place_decides_and_not_the_order() {
        let facts = |fields: &[(&str, Value)]| {
            let fields = fields.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
            Facts::of(&Entry { fields, ..Entry::default() })
        };
        let text = |text: &str| Value::Str(text.into());
        let (own, around) = (("event_data.phase", text("coder")), ("context.phase", text("planner")));
        for fields in [[own.clone(), around.clone()], [around, own]] {
            assert_eq!(facts(&fields).phase.as_deref(), Some("coder"));
        }
        assert_eq!(facts(&[("metadata.loc", text("120"))]).lines, Some(120));
        assert_eq!(facts(&[("lines_generated", Value::Int(-3))]).lines, None);
        assert_eq!(facts(&[("event_data.duration_ms", Value::Float(1.5))]).duration_ns, Some(1_500_000));
        assert_eq!(facts(&[("error", Value::Null)]).error, None);
    }

    #[test]
    fn names_of_events() {
        let check = |name: &str, want: Option<Event>| {
            let entry = Entry { event: Some(name.into()), ..Entry::default() };
            assert_eq!(Event::of(&entry), want, "{name}");
        };
        check("workflow_started", Some(Event::Started));
        check("workflow_failed", Some(Event::Ended(Ending::Failed)));
        check("workflow_canceled", Some(Event::Ended(Ending::Cancelled)));
        check("phase_completed", Some(Event::PhaseEnded(Ending::Completed)));
        check("retry", Some(Event::Retry));
        check("agent_interaction", Some(Event::Call));
        check("workflow", None);
    }
}
