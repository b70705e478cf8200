//! One line of a batch, as text.

use std::borrow::Cow;

use crate::record::Outcomes;
use crate::sys::encoding::Encoding;

/// One line, cleaned.
pub struct Line<'a> {
    pub text: Cow<'a, str>,
    /// Its own part of the counts.
    pub outcomes: Outcomes,
}

impl<'a> Line<'a> {
    pub fn from_text(line: &'a str) -> Line<'a> {
        let text = line.strip_suffix('\n').unwrap_or(line);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.as_bytes().first().is_some_and(|first| (1..0x80).contains(first)) {
            return Line { text: Cow::Borrowed(text), outcomes: Outcomes { lines: 1, ..Outcomes::default() } };
        }
        // NULs that a writer left, and the byte order mark of a file's first line.
        let rest = text.trim_start_matches('\0');
        let rest = rest.strip_prefix('\u{feff}').unwrap_or(rest);
        let outcomes = Outcomes {
            lines: 1,
            nul_bytes: text.bytes().take_while(|b| *b == 0).count() as u64,
            ..Outcomes::default()
        };
        Line { text: Cow::Borrowed(rest), outcomes }
    }

    /// A line in some encoding, in which not all of it need be valid. When it was cut, a character cut through at its end
    /// is left out.
    pub fn from_bytes(line: &'a [u8], encoding: Encoding, truncated: bool) -> Line<'a> {
        let body = line.strip_suffix(encoding.newline()).unwrap_or(line);
        match encoding.decode(body, truncated) {
            (Cow::Borrowed(text), _) => Line::from_text(text),
            (Cow::Owned(text), is_invalid) => {
                let cleaned = Line::from_text(&text);
                let outcomes = Outcomes { invalid_utf8: u64::from(is_invalid), ..cleaned.outcomes };
                Line { text: Cow::Owned(cleaned.text.into_owned()), outcomes }
            }
        }
    }
}
