//! Looks once a second at what can be wrong, and remembers it for those who ask.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::archive::Archive;
use crate::config::{self, Config};
use crate::daemon::Board;
use crate::daemon::board::Facts;
use crate::daemon::index::{Current, lock};
use crate::daemon::partitions::partitions;
use crate::http::Health;
use crate::record::timestamp;
use crate::store::Shared;
use crate::sys::clock;
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
    archive: Archive,
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
    pub fn new(board: Board, shared: Shared, current: Current, archive: Archive) -> Doctor {
        let now = Instant::now();
        let health = Health { live: true, problems: Vec::new() };
        let seen = Seen { health, looked_at: now, behind: HashMap::new(), commits: (0, now) };
        Doctor { board, shared, current, archive, seen: Arc::new(Mutex::new(seen)) }
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
        let archive = self.archive.problem();
        let mut seen = self.seen();
        let facts = self.board.lock();
        let live = is_live(&facts, Instant::now());
        let mut problems = problems(&facts, damage);
        if let Some((free, size)) = space
            && (free as f64) < size as f64 * settings.min_free_percent / 100.0
        {
            problems.push(format!("the disk of {} is nearly full: {} are free", data.display(), Bytes(free)));
        }
        let patience = settings.archive_patience.nanoseconds();
        let is_long = |since: &i64| clock::now().saturating_sub(*since) > patience;
        let archive = archive.filter(|(since, _)| is_long(since));
        problems.extend(archive.map(|(since, why)| format!("not all is archived since {}: {why}", timestamp(since))));
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
    problems.extend(facts.receiving.iter().cloned());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Fingerprint;
    use crate::tail::FileStatus;

    const MAX_LINE: Bytes = Bytes(100);

    fn facts(offset: u64, size: u64, waiting_entries: usize, commits: u64) -> Facts {
        let file = FileStatus {
            source: "a.log".into(),
            path: "a.log".into(),
            pipeline: "api".into(),
            file: FileId::default(),
            offset,
            size,
            retired: false,
            head: Fingerprint::default(),
            stream: 1,
        };
        let mut facts = Facts::default();
        facts.files.push(file);
        (facts.waiting_entries, facts.commits) = (waiting_entries, commits);
        facts
    }

    #[test]
    fn who_stays_behind_is_told() {
        let settings = config::Health { max_lag: Bytes(1000), ..config::Health::default() };
        let start = Instant::now();
        let health = Health::default();
        let mut seen = Seen { health, looked_at: start, behind: HashMap::new(), commits: (0, start) };
        let mut check = |seconds: u64, facts: Facts, want: &[&str]| {
            let got = seen.lagging(&facts, (&settings, MAX_LINE), start + Duration::from_secs(seconds));
            assert_eq!(got.len(), want.len(), "after {seconds} s: {got:?}");
            got.iter().zip(want).for_each(|(got, want)| assert!(got.contains(want), "{got}"));
        };
        // A line without an end is no lag, however long it stands there.
        check(0, facts(0, 100, 0, 0), &[]);
        check(500, facts(0, 100, 0, 0), &[]);
        check(501, facts(0, 900, 0, 0), &[]);
        check(562, facts(0, 900, 0, 0), &["are not read"]);
        // It is read on, and the lag is small.
        check(563, facts(100, 900, 0, 0), &[]);
        check(620, facts(100, 3000, 0, 0), &["are still to be read"]);
        check(621, facts(3000, 3000, 0, 0), &[]);
        check(699, facts(3000, 3000, 0, 0), &[]);
        check(700, facts(3000, 3000, 5, 0), &[]);
        check(761, facts(3000, 3000, 9, 0), &["9 entries wait"]);
        check(762, facts(3000, 3000, 9, 1), &[]);
    }

    #[test]
    fn a_thread_that_says_nothing_hangs() {
        let now = Instant::now() + 10 * SILENCE;
        let long_ago = Some(now - 2 * SILENCE);
        let check = |tail: Option<Instant>, index: Option<Instant>, stuck: bool, want: bool| {
            let stuck = stuck.then(|| "no space".to_owned());
            let mut facts = Facts::default();
            (facts.tail_beat, facts.index_beat, facts.stuck) = (tail, index, stuck);
            assert_eq!(is_live(&facts, now), want);
        };
        check(None, None, false, true);
        check(Some(now), Some(now), false, true);
        check(long_ago, Some(now), false, false);
        check(Some(now), long_ago, false, false);
        // Reading waits while the store cannot be written.
        check(long_ago, Some(now), true, true);
        let mut facts = Facts::default();
        facts.dead.replace("tail");
        assert!(!is_live(&facts, now));
    }
}
