//! What tantivy knows of a block: the distinct words of its entries, and the exact values of named columns.
//!
//! Long numbers and hex strings (ids, hashes, sizes) would each be a term of their own and fill the term
//! dictionary; they share a bounded number of buckets instead. Of short numbers (durations, steps, sizes) a busy
//! block has nearly all: then it has one term that stands for every short number. Both may select a block too many,
//! never one too few, and the evaluator decides anyway.

use crate::query::tokens::{lower_into, to_lower, tokens};
use crate::record::{Entry, ValueRef};
use crate::store::block::thousandths;
use crate::store::seen::Seen;

/// Terms for all long numbers and hex strings together.
const BUCKETS: u64 = 1 << 16;
/// A key longer than this is stored by its hash.
const MAX_KEY: usize = 64;
/// Of a word longer than this, only so many bytes are stored.
const MAX_WORD: usize = 40;

/// Short numbers have at most so many digits.
const SHORT_DIGITS: usize = 4;
/// How many there are with fewer digits than 0, 1, 2 …, leading zeros and all.
const SHORTER: [usize; SHORT_DIGITS + 2] = [0, 0, 10, 110, 1_110, 11_110];
/// With more different short numbers than this, a block has [`ANY_SHORT`] in their place.
const SHORT_MAX: usize = 128;
/// No word has these characters in it.
const ANY_SHORT: &str = "#~";

/// The terms of a lower-case word that is looked for: a block that has the word has one of them.
pub fn word_terms(word: &str) -> (String, Option<&'static str>) {
    let mut term = String::new();
    word_term(word, &mut term);
    (term, ShortNumbers::place(word.as_bytes()).map(|_| ANY_SHORT))
}

/// The term that stands for a lower-case word that is no short number.
fn word_term(word: &str, out: &mut String) {
    if is_number_like(word) || id_head(word).is_some() {
        out.push_str(&format!("#{:x}", hash(word) % BUCKETS));
    } else {
        out.push_str(prefix_term(word));
    }
}

/// As much of a word, or of the beginning of one, as terms hold.
fn prefix_term(word: &str) -> &str {
    &word[..word.floor_char_boundary(MAX_WORD)]
}

/// Digits only and at least five of them, or hex digits with a digit among them and at least six.
fn is_number_like(word: &str) -> bool {
    let bytes = word.as_bytes();
    if bytes.len() < 5 {
        return false;
    }
    let digits = bytes.iter().filter(|b| b.is_ascii_digit()).count();
    digits == bytes.len() || (bytes.len() >= 6 && digits > 0 && bytes.iter().all(u8::is_ascii_hexdigit))
}

/// Of a word such as `req_827b3688f5e8f0fe`, which is in a bucket too, the part before the number: `req_`. It has a term
/// of its own, with [`HEAD`] behind it, so that beginnings and pieces are found.
fn id_head(word: &str) -> Option<&str> {
    let at = word.rfind('_')? + 1;
    is_number_like(&word[at..]).then(|| &word[..at])
}

/// Not part of any word.
const HEAD: char = '~';

/// Whether words that begin with `prefix` may be in buckets, where a prefix cannot find them.
pub fn prefix_may_be_in_bucket(prefix: &str) -> bool {
    prefix.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The terms to look for by their beginning, and one more term: all words that begin with `prefix` have one of them.
pub fn prefix_terms(prefix: &str) -> (&str, Option<String>) {
    (prefix_term(prefix), number_behind(prefix).map(head_term))
}

fn head_term(head: &str) -> String {
    format!("{}{HEAD}", prefix_term(head))
}

/// What is before the last `_` of a piece, with it, when what is behind may be the beginning of a number.
fn number_behind(piece: &str) -> Option<&str> {
    let at = piece.rfind('_')? + 1;
    (at < piece.len() && prefix_may_be_in_bucket(&piece[at..])).then(|| &piece[..at])
}

/// Finds the terms of the words that have a piece in them. May find too many, never too few.
pub struct PieceFinder<'p> {
    piece: memchr::memmem::Finder<'p>,
    /// The end of terms whose word goes on with a number.
    head_end: Option<String>,
}

impl<'p> PieceFinder<'p> {
    /// `None` when the piece may be in words that are in buckets, where it cannot be seen.
    pub fn new(piece: &'p str) -> Option<PieceFinder<'p>> {
        let head_end = number_behind(piece).map(|head| format!("{head}{HEAD}"));
        (!prefix_may_be_in_bucket(piece))
            .then(|| PieceFinder { piece: memchr::memmem::Finder::new(piece.as_bytes()), head_end })
    }

    pub fn finds(&self, term: &[u8]) -> bool {
        // What is behind the end of a term that was cut cannot be seen. A character of up to four bytes may not have fitted.
        term.len() > MAX_WORD - 4
            || self.head_end.as_ref().is_some_and(|end| term.ends_with(end.as_bytes()))
            || self.piece.find(term).is_some()
    }
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

/// Numbers behind those of the named columns: levels, values of whatever column, and heads of ids.
const LEVELS: u64 = 100;
const VALUES: u64 = 101;
const HEADS: u64 = 102;

/// The short numbers of a block. `7` and `007` are two of them, as words are.
#[derive(Default)]
struct ShortNumbers {
    /// A bit for each that there can be.
    seen: Vec<u64>,
    found: Vec<u16>,
}

impl ShortNumbers {
    /// The number among those that there can be, when it is one: shorter ones first.
    #[inline]
    fn place(word: &[u8]) -> Option<usize> {
        if word.len() > SHORT_DIGITS || word.is_empty() {
            return None;
        }
        let mut number = 0;
        for byte in word {
            let digit = usize::from(byte.wrapping_sub(b'0'));
            if digit > 9 {
                return None;
            }
            number = number * 10 + digit;
        }
        Some(SHORTER[word.len()] + number)
    }

    fn clear(&mut self) {
        self.seen.clear();
        self.seen.resize(SHORTER[SHORT_DIGITS + 1].div_ceil(64), 0);
        self.found.clear();
    }

    #[inline]
    fn add(&mut self, place: usize) {
        let (word, bit) = (place / 64, 1 << (place % 64));
        if self.found.len() <= SHORT_MAX && self.seen[word] & bit == 0 {
            self.seen[word] |= bit;
            self.found.push(place as u16);
        }
    }

    /// A number of at most four digits, without leading zeros.
    fn add_number(&mut self, number: usize) {
        let digits = 1 + [10, 100, 1000].iter().filter(|least| number >= **least).count();
        self.add(SHORTER[digits] + number);
    }

    fn is_full(&self) -> bool {
        self.found.len() > SHORT_MAX
    }

    fn write(&self, out: &mut String) {
        if self.is_full() {
            out.push_str(ANY_SHORT);
            out.push(' ');
            return;
        }
        for place in self.found.iter().map(|place| usize::from(*place)) {
            let digits = (1..SHORT_DIGITS).find(|digits| place < SHORTER[digits + 1]).unwrap_or(SHORT_DIGITS);
            out.push_str(&format!("{:0digits$} ", place - SHORTER[digits]));
        }
    }
}

/// Gathers the distinct terms and keys of one block after the other.
#[derive(Default)]
pub struct TermSet {
    seen_words: Seen,
    short: ShortNumbers,
    /// Values by column.
    seen_values: Seen,
    buffer: String,
    words: String,
}

/// Whether the words of a number are short numbers: what is before its point, and behind it.
fn has_short_words_alone(n: f64) -> bool {
    n.abs() < 9999.0 && thousandths(n).is_some()
}

impl TermSet {
    /// The block's words, separated by spaces, and its keys.
    pub fn collect(&mut self, entries: &[(u64, Entry)]) -> (String, Vec<String>) {
        self.seen_words.clear();
        self.seen_values.clear();
        self.short.clear();
        let (mut words, mut keys) = (std::mem::take(&mut self.words), Vec::new());
        words.clear();
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
            for (_, value) in entry.fields() {
                match value {
                    ValueRef::Null => {}
                    ValueRef::Int(n @ 0..=9999) => self.short.add_number(n as usize),
                    ValueRef::Float(n) if self.short.is_full() && has_short_words_alone(n) => {}
                    other => other.with_text(|text| self.add_value(text, &mut words)),
                }
            }
        }
        self.short.write(&mut words);
        let exact = words.as_str().to_owned();
        self.words = words;
        (exact, keys)
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

    /// The terms of the word in the buffer.
    fn push_word(&mut self, out: &mut String) {
        word_term(&self.buffer, out);
        out.push(' ');
        if let Some(head) = id_head(&self.buffer)
            && self.seen_words.is_new_in(HEADS, head.as_bytes())
        {
            out.push_str(&head_term(head));
            out.push(' ');
        }
    }

    fn add_words(&mut self, text: &str, out: &mut String) {
        for token in tokens(text) {
            if let Some(place) = ShortNumbers::place(token.as_bytes()) {
                self.short.add(place);
                continue;
            }
            if token.is_ascii() {
                // Most words were there before; only a new one is looked at closely.
                if self.seen_words.is_new(token.as_bytes()) {
                    lower_into(token, &mut self.buffer);
                    self.push_word(out);
                }
                continue;
            }
            lower_into(token, &mut self.buffer);
            if self.seen_words.is_new(self.buffer.as_bytes()) {
                self.push_word(out);
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
        check("1da978", true);
        check("req_827b3688f5e8f0fe", true);
        check("session_1751400000", true);
        check("duration_ms", false);
        check("_12345", true);
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
    fn beginnings_and_pieces_of_ids_are_found() {
        let entry = Entry {
            raw: "req_827b3688f5e8f0fe".into(),
            message: crate::record::Text::Slice(0..20),
            ..Entry::default()
        };
        let (words, _) = TermSet::default().collect(&[(0, entry)]);
        let terms: Vec<&str> = words.split_whitespace().collect();
        assert!(terms.len() == 2 && terms[0].starts_with('#') && terms[1] == "req_~", "{terms:?}");
        for prefix in ["r", "req", "req_", "req_8", "req_827b3688f5e8f0fe"] {
            let (beginning, more) = prefix_terms(prefix);
            let found = |term: &&&str| term.starts_with(beginning) || Some(**term) == more.as_deref();
            assert_eq!(terms.iter().filter(found).count(), 1, "{prefix}");
        }
        for piece in ["req", "eq_", "q_8", "_827b", "eq_827b3688f5e8f0f"] {
            let finder = PieceFinder::new(piece).unwrap();
            assert!(terms.iter().any(|term| finder.finds(term.as_bytes())), "{piece}");
        }
        assert!(PieceFinder::new("827b").is_none());
        assert!(!PieceFinder::new("xq_8").unwrap().finds(b"req_~"));
    }

    #[test]
    fn short_numbers_are_terms_until_there_are_many() {
        let terms = |text: &str| {
            let message = crate::record::Text::Slice(0..text.len() as u32);
            let entry = Entry { raw: text.into(), message, ..Entry::default() };
            let (words, _) = TermSet::default().collect(&[(0, entry)]);
            words.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        let few = ["0", "9", "10", "99", "00", "007", "7", "999", "0000", "1000", "9999"];
        assert_eq!(terms(&few.join(" ")), few);
        let many: Vec<String> = (0..200).map(|n| n.to_string()).collect();
        assert_eq!(terms(&format!("a {} b", many.join(" "))), ["a", "b", ANY_SHORT]);
        for word in few {
            assert_eq!(word_terms(word), (word.to_owned(), Some(ANY_SHORT)));
        }
        assert_eq!(word_terms("a1"), ("a1".to_owned(), None));
        let numbers = [0, 9, 10, 404, 999, 1000, 9999].map(|n| ("n".into(), Value::Int(n)));
        let entry = Entry { fields: numbers.into(), ..Entry::default() };
        assert_eq!(TermSet::default().collect(&[(0, entry)]).0, "0 9 10 404 999 1000 9999 ");
        for (number, want) in [(125.526, true), (-0.001, true), (9998.5, true), (1e4, false), (0.12345, false)] {
            assert_eq!(has_short_words_alone(number), want, "{number}");
        }
    }

    #[test]
    fn words_come_from_message_columns_and_fields() {
        let entry = Entry {
            raw: "Hello World".into(),
            message: crate::record::Text::Slice(0..11),
            service: "API".into(),
            fields: [("status".into(), Value::Int(404))].into(),
            ..Entry::default()
        };
        let (words, keys) = TermSet::default().collect(&[(0, entry)]);
        assert_eq!(words, "hello world api 404 ");
        assert_eq!(keys, ["level=unknown", "source=", "service=api"]);
    }
}
