//! How far the grants of a connector may go.
//!
//! | where the configuration comes from | policy |
//! | --- | --- |
//! | the command line of a standalone worker: the operator's own | [`Policy::Permissive`] |
//! | REST | [`Policy::Strict`], or [`Policy::Allow`] when the worker's `sandbox.policy.` keys allow something |

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::grants::FolderGrant;

/// How far grants may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Policy {
    /// As far as the configuration says.
    Permissive,
    /// Nothing is granted.
    Strict,
    /// As far as these allow.
    Allow(Arc<Allowed>),
}

/// What may be granted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Allowed {
    /// Folders that may be read, with all that is in them (`sandbox.policy.read`).
    pub read: Vec<PathBuf>,
    /// Folders that may be read and written (`sandbox.policy.write`).
    pub write: Vec<PathBuf>,
    /// `host:port` that may be connected to; `*` stands for any host or any port (`sandbox.policy.addresses`).
    pub addresses: Vec<String>,
}

impl Policy {
    /// The grant of a folder; `None`: it may not be granted. Links are followed before it is compared, and the grant
    /// holds for where they led.
    pub(crate) fn folder(&self, path: PathBuf, writable: bool) -> Option<FolderGrant> {
        let real = match self {
            Self::Permissive => None,
            Self::Strict => return None,
            Self::Allow(allowed) => Some(allowed.real_folder(&path, writable)?),
        };
        Some(FolderGrant {
            path,
            writable,
            real,
        })
    }

    /// Whether a `host:port` may be granted.
    pub(crate) fn allows_address(&self, address: &str) -> bool {
        let allowed = match self {
            Self::Permissive => return true,
            Self::Strict => return false,
            Self::Allow(allowed) => allowed,
        };
        let Some((host, port)) = address.rsplit_once(':') else {
            return false;
        };
        let matches =
            |pattern: &str, found: &str| pattern == "*" || pattern.eq_ignore_ascii_case(found);
        allowed.addresses.iter().any(|entry| {
            entry
                .rsplit_once(':')
                .is_some_and(|(wanted_host, wanted_port)| {
                    matches(wanted_host, host) && matches(wanted_port, port)
                })
        })
    }
}

impl Allowed {
    /// Where a folder really is, if that is allowed.
    fn real_folder(&self, folder: &Path, writable: bool) -> Option<PathBuf> {
        let real = folder.canonicalize().ok()?;
        let read = if writable {
            [].as_slice()
        } else {
            self.read.as_slice()
        };
        let mut roots = self
            .write
            .iter()
            .chain(read)
            .filter_map(|root| root.canonicalize().ok());
        roots.any(|root| real.starts_with(root)).then_some(real)
    }
}
