//! Limits on one guest: read from the worker's keys here, enforced by the sandbox. `docs/limits.md` lists each with its
//! key and effect; a test compares the two.

use std::ops::RangeInclusive;

use tidegate_model::limits::{CALL_BYTES_FROM_GUEST_MAX, CALL_BYTES_TO_GUEST_MAX};

use crate::Properties;
use crate::error::ConfigError;
use crate::limits::{ANY, LogLimits, RecordLimits, size, within};
use crate::own_limits::{MEMORY_BYTES_MIN, OwnLimits};

/// The stack of a guest in bytes, unless the operator sets another of up to 1 MiB. Calls run on threads with at least
/// 2 MiB, so the host keeps at least half.
pub const WASM_STACK_BYTES: usize = 512 * 1024;

/// Limits on one guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestLimits {
    /// The most bytes of all linear memories of a task (`sandbox.memory.bytes.max`).
    pub memory_bytes_max: usize,
    /// The most elements of all tables of a task (`sandbox.table.elements.max`).
    pub table_elements_max: usize,
    /// The longest poll in milliseconds (`sandbox.poll.ms.max`).
    pub poll_ms: u64,
    /// The longest put, flush, open or close in milliseconds (`sandbox.put.ms.max`).
    pub put_ms: u64,
    /// The longest apply of a transform or test of a predicate in milliseconds (`sandbox.transform.ms.max`).
    pub transform_ms: u64,
    /// The longest start, stop or commit in milliseconds (`sandbox.start.ms.max`).
    pub start_ms: u64,
    /// The longest describe, validate, configure or task-configs in milliseconds (`sandbox.validate.ms.max`).
    pub validate_ms: u64,
    /// The most bytes of all linear memories of a guest that is only asked about a configuration
    /// (`sandbox.validate.memory.bytes.max`).
    pub validate_memory_bytes_max: usize,
    /// The most bytes that one call may move from the guest to the host (`sandbox.call.bytes.max`).
    pub call_bytes_max: usize,
    /// The most bytes that one call may move from the host to the guest (`sandbox.call.input.bytes.max`).
    pub call_input_bytes_max: usize,
    /// The stack of a guest in bytes (`sandbox.stack.bytes.max`).
    pub stack_bytes_max: usize,
    /// The most host resources (files, streams, pollables) of a guest (`sandbox.resources.max`).
    pub resources_max: usize,
    /// The most component handles of a guest (`sandbox.handles.max`).
    pub handles_max: usize,
    /// The most connections of a task at a time (`sandbox.connections.max`).
    pub connections_max: usize,
    /// The most bytes of the answer to an HTTP request of a guest (`sandbox.response.bytes.max`).
    pub response_bytes_max: usize,
    /// Limits on its log.
    pub log: LogLimits,
    /// Limits on the records that it hands over.
    pub record: RecordLimits,
}

impl Default for GuestLimits {
    fn default() -> Self {
        Self {
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
            stack_bytes_max: WASM_STACK_BYTES,
            resources_max: 1_000,
            handles_max: 10_000,
            connections_max: 16,
            response_bytes_max: 8 * 1024 * 1024,
            log: LogLimits::default(),
            record: RecordLimits::default(),
        }
    }
}

impl GuestLimits {
    /// Takes them from a worker's keys.
    pub(crate) fn of(keys: &Properties) -> Result<Self, ConfigError> {
        let default = Self::default();
        let bounded = |key, default: usize, bounds: RangeInclusive<u64>| {
            within(keys, key, default as u64, bounds).map(size)
        };
        let memory = |key, default| bounded(key, default, MEMORY_BYTES_MIN..=u64::MAX);
        let count = |key, default| bounded(key, default, ANY);
        let time = |key, default| within(keys, key, default, ANY);
        Ok(Self {
            memory_bytes_max: memory("sandbox.memory.bytes.max", default.memory_bytes_max)?,
            table_elements_max: count("sandbox.table.elements.max", default.table_elements_max)?,
            poll_ms: time("sandbox.poll.ms.max", default.poll_ms)?,
            put_ms: time("sandbox.put.ms.max", default.put_ms)?,
            transform_ms: time("sandbox.transform.ms.max", default.transform_ms)?,
            start_ms: time("sandbox.start.ms.max", default.start_ms)?,
            validate_ms: time("sandbox.validate.ms.max", default.validate_ms)?,
            validate_memory_bytes_max: memory(
                "sandbox.validate.memory.bytes.max",
                default.validate_memory_bytes_max,
            )?,
            call_bytes_max: count("sandbox.call.bytes.max", default.call_bytes_max)?,
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
            resources_max: count("sandbox.resources.max", default.resources_max)?,
            handles_max: count("sandbox.handles.max", default.handles_max)?,
            connections_max: count("sandbox.connections.max", default.connections_max)?,
            response_bytes_max: count("sandbox.response.bytes.max", default.response_bytes_max)?,
            log: LogLimits::of(keys)?,
            record: RecordLimits::of(keys)?,
        })
    }

    /// The limits of a guest whose connector has some of its own.
    #[must_use]
    pub fn with(&self, own: OwnLimits) -> Self {
        Self {
            memory_bytes_max: own.memory_bytes.unwrap_or(self.memory_bytes_max),
            poll_ms: own.poll_ms.unwrap_or(self.poll_ms),
            put_ms: own.put_ms.unwrap_or(self.put_ms),
            start_ms: own.start_ms.unwrap_or(self.start_ms),
            ..self.clone()
        }
    }
}
