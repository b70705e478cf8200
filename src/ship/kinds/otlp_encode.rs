//! Entries as OTLP log records: grouped by service (a resource) and logger (a scope), then written as protobuf or JSON.
//! Numbers of fields are those of opentelemetry-proto, `logs/v1/logs.proto` and `common/v1/common.proto`.

use serde_json::{Map, Value, json as object};

use crate::record::Level;
use crate::ship::Item;
use crate::ship::kinds::http::write;
use crate::ship::kinds::protobuf::Message;
use crate::ship::mapping::Mapping;

/// What one request has, in the order in which services and loggers appear.
pub struct Logs<'a> {
    resources: Vec<Resource<'a>>,
}

struct Resource<'a> {
    service: &'a str,
    /// Of the host and the like; see `Mapping::add`.
    attributes: Vec<(String, Value)>,
    scopes: Vec<(&'a str, Vec<Record<'a>>)>,
}

struct Record<'a> {
    time: u64,
    /// When it was read.
    observed: Option<u64>,
    level: Level,
    body: &'a str,
    attributes: Map<String, Value>,
    trace_id: Option<Vec<u8>>,
    span_id: Option<Vec<u8>>,
}

/// Names of what has a place of its own in a log record.
const PLACED: [&str; 8] = ["timestamp", "read_time", "level", "message", "raw", "service", "logger", "id"];
/// The attribute that identifies a record, by OpenTelemetry's conventions, and that of the file.
const UID: &str = "log.record.uid";
const PATH: &str = "log.file.path";

/// The number that OpenTelemetry gives a level; 0 is unspecified.
fn severity(level: Level) -> u64 {
    match level {
        Level::Unknown => 0,
        Level::Trace => 1,
        Level::Debug => 5,
        Level::Info => 9,
        Level::Notice => 10,
        Level::Warning => 13,
        Level::Error => 17,
        Level::Critical => 18,
        Level::Fatal => 21,
    }
}

impl<'a> Logs<'a> {
    pub fn new(mapping: &Mapping, items: &'a [Item]) -> Logs<'a> {
        let mut resources: Vec<Resource<'a>> = Vec::new();
        for item in items {
            let service: &str = &item.entry.service;
            let place = resources.iter().position(|resource| resource.service == service).unwrap_or_else(|| {
                resources.push(Resource { service, attributes: mapping.add.clone(), scopes: Vec::new() });
                resources.len() - 1
            });
            let scopes = &mut resources[place].scopes;
            let logger = item.entry.logger.as_deref().unwrap_or("");
            let scope = scopes.iter().position(|(name, _)| *name == logger).unwrap_or_else(|| {
                scopes.push((logger, Vec::new()));
                scopes.len() - 1
            });
            scopes[scope].1.push(record(mapping, item));
        }
        Logs { resources }
    }
}

fn record<'a>(mapping: &Mapping, item: &'a Item) -> Record<'a> {
    let mut attributes = mapping.record(item);
    PLACED.iter().for_each(|name| drop(attributes.remove(mapping.name_of(name))));
    mapping.add.iter().for_each(|(name, _)| drop(attributes.remove(name)));
    if let Some(Value::Object(fields)) = attributes.remove("fields") {
        for (name, value) in fields {
            attributes.entry(name).or_insert(value);
        }
    }
    if let Some(source) = attributes.remove("source") {
        attributes.insert(PATH.to_owned(), source);
    }
    attributes.insert(UID.to_owned(), item.id.clone().into());
    let mut id = |name: &str, length: usize| {
        let bytes = attributes.get(name).and_then(Value::as_str).and_then(|text| hexadecimal(text, length))?;
        attributes.remove(name);
        Some(bytes)
    };
    Record {
        trace_id: id("trace_id", 16),
        span_id: id("span_id", 8),
        time: u64::try_from(item.entry.time).unwrap_or(0),
        observed: item.entry.read_time.and_then(|time| u64::try_from(time).ok()),
        level: item.entry.level,
        body: if mapping.raw { &item.entry.raw } else { item.entry.message() },
        attributes,
    }
}

/// So many bytes, not all zero.
fn hexadecimal(text: &str, length: usize) -> Option<Vec<u8>> {
    if text.len() != 2 * length || !text.is_ascii() {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).ok();
    let bytes: Vec<u8> = (0..text.len()).step_by(2).map(byte).collect::<Option<_>>()?;
    bytes.iter().any(|byte| *byte != 0).then_some(bytes)
}

/// `ExportLogsServiceRequest`.
pub fn protobuf(logs: &Logs<'_>) -> Vec<u8> {
    let mut request = Message::default();
    for resource in &logs.resources {
        request.message(1, |of_resource| {
            of_resource.message(1, |own| {
                attribute(own, 1, "service.name", &resource.service.into());
                resource.attributes.iter().for_each(|(name, value)| attribute(own, 1, name, value));
            });
            for (logger, records) in &resource.scopes {
                of_resource.message(2, |of_scope| {
                    if !logger.is_empty() {
                        of_scope.message(1, |scope| scope.bytes(1, logger.as_bytes()));
                    }
                    records.iter().for_each(|record| of_scope.message(2, |own| log_record(own, record)));
                });
            }
        });
    }
    request.0
}

fn log_record(own: &mut Message, record: &Record<'_>) {
    own.fixed64(1, record.time);
    if record.level != Level::Unknown {
        own.number(2, severity(record.level));
        own.bytes(3, record.level.name().as_bytes());
    }
    own.message(5, |body| body.bytes(1, record.body.as_bytes()));
    record.attributes.iter().for_each(|(name, value)| attribute(own, 6, name, value));
    record.trace_id.iter().for_each(|id| own.bytes(9, id));
    record.span_id.iter().for_each(|id| own.bytes(10, id));
    record.observed.iter().for_each(|time| own.fixed64(11, *time));
}

/// A `KeyValue`.
fn attribute(own: &mut Message, field: u32, name: &str, value: &Value) {
    own.message(field, |pair| {
        pair.bytes(1, name.as_bytes());
        pair.message(2, |any| any_value(any, value));
    });
}

fn any_value(any: &mut Message, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(b) => any.number(2, u64::from(*b)),
        Value::String(text) => any.bytes(1, text.as_bytes()),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => any.number(3, whole as u64),
            None => any.fixed64(4, number.as_f64().unwrap_or(f64::NAN).to_bits()),
        },
        // Fields are flat, so this is none of ours.
        other => any.bytes(1, other.to_string().as_bytes()),
    }
}

/// The same as JSON, by the rules of OTLP/JSON: numbers of 64 bits are texts, ids are hexadecimal.
pub fn json(logs: &Logs<'_>) -> Vec<u8> {
    let pair = |name: &str, value: &Value| object!({ "key": name, "value": any_of(value) });
    let hex = |id: &[u8]| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let of_record = |record: &Record<'_>| {
        let attributes: Vec<Value> = record.attributes.iter().map(|(name, value)| pair(name, value)).collect();
        let mut own = object!({
            "timeUnixNano": record.time.to_string(), "body": { "stringValue": record.body }, "attributes": attributes,
        });
        if record.level != Level::Unknown {
            own["severityNumber"] = severity(record.level).into();
            own["severityText"] = record.level.name().into();
        }
        record.observed.iter().for_each(|time| own["observedTimeUnixNano"] = time.to_string().into());
        record.trace_id.iter().for_each(|id| own["traceId"] = hex(id).into());
        record.span_id.iter().for_each(|id| own["spanId"] = hex(id).into());
        own
    };
    let of_scope = |(logger, records): &(&str, Vec<Record<'_>>)| {
        let records: Vec<Value> = records.iter().map(of_record).collect();
        object!({ "scope": { "name": logger }, "logRecords": records })
    };
    let of_resource = |resource: &Resource<'_>| {
        let own = [pair("service.name", &resource.service.into())];
        let more = resource.attributes.iter().map(|(name, value)| pair(name, value));
        let attributes: Vec<Value> = own.into_iter().chain(more).collect();
        let scopes: Vec<Value> = resource.scopes.iter().map(of_scope).collect();
        object!({ "resource": { "attributes": attributes }, "scopeLogs": scopes })
    };
    let resources: Vec<Value> = logs.resources.iter().map(of_resource).collect();
    let mut body = Vec::new();
    write(&mut body, &object!({ "resourceLogs": resources }));
    body
}

fn any_of(value: &Value) -> Value {
    match value {
        Value::Null => object!({}),
        Value::Bool(b) => object!({ "boolValue": b }),
        Value::String(text) => object!({ "stringValue": text }),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => object!({ "intValue": whole.to_string() }),
            None => object!({ "doubleValue": number }),
        },
        other => object!({ "stringValue": other.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Value as Field;
    use crate::ship::mapping::tests::item;

    fn traced() -> Item {
        let mut item = item();
        item.entry.fields = [
            ("trace_id".into(), Field::Str("5b8efff798038103d269b633813fc60c".into())),
            ("span_id".into(), Field::Str("eee19b7ec3c1b174".into())),
            ("n".into(), Field::Int(-1)),
            ("half".into(), Field::Float(0.5)),
            ("none".into(), Field::Null),
        ]
        .into();
        item
    }

    fn few() -> Mapping {
        let only = ["message", "level", "service", "fields"].map(str::to_owned).to_vec();
        Mapping { only, add: vec![("host.name".into(), object!("a1"))], ..Mapping::default() }
    }

    #[test]
    fn as_json() {
        let mut items = [traced(), item()];
        items[1].entry.read_time = Some(1_795_600_000_200_000_000);
        let got: Value = serde_json::from_slice(&json(&Logs::new(&few(), &items))).unwrap();
        let uid = object!({ "key": "log.record.uid", "value": { "stringValue": "00c0ffee00c0ffee-3-77" } });
        let record = |more: &[Value]| {
            object!({
                "timeUnixNano": "1795600000123456789", "severityNumber": 17, "severityText": "error",
                "body": { "stringValue": "no \"route\"\nto host" }, "attributes": more,
            })
        };
        let pair = |name: &str, value: Value| object!({ "key": name, "value": value });
        let mut first = record(&[
            pair("half", object!({ "doubleValue": 0.5 })),
            uid.clone(),
            pair("n", object!({ "intValue": "-1" })),
            pair("none", object!({})),
        ]);
        first["traceId"] = "5b8efff798038103d269b633813fc60c".into();
        first["spanId"] = "eee19b7ec3c1b174".into();
        let mut second = record(&[
            uid,
            pair("logger", object!({ "stringValue": "other" })),
            pair("ok", object!({ "boolValue": false })),
            pair("status", object!({ "intValue": "502" })),
        ]);
        second["observedTimeUnixNano"] = "1795600000200000000".into();
        let resource = [
            pair("service.name", object!({ "stringValue": "api" })),
            pair("host.name", object!({ "stringValue": "a1" })),
        ];
        let scope = object!({ "scope": { "name": "net.http" }, "logRecords": [first, second] });
        assert_eq!(
            got,
            object!({ "resourceLogs": [{ "resource": { "attributes": resource }, "scopeLogs": [scope] }] })
        );
    }

    /// Bytes made by hand after the proto files.
    #[test]
    fn as_protobuf() {
        let mut small = traced();
        small.entry.message = crate::record::Text::Owned("hi".into());
        small.entry.logger = None;
        small.entry.fields = [("n".into(), Field::Int(-1)), ("half".into(), Field::Float(0.5))].into();
        small.entry.time = 1;
        small.entry.read_time = Some(2);
        let only = ["fields"].map(str::to_owned).to_vec();
        let mapping = Mapping { only, ..Mapping::default() };
        let items = [small];
        let got = protobuf(&Logs::new(&mapping, &items));
        let half = [&b"\x32\x11\x0a\x04half\x12\x09\x21"[..], &0.5_f64.to_le_bytes()].concat();
        let uid = b"\x32\x29\x0a\x0elog.record.uid\x12\x17\x0a\x1500c0ffee00c0ffee-3-77";
        let minus = b"\x32\x10\x0a\x01n\x12\x0b\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
        let head = &b"\x09\x01\x00\x00\x00\x00\x00\x00\x00\x10\x11\x1a\x05error\x2a\x04\x0a\x02hi"[..];
        let observed = b"\x59\x02\x00\x00\x00\x00\x00\x00\x00";
        let record = [head, &half, uid, minus, observed].concat();
        let length = |bytes: &[u8]| {
            let mut message = Message::default();
            message.bytes(0, bytes);
            message.0[1..].to_vec()
        };
        let scope = [&b"\x12"[..], &length(&record)].concat();
        let resource = b"\x0a\x17\x0a\x15\x0a\x0cservice.name\x12\x05\x0a\x03api";
        let of_resource = [&resource[..], b"\x12", &length(&scope)].concat();
        assert_eq!(got, [&b"\x0a"[..], &length(&of_resource)].concat());
    }

    #[test]
    fn ids() {
        let check = |text: &str, want: Option<&[u8]>| assert_eq!(hexadecimal(text, 2).as_deref(), want, "{text}");
        check("0aFF", Some(&[10, 255]));
        check("0000", None);
        check("0aF", None);
        check("0aFg", None);
        check("éé", None);
    }
}
