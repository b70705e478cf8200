//! From lines to entries, for one file: which lines belong together, and how far the complete entries reach.
//!
//! A line that one of the formats recognises begins an entry. Any other line joins the entry before it when that
//! one has a proper heading, or when the line is indented or part of a traceback; otherwise it is an entry of free
//! text by itself. What is decided depends on the entry before and nothing else, so that reading again from the
//! beginning of any entry gives the same entries.

use std::borrow::Cow;
use std::sync::Arc;

use crate::parse::Format;
use crate::parse::zone::Zone;
use crate::pipeline::Compiled;
use crate::record::{Entry, EntryBatch, Fingerprint, Outcomes, Position, RawBatch, StreamId, TAIL_LEN, Value};

/// An entry of more lines is cut there, and goes on as another.
const MAX_LINES: u64 = 500;
/// No line joins an entry that would be longer than this many bytes.
const MAX_BYTES: usize = 64 << 10;

#[derive(Debug)]
pub struct StreamParser {
    pipeline: Arc<Compiled>,
    source: Arc<str>,
    session_id: Option<Box<str>>,
    zone: Zone,
    stream: StreamId,
    /// The format of the entry before: tried first, since lines come in runs.
    recent: Option<Format>,
    waiting: Option<Waiting>,
    /// The text of the waiting entry.
    text: String,
    /// Behind the last line seen; set by the first batch.
    position: Position,
    /// Where the waiting entry began, if the file's head was cut since: in the content as it was before.
    before_cut: Option<Position>,
}

/// An entry that may still get lines.
#[derive(Debug)]
struct Waiting {
    format: Format,
    /// Offset of its first byte, and the fingerprint of what is before it.
    start: (u64, Fingerprint),
    read_time: i64,
    outcomes: Outcomes,
    /// Takes any line that does not begin an entry.
    takes_all: bool,
    /// Within a traceback, whose last line is not indented.
    in_traceback: bool,
}

/// One line, cleaned.
struct Line<'a> {
    text: Cow<'a, str>,
    /// Its own part of the counts.
    outcomes: Outcomes,
}

impl StreamParser {
    pub(super) fn new(pipeline: Arc<Compiled>, source: &Arc<str>) -> StreamParser {
        let found = pipeline.session_id.as_ref().and_then(|regex| regex.captures(source));
        let session_id = found.and_then(|c| c.get(1)).map(|group| Box::from(group.as_str()));
        StreamParser {
            zone: pipeline.zone.clone(),
            pipeline,
            source: source.clone(),
            session_id,
            stream: StreamId(0),
            recent: None,
            waiting: None,
            text: String::new(),
            position: Position::default(),
            before_cut: None,
        }
    }

    pub(super) fn set_zone(&mut self, zone: Zone) {
        self.zone = zone;
    }

    /// The entries that `batch` completes. The last one waits for more lines, unless the batch is the last.
    pub fn run(&mut self, batch: &RawBatch) -> EntryBatch {
        self.stream = batch.stream;
        let mut out = Out::default();
        if let Some(cut) = batch.cut {
            self.note_cut(cut, &mut out);
        }
        let valid = str::from_utf8(&batch.bytes).ok();
        let mut start = 0;
        while start < batch.bytes.len() {
            let end = memchr::memchr(b'\n', &batch.bytes[start..]).map_or(batch.bytes.len(), |at| start + at + 1);
            let mut line = match valid {
                Some(text) => Line::from_text(&text[start..end]),
                None => Line::from_bytes(&batch.bytes[start..end], batch.truncated),
            };
            line.outcomes.truncated = u64::from(batch.truncated);
            self.line(line, batch, start, &mut out);
            start = end;
        }
        self.note_start(batch);
        self.position = batch.position.clone();
        if batch.last {
            self.finish(&mut out);
        }
        self.give(out)
    }

    /// The waiting entry, when no more lines are expected to join it.
    pub fn flush(&mut self) -> Option<EntryBatch> {
        self.waiting.as_ref()?;
        let mut out = Out::default();
        self.finish(&mut out);
        Some(self.give(out))
    }

    /// Whether an entry waits for more lines.
    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    fn give(&self, out: Out) -> EntryBatch {
        EntryBatch { stream: self.stream, entries: out.entries, position: self.complete(), outcomes: out.outcomes }
    }

    /// Behind the last complete entry.
    fn complete(&self) -> Position {
        match (&self.waiting, &self.before_cut) {
            (None, _) => self.position.clone(),
            (Some(_), Some(before)) => before.clone(),
            (Some(Waiting { start: (offset, tail), .. }), None) => {
                Position { offset: *offset, tail: *tail, ..self.position.clone() }
            }
        }
    }

    /// The head of the file was cut: an entry that waits behind it may still get lines, and keeps its old position until
    /// it is complete. One that began in the head gets no more.
    fn note_cut(&mut self, cut: u64, out: &mut Out) {
        match &self.waiting {
            Some(waiting) if self.before_cut.is_some() || waiting.start.0 >= cut => {
                self.before_cut = Some(self.complete());
            }
            _ => self.finish(out),
        }
    }

    fn line(&mut self, line: Line<'_>, batch: &RawBatch, start: usize, out: &mut Out) {
        let text = &*line.text;
        if text.trim_ascii().is_empty() {
            self.blank(&line, out);
            return;
        }
        let format = self.recognise(text);
        if format.is_none() && self.joins(text) {
            self.join(text, line.outcomes);
            return;
        }
        self.finish(out);
        let format = format.unwrap_or(Format::Text);
        let waiting = Waiting {
            format,
            start: (batch.offset + start as u64, Fingerprint::default()),
            read_time: batch.read_time,
            outcomes: line.outcomes,
            takes_all: takes_all(format, text),
            in_traceback: is_traceback(text),
        };
        self.text.clear();
        self.text.push_str(text);
        self.waiting = Some(waiting);
    }

    /// A blank line belongs to the entry around it, if there is one.
    fn blank(&mut self, line: &Line<'_>, out: &mut Out) {
        let mut outcomes = line.outcomes;
        outcomes.joined = 1;
        match &mut self.waiting {
            Some(waiting) => {
                waiting.outcomes.add(&outcomes);
                if self.text.len() < MAX_BYTES {
                    self.text.push('\n');
                }
            }
            None => out.outcomes.add(&outcomes),
        }
    }

    /// The format of which `line` begins an entry.
    fn recognise(&mut self, line: &str) -> Option<Format> {
        if let Some(recent) = self.recent
            && recent.recognises(line)
        {
            return Some(recent);
        }
        let found = self.pipeline.formats.iter().copied().find(|f| Some(*f) != self.recent && f.recognises(line));
        // Text recognises what other formats know better, so it is never tried before them.
        self.recent = found.filter(|f| *f != Format::Text).or(self.recent);
        found
    }

    /// Whether `line`, which begins no entry, belongs to the waiting one.
    fn joins(&self, line: &str) -> bool {
        let Some(waiting) = &self.waiting else { return false };
        if waiting.outcomes.lines >= MAX_LINES || self.text.len() + line.len() >= MAX_BYTES {
            return false;
        }
        waiting.takes_all || waiting.in_traceback || line.starts_with([' ', '\t']) || is_traceback(line)
    }

    fn join(&mut self, line: &str, outcomes: Outcomes) {
        let Some(waiting) = &mut self.waiting else { return };
        let is_indented = line.starts_with([' ', '\t']);
        waiting.in_traceback = is_traceback(line) || (waiting.in_traceback && is_indented);
        waiting.outcomes.add(&outcomes);
        waiting.outcomes.joined += 1;
        self.text.push('\n');
        self.text.push_str(line);
    }

    /// Fingerprints what is before the waiting entry, if it began in this batch: the others need it not.
    fn note_start(&mut self, batch: &RawBatch) {
        let Some(waiting) = &mut self.waiting else { return };
        if self.before_cut.is_some() {
            return;
        }
        let Some(start) = waiting.start.0.checked_sub(batch.offset) else { return };
        waiting.start.1 = match start as usize {
            0 => batch.before,
            start => Fingerprint::of(&batch.bytes[start.saturating_sub(TAIL_LEN)..start]),
        };
    }

    /// Makes an entry of what waits.
    fn finish(&mut self, out: &mut Out) {
        let Some(waiting) = self.waiting.take() else { return };
        self.before_cut = None;
        let raw = self.text.trim_end_matches('\n');
        let mut entry = self.fresh(raw, &waiting);
        let mut is_parsed = waiting.format != Format::Text;
        if !waiting.format.fill(&mut entry, &mut self.zone) {
            entry = self.fresh(raw, &waiting);
            Format::Text.fill(&mut entry, &mut self.zone);
            is_parsed = false;
        }
        if entry.session_id.is_none() {
            entry.session_id = self.session_id.clone();
        }
        if waiting.outcomes.truncated > 0 {
            entry.fields.push(("truncated".into(), Value::Bool(true)));
        }
        entry.fields.extend(self.pipeline.labels.iter().cloned());
        out.outcomes.add(&waiting.outcomes);
        out.outcomes.parsed += u64::from(is_parsed);
        out.outcomes.text += u64::from(!is_parsed);
        out.entries.push(entry);
    }

    fn fresh(&self, raw: &str, waiting: &Waiting) -> Entry {
        Entry {
            time: waiting.read_time,
            raw: raw.into(),
            source: self.source.clone(),
            service: self.pipeline.service.clone(),
            ..Entry::default()
        }
    }
}

#[derive(Default)]
struct Out {
    entries: Vec<Entry>,
    outcomes: Outcomes,
}

/// An entry with such a heading takes all lines up to the next heading. JSON and access lines are complete by
/// themselves, and a mere level word at the head may stand in prose.
fn takes_all(format: Format, line: &str) -> bool {
    match format {
        Format::Python | Format::Uvicorn | Format::BasicConfig => true,
        Format::Json | Format::Access => false,
        Format::Text => Format::has_time(line),
    }
}

/// Python's words between the parts of a traceback.
fn is_traceback(line: &str) -> bool {
    line.starts_with("Traceback (most recent call last)")
        || line.starts_with("During handling of the above exception")
        || line.starts_with("The above exception was the direct cause")
}

impl<'a> Line<'a> {
    fn from_text(line: &'a str) -> Line<'a> {
        let text = line.strip_suffix('\n').unwrap_or(line);
        let text = text.strip_suffix('\r').unwrap_or(text);
        let rest = text.trim_start_matches('\0');
        let outcomes = Outcomes { lines: 1, nul_bytes: (text.len() - rest.len()) as u64, ..Outcomes::default() };
        Line { text: Cow::Borrowed(rest), outcomes }
    }

    /// A line that may not be UTF-8. When it was cut, a character cut through at its end is left out.
    fn from_bytes(line: &'a [u8], truncated: bool) -> Line<'a> {
        let body = line.strip_suffix(b"\n").unwrap_or(line);
        let body = match str::from_utf8(body) {
            Err(error) if truncated && error.error_len().is_none() => &body[..error.valid_up_to()],
            _ => body,
        };
        match str::from_utf8(body) {
            Ok(text) => Line::from_text(text),
            Err(_) => {
                let text = String::from_utf8_lossy(body);
                let cleaned = Line::from_text(&text);
                let outcomes = Outcomes { invalid_utf8: 1, ..cleaned.outcomes };
                Line { text: Cow::Owned(cleaned.text.into_owned()), outcomes }
            }
        }
    }
}
