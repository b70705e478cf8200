//! The newest entries that match, page by page.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::str::FromStr;

use crate::query::Query;
use crate::record::Entry;
use crate::search::budget::Meter;
use crate::search::keyed::Keyed;
use crate::search::scan::{Hits, Scan, Visit};
use crate::search::{Budget, Cut, Effort, SearchError, Window};
use crate::store::Snapshot;

/// What to look for.
#[derive(Clone, Debug)]
pub struct Request {
    pub query: Query,
    pub window: Window,
    /// The newest so many.
    pub limit: usize,
    /// Where the page before this one ended.
    pub after: Option<Cursor>,
    pub budget: Budget,
}

/// Where a page ended: entries are ordered by time and then by arrival, and neither of an entry ever changes. So a page
/// that begins here is the same whatever arrives, is sealed or is removed meanwhile, but for what is removed itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Of the last entry of the page.
    pub time: i64,
    pub sequence: u64,
    /// Entries from here on arrived after the first page was asked for, and are on none.
    pub before_sequence: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.time, self.sequence, self.before_sequence)
    }
}

impl FromStr for Cursor {
    type Err = String;

    fn from_str(text: &str) -> Result<Cursor, String> {
        let wrong = || format!("{text:?} is not a cursor; take the one that came with the page before");
        let mut parts = text.split('.');
        let mut next = || parts.next().ok_or_else(wrong);
        let cursor = Cursor {
            time: next()?.parse().map_err(|_| wrong())?,
            sequence: next()?.parse().map_err(|_| wrong())?,
            before_sequence: next()?.parse().map_err(|_| wrong())?,
        };
        if parts.next().is_some() { Err(wrong()) } else { Ok(cursor) }
    }
}

/// The name of an entry, for as long as it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryId {
    pub time: i64,
    pub sequence: u64,
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.time, self.sequence)
    }
}

impl FromStr for EntryId {
    type Err = String;

    fn from_str(text: &str) -> Result<EntryId, String> {
        let id = text
            .split_once('.')
            .and_then(|(time, sequence)| Some(EntryId { time: time.parse().ok()?, sequence: sequence.parse().ok()? }));
        id.ok_or_else(|| format!("{text:?} is not the id of an entry; take the `id` that a search gives"))
    }
}

/// The answer.
#[derive(Debug, Default)]
pub struct Found {
    /// Newest first; entries of the same time in the reverse order of their arrival.
    pub entries: Vec<(u64, Entry)>,
    /// There are older ones: what asks for the next page.
    pub next: Option<Cursor>,
    /// Why entries may be missing among these.
    pub partial: Option<Cut>,
    pub effort: Effort,
}

/// An entry ordered by time, then arrival.
type Ranked = Keyed<(i64, u64)>;

/// Keeps the newest of one thread.
struct Newest<'a> {
    limit: usize,
    after: Option<Cursor>,
    meter: &'a Meter,
    kept: BinaryHeap<Reverse<Ranked>>,
    bytes: usize,
    /// Something was left out.
    more: bool,
}

impl Newest<'_> {
    fn is_on_page(&self, key: (i64, u64)) -> bool {
        self.after.is_none_or(|cursor| key < (cursor.time, cursor.sequence) && key.1 < cursor.before_sequence)
    }

    fn keep(&mut self, ranked: Ranked) {
        self.bytes += ranked.1.size();
        self.kept.push(Reverse(ranked));
        if self.kept.len() > self.limit
            && let Some(Reverse(oldest)) = self.kept.pop()
        {
            self.bytes = self.bytes.saturating_sub(oldest.1.size());
            self.more = true;
        }
        if self.bytes > self.meter.budget().result_bytes {
            self.meter.cut(Cut::Result(self.meter.budget().result_bytes));
        }
    }
}

impl Visit for Newest<'_> {
    fn hits(&mut self, hits: &mut Hits<'_>) -> Result<(), SearchError> {
        let on_page: Vec<usize> = (0..hits.len()).filter(|hit| self.is_on_page(hits.key(*hit))).collect();
        if self.limit == 0 {
            self.more |= !on_page.is_empty();
            return Ok(());
        }
        // The newest of a block are usually its last.
        for hit in on_page.into_iter().rev() {
            let key = hits.key(hit);
            let is_full = self.kept.len() >= self.limit;
            if is_full && self.kept.peek().is_some_and(|Reverse(oldest)| key < oldest.0) {
                self.more = true;
                continue;
            }
            self.keep(Keyed(key, hits.entry(hit)?));
        }
        Ok(())
    }

    fn floor(&self) -> i64 {
        let is_full = self.kept.len() >= self.limit && self.more;
        self.kept.peek().filter(|_| is_full).map_or(i64::MIN, |Reverse(oldest)| oldest.0.0)
    }
}

/// Reads candidate blocks newest first, and stops when no older block can change the answer.
pub fn find(snapshot: &Snapshot, request: &Request) -> Result<Found, SearchError> {
    let meter = Meter::start(&request.budget);
    let until = request.after.map_or(i64::MAX, |cursor| cursor.time.saturating_add(1));
    let window = request.window.and(Window { since: i64::MIN, until }).and(window_of(&request.query));
    let scan = Scan { snapshot, query: &request.query, window, meter: &meter, shift: 0 };
    let newest = || Newest {
        limit: request.limit,
        after: request.after,
        meter: &meter,
        kept: BinaryHeap::new(),
        bytes: 0,
        more: false,
    };
    let (visitors, effort) = scan.run(newest)?;
    let mut more = visitors.iter().any(|visitor| visitor.more);
    let mut all: Vec<Ranked> = visitors.into_iter().flat_map(|v| v.kept).map(|Reverse(ranked)| ranked).collect();
    all.sort_by(|a, b| b.cmp(a));
    more |= all.len() > request.limit;
    all.truncate(request.limit);
    let partial = meter.reason();
    let before_sequence = request.after.map_or(snapshot.next_sequence, |cursor| cursor.before_sequence);
    let next = all.last().filter(|_| more || partial.is_some());
    let next = next.map(|last| Cursor { time: last.0.0, sequence: last.0.1, before_sequence });
    let entries = all.into_iter().map(|Keyed((_, sequence), entry)| (sequence, entry)).collect();
    Ok(Found { entries, next, partial, effort })
}

/// What conditions on the time leave.
pub(crate) fn window_of(query: &Query) -> Window {
    let (since, last) = query.window().into_inner();
    Window { since, until: last.saturating_add(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_read_back() {
        let id = EntryId { time: -5, sequence: 7 };
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in ["", "1", "1.", "1.2.3", "x.1"] {
            assert!(wrong.parse::<EntryId>().is_err(), "{wrong}");
        }
        let cursor = Cursor { time: -5, sequence: 7, before_sequence: u64::MAX };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for wrong in ["", "1.2", "1.2.3.4", "a.b.c"] {
            assert!(wrong.parse::<Cursor>().is_err(), "{wrong}");
        }
    }
}
