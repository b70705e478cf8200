//! Ids, types, events and durations that stand in the message itself: as `key=value`, and in the phrases that the
//! home system uses. Only the first line of the message is looked at. The level is never taken from here.

use std::sync::LazyLock;

use aho_corasick::Match;
use aho_corasick::packed::Searcher;
use memchr::memmem;
use smol_str::SmolStr;

use crate::parse::{bytes, first_line};
use crate::record::{Entry, Text};

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

/// Fills what the entry has not yet; the first line of its text ends at `first`.
pub fn extract(entry: &mut Entry, first: usize) {
    let message = entry.message.of(&entry.raw);
    let line = match &entry.message {
        Text::Slice(_) if first == entry.raw.len() => message,
        _ => first_line(message),
    };
    let first_pair = memchr::memchr(b'=', line.as_bytes());
    let phrase = FINDER.as_ref().and_then(|finder| finder.find(line));
    // Most lines have neither.
    if first_pair.is_none() && phrase.is_none() {
        return;
    }
    let mut found = Found::default();
    if first_pair.is_some() {
        pairs(line, &mut found);
    }
    phrases(line, phrase, &mut found);
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

/// The id at the head of `text`, without punctuation that belongs to the sentence.
fn id(text: &str) -> &str {
    let end = bytes::run(text.as_bytes(), bytes::ID);
    let punctuation = text.as_bytes()[..end].iter().rev().take_while(|b| matches!(b, b'.' | b':' | b'-')).count();
    &text[..end - punctuation]
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

/// What the phrases of the home system begin with, by number.
const PHRASES: [&str; 4] = ["session ", "/workflow-status/", "Workflow type", "Workflow event: "];

/// Bytes behind `Workflow type` in which its colon is looked for.
const NEAR: usize = 64;

/// Finds all of them in one go.
static FINDER: LazyLock<Option<Searcher>> = LazyLock::new(|| Searcher::new(PHRASES));

/// Phrases of the home system, each with what follows it, from the first that was found on.
fn phrases<'a>(line: &'a str, mut next: Option<Match>, found: &mut Found<'a>) {
    let mut by_path = None;
    let mut has_session = false;
    while let Some(phrase) = next {
        let behind = &line[phrase.end()..];
        match phrase.pattern().as_usize() {
            0 if !has_session => {
                has_session = true;
                found.session_id = found.session_id.or_else(|| session(behind));
            }
            1 => by_path = by_path.or_else(|| session(behind)),
            2 => {
                // Near, so that a line full of such phrases is not searched over and over.
                let colon = memmem::find(&behind.as_bytes()[..behind.len().min(NEAR)], b": ");
                let value = colon.map(|colon| id(&behind[colon + 2..]));
                found.workflow_type = found.workflow_type.or(value.filter(|value| !value.is_empty()));
            }
            3 if phrase.start() == 0 => found.event = found.event.or(Some(id(behind)).filter(|e| !e.is_empty())),
            _ => {}
        }
        next = FINDER.as_ref().and_then(|finder| finder.find_in(line, (phrase.end()..line.len()).into()));
    }
    found.session_id = found.session_id.or(by_path);
}

/// Not any word behind `session`: one with a digit in it.
fn session(text: &str) -> Option<&str> {
    let quotes = text.bytes().take_while(|b| matches!(b, b'"' | b'\'')).count();
    let session = id(&text[quotes..]);
    Some(session).filter(|session| session.len() >= 4 && session.bytes().any(|b| b.is_ascii_digit()))
}
