//! Committed entries in the order of their sequence numbers, from a place on, for those who take them one after the
//! other and come back for more. Memory is bounded, whatever the blocks hold.
//!
//! Blocks are read in the order of their lowest sequence number, and an entry is given when no block that was not read
//! yet can have an earlier one. In a sealed partition blocks are by stream and time, so many of them may have to be read
//! before the first entry is sure: when what waits takes too much memory, the latest of it is forgotten, and read again
//! when everything before it was taken.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::query::{Need, Query};
use crate::record::{Columns, Entry, Row};
use crate::search::budget::Meter;
use crate::search::entries::window_of;
use crate::search::prune::{Stored, Wanted, stored};
use crate::search::{Budget, SearchError, Window};
use crate::store::block::{Decoder, Renderer};
use crate::store::{Committed, Opened, PartitionView, StoreError};

/// Entries that wait for their turn take at most so many bytes.
const PENDING_BYTES: usize = 8 << 20;
/// Blocks that are read before [`Feed::take`] returns, entries or not.
const BLOCKS_AT_ONCE: usize = 64;

/// Between two entries: what is before it was taken. Partitions follow one another, and so do their numbers; a
/// partition that was set aside for its damage is the exception, and therefore its number is part of the place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    pub partition: u64,
    /// Of the next entry.
    pub sequence: u64,
}

/// An entry and the place of it.
#[derive(Clone, Debug)]
pub struct Fed {
    pub place: Place,
    pub entry: Entry,
}

/// See the module.
pub struct Feed {
    query: Query,
    columns: Columns,
    place: Place,
    plan: Option<Plan>,
    /// Everything of this generation below this place was given: no block needs to be looked at to know it.
    finished: Option<(u32, Place)>,
    pending_bytes: usize,
    decoder: Decoder,
    renderer: Renderer,
}

/// What is left of a partition.
struct Plan {
    view: PartitionView,
    /// Blocks that were not read yet, the first one last.
    blocks: Vec<Stored>,
    pending: BTreeMap<u64, Entry>,
    pending_bytes: usize,
    /// Entries from here on are for another plan.
    until: u64,
    /// Nothing will be added to this partition.
    is_whole: bool,
    /// Memory did not do, so that there is more of this partition.
    is_cut: bool,
}

impl Feed {
    /// `raw`: the entries have their raw texts.
    pub fn new(query: Query, raw: bool, place: Place) -> Feed {
        let columns = Columns { raw, ..Columns::all() };
        Feed {
            query,
            columns,
            place,
            plan: None,
            finished: None,
            pending_bytes: PENDING_BYTES,
            decoder: Decoder::new(),
            renderer: Renderer::default(),
        }
    }

    /// Everything before it was given or does not match.
    pub fn place(&self) -> Place {
        self.place
    }

    /// The next entries that match, at most so many, and so many bytes but for the last one. It may give none although
    /// there are more: then [`Feed::place`] has moved. What cannot be read is left out, and the partition remembers it.
    pub fn take(&mut self, committed: &Committed, entries: usize, bytes: usize) -> Result<Vec<Fed>, SearchError> {
        let (mut taken, mut taken_bytes, mut blocks) = (Vec::new(), 0, 0);
        while taken.len() < entries && taken_bytes < bytes && blocks < BLOCKS_AT_ONCE {
            if !self.has_plan(committed) && !self.make_plan(committed)? {
                break;
            }
            let Some(plan) = &mut self.plan else { break };
            if let Some((sequence, entry)) = plan.pop() {
                self.place.sequence = sequence + 1;
                taken_bytes += entry.size();
                taken.push(Fed { place: Place { sequence, ..self.place }, entry });
            } else if let Some(block) = plan.next_block() {
                blocks += 1;
                self.place.sequence = self.place.sequence.max(block.first_sequence);
                if let Err(error) = self.read(&block) {
                    self.plan.iter().for_each(|plan| plan.view.note_damage(&error));
                }
            } else {
                self.end_plan(committed);
            }
        }
        Ok(taken)
    }

    /// Whether the plan is of the partition as it is now.
    fn has_plan(&self, committed: &Committed) -> bool {
        let Some(plan) = &self.plan else { return false };
        committed.partitions.iter().any(|p| p.number == plan.view.number && p.generation == plan.view.generation)
    }

    /// Plans what comes at the place. False when there is nothing.
    fn make_plan(&mut self, committed: &Committed) -> Result<bool, SearchError> {
        self.plan = None;
        let Some(last) = committed.partitions.last().map(|last| last.number) else { return Ok(false) };
        let Some(view) = committed.partitions.iter().find(|view| view.number >= self.place.partition) else {
            return Ok(false);
        };
        if view.number > self.place.partition {
            // Whatever became of the one before, of this one nothing was taken.
            self.place = Place { partition: view.number, sequence: 0 };
        }
        let is_whole = view.number < last;
        if !is_whole && committed.next_sequence <= self.place.sequence {
            return Ok(false);
        }
        let blocks = match view.open() {
            Ok(opened) => self.blocks(view, opened)?,
            // The others go on without it; the store tells.
            Err(_) => Vec::new(),
        };
        self.plan = Some(Plan {
            view: view.clone(),
            blocks,
            pending: BTreeMap::new(),
            pending_bytes: 0,
            until: if is_whole { u64::MAX } else { committed.next_sequence },
            is_whole,
            is_cut: false,
        });
        Ok(true)
    }

    /// Blocks that may have entries at or behind the place, the first one last.
    fn blocks(&mut self, view: &PartitionView, opened: &Opened) -> Result<Vec<Stored>, SearchError> {
        let need = self.query.need();
        let wanted = Wanted { need: &need, window: self.window(), counts: false };
        let (mut blocks, _) = stored(view, opened, wanted, &Meter::start(&unlimited()))?;
        let from = self.place.sequence;
        let finished = self.finished == Some((view.generation, self.place));
        let decoder = &mut self.decoder;
        let mut reaches = |block: &Stored| {
            let heads = opened.block(block.at, block.length, &Columns::default(), decoder);
            // One that cannot be read is told when it is its turn.
            heads.is_err() || decoder.rows().any(|(sequence, _)| sequence >= from)
        };
        blocks.retain(|block| block.first_sequence >= from || (!finished && reaches(block)));
        blocks.sort_by_key(|block| std::cmp::Reverse((block.first_sequence, block.at)));
        Ok(blocks)
    }

    fn window(&self) -> Window {
        window_of(&self.query)
    }

    fn read(&mut self, block: &Stored) -> Result<(), StoreError> {
        let window = self.window();
        let Feed { query, columns, place, plan, pending_bytes, decoder, renderer, .. } = self;
        let Some(plan) = plan else { return Ok(()) };
        let opened = plan.view.open()?;
        opened.block(block.at, block.length, &query.columns(), decoder)?;
        let wanted = place.sequence..plan.until;
        let is_hit = |index: &usize| {
            let row = decoder.row(*index);
            wanted.contains(&decoder.sequence(*index)) && window.contains(row.time()) && query.matches(&row)
        };
        let hits: Vec<usize> = (0..decoder.len()).filter(is_hit).collect();
        if !hits.is_empty() {
            decoder.want(columns)?;
        }
        for index in hits {
            let entry = decoder.entry(index, renderer);
            plan.pending_bytes += entry.size();
            plan.pending.insert(decoder.sequence(index), entry);
        }
        plan.keep_within(*pending_bytes);
        Ok(())
    }

    /// Everything of the plan was given.
    fn end_plan(&mut self, committed: &Committed) {
        let Some(plan) = self.plan.take() else { return };
        if plan.is_cut || !plan.is_whole {
            self.place.sequence = self.place.sequence.max(plan.until);
        }
        if !plan.is_cut && !plan.is_whole {
            self.finished = Some((plan.view.generation, self.place));
        }
        if !plan.is_cut
            && plan.is_whole
            && let Some(next) = committed.partitions.iter().find(|view| view.number > plan.view.number)
        {
            self.place = Place { partition: next.number, sequence: self.place.sequence };
        }
    }
}

impl Plan {
    /// The first sequence number that a block that was not read yet may have.
    fn sure_below(&self) -> u64 {
        self.blocks.last().map_or(self.until, |next| next.first_sequence.min(self.until))
    }

    fn pop(&mut self) -> Option<(u64, Entry)> {
        let first = *self.pending.first_key_value()?.0;
        if first >= self.sure_below() {
            return None;
        }
        let (sequence, entry) = self.pending.pop_first()?;
        self.pending_bytes = self.pending_bytes.saturating_sub(entry.size());
        Some((sequence, entry))
    }

    fn next_block(&mut self) -> Option<Stored> {
        if self.blocks.last()?.first_sequence >= self.until {
            self.blocks.clear();
        }
        self.blocks.pop()
    }

    /// Forgets the latest entries until the others do not take more than so many bytes.
    fn keep_within(&mut self, bytes: usize) {
        while self.pending_bytes > bytes && self.pending.len() > 1 {
            let Some((sequence, entry)) = self.pending.pop_last() else { return };
            self.pending_bytes = self.pending_bytes.saturating_sub(entry.size());
            self.until = sequence;
            self.is_cut = true;
        }
    }
}

fn unlimited() -> Budget {
    Budget { time: std::time::Duration::MAX, decoded_bytes: u64::MAX, ..Budget::default() }
}

/// The place before the first entry that is not older than `time` (nanoseconds since the epoch); it may be too early, and
/// is never too late.
pub fn place_since(committed: &Committed, time: i64) -> Result<Place, SearchError> {
    for view in &committed.partitions {
        if view.summary.as_ref().is_some_and(|summary| summary.newest_time.is_none_or(|newest| newest < time)) {
            continue;
        }
        let window = Window { since: time, until: i64::MAX };
        let wanted = Wanted { need: &Need::Anything, window, counts: false };
        let Ok(opened) = view.open() else { continue };
        let (blocks, _) = stored(view, opened, wanted, &Meter::start(&unlimited()))?;
        if let Some(sequence) = blocks.iter().map(|block| block.first_sequence).min() {
            return Ok(Place { partition: view.number, sequence });
        }
    }
    Ok(place_of_end(committed))
}

/// Behind everything that is committed.
pub fn place_of_end(committed: &Committed) -> Place {
    let partition = committed.partitions.last().map_or(0, |last| last.number);
    Place { partition, sequence: committed.next_sequence }
}

/// How many entries of a partition are at or behind the place.
pub fn entries_from(view: &PartitionView, place: Place) -> Result<u64, SearchError> {
    if view.number < place.partition {
        return Ok(0);
    }
    let opened = view.open()?;
    let wanted = Wanted { need: &Need::Anything, window: Window::ALL, counts: true };
    let (blocks, _) = stored(view, opened, wanted, &Meter::start(&unlimited()))?;
    let (mut total, mut decoder) = (0, Decoder::new());
    for block in &blocks {
        if view.number > place.partition || block.first_sequence >= place.sequence {
            total += block.counts.as_ref().map_or(0, |counts| counts.levels.iter().sum());
        } else {
            opened.block(block.at, block.length, &Columns::default(), &mut decoder)?;
            total += decoder.rows().filter(|(sequence, _)| *sequence >= place.sequence).count() as u64;
        }
    }
    Ok(total)
}

#[cfg(test)]
mod tests;
