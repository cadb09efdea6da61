//! The classes of errors. Each crate has one error enum of its own; each variant has one of these classes,
//! which decides what the worker does.

use std::fmt;

/// What kind of failure an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// The configuration cannot work: refused, or FAILED until a person changes it.
    Config,
    /// One record cannot be processed: `errors.tolerance` decides.
    Data,
    /// The same operation may succeed later: tried again within `errors.retry.timeout`.
    Retriable,
    /// The guest broke: trap, deadline, limit. Its store is dropped.
    GuestFault,
    /// The task or worker cannot go on.
    Fatal,
    /// A fault of Tidegate itself.
    Internal,
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Config => "config",
            Self::Data => "data",
            Self::Retriable => "retriable",
            Self::GuestFault => "guest fault",
            Self::Fatal => "fatal",
            Self::Internal => "internal",
        })
    }
}
