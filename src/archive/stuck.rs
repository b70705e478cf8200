//! What could not be sent rests for a while, longer each time, so that it is in nobody's way: one file that cannot be
//! read, or that the server refuses, costs only itself.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::record::timestamp;

const REST_MIN: Duration = Duration::from_secs(1);
const REST_MAX: Duration = Duration::from_secs(300);

/// By what they are: partitions by number, logs by mark.
#[derive(Default)]
pub struct StuckItems(BTreeMap<String, Stuck>);

struct Stuck {
    /// For people.
    name: String,
    /// Nanoseconds since the epoch.
    since: i64,
    why: String,
    until: Instant,
    rest: Duration,
}

impl StuckItems {
    /// One more attempt failed.
    pub fn add(&mut self, item: String, name: &str, why: &str, now: (i64, Instant)) {
        let known = self.0.get(&item).map(|stuck| (stuck.since, stuck.rest * 2));
        let (since, rest) = known.unwrap_or((now.0, REST_MIN));
        let rest = rest.min(REST_MAX);
        self.0.insert(item, Stuck { name: name.to_owned(), since, why: why.to_owned(), until: now.1 + rest, rest });
    }

    pub fn remove(&mut self, item: &str) {
        self.0.remove(item);
    }

    /// Forgets those that are gone.
    pub fn retain(&mut self, is_here: impl Fn(&str) -> bool) {
        self.0.retain(|item, _| is_here(item));
    }

    pub fn has(&self, item: &str) -> bool {
        self.0.contains_key(item)
    }

    /// Whether something is stuck for this reason.
    pub fn has_reason(&self, why: &str) -> bool {
        self.0.values().any(|stuck| stuck.why == why)
    }

    pub fn rests(&self, item: &str, now: Instant) -> bool {
        self.0.get(item).is_some_and(|stuck| now < stuck.until)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The one that waits longest: since when, and why.
    pub fn oldest(&self) -> Option<(i64, String)> {
        self.0.values().min_by_key(|stuck| stuck.since).map(|stuck| (stuck.since, stuck.why.clone()))
    }

    pub fn to_json(&self) -> Value {
        let one = |s: &Stuck| json!({ "what": s.name, "since": timestamp(s.since), "why": s.why });
        self.0.values().map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_grow_and_end() {
        let (mut items, begin) = (StuckItems::default(), Instant::now());
        let at = |seconds| begin + Duration::from_secs(seconds);
        items.add("a".into(), "partition 1", "x", (10, at(0)));
        items.add("b".into(), "b.log", "y", (5, at(0)));
        assert!(items.rests("a", at(0)) && !items.rests("a", at(1)) && !items.rests("c", at(0)));
        items.add("a".into(), "partition 1", "z", (20, at(1)));
        assert!(items.rests("a", at(2)) && !items.rests("a", at(3)));
        for _ in 0..40 {
            items.add("a".into(), "partition 1", "z", (30, at(3)));
        }
        assert!(items.rests("a", at(302)) && !items.rests("a", at(303)));
        assert_eq!(items.oldest(), Some((5, "y".into())));
        items.retain(|item| item != "b");
        assert_eq!((items.oldest(), items.len()), (Some((10, "z".into())), 1));
        assert_eq!(items.to_json()[0]["what"], "partition 1");
        assert!(items.has_reason("z") && !items.has_reason("x"));
        items.remove("a");
        assert!(!items.has("a") && items.oldest().is_none());
    }
}
