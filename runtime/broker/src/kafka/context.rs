//! What librdkafka has to say goes to `tracing`, never to standard error.
//!
//! A failure to connect is a warning here: librdkafka goes on trying, and who waits for it gets an error.

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;

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
    tracing::debug!(target: "librdkafka", %error, "{}", reason.escape_debug());
}
