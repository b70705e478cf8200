//! A log whose head was taken out under its writer (see `rotate`): the head is in a copy, the rest moved to the front.
//!
//! Where the copy ends is rarely where a block ends. What the log still had of it at its front is overwritten with a
//! blank line; until then it is there twice, and the log is not looked at. A reader that was in the head finds its
//! place in the copy. One that was behind it finds its place in the log again: by the head of the copy, and by the
//! bytes before its offset, of which some may be in the copy and some in the log. A second cut goes to the end of what
//! was there at the first, so two copies are enough to look at.

use std::path::Path;

use crate::record::{Fingerprint, Position};
use crate::sys::clock::{self, SECOND};
use crate::sys::files::{FileId, PADDING_MAX};
use crate::tail::generations::{Generation, Listing};
use crate::tail::stream::Opened;
use crate::tail::{Content, TailError};

/// The smallest block of a file system, in bytes.
const SMALLEST_BLOCK: u64 = 512;
/// A cut that is not finished after so long was interrupted.
const CUT_TAKES: i64 = 10 * SECOND;

/// Where content goes on that begins in a copy.
pub(super) struct Behind {
    pub copy: Opened,
    /// When the copy was written last.
    pub modified: i64,
    /// Bytes in the copy.
    pub length: u64,
    pub rest: Rest,
}

/// What came behind the copy, and the offset in it.
pub(super) enum Rest {
    Live(u64),
    /// It was cut once more since.
    Generation(i64, Opened, u64),
}

/// What `next` has at its front of the end of a copy.
enum Overlap {
    /// So many bytes of blanks, or nothing.
    Blank(u64),
    /// The bytes themselves: the cut is not finished.
    Unfinished,
}

/// Looks for the content of `position`, which no single file has any more, in a copy and what came behind it.
pub(super) fn find_behind(
    log: &Path,
    live: Option<&mut Content>,
    listing: &Listing,
    position: &Position,
) -> Result<Option<Behind>, TailError> {
    if !position.knows_content() {
        return Ok(None);
    }
    let mut live = live;
    let generations: Vec<Generation> = listing.generations(log).into_iter().rev().collect();
    for generation in &generations {
        let Some(mut copy) = open(generation)? else { continue };
        if !copy.content.begins_as(position).unwrap_or(false) {
            continue;
        }
        let length = copy.content.length().unwrap_or(0);
        if length == 0 || length > position.offset {
            continue;
        }
        let found = match live.as_deref_mut().map(|live| place(&mut copy.content, length, live, position)) {
            Some(Place::Unfinished) if generation.unfinished => return Err(unfinished(log, generation)),
            Some(Place::At(offset)) => Some(Rest::Live(offset)),
            _ => later(&generations, generation, &mut copy.content, length, position)?,
        };
        if let Some(rest) = found {
            return Ok(Some(Behind { copy, modified: generation.modified, length, rest }));
        }
    }
    Ok(None)
}

/// Fails while `log` has the end of `copy` at its front: somebody is cutting it.
pub(super) fn wait_for_cut(
    log: &Path,
    live: &mut Content,
    listing: &Listing,
    copy: &mut Opened,
) -> Result<(), TailError> {
    let Some(generation) = listing.find(copy.file).filter(|generation| generation.unfinished) else { return Ok(()) };
    let length = copy.content.length().unwrap_or(0);
    match overlap(&mut copy.content, length, live) {
        Ok(Overlap::Unfinished) => Err(unfinished(log, generation)),
        _ => Ok(()),
    }
}

/// The same, for whatever copies of the log are not finished.
pub(super) fn wait_for_cuts(log: &Path, live: &mut Content, listing: &Listing) -> Result<(), TailError> {
    for generation in listing.generations(log).iter().filter(|generation| generation.unfinished) {
        if let Some(mut copy) = open(generation)? {
            wait_for_cut(log, live, listing, &mut copy)?;
        }
    }
    Ok(())
}

fn unfinished(log: &Path, copy: &Generation) -> TailError {
    let (path, was_interrupted) = (log.to_owned(), clock::now() - copy.modified > CUT_TAKES);
    if was_interrupted { TailError::Cut { path, copy: copy.path.clone() } } else { TailError::Moved { path } }
}

fn open(generation: &Generation) -> Result<Option<Opened>, TailError> {
    match Opened::open(&generation.path, generation.file) {
        Ok(opened) => Ok(Some(opened)),
        Err(moved @ TailError::Moved { .. }) => Err(moved),
        // What cannot be opened cannot be read on either; the log itself reports why.
        Err(_) => Ok(None),
    }
}

/// The generation that came behind `copy`, if it has what was read before the position.
fn later(
    generations: &[Generation],
    copy: &Generation,
    content: &mut Content,
    length: u64,
    position: &Position,
) -> Result<Option<Rest>, TailError> {
    let is_other = |file: FileId| file != copy.file;
    for next in generations.iter().filter(|next| is_other(next.file) && next.modified >= copy.modified) {
        let Some(mut opened) = open(next)? else { continue };
        if let Place::At(offset) = place(content, length, &mut opened.content, position) {
            return Ok(Some(Rest::Generation(next.modified, opened, offset)));
        }
    }
    Ok(None)
}

enum Place {
    At(u64),
    Unfinished,
    None,
}

/// The offset in `next` of `position`, which is behind the `length` bytes of `copy`.
fn place(copy: &mut Content, length: u64, next: &mut Content, position: &Position) -> Place {
    let skip = match overlap(copy, length, next) {
        Ok(Overlap::Blank(skip)) => skip,
        Ok(Overlap::Unfinished) => return Place::Unfinished,
        Err(_) => return Place::None,
    };
    let offset = skip + (position.offset - length);
    match tail_before(copy, length, next, skip, position) {
        Ok(tail) if tail == position.tail => Place::At(offset),
        _ => Place::None,
    }
}

/// The bytes before the position, from the end of the copy and from what is behind it.
fn tail_before(
    copy: &mut Content,
    length: u64,
    next: &mut Content,
    skip: u64,
    position: &Position,
) -> std::io::Result<Fingerprint> {
    let from = position.offset.saturating_sub(u64::from(position.tail.len));
    let mut bytes = vec![0; length.saturating_sub(from) as usize];
    let in_copy = copy.read_at(from, &mut bytes)?;
    bytes.truncate(in_copy);
    let from = from.max(length);
    let mut rest = vec![0; (position.offset - from) as usize];
    let in_next = next.read_at(skip + (from - length), &mut rest)?;
    bytes.extend_from_slice(&rest[..in_next]);
    Ok(Fingerprint::of(&bytes))
}

/// What is left in `next` of the last block of `copy`, whose size we do not know: what fits any size counts.
fn overlap(copy: &mut Content, length: u64, next: &mut Content) -> std::io::Result<Overlap> {
    let blocks = std::iter::successors(Some(SMALLEST_BLOCK), |block| Some(block * 2));
    let blocks = blocks.take_while(|block| *block <= PADDING_MAX as u64);
    // A copy of whole blocks has its last one in the log, if the log would have been empty otherwise.
    let lengths: Vec<u64> =
        blocks.map(|block| if length.is_multiple_of(block) { block } else { length % block }).collect();
    let padding = next.start()?;
    if padding > 0 && lengths.contains(&padding) {
        return Ok(Overlap::Blank(padding));
    }
    for count in lengths.into_iter().filter(|count| *count <= length) {
        let (mut left, mut right) = (vec![0; count as usize], vec![0; count as usize]);
        let in_copy = copy.read_at(length - count, &mut left)?;
        let in_next = next.read_at(0, &mut right)?;
        if (in_copy, in_next) == (left.len(), right.len()) && left == right {
            return Ok(Overlap::Unfinished);
        }
    }
    Ok(Overlap::Blank(0))
}
