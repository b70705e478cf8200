//! Documents of a cluster, page by page, as the entries that they were.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use serde_json::{Value as Json, json};
use xxhash_rust::xxh3::xxh3_64;

use crate::elastic::ask::translate::{TIME, query as translated};
use crate::query::Query;
use crate::record::Entry;
use crate::search::{Budget, Cursor, Window};
use crate::store::Snapshot;
use crate::sys::auth::Auth;
use crate::sys::tls::Tls;
use crate::sys::units::Span;
use crate::sys::web::{Call, Web, without_password};

/// Documents of one request.
const PAGE: usize = 1_000;
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
    /// All that match.
    All,
}

/// Entries that match, as a store that has nothing else.
pub struct Fetched {
    pub snapshot: Snapshot,
    /// Why there may be others.
    pub partial: Option<String>,
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
    /// Milliseconds of the oldest document.
    oldest: i64,
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
        let times = query.window();
        let own = Window { since: *times.start(), until: times.end().saturating_add(1) };
        let mut asked = window.and(own);
        if let Want::Newest { after: Some(cursor), .. } = want {
            asked.until = asked.until.min(cursor.time.saturating_add(1));
        }
        let mut body = json!({
            "size": PAGE, "query": translated(&query.need(), asked), "track_total_hits": false, "_source": ["*", "raw"],
            "sort": [{ TIME: { "order": "desc" } }, { "id": { "order": "desc" } }],
        });
        let begun = Instant::now();
        let mut gathered = Gathered::new();
        loop {
            let answer = self.search(&body).await?;
            let hits = answer["hits"]["hits"].as_array().ok_or_else(|| ClusterError::Nonsense(self.target()))?;
            gathered.note_failures(&answer);
            for hit in hits {
                gathered.take(hit, |entry, sequence| {
                    let is_behind = |cursor: Cursor| (entry.time, sequence) < (cursor.time, cursor.sequence);
                    let on_page = match want {
                        Want::Newest { after: Some(cursor), .. } => is_behind(cursor),
                        _ => true,
                    };
                    on_page && window.contains(entry.time) && query.matches(entry)
                });
            }
            let last = hits.last().map(|hit| hit["sort"].clone()).filter(Json::is_array);
            let Some(last) = last.filter(|_| hits.len() == PAGE && !gathered.is_enough(want)) else { break };
            if let Some(why) = gathered.limit(self.0.settings.max_entries, begun, budget) {
                gathered.partial.get_or_insert(why);
                break;
            }
            body["search_after"] = last;
        }
        Ok(gathered.finish())
    }

    async fn search(&self, body: &Json) -> Result<Json, ClusterError> {
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
        Gathered { entries: Vec::new(), bytes: 0, documents: 0, foreign: 0, oldest: i64::MAX, partial: None }
    }

    /// Keeps the entry of a document when it is wanted.
    fn take(&mut self, hit: &Json, is_wanted: impl Fn(&Entry, u64) -> bool) {
        self.documents += 1;
        let Some(entry) = Entry::from_json(&hit["_source"]) else {
            self.foreign += 1;
            return;
        };
        self.oldest = self.oldest.min(entry.time.div_euclid(MILLISECOND));
        let id = hit["_source"]["id"].as_str().or_else(|| hit["_id"].as_str()).unwrap_or_default();
        let sequence = sequence(id);
        if is_wanted(&entry, sequence) {
            self.bytes += entry.size();
            self.entries.push((sequence, entry));
        }
    }

    /// Whether no older document can be among those that are wanted. Engines may order by milliseconds only.
    fn is_enough(&mut self, want: Want) -> bool {
        let Want::Newest { limit, .. } = want else { return false };
        self.entries.sort_by_key(|(sequence, entry)| std::cmp::Reverse((entry.time, *sequence)));
        self.entries.get(limit).is_some_and(|(_, entry)| self.oldest < entry.time.div_euclid(MILLISECOND))
    }

    /// Why no more is fetched.
    fn limit(&self, max_entries: usize, begun: Instant, budget: &Budget) -> Option<String> {
        if budget.cancel.load(Ordering::Relaxed) {
            return Some("whoever asked is gone".to_owned());
        }
        if self.documents + PAGE > max_entries {
            return Some(format!("only the newest {} entries of the cluster were looked at", self.documents));
        }
        if self.bytes > budget.result_bytes {
            return Some(format!("more than {} bytes of entries", budget.result_bytes));
        }
        (begun.elapsed() > budget.time).then(|| format!("more than {:?}", budget.time))
    }

    /// Parts of the cluster that did not answer.
    fn note_failures(&mut self, answer: &Json) {
        let failed = answer["_shards"]["failed"].as_u64().unwrap_or(0);
        let why = match (failed, answer["timed_out"].as_bool()) {
            (_, Some(true)) => Some("the cluster took too long".to_owned()),
            (1.., _) => Some(format!("{failed} shards of the cluster failed")),
            _ => None,
        };
        self.partial = self.partial.take().or(why);
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

/// A number that orders entries of the same time: of one store as they were read, the same whenever it is asked for.
fn sequence(id: &str) -> u64 {
    let whole = || xxh3_64(id.as_bytes()) >> 1;
    if let Some((_, sequence)) = id.split_once('.') {
        return sequence.parse().unwrap_or_else(|_| whole());
    }
    let Some((store, sequence)) = id.rsplit_once('-') else { return whole() };
    let Ok(sequence) = sequence.parse::<u64>() else { return whole() };
    (sequence & ((1 << 40) - 1)) << 23 | xxh3_64(store.as_bytes()) >> 41
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences() {
        let (one, next, other) = (sequence("ab-1-7"), sequence("ab-1-8"), sequence("cd-1-7"));
        assert!(one < next && one != other && one < 1 << 63);
        assert_eq!(sequence("1795600000000000000.42"), 42);
        assert_eq!(sequence("whatever"), sequence("whatever"));
    }
}
