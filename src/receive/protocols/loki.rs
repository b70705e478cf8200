//! Loki's push: streams of lines under labels, as JSON, or as protobuf (`logproto.PushRequest`) that snappy has compressed.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::receive::Received;
use crate::receive::protobuf::{Fields, Malformed as Broken};
use crate::receive::protocols::entry::{take, take_level, take_time};
use crate::receive::protocols::{MAX_ENTRIES, Malformed, Reader};
use crate::record::{Entry, Level};

/// Labels that name the program, the first of them that is there.
const SERVICES: [&str; 5] = ["service", "service_name", "app", "container", "job"];
const LEVELS: [&str; 3] = ["level", "detected_level", "severity"];
const FILES: [&str; 2] = ["filename", "source"];

#[derive(Deserialize)]
struct Push {
    streams: Vec<Stream>,
}

#[derive(Deserialize)]
struct Stream {
    #[serde(rename = "stream")]
    labels: BTreeMap<String, String>,
    values: Vec<Line>,
}

/// Time in nanoseconds, as text; the line; what is known of it.
#[derive(Deserialize)]
struct Line(String, String, #[serde(default)] Map<String, Json>);

pub fn json(body: &[u8], reader: &Reader) -> Result<Vec<Received>, Malformed> {
    let push: Push = serde_json::from_slice(body).map_err(Malformed::new)?;
    entries(push, reader)
}

pub fn protobuf(body: &[u8], reader: &Reader) -> Result<Vec<Received>, Malformed> {
    entries(push(body)?, reader)
}

fn entries(push: Push, reader: &Reader) -> Result<Vec<Received>, Malformed> {
    let mut received = Vec::new();
    for Stream { labels, values } in push.streams {
        if received.len() + values.len() > MAX_ENTRIES {
            return Err(Malformed(format!("more than {MAX_ENTRIES} lines at once")));
        }
        for line in values {
            received.push(entry(&labels, line, reader)?.into());
        }
    }
    Ok(received)
}

fn entry(labels: &BTreeMap<String, String>, line: Line, reader: &Reader) -> Result<Entry, Malformed> {
    let Line(time, text, metadata) = line;
    let time = time.parse().map_err(|_| Malformed(format!("{time:?} is no time in nanoseconds")))?;
    let mut entry = reader.text(&text);
    take_time(&mut entry, Some(time));
    let first = |names: &[&str]| names.iter().find_map(|name| labels.get(*name));
    if let Some(service) = first(&SERVICES) {
        entry.service = service.as_str().into();
    }
    if let Some(file) = first(&FILES) {
        entry.source = file.as_str().into();
    }
    let known = |name: &&str| labels.get(*name).map(String::as_str).or_else(|| metadata.get(*name)?.as_str());
    take_level(&mut entry, LEVELS.iter().find_map(known).and_then(Level::from_value));
    for (name, value) in metadata.iter().filter(|(name, _)| !LEVELS.contains(&name.as_str())) {
        take(&mut entry, name, value);
    }
    let has_place = |name: &str| SERVICES[..2].contains(&name) || LEVELS.contains(&name) || FILES.contains(&name);
    for (name, value) in labels.iter().filter(|(name, _)| !has_place(name)) {
        take(&mut entry, name, &value.as_str().into());
    }
    Ok(entry)
}

fn push(body: &[u8]) -> Result<Push, Malformed> {
    let broken = |error: Broken| Malformed::new(error);
    let mut streams = Vec::new();
    let mut fields = Fields(body);
    while let Some((number, field)) = fields.next().map_err(broken)? {
        if number == 1 {
            streams.push(stream(field.bytes().map_err(broken)?)?);
        }
    }
    Ok(Push { streams })
}

fn stream(bytes: &[u8]) -> Result<Stream, Malformed> {
    let (mut names, mut values) = (BTreeMap::new(), Vec::new());
    let mut fields = Fields(bytes);
    while let Some((number, field)) = fields.next().map_err(Malformed::new)? {
        match number {
            1 => names = labels(&field.text().map_err(Malformed::new)?)?,
            2 => values.push(field.bytes().and_then(line).map_err(Malformed::new)?),
            _ => {}
        }
    }
    Ok(Stream { labels: names, values })
}

fn line(bytes: &[u8]) -> Result<Line, Broken> {
    let (mut time, mut text, mut metadata) = (0, String::new(), Map::new());
    let mut fields = Fields(bytes);
    while let Some((number, field)) = fields.next()? {
        match number {
            1 => {
                let (mut parts, mut seconds, mut nanoseconds) = (Fields(field.bytes()?), 0, 0);
                while let Some((number, field)) = parts.next()? {
                    match number {
                        1 => seconds = field.number()? as i64,
                        2 => nanoseconds = field.number()? as i64,
                        _ => {}
                    }
                }
                time = seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds);
            }
            2 => text = field.text()?,
            3 => {
                let (mut pair, mut name, mut value) = (Fields(field.bytes()?), String::new(), String::new());
                while let Some((number, field)) = pair.next()? {
                    match number {
                        1 => name = field.text()?,
                        2 => value = field.text()?,
                        _ => {}
                    }
                }
                metadata.insert(name, value.into());
            }
            _ => {}
        }
    }
    Ok(Line(time.to_string(), text, metadata))
}

/// `{app="shop", host="a\"1"}`.
fn labels(text: &str) -> Result<BTreeMap<String, String>, Malformed> {
    let wrong = || Malformed(format!("{:?} are no labels", text.chars().take(100).collect::<String>()));
    let mut rest = text.trim().strip_prefix('{').ok_or_else(wrong)?.trim_start();
    let mut found = BTreeMap::new();
    while let Some((name, value)) = rest.split_once('=') {
        // A value is quoted as in Go, of which JSON understands what labels have.
        let mut values = serde_json::Deserializer::from_str(value).into_iter::<String>();
        let text = values.next().and_then(Result::ok).ok_or_else(wrong)?;
        let behind = value[values.byte_offset()..].trim_start();
        found.insert(name.trim().to_owned(), text);
        rest = behind.strip_prefix(',').unwrap_or(behind).trim_start();
    }
    if rest == "}" { Ok(found) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::ValueRef;

    fn reader() -> Reader {
        Reader::new("loki", "loki", 1_795_600_000_000_000_000)
    }

    #[test]
    fn lines_have_their_labels() {
        let body = r#"{"streams":[{"stream":{"app":"shop","host":"a1","level":"warn"},"values":[
            ["1795500000000000001","plain text"],
            ["1795500000000000002","2026-11-23T10:15:30Z ERROR own time",{"trace_id":"t1"}]]}]}"#;
        let got = json(body.as_bytes(), &reader()).unwrap();
        let (first, second) = (&got[0].entry, &got[1].entry);
        assert_eq!((first.time, first.level, &*first.service), (1_795_500_000_000_000_001, Level::Warning, "shop"));
        assert_eq!(first.message(), "plain text");
        assert_eq!(first.field("host"), Some(ValueRef::Str("a1")));
        assert_eq!((second.level, second.field("trace_id")), (Level::Error, Some(ValueRef::Str("t1"))));
        assert_eq!(crate::record::timestamp(second.time), "2026-11-23T10:15:30Z");
    }

    #[test]
    fn protobuf_says_the_same() {
        // PushRequest { streams: [{ labels: {app="shop"}, entries: [{ timestamp: 1795500000 s 1 ns, line: "hi" }] }] }
        let entry = b"\x0a\x08\x08\xe0\xcf\x94\xd8\x06\x10\x01\x12\x02hi";
        let mut stream = b"\x0a\x0c{app=\"shop\"}\x12".to_vec();
        stream.push(entry.len() as u8);
        stream.extend_from_slice(entry);
        let mut body = vec![0x0a, stream.len() as u8];
        body.extend_from_slice(&stream);
        let got = protobuf(&body, &reader()).unwrap();
        assert_eq!((got[0].entry.message(), &*got[0].entry.service), ("hi", "shop"));
        assert_eq!(got[0].entry.time, 1_795_500_000_000_000_001);
        for length in 1..body.len() {
            assert!(protobuf(&body[..length], &reader()).is_err(), "{length}");
        }
    }

    #[test]
    fn label_texts() {
        let check = |text: &str, want: Option<&[(&str, &str)]>| {
            let want = want.map(|pairs| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
            assert_eq!(labels(text).ok(), want, "{text}");
        };
        check("{}", Some(&[]));
        check(r#"{a="1", b="x\"y, z="}"#, Some(&[("a", "1"), ("b", "x\"y, z=")]));
        check("", None);
        check("{a=1}", None);
        check(r#"{a="1""#, None);
        check(r#"{a="1"} x"#, None);
    }

    #[test]
    fn what_is_no_push() {
        let check = |body: &str, want: &str| {
            let error = json(body.as_bytes(), &reader()).unwrap_err().0;
            assert!(error.contains(want), "{body}: {error}");
        };
        check("", "EOF");
        check("{}", "streams");
        check(r#"{"streams":[{"stream":{},"values":[["x","y"]]}]}"#, "no time");
        check(r#"{"streams":[{"stream":{},"values":[["1"]]}]}"#, "invalid length");
    }
}
