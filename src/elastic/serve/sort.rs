//! The order that a request gives to hits, and places in it.

use std::cmp::Ordering;

use serde_json::Value as Json;

use super::dates::{Format, Reader, Zone};
use super::fault::Fault;
use super::json;
use super::names::field;
use crate::query::Field;
use crate::record::{Columns, Value};
use crate::search::{EntryId, directed};

/// Most keys of one order.
const MAX_KEYS: usize = 16;

#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    pub by: By,
    pub descending: bool,
    pub format: Option<Format>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum By {
    Field(Field),
    /// The order in which entries are kept: newest first.
    Doc,
    /// All hits are equally good.
    Score,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Order {
    pub keys: Vec<Key>,
    /// Those that decide, before the time and the number of entries do, newest first.
    pub deciding: Vec<(Field, bool)>,
}

/// A place in an order.
#[derive(Clone, Debug, PartialEq)]
pub struct Rank {
    pub values: Vec<Value>,
    /// Time and number of the entry.
    pub id: (i64, u64),
}

impl Order {
    pub fn read(value: &Json) -> Result<Order, Fault> {
        let mut keys = Vec::new();
        for item in json::listed(value) {
            match item {
                // In an address it is `field:desc`.
                Json::String(text) => match text.rsplit_once(':') {
                    Some((name, order @ ("asc" | "desc"))) => keys.push(key(name, &Json::from(order))?),
                    _ => keys.push(key(text, &Json::Null)?),
                },
                // Grafana has all keys in one object.
                other => {
                    let several = json::object(other, "sort")?.iter();
                    keys.extend(several.map(|(name, options)| key(name, options)).collect::<Result<Vec<_>, _>>()?);
                }
            }
        }
        if keys.len() > MAX_KEYS {
            return Err(Fault::argument(format!("[sort] may have at most {MAX_KEYS} keys")));
        }
        let mut deciding = Vec::new();
        for key in &keys {
            match &key.by {
                By::Doc => break,
                By::Score => {}
                By::Field(Field::Timestamp) if deciding.is_empty() && key.descending => break,
                By::Field(field) => deciding.push((field.clone(), key.descending)),
            }
        }
        // A time that comes first and newest decides with the number of the entry; what follows is for equal times.
        let newest = matches!(keys.first(), Some(Key { by: By::Field(Field::Timestamp), descending: true, .. }));
        if newest && keys.len() > 1 && keys[1..].iter().any(|key| matches!(key.by, By::Field(_))) {
            deciding = keys.iter().take_while(|key| key.by != By::Doc).filter_map(Key::field).collect();
        }
        Ok(Order { keys, deciding })
    }

    pub fn is_newest_first(&self) -> bool {
        self.deciding.is_empty()
    }

    pub fn columns(&self) -> Columns {
        self.deciding.iter().fold(Columns::default(), |columns, (field, _)| columns.and(&field.columns()))
    }

    pub fn compare(&self, a: &Rank, b: &Rank) -> Ordering {
        let values = self.by_values(&a.values, &b.values);
        values.then_with(|| b.id.cmp(&a.id))
    }

    fn by_values(&self, a: &[Value], b: &[Value]) -> Ordering {
        let keys = self.deciding.iter().zip(a.iter().zip(b));
        keys.map(|((_, descending), (a, b))| directed(a, b, *descending)).fold(Ordering::Equal, Ordering::then)
    }

    /// Whether a place is behind one that a request has from an earlier page.
    pub fn is_behind(&self, rank: &Rank, after: &After) -> bool {
        match self.by_values(&rank.values, &after.values) {
            Ordering::Equal => after.id.is_some_and(|id| rank.id < id),
            order => order.is_gt(),
        }
    }

    /// What a hit shows of its place.
    pub fn shown(&self, rank: &Rank, value_of: impl Fn(&Field) -> Value) -> Json {
        let show = |key: &Key| match &key.by {
            By::Score => Json::from(1.0),
            By::Doc => EntryId { time: rank.id.0, sequence: rank.id.1 }.to_string().into(),
            By::Field(field) => match (value_of(field), &key.format) {
                (Value::Int(time), Some(format)) if field.is_time() => format.write(time, Zone::UTC).into(),
                (value, _) => value.to_json(),
            },
        };
        self.keys.iter().map(show).collect()
    }

    /// Reads `search_after`.
    pub fn after(&self, values: &Json, now: i64) -> Result<After, Fault> {
        let wrong = |what: String| Fault::argument(what).inside("search_after");
        let values = values.as_array().ok_or_else(|| wrong("it must be a list".into()))?;
        // Behind the keys there may be one that Elasticsearch adds for points in time.
        let keys = self.keys.len();
        if values.len() != keys && values.len() != keys + 1 {
            return Err(wrong(format!("there are {} values for {keys} keys of [sort]", values.len())));
        }
        let mut after = After { values: Vec::new(), id: None };
        let mut time = None;
        for (index, value) in values.iter().enumerate() {
            let key = self.keys.get(index);
            match key.map_or(&By::Doc, |key| &key.by) {
                By::Score => {}
                By::Doc => {
                    let id = value.as_str().and_then(|text| text.parse::<EntryId>().ok());
                    let id = id.ok_or_else(|| wrong(format!("{value} is no place that a hit has shown")))?;
                    after.id = after.id.or(Some((id.time, id.sequence)));
                }
                By::Field(field) => {
                    let read = if field.is_time() { time_of(value, now).map_err(wrong)? } else { plain(value) };
                    if *field == Field::Timestamp
                        && let Value::Int(at) = read
                    {
                        time = time.or(Some(at));
                    }
                    if after.values.len() < self.deciding.len() {
                        after.values.push(read);
                    }
                }
            }
        }
        // The id has the time to the nanosecond; numbers lose digits on their way through some clients.
        match (after.id, time) {
            (Some((exact, _)), _) => {
                for (place, (field, _)) in self.deciding.iter().enumerate() {
                    if *field == Field::Timestamp
                        && let Some(value) = after.values.get_mut(place)
                    {
                        *value = Value::Int(exact);
                    }
                }
            }
            (None, Some(time)) if self.is_newest_first() => after.id = Some((time, 0)),
            _ => {}
        }
        Ok(after)
    }
}

/// Where a page ended.
#[derive(Clone, Debug, PartialEq)]
pub struct After {
    pub values: Vec<Value>,
    pub id: Option<(i64, u64)>,
}

impl Key {
    fn field(&self) -> Option<(Field, bool)> {
        match &self.by {
            By::Field(field) => Some((field.clone(), self.descending)),
            By::Doc | By::Score => None,
        }
    }
}

/// Nanoseconds as a hit shows them, or a text.
fn time_of(value: &Json, now: i64) -> Result<Value, String> {
    match value {
        Json::Number(number) => {
            let whole = number.as_i64().or_else(|| number.as_f64().filter(|n| n.abs() < 9e18).map(|n| n as i64));
            whole.map(Value::Int).ok_or_else(|| format!("the time {number} is out of range"))
        }
        Json::String(text) => Reader::at(now).read(text, false).map(Value::Int),
        Json::Null => Ok(Value::Null),
        other => Err(format!("{other} is no time")),
    }
}

fn plain(value: &Json) -> Value {
    match value {
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(n) => n.as_i64().map_or_else(|| Value::Float(n.as_f64().unwrap_or(f64::NAN)), Value::Int),
        Json::String(text) => Value::Str(text.as_str().into()),
        _ => Value::Null,
    }
}

fn key(name: &str, options: &Json) -> Result<Key, Fault> {
    let by = match name {
        "_doc" | "_shard_doc" | "_id" | "id" | "_seq_no" => By::Doc,
        "_score" => By::Score,
        name => By::Field(field(name)),
    };
    let none = json::Object::new();
    let (order, options) = match options {
        Json::Object(options) => (json::text_of(options, "order")?, options),
        other => (json::text(other), &none),
    };
    let known = ["order", "missing", "unmapped_type", "format", "numeric_type", "mode"];
    json::knows(options, &known, "sort").map_err(|fault| fault.inside(name))?;
    if json::text_of(options, "missing")?.is_some_and(|missing| missing != "_last") {
        return Err(Fault::argument("what is missing can only be [_last]").inside(name));
    }
    let descending = match order.as_deref() {
        Some("desc") => true,
        Some("asc") => false,
        None => by == By::Score,
        Some(other) => return Err(Fault::argument(format!("unknown order [{other}]")).inside(name)),
    };
    let format = json::text_of(options, "format")?.map(|format| Format::read(&format)).transpose();
    Ok(Key { by, descending, format: format.map_err(Fault::argument)? })
}
