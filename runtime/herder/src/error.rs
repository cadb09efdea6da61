//! What a request to the herder can be answered with, other than what it asked for.

use std::time::Duration;

use tidegate_config::ConfigError;
use tidegate_model::ErrorClass;
use tidegate_worker::WorkerError;

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub enum HerderError {
    /// There is no such connector, task or plugin. REST: 404.
    #[error("{0}")]
    NotFound(String),
    /// The connector exists already. REST: 409.
    #[error("Connector {0} already exists")]
    AlreadyExists(String),
    /// The request cannot be done as it is. REST: 400.
    #[error("{0}")]
    BadRequest(String),
    /// The configuration cannot work. REST: 400.
    #[error(
        "Connector configuration is invalid and contains the following {} error(s):\n{}\n\
         You can also find the above list of errors at the endpoint \
         `/connector-plugins/{{connectorType}}/config/validate`",
        .0.len(), .0.join("\n")
    )]
    Invalid(Vec<String>),
    /// A component that cannot be used. REST: 422.
    #[error("{0}")]
    Unfit(String),
    /// The worker's configuration does not allow it. REST: 403.
    #[error("{0}")]
    Forbidden(String),
    /// The request cannot be done now, as something else is still under way. REST: 409.
    #[error("{0}")]
    Conflict(String),
    /// Another request changed the connector while this one was prepared. REST: 409.
    #[error("Connector {0} was changed by another request at the same time; try again")]
    Changed(String),
    /// Too many configurations are being validated. REST: 503.
    #[error(
        "other configurations are being validated, and this one had no turn within {} s; try again later",
        .0.as_secs_f64()
    )]
    Busy(Duration),
    /// The worker failed. REST: 500.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// The herder has stopped. REST: 503.
    #[error("the worker is shutting down; try again when it is back")]
    Stopped,
}

impl HerderError {
    /// What kind of failure it is.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::NotFound(_)
            | Self::AlreadyExists(_)
            | Self::BadRequest(_)
            | Self::Forbidden(_)
            | Self::Unfit(_)
            | Self::Invalid(_) => ErrorClass::Config,
            Self::Conflict(_) | Self::Changed(_) | Self::Busy(_) => ErrorClass::Retriable,
            Self::Worker(error) => error.class(),
            Self::Stopped => ErrorClass::Retriable,
        }
    }
}

impl From<ConfigError> for HerderError {
    fn from(error: ConfigError) -> Self {
        Self::BadRequest(error.to_string())
    }
}
