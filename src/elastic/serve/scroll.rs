//! Scrolls and points in time without a memory: what the next page needs is in the id that the client hands back.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};

use super::fault::Fault;
use super::json::{self, Object};
use super::request::Search;
use super::search::{search, shards};
use crate::search::Budget;
use crate::store::Snapshot;

/// Longest id, in bytes.
const MAX_ID: usize = 64 * 1024;

/// A scroll, as its id says it.
#[derive(Clone, Debug, PartialEq)]
pub struct Scrolled {
    /// The body of the first request, with an order that no two entries share.
    body: Json,
    /// What `search_after` says; none on the first page.
    after: Option<Json>,
    before_sequence: u64,
    /// When the first page was asked for, nanoseconds: what `now` means.
    now: i64,
    /// How many hits there are in all, as the first page said it.
    total: Option<Json>,
}

impl Scrolled {
    /// The first page of a scroll.
    pub fn first(mut body: Json, next_sequence: u64, now: i64) -> Scrolled {
        let mut keys: Vec<Json> = body.get("sort").map(json::listed).unwrap_or_default().into_iter().cloned().collect();
        keys.push("_doc".into());
        if let Some(body) = body.as_object_mut() {
            body.insert("sort".to_owned(), keys.into());
        }
        Scrolled { body, after: None, before_sequence: next_sequence, now, total: None }
    }

    /// Answers with a page, and the id that asks for the next one.
    pub fn page(mut self, snapshot: &Snapshot, budget: &Budget) -> Result<Json, Fault> {
        let mut body = self.body.clone();
        if let (Some(body), Some(after)) = (body.as_object_mut(), &self.after) {
            body.insert("search_after".to_owned(), after.clone());
            body.insert("track_total_hits".to_owned(), false.into());
            body.remove("aggs");
            body.remove("aggregations");
        }
        let asked = Search { before_sequence: self.before_sequence, ..Search::read(&body, self.now)? };
        let mut answer = search(snapshot, &asked, budget)?;
        match &self.total {
            Some(total) => answer["hits"]["total"] = total.clone(),
            None => self.total = answer["hits"].get("total").cloned(),
        }
        let last = answer["hits"]["hits"].as_array().and_then(|hits| hits.last()).map(|hit| hit["sort"].clone());
        self.after = last.or(self.after);
        answer["_scroll_id"] = self.id()?.into();
        Ok(answer)
    }

    fn id(&self) -> Result<String, Fault> {
        let id = pack(&json!({
            "b": self.body, "a": self.after, "s": self.before_sequence, "n": self.now, "t": self.total,
        }));
        if id.len() > MAX_ID {
            return Err(Fault::argument(format!(
                "this request is too long for a scroll: its id has more than {MAX_ID} bytes"
            )));
        }
        Ok(id)
    }

    fn read(id: &str) -> Option<Scrolled> {
        let mut value = unpack(id)?;
        let mut take = |name: &str| value.get_mut(name).map(Json::take).filter(|value| !value.is_null());
        Some(Scrolled {
            before_sequence: take("s")?.as_u64()?,
            now: take("n")?.as_i64()?,
            after: take("a"),
            total: take("t"),
            body: take("b")?,
        })
    }
}

fn pack(value: &Json) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn unpack(id: &str) -> Option<Json> {
    let bytes = (id.len() <= MAX_ID).then(|| URL_SAFE_NO_PAD.decode(id).ok()).flatten()?;
    serde_json::from_slice(&bytes).ok()
}

/// Reads what asks for the next page.
pub fn scroll(body: &Json) -> Result<Scrolled, Fault> {
    let body = json::object(body, "the body")?;
    json::knows(body, &["scroll_id", "scroll"], "_search/scroll")?;
    let id = json::text_of(body, "scroll_id")?.ok_or_else(|| Fault::argument("[scroll_id] is missing"))?;
    Scrolled::read(&id).ok_or_else(|| Fault::argument("Cannot parse scroll id: take the one of the page before"))
}

/// Nothing has to be done: nothing is kept.
pub fn close(body: &Json) -> Json {
    let ids = |name: &str| body.get(name).map(json::listed).unwrap_or_default();
    let (scrolls, points) = (ids("scroll_id"), ids("pit_id"));
    let pits: Vec<Json> = points.iter().map(|id| json!({ "successful": true, "pit_id": id })).collect();
    json!({ "succeeded": true, "num_freed": scrolls.len().max(1), "pits": pits })
}

/// A point in time, under the names that Elasticsearch and OpenSearch have for it.
pub fn open_point(next_sequence: u64, now_ms: i64) -> Json {
    let id = pack(&json!({ "s": next_sequence }));
    let shards = shards(&[]);
    json!({ "id": id, "pit_id": id, "_shards": shards, "creation_time": now_ms })
}

/// The point in time of a request: only what came before this number counts.
pub fn point(body: &Object) -> Result<(u64, Option<String>), Fault> {
    let Some(pit) = body.get("pit") else { return Ok((u64::MAX, None)) };
    let id = json::object(pit, "pit")?.get("id").and_then(Json::as_str).unwrap_or_default();
    let sequence = unpack(id).and_then(|value| value.get("s")?.as_u64());
    let sequence =
        sequence.ok_or_else(|| Fault::argument("[pit] has no id that a point in time was given").inside("pit"))?;
    Ok((sequence, Some(id.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back() {
        let after = Some(json!(["1.2"]));
        let one = Scrolled { after, total: Some(json!(7)), ..Scrolled::first(json!({ "size": 2 }), u64::MAX, -5) };
        let body = json!({ "scroll_id": one.id().unwrap(), "scroll": "1m" });
        assert_eq!(scroll(&body), Ok(one.clone()));
        for wrong in ["", "é", "AAAA", &pack(&json!({ "s": "x" })), &"A".repeat(MAX_ID + 4)] {
            assert!(scroll(&json!({ "scroll_id": wrong })).is_err(), "{wrong}");
        }
        let long = Scrolled { body: "x".repeat(MAX_ID).into(), ..one };
        assert!(long.id().is_err());
    }
}
