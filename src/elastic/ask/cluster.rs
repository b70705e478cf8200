//! Documents of a cluster, page by page, as the entries that they were.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use serde_json::{Value as Json, json};
use xxhash_rust::xxh3::xxh3_64;

use crate::elastic::ask::translate::{TIME, query as translated};
use crate::query::Query;
use crate::record::{Entry, Row};
use crate::search::{Budget, Cursor, EntryId, Later, Window, window_of};
use crate::store::Snapshot;
use crate::sys::auth::Auth;
use crate::sys::tls::Tls;
use crate::sys::units::Span;
use crate::sys::web::{Call, Web, without_password};

/// Documents of one request.
const PAGE: usize = 1_000;
/// Beside an entry so many more are asked for than are wanted: those of the same millisecond.
const BESIDE: usize = 10;
/// Of an answer no more is read.
const ANSWER_BYTES: usize = 64 << 20;
/// Characters of a cluster's reason that are told.
const REASON_CHARS: usize = 300;
const MILLISECOND: i64 = 1_000_000;

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub url: String,
    pub index: String,
    pub auth: Auth,
    /// Who signs the cluster's certificate; unset: the system's roots.
    pub ca: Option<PathBuf>,
    /// Of one request.
    pub timeout: Span,
    /// Documents that are fetched for one question.
    pub max_entries: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    #[error("the cluster cannot be asked: {0}")]
    Setup(String),
    #[error("the cluster does not answer: {0}")]
    Silent(String),
    #[error("{url} answered {status}: {reason}")]
    Refused { url: String, status: u16, reason: String },
    #[error("{0}: the answer is none of a search")]
    Nonsense(String),
}

/// What a question needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Want {
    /// The newest so many that match, behind a page, and one more if there is one.
    Newest { limit: usize, after: Option<Cursor> },
    /// All that match, or would if they were so many nanoseconds later.
    All { shift: i64 },
    /// So many of the store that this entry is of, right before it or right after it in the order of time.
    Beside { limit: usize, of: EntryId, later: bool },
}

/// Entries that match, as a store that has nothing else.
pub struct Fetched {
    pub snapshot: Snapshot,
    /// Why there may be others.
    pub partial: Option<String>,
}

impl Fetched {
    /// Of what was fetched beside an entry, the nearest so many.
    pub fn nearest(&self, limit: usize, later: bool) -> Vec<(u64, Entry)> {
        let mut entries = self.snapshot.open.clone();
        entries.sort_by_key(|(sequence, entry)| (entry.time, *sequence));
        if !later {
            entries.reverse();
        }
        entries.truncate(limit);
        entries
    }
}

/// See the module. Clones share their connections.
#[derive(Clone)]
pub struct Cluster(Arc<Inner>);

struct Inner {
    settings: Settings,
    web: Web,
}

/// What was fetched so far.
struct Gathered {
    entries: Vec<(u64, Entry)>,
    bytes: usize,
    documents: usize,
    /// Documents that no sink of ours wrote.
    foreign: usize,
    /// Milliseconds of the last document.
    last: i64,
    partial: Option<String>,
}

impl Cluster {
    pub fn new(settings: Settings) -> Result<Cluster, ClusterError> {
        let tls = Tls { ca: settings.ca.clone(), identity: None }.config().map_err(ClusterError::Setup)?;
        let web = Web::with(tls, ANSWER_BYTES).map_err(|error| ClusterError::Setup(error.to_string()))?;
        Ok(Cluster(Arc::new(Inner { settings, web })))
    }

    /// Where it is, for people.
    pub fn target(&self) -> String {
        format!("{} {}", without_password(&self.0.settings.url), self.0.settings.index)
    }

    /// Entries of the window that match the query, whose pipes count for nothing.
    pub async fn fetch(
        &self,
        query: &Query,
        window: Window,
        want: Want,
        budget: &Budget,
    ) -> Result<Fetched, ClusterError> {
        let (shift, is_ascending) = (want.shift(), want.is_ascending());
        let asked = want.narrowed(window.and(window_of(query)));
        let asked = Window { since: asked.since.saturating_sub(shift), until: asked.until.saturating_sub(shift) };
        let size = want.page();
        let order = if is_ascending { "asc" } else { "desc" };
        let mut body = json!({
            "size": size, "query": translated(&query.need(), asked), "track_total_hits": false, "_source": ["*", "raw"],
            "sort": [{ TIME: { "order": order } }, { "id": { "order": order } }],
        });
        let begun = Instant::now();
        let mut gathered = Gathered::new();
        loop {
            let answer = self.search(&body).await?;
            let hits = answer["hits"]["hits"].as_array().ok_or_else(|| ClusterError::Nonsense(self.target()))?;
            gathered.partial = gathered.partial.take().or_else(|| failures(&answer));
            for hit in hits {
                gathered.take(hit, |entry, sequence, id| {
                    let later = Later(entry, shift);
                    want.is_for((entry.time, sequence), id) && window.contains(later.time()) && query.matches(&later)
                });
            }
            let last = hits.last().map(|hit| hit["sort"].clone()).filter(Json::is_array);
            let Some(last) = last.filter(|_| hits.len() == size && !gathered.is_enough(want)) else { break };
            if let Some(why) = gathered.limit(size, self.0.settings.max_entries, begun, budget) {
                gathered.partial.get_or_insert(why);
                break;
            }
            body["search_after"] = last;
        }
        Ok(gathered.finish())
    }

    pub(super) async fn search(&self, body: &Json) -> Result<Json, ClusterError> {
        let Settings { url, index, auth, timeout, .. } = &self.0.settings;
        let url = format!("{}/{index}/_search", url.trim_end_matches('/'));
        let mut headers = auth.http_headers().map_err(ClusterError::Setup)?;
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
        let call = Call { url: url.clone(), headers, body: Some(body.to_string().into_bytes()), timeout: timeout.0 };
        let reply = self.0.web.send(call).await.map_err(|error| ClusterError::Silent(error.to_string()))?;
        let answer = serde_json::from_slice::<Json>(&reply.body);
        let url = without_password(&url);
        match (reply.status, answer) {
            (200, Ok(answer)) => Ok(answer),
            (200, Err(_)) => Err(ClusterError::Nonsense(url)),
            (status, answer) => {
                let answer = answer.unwrap_or_default();
                let said = answer["error"]["reason"].as_str().or_else(|| answer["message"].as_str());
                let reason = said.unwrap_or("without a reason").chars().take(REASON_CHARS).collect();
                Err(ClusterError::Refused { url, status, reason })
            }
        }
    }
}

impl Gathered {
    fn new() -> Gathered {
        Gathered { entries: Vec::new(), bytes: 0, documents: 0, foreign: 0, last: 0, partial: None }
    }

    /// Keeps the entry of a document when it is wanted.
    fn take(&mut self, hit: &Json, is_wanted: impl Fn(&Entry, u64, &str) -> bool) {
        self.documents += 1;
        let Some(entry) = Entry::from_json(&hit["_source"]) else {
            self.foreign += 1;
            return;
        };
        self.last = entry.time.div_euclid(MILLISECOND);
        let id = hit["_source"]["id"].as_str().or_else(|| hit["_id"].as_str()).unwrap_or_default();
        let sequence = sequence(id);
        if is_wanted(&entry, sequence, id) {
            self.bytes += entry.size();
            self.entries.push((sequence, entry));
        }
    }

    /// Whether no other document can be among those that are wanted. Engines may order by milliseconds only.
    fn is_enough(&mut self, want: Want) -> bool {
        let (limit, is_ascending) = match want {
            Want::Newest { limit, .. } => (limit, false),
            Want::Beside { limit, later, .. } => (limit, later),
            Want::All { .. } => return false,
        };
        self.entries.sort_by_key(|(sequence, entry)| (entry.time, *sequence));
        if !is_ascending {
            self.entries.reverse();
        }
        self.entries.get(limit).is_some_and(|(_, entry)| {
            let last_wanted = entry.time.div_euclid(MILLISECOND);
            if is_ascending { self.last > last_wanted } else { self.last < last_wanted }
        })
    }

    /// Why no more is fetched.
    fn limit(&self, size: usize, max_entries: usize, begun: Instant, budget: &Budget) -> Option<String> {
        if budget.cancel.load(Ordering::Relaxed) {
            return Some("whoever asked is gone".to_owned());
        }
        if self.documents + size > max_entries {
            return Some(format!("only the newest {} entries of the cluster were looked at", self.documents));
        }
        if self.bytes > budget.result_bytes {
            return Some(format!("more than {} bytes of entries", budget.result_bytes));
        }
        (begun.elapsed() > budget.time).then(|| format!("more than {:?}", budget.time))
    }

    fn finish(mut self) -> Fetched {
        if self.foreign > 0 {
            let why = format!("{} documents of the cluster are none of a logmill's", self.foreign);
            self.partial.get_or_insert(why);
        }
        let snapshot = Snapshot { open: self.entries, next_sequence: u64::MAX, ..Snapshot::default() };
        Fetched { snapshot, partial: self.partial }
    }
}

impl Want {
    /// Documents of one request. Nearly all of a source are wanted, and of others nobody knows.
    fn page(self) -> usize {
        match self {
            Want::Beside { limit, .. } => limit.saturating_add(BESIDE).min(PAGE),
            _ => PAGE,
        }
    }

    fn shift(self) -> i64 {
        if let Want::All { shift } = self { shift } else { 0 }
    }

    fn is_ascending(self) -> bool {
        matches!(self, Want::Beside { later: true, .. })
    }

    /// The times in which there may be some.
    fn narrowed(self, window: Window) -> Window {
        let (edge, is_last) = match self {
            Want::Newest { after: Some(cursor), .. } => (cursor.time, true),
            Want::Beside { of, later, .. } => (of.time, !later),
            Want::Newest { after: None, .. } | Want::All { .. } => return window,
        };
        window.and(match is_last {
            true => Window { until: edge.saturating_add(1), ..Window::ALL },
            false => Window { since: edge, ..Window::ALL },
        })
    }

    /// Whether an entry with this key and the cluster's id may be one.
    fn is_for(self, key: (i64, u64), id: &str) -> bool {
        match self {
            Want::Newest { after: Some(cursor), .. } => key < (cursor.time, cursor.sequence),
            Want::Newest { after: None, .. } | Want::All { .. } => true,
            Want::Beside { of, later, .. } => {
                let is_of_store = store_of(id).is_none_or(|store| store == of.sequence & STORE_MASK);
                let edge = (of.time, of.sequence);
                is_of_store && if later { key > edge } else { key < edge }
            }
        }
    }
}

/// Parts of the cluster that did not answer.
pub(super) fn failures(answer: &Json) -> Option<String> {
    let failed = answer["_shards"]["failed"].as_u64().unwrap_or(0);
    match (failed, answer["timed_out"].as_bool()) {
        (_, Some(true)) => Some("the cluster took too long".to_owned()),
        (1.., _) => Some(format!("{failed} shards of the cluster failed")),
        _ => None,
    }
}

/// Of a number that [`sequence`] gives, the bits that say of which store it is.
const STORE_BITS: u32 = 23;
const STORE_MASK: u64 = (1 << STORE_BITS) - 1;

/// The store that the id of a sink names: its identity stands before the partition and the number.
fn store_of(id: &str) -> Option<u64> {
    if id.contains('.') {
        return None;
    }
    let (place, sequence) = id.rsplit_once('-')?;
    sequence.parse::<u64>().ok()?;
    let store = place.split_once('-').map_or(place, |(store, _)| store);
    Some(xxh3_64(store.as_bytes()) & STORE_MASK)
}

/// A number that orders entries of the same time: of one store as they were read, the same whenever it is asked for.
fn sequence(id: &str) -> u64 {
    let whole = || xxh3_64(id.as_bytes()) >> 1;
    if let Some((_, sequence)) = id.split_once('.') {
        return sequence.parse().unwrap_or_else(|_| whole());
    }
    let number = id.rsplit_once('-').and_then(|(_, number)| number.parse::<u64>().ok());
    let (Some(store), Some(number)) = (store_of(id), number) else { return whole() };
    (number & ((1 << 40) - 1)) << STORE_BITS | store
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_of_the_same_store() {
        let of = EntryId { time: 10, sequence: sequence("ab-1-7") };
        let check = |time: i64, id: &str, (before, after): (bool, bool)| {
            let is_for = |later: bool| Want::Beside { limit: 1, of, later }.is_for((time, sequence(id)), id);
            assert_eq!((is_for(false), is_for(true)), (before, after), "{time} {id}");
        };
        check(9, "ab-1-6", (true, false));
        check(11, "ab-2-9", (false, true));
        check(10, "ab-1-6", (true, false));
        check(10, "ab-1-8", (false, true));
        check(10, "ab-1-7", (false, false));
        check(9, "cd-1-6", (false, false));
        check(11, "cd-1-8", (false, false));
    }

    #[test]
    fn sequences() {
        let (one, next, other) = (sequence("ab-1-7"), sequence("ab-1-8"), sequence("cd-1-7"));
        assert!(one < next && one != other && one < 1 << 63);
        // A store goes on in its next partition.
        assert_eq!(sequence("ab-2-8"), next);
        assert_eq!(store_of("ab-1-7"), Some(one & STORE_MASK));
        assert_eq!((store_of("1795600000000000000.42"), store_of("whatever")), (None, None));
        assert_eq!(sequence("1795600000000000000.42"), 42);
        assert_eq!(sequence("whatever"), sequence("whatever"));
    }
}
