//! What librdkafka has to say goes to `tracing`, never to standard error.
//!
//! A failure to connect is a warning here: librdkafka goes on trying, and who waits for it gets an error. A refusal
//! is an error, since a person is needed. Each client of the process hears the same again and again, so the same is
//! said now and then only.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::refusal::refusal;
use crate::BrokerError;

/// How often the same is said.
const SAME_EVERY: Duration = Duration::from_secs(60);
/// So many different lines are remembered as said.
const SAID_MAX: usize = 64;

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
            if is_due(message) {
                tracing::warn!(target: "librdkafka", facility, "{}", message.escape_debug());
            }
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
        Some(refusal) if is_due("a refusal") => tracing::error!(target: "librdkafka", "{refusal}"),
        None if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) => {
            if is_due("away") {
                tracing::warn!(
                    "No broker of bootstrap.servers answers; it is tried again until one does."
                );
            }
        }
        _ => tracing::debug!(target: "librdkafka", %error, "{}", reason.escape_debug()),
    }
}

/// Whether this was not said lately by any client of the process; numbers in it do not count.
fn is_due(line: &str) -> bool {
    static SAID: LazyLock<Mutex<HashMap<String, Instant>>> = LazyLock::new(Mutex::default);
    let line: String = line.chars().filter(|c| !c.is_ascii_digit()).collect();
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    let now = Instant::now();
    said.retain(|_, at| now.duration_since(*at) < SAME_EVERY);
    let known = said.contains_key(&line);
    if !known && said.len() < SAID_MAX {
        said.insert(line, now);
    }
    !known
}

#[cfg(test)]
mod tests {
    use super::is_due;

    #[test]
    fn the_same_is_said_once_whatever_its_numbers() {
        assert!(is_due("host:1: connection refused after 3 ms"));
        assert!(!is_due("host:1: connection refused after 40 ms"));
        assert!(is_due("another:1: connection refused after 3 ms"));
    }
}
