//! Ids, types, events and durations that stand in the message itself: as `key=value`, and in the phrases that the
//! home system uses. Only the first line of the message is looked at. The level is never taken from here.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use smol_str::SmolStr;

use crate::parse::first_line;
use crate::record::Entry;

/// What was found, as byte ranges of the message; `None` where an entry has the thing already.
#[derive(Default)]
struct Found<'a> {
    workflow_id: Option<&'a str>,
    session_id: Option<&'a str>,
    request_id: Option<&'a str>,
    workflow_type: Option<&'a str>,
    agent: Option<&'a str>,
    event: Option<&'a str>,
    duration_ms: Option<f64>,
}

/// Fills what the entry has not yet.
pub fn extract(entry: &mut Entry) {
    let mut found = Found::default();
    let line = first_line(entry.message.of(&entry.raw));
    pairs(line, &mut found);
    phrases(line, &mut found);
    fill(&mut entry.workflow_id, found.workflow_id);
    fill(&mut entry.session_id, found.session_id);
    fill(&mut entry.request_id, found.request_id);
    fill(&mut entry.workflow_type, found.workflow_type);
    fill(&mut entry.agent, found.agent);
    fill(&mut entry.event, found.event);
    entry.duration_ms = entry.duration_ms.or(found.duration_ms);
}

fn fill(slot: &mut Option<SmolStr>, found: Option<&str>) {
    if slot.is_none()
        && let Some(text) = found
    {
        *slot = Some(text.into());
    }
}

fn is_id(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte)
}

/// The id at the head of `text`, without punctuation that belongs to the sentence.
fn id(text: &str) -> &str {
    let end = text.bytes().take_while(|b| is_id(*b)).count();
    text[..end].trim_end_matches(['.', ':', '-'])
}

/// `workflow_id=wf-8f3a12cd`, wherever it stands. `type=` counts only beside a workflow id, in brackets.
fn pairs<'a>(line: &'a str, found: &mut Found<'a>) {
    let bytes = line.as_bytes();
    for equals in memchr::memchr_iter(b'=', bytes) {
        let length = bytes[..equals].iter().rev().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        let value = line[equals + 1..].trim_start_matches(['"', '\'']);
        let slot = match &line[equals - length..equals] {
            "workflow_id" => &mut found.workflow_id,
            "session_id" => &mut found.session_id,
            "request_id" => &mut found.request_id,
            "agent" | "agent_name" => &mut found.agent,
            "workflow_type" => &mut found.workflow_type,
            "type" if found.workflow_id.is_some() && line.starts_with('[') => &mut found.workflow_type,
            "event" | "event_type" => &mut found.event,
            "duration_ms" => {
                let end = value.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
                found.duration_ms = found.duration_ms.or_else(|| value[..end].parse().ok());
                continue;
            }
            _ => continue,
        };
        let value = id(value);
        if slot.is_none() && !value.is_empty() {
            *slot = Some(value);
        }
    }
}

/// Phrases of the home system, each with what follows it.
fn phrases<'a>(line: &'a str, found: &mut Found<'a>) {
    static SESSION: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new("session "));
    static WORKFLOW: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new("orkflow"));
    if found.session_id.is_none()
        && let Some(at) = SESSION.find(line.as_bytes())
    {
        found.session_id = session(&line[at + SESSION.needle().len()..]);
    }
    for at in WORKFLOW.find_iter(line.as_bytes()) {
        let (before, behind) = (&line[..at], &line[at + WORKFLOW.needle().len()..]);
        if before.ends_with("/w") {
            if found.session_id.is_none()
                && let Some(text) = behind.strip_prefix("-status/")
            {
                found.session_id = session(text);
            }
        } else if before.ends_with('W') {
            if found.workflow_type.is_none()
                && let Some(text) = behind.strip_prefix(" type")
                && let Some((_, value)) = text.split_once(": ")
            {
                found.workflow_type = Some(id(value)).filter(|value| !value.is_empty());
            }
            if found.event.is_none()
                && before.len() == 1
                && let Some(event) = behind.strip_prefix(" event: ")
            {
                found.event = Some(id(event)).filter(|event| !event.is_empty());
            }
        }
    }
}

/// Not any word behind `session`: one with a digit in it.
fn session(text: &str) -> Option<&str> {
    let session = id(text.trim_start_matches(['"', '\'']));
    Some(session).filter(|session| session.len() >= 4 && session.bytes().any(|b| b.is_ascii_digit()))
}
