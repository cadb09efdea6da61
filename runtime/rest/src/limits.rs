//! Limits on clients.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

/// The most bytes of a request's body; more: 413.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// The most bytes of an uploaded component; more: 413.
pub const UPLOAD_BYTES_MAX: usize = tidegate_herder::UPLOAD_BYTES_MAX;
/// How many components are taken in at a time; further uploads wait, within [`REQUEST_TIME_MAX`].
pub const UPLOADS_MAX: usize = 8;
/// The most bytes of a request's line and headers; more: 431.
pub const HEADER_BYTES_MAX: usize = 16 * 1024;
/// How long a client has to send a request's line and headers, and how long a connection may wait for the next
/// request; then the connection is closed.
pub const HEADER_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a client has to send a request's body; then 408.
pub const BODY_TIME_MAX: Duration = Duration::from_secs(30);
/// How long a request may take in all; then 503.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(90);
/// The most connections at a time; a further one hears 503.
pub const CONNECTIONS_MAX: usize = 512;
/// The most connections at a time that are told 503; further ones are closed without a word.
pub const REFUSALS_MAX: usize = 64;
/// How long a connection may live before it is asked to end after its present request.
pub const CONNECTION_TIME_MAX: Duration = Duration::from_secs(600);

/// The limits of a server. Tests set lower ones.
#[derive(Debug, Clone)]
pub struct Limits {
    /// See [`BODY_BYTES_MAX`].
    pub body_bytes: usize,
    /// See [`UPLOAD_BYTES_MAX`].
    pub upload_bytes: usize,
    /// See [`UPLOADS_MAX`].
    pub uploads: Arc<Semaphore>,
    /// See [`HEADER_BYTES_MAX`]; at least 8 KiB.
    pub header_bytes: usize,
    /// See [`HEADER_TIME_MAX`].
    pub header_time: Duration,
    /// See [`BODY_TIME_MAX`].
    pub body_time: Duration,
    /// See [`REQUEST_TIME_MAX`].
    pub request_time: Duration,
    /// See [`CONNECTIONS_MAX`].
    pub connections: usize,
    /// See [`CONNECTION_TIME_MAX`].
    pub connection_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: BODY_BYTES_MAX,
            upload_bytes: UPLOAD_BYTES_MAX,
            uploads: Arc::new(Semaphore::new(UPLOADS_MAX)),
            header_bytes: HEADER_BYTES_MAX,
            header_time: HEADER_TIME_MAX,
            body_time: BODY_TIME_MAX,
            request_time: REQUEST_TIME_MAX,
            connections: CONNECTIONS_MAX,
            connection_time: CONNECTION_TIME_MAX,
        }
    }
}
