//! Partitions in a running daemon: what is known of them, retention, and sealing in the background.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::archive::Archive;
use crate::daemon::Board;
use crate::daemon::index::{Current, lock};
use crate::ship::Sinks;
use crate::store::{
    Packing, PartitionInfo, PartitionView, Plan, Retention, SealError, Sealer, Shared, StoreError, remove_partition,
};
use crate::sys::clock;
use crate::sys::files::disk_space;
use crate::sys::process::be_nice;

/// How often the sealer looks for work.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After a failure it rests.
const REST: Duration = Duration::from_secs(60);

/// Who retention and packing ask first.
#[derive(Clone, Default)]
pub struct Needs {
    pub sinks: Sinks,
    pub archive: Archive,
}

impl Needs {
    /// Why a partition must not be removed or thinned out yet.
    fn holds(&self, view: &PartitionView) -> Option<String> {
        self.sinks.holds(view.number).or_else(|| self.archive.holds(view))
    }
}

/// Whether a partition came back from the archive and is left alone yet.
fn is_kept(view: &PartitionView, now: i64) -> bool {
    view.kept_until.is_some_and(|until| until > now)
}

/// What is known of partitions, and what is wrong with those that cannot be read. The last one is being written when
/// `writing`.
pub fn partitions(views: &[PartitionView], writing: bool) -> (Vec<PartitionInfo>, Vec<String>) {
    let (mut infos, mut problems) = (Vec::new(), Vec::new());
    for (index, view) in views.iter().enumerate() {
        match view.info(writing && index + 1 == views.len()) {
            Ok(info) => infos.push(info),
            Err(error) => problems.push(error.to_string()),
        }
        problems.extend(view.damage().map(str::to_owned));
    }
    (infos, problems)
}

/// Removes what retention says must go, oldest first. With `dry_run` it only says. What a sink or the archive has not
/// had is held for it, or counted, as it says. What came back from the archive is neither looked at nor counted before its
/// time.
pub fn prune(
    shared: &Shared,
    retention: &Retention,
    needs: &Needs,
    board: &Board,
    now: i64,
    dry_run: bool,
) -> Result<Plan, String> {
    let mut views = shared.partitions();
    views.retain(|view| !is_kept(view, now));
    let (partitions, _) = partitions(&views, true);
    let Some(any) = partitions.first() else { return Ok(Plan::default()) };
    let free = disk_space(&any.path).map_err(|e| format!("{}: {e}", any.path.display()))?.0;
    let view = |number: u64| views.iter().find(|view| view.number == number);
    let plan = retention.plan(&partitions, free, now, &|number| needs.holds(view(number)?));
    for removal in plan.removals.iter().filter(|_| !dry_run) {
        // The sealer may have put another generation in its place meanwhile: that one goes.
        if let Some(view) = shared.detach(removal.partition.number) {
            needs.archive.will_lose(&view);
            if let Err(error) = needs.sinks.will_lose(&view) {
                board.error(now, format!("what sinks lose cannot be counted: {error}"));
            }
            remove_partition(&view.path).map_err(|e| e.to_string())?;
            board.lock().partitions_removed += 1;
            tracing::info!("removed {removal}");
        }
    }
    Ok(plan)
}

/// Seals and repacks, one partition at a time, at low priority, until told to stop.
pub fn keep_sealing(shared: &Shared, current: &Current, needs: &Needs, board: &Board, stops: &AtomicBool) {
    be_nice();
    let mut next = Instant::now();
    while !stops.load(Ordering::Acquire) {
        if Instant::now() >= next {
            let retention = lock(current).retention.clone();
            next = Instant::now() + LOOK_EVERY;
            match seal_one(shared, &retention, needs, clock::now(), stops) {
                Ok(true) => next = Instant::now(),
                Ok(false) | Err(SealError::Stopped) => {}
                Err(error) => {
                    board.error(clock::now(), format!("cannot seal: {error}"));
                    next = Instant::now() + REST;
                }
            }
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Packs the oldest partition that is due. Whether there was one. Nothing is left out that is held for a sink or the
/// archive.
pub fn seal_one(
    shared: &Shared,
    retention: &Retention,
    needs: &Needs,
    now: i64,
    stop: &AtomicBool,
) -> Result<bool, SealError> {
    let mut views = shared.partitions();
    // The last one is being written.
    views.pop();
    for view in views.iter().filter(|view| !is_kept(view, now)) {
        let Ok(info) = view.info(false) else { continue };
        let applied = view.summary.as_ref().map(|summary| summary.applied.as_slice());
        let packing = match needs.holds(view) {
            None => retention.packing(&info, applied, now),
            Some(_) => applied.is_none().then(Packing::default),
        };
        if let Some(packing) = packing {
            let begun = Instant::now();
            let sealed = Sealer::run(view, packing, stop)?;
            let entries = sealed.summary.as_ref().map_or(0, |summary| summary.entries);
            replace(shared, view, sealed)?;
            tracing::info!(partition = info.number, entries, seconds = begun.elapsed().as_secs_f64(), "sealed");
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whoever reads the old generation has it open and goes on; for others there is the new one.
fn replace(shared: &Shared, old: &PartitionView, new: PartitionView) -> Result<(), StoreError> {
    let doomed = if shared.replace(new.clone()) { &old.path } else { &new.path };
    remove_partition(doomed)
}
