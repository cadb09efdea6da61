//! `errors.log.enable`: a line for each record that failed, in Kafka Connect's words.
//!
//! A topic full of bad records must not fill a disk: beyond [`LINES_PER_SECOND`] lines are left out, and counted in a
//! line of their own.

use std::time::{Duration, Instant};

use tidegate_model::TaskId;
use tidegate_model::guest_text::clean;

use crate::failures::{Failed, Originals};

/// The lines that a task writes in a second; those after them are counted only.
pub const LINES_PER_SECOND: usize = 100;
/// The most bytes of a record in a line.
const RECORD_TEXT_BYTES_MAX: usize = 4096;

/// The log of a task's errors.
pub struct ErrorLog {
    task: TaskId,
    /// Whether a line says which record it was.
    include_messages: bool,
    window: Window,
}

/// The lines of the current second.
struct Window {
    began: Instant,
    written: usize,
    left_out: usize,
}

impl ErrorLog {
    pub fn new(task: &TaskId, include_messages: bool) -> Self {
        Self {
            task: task.clone(),
            include_messages,
            window: Window::new(),
        }
    }

    /// Writes a line for each record that failed; answers with how many were written.
    pub fn write(&mut self, failed: &[Failed], originals: &dyn Originals) -> usize {
        let mut written = 0;
        for failure in failed {
            self.tell_left_out();
            if self.window.allows() {
                self.line(failure, originals);
                written += 1;
            }
        }
        written
    }

    /// Says how many lines were left out, once their second is over.
    pub fn tell_left_out(&mut self) {
        let left_out = self.window.ended(Instant::now());
        if left_out > 0 {
            tracing::warn!(connector = %self.task.connector, task = self.task.task, left_out,
                "More errors were not logged: a task logs {LINES_PER_SECOND} in a second.");
        }
    }

    fn line(&self, failure: &Failed, originals: &dyn Originals) {
        let text = self.text(failure, originals);
        let error = format!("{}: {}", failure.exception(), failure.text());
        tracing::error!(connector = %self.task.connector, task = self.task.task, error, "{text}");
    }

    /// As Kafka Connect's `LogReporter`.
    fn text(&self, failure: &Failed, originals: &dyn Originals) -> String {
        let operation = &failure.operation;
        let mut text = format!(
            "Error encountered in task {}-{}. Executing stage '{}' with class '{}'",
            self.task.connector, self.task.task, operation.stage, operation.class
        );
        if self.include_messages {
            text.push_str(&clean(&originals.shown(failure.row), RECORD_TEXT_BYTES_MAX));
        }
        text.push('.');
        text
    }
}

impl Window {
    fn new() -> Self {
        Self {
            began: Instant::now(),
            written: 0,
            left_out: 0,
        }
    }

    /// How many lines the second had left out, when it is over.
    fn ended(&mut self, now: Instant) -> usize {
        if now.duration_since(self.began) < Duration::from_secs(1) {
            return 0;
        }
        let left_out = self.left_out;
        *self = Self {
            began: now,
            written: 0,
            left_out: 0,
        };
        left_out
    }

    fn allows(&mut self) -> bool {
        if self.written == LINES_PER_SECOND {
            self.left_out += 1;
            return false;
        }
        self.written += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failures::tests::{One, failed};
    use tidegate_model::ConnectorName;

    fn log(include_messages: bool) -> ErrorLog {
        let connector = ConnectorName::parse("c").unwrap();
        ErrorLog::new(&TaskId { connector, task: 3 }, include_messages)
    }

    #[test]
    fn a_line_has_kafka_connects_words() {
        let begin =
            "Error encountered in task c-3. Executing stage 'TRANSFORMATION' with class 'org.X'";
        assert_eq!(log(false).text(&failed(0), &One), format!("{begin}."));
        assert_eq!(
            log(true).text(&failed(0), &One),
            format!("{begin}, where it is {{number 0}}.")
        );
    }

    #[test]
    fn lines_beyond_the_limit_are_left_out_and_counted() {
        let mut log = log(false);
        let many: Vec<_> = (0..LINES_PER_SECOND + 7).map(failed).collect();
        assert_eq!(log.write(&many, &One), LINES_PER_SECOND);
        let next = log.window.began + Duration::from_secs(1);
        assert_eq!(log.window.ended(next), 7);
        assert_eq!(log.window.ended(next), 0);
        assert!(log.window.allows());
    }
}
