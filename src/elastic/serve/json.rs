//! Reading of requests: what is there under which name, and what is wrong with it.

use serde_json::{Map, Value as Json};

use super::fault::Fault;

pub type Object = Map<String, Json>;

pub fn object<'a>(value: &'a Json, what: &str) -> Result<&'a Object, Fault> {
    value.as_object().ok_or_else(|| Fault::parsing(format!("[{what}] must be an object")))
}

/// The one name of an object, and what is under it.
pub fn only<'a>(value: &'a Json, what: &str) -> Result<(&'a str, &'a Json), Fault> {
    let object = object(value, what)?;
    let mut items = object.iter();
    match (items.next(), items.next()) {
        (Some((name, inner)), None) => Ok((name, inner)),
        (None, _) => Err(Fault::parsing(format!("[{what}] is empty"))),
        (_, Some((second, _))) => {
            Err(Fault::parsing(format!("[{what}] must have one name; [{second}] is one too many")))
        }
    }
}

/// One thing, or a list of them.
pub fn listed(value: &Json) -> Vec<&Json> {
    match value {
        Json::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

/// Refuses names that are not known.
pub fn knows(object: &Object, known: &[&str], what: &str) -> Result<(), Fault> {
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(Fault::parsing(format!("[{what}] does not support [{name}]"))),
        None => Ok(()),
    }
}

/// A text, a number or a boolean as text.
pub fn text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

pub fn text_of(object: &Object, name: &str) -> Result<Option<String>, Fault> {
    match object.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(value) => text(value).map(Some).ok_or_else(|| Fault::parsing(format!("[{name}] must be a text"))),
    }
}

/// A number, also one that was written as text.
pub fn number(value: &Json) -> Option<f64> {
    match value {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => text.trim().parse().ok().filter(|n: &f64| n.is_finite()),
        _ => None,
    }
}

pub fn number_of(object: &Object, name: &str) -> Result<Option<f64>, Fault> {
    match object.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(value) => number(value).map(Some).ok_or_else(|| Fault::parsing(format!("[{name}] must be a number"))),
    }
}

/// A whole number that is not negative, also one that was written as text.
pub fn count_of(object: &Object, name: &str) -> Result<Option<u64>, Fault> {
    match number_of(object, name)? {
        None => Ok(None),
        Some(n) if n >= 0.0 && n.fract() == 0.0 && n < 1e15 => Ok(Some(n as u64)),
        Some(_) => Err(Fault::argument(format!("[{name}] must be a whole number that is not negative"))),
    }
}

pub fn truth_of(object: &Object, name: &str) -> Result<Option<bool>, Fault> {
    match object.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Bool(truth)) => Ok(Some(*truth)),
        Some(Json::String(text)) if text == "true" => Ok(Some(true)),
        Some(Json::String(text)) if text == "false" => Ok(Some(false)),
        Some(_) => Err(Fault::parsing(format!("[{name}] must be true or false"))),
    }
}
