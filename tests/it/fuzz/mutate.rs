//! Inputs made of other inputs.

/// Bytes; longer inputs are cut. Long enough for what is quadratic to be felt.
const MAX_INPUT: usize = 64 << 10;
/// Changes to one input.
const MAX_CHANGES: u64 = 6;
/// Copies of a piece, in the rare case of many.
const MANY: u64 = 2_000;

const NUMBERS: &[&str] =
    &["0", "-1", "1", "07", "0x10", "256", "65536", "4294967296", "9223372036854775808", "1e9", "99999999999999999999"];

/// xorshift64*; the same row for the same seed everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Less than `limit`, which is not 0.
    fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }

    fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length.max(1) as u64)).unwrap_or(0)
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.index(all.len())]
    }

    /// A part of `length` bytes, mostly a short one.
    fn part(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.index(length + 1);
        let most = if self.below(4) == 0 { length } else { 16 };
        start..(start + self.index(most + 1)).min(length)
    }
}

/// One of the corpus, changed in a few places.
pub fn mutate(corpus: &[Vec<u8>], words: &[&str], random: &mut Random) -> Vec<u8> {
    let mut input = random.pick(corpus).clone();
    for _ in 0..=random.below(MAX_CHANGES) {
        change(&mut input, corpus, words, random);
        input.truncate(MAX_INPUT);
    }
    input
}

fn change(input: &mut Vec<u8>, corpus: &[Vec<u8>], words: &[&str], random: &mut Random) {
    let at = random.index(input.len() + 1);
    let part = random.part(input.len());
    let byte = random.next().to_le_bytes()[0];
    match random.below(11) {
        0 => drop(input.drain(part)),
        1 => input.truncate(at),
        2 => input.insert(at, byte),
        3 => input.get_mut(at).into_iter().for_each(|old| *old = byte),
        4 => input.get_mut(at).into_iter().for_each(|old| *old ^= 1 << (byte % 8)),
        5 => drop(input.splice(at..at, random.pick(words).bytes())),
        6 => drop(input.splice(part, random.pick(words).bytes())),
        7 => drop(input.splice(part, random.pick(NUMBERS).bytes())),
        8 => {
            let times = if random.below(8) == 0 { random.below(MANY) } else { random.below(4) };
            let times = usize::try_from(times).unwrap_or(1).min(MAX_INPUT / part.len().max(1));
            let copies = input[part].repeat(times);
            drop(input.splice(at..at, copies));
        }
        9 => {
            let other = random.pick(corpus);
            let piece = random.part(other.len());
            drop(input.splice(at..at, other[piece].iter().copied()));
        }
        _ => {
            let other = random.pick(corpus);
            input.truncate(at);
            input.extend_from_slice(&other[random.index(other.len() + 1)..]);
        }
    }
}
