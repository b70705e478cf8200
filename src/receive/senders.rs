//! How far each source of each sending logmill was received, so that what is sent again after a lost answer is not there
//! twice. A sink sends the entries of a source in their order, so the last place is enough. When it is told to go back,
//! it sends under another name.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// Sources remembered; beyond, the half that was silent for longest is forgotten.
const MAX_SOURCES: usize = 100_000;
/// Bytes of a sender's name.
const MAX_NAME: usize = 128;

/// Where an entry was before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Who sends in order: a store, one of its sinks, and how often that was told to go elsewhere.
    pub sender: String,
    /// The id there, `STORE-PARTITION-SEQUENCE`.
    pub id: String,
    /// Sender and source.
    key: String,
    place: (u64, u64),
}

impl Origin {
    /// `None` when it is not one of a logmill's.
    pub fn new(sender: &str, id: &str, source: &str) -> Option<Origin> {
        let (rest, sequence) = id.rsplit_once('-')?;
        let (_, partition) = rest.rsplit_once('-')?;
        let place = (partition.parse().ok()?, sequence.parse().ok()?);
        let key = || format!("{sender} {:016x}", xxh3_64(source.as_bytes()));
        let is_name = (1..=MAX_NAME).contains(&sender.len()) && sender.bytes().all(|byte| byte.is_ascii_graphic());
        is_name.then(|| Origin { sender: sender.to_owned(), id: id.to_owned(), key: key(), place })
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
        let check = |sender: &str, id: &str, good: bool| {
            assert_eq!(Origin::new(sender, id, "a").is_some(), good, "{sender} {id}");
        };
        check("s", "00c0ffee00c0ffee-3-77", true);
        check("s", "00c0ffee00c0ffee-3-", false);
        check("s", "3-77", false);
        check("s", "abcd-3-18446744073709551616", false);
        check("", "a-3-77", false);
        check("a b", "a-3-77", false);
        check(&"a".repeat(MAX_NAME + 1), "a-1-1", false);
    }

    #[test]
    fn what_comes_again_is_known() {
        let mut senders = Senders::default();
        let mut check = |sender: &str, id: &str, source: &str, known: bool| {
            let origin = Origin::new(sender, id, source).unwrap();
            assert_eq!(senders.has(&origin), known, "{sender} {id} {source}");
            if !known {
                let before = senders.clone();
                let change = senders.note(&origin);
                assert!(senders.has(&origin));
                senders.take_back(change);
                assert_eq!(senders.last, before.last);
                senders.note(&origin);
            }
        };
        check("s", "a-1-5", "x", false);
        check("s", "a-1-5", "x", true);
        check("s", "a-1-4", "x", true);
        check("s", "a-1-4", "y", false);
        check("t", "a-1-4", "x", false);
        check("s", "a-2-1", "x", false);
        check("s", "a-1-9", "x", true);
        let text = serde_json::to_string(&senders).unwrap();
        assert_eq!(serde_json::from_str::<Senders>(&text).unwrap(), senders);
    }

    #[test]
    fn memory_is_bounded() {
        let mut senders = Senders::default();
        let origin = |number: usize| Origin::new("s", "a-1-1", &number.to_string()).unwrap();
        for number in 0..=MAX_SOURCES {
            senders.note(&origin(number));
        }
        assert!(senders.last.len() <= MAX_SOURCES / 2 + 1);
        assert!(senders.has(&origin(MAX_SOURCES)));
        assert!(!senders.has(&origin(0)));
    }
}
