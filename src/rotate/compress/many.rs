//! Many files at once: small ones side by side, so that cores share the work and the disk syncs of several files become
//! one, and large ones after another, each on all cores. A folder is synced once for all of its files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::Builder;

use super::pieces::{MEMBER, Worker};
use super::{Compressed, Compressor, name_compressed};
use crate::rotate::error::RotateError;
use crate::sys::atomic::sync_folder_of;

/// Small files at work at the same time. More than most have cores: they mostly wait for the disk.
const SIDE_BY_SIDE: usize = 8;

/// Does `compress` for each of `jobs` (from, to), in no order; the results are in theirs. Nothing of the plain files may
/// be removed before this returns.
pub fn compress_all(jobs: &[(PathBuf, PathBuf)], how: &Compressor) -> Vec<Result<Compressed, RotateError>> {
    let is_small = |from: &Path| fs::symlink_metadata(from).is_ok_and(|m| m.len() <= MEMBER as u64);
    let (small, large): (Vec<usize>, Vec<usize>) = (0..jobs.len()).partition(|job| is_small(&jobs[*job].0));
    let mut done: Vec<(usize, Result<Compressed, RotateError>)> = side_by_side(jobs, &small, how);
    let mut worker = Worker::default();
    done.extend(large.into_iter().map(|job| (job, one(&jobs[job], how, &mut worker))));
    done.sort_by_key(|(job, _)| *job);
    let mut results: Vec<_> = done.into_iter().map(|(_, result)| result).collect();
    sync_folders(jobs, &mut results);
    results
}

fn one((from, to): &(PathBuf, PathBuf), how: &Compressor, worker: &mut Worker) -> Result<Compressed, RotateError> {
    name_compressed(from, to, how, worker)
}

fn side_by_side(
    jobs: &[(PathBuf, PathBuf)],
    small: &[usize],
    how: &Compressor,
) -> Vec<(usize, Result<Compressed, RotateError>)> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(jobs.len())));
    let work = || {
        let mut worker = Worker::default();
        while let Some(&job) = small.get(next.fetch_add(1, Ordering::Relaxed)) {
            let result = one(&jobs[job], how, &mut worker);
            done.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push((job, result));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..SIDE_BY_SIDE.min(small.len()) {
            // Where there may be no more threads, those that there are do it.
            let _ = Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
    done.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// What is not known to be durable has not succeeded.
fn sync_folders(jobs: &[(PathBuf, PathBuf)], results: &mut [Result<Compressed, RotateError>]) {
    let mut folders: BTreeMap<Option<&Path>, Vec<usize>> = BTreeMap::new();
    for (job, _) in results.iter().enumerate().filter(|(_, result)| result.is_ok()) {
        folders.entry(jobs[job].1.parent()).or_default().push(job);
    }
    for in_folder in folders.into_values() {
        let to = |job: usize| &jobs[job].1;
        if sync_folder_of(to(in_folder[0])).is_ok() {
            continue;
        }
        for job in in_folder {
            let synced = sync_folder_of(to(job)).map_err(RotateError::file("sync the folder of", to(job)));
            if let Err(error) = synced {
                results[job] = Err(error);
            }
        }
    }
}
