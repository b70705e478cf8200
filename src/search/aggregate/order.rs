//! The order of values in tables: numbers, booleans, texts, and what is missing last.

use std::cmp::Ordering;

use super::cell::Number;
use crate::record::Value;

/// The order of two values. Equal numbers of different types are equal.
pub(super) fn compare(a: &Value, b: &Value) -> Ordering {
    directed(a, b, false)
}

/// The same, largest first when `descending`. Types keep their places: what is missing is last both ways.
pub(crate) fn directed(a: &Value, b: &Value, descending: bool) -> Ordering {
    let by_rank = match (a, b) {
        // Nearly all there are.
        (Value::Int(_), Value::Int(_)) | (Value::Str(_), Value::Str(_)) => Ordering::Equal,
        _ => rank(a).cmp(&rank(b)),
    };
    by_rank.then_with(|| {
        let order = within(a, b);
        if descending { order.reverse() } else { order }
    })
}

/// The order of rows, column by column.
pub(super) fn compare_rows(a: &[Value], b: &[Value]) -> Ordering {
    let differing = a.iter().zip(b).map(|(a, b)| compare(a, b)).find(|order| order.is_ne());
    differing.unwrap_or_else(|| a.len().cmp(&b.len()))
}

/// The difference of two numbers; null of anything else.
pub(super) fn difference(a: &Value, b: &Value) -> Value {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a.checked_sub(*b).map_or(Value::Null, Value::Int),
        _ => match (number(a), number(b)) {
            (Some(a), Some(b)) => Number::Float(a.as_f64() - b.as_f64()).to_value(),
            _ => Value::Null,
        },
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Int(_) => 0,
        Value::Float(n) if !n.is_nan() => 0,
        Value::Float(_) => 1,
        Value::Bool(_) => 2,
        Value::Str(_) => 3,
        Value::Null => 4,
    }
}

fn within(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Str(a), Value::Str(b)) => sorting(a).cmp(sorting(b)).then_with(|| a.cmp(b)),
        _ => match (number(a), number(b)) {
            (Some(a), Some(b)) => a.compare(b),
            _ => Ordering::Equal,
        },
    }
}

fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Int(n) => Some(Number::Int(*n)),
        Value::Float(n) => Some(Number::Float(*n)),
        _ => None,
    }
}

/// What a text is sorted by. Times are written with as many digits as they need, so `10:00:00Z` would come behind
/// `10:00:00.5Z`; without their `Z` they are in order.
fn sorting(text: &str) -> &str {
    let bytes = text.as_bytes();
    let is_time = bytes.len() >= 20 && bytes[4] == b'-' && bytes[10] == b'T' && bytes[19] <= b'Z';
    if is_time { text.strip_suffix('Z').unwrap_or(text) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::timestamp;

    #[test]
    fn values_are_in_order() {
        let text = |text: &str| Value::Str(text.into());
        let values = [
            Value::Float(f64::NEG_INFINITY),
            Value::Int(-1),
            Value::Float(0.5),
            Value::Int(1),
            Value::Float(f64::INFINITY),
            Value::Float(f64::NAN),
            Value::Bool(false),
            Value::Bool(true),
            text(""),
            text("10"),
            text(&timestamp(0)),
            text(&timestamp(500_000_000)),
            text(&timestamp(1_000_000_000)),
            text("9"),
            text("a"),
            Value::Null,
        ];
        for (i, a) in values.iter().enumerate() {
            for (j, b) in values.iter().enumerate() {
                assert_eq!(compare(a, b), i.cmp(&j), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn descending_keeps_what_is_missing_last() {
        let mut values = [Value::Int(1), Value::Null, Value::Int(2), Value::Str("a".into()), Value::Str("b".into())];
        values.sort_by(|a, b| directed(a, b, true));
        let text = |text: &str| Value::Str(text.into());
        assert_eq!(values, [Value::Int(2), Value::Int(1), text("b"), text("a"), Value::Null]);
    }
}
