//! Who may call, as the files say now: they are looked at again while the server runs, so that a token is taken back
//! without a restart.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use tidegate_config::rest::RestConfig;

use crate::access::Access;
use crate::error::RestError;

/// How often the files are looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// Who may call.
pub(crate) struct AccessFiles {
    config: RestConfig,
    now: RwLock<Arc<Access>>,
}

/// A file, and what tells that it was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    file: PathBuf,
    /// When it was modified and how long it is; none when it cannot be seen.
    is: Option<(SystemTime, u64)>,
}

impl Stamp {
    pub(crate) fn of(file: &Path) -> Self {
        let found = std::fs::metadata(file).ok();
        Self {
            file: file.to_owned(),
            is: found.and_then(|found| Some((found.modified().ok()?, found.len()))),
        }
    }
}

impl AccessFiles {
    /// As the files say that the worker's keys name.
    pub(crate) fn of(config: &RestConfig) -> Result<Self, RestError> {
        Ok(Self {
            config: config.clone(),
            now: RwLock::new(Arc::new(Access::of(config)?)),
        })
    }

    /// Who may call now.
    pub(crate) fn now(&self) -> Arc<Access> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the files again whenever they change, for ever.
    pub(crate) async fn follow(self: Arc<Self>) {
        let mut known = self.now().files().to_vec();
        loop {
            tokio::time::sleep(LOOK_INTERVAL).await;
            let (of_look, before) = (Arc::clone(&self), known.clone());
            let looked = tokio::task::spawn_blocking(move || of_look.look(before));
            match looked.await {
                Ok(now) => known = now,
                Err(error) => tracing::error!(%error, "Who may call cannot be read again."),
            }
        }
    }

    /// Reads the files again if they are not what they were before. While they cannot work, those who could call still
    /// can. Answers with what the files are now.
    fn look(&self, before: Vec<Stamp>) -> Vec<Stamp> {
        let now: Vec<_> = before.iter().map(|stamp| Stamp::of(&stamp.file)).collect();
        if now == before {
            return before;
        }
        match Access::of(&self.config) {
            Ok(access) => {
                let read = access.files().to_vec();
                *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(access);
                tracing::info!("Who may call was read again.");
                read
            }
            Err(error) => {
                tracing::error!(%error,
                    "Who may call cannot be read again; those who could call before still can.");
                now
            }
        }
    }
}
