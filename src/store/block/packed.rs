//! Numbers of a few bits each, for columns that are read often: they are not compressed otherwise, and reading one costs
//! a shift and a mask. Differences are stored above the smallest one ("frame of reference").

use super::numbers::{Reader, put, put_signed, zigzag};
use crate::store::StoreError;

type Result<T> = std::result::Result<T, StoreError>;

/// Wider numbers are not packed: one must fit into eight bytes wherever it begins.
const WIDTH_MAX: u32 = 57;
/// In place of a width: signed LEB128.
const UNPACKED: u8 = 255;

fn width_of(n: u64) -> u32 {
    64 - n.leading_zeros()
}

fn put_packed(out: &mut Vec<u8>, numbers: impl Iterator<Item = u64>, width: u32) {
    let (mut bits, mut filled) = (0u128, 0);
    for number in numbers {
        bits |= u128::from(number) << filled;
        filled += width;
        while filled >= 8 {
            out.push(bits as u8);
            bits >>= 8;
            filled -= 8;
        }
    }
    if filled > 0 {
        out.push(bits as u8);
    }
}

/// Takes packed columns, keeping its memory.
#[derive(Default)]
pub struct Unpacked {
    /// The bytes of a column, with some behind them, so that a whole word can be taken anywhere.
    bytes: Vec<u8>,
    numbers: Vec<u64>,
}

impl Unpacked {
    /// The next `count` numbers.
    fn read(&mut self, reader: &mut Reader<'_>, count: usize, width: u32) -> Result<&[u64]> {
        let width = width as usize;
        let bytes = reader.bytes((count * width).div_ceil(8))?;
        if self.numbers.len() < count {
            self.numbers.resize(count, 0);
        }
        let numbers = &mut self.numbers[..count];
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
        self.bytes.extend_from_slice(&[0; 8]);
        let mask = (1u64 << width) - 1;
        match width {
            0 => numbers.fill(0),
            1..=8 => {
                // Eight numbers are as many bytes as one is bits, and so they fit into one word.
                for (eight, at) in numbers.chunks_mut(8).zip((0..).step_by(width)) {
                    let mut word = word_at(&self.bytes, at);
                    for number in eight {
                        *number = word & mask;
                        word >>= width % 64;
                    }
                }
            }
            _ => {
                for (number, at) in numbers.iter_mut().zip((0..).step_by(width)) {
                    *number = word_at(&self.bytes, at / 8) >> (at % 8) & mask;
                }
            }
        }
        Ok(numbers)
    }

    /// Replaces `numbers` by `count` that [`put_deltas`] wrote.
    pub fn deltas(&mut self, reader: &mut Reader<'_>, count: usize, numbers: &mut Vec<i64>) -> Result<()> {
        numbers.clear();
        if count == 0 {
            return Ok(());
        }
        let mut number = reader.signed()?;
        numbers.push(number);
        if count == 1 {
            return Ok(());
        }
        let smallest = reader.signed()?;
        match reader.byte()? {
            UNPACKED => {
                for _ in 1..count {
                    number = number.wrapping_add(reader.signed()?);
                    numbers.push(number);
                }
            }
            0 => numbers.extend((1..count as i64).map(|n| number.wrapping_add(smallest.wrapping_mul(n)))),
            width if u32::from(width) <= WIDTH_MAX => {
                let above = self.read(reader, count - 1, u32::from(width))?;
                numbers.extend(above.iter().map(|above| {
                    number = number.wrapping_add(smallest).wrapping_add(*above as i64);
                    number
                }));
            }
            _ => return Err(StoreError::Block("differences have an unknown width")),
        }
        Ok(())
    }

    /// Replaces `codes` by those of `count` entries.
    pub fn codes(&mut self, reader: &mut Reader<'_>, count: usize, codes: &mut Vec<u16>) -> Result<()> {
        codes.clear();
        match reader.byte()? {
            0 => {
                let code = reader.size(usize::from(u16::MAX))? as u16;
                codes.resize(count, code);
            }
            width @ 1..=16 => codes.extend(self.read(reader, count, width.into())?.iter().map(|code| *code as u16)),
            _ => return Err(StoreError::Block("codes have an unknown width")),
        }
        Ok(())
    }
}

#[inline]
fn word_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |word| u64::from_le_bytes(*word))
}

/// Writes the first number, then the differences: the smallest, a width, and how much each is above it.
pub fn put_deltas(out: &mut Vec<u8>, numbers: &[i64]) {
    let Some((first, _)) = numbers.split_first() else { return };
    put_signed(out, *first);
    let deltas = || numbers.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
    let Some(smallest) = deltas().min() else { return };
    put_signed(out, smallest);
    let above = || deltas().map(|delta| delta.wrapping_sub(smallest) as u64);
    let width = width_of(above().max().unwrap_or(0));
    // A few large steps would make all of them wide.
    let unpacked: u32 = deltas().map(|delta| width_of(zigzag(delta)).div_ceil(7).max(1) * 8).sum();
    if width <= WIDTH_MAX && width * numbers.len() as u32 <= unpacked {
        out.push(width as u8);
        put_packed(out, above(), width);
    } else {
        out.push(UNPACKED);
        deltas().for_each(|delta| put_signed(out, delta));
    }
}

/// One small number an entry: a width and each in so many bits; with the width 0 one number that all share.
pub fn put_codes(out: &mut Vec<u8>, codes: &[u16]) {
    let first = codes.first().copied().unwrap_or(0);
    if codes.iter().all(|code| *code == first) {
        out.push(0);
        put(out, u64::from(first));
        return;
    }
    let width = width_of(codes.iter().copied().max().unwrap_or(0).into());
    out.push(width as u8);
    put_packed(out, codes.iter().map(|code| u64::from(*code)), width);
}

/// Goes past the codes of `count` entries.
pub fn skip_codes(reader: &mut Reader<'_>, count: usize) -> Result<()> {
    match reader.byte()? {
        0 => reader.number().map(drop),
        width @ 1..=16 => reader.bytes((count * usize::from(width)).div_ceil(8)).map(drop),
        _ => Err(StoreError::Block("codes have an unknown width")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(numbers: &[i64]) {
        let mut out = Vec::new();
        put_deltas(&mut out, numbers);
        let (mut reader, mut found) = (Reader(&out), Vec::new());
        Unpacked::default().deltas(&mut reader, numbers.len(), &mut found).unwrap();
        assert_eq!(found, numbers);
        assert!(reader.0.is_empty(), "{} bytes are left", reader.0.len());
    }

    proptest! {
        #[test]
        fn numbers_come_back(
            any in proptest::collection::vec(any::<i64>(), 0..40),
            near in proptest::collection::vec(-100i64..100, 0..400),
            jump: i64,
        ) {
            check(&any);
            check(&near);
            let mut jumping = near.clone();
            jumping.push(jump);
            check(&jumping);
        }

        #[test]
        fn codes_come_back(small in proptest::collection::vec(0u16..5, 0..300), all in proptest::collection::vec(any::<u16>(), 0..50)) {
            for numbers in [&small, &all] {
                let (mut out, mut found) = (Vec::new(), Vec::new());
                put_codes(&mut out, numbers);
                Unpacked::default().codes(&mut Reader(&out), numbers.len(), &mut found).unwrap();
                prop_assert_eq!(&found, numbers);
                let mut reader = Reader(&out);
                skip_codes(&mut reader, numbers.len()).unwrap();
                prop_assert!(reader.0.is_empty());
            }
        }
    }

    #[test]
    fn regular_numbers_cost_next_to_nothing() {
        let size = |numbers: &[i64]| {
            let mut out = Vec::new();
            put_deltas(&mut out, numbers);
            out.len()
        };
        assert_eq!(size(&(1000..1256).collect::<Vec<_>>()), 4);
        // One jump does not make all of them wide.
        let jumping: Vec<i64> = (0..256).map(|n| if n == 100 { 1 << 40 } else { n * 100 }).collect();
        assert!(size(&jumping) < 600, "{}", size(&jumping));
    }
}
