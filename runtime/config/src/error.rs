//! What is wrong with a configuration.

use std::path::PathBuf;

use tidegate_model::ErrorClass;
use tidegate_model::ids::NameError;

use crate::definition::HIDDEN;
use crate::secrets::Secrets;

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("cannot read the configuration file {path}: {source}", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A text is not what its format wants.
    #[error("{what} at line {line}, column {column}: {message}")]
    Syntax {
        /// The format, or the file.
        what: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1; in bytes.
        column: usize,
        /// What was found and what is wanted.
        message: String,
    },
    /// A file is refused, for a reason of its own.
    #[error("{path}: {error}", path = .path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// Why.
        error: Box<ConfigError>,
    },
    /// An environment variable is refused.
    #[error("the environment variable {variable}: {error}")]
    InVariable {
        /// Its name.
        variable: String,
        /// Why.
        error: Box<ConfigError>,
    },
    /// A required key is missing. In Kafka Connect's words.
    #[error("Missing required configuration \"{0}\" which has no default value.")]
    Missing(String),
    /// A value cannot work. In Kafka Connect's words.
    #[error("Invalid value {value} for configuration {key}: {message}")]
    Value {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What is wrong with it.
        message: String,
    },
    /// Keys do not go together, or a key or its value is not allowed at all.
    #[error("{message}")]
    Key {
        /// The key to show it at.
        key: String,
        /// What was found, what is wanted and what to do.
        message: String,
    },
    /// A name is refused.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl ConfigError {
    /// What kind of failure it is.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        ErrorClass::Config
    }

    /// The key that is wrong, when it is one.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Missing(key) | Self::Value { key, .. } | Self::Key { key, .. } => Some(key),
            Self::InFile { error, .. } | Self::InVariable { error, .. } => error.key(),
            Self::Name(_) => Some("name"),
            Self::Read { .. } | Self::Syntax { .. } => None,
        }
    }

    /// The error without secrets, and without the value of its key when that is one.
    #[must_use]
    pub fn redacted(self, secrets: &Secrets, is_secret: bool) -> Self {
        let redact = |text: String| secrets.redact(&text).into_owned();
        match self {
            Self::Value {
                key,
                value,
                message,
            } => Self::Value {
                key,
                value: if is_secret {
                    HIDDEN.to_owned()
                } else {
                    redact(value)
                },
                message: redact(message),
            },
            Self::Key { key, message } => Self::Key {
                key,
                message: redact(message),
            },
            Self::InFile { path, error } => Self::InFile {
                path,
                error: Box::new(error.redacted(secrets, is_secret)),
            },
            Self::InVariable { variable, error } => Self::InVariable {
                variable,
                error: Box::new(error.redacted(secrets, is_secret)),
            },
            other => other,
        }
    }

    pub(crate) fn value(key: &str, value: &str, message: impl Into<String>) -> Self {
        Self::Value {
            key: key.to_owned(),
            value: value.to_owned(),
            message: message.into(),
        }
    }

    pub(crate) fn key_message(key: &str, message: impl Into<String>) -> Self {
        Self::Key {
            key: key.to_owned(),
            message: message.into(),
        }
    }
}
