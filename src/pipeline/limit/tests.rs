//! Tables, and a model without bounds.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

const SECOND: i64 = 1_000_000_000;

#[test]
fn the_same_keys_for_ever() {
    // The share from which on a key is kept; a change of any of these changes what users have kept.
    for (key, place) in [("", 0.1759), ("a", 0.9015), ("wf-8f3a12cd", 0.7242), ("ü", 0.3659)] {
        let found = (1..=10_000).map(f64::from).find(|n| Sampler::new(n / 10_000.0).keep(key)).unwrap() / 10_000.0;
        assert!((found - place).abs() < 1e-9, "{key:?} {found}");
    }
}

#[test]
fn shares() {
    for (keep, want) in
        [(0.0, 0), (-1.0, 0), (1.0, 10_000), (7.0, 10_000), (f64::NAN, 10_000), (0.5, 5_000), (0.01, 100)]
    {
        let sampler = Sampler::new(keep);
        let kept = (0..10_000).filter(|n| sampler.keep(&format!("key-{n}"))).count();
        assert!(kept.abs_diff(want) <= if want % 10_000 == 0 { 0 } else { 150 }, "{keep}: {kept}");
    }
}

/// Times in milliseconds, and whether one is let through then.
fn check(per_second: f64, burst: u32, calls: &[(i64, bool)]) {
    let mut limit = RateLimit::new(per_second, burst, 10);
    for (at, (time, want)) in calls.iter().enumerate() {
        assert_eq!(
            limit.allow("k", time.saturating_mul(SECOND / 1000)),
            *want,
            "{per_second} {burst}: call {at} at {time} ms"
        );
    }
}

#[test]
fn buckets() {
    check(
        1.0,
        2,
        &[
            (0, true),
            (0, true),
            (0, false),
            (999, false),
            (1000, true),
            (1000, false),
            (9000, true),
            (9000, true),
            (9000, false),
        ],
    );
    check(0.0, 1, &[(0, true), (1_000_000, false)]);
    check(-3.0, 1, &[(0, true), (1_000_000, false)]);
    check(f64::NAN, 1, &[(0, true), (1_000_000, false)]);
    check(f64::INFINITY, 1, &[(0, true), (0, false), (1, true)]);
    check(5.0, 0, &[(0, false), (9000, false)]);
    // The clock steps back by an hour: from there on it fills as ever.
    check(1.0, 1, &[(3_600_000, true), (0, false), (999, false), (1000, true), (1000, false)]);
    check(1.0, 1, &[(i64::MIN, true), (i64::MAX, true), (i64::MIN, false)]);
}

#[test]
fn forgotten_keys_begin_anew() {
    let mut limit = RateLimit::new(1.0, 1, 4);
    assert!(limit.allow("a", 0) && !limit.allow("a", 0));
    for n in 0..9 {
        limit.allow(&n.to_string(), 0);
    }
    assert!(limit.allow("a", 0));
}

#[test]
fn long_keys() {
    let mut limit = RateLimit::new(0.0, 1, 4);
    let (one, other) = (format!("{}1", "ü".repeat(5_000)), format!("{}2", "ü".repeat(5_000)));
    assert!(limit.allow(&one, 0) && limit.allow(&other, 0) && !limit.allow(&one, 0));
    assert!(limit.young.keys().all(|key| key.len() <= KEY_BYTES_MAX));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// As long as there is room for all keys, as if each had a bucket of its own for ever. Rates and steps are powers
    /// of two, so that the model is exact.
    #[test]
    fn as_the_model(calls in proptest::collection::vec((0usize..5, -3i64..9), 0..200), burst in 0u32..4) {
        let (mut limit, mut model) = (RateLimit::new(0.5, burst, 10), HashMap::new());
        let mut now = 0;
        for (key, step) in calls {
            now += step * SECOND / 2;
            let (quarters, since) = model.entry(key).or_insert((i64::from(burst) * 4, now));
            *quarters = (*quarters + (now - *since).max(0) / (SECOND / 2)).min(i64::from(burst) * 4);
            *since = now;
            let want = *quarters >= 4;
            *quarters -= if want { 4 } else { 0 };
            prop_assert_eq!(limit.allow(&key.to_string(), now), want);
        }
    }

    /// Whatever comes, no more keys than said. The keys used last are known.
    #[test]
    fn bounded(calls in proptest::collection::vec(0u8..40, 0..300), max_keys in 0usize..12) {
        let mut limit = RateLimit::new(0.0, 1, max_keys);
        for (at, key) in calls.iter().enumerate() {
            let recent: std::collections::HashSet<u8> = calls[..at].iter().rev().scan(std::collections::HashSet::new(), |seen, k| {
                seen.insert(*k);
                (seen.len() <= (max_keys / 2).max(1)).then_some(*k)
            }).collect();
            let allowed = limit.allow(&key.to_string(), at as i64);
            prop_assert!(!(allowed && recent.contains(key)), "{} was forgotten too early", key);
            prop_assert!(limit.keys() <= max_keys.max(2));
        }
    }
}
