//! The first entries in an order that the question gives.

use std::cmp::Ordering;

use crate::query::pipe::SortKey;
use crate::record::{Columns, Entry, Row, Value};
use crate::search::aggregate::{directed, values};
use crate::search::budget::Meter;
use crate::search::entries::{Found, Request, window_of};
use crate::search::scan::{Hits, Scan, Take, Visit};
use crate::search::{Cursor, Cut, SearchError};
use crate::store::Snapshot;

/// The order of two entries by `keys`; of equal ones the newest comes first.
pub fn compare(keys: &[SortKey], a: &(u64, Entry), b: &(u64, Entry)) -> Ordering {
    let of = |(_, entry): &(u64, Entry)| values(keys.iter().map(|key| &key.field), entry);
    by_keys(keys, &of(a), &of(b)).then_with(|| (b.1.time, b.0).cmp(&(a.1.time, a.0)))
}

fn by_keys(keys: &[SortKey], a: &[Value], b: &[Value]) -> Ordering {
    let orders = keys.iter().zip(a.iter().zip(b)).map(|(key, (a, b))| directed(a, b, key.descending));
    orders.fold(Ordering::Equal, Ordering::then)
}

/// Place in the order: values of the keys, and time and number of the entry.
type Place = (Vec<Value>, (i64, u64));

fn compare_places(keys: &[SortKey], a: &Place, b: &Place) -> Ordering {
    by_keys(keys, &a.0, &b.0).then_with(|| b.1.cmp(&a.1))
}

/// The first `limit` entries of all that match.
pub fn sorted(snapshot: &Snapshot, request: &Request, keys: &[SortKey], limit: usize) -> Result<Found, SearchError> {
    let meter = Meter::start(&request.budget);
    let window = request.window.and(window_of(&request.query));
    let scan = Scan { snapshot, query: &request.query, window, meter: &meter, shift: 0 };
    let columns = keys.iter().fold(Columns::default(), |columns, key| columns.and(&key.field.columns()));
    let first =
        || First { keys, limit, columns: columns.clone(), meter: &meter, kept: Vec::new(), bytes: 0, more: false };
    let (visitors, effort) = scan.run(first)?;
    let mut more = visitors.iter().any(|visitor| visitor.more);
    let mut kept: Vec<(Place, Entry)> = visitors.into_iter().flat_map(|visitor| visitor.kept).collect();
    kept.sort_by(|(a, _), (b, _)| compare_places(keys, a, b));
    more |= kept.len() > limit;
    kept.truncate(limit);
    // This says that there are more; a page behind it is not to be had.
    let next = kept.last().filter(|_| more).map(|((_, (time, sequence)), _)| Cursor {
        time: *time,
        sequence: *sequence,
        before_sequence: 0,
    });
    let entries = kept.into_iter().map(|((_, (_, sequence)), entry)| (sequence, entry)).collect();
    Ok(Found { entries, next, partial: meter.reason(), effort })
}

/// Keeps the first of one thread.
struct First<'a> {
    keys: &'a [SortKey],
    limit: usize,
    columns: Columns,
    meter: &'a Meter,
    /// Up to twice the limit; then the second half goes.
    kept: Vec<(Place, Entry)>,
    bytes: usize,
    more: bool,
}

/// The places of the hits in a block.
struct Places<'k>(&'k [SortKey], Vec<Place>);

impl Take for Places<'_> {
    fn row<R: Row>(&mut self, sequence: u64, row: &R) {
        self.1.push((values(self.0.iter().map(|key| &key.field), row), (row.time(), sequence)));
    }
}

impl Visit for First<'_> {
    fn hits(&mut self, hits: &mut Hits<'_>) -> Result<(), SearchError> {
        let mut places = Places(self.keys, Vec::new());
        hits.rows(&self.columns, &mut places)?;
        for (hit, place) in places.1.into_iter().enumerate() {
            // After a trim the last one kept is the worst that can count.
            let worst = self.kept.get(self.limit.wrapping_sub(1)).filter(|_| self.more);
            if worst.is_some_and(|(worst, _)| compare_places(self.keys, &place, worst).is_gt()) {
                continue;
            }
            let entry = hits.entry(hit)?;
            self.bytes += entry.size();
            self.kept.push((place, entry));
            if self.kept.len() >= (self.limit * 2).max(64) {
                self.trim();
            }
        }
        if self.bytes > self.meter.budget().result_bytes {
            self.trim();
            if self.bytes > self.meter.budget().result_bytes {
                self.meter.cut(Cut::Result(self.meter.budget().result_bytes));
            }
        }
        Ok(())
    }
}

impl First<'_> {
    fn trim(&mut self) {
        let keys = self.keys;
        self.kept.sort_by(|(a, _), (b, _)| compare_places(keys, a, b));
        self.more |= self.kept.len() > self.limit;
        self.kept.truncate(self.limit);
        self.bytes = self.kept.iter().map(|(_, entry)| entry.size()).sum();
    }
}
