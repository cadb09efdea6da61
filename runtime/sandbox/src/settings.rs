//! What a sandbox is opened with: limits, the cache folder, how components are compiled, and what no guest reaches.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use tidegate_config::guest_limits::GuestLimits;
use tidegate_config::limits::CompileLimits;

/// Settings of the sandbox.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where compiled components are kept. Made with mode 0700; refused when others may write to it.
    pub cache_dir: PathBuf,
    /// Limits on guests.
    pub limits: GuestLimits,
    /// Limits on components and on compiling them.
    pub compile: CompileLimits,
    /// How components are compiled.
    pub compiler: Compiler,
    /// The `host:port` of what controls the worker: no guest reaches them.
    pub control_plane: Vec<String>,
    /// A PEM file of certificates that guests' servers may go back to, beside the system's.
    pub truststore: Option<PathBuf>,
}

impl Settings {
    /// Default limits, and compiling by this program's own hidden command.
    #[must_use]
    pub fn new(cache_dir: impl Into<PathBuf>) -> Self {
        Self {
            cache_dir: cache_dir.into(),
            limits: GuestLimits::default(),
            compile: CompileLimits::default(),
            compiler: Compiler::default(),
            control_plane: Vec::new(),
            truststore: None,
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
    pub(crate) fn of(self, limits: &GuestLimits) -> Duration {
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
