//! Runs a query over the blocks of a snapshot, newest first and on several threads. Whoever asks gives a [`Visit`] to
//! each thread and merges them in the end.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use crate::query::{Need, Query, TextTest};
use crate::record::{Columns, Entry, Fields, Level, NAMED, Row};
use crate::search::budget::Meter;
use crate::search::later::Later;
use crate::search::prune::{self, Counts, Stored, Wanted};
use crate::search::{SearchError, Window};
use crate::store::block::{Decoder, Origin, Renderer};
use crate::store::{Block, MINUTE, MinuteCount, Opened, PartitionView, Snapshot};

/// With so few blocks a thread of their own does not pay.
const BLOCKS_A_THREAD: usize = 8;

/// What takes the hits, block by block, in no order.
pub trait Visit: Send {
    fn hits(&mut self, hits: &mut Hits<'_>) -> Result<(), SearchError>;

    /// Blocks whose entries are all older than this, in nanoseconds, cannot change the answer any more.
    fn floor(&self) -> i64 {
        i64::MIN
    }

    /// Whether [`Visit::counts`] may do for some blocks.
    fn wants_counts(&self) -> bool {
        false
    }

    /// Whether entries from one time to another can be taken by their number alone.
    fn counts_fit(&self, _first: i64, _last: i64) -> bool {
        false
    }

    /// Takes such entries: so many at a level.
    fn counts(&mut self, _first: i64, _last: i64, _level: Level, _count: u64) {}
}

/// Takes rows, whatever they are kept in.
pub trait Take {
    fn row<R: Row>(&mut self, sequence: u64, row: &R);
}

/// The hits in one block; there is at least one.
pub struct Hits<'a> {
    block: InBlock<'a>,
    shift: i64,
    /// Their places in the block.
    indexes: &'a [u32],
    renderer: &'a mut Renderer,
}

enum InBlock<'a> {
    Packed(&'a mut Decoder),
    Open(&'a [(u64, Entry)]),
}

impl Hits<'_> {
    #[allow(clippy::len_without_is_empty, reason = "there always is one")]
    pub fn len(&self) -> usize {
        self.indexes.len()
    }

    /// Time and sequence number of a hit.
    pub fn key(&self, hit: usize) -> (i64, u64) {
        let index = self.index(hit);
        match &self.block {
            InBlock::Packed(decoder) => (decoder.row(index).time(), decoder.sequence(index)),
            InBlock::Open(entries) => entries.get(index).map_or((0, 0), |(sequence, entry)| (entry.time, *sequence)),
        }
    }

    /// The whole entry.
    pub fn entry(&mut self, hit: usize) -> Result<Entry, SearchError> {
        let index = self.index(hit);
        match &mut self.block {
            InBlock::Packed(decoder) => {
                decoder.want(&Columns::all())?;
                Ok(decoder.entry(index, self.renderer))
            }
            InBlock::Open(entries) => Ok(entries.get(index).map(|(_, entry)| entry.clone()).unwrap_or_default()),
        }
    }

    /// Gives all hits to `take`, decoded for `columns`.
    pub fn rows(&mut self, columns: &Columns, take: &mut impl Take) -> Result<(), SearchError> {
        match &mut self.block {
            InBlock::Packed(decoder) => {
                decoder.want(columns)?;
                for index in self.indexes.iter().map(|index| *index as usize) {
                    give(take, decoder.sequence(index), &decoder.row(index), self.shift);
                }
            }
            InBlock::Open(entries) => {
                let hits = self.indexes.iter().filter_map(|index| entries.get(*index as usize));
                hits.for_each(|(sequence, entry)| give(take, *sequence, entry, self.shift));
            }
        }
        Ok(())
    }

    fn index(&self, hit: usize) -> usize {
        self.indexes.get(hit).map_or(0, |index| *index as usize)
    }
}

#[inline]
fn give<R: Row>(take: &mut impl Take, sequence: u64, row: &R, shift: i64) {
    if shift == 0 { take.row(sequence, row) } else { take.row(sequence, &Later(row, shift)) }
}

/// What to look for, and where.
#[derive(Clone, Copy)]
pub struct Scan<'a> {
    pub snapshot: &'a Snapshot,
    pub query: &'a Query,
    pub window: Window,
    pub meter: &'a Meter,
    /// Entries are taken for so many nanoseconds later than they are: what was a day ago can be asked as if it were now.
    pub shift: i64,
}

/// What a scan took.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Effort {
    /// Partitions there are, and those that were looked into.
    pub partitions: u64,
    pub partitions_opened: u64,
    /// Blocks in those, blocks that might have hits, and blocks that were decoded.
    pub blocks: u64,
    pub candidates: u64,
    pub decoded: u64,
    pub decoded_bytes: u64,
    /// Terms of the dictionaries that were compared one by one.
    pub terms_scanned: u64,
    /// Time of selecting candidates and of everything, microseconds.
    pub prune_us: u64,
    pub total_us: u64,
    /// Partitions that could not be read; their entries are missing.
    pub damaged: Vec<String>,
}

impl Effort {
    /// Adds another scan, which may have met the same damage.
    pub fn add(&mut self, other: &Effort) {
        let more: Vec<String> = other.damaged.iter().filter(|known| !self.damaged.contains(known)).cloned().collect();
        self.damaged.extend(more);
        self.partitions = self.partitions.max(other.partitions);
        self.partitions_opened += other.partitions_opened;
        self.blocks += other.blocks;
        self.candidates += other.candidates;
        self.decoded += other.decoded;
        self.decoded_bytes = self.decoded_bytes.max(other.decoded_bytes);
        self.terms_scanned += other.terms_scanned;
        self.prune_us += other.prune_us;
        self.total_us += other.total_us;
    }
}

enum Place<'a> {
    Stored(&'a PartitionView, &'a Opened, Stored),
    Waiting(&'a Block),
    Open(&'a [(u64, Entry)]),
}

struct Candidate<'a> {
    first_time: i64,
    last_time: i64,
    counts: Option<Counts>,
    place: Place<'a>,
}

impl Scan<'_> {
    /// Visits every block that may have hits. `make` makes a visitor for each thread.
    pub fn run<V: Visit>(&self, make: impl Fn() -> V) -> Result<(Vec<V>, Effort), SearchError> {
        let begun = std::time::Instant::now();
        let need = self.query.need();
        let (since, until) =
            (self.window.since.saturating_sub(self.shift), self.window.until.saturating_sub(self.shift));
        let on_disk = Window { since, until };
        let mut effort = Effort { partitions: self.snapshot.partitions.len() as u64, ..Effort::default() };
        let mut visitors: Vec<V> = vec![make()];
        let mut ways: Vec<Way> = vec![Way::default()];
        let floor = AtomicI64::new(i64::MIN);
        let asked =
            Asked { columns: self.query.columns(), tests: self.query.text_tests(), counted: self.query.levels_alone() };
        let in_memory = self.in_memory(&need, on_disk);
        effort.blocks += in_memory.len() as u64;
        self.visit(in_memory, &mut visitors, &mut ways, &floor, (&asked, &make), &mut effort)?;
        for partition in self.newest_first() {
            if !self.meter.goes_on() {
                break;
            }
            let (first, last) = times(partition);
            if !on_disk.overlaps(first, last) || last < floor.load(Ordering::Relaxed) {
                continue;
            }
            let pruned = std::time::Instant::now();
            let counts = asked.counted.is_some() && visitors[0].wants_counts();
            match self.stored(partition, Wanted { need: &need, window: on_disk, counts }, &mut effort) {
                Ok(candidates) => {
                    effort.prune_us += pruned.elapsed().as_micros() as u64;
                    self.visit(candidates, &mut visitors, &mut ways, &floor, (&asked, &make), &mut effort)?;
                }
                // The others still answer, and the answer says what is missing.
                Err(error) => effort.damaged.push(error.to_string()),
            }
        }
        let damages = self.snapshot.partitions.iter().filter_map(PartitionView::damage);
        effort.damaged.extend(damages.map(str::to_owned));
        effort.decoded_bytes = self.meter.decoded_bytes();
        effort.total_us = begun.elapsed().as_micros() as u64;
        Ok((visitors, effort))
    }

    /// Partitions whose newest entry is not known may have newer ones than any other.
    fn newest_first(&self) -> Vec<&PartitionView> {
        let mut partitions: Vec<&PartitionView> = self.snapshot.partitions.iter().rev().collect();
        partitions.sort_by_key(|partition| std::cmp::Reverse(times(partition).1));
        partitions
    }

    fn in_memory(&self, need: &Need, window: Window) -> Vec<Candidate<'_>> {
        let mut found = Vec::new();
        for block in &self.snapshot.waiting {
            let (first_time, last_time) = (block.stats.first_time, block.stats.last_time);
            if window.overlaps(first_time, last_time) && prune::block_may_match(block, need) {
                let counts = Some(Counts { levels: block.stats.levels, by_minute: block.stats.by_minute.clone() });
                found.push(Candidate { first_time, last_time, counts, place: Place::Waiting(block) });
            }
        }
        let times = || self.snapshot.open.iter().map(|(_, entry)| entry.time);
        if let (Some(first_time), Some(last_time)) = (times().min(), times().max()) {
            found.push(Candidate { first_time, last_time, counts: None, place: Place::Open(&self.snapshot.open) });
        }
        found
    }

    fn stored<'a>(
        &self,
        partition: &'a PartitionView,
        wanted: Wanted<'_>,
        effort: &mut Effort,
    ) -> Result<Vec<Candidate<'a>>, SearchError> {
        let opened = partition.open()?;
        let (found, looked) = prune::stored(partition, opened, wanted, self.meter)?;
        effort.partitions_opened += 1;
        effort.blocks += looked.blocks;
        effort.terms_scanned += looked.terms_scanned;
        let candidate = |mut stored: Stored| Candidate {
            first_time: stored.first_time,
            last_time: stored.last_time,
            counts: stored.counts.take(),
            place: Place::Stored(partition, opened, stored),
        };
        Ok(found.into_iter().map(candidate).collect())
    }

    fn visit<V: Visit>(
        &self,
        mut candidates: Vec<Candidate<'_>>,
        visitors: &mut Vec<V>,
        ways: &mut Vec<Way>,
        floor: &AtomicI64,
        (asked, make): (&Asked, &impl Fn() -> V),
        effort: &mut Effort,
    ) -> Result<(), SearchError> {
        effort.candidates += candidates.len() as u64;
        candidates.sort_by_key(|c| std::cmp::Reverse((c.last_time, c.first_time)));
        let threads = self.meter.budget().threads.min(candidates.len() / BLOCKS_A_THREAD).max(1);
        while visitors.len() < threads {
            visitors.push(make());
            ways.push(Way::default());
        }
        let next = AtomicUsize::new(0);
        let decoded = AtomicUsize::new(0);
        let shared = Work { scan: self, asked, candidates: &candidates, next: &next, floor, decoded: &decoded };
        let mut workers = visitors.iter_mut().zip(ways.iter_mut()).take(threads);
        let first = workers.next();
        let failure: Mutex<Option<SearchError>> = Mutex::default();
        let fail = |result: Result<(), SearchError>| {
            if let Err(error) = result {
                // The others stop at their next block.
                next.store(candidates.len(), Ordering::Relaxed);
                failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        };
        std::thread::scope(|scope| {
            for (visitor, way) in workers {
                scope.spawn(|| fail(shared.work(visitor, way)));
            }
            if let Some((visitor, way)) = first {
                fail(shared.work(visitor, way));
            }
        });
        effort.decoded += decoded.into_inner() as u64;
        failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }
}

/// Times of the earliest and the latest entry, or everything where they are not known.
fn times(partition: &PartitionView) -> (i64, i64) {
    let Some(summary) = &partition.summary else { return (i64::MIN, i64::MAX) };
    // One without entries has nothing for anybody.
    (summary.oldest_time.unwrap_or(i64::MAX), summary.newest_time.unwrap_or(i64::MIN))
}

/// What a thread keeps from block to block.
#[derive(Default)]
struct Way {
    decoder: Decoder,
    renderer: Renderer,
    indexes: Vec<u32>,
}

/// What a query needs to know of a block.
struct Asked {
    columns: Columns,
    tests: Vec<TextTest>,
    /// See [`Query::levels_alone`].
    counted: Option<Vec<Level>>,
}

impl Asked {
    /// Looks whether a block can have hits: `None` when it cannot. Else the tests that only messages can fulfil here. The
    /// distinct texts of columns are looked at once, and not for each row.
    fn look(&self, decoder: &mut Decoder) -> Result<Option<Vec<&TextTest>>, SearchError> {
        let mut in_messages = Vec::new();
        for test in &self.tests {
            // Bytes are quicker than rows, and mostly they say that it is not there.
            if test.has_pieces() && !decoder.other_texts(|bytes| test.may_be_in(bytes))? {
                if !test.may_be_in_lines(decoder.messages()?) {
                    return Ok(None);
                }
                in_messages.push(test);
                continue;
            }
            let named = Columns { named: (1 << NAMED) - 1, ..Columns::default() };
            decoder.want(&named)?;
            let in_named = (0..NAMED).any(|column| decoder.named_texts(column).any(|text| test.is_in(text)));
            if in_named {
                continue;
            }
            decoder.want(&Columns { fields: Fields::All, ..Columns::default() })?;
            let in_numbers = test.finds_numbers && decoder.has_other_values();
            if in_numbers || decoder.field_texts().any(|text| test.is_in(text)) {
                continue;
            }
            if !test.may_be_in_lines(decoder.messages()?) {
                return Ok(None);
            }
            in_messages.push(test);
        }
        Ok(Some(in_messages))
    }
}

/// Gives a block to a visitor by its numbers, as a whole or by the minute. False when they do not say enough.
fn take_counts<V: Visit>(
    visitor: &mut V,
    levels: &[Level],
    counts: &Counts,
    (first, last): (i64, i64),
    shift: i64,
) -> bool {
    if visitor.counts_fit(first, last) {
        let count = |level: &Level| (*level, counts.levels[*level as usize]);
        let counts = levels.iter().map(count).filter(|(_, count)| *count > 0);
        counts.for_each(|(level, count)| visitor.counts(first, last, level, count));
        return true;
    }
    let times = |part: &MinuteCount| {
        let begin = part.minute.saturating_mul(MINUTE).saturating_add(shift);
        (begin.max(first), begin.saturating_add(MINUTE - 1).min(last))
    };
    let fits = |part: &MinuteCount| {
        let (first, last) = times(part);
        visitor.counts_fit(first, last)
    };
    if counts.by_minute.is_empty() || !counts.by_minute.iter().all(fits) {
        return false;
    }
    for part in counts.by_minute.iter().filter(|part| levels.contains(&part.level)) {
        let (first, last) = times(part);
        visitor.counts(first, last, part.level, part.count);
    }
    true
}

/// One round: candidates that threads take from the front.
struct Work<'a, 'b> {
    scan: &'a Scan<'b>,
    asked: &'a Asked,
    candidates: &'a [Candidate<'a>],
    next: &'a AtomicUsize,
    floor: &'a AtomicI64,
    decoded: &'a AtomicUsize,
}

/// Of many candidates a thread takes so many at once: neighbours have much in common.
const MOST_AT_ONCE: usize = 16;

impl<'a> Work<'a, '_> {
    /// The next candidate, of those that are `taken` or of those that nobody took.
    fn take_one(&self, taken: &mut std::ops::Range<usize>) -> Option<&'a Candidate<'a>> {
        if taken.start == taken.end {
            let some = (self.candidates.len() / 64).clamp(1, MOST_AT_ONCE);
            let first = self.next.fetch_add(some, Ordering::Relaxed);
            *taken = first..first + some;
        }
        self.candidates.get(taken.next()?)
    }

    fn work<V: Visit>(&self, visitor: &mut V, way: &mut Way) -> Result<(), SearchError> {
        let mut taken = 0..0;
        let Scan { window, shift, .. } = *self.scan;
        while let Some(candidate) = self.take_one(&mut taken) {
            if candidate.last_time < self.floor.load(Ordering::Relaxed) || !self.scan.meter.goes_on() {
                break;
            }
            let (first, last) = (candidate.first_time.saturating_add(shift), candidate.last_time.saturating_add(shift));
            let inside = window.contains(first) && window.contains(last);
            if inside
                && let (Some(levels), Some(counts)) = (&self.asked.counted, &candidate.counts)
                && take_counts(visitor, levels, counts, (first, last), shift)
            {
                continue;
            }
            match (self.block(candidate, inside, visitor, way), &candidate.place) {
                // One damaged block does not keep the others from answering.
                (Err(SearchError::Store(error)), Place::Stored(partition, ..)) => partition.note_damage(&error),
                (result, _) => result?,
            }
            self.floor.fetch_max(visitor.floor(), Ordering::Relaxed);
        }
        Ok(())
    }

    fn block<V: Visit>(
        &self,
        candidate: &Candidate<'_>,
        inside: bool,
        visitor: &mut V,
        way: &mut Way,
    ) -> Result<(), SearchError> {
        let Way { decoder, renderer, indexes } = way;
        let asked = self.asked;
        indexes.clear();
        let before = decoder.decoded_bytes();
        let block = match &candidate.place {
            Place::Open(entries) => {
                let is_hit = |index: &usize| self.is_hit(&entries[*index].1, inside);
                indexes.extend((0..entries.len()).filter(is_hit).map(|index| index as u32));
                InBlock::Open(entries)
            }
            packed => {
                let heads = Columns::default();
                self.open(packed, if asked.tests.is_empty() { &asked.columns } else { &heads }, decoder)?;
                if inside && let Some(levels) = &asked.counted {
                    decoder.at_levels(levels, indexes);
                } else if let Some(in_messages) = asked.look(decoder)? {
                    decoder.want(&asked.columns)?;
                    let decoder = &*decoder;
                    let may_hit = |index: &usize| {
                        let row = decoder.row(*index);
                        in_messages.iter().all(|test| test.is_in(row.message())) && self.is_hit(&row, inside)
                    };
                    indexes.extend((0..decoder.len()).filter(may_hit).map(|index| index as u32));
                }
                self.decoded.fetch_add(1, Ordering::Relaxed);
                InBlock::Packed(decoder)
            }
        };
        if !indexes.is_empty() {
            visitor.hits(&mut Hits { block, shift: self.scan.shift, indexes, renderer })?;
        }
        self.scan.meter.count_decoded(decoder.decoded_bytes() - before);
        Ok(())
    }

    #[inline]
    fn is_hit<R: Row>(&self, row: &R, inside: bool) -> bool {
        let Scan { query, window, shift, .. } = *self.scan;
        let in_time = inside || window.contains(row.time().saturating_add(shift));
        in_time && if shift == 0 { query.matches(row) } else { query.matches(&Later(row, shift)) }
    }

    fn open(&self, place: &Place<'_>, columns: &Columns, decoder: &mut Decoder) -> Result<(), SearchError> {
        match place {
            Place::Stored(_, opened, stored) => opened.block(stored.at, stored.length, columns, decoder)?,
            Place::Waiting(block) => decoder.open(None, columns, Origin::Memory(&block.bytes))?,
            Place::Open(_) => {}
        }
        Ok(())
    }
}
