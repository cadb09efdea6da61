//! The one error type of the SDK. Its kind decides what the worker does; its message is for the operator:
//! what was found, what was wanted, what to do.

use std::fmt;

use tidegate_model::ErrorClass;
use tidegate_model::schema::SchemaError;
use tidegate_model::value::ValueError;

/// The result of nearly everything in the SDK.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure an error is; it decides what the worker does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The configuration cannot work. The connector or task is FAILED.
    Config,
    /// This record cannot be processed. `errors.tolerance` decides.
    Data,
    /// The same call may succeed later: the worker tries again.
    Retriable,
    /// The task cannot go on. It is FAILED.
    Fatal,
}

/// A failure with its kind and a message for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
    exception: Option<&'static str>,
    key: Option<String>,
    by_definition: bool,
}

impl Error {
    /// The configuration cannot work.
    pub fn config(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    /// The value of the configuration key `key` cannot work.
    pub fn config_key(key: &str, message: impl fmt::Display) -> Self {
        Self {
            key: Some(key.to_owned()),
            ..Self::config(message)
        }
    }

    /// A record cannot be processed.
    pub fn data(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Data, message)
    }

    /// A record cannot be processed; dead letters name this Java class as its exception, where they would name
    /// Kafka Connect's `DataException`.
    pub fn thrown(exception: &'static str, message: impl fmt::Display) -> Self {
        Self {
            exception: Some(exception),
            ..Self::data(message)
        }
    }

    /// The same call may succeed later.
    pub fn retriable(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Retriable, message)
    }

    /// The task cannot go on.
    pub fn fatal(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Fatal, message)
    }

    /// An error of a kind.
    pub fn new(kind: ErrorKind, message: impl fmt::Display) -> Self {
        Self {
            kind,
            message: message.to_string(),
            exception: None,
            key: None,
            by_definition: false,
        }
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The Java class of the exception that it stands for, where it is not the usual one.
    #[must_use]
    pub fn exception(&self) -> Option<&'static str> {
        self.exception
    }

    /// The configuration key that is to blame, where one is.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The class, in the terms that all crates of Tidegate share.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self.kind {
            ErrorKind::Config => ErrorClass::Config,
            ErrorKind::Data => ErrorClass::Data,
            ErrorKind::Retriable => ErrorClass::Retriable,
            ErrorKind::Fatal => ErrorClass::Fatal,
        }
    }

    /// The same error, marked as one that the definition alone shows, so that the worker reports it itself.
    pub(crate) fn by_definition(mut self) -> Self {
        self.by_definition = true;
        self
    }

    /// Whether the worker reports this error by the definition alone.
    pub(crate) fn is_by_definition(&self) -> bool {
        self.by_definition
    }
}

impl From<ValueError> for Error {
    fn from(error: ValueError) -> Self {
        Self::data(error)
    }
}

impl From<SchemaError> for Error {
    fn from(error: SchemaError) -> Self {
        Self::data(error)
    }
}
