//! What tantivy knows of a block: the distinct words of its entries, and the exact values of named columns.
//!
//! Long numbers and hex strings (ids, hashes, sizes) would each be a term of their own and fill the term
//! dictionary; they share a bounded number of buckets instead. A bucket may select a block too many, never
//! one too few, and the evaluator decides anyway.

use crate::query::tokens::{lower_into, to_lower, tokens};
use crate::record::{Entry, Row, Value, ValueRef};
use crate::store::block::Decoder;
use crate::store::seen::Seen;

/// Terms for all long numbers and hex strings together.
const BUCKETS: u64 = 1 << 16;
/// A key longer than this is stored by its hash.
const MAX_KEY: usize = 64;
/// Of a word longer than this, only so many bytes are stored.
const MAX_WORD: usize = 40;

/// The term that stands for a lower-case word, in the index and in a question.
pub fn word_term(word: &str, out: &mut String) {
    if is_number_like(word) {
        out.push_str(&format!("#{:x}", hash(word) % BUCKETS));
    } else {
        out.push_str(prefix_term(word));
    }
}

/// As much of a word, or of the beginning of one, as terms hold.
pub fn prefix_term(word: &str) -> &str {
    &word[..word.floor_char_boundary(MAX_WORD)]
}

/// Digits only and at least five of them, or hex digits with a digit among them and at least seven.
fn is_number_like(word: &str) -> bool {
    let bytes = word.as_bytes();
    if bytes.len() < 5 {
        return false;
    }
    let digits = bytes.iter().filter(|b| b.is_ascii_digit()).count();
    digits == bytes.len() || (bytes.len() >= 7 && digits > 0 && bytes.iter().all(u8::is_ascii_hexdigit))
}

/// Whether words that begin with `prefix` may be in buckets, where a prefix cannot find them.
pub fn prefix_may_be_in_bucket(prefix: &str) -> bool {
    prefix.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Whether a piece of a word may be in words that are in buckets, where it cannot be seen.
pub fn contains_may_be_hidden(piece: &str) -> bool {
    prefix_may_be_in_bucket(piece)
}

/// Whether a term may be the beginning of a longer word: what is behind it cannot be seen.
pub fn may_be_cut_short(term: &[u8]) -> bool {
    // A character of up to four bytes may not have fitted.
    term.len() > MAX_WORD - 4
}

/// The key that stands for "this named column has this value", in the index and in a question.
/// Values are compared without case, so the key is lower-case.
pub fn key_term(field: &str, value: &str) -> String {
    let value = to_lower(value);
    if value.len() > MAX_KEY { format!("{field}#{:x}", hash(&value)) } else { format!("{field}={value}") }
}

fn hash(text: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(text.as_bytes())
}

/// Numbers behind those of the named columns: levels, and values of whatever column.
const LEVELS: u64 = 100;
const VALUES: u64 = 101;

/// Gathers the distinct terms and keys of one block after the other.
#[derive(Default)]
pub struct TermSet {
    seen_words: Seen,
    /// Values by column.
    seen_values: Seen,
    buffer: String,
}

impl TermSet {
    /// The block's words, separated by spaces, and its keys.
    pub fn collect(&mut self, entries: &[(u64, Entry)]) -> (String, Vec<String>) {
        self.seen_words.clear();
        self.seen_values.clear();
        let (mut words, mut keys) = (String::with_capacity(4096), Vec::new());
        for (_, entry) in entries {
            self.add_words(entry.message(), &mut words);
            if self.seen_values.is_new_in(LEVELS, &[entry.level as u8]) {
                keys.push(key_term("level", entry.level.name()));
            }
            for (number, (field, value)) in entry.named().into_iter().enumerate() {
                if let Some(value) = value {
                    self.add_key(number as u64, field, value, &mut words, &mut keys);
                }
            }
            for (_, value) in entry.fields.iter().filter(|(_, value)| *value != Value::Null) {
                self.add_value(&value.to_text(), &mut words);
            }
        }
        (words, keys)
    }

    /// As [`TermSet::collect`], of a block of which everything but the raw texts is decoded. Texts that repeat are
    /// looked at once.
    pub fn collect_block(&mut self, block: &Decoder) -> (String, Vec<String>) {
        self.seen_words.clear();
        self.seen_values.clear();
        let (mut words, mut keys) = (String::with_capacity(4096), Vec::new());
        for (_, row) in block.rows() {
            self.add_words(row.message(), &mut words);
            if self.seen_values.is_new_in(LEVELS, &[row.level() as u8]) {
                keys.push(key_term("level", row.level().name()));
            }
            row.any_field(&mut |_, value| {
                if value != ValueRef::Null {
                    self.add_value(&value.to_text(), &mut words);
                }
                false
            });
        }
        for (number, (field, _)) in Entry::default().named().into_iter().enumerate() {
            for value in block.named_texts(number) {
                self.add_key(number as u64, field, value, &mut words, &mut keys);
            }
        }
        (words, keys)
    }

    fn add_key(&mut self, number: u64, field: &str, value: &str, words: &mut String, keys: &mut Vec<String>) {
        if self.seen_values.is_new_in(number, value.as_bytes()) {
            keys.push(key_term(field, value));
            self.add_value(value, words);
        }
    }

    /// Words of a value that may well have been there before.
    fn add_value(&mut self, value: &str, words: &mut String) {
        if self.seen_values.is_new_in(VALUES, value.as_bytes()) {
            self.add_words(value, words);
        }
    }

    fn add_words(&mut self, text: &str, out: &mut String) {
        for token in tokens(text) {
            if token.is_ascii() {
                // Most words were there before; only a new one is looked at closely.
                if self.seen_words.is_new(token.as_bytes()) {
                    lower_into(token, &mut self.buffer);
                    word_term(&self.buffer, out);
                    out.push(' ');
                }
                continue;
            }
            lower_into(token, &mut self.buffer);
            if self.seen_words.is_new(self.buffer.as_bytes()) {
                word_term(&self.buffer, out);
                out.push(' ');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Value;

    #[test]
    fn numbers_and_hex_go_to_buckets() {
        let check = |word: &str, hashed: bool| {
            let mut term = String::new();
            word_term(word, &mut term);
            assert_eq!(term.starts_with('#'), hashed, "{word}");
        };
        check("error", false);
        check("404", false);
        check("12345", true);
        check("8f3a12cd", true);
        check("deadbeef", false);
        check("facade", false);
        check(&"x".repeat(41), false);
    }

    #[test]
    fn a_prefix_that_could_begin_a_bucketed_word_is_known() {
        assert!(prefix_may_be_in_bucket("12"));
        assert!(prefix_may_be_in_bucket("fa"));
        assert!(!prefix_may_be_in_bucket("time"));
    }

    #[test]
    fn words_come_from_message_columns_and_fields() {
        let entry = Entry {
            raw: "Hello World".into(),
            message: crate::record::Text::Slice(0..11),
            service: "API".into(),
            fields: vec![("status".into(), Value::Int(404))],
            ..Entry::default()
        };
        let (words, keys) = TermSet::default().collect(&[(0, entry)]);
        assert_eq!(words, "hello world api 404 ");
        assert_eq!(keys, ["level=unknown", "source=", "service=api"]);
    }
}
