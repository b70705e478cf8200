//! Lines within lines: what a program wrote for itself and a system's log took as a message. Its level is taken where the
//! form of the line says which it is; words of a message are none.

use std::borrow::Cow;

use serde::Deserialize;

use super::layout::Head;
use super::time::klog;
use super::{head, logfmt};
use crate::record::Level;

/// Of an object only this is read.
#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow, alias = "lvl", alias = "severity", alias = "levelname", alias = "log.level", alias = "@level")]
    level: Named<'a>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Named<'a> {
    Number(i64),
    Text(#[serde(borrow)] Cow<'a, str>),
}

/// The level that a message names by its form: an object, pairs, the head of Google's loggers, a time with a level behind
/// it, or a level in brackets.
pub fn level(message: &str) -> Option<Level> {
    match *message.as_bytes().first()? {
        b'{' => match serde_json::from_str::<Object<'_>>(message).ok()?.level {
            Named::Number(number) => Level::from_scale(number),
            Named::Text(text) => Level::from_value(&text),
        },
        b'I' | b'W' | b'E' | b'F' if klog(&message[1..]).is_some() => Level::from_column(&message[..1]),
        b'[' | b'<' => bracketed(message).or_else(|| behind_time(message)),
        b'0'..=b'9' => behind_time(message),
        b'a'..=b'z' if logfmt::recognises(message) => logfmt::level(message),
        _ => None,
    }
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
        check("", None);
    }
}
