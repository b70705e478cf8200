//! `_msearch`: pairs of lines, a header and a search; each has an answer or an error of its own.

use serde_json::Value as Json;

use super::fault::Fault;
use super::json;
use super::place::{INDEX, is_named};
use super::request::Search;

/// Most searches of one request.
const MAX_SEARCHES: usize = 100;

/// The searches of a body, in their order; `None` where the header names no index of ours and says that this may be.
pub fn multi_search(text: &[u8], index: &str, now: i64) -> Result<Vec<Result<Option<Search>, Fault>>, Fault> {
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let mut searches = Vec::new();
    while let Some(header) = lines.next() {
        let Some(body) = lines.next() else {
            // An empty line is a header that says nothing.
            if header.is_empty() {
                break;
            }
            return Err(Fault::argument("the last header has no search behind it"));
        };
        if header.is_empty() && body.is_empty() {
            continue;
        }
        if searches.len() == MAX_SEARCHES {
            return Err(Fault::argument(format!("there are more than {MAX_SEARCHES} searches in one request")));
        }
        let (header, body) = (super::body(header)?, super::body(body)?);
        searches.push(one(&header, &body, index, now));
    }
    if searches.is_empty() {
        return Err(Fault::argument("no requests added"));
    }
    Ok(searches)
}

fn one(header: &Json, body: &Json, index: &str, now: i64) -> Result<Option<Search>, Fault> {
    let header = json::object(header, "header")?;
    let names = match header.get("index") {
        None | Some(Json::Null) => index.to_owned(),
        Some(names) => json::listed(names).into_iter().filter_map(Json::as_str).collect::<Vec<_>>().join(","),
    };
    let may_miss = json::truth_of(header, "ignore_unavailable")? == Some(true);
    let is_there = is_named(if names.is_empty() { INDEX } else { &names }, may_miss)?;
    let search = Search::read(body, now)?;
    Ok(is_there.then_some(search))
}
