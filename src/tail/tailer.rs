//! All followed files together: new ones, rotated ones, truncated ones, finished ones.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use crate::record::{Fingerprint, Position, RawBatch, StreamId};
use crate::sys::clock::SECOND;
use crate::sys::files::{FileId, folder_of};
use crate::tail::discover::{self, Source};
use crate::tail::finished::Finished;
use crate::tail::generations::Listing;
use crate::tail::named::source_for;
use crate::tail::rotated::Log;
use crate::tail::stream::{Opened, Read, Stream, open_error};
use crate::tail::{Packing, TailError};

/// What of following is configurable.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Bytes in a batch. A longer line is cut here, marked and counted.
    pub max_line: usize,
    /// Names are looked at this often, also without an event, in nanoseconds.
    pub discover_every: i64,
    /// A rotated file that has not grown for so long (nanoseconds) is finished: its last line counts even
    /// without an end. It is taken up again should it grow after all.
    pub linger: i64,
}

impl Default for Options {
    fn default() -> Options {
        Options { max_line: 1 << 20, discover_every: SECOND, linger: 10 * SECOND }
    }
}

/// One followed file, for status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileStatus {
    /// The path it is followed under.
    pub source: String,
    /// Where it is now, when rotated away.
    pub path: PathBuf,
    pub pipeline: String,
    pub file: FileId,
    /// Bytes handed on.
    pub offset: u64,
    pub size: u64,
    pub retired: bool,
    /// Of what was read; a copy of it will be known by that. Empty while nothing was read.
    pub head: Fingerprint,
    /// Changes when the file is read from its front again, as other content, and when its head was cut.
    pub stream: u64,
}

/// Names that were being changed are looked at again after so long, in nanoseconds.
const LOOK_AGAIN: i64 = SECOND / 50;

/// What a tick came to.
#[derive(Debug, Default)]
pub struct Tick {
    /// There is more to read at once.
    pub more: bool,
    /// Files that are gone and were read to their end: their positions are of no use any more.
    pub forget: Vec<FileId>,
    /// Positions that moved to another file, which holds the same content.
    pub moved: Vec<Position>,
    /// Imported files that could be read only in part, and why.
    pub failed: Vec<(FileId, String)>,
    pub errors: Vec<TailError>,
}

/// See the module. Not `Sync`: one thread calls [`Tailer::tick`].
pub struct Tailer {
    pub(super) sources: Vec<Source>,
    options: Options,
    /// Read in this order, so that an older file of a path comes before its successor.
    pub(super) streams: Vec<Stream>,
    /// They may grow again.
    pub(super) finished: HashMap<FileId, Finished>,
    /// Generations that were there before we came, and copies: not to be read.
    pub(super) ignored: HashSet<FileId>,
    /// The file each path was last seen to be, and when that was written last.
    pub(super) live: HashMap<PathBuf, (FileId, i64)>,
    /// Positions of the last run whose files were not looked for yet, by path.
    pub(super) resume: BTreeMap<PathBuf, Vec<Position>>,
    /// Time of the last run's last commit; generations written later were missed.
    pub(super) stopped: i64,
    /// Paths seen before, so that `start_at_end` concerns the first look only.
    pub(super) first_look: bool,
    /// Positions to hand on before anything is read.
    pub(super) announced: Vec<RawBatch>,
    /// Positions that are of no use any more, behind those.
    pub(super) forgotten: Vec<FileId>,
    /// Positions of files that were compressed.
    pub(super) moved: Vec<Position>,
    next_discovery: i64,
    next_stream: u64,
    /// Errors already told, by path, so that each is told once; and whether somebody should do something about it.
    told: BTreeMap<PathBuf, (String, bool)>,
    /// Times a file was found truncated or rewritten.
    pub truncations: u64,
    /// Times all names were looked at.
    pub discoveries: u64,
    /// Times a path turned out to be another file.
    pub rotations: u64,
}

impl Tailer {
    /// `positions` are those of the store, `stopped` is when they were committed (0: never).
    pub fn new(sources: Vec<Source>, options: Options, positions: Vec<Position>, stopped: i64) -> Tailer {
        let mut resume: BTreeMap<PathBuf, Vec<Position>> = BTreeMap::new();
        for position in positions {
            resume.entry(PathBuf::from(&position.path)).or_default().push(position);
        }
        Tailer {
            sources,
            options,
            streams: Vec::new(),
            finished: HashMap::new(),
            ignored: HashSet::new(),
            live: HashMap::new(),
            resume,
            stopped,
            first_look: true,
            announced: Vec::new(),
            forgotten: Vec::new(),
            moved: Vec::new(),
            next_discovery: 0,
            next_stream: 0,
            told: BTreeMap::new(),
            truncations: 0,
            discoveries: 0,
            rotations: 0,
        }
    }

    /// Follows other globs from now on. What is being read goes on.
    pub fn set_sources(&mut self, sources: Vec<Source>) {
        self.sources = sources;
        for stream in &mut self.streams {
            if let Some(source) = self.sources.iter().find(|source| source.name == stream.pipeline) {
                stream.told = source.encoding;
            }
        }
        self.look_now();
    }

    /// The next tick looks at names whatever the time.
    pub fn look_now(&mut self) {
        self.next_discovery = 0;
    }

    /// The folders in which something may happen.
    pub fn folders(&self) -> BTreeSet<PathBuf> {
        discover::folders(&self.sources)
    }

    pub fn status(&self) -> Vec<FileStatus> {
        let describe = |s: &Stream| FileStatus {
            source: s.source.to_string(),
            path: s.path.clone(),
            pipeline: s.pipeline.clone(),
            file: s.file,
            offset: s.offset,
            size: s.size,
            retired: s.retired,
            head: s.position().head,
            stream: s.content_number,
        };
        self.streams.iter().map(describe).collect()
    }

    /// Files that nobody is going to read: known, and known not to be of interest.
    pub fn ignored(&self) -> &HashSet<FileId> {
        &self.ignored
    }

    /// Looks at names if it is time, then reads one batch of every stream that has something.
    /// `out` may block; when it returns false, nobody wants batches any more.
    pub fn tick(&mut self, now: i64, out: &mut dyn FnMut(RawBatch) -> bool) -> Tick {
        let mut tick = Tick::default();
        if now >= self.next_discovery {
            self.next_discovery = now + self.options.discover_every;
            self.look_at_names(now, &mut tick);
        }
        for batch in std::mem::take(&mut self.announced) {
            out(batch);
        }
        tick.moved.append(&mut self.moved);
        tick.forget.append(&mut self.forgotten);
        self.read_all(now, &mut tick, out);
        tick
    }

    fn look_at_names(&mut self, now: i64, tick: &mut Tick) {
        let mut errors = Vec::new();
        let paths = self.paths(&mut errors);
        self.forget_told(&paths, &errors);
        errors.into_iter().for_each(|(path, error)| self.tell(&path, error, tick));
        let mut folders: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
        for path in
            paths.keys().chain(self.finished.values().map(|f| PathBuf::from(f.log())).collect::<Vec<_>>().iter())
        {
            folders.entry(folder_of(path).to_owned()).or_default().push(path.clone());
        }
        let mut listings = HashMap::new();
        let mut identities = HashMap::new();
        for (folder, logs) in folders {
            // The names are listed while none of the logs becomes another file, or not now.
            match Listing::stable(&folder, &logs) {
                Some((listing, files)) => {
                    listings.insert(folder, listing);
                    identities.extend(logs.into_iter().zip(files));
                }
                None => self.next_discovery = now + LOOK_AGAIN,
            }
        }
        for (path, source) in &paths {
            let Some(listing) = listings.get(folder_of(path)) else { continue };
            let metadata = fs::symlink_metadata(path);
            let log = match metadata {
                Ok(metadata) => Log { path, source: *source, metadata: Some(metadata), listing },
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                    Log { path, source: *source, metadata: None, listing }
                }
                Err(e) => {
                    self.tell(path, open_error(path, e), tick);
                    continue;
                }
            };
            if identities.get(path).copied().flatten() != log.metadata.as_ref().map(FileId::of) {
                self.next_discovery = now + LOOK_AGAIN;
                continue;
            }
            match self.look_at_log(&log) {
                Ok(()) => drop(self.told.remove(path)),
                Err(TailError::Moved { .. }) => self.next_discovery = now + LOOK_AGAIN,
                Err(error) => self.tell(path, error, tick),
            }
        }
        self.retire_missing(&paths);
        self.forget_ignored(&listings, &paths);
        self.look_at_finished(&listings, tick);
        self.keep_the_rest(&paths, tick);
        self.first_look = false;
        self.discoveries += 1;
    }

    /// What to look at: the files that globs match, and those of the last run that are away at the moment.
    fn paths(&self, errors: &mut Vec<(PathBuf, TailError)>) -> BTreeMap<PathBuf, usize> {
        let known = |path: &Path| self.live.contains_key(path) || self.resume.contains_key(path);
        let mut paths = discover::paths(&self.sources, &known, errors);
        for path in self.resume.keys() {
            if let Some(source) = discover::source_of(&self.sources, path) {
                paths.entry(path.clone()).or_insert(source);
            }
        }
        paths
    }

    /// Reads a file once from where it was read to before, by the named source or else the one whose globs match
    /// or else the last. `false` when there is nothing new in it, or it is being followed.
    pub fn read_once(&mut self, path: &Path, source: Option<&str>) -> Result<bool, TailError> {
        let metadata = fs::metadata(path).map_err(|e| open_error(path, e))?;
        let file = FileId::of(&metadata);
        if self.streams.iter().any(|s| s.file == file) {
            return Ok(false);
        }
        let is_packed = Packing::of(path) != Packing::Plain;
        let is_done = |f: &Finished| f.position.complete || (!is_packed && f.end() >= metadata.len());
        if self.finished.get(&file).is_some_and(is_done) {
            return Ok(false);
        }
        let known = self.finished.get(&file).map(Finished::end);
        let named = self.sources.iter().position(|s| Some(s.name.as_str()) == source);
        let matching = || source_for(&self.sources, path);
        let index = named.or_else(matching).unwrap_or(self.sources.len().saturating_sub(1));
        let id = self.next_id();
        let opened = Opened::open(path, file)?;
        let mut stream = self.stream_as(id, path, index, opened, known.unwrap_or(0), true)?;
        stream.once = true;
        self.insert(stream);
        Ok(true)
    }

    pub(super) fn tell(&mut self, path: &Path, error: TailError, tick: &mut Tick) {
        let text = error.to_string();
        if self.told.get(path).is_none_or(|(told, _)| *told != text) {
            self.told.insert(path.to_owned(), (text, error.is_failure()));
            tick.errors.push(error);
        }
    }

    /// What cannot be read although it should be, in words.
    pub fn failing(&self) -> impl Iterator<Item = &str> {
        self.told.values().filter(|(_, is_failure)| *is_failure).map(|(text, _)| text.as_str())
    }

    /// What was told of files that are gone is of no interest any more.
    fn forget_told(&mut self, paths: &BTreeMap<PathBuf, usize>, errors: &[(PathBuf, TailError)]) {
        let streams = &self.streams;
        let is_there = |path: &PathBuf| {
            paths.contains_key(path)
                || errors.iter().any(|(wrong, _)| wrong == path)
                || streams.iter().any(|stream| stream.path == *path)
        };
        self.told.retain(|path, _| is_there(path));
    }

    pub(super) fn next_id(&mut self) -> StreamId {
        self.next_stream += 1;
        StreamId(self.next_stream)
    }

    /// Begins to read a file: before the live one of its path, behind older ones.
    pub(super) fn insert(&mut self, stream: Stream) {
        self.ignored.remove(&stream.file);
        self.finished.remove(&stream.file);
        let is_live = |s: &Stream| !s.retired && *s.source == *stream.source;
        let at = if stream.retired { self.streams.iter().position(is_live) } else { None };
        self.streams.insert(at.unwrap_or(self.streams.len()), stream);
    }

    /// A path whose file is gone or no longer wanted is read to its end and then finished.
    fn retire_missing(&mut self, paths: &BTreeMap<PathBuf, usize>) {
        for stream in &mut self.streams {
            stream.retired |= !paths.contains_key(Path::new(&*stream.source));
        }
    }

    fn read_all(&mut self, now: i64, tick: &mut Tick, out: &mut dyn FnMut(RawBatch) -> bool) {
        let mut done = Vec::new();
        // A path's older file goes first: while it has something left, its successor waits.
        let mut waiting: HashSet<Arc<str>> = HashSet::new();
        for at in 0..self.streams.len() {
            if waiting.contains(&self.streams[at].source) {
                continue;
            }
            match self.read_one(at, now, out) {
                Ok(Progress::More) => {
                    tick.more = true;
                    if self.streams[at].retired {
                        waiting.insert(self.streams[at].source.clone());
                    }
                }
                Ok(Progress::End) => {}
                Ok(Progress::Replaced) => match self.start_over(at, out) {
                    // The order of the streams has changed.
                    Ok(()) => {
                        tick.more = true;
                        break;
                    }
                    // Names change just now, or it is being cut: it will be found replaced again.
                    Err(TailError::Moved { .. }) => {}
                    Err(error) => {
                        let path = self.streams[at].path.clone();
                        self.tell(&path, error, tick);
                    }
                },
                Ok(Progress::Finished) => done.push(at),
                Err(error) => {
                    let stream = &mut self.streams[at];
                    let path = stream.path.clone();
                    if stream.once || stream.is_packed() {
                        // It will not get better; what was read of it counts.
                        out(stream.close());
                        tick.failed.push((stream.file, error.to_string()));
                        done.push(at);
                    }
                    self.tell(&path, error, tick);
                }
            }
        }
        for at in done.into_iter().rev() {
            let stream = self.streams.remove(at);
            let finished = Finished::new(stream.position(), stream.size, stream.once);
            self.finished.insert(stream.file, finished);
        }
    }

    fn read_one(&mut self, at: usize, now: i64, out: &mut dyn FnMut(RawBatch) -> bool) -> Result<Progress, TailError> {
        let limit = self.options.max_line;
        let stream = &mut self.streams[at];
        let path = stream.path.clone();
        let wrong = |source| TailError::Read { path: path.clone(), source };
        let links = stream.refresh(now).map_err(wrong)?;
        let linger = if links == 0 { self.options.linger.min(SECOND) } else { self.options.linger };
        let last = stream.once || (stream.retired && now - stream.changed >= linger);
        match stream.read(limit, last).map_err(wrong)? {
            Read::Nothing => Ok(Progress::End),
            Read::Busy => Ok(Progress::More),
            Read::Replaced => Ok(Progress::Replaced),
            Read::Batch(batch) => {
                let finished = batch.last;
                let wanted = out(batch);
                Ok(match finished {
                    true => Progress::Finished,
                    false if wanted && !self.streams[at].is_at_end() => Progress::More,
                    false => Progress::End,
                })
            }
        }
    }
}

enum Progress {
    More,
    End,
    Replaced,
    Finished,
}
