//! `context`: the entries of the same source around those that were found, in the order in which they came.

use std::collections::{BTreeMap, BTreeSet};

use crate::query::Query;
use crate::record::{Columns, Entry, Row};
use crate::search::ask::{Answer, Body};
use crate::search::budget::Meter;
use crate::search::entries::{Cursor, EntryId, Request, find};
use crate::search::scan::{Hits, Scan, Take, Visit};
use crate::search::{Budget, Cut, SearchError, Window};
use crate::store::Snapshot;

/// Sources that are looked at; entries of others come without context.
const MAX_SOURCES: usize = 100;

/// An entry by its name, and so many entries before and after it; nothing where there is no such entry.
pub fn context(
    snapshot: &Snapshot,
    id: EntryId,
    counts: (usize, usize),
    budget: &Budget,
) -> Result<Option<Answer>, SearchError> {
    // The first entry of a page that would begin with it.
    let after = Cursor { time: id.time, sequence: id.sequence.saturating_add(1), before_sequence: u64::MAX };
    let window = Window { since: id.time, until: id.time.saturating_add(1) };
    let request = Request { query: Query::all(), window, limit: 1, after: Some(after), budget: budget.clone() };
    let found = find(snapshot, &request)?;
    if found.partial.is_none() && found.entries.iter().all(|(sequence, _)| *sequence != id.sequence) {
        return Ok(None);
    }
    let meter = Meter::start(budget);
    let entries = around(snapshot, found.entries, counts, &meter)?;
    let partial = found.partial.or(meter.reason()).map(|cut| cut.to_string());
    Ok(Some(Answer { body: Body::Entries(entries), next: None, partial, effort: found.effort }))
}

/// `found` and so many entries before and after each, newest first.
pub fn around(
    snapshot: &Snapshot,
    found: Vec<(u64, Entry)>,
    (before, after): (usize, usize),
    meter: &Meter,
) -> Result<Vec<(u64, Entry)>, SearchError> {
    let mut by_source: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (sequence, entry) in &found {
        by_source.entry(&entry.source).or_default().push(*sequence);
    }
    let mut all: BTreeMap<u64, Entry> = BTreeMap::new();
    for (source, hits) in by_source.iter().take(MAX_SOURCES) {
        let query = Query::of_values("source", [*source]);
        let scan = Scan { snapshot, query: &query, window: Window::ALL, meter, shift: 0 };
        let numbers = numbers(&scan)?;
        let wanted: BTreeSet<u64> = hits.iter().flat_map(|hit| neighbours(&numbers, *hit, before, after)).collect();
        let (pickers, _) = scan.run(|| Picker { wanted: &wanted, picked: Vec::new(), bytes: 0, meter })?;
        all.extend(pickers.into_iter().flat_map(|picker| picker.picked));
    }
    all.extend(found);
    let mut entries: Vec<(u64, Entry)> = all.into_iter().collect();
    entries.sort_by_key(|(sequence, entry)| std::cmp::Reverse((entry.time, *sequence)));
    Ok(entries)
}

fn neighbours(numbers: &[u64], hit: u64, before: usize, after: usize) -> impl Iterator<Item = u64> + '_ {
    let place = numbers.partition_point(|number| *number < hit);
    let end = numbers.len().min(place.saturating_add(after).saturating_add(1));
    numbers[place.saturating_sub(before).min(end)..end].iter().copied()
}

/// The sequence numbers of all entries of a source, in order.
fn numbers(scan: &Scan<'_>) -> Result<Vec<u64>, SearchError> {
    let (listers, _) = scan.run(|| Lister { numbers: Vec::new(), meter: scan.meter })?;
    let mut numbers: Vec<u64> = listers.into_iter().flat_map(|lister| lister.numbers).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

struct Lister<'a> {
    numbers: Vec<u64>,
    meter: &'a Meter,
}

impl Take for Lister<'_> {
    fn row<R: Row>(&mut self, sequence: u64, _: &R) {
        self.numbers.push(sequence);
    }
}

impl Visit for Lister<'_> {
    fn hits(&mut self, hits: &mut Hits<'_>) -> Result<(), SearchError> {
        if self.numbers.len() * size_of::<u64>() > self.meter.budget().result_bytes {
            self.meter.cut(Cut::Result(self.meter.budget().result_bytes));
        }
        hits.rows(&Columns::default(), self)
    }
}

struct Picker<'a> {
    wanted: &'a BTreeSet<u64>,
    picked: Vec<(u64, Entry)>,
    bytes: usize,
    meter: &'a Meter,
}

impl Visit for Picker<'_> {
    fn hits(&mut self, hits: &mut Hits<'_>) -> Result<(), SearchError> {
        for hit in 0..hits.len() {
            let (_, sequence) = hits.key(hit);
            if self.wanted.contains(&sequence) {
                let entry = hits.entry(hit)?;
                self.bytes += entry.size();
                self.picked.push((sequence, entry));
            }
        }
        if self.bytes > self.meter.budget().result_bytes {
            self.meter.cut(Cut::Result(self.meter.budget().result_bytes));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn neighbours_are_those_around() {
        let numbers = [1, 3, 5, 7, 9];
        let check = |hit: u64, before: usize, after: usize, want: &[u64]| {
            assert_eq!(super::neighbours(&numbers, hit, before, after).collect::<Vec<_>>(), want);
        };
        check(5, 1, 1, &[3, 5, 7]);
        check(1, 2, 0, &[1]);
        check(9, 0, 9, &[9]);
        check(5, 0, 0, &[5]);
        check(5, usize::MAX, usize::MAX, &numbers);
    }
}
