//! Which fields entries have: counted over the newest that match, because nothing else would be quick.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::search::entries::{Found, Request, find};
use crate::search::{Cut, SearchError};
use crate::store::Snapshot;

/// Different names that are counted; a log that makes names up has no end of them.
const MAX_NAMES: usize = 2_000;

/// How often each field was there.
#[derive(Debug, Default)]
pub struct FieldNames {
    /// Most frequent first, then by name.
    pub names: Vec<(String, u64)>,
    /// Entries that were looked at.
    pub sampled: usize,
    /// No other entry matches.
    pub is_all: bool,
    /// There are more names than are counted.
    pub is_cut: bool,
    pub partial: Option<Cut>,
}

/// Counts the fields of the newest `request.limit` entries that match.
pub fn field_names(snapshot: &Snapshot, request: &Request) -> Result<FieldNames, SearchError> {
    let Found { entries, next, partial, .. } = find(snapshot, request)?;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut is_cut = false;
    let mut count = |name: &str| {
        if let Some(count) = counts.get_mut(name) {
            *count += 1;
        } else if counts.len() < MAX_NAMES {
            counts.insert(name.to_owned(), 1);
        } else {
            is_cut = true;
        }
    };
    for (_, entry) in &entries {
        ["timestamp", "level", "message"].iter().for_each(|name| count(name));
        entry.named().iter().filter(|(_, value)| value.is_some()).for_each(|(name, _)| count(name));
        entry.duration_ms.iter().for_each(|_| count("duration_ms"));
        entry.fields().for_each(|(name, _)| count(&format!("fields.{name}")));
    }
    let mut names: Vec<(String, u64)> = counts.into_iter().collect();
    // Stable: equal ones stay in the order of their names.
    names.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Ok(FieldNames { names, sampled: entries.len(), is_all: next.is_none(), is_cut, partial })
}

impl FieldNames {
    pub fn to_json(&self) -> Json {
        let too_many = || format!("there are more names than {MAX_NAMES}; some are left out");
        let partial = self.partial.map(|cut| cut.to_string()).or_else(|| self.is_cut.then(too_many));
        json!({
            "fields": self.names.iter().map(|(name, count)| json!({ "name": name, "count": count })).collect::<Vec<_>>(),
            "sampled": self.sampled,
            "all": self.is_all,
            "partial": partial,
        })
    }
}
