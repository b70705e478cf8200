//! From lines to entries, for one file: which lines belong together, and how far the complete entries reach.
//!
//! A line that one of the formats recognises begins an entry. Any other line joins the entry before it when that
//! one has a proper heading, or when the line is indented or part of a traceback; otherwise it is an entry of free
//! text by itself. What is decided depends on the entry before, so that reading again from the beginning of any entry
//! gives the same entries: but for a line that is of two formats, which in a run of one of them is of that one.

use std::borrow::Cow;
use std::sync::Arc;

use smol_str::SmolStr;

use crate::parse::envelope::{self, Letter};
use crate::parse::time::Stamp;
use crate::parse::{Clock, Head, Joins, Names, Zone, lines, set_time};
use crate::pipeline::Compiled;
use crate::pipeline::line::Line;
use crate::pipeline::rules::Fate;
use crate::record::{Entry, EntryBatch, Fingerprint, Level, Outcomes, Position, RawBatch, StreamId, TAIL_LEN, Value};

/// An entry of more lines is cut there, and goes on as another.
const MAX_LINES: u64 = 500;
/// Where formats change, so many entries of one format in a row are a run of it again.
const MIXED: u32 = 64;
/// No line joins an entry that would be longer than this many bytes.
const MAX_BYTES: usize = 64 << 10;

#[derive(Debug)]
pub struct StreamParser {
    pipeline: Arc<Compiled>,
    /// Otherwise redaction only.
    applies_rules: bool,
    source: Arc<str>,
    session_id: Option<SmolStr>,
    clock: Clock,
    names: Names,
    stream: StreamId,
    /// The format of the entry before: tried first, since lines come in runs, unless formats changed within so many
    /// entries that had one.
    recent: Option<usize>,
    mixed: u32,
    waiting: Option<Waiting>,
    /// What the first line of the waiting entry says, and room to look at the next line.
    head: Head,
    next_head: Head,
    /// The text of the waiting entry.
    text: String,
    /// The same as it stood in the file, where that is something else.
    raw: String,
    /// Whether the batch at hand has escape characters.
    may_have_colours: bool,
    /// Behind the last line seen; set by the first batch.
    position: Position,
    /// How many entries the batch before had: the next has about as many, and room for them is made at once.
    usual: usize,
    /// Where the waiting entry began, if the file's head was cut since: in the content as it was before.
    before_cut: Option<Position>,
}

/// An entry that may still get lines. What its first line says is in [`StreamParser::head`].
#[derive(Debug)]
struct Waiting {
    /// Its place among the pipeline's formats.
    format: usize,
    /// Offset of its first byte, and the fingerprint of what is before it.
    start: (u64, Fingerprint),
    /// When its first line was read, and when its file had been written.
    read_time: i64,
    written: i64,
    outcomes: Outcomes,
    joins: Joins,
    /// Within a traceback, of which the error itself is still to come, at the margin.
    in_traceback: bool,
    /// Within a traceback that ends with its frames.
    in_frames: bool,
    /// Within a traceback of which each part begins with its error.
    in_crash: bool,
    /// Within an object printed over several lines.
    in_object: bool,
    /// Within a private key, which is redacted as a whole.
    in_key: bool,
    /// What was around its first line, and whether the last line goes on in the next.
    stamp: Option<Stamp>,
    from: Option<&'static str>,
    container: Option<SmolStr>,
    is_partial: bool,
    /// A line of it was put together of such parts.
    has_parts: bool,
    /// Its text is not what stood in the file: that is in [`StreamParser::raw`].
    is_wrapped: bool,
}

impl StreamParser {
    pub(super) fn new(pipeline: Arc<Compiled>, source: &Arc<str>, applies_rules: bool) -> StreamParser {
        let found = pipeline.session_id.as_ref().and_then(|regex| regex.captures(source));
        let session_id = found.and_then(|c| c.get(1)).map(|group| SmolStr::from(group.as_str()));
        StreamParser {
            clock: Clock::new(pipeline.zone.clone()),
            names: Names::default(),
            applies_rules: applies_rules && !pipeline.rules.is_empty(),
            source: source.clone(),
            session_id,
            stream: StreamId(0),
            recent: None,
            mixed: 0,
            waiting: None,
            head: Head::default(),
            next_head: Head::default(),
            text: String::new(),
            raw: String::new(),
            may_have_colours: false,
            position: Position::default(),
            usual: 0,
            before_cut: None,
            pipeline,
        }
    }

    pub(super) fn set_zone(&mut self, zone: Zone) {
        self.clock.set_zone(zone);
    }

    /// The entries that `batch` completes. The last one waits for more lines, unless the batch is the last.
    pub fn run(&mut self, batch: &RawBatch) -> EntryBatch {
        self.stream = batch.stream;
        let mut out = Out { entries: Vec::with_capacity(self.usual), outcomes: Outcomes::default() };
        if let Some(cut) = batch.cut {
            self.note_cut(cut, &mut out);
        }
        let encoding = batch.encoding;
        let valid = if encoding.is_utf8() { str::from_utf8(&batch.bytes).ok() } else { None };
        self.may_have_colours = memchr::memchr(0x1b, &batch.bytes).is_some();
        let mut start = 0;
        while start < batch.bytes.len() {
            let end = encoding.line_end(&batch.bytes[start..], batch.offset + start as u64);
            let end = end.map_or(batch.bytes.len(), |end| start + end);
            let mut line = match valid {
                Some(text) => Line::from_text(&text[start..end]),
                None => Line::from_bytes(&batch.bytes[start..end], encoding, batch.truncated),
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
        self.usual = out.entries.len();
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
        let letter = envelope::open(&line.text, self.may_have_colours);
        let text = letter.as_ref().map_or(&*line.text, |letter| &*letter.text);
        let raw = letter.is_some().then_some(&*line.text);
        let is_partial = letter.as_ref().is_some_and(|letter| letter.is_partial);
        if self.goes_on(letter.as_ref()) {
            self.append("", text, raw, line.outcomes, is_partial);
            return;
        }
        if text.trim_ascii().is_empty() {
            self.blank(raw, line.outcomes, out);
            return;
        }
        // What is kept whatever it looks like may find no room: then it begins an entry like any other line.
        let is_kept = self.keeps_next(text) && self.is_of(letter.as_ref()) && self.joins(text);
        let format = if is_kept { None } else { self.recognise(text) };
        let format = format.filter(|format| !self.is_inside(*format, text));
        if is_kept || format.is_none() && self.is_of(letter.as_ref()) && self.joins(text) {
            self.append("\n", text, raw, line.outcomes, is_partial);
            return;
        }
        self.finish(out);
        std::mem::swap(&mut self.head, &mut self.next_head);
        self.begin(format, text, raw, batch, start, line.outcomes);
        if let (Some(letter), Some(waiting)) = (letter, &mut self.waiting) {
            (waiting.stamp, waiting.from, waiting.is_partial) = (letter.stamp, letter.stream, letter.is_partial);
            waiting.container = letter.container.map(SmolStr::from);
        }
    }

    /// An entry begins; `format` is free text where none knew the line.
    fn begin(
        &mut self,
        format: Option<usize>,
        text: &str,
        raw: Option<&str>,
        batch: &RawBatch,
        start: usize,
        outcomes: Outcomes,
    ) {
        let format = format.unwrap_or(self.pipeline.formats.len() - 1);
        let joins = self.pipeline.formats[format].joins(&self.head);
        // What takes all lines need not know in what it is.
        let look = if joins == Joins::All { lines::Line::Stands } else { lines::look(text) };
        self.text.clear();
        self.text.push_str(text);
        self.raw.clear();
        self.raw.push_str(raw.unwrap_or(""));
        self.waiting = Some(Waiting {
            format,
            start: (batch.offset + start as u64, Fingerprint::default()),
            read_time: batch.read_time,
            written: batch.written,
            outcomes,
            joins,
            in_traceback: matches!(look, lines::Line::Traceback | lines::Line::Panic),
            in_frames: look == lines::Line::Panic,
            in_crash: look == lines::Line::Crash,
            in_object: lines::opens_object(text),
            in_key: self.pipeline.rules.redactor.is_some() && lines::opens_key(text),
            stamp: None,
            from: None,
            container: None,
            is_partial: false,
            has_parts: false,
            is_wrapped: raw.is_some(),
        });
    }

    /// Whether a line is the rest of the one before, which a container's runtime had cut.
    fn goes_on(&self, letter: Option<&Letter<'_>>) -> bool {
        let Some(waiting) = self.waiting.as_ref().filter(|waiting| waiting.is_partial) else { return false };
        letter.is_some_and(|letter| letter.stream == waiting.from && self.has_room(waiting, letter.text.len()))
    }

    /// A blank line belongs to the entry around it, if there is one.
    fn blank(&mut self, raw: Option<&str>, outcomes: Outcomes, out: &mut Out) {
        match &self.waiting {
            Some(_) if self.text.len() < MAX_BYTES => self.append("\n", "", raw, outcomes, false),
            Some(_) => self.append("", "", None, outcomes, false),
            None => out.outcomes.add(&Outcomes { joined: 1, ..outcomes }),
        }
    }

    /// The format of which `line` begins an entry.
    fn recognise(&mut self, line: &str) -> Option<usize> {
        let formats = &self.pipeline.formats;
        self.next_head.clear();
        let recent = self.recent.filter(|_| self.mixed == 0);
        if let Some(recent) = recent
            && formats[recent].recognises(line, &mut self.next_head)
        {
            return Some(recent);
        }
        let found = formats.recognise(line, recent, &mut self.next_head);
        // Text recognises what other formats know better, so it is never tried before them.
        if let Some(index) = found.filter(|index| !formats[*index].is_text()) {
            let is_other = self.recent.is_some_and(|recent| recent != index);
            self.mixed = if is_other { MIXED } else { self.mixed.saturating_sub(1) };
            self.recent = Some(index);
        }
        found
    }

    /// Whether the waiting entry takes the next line whatever it looks like.
    fn keeps_next(&self, line: &str) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| {
            let is_key = waiting.in_key && self.has_room(waiting, line.len());
            let is_below = waiting.outcomes.lines == 1
                && (self.pipeline.formats[waiting.format].keeps_below(line) || self.explains(waiting, line));
            is_key || is_below || waiting.in_object && line.starts_with([' ', '\t', '}'])
        })
    }

    /// Whether the line names the error that the waiting entry is about; the frames follow.
    fn explains(&self, waiting: &Waiting, line: &str) -> bool {
        let is_error = self.head.level.is_some_and(Level::is_error) && self.head.stamp.is_some();
        is_error && waiting.joins == Joins::All && lines::names_error(line)
    }

    /// Whether the waiting entry is of the letter's container and stream, where those are told apart.
    fn is_of(&self, letter: Option<&Letter<'_>>) -> bool {
        let (container, stream) = letter.map_or((None, None), |letter| (letter.container, letter.stream));
        let waiting = self.waiting.as_ref();
        waiting.is_some_and(|waiting| waiting.container.as_deref() == container && waiting.from == stream)
    }

    /// Whether a line that has a time or a level is indented more than the entry that waits, and so is a part of it: but
    /// for one with its level in the same column.
    fn is_inside(&self, format: usize, line: &str) -> bool {
        // A single blank may be what is left of a column that is empty.
        let is_indented = line.starts_with('\t') || line.starts_with("  ");
        is_indented
            && self.waiting.is_some()
            && self.pipeline.formats[format].is_text()
            && lines::indentation(line) > lines::indentation(&self.text)
            && !self.has_same_column()
    }

    fn has_same_column(&self) -> bool {
        let (one, other) = (&self.head.level_at, &self.next_head.level_at);
        let has_levels = self.head.level.is_some() && self.next_head.level.is_some();
        has_levels && (one.start == other.start || one.end == other.end)
    }

    fn has_room(&self, waiting: &Waiting, more: usize) -> bool {
        waiting.outcomes.lines < MAX_LINES && self.text.len() + more < MAX_BYTES
    }

    /// Whether `line`, which begins no entry, belongs to the waiting one.
    fn joins(&self, line: &str) -> bool {
        let Some(waiting) = &self.waiting else { return false };
        self.has_room(waiting, line.len())
            && (waiting.joins == Joins::All
                || waiting.in_traceback
                || match lines::look(line) {
                    // What is not indented more stands beside it.
                    lines::Line::Goes => !self.is_beside(line),
                    lines::Line::Traceback | lines::Line::Panic => true,
                    lines::Line::Numbered => !self.text.starts_with('#'),
                    lines::Line::Closes => waiting.in_object,
                    lines::Line::Crash => waiting.in_crash,
                    lines::Line::Frame => waiting.in_frames,
                    lines::Line::Stands => false,
                }
                || self.keeps_next(line))
    }

    /// Whether the waiting entry is one indented line, and this line is indented like it: but for the frames of a
    /// traceback that was cut.
    fn is_beside(&self, line: &str) -> bool {
        let indentation = lines::indentation(line);
        indentation > 0
            && !line[indentation..].starts_with("at ")
            && self.waiting.as_ref().is_some_and(|waiting| waiting.outcomes.lines == 1)
            && indentation == lines::indentation(&self.text)
    }

    /// Adds a line to the waiting entry.
    fn append(&mut self, separator: &str, line: &str, raw: Option<&str>, outcomes: Outcomes, is_partial: bool) {
        let Some(waiting) = &mut self.waiting else { return };
        let look = lines::look(line);
        let goes_on = line.is_empty() || matches!(look, lines::Line::Goes | lines::Line::Frame | lines::Line::Numbered);
        let is_panic = look == lines::Line::Panic;
        let is_frame = goes_on && !line.is_empty();
        waiting.in_traceback = is_panic
            || look == lines::Line::Traceback
            || waiting.in_traceback && goes_on && !(waiting.in_frames && is_frame);
        waiting.in_frames = is_panic || waiting.in_frames && (goes_on || waiting.in_traceback);
        waiting.in_crash &= matches!(look, lines::Line::Goes | lines::Line::Crash | lines::Line::Numbered);
        waiting.in_key = (waiting.in_key || self.pipeline.rules.redactor.is_some() && lines::opens_key(line))
            && !line.contains("-----END ");
        // Node prints the fields of an error behind its frames.
        waiting.in_object = (waiting.in_object || is_frame && line.starts_with("    at ") && line.ends_with(" {"))
            && look != lines::Line::Closes;
        waiting.has_parts |= waiting.is_partial;
        waiting.is_partial = is_partial;
        waiting.outcomes.add(&outcomes);
        waiting.outcomes.joined += 1;
        if raw.is_some() && !waiting.is_wrapped {
            waiting.is_wrapped = true;
            self.raw.clone_from(&self.text);
        }
        if waiting.is_wrapped {
            self.raw.push('\n');
            self.raw.push_str(raw.unwrap_or(line));
        }
        self.text.push_str(separator);
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
        // Entries and what waits are large, so that both stay where they are.
        let Some(waiting) = &self.waiting else { return };
        self.before_cut = None;
        self.clock.observe(waiting.written, waiting.read_time);
        let mut format = &self.pipeline.formats[waiting.format];
        let Some(plain) = self.pipeline.formats.last() else { return };
        let text = self.pipeline.rules.redact(self.text.trim_end_matches('\n'));
        if let Cow::Owned(text) = &text {
            // What was found in the first line stands elsewhere now, if it is of its format still.
            if !format.recognises_again(text, &mut self.head) {
                format = plain;
                format.recognises_again(text, &mut self.head);
            }
        }
        // Made where it stays.
        out.entries.resize_with(out.entries.len() + 1, || self.fresh(&text, waiting.read_time));
        let Some(entry) = out.entries.last_mut() else { return };
        let mut is_parsed = !format.is_text();
        if !format.fill(entry, &self.head, &mut self.clock, &mut self.names) {
            *entry = self.fresh(&text, waiting.read_time);
            is_parsed = false;
            // The text turned out not to be of its format.
            plain.recognises_again(&text, &mut self.head);
            plain.fill(entry, &self.head, &mut self.clock, &mut self.names);
        }
        if let Some(stamp) = waiting.stamp.filter(|stamp| envelope::is_better(stamp, entry.time_source)) {
            set_time(entry, self.clock.tell(&stamp, false));
        }
        // What was cut in two could not be found in the parts.
        if waiting.is_wrapped && !(waiting.has_parts && self.pipeline.rules.redactor.is_some()) {
            entry.set_raw(self.pipeline.rules.redact(&self.raw).into());
        }
        waiting.complete(entry, self.session_id.as_ref());
        out.outcomes.add(&waiting.outcomes);
        out.outcomes.parsed += u64::from(is_parsed);
        out.outcomes.text += u64::from(!is_parsed);
        let fate = match self.applies_rules {
            true => self.pipeline.rules.apply(entry, waiting.read_time),
            false => Fate::Kept,
        };
        let dropped = match fate {
            Fate::Kept => None,
            Fate::Filtered => Some(&mut out.outcomes.filtered),
            Fate::Sampled => Some(&mut out.outcomes.sampled),
            Fate::Limited => Some(&mut out.outcomes.limited),
        };
        if let Some(count) = dropped {
            *count += 1;
            out.entries.pop();
        }
        self.waiting = None;
    }

    fn fresh(&self, raw: &str, read_time: i64) -> Entry {
        Entry::new(raw.into(), self.source.clone(), self.pipeline.service.clone(), read_time)
    }
}

impl Waiting {
    /// Adds to an entry what is known of it beside its text.
    fn complete(&self, entry: &mut Entry, session_id: Option<&SmolStr>) {
        if entry.session_id.is_none() {
            entry.session_id = session_id.cloned();
        }
        if entry.logger.is_none() {
            entry.logger = self.container.clone();
        }
        if let Some(stream) = self.from {
            entry.fields.push(("stream".into(), Value::Str(stream.into())));
        }
        if self.outcomes.truncated > 0 {
            entry.fields.push(("truncated".into(), Value::Bool(true)));
        }
    }
}

#[derive(Default)]
struct Out {
    entries: Vec<Entry>,
    outcomes: Outcomes,
}
