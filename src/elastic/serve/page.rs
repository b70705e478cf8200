//! The hits of one page, in any order, from a place on.

use std::collections::BTreeSet;

use super::sort::{After, Order, Rank};
use crate::query::Field;
use crate::record::{Entry, Row};
use crate::search::{Cut, Effort, Hits, Meter, Scan, SearchError, Take, Visit, values};

/// What is on the page.
pub struct Page<'a> {
    pub order: &'a Order,
    pub limit: usize,
    pub after: Option<&'a After>,
    pub among: Among<'a>,
}

/// Which of the entries that match count, by their names.
#[derive(Clone, Copy)]
pub struct Among<'a> {
    pub ids: Option<&'a BTreeSet<(i64, u64)>>,
    /// Those that came earlier.
    pub before_sequence: u64,
}

impl Among<'_> {
    pub fn has(&self, id: (i64, u64)) -> bool {
        id.1 < self.before_sequence && self.ids.is_none_or(|ids| ids.contains(&id))
    }

    /// Whether numbers of entries say enough.
    pub fn is_all(&self, next_sequence: u64) -> bool {
        self.ids.is_none() && self.before_sequence >= next_sequence
    }
}

impl Page<'_> {
    /// The first hits in the order that are behind `after`.
    pub fn find(&self, scan: &Scan<'_>) -> Result<(Vec<(Rank, Entry)>, Effort), SearchError> {
        if self.limit == 0 {
            return Ok((Vec::new(), Effort::default()));
        }
        let (visitors, effort) =
            scan.run(|| Keeper { page: self, meter: scan.meter, kept: Vec::new(), bytes: 0, full: false })?;
        let mut kept: Vec<(Rank, Entry)> = visitors.into_iter().flat_map(|visitor| visitor.kept).collect();
        kept.sort_by(|(a, _), (b, _)| self.order.compare(a, b));
        kept.truncate(self.limit);
        Ok((kept, effort))
    }
}

/// Keeps the first of one thread.
struct Keeper<'p> {
    page: &'p Page<'p>,
    meter: &'p Meter,
    /// Up to twice the limit; then the second half goes.
    kept: Vec<(Rank, Entry)>,
    bytes: usize,
    /// Something was left out, and what is kept up to the limit is in order.
    full: bool,
}

struct Ranks<'k>(&'k [(Field, bool)], Vec<Rank>);

impl Take for Ranks<'_> {
    fn row<R: Row>(&mut self, sequence: u64, row: &R) {
        let values = values(self.0.iter().map(|(field, _)| field), row);
        self.1.push(Rank { values, id: (row.time(), sequence) });
    }
}

impl Visit for Keeper<'_> {
    fn hits(&mut self, hits: &mut Hits<'_>) -> Result<(), SearchError> {
        let Page { order, limit, after, among } = self.page;
        let mut ranks = Ranks(&order.deciding, Vec::new());
        if order.is_newest_first() {
            ranks.1.extend((0..hits.len()).map(|hit| Rank { values: Vec::new(), id: hits.key(hit) }));
        } else {
            hits.rows(&order.columns(), &mut ranks)?;
        }
        // The newest of a block are usually its last.
        for (hit, rank) in ranks.1.into_iter().enumerate().rev() {
            let is_on_page = among.has(rank.id) && after.is_none_or(|after| order.is_behind(&rank, after));
            let worst = self.kept.get(limit - 1).filter(|_| self.full);
            if !is_on_page || worst.is_some_and(|(worst, _)| order.compare(&rank, worst).is_gt()) {
                continue;
            }
            let entry = hits.entry(hit)?;
            self.bytes += entry.size();
            self.kept.push((rank, entry));
            if self.kept.len() >= (limit * 2).max(64) {
                self.trim();
            }
        }
        let most = self.meter.budget().result_bytes;
        if self.bytes > most {
            self.trim();
            if self.bytes > most {
                self.meter.cut(Cut::Result(most));
            }
        }
        Ok(())
    }

    fn floor(&self) -> i64 {
        let worst = self.kept.get(self.page.limit.wrapping_sub(1)).filter(|_| self.full);
        worst.filter(|_| self.page.order.is_newest_first()).map_or(i64::MIN, |(rank, _)| rank.id.0)
    }
}

impl Keeper<'_> {
    fn trim(&mut self) {
        let Page { order, limit, .. } = self.page;
        self.kept.sort_by(|(a, _), (b, _)| order.compare(a, b));
        self.full |= self.kept.len() > *limit;
        self.kept.truncate(*limit);
        self.bytes = self.kept.iter().map(|(_, entry)| entry.size()).sum();
    }
}
