//! What a guest logs, prints and says in its last breath: cut, escaped, limited in rate, and attributed.
//!
//! Each guest has one log for `host.log`, standard output and standard error, so that all three share one
//! allowance. Lines over it are dropped and counted, and the count is logged once per second at most.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tidegate_config::limits::LogLimits;
use tidegate_config::secrets::Secrets;
use tidegate_model::ConnectorName;
use tidegate_model::guest_text::clean;

use crate::network::refusals::Refusal;
use crate::share::Share;
use crate::usage::Usage;

/// The most bytes of the last words.
const LAST_WORDS_BYTES_MAX: usize = 2048;
/// What stands between two of them.
const BETWEEN: &str = " | ";

/// Whose guest it is: stands in front of each of its log lines.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The connector.
    pub connector: ConnectorName,
    /// The task; `None`: the connector itself.
    pub task: Option<u32>,
    /// What its guests use is counted here.
    pub usage: Arc<Usage>,
    /// What its guests share with those of the connector's other tasks.
    pub share: Arc<Share>,
    /// What its guests know and nobody may be shown: hidden in their log lines and messages.
    pub secrets: Secrets,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.task {
            Some(task) => write!(f, "{}-{task}", self.connector),
            None => write!(f, "{}", self.connector),
        }
    }
}

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Error,
    Warn,
    Info,
    Debug,
}

/// A guest's log, shared by its streams and host functions.
#[derive(Clone)]
pub(crate) struct GuestLog(Arc<Mutex<Inner>>);

struct Inner {
    /// `None`: not attributed to a connector (a plugin that describes itself).
    identity: Option<Identity>,
    limits: LogLimits,
    allowance: f64,
    refilled: Instant,
    dropped: u64,
    last_words: String,
}

impl GuestLog {
    pub(crate) fn new(identity: Option<Identity>, limits: LogLimits) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            identity,
            limits,
            allowance: f64::from(limits.lines_burst),
            refilled: Instant::now(),
            dropped: 0,
            last_words: String::new(),
        })))
    }

    /// The most bytes of a line.
    pub(crate) fn line_bytes_max(&self) -> usize {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.limits.line_bytes_max
    }

    /// What may not be in a line.
    pub(crate) fn secrets(&self) -> Secrets {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.secrets()
    }

    /// Writes a line.
    pub(crate) fn line(&self, level: Level, text: &str) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(dropped) = inner.allow(Instant::now()) else {
            if let Some(identity) = &inner.identity {
                identity.usage.refused(Refusal::Log, 1);
            }
            return;
        };
        if dropped > 0 {
            let rate = inner.limits.lines_per_second;
            inner.write(
                Level::Warn,
                &format!(
                    "{dropped} log lines of this plugin were dropped: more than {rate} per second"
                ),
            );
        }
        let text = inner.secrets().redact_cut(text);
        inner.write(level, &clean(&text, inner.limits.line_bytes_max));
    }

    /// Writes a line of standard error, and keeps it for the message of a trap that may follow.
    pub(crate) fn standard_error(&self, text: &str) {
        {
            let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let text = inner.secrets().redact_cut(text);
            let line = clean(&text, LAST_WORDS_BYTES_MAX);
            if inner.last_words.len() + BETWEEN.len() + line.len() > LAST_WORDS_BYTES_MAX {
                inner.last_words.clear();
            }
            if !inner.last_words.is_empty() {
                inner.last_words.push_str(BETWEEN);
            }
            inner.last_words.push_str(&line);
        }
        self.line(Level::Warn, text);
    }

    /// The last lines of standard error since this was last asked.
    pub(crate) fn take_last_words(&self) -> String {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut inner.last_words)
    }
}

impl Inner {
    fn secrets(&self) -> Secrets {
        let identity = self.identity.as_ref();
        identity.map_or_else(Secrets::default, |identity| identity.secrets.clone())
    }

    /// Whether a line may be written now; then how many were dropped before it.
    fn allow(&mut self, now: Instant) -> Option<u64> {
        let passed = now.duration_since(self.refilled).as_secs_f64();
        self.refilled = now;
        let rate = f64::from(self.limits.lines_per_second);
        let burst = f64::from(self.limits.lines_burst);
        self.allowance = (self.allowance + passed * rate).min(burst);
        if self.allowance < 1.0 {
            self.dropped += 1;
            return None;
        }
        // While lines are being dropped, wait for a second's worth, so that the notes do not flood either.
        if self.dropped > 0 && self.allowance < rate.min(burst) {
            self.dropped += 1;
            return None;
        }
        self.allowance -= 1.0;
        Some(std::mem::take(&mut self.dropped))
    }

    fn write(&self, level: Level, text: &str) {
        let connector = self
            .identity
            .as_ref()
            .map_or("-", |identity| identity.connector.as_str());
        let task = self.identity.as_ref().and_then(|identity| identity.task);
        match level {
            Level::Error => tracing::error!(target: "tidegate::guest", connector, task, "{text}"),
            Level::Warn => tracing::warn!(target: "tidegate::guest", connector, task, "{text}"),
            Level::Info => tracing::info!(target: "tidegate::guest", connector, task, "{text}"),
            Level::Debug => tracing::debug!(target: "tidegate::guest", connector, task, "{text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_passes_then_lines_are_dropped_and_counted() {
        let log = GuestLog::new(None, LogLimits::default());
        let mut inner = log.0.lock().unwrap();
        let start = inner.refilled;
        let passed = (0..10_000).filter(|_| inner.allow(start).is_some()).count();
        assert_eq!(passed, 500);
        assert_eq!(inner.allow(start + Duration::from_millis(500)), None);
        let dropped = inner.allow(start + Duration::from_secs(2)).unwrap();
        assert_eq!(dropped, 10_000 - 500 + 1);
    }

    #[test]
    fn last_words_are_bounded_and_taken_once() {
        let log = GuestLog::new(None, LogLimits::default());
        for _ in 0..1_000 {
            log.standard_error("a line of some length\u{7}");
        }
        let words = log.take_last_words();
        assert!(!words.is_empty() && words.len() <= LAST_WORDS_BYTES_MAX);
        assert!(words.contains("\\u{7}"));
        assert!(log.take_last_words().is_empty());
        log.standard_error(&"\u{7}".repeat(LAST_WORDS_BYTES_MAX));
        let words = log.take_last_words();
        assert!(words.len() <= LAST_WORDS_BYTES_MAX, "{}", words.len());
    }
}
