//! Layer 2: the shapes of log lines. Pure and total: any text gives an entry, and nothing here does I/O.
//!
//! A [`Format`] recognises the line an entry begins with ([`Format::recognises`], cheap) and fills an entry from
//! its whole text ([`Format::fill`]). `pipeline` decides which lines belong together.

mod access;
mod basic_config;
mod ids;
mod json;
mod python;
mod text;
pub mod timestamp;
mod uvicorn;
pub mod zone;

use crate::record::{Entry, Text, TimeSource};
use timestamp::Stamp;
use zone::Zone;

/// A shape of entry, by the name used in pipelines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// Python's `%(asctime)s - %(name)s - %(levelname)s - %(message)s`.
    Python,
    /// The common and combined access formats of web servers.
    Access,
    /// uvicorn's console: `INFO:     message`.
    Uvicorn,
    /// Python's `logging.basicConfig` default: `INFO:logger:message`.
    BasicConfig,
    /// Free text; a time or a level word at the head of the line is taken.
    Text,
}

impl Format {
    /// All formats, in the order they are tried.
    pub const ALL: [Format; 6] =
        [Format::Json, Format::Python, Format::Access, Format::Uvicorn, Format::BasicConfig, Format::Text];

    pub fn name(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Python => "python",
            Format::Access => "access",
            Format::Uvicorn => "uvicorn",
            Format::BasicConfig => "basic_config",
            Format::Text => "text",
        }
    }

    pub fn from_name(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|f| f.name() == name)
    }

    /// Whether an entry of this shape begins with `line`. For text: whether there is a time or level at its head.
    pub fn recognises(self, line: &str) -> bool {
        match self {
            Format::Json => json::recognises(line),
            Format::Python => python::header(line).is_some(),
            Format::Access => access::header(line).is_some(),
            Format::Uvicorn => uvicorn::header(line).is_some(),
            Format::BasicConfig => basic_config::header(line).is_some(),
            Format::Text => text::has_head(line),
        }
    }

    /// Whether free text begins with a time.
    pub fn has_time(line: &str) -> bool {
        timestamp::iso(line).is_some()
    }

    /// Fills `entry` from its `raw` text, whose first line was recognised. Time and level stay as they are where
    /// the line has none. Returns false when the text turned out to be of another shape after all.
    pub fn fill(self, entry: &mut Entry, zone: &mut Zone) -> bool {
        match self {
            Format::Json => json::fill(entry, zone),
            Format::Python => python::fill(entry, zone),
            Format::Access => access::fill(entry, zone),
            Format::Uvicorn => uvicorn::fill(entry, zone),
            Format::BasicConfig => basic_config::fill(entry),
            Format::Text => text::fill(entry, zone),
        }
    }
}

/// The first line of an entry's text.
fn first_line(text: &str) -> &str {
    memchr::memchr(b'\n', text.as_bytes()).map_or(text, |end| &text[..end])
}

/// Sets the message to the raw text from byte `start` on.
fn set_message(entry: &mut Entry, start: usize) {
    entry.message = Text::Slice(start as u32..entry.raw.len() as u32);
}

/// Sets the time from a stamp; without a zone of its own, `zone` is assumed.
fn set_time(entry: &mut Entry, stamp: Stamp, zone: &mut Zone) {
    match stamp.offset {
        Some(offset) => {
            entry.time = stamp.naive - i64::from(offset) * crate::sys::clock::SECOND;
            entry.time_source = TimeSource::Line;
        }
        None => {
            entry.time = zone.to_utc(stamp.naive);
            entry.time_source = TimeSource::Zone;
        }
    }
}

#[cfg(test)]
mod tests;
