//! The feed against a plain list of the same entries: each that matches comes once and in order, whatever is committed,
//! rolled and sealed meanwhile, however little memory there is, and also when it begins anew at its place.

use proptest::prelude::*;

use super::*;
use crate::search::model::{Model, Step, any_step};

fn sequences(fed: Vec<Fed>) -> Vec<u64> {
    fed.into_iter().map(|fed| fed.place.sequence).collect()
}

/// Takes until nothing comes and the place stays.
fn drain(feed: &mut Feed, committed: &Committed, entries: usize) -> Vec<u64> {
    let mut all = Vec::new();
    loop {
        let before = feed.place();
        let some = sequences(feed.take(committed, entries, usize::MAX).unwrap());
        if some.is_empty() && feed.place() == before {
            return all;
        }
        all.extend(some);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_entry_comes_once_and_in_order(
        steps in prop::collection::vec(any_step(), 1..14),
        takes in prop::collection::vec((0..200_usize, any::<bool>()), 14),
        memory in prop::sample::select(&[1, 5_000, 60_000, PENDING_BYTES][..]),
        asked in prop::sample::select(&["*", "level>=error", "service:api", "timeout"][..]),
    ) {
        let query: Query = asked.parse().unwrap();
        let mut model = Model::new();
        let shared = model.writer.shared();
        let make = |place| Feed { pending_bytes: memory, ..Feed::new(query.clone(), true, place) };
        let (mut feed, mut got) = (make(Place::default()), Vec::new());
        for (step, (entries, anew)) in steps.into_iter().zip(takes) {
            model.step(step);
            got.extend(sequences(feed.take(&shared.committed(), entries, usize::MAX).unwrap()));
            if anew {
                feed = make(feed.place());
            }
        }
        model.step(Step::Commit);
        let committed = shared.committed();
        got.extend(drain(&mut feed, &committed, 7));
        let want: Vec<u64> = model.truth.iter().filter(|(_, entry)| query.matches(entry)).map(|(n, _)| *n).collect();
        prop_assert_eq!(&got, &want);
        prop_assert_eq!(feed.place(), place_of_end(&committed));
        for place in [Place::default(), Place { partition: 1, sequence: 1 }, feed.place()] {
            let counted: u64 = committed.partitions.iter().map(|view| entries_from(view, place).unwrap()).sum();
            let left = drain(&mut Feed::new(Query::all(), false, place), &committed, 1000);
            prop_assert_eq!(counted, left.len() as u64);
        }
        let since = place_since(&committed, 100 * crate::sys::clock::SECOND).unwrap();
        let after = drain(&mut make(since), &committed, 1000);
        let is_late = |(n, entry): &&(u64, Entry)| entry.time >= 100 * crate::sys::clock::SECOND && want.contains(n);
        prop_assert!(model.truth.iter().filter(is_late).all(|(n, _)| after.contains(n)));
    }
}

#[test]
fn what_is_not_committed_does_not_come() {
    let mut model = Model::new();
    let entries = vec![Entry::default(); 10];
    model.step(Step::Add { group: 0, entries: entries.clone() });
    let shared = model.writer.shared();
    let mut feed = Feed::new(Query::all(), false, Place::default());
    assert!(drain(&mut feed, &shared.committed(), 100).is_empty());
    model.step(Step::Commit);
    model.step(Step::Add { group: 0, entries });
    assert_eq!(drain(&mut feed, &shared.committed(), 100), (0..10).collect::<Vec<_>>());
    let mut late = Feed::new(Query::all(), false, place_of_end(&shared.committed()));
    assert!(drain(&mut late, &shared.committed(), 100).is_empty());
}
