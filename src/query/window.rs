//! The times outside which nothing can match, from the conditions on `timestamp`. What is older need not be read.

use std::ops::RangeInclusive;

use crate::query::ast::{Ast, Bound, Comparison, Test};
use crate::query::field::Field;

const ALWAYS: RangeInclusive<i64> = i64::MIN..=i64::MAX;

/// The window of a condition; it may be empty.
pub(super) fn window(ast: &Ast) -> RangeInclusive<i64> {
    match ast {
        Ast::Field(Field::Timestamp, test) => of_test(test),
        Ast::And(items) => items.iter().map(window).fold(ALWAYS, |a, b| both(&a, &b)),
        Ast::Or(items) => items.iter().map(window).filter(|window| !window.is_empty()).reduce(hull).unwrap_or(NEVER),
        _ => ALWAYS,
    }
}

#[allow(clippy::reversed_empty_ranges, reason = "an empty window is meant")]
const NEVER: RangeInclusive<i64> = 1..=0;

fn of_test(test: &Test) -> RangeInclusive<i64> {
    match test {
        Test::Compare(comparison, bound) => of_bound(*comparison, bound),
        Test::Range(low, high) => {
            both(&of_bound(low.at_low_end(), &low.bound), &of_bound(high.at_high_end(), &high.bound))
        }
        Test::Exists | Test::Matches(_) | Test::Exact(_) => ALWAYS,
    }
}

fn of_bound(comparison: Comparison, bound: &Bound) -> RangeInclusive<i64> {
    let Bound::Time(time) = *bound else { return ALWAYS };
    match comparison {
        Comparison::Less => i64::MIN..=time.saturating_sub(1),
        Comparison::LessOrEqual => i64::MIN..=time,
        Comparison::Greater => time.saturating_add(1)..=i64::MAX,
        Comparison::GreaterOrEqual => time..=i64::MAX,
    }
}

fn both(a: &RangeInclusive<i64>, b: &RangeInclusive<i64>) -> RangeInclusive<i64> {
    *a.start().max(b.start())..=*a.end().min(b.end())
}

fn hull(a: RangeInclusive<i64>, b: RangeInclusive<i64>) -> RangeInclusive<i64> {
    *a.start().min(b.start())..=*a.end().max(b.end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Query;

    #[test]
    fn windows() {
        let (now, second) = (1_795_429_800_000_000_000, 1_000_000_000);
        let check = |text: &str, want: RangeInclusive<i64>| {
            let query = Query::parse_at(text, now, &chrono_tz::UTC).unwrap();
            assert_eq!(query.window(), want, "{text}");
        };
        check("error -timestamp>now", ALWAYS);
        check("error timestamp>=-1s", now - second..=i64::MAX);
        check("timestamp>now-1s timestamp<now", now - second + 1..=now - 1);
        check("timestamp:{now-2s TO now]", now - 2 * second + 1..=now);
        check("timestamp<now-2s OR (timestamp>now a)", ALWAYS);
        check("timestamp:now OR timestamp:now-1s", now - second..=now);
        check("timestamp>now OR x", ALWAYS);
        check("(timestamp>now timestamp<now) OR timestamp:now", now..=now);
        assert!(Query::parse_at("timestamp>now timestamp<now", now, &chrono_tz::UTC).unwrap().window().is_empty());
    }
}
