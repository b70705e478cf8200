//! The bytes of a file by content offset, whether it is plain or was compressed after rotation.

use std::fs::{File, Metadata};
use std::io::{self, BufReader, Read, Seek};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::record::Position;
use crate::sys::files::{PADDING_MAX, open_regular, padding_of};

/// How the content is stored, known by the name's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    Plain,
    Gzip,
    Zstd,
}

impl Packing {
    pub fn of(path: &Path) -> Packing {
        match path.extension().and_then(|e| e.to_str()) {
            Some("gz") => Packing::Gzip,
            Some("zst") => Packing::Zstd,
            _ => Packing::Plain,
        }
    }
}

/// An open file. Compressed content is decoded from the front, so going back behind what was read last starts over.
pub enum Content {
    Plain(File),
    Packed {
        file: File,
        packing: Packing,
        decoder: Box<dyn Read + Send>,
        at: u64,
        /// What was read last, up to `at`: of a batch the half line at its end is read again.
        recent: Vec<u8>,
        /// Why nothing can be decoded behind `at`.
        failed: Option<(io::ErrorKind, String)>,
    },
}

impl Content {
    /// Opens a regular file, never through a symbolic link.
    pub fn open(path: &Path) -> io::Result<(Content, Metadata)> {
        let (file, metadata) = open_regular(path)?;
        let packing = Packing::of(path);
        let content = match packing {
            Packing::Plain => Content::Plain(file),
            _ => {
                let decoder = decoder(&file, packing)?;
                Content::Packed { decoder, file, packing, at: 0, recent: Vec::new(), failed: None }
            }
        };
        Ok((content, metadata))
    }

    pub fn is_packed(&self) -> bool {
        matches!(self, Content::Packed { .. })
    }

    /// Whether damage was met behind what was read so far: a short read was not the end.
    pub fn is_damaged(&self) -> bool {
        matches!(self, Content::Packed { failed: Some(_), .. })
    }

    /// Fills as much of `buffer` as there is from content offset `offset` on; fewer bytes mean the end, or damage
    /// behind them: then the next call fails.
    pub fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Content::Plain(file) => read_full(buffer, |part, done| file.read_at(part, offset + done as u64)),
            Content::Packed { file, packing, decoder: reader, at, recent, failed } => {
                if offset < *at - recent.len() as u64 {
                    *reader = decoder(file, *packing)?;
                    (*at, *failed) = (0, None);
                    recent.clear();
                }
                let known = recent.len() - usize::try_from(*at - offset.min(*at)).unwrap_or(0);
                let done = buffer.len().min(recent.len() - known);
                buffer[..done].copy_from_slice(&recent[known..known + done]);
                if done == buffer.len() {
                    return Ok(done);
                }
                if let Some((kind, text)) = failed {
                    return if done > 0 { Ok(done) } else { Err(io::Error::new(*kind, text.clone())) };
                }
                let mut skipped = Vec::new();
                while *at < offset {
                    recent.clear();
                    skipped.resize(usize::try_from(offset - *at).unwrap_or(SKIP).min(SKIP), 0);
                    match decode(reader, &mut skipped, at, failed)? {
                        0 => return Ok(0),
                        _ if failed.is_some() => return Ok(0),
                        _ => {}
                    }
                }
                let count = decode(reader, &mut buffer[done..], at, failed);
                // What is at hand counts also when nothing could be decoded behind it.
                let count = if done > 0 { done + count.unwrap_or(0) } else { count? };
                recent.clear();
                recent.extend_from_slice(&buffer[..count]);
                Ok(count)
            }
        }
    }

    /// Whether this is the content that `position` was taken in: same head, same bytes before the offset.
    pub fn matches(&mut self, position: &Position) -> io::Result<bool> {
        if !self.begins_as(position)? {
            return Ok(false);
        }
        if position.offset == 0 {
            return Ok(true); // The first entry still waits for lines.
        }
        let mut tail = vec![0; position.tail.len as usize];
        let count = self.read_at(position.offset.saturating_sub(u64::from(position.tail.len)), &mut tail)?;
        Ok(position.tail.matches_head_of(&tail[..count]))
    }

    /// Whether it has the head of the content that `position` was taken in.
    pub fn begins_as(&mut self, position: &Position) -> io::Result<bool> {
        if !position.knows_content() {
            return Ok(false);
        }
        let mut head = vec![0; position.head.len as usize];
        let start = self.start()?;
        let count = self.read_at(start, &mut head)?;
        Ok(position.head.matches_head_of(&head[..count]))
    }

    /// Bytes at the front that are no content: the blank line that a cut leaves.
    pub fn start(&mut self) -> io::Result<u64> {
        let mut head = vec![0; 1];
        if self.read_at(0, &mut head)? == 0 || !matches!(head[0], b' ' | b'\n') {
            return Ok(0);
        }
        head.resize(PADDING_MAX, 0);
        let count = self.read_at(0, &mut head)?;
        Ok(padding_of(&head[..count]) as u64)
    }

    /// Bytes of content; a compressed file is decoded for that.
    pub fn length(&mut self) -> io::Result<u64> {
        if let Content::Plain(file) = self {
            return Ok(file.metadata()?.len());
        }
        let mut buffer = vec![0; SKIP];
        let mut length = 0;
        loop {
            match self.read_at(length, &mut buffer)? {
                0 => return Ok(length),
                count => length += count as u64,
            }
        }
    }

    /// Whether this is the content that `position` was taken in, and nothing comes behind it.
    pub fn ends_at(&mut self, position: &Position) -> io::Result<bool> {
        Ok(self.matches(position)? && self.read_at(position.offset, &mut [0])? == 0)
    }
}

/// Bytes decoded at once when going forward.
const SKIP: usize = 64 * 1024;

/// Decodes until the buffer is full or the end is reached. What comes before damage counts; the damage is kept in
/// `failed`, because decoders do not report it twice.
fn decode(
    reader: &mut dyn Read,
    buffer: &mut [u8],
    at: &mut u64,
    failed: &mut Option<(io::ErrorKind, String)>,
) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match reader.read(&mut buffer[done..]) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => {
                *failed = Some((e.kind(), e.to_string()));
                if done == 0 {
                    return Err(e);
                }
                break;
            }
        }
    }
    *at += done as u64;
    Ok(done)
}

/// Decodes from the front. The decoder shares the file's place, so there must be one at a time.
fn decoder(mut file: &File, packing: Packing) -> io::Result<Box<dyn Read + Send>> {
    file.rewind()?;
    let file = file.try_clone()?;
    Ok(match packing {
        Packing::Gzip => Box::new(flate2::read::MultiGzDecoder::new(BufReader::new(file))),
        Packing::Zstd => Box::new(zstd::stream::read::Decoder::new(file)?),
        Packing::Plain => Box::new(file),
    })
}

/// Reads until the buffer is full or the end is reached. `read` gets the rest and the bytes done so far.
fn read_full(buffer: &mut [u8], mut read: impl FnMut(&mut [u8], usize) -> io::Result<usize>) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match read(&mut buffer[done..], done) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Fingerprint;
    use crate::sys::files::FileId;
    use std::io::Write;

    #[test]
    fn what_comes_before_damage_is_read_and_then_the_damage_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gz");
        let text: String = (0..200_000).map(|n| format!("line {n}\n")).collect();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        encoder.write_all(text.as_bytes()).unwrap();
        let whole = encoder.finish().unwrap();
        let mut wrong_sum = whole.clone();
        let sum = whole.len() - 6;
        wrong_sum[sum] ^= 1;
        for bytes in [&whole[..whole.len() / 2], &wrong_sum] {
            std::fs::write(&path, bytes).unwrap();
            let (mut content, _) = Content::open(&path).unwrap();
            let mut buffer = vec![0; 1 << 16];
            let mut offset = 0;
            let error = loop {
                match content.read_at(offset, &mut buffer) {
                    Ok(0) => panic!("the damage at {offset} was not told"),
                    Ok(count) => {
                        let at = offset as usize;
                        assert_eq!(buffer[..count], text.as_bytes()[at..at + count]);
                        offset += count as u64;
                    }
                    Err(error) => break error,
                }
            };
            assert!(offset > 100_000, "{error} came too early, at {offset}");
            assert!(content.read_at(offset, &mut buffer).is_err());
        }
    }

    #[test]
    fn what_was_read_last_needs_not_be_decoded_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gz");
        let text: Vec<u8> = (0..200_000).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        encoder.write_all(&text).unwrap();
        std::fs::write(&path, encoder.finish().unwrap()).unwrap();
        let (mut content, _) = Content::open(&path).unwrap();
        let mut check = |offset: usize, length: usize| {
            let mut buffer = vec![0; length];
            let count = content.read_at(offset as u64, &mut buffer)?;
            assert_eq!(buffer[..count], text[offset..text.len().min(offset + length)], "{offset} {length}");
            io::Result::Ok(count)
        };
        check(0, 5000).unwrap();
        // From now on its front cannot be decoded.
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(b"no gzip any more", 0).unwrap();
        for (offset, length) in [(10, 20), (4990, 10), (0, 5000), (4990, 5000), (4990, 5001), (9990, 0), (9991, 10)] {
            assert_eq!(check(offset, length).unwrap(), length, "{offset} {length}");
        }
        check(100_000, 10).unwrap();
        assert_eq!(check(text.len() - 10, 20).unwrap(), 10);
        assert_eq!(check(text.len() - 5, 20).unwrap(), 5);
        assert_eq!(check(text.len(), 20).unwrap(), 0);
        check(0, 10).unwrap_err();
    }

    #[test]
    fn compressed_content_is_read_and_recognised_like_plain() {
        let folder = tempfile::tempdir().unwrap();
        let text: String = (0..5000).map(|n| format!("line {n}\n")).collect();
        let plain = folder.path().join("a.log");
        std::fs::write(&plain, &text).unwrap();
        let gz = folder.path().join("a.log.1.gz");
        let mut encoder = flate2::write::GzEncoder::new(File::create(&gz).unwrap(), flate2::Compression::new(6));
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap();
        let zst = folder.path().join("a.log.2.zst");
        std::fs::write(&zst, zstd::encode_all(text.as_bytes(), 1).unwrap()).unwrap();
        let position = |offset: usize| Position {
            path: String::new(),
            pipeline: String::new(),
            file: FileId::default(),
            offset: offset as u64,
            head: Fingerprint::of(&text.as_bytes()[..1024]),
            tail: Fingerprint::of(&text.as_bytes()[offset - 64..offset]),
            complete: false,
        };
        for path in [plain, gz, zst] {
            let (mut content, _) = Content::open(&path).unwrap();
            assert!(content.matches(&position(20_000)).unwrap());
            assert!(content.matches(&position(text.len())).unwrap());
            let mut wrong = position(20_000);
            wrong.offset += 1;
            assert!(!content.matches(&wrong).unwrap());
            let mut buffer = vec![0; 100];
            assert_eq!(content.read_at(20_000, &mut buffer).unwrap(), 100);
            assert_eq!(buffer, &text.as_bytes()[20_000..20_100]);
            assert_eq!(content.read_at(text.len() as u64 - 5, &mut buffer).unwrap(), 5);
            assert_eq!(content.read_at(1 << 40, &mut buffer).unwrap(), 0);
        }
    }
}
