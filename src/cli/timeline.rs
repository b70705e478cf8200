//! A workflow for people: what it is, its phases as bars in time, its agents, its errors, and what is odd.

use chrono::DateTime;
use serde_json::Value;

use crate::cli::grid::{Cell, Style, cut, grid};
use crate::cli::output::{cell, printable};
use crate::sys::units::Span;

/// Characters that the bars may take.
const MIN_BAR: usize = 10;
const MAX_BAR: usize = 60;
/// Errors that are shown; the others are in the JSON form.
const MAX_ERRORS: usize = 10;

/// The text of a workflow that is given as JSON.
pub fn timeline(workflow: &Value, style: Style) -> String {
    let mut text = head(workflow, style);
    let scale = Scale::of(workflow);
    for section in [
        ("phases", phases(workflow, &scale, style)),
        ("agents", agents(workflow, style)),
        ("errors", errors(workflow, &scale, style)),
        ("notes", notes(workflow, style)),
    ] {
        if !section.1.is_empty() {
            text.push_str(&format!("\n{}\n{}", style.paint(section.0, "1"), section.1));
        }
    }
    text
}

/// The colour of an outcome.
pub fn colour_of(outcome: &str) -> &'static str {
    match outcome {
        "completed" => "32",
        "failed" => "31",
        "running" => "36",
        "stalled" | "interrupted" | "cancelled" => "33",
        _ => "",
    }
}

/// A duration in milliseconds as people read it.
pub fn took(milliseconds: f64) -> String {
    match milliseconds {
        ..1e3 => format!("{milliseconds:.0}ms"),
        ..6e4 => format!("{:.1}s", milliseconds / 1e3),
        _ => Span(std::time::Duration::try_from_secs_f64((milliseconds / 1e3).round()).unwrap_or_default()).to_string(),
    }
}

/// The first line with something in it, without control characters.
pub fn first_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("");
    printable(line).replace('\t', " ")
}

fn items<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// Nanoseconds of an RFC 3339 time.
fn nanoseconds(value: &Value) -> Option<i64> {
    DateTime::parse_from_rfc3339(value.as_str()?).ok()?.timestamp_nanos_opt()
}

fn text(value: &Value) -> String {
    first_line(&cell(value))
}

fn coloured(outcome: &Value) -> Cell {
    let text = cell(outcome);
    Cell { code: colour_of(&text), text }
}

fn head(workflow: &Value, style: Style) -> String {
    let outcome = coloured(&workflow["outcome"]);
    let kind = workflow["type"].as_str().map_or("of unknown type".to_owned(), first_line);
    let (id, outcome) = (style.paint(&text(&workflow["id"]), "1"), style.paint(&outcome.text, outcome.code));
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    let mut row = |name: &str, value: String| {
        if !value.is_empty() {
            rows.push(vec![Cell { text: name.to_owned(), code: "2" }, value.into()]);
        }
    };
    let or_unknown = |value: &Value| value.as_str().map_or("not known".to_owned(), str::to_owned);
    let has_ended = workflow["end"].is_string();
    row("start", or_unknown(&workflow["start"]));
    row("end", if has_ended { or_unknown(&workflow["end"]) } else { String::new() });
    row("last entry", if has_ended { String::new() } else { text(&workflow["last_seen"]) });
    row("duration", duration(workflow));
    let attempts = items(workflow, "attempts").len();
    row("attempts", if attempts > 1 { attempts.to_string() } else { String::new() });
    row("retries", cell(&workflow["retries"]));
    row("lines of code", cell(&workflow["lines_of_code"]));
    let sessions: Vec<String> = items(workflow, "sessions").iter().map(text).collect();
    row("sessions", sessions.join(", "));
    row("entries", format!("{}, {} of them errors", cell(&workflow["entries"]), cell(&workflow["errors"])));
    row("error", text(&workflow["error"]));
    format!("{id}  {kind}  {outcome}\n{}", grid(&rows, "ll", 2, style))
}

/// How long it took, or has taken so far.
fn duration(workflow: &Value) -> String {
    if let Some(milliseconds) = workflow["duration_ms"].as_f64() {
        return took(milliseconds);
    }
    match nanoseconds(&workflow["start"]).zip(nanoseconds(&workflow["last_seen"])) {
        Some((start, last)) if !workflow["end"].is_string() => {
            format!("{} to its last entry", took(last.saturating_sub(start) as f64 / 1e6))
        }
        _ => String::new(),
    }
}

/// The time from which offsets count, and how much of it there is.
struct Scale {
    start: i64,
    length: i64,
}

impl Scale {
    fn of(workflow: &Value) -> Scale {
        let first = nanoseconds(&workflow["start"]).or_else(|| nanoseconds(&workflow["first_seen"])).unwrap_or(0);
        let ends = ["end", "last_seen"].map(|key| nanoseconds(&workflow[key]));
        let last = ends.into_iter().flatten().next().unwrap_or(first);
        Scale { start: first, length: last.saturating_sub(first).max(1) }
    }

    /// Of a moment: `+1m30s`.
    fn offset(&self, time: Option<i64>) -> String {
        let Some(time) = time else { return "?".to_owned() };
        let behind = time.saturating_sub(self.start);
        let sign = if behind < 0 { '-' } else { '+' };
        format!("{sign}{}", took(behind.unsigned_abs() as f64 / 1e6))
    }

    fn bar(&self, from: i64, to: i64, width: usize, full: char) -> String {
        let place = |time: i64| {
            let share = time.saturating_sub(self.start) as f64 / self.length as f64;
            ((share * width as f64) as usize).min(width.saturating_sub(1))
        };
        let (from, to) = (place(from), place(to));
        " ".repeat(from) + &full.to_string().repeat(to.saturating_sub(from) + 1)
    }
}

fn phases(workflow: &Value, scale: &Scale, style: Style) -> String {
    let attempts = items(workflow, "attempts");
    let last_seen = nanoseconds(&workflow["last_seen"]).unwrap_or(scale.start);
    let names = attempts.iter().flat_map(|attempt| items(attempt, "phases")).map(|phase| cell(&phase["phase"]));
    // Name, outcome, start, duration and retries take the rest.
    let bar = style.width.saturating_sub(names.map(|name| name.chars().count()).max().unwrap_or(0) + 46);
    let bar = bar.clamp(MIN_BAR, MAX_BAR);
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for (number, attempt) in attempts.iter().enumerate() {
        if attempts.len() > 1 {
            let name = Cell { text: format!("attempt {}", number + 1), code: "1" };
            let start = scale.offset(nanoseconds(&attempt["start"]));
            let took = attempt["duration_ms"].as_f64().map(took).unwrap_or_default();
            let error = text(&attempt["error"]);
            rows.push(vec![name, coloured(&attempt["outcome"]), start.into(), took.into(), "".into(), error.into()]);
        }
        let next = attempts.get(number + 1).and_then(|next| nanoseconds(&next["start"]));
        let until = nanoseconds(&attempt["end"]).or(next).unwrap_or(last_seen);
        rows.extend(items(attempt, "phases").iter().map(|phase| phase_row(phase, scale, until, bar)));
    }
    grid(&rows, "llrrll", 2, style)
}

fn phase_row(phase: &Value, scale: &Scale, attempt_end: i64, width: usize) -> Vec<Cell> {
    let (start, end) = (nanoseconds(&phase["start"]), nanoseconds(&phase["end"]));
    let duration = phase["duration_ms"].as_f64();
    // A start that was not logged is where its duration has it.
    let from = start.or_else(|| Some(end?.saturating_sub((duration? * 1e6) as i64)));
    let full = if start.is_some() && end.is_some() { '█' } else { '▒' };
    let bar = from.map(|from| scale.bar(from, end.unwrap_or(attempt_end), width, full)).unwrap_or_default();
    let outcome = coloured(&phase["outcome"]);
    let retries = match phase["retries"].as_u64().unwrap_or(0) {
        0 => String::new(),
        1 => "1 retry".to_owned(),
        n => format!("{n} retries"),
    };
    let name = phase["phase"].as_str().map_or("(no name)".to_owned(), first_line);
    let code = outcome.code;
    vec![
        name.into(),
        outcome,
        scale.offset(start).into(),
        duration.map(took).unwrap_or_default().into(),
        retries.into(),
        Cell { text: bar, code },
    ]
}

fn agents(workflow: &Value, style: Style) -> String {
    let agents = items(workflow, "agents");
    if agents.is_empty() {
        return String::new();
    }
    let head = ["agent", "calls", "runs", "time", "share", "entries", "errors"];
    let head: Vec<Cell> = head.map(|text| Cell { text: text.to_owned(), code: "2" }).into();
    let row = |agent: &Value| -> Vec<Cell> {
        let share = agent["share"].as_f64().map(|share| format!("{:.0} %", share * 100.0));
        vec![
            text(&agent["agent"]).into(),
            cell(&agent["calls"]).into(),
            cell(&agent["runs"]).into(),
            agent["time_ms"].as_f64().map(took).unwrap_or_default().into(),
            share.unwrap_or_default().into(),
            cell(&agent["entries"]).into(),
            cell(&agent["errors"]).into(),
        ]
    };
    let rows: Vec<Vec<Cell>> = std::iter::once(head).chain(agents.iter().map(row)).collect();
    grid(&rows, "lrrrrrr", 2, style)
}

fn errors(workflow: &Value, scale: &Scale, style: Style) -> String {
    let errors = items(workflow, "error_entries");
    let row = |error: &Value| -> Vec<Cell> {
        let who = error["agent"].as_str().or(error["logger"].as_str()).unwrap_or("");
        let whose = if error["by_session"] == true { "(session) " } else { "" };
        let said = format!("{whose}{}", said(error["message"].as_str().unwrap_or("")));
        let when = scale.offset(nanoseconds(&error["timestamp"]));
        vec![when.into(), Cell { text: text(&error["level"]), code: "31" }, first_line(who).into(), said.into()]
    };
    let rows: Vec<Vec<Cell>> = errors.iter().take(MAX_ERRORS).map(row).collect();
    let mut text = grid(&rows, "rlll", 2, style);
    if errors.len() > MAX_ERRORS {
        text.push_str(&format!("  and {} more; all by --format json\n", errors.len() - MAX_ERRORS));
    }
    text
}

/// The first line, and of a traceback the last, which names the exception.
fn said(message: &str) -> String {
    let first = first_line(message);
    match message.lines().rev().find(|line| !line.trim().is_empty()) {
        Some(last) if message.contains("Traceback (most recent call last)") => {
            let last = first_line(last);
            if last == first { first } else { format!("{first} … {last}") }
        }
        _ => first,
    }
}

fn notes(workflow: &Value, style: Style) -> String {
    let line = |note: &Value| format!("  - {}\n", cut(&text(note), style.width.saturating_sub(4)));
    items(workflow, "notes").iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const WANT: &str = "\
wf-8f3a12cd  tdd  failed
  start          2026-11-23T10:00:00Z
  end            2026-11-23T10:01:40Z
  duration       1m40s
  attempts       2
  retries        3
  lines of code  420
  sessions       session_1751400000
  entries        57, 2 of them errors
  error          TimeoutError: request timed out

phases
  attempt 1  interrupted    +0ms
  planner    interrupted   +10ms         1 retry    ▒▒▒▒▒▒▒▒
  attempt 2  failed       +20.0s  1m20s             TimeoutError: request timed out
  planner    completed    +20.0s  20.0s                    ████████
  coder      interrupted  +40.0s         2 retries                ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒
  (no name)  completed         ?   5.0s                                                ▒▒

agents
  agent    calls  runs   time  share  entries  errors
  coder        3     0  30.0s   75 %       20       2
  planner      1     1  10.0s   25 %       30       0

errors
  +1m40s  error  coder  Error for s … asyncio.exceptions.TimeoutError
  +1m41s  error  \u{fffd}[2Jx  (session) boom

notes
  - attempt 1: it has no end, and the next one began
";

    fn at(text: &str) -> String {
        format!("2026-11-23T10:{text}Z")
    }

    fn phase(
        name: Option<&str>,
        outcome: &str,
        times: (Option<&str>, Option<&str>),
        rest: (Option<f64>, u64),
    ) -> Value {
        json!({
            "phase": name, "outcome": outcome, "start": times.0.map(at), "end": times.1.map(at),
            "duration_ms": rest.0, "retries": rest.1,
        })
    }

    fn sample() -> Value {
        json!({
            "id": "wf-8f3a12cd", "type": "tdd", "outcome": "failed", "start": at("00:00"), "end": at("01:40"),
            "duration_ms": 100_000.0, "last_seen": at("01:40"), "entries": 57, "errors": 2, "retries": 3,
            "lines_of_code": 420, "error": "TimeoutError: request timed out", "sessions": ["session_1751400000"],
            "attempts": [
                { "outcome": "interrupted", "start": at("00:00"), "phases": [
                    phase(Some("planner"), "interrupted", (Some("00:00.010"), None), (None, 1)),
                ] },
                { "outcome": "failed", "start": at("00:20"), "end": at("01:40"), "duration_ms": 80_000.0,
                  "error": "TimeoutError: request timed out", "phases": [
                    phase(Some("planner"), "completed", (Some("00:20"), Some("00:40")), (Some(20_000.0), 0)),
                    phase(Some("coder"), "interrupted", (Some("00:40"), None), (None, 2)),
                    phase(None, "completed", (None, Some("01:40")), (Some(5000.0), 0)),
                ] },
            ],
            "agents": [
                { "agent": "coder", "calls": 3, "runs": 0, "time_ms": 30_000.0, "share": 0.75, "entries": 20,
                  "errors": 2 },
                { "agent": "planner", "calls": 1, "runs": 1, "time_ms": 10_000.0, "share": 0.25, "entries": 30,
                  "errors": 0 },
            ],
            "error_entries": [
                { "timestamp": at("01:40"), "level": "error", "agent": "coder",
                  "message": "Error for s\nTraceback (most recent call last):\n  x\nasyncio.exceptions.TimeoutError" },
                { "timestamp": at("01:41"), "level": "error", "logger": "\u{1b}[2Jx", "message": "boom",
                  "by_session": true },
            ],
            "notes": ["attempt 1: it has no end, and the next one began"],
        })
    }

    #[test]
    fn a_workflow_for_people() {
        let text = timeline(&sample(), Style { colour: false, width: 90 });
        assert!(text == WANT, "{text}");
    }

    #[test]
    fn nothing_is_needed() {
        for wrong in [json!({}), json!({"attempts": [{"phases": [{}]}], "agents": [{}], "error_entries": [{}]})] {
            assert!(timeline(&wrong, Style { colour: false, width: 40 }).contains("of unknown type"));
        }
    }
}
