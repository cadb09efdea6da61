//! Failures: of the server, and of requests as `{"error_code": …, "message": …}`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tidegate_config::ConfigError;
use tidegate_herder::HerderError;
use tidegate_model::ErrorClass;

/// Why the server cannot run.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}; name another with the worker's key listeners")]
    Bind {
        /// The address, as `host:port`.
        address: String,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// It would listen beyond loopback for everyone.
    #[error(
        "listeners: {address} is reached from other machines, and nobody is asked who it is. Name a file with \
         rest.access.file, or https with ssl.client.auth=required, or listen on 127.0.0.1; if everyone who reaches \
         this port may run connectors here, say so with {key}=true",
        key = tidegate_config::rest::OPEN_KEY
    )]
    Open {
        /// The address.
        address: String,
    },
    /// A key or a file of access or TLS cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The system gives no random numbers.
    #[error("there are no random numbers: {0}")]
    Random(String),
}

impl RestError {
    /// What kind of failure it is.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Bind { .. } | Self::Open { .. } | Self::Config(_) => ErrorClass::Config,
            Self::Random(_) => ErrorClass::Fatal,
        }
    }
}

/// A request that was not done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// A failure that has no words but its status, as Kafka Connect says it: `HTTP 404 Not Found`.
    pub(crate) fn plain(status: StatusCode) -> Self {
        Self::new(
            status,
            format!(
                "HTTP {} {}",
                status.as_u16(),
                status.canonical_reason().unwrap_or_default()
            ),
        )
    }

    /// Other words for what is not found.
    pub(crate) fn or_not_found(self, message: impl FnOnce() -> String) -> Self {
        if self.status == StatusCode::NOT_FOUND {
            Self::new(self.status, message())
        } else {
            self
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = json!({"error_code": self.status.as_u16(), "message": self.message});
        (self.status, Json(body)).into_response()
    }
}

impl From<HerderError> for Failure {
    fn from(error: HerderError) -> Self {
        let status = match &error {
            HerderError::NotFound(_) => StatusCode::NOT_FOUND,
            HerderError::Forbidden(_) => StatusCode::FORBIDDEN,
            HerderError::AlreadyExists(_) | HerderError::Conflict(_) | HerderError::Changed(_) => {
                StatusCode::CONFLICT
            }
            HerderError::BadRequest(_) | HerderError::Invalid(_) => StatusCode::BAD_REQUEST,
            HerderError::Stopped | HerderError::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
            HerderError::Worker(worker) => match worker.class() {
                ErrorClass::Config | ErrorClass::Data => StatusCode::BAD_REQUEST,
                ErrorClass::Retriable => StatusCode::SERVICE_UNAVAILABLE,
                ErrorClass::GuestFault | ErrorClass::Fatal | ErrorClass::Internal => {
                    tracing::error!(%error, "A request failed.");
                    return Self::new(
                        StatusCode::INTERNAL_SERVER_ERROR,
                        "the worker failed to do this; its log says why",
                    );
                }
            },
        };
        Self::new(status, error.to_string())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::bad_request(error.to_string())
    }
}
