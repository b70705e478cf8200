//! A wake-up when something happens in a watched folder. Only a hint: ticks come by timer too, and what a tick
//! does depends on nothing but what it finds.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use crate::tail::TailError;

/// Watches folders, not files, and never recursively.
pub struct Watch {
    watcher: Option<RecommendedWatcher>,
    folders: BTreeSet<PathBuf>,
    wake: Receiver<()>,
    waker: SyncSender<()>,
}

impl Watch {
    /// Without a watcher (no inotify instances left) the timer alone wakes us; the error says so.
    pub fn new() -> (Watch, Option<TailError>) {
        // One place: a second wake-up before the first was taken says nothing new.
        let (waker, wake) = sync_channel(1);
        let on_event = waker.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Our own opening and reading of files is not news.
            if !event.is_ok_and(|e| e.kind.is_access()) {
                let _ = on_event.try_send(());
            }
        });
        match watcher {
            Ok(watcher) => (Watch { watcher: Some(watcher), folders: BTreeSet::new(), wake, waker }, None),
            Err(e) => (Watch { watcher: None, folders: BTreeSet::new(), wake, waker }, Some(hint(&e))),
        }
    }

    /// Something that can end a [`Watch::wait`] from another thread.
    pub fn waker(&self) -> SyncSender<()> {
        self.waker.clone()
    }

    /// Watches exactly these folders from now on. Errors are told once a folder.
    pub fn set_folders(&mut self, folders: BTreeSet<PathBuf>) -> Vec<TailError> {
        let Some(watcher) = &mut self.watcher else { return Vec::new() };
        for gone in self.folders.difference(&folders) {
            // A removed folder has lost its watch already.
            let _ = watcher.unwatch(gone);
        }
        let start = |folder: &PathBuf| watcher.watch(Path::new(folder), RecursiveMode::NonRecursive).err();
        let errors = folders.difference(&self.folders).filter_map(start).map(|e| hint(&e)).collect();
        self.folders = folders;
        errors
    }

    /// Sleeps until something happened or the time is over.
    pub fn wait(&self, at_most: Duration) {
        let _ = self.wake.recv_timeout(at_most);
    }
}

fn hint(error: &notify::Error) -> TailError {
    let advice = match &error.kind {
        notify::ErrorKind::MaxFilesWatch => " (raise fs.inotify.max_user_watches, for example to 524288)",
        notify::ErrorKind::Io(e) if e.raw_os_error() == Some(24) => {
            " (raise fs.inotify.max_user_instances, for example to 512)"
        }
        _ => "",
    };
    TailError::Watch(format!("{error}{advice}"))
}
