//! Up to when entries were read.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::daemon::alerting::Desk;
use crate::sys::clock;
use crate::sys::files::FileId;

/// Less is read in a moment, and is no reason to wait.
const LITTLE: u64 = 1 << 20;
/// A file that is not read for so long is not being caught up with: something else is wrong with it, and nobody waits.
const PATIENCE: Duration = Duration::from_secs(10);
/// What was read is in the store after this.
const SETTLES: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Default)]
pub struct Reach {
    /// How far each file was, and since when.
    files: HashMap<FileId, (u64, Instant)>,
    /// When all was last found read.
    caught_up: Option<Instant>,
}

impl Reach {
    /// The clock when all is read; otherwise the time of the last entries of what is being caught up with, if that is
    /// known.
    pub fn now(&mut self, desk: &Desk) -> Option<i64> {
        let now = clock::now();
        let facts = desk.board.lock();
        let is_first_look = facts.discoveries == 0;
        let mut reached = now;
        let mut files = HashMap::new();
        for file in facts.files.iter().filter(|file| file.size > file.offset) {
            let (offset, since) = self.files.get(&file.file).copied().unwrap_or((file.offset, Instant::now()));
            let since = if offset == file.offset { since } else { Instant::now() };
            files.insert(file.file, (file.offset, since));
            let heard = facts.heard.get(&file.source);
            // At the start what is little may be old. Later it is what was written this moment, whatever time its
            // entries say it is.
            let is_unheard = self.caught_up.is_none() && heard.is_none();
            if since.elapsed() < PATIENCE && (is_unheard || file.size - file.offset > LITTLE) {
                // Before its first entry nothing is known of its time.
                reached = reached.min(heard.map_or(0, |heard| heard.time));
            }
        }
        drop(facts);
        self.files = files;
        if is_first_look || reached < now {
            self.caught_up = None;
            return Some(reached).filter(|time| !is_first_look && *time > 0);
        }
        let since = *self.caught_up.get_or_insert_with(Instant::now);
        (since.elapsed() >= SETTLES).then_some(now)
    }
}
