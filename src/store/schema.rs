//! The tantivy schema of a partition, and how a block becomes a document.

use tantivy::TantivyDocument;
use tantivy::schema::{FAST, Field, INDEXED, IndexRecordOption, TextFieldIndexing, TextOptions};

use crate::record::Level;
use crate::store::stats::BlockStats;

/// The fields by handle. Their order is part of the on-disk format.
#[derive(Clone, Debug)]
pub struct Schema {
    pub terms: Field,
    pub keys: Field,
    first_time: Field,
    last_time: Field,
    count: Field,
    levels: [Field; Level::ALL.len()],
    by_minute: Field,
    raw_bytes: Field,
    first_sequence: Field,
    pub at: Field,
    length: Field,
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
    pub bytes: Vec<u8>,
    /// Where in the file of blocks it is, or will be.
    pub at: u64,
    pub stats: BlockStats,
}

/// Names of the columns that `search` reads.
pub const FIRST_TIME: &str = "first_time";
pub const LAST_TIME: &str = "last_time";
pub const COUNT: &str = "count";
pub const RAW_BYTES: &str = "raw_bytes";
pub const FIRST_SEQUENCE: &str = "first_sequence";
/// Where the block is in the file of blocks. In a sealed partition it is what `directory` calls the block.
pub const AT: &str = "at";
/// Bytes of the block before it was sealed.
pub const LENGTH: &str = "length";
/// See `stats::MinuteCount`.
pub const BY_MINUTE: &str = "by_minute";

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
        let first_time = builder.add_i64_field(FIRST_TIME, FAST);
        let last_time = builder.add_i64_field(LAST_TIME, FAST);
        let count = builder.add_u64_field(COUNT, FAST);
        let levels = Level::ALL.map(|level| builder.add_u64_field(&level_column(level), FAST));
        let by_minute = builder.add_u64_field(BY_MINUTE, FAST);
        let raw_bytes = builder.add_u64_field(RAW_BYTES, FAST);
        let first_sequence = builder.add_u64_field(FIRST_SEQUENCE, FAST);
        let at = builder.add_u64_field(AT, FAST | INDEXED);
        let length = builder.add_u64_field(LENGTH, FAST);
        let tantivy = builder.build();
        Schema {
            terms,
            keys,
            first_time,
            last_time,
            count,
            levels,
            by_minute,
            raw_bytes,
            first_sequence,
            at,
            length,
            tantivy,
        }
    }

    pub fn document(&self, block: &Block) -> TantivyDocument {
        let mut document = TantivyDocument::default();
        document.add_text(self.terms, &block.words);
        for key in &block.keys {
            document.add_text(self.keys, key);
        }
        document.add_i64(self.first_time, block.stats.first_time);
        document.add_i64(self.last_time, block.stats.last_time);
        document.add_u64(self.count, block.stats.count);
        for (field, count) in self.levels.iter().zip(block.stats.levels) {
            document.add_u64(*field, count);
        }
        for count in &block.stats.by_minute {
            document.add_u64(self.by_minute, count.pack(block.stats.first_time));
        }
        document.add_u64(self.raw_bytes, block.stats.raw_bytes);
        document.add_u64(self.first_sequence, block.stats.first_sequence);
        document.add_u64(self.at, block.at);
        document.add_u64(self.length, block.bytes.len() as u64);
        document
    }
}

impl Default for Schema {
    fn default() -> Schema {
        Schema::new()
    }
}
