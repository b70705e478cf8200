//! Messages of syslog as they arrive: RFC 3164 and 5424, over UDP one a datagram, over TCP in frames (RFC 6587).

use crate::receive::Received;
use crate::receive::protocols::{Malformed, Reader};

/// Bytes of one message; a longer one is cut.
pub const MAX_MESSAGE: usize = 64 << 10;
/// Bytes that are read at once.
const READ: usize = 16 << 10;
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

/// What came over a connection and is no whole message yet. It holds one message at most, however long its sender says that
/// it is.
#[derive(Debug, Default)]
pub struct Frames {
    waiting: Vec<u8>,
    /// Bytes to come of a message of which enough was kept.
    skip: usize,
}

impl Frames {
    /// Where to put the bytes that come next; there is room for some.
    pub fn room(&mut self) -> &mut Vec<u8> {
        // What one long message took is given back.
        if self.waiting.is_empty() {
            self.waiting.shrink_to(READ);
        }
        self.waiting.reserve(READ);
        &mut self.waiting
    }

    /// Hands out the whole messages, and says how many bytes are done with.
    pub fn take(&mut self, mut each: impl FnMut(&[u8])) -> Result<usize, Malformed> {
        let mut done = self.skip.min(self.waiting.len());
        self.skip -= done;
        let result = loop {
            match frame(&self.waiting[done..]) {
                Ok(Some((message, length))) => {
                    each(message);
                    let there = length.min(self.waiting.len() - done);
                    done += there;
                    self.skip = length - there;
                }
                Ok(None) => break Ok(done),
                Err(error) => break Err(error),
            }
        };
        self.waiting.drain(..done);
        result
    }

    /// Whether a message has begun whose end is not there.
    pub fn is_inside(&self) -> bool {
        !self.waiting.is_empty() || self.skip > 0
    }

    /// Nothing more comes: a line needs no end now. Of a message with a length nothing is taken that is not whole.
    pub fn end(&mut self) {
        if self.waiting.first().is_some_and(|byte| !byte.is_ascii_digit()) {
            self.waiting.push(b'\n');
        }
    }
}

/// The next message at the front of a stream, and how long its frame is, which may be more than is there; `None` when more
/// must come first.
///
/// A frame begins with its length in digits and a blank, or else ends with a line's end.
fn frame(stream: &[u8]) -> Result<Option<(&[u8], usize)>, Malformed> {
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
            let start = digits + 1;
            // The rest of a longer one need not be waited for.
            let message = stream.get(start..start + length.min(MAX_MESSAGE));
            Ok(message.map(|message| (message, start + length)))
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
        // Of a longer message the beginning is enough.
        let counted = [b"100000 ".to_vec(), vec![b'x'; MAX_MESSAGE]].concat();
        check(&counted[..counted.len() - 1], None);
        check(&counted, Some((&counted[7..], 100_007)));
    }

    /// However the bytes are cut, the messages are the same, and little is held.
    #[test]
    fn streams_in_pieces() {
        let long = "y".repeat(100_000);
        let stream = format!("<13>a\n5 <13>b{} {long}<13>c\n\n6 <13>dd<13>without an end", long.len());
        let want: Vec<String> = ["<13>a", "<13>b", &long[..MAX_MESSAGE], "<13>c", "", "<13>dd", "<13>without an end"]
            .map(str::to_owned)
            .into();
        for size in [1, 7, 1_000, 70_000, usize::MAX] {
            let (mut frames, mut got, mut done) = (Frames::default(), Vec::new(), 0);
            let mut take = |frames: &mut Frames| {
                done += frames.take(|message| got.push(String::from_utf8_lossy(message).into_owned())).unwrap();
            };
            for piece in stream.as_bytes().chunks(size.min(stream.len())) {
                frames.room().extend_from_slice(piece);
                take(&mut frames);
                assert!(frames.waiting.len() <= MAX_MESSAGE + MAX_DIGITS + 1, "{size}: {}", frames.waiting.len());
            }
            assert!(frames.is_inside());
            frames.end();
            take(&mut frames);
            assert!(!frames.is_inside() && frames.room().capacity() <= 2 * READ, "{size}");
            assert_eq!(got, want, "{size}");
            // Bytes that were passed over were done with when they were counted.
            assert!(done >= stream.len() - (long.len() - MAX_MESSAGE), "{size}: {done}");
        }
        let mut frames = Frames::default();
        frames.room().extend_from_slice(b"<13>good\n5x");
        let mut got = 0;
        assert!(frames.take(|_| got += 1).is_err());
        assert_eq!(got, 1, "what came before the mistake counts");
        let mut frames = Frames::default();
        frames.room().extend_from_slice(b"9 <13>");
        frames.end();
        assert_eq!((frames.take(|_| panic!("half a message")).unwrap(), frames.is_inside()), (0, true));
    }
}
