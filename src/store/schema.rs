//! The tantivy schema of a partition, and how a block becomes a document.

use tantivy::TantivyDocument;
use tantivy::schema::{FAST, Field, IndexRecordOption, STORED, TextFieldIndexing, TextOptions};

use crate::record::Level;

/// The fields by handle. Their order is part of the on-disk format.
#[derive(Clone, Debug)]
pub struct Schema {
    pub terms: Field,
    pub keys: Field,
    pub payload: Field,
    first_time: Field,
    last_time: Field,
    count: Field,
    levels: [Field; Level::ALL.len()],
    pub tantivy: tantivy::schema::Schema,
}

/// A block ready to become a document. It is kept until its commit is done, to be searched and, if the
/// commit fails, to be added again.
#[derive(Debug)]
pub struct Block {
    /// Distinct words, separated by spaces.
    pub words: String,
    pub keys: Vec<String>,
    /// See `store::block`.
    pub payload: Vec<u8>,
    pub stats: BlockStats,
}

/// What can be known of a block without decoding it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockStats {
    /// Time of the earliest and of the latest entry, nanoseconds.
    pub first_time: i64,
    pub last_time: i64,
    pub count: u64,
    /// Entries by level number.
    pub levels: [u64; Level::ALL.len()],
}

/// Names of the columns that `search` reads.
pub const FIRST_TIME: &str = "first_time";
pub const LAST_TIME: &str = "last_time";
pub const COUNT: &str = "count";

/// Name of the column that counts entries of a level.
pub fn level_column(level: Level) -> String {
    format!("level_{}", level.name())
}

impl Schema {
    pub fn new() -> Schema {
        let mut builder = tantivy::schema::Schema::builder();
        // No positions, frequencies or norms: a term only says that the block may hold a hit.
        let set_of = |tokenizer: &str| {
            let indexing = TextFieldIndexing::default()
                .set_tokenizer(tokenizer)
                .set_index_option(IndexRecordOption::Basic)
                .set_fieldnorms(false);
            TextOptions::default().set_indexing_options(indexing)
        };
        let terms = builder.add_text_field("terms", set_of("whitespace"));
        let keys = builder.add_text_field("keys", set_of("raw"));
        let payload = builder.add_bytes_field("payload", STORED);
        let first_time = builder.add_i64_field(FIRST_TIME, FAST);
        let last_time = builder.add_i64_field(LAST_TIME, FAST);
        let count = builder.add_u64_field(COUNT, FAST);
        let levels = Level::ALL.map(|level| builder.add_u64_field(&level_column(level), FAST));
        Schema { terms, keys, payload, first_time, last_time, count, levels, tantivy: builder.build() }
    }

    pub fn document(&self, block: &Block) -> TantivyDocument {
        let mut document = TantivyDocument::default();
        document.add_text(self.terms, &block.words);
        for key in &block.keys {
            document.add_text(self.keys, key);
        }
        document.add_bytes(self.payload, &block.payload);
        document.add_i64(self.first_time, block.stats.first_time);
        document.add_i64(self.last_time, block.stats.last_time);
        document.add_u64(self.count, block.stats.count);
        for (field, count) in self.levels.iter().zip(block.stats.levels) {
            document.add_u64(*field, count);
        }
        document
    }
}

impl Default for Schema {
    fn default() -> Schema {
        Schema::new()
    }
}
