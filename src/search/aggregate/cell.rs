//! What a row holds under a field, in the one form that grouping and functions work with. Nothing else here looks into
//! rows by field.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::query::Field;
use crate::record::{Row, Value, ValueRef};

/// A value of a row. Equal numbers are the same cell, however they were stored: what is whole is an `Int`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    /// Absent, null, an empty named text, or no number at all (NaN).
    Null,
    Bool(bool),
    Int(i64),
    /// Not whole, or beyond the integers; may be infinite.
    Float(f64),
    /// Nanoseconds since the epoch.
    Time(i64),
    Text(Cow<'a, str>),
}

/// A number as it is in a [`Cell`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Int(i64),
    Float(f64),
}

/// What `row` holds under `field`.
#[inline]
pub(crate) fn cell<'a, R: Row>(field: &Field, row: &'a R) -> Cell<'a> {
    match field {
        Field::Named(index) => match row.named(*index) {
            Some(text) if !text.is_empty() => Cell::Text(Cow::Borrowed(text)),
            _ => Cell::Null,
        },
        Field::Other(name) => row.field(name).map_or(Cell::Null, Cell::from),
        Field::DurationMs => row.duration_ms().map_or(Cell::Null, |n| Cell::from(ValueRef::Float(n))),
        Field::Level => Cell::Text(Cow::Borrowed(row.level().name())),
        Field::Timestamp => Cell::Time(row.time()),
        Field::ReadTime => row.read_time().map_or(Cell::Null, Cell::Time),
        Field::TimestampSource => Cell::Text(Cow::Borrowed(row.time_source().name())),
        Field::LevelSource => Cell::Text(Cow::Borrowed(row.level_source().name())),
        Field::Message => Cell::Text(Cow::Borrowed(row.message())),
        Field::Raw => Cell::Text(row.raw()),
    }
}

/// The start of the step that `time` is in; steps begin at multiples of `step`.
#[inline]
pub fn step_start(time: i64, step: i64) -> i64 {
    time.saturating_sub(time.rem_euclid(step.max(1)))
}

impl<'a> From<ValueRef<'a>> for Cell<'a> {
    #[inline]
    fn from(value: ValueRef<'a>) -> Cell<'a> {
        match value {
            ValueRef::Null => Cell::Null,
            ValueRef::Bool(b) => Cell::Bool(b),
            ValueRef::Int(n) => Cell::Int(n),
            ValueRef::Float(n) => match Number::from(n) {
                Number::Int(n) => Cell::Int(n),
                Number::Float(n) if n.is_nan() => Cell::Null,
                Number::Float(n) => Cell::Float(n),
            },
            ValueRef::Str(text) => Cell::Text(Cow::Borrowed(text)),
        }
    }
}

impl From<f64> for Number {
    #[inline]
    fn from(n: f64) -> Number {
        // The bounds are powers of two, so both comparisons are exact.
        if n.fract() == 0.0 && (-TWO_63..TWO_63).contains(&n) { Number::Int(n as i64) } else { Number::Float(n) }
    }
}

const TWO_63: f64 = 9_223_372_036_854_775_808.0;

impl Cell<'_> {
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Cell::Null)
    }

    /// The number in it, also when it was written as text. Never NaN.
    #[inline]
    pub(crate) fn number(&self) -> Option<Number> {
        match self {
            Cell::Int(n) => Some(Number::Int(*n)),
            Cell::Float(n) => Some(Number::Float(*n)),
            Cell::Text(text) => number_in(text),
            Cell::Null | Cell::Bool(_) | Cell::Time(_) => None,
        }
    }
}

/// Words such as `inf` and `nan` are no numbers, although they can be read as such.
fn number_in(text: &str) -> Option<Number> {
    let may_be = text.bytes().next().is_some_and(|b| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.'));
    if !may_be {
        return None;
    }
    match text.parse::<i64>() {
        Ok(n) => Some(Number::Int(n)),
        Err(_) => text.parse::<f64>().ok().filter(|n| n.is_finite()).map(Number::from),
    }
}

impl Number {
    pub(crate) fn as_f64(self) -> f64 {
        match self {
            Number::Int(n) => n as f64,
            Number::Float(n) => n,
        }
    }

    pub(crate) fn to_value(self) -> Value {
        match self {
            Number::Int(n) => Value::Int(n),
            Number::Float(n) if n.is_nan() => Value::Null,
            Number::Float(n) => Value::Float(n),
        }
    }

    /// The order of the numbers themselves, also of integers that no float can hold. NaN comes last.
    pub(crate) fn compare(self, other: Number) -> Ordering {
        match (self, other) {
            (Number::Int(a), Number::Int(b)) => a.cmp(&b),
            (Number::Int(a), Number::Float(b)) => int_with_float(a, b),
            (Number::Float(a), Number::Int(b)) => int_with_float(b, a).reverse(),
            (Number::Float(a), Number::Float(b)) => a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan())),
        }
    }
}

fn int_with_float(int: i64, float: f64) -> Ordering {
    if float.is_nan() || float >= TWO_63 {
        return Ordering::Less;
    }
    if float < -TWO_63 {
        return Ordering::Greater;
    }
    int.cmp(&(float.trunc() as i64)).then(0.0_f64.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_numbers_are_the_same_cell() {
        let check = |value: ValueRef<'_>, want: Cell<'_>| assert_eq!(Cell::from(value), want);
        check(ValueRef::Float(5.0), Cell::Int(5));
        check(ValueRef::Float(-0.0), Cell::Int(0));
        check(ValueRef::Float(0.5), Cell::Float(0.5));
        check(ValueRef::Float(f64::NAN), Cell::Null);
        check(ValueRef::Float(TWO_63), Cell::Float(TWO_63));
        check(ValueRef::Float(-TWO_63), Cell::Int(i64::MIN));
        check(ValueRef::Float(f64::INFINITY), Cell::Float(f64::INFINITY));
    }

    #[test]
    fn texts_may_hold_numbers() {
        let check = |text: &str, want: Option<Number>| assert_eq!(Cell::Text(text.into()).number(), want);
        check("12", Some(Number::Int(12)));
        check("-1.50", Some(Number::Float(-1.5)));
        check("1e3", Some(Number::Int(1000)));
        check("", None);
        check("inf", None);
        check("1e999", None);
        check("NaN", None);
        check("12ms", None);
    }

    #[test]
    fn numbers_compare_exactly() {
        let check = |a: f64, b: i64, want| {
            assert_eq!(Number::Float(a).compare(Number::Int(b)), want, "{a} {b}");
            assert_eq!(Number::Int(b).compare(Number::Float(a)), want.reverse(), "{a} {b}");
        };
        check(TWO_63, i64::MAX, Ordering::Greater);
        check(-TWO_63, i64::MIN, Ordering::Equal);
        check(9_007_199_254_740_992.0, 9_007_199_254_740_993, Ordering::Less);
        check(-0.5, 0, Ordering::Less);
        check(0.5, 0, Ordering::Greater);
        check(f64::NEG_INFINITY, i64::MIN, Ordering::Less);
    }

    #[test]
    fn steps_begin_at_multiples() {
        let check = |time, step, want| assert_eq!(step_start(time, step), want);
        check(17, 5, 15);
        check(-1, 5, -5);
        check(i64::MIN, 7, i64::MIN);
        check(3, 0, 3);
        check(3, i64::MIN, 3);
    }
}
