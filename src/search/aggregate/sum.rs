//! Sums that are exact, and so do not depend on the order of what was added. They are rounded once, at the end.
//!
//! Most numbers fit a fixed-point word; very large and very small ones, and sums that outgrow the word, go to an
//! accumulator as wide as all floats. Both are exact, so it does not matter which took what.

use super::cell::Number;
use crate::record::Value;

/// The word counts in units of 2^-74: that holds every float from 2^-22 to 2^41 with all its digits.
const FRACTION: i32 = 74;
/// A number takes at most this shift within the word, so that many fit before it overflows.
const SHIFT_MAX: i32 = 62;

/// The sum of numbers, and how many there were.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sum {
    /// Integers have a word of their own, and never overflow it: a sum of integers is an integer.
    ints: i128,
    word: i128,
    wide: Option<Box<Wide>>,
    count: u64,
    floats: bool,
    positive_infinity: bool,
    negative_infinity: bool,
}

impl Sum {
    #[inline]
    pub(crate) fn add(&mut self, number: Number) {
        self.count += 1;
        match number {
            Number::Int(n) => self.ints = self.ints.saturating_add(i128::from(n)),
            Number::Float(n) => self.add_float(n),
        }
    }

    /// Adds what so many numbers come to.
    pub(crate) fn add_many(&mut self, total: Number, count: u64) {
        if let Some(others) = count.checked_sub(1) {
            self.add(total);
            self.count += others;
        }
    }

    fn add_float(&mut self, n: f64) {
        self.floats = true;
        if !n.is_finite() {
            self.positive_infinity |= n != f64::NEG_INFINITY;
            self.negative_infinity |= n != f64::INFINITY;
            return;
        }
        let (mantissa, exponent) = parts(n);
        let shift = exponent + FRACTION;
        if !(0..=SHIFT_MAX).contains(&shift) {
            self.wide.get_or_insert_default().add(u128::from(mantissa), exponent, n < 0.0);
            return;
        }
        let part = i128::from(mantissa) << shift;
        self.add_word(if n < 0.0 { -part } else { part });
    }

    fn add_word(&mut self, part: i128) {
        match self.word.checked_add(part) {
            Some(sum) => self.word = sum,
            None => {
                let wide = self.wide.get_or_insert_default();
                wide.add(self.word.unsigned_abs(), -FRACTION, self.word < 0);
                self.word = part;
            }
        }
    }

    pub(crate) fn merge(&mut self, other: Sum) {
        self.ints = self.ints.saturating_add(other.ints);
        self.add_word(other.word);
        if let Some(theirs) = other.wide {
            match &mut self.wide {
                Some(wide) => wide.merge(*theirs),
                None => self.wide = Some(theirs),
            }
        }
        self.count += other.count;
        self.floats |= other.floats;
        self.positive_infinity |= other.positive_infinity;
        self.negative_infinity |= other.negative_infinity;
    }

    /// The sum; null when nothing was added, or infinities of both signs.
    pub(crate) fn total(&self) -> Value {
        match i64::try_from(self.ints) {
            _ if self.count == 0 => Value::Null,
            Ok(n) if !self.floats => Value::Int(n),
            _ => Number::Float(self.rounded()).to_value(),
        }
    }

    /// The mean; null as the sum is.
    pub(crate) fn mean(&self) -> Value {
        match self.count {
            0 => Value::Null,
            count => Number::Float(self.rounded() / count as f64).to_value(),
        }
    }

    /// The float next to the sum.
    fn rounded(&self) -> f64 {
        match (self.positive_infinity, self.negative_infinity) {
            (true, true) => return f64::NAN,
            (true, false) => return f64::INFINITY,
            (false, true) => return f64::NEG_INFINITY,
            (false, false) => {}
        }
        let mut wide = self.wide.as_deref().cloned().unwrap_or_default();
        wide.add(self.word.unsigned_abs(), -FRACTION, self.word < 0);
        wide.add(self.ints.unsigned_abs(), 0, self.ints < 0);
        wide.rounded()
    }
}

/// A finite float is `mantissa * 2^exponent`, but for its sign.
fn parts(n: f64) -> (u64, i32) {
    let bits = n.to_bits();
    let mantissa = bits & ((1 << 52) - 1);
    match ((bits >> 52) & 0x7ff) as i32 {
        0 => (mantissa, LOWEST),
        exponent => (mantissa | 1 << 52, exponent + LOWEST - 1),
    }
}

/// The lowest bit of any float is 2^-1074.
const LOWEST: i32 = -1074;
/// Digits of 32 bits from there up to the largest float, and room above it for sums.
const DIGITS: usize = 72;
/// Each addition changes a digit by less than 2^33; so many leave room in 63 bits.
const ADDITIONS_MAX: u32 = 1 << 28;

/// A fixed-point number over the whole range of floats. Digits are signed and carried late.
#[derive(Clone, Debug)]
struct Wide {
    digits: [i64; DIGITS],
    additions: u32,
}

impl Default for Wide {
    fn default() -> Wide {
        Wide { digits: [0; DIGITS], additions: 0 }
    }
}

impl Wide {
    /// Adds `magnitude * 2^exponent`, or takes it away.
    fn add(&mut self, magnitude: u128, exponent: i32, negative: bool) {
        let position = (exponent - LOWEST).max(0) as usize;
        let (first, shift) = (position / 32, position % 32);
        for chunk in 0..4 {
            let bits = (((magnitude >> (32 * chunk)) as u32) as u64) << shift;
            let halves = [(bits & 0xffff_ffff) as i64, (bits >> 32) as i64];
            for (half, digit) in halves.into_iter().zip(self.digits.iter_mut().skip(first + chunk)) {
                *digit += if negative { -half } else { half };
            }
        }
        self.count_addition(1);
    }

    fn merge(&mut self, mut other: Wide) {
        other.carry();
        for (digit, theirs) in self.digits.iter_mut().zip(other.digits) {
            *digit += theirs;
        }
        self.count_addition(1);
    }

    fn count_addition(&mut self, more: u32) {
        self.additions += more;
        if self.additions >= ADDITIONS_MAX {
            self.carry();
        }
    }

    /// Brings all digits but the last into 0 to 2^32; the last has the sign.
    fn carry(&mut self) {
        let mut carry = 0;
        for (index, digit) in self.digits.iter_mut().enumerate() {
            *digit += carry;
            if index < DIGITS - 1 {
                carry = *digit >> 32;
                *digit &= 0xffff_ffff;
            }
        }
        self.additions = 0;
    }

    /// The float next to the number; infinite when it is larger than any.
    fn rounded(mut self) -> f64 {
        self.carry();
        let negative = self.digits.last().is_some_and(|digit| *digit < 0);
        if negative {
            self.digits.iter_mut().for_each(|digit| *digit = -*digit);
            self.carry();
        }
        let Some(top) = self.digits.iter().rposition(|digit| *digit != 0) else { return 0.0 };
        let bottom = top.saturating_sub(2);
        let head = self.digits[bottom..=top].iter().rev().fold(0_u128, |head, digit| head << 32 | *digit as u128);
        // At least 65 bits when anything is left out: a last bit for that rounds as all of it would.
        let rest = self.digits[..bottom].iter().any(|digit| *digit != 0);
        let magnitude = (head | u128::from(rest)) as f64 * power_of_two(32 * bottom as i32 + LOWEST);
        if negative { -magnitude } else { magnitude }
    }
}

fn power_of_two(exponent: i32) -> f64 {
    match exponent {
        1024.. => f64::INFINITY,
        -1022..1024 => f64::from_bits(((exponent + 1023) as u64) << 52),
        LOWEST..-1022 => f64::from_bits(1 << (exponent - LOWEST)),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(numbers: &[f64]) -> Sum {
        let mut sum = Sum::default();
        numbers.iter().for_each(|n| sum.add(Number::from(*n)));
        sum
    }

    #[test]
    fn sums_are_exact() {
        let check = |numbers: &[f64], want: Value| assert_eq!(sum(numbers).total(), want, "{numbers:?}");
        check(&[], Value::Null);
        check(&[1.0, 2.0], Value::Int(3));
        check(&[0.1; 10], Value::Float(1.0));
        check(&[1e300, 1.0, -1e300], Value::Float(1.0));
        check(&[1e-300, 1.0, -1.0], Value::Float(1e-300));
        check(&[5e-324, 5e-324], Value::Float(1e-323));
        check(&[f64::MIN_POSITIVE, -5e-324], Value::Float(f64::MIN_POSITIVE - 5e-324));
        check(&[f64::MAX, f64::MAX], Value::Float(f64::INFINITY));
        check(&[f64::MAX, f64::MAX, -f64::MAX], Value::Float(f64::MAX));
        check(&[-0.5, -0.25], Value::Float(-0.75));
        check(&[0.5, -0.5], Value::Float(0.0));
        check(&[f64::INFINITY, 1.0], Value::Float(f64::INFINITY));
        check(&[f64::INFINITY, f64::NEG_INFINITY], Value::Null);
        check(&[f64::NAN], Value::Null);
        // Ties go to the even neighbour, and a bit far below decides them.
        check(&[9_007_199_254_740_992.0, 1.0, 1e-200], Value::Float(9_007_199_254_740_994.0));
        check(&[9_007_199_254_740_992.0, 0.5, 0.5], Value::Float(9_007_199_254_740_992.0));
    }

    #[test]
    fn sums_outgrow_the_word() {
        let big = 2e12 + 0.5;
        assert_eq!(sum(&vec![big; 100_000]).total(), Value::Float(big * 100_000.0));
        let mut whole = Sum::default();
        (0..4).for_each(|_| whole.add(Number::Int(i64::MAX)));
        assert_eq!(whole.total(), Value::Float(i64::MAX as f64 * 4.0));
        assert_eq!(whole.mean(), Value::Float(i64::MAX as f64));
    }

    proptest! {
        /// Small integers in units of 2^-30 have sums that plain floats hold exactly, too.
        #[test]
        fn sums_agree_with_plain_ones(units in prop::collection::vec(-1_000_000_i64..1_000_000, 1..50)) {
            let numbers: Vec<f64> = units.iter().map(|n| *n as f64 / f64::from(1 << 30)).collect();
            prop_assert_eq!(sum(&numbers).rounded(), numbers.iter().sum::<f64>());
        }

        #[test]
        fn the_order_does_not_matter(bits in prop::collection::vec(any::<u64>(), 1..40), cut in any::<prop::sample::Index>()) {
            let mut numbers: Vec<f64> = bits.iter().map(|b| f64::from_bits(*b)).filter(|n| n.is_finite()).collect();
            let want = sum(&numbers).total();
            numbers.reverse();
            let (left, right) = numbers.split_at(cut.index(numbers.len() + 1));
            let mut merged = sum(right);
            merged.merge(sum(left));
            prop_assert_eq!(merged.total(), want);
        }
    }
}
