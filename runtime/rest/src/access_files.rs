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

/// What tells that a file was changed.
type Stamp = Option<(SystemTime, u64)>;

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

    /// Reads the files again whenever they change, for ever. While they cannot work, those who could call still can.
    pub(crate) async fn follow(self: Arc<Self>) {
        let mut known = stamps(self.now().files());
        loop {
            tokio::time::sleep(LOOK_INTERVAL).await;
            let found = stamps(self.now().files());
            if found == known {
                continue;
            }
            known = found;
            let read = Arc::clone(&self);
            let read = tokio::task::spawn_blocking(move || Access::of(&read.config)).await;
            match read {
                Ok(Ok(access)) => {
                    known = stamps(access.files());
                    *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(access);
                    tracing::info!("Who may call was read again.");
                }
                Ok(Err(error)) => tracing::error!(%error,
                    "Who may call cannot be read again; those who could call before still can."),
                Err(error) => tracing::error!(%error, "Who may call cannot be read again."),
            }
        }
    }
}

/// The files, each with what tells that it was changed.
fn stamps(files: &[PathBuf]) -> Vec<(PathBuf, Stamp)> {
    let stamp = |file: &Path| {
        let found = std::fs::metadata(file).ok()?;
        Some((found.modified().ok()?, found.len()))
    };
    files
        .iter()
        .map(|file| (file.clone(), stamp(file)))
        .collect()
}
