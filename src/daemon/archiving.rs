//! The archive thread: sends sealed partitions one after another at the lowest priority, lets go there what is too old,
//! and brings back what is asked for.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::archive::{
    Archive, Choice, Manifest, Remote, RotatedLog, Settings, Wanted, choose, expire, expire_logs, fetch, id_and_time,
    manifests, send, send_log,
};
use crate::daemon::Board;
use crate::daemon::engine::Engine;
use crate::daemon::index::{Current, lock};
use crate::daemon::rotation::Rotating;
use crate::record::timestamp;
use crate::rotate::Generation;
use crate::store::{PartitionView, Shared, identity, take_over};
use crate::sys::clock;
use crate::sys::process::be_nice;
use crate::sys::units::Bytes;

/// How often it is looked whether there is work, or whether to stop.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const STOP_EVERY: Duration = Duration::from_millis(50);
/// After a failure it is tried again, later each time.
const REST_MIN: Duration = Duration::from_secs(1);
const REST_MAX: Duration = Duration::from_secs(60);
/// How often the archive's own retention is looked at.
const EXPIRE_EVERY: Duration = Duration::from_secs(3600);

/// The archive of a running daemon. Clones share it.
#[derive(Clone)]
pub struct Archiving {
    pub archive: Archive,
    rotating: Rotating,
    shared: Shared,
    current: Current,
    board: Board,
    /// One restore at a time: two might fetch the same.
    restoring: Arc<Mutex<()>>,
}

/// What is to come back, as it was asked.
#[derive(Clone, Debug)]
pub struct Restore {
    /// Nanoseconds since the epoch.
    pub since: i64,
    pub until: i64,
    /// Unset: the host that archives from here.
    pub host: Option<String>,
    pub store: Option<String>,
    pub kept_until: i64,
    pub dry_run: bool,
}

/// When the next try is due, and how long the rest was before it.
struct Pause {
    next: Instant,
    rest: Duration,
}

impl Pause {
    fn after(&mut self, failed: bool) {
        self.rest = if failed { (self.rest * 2).clamp(REST_MIN, REST_MAX) } else { Duration::ZERO };
        self.next = Instant::now() + self.rest;
    }
}

impl Archiving {
    pub fn new(engine: &Engine, archive: Archive, rotating: Rotating) -> Archiving {
        Archiving {
            archive,
            rotating,
            shared: engine.shared.clone(),
            current: engine.current.clone(),
            board: engine.board.clone(),
            restoring: Arc::default(),
        }
    }

    /// The archive that the configuration has now.
    fn open(&self) -> Option<Arc<Settings>> {
        open(&self.archive, &self.current, &self.board)
    }

    /// Sends until told to stop.
    pub fn run(&self, stops: &AtomicBool) {
        be_nice();
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return self.board.error(clock::now(), format!("nothing is archived: {error}")),
        };
        let mut settings = lock(&self.current).archive.clone();
        let (mut sending, mut expiring) = (Pause::now(), Pause::now());
        while !stops.load(Ordering::Acquire) {
            // A reload makes others, be they the same: then it is tried at once.
            let wanted = lock(&self.current).archive.clone();
            if wanted.as_ref().map(Arc::as_ptr) != settings.as_ref().map(Arc::as_ptr) {
                settings = self.open();
                (sending, expiring) = (Pause::now(), Pause::now());
            }
            if let Some(settings) = &settings {
                runtime.block_on(async {
                    tokio::select! {
                        () = self.work(settings, &mut sending, &mut expiring) => {}
                        () = stopped(stops) => {}
                    }
                });
            }
            std::thread::sleep(STOP_EVERY);
        }
    }

    async fn work(&self, settings: &Settings, sending: &mut Pause, expiring: &mut Pause) {
        if Instant::now() >= sending.next {
            let done = match self.send_next(settings).await {
                Ok(false) if settings.logs => self.send_next_log(settings).await,
                done => done,
            };
            sending.after(done.is_err());
            match done {
                Ok(true) => {}
                Ok(false) => sending.next = Instant::now() + LOOK_EVERY,
                Err(error) => error.into_iter().for_each(|error| self.archive.failed(error)),
            }
        }
        if let Some(keep) = settings.keep.filter(|_| Instant::now() >= expiring.next) {
            let done = expire_older(settings, clock::now().saturating_sub(keep.nanoseconds())).await;
            expiring.after(done.is_err());
            match done {
                Ok(count) => {
                    expiring.next = Instant::now() + EXPIRE_EVERY;
                    self.archive.expired(count);
                }
                Err(error) => self.archive.failed(error),
            }
        }
    }

    /// Whether there was one. An error without a text is told already.
    async fn send_next(&self, settings: &Settings) -> Result<bool, Option<String>> {
        let mut views = self.shared.partitions();
        // The last one is being written.
        views.pop();
        let Some(view) = self.archive.next(&views) else { return Ok(false) };
        let data = lock(&self.current).config.data_dir.clone();
        let store = identity(&data).map_err(|error| Some(error.to_string()))?;
        let begun = Instant::now();
        let remote = Remote::open(settings).map_err(|error| Some(error.to_string()))?;
        match send(&remote, &settings.host, &store, &view).await {
            Ok(sent) => {
                self.archive.sent(&view, &sent);
                let seconds = begun.elapsed().as_secs_f64();
                tracing::info!(partition = view.number, size = %Bytes(sent.bytes), seconds, "archived");
                Ok(true)
            }
            // The sealer packed it once more, or retention took it: the next look finds what is there.
            Err(_) if !view.path.exists() => Ok(true),
            Err(error) => {
                self.archive.could_not_send(&view, error.to_string());
                Err(None)
            }
        }
    }

    /// The same for a rotated log.
    async fn send_next_log(&self, settings: &Settings) -> Result<bool, Option<String>> {
        let (is_rotating, linger) = {
            let current = lock(&self.current);
            (current.config.rotation.enabled, current.config.follow.linger.nanoseconds())
        };
        if !is_rotating {
            return Ok(false);
        }
        let before = clock::now().saturating_sub(linger);
        let logs = self.rotating.generations().map_err(Some)?.into_iter().filter_map(rotated_log);
        let Some(log) = self.archive.next_log(logs.collect(), before) else { return Ok(false) };
        let remote = Remote::open(settings).map_err(|error| Some(error.to_string()))?;
        match send_log(&remote, &settings.host, &log).await {
            Ok(sent) => {
                self.archive.sent_log(&log, sent);
                tracing::info!(file = %log.path.display(), size = %Bytes(sent.unwrap_or(0)), "archived");
                Ok(true)
            }
            // It was renamed or removed meanwhile: the next look finds it, or counts it.
            Err(_) if id_and_time(&log.path).map_or(true, |(id, ..)| id != log.id) => Ok(true),
            Err(error) => {
                self.archive.could_not_send_log(&log, error.to_string());
                Err(None)
            }
        }
    }

    /// Brings partitions back into search.
    pub fn restore(&self, restore: &Restore) -> Result<Value, String> {
        let _alone = self.restoring.lock().unwrap_or_else(PoisonError::into_inner);
        let (settings, data) = {
            let current = lock(&self.current);
            (current.archive.clone(), current.config.data_dir.clone())
        };
        let settings = settings.ok_or(NO_ARCHIVE)?;
        let views = self.shared.partitions();
        let wanted = Wanted {
            since: restore.since,
            until: restore.until,
            store: restore.store.clone(),
            own: Some(identity(&data).map_err(|error| error.to_string())?),
            present: views.iter().map(|view| view.number).collect(),
            active: views.last().map(|view| view.number),
        };
        bring_back(&settings, restore, &wanted, &data, |view| {
            let number = view.number;
            if !self.shared.insert(view) {
                return Err(format!("partition {number:06} came to be here meanwhile"));
            }
            self.archive.restored();
            Ok(())
        })
    }
}

/// What is archived is known from here on, so that retention can ask; nothing is sent yet.
pub fn archive_of(engine: &Engine) -> Archive {
    let archive = Archive::default();
    open(&archive, &engine.current, &engine.board);
    archive
}

/// The archive that the configuration has now.
fn open(archive: &Archive, current: &Current, board: &Board) -> Option<Arc<Settings>> {
    let (settings, data) = {
        let current = lock(current);
        (current.archive.clone(), current.config.data_dir.clone())
    };
    match identity(&data) {
        Ok(store) => archive.replace(settings.clone(), &data, &store),
        Err(error) => board.error(clock::now(), format!("nothing is archived: {error}")),
    }
    settings
}

/// What somebody is told who asks for an archive that there is not.
pub const NO_ARCHIVE: &str = "no archive is configured; [archive] in config/logmill.toml needs a url";

impl Pause {
    fn now() -> Pause {
        Pause { next: Instant::now(), rest: Duration::ZERO }
    }
}

/// A generation that is still there.
fn rotated_log(generation: Generation) -> Option<RotatedLog> {
    let Generation { path, log, ending, is_final } = generation;
    let (id, bytes, written) = id_and_time(&path).ok()?;
    Some(RotatedLog { path, id, log, bytes, written, ending: ending.unwrap_or_default(), is_final })
}

async fn stopped(stops: &AtomicBool) {
    while !stops.load(Ordering::Acquire) {
        tokio::time::sleep(STOP_EVERY).await;
    }
}

async fn expire_older(settings: &Settings, before: i64) -> Result<u64, String> {
    let remote = Remote::open(settings).map_err(|error| error.to_string())?;
    let partitions = expire(&remote, &settings.host, before).await.map_err(|error| error.to_string())?;
    let logs = expire_logs(&remote, &settings.host, before).await.map_err(|error| error.to_string())?;
    Ok(partitions + logs)
}

/// Fetches what is wanted into a data folder; `arrived` takes each one. A folder without a store becomes the one that its
/// partitions come from. The answer names everything in the range.
pub fn bring_back(
    settings: &Settings,
    restore: &Restore,
    wanted: &Wanted,
    data: &Path,
    mut arrived: impl FnMut(PartitionView) -> Result<(), String>,
) -> Result<Value, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(async {
        let remote = Remote::open(settings).map_err(|error| error.to_string())?;
        let host = restore.host.as_deref().unwrap_or(&settings.host);
        let (found, mut problems) = manifests(&remote, Some(host)).await.map_err(|error| error.to_string())?;
        let choice = choose(&found, wanted)?;
        if wanted.own.is_none() && !restore.dry_run && !choice.fetch.is_empty() {
            take_over(data, &choice.store).map_err(|error| error.to_string())?;
        }
        let mut restored = Vec::new();
        for manifest in &choice.fetch {
            if !restore.dry_run {
                match fetch(&remote, manifest, &data.join("partitions"), restore.kept_until).await {
                    Ok(view) => arrived(view)?,
                    Err(error) => {
                        problems.push(error.to_string());
                        continue;
                    }
                }
            }
            restored.push(manifest);
        }
        Ok(answer(&choice, &restored, &problems, restore.dry_run))
    })
}

fn answer(choice: &Choice, restored: &[&Manifest], problems: &[String], dry_run: bool) -> Value {
    let one = |manifest: &Manifest| {
        json!({
            "partition": manifest.number, "store": manifest.store, "entries": manifest.entries,
            "bytes": manifest.bytes(), "from": timestamp(manifest.oldest_time), "to": timestamp(manifest.newest_time),
        })
    };
    let left = |(manifest, why): &(Manifest, String)| {
        let mut value = one(manifest);
        value["why"] = why.as_str().into();
        value
    };
    json!({
        "dry_run": dry_run,
        "store": choice.store,
        "restored": restored.iter().map(|manifest| one(manifest)).collect::<Vec<_>>(),
        "left": choice.left.iter().map(left).collect::<Vec<_>>(),
        "problems": problems,
    })
}
