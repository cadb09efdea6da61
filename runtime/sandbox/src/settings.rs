//! What an operator may set: limits, the cache folder, and how components are compiled.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use tidegate_config::limits::{CompileLimits, LogLimits, RecordLimits};
use tidegate_config::own_limits::OwnLimits;

use crate::engine::WASM_STACK_BYTES;

/// Settings of the sandbox.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where compiled components are kept. Made with mode 0700; refused when others may write to it.
    pub cache_dir: PathBuf,
    /// Limits on guests.
    pub limits: Limits,
    /// Limits on components and on compiling them.
    pub compile: CompileLimits,
    /// How components are compiled.
    pub compiler: Compiler,
    /// The `host:port` of what controls the worker: no guest reaches them.
    pub control_plane: Vec<String>,
    /// A PEM file of certificates that guests' servers may go back to, beside the system's
    /// (`sandbox.ssl.truststore.location`).
    pub truststore: Option<PathBuf>,
}

impl Settings {
    /// Default limits, and compiling by this program's own hidden command.
    #[must_use]
    pub fn new(cache_dir: impl Into<PathBuf>) -> Self {
        Self {
            cache_dir: cache_dir.into(),
            limits: Limits::default(),
            compile: CompileLimits::default(),
            compiler: Compiler::default(),
            control_plane: Vec::new(),
            truststore: None,
        }
    }
}

/// Limits on one guest. `docs/limits.md` lists each with its key and effect.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The most bytes of all linear memories together (`sandbox.memory.bytes.max`).
    pub memory_bytes_max: usize,
    /// The most elements of all tables together (`sandbox.table.elements.max`).
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
    /// The most bytes of memory of a guest that is only asked something (`sandbox.validate.memory.bytes.max`).
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
    /// The most connections of a guest at a time (`sandbox.connections.max`).
    pub connections_max: usize,
    /// The most bytes of the answer to an HTTP request of a guest (`sandbox.response.bytes.max`).
    pub response_bytes_max: usize,
    /// Limits on its log.
    pub log: LogLimits,
    /// Limits on the records that it hands over.
    pub record: RecordLimits,
}

impl Limits {
    /// The limits of a guest that was granted some of its own.
    pub(crate) fn with(&self, own: OwnLimits) -> Self {
        Self {
            memory_bytes_max: own.memory_bytes.unwrap_or(self.memory_bytes_max),
            poll_ms: own.poll_ms.unwrap_or(self.poll_ms),
            put_ms: own.put_ms.unwrap_or(self.put_ms),
            start_ms: own.start_ms.unwrap_or(self.start_ms),
            ..self.clone()
        }
    }
}

impl Default for Limits {
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
            call_bytes_max: tidegate_model::limits::CALL_BYTES_FROM_GUEST_MAX,
            call_input_bytes_max: tidegate_model::limits::CALL_BYTES_TO_GUEST_MAX,
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

/// How components are compiled.
#[derive(Debug, Clone)]
pub enum Compiler {
    /// A child process: the program and its arguments. The component is its standard input, the artefact its
    /// standard output. [`crate::compile_child`] is what such a program does.
    Command {
        /// The program.
        program: PathBuf,
        /// Its arguments.
        args: Vec<OsString>,
    },
    /// In this process, without limits on time and memory. For tests and benchmarks only.
    InProcess,
}

impl Default for Compiler {
    /// This program with the hidden argument `compile-component`.
    fn default() -> Self {
        Self::Command {
            program: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("tidegate")),
            args: vec![COMPILE_ARGUMENT.into()],
        }
    }
}

/// The hidden argument with which the program compiles a component.
pub const COMPILE_ARGUMENT: &str = "compile-component";

/// A call's limit, by kind of call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Deadline {
    Poll,
    Put,
    Transform,
    Start,
    Validate,
}

impl Deadline {
    pub(crate) fn of(self, limits: &Limits) -> Duration {
        Duration::from_millis(match self {
            Self::Poll => limits.poll_ms,
            Self::Put => limits.put_ms,
            Self::Transform => limits.transform_ms,
            Self::Start => limits.start_ms,
            Self::Validate => limits.validate_ms,
        })
    }

    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Poll => "sandbox.poll.ms.max",
            Self::Put => "sandbox.put.ms.max",
            Self::Transform => "sandbox.transform.ms.max",
            Self::Start => "sandbox.start.ms.max",
            Self::Validate => "sandbox.validate.ms.max",
        }
    }
}
