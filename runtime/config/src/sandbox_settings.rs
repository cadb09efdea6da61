//! What an operator says of guests: where components are kept, and their limits.

use std::path::PathBuf;
use std::time::Duration;

use crate::Properties;
use crate::caps::Caps;
use crate::error::ConfigError;
use crate::guest_limits::GuestLimits;
use crate::limits::{ANY, CompileLimits, RestartLimits, within};
use crate::worker::{milliseconds, text};

/// What `sandbox.` keys say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxSettings {
    /// Where compiled components are kept (`sandbox.cache.dir`); `None`: the user's cache folder.
    pub cache_dir: Option<PathBuf>,
    /// Where uploaded components are kept (`sandbox.plugins.dir`); `None`: beside the embedded log, or in the user's
    /// data folder.
    pub plugins_dir: Option<PathBuf>,
    /// The most bytes of all uploaded components together (`sandbox.plugins.bytes.max`).
    pub plugins_bytes_max: u64,
    /// How long a new version of a plugin is on trial (`sandbox.trial.ms`).
    pub trial: Duration,
    /// A PEM file of certificates that the servers of guests may go back to, beside the system's
    /// (`sandbox.ssl.truststore.location`).
    pub truststore: Option<PathBuf>,
    /// Limits on one guest.
    pub guest: GuestLimits,
    /// Limits on components and on compiling them.
    pub compile: CompileLimits,
    /// How often a task whose guest has faulted is started anew.
    pub restarts: RestartLimits,
    /// What caps connectors that have no caps of their own.
    pub caps: Caps,
}

impl Default for SandboxSettings {
    fn default() -> Self {
        Self {
            cache_dir: None,
            plugins_dir: None,
            plugins_bytes_max: 4 * 1024 * 1024 * 1024,
            trial: Duration::from_secs(60),
            truststore: None,
            guest: GuestLimits::default(),
            compile: CompileLimits::default(),
            restarts: RestartLimits::default(),
            caps: Caps::default(),
        }
    }
}

impl SandboxSettings {
    /// Takes them from a worker's keys.
    pub(crate) fn of(keys: &Properties) -> Result<Self, ConfigError> {
        let default = Self::default();
        let plugins_bytes_max = within(
            keys,
            "sandbox.plugins.bytes.max",
            default.plugins_bytes_max,
            ANY,
        )?;
        Ok(Self {
            cache_dir: text(keys, "sandbox.cache.dir").map(PathBuf::from),
            plugins_dir: text(keys, "sandbox.plugins.dir").map(PathBuf::from),
            plugins_bytes_max,
            trial: milliseconds(keys, "sandbox.trial.ms", 60_000)?,
            truststore: text(keys, "sandbox.ssl.truststore.location").map(PathBuf::from),
            guest: GuestLimits::of(keys)?,
            compile: CompileLimits::of(keys)?,
            restarts: RestartLimits::of(keys)?,
            caps: Caps::of(keys, default.caps)?,
        })
    }
}
