//! From what a query needs to the blocks that may have it. May select too many, never too few.
//!
//! Blocks are few (256 entries each), so a set of them is a flag for each document of a segment.

use std::fmt::Debug;

use tantivy::columnar::Column;
use tantivy::fastfield::FastFieldReaders;
use tantivy::index::InvertedIndexReader;
use tantivy::postings::Postings;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{SegmentReader, TERMINATED, Term};

use crate::query::Need;
use crate::query::tokens::to_lower;
use crate::record::Level;
use crate::search::budget::Meter;
use crate::search::{SearchError, Window};
use crate::store::{
    AT, BY_MINUTE, Block, FIRST_SEQUENCE, FIRST_TIME, LAST_TIME, LENGTH, MinuteCount, Opened, PartitionView,
    PieceFinder, StoreError, key_term, level_column, prefix_may_be_in_bucket, prefix_terms, word_terms,
};

/// Terms that are looked at between two looks at the meter.
const TERMS_A_CHECK: usize = 4096;

/// A block of a partition that may hold hits.
#[derive(Clone, Debug)]
pub struct Stored {
    pub first_time: i64,
    pub last_time: i64,
    pub first_sequence: u64,
    /// Where it is in the file of blocks.
    pub at: u64,
    pub length: u64,
    /// When asked for.
    pub counts: Option<Counts>,
}

/// Number of entries.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// At each level.
    pub levels: [u64; Level::ALL.len()],
    /// By minute, in their order; none when all are of one minute, or it is not known.
    pub by_minute: Vec<MinuteCount>,
}

/// What was looked at to find them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Effort {
    /// Terms of the dictionaries that were compared, one by one.
    pub terms_scanned: u64,
    /// Blocks there are.
    pub blocks: u64,
}

/// What to select.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    pub need: &'a Need,
    pub window: Window,
    pub counts: bool,
}

/// The candidates of a partition. Fewer than there are when the meter says stop.
pub fn stored(
    partition: &PartitionView,
    opened: &Opened,
    wanted: Wanted<'_>,
    meter: &Meter,
) -> Result<(Vec<Stored>, Effort), SearchError> {
    let wrong = |source| StoreError::Read { path: partition.path.clone(), source };
    let (mut found, mut effort) = (Vec::new(), Effort::default());
    for segment in opened.searcher.segment_readers() {
        let mut selection = Selection { segment, opened, meter, terms_scanned: 0 };
        let set = selection.select(wanted.need).map_err(wrong)?;
        effort.terms_scanned += selection.terms_scanned;
        effort.blocks += u64::from(segment.max_doc());
        candidates(segment, &set, wanted, &mut found).map_err(wrong)?;
    }
    Ok((found, effort))
}

fn candidates(segment: &SegmentReader, set: &Set, wanted: Wanted<'_>, found: &mut Vec<Stored>) -> tantivy::Result<()> {
    let columns = segment.fast_fields();
    let all: Vec<u32> = (0..segment.max_doc()).filter(|document| set.has(*document)).collect();
    let times = of(&columns.i64(FIRST_TIME)?, &all).into_iter().zip(of(&columns.i64(LAST_TIME)?, &all));
    let (documents, times): (Vec<u32>, Vec<(i64, i64)>) =
        all.iter().copied().zip(times).filter(|(_, (first, last))| wanted.window.overlaps(*first, *last)).unzip();
    let (at, length) = (of(&columns.u64(AT)?, &documents), of(&columns.u64(LENGTH)?, &documents));
    let first_sequences = of(&columns.u64(FIRST_SEQUENCE)?, &documents);
    let mut counts = if wanted.counts { counts(columns, &documents, &times)? } else { Vec::new() }.into_iter();
    found.extend((0..documents.len()).map(|index| Stored {
        first_time: times[index].0,
        last_time: times[index].1,
        first_sequence: first_sequences[index],
        at: at[index],
        length: length[index],
        counts: counts.next(),
    }));
    Ok(())
}

/// The values of a column of which every document has one. All at once, for that is quicker.
fn of<T: PartialOrd + Copy + Debug + Default + Send + Sync + 'static>(column: &Column<T>, documents: &[u32]) -> Vec<T> {
    let mut values = vec![None; documents.len()];
    column.first_vals(documents, &mut values);
    values.into_iter().map(Option::unwrap_or_default).collect()
}

fn counts(columns: &FastFieldReaders, documents: &[u32], times: &[(i64, i64)]) -> tantivy::Result<Vec<Counts>> {
    let mut counts = vec![Counts::default(); documents.len()];
    for level in Level::ALL {
        let of_level = of(&columns.u64(&level_column(level))?, documents);
        counts.iter_mut().zip(of_level).for_each(|(counts, count)| counts.levels[level as usize] = count);
    }
    let by_minute = columns.u64(BY_MINUTE)?;
    for ((document, (first_time, _)), counts) in documents.iter().zip(times).zip(&mut counts) {
        let packed = by_minute.values_for_doc(*document);
        counts.by_minute = packed.filter_map(|n| MinuteCount::unpack(n, *first_time)).collect();
    }
    Ok(counts)
}

/// Blocks of one segment.
enum Set {
    All,
    /// A flag for each document.
    Some(Vec<bool>),
}

impl Set {
    fn has(&self, document: u32) -> bool {
        match self {
            Set::All => true,
            Set::Some(flags) => flags.get(document as usize).copied().unwrap_or(false),
        }
    }

    fn and(self, other: Set) -> Set {
        match (self, other) {
            (Set::All, set) | (set, Set::All) => set,
            (Set::Some(mut a), Set::Some(b)) => {
                a.iter_mut().zip(b).for_each(|(a, b)| *a &= b);
                Set::Some(a)
            }
        }
    }

    fn or(self, other: Set) -> Set {
        match (self, other) {
            (Set::All, _) | (_, Set::All) => Set::All,
            (Set::Some(mut a), Set::Some(b)) => {
                a.iter_mut().zip(b).for_each(|(a, b)| *a |= b);
                Set::Some(a)
            }
        }
    }
}

struct Selection<'a> {
    segment: &'a SegmentReader,
    opened: &'a Opened,
    meter: &'a Meter,
    terms_scanned: u64,
}

impl Selection<'_> {
    fn select(&mut self, need: &Need) -> tantivy::Result<Set> {
        let (terms, keys) = (self.opened.schema.terms, self.opened.schema.keys);
        match need {
            Need::Anything => Ok(Set::All),
            Need::Nothing => Ok(self.none()),
            Need::Word(word) => {
                let (term, more) = word_terms(word);
                let found = self.term(terms, &term)?;
                Ok(match more {
                    Some(more) => found.or(self.term(terms, more)?),
                    None => found,
                })
            }
            Need::Prefix(prefix) => self.prefix(prefix),
            Need::Contains(piece) => self.contains(piece),
            Need::Key { field, value, .. } => self.term(keys, &key_term(field, &to_lower(value))),
            Need::Level(levels) => {
                let of = |set: Set, level: &Level| Ok(set.or(self.term(keys, &key_term("level", level.name()))?));
                levels.iter().try_fold(self.none(), of)
            }
            Need::All(needs) => needs.iter().try_fold(Set::All, |set, need| Ok(set.and(self.select(need)?))),
            Need::Any(needs) => needs.iter().try_fold(self.none(), |set, need| Ok(set.or(self.select(need)?))),
        }
    }

    fn none(&self) -> Set {
        Set::Some(vec![false; self.segment.max_doc() as usize])
    }

    fn term(&self, field: Field, text: &str) -> tantivy::Result<Set> {
        let index = self.segment.inverted_index(field)?;
        let mut flags = vec![false; self.segment.max_doc() as usize];
        if let Some(postings) = index.read_postings(&Term::from_field_text(field, text), IndexRecordOption::Basic)? {
            mark(postings, &mut flags);
        }
        Ok(Set::Some(flags))
    }

    fn prefix(&mut self, prefix: &str) -> tantivy::Result<Set> {
        if prefix_may_be_in_bucket(prefix) {
            return Ok(Set::All);
        }
        let index = self.segment.inverted_index(self.opened.schema.terms)?;
        let (head, more) = prefix_terms(prefix);
        let head = head.as_bytes();
        let mut flags = vec![false; self.segment.max_doc() as usize];
        let mut stream = index.terms().range().ge(head).into_stream()?;
        while stream.advance() && stream.key().starts_with(head) {
            self.terms_scanned += 1;
            if !self.goes_on() {
                break;
            }
            mark_term(&index, stream.value(), &mut flags)?;
        }
        let found = Set::Some(flags);
        match more {
            Some(more) => Ok(found.or(self.term(self.opened.schema.terms, &more)?)),
            None => Ok(found),
        }
    }

    /// The dictionary of terms is small, because long numbers are in buckets: all of it is looked at.
    fn contains(&mut self, piece: &str) -> tantivy::Result<Set> {
        let Some(finder) = PieceFinder::new(piece) else { return Ok(Set::All) };
        let index = self.segment.inverted_index(self.opened.schema.terms)?;
        let mut flags = vec![false; self.segment.max_doc() as usize];
        let mut stream = index.terms().stream()?;
        while stream.advance() {
            self.terms_scanned += 1;
            if !self.goes_on() {
                break;
            }
            if finder.finds(stream.key()) {
                mark_term(&index, stream.value(), &mut flags)?;
            }
        }
        Ok(Set::Some(flags))
    }

    fn goes_on(&self) -> bool {
        !(self.terms_scanned as usize).is_multiple_of(TERMS_A_CHECK) || self.meter.goes_on()
    }
}

fn mark_term(
    index: &InvertedIndexReader,
    term: &tantivy::postings::TermInfo,
    flags: &mut [bool],
) -> tantivy::Result<()> {
    mark(index.read_postings_from_terminfo(term, IndexRecordOption::Basic)?, flags);
    Ok(())
}

fn mark(mut postings: impl Postings, flags: &mut [bool]) {
    let mut document = postings.doc();
    while document != TERMINATED {
        if let Some(flag) = flags.get_mut(document as usize) {
            *flag = true;
        }
        document = postings.advance();
    }
}

/// The same decision for a block that is not in tantivy yet.
pub fn block_may_match(block: &Block, need: &Need) -> bool {
    let has_key = |key: &str| block.keys.iter().any(|k| k == key);
    let any_word = |test: &dyn Fn(&str) -> bool| block.words.split(' ').any(test);
    match need {
        Need::Anything => true,
        Need::Nothing => false,
        Need::Word(word) => {
            let (term, more) = word_terms(word);
            any_word(&|w| w == term || Some(w) == more)
        }
        Need::Prefix(prefix) => {
            let (head, more) = prefix_terms(prefix);
            prefix_may_be_in_bucket(prefix) || any_word(&|w| w.starts_with(head) || Some(w) == more.as_deref())
        }
        Need::Contains(piece) => {
            PieceFinder::new(piece).is_none_or(|finder| any_word(&|word| finder.finds(word.as_bytes())))
        }
        Need::Key { field, value, .. } => has_key(&key_term(field, &to_lower(value))),
        Need::Level(levels) => levels.iter().any(|l: &Level| has_key(&key_term("level", l.name()))),
        Need::All(needs) => needs.iter().all(|n| block_may_match(block, n)),
        Need::Any(needs) => needs.iter().any(|n| block_may_match(block, n)),
    }
}
