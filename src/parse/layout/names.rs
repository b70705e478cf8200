//! What can be a name: of a logger, a host, a part of syslog.

use memchr::{memchr, memmem};

use super::Kind;
use crate::parse::bytes::{self, BLANK, DIGIT, HEX, NAME};
use crate::record::Level;

/// Bytes a `name` has at most, and a `text` that is no message.
const MAX_NAME: usize = 200;
const MAX_TEXT: usize = 4_096;

/// Whether a capture can hold this, or longer texts that begin with it.
pub fn is_possible(kind: Kind, text: &[u8]) -> bool {
    match kind {
        Kind::Text => text.len() <= MAX_TEXT,
        _ => {
            text.len() <= MAX_NAME
                && text.first().is_some_and(|b| !bytes::is(*b, DIGIT | BLANK) && *b != b':')
                && text.trim_ascii_end().iter().all(|b| bytes::is(*b, NAME))
        }
    }
}

/// Whether a capture that can hold this does. Behind a name a message may come after a colon, which begins with a word and
/// a colon itself as often.
pub fn is_one(kind: Kind, text: &[u8], before_colon: bool) -> bool {
    if kind == Kind::Text {
        return true;
    }
    let name = text.trim_ascii_end();
    !name.ends_with(b":") && (kind != Kind::Dotted || is_dotted(name)) && !(before_colon && is_outcome(name))
}

fn is_dotted(text: &[u8]) -> bool {
    memchr(b'.', text).is_some_and(|at| at > 0) || memmem::find(text, b"::").is_some()
}

/// What messages begin with before a colon, beside levels: `Listening`, `Installed`. No name of a logger, even where one
/// is looked for. In the order of their bytes.
const OUTCOMES: [&[u8]; 57] = [
    b"Accepted",
    b"Adding",
    b"Building",
    b"Changed",
    b"Checking",
    b"Cleanup",
    b"Closed",
    b"Command",
    b"Completed",
    b"Connected",
    b"Connecting",
    b"Created",
    b"Creating",
    b"Deleted",
    b"Deleting",
    b"Disconnected",
    b"Done",
    b"Downloading",
    b"Erased",
    b"Executing",
    b"Failed",
    b"Finished",
    b"Ignored",
    b"Initialized",
    b"Initializing",
    b"Installed",
    b"Installing",
    b"Listening",
    b"Loaded",
    b"Loading",
    b"Missing",
    b"Note",
    b"OPTION",
    b"Opened",
    b"Processed",
    b"Processing",
    b"Reading",
    b"Reason",
    b"Received",
    b"Reinstalled",
    b"Rejected",
    b"Removed",
    b"Removing",
    b"Result",
    b"Retrying",
    b"Running",
    b"Sending",
    b"Setting",
    b"Skipped",
    b"Skipping",
    b"Started",
    b"Starting",
    b"Stopped",
    b"Stopping",
    b"Updated",
    b"Usage",
    b"Using",
];

fn is_outcome(text: &[u8]) -> bool {
    let is_error = (text.ends_with(b"Error") || text.ends_with(b"Exception")) && memchr(b'.', text).is_none();
    let is_address = || memmem::find(text, b"://").is_some();
    let is_level = || str::from_utf8(text).is_ok_and(|word| Level::from_word(word).is_some());
    is_error || OUTCOMES.binary_search(&text).is_ok() || is_address() || is_level()
}

/// Whether it can be the tag of a line: no piece of an object, or of a pair.
pub fn is_tag(text: &[u8], before_colon: bool) -> bool {
    let is_piece = text.iter().any(|b| b"\"{=".contains(b));
    !(is_piece || before_colon && is_outcome(text))
}

/// Whether it can be a host: no level, no date, and with colons only if it is an address or a mark of what was redacted.
/// A lone one, behind which no process is named, is no word that begins a sentence either.
pub fn is_host(kind: Kind, text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.iter().all(|b| b.is_ascii_digit() || *b == b'.') {
        return true;
    }
    let good = |b: &u8| b.is_ascii_alphanumeric() || *b >= 0x80 || b"._-:%/@+".contains(b);
    let first = bytes.first().copied().unwrap_or_default();
    let is_level = first.is_ascii_uppercase() && bytes.len() > 2 && Level::from_column(text).is_some();
    let is_word = kind == Kind::LoneHost && first.is_ascii_uppercase() && bytes.iter().all(u8::is_ascii_alphabetic);
    match bytes {
        b"(none)" => true,
        // What was redacted gives way to a name and a colon.
        [b'[', inner @ .., b']'] => is_address(inner) || memchr(b':', inner).is_some(),
        _ => {
            let is_plain = memchr(b':', bytes).is_none() || is_address(bytes);
            bytes.iter().all(good) && is_plain && !is_date(bytes) && !is_level && !is_word
        }
    }
}

/// `2026-11-23`, and what goes on like it.
pub fn is_date(text: &[u8]) -> bool {
    matches!(text, [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'-', _, _, b'-', ..])
}

/// Of the internet, perhaps with a port or the zone of an interface.
fn is_address(text: &[u8]) -> bool {
    let address = memchr(b'%', text).map_or(text, |at| &text[..at]);
    address.iter().all(|b| bytes::is(*b, HEX) || b".:/".contains(b)) && !address.ends_with(b":")
        || address.ends_with(b"::")
}

/// Whether syslog has such a facility.
pub fn is_facility(text: &[u8]) -> bool {
    const NAMES: [&[u8]; 15] = [
        b"kern",
        b"user",
        b"mail",
        b"daemon",
        b"auth",
        b"syslog",
        b"lpr",
        b"news",
        b"uucp",
        b"cron",
        b"authpriv",
        b"ftp",
        b"ntp",
        b"audit",
        b"console",
    ];
    NAMES.contains(&text) || matches!(text, [b'l', b'o', b'c', b'a', b'l', b'0'..=b'7'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_in_order() {
        assert!(OUTCOMES.is_sorted());
        let check = |name: &str, want: bool| assert_eq!(is_outcome(name.as_bytes()), want, "{name}");
        check("Installed", true);
        check("ValueError", true);
        check("http://host/x", true);
        check("error", true);
        check("Warning", true);
        check("java.lang.Error", false);
        check("Billing", false);
        check("Embedded", false);
    }

    #[test]
    fn hosts() {
        let check = |host: &str, alone: bool, with: bool| {
            assert_eq!((is_host(Kind::LoneHost, host), is_host(Kind::Host, host)), (alone, with), "{host}");
        };
        for host in ["web-1", "10.0.0.9", "[10.0.0.9]", "fe80::1%eth0", "::1", "(none)", "alert", "unknown", "-"] {
            check(host, true, true);
        }
        check("[redacted:ipv4]", true, true);
        check("10.0.0.1:514", true, true);
        check("Beijing", false, true);
        for other in ["ERROR", "ERRO", "Warning", "2026-11-23", "lmtp(bob):", "master:", "[main]", "user:bob", "x=1"] {
            check(other, false, false);
        }
    }
}
