//! The names of fields here and there, and what type a field is said to have.

use crate::query::{Condition, Field};
use crate::record::ValueRef;

/// The text of an entry: the message and all values. The `_bulk` sink writes it when it is told to.
pub const TEXT: &str = "text";

/// Names of the time of an entry.
const TIMES: [&str; 2] = ["@timestamp", "timestamp"];

/// The part of an entry that a name stands for. `.keyword`, which others have beside a text, is the field itself.
pub fn field(name: &str) -> Field {
    let name = name.strip_suffix(".keyword").filter(|name| !name.is_empty()).unwrap_or(name);
    if TIMES.contains(&name) { Field::Timestamp } else { Field::from_name(name) }
}

/// The entry has something under this name. `_id` and the like everything has.
pub fn exists(name: &str) -> Condition {
    match name {
        "_id" | "_index" | "_source" | "id" => Condition::all(),
        name => Condition::exists(field(name)),
    }
}

/// A regular expression for the whole value; of prose it may be anywhere.
pub fn anchored(field: &Field, regex: &str, any_case: bool) -> String {
    let flags = if any_case { "(?si)" } else { "(?s)" };
    if field.is_prose() { format!("{flags}{regex}") } else { format!("{flags}^(?:{regex})$") }
}

/// What Elasticsearch calls the type of a field that always is there.
pub const TYPES: [(&str, &str); 18] = [
    ("@timestamp", "date_nanos"),
    ("timestamp", "date_nanos"),
    ("timestamp_source", "keyword"),
    ("read_time", "date_nanos"),
    ("level", "keyword"),
    ("level_source", "keyword"),
    ("message", "text"),
    ("id", "keyword"),
    ("source", "keyword"),
    ("service", "keyword"),
    ("logger", "keyword"),
    ("workflow_id", "keyword"),
    ("session_id", "keyword"),
    ("request_id", "keyword"),
    ("workflow_type", "keyword"),
    ("agent", "keyword"),
    ("event", "keyword"),
    ("duration_ms", "double"),
];

/// The type of a value; a null has none.
pub fn type_of(value: ValueRef<'_>) -> Option<&'static str> {
    Some(match value {
        ValueRef::Null => return None,
        ValueRef::Bool(_) => "boolean",
        ValueRef::Int(_) => "long",
        ValueRef::Float(_) => "double",
        ValueRef::Str(_) => "keyword",
    })
}

/// One type for the values of a field that has two.
pub fn common_type(one: &'static str, other: &'static str) -> &'static str {
    match (one, other) {
        (one, other) if one == other => one,
        ("long", "double") | ("double", "long") => "double",
        _ => "keyword",
    }
}
