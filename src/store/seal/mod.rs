//! Sealing: a partition that is not written any more is packed anew, into full blocks by stream and time, with
//! dictionaries trained on it, as one tantivy segment. Blocks that are good as they are only get another compression, and
//! keep their documents. Rules of retention drop entries on the way.
//!
//! The new generation grows in `NNNNNN.sealing`; when it is complete and durable, one rename makes it the partition,
//! and only then is the old one removed. An interruption at any moment leaves either the old one and a folder that
//! the next start removes, or both, of which the higher generation counts. Memory is bounded: blocks are taken one
//! by one, and what waits for its place in time is limited.

mod groups;
mod output;

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::query::Query;
use crate::record::{Columns, Entry, Row, column};
use crate::store::block::{Decoder, Renderer, SECTIONS};
use crate::store::partition::{Folder, folder_name};
use crate::store::snapshot::{Opened, PartitionView, Summary};
use crate::store::{Packing, StoreError, dictionaries};
use crate::sys::atomic::sync_folder_of;
use groups::{Groups, Place, places};
use output::Output;

const SUMMARY: &str = "sealed.json";
/// Blocks that dictionaries are trained on, and the most bytes of them.
const SAMPLES: usize = 400;
const SAMPLE_BYTES: usize = 8 << 20;
/// Entries, and bytes of them, that may wait for their place in time.
const PENDING_ENTRIES: usize = 8192;
const PENDING_BYTES: usize = 16 << 20;

/// The sections of a block.
type Sample = [Vec<u8>; SECTIONS];

/// Why a partition was not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("told to stop")]
    Stopped,
}

/// What leaves when a partition is packed.
#[derive(Clone, Debug, PartialEq)]
pub struct Drop {
    pub query: Query,
    /// Entries from before this time, nanoseconds since the epoch.
    pub before: i64,
}

/// Packs one partition anew.
pub struct Sealer<'a> {
    partition: &'a PartitionView,
    opened: &'a Opened,
    drops: Vec<Drop>,
    stop: &'a AtomicBool,
    decoder: Decoder,
    renderer: Renderer,
    pending: BTreeMap<(i64, u64), Entry>,
    pending_bytes: usize,
}

/// The summary of a sealed partition; `None` for one that is not.
pub fn read_summary(partition: &Path) -> Option<Summary> {
    serde_json::from_slice(&fs::read(partition.join(SUMMARY)).ok()?).ok()
}

impl<'a> Sealer<'a> {
    /// The new generation, durable. The old one is still there, for those who read it.
    pub fn run(
        partition: &'a PartitionView,
        packing: Packing,
        stop: &'a AtomicBool,
    ) -> Result<PartitionView, SealError> {
        let Packing { drops, applied } = packing;
        let opened = partition.open()?;
        let mut sealer = Sealer {
            partition,
            opened,
            drops,
            stop,
            decoder: Decoder::new(),
            renderer: Renderer::default(),
            pending: BTreeMap::new(),
            pending_bytes: 0,
        };
        let temporary = partition.path.with_file_name(format!("{:06}.sealing", partition.number));
        let folder = |source| StoreError::Folder { path: temporary.clone(), source };
        if temporary.exists() {
            fs::remove_dir_all(&temporary).map_err(folder)?;
        }
        let summary = sealer.pack(&temporary);
        let summary = Summary { applied, ..summary.inspect_err(|_| drop(fs::remove_dir_all(&temporary)))? };
        let text = serde_json::to_vec(&summary).unwrap_or_default();
        crate::sys::atomic::write(&temporary.join(SUMMARY), &text).map_err(folder)?;
        let generation = partition.generation + 1;
        let path = partition.path.with_file_name(folder_name(partition.number, generation));
        fs::rename(&temporary, &path).and_then(|()| sync_folder_of(&path)).map_err(folder)?;
        Ok(PartitionView::unopened(&Folder { number: partition.number, generation, path }))
    }

    fn check(&self) -> Result<(), SealError> {
        if self.stop.load(Ordering::Relaxed) { Err(SealError::Stopped) } else { Ok(()) }
    }

    fn pack(&mut self, temporary: &Path) -> Result<Summary, SealError> {
        let places = places(&self.opened.searcher)
            .map_err(|source| StoreError::Read { path: self.partition.path.clone(), source })?;
        let (groups, samples) = self.survey(&places)?;
        let trained = dictionaries::train(&samples);
        drop(samples);
        let next_name = places.last().map_or(0, |last| last.at + 1);
        let mut output = Output::create(temporary, self.partition, &trained, next_name)?;
        let mut kept = HashSet::new();
        for group in 0..groups.len() {
            let mut of_group: Vec<Place> = groups.places(group).iter().map(|index| places[*index]).collect();
            of_group.sort_by_key(|place| (place.first_time, place.at));
            for (number, place) in of_group.iter().enumerate() {
                self.check()?;
                let next = of_group.get(number + 1).map_or(i64::MAX, |next| next.first_time);
                if self.take(place, &groups, group, next, &mut output)? {
                    kept.insert(place.at);
                }
            }
            self.emit(i64::MAX, &mut output)?;
            output.close()?;
        }
        self.check()?;
        places.iter().filter(|place| !kept.contains(&place.at)).for_each(|place| output.drop(place));
        Ok(output.finish()?)
    }

    fn open(&mut self, place: &Place, columns: &Columns) -> Result<(), StoreError> {
        self.opened.block(place.at, place.length, columns, &mut self.decoder)
    }

    /// Looks at the heads of all blocks: which streams there are, and samples to train on.
    fn survey(&mut self, places: &[Place]) -> Result<(Groups, Vec<Sample>), SealError> {
        let every = (places.len() / SAMPLES).max(1);
        let (mut samples, mut bytes) = (Vec::new(), 0);
        let mut groups = Groups::default();
        for (index, place) in places.iter().enumerate() {
            self.check()?;
            self.open(place, &Columns { named: 1 << column::SOURCE | 1 << column::SERVICE, ..Columns::default() })?;
            groups.count(index, &self.decoder);
            if index % every == 0 && bytes < SAMPLE_BYTES {
                let sample = self.decoder.all_sections()?;
                bytes += sample.iter().map(Vec::len).sum::<usize>();
                samples.push(sample);
            }
        }
        groups.decide();
        Ok((groups, samples))
    }

    /// Takes a block's entries that belong to `group`. No later block begins before `next`. Whether the
    /// whole block stays as it is.
    fn take(
        &mut self,
        place: &Place,
        groups: &Groups,
        group: usize,
        next: i64,
        output: &mut Output,
    ) -> Result<bool, SealError> {
        self.emit(place.first_time, output)?;
        self.open(place, &Columns { named: 1 << column::SOURCE | 1 << column::SERVICE, ..Columns::default() })?;
        if self.pending.is_empty() && self.is_good(place, groups, group, next)? {
            output.close()?;
            output.keep(&mut self.decoder, place)?;
            return Ok(true);
        }
        self.decoder.want(&Columns::all())?;
        for index in 0..self.decoder.len() {
            let row = self.decoder.row(index);
            let dropped = self.drops.iter().any(|drop| row.time() < drop.before && drop.query.matches(&row));
            if dropped || groups.of(&row) != group {
                continue;
            }
            let entry = self.decoder.entry(index, &mut self.renderer);
            self.pending_bytes += entry.size();
            self.pending.insert((entry.time, self.decoder.sequence(index)), entry);
        }
        self.emit(next, output)?;
        Ok(false)
    }

    /// Whether a block may stay as it is: of today's format, well filled, in order, all of one group, nothing in it to be dropped, and
    /// no other block of the group within its time.
    fn is_good(&mut self, place: &Place, groups: &Groups, group: usize, next: i64) -> Result<bool, StoreError> {
        if !self.decoder.is_current() || !place.is_well_filled() || place.last_time > next {
            return Ok(false);
        }
        let drops: Vec<&Drop> = self.drops.iter().filter(|drop| place.first_time < drop.before).collect();
        for drop in &drops {
            self.decoder.want(&drop.query.columns())?;
        }
        let decoder = &self.decoder;
        let ordered = (1..decoder.len()).all(|index| decoder.row(index - 1).time() <= decoder.row(index).time());
        // Most blocks are of one file.
        let is_of_one =
            [column::SOURCE, column::SERVICE].iter().all(|column| decoder.named_texts(*column).count() == 1);
        let rows = if is_of_one { 1 } else { decoder.len() };
        let whole = || (0..rows).all(|index| groups.of(&decoder.row(index)) == group);
        let dropped =
            |drop: &&Drop| decoder.rows().any(|(_, row)| row.time() < drop.before && drop.query.matches(&row));
        Ok(ordered && whole() && !drops.iter().any(dropped))
    }

    /// Puts out what is not later than `before`, and what waits beyond the limits.
    fn emit(&mut self, before: i64, output: &mut Output) -> Result<(), SealError> {
        while let Some(first) = self.pending.first_entry() {
            let is_due = first.key().0 <= before;
            if !is_due && self.pending.len() <= PENDING_ENTRIES && self.pending_bytes <= PENDING_BYTES {
                break;
            }
            let Some(((_, sequence), entry)) = self.pending.pop_first() else { break };
            self.pending_bytes = self.pending_bytes.saturating_sub(entry.size());
            output.add(sequence, entry)?;
        }
        Ok(())
    }
}
