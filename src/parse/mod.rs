//! Layer 2: the shapes of log lines. Pure and total: any text gives an entry, and nothing here does I/O.
//!
//! A [`Format`] recognises the line an entry begins with and says what it holds ([`Format::recognises`]), and fills an
//! entry from its whole text ([`Format::fill`]). Text formats are data, see `catalog`. `pipeline` decides which lines
//! belong together, with the help of [`lines`].

mod catalog;
mod clock;
pub mod envelope;
mod format;
mod head;
mod ids;
mod json;
mod layout;
pub mod lines;
mod logfmt;
mod pattern;
mod places;
mod structured;
pub mod time;
mod zone;

#[cfg(test)]
mod tests;

pub use clock::Clock;
pub use format::{Format, Joins, known, place};
pub use layout::{Head, Kind, Layout, LayoutError};
pub use pattern::Pattern;
pub use zone::Zone;

use crate::record::{Entry, Value};
use clock::Told;

/// The first line of an entry's text.
fn first_line(text: &str) -> &str {
    memchr::memchr(b'\n', text.as_bytes()).map_or(text, |end| &text[..end])
}

/// Sets the time, and what is odd about it as the field `timestamp_note`.
pub fn set_time(entry: &mut Entry, told: Told) {
    entry.time = told.time;
    entry.time_source = told.source;
    if let Some(note) = told.note {
        entry.fields.push(("timestamp_note".into(), Value::Str(note.into())));
    }
}
