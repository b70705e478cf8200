//! Messages of syslog as they arrive: RFC 3164 and 5424, over UDP one a datagram, over TCP in frames (RFC 6587).

use crate::receive::Received;
use crate::receive::protocols::{Malformed, Reader};

/// Bytes of one message; a longer one is cut.
pub const MAX_MESSAGE: usize = 64 << 10;
/// Digits of a length.
const MAX_DIGITS: usize = 7;

/// An entry of a message.
pub fn message(bytes: &[u8], reader: &Reader) -> Option<Received> {
    let bytes = bytes.trim_ascii_end();
    // Some senders end a message with one.
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_MESSAGE)]);
    (!text.trim().is_empty()).then(|| reader.text(&text).into())
}

/// The next message at the front of a stream, and how long its frame is; `None` when more must come first.
///
/// A frame begins with its length in digits and a blank, or else ends with a line's end.
pub fn frame(stream: &[u8]) -> Result<Option<(&[u8], usize)>, Malformed> {
    match stream.first() {
        None => Ok(None),
        Some(b'1'..=b'9') => counted(stream),
        Some(_) => match memchr::memchr(b'\n', stream) {
            Some(end) => Ok(Some((&stream[..end], end + 1))),
            // A line without an end: what is there of it is a message.
            None if stream.len() > MAX_MESSAGE => Ok(Some((stream, stream.len()))),
            None => Ok(None),
        },
    }
}

fn counted(stream: &[u8]) -> Result<Option<(&[u8], usize)>, Malformed> {
    let digits = stream.iter().take(MAX_DIGITS + 1).take_while(|byte| byte.is_ascii_digit()).count();
    match stream.get(digits) {
        None => Ok(None),
        Some(b' ') if digits <= MAX_DIGITS => {
            let length: usize = str::from_utf8(&stream[..digits]).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
            if length > 16 * MAX_MESSAGE {
                return Err(Malformed(format!("a message of {length} bytes; at most {} are taken", 16 * MAX_MESSAGE)));
            }
            let (start, end) = (digits + 1, digits + 1 + length);
            Ok(stream.get(start..end).map(|message| (message, end)))
        }
        Some(_) => Err(Malformed("a frame begins with a digit and has no length".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Level;

    #[test]
    fn messages() {
        let reader = Reader::new("syslog", "syslog", 1_795_600_000_000_000_000);
        let check = |text: &str, level: Level, logger: Option<&str>, message: &str| {
            let entry = super::message(text.as_bytes(), &reader).unwrap().entry;
            assert_eq!((entry.level, entry.logger.as_deref(), entry.message()), (level, logger, message), "{text}");
        };
        check(
            "<34>1 2026-11-26T10:00:00.5Z host su - ID47 - 'su root' failed\n",
            Level::Critical,
            Some("su"),
            "'su root' failed",
        );
        check("<13>Nov 26 10:00:00 host app[12]: hello\0", Level::Notice, Some("app"), "hello");
        check("just text", Level::Unknown, None, "just text");
        assert!(super::message(b" \n", &reader).is_none());
    }

    #[test]
    fn frames() {
        let check = |stream: &[u8], want: Option<(&[u8], usize)>| assert_eq!(frame(stream).unwrap(), want);
        check(b"", None);
        check(b"<13>a\n<13>b", Some((b"<13>a", 6)));
        check(b"<13>a", None);
        check(b"5 <13>ab", Some((b"<13>a", 7)));
        check(b"5 <13>", None);
        check(b"5", None);
        check(b"0", None);
        assert!(frame(b"5x").is_err());
        assert!(frame(b"99999999 x").is_err());
        assert!(frame(b"9999999 x").is_err());
        let long = vec![b'x'; MAX_MESSAGE + 1];
        check(&long, Some((&long, long.len())));
    }
}
