//! One line of a batch, as text.

use std::borrow::Cow;

use crate::record::Outcomes;

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

    /// A line that may not be UTF-8. When it was cut, a character cut through at its end is left out.
    pub fn from_bytes(line: &'a [u8], truncated: bool) -> Line<'a> {
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
