//! NDJSON and plain text: a line is an entry of another logmill's, a JSON object as a program logs it, or a line of a log,
//! of which several may be one entry.

use serde_json::Value as Json;

use crate::receive::Received;
use crate::receive::protocols::{MAX_ENTRIES, Malformed, Reader};

/// Bytes of one line.
const MAX_LINE: usize = 1 << 20;

pub fn read(body: &[u8], reader: &Reader) -> Result<Vec<Received>, Malformed> {
    let mut received = Vec::new();
    // Lines of a log that follow one another are read together.
    let mut text: Vec<u8> = Vec::new();
    for (index, line) in body.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if line.len() > MAX_LINE {
            return Err(Malformed(format!("line {} has more than {MAX_LINE} bytes", index + 1)));
        }
        match object(line) {
            Some((line, object)) => {
                received.extend(reader.lines(&std::mem::take(&mut text)).into_iter().map(Received::from));
                received.push(reader.document(line, &object));
            }
            None => text.extend_from_slice(line),
        }
        if received.len() > MAX_ENTRIES {
            return Err(Malformed(format!("more than {MAX_ENTRIES} entries at once")));
        }
    }
    received.extend(reader.lines(&text).into_iter().map(Received::from));
    Ok(received)
}

/// A whole JSON object, and its text.
fn object(line: &[u8]) -> Option<(&str, Json)> {
    let text = str::from_utf8(line.trim_ascii()).ok().filter(|text| text.starts_with('{'))?;
    serde_json::from_str(text).ok().map(|object| (text, object))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Level;

    #[test]
    fn lines_of_all_kinds() {
        let reader = Reader::new("http", "shop", 1_795_600_000_000_000_000).from_sender(Some("s".to_owned()));
        let body = concat!(
            "{\"timestamp\":\"2026-11-26T10:00:00.5Z\",\"timestamp_source\":\"line\",\"level\":\"error\",",
            "\"message\":\"m\",\"source\":\"a.log\",\"service\":\"s\",\"id\":\"ab-1-2\"}\n",
            "{\"time\":\"2026-11-26T10:00:01Z\",\"level\":\"warn\",\"msg\":\"disk\",\"free\":3}\n",
            "\n",
            "2026-11-26 10:00:02,000 - x - ERROR - failed\nTraceback (most recent call last):\n  File \"x\"\nValueError: no\n",
            "{broken\n",
        );
        let got = read(body.as_bytes(), &reader).unwrap();
        let shown: Vec<_> = got
            .iter()
            .map(|r| (r.entry.level, r.entry.message().lines().count(), &*r.entry.service, r.origin.is_some()))
            .collect();
        assert_eq!(
            shown,
            [(Level::Error, 1, "s", true), (Level::Warning, 1, "shop", false), (Level::Error, 5, "shop", false),]
        );
        assert_eq!(got[1].entry.message(), "disk");
        assert!(read(b"", &reader).unwrap().is_empty());
        assert!(read(b"\xff\xfe\n", &reader).unwrap().len() == 1);
        let long = vec![b'x'; MAX_LINE + 2];
        assert!(read(&long, &reader).unwrap_err().0.contains("line 1 has more"));
        let many = "{}\n".repeat(MAX_ENTRIES + 1);
        assert!(read(many.as_bytes(), &reader).unwrap_err().0.contains("more than 100000"));
    }
}
