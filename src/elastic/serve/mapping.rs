//! Which fields there are and of which type: those that every entry may have, and those of the newest entries.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::fault::Fault;
use super::names::{TYPES, common_type, type_of};
use super::place::{INDEX, fits};
use crate::query::Query;
use crate::search::{Budget, Request, SearchError, Window, find};
use crate::store::Snapshot;

/// Entries that are looked at, and different names that are told of.
const SAMPLE: usize = 2_000;
const MAX_NAMES: usize = 2_000;

/// The types of fields under `fields`.
fn types_of_fields(snapshot: &Snapshot, budget: &Budget) -> Result<BTreeMap<String, &'static str>, SearchError> {
    let request =
        Request { query: Query::all(), window: Window::ALL, limit: SAMPLE, after: None, budget: budget.clone() };
    let mut types: BTreeMap<String, &'static str> = BTreeMap::new();
    for (_, entry) in find(snapshot, &request)?.entries {
        for (name, value) in entry.fields() {
            let Some(kind) = type_of(value) else { continue };
            if let Some(known) = types.get_mut(&**name) {
                *known = common_type(known, kind);
            } else if types.len() < MAX_NAMES {
                types.insert(name.to_string(), kind);
            }
        }
    }
    Ok(types)
}

/// Answers `_mapping`.
pub fn mapping(snapshot: &Snapshot, budget: &Budget) -> Result<Json, Fault> {
    let property = |kind: &str| json!({ "type": kind });
    let mut properties: Map<String, Json> =
        TYPES.iter().map(|(name, kind)| ((*name).to_owned(), property(kind))).collect();
    let fields: Map<String, Json> =
        types_of_fields(snapshot, budget)?.into_iter().map(|(name, kind)| (name, property(kind))).collect();
    // Their names have dots in them, and one may be the beginning of another.
    properties.insert("fields".to_owned(), json!({ "type": "object", "subobjects": false, "properties": fields }));
    Ok(json!({ INDEX: { "mappings": { "properties": properties } } }))
}

/// Answers `_field_caps` for a list of names and patterns.
pub fn field_caps(snapshot: &Snapshot, patterns: &str, budget: &Budget) -> Result<Json, Fault> {
    let fields = types_of_fields(snapshot, budget)?;
    let fields = fields.into_iter().map(|(name, kind)| (format!("fields.{name}"), kind));
    let all = TYPES.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).chain(fields);
    let is_asked = |name: &str| patterns.split(',').any(|pattern| fits(pattern.trim(), name));
    let caps = all.filter(|(name, _)| is_asked(name)).map(|(name, kind)| {
        let of_type = json!({
            "type": kind, "metadata_field": false, "searchable": true, "aggregatable": kind != "text",
        });
        (name, json!({ kind: of_type }))
    });
    Ok(json!({ "indices": [INDEX], "fields": caps.collect::<Map<String, Json>>() }))
}
