//! Copying a log while it is being written: what it grew is added round by round, and holes stay holes.
//!
//! Plain reads and writes: `copy_file_range` is no faster on the file systems that have no shared blocks, and it knows
//! nothing of holes either.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use rustix::fs::{SeekFrom, seek};

const BUFFER: usize = 256 * 1024;
/// Bytes: so little is copied faster than it is synced.
const LITTLE: u64 = 64 * 1024;
/// A writer faster than our disk would keep us here for ever.
const ROUNDS: usize = 8;
/// The same, of the last look before a truncation.
const LAST_ROUNDS: usize = 64;

/// A copy on its way.
pub(super) struct Copying {
    log: File,
    copy: File,
    buffer: Vec<u8>,
    /// Bytes of the log that are in the copy.
    pub done: u64,
}

impl Copying {
    pub fn new(log: File, copy: File) -> Copying {
        Copying { log, copy, buffer: vec![0; BUFFER], done: 0 }
    }

    pub fn log(&self) -> &File {
        &self.log
    }

    /// Copies and syncs until the log grows by little meanwhile.
    pub fn follow(&mut self) -> io::Result<()> {
        for _ in 0..ROUNDS {
            let before = self.done;
            self.catch_up()?;
            self.sync()?;
            if self.done - before < LITTLE {
                break;
            }
        }
        Ok(())
    }

    /// Copies what the log has now.
    pub fn catch_up(&mut self) -> io::Result<()> {
        let end = self.log.metadata()?.len();
        while self.done < end {
            let data = match seek(&self.log, SeekFrom::Data(self.done)) {
                Ok(at) => at.min(end),
                Err(rustix::io::Errno::NXIO) => end,
                Err(_) => self.done, // No holes here, as far as we can learn.
            };
            self.done = data;
            let hole = seek(&self.log, SeekFrom::Hole(data)).unwrap_or(end).clamp(data, end);
            if self.copy_to(hole)? {
                return Ok(()); // Somebody else made it shorter.
            }
        }
        // A hole at the end is no write.
        if self.copy.metadata()?.len() < self.done { self.copy.set_len(self.done) } else { Ok(()) }
    }

    /// Copies up to `end`; whether the log ended before.
    fn copy_to(&mut self, end: u64) -> io::Result<bool> {
        while self.done < end {
            let wanted = usize::try_from(end - self.done).unwrap_or(BUFFER).min(BUFFER);
            match self.log.read_at(&mut self.buffer[..wanted], self.done) {
                Ok(0) => return Ok(true),
                Ok(count) => {
                    self.copy.write_all_at(&self.buffer[..count], self.done)?;
                    self.done += count as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(false)
    }

    /// Copies to the very end, and empties the log at once; how much it had grown in between, as far as can be seen.
    pub fn drain_and_truncate(&mut self) -> io::Result<u64> {
        let mut grown = self.growth()?;
        for _ in 0..LAST_ROUNDS {
            if grown == 0 {
                break;
            }
            self.copy_to(self.done + grown)?;
            grown = self.growth()?;
        }
        self.log.set_len(0)?;
        Ok(grown)
    }

    /// Bytes of the log that are not in the copy.
    fn growth(&self) -> io::Result<u64> {
        Ok(self.log.metadata()?.len().saturating_sub(self.done))
    }

    /// Takes back what is behind `length`.
    pub fn shorten(&mut self, length: u64) -> io::Result<()> {
        self.copy.set_len(length)?;
        self.done = length;
        self.sync()
    }

    pub fn sync(&self) -> io::Result<()> {
        self.copy.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn holes_stay_holes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let check = |pieces: &[(u64, &str)], length: u64| {
            let log = File::create(&path).unwrap();
            log.set_len(length).unwrap();
            pieces.iter().for_each(|(at, text)| log.write_all_at(text.as_bytes(), *at).unwrap());
            log.sync_all().unwrap();
            let copy = tempfile::tempfile_in(folder.path()).unwrap();
            let mut copying = Copying::new(File::open(&path).unwrap(), copy.try_clone().unwrap());
            copying.follow().unwrap();
            let mut copied = vec![0; length as usize];
            copy.read_exact_at(&mut copied, 0).unwrap();
            assert!(copied == std::fs::read(&path).unwrap(), "{pieces:?}");
            let size = copy.metadata().unwrap();
            assert_eq!((copying.done, size.len()), (length, length));
            assert!(size.blocks() * 512 < 1 << 20, "{pieces:?}: {} blocks", size.blocks());
        };
        check(&[], 8 << 20);
        check(&[(0, "a")], 8 << 20);
        check(&[(4 << 20, "b")], 8 << 20);
        check(&[((8 << 20) - 1, "c")], 8 << 20);
        check(&[(5, "a"), (4 << 20, "b")], (4 << 20) + 1);
        check(&[(0, "text")], 4);
        check(&[], 0);
    }
}
