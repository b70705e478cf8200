//! Numbers of a few bits each, for columns that are read often: they are not compressed otherwise, and reading one costs
//! a shift and a mask. Differences are stored above the smallest one ("frame of reference").

use super::numbers::{Reader, put, put_signed};
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

/// Gives each of `count` numbers to `each`.
#[inline]
fn packed(reader: &mut Reader<'_>, count: usize, width: u32, mut each: impl FnMut(u64)) -> Result<()> {
    if width == 0 {
        (0..count).for_each(|_| each(0));
        return Ok(());
    }
    let width = width as usize;
    let bytes = reader.bytes((count * width).div_ceil(8))?;
    let mask = (1u64 << width) - 1;
    for index in 0..count {
        let at = index * width;
        let word = match bytes.get(at / 8..).and_then(|rest| rest.first_chunk::<8>()) {
            Some(word) => *word,
            None => std::array::from_fn(|i| bytes.get(at / 8 + i).copied().unwrap_or(0)),
        };
        each(u64::from_le_bytes(word) >> (at % 8) & mask);
    }
    Ok(())
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
    let zigzag = |delta: i64| (delta << 1 ^ delta >> 63) as u64;
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

/// Gives each of `count` numbers to `each`.
pub fn deltas(reader: &mut Reader<'_>, count: usize, mut each: impl FnMut(i64)) -> Result<()> {
    if count == 0 {
        return Ok(());
    }
    let mut number = reader.signed()?;
    each(number);
    if count == 1 {
        return Ok(());
    }
    let smallest = reader.signed()?;
    match reader.byte()? {
        UNPACKED => {
            for _ in 1..count {
                number = number.wrapping_add(reader.signed()?);
                each(number);
            }
            Ok(())
        }
        width if u32::from(width) <= WIDTH_MAX => packed(reader, count - 1, u32::from(width), |above| {
            number = number.wrapping_add(smallest).wrapping_add(above as i64);
            each(number);
        }),
        _ => Err(StoreError::Block("differences have an unknown width")),
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

/// Replaces `codes` by those of `count` entries.
pub fn codes(reader: &mut Reader<'_>, count: usize, codes: &mut Vec<u16>) -> Result<()> {
    codes.clear();
    match reader.byte()? {
        0 => {
            let code = reader.size(usize::from(u16::MAX))? as u16;
            codes.resize(count, code);
            Ok(())
        }
        width @ 1..=16 => packed(reader, count, width.into(), |code| codes.push(code as u16)),
        _ => Err(StoreError::Block("codes have an unknown width")),
    }
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
        deltas(&mut reader, numbers.len(), |n| found.push(n)).unwrap();
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
                codes(&mut Reader(&out), numbers.len(), &mut found).unwrap();
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
