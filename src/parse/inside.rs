//! Lines within lines: what a program wrote for itself and a system's log took as a message. Its level is taken where the
//! form of the line says which it is; words of a message are none.

use serde_json::{Map, Value};

use super::layout::Head;
use super::time::klog;
use super::{head, logfmt};
use crate::record::Level;

/// Names of the level in an object, as most loggers have it.
const NAMES: [&str; 6] = ["level", "lvl", "levelname", "severity", "log.level", "@level"];

/// The level that a message names by its form: an object, pairs, the head of Google's loggers, a time with a level behind
/// it, or a level in brackets. A word before a colon is the message's.
pub fn level(message: &str) -> Option<Level> {
    let level = match *message.as_bytes().first()? {
        b'{' => {
            let object: Map<String, Value> = serde_json::from_str(message).ok()?;
            NAMES.iter().find_map(|name| match object.get(*name)? {
                Value::String(text) => Level::from_value(text),
                number => Level::from_scale(number.as_f64()? as i64),
            })
        }
        b'I' | b'W' | b'E' | b'F' if klog(&message[1..]).is_some() => Level::from_column(&message[..1]),
        b'[' | b'<' => bracketed(message).or_else(|| behind_time(message)),
        b'0'..=b'9' => behind_time(message),
        b'a'..=b'z' if logfmt::recognises(message) => logfmt::level(message),
        _ => None,
    };
    level.filter(|level| *level != Level::Unknown)
}

fn bracketed(message: &str) -> Option<Level> {
    let (word, _) = message[1..].split_once([']', '>'])?;
    Level::from_word(word.trim_end())
}

fn behind_time(message: &str) -> Option<Level> {
    let mut head = Head::default();
    head::look(message, &mut head);
    head.stamp.and(head.level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_taken_from_forms_only() {
        let check = |message: &str, level: Option<Level>| assert_eq!(super::level(message), level, "{message}");
        check(r#"{"ts": 1.5, "level": "warn", "msg": "x"}"#, Some(Level::Warning));
        check(r#"{"level": 50, "msg": "x"}"#, Some(Level::Error));
        check(r#"{"msg": "level"}"#, None);
        check("{not an object: error}", None);
        check("E1123 10:15:30.123456    17 a.go:3] x", Some(Level::Error));
        check("Error 1123 of 2000", None);
        check(r#"time="2026-11-23T10:15:30Z" level=warning msg="x""#, Some(Level::Warning));
        check("user=bob level=expert", None);
        check("<info>  [1795428930.1] device (eth0): up", Some(Level::Info));
        check("[WARN] disk is filling", Some(Level::Warning));
        check("[1234] error in line 5", None);
        check("[system] Activating a service", None);
        check("2026-11-23 10:15:30,123 ERROR x", Some(Level::Error));
        check("error: no such user", None);
        check("[unknown] x", None);
        check(r#"{"level": "error", "severity": "ERROR", "level": 50.0}"#, Some(Level::Error));
        check("", None);
    }
}
