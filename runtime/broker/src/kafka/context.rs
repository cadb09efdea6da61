//! What librdkafka has to say goes to `tracing`, never to standard error.
//!
//! A failure to connect is a warning here: librdkafka goes on trying, and who waits for it gets an error. A refusal
//! is an error, since a person is needed; each client hears it again and again, so it is said now and then only.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;

use super::refusal::refusal;
use crate::BrokerError;

/// How often it is said that the cluster refuses clients of this process.
const REFUSAL_EVERY: Duration = Duration::from_secs(60);

/// A context that only logs.
#[derive(Debug, Default)]
pub struct LogContext;

impl ClientContext for LogContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        report(&error, reason);
    }
}

/// A context for who asks and waits: it keeps what went wrong with the connection meanwhile.
#[derive(Debug, Default)]
pub struct AskContext(Mutex<Trouble>);

/// What went wrong with a connection.
#[derive(Debug, Default)]
pub struct Trouble {
    /// The last thing, in librdkafka's words.
    pub reason: Option<String>,
    /// The first refusal.
    pub refusal: Option<BrokerError>,
}

impl AskContext {
    /// What went wrong since this was called last.
    pub fn take_trouble(&self) -> Trouble {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ClientContext for AskContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", %error, "{}", reason.escape_debug());
        let mut trouble = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if trouble.refusal.is_none() {
            trouble.refusal = refusal(&error, reason);
        }
        trouble.reason = Some(reason.escape_debug().to_string());
    }
}

/// Logs a line of librdkafka.
pub fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg
        | RDKafkaLogLevel::Alert
        | RDKafkaLogLevel::Critical
        | RDKafkaLogLevel::Error
        | RDKafkaLogLevel::Warning => {
            tracing::warn!(target: "librdkafka", facility, "{}", message.escape_debug());
        }
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
            tracing::debug!(target: "librdkafka", facility, "{}", message.escape_debug());
        }
        RDKafkaLogLevel::Debug => {
            tracing::trace!(target: "librdkafka", facility, "{}", message.escape_debug());
        }
    }
}

/// Logs an error event of librdkafka; the same goes to who waits, where it matters.
pub fn report(error: &KafkaError, reason: &str) {
    match refusal(error, reason) {
        Some(refusal) if is_due() => tracing::error!(target: "librdkafka", "{refusal}"),
        _ => tracing::debug!(target: "librdkafka", %error, "{}", reason.escape_debug()),
    }
}

/// Whether a refusal was not said lately.
fn is_due() -> bool {
    static SAID: Mutex<Option<Instant>> = Mutex::new(None);
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    let due = said.is_none_or(|said| said.elapsed() >= REFUSAL_EVERY);
    if due {
        *said = Some(Instant::now());
    }
    due
}
