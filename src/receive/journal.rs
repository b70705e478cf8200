//! What was received and may not be in the store yet: files of JSON lines, which are followed like any log and removed
//! when the board says that all of them is committed.

use std::borrow::Cow;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write as _};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::receive::{Origin, Received, Senders, Taken};
use crate::record::{Entry, FieldList, Text, Value};
use crate::sys::atomic::{self, sync_folder_of};
use crate::sys::files::FileId;

/// Its folder in the data folder.
pub const FOLDER: &str = "received";
const SENDERS: &str = "senders.json";
/// A file is finished when it is so long.
const FILE_BYTES: u64 = 32 << 20;
/// A line of JSON takes at most about so many times the bytes of the text in it.
const ESCAPED: usize = 6;

#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}")]
pub struct JournalError {
    path: PathBuf,
    source: io::Error,
}

/// See the module.
pub struct Journal {
    folder: PathBuf,
    /// Bytes of a line, with its end: the reader would cut a longer one.
    max_line: usize,
    senders: Senders,
    /// `senders.json` says less than is known.
    is_dirty: bool,
    active: Option<(File, Piece)>,
    finished: Vec<Piece>,
    next: u64,
}

/// A file of the journal.
#[derive(Clone, Debug)]
struct Piece {
    path: PathBuf,
    file: FileId,
    length: u64,
}

/// What of a line matters when it is read for its sender.
#[derive(Deserialize)]
struct Sent<'a> {
    #[serde(borrow)]
    sender: Option<Cow<'a, str>>,
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    source: Cow<'a, str>,
}

impl Journal {
    /// What earlier runs left is finished: a line that was not written whole is cut off. To be called before anybody reads
    /// the files.
    pub fn open(data: &Path, max_line: usize) -> Result<Journal, JournalError> {
        let folder = data.join(FOLDER);
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        fs::set_permissions(&folder, Permissions::from_mode(0o750)).map_err(at(&folder))?;
        let known = folder.join(SENDERS);
        let senders = match fs::read(&known) {
            // A damaged file costs duplicates, at worst.
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!("{}: {error}; entries that are sent again may be there twice", known.display());
                Senders::default()
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Senders::default(),
            Err(error) => return Err(at(&known)(error)),
        };
        let mut journal =
            Journal { folder, max_line, senders, is_dirty: false, active: None, finished: Vec::new(), next: 1 };
        for (number, path) in numbered(&journal.folder)? {
            journal.next = journal.next.max(number + 1);
            let piece = journal.recover(&path).map_err(at(&path))?;
            journal.finished.push(piece);
        }
        Ok(journal)
    }

    /// Cuts what is no whole line off, and remembers who sent the others.
    fn recover(&mut self, path: &Path) -> io::Result<Piece> {
        let file = OpenOptions::new().read(true).write(true).custom_flags(OFlags::NOFOLLOW.bits() as i32).open(path)?;
        let (mut length, mut line) = (0, Vec::new());
        let mut reader = BufReader::new(&file);
        loop {
            line.clear();
            // A line that is longer was not written by us.
            let read = (&mut reader).take(2 * self.max_line as u64).read_until(b'\n', &mut line)?;
            if read == 0 || !line.ends_with(b"\n") {
                break;
            }
            length += read as u64;
            let sent = serde_json::from_slice::<Sent<'_>>(&line).ok();
            let origin = sent.and_then(|sent| Origin::new(&sent.sender?, &sent.id?, &sent.source));
            if let Some(origin) = origin.filter(|origin| !self.senders.has(origin)) {
                self.senders.note(&origin);
                self.is_dirty = true;
            }
        }
        file.set_len(length)?;
        file.sync_all()?;
        Ok(Piece { path: path.to_owned(), file: FileId::of(&file.metadata()?), length })
    }

    /// Puts entries behind the others, durable when it returns, and says for each batch what became of it. An error means
    /// that none of them is there.
    pub fn append(&mut self, batches: &[Vec<Received>]) -> Result<Vec<Taken>, JournalError> {
        let (mut text, mut changes, mut taken) = (Vec::new(), Vec::new(), Vec::new());
        for batch in batches {
            let mut of_batch = Taken { known: Vec::with_capacity(batch.len()) };
            for received in batch {
                let is_known = received.origin.as_ref().is_some_and(|origin| self.senders.has(origin));
                of_batch.known.push(is_known);
                if !is_known {
                    self.line(received, &mut text);
                    changes.extend(received.origin.as_ref().map(|origin| self.senders.note(origin)));
                }
            }
            taken.push(of_batch);
        }
        if let Err(error) = self.write(&text) {
            changes.into_iter().rev().for_each(|change| self.senders.take_back(change));
            return Err(error);
        }
        self.is_dirty |= !changes.is_empty();
        Ok(taken)
    }

    /// Writes a received entry as a line.
    fn line(&self, received: &Received, text: &mut Vec<u8>) {
        let start = text.len();
        let mut write = |entry: &Entry| {
            text.truncate(start);
            let mut object = entry.to_json(true);
            if let Some(origin) = &received.origin {
                object["sender"] = Json::from(origin.sender.as_str());
                object["id"] = Json::from(origin.id.as_str());
            }
            // Writing to memory cannot fail.
            let _ = serde_json::to_writer(&mut *text, &object);
            text.push(b'\n');
            text.len() - start
        };
        if write(&received.entry) > self.max_line {
            write(&shortened(&received.entry, self.max_line / (4 * ESCAPED)));
        }
    }

    fn write(&mut self, text: &[u8]) -> Result<(), JournalError> {
        if text.is_empty() {
            return Ok(());
        }
        if self.active.as_ref().is_some_and(|(_, piece)| piece.length >= FILE_BYTES) {
            self.finish();
        }
        let (mut file, mut piece) = match self.active.take() {
            Some(active) => active,
            None => self.create()?,
        };
        let written = file.write_all(text).and_then(|()| file.sync_data());
        if let Err(source) = written {
            let path = piece.path.clone();
            // What cannot be cut off, either, is a line without its end at worst, or entries that come twice.
            match file.set_len(piece.length).and_then(|()| file.seek(SeekFrom::End(0))) {
                Ok(_) => self.active = Some((file, piece)),
                Err(_) => self.finished.push(piece),
            }
            return Err(JournalError { path, source });
        }
        piece.length += text.len() as u64;
        self.active = Some((file, piece));
        Ok(())
    }

    fn create(&mut self) -> Result<(File, Piece), JournalError> {
        let path = self.folder.join(format!("{:06}.ndjson", self.next));
        let file = OpenOptions::new().append(true).create_new(true).mode(0o640).open(&path).map_err(at(&path))?;
        self.next += 1;
        sync_folder_of(&path).map_err(at(&path))?;
        let metadata = file.metadata().map_err(at(&path))?;
        Ok((file, Piece { path, file: FileId::of(&metadata), length: 0 }))
    }

    /// Nothing more is written to the file of now.
    pub fn finish(&mut self) {
        self.finished.extend(self.active.take().map(|(_, piece)| piece));
    }

    /// Whether something was written that is in no finished file.
    pub fn is_active(&self) -> bool {
        self.active.is_some()
    }

    /// Removes what is committed, as far as `committed` says: the offset in a file up to which it is. Returns how many bytes
    /// are left.
    pub fn release(&mut self, committed: impl Fn(FileId) -> u64) -> Result<u64, JournalError> {
        let left = |piece: &Piece| piece.length.saturating_sub(committed(piece.file));
        let (gone, kept): (Vec<Piece>, Vec<Piece>) = self.finished.drain(..).partition(|piece| left(piece) == 0);
        self.finished = kept;
        if !gone.is_empty() && self.is_dirty {
            // Before the lines go that say the same.
            let path = self.folder.join(SENDERS);
            let text = serde_json::to_vec(&self.senders).unwrap_or_default();
            if let Err(error) = atomic::write(&path, &text) {
                self.finished.extend(gone);
                return Err(at(&path)(error));
            }
            self.is_dirty = false;
        }
        for piece in &gone {
            match fs::remove_file(&piece.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(&piece.path)(error)),
                _ => {}
            }
        }
        Ok(self.finished.iter().chain(self.active.as_ref().map(|(_, piece)| piece)).map(left).sum())
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> JournalError + '_ {
    move |source| JournalError { path: path.to_owned(), source }
}

/// The files of the journal, by number.
fn numbered(folder: &Path) -> Result<Vec<(u64, PathBuf)>, JournalError> {
    let mut found = Vec::new();
    for item in fs::read_dir(folder).map_err(at(folder))? {
        let path = item.map_err(at(folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".ndjson"));
        if let Some(number) = name.and_then(|name| name.parse().ok()) {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found)
}

/// An entry of which no text is longer than so many bytes, all its fields together neither.
fn shortened(entry: &Entry, bytes: usize) -> Entry {
    let cut = |text: &str| text[..text.floor_char_boundary(bytes)].to_owned();
    let message = cut(entry.message());
    let mut fields = FieldList::from([("truncated".into(), Value::Bool(true))]);
    let mut room = bytes;
    for (name, value) in entry.fields() {
        let size = name.len() + value.to_text().len();
        if size <= room {
            room -= size;
            fields.push((name.clone(), value.to_value()));
        }
    }
    let named = |value: &Option<smol_str::SmolStr>| value.clone().filter(|value| value.len() <= 256);
    Entry {
        raw: message.as_str().into(),
        message: Text::Slice(0..message.len() as u32),
        source: cut(&entry.source).chars().take(256).collect::<String>().into(),
        service: cut(&entry.service).chars().take(256).collect::<String>().into(),
        logger: named(&entry.logger),
        workflow_id: named(&entry.workflow_id),
        session_id: named(&entry.session_id),
        request_id: named(&entry.request_id),
        workflow_type: named(&entry.workflow_type),
        agent: named(&entry.agent),
        event: named(&entry.event),
        fields,
        ..*entry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(id: &str, message: &str) -> Received {
        let entry = Entry {
            raw: message.into(),
            message: Text::Slice(0..message.len() as u32),
            source: "a.log".into(),
            ..Entry::default()
        };
        Received { entry, origin: Origin::new("s", id, "a.log") }
    }

    fn lines(folder: &Path) -> Vec<String> {
        let files = numbered(&folder.join(FOLDER)).unwrap();
        let text: String = files.iter().map(|(_, path)| fs::read_to_string(path).unwrap()).collect();
        let message = |line: &str| serde_json::from_str::<Json>(line).unwrap()["message"].as_str().unwrap().to_owned();
        text.lines().map(message).collect()
    }

    #[test]
    fn what_was_taken_is_there_once_also_after_a_crash() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path(), 1 << 20).unwrap();
        let one = vec![received("aa-1-1", "one"), received("", "free"), received("aa-1-2", "two")];
        let again = vec![received("aa-1-2", "two"), received("aa-1-3", "three")];
        let taken = journal.append(&[one, again.clone()]).unwrap();
        let known: Vec<_> = taken.iter().map(|taken| taken.known.clone()).collect();
        assert_eq!(known, [vec![false, false, false], vec![true, false]]);
        drop(journal);
        let path = folder.path().join("received/000001.ndjson");
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"half\":").unwrap();
        let mut journal = Journal::open(folder.path(), 1 << 20).unwrap();
        assert_eq!(lines(folder.path()), ["one", "free", "two", "three"]);
        assert_eq!(journal.append(&[again]).unwrap()[0].known, [true, true]);
        journal.append(&[vec![received("aa-1-4", "four")]]).unwrap();
        assert!(folder.path().join("received/000002.ndjson").exists());
        assert_eq!(lines(folder.path()), ["one", "free", "two", "three", "four"]);
    }

    #[test]
    fn what_is_committed_goes_and_its_senders_are_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path(), 1 << 20).unwrap();
        journal.append(&[vec![received("aa-1-1", "one")]]).unwrap();
        let waiting = journal.release(|_| 0).unwrap();
        assert!(waiting > 0);
        assert_eq!(journal.release(|_| u64::MAX).unwrap(), 0);
        // What is being written stays.
        assert_eq!(lines(folder.path()), ["one"]);
        journal.finish();
        journal.release(|_| waiting - 1).unwrap();
        assert_eq!(lines(folder.path()), ["one"]);
        journal.release(|_| waiting).unwrap();
        assert!(lines(folder.path()).is_empty());
        let mut journal = Journal::open(folder.path(), 1 << 20).unwrap();
        assert_eq!(journal.append(&[vec![received("aa-1-1", "one")]]).unwrap()[0].known, [true]);
    }

    #[test]
    fn lines_are_no_longer_than_the_reader_takes() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path(), 4096).unwrap();
        let mut long = received("", &"\u{1}é".repeat(10_000));
        long.entry.fields = [("a".into(), Value::Int(1)), ("b".into(), Value::Str("x".repeat(5_000).into()))].into();
        long.entry.service = "s".repeat(5_000).into();
        journal.append(&[vec![long, received("", &"m".repeat(3_000))]]).unwrap();
        let text = fs::read_to_string(folder.path().join("received/000001.ndjson")).unwrap();
        assert!(text.lines().all(|line| line.len() < 4096), "{}", text.lines().map(str::len).max().unwrap());
        let first: Json = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!((&first["fields"]["truncated"], &first["fields"]["a"]), (&true.into(), &1.into()));
        assert!(first["message"].as_str().unwrap().len() > 100);
    }

    #[test]
    fn a_full_disk_takes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path(), 1 << 20).unwrap();
        journal.append(&[vec![received("aa-1-1", "one")]]).unwrap();
        // A file that cannot be written stands for it.
        let (_, piece) = journal.active.take().unwrap();
        let file = File::open(&piece.path).unwrap();
        journal.active = Some((file, piece));
        assert!(journal.append(&[vec![received("aa-1-2", "two")]]).is_err());
        assert_eq!(lines(folder.path()), ["one"]);
        assert_eq!(journal.append(&[vec![received("aa-1-2", "two")]]).unwrap()[0].known, [false]);
        assert_eq!(lines(folder.path()), ["one", "two"]);
    }
}
