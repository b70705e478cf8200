//! From what a query needs to the blocks that may have it. May select too many, never too few.

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::Column;
use tantivy::query::{AllQuery, BooleanQuery, EmptyQuery, Query as TantivyQuery, RegexQuery, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocAddress, DocId, Score, SegmentOrdinal, SegmentReader, Term};

use crate::query::Need;
use crate::record::Level;
use crate::search::{SearchError, Window};
use crate::store::{
    Block, FIRST_TIME, LAST_TIME, PartitionView, Schema, StoreError, key_term, prefix_may_be_in_bucket, prefix_term,
    word_term,
};

/// The candidate documents of a partition with the time of their newest entry.
pub fn documents(
    partition: &PartitionView,
    need: &Need,
    window: Window,
) -> Result<Vec<(i64, DocAddress)>, SearchError> {
    let query = translate(need, &partition.schema);
    let found = partition.searcher.search(&query, &Overlapping(window));
    Ok(found.map_err(|source| StoreError::Read { path: partition.path.clone(), source })?)
}

fn translate(need: &Need, schema: &Schema) -> Box<dyn TantivyQuery> {
    let term = |field, text: &str| -> Box<dyn TantivyQuery> {
        Box::new(TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::Basic))
    };
    match need {
        Need::Anything => Box::new(AllQuery),
        Need::Nothing => Box::new(EmptyQuery),
        Need::Word(word) => {
            let mut text = String::new();
            word_term(word, &mut text);
            term(schema.terms, &text)
        }
        Need::Prefix(prefix) => prefix_query(prefix, schema),
        Need::Contains(_) => Box::new(AllQuery),
        Need::Key { field, value } => term(schema.keys, &key_term(field, value)),
        Need::Level(levels) => {
            let terms = levels.iter().map(|level| term(schema.keys, &key_term("level", level.name())));
            Box::new(BooleanQuery::union(terms.collect()))
        }
        Need::All(needs) => Box::new(BooleanQuery::intersection(needs.iter().map(|n| translate(n, schema)).collect())),
        Need::Any(needs) => Box::new(BooleanQuery::union(needs.iter().map(|n| translate(n, schema)).collect())),
    }
}

fn prefix_query(prefix: &str, schema: &Schema) -> Box<dyn TantivyQuery> {
    let pattern = format!("{}.*", regex::escape(prefix_term(prefix)));
    match RegexQuery::from_pattern(&pattern, schema.terms) {
        Ok(query) if !prefix_may_be_in_bucket(prefix) => Box::new(query),
        _ => Box::new(AllQuery),
    }
}

/// The same decision for a block that is not in tantivy yet.
pub fn block_may_match(block: &Block, need: &Need) -> bool {
    let has_key = |key: &str| block.keys.iter().any(|k| k == key);
    match need {
        Need::Anything => true,
        Need::Nothing => false,
        Need::Word(word) => {
            let mut text = String::new();
            word_term(word, &mut text);
            block.words.split(' ').any(|w| w == text)
        }
        Need::Prefix(prefix) => {
            prefix_may_be_in_bucket(prefix) || block.words.split(' ').any(|w| w.starts_with(prefix_term(prefix)))
        }
        Need::Contains(_) => true,
        Need::Key { field, value } => has_key(&key_term(field, value)),
        Need::Level(levels) => levels.iter().any(|l: &Level| has_key(&key_term("level", l.name()))),
        Need::All(needs) => needs.iter().all(|n| block_may_match(block, n)),
        Need::Any(needs) => needs.iter().any(|n| block_may_match(block, n)),
    }
}

/// Collects the blocks that overlap a window.
struct Overlapping(Window);

struct OverlappingInSegment {
    window: Window,
    segment: SegmentOrdinal,
    first: Column<i64>,
    last: Column<i64>,
    found: Vec<(i64, DocAddress)>,
}

impl Collector for Overlapping {
    type Fruit = Vec<(i64, DocAddress)>;
    type Child = OverlappingInSegment;

    fn for_segment(&self, segment: SegmentOrdinal, reader: &SegmentReader) -> tantivy::Result<OverlappingInSegment> {
        let columns = reader.fast_fields();
        let (first, last) = (columns.i64(FIRST_TIME)?, columns.i64(LAST_TIME)?);
        Ok(OverlappingInSegment { window: self.0, segment, first, last, found: Vec::new() })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, fruits: Vec<Vec<(i64, DocAddress)>>) -> tantivy::Result<Vec<(i64, DocAddress)>> {
        Ok(fruits.concat())
    }
}

impl SegmentCollector for OverlappingInSegment {
    type Fruit = Vec<(i64, DocAddress)>;

    fn collect(&mut self, document: DocId, _: Score) {
        let (Some(first), Some(last)) = (self.first.first(document), self.last.first(document)) else { return };
        if self.window.overlaps(first, last) {
            self.found.push((last, DocAddress::new(self.segment, document)));
        }
    }

    fn harvest(self) -> Vec<(i64, DocAddress)> {
        self.found
    }
}
