//! Limits on clients.

use std::sync::Arc;
use std::time::Duration;

use tidegate_config::limits::RestLimits;
use tokio::sync::Semaphore;

/// How many components are taken in at a time; further uploads wait, within the time of a request.
pub const UPLOADS_MAX: usize = 8;
/// The most connections at a time that are told 503; further ones are closed without a word.
pub const REFUSALS_MAX: usize = 64;

/// The limits of a server: those of the worker's configuration. Tests set lower ones.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The most bytes of a request's body; more: 413.
    pub body_bytes: usize,
    /// The most bytes of an uploaded component; more: 413.
    pub upload_bytes: usize,
    /// See [`UPLOADS_MAX`].
    pub uploads: Arc<Semaphore>,
    /// The most bytes of a request's line and headers, at least 8 KiB; more: 431.
    pub header_bytes: usize,
    /// How long a client has to send a request's line and headers, and how long a connection may wait for the next
    /// request; then the connection is closed.
    pub header_time: Duration,
    /// How long a client has to send a request's body; then 408.
    pub body_time: Duration,
    /// How long a request may take in all; then 503.
    pub request_time: Duration,
    /// The most connections at a time; a further one hears 503.
    pub connections: usize,
    /// How long a connection may live before it is asked to end after its present request.
    pub connection_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self::from(RestLimits::default())
    }
}

impl From<RestLimits> for Limits {
    fn from(limits: RestLimits) -> Self {
        Self {
            body_bytes: limits.body_bytes_max,
            upload_bytes: limits.upload_bytes_max,
            uploads: Arc::new(Semaphore::new(UPLOADS_MAX)),
            header_bytes: limits.header_bytes_max,
            header_time: Duration::from_millis(limits.header_ms_max),
            body_time: Duration::from_millis(limits.body_ms_max),
            request_time: Duration::from_millis(limits.request_ms_max),
            connections: limits.connections_max,
            connection_time: Duration::from_millis(limits.connection_ms_max),
        }
    }
}
