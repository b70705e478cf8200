//! The archive of a data folder: what is there by now, what retention has to wait for, and what is told of it.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};

use crate::archive::ledger::{Counts, Ledger};
use crate::archive::logs::{RotatedLog, id_and_time, mark};
use crate::archive::send::Sent;
use crate::archive::settings::{Keep, Settings};
use crate::archive::stuck::StuckItems;
use crate::metrics::{Family, Kind};
use crate::record::timestamp;
use crate::store::PartitionView;
use crate::sys::clock;
use crate::sys::files::FileId;

/// See the module. Clones share it.
#[derive(Clone, Default)]
pub struct Archive(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    /// `None`: nothing is archived.
    settings: Option<Arc<Settings>>,
    data: PathBuf,
    ledger: Ledger,
    /// Since when, and why, nothing could be sent.
    problem: Option<(i64, String)>,
    last_success: i64,
    /// What could not be sent at its last attempt.
    stuck: StuckItems,
    /// Sealed partitions that are not there yet.
    waiting: u64,
    /// Rotated logs that are not there yet, as of the last look.
    awaited: HashMap<FileId, RotatedLog>,
    /// Marks of those that are to be removed, and wait for the archive.
    wanted: BTreeSet<String>,
    /// Marks of those that may be removed without, as they were counted.
    let_go: BTreeSet<String>,
}

impl Archive {
    pub fn open(settings: Option<Arc<Settings>>, data: &Path, store: &str) -> Archive {
        let archive = Archive::default();
        archive.replace(settings, data, store);
        archive
    }

    /// Goes on with other settings.
    pub fn replace(&self, settings: Option<Arc<Settings>>, data: &Path, store: &str) {
        let ledger = settings.as_ref().map(|settings| Ledger::load(data, &settings.target(), store));
        let ledger = ledger.unwrap_or_default();
        *self.lock() = Inner { settings, data: data.to_owned(), ledger, ..Inner::default() };
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn counts(&self) -> Counts {
        self.lock().ledger.counts
    }

    /// Whether a partition is still to be sent, once it is sealed. What came from there is there.
    fn is_awaited(inner: &Inner, view: &PartitionView) -> bool {
        let is_empty = view.summary.as_ref().is_some_and(|summary| summary.entries == 0);
        let is_there = inner.ledger.partitions.contains_key(&view.number) || view.kept_until.is_some();
        inner.settings.as_ref().is_some_and(|settings| settings.partitions) && !is_empty && !is_there
    }

    /// Why a partition must not be removed or thinned out yet.
    pub fn holds(&self, view: &PartitionView) -> Option<String> {
        let inner = self.lock();
        let settings = inner.settings.as_ref().filter(|settings| settings.retention == Keep::Hold)?;
        Archive::is_awaited(&inner, view).then(|| format!("held until it is in the archive {}", settings.target()))
    }

    /// Counts what the archive will not have when a partition is removed.
    pub fn will_lose(&self, view: &PartitionView) {
        let mut inner = self.lock();
        if Archive::is_awaited(&inner, view) {
            let entries = view.info(false).map_or(0, |info| info.entries);
            inner.ledger.counts.partitions_lost += 1;
            inner.ledger.counts.entries_lost += entries;
            tracing::warn!(partition = view.number, entries, "retention removes what is not archived");
            inner.save();
        }
    }

    /// The oldest partition that is sealed, not there, and does not rest. `views` are without the one being written.
    pub fn next(&self, views: &[PartitionView]) -> Option<PartitionView> {
        let mut inner = self.lock();
        let here: BTreeSet<u64> = views.iter().map(|view| view.number).collect();
        inner.ledger.partitions.retain(|number, _| here.contains(number));
        let items: BTreeSet<String> = views.iter().map(item).collect();
        inner.stuck.retain(|item| !item.starts_with(PARTITION) || items.contains(item));
        let is_next = |view: &&PartitionView| view.generation > 0 && Archive::is_awaited(&inner, view);
        let waiting: Vec<&PartitionView> = views.iter().filter(is_next).collect();
        let now = Instant::now();
        // Those that never failed first: what rests is due again when the server is tried again.
        let due = waiting.iter().filter(|view| !inner.stuck.rests(&item(view), now));
        let first = due.min_by_key(|view| inner.stuck.has(&item(view))).map(|view| (*view).clone());
        let count = waiting.len() as u64;
        inner.waiting = count;
        first
    }

    /// A partition could not be sent: those behind it go on.
    pub fn could_not_send(&self, view: &PartitionView, why: String) {
        self.gets_stuck(item(view), &format!("partition {:06}.{}", view.number, view.generation), why);
    }

    fn gets_stuck(&self, item: String, name: &str, why: String) {
        let mut inner = self.lock();
        inner.fail(&why);
        inner.stuck.add(item, name, &why, (clock::now(), Instant::now()));
    }

    /// A partition is there now.
    pub fn sent(&self, view: &PartitionView, sent: &Sent) {
        let mut inner = self.lock();
        inner.ledger.partitions.insert(view.number, view.generation);
        inner.stuck.remove(&item(view));
        let counts = &mut inner.ledger.counts;
        counts.partitions += 1;
        counts.bytes += sent.bytes;
        counts.files_known += sent.files_known;
        inner.works();
        inner.save();
    }

    /// The oldest rotated log that is not there, of all that are here: one that only waits for its removal, and is
    /// compressed or was not written since `before`. What was awaited and is gone is lost.
    pub fn next_log(&self, here: Vec<RotatedLog>, before: i64) -> Option<RotatedLog> {
        let mut inner = self.lock();
        let marks: BTreeSet<String> = here.iter().map(RotatedLog::mark).collect();
        let ids: BTreeSet<FileId> = here.iter().map(|log| log.id).collect();
        let known = inner.ledger.logs.len();
        inner.ledger.logs.retain(|mark| marks.contains(mark));
        inner.let_go.retain(|mark| marks.contains(mark));
        inner.wanted.retain(|mark| marks.contains(mark));
        inner.stuck.retain(|item| item.starts_with(PARTITION) || marks.contains(item));
        let lost: Vec<PathBuf> = inner
            .awaited
            .values()
            .filter(|log| log.is_final && !ids.contains(&log.id))
            .map(|log| log.path.clone())
            .collect();
        lost.iter().for_each(|file| inner.lose_log(file));
        if inner.ledger.logs.len() != known || !lost.is_empty() {
            inner.save();
        }
        let awaited = here.into_iter().filter(|log| {
            let mark = log.mark();
            let is_due = log.is_final || inner.wanted.contains(&mark);
            is_due && !inner.ledger.logs.contains(&mark) && !inner.let_go.contains(&mark)
        });
        inner.awaited = awaited.map(|log| (log.id, log)).collect();
        let now = Instant::now();
        inner
            .awaited
            .values()
            .filter(|log| log.written <= before || !log.ending.is_empty() || inner.wanted.contains(&log.mark()))
            .filter(|log| !inner.stuck.rests(&log.mark(), now))
            .min_by_key(|log| (inner.stuck.has(&log.mark()), log.written, log.mark()))
            .cloned()
    }

    /// A rotated log could not be sent: those behind it go on.
    pub fn could_not_send_log(&self, log: &RotatedLog, why: String) {
        self.gets_stuck(log.mark(), &log.path.display().to_string(), why);
    }

    /// A rotated log is there now.
    pub fn sent_log(&self, log: &RotatedLog, sent: Option<u64>) {
        let mut inner = self.lock();
        inner.awaited.remove(&log.id);
        inner.stuck.remove(&log.mark());
        inner.ledger.logs.insert(log.mark());
        inner.ledger.counts.logs += 1;
        inner.ledger.counts.bytes += sent.unwrap_or(0);
        inner.ledger.counts.files_known += u64::from(sent.is_none());
        inner.works();
        inner.save();
    }

    /// Whether a rotated log may be removed. While the archive cannot be used none has to stay, and never one that could
    /// not be sent: rotation goes on, and what goes is counted.
    pub fn lets_go(&self, file: &Path) -> bool {
        let mut inner = self.lock();
        let Some(settings) = inner.settings.clone().filter(|settings| settings.logs) else { return true };
        let Ok((id, bytes, written)) = id_and_time(file) else { return true };
        let mark = mark(id, bytes, written);
        if inner.ledger.logs.contains(&mark) {
            return true;
        }
        if settings.retention == Keep::Hold && inner.problem.is_none() && !inner.stuck.has(&mark) {
            inner.wanted.insert(mark);
            return false;
        }
        inner.awaited.remove(&id);
        if inner.let_go.insert(mark) {
            inner.lose_log(file);
            inner.save();
        }
        true
    }

    /// Partitions and logs went there, as they were too old.
    pub fn expired(&self, count: u64) {
        let mut inner = self.lock();
        inner.ledger.counts.expired += count;
        inner.save();
    }

    pub fn restored(&self) {
        let mut inner = self.lock();
        inner.ledger.counts.restored += 1;
        inner.save();
    }

    /// Remembers why nothing is sent; the time of the first reason stays.
    pub fn failed(&self, why: String) {
        self.lock().fail(&why);
    }

    /// Since when, and why, something could not be sent.
    pub fn problem(&self) -> Option<(i64, String)> {
        let inner = self.lock();
        inner.problem.clone().into_iter().chain(inner.stuck.oldest()).min_by_key(|(since, _)| *since)
    }

    pub fn to_json(&self) -> Value {
        let inner = self.lock();
        let Some(settings) = &inner.settings else { return Value::Null };
        json!({
            "to": settings.target(),
            "retention": match settings.retention { Keep::Hold => "hold", Keep::Drop => "drop" },
            "waiting": inner.waiting,
            "logs_waiting": inner.awaited.len(),
            "partitions": inner.ledger.partitions.keys().collect::<Vec<_>>(),
            "counts": inner.ledger.counts,
            "last_success": (inner.last_success > 0).then(|| timestamp(inner.last_success)),
            "stuck": inner.stuck.to_json(),
            "problem": inner.problem.as_ref().map(|(since, why)| json!({ "since": timestamp(*since), "why": why })),
        })
    }

    /// What is told in `/metrics`; nothing where nothing is archived.
    pub fn families(&self) -> Vec<Family> {
        let inner = self.lock();
        if inner.settings.is_none() {
            return Vec::new();
        }
        let counts = inner.ledger.counts;
        let one = |kind, name, help, value: u64| {
            let mut family = Family::new(kind, name, help, &[]);
            family.set(&[], value as f64);
            family
        };
        let counter = |name, help, value| one(Kind::Counter, name, help, value);
        let gauge = |name, help, value| one(Kind::Gauge, name, help, value);
        vec![
            counter("logmill_archive_partitions_total", "Partitions that were archived.", counts.partitions),
            counter("logmill_archive_logs_total", "Rotated logs that were archived.", counts.logs),
            counter(
                "logmill_archive_lost_logs_total",
                "Rotated logs that went before they were archived.",
                counts.logs_lost,
            ),
            counter("logmill_archive_sent_bytes_total", "Bytes of files sent to the archive.", counts.bytes),
            counter("logmill_archive_failures_total", "Attempts to use the archive that failed.", counts.failures),
            counter(
                "logmill_archive_lost_partitions_total",
                "Partitions that retention removed before they were archived.",
                counts.partitions_lost,
            ),
            counter(
                "logmill_archive_expired_total",
                "Partitions and logs removed from the archive for their age.",
                counts.expired,
            ),
            counter("logmill_archive_restored_total", "Partitions brought back from the archive.", counts.restored),
            gauge("logmill_archive_waiting_partitions", "Sealed partitions not archived yet.", inner.waiting),
            gauge(
                "logmill_archive_stuck",
                "Partitions and logs that could not be sent, while others go on.",
                inner.stuck.len() as u64,
            ),
            gauge("logmill_archive_failing", "1 while the archive cannot be used.", u64::from(inner.problem.is_some())),
        ]
    }
}

/// What items of partitions begin with.
const PARTITION: &str = "partition ";

/// A partition among what is stuck.
fn item(view: &PartitionView) -> String {
    format!("{PARTITION}{}.{}", view.number, view.generation)
}

impl Inner {
    fn lose_log(&mut self, file: &Path) {
        tracing::warn!(file = %file.display(), "a rotated log goes before it is archived");
        self.ledger.counts.logs_lost += 1;
    }

    fn fail(&mut self, why: &str) {
        self.ledger.counts.failures += 1;
        let is_known = self.problem.as_ref().is_some_and(|(_, known)| known == why) || self.stuck.has_reason(why);
        if !is_known {
            tracing::warn!("archive: {why}");
        }
        let since = self.problem.as_ref().map_or_else(clock::now, |(since, _)| *since);
        self.problem = Some((since, why.to_owned()));
    }

    fn works(&mut self) {
        self.last_success = clock::now();
        if let Some((_, why)) = self.problem.take()
            && !self.stuck.has_reason(&why)
        {
            tracing::info!("the archive can be used again; it was: {why}");
        }
    }

    /// The ledger only saves questions: one that cannot be written is told, and does no harm.
    fn save(&self) {
        if self.settings.is_some()
            && let Err(error) = self.ledger.save(&self.data)
        {
            tracing::warn!("archive.json cannot be written: {error}");
        }
    }
}
