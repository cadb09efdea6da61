//! What can go wrong in the sandbox, each with its class.

use tidegate_model::ErrorClass;

/// A failure in the sandbox. Guest text in it is cut and escaped.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SandboxError {
    /// The guest answered with an error.
    #[error("{message}")]
    Guest {
        /// The class that the guest named.
        class: ErrorClass,
        /// What it says.
        message: String,
    },
    /// The guest trapped; its store is dropped.
    #[error("{call} trapped: {message}{trace}")]
    Trap {
        /// The call.
        call: &'static str,
        /// The cause, and the guest's last words on its standard error.
        message: String,
        /// The frames, one per line, each begun by a line break; may be empty.
        trace: String,
    },
    /// The guest did not answer in time; its store is dropped.
    #[error(
        "{call} took longer than {limit_ms} ms and was ended; the limit is the key {key}{trace}"
    )]
    Deadline {
        /// The call.
        call: &'static str,
        /// The limit in milliseconds.
        limit_ms: u64,
        /// The worker's key that changes the limit.
        key: &'static str,
        /// The frames, one per line, each begun by a line break; may be empty.
        trace: String,
    },
    /// The guest broke a limit or a rule of the interface; its store is dropped.
    #[error("{call} answered with what is not allowed: {message}")]
    Violation {
        /// The call.
        call: &'static str,
        /// What was found and what is allowed.
        message: String,
    },
    /// An earlier call ended the guest.
    #[error("the guest is not running any more: {first}")]
    Dead {
        /// How it ended.
        first: String,
    },
    /// A component that cannot be a plugin.
    #[error("{0}")]
    Refused(String),
    /// A component that could not be compiled within the limits.
    #[error("the component could not be compiled: {0}")]
    Compile(String),
    /// A class that no plugin has, or more than one.
    #[error("{0}")]
    Class(String),
    /// A component that cannot be added or taken away as things are.
    #[error("{0}")]
    Conflict(String),
    /// Something that was granted cannot be given.
    #[error("{0}")]
    Grant(String),
    /// A file or folder of the worker.
    #[error("{0}")]
    Io(String),
    /// A fault of Tidegate itself.
    #[error("{0}")]
    Internal(String),
}

/// A failure of one record of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordError {
    /// The record's index in the batch that was given.
    pub index: usize,
    /// What kind of failure it is.
    pub class: ErrorClass,
    /// What went wrong.
    pub message: String,
}

impl SandboxError {
    /// The message in one line, without the frames of a trace.
    #[must_use]
    pub fn without_trace(&self) -> String {
        let mut short = self.clone();
        if let Self::Trap { trace, .. } | Self::Deadline { trace, .. } = &mut short {
            trace.clear();
        }
        short.to_string()
    }

    /// What the worker does about it.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Guest { class, .. } => *class,
            Self::Trap { .. } | Self::Deadline { .. } | Self::Violation { .. } => {
                ErrorClass::GuestFault
            }
            Self::Dead { .. } | Self::Io(_) => ErrorClass::Fatal,
            Self::Refused(_)
            | Self::Compile(_)
            | Self::Class(_)
            | Self::Conflict(_)
            | Self::Grant(_) => ErrorClass::Config,
            Self::Internal(_) => ErrorClass::Internal,
        }
    }
}
