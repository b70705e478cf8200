//! Everything `/metrics` shows: what was counted of entries up to the last commit, what Logmill knows of itself, and what
//! was seen of the machine.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::daemon::Board;
use crate::daemon::board::Facts;
use crate::daemon::face::{Face, redacted};
use crate::daemon::index::{Current, lock};
use crate::daemon::partitions::partitions;
use crate::daemon::receiving::Receiving;
use crate::metrics::host::Host;
use crate::metrics::{Family, Kind, Own, Sample};
use crate::store::PartitionInfo;
use crate::sys::clock::SECOND;
use crate::sys::{clock, files, process};

/// Numbers that threads leave for whoever asks.
#[derive(Clone, Default)]
pub struct Numbers {
    pub own: Own,
    /// Of entries, as of the last commit.
    derived: Latest,
    /// Of the machine, as of the last look.
    host: Latest,
}

type Latest = Arc<Mutex<Vec<Family>>>;

fn lock_latest(latest: &Latest) -> MutexGuard<'_, Vec<Family>> {
    latest.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Numbers {
    /// All of them.
    pub fn families(&self) -> Vec<Family> {
        let mut families = self.own.families();
        families.extend_from_slice(&lock_latest(&self.derived));
        families.extend_from_slice(&lock_latest(&self.host));
        families
    }

    /// The samples of one metric.
    pub fn samples(&self, name: &str) -> Vec<Sample> {
        let of = |families: &[Family]| families.iter().flat_map(|family| family.samples(name)).collect::<Vec<_>>();
        let mut samples = of(&self.own.families());
        samples.extend(of(&lock_latest(&self.derived)));
        samples.extend(of(&lock_latest(&self.host)));
        samples
    }

    /// What is committed by now.
    pub fn publish(&self, derived: Vec<Family>) {
        *lock_latest(&self.derived) = derived;
    }
}

/// Looks at the machine from time to time, until told to stop.
pub fn keep_looking(numbers: &Numbers, current: &Current, board: &Board, stops: &AtomicBool) {
    let mut host = match Host::new() {
        Ok(host) => host,
        Err(error) => return board.error(clock::now(), format!("nothing is told of the machine: {error}")),
    };
    let mut next = Instant::now();
    while !stops.load(Ordering::Acquire) {
        if Instant::now() >= next {
            let (options, data_dir) = {
                let loaded = lock(current);
                (loaded.config.host.clone(), loaded.config.data_dir.clone())
            };
            let seen = host.look(&options, &data_dir);
            *lock_latest(&numbers.host) = seen;
            next = Instant::now() + options.every.0;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

impl Face {
    /// Everything there is, in no order.
    pub fn families(&self) -> Vec<Family> {
        let (partitions, _) = partitions(&self.shared.partitions(), true);
        let is_healthy = self.doctor.health().problems.is_empty();
        let mut list = List::default();
        list.process(self.started);
        list.store(&partitions);
        {
            let loaded = lock(&self.current);
            list.disk(&loaded.config.data_dir);
            list.by_label(
                Kind::Counter,
                "logmill_redacted_total",
                "Secrets redacted.",
                "recipe",
                redacted(&loaded.pipelines),
            );
        }
        list.gauge("logmill_healthy", "1 while there is nothing wrong.", f64::from(u8::from(is_healthy)));
        list.facts(&self.board.lock());
        let mut families = list.0;
        families.extend(self.numbers.families());
        families.extend(self.desk.families());
        families.extend(self.receiving.iter().flat_map(Receiving::families));
        families.extend(self.archiving.archive.families());
        families.extend(self.shipping.sinks.families(&self.shared.committed()));
        families
    }
}

/// Families of Logmill's own, being put together.
#[derive(Default)]
struct List(Vec<Family>);

impl List {
    fn one(&mut self, kind: Kind, name: &'static str, help: &'static str, value: f64) {
        let mut family = Family::new(kind, name, help, &[]);
        family.set(&[], value);
        self.0.push(family);
    }

    fn gauge(&mut self, name: &'static str, help: &'static str, value: f64) {
        self.one(Kind::Gauge, name, help, value);
    }

    fn counter(&mut self, name: &'static str, help: &'static str, value: u64) {
        self.one(Kind::Counter, name, help, value as f64);
    }

    fn by_label<L: AsRef<str>>(
        &mut self,
        kind: Kind,
        name: &'static str,
        help: &'static str,
        label: &'static str,
        values: impl IntoIterator<Item = (L, u64)>,
    ) {
        let mut family = Family::new(kind, name, help, &[label]);
        values.into_iter().for_each(|(value, number)| family.set(&[value.as_ref()], number as f64));
        self.0.push(family);
    }

    fn process(&mut self, started: Instant) {
        let mut build = Family::new(Kind::Gauge, "logmill_build_info", "Always 1.", &["version"]);
        build.set(&[env!("CARGO_PKG_VERSION")], 1.0);
        self.0.push(build);
        let start = clock::now() as f64 / SECOND as f64 - started.elapsed().as_secs_f64();
        self.gauge("process_start_time_seconds", "When this process started, since the epoch.", start.round());
        self.gauge("process_resident_memory_bytes", "Memory of this process.", process::resident_bytes() as f64);
        self.gauge("process_open_fds", "Files this process has open.", process::open_files() as f64);
        self.one(Kind::Counter, "process_cpu_seconds_total", "Processor time of this process.", process::cpu_seconds());
    }

    fn store(&mut self, partitions: &[PartitionInfo]) {
        let state = |partition: &PartitionInfo| if partition.active { "open" } else { "sealed" };
        let sum = |of: &dyn Fn(&PartitionInfo) -> u64| {
            let mut sums = BTreeMap::from([("open", 0), ("sealed", 0)]);
            for partition in partitions {
                *sums.entry(state(partition)).or_default() += of(partition);
            }
            sums
        };
        self.by_label(Kind::Gauge, "logmill_partitions", "Partitions of the store.", "state", sum(&|_| 1));
        let help = "Size of the store on disk.";
        self.by_label(Kind::Gauge, "logmill_partition_bytes", help, "state", sum(&|partition| partition.bytes));
    }

    fn disk(&mut self, data_dir: &Path) {
        // Where it cannot be known, nothing is said.
        if let Ok((free, size)) = files::disk_space(data_dir) {
            self.gauge("logmill_disk_free_bytes", "Free space where the store is.", free as f64);
            self.gauge("logmill_disk_size_bytes", "All space where the store is.", size as f64);
        }
    }

    fn facts(&mut self, facts: &Facts) {
        let outcomes = &facts.outcomes;
        let lines = [("parsed", outcomes.parsed), ("text", outcomes.text), ("joined", outcomes.joined)];
        self.by_label(Kind::Counter, "logmill_lines_total", "Lines read, by what they became.", "outcome", lines);
        let dropped = [("filtered", outcomes.filtered), ("sampled", outcomes.sampled), ("limited", outcomes.limited)];
        let help = "Entries that a pipeline left out.";
        self.by_label(Kind::Counter, "logmill_entries_dropped_total", help, "reason", dropped);
        for (name, help, value) in [
            ("logmill_read_bytes_total", "Bytes read from followed files.", facts.bytes),
            ("logmill_entries_total", "Entries made of what was read.", facts.entries),
            ("logmill_entries_truncated_total", "Entries cut at the length limit.", outcomes.truncated),
            ("logmill_invalid_utf8_lines_total", "Lines with bytes that are no text.", outcomes.invalid_utf8),
            ("logmill_errors_total", "Errors of this process.", facts.errors_total),
            ("logmill_commits_total", "Commits of the store.", facts.commits),
            ("logmill_rotations_seen_total", "Rotations that others did.", facts.rotations_seen),
            ("logmill_truncations_seen_total", "Files that were emptied and filled again.", facts.truncations_seen),
            ("logmill_partitions_removed_total", "Partitions that retention removed.", facts.partitions_removed),
        ] {
            self.counter(name, help, value);
        }
        let rotations = [("done", facts.rotations_done), ("failed", facts.rotations_failed)];
        self.by_label(Kind::Counter, "logmill_rotations_total", "Rotations of this process.", "result", rotations);
        self.gauge("logmill_uncommitted_entries", "Entries that wait for their commit.", facts.waiting_entries as f64);
        if facts.last_commit > 0 {
            let help = "When the last commit was, since the epoch.";
            self.gauge("logmill_last_commit_timestamp_seconds", help, facts.last_commit as f64 / SECOND as f64);
        }
        self.pipelines(facts);
    }

    fn pipelines(&mut self, facts: &Facts) {
        let mut followed: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for file in &facts.files {
            let (files, lag) = followed.entry(&file.pipeline).or_default();
            *files += 1;
            *lag += file.size.saturating_sub(file.offset);
        }
        let files = followed.iter().map(|(pipeline, (files, _))| (pipeline, *files));
        self.by_label(Kind::Gauge, "logmill_files_followed", "Files being followed.", "pipeline", files);
        let lag = followed.iter().map(|(pipeline, (_, lag))| (pipeline, *lag));
        self.by_label(Kind::Gauge, "logmill_lag_bytes", "Bytes that are not read yet.", "pipeline", lag);
        let help = "Time of the newest entry, since the epoch.";
        let mut newest = Family::new(Kind::Gauge, "logmill_last_entry_timestamp_seconds", help, &["pipeline"]);
        facts.newest.iter().for_each(|(name, time)| newest.set(&[name], *time as f64 / SECOND as f64));
        self.0.push(newest);
    }
}
