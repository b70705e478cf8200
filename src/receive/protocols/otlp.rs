//! OTLP/HTTP logs: `ExportLogsServiceRequest` as protobuf or JSON. Numbers of fields are those of opentelemetry-proto,
//! `logs/v1/logs.proto` and `common/v1/common.proto`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::receive::Received;
use crate::receive::protobuf::{Field, Fields, Malformed as Broken};
use crate::receive::protocols::entry::take;
use crate::receive::protocols::{MAX_ENTRIES, Malformed, Reader};
use crate::record::{Entry, Level, LevelSource, TimeSource};

/// Attributes that have a place of their own in an entry.
const SERVICE: &str = "service.name";
const PATH: &str = "log.file.path";
const UID: &str = "log.record.uid";
/// Values nested deeper are refused.
const MAX_DEPTH: usize = 32;

/// What a record has from around it.
#[derive(Default)]
struct Around {
    /// Of the resource.
    attributes: Map<String, Json>,
    logger: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Record {
    #[serde(deserialize_with = "number")]
    time_unix_nano: u64,
    #[serde(deserialize_with = "number")]
    observed_time_unix_nano: u64,
    #[serde(deserialize_with = "number")]
    severity_number: u64,
    severity_text: String,
    #[serde(deserialize_with = "value")]
    body: Json,
    #[serde(deserialize_with = "pairs")]
    attributes: Map<String, Json>,
    trace_id: String,
    span_id: String,
    event_name: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Request {
    resource_logs: Vec<ResourceLogs>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ResourceLogs {
    resource: Resource,
    scope_logs: Vec<ScopeLogs>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resource {
    #[serde(deserialize_with = "pairs")]
    attributes: Map<String, Json>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ScopeLogs {
    scope: Scope,
    log_records: Vec<Record>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Scope {
    name: String,
}

pub fn json(body: &[u8], reader: &Reader) -> Result<Vec<Received>, Malformed> {
    let request: Request = serde_json::from_slice(body).map_err(Malformed::new)?;
    let mut received = Vec::new();
    for ResourceLogs { resource, scope_logs } in request.resource_logs {
        let mut around = Around { attributes: resource.attributes, logger: String::new() };
        for ScopeLogs { scope, log_records } in scope_logs {
            around.logger = scope.name;
            for record in log_records {
                push(&mut received, entry(record, &around, reader))?;
            }
        }
    }
    Ok(received)
}

pub fn protobuf(body: &[u8], reader: &Reader) -> Result<Vec<Received>, Malformed> {
    let mut received = Vec::new();
    each(body, 1, &mut |resource| resource_logs(resource, reader, &mut received)).map_err(Malformed::new)?;
    if received.len() > MAX_ENTRIES { Err(too_many()) } else { Ok(received) }
}

fn push(received: &mut Vec<Received>, one: Received) -> Result<(), Malformed> {
    received.push(one);
    if received.len() > MAX_ENTRIES { Err(too_many()) } else { Ok(()) }
}

fn too_many() -> Malformed {
    Malformed(format!("more than {MAX_ENTRIES} records at once"))
}

/// Each message in the fields of this number.
fn each<'a>(bytes: &'a [u8], wanted: u64, visit: &mut dyn FnMut(&'a [u8]) -> Result<(), Broken>) -> Result<(), Broken> {
    let mut fields = Fields(bytes);
    while let Some((number, field)) = fields.next()? {
        if number == wanted {
            visit(field.bytes()?)?;
        }
    }
    Ok(())
}

fn resource_logs(bytes: &[u8], reader: &Reader, received: &mut Vec<Received>) -> Result<(), Broken> {
    let mut around = Around::default();
    each(bytes, 1, &mut |resource| each(resource, 1, &mut |pair| attribute(pair, &mut around.attributes, 0)))?;
    each(bytes, 2, &mut |scope_logs| {
        around.logger.clear();
        each(scope_logs, 1, &mut |scope| {
            each(scope, 1, &mut |name| {
                around.logger = String::from_utf8_lossy(name).into_owned();
                Ok(())
            })
        })?;
        each(scope_logs, 2, &mut |record| {
            // What is beyond is refused as a whole, by whoever counts.
            if received.len() <= MAX_ENTRIES {
                received.push(entry(log_record(record)?, &around, reader));
            }
            Ok(())
        })
    })
}

fn log_record(bytes: &[u8]) -> Result<Record, Broken> {
    let mut record = Record::default();
    let mut fields = Fields(bytes);
    while let Some((number, field)) = fields.next()? {
        match number {
            1 => record.time_unix_nano = field.number()?,
            2 => record.severity_number = field.number()?,
            3 => record.severity_text = field.text()?,
            5 => record.body = any_value(field.bytes()?, 0)?,
            6 => attribute(field.bytes()?, &mut record.attributes, 0)?,
            9 => record.trace_id = hexadecimal(field.bytes()?),
            10 => record.span_id = hexadecimal(field.bytes()?),
            11 => record.observed_time_unix_nano = field.number()?,
            12 => record.event_name = field.text()?,
            _ => {}
        }
    }
    Ok(record)
}

/// A `KeyValue`.
fn attribute(bytes: &[u8], into: &mut Map<String, Json>, depth: usize) -> Result<(), Broken> {
    let (mut name, mut value) = (String::new(), Json::Null);
    let mut fields = Fields(bytes);
    while let Some((number, field)) = fields.next()? {
        match number {
            1 => name = field.text()?,
            2 => value = any_value(field.bytes()?, depth)?,
            _ => {}
        }
    }
    into.insert(name, value);
    Ok(())
}

fn any_value(bytes: &[u8], depth: usize) -> Result<Json, Broken> {
    if depth > MAX_DEPTH {
        return Err(Broken);
    }
    let mut value = Json::Null;
    let mut fields = Fields(bytes);
    while let Some((number, field)) = fields.next()? {
        value = match (number, field) {
            (1, field) => field.text()?.into(),
            (2, field) => (field.number()? != 0).into(),
            (3, field) => (field.number()? as i64).into(),
            (4, Field::Fixed64(bits)) => f64::from_bits(bits).into(),
            (5, field) => {
                let mut values = Vec::new();
                each(field.bytes()?, 1, &mut |inner| {
                    values.push(any_value(inner, depth + 1)?);
                    Ok(())
                })?;
                values.into()
            }
            (6, field) => {
                let mut map = Map::new();
                each(field.bytes()?, 1, &mut |pair| attribute(pair, &mut map, depth + 1))?;
                map.into()
            }
            (7, field) => BASE64_STANDARD.encode(field.bytes()?).into(),
            _ => value,
        };
    }
    Ok(value)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A number of 64 bits, which JSON has as a text, too.
fn number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let wrong = || serde::de::Error::custom("a number is wanted");
    match Json::deserialize(deserializer)? {
        Json::Null => Ok(0),
        Json::Number(number) => number.as_u64().ok_or_else(wrong),
        Json::String(text) => text.parse().map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}

fn value<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
    Json::deserialize(deserializer).map(|any| plain(&any))
}

fn pairs<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Map<String, Json>, D::Error> {
    Option::<Vec<Json>>::deserialize(deserializer).map(|pairs| map(&pairs.unwrap_or_default()))
}

fn map(pairs: &[Json]) -> Map<String, Json> {
    let pair = |pair: &Json| Some((pair["key"].as_str()?.to_owned(), plain(&pair["value"])));
    pairs.iter().filter_map(pair).collect()
}

/// An `AnyValue` of JSON as the value it stands for.
fn plain(any: &Json) -> Json {
    let Some((kind, value)) = any.as_object().and_then(|map| map.iter().next()) else { return Json::Null };
    let array = |value: &Json| value["values"].as_array().cloned().unwrap_or_default();
    match (kind.as_str(), value) {
        ("stringValue" | "boolValue" | "doubleValue" | "bytesValue", value) => value.clone(),
        ("intValue", Json::String(text)) => text.parse::<i64>().map_or(Json::Null, Json::from),
        ("intValue", value) => value.clone(),
        ("arrayValue", value) => array(value).iter().map(plain).collect(),
        ("kvlistValue", value) => map(&array(value)).into(),
        _ => Json::Null,
    }
}

/// By OpenTelemetry's ranges; of those that stand between two of ours the graver one.
fn level(number: u64) -> Option<Level> {
    Some(match number {
        1..=4 => Level::Trace,
        5..=8 => Level::Debug,
        9 => Level::Info,
        10..=12 => Level::Notice,
        13..=16 => Level::Warning,
        17 => Level::Error,
        18..=20 => Level::Critical,
        21..=24 => Level::Fatal,
        _ => return None,
    })
}

fn entry(record: Record, around: &Around, reader: &Reader) -> Received {
    let level = level(record.severity_number).or_else(|| Level::from_value(&record.severity_text));
    let mut entry = match &record.body {
        // Without a level it is a line that nobody has understood yet.
        Json::String(text) if level.is_none() => reader.text(text),
        Json::String(text) => reader.plain(text),
        Json::Null => reader.plain(&record.event_name),
        Json::Object(map) => structured(map, reader),
        other => reader.plain(&other.to_string()),
    };
    let time = |nanoseconds: u64| i64::try_from(nanoseconds).ok().filter(|time| *time > 0);
    if let Some(time) = time(record.time_unix_nano) {
        entry.time = time;
        entry.time_source = TimeSource::Line;
    }
    entry.read_time = time(record.observed_time_unix_nano).or(Some(reader.now));
    if let Some(level) = level {
        entry.level = level;
        entry.level_source = LevelSource::Field;
    }
    let mut attributes = record.attributes;
    let mut text = |name: &str| attributes.remove(name).and_then(|value| value.as_str().map(str::to_owned));
    if let Some(path) = text(PATH) {
        entry.source = path.into();
    }
    // Ours, which are no fields.
    let _ = text(UID);
    if let Some(source) = text("timestamp_source").and_then(|name| TimeSource::from_name(&name)) {
        entry.time_source = source;
    }
    if let Some(source) = text("level_source").and_then(|name| LevelSource::from_name(&name)) {
        entry.level_source = source;
    }
    if let Some(Json::String(service)) = around.attributes.get(SERVICE) {
        entry.service = service.as_str().into();
    }
    if !around.logger.is_empty() {
        entry.logger = Some(around.logger.as_str().into());
    }
    for (name, id) in [("trace_id", record.trace_id), ("span_id", record.span_id)] {
        if !id.is_empty() {
            take(&mut entry, name, &id.into());
        }
    }
    let of_resource = around.attributes.iter().filter(|(name, _)| *name != SERVICE);
    attributes.iter().chain(of_resource).for_each(|(name, value)| take(&mut entry, name, value));
    entry.into()
}

/// A body that is an object: its message, and the rest as fields.
fn structured(map: &Map<String, Json>, reader: &Reader) -> Entry {
    let message = ["message", "msg", "body"].iter().find_map(|name| map.get_key_value(*name));
    let Some((key, Json::String(text))) = message else { return reader.plain(&Json::Object(map.clone()).to_string()) };
    let mut entry = reader.plain(text);
    map.iter().filter(|(name, _)| *name != key).for_each(|(name, value)| take(&mut entry, name, value));
    entry
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Value;

    fn reader() -> Reader {
        Reader::new("otlp", "otlp", 1_795_600_000_000_000_000)
    }

    const JSON: &str = r#"{"resourceLogs":[{"resource":{"attributes":[
        {"key":"service.name","value":{"stringValue":"shop"}},{"key":"host.name","value":{"stringValue":"a1"}}]},
      "scopeLogs":[{"scope":{"name":"net.http"},"logRecords":[
        {"timeUnixNano":"1795500000000000001","observedTimeUnixNano":1795500000000000002,"severityNumber":17,
         "body":{"stringValue":"no route"},"traceId":"5b8efff798038103d269b633813fc60c","attributes":[
           {"key":"n","value":{"intValue":"-1"}},{"key":"half","value":{"doubleValue":0.5}},
           {"key":"log.record.uid","value":{"stringValue":"ab-1-2"}},
           {"key":"log.file.path","value":{"stringValue":"logs/a.log"}},
           {"key":"workflow_id","value":{"stringValue":"wf-1"}},
           {"key":"list","value":{"arrayValue":{"values":[{"intValue":1},{"boolValue":true}]}}},
           {"key":"map","value":{"kvlistValue":{"values":[{"key":"a","value":{"stringValue":"b"}}]}}}]},
        {"body":{"stringValue":"2026-11-23T10:15:30Z WARN own"}}]}]}]}"#;

    #[test]
    fn records_of_json() {
        let got = json(JSON.as_bytes(), &reader()).unwrap();
        let entry = &got[0].entry;
        assert_eq!((entry.time, entry.read_time), (1_795_500_000_000_000_001, Some(1_795_500_000_000_000_002)));
        assert_eq!((entry.level, entry.message(), &*entry.service), (Level::Error, "no route", "shop"));
        assert_eq!((entry.logger.as_deref(), &*entry.source), (Some("net.http"), "logs/a.log"));
        assert_eq!(entry.workflow_id.as_deref(), Some("wf-1"));
        let fields: Vec<_> = entry.fields().map(|(name, value)| (name.as_str(), value.to_value())).collect();
        let text = |text: &str| Value::Str(text.into());
        assert_eq!(
            fields,
            [
                ("trace_id", text("5b8efff798038103d269b633813fc60c")),
                ("half", Value::Float(0.5)),
                ("list", text("[1,true]")),
                ("map.a", text("b")),
                ("n", Value::Int(-1)),
                ("host.name", text("a1")),
            ]
        );
        let plain = &got[1].entry;
        assert_eq!((plain.level, plain.message()), (Level::Warning, "own"));
        assert_eq!(crate::record::timestamp(plain.time), "2026-11-23T10:15:30Z");
    }

    /// Bytes made by hand after the proto files.
    #[test]
    fn records_of_protobuf() {
        let field = |number: u8, bytes: &[u8]| [&[number << 3 | 2, bytes.len() as u8], bytes].concat();
        let pair = |name: &str, value: &[u8]| [field(1, name.as_bytes()), field(2, value)].concat();
        let body = field(1, b"hi");
        let record = [
            &b"\x09\x01\0\0\0\0\0\0\0\x10\x0d"[..],
            &field(5, &body),
            &field(6, &pair("n", b"\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")),
            &field(6, &pair("ok", b"\x10\x01")),
            &field(6, &pair("half", &[&b"\x21"[..], &0.5_f64.to_le_bytes()].concat())),
            &field(9, &[0xab, 0xcd]),
            b"\x59\x02\0\0\0\0\0\0\0",
        ]
        .concat();
        let scope = [field(1, &field(1, b"net")), field(2, &record)].concat();
        let resource = field(1, &pair("service.name", &field(1, b"shop")));
        let request = field(1, &[field(1, &resource), field(2, &scope)].concat());
        let got = protobuf(&request, &reader()).unwrap();
        let entry = &got[0].entry;
        assert_eq!((entry.time, entry.read_time, entry.level), (1, Some(2), Level::Warning));
        assert_eq!((entry.message(), &*entry.service, entry.logger.as_deref()), ("hi", "shop", Some("net")));
        let fields: Vec<_> = entry.fields().map(|(name, value)| (name.as_str(), value.to_value())).collect();
        let want = [
            ("trace_id", Value::Str("abcd".into())),
            ("half", Value::Float(0.5)),
            ("n", Value::Int(-1)),
            ("ok", Value::Bool(true)),
        ];
        assert_eq!(fields, want);
        for length in 1..request.len() {
            assert!(protobuf(&request[..length], &reader()).is_err(), "{length}");
        }
    }

    #[test]
    fn deep_values_are_refused() {
        let mut value = Vec::new();
        for _ in 0..100 {
            let mut array = vec![0x0a];
            varint(&mut array, value.len());
            array.extend_from_slice(&value);
            let mut any = vec![0x2a];
            varint(&mut any, array.len());
            any.extend_from_slice(&array);
            value = any;
        }
        assert_eq!(any_value(&value, 0), Err(Broken));
        let deep = format!("{{\"resourceLogs\":{}1{}}}", "[".repeat(200), "]".repeat(200));
        assert!(json(deep.as_bytes(), &reader()).is_err());
    }

    fn varint(into: &mut Vec<u8>, mut number: usize) {
        while number >= 0x80 {
            into.push(number as u8 | 0x80);
            number >>= 7;
        }
        into.push(number as u8);
    }

    #[test]
    fn levels() {
        let want = [(0, None), (1, Some(Level::Trace)), (9, Some(Level::Info)), (10, Some(Level::Notice))];
        want.iter().for_each(|(number, want)| assert_eq!(level(*number), *want));
        assert_eq!(
            (level(17), level(18), level(21), level(25)),
            (Some(Level::Error), Some(Level::Critical), Some(Level::Fatal), None)
        );
    }
}
