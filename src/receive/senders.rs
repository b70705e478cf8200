//! How far each source of each sending logmill was received, so that what is sent again after a lost answer is not there
//! twice. A sender sends the entries of a source in their order, so the last place is enough.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// Sources remembered; beyond, the half that was silent for longest is forgotten.
const MAX_SOURCES: usize = 100_000;
/// A store's name is a number in hexadecimal digits.
const MAX_STORE: usize = 64;

/// Where an entry was before: the id `STORE-PARTITION-SEQUENCE` and the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub id: String,
    /// Store and source.
    key: String,
    place: (u64, u64),
}

impl Origin {
    /// `None` when the id is not one of a logmill's.
    pub fn new(id: &str, source: &str) -> Option<Origin> {
        let (rest, sequence) = id.rsplit_once('-')?;
        let (store, partition) = rest.rsplit_once('-')?;
        let is_store = (1..=MAX_STORE).contains(&store.len()) && store.bytes().all(|byte| byte.is_ascii_hexdigit());
        let place = (partition.parse().ok()?, sequence.parse().ok()?);
        let key = || format!("{store} {:016x}", xxh3_64(source.as_bytes()));
        is_store.then(|| Origin { id: id.to_owned(), key: key(), place })
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Senders {
    last: HashMap<String, Last>,
    /// Counts up with each entry.
    clock: u64,
}

/// The last place of a source, and when it was heard of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Last {
    place: (u64, u64),
    heard: u64,
}

/// What [`Senders::note`] replaced.
pub struct Before(String, Option<Last>);

impl Senders {
    /// Whether it was received before.
    pub fn has(&self, origin: &Origin) -> bool {
        self.last.get(&origin.key).is_some_and(|last| origin.place <= last.place)
    }

    /// An entry that was not received before is there now.
    pub fn note(&mut self, origin: &Origin) -> Before {
        self.clock += 1;
        let last = Last { place: origin.place, heard: self.clock };
        let before = Before(origin.key.clone(), self.last.insert(origin.key.clone(), last));
        if self.last.len() > MAX_SOURCES {
            self.forget_half();
        }
        before
    }

    /// It is not there after all.
    pub fn take_back(&mut self, before: Before) {
        match before.1 {
            Some(last) => drop(self.last.insert(before.0, last)),
            None => drop(self.last.remove(&before.0)),
        }
    }

    fn forget_half(&mut self) {
        let mut heard: Vec<u64> = self.last.values().map(|last| last.heard).collect();
        let middle = heard.len() / 2;
        let median = *heard.select_nth_unstable(middle).1;
        self.last.retain(|_, last| last.heard >= median);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        let check = |id: &str, good: bool| assert_eq!(Origin::new(id, "a").is_some(), good, "{id}");
        check("00c0ffee00c0ffee-3-77", true);
        check("00c0ffee00c0ffee-3-", false);
        check("x-3-77", false);
        check("-3-77", false);
        check("3-77", false);
        check("abcd-3-18446744073709551616", false);
        check(&format!("{}-1-1", "a".repeat(65)), false);
    }

    #[test]
    fn what_comes_again_is_known() {
        let mut senders = Senders::default();
        let origin = |id: &str, source: &str| Origin::new(id, source).unwrap();
        let mut check = |id: &str, source: &str, known: bool| {
            let origin = origin(id, source);
            assert_eq!(senders.has(&origin), known, "{id} {source}");
            if !known {
                let before = senders.clone();
                let change = senders.note(&origin);
                assert!(senders.has(&origin));
                senders.take_back(change);
                assert_eq!(senders.last, before.last);
                senders.note(&origin);
            }
        };
        check("a-1-5", "x", false);
        check("a-1-5", "x", true);
        check("a-1-4", "x", true);
        check("a-1-4", "y", false);
        check("b-1-4", "x", false);
        check("a-2-1", "x", false);
        check("a-1-9", "x", true);
        let text = serde_json::to_string(&senders).unwrap();
        assert_eq!(serde_json::from_str::<Senders>(&text).unwrap(), senders);
    }

    #[test]
    fn memory_is_bounded() {
        let mut senders = Senders::default();
        for number in 0..=MAX_SOURCES {
            senders.note(&Origin::new("a-1-1", &number.to_string()).unwrap());
        }
        assert!(senders.last.len() <= MAX_SOURCES / 2 + 1);
        assert!(senders.has(&Origin::new("a-1-1", &MAX_SOURCES.to_string()).unwrap()));
        assert!(!senders.has(&Origin::new("a-1-1", "0").unwrap()));
    }
}
