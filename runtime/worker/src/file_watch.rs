//! Wakes a source when a file it was granted changes, so that a line appended is read at once and an idle
//! source costs nothing. Where the system cannot watch (a network file system), sources fall back to their
//! own waiting time.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

/// Watches the folders of granted files; one for the worker. Folders are watched rather than files: a file may not exist
/// yet, or be replaced.
pub struct FileWatch {
    waiters: Arc<Mutex<Waiters>>,
    folders: Mutex<Folders>,
}

/// The changes of the files of one task.
pub struct FileChanges {
    /// Given each time one of the files changes, appears or is replaced.
    pub notify: Arc<Notify>,
    /// Whether all of them are watched, so that looking by time is only a precaution.
    pub watched: bool,
}

/// Who waits for which file.
#[derive(Default)]
struct Waiters(HashMap<PathBuf, Vec<Weak<Notify>>>);

/// What the system watches.
struct Folders {
    /// None where it watches nothing.
    watcher: Option<RecommendedWatcher>,
    watched: HashSet<PathBuf>,
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
            folders: Mutex::new(Folders {
                watcher,
                watched: HashSet::new(),
            }),
        }
    }

    /// Begins to watch `files`, and ends to watch what nobody waits for any more.
    pub fn changes_of(&self, files: &[PathBuf]) -> FileChanges {
        let notify = Arc::new(Notify::new());
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        let needed = {
            // Let go before the watcher is told something: that waits for a thread which may wait for this.
            let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
            waiters.forget_who_is_gone();
            waiters.add(files, &notify);
            waiters.folders()
        };
        folders.keep(&needed);
        let mut watched = !files.is_empty();
        for folder in files.iter().filter_map(|file| file.parent()) {
            watched &= folders.watch(folder);
        }
        FileChanges { notify, watched }
    }
}

impl Folders {
    /// Begins to watch a folder; `false`: it cannot be watched. One that is watched already is watched anew, as it may
    /// have been deleted and made again.
    fn watch(&mut self, folder: &Path) -> bool {
        let Some(watcher) = &mut self.watcher else {
            return false;
        };
        match watcher.watch(folder, RecursiveMode::NonRecursive) {
            Ok(()) => {
                self.watched.insert(folder.to_owned());
                true
            }
            Err(error) => {
                self.watched.remove(folder);
                tracing::warn!(folder = %folder.display(), %error, "A folder cannot be watched; its sources look by time.");
                false
            }
        }
    }

    /// Ends to watch all other folders.
    fn keep(&mut self, needed: &HashSet<PathBuf>) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        self.watched.retain(|folder| {
            let keeps = needed.contains(folder);
            if !keeps {
                // One that was deleted is not watched any more anyway.
                drop(watcher.unwatch(folder));
            }
            keeps
        });
    }
}

impl Waiters {
    fn add(&mut self, files: &[PathBuf], notify: &Arc<Notify>) {
        for file in files {
            let of_file = self.0.entry(file.clone()).or_default();
            of_file.push(Arc::downgrade(notify));
        }
    }

    fn forget_who_is_gone(&mut self) {
        self.0.retain(|_, waiters| {
            waiters.retain(|waiter| waiter.strong_count() > 0);
            !waiters.is_empty()
        });
    }

    /// The folders of the files that somebody waits for.
    fn folders(&self) -> HashSet<PathBuf> {
        let folders = self.0.keys().filter_map(|file| file.parent());
        folders.map(Path::to_path_buf).collect()
    }

    fn wake(&self, path: &Path) {
        let of_file = self.0.get(path).into_iter().flatten();
        for waiter in of_file.filter_map(Weak::upgrade) {
            waiter.notify_one();
        }
    }

    fn wake_all(&self) {
        for waiter in self.0.values().flatten().filter_map(Weak::upgrade) {
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

    #[tokio::test]
    async fn a_folder_that_was_made_again_is_watched_by_who_comes_then() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().canonicalize().unwrap().join("in");
        let file = folder.join("file");
        let watch = FileWatch::new();
        std::fs::create_dir(&folder).unwrap();
        let _before = watch.changes_of(std::slice::from_ref(&file));
        std::fs::remove_dir(&folder).unwrap();
        std::fs::create_dir(&folder).unwrap();
        let changes = watch.changes_of(std::slice::from_ref(&file));
        std::fs::write(&file, "a line\n").unwrap();
        let told = tokio::time::timeout(Duration::from_secs(5), changes.notify.notified());
        told.await.unwrap();
    }

    #[test]
    fn what_nobody_waits_for_is_forgotten() {
        let place = tempfile::tempdir().unwrap();
        let watch = FileWatch::new();
        for number in 0..5 {
            let folder = place.path().join(number.to_string());
            std::fs::create_dir(&folder).unwrap();
            drop(watch.changes_of(&[folder.join("file")]));
        }
        assert_eq!(watch.waiters.lock().unwrap().0.len(), 1);
        assert_eq!(watch.folders.lock().unwrap().watched.len(), 1);
    }
}
