//! Looks once a second at what can be wrong, and remembers it for those who ask.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::config::{self, Config};
use crate::daemon::Board;
use crate::daemon::board::Facts;
use crate::daemon::index::{Current, lock};
use crate::daemon::partitions::partitions;
use crate::http::Health;
use crate::store::Shared;
use crate::sys::files::{FileId, disk_space};
use crate::sys::units::Bytes;

/// A thread that was not heard of for so long hangs.
const SILENCE: Duration = Duration::from_secs(60);

/// See the module. Clones share what was seen.
#[derive(Clone)]
pub struct Doctor {
    board: Board,
    shared: Shared,
    current: Current,
    seen: Arc<Mutex<Seen>>,
}

struct Seen {
    health: Health,
    looked_at: Instant,
    /// Since when each file is behind, and where it stood then.
    behind: HashMap<FileId, Behind>,
    /// The number of commits, and since when it is that.
    commits: (u64, Instant),
}

struct Behind {
    since: Instant,
    offset: u64,
    moved_at: Instant,
}

impl Doctor {
    pub fn new(board: Board, shared: Shared, current: Current) -> Doctor {
        let now = Instant::now();
        let health = Health { live: true, problems: Vec::new() };
        let seen = Seen { health, looked_at: now, behind: HashMap::new(), commits: (0, now) };
        Doctor { board, shared, current, seen: Arc::new(Mutex::new(seen)) }
    }

    /// What the last look saw.
    pub fn health(&self) -> Health {
        let seen = self.seen();
        let mut health = seen.health.clone();
        let silence = seen.looked_at.elapsed();
        if silence > SILENCE {
            health.live = false;
            health.problems.push(format!("the disk or the memory does not answer since {} s", silence.as_secs()));
        }
        health
    }

    /// Looks at everything. May wait for the disk.
    pub fn look(&self) {
        let (settings, max_line, data) = {
            let Config { health, follow, data_dir, .. } = &lock(&self.current).config;
            (health.clone(), follow.max_line, data_dir.clone())
        };
        let damage = partitions(&self.shared.partitions(), true).1;
        let space = disk_space(&data).ok();
        let mut seen = self.seen();
        let facts = self.board.lock();
        let live = is_live(&facts, Instant::now());
        let mut problems = problems(&facts, damage);
        if let Some((free, size)) = space
            && (free as f64) < size as f64 * settings.min_free_percent / 100.0
        {
            problems.push(format!("the disk of {} is nearly full: {} are free", data.display(), Bytes(free)));
        }
        problems.extend(seen.lagging(&facts, (&settings, max_line), Instant::now()));
        drop(facts);
        seen.health = Health { live, problems };
        seen.looked_at = Instant::now();
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the threads work. While the store cannot be written, reading waits, and that is as it should be.
fn is_live(facts: &Facts, now: Instant) -> bool {
    let is_heard = |beat: Option<Instant>| beat.is_none_or(|beat| now.saturating_duration_since(beat) < SILENCE);
    facts.dead.is_none() && is_heard(facts.index_beat) && (is_heard(facts.tail_beat) || facts.stuck.is_some())
}

/// What the threads told.
fn problems(facts: &Facts, damage: Vec<String>) -> Vec<String> {
    let mut problems: Vec<String> = facts.stuck.iter().map(|why| format!("indexing stands still: {why}")).collect();
    problems.extend(facts.dead.iter().map(|name| format!("the {name} thread has died; restart logmill")));
    problems.extend(facts.damaged.iter().cloned());
    problems.extend(damage);
    problems.extend(facts.failing.iter().cloned());
    problems
}

impl Seen {
    /// Files that stay behind, and entries that wait too long.
    fn lagging(&mut self, facts: &Facts, (settings, max_line): (&config::Health, Bytes), now: Instant) -> Vec<String> {
        let (patience, mut problems) = (settings.patience.0, Vec::new());
        if self.commits.0 != facts.commits || facts.waiting_entries == 0 {
            self.commits = (facts.commits, now);
        } else if now.saturating_duration_since(self.commits.1) > patience {
            let seconds = now.saturating_duration_since(self.commits.1).as_secs();
            problems.push(format!("{} entries wait for their commit since {seconds} s", facts.waiting_entries));
        }
        let mut behind = HashMap::new();
        for file in &facts.files {
            let lag = file.size.saturating_sub(file.offset);
            // A line that has no end yet is no lag.
            if lag <= max_line.0 {
                continue;
            }
            let known = self.behind.remove(&file.file);
            let mut known = known.unwrap_or(Behind { since: now, offset: file.offset, moved_at: now });
            if known.offset != file.offset {
                (known.offset, known.moved_at) = (file.offset, now);
            }
            let stands = now.saturating_duration_since(known.moved_at) > patience;
            let is_late = lag > settings.max_lag.0 && now.saturating_duration_since(known.since) > patience;
            if stands || is_late {
                let what = if stands { "are not read" } else { "are still to be read" };
                problems.push(format!("{} of {} {what}", Bytes(lag), file.path.display()));
            }
            behind.insert(file.file, known);
        }
        self.behind = behind;
        problems
    }
}
