//! Named values of an entry, as JSON and logfmt have them: well-known names fill the entry's own places, in the spellings
//! that the common loggers use; everything else becomes a field. The first of several names for one place wins; the
//! others become fields.

use std::ops::Range;

use super::clock::Clock;
use super::format::set_level;
use super::names::{Known, Names};
use super::set_time;
use super::time::{Day, Stamp, Written, iso, stamp};
use crate::record::{Entry, Level, LevelSource, Text, Value};
use crate::sys::clock::SECOND;

/// Fields of one entry; what is beyond stands in `raw` only.
const MAX_FIELDS: usize = 256;
/// Bytes of a dotted name; a field with a longer one stands in `raw` only.
const MAX_NAME: usize = 256;

/// Takes values as they are read.
pub struct Places<'a> {
    entry: &'a mut Entry,
    clock: &'a mut Clock,
    names: &'a mut Names,
    /// The text that messages may be pieces of, and where it begins in the raw text.
    line: &'a str,
    /// The dotted name of the value being read.
    pub name: String,
    has_message: bool,
    has_time: bool,
    /// Serilog's compact form leaves `Information` out.
    is_compact: bool,
    /// The event was called `event`.
    event_is_message: bool,
    /// Seconds of a time whose nanoseconds stand apart.
    seconds: Option<i64>,
    /// A date whose clock stands apart.
    day: Option<Day>,
    /// The level, where it is a number, of which nobody knows for certain on which scale.
    numeric: Option<i64>,
    /// It began with `reqId`, as Nextcloud's does.
    begins_with_request: bool,
    /// Nextcloud's, which has levels and a name for its parts of its own.
    is_nextcloud: bool,
}

impl<'a> Places<'a> {
    /// `line` is the beginning of what will be the entry's raw text.
    pub fn new(entry: &'a mut Entry, clock: &'a mut Clock, names: &'a mut Names, line: &'a str) -> Places<'a> {
        let usual = names.usual;
        entry.fields.share(names.share(), usual);
        let mut name = std::mem::take(&mut names.room);
        name.clear();
        Places {
            entry,
            clock,
            names,
            line,
            name,
            has_message: false,
            has_time: false,
            is_compact: false,
            event_is_message: false,
            seconds: None,
            day: None,
            numeric: None,
            begins_with_request: false,
            is_nextcloud: false,
        }
    }

    /// Ends the entry; whether it has a message of its own.
    pub fn finish(mut self) -> bool {
        self.names.usual = self.entry.fields.len();
        self.names.room = std::mem::take(&mut self.name);
        if !self.has_time {
            set_time(self.entry, self.clock.untold());
        }
        if self.is_compact && self.entry.level_source == LevelSource::None {
            set_level(self.entry, Some(Level::Info));
        }
        if !self.has_message
            && self.event_is_message
            && let Some(event) = self.entry.event.clone()
        {
            // structlog calls the message so.
            self.has_message = true;
            if event.contains(' ') {
                self.entry.event = None;
            }
            self.entry.message = Text::Owned(event.as_str().into());
        }
        self.has_message
    }

    /// A text; `borrowed` when it is a piece of the line.
    pub fn text(&mut self, text: &str, borrowed: bool) {
        if self.is_taken_by_name(text, borrowed) || !self.has_room() {
            return;
        }
        let fields = &mut self.entry.fields;
        match (piece(self.line, text).filter(|_| borrowed), self.names.get(&self.name)) {
            (Some(piece), Known::Shared(name)) => fields.push_shared_piece(name, &piece),
            (Some(piece), Known::Own(name)) => fields.push_piece(name, &piece),
            (None, name) => self.push(name, Value::Str(text.into())),
        }
    }

    fn push(&mut self, name: Known, value: Value) {
        match name {
            Known::Shared(name) => self.entry.fields.push_shared(name, value),
            Known::Own(name) => self.entry.fields.push((name, value)),
        }
    }

    /// Puts the text where its name says, if that place is free.
    fn is_taken_by_name(&mut self, text: &str, borrowed: bool) -> bool {
        let slot = match &*self.name {
            "timestamp" | "time" | "ts" | "t" | "@timestamp" | "@t" | "asctime" | "datetime" | "t.$date"
            | "eventTime" | "Timestamp" | "TIMESTAMP" | "Time" | "time_local" | "time_iso8601" | "record.time.repr" => {
                return self.time(text);
            }
            "date" => return self.date(text),
            "msec" => return self.seconds_text(text),
            "reqId" => {
                self.begins_with_request |= self.entry.fields.is_empty() && !self.has_time;
                return false;
            }
            "remoteAddr" if self.begins_with_request => {
                self.is_nextcloud = true;
                let level = self.numeric.and_then(nextcloud);
                set_level(self.entry, level);
                return false;
            }
            "__REALTIME_TIMESTAMP" | "timeUnixNano" | "_SOURCE_REALTIME_TIMESTAMP" => return self.epoch_text(text),
            "level" | "levelname" | "severity" | "lvl" | "log.level" | "@l" | "@level" | "Level" | "level_name"
            | "loglevel" | "log_level" | "severity_text" | "severityText" | "SeverityText" | "error_severity"
            | "LogLevel" | "LEVEL" | "record.level.name" | "PRIORITY" | "priority" | "s" => {
                return self.level(text);
            }
            "message"
            | "msg"
            | "@m"
            | "@mt"
            | "@message"
            | "MESSAGE"
            | "short_message"
            | "fields.message"
            | "body"
            | "body.stringValue"
            | "m"
            | "RenderedMessage"
            | "MessageTemplate"
            | "Message"
            | "Msg"
            | "Body"
            | "textPayload"
            | "jsonPayload.message"
            | "record.message" => return self.message(text, borrowed),
            "interaction_type" if self.entry.event.is_none() => {
                self.entry.event = Some("agent_interaction".into());
                return false;
            }
            "logger"
            | "name"
            | "logger_name"
            | "loggerName"
            | "log.logger"
            | "target"
            | "@module"
            | "component"
            | "SourceContext"
            | "Properties.SourceContext"
            | "SYSLOG_IDENTIFIER"
            | "Category"
            | "record.name"
            | "channel" => &mut self.entry.logger,
            "app" if self.is_nextcloud => &mut self.entry.logger,
            // MongoDB's, behind its own kind of time.
            "c" if self.has_time => &mut self.entry.logger,
            "workflow_id" | "context.workflow_id" => &mut self.entry.workflow_id,
            "session_id" | "context.session_id" => &mut self.entry.session_id,
            "request_id" | "context.request_id" => &mut self.entry.request_id,
            "agent" | "agent_name" | "context.agent_name" => &mut self.entry.agent,
            "workflow_type" | "event_data.workflow_type" | "context.workflow_type" => &mut self.entry.workflow_type,
            "event_type" | "event" => &mut self.entry.event,
            _ => return false,
        };
        let is_free = slot.is_none() && !text.is_empty();
        self.event_is_message |= is_free && self.name == "event";
        if is_free {
            *slot = Some(text.into());
        }
        is_free
    }

    fn time(&mut self, text: &str) -> bool {
        let found = stamp(text).filter(|(_, end)| *end == text.len() && !self.has_time);
        self.is_compact |= self.name == "@t";
        let Some((mut stamp, _)) = found else { return false };
        if stamp.day == Day::Unknown {
            let Some(day) = self.day else { return false };
            stamp.day = day;
            return self.told(&stamp, false);
        }
        // Python's `asctime` is the host's; every other logger that leaves the zone out means UTC.
        self.told(&stamp, self.name != "asctime")
    }

    /// A whole time, or a date whose clock follows under another name.
    fn date(&mut self, text: &str) -> bool {
        let date = (text.len() == 10).then(|| iso(&format!("{text} 00:00:00"))).flatten();
        if let Some((date, _)) = date {
            self.day = Some(date.day);
            return false;
        }
        self.time(text)
    }

    /// Seconds since the epoch, with a fraction.
    fn seconds_text(&mut self, text: &str) -> bool {
        match text.parse::<f64>() {
            Ok(number) if !self.has_time => self.epoch(&Value::Float(number), number),
            _ => false,
        }
    }

    fn told(&mut self, stamp: &Stamp, utc: bool) -> bool {
        set_time(self.entry, self.clock.tell(stamp, utc));
        self.has_time = true;
        true
    }

    fn epoch_text(&mut self, text: &str) -> bool {
        match text.parse::<i64>() {
            Ok(number) if !self.has_time => self.epoch(&Value::Int(number), number as f64),
            _ => false,
        }
    }

    fn level(&mut self, text: &str) -> bool {
        // A word says more than a number, of which the scale is not sure.
        let is_known = self.entry.level_source != LevelSource::None && self.numeric.is_none();
        if is_known || self.name == "s" && !self.has_time {
            return false;
        }
        let text = uncoloured(text).trim();
        // slog writes levels between its own as `INFO+2`.
        let text =
            text.rsplit_once(['+', '-']).filter(|(_, n)| n.bytes().all(|b| b.is_ascii_digit())).map_or(text, |t| t.0);
        let level = mongo_debug(text).or_else(|| match self.numeric {
            Some(_) => Level::from_column(text),
            None => Level::from_value(text),
        });
        let is_set = set_level(self.entry, level);
        if is_set {
            self.numeric = None;
        }
        is_set
    }

    fn message(&mut self, text: &str, borrowed: bool) -> bool {
        if self.has_message {
            return false;
        }
        self.has_message = true;
        let piece = piece(self.line, text).filter(|_| borrowed);
        self.entry.message = piece.map_or_else(|| Text::Owned(text.into()), Text::Slice);
        true
    }

    pub fn number(&mut self, value: Value) {
        let Some(number) = value.as_number().filter(|n| n.is_finite()) else { return self.field(value) };
        let is_taken = match &*self.name {
            "timestamp" | "time" | "ts" | "@timestamp" | "timeMillis" | "date" | "msec" | "eventtime"
                if !self.has_time =>
            {
                self.epoch(&value, number)
            }
            "severityNumber" | "severity_number" | "SeverityNumber" if self.entry.level_source == LevelSource::None => {
                let level = otel(number as i64);
                set_level(self.entry, level)
            }
            "instant.epochSecond" | "timestamp.seconds" if !self.has_time => {
                self.seconds = Some(number as i64);
                self.epoch(&value, number)
            }
            "instant.nanoOfSecond" | "timestamp.nanos" if self.seconds.is_some() => {
                self.entry.time = self.entry.time.saturating_add((number as i64).clamp(0, SECOND - 1));
                true
            }
            "level" | "lvl" | "severity" | "PRIORITY" | "priority" | "levelno" | "record.level.no"
                if self.entry.level_source == LevelSource::None =>
            {
                self.numeric = Some(number as i64);
                let is_python = self.name.ends_with("no");
                let level = if is_python { python(number as i64) } else { Level::from_scale(number as i64) };
                set_level(self.entry, level)
            }
            "duration_ms" if self.entry.duration_ms.is_none() => {
                self.entry.duration_ms = Some(number);
                true
            }
            "duration_seconds" | "event_data.duration_seconds" => {
                self.entry.duration_ms = self.entry.duration_ms.or(Some(number * 1000.0));
                false
            }
            _ => false,
        };
        if !is_taken {
            self.field(value);
        }
    }

    /// Seconds, milliseconds, microseconds or nanoseconds since the epoch, told apart by their size.
    fn epoch(&mut self, value: &Value, number: f64) -> bool {
        let unit = match number {
            1e8..1e11 => SECOND,
            1e11..1e14 => SECOND / 1_000,
            1e14..1e17 => SECOND / 1_000_000,
            1e17..9.2e18 => 1,
            _ => return false,
        };
        let time = match value {
            Value::Int(whole) => whole.checked_mul(unit),
            // Its shortest form has the digits that were written.
            Value::Float(_) if unit == SECOND => {
                stamp(&value.to_text()).filter(|(stamp, _)| stamp.day == Day::Date(0)).map(|(stamp, _)| stamp.of_day)
            }
            _ => Some((number * (unit as f64) / 1_000.0).round() as i64).and_then(|us| us.checked_mul(1_000)),
        };
        let Some(time) = time else { return false };
        self.told(&Stamp { day: Day::Date(0), of_day: time, zone: Written::Offset(0) }, true)
    }

    /// A value without a place of its own.
    pub fn field(&mut self, value: Value) {
        if self.has_room() {
            let name = self.names.get(&self.name);
            self.push(name, value);
        }
    }

    fn has_room(&self) -> bool {
        self.entry.fields.len() < MAX_FIELDS && self.name.len() <= MAX_NAME
    }
}

/// Where in the raw text a text stands that is a piece of the line, which begins it.
fn piece(line: &str, text: &str) -> Option<Range<u32>> {
    let start = (text.as_ptr() as usize).wrapping_sub(line.as_ptr() as usize);
    let end = start.checked_add(text.len()).filter(|end| *end <= line.len())?;
    Some(start as u32..end as u32)
}

/// Severity numbers of OpenTelemetry, four to a level.
fn otel(number: i64) -> Option<Level> {
    Some(match number {
        1..=4 => Level::Trace,
        5..=8 => Level::Debug,
        9..=12 => Level::Info,
        13..=16 => Level::Warning,
        17..=20 => Level::Error,
        21..=24 => Level::Fatal,
        _ => return None,
    })
}

/// Numbers of Python's levels.
fn python(number: i64) -> Option<Level> {
    Some(match number {
        1..10 => Level::Trace,
        10..20 => Level::Debug,
        20..30 => Level::Info,
        30..40 => Level::Warning,
        40..50 => Level::Error,
        50..=100 => Level::Critical,
        _ => return None,
    })
}

fn nextcloud(number: i64) -> Option<Level> {
    [Level::Debug, Level::Info, Level::Warning, Level::Error, Level::Fatal].get(usize::try_from(number).ok()?).copied()
}

/// A level without the colours that some loggers put around it, which are ECMA-48's.
fn uncoloured(text: &str) -> &str {
    let begin = text.strip_prefix("\u{1b}[").and_then(|rest| rest.split_once('m')).map_or(text, |(_, rest)| rest);
    begin.split('\u{1b}').next().unwrap_or(begin)
}

/// MongoDB's `D1` to `D5`.
fn mongo_debug(text: &str) -> Option<Level> {
    matches!(text, "D1" | "D2" | "D3" | "D4" | "D5").then_some(Level::Debug)
}
