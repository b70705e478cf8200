//! Lives as tables of events, and that the order in which entries come does not matter.

use proptest::prelude::*;

use super::*;
use crate::record::{Entry, Level, Value};
use crate::sys::clock::SECOND;

/// `seconds event [phase] [key=value …]`, one an entry, numbered as they stand.
fn entries(text: &str) -> Vec<Entry> {
    let entry = |line: &str| {
        let mut words = line.split_whitespace();
        let seconds: f64 = words.next().unwrap().parse().unwrap();
        let event = words.next().unwrap();
        let mut entry = Entry {
            time: (seconds * SECOND as f64) as i64,
            level: if event.ends_with("failed") || event == "error" { Level::Error } else { Level::Info },
            workflow_id: Some("wf-1".into()),
            event: (event != "error" && event != "-").then(|| event.into()),
            ..Entry::default()
        };
        for word in words {
            match word.split_once('=') {
                Some(("agent", agent)) => entry.agent = Some(agent.into()),
                Some(("type", kind)) => entry.workflow_type = Some(kind.into()),
                Some(("session", session)) => entry.session_id = Some(session.into()),
                Some(("ms", number)) => entry.duration_ms = Some(number.parse().unwrap()),
                Some((key, value)) => {
                    let value = value.parse().map_or_else(|_| Value::Str(value.into()), Value::Int);
                    entry.fields.push((format!("event_data.{key}").into(), value));
                }
                None => entry.fields.push(("event_data.phase".into(), Value::Str(word.into()))),
            }
        }
        entry
    };
    text.split(';').map(str::trim).filter(|line| !line.is_empty()).map(entry).collect()
}

const CLOCK: Clock = Clock { now: 10_000 * SECOND, stalled_after: 3600 * SECOND };

fn tell(entries: &[Entry], order: impl IntoIterator<Item = usize>, split: usize) -> Workflow {
    let (mut left, mut right) = (Life::new(5), Life::new(5));
    for (count, index) in order.into_iter().enumerate() {
        let half = if count < split { &mut left } else { &mut right };
        half.take(index as u64, &entries[index]);
    }
    left.merge(right);
    Workflow::tell("wf-1", left, CLOCK)
}

/// `outcome from-to duration | phase:outcome …` for each attempt, then the notes.
fn show(workflow: &Workflow) -> (String, String) {
    let seconds = |time: Option<i64>| time.map_or("?".to_owned(), |time| (time / SECOND).to_string());
    let attempt = |attempt: &told::AttemptTold| {
        let phase = |phase: &told::PhaseTold| {
            let name = phase.phase.as_deref().unwrap_or("?");
            format!(" {name}:{}:{}-{}", phase.outcome.name(), seconds(phase.start), seconds(phase.end))
        };
        let phases: String = attempt.phases.iter().map(phase).collect();
        let took = attempt.duration_ms.map_or("?".to_owned(), |ms| (ms / 1e3).to_string());
        let (start, end) = (seconds(attempt.start), seconds(attempt.end));
        format!("{} {start}-{end} {took}{phases}", attempt.outcome.name())
    };
    let attempts: Vec<String> = workflow.attempts.iter().map(attempt).collect();
    (format!("{}: {}", workflow.outcome.name(), attempts.join(", ")), workflow.notes.join("; "))
}

#[test]
fn lives() {
    let check = |events: &str, want: &str, notes: &str| {
        let entries = entries(events);
        let got = show(&tell(&entries, 0..entries.len(), entries.len()));
        assert_eq!((got.0.as_str(), got.1.as_str()), (want, notes), "{events}");
    };
    check(
        "0 workflow_started; 1 phase_started a; 4 phase_completed a; 9 workflow_completed",
        "completed: completed 0-9 9 a:completed:1-4",
        "",
    );
    check("0 workflow_started; 9 workflow_failed ms=8500", "failed: failed 0-9 8.5", "");
    check("0 workflow_started; 9 workflow_canceled", "cancelled: cancelled 0-9 9", "");
    check("9000 workflow_started; 9990 phase_started a", "running: running 9000-? ? a:running:9990-?", "");
    check(
        "0 workflow_started; 9 phase_started a",
        "stalled: stalled 0-? ? a:stalled:9-?",
        "it has not ended, and there was no entry for 2h46m31s",
    );
    // Nothing but entries, and only an end.
    check("9999 -", "running: ", "no event tells of its start, its phases or its end");
    check("9 workflow_failed", "failed: failed ?-9 ?", "its start was not logged");
    check("9 workflow_failed ms=4000", "failed: failed ?-9 4", "its start was not logged");
    // Told twice, by another file.
    check(
        "0 workflow_started; 0.4 workflow_started; 9 workflow_failed; 9.2 workflow_failed",
        "failed: failed 0-9 9.2",
        "",
    );
    // Started again: after an end, and without one.
    check(
        "0 workflow_started; 5 workflow_failed; 20 workflow_started; 30 workflow_completed",
        "completed: failed 0-5 5, completed 20-30 10",
        "",
    );
    check(
        "0 workflow_started; 1 phase_started a; 20 workflow_started; 30 workflow_completed",
        "completed: interrupted 0-? ? a:interrupted:1-?, completed 20-30 10",
        "attempt 1: it has no end, and the next one began",
    );
    check(
        "0 workflow_started; 5 workflow_failed; 20 phase_started a; 30 workflow_completed",
        "completed: failed 0-5 5, completed ?-30 ? a:interrupted:20-?",
        "attempt 2: its start was not logged; attempt 2: phase a has no end",
    );
    // Contradictions.
    check(
        "0 workflow_started; 5 workflow_completed; 8 workflow_failed",
        "failed: failed 0-8 8",
        "it was told as completed at 1970-01-01T00:00:05Z and as failed later; the last counts",
    );
    check(
        "0 workflow_started; 60 workflow_completed ms=5000",
        "completed: completed 0-60 5",
        "it says that it took 5s, but 1m lie between start and end",
    );
    // Clocks that differ: the start arrived first, and has a later time.
    check(
        "13 workflow_started; 10 workflow_completed",
        "completed: completed 13-10 0",
        "its end has a time 3s before its start: clocks differ",
    );
    check(
        "10 workflow_completed; 13 workflow_started",
        "stalled: completed ?-10 ?, stalled 13-? ?",
        "attempt 1: its start was not logged; it has not ended, and there was no entry for 2h46m27s",
    );
    check(
        "0 workflow_started; 13 phase_started a; 10 workflow_completed",
        "completed: completed 0-10 10 a:interrupted:13-?",
        "phase a has no end; entries came until 3s after its end",
    );
    // Phases: twice, without a start, without an end.
    check(
        "0 workflow_started; 1 phase_started a; 2.5 phase_started a; 3 phase_failed a; 4 phase_completed b; 9 workflow_failed",
        "failed: failed 0-9 9 a:interrupted:1-? a:failed:2-3 b:completed:?-4",
        "the start of phase b was not logged",
    );
    check(
        "0 workflow_started; 9 workflow_completed; 70 -",
        "completed: completed 0-9 9",
        "entries came until 1m1s after its end",
    );
}

#[test]
fn agents_lines_and_retries() {
    let entries = entries(
        "0 workflow_started type=tdd session=s1; 1 phase_started a; 2 agent_interaction agent=coder ms=1500; \
         3 agent_interaction agent=coder ms=500; 4 - agent=planner operation=planner_execution ms=6000; \
         5 - agent=planner operation=other ms=9000; 6 retry a attempt=1; 7 error agent=coder; \
         8 phase_completed a lines_of_code=20; 9 phase_started b; 10 phase_completed b loc=5; 11 workflow_completed",
    );
    let told = tell(&entries, 0..entries.len(), 5);
    assert_eq!((told.kind.as_deref(), told.retries, told.errors), (Some("tdd"), 1, 1));
    assert_eq!((told.lines_of_code, told.sessions.join(" ")), (Some(25), "s1".to_owned()));
    assert_eq!(told.attempts[0].phases[0].retries, 1);
    let agents: Vec<_> = told.agents.iter().map(|a| (a.agent.as_str(), a.calls, a.runs, a.time_ms, a.errors)).collect();
    assert_eq!(agents, [("planner", 0, 1, 6000.0, 0), ("coder", 2, 0, 2000.0, 1)]);
    assert_eq!(told.agents[0].share, Some(0.75));
    assert_eq!(told.error_entries.len(), 1);
}

#[test]
fn the_end_knows_its_lines_best() {
    let check = |events: &str, want: Option<u64>| {
        let entries = entries(events);
        assert_eq!(tell(&entries, 0..entries.len(), 1).lines_of_code, want, "{events}");
    };
    check("0 phase_completed a loc=5; 1 workflow_completed lines_generated=7", Some(7));
    check("0 agent_interaction loc=5; 1 agent_interaction loc=6", Some(11));
    check("0 workflow_started; 1 workflow_completed", None);
    check("0 - lines_generated=5; 1 - loc=6; 2 workflow_completed", Some(11));
    // Of several attempts: an end tells all there is up to it, phases what they added.
    let first = "0 workflow_started; 1 phase_completed a loc=10";
    check(&format!("{first}; 20 workflow_started; 30 workflow_completed loc=55"), Some(55));
    check(&format!("{first}; 5 workflow_failed loc=12; 20 workflow_started; 30 workflow_completed loc=55"), Some(55));
    check(&format!("{first}; 5 workflow_failed loc=12; 20 workflow_started; 30 workflow_completed"), Some(12));
    check(&format!("{first}; 20 workflow_started; 21 phase_completed a loc=5; 30 workflow_completed"), Some(15));
    let second = "20 workflow_started; 21 phase_completed a loc=5; 30 workflow_completed";
    check(&format!("{first}; 5 workflow_failed loc=12; {second}"), Some(17));
}

#[test]
fn too_many_events_are_told() {
    let events: String = (0..3000).map(|n| format!("{n} phase_started p{n};")).collect();
    let entries = entries(&events);
    let told = tell(&entries, 0..entries.len(), 1500);
    assert_eq!(told.attempts[0].phases.len(), 1000);
    assert!(told.notes.iter().any(|note| note.contains("more events")), "{:?}", told.notes);
    assert_eq!(tell(&entries, (0..entries.len()).rev(), 700), told);
}

const EVENTS: [&str; 12] = [
    "workflow_started",
    "workflow_completed",
    "workflow_failed",
    "phase_started a",
    "phase_completed a loc=3",
    "phase_started b",
    "phase_failed b",
    "retry a",
    "agent_interaction agent=coder ms=0.1",
    "- agent=coder operation=coder_run ms=0.7",
    "- agent=planner type=tdd session=s",
    "error agent=coder type=full",
];

proptest! {
    #[test]
    fn neither_order_nor_threads_matter(
        (events, order) in prop::collection::vec((0..60_u32, prop::sample::select(&EVENTS[..])), 1..30).prop_flat_map(|events| {
            let order = (0..events.len()).collect::<Vec<usize>>();
            (Just(events), Just(order).prop_shuffle())
        }),
        split in 0..30_usize,
    ) {
        let text: Vec<String> = events.iter().map(|(time, event)| format!("{} {event}", f64::from(*time) / 4.0)).collect();
        let entries = entries(&text.join(";"));
        let told = tell(&entries, 0..entries.len(), entries.len());
        prop_assert_eq!(&tell(&entries, order, split), &told);
        // What counts for the rate of failure is what the life says, unless it goes on.
        let mut endings = Endings::new(10);
        for (sequence, entry) in (0..).zip(&entries) {
            if let Some(ending) = Ending::of(entry) {
                endings.end(entry.workflow_id.as_deref(), (entry.time, sequence), ending, || ());
            }
        }
        let failed: Vec<bool> = endings.finish(|()| false).map(|(_, _, failed)| failed).collect();
        let ends = told.attempts.iter().rev().find(|attempt| attempt.end.is_some());
        let of_life: Vec<bool> = ends.map(|attempt| attempt.outcome == Outcome::Failed).into_iter().collect();
        prop_assert_eq!(failed, of_life);
    }
}
