//! Wakes a source when a file it was granted changes, so that a line appended is read at once and an idle
//! source costs nothing. Where the system cannot watch (a network file system), sources fall back to their
//! own waiting time.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

/// Watches the folders of granted files; one for the worker.
pub struct FileWatch {
    waiters: Arc<Mutex<Waiters>>,
    watcher: Mutex<Option<RecommendedWatcher>>,
}

/// The changes of the files of one task.
pub struct FileChanges {
    /// Given each time one of the files changes, appears or is replaced.
    pub notify: Arc<Notify>,
    /// Whether all of them are watched, so that looking by time is only a precaution.
    pub watched: bool,
}

/// Who waits for which file. Folders are watched rather than files: a file may not exist yet, or be replaced.
#[derive(Default)]
struct Waiters {
    files: HashMap<PathBuf, Vec<Weak<Notify>>>,
    folders: HashSet<PathBuf>,
}

impl FileWatch {
    /// Starts watching nothing.
    pub fn new() -> Self {
        let waiters: Arc<Mutex<Waiters>> = Arc::default();
        let told = Arc::clone(&waiters);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let waiters = told.lock().unwrap_or_else(PoisonError::into_inner);
            match event {
                Ok(event) if matches!(event.kind, notify::EventKind::Access(_)) => {}
                Ok(event) => event.paths.iter().for_each(|path| waiters.wake(path)),
                Err(_) => waiters.wake_all(),
            }
        });
        let watcher = watcher
            .inspect_err(|error| tracing::warn!(%error, "Files cannot be watched; sources look at them by time."))
            .ok();
        Self {
            waiters,
            watcher: Mutex::new(watcher),
        }
    }

    /// Begins to watch `files`.
    pub fn changes_of(&self, files: &[PathBuf]) -> FileChanges {
        let notify = Arc::new(Notify::new());
        let mut watched = !files.is_empty();
        for file in files {
            let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
            let of_file = waiters.files.entry(file.clone()).or_default();
            of_file.retain(|waiter| waiter.strong_count() > 0);
            of_file.push(Arc::downgrade(&notify));
            let folder = file
                .parent()
                .filter(|folder| waiters.folders.insert(folder.to_path_buf()));
            drop(waiters);
            if let Some(folder) = folder {
                watched &= self.watch(folder);
            }
        }
        FileChanges { notify, watched }
    }

    /// Begins to watch a folder; `false`: it cannot be watched.
    fn watch(&self, folder: &Path) -> bool {
        let mut watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(watcher) = watcher.as_mut() else {
            return false;
        };
        let begun = watcher.watch(folder, RecursiveMode::NonRecursive);
        if let Err(error) = &begun {
            // Asked for again, it is tried again.
            let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
            waiters.folders.remove(folder);
            drop(waiters);
            tracing::warn!(folder = %folder.display(), %error, "A folder cannot be watched; its sources look by time.");
        }
        begun.is_ok()
    }
}

impl Waiters {
    fn wake(&self, path: &Path) {
        for waiter in self
            .files
            .get(path)
            .into_iter()
            .flatten()
            .filter_map(Weak::upgrade)
        {
            waiter.notify_one();
        }
    }

    fn wake_all(&self) {
        for waiter in self.files.values().flatten().filter_map(Weak::upgrade) {
            waiter.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_change_wakes_only_who_waits_for_that_file() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let watch = FileWatch::new();
        let (mine, other) = (folder.join("mine"), folder.join("other"));
        let (my_changes, other_changes) = (
            watch.changes_of(std::slice::from_ref(&mine)),
            watch.changes_of(&[other]),
        );
        std::fs::write(&mine, "a line\n").unwrap();
        tokio::time::timeout(Duration::from_secs(5), my_changes.notify.notified())
            .await
            .unwrap();
        let quiet =
            tokio::time::timeout(Duration::from_millis(1), other_changes.notify.notified()).await;
        assert!(quiet.is_err(), "the other file did not change");
    }
}
