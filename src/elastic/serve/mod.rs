//! Logmill answers as Elasticsearch does: what reads. Requests become conditions (`dsl`, `lucene`) and a tree of
//! aggregations (`aggregate`); the evaluator, the pruning and the budgets are those of all questions. Nothing here knows
//! of HTTP. The page for users is `elastic/manual.md`.

mod about;
mod aggregate;
mod dates;
mod document;
mod dsl;
mod fault;
mod highlight;
mod json;
mod lucene;
mod mapping;
mod multi;
mod names;
mod page;
mod place;
mod request;
mod scroll;
mod search;
mod sort;
#[cfg(test)]
mod tests;

pub use about::{about, cluster_health, license, xpack};
pub use fault::Fault;
pub use mapping::{field_caps, mapping};
pub use multi::multi_search;
pub use place::{INDEX, is_named};
pub use request::Search;
pub use scroll::{Scrolled, close, open_point, scroll};
pub use search::{count, search};

use serde_json::Value as Json;

/// How what is compressed begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A body; an empty one says nothing.
pub fn body(text: &[u8]) -> Result<Json, Fault> {
    if text.trim_ascii().is_empty() {
        return Ok(Json::Object(json::Object::new()));
    }
    if text.starts_with(&GZIP) {
        return Err(Fault::new(
            415,
            "illegal_argument_exception",
            "the body is compressed: say how in Content-Encoding",
        ));
    }
    serde_json::from_slice(text).map_err(|error| Fault::json(&error))
}
