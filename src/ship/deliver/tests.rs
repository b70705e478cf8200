//! Delivery against a model of a sink: whatever it refuses, each entry is taken once or is a dead letter, and the order
//! stays.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::ship::cursor::Cursor;
use crate::ship::mapping::tests::item;
use crate::ship::retry::Backoff;
use crate::ship::sink::{Kind, Sink};
use crate::sys::units::{Bytes, Span};

/// Refuses requests that have a poisoned entry, or too many; says "later" when it is told to.
#[derive(Default)]
struct Model {
    poison: BTreeSet<u64>,
    most: usize,
    /// What it says to the next requests, before it looks at them.
    moods: VecDeque<Answer>,
    taken: Vec<u64>,
    requests: usize,
}

impl Transport for Model {
    async fn send(&mut self, items: &[Item]) -> Answer {
        self.requests += 1;
        if let Some(mood) = self.moods.pop_front() {
            return match mood {
                // A word for each of them, whatever their number.
                Answer::Each(words) => {
                    let words: Vec<One> = words.into_iter().cycle().take(items.len()).collect();
                    let accepted = items.iter().zip(&words).filter(|(_, word)| **word == One::Accepted);
                    self.taken.extend(accepted.map(|(item, _)| item.place.sequence));
                    Answer::Each(words)
                }
                mood => mood,
            };
        }
        if items.len() > self.most || items.iter().any(|item| self.poison.contains(&item.place.sequence)) {
            return Answer::Refused { why: "poison".into() };
        }
        self.taken.extend(items.iter().map(|item| item.place.sequence));
        Answer::Accepted
    }
}

struct Bench {
    folder: tempfile::TempDir,
    delivery: Delivery,
    stop: watch::Sender<bool>,
}

fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let text = "[[sink]]\nname = \"a\"\nkind = \"stdout\"\n";
    let mut sink: Sink = crate::ship::sinks(text, "sinks.toml".as_ref()).unwrap().remove(0);
    sink.retry = Backoff { min: Span(Duration::from_micros(1)), max: Span(Duration::from_micros(10)) };
    assert_eq!(sink.kind, Kind::Stdout);
    let state = State::new(Arc::new(sink), folder.path(), Cursor::new("x".into(), 1, Default::default()));
    let (stop, stopped) = watch::channel(false);
    let dead = DeadLetters::new(folder.path(), "a", Bytes(64 << 20));
    Bench { folder, delivery: Delivery { state, dead, stop: stopped }, stop }
}

fn items(count: u64) -> Vec<Item> {
    let numbered = |n| {
        let mut item = item();
        item.place.sequence = n;
        item
    };
    (0..count).map(numbered).collect()
}

impl Bench {
    fn run(&mut self, model: &mut Model, count: u64) -> Result<(), Stopped> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(self.delivery.deliver(model, items(count)))
    }

    fn dead(&self) -> Vec<(String, String)> {
        let text = std::fs::read_to_string(self.folder.path().join("ship/a.dead.ndjson")).unwrap_or_default();
        let letter = |line: &str| {
            let letter: serde_json::Value = serde_json::from_str(line).unwrap();
            (letter["id"].to_string(), letter["reason"].as_str().unwrap().to_owned())
        };
        text.lines().map(letter).collect()
    }
}

fn again() -> Answer {
    Answer::Again { why: "busy".into(), after: None }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn poison_is_found_and_nothing_else_is_lost(
        count in 1..60_u64,
        // Fewer than are waited for.
        poison in prop::collection::btree_set(0..60_u64, 0..3),
        most in 1..80_usize,
        moods in prop::collection::vec(prop::sample::select(vec![
            again(),
            Answer::Stuck { why: "who are you".into() },
            Answer::Each(vec![One::Again("full".into()), One::Accepted, One::Accepted]),
        ]), 0..5),
    ) {
        let mut bench = bench();
        let has_each = moods.iter().any(|mood| matches!(mood, Answer::Each(_)));
        let mut model = Model { poison: poison.clone(), most: most.max(8), moods: moods.into(), ..Model::default() };
        bench.run(&mut model, count).unwrap();
        let counts = bench.delivery.state.cursor().counts;
        let mut taken = model.taken.clone();
        if has_each {
            // Those that the sink wanted later came later.
            taken.sort_unstable();
        }
        let is_dead = |n: &u64| poison.contains(n) && !model.taken.contains(n);
        let want: Vec<u64> = (0..count).filter(|n| !is_dead(n)).collect();
        prop_assert_eq!(taken, want);
        let dead = (0..count).filter(is_dead).count();
        prop_assert_eq!(bench.dead().len(), dead);
        prop_assert_eq!((counts.delivered, counts.dead, counts.batches), (count - dead as u64, dead as u64, 1));
    }
}

#[test]
fn words_for_each() {
    let mut bench = bench();
    let words = [
        One::Accepted,
        One::Known,
        One::Again("429 full".into()),
        One::Refused("400 no date".into()),
        One::Stuck("404 no index".into()),
    ];
    let mut model = Model { most: 10, moods: [Answer::Each(words.to_vec())].into(), ..Model::default() };
    bench.run(&mut model, 5).unwrap();
    assert_eq!((model.taken, model.requests), (vec![0, 2, 4], 2));
    let counts = bench.delivery.state.cursor().counts;
    assert_eq!((counts.delivered, counts.known, counts.dead, counts.sent_again, counts.retries), (4, 1, 1, 2, 1));
    assert_eq!(bench.dead().len(), 1);
    assert!(bench.dead()[0].1.contains("no date"));
}

#[test]
fn what_was_rejected_unnamed_is_counted() {
    let mut bench = bench();
    let partly = Answer::Partly { rejected: 2, why: "old".into() };
    let mut model = Model { moods: [partly].into(), ..Model::default() };
    bench.run(&mut model, 5).unwrap();
    let counts = bench.delivery.state.cursor().counts;
    assert_eq!((counts.delivered, counts.rejected), (3, 2));
}

#[test]
fn it_stops_when_told_and_while_it_waits() {
    let mut waits = bench();
    let mut sink = (*waits.delivery.state.sink).clone();
    sink.retry = Backoff { min: Span(Duration::from_secs(3600)), max: Span(Duration::from_secs(3600)) };
    waits.delivery.state = State::new(Arc::new(sink), waits.folder.path(), Cursor::default());
    let mut model = Model { moods: [again()].into(), ..Model::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (result, ()) = runtime.block_on(async {
        let tell = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            waits.stop.send(true).unwrap();
        };
        tokio::join!(waits.delivery.deliver(&mut model, items(3)), tell)
    });
    assert_eq!(result, Err(Stopped));
    assert_eq!((model.requests, model.taken.len()), (1, 0));
}
