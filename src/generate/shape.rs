//! The shapes of lines that the programs around the orchestrator write.

use std::fmt::Write;

use chrono::{DateTime, Local, Timelike, Utc};

use crate::record::Level;

/// Writes times; remembers the last second, because most entries share it with the one before.
#[derive(Clone, Debug)]
pub(super) struct Stamp {
    local: bool,
    second: i64,
    /// `2026-11-23 10:15:30`
    text: String,
}

impl Stamp {
    /// Stamps in the machine's zone, or in UTC.
    pub(super) fn new(local: bool) -> Stamp {
        Stamp { local, second: i64::MIN, text: String::new() }
    }

    /// `2026-11-23 10:15:30` of a time in nanoseconds.
    pub(super) fn seconds(&mut self, time: i64) -> &str {
        let second = time.div_euclid(1_000_000_000);
        if second != self.second {
            self.second = second;
            self.text.clear();
            let utc = DateTime::<Utc>::from_timestamp_nanos(time).with_nanosecond(0).unwrap_or_default();
            let naive = if self.local { utc.with_timezone(&Local).naive_local() } else { utc.naive_utc() };
            // Writing to a string cannot fail; here and below.
            let _ = write!(self.text, "{}", naive.format("%Y-%m-%d %H:%M:%S"));
        }
        &self.text
    }
}

fn milliseconds(time: i64) -> i64 {
    time.rem_euclid(1_000_000_000) / 1_000_000
}

/// Python's name of a level.
pub(super) fn python(level: Level) -> &'static str {
    match level {
        Level::Critical => "CRITICAL",
        Level::Error => "ERROR",
        Level::Warning => "WARNING",
        Level::Debug => "DEBUG",
        _ => "INFO",
    }
}

/// The head of shape B up to the message: `2026-11-23 10:15:31,004 - orchestrator - ERROR - `.
pub(super) fn text_head(out: &mut String, stamp: &mut Stamp, time: i64, logger: &str, level: Level) {
    out.push_str(stamp.seconds(time));
    let _ = write!(out, ",{:03} - {logger} - {} - ", milliseconds(time), python(level));
}

/// What a JSON line says beyond the fields that all have.
#[derive(Default)]
pub(super) struct Json<'a> {
    pub logger: &'a str,
    /// Already escaped, as the texts below.
    pub message: &'a str,
    pub function: &'a str,
    /// Members of `context`, without braces.
    pub context: &'a str,
    /// More members of the object, without braces.
    pub extra: &'a str,
}

/// A line of shape A without its end. `stamp` must be in UTC.
pub(super) fn json(out: &mut String, stamp: &mut Stamp, time: i64, level: Level, parts: &Json<'_>) {
    let (date, clock) = stamp.seconds(time).split_once(' ').unwrap_or_default();
    let _ = write!(out, "{{\"timestamp\": \"{date}T{clock}");
    // Python leaves the microseconds out when there are none.
    match time.rem_euclid(1_000_000_000) / 1000 {
        0 => {}
        micros => drop(write!(out, ".{micros:06}")),
    }
    let Json { logger, message, function, context, extra } = parts;
    let line = 20 + (message.len() * 7 + function.len() * 31) % 400;
    let _ = write!(
        out,
        "\", \"level\": \"{}\", \"logger\": \"{logger}\", \"message\": \"{message}\", \
         \"module\": \"logging_config\", \"function\": \"{function}\", \"line\": {line}, \"taskName\": null",
        python(level)
    );
    if !context.is_empty() {
        let _ = write!(out, ", \"context\": {{{context}}}");
    }
    if !extra.is_empty() {
        let _ = write!(out, ", {extra}");
    }
    out.push('}');
}
