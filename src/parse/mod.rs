//! Layer 2: the shapes of log lines. Pure and total: any text gives an entry, and nothing here does I/O.
//!
//! A [`Format`] recognises the line an entry begins with and says what it holds ([`Format::recognises`]), and fills an
//! entry from its whole text ([`Format::fill`]). Text formats are data, see `catalog`. `pipeline` decides which lines
//! belong together, with the help of [`lines`].

mod bytes;
mod catalog;
mod clock;
pub mod envelope;
mod format;
mod head;
mod home;
mod ids;
mod inside;
mod json;
mod layout;
pub mod lines;
mod logfmt;
mod names;
mod pattern;
mod places;
mod structured;
pub mod time;
mod zone;

#[cfg(test)]
mod tests;

pub use clock::Clock;
pub use format::{Format, Joins, known};
pub use home::place;
pub use layout::{Head, Kind, Layout, LayoutError};
pub use names::Names;
pub use pattern::Pattern;
pub use zone::Zone;

use crate::record::{Entry, Text, Value};
use clock::Told;

/// The first line of an entry's text.
fn first_line(text: &str) -> &str {
    memchr::memchr(b'\n', text.as_bytes()).map_or(text, |end| &text[..end])
}

/// Where the quote is that ends a quoted text, of which the first is behind: one without a backslash before it that is not
/// escaped itself.
fn closing_quote(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let end = from + memchr::memchr(b'"', text.get(from..)?)?;
        let escapes = text[..end].iter().rev().take_while(|b| **b == b'\\').count();
        if escapes % 2 == 0 {
            return Some(end);
        }
        from = end + 1;
    }
}

/// Adds to the message the lines that follow what was parsed, which ends at `end` of the raw text.
fn append_lines(entry: &mut Entry, end: usize) {
    let rest = entry.raw.get(end..).unwrap_or("");
    if rest.contains('\n') {
        entry.message = Text::Owned(format!("{}{rest}", entry.message()).into());
    }
}

/// Sets the time, and what is odd about it as the field `timestamp_note`.
pub fn set_time(entry: &mut Entry, told: Told) {
    entry.time = told.time;
    entry.time_source = told.source;
    if let Some(note) = told.note {
        entry.fields.push(("timestamp_note".into(), Value::Str(note.into())));
    }
}
