//! What becomes of records that fail: the one place that decides it.
//!
//! | `errors.tolerance` | what becomes of them |
//! | --- | --- |
//! | `all` | each is logged and written to the dead letter queue, as far as asked for, and skipped |
//! | `none` | that happens to the first of them; then the task fails |
//!
//! Before that, what may pass was tried again (`retry`). Invariant: nothing is committed past a record that is on its
//! way to the dead letter queue ([`Failures::settle`]).

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use tidegate_config::connector::ErrorsConfig;
use tidegate_convert::Cause;
use tidegate_model::{Batch, ErrorClass, TaskId};

use crate::dead_letters::{DeadLetters, Refusals};
use crate::error::{Stage, WorkerError};
use crate::error_log::ErrorLog;
use crate::progress::Progress;
use crate::retry::Retry;

/// What a record may fail in. All failures of one share it.
#[derive(Debug, PartialEq, Eq)]
pub struct Operation {
    pub stage: Stage,
    /// The class that carries it out, as Kafka Connect would name it.
    pub class: String,
    /// What the operator calls it, such as `transform cast`; empty where the stage says it.
    pub name: String,
}

/// A sink's `put`.
static PUT: LazyLock<Arc<Operation>> = LazyLock::new(|| {
    Arc::new(Operation {
        stage: Stage::TaskPut,
        class: "org.apache.kafka.connect.sink.SinkTask".to_owned(),
        name: String::new(),
    })
});

/// A record that failed.
#[derive(Debug)]
pub struct Failed {
    /// Its row in the batch.
    pub row: usize,
    /// In what.
    pub operation: Arc<Operation>,
    /// What kind of failure it is.
    pub class: ErrorClass,
    /// The class of the exception that Kafka Connect would throw, where it is not the usual one of `class`.
    pub thrown: Option<Cow<'static, str>>,
    /// What is wrong. In Kafka Connect's words where it has some.
    pub message: String,
    /// What a converter found in the bytes, where the message does not say it.
    pub cause: Option<Cause>,
}

/// Writing a source's records to their topics.
pub static PRODUCE: LazyLock<Arc<Operation>> = LazyLock::new(|| {
    Arc::new(Operation {
        stage: Stage::KafkaProduce,
        class: "org.apache.kafka.connect.runtime.AbstractWorkerSourceTask".to_owned(),
        name: String::new(),
    })
});

impl Failed {
    /// A record that failed.
    pub fn new(row: usize, operation: &Arc<Operation>, class: ErrorClass, message: String) -> Self {
        Self {
            row,
            operation: Arc::clone(operation),
            class,
            thrown: None,
            message,
            cause: None,
        }
    }

    /// A record that a guest refused. Its message may begin with the class of an exception.
    pub fn refused(
        row: usize,
        operation: &Arc<Operation>,
        class: ErrorClass,
        mut message: String,
    ) -> Self {
        let exception = exception_of(&message).map(str::to_owned);
        if let Some(exception) = &exception {
            message.drain(..exception.len() + EXCEPTION_END.len());
        }
        Self {
            thrown: exception.map(Cow::Owned),
            ..Self::new(row, operation, class, message)
        }
    }

    /// A record that a sink did not take.
    pub fn in_put(row: usize, class: ErrorClass, message: String) -> Self {
        Self::refused(row, &PUT, class, message)
    }

    /// The class of the exception that Kafka Connect would throw.
    pub fn exception(&self) -> &str {
        if let Some(thrown) = &self.thrown {
            return thrown;
        }
        match self.class {
            ErrorClass::Data => "org.apache.kafka.connect.errors.DataException",
            ErrorClass::Retriable => "org.apache.kafka.connect.errors.RetriableException",
            ErrorClass::Config => "org.apache.kafka.common.config.ConfigException",
            ErrorClass::GuestFault | ErrorClass::Fatal | ErrorClass::Internal => {
                "org.apache.kafka.connect.errors.ConnectException"
            }
        }
    }

    /// The error with its causes, as Java prints it, with one frame that says where.
    pub fn stack_trace(&self, out: &mut Vec<u8>) {
        let operation = &self.operation;
        let parts = [
            self.exception(),
            ": ",
            &self.message,
            "\n\tat ",
            &operation.class,
            "(",
        ];
        parts
            .into_iter()
            .for_each(|part| out.extend(part.as_bytes()));
        match operation.name.as_str() {
            "" => out.extend(operation.stage.name().as_bytes()),
            name => out.extend(name.as_bytes()),
        }
        out.extend(b")\n");
        if let Some(cause) = &self.cause {
            for part in ["Caused by: ", cause.exception, ": ", &cause.text, "\n"] {
                out.extend(part.as_bytes());
            }
        }
    }

    /// What is wrong in one line, with the operator's name for where.
    pub fn text(&self) -> String {
        let mut text = self.operation.name.clone();
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&self.message);
        if let Some(cause) = &self.cause {
            text.push_str(&cause.text);
        }
        text
    }
}

/// What stands between the class of an exception and its message.
const EXCEPTION_END: &str = ": ";

/// The class of an exception that a message begins with, as in `java.lang.IllegalArgumentException: Unknown field`.
fn exception_of(message: &str) -> Option<&str> {
    let (class, _) = message.split_once(EXCEPTION_END)?;
    let (package, name) = class.rsplit_once('.')?;
    let is_package = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase())
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let is_exception = name.starts_with(|c: char| c.is_ascii_uppercase())
        && (name.ends_with("Exception") || name.ends_with("Error"))
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$'));
    (is_exception && package.split('.').all(is_package)).then_some(class)
}

/// Where a record is from, for the headers of a dead letter.
pub struct Place<'a> {
    pub topic: &'a str,
    /// Its partition, or its source partition as JSON.
    pub partition: String,
    /// Its offset, or its source offset as JSON.
    pub offset: String,
}

/// The records of a batch as they were before anything was done to them.
pub trait Originals {
    /// The name of a record, for messages.
    fn name(&self, row: usize) -> String;

    /// How the log shows a record where it is to show it: `, where … is …`.
    fn shown(&self, row: usize) -> String;

    /// Where a record is from.
    fn place(&mut self, row: usize) -> Place<'_>;

    /// The keys, values, headers and timestamps of these rows as they go to the dead letter queue. What cannot be
    /// written there is listed in `unfit`, by its index in `rows`, with the reason; the batch has all others.
    fn letters(&mut self, rows: &[u32], unfit: &mut Vec<(usize, String)>) -> Batch;
}

/// How a task deals with records that fail.
pub struct Failures {
    /// Whose records they are.
    pub task: TaskId,
    tolerant: bool,
    /// How it tries again.
    pub retry: Retry,
    log: Option<ErrorLog>,
    log_shows_records: bool,
    dead_letters: Option<DeadLetters>,
    progress: Arc<Progress>,
}

impl Failures {
    pub fn of(
        task: &TaskId,
        errors: &ErrorsConfig,
        dead_letters: Option<DeadLetters>,
        progress: &Arc<Progress>,
    ) -> Self {
        let log_shows_records = errors.log_include_messages;
        Self {
            task: task.clone(),
            tolerant: errors.tolerance_all,
            retry: Retry::of(errors, progress),
            log: errors
                .log_enable
                .then(|| ErrorLog::new(task, log_shows_records)),
            log_shows_records: errors.log_enable && log_shows_records,
            dead_letters,
            progress: Arc::clone(progress),
        }
    }

    /// Whether records that fail are skipped.
    pub fn tolerant(&self) -> bool {
        self.tolerant
    }

    /// Whether anything but counting happens to records that fail.
    pub fn reports(&self) -> bool {
        self.log.is_some() || self.dead_letters.is_some()
    }

    /// Whether the records of a batch are to be kept as they were: for the log, or the dead letter queue.
    pub fn keep_originals(&self) -> bool {
        self.log_shows_records || self.dead_letters.is_some()
    }

    /// Deals with all records of a batch that failed; afterwards they are in order, each once. What is done here is
    /// final, so those that come again are left out of `failed`.
    ///
    /// # Errors
    /// The first record that failed, where that is not tolerated; and when the dead letter queue refuses one.
    pub fn report(
        &mut self,
        failed: &mut Vec<Failed>,
        originals: &mut dyn Originals,
    ) -> Result<(), WorkerError> {
        self.report_as(failed, originals, Refusals::Fail)
    }

    /// The same for records that their topics refused, which is tolerated. The dead letter queue may refuse them too:
    /// they may be too large for any.
    ///
    /// # Errors
    /// When it refused another record.
    pub fn report_refused(
        &mut self,
        mut failed: Vec<Failed>,
        originals: &mut dyn Originals,
    ) -> Result<(), WorkerError> {
        self.report_as(&mut failed, originals, Refusals::Pass)
    }

    fn report_as(
        &mut self,
        failed: &mut Vec<Failed>,
        originals: &mut dyn Originals,
        refusals: Refusals,
    ) -> Result<(), WorkerError> {
        if failed.is_empty() {
            return Ok(());
        }
        // Of a record that failed in several operations, only the first would have been tried.
        failed.sort_by_key(|failure| failure.row);
        failed.dedup_by_key(|failure| failure.row);
        if !self.tolerant {
            failed.truncate(1);
        }
        self.progress.failed(failed.len());
        if let Some(log) = &mut self.log {
            self.progress.logged(log.write(failed, originals));
        }
        if let Some(letters) = &mut self.dead_letters {
            letters.send(failed, originals, refusals)?;
        }
        match failed.first() {
            Some(first) if !self.tolerant => Err(self.fails(first, originals)),
            _ => {
                self.progress.skipped(failed.len());
                Ok(())
            }
        }
    }

    /// Why a task ends that tolerates no failure, once its dead letter is safe.
    fn fails(&mut self, first: &Failed, originals: &dyn Originals) -> WorkerError {
        match self.settle() {
            Ok(true) => {}
            Ok(false) => tracing::warn!("The dead letter queue did not acknowledge in time."),
            Err(error) => return error,
        }
        WorkerError::Record {
            stage: first.operation.stage,
            record: originals.name(first.row),
            message: first.text(),
        }
    }

    /// Whether all is well with the dead letter queue so far.
    ///
    /// # Errors
    /// When it refused a record.
    pub fn check(&self) -> Result<(), WorkerError> {
        self.dead_letters
            .as_ref()
            .map_or(Ok(()), DeadLetters::check)
    }

    /// Waits until the dead letter queue has acknowledged everything; `false`: not in time. To be asked before
    /// anything is committed that stands behind a record that failed.
    ///
    /// # Errors
    /// When it refused a record.
    pub fn settle(&mut self) -> Result<bool, WorkerError> {
        if let Some(log) = &mut self.log {
            log.tell_left_out();
        }
        self.dead_letters
            .as_ref()
            .map_or(Ok(true), DeadLetters::settle)
    }
}

/// The rows of a batch of `count` that did not fail.
pub fn rows_without(count: usize, failed: &[Failed]) -> Vec<u32> {
    let mut good = vec![true; count];
    for failure in failed {
        if let Some(row) = good.get_mut(failure.row) {
            *row = false;
        }
    }
    (0_u32..)
        .zip(good)
        .filter_map(|(row, good)| good.then_some(row))
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Records that are numbers.
    pub struct One;

    impl Originals for One {
        fn name(&self, row: usize) -> String {
            format!("number {row}")
        }

        fn shown(&self, row: usize) -> String {
            format!(", where it is {{number {row}}}")
        }

        fn place(&mut self, row: usize) -> Place<'_> {
            Place {
                topic: "t",
                partition: "7".to_owned(),
                offset: row.to_string(),
            }
        }

        fn letters(&mut self, rows: &[u32], _unfit: &mut Vec<(usize, String)>) -> Batch {
            let mut batch = Batch {
                count: rows.len(),
                ..Batch::default()
            };
            for row in rows {
                batch.values.push(Some(row.to_string().as_bytes()));
            }
            batch
        }
    }

    pub fn failed(row: usize) -> Failed {
        failed_in(row, Stage::Transformation)
    }

    fn failed_in(row: usize, stage: Stage) -> Failed {
        Failed {
            row,
            operation: Arc::new(Operation {
                stage,
                class: "org.X".to_owned(),
                name: "transform x".to_owned(),
            }),
            class: ErrorClass::Data,
            thrown: None,
            message: format!("bad: {row}"),
            cause: None,
        }
    }

    fn failures(tolerance_all: bool) -> Failures {
        let errors = ErrorsConfig {
            tolerance_all,
            retry_timeout: None,
            retry_delay_max: std::time::Duration::ZERO,
            log_enable: false,
            log_include_messages: false,
            dlq: None,
        };
        let task = TaskId {
            connector: tidegate_model::ConnectorName::parse("c").unwrap(),
            task: 0,
        };
        Failures::of(&task, &errors, None, &Arc::default())
    }

    #[test]
    fn a_record_counts_once_with_what_it_failed_in_first() {
        let mut tolerant = failures(true);
        let mut all = vec![
            failed_in(3, Stage::KeyConverter),
            failed_in(3, Stage::ValueConverter),
            failed(1),
        ];
        tolerant.report(&mut all, &mut One).unwrap();
        let shown: Vec<_> = all.iter().map(|f| (f.row, f.operation.stage)).collect();
        assert_eq!(
            shown,
            [(1, Stage::Transformation), (3, Stage::KeyConverter)]
        );
        let counts = tolerant.progress.counts();
        assert_eq!((counts.errors, counts.failures, counts.skipped), (2, 2, 2));
        assert!(counts.last_error_ms > 1_600_000_000_000);
    }

    #[test]
    fn without_tolerance_the_first_record_fails_the_task_and_counts_alone() {
        let mut strict = failures(false);
        let error = strict.report(&mut vec![failed(5), failed(2)], &mut One);
        let text = error.unwrap_err().to_string();
        assert!(
            text.starts_with(
                "Tolerance exceeded in error handler: TRANSFORMATION: record number 2: transform x: bad: 2"
            ),
            "{text}"
        );
        let counts = strict.progress.counts();
        assert_eq!((counts.errors, counts.skipped), (1, 0));
    }

    #[test]
    fn the_class_of_an_exception_stands_before_its_message() {
        let operation = failed(0).operation;
        let refused = |message: &str| {
            let failed = Failed::refused(0, &operation, ErrorClass::Data, message.to_owned());
            (failed.exception().to_owned(), failed.message)
        };
        let usual = "org.apache.kafka.connect.errors.DataException";
        let of = |class: &str, message: &str| (class.to_owned(), message.to_owned());
        assert_eq!(refused("bad: 1"), of(usual, "bad: 1"));
        assert_eq!(refused("a.b: c"), of(usual, "a.b: c"));
        assert_eq!(refused("Exception: c"), of(usual, "Exception: c"));
        assert_eq!(
            refused("a b.NoException: c"),
            of(usual, "a b.NoException: c")
        );
        let class = "java.lang.IllegalArgumentException";
        assert_eq!(refused(&format!("{class}: a: b")), of(class, "a: b"));
    }

    #[test]
    fn an_error_is_printed_as_java_does() {
        let mut failed = failed(4);
        failed.cause = Some(Cause {
            exception: "org.apache.kafka.common.errors.SerializationException",
            text: "at byte 1".to_owned(),
        });
        let mut trace = Vec::new();
        failed.stack_trace(&mut trace);
        assert_eq!(
            String::from_utf8(trace).unwrap(),
            "org.apache.kafka.connect.errors.DataException: bad: 4\n\tat org.X(transform x)\n\
             Caused by: org.apache.kafka.common.errors.SerializationException: at byte 1\n"
        );
    }

    #[test]
    fn rows_that_failed_are_left_out() {
        assert_eq!(rows_without(4, &[failed(1), failed(3), failed(9)]), [0, 2]);
    }
}
