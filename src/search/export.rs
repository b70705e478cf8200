//! All entries that match, in the order in which they came, one after the other in bounded memory.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::query::Query;
use crate::record::{Columns, Entry, Row};
use crate::search::budget::Meter;
use crate::search::entries::window_of;
use crate::search::keyed::Keyed;
use crate::search::prune::{Stored, Wanted, stored};
use crate::search::{Budget, SearchError, Window};
use crate::store::block::{Decoder, Renderer};
use crate::store::{Opened, PartitionView, Snapshot, StoreError};

/// Gives every committed entry that matches to `take`, by ascending sequence number, until that says no. Partitions follow
/// one another, and so do their numbers. Returns what could not be read, in words: the rest is there.
pub fn export(
    snapshot: &Snapshot,
    query: &Query,
    window: Window,
    mut take: impl FnMut(Entry) -> bool,
) -> Result<Vec<String>, SearchError> {
    let window = window.and(window_of(query));
    let mut damaged = Vec::new();
    for partition in &snapshot.partitions {
        let opened = match partition.open() {
            Ok(opened) => opened,
            Err(error) => {
                damaged.push(error.to_string());
                continue;
            }
        };
        let mut exporter = Exporter {
            query,
            window,
            opened,
            decoder: Decoder::new(),
            renderer: Renderer::default(),
            waiting: BinaryHeap::new(),
        };
        let goes_on = exporter.run(partition, &mut take)?;
        damaged.extend(partition.damage().map(str::to_owned));
        if !goes_on {
            break;
        }
    }
    Ok(damaged)
}

struct Exporter<'a> {
    query: &'a Query,
    window: Window,
    opened: &'a Opened,
    decoder: Decoder,
    renderer: Renderer,
    /// Entries that wait for their turn, by sequence number.
    waiting: BinaryHeap<Reverse<Keyed<u64>>>,
}

impl Exporter<'_> {
    fn run(&mut self, partition: &PartitionView, take: &mut impl FnMut(Entry) -> bool) -> Result<bool, SearchError> {
        let need = self.query.need();
        let wanted = Wanted { need: &need, window: self.window, counts: false };
        let budget = Budget { time: std::time::Duration::MAX, decoded_bytes: u64::MAX, ..Budget::default() };
        let (mut blocks, _) = stored(partition, self.opened, wanted, &Meter::start(&budget))?;
        blocks.sort_by_key(|block| (block.first_sequence, block.at));
        for (number, block) in blocks.iter().enumerate() {
            if let Err(error) = self.read(block) {
                partition.note_damage(&error);
            }
            // What comes before the next block begins cannot be in a later one.
            let next = blocks.get(number + 1).map_or(u64::MAX, |next| next.first_sequence);
            while self.waiting.peek().is_some_and(|Reverse(first)| first.0 < next || next == u64::MAX) {
                let Some(Reverse(Keyed(_, entry))) = self.waiting.pop() else { break };
                if !take(entry) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn read(&mut self, block: &Stored) -> Result<(), StoreError> {
        let Exporter { query, window, opened, decoder, renderer, waiting } = self;
        opened.block(block.at, block.length, &query.columns(), decoder)?;
        let is_hit = |index: &usize| {
            let row = decoder.row(*index);
            window.contains(row.time()) && query.matches(&row)
        };
        let hits: Vec<usize> = (0..decoder.len()).filter(is_hit).collect();
        if !hits.is_empty() {
            decoder.want(&Columns::all())?;
        }
        for index in hits {
            waiting.push(Reverse(Keyed(decoder.sequence(index), decoder.entry(index, renderer))));
        }
        Ok(())
    }
}
