//! `/api/v1/fields`: which fields entries have; `/api/v1/fields/{name}`: the values of one, most frequent first.

use axum::extract::{Path, Query as Parameters, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::backend::Shared;
use crate::http::looked::{answered, looked, noted};
use crate::http::problem::Problem;
use crate::http::question::{Stop, budget, condition, question, window};
use crate::http::reply::{self, Accepts};
use crate::http::search::MAX_LIMIT;
use crate::query::Field;
use crate::query::pipe::{Group, MAX_LIMIT as MAX_TOP, Pipe};
use crate::search::{Body, Request, field_names};
use crate::store::Snapshot;
use crate::sys::clock;

/// Entries that are looked at where nothing is said.
const SAMPLE: usize = 1_000;
/// Values in an answer where nothing is said.
const VALUES: usize = 20;
/// Longest name of a field, in bytes.
const MAX_NAME: usize = 256;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NamesQuestion {
    #[serde(default)]
    query: String,
    since: Option<String>,
    until: Option<String>,
    sample: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ValuesQuestion {
    #[serde(default)]
    query: String,
    since: Option<String>,
    until: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn names(
    State(backend): State<Shared>,
    accepts: Accepts,
    Parameters(q): Parameters<NamesQuestion>,
) -> Result<Response, Problem> {
    let stop = Stop::default();
    let request = Request {
        query: condition(&q.query)?,
        window: window((q.since.as_deref(), q.until.as_deref()), clock::now(), i64::MIN)?,
        limit: q.sample.unwrap_or(SAMPLE).clamp(1, MAX_LIMIT),
        after: None,
        budget: budget(&backend, &stop),
    };
    question(move || {
        let of_store = |snapshot: &Snapshot| Ok((field_names(snapshot, &request)?, None));
        let (names, partial) = looked(&backend, of_store, async |cluster| cluster.field_names(&request).await)?;
        Ok(reply::json(accepts, &noted(names.to_json(), partial)))
    })
    .await?
}

pub(super) async fn values(
    State(backend): State<Shared>,
    accepts: Accepts,
    Path(name): Path<String>,
    Parameters(q): Parameters<ValuesQuestion>,
) -> Result<Response, Problem> {
    if name.len() > MAX_NAME {
        return Err(Problem::bad(format!("the name of a field may have {MAX_NAME} bytes")));
    }
    let stop = Stop::default();
    let limit = q.limit.unwrap_or(VALUES).clamp(1, MAX_TOP);
    let by = vec![Group::Field(Field::from_name(&name))];
    let request = Request {
        query: condition(&q.query)?.then(Pipe::Top { limit, by }),
        window: window((q.since.as_deref(), q.until.as_deref()), clock::now(), i64::MIN)?,
        limit,
        after: None,
        budget: budget(&backend, &stop),
    };
    question(move || {
        let answer = answered(&backend, &request, clock::now())?;
        let Body::Table(table) = &answer.body else { return Err(Problem::failed("the counts are no table")) };
        let mut json = table.to_json();
        let rows = if let Value::Array(rows) = json["rows"].take() { rows } else { Vec::new() };
        let values: Vec<Value> = rows.iter().map(|row| json!({ "value": row[0], "count": row[1] })).collect();
        let effort = json!({ "field": name, "values": values, "partial": answer.partial, "effort": answer.effort });
        Ok(reply::json(accepts, &effort))
    })
    .await?
}
