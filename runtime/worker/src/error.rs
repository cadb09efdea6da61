//! What can go wrong in a worker.

use std::borrow::Cow;

use tidegate_broker::BrokerError;
use tidegate_config::ConfigError;
use tidegate_config::secrets::Secrets;
use tidegate_convert::ConvertError;
use tidegate_model::{ConnectorName, ErrorClass};
use tidegate_sandbox::SandboxError;

/// Why a task or a request to the worker failed.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The configuration cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A converter cannot be made, or a record cannot be converted.
    #[error("{stage}: {error}")]
    Convert {
        /// Which converter: Kafka Connect's name of the stage.
        stage: Stage,
        /// What is wrong.
        error: ConvertError,
    },
    /// The guest or its sandbox failed.
    #[error("{stage}: {error}")]
    Guest {
        /// In which stage.
        stage: Stage,
        /// What is wrong.
        error: SandboxError,
    },
    /// The guest faulted, and failures of records are not tolerated.
    #[error("{stage}: {error}\nIn hand were {records}.{}", tolerated(error))]
    InHand {
        /// In which stage.
        stage: Stage,
        /// What is wrong.
        error: SandboxError,
        /// The records that the guest had been given.
        records: String,
    },
    /// The guest faulted at record after record.
    #[error(
        "{stage}: the guest ended at {records} records in succession, each given alone to a guest made anew: it is not \
         the records. The last time: {error}"
    )]
    FaultsAlone {
        /// In which stage.
        stage: Stage,
        /// How many.
        records: usize,
        /// The last fault.
        error: SandboxError,
    },
    /// The guest faulted again and again.
    #[error(
        "{stage}: the guest ended {times} times without getting any further in any partition. The last time: {error}"
    )]
    FaultsInPlace {
        /// In which stage.
        stage: Stage,
        /// How often.
        times: usize,
        /// The last fault.
        error: SandboxError,
    },
    /// A plugin cannot be found or loaded.
    #[error(transparent)]
    Plugin(#[from] SandboxError),
    /// One record failed and `errors.tolerance` is `none`.
    #[error(
        "Tolerance exceeded in error handler: {stage}: record {record}: {message}. Set errors.tolerance=all to skip such records"
    )]
    Record {
        /// In which stage.
        stage: Stage,
        /// Which record: topic, partition and offset, or its number in the batch.
        record: String,
        /// What is wrong with it.
        message: String,
    },
    /// The topic of the dead letter queue is not there and cannot be created.
    #[error(
        "Could not initialize dead letter queue with topic={topic}: {error}. A missing topic is created with \
         errors.deadletterqueue.topic.replication.factor={replication_factor}: set it to at most the number of brokers, \
         or create the topic yourself"
    )]
    DeadLetterTopic {
        /// The topic.
        topic: String,
        /// How many replicas it should have.
        replication_factor: i16,
        /// What is wrong.
        error: BrokerError,
    },
    /// A record that failed is not safe.
    #[error(
        "a record that failed could not be written to the dead letter queue {topic}: {reason}. Nothing is committed \
         past it"
    )]
    DeadLetter {
        /// The topic.
        topic: String,
        /// What is wrong.
        reason: String,
    },
    /// The broker refused or is away.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// A record was not acknowledged.
    #[error("KAFKA_PRODUCE: {0}")]
    Produce(String),
    /// A connector would write or read what is the worker's alone.
    #[error("topic {0} is the worker's own and not for connectors; choose another topic")]
    OwnTopic(String),
    /// A topic that a source writes to is not there and cannot be created.
    #[error(
        "Task failed to create new topic {topic}. Ensure that the task is authorized to create topics or that the \
         topic exists and restart the task: {error}"
    )]
    CreateTopic {
        /// The topic.
        topic: String,
        /// What is wrong.
        error: BrokerError,
    },
    /// A connector divided its work among too many tasks. In Kafka Connect's words.
    #[error(
        "The connector {connector} has generated {tasks} tasks, which is greater than {tasks_max}, the maximum number \
         of tasks it is configured to create. This behaviour should be considered a bug and is disallowed. If \
         necessary, it can be permitted by reconfiguring the connector with 'tasks.max.enforce' set to false"
    )]
    TooManyTasks {
        /// The connector.
        connector: ConnectorName,
        /// How many it has.
        tasks: usize,
        /// How many it may have.
        tasks_max: u32,
    },
    /// A connector's source offsets are too many or too large to be kept.
    #[error("the offsets of the connector {connector} cannot be written: {message}")]
    Offsets {
        /// The connector.
        connector: ConnectorName,
        /// What was found and what is allowed.
        message: String,
    },
    /// Another of these, whose text had something in it that nobody may be shown.
    #[error("{text}")]
    Redacted {
        /// What kind of failure it was.
        class: ErrorClass,
        /// Whether the same may succeed later.
        may_pass: bool,
        /// What is left of the text.
        text: String,
    },
    /// Nobody waits for the task any more; it must do nothing more.
    #[error("the task did not stop in time; what it did afterwards is not kept")]
    Abandoned,
    /// Something did not end in time.
    #[error("{what} did not end within {milliseconds} ms")]
    Timeout {
        /// What.
        what: String,
        /// The time it had.
        milliseconds: u128,
    },
    /// An internal topic holds what nobody here wrote.
    #[error(
        "topic {topic}, partition {partition}, offset {offset}: {message}. It is not overwritten and not taken for \
         empty; repair or delete the record"
    )]
    InternalTopic {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset.
        offset: i64,
        /// What is wrong.
        message: String,
    },
    /// A topic of the worker's whose records must be in order has several partitions.
    #[error(
        "topic {topic} has {partitions} partitions, and its records must be in order across all keys: it needs \
         exactly one. Name another topic, or delete this one and let the worker create it"
    )]
    Partitions {
        /// The topic.
        topic: String,
        /// How many it has.
        partitions: usize,
    },
    /// A fault of Tidegate itself.
    #[error("internal error: {0}")]
    Internal(String),
}

impl WorkerError {
    /// Whether the same may succeed later without anybody's help: the broker is away, or slow.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Redacted { may_pass, .. } => *may_pass,
            Self::Timeout { .. } => true,
            _ => self.class() == ErrorClass::Retriable,
        }
    }

    /// The same without secrets.
    #[must_use]
    pub fn redacted(self, secrets: &Secrets) -> Self {
        let text = self.to_string();
        match secrets.redact(&text) {
            Cow::Borrowed(_) => self,
            Cow::Owned(text) => Self::Redacted {
                class: self.class(),
                may_pass: self.may_pass(),
                text,
            },
        }
    }

    /// The same with the records that a guest had been given when it faulted.
    #[must_use]
    pub fn in_hand(self, records: impl FnOnce() -> String) -> Self {
        match self {
            Self::Guest { stage, error } if error.class() == ErrorClass::GuestFault => {
                Self::InHand {
                    stage,
                    error,
                    records: records(),
                }
            }
            other => other,
        }
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Config(_) | Self::OwnTopic(_) | Self::Partitions { .. } => ErrorClass::Config,
            Self::Convert { .. } | Self::Record { .. } => ErrorClass::Data,
            Self::Guest { error, .. }
            | Self::InHand { error, .. }
            | Self::FaultsAlone { error, .. }
            | Self::FaultsInPlace { error, .. }
            | Self::Plugin(error) => error.class(),
            Self::Broker(error)
            | Self::DeadLetterTopic { error, .. }
            | Self::CreateTopic { error, .. } => error.class(),
            Self::Offsets { .. } | Self::TooManyTasks { .. } => ErrorClass::GuestFault,
            Self::Produce(_)
            | Self::DeadLetter { .. }
            | Self::Abandoned
            | Self::Timeout { .. }
            | Self::InternalTopic { .. } => ErrorClass::Fatal,
            Self::Redacted { class, .. } => *class,
            Self::Internal(_) => ErrorClass::Internal,
        }
    }
}

/// Where a record was when it failed; the names are Kafka Connect's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The source's `poll`.
    TaskPoll,
    /// The sink's `put` or `flush`.
    TaskPut,
    /// A task's `start`, `open`, `close` or `commit`.
    TaskLifecycle,
    /// A transform or predicate.
    Transformation,
    /// The key converter.
    KeyConverter,
    /// The value converter.
    ValueConverter,
    /// The header converter.
    HeaderConverter,
    /// Writing to a topic.
    KafkaProduce,
}

/// What tolerance would do about a fault of a guest with records in hand. An answer of a transform that is not allowed is
/// not one record's: nothing is looked for then.
fn tolerated(error: &SandboxError) -> &'static str {
    match error {
        SandboxError::Violation { call: "apply", .. } => "",
        _ => {
            " With errors.tolerance=all the records at which this happens are found and skipped, and the others go on"
        }
    }
}

impl Stage {
    /// Kafka Connect's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TaskPoll => "TASK_POLL",
            Self::TaskPut => "TASK_PUT",
            Self::TaskLifecycle => "TASK_LIFECYCLE",
            Self::Transformation => "TRANSFORMATION",
            Self::KeyConverter => "KEY_CONVERTER",
            Self::ValueConverter => "VALUE_CONVERTER",
            Self::HeaderConverter => "HEADER_CONVERTER",
            Self::KafkaProduce => "KAFKA_PRODUCE",
        }
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
