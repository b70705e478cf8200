//! `_search` and `_count`: runs what was asked, and gives the answer its shape.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value as Json, json};

use super::aggregate::{Tree, finish_all, too_many};
use super::document::{Asked, Source};
use super::fault::Fault;
use super::page::{Among, Page};
use super::place::INDEX;
use super::request::{Search, Total};
use super::sort::Rank;
use crate::query::{Field, Query};
use crate::record::{Columns, Entry, Level, Row, Value};
use crate::search::{Budget, Cut, Effort, EntryId, Hits, Meter, Scan, SearchError, Take, Visit, Window, values};
use crate::store::Snapshot;

/// Answers a `_search`.
pub fn search(snapshot: &Snapshot, asked: &Search, budget: &Budget) -> Result<Json, Fault> {
    let time = asked.timeout.map_or(budget.time, |timeout| timeout.min(budget.time));
    let budget = Budget { time, ..budget.clone() };
    let (condition, times) = asked.chosen.condition.clone().split_times();
    let query = Query::of(condition);
    let (meter, mut effort) = (Meter::start(&budget), Effort::default());
    let window = Window { since: *times.start(), until: times.end().saturating_add(1) };
    let scan = Scan { snapshot, query: &query, window, meter: &meter, shift: 0 };
    let among = Among { ids: asked.chosen.ids.as_ref(), before_sequence: asked.before_sequence };
    let mut total = None;
    let mut aggregations = None;
    if asked.total != Total::Unsaid || !asked.aggregations.is_empty() {
        let (tally, more) = Tally::run(&scan, asked, among)?;
        effort.add(&more);
        total = Some(tally.count);
        if tally.tree.is_spent() {
            return Err(too_many(budget.groups));
        }
        if !asked.aggregations.is_empty() {
            aggregations = Some(finish_all(tally.tree, budget.groups)?);
        }
    }
    let page = Page { order: &asked.order, limit: asked.from + asked.size, after: asked.after.as_ref(), among };
    let limit = if asked.size == 0 { 0 } else { page.limit };
    let (found, more) = Page { limit, ..page }.find(&scan)?;
    effort.add(&more);
    let hits: Vec<Json> = found.iter().skip(asked.from).map(|(rank, entry)| hit(asked, rank, entry)).collect();
    let mut answer = json!({
        "took": effort.total_us.div_ceil(1000),
        "timed_out": matches!(meter.reason(), Some(Cut::Time(_))),
        "_shards": shards(&failures(&meter, &effort)),
        "hits": { "max_score": max_score(asked, &hits), "hits": hits },
    });
    if let Some(total) = total.filter(|_| asked.total != Total::Unsaid) {
        answer["hits"]["total"] = said(asked, total);
    }
    if let Some(aggregations) = aggregations {
        answer["aggregations"] = aggregations;
    }
    if let Some(pit) = &asked.pit {
        answer["pit_id"] = pit.as_str().into();
    }
    Ok(answer)
}

/// Answers a `_count`.
pub fn count(snapshot: &Snapshot, asked: &Search, budget: &Budget) -> Result<Json, Fault> {
    let asked = Search { size: 0, from: 0, total: Total::All, total_is_number: true, ..asked.clone() };
    let answer = search(snapshot, &asked, budget)?;
    Ok(json!({ "count": answer["hits"]["total"], "_shards": answer["_shards"] }))
}

/// Why entries may be missing in the answer.
fn failures(meter: &Meter, effort: &Effort) -> Vec<String> {
    let cut = meter.reason().map(|cut| cut.to_string());
    cut.into_iter().chain(effort.damaged.iter().cloned()).collect()
}

/// All of the store is one shard, which has failed where something is missing.
pub fn shards(failures: &[String]) -> Json {
    let failed = usize::from(!failures.is_empty());
    let mut shards = json!({ "total": 1, "successful": 1, "skipped": 0, "failed": failed });
    if failed > 0 {
        let reasons = failures.iter().map(
            |reason| json!({ "shard": 0, "index": INDEX, "reason": { "type": "partial_result", "reason": reason } }),
        );
        shards["failures"] = reasons.collect();
    }
    shards
}

fn max_score(asked: &Search, hits: &[Json]) -> Option<f64> {
    (!asked.is_sorted && !hits.is_empty()).then_some(1.0)
}

fn said(asked: &Search, total: u64) -> Json {
    let (value, relation) = match asked.total {
        Total::UpTo(most) if total > most => (most, "gte"),
        _ => (total, "eq"),
    };
    if asked.total_is_number { value.into() } else { json!({ "value": value, "relation": relation }) }
}

fn hit(asked: &Search, rank: &Rank, entry: &Entry) -> Json {
    let (time, sequence) = rank.id;
    let mut hit = json!({
        "_index": INDEX,
        "_id": EntryId { time, sequence }.to_string(),
        "_score": (!asked.is_sorted).then_some(1.0),
    });
    if !asked.source.off {
        hit["_source"] = Source::of(&asked.source, sequence, entry);
    }
    if !asked.fields.is_empty() {
        hit["fields"] = Asked::of(&asked.fields, sequence, entry);
    }
    if asked.is_sorted {
        let value_of = |field: &Field| values([field], entry).pop().unwrap_or(Value::Null);
        hit["sort"] = asked.order.shown(rank, value_of);
    }
    if let Some(highlight) = &asked.highlight
        && let Some(marked) = highlight.of(&asked.chosen.condition.words(), entry)
    {
        hit["highlight"] = marked;
    }
    hit
}

/// Counts all that matches, and aggregates it.
struct Tally<'a> {
    tree: Tree<'a>,
    count: u64,
    columns: Columns,
    among: Among<'a>,
    is_all: bool,
    meter: &'a Meter,
    has_aggregations: bool,
    /// Enough of all threads together; no more has to be counted.
    enough: u64,
    counted: Arc<AtomicU64>,
}

impl<'a> Tally<'a> {
    fn run(scan: &Scan<'a>, asked: &'a Search, among: Among<'a>) -> Result<(Tallied<'a>, Effort), SearchError> {
        let counted = Arc::new(AtomicU64::new(0));
        let enough = match asked.total {
            Total::UpTo(most) if asked.aggregations.is_empty() => most.saturating_add(1),
            _ => u64::MAX,
        };
        let make = || Tally {
            tree: Tree::new(&asked.aggregations, scan.meter.budget()),
            count: 0,
            columns: Tree::columns(&asked.aggregations),
            among,
            is_all: among.is_all(scan.snapshot.next_sequence),
            meter: scan.meter,
            has_aggregations: !asked.aggregations.is_empty(),
            enough,
            counted: counted.clone(),
        };
        let (visitors, effort) = scan.run(make)?;
        let mut visitors = visitors.into_iter().map(|visitor| Tallied { tree: visitor.tree, count: visitor.count });
        let first = Tallied { tree: Tree::new(&asked.aggregations, scan.meter.budget()), count: 0 };
        let mut all = visitors.next().unwrap_or(first);
        for other in visitors {
            all.count += other.count;
            all.tree.merge(other.tree);
        }
        Ok((all, effort))
    }

    fn add(&mut self, count: u64) {
        self.count += count;
        self.counted.fetch_add(count, Ordering::Relaxed);
    }
}

/// What was counted.
struct Tallied<'a> {
    tree: Tree<'a>,
    count: u64,
}

/// Gives rows that count to the tree.
struct Taking<'t, 'a> {
    tree: &'t mut Tree<'a>,
    among: Among<'a>,
    count: u64,
}

impl Take for Taking<'_, '_> {
    fn row<R: Row>(&mut self, sequence: u64, row: &R) {
        if self.among.has((row.time(), sequence)) {
            self.count += 1;
            self.tree.take(row);
        }
    }
}

impl Visit for Tally<'_> {
    fn hits(&mut self, hits: &mut Hits<'_>) -> Result<(), SearchError> {
        let mut taking = Taking { tree: &mut self.tree, among: self.among, count: 0 };
        if self.has_aggregations {
            hits.rows(&self.columns, &mut taking)?;
        } else {
            taking.count = (0..hits.len()).filter(|hit| taking.among.has(hits.key(*hit))).count() as u64;
        }
        let count = taking.count;
        self.add(count);
        if self.tree.is_spent() {
            // It is refused, and what is left is not worth the work.
            self.meter.cut(Cut::Result(self.meter.budget().result_bytes));
        }
        Ok(())
    }

    fn floor(&self) -> i64 {
        if self.counted.load(Ordering::Relaxed) >= self.enough { i64::MAX } else { i64::MIN }
    }

    fn wants_counts(&self) -> bool {
        self.is_all && self.tree.needs_counts_alone()
    }

    fn counts_fit(&self, first: i64, last: i64) -> bool {
        self.wants_counts() && self.tree.counts_fit(first, last)
    }

    fn counts(&mut self, first: i64, _last: i64, level: Level, count: u64) {
        self.tree.take_counts(first, level, count);
        self.add(count);
    }
}
