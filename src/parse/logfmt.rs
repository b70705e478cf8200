//! `key=value key="quoted value" flag`: what Go's loggers and many services write. Values go where `places` says.

use super::clock::Clock;
use super::format::set_level;
use super::names::Names;
use super::places::Places;
use super::{append_lines, closing_quote, first_line};
use crate::record::{Entry, Level, LevelSource, Text, Value};

/// A line is logfmt when it begins with a pair and one of these is among its first.
const TELLING: [&str; 8] = ["level", "lvl", "msg", "message", "time", "ts", "severity", "timestamp"];
/// Pairs looked at to recognise a line.
const LOOKED_AT: usize = 6;

pub fn recognises(line: &str) -> bool {
    let (_, mut rest) = split_priority(line);
    let mut count = 0;
    let mut is_telling = false;
    while let Some((key, _, behind)) = pair(rest).filter(|_| count < LOOKED_AT) {
        is_telling |= TELLING.contains(&key);
        count += 1;
        rest = behind.trim_start();
    }
    is_telling && count > 1
}

/// Whether a line may begin with the byte.
pub fn can_begin_with(byte: u8) -> bool {
    is_key(byte) || byte == b'<'
}

/// Firewalls write syslog's priority before their pairs, and a level that says more. A priority without a facility is what
/// programs write for systemd, which has the last word.
fn split_priority(line: &str) -> (Option<u8>, &str) {
    let split = line.strip_prefix('<').and_then(|rest| rest.split_once('>')).filter(|(number, _)| number.len() < 4);
    let read = split.and_then(|(number, rest)| Some((number.parse().ok()?, rest)));
    read.filter(|(number, _)| *number > 7).map_or((None, line), |(number, rest)| (Some(number), rest))
}

/// The level that a line of pairs names.
pub fn level(line: &str) -> Option<Level> {
    let (_, mut rest) = split_priority(line);
    while let Some((key, value, behind)) = pair(rest) {
        if matches!(key, "level" | "lvl" | "severity") {
            return Level::from_value(value.trim_matches('"'));
        }
        rest = behind.trim_start();
    }
    None
}

/// Whether keys may have the byte.
fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_.-@/".contains(&byte)
}

/// Key, value as written, and what follows.
fn pair(text: &str) -> Option<(&str, &str, &str)> {
    let length = text.bytes().take_while(|b| is_key(*b)).count();
    let value = text.get(length..)?.strip_prefix('=').filter(|_| length > 0)?;
    let end = match value.strip_prefix('"') {
        Some(inner) => closing_quote(inner.as_bytes())? + 2,
        None => value.find([' ', '\t']).unwrap_or(value.len()),
    };
    Some((&text[..length], &value[..end], &value[end..]))
}

pub fn fill(entry: &mut Entry, clock: &mut Clock, names: &mut Names) -> bool {
    let raw = std::mem::take(&mut entry.raw);
    let line = first_line(&raw);
    let mut places = Places::new(entry, clock, names, line);
    let (priority, mut rest) = split_priority(line.trim_start());
    while !rest.is_empty() {
        rest = match pair(rest) {
            Some((key, value, behind)) => {
                places.name.clear();
                places.name.push_str(key);
                put(&mut places, value);
                behind
            }
            // A word without a value says nothing that the raw text does not.
            None => rest.find([' ', '\t']).map_or("", |end| &rest[end..]),
        }
        .trim_start();
    }
    let has_message = places.finish();
    if entry.level_source == LevelSource::None {
        set_level(entry, priority.and_then(|number| Level::from_syslog(number & 7)));
    }
    if !has_message {
        entry.message = Text::Slice(0..raw.len() as u32);
    }
    let first = line.len();
    entry.raw = raw;
    if has_message {
        append_lines(entry, first);
    }
    true
}

fn put(places: &mut Places<'_>, value: &str) {
    if let Some(inner) = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')) {
        return match inner.contains('\\') {
            false => places.text(inner, true),
            // The escapes are JSON's, or nearly: what cannot be read stays as it is.
            true => match serde_json::from_str::<String>(value) {
                Ok(text) => places.text(&text, false),
                Err(_) => places.text(inner, true),
            },
        };
    }
    let is_number = value.bytes().next().is_some_and(|b| b.is_ascii_digit() || b == b'-');
    match value {
        "true" | "false" => places.field(Value::Bool(value == "true")),
        _ if !is_number => places.text(value, true),
        _ => match (value.parse::<i64>(), value.parse::<f64>()) {
            (Ok(number), _) => places.number(Value::Int(number)),
            (_, Ok(number)) if number.is_finite() => places.number(Value::Float(number)),
            _ => places.text(value, true),
        },
    }
}
