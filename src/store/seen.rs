//! Which words were seen: a set of hashes that is emptied for each block, made for little words in great numbers.

/// Hashes of what was seen since the last [`Seen::clear`]. Two words may have one hash; with 64 bits and a seed that
/// nobody knows, that does not happen.
pub struct Seen {
    /// A power of two of them, at most half in use; 0 is a free one.
    slots: Vec<u64>,
    len: usize,
    seed: u64,
}

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
const SLOTS_MIN: usize = 1 << 11;

impl Default for Seen {
    fn default() -> Seen {
        use std::hash::{BuildHasher, RandomState};
        Seen { slots: vec![0; SLOTS_MIN], len: 0, seed: RandomState::new().hash_one(0_u8) | 1 }
    }
}

impl Seen {
    pub fn clear(&mut self) {
        if self.len > 0 {
            self.slots.fill(0);
            self.len = 0;
        }
    }

    /// Whether this word is new. Its case does not count as long as it is ASCII.
    #[inline]
    pub fn is_new(&mut self, word: &[u8]) -> bool {
        self.add(fold_hash(word, self.seed))
    }

    /// Whether this text is new in its column.
    #[inline]
    pub fn is_new_in(&mut self, column: u64, text: &[u8]) -> bool {
        self.add(exact_hash(text, self.seed ^ (column + 1).wrapping_mul(MULTIPLIER)))
    }

    #[inline]
    fn add(&mut self, hash: u64) -> bool {
        let hash = hash.max(1);
        let mask = self.slots.len() - 1;
        let mut at = (hash >> 20) as usize & mask;
        loop {
            match self.slots[at] {
                0 => break,
                found if found == hash => return false,
                _ => at = (at + 1) & mask,
            }
        }
        self.slots[at] = hash;
        self.len += 1;
        if self.len * 2 > self.slots.len() {
            self.grow();
        }
        true
    }

    #[cold]
    fn grow(&mut self) {
        let old = std::mem::take(&mut self.slots);
        self.slots = vec![0; old.len() * 2];
        let mask = self.slots.len() - 1;
        for hash in old.into_iter().filter(|hash| *hash != 0) {
            let mut at = (hash >> 20) as usize & mask;
            while self.slots[at] != 0 {
                at = (at + 1) & mask;
            }
            self.slots[at] = hash;
        }
    }
}

/// The bit that tells the cases of an ASCII letter apart. It also joins `_` and DEL, and `@` and backtick, of which only
/// one of each is ever part of a word.
const CASE: u64 = 0x2020_2020_2020_2020;

#[inline]
fn fold_hash(word: &[u8], seed: u64) -> u64 {
    hash(word, seed, CASE)
}

#[inline]
fn exact_hash(text: &[u8], seed: u64) -> u64 {
    hash(text, seed, 0)
}

#[inline]
fn hash(bytes: &[u8], seed: u64, mask: u64) -> u64 {
    let mut hash = seed ^ (bytes.len() as u64).wrapping_mul(MULTIPLIER);
    let (chunks, rest) = bytes.as_chunks::<8>();
    for chunk in chunks {
        hash = mix(hash, u64::from_le_bytes(*chunk) | mask);
    }
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        hash = mix(hash, u64::from_le_bytes(last) | mask);
    }
    hash
}

/// One step of folded multiplication.
#[inline]
fn mix(hash: u64, word: u64) -> u64 {
    let product = u128::from(hash ^ word) * u128::from(MULTIPLIER ^ word.rotate_left(32));
    (product as u64) ^ ((product >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn words_are_new_once() {
        let mut seen = Seen::default();
        for round in 0..2 {
            let mut known = HashSet::new();
            for n in 0..20_000_u32 {
                let word = format!("{}{}", ["word", "Wort_", "x"][n as usize % 3], n % 7_000);
                assert_eq!(seen.is_new(word.as_bytes()), known.insert(word.clone()), "{round} {word}");
            }
            seen.clear();
        }
    }

    #[test]
    fn case_does_not_count_and_columns_do() {
        let mut seen = Seen::default();
        assert!(seen.is_new(b"Connection_Timeout9"));
        assert!(!seen.is_new(b"connection_timeout9"));
        assert!(seen.is_new(b"connection_timeout"));
        assert!(
            seen.is_new_in(0, b"x") && seen.is_new_in(1, b"x") && !seen.is_new_in(0, b"x") && seen.is_new_in(0, b"X")
        );
    }
}
