//! A hit as a document: the record that the `_bulk` sink writes of an entry, or the parts of it that were asked for.

use serde_json::{Map, Value as Json, json};

use super::dates::{Format, Zone};
use super::fault::Fault;
use super::json;
use super::names;
use super::place::fits;
use crate::query::Field;
use crate::record::Entry;
use crate::search::Answer;

/// Which parts of the document are told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source {
    pub off: bool,
    /// Names and patterns; all where there are none.
    includes: Vec<String>,
    excludes: Vec<String>,
}

impl Source {
    pub fn read(value: &Json) -> Result<Source, Fault> {
        let names = |value: &Json| -> Result<Vec<String>, Fault> {
            let name = |name: &Json| {
                name.as_str().map(str::to_owned).ok_or_else(|| Fault::parsing("[_source] must be names of fields"))
            };
            json::listed(value).into_iter().map(name).collect()
        };
        match value {
            Json::Bool(on) => Ok(Source { off: !on, ..Source::default() }),
            Json::Object(object) => {
                json::knows(object, &["includes", "include", "excludes", "exclude"], "_source")?;
                let of = |one: &str, other: &str| {
                    object.get(one).or_else(|| object.get(other)).map_or(Ok(Vec::new()), names)
                };
                Ok(Source { off: false, includes: of("includes", "include")?, excludes: of("excludes", "exclude")? })
            }
            value => Ok(Source { includes: names(value)?, ..Source::default() }),
        }
    }

    /// Whether a part counts of which this is the full name.
    fn has(&self, name: &str) -> bool {
        let among = |patterns: &[String]| patterns.iter().any(|pattern| names_it(pattern, name));
        (self.includes.is_empty() || among(&self.includes)) && !among(&self.excludes)
    }

    /// The document of an entry, with what only comes when it is named.
    pub fn of(&self, sequence: u64, entry: &Entry) -> Json {
        let named = |name: &str| self.includes.iter().any(|include| include == name);
        let mut whole = match Answer::entry_json(sequence, entry, named("raw")) {
            Json::Object(whole) => whole,
            _ => Map::new(),
        };
        if named("@timestamp") {
            whole.insert("@timestamp".to_owned(), whole.get("timestamp").cloned().unwrap_or_default());
        }
        if !self.includes.is_empty() || !self.excludes.is_empty() {
            if let Some(Json::Object(fields)) = whole.get_mut("fields") {
                fields.retain(|name, _| self.has(&format!("fields.{name}")));
            }
            whole.retain(|name, value| match value {
                Json::Object(fields) => !fields.is_empty(),
                _ => self.has(name),
            });
        }
        whole.into()
    }
}

/// A pattern names a part also by what the part is in.
fn names_it(pattern: &str, name: &str) -> bool {
    let is_in = || name.strip_prefix(pattern).is_some_and(|rest| rest.starts_with('.'));
    fits(pattern, name) || is_in()
}

/// One item of `fields` or `docvalue_fields`.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pattern: String,
    format: Option<Format>,
}

impl Asked {
    pub fn read(value: &Json) -> Result<Vec<Asked>, Fault> {
        json::listed(value).into_iter().map(Asked::one).collect()
    }

    fn one(value: &Json) -> Result<Asked, Fault> {
        if let Json::String(pattern) = value {
            return Ok(Asked { pattern: pattern.clone(), format: None });
        }
        let object = json::object(value, "fields")?;
        json::knows(object, &["field", "format", "include_unmapped"], "fields")?;
        let pattern = json::text_of(object, "field")?.ok_or_else(|| Fault::parsing("[field] is missing"))?;
        let format = json::text_of(object, "format")?.map(|format| Format::read(&format)).transpose();
        Ok(Asked { pattern, format: format.map_err(Fault::argument)? })
    }

    /// What `asked` wants of an entry: lists of values by name.
    pub fn of(asked: &[Asked], sequence: u64, entry: &Entry) -> Json {
        let mut found = Map::new();
        let wants_raw = asked.iter().any(|asked| asked.pattern == "raw");
        let mut leaves = flat(&Answer::entry_json(sequence, entry, wants_raw));
        let time = leaves.get("timestamp").cloned().unwrap_or_default();
        leaves.insert("@timestamp".to_owned(), time);
        for (name, value) in &leaves {
            let whole =
                |asked: &&Asked| fits(&asked.pattern, name) || asked.pattern.strip_suffix(".keyword") == Some(name);
            let Some(asked) = asked.iter().find(whole) else { continue };
            let time = match names::field(name) {
                Field::Timestamp => Some(entry.time),
                Field::ReadTime => entry.read_time,
                _ => None,
            };
            let value = match (time, &asked.format) {
                (Some(time), Some(format)) => Json::from(format.write(time, Zone::UTC)),
                _ => value.clone(),
            };
            let name = if asked.pattern.contains('*') { name } else { &asked.pattern };
            found.insert(name.clone(), json!([value]));
        }
        found.into()
    }
}

/// All values of a document by their full names.
pub fn flat(document: &Json) -> Map<String, Json> {
    let mut leaves = Map::new();
    for (name, value) in document.as_object().into_iter().flatten() {
        match value {
            Json::Object(fields) => {
                leaves.extend(fields.iter().map(|(inner, value)| (format!("{name}.{inner}"), value.clone())));
            }
            value => drop(leaves.insert(name.clone(), value.clone())),
        }
    }
    leaves
}
