//! What a `_search` asks for.

use std::time::Duration;

use serde_json::Value as Json;

use super::aggregate::Aggregation;
use super::dates;
use super::document::{Asked, Source};
use super::dsl::{Chosen, Queries};
use super::fault::Fault;
use super::highlight::Highlight;
use super::json::{self, Object};
use super::scroll;
use super::sort::{After, Order};

/// Most hits up to the end of a page, as Elasticsearch's `index.max_result_window`.
pub const MAX_WINDOW: usize = 10_000;
/// Hits where nothing is said.
const SIZE: usize = 10;
/// Hits are counted up to here where nothing is said.
const COUNTED: u64 = 10_000;

/// How many hits there are in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    Unsaid,
    UpTo(u64),
    All,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Search {
    pub chosen: Chosen,
    pub from: usize,
    pub size: usize,
    pub order: Order,
    /// The order is that of the request; hits have no score.
    pub is_sorted: bool,
    pub after: Option<After>,
    pub source: Source,
    pub fields: Vec<Asked>,
    pub total: Total,
    pub total_is_number: bool,
    pub aggregations: Vec<Aggregation>,
    pub timeout: Option<Duration>,
    /// Only what came earlier.
    pub before_sequence: u64,
    /// The point in time that was asked for, told again.
    pub pit: Option<String>,
    pub highlight: Option<Highlight>,
}

/// What a body may say. Some of it changes nothing here.
const KNOWN: [&str; 26] = [
    "query",
    "from",
    "size",
    "sort",
    "search_after",
    "_source",
    "fields",
    "docvalue_fields",
    "stored_fields",
    "script_fields",
    "track_total_hits",
    "track_scores",
    "aggs",
    "aggregations",
    "timeout",
    "highlight",
    "pit",
    "explain",
    "version",
    "seq_no_primary_term",
    "terminate_after",
    "profile",
    "stats",
    "indices_boost",
    "runtime_mappings",
    "rest_total_hits_as_int",
];

impl Search {
    pub fn read(body: &Json, now: i64) -> Result<Search, Fault> {
        let body = json::object(body, "the body")?;
        json::knows(body, &KNOWN, "_search")?;
        for name in ["script_fields", "runtime_mappings"] {
            if body.get(name).and_then(Json::as_object).is_some_and(|object| !object.is_empty()) {
                return Err(Fault::argument("scripts are not run here").inside(name));
            }
        }
        let mut queries = Queries::new(now);
        let chosen = queries.chosen(body.get("query"))?;
        let (from, size) = window(body)?;
        let order = body.get("sort").map_or(Ok(Order::default()), Order::read).map_err(|fault| fault.inside("sort"))?;
        let after = body.get("search_after").filter(|after| !after.is_null());
        let after = after.map(|after| order.after(after, now)).transpose()?;
        if after.is_some() && from > 0 {
            return Err(Fault::argument("[from] must be 0 beside [search_after]"));
        }
        let aggregations = body.get("aggs").or_else(|| body.get("aggregations"));
        let aggregations = aggregations.map_or(Ok(Vec::new()), |aggs| Aggregation::read_all(aggs, &mut queries));
        let (before_sequence, pit) = scroll::point(body)?;
        Ok(Search {
            chosen,
            from,
            size,
            is_sorted: body.contains_key("sort"),
            order,
            after,
            source: body.get("_source").map_or(Ok(Source::default()), Source::read)?,
            fields: asked(body)?,
            total: total(body)?,
            total_is_number: json::truth_of(body, "rest_total_hits_as_int")? == Some(true),
            aggregations: aggregations.map_err(|fault| fault.inside("aggs"))?,
            timeout: timeout(body)?,
            before_sequence,
            pit,
            highlight: Highlight::read(body.get("highlight"))?,
        })
    }
}

fn window(body: &Object) -> Result<(usize, usize), Fault> {
    let count = |name: &str, default: usize| {
        json::count_of(body, name).map(|n| n.map_or(default, |n| usize::try_from(n).unwrap_or(usize::MAX)))
    };
    let (from, size) = (count("from", 0)?, count("size", SIZE)?);
    let end = from.saturating_add(size);
    if end > MAX_WINDOW {
        let reason = format!(
            "Result window is too large, from + size must be less than or equal to: [{MAX_WINDOW}] but was [{end}]; \
             go on with [search_after] or a scroll"
        );
        return Err(Fault::argument(reason));
    }
    Ok((from, size))
}

fn asked(body: &Object) -> Result<Vec<Asked>, Fault> {
    let mut all = Vec::new();
    for name in ["fields", "docvalue_fields"] {
        if let Some(fields) = body.get(name) {
            all.extend(Asked::read(fields).map_err(|fault| fault.inside(name))?);
        }
    }
    Ok(all)
}

fn total(body: &Object) -> Result<Total, Fault> {
    match body.get("track_total_hits") {
        None | Some(Json::Null) => Ok(Total::UpTo(COUNTED)),
        Some(Json::Bool(true)) => Ok(Total::All),
        Some(Json::Bool(false)) => Ok(Total::Unsaid),
        Some(Json::String(text)) if text == "true" => Ok(Total::All),
        Some(Json::String(text)) if text == "false" => Ok(Total::Unsaid),
        Some(_) => json::count_of(body, "track_total_hits").map(|n| n.map_or(Total::All, Total::UpTo)),
    }
}

fn timeout(body: &Object) -> Result<Option<Duration>, Fault> {
    let Some(text) = json::text_of(body, "timeout")?.filter(|text| text != "-1") else { return Ok(None) };
    let span = dates::span(&text).map_err(|why| Fault::parsing(why).inside("timeout"))?;
    Ok(Some(Duration::from_nanos(u64::try_from(span).unwrap_or_default())))
}
