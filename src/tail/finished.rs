//! Files that were read to their end: they may be gone, grow after all, be compressed, or be imported again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::record::Position;
use crate::sys::files::{FileId, folder_of};
use crate::tail::generations::Listing;
use crate::tail::stream::{Opened, Stream};
use crate::tail::tailer::Tick;
use crate::tail::{Content, TailError, Tailer, discover};

/// A file read to its end, or as far as it goes.
#[derive(Clone, Debug)]
pub(super) struct Finished {
    /// How far that was. Its path is the one the file was followed under.
    pub position: Position,
    /// Of the file when it was finished.
    pub size: u64,
    /// Imported, not followed: growth is none of our business.
    pub once: bool,
    /// The last look at its folder did not find it.
    pub missing: bool,
}

impl Finished {
    pub fn new(position: Position, size: u64, once: bool) -> Finished {
        Finished { position, size, once, missing: false }
    }

    pub fn log(&self) -> &Path {
        Path::new(&self.position.path)
    }

    /// Where reading would go on.
    pub fn end(&self) -> u64 {
        self.position.offset
    }
}

/// Where reading of a file ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Of its content.
    pub offset: u64,
    /// It is compressed, so this is not its size.
    pub is_packed: bool,
}

impl Tailer {
    /// Positions of paths that no glob matches: files that were imported once, as long as they are there.
    pub(super) fn keep_the_rest(&mut self, paths: &BTreeMap<PathBuf, usize>, tick: &mut Tick) {
        let rest: Vec<PathBuf> = self.resume.keys().filter(|path| !paths.contains_key(*path)).cloned().collect();
        for position in rest.iter().filter_map(|path| self.resume.remove(path)).flatten() {
            match imported(&position) {
                Some(size) => drop(self.finished.insert(position.file, Finished::new(position, size, true))),
                None => tick.forget.push(position.file),
            }
        }
    }

    /// Files that are gone need not be remembered as of no interest. Only when every folder could be listed is it known
    /// which are gone.
    pub(super) fn forget_ignored(&mut self, listings: &HashMap<PathBuf, Listing>, paths: &BTreeMap<PathBuf, usize>) {
        if paths.keys().all(|path| listings.contains_key(folder_of(path))) {
            let there: HashSet<FileId> = listings.values().flat_map(Listing::files).collect();
            self.ignored.retain(|file| there.contains(file));
        }
    }

    /// Finished files may be gone (forget them) or grow after all (their writer never reopened).
    ///
    /// Gone is what two looks in a row did not find: our own rotation says where the content is now before it removes a
    /// file, but the message may arrive behind the first look.
    pub(super) fn look_at_finished(&mut self, listings: &HashMap<PathBuf, Listing>, tick: &mut Tick) {
        let mut grown = Vec::new();
        self.finished.retain(|file, f| match listings.get(folder_of(f.log())).map(|l| l.find(*file)) {
            None => true,
            Some(None) if !f.missing => {
                f.missing = true;
                true
            }
            Some(None) => {
                tick.forget.push(*file);
                false
            }
            Some(Some(generation)) => {
                f.missing = false;
                if generation.size > f.size && !f.once && !f.position.complete {
                    grown.push((f.clone(), generation.clone()));
                }
                true
            }
        });
        for (finished, generation) in grown {
            // Nobody wants it any more.
            let Some(source) = discover::source_of(&self.sources, finished.log()) else { continue };
            let id = self.next_id();
            let stream = Opened::open(&generation.path, generation.file)
                .and_then(|opened| self.stream_as(id, finished.log(), source, opened, finished.end(), true));
            match stream {
                Ok(stream) => self.insert(stream),
                Err(TailError::Moved { .. }) => self.look_now(),
                Err(error) => self.tell(&generation.path, error, tick),
            }
        }
    }

    /// Our own rotation made the compressed file `to` of a file that was read to its end: it is the same content.
    pub fn compressed(&mut self, from: FileId, to: &Path) {
        let read = self.streams.iter().find(|s| s.file == from).map(Stream::position);
        let position = read.or_else(|| self.finished.get(&from).map(|f| f.position.clone()));
        let (Some(position), Ok(metadata)) = (position, fs::symlink_metadata(to)) else { return };
        let file = FileId::of(&metadata);
        let position = Position { file, complete: true, ..position };
        self.ignored.remove(&file);
        self.finished.insert(file, Finished::new(position.clone(), metadata.len(), false));
        self.moved.push(position);
    }

    /// Where reading of finished files ended.
    pub fn ends(&self) -> impl Iterator<Item = (FileId, End)> {
        let end = |f: &Finished| End { offset: f.end(), is_packed: f.position.complete };
        self.finished.iter().map(move |(file, finished)| (*file, end(finished)))
    }
}

/// The size of the file that was imported, if it is still there, perhaps under another name in its folder.
fn imported(position: &Position) -> Option<u64> {
    let path = Path::new(&position.path);
    let same = |metadata: &fs::Metadata| FileId::of(metadata) == position.file;
    if let Ok(metadata) = fs::symlink_metadata(path)
        && same(&metadata)
    {
        let known = position.complete
            || Content::open(path).is_ok_and(|(mut content, _)| content.matches(position).unwrap_or(false));
        return known.then_some(metadata.len());
    }
    let items = fs::read_dir(folder_of(path)).ok()?.flatten();
    items.filter_map(|item| item.metadata().ok()).find(same).map(|metadata| metadata.len())
}
