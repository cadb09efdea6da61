//! How much a guest may keep in the folders that it may write: the bytes of all files in them.
//!
//! What is there is counted when something is written first, and again, at most once a second, when the quota seems to
//! be used up: files may have been removed since. In between only what grows is added.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tidegate_config::grants::Grants;

use crate::network::refusals::{Refusal, Refusals};

/// The most files and folders that are counted: what is beyond them does not count.
const ENTRIES_MAX: usize = 100_000;
/// How long a count holds before there is another.
const RECOUNT_AFTER: Duration = Duration::from_secs(1);

/// The quota of a guest; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Quota(Option<Arc<Inner>>);

struct Inner {
    most: u64,
    folders: Vec<PathBuf>,
    used: Mutex<Option<Used>>,
    refusals: Arc<Refusals>,
}

struct Used {
    bytes: u64,
    counted: Instant,
}

impl Quota {
    /// The quota of what was granted; none where nothing says so.
    pub(crate) fn new(grants: Option<&Grants>, refusals: &Arc<Refusals>) -> Self {
        let most = grants.and_then(|grants| Some((grants, grants.limits.write_bytes?)));
        let inner = most.map(|(grants, most)| {
            let folders = grants.folders.iter().filter(|folder| folder.writable);
            Arc::new(Inner {
                most,
                folders: folders
                    .map(|folder| folder.real.as_ref().unwrap_or(&folder.path).clone())
                    .collect(),
                used: Mutex::default(),
                refusals: Arc::clone(refusals),
            })
        });
        Self(inner)
    }

    /// Whether there is a limit.
    pub(crate) fn is_limited(&self) -> bool {
        self.0.is_some()
    }

    /// Takes so many bytes more; `false`: there is no room for them.
    pub(crate) fn take(&self, bytes: u64) -> bool {
        let Some(inner) = self.0.as_deref().filter(|_| bytes > 0) else {
            return true;
        };
        let mut used = inner.used.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |used: &Used| used.bytes.saturating_add(bytes) <= inner.most;
        let stale = match &*used {
            None => true,
            Some(used) => !fits(used) && used.counted.elapsed() >= RECOUNT_AFTER,
        };
        if stale {
            *used = Some(inner.count());
        }
        match &mut *used {
            Some(used) if fits(used) => {
                used.bytes += bytes;
                true
            }
            _ => {
                inner.refusals.add(Refusal::Quota);
                false
            }
        }
    }
}

impl Inner {
    fn count(&self) -> Used {
        let mut folders = self.folders.clone();
        let (mut bytes, mut entries) = (0_u64, 0);
        while let Some(folder) = folders.pop() {
            let Ok(found) = std::fs::read_dir(folder) else {
                continue;
            };
            for entry in found.flatten() {
                entries += 1;
                if entries > ENTRIES_MAX {
                    break;
                }
                // Links are not followed: what they lead to is elsewhere, or counted there.
                let Ok(about) = entry.metadata() else {
                    continue;
                };
                if about.is_dir() {
                    folders.push(entry.path());
                } else if about.is_file() {
                    bytes = bytes.saturating_add(about.len());
                }
            }
        }
        Used {
            bytes,
            counted: Instant::now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_config::grants::FolderGrant;
    use tidegate_config::own_limits::OwnLimits;

    #[test]
    fn what_is_there_counts_and_what_was_removed_does_not() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        std::fs::write(folder.path().join("deep/file"), [0; 60]).unwrap();
        let grants = Grants {
            folders: vec![FolderGrant {
                path: folder.path().to_owned(),
                writable: true,
                real: None,
            }],
            limits: OwnLimits {
                write_bytes: Some(100),
                ..OwnLimits::default()
            },
            ..Grants::default()
        };
        let refusals: Arc<Refusals> = Arc::default();
        let quota = Quota::new(Some(&grants), &refusals);
        assert!(quota.take(30) && !quota.take(11) && quota.take(10) && !quota.take(1));
        assert_eq!(refusals.count(Refusal::Quota), 2);
        std::fs::remove_file(folder.path().join("deep/file")).unwrap();
        std::thread::sleep(RECOUNT_AFTER);
        assert!(quota.take(100) && !quota.take(1));
        assert!(Quota::default().take(u64::MAX));
    }
}
