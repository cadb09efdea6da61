//! What an operator says of guests: where components are kept, and their limits.

use std::path::PathBuf;
use std::time::Duration;

use tidegate_model::limits::{CALL_BYTES_FROM_GUEST_MAX, CALL_BYTES_TO_GUEST_MAX};

use crate::Properties;
use crate::caps::Caps;
use crate::definition::ConfigType;
use crate::error::ConfigError;
use crate::errors::number;
use crate::limits::{CompileLimits, LogLimits, RecordLimits, RestartLimits, within};
use crate::own_limits::MEMORY_BYTES_MIN;
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
    /// The most bytes of all linear memories of a task (`sandbox.memory.bytes.max`).
    pub memory_bytes_max: usize,
    /// The most elements of all tables of a task (`sandbox.table.elements.max`).
    pub table_elements_max: usize,
    /// The longest poll (`sandbox.poll.ms.max`).
    pub poll_ms: u64,
    /// The longest put, flush, open or close (`sandbox.put.ms.max`).
    pub put_ms: u64,
    /// The longest transform of a batch (`sandbox.transform.ms.max`).
    pub transform_ms: u64,
    /// The longest start, stop or commit (`sandbox.start.ms.max`).
    pub start_ms: u64,
    /// The longest validation (`sandbox.validate.ms.max`).
    pub validate_ms: u64,
    /// The most bytes of all linear memories of a guest that is only asked about a configuration
    /// (`sandbox.validate.memory.bytes.max`).
    pub validate_memory_bytes_max: usize,
    /// The most bytes that one call may move from the guest to the host (`sandbox.call.bytes.max`).
    pub call_bytes_max: usize,
    /// The most bytes that one call may move from the host to a guest (`sandbox.call.input.bytes.max`).
    pub call_input_bytes_max: usize,
    /// The stack of a guest in bytes (`sandbox.stack.bytes.max`).
    pub stack_bytes_max: usize,
    /// The most host resources of a guest (`sandbox.resources.max`).
    pub resources_max: usize,
    /// The most component handles of a guest (`sandbox.handles.max`).
    pub handles_max: usize,
    /// The most connections of a task at a time (`sandbox.connections.max`).
    pub connections_max: usize,
    /// The most bytes of the answer to an HTTP request of a guest (`sandbox.response.bytes.max`).
    pub response_bytes_max: usize,
    /// A PEM file of certificates that the servers of guests may go back to, beside the system's
    /// (`sandbox.ssl.truststore.location`).
    pub truststore: Option<PathBuf>,
    /// Limits on components and on compiling them.
    pub compile: CompileLimits,
    /// Limits on the log of a guest.
    pub log: LogLimits,
    /// Limits on the records that guests hand over.
    pub record: RecordLimits,
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
            memory_bytes_max: 128 * 1024 * 1024,
            table_elements_max: 100_000,
            poll_ms: 5_000,
            put_ms: 30_000,
            transform_ms: 5_000,
            start_ms: 10_000,
            validate_ms: 5_000,
            validate_memory_bytes_max: 64 * 1024 * 1024,
            call_bytes_max: CALL_BYTES_FROM_GUEST_MAX,
            call_input_bytes_max: CALL_BYTES_TO_GUEST_MAX,
            stack_bytes_max: 512 * 1024,
            resources_max: 1_000,
            handles_max: 10_000,
            connections_max: 16,
            response_bytes_max: 8 * 1024 * 1024,
            truststore: None,
            compile: CompileLimits::default(),
            log: LogLimits::default(),
            record: RecordLimits::default(),
            restarts: RestartLimits::default(),
            caps: Caps::default(),
        }
    }
}

impl SandboxSettings {
    /// Takes them from a worker's keys.
    pub(crate) fn of(keys: &Properties) -> Result<Self, ConfigError> {
        let default = SandboxSettings::default();
        let limit = |key: &str, default: u64| -> Result<u64, ConfigError> {
            let default = i64::try_from(default).unwrap_or(i64::MAX);
            let found = number(keys, key, ConfigType::Long, default)?;
            let positive = u64::try_from(found).ok().filter(|limit| *limit > 0);
            positive.ok_or_else(|| {
                ConfigError::value(key, &found.to_string(), "Value must be at least 1")
            })
        };
        let size = |key: &str, default: usize| {
            let found = limit(key, u64::try_from(default).unwrap_or(u64::MAX));
            found.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX))
        };
        let bounded = |key: &str, default: usize, bounds| {
            let found = within(
                keys,
                key,
                u64::try_from(default).unwrap_or(u64::MAX),
                bounds,
            );
            found.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX))
        };
        let memory = |key: &str, default: usize| {
            let found = size(key, default)?;
            if found as u64 >= MEMORY_BYTES_MIN {
                return Ok(found);
            }
            let message = format!("Value must be at least {MEMORY_BYTES_MIN}, which is 1 MiB");
            Err(ConfigError::value(key, &found.to_string(), message))
        };
        Ok(SandboxSettings {
            cache_dir: text(keys, "sandbox.cache.dir").map(PathBuf::from),
            plugins_dir: text(keys, "sandbox.plugins.dir").map(PathBuf::from),
            plugins_bytes_max: limit("sandbox.plugins.bytes.max", default.plugins_bytes_max)?,
            trial: milliseconds(keys, "sandbox.trial.ms", 60_000)?,
            memory_bytes_max: memory("sandbox.memory.bytes.max", default.memory_bytes_max)?,
            validate_memory_bytes_max: memory(
                "sandbox.validate.memory.bytes.max",
                default.validate_memory_bytes_max,
            )?,
            table_elements_max: size("sandbox.table.elements.max", default.table_elements_max)?,
            poll_ms: limit("sandbox.poll.ms.max", default.poll_ms)?,
            put_ms: limit("sandbox.put.ms.max", default.put_ms)?,
            transform_ms: limit("sandbox.transform.ms.max", default.transform_ms)?,
            start_ms: limit("sandbox.start.ms.max", default.start_ms)?,
            validate_ms: limit("sandbox.validate.ms.max", default.validate_ms)?,
            call_bytes_max: size("sandbox.call.bytes.max", default.call_bytes_max)?,
            call_input_bytes_max: bounded(
                "sandbox.call.input.bytes.max",
                default.call_input_bytes_max,
                1024 * 1024..=64 * 1024 * 1024,
            )?,
            stack_bytes_max: bounded(
                "sandbox.stack.bytes.max",
                default.stack_bytes_max,
                64 * 1024..=1024 * 1024,
            )?,
            resources_max: size("sandbox.resources.max", default.resources_max)?,
            handles_max: size("sandbox.handles.max", default.handles_max)?,
            connections_max: size("sandbox.connections.max", default.connections_max)?,
            response_bytes_max: size("sandbox.response.bytes.max", default.response_bytes_max)?,
            truststore: text(keys, "sandbox.ssl.truststore.location").map(PathBuf::from),
            compile: CompileLimits::of(keys)?,
            log: LogLimits::of(keys)?,
            record: RecordLimits::of(keys)?,
            restarts: RestartLimits::of(keys)?,
            caps: Caps::of(keys, Caps::default())?,
        })
    }
}
