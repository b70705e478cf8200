//! Lines that were wrapped by what carried them: Docker's `json-file`, the container runtimes' CRI format, and the
//! colours that programs write for a terminal. What is inside is read as if it stood in a file of its own.

use std::borrow::Cow;

use super::time::{Day, Stamp, Written, stamp};
use crate::record::{Level, TimeSource};

/// What was inside of a line, and what the envelope said.
#[derive(Debug, PartialEq)]
pub struct Letter<'a> {
    pub text: Cow<'a, str>,
    pub stamp: Option<Stamp>,
    /// `stdout` or `stderr`.
    pub stream: Option<&'static str>,
    /// The container that wrote it.
    pub container: Option<&'a str>,
    /// The line goes on in the next letter.
    pub is_partial: bool,
}

/// Opens a line; `None` when nothing is around it. `may_have_colours` is false when the line is known to have none.
pub fn open(line: &str, may_have_colours: bool) -> Option<Letter<'_>> {
    let letter = match line.as_bytes().first()? {
        b'{' if line.starts_with("{\"log\":\"") => docker(line),
        b'0'..=b'9' => cri(line),
        b'a'..=b'z' => compose(line),
        _ => None,
    };
    let Some(letter) = letter else {
        if !may_have_colours {
            return None;
        }
        return memchr::memchr(0x1b, line.as_bytes()).map(|_| plain(without_colours(line).into()));
    };
    if memchr::memchr(0x1b, letter.text.as_bytes()).is_none() {
        return Some(letter);
    }
    Some(Letter { text: without_colours(&letter.text).into(), ..letter })
}

/// Whether the time at which a container's runtime took a line says more than the line: it names its zone.
pub fn is_better(stamp: &Stamp, source: TimeSource) -> bool {
    match source {
        TimeSource::Read | TimeSource::Estimated => true,
        TimeSource::Zone => stamp.zone != Written::Nothing,
        TimeSource::Line => false,
    }
}

fn plain(text: Cow<'_, str>) -> Letter<'_> {
    Letter { text, stamp: None, stream: None, container: None, is_partial: false }
}

fn stream(name: &str) -> Option<&'static str> {
    ["stdout", "stderr"].into_iter().find(|known| *known == name)
}

#[derive(serde::Deserialize)]
struct Docker<'a> {
    #[serde(borrow)]
    log: Cow<'a, str>,
    #[serde(borrow)]
    stream: Cow<'a, str>,
    #[serde(borrow)]
    time: Cow<'a, str>,
}

fn docker(line: &str) -> Option<Letter<'_>> {
    let docker: Docker<'_> = serde_json::from_str(line).ok()?;
    let (stamp, _) = stamp(&docker.time)?;
    let text = docker.log.strip_suffix('\n').unwrap_or(&docker.log);
    let is_partial = text.len() == docker.log.len();
    let text = text.strip_suffix('\r').unwrap_or(text).to_owned();
    Some(Letter { text: text.into(), stamp: Some(stamp), stream: stream(&docker.stream), container: None, is_partial })
}

/// `2026-11-23T10:15:30.123456789Z stdout F message`, with `P` for a part.
fn cri(line: &str) -> Option<Letter<'_>> {
    match line.as_bytes().get(10)? {
        b'T' => {}
        b' ' | b'_' if line.ends_with('}') => return before_object(line),
        _ => return None,
    }
    let (time, rest) = line.split_once(' ')?;
    if let Some(letter) = kubectl(time, rest) {
        return Some(letter);
    }
    let (name, rest) = rest.split_at_checked(6).filter(|(_, rest)| rest.starts_with(' '))?;
    let rest = &rest[1..];
    let stream = Some(stream(name)?);
    let (tag, text) = rest.split_once(' ').unwrap_or((rest, ""));
    let is_partial = match tag.split(':').next()? {
        "F" => false,
        "P" => true,
        _ => return None,
    };
    let stamp = whole(time).filter(|stamp| stamp.zone != Written::Nothing)?;
    Some(Letter { text: text.into(), stamp: Some(stamp), stream, container: None, is_partial })
}

/// The time that the text is and nothing else.
fn whole(time: &str) -> Option<Stamp> {
    stamp(time).filter(|(_, length)| *length == time.len()).map(|(stamp, _)| stamp)
}

/// `2026-11-23T10:15:30.123456789Z message`, as `kubectl logs --timestamps` shows it, where the message is an object or has
/// a time of its own: any other line may be one whose time this is.
fn kubectl<'a>(time: &str, text: &'a str) -> Option<Letter<'a>> {
    if !has_form(text) && !is_access(text) {
        return None;
    }
    let stamp = whole(time).filter(|stamp| stamp.zone != Written::Nothing)?;
    Some(Letter { stamp: Some(stamp), ..plain(text.into()) })
}

/// `2026-11-23_10:15:30.12345 {"level":"info"}`, as supervisors of services write before what these write.
fn before_object(line: &str) -> Option<Letter<'_>> {
    let (time, rest) = line.split_once(" {\"").filter(|(time, _)| time.len() < 40)?;
    let text = &line[line.len() - rest.len() - 2..];
    Some(Letter { stamp: Some(whole(time)?), ..plain(text.into()) })
}

/// Whether a line begins as web servers write it: an address, a dash, a user, and a time in brackets.
fn is_access(text: &str) -> bool {
    let begins = text.starts_with(|c: char| c.is_ascii_digit());
    let is_head = |before: &str| before.len() < 200 && before.split(' ').nth(1) == Some("-");
    begins && text.split_once(" [").is_some_and(|(before, time)| is_head(before) && stamp(time).is_some())
}

/// `web_1    | message`, `db-1  | message`: what `docker compose logs` shows. A name without a number counts before a line
/// that has a time or is an object.
fn compose(line: &str) -> Option<Letter<'_>> {
    const MAX_NAME: usize = 64;
    let bar = memchr::memchr(b'|', line.as_bytes().get(..MAX_NAME.min(line.len()))?)?;
    let name = line[..bar].trim_end_matches(' ');
    let text = line[bar + 1..].strip_prefix(' ').unwrap_or(&line[bar + 1..]);
    let number = name.len() - name.bytes().rev().take_while(u8::is_ascii_digit).count();
    let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    let is_numbered = number < name.len() && name[..number].ends_with(['_', '-']);
    let is_service = || Level::from_word(name).is_none() && has_form(text);
    let is_one = is_name && name.len() < bar && (is_numbered || is_service());
    is_one.then(|| Letter { container: Some(name), ..plain(text.into()) })
}

/// Whether a text is a line of a program's for certain: an object, or one with a time at its head.
fn has_form(text: &str) -> bool {
    match text.as_bytes().first() {
        Some(b'{') => text.ends_with('}'),
        Some(b'I' | b'W' | b'E' | b'F') if super::time::klog(&text[1..]).is_some() => true,
        // A bare number or clock may be anything.
        _ => stamp(text.strip_prefix('[').unwrap_or(text)).is_some_and(|(stamp, _)| match stamp.day {
            Day::Date(days) => days != 0,
            Day::Either(..) | Day::Yearless(..) => true,
            Day::Unknown => false,
        }),
    }
}

/// The text without the escape sequences of ECMA-48 that terminals obey.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = match behind.as_bytes().first() {
            // A control sequence ends with a byte from @ to ~.
            Some(b'[') => {
                let length = behind.bytes().skip(1).position(|b| (0x40..0x7f).contains(&b));
                length.and_then(|length| behind.get(length + 2..)).unwrap_or("")
            }
            _ => behind,
        };
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters() {
        let check = |line: &str, want: Option<(&str, Option<&str>, bool, bool)>| {
            let found = open(line, true).map(|l| (l.text.to_string(), l.stream, l.is_partial, l.stamp.is_some()));
            let want = want.map(|(text, stream, partial, time)| (text.to_owned(), stream, partial, time));
            assert_eq!(
                found.as_ref().map(|f| (&f.0, f.1, f.2, f.3)),
                want.as_ref().map(|w| (&w.0, w.1, w.2, w.3)),
                "{line}"
            );
        };
        check(
            r#"{"log":"a \"b\"\n","stream":"stdout","time":"2026-11-23T10:15:30.123456789Z"}"#,
            Some(("a \"b\"", Some("stdout"), false, true)),
        );
        check(
            r#"{"log":"part","stream":"stderr","time":"2026-11-23T10:15:30Z"}"#,
            Some(("part", Some("stderr"), true, true)),
        );
        check(r#"{"log":"no time\n"}"#, None);
        check("2026-11-23T10:15:30.1Z stdout F a b", Some(("a b", Some("stdout"), false, true)));
        check("2026-11-23T10:15:30.1+01:00 stderr P a", Some(("a", Some("stderr"), true, true)));
        check("2026-11-23T10:15:30.1Z stdout F", Some(("", Some("stdout"), false, true)));
        check("2026-11-23 10:15:30 stdout F a", None);
        check("2026-11-23T10:15:30Z INFO x", None);
        check("2026-11-23T10:15:30Z {\"a\":1}", Some(("{\"a\":1}", None, false, true)));
        check("2026-11-23T10:15:30Z 2026-11-23 10:15:29 x", Some(("2026-11-23 10:15:29 x", None, false, true)));
        check("2026-11-23T10:15:30 {\"a\":1}", None);
        check("2026-11-23_10:15:30.12345 {\"a\":1}", Some(("{\"a\":1}", None, false, true)));
        check("2026-11-23 10:15:30 {\"a\":1}", Some(("{\"a\":1}", None, false, true)));
        check("2026-11-23 10:15:30 INFO {\"a\":1}", None);
        check("2026-11-23T10:15:30Z 17 apples", None);
        check(
            "2026-11-23T10:15:30Z 10.0.0.1 - - [23/Nov/2026:10:15:29 +0000] \"GET /",
            Some(("10.0.0.1 - - [23/Nov/2026:10:15:29 +0000] \"GET /", None, false, true)),
        );
        check("web_1  | hello", Some(("hello", None, false, false)));
        check("backend    | 2026-11-23 10:15:30 hello", Some(("2026-11-23 10:15:30 hello", None, false, false)));
        check("backend    | hello", None);
        check("info | 2026-11-23 10:15:30 hello", None);
        check("\u{1b}[32mINFO\u{1b}[0m x", Some(("INFO x", None, false, false)));
        check("cut \u{1b}[3", Some(("cut ", None, false, false)));
        check("plain", None);
        check("", None);
    }
}
