//! New entries as they are indexed, for those who wait for them. One look serves all that wait, and it never stands in
//! the indexer's way: what it is too slow for is counted as unseen.

use std::time::Instant;

use crate::query::{Need, Query};
use crate::record::{Columns, Entry};
use crate::search::SearchError;
use crate::search::prune::block_may_match;
use crate::store::block::{Decoder, Origin, Renderer};
use crate::store::{Block, Recent, Shared};

/// Looks at each new entry once.
pub struct Follower {
    /// Entries before this number were looked at.
    next: u64,
    decoder: Decoder,
    renderer: Renderer,
}

/// What one look found.
#[derive(Debug, Default)]
pub struct Followed {
    /// In the order in which they came.
    pub entries: Vec<Match>,
    /// For each query: new entries that were not looked at.
    pub unseen: Vec<u64>,
    /// New ones had lower numbers.
    pub next: u64,
}

#[derive(Debug)]
pub struct Match {
    pub sequence: u64,
    pub entry: Entry,
    /// Numbers of the queries that it matches.
    pub queries: Vec<usize>,
}

/// What is looked for.
struct Look<'q> {
    queries: Vec<Wanted<'q>>,
    /// Of each query.
    most: usize,
    /// Entries before this number are not new.
    since: u64,
    found: Vec<Match>,
}

struct Wanted<'q> {
    query: &'q Query,
    need: Need,
    found: usize,
    /// New entries that were looked at.
    seen: u64,
}

impl Follower {
    /// For entries from this number on.
    pub fn from(next: u64) -> Follower {
        Follower { next, decoder: Decoder::new(), renderer: Renderer::default() }
    }

    /// Of each query the first `most` new entries that match. Ends at the deadline.
    pub fn look(
        &mut self,
        shared: &Shared,
        queries: &[&Query],
        most: usize,
        deadline: Instant,
    ) -> Result<Followed, SearchError> {
        let Recent { blocks, open, next_sequence } = shared.since(self.next);
        let queries = queries.iter().map(|query| Wanted { query, need: query.need(), found: 0, seen: 0 }).collect();
        let mut look = Look { queries, most, since: self.next, found: Vec::new() };
        let new = next_sequence.saturating_sub(self.next);
        self.next = next_sequence;
        for block in &blocks {
            if Instant::now() >= deadline {
                break;
            }
            self.block(block, &mut look)?;
        }
        for (sequence, entry) in open {
            if Instant::now() >= deadline {
                break;
            }
            let queries = look.matching(|_| true, |query| query.matches(&entry));
            look.note(sequence, queries, || entry);
        }
        look.found.sort_by_key(|found| found.sequence);
        let unseen = look.queries.iter().map(|wanted| new.saturating_sub(wanted.seen)).collect();
        Ok(Followed { entries: look.found, unseen, next: next_sequence })
    }

    fn block(&mut self, block: &Block, look: &mut Look<'_>) -> Result<(), SearchError> {
        let may_match: Vec<bool> = look.queries.iter().map(|wanted| block_may_match(block, &wanted.need)).collect();
        let looked_for =
            || look.queries.iter().zip(&may_match).filter(|(wanted, may)| **may && wanted.found < look.most);
        let columns = looked_for().fold(Columns::default(), |all, (wanted, _)| all.and(&wanted.query.columns()));
        if looked_for().next().is_none() && block.stats.first_sequence >= look.since {
            // Most blocks have nothing for anybody.
            look.queries
                .iter_mut()
                .zip(&may_match)
                .filter(|(_, may)| !**may)
                .for_each(|(w, _)| w.seen += block.stats.count);
            return Ok(());
        }
        let Follower { decoder, renderer, .. } = self;
        decoder.open(None, &columns, Origin::Memory(&block.bytes))?;
        let is_new = |index: &usize| decoder.sequence(*index) >= look.since;
        for index in (0..decoder.len()).filter(is_new).collect::<Vec<_>>() {
            let row = decoder.row(index);
            let queries = look.matching(|number| may_match[number], |query| query.matches(&row));
            if !queries.is_empty() {
                decoder.want(&Columns::all())?;
                look.note(decoder.sequence(index), queries, || decoder.entry(index, renderer));
            }
        }
        Ok(())
    }
}

impl Look<'_> {
    /// The queries that an entry matches, of those that may match and have not found enough yet.
    fn matching(&mut self, may_match: impl Fn(usize) -> bool, matches: impl Fn(&Query) -> bool) -> Vec<usize> {
        let mut matching = Vec::new();
        for (number, wanted) in self.queries.iter_mut().enumerate() {
            if !may_match(number) {
                wanted.seen += 1;
            } else if wanted.found < self.most {
                wanted.seen += 1;
                if matches(wanted.query) {
                    wanted.found += 1;
                    matching.push(number);
                }
            }
        }
        matching
    }

    fn note(&mut self, sequence: u64, queries: Vec<usize>, entry: impl FnOnce() -> Entry) {
        if !queries.is_empty() {
            self.found.push(Match { sequence, entry: entry(), queries });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::record::{Position, Text};
    use crate::store::{Options, Writer};

    fn entries(from: usize, count: usize) -> Vec<Entry> {
        let entry = |n: usize| {
            let raw = format!("line {n} {}", if n % 100 == 7 { "seven" } else { "other" });
            Entry { message: Text::Slice(0..raw.len() as u32), raw: raw.into(), time: n as i64, ..Entry::default() }
        };
        (from..from + count).map(entry).collect()
    }

    /// What is found in looks between which entries are added and committed.
    #[test]
    fn every_new_entry_is_looked_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::open(folder.path(), Options::default()).unwrap();
        let shared = writer.shared();
        writer.add(0, entries(0, 300), Position::default()).unwrap();
        let mut follower = Follower::from(shared.keep_recent(true));
        let (all, sevens) = (Query::all(), Query::parse("seven").unwrap());
        let mut look = |most: usize| {
            let later = Instant::now() + Duration::from_secs(60);
            let followed = follower.look(&shared, &[&all, &sevens], most, later).unwrap();
            let of =
                |query| followed.entries.iter().filter(|m| m.queries.contains(&query)).map(|m| m.sequence).collect();
            (of(0), of(1), followed.unseen)
        };
        type Looked = (Vec<u64>, Vec<u64>, Vec<u64>);
        let check = |got: Looked, all: std::ops::Range<u64>, sevens: &[u64], unseen: [u64; 2]| {
            assert_eq!(got, (all.collect(), sevens.to_vec(), unseen.to_vec()));
        };
        check(look(1000), 0..0, &[], [0, 0]);
        writer.add(0, entries(300, 20), Position::default()).unwrap();
        check(look(1000), 300..320, &[307], [0, 0]);
        // Some of what the open block had becomes a closed one, and is committed.
        writer.add(0, entries(320, 300), Position::default()).unwrap();
        writer.commit().unwrap();
        writer.add(0, entries(620, 5), Position::default()).unwrap();
        check(look(1000), 320..625, &[407, 507, 607], [0, 0]);
        writer.add(0, entries(625, 300), Position::default()).unwrap();
        check(look(2), 625..627, &[707, 807], [298, 117]);
        // More than is kept.
        writer.add(1, entries(0, 20_000), Position::default()).unwrap();
        let (_, _, unseen) = look(1);
        assert!(unseen[0] == 19_999 && unseen[1] > 5_000, "{unseen:?}");
    }

    #[test]
    fn past_the_deadline_nothing_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::open(folder.path(), Options::default()).unwrap();
        let shared = writer.shared();
        let mut follower = Follower::from(shared.keep_recent(true));
        writer.add(0, entries(0, 300), Position::default()).unwrap();
        let followed = follower.look(&shared, &[&Query::all()], 1000, Instant::now()).unwrap();
        assert_eq!((followed.entries.len(), followed.unseen), (0, vec![300]));
    }
}
