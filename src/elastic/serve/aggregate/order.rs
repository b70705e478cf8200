//! The order of buckets.

use std::cmp::Ordering;

use serde_json::Value as Json;

use super::super::fault::Fault;
use super::super::json::{self, Object};
use super::pipeline::number_at;

/// Whether the steps of a histogram come with the last one first.
pub fn of_steps(body: &Object) -> Result<bool, Fault> {
    let Some(order) = body.get("order") else { return Ok(false) };
    match json::only(order, "order")? {
        ("_key" | "_time", direction) => is_descending(direction),
        (other, _) => Err(Fault::argument(format!("a histogram is ordered by [_key], not by [{other}]"))),
    }
}

/// What the buckets of `terms` are sorted by: the most frequent first, where nothing is said.
pub fn of_terms(order: Option<&Json>) -> Result<Vec<(String, bool)>, Fault> {
    let Some(order) = order else { return Ok(vec![("_count".to_owned(), true)]) };
    let one = |order: &Json| {
        let (name, direction) = json::only(order, "order")?;
        let name = if name == "_term" { "_key" } else { name };
        Ok((name.to_owned(), is_descending(direction)?))
    };
    json::listed(order).into_iter().map(one).collect()
}

fn is_descending(direction: &Json) -> Result<bool, Fault> {
    match direction.as_str() {
        Some(word) if word.eq_ignore_ascii_case("desc") => Ok(true),
        Some(word) if word.eq_ignore_ascii_case("asc") => Ok(false),
        _ => Err(Fault::parsing("an order is [asc] or [desc]").inside("order")),
    }
}

/// The order of two buckets by their answers; equal ones are as they were.
pub fn compare(order: &[(String, bool)], a: &Object, b: &Object) -> Ordering {
    let by = |(name, descending): &(String, bool)| match name.as_str() {
        // They come in the order of their keys.
        "_key" => Ordering::Equal,
        path => {
            let (a, b) = (number_at(a, path), number_at(b, path));
            match (a, b) {
                (Some(a), Some(b)) => {
                    if *descending {
                        b.total_cmp(&a)
                    } else {
                        a.total_cmp(&b)
                    }
                }
                // What has none comes last.
                (a, b) => b.is_some().cmp(&a.is_some()),
            }
        }
    };
    order.iter().map(by).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}
