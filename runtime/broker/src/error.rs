//! What can go wrong with a broker, in the words of the one who has to mend it.

use std::path::PathBuf;

use tidegate_model::guest_text::clean;
use tidegate_model::limits::TOPIC_NAME_BYTES_MAX;
use tidegate_model::{ErrorClass, TopicName, TopicPartition};

/// A broker's refusal or failure. Cheap to clone, since one failure may concern many groups of records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// A client setting that is not allowed or has a wrong value.
    #[error("the client setting {key:?} is refused: {reason}")]
    Setting {
        /// Kafka's name of the setting.
        key: String,
        /// Why, and what to do.
        reason: String,
    },
    /// A name that Kafka does not allow.
    #[error("{0}")]
    Name(String),
    /// A topic configuration that is not allowed.
    #[error("the topic {topic} cannot be created: {reason}")]
    TopicConfig {
        /// The topic.
        topic: String,
        /// Why, and what to do.
        reason: String,
    },
    /// A topic that does not exist and is not created by itself.
    #[error("the topic {0:?} does not exist")]
    UnknownTopic(String),
    /// A partition that the topic does not have.
    #[error("the topic {topic} has no partition {partition}, only {count}")]
    UnknownPartition {
        /// The topic.
        topic: String,
        /// The partition asked for.
        partition: i32,
        /// How many there are.
        count: i32,
    },
    /// A record that can never be written.
    #[error("a record for the topic {topic} is refused: {reason}")]
    Record {
        /// The topic.
        topic: String,
        /// Why.
        reason: String,
    },
    /// A record that is too large.
    #[error(
        "a record for the topic {topic} has {found} bytes; at most {wanted} are allowed by {key}"
    )]
    TooLarge {
        /// The topic.
        topic: String,
        /// Its bytes.
        found: usize,
        /// The bytes allowed.
        wanted: usize,
        /// The setting that says so.
        key: &'static str,
    },
    /// A partition that is not this consumer's now.
    #[error("the partition {0} is not assigned to this consumer now")]
    NotAssigned(TopicPartition),
    /// Positions that were committed by a consumer that is no longer the partition's owner.
    #[error("the group {group:?} does not accept this consumer's positions: {reason}")]
    StaleMember {
        /// The group.
        group: String,
        /// Why.
        reason: String,
    },
    /// A group that cannot be forgotten now.
    #[error("the group {0:?} still has members; stop them first")]
    GroupNotEmpty(String),
    /// The broker cannot be reached, or did not answer in time.
    #[error("the broker is away: {0}")]
    Away(String),
    /// A time limit passed.
    #[error("{what} took longer than {limit_ms} ms")]
    Timeout {
        /// What was waited for.
        what: &'static str,
        /// The limit.
        limit_ms: u128,
    },
    /// The broker refuses this client.
    #[error("the broker refuses this client: {0}")]
    Denied(String),
    /// A folder that another process uses.
    #[error(
        "the folder {0} is in use by another process; stop the worker that runs there, or use another folder"
    )]
    Locked(PathBuf),
    /// A folder of another version.
    #[error(
        "the folder {folder} was written in format {found}, this version reads {wanted}; use the version that wrote it, or another folder"
    )]
    Format {
        /// The folder.
        folder: PathBuf,
        /// Its format.
        found: u32,
        /// The format read by this version.
        wanted: u32,
    },
    /// A file of the embedded log has something else in it than was written.
    #[error(
        "the file {file} of the embedded log is damaged: {found}; restore its folder from a copy, or move the folder away to begin with an empty log"
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        found: String,
    },
    /// The embedded log's storage failed.
    #[error("the embedded log failed: {0}")]
    Storage(String),
    /// The client library failed in a way that it cannot recover from.
    #[error("the Kafka client failed: {0}")]
    Client(String),
    /// A fault of this crate.
    #[error("a fault in the broker client: {0}")]
    Internal(String),
}

impl BrokerError {
    /// What the worker does about it.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Setting { .. }
            | Self::Name(_)
            | Self::TopicConfig { .. }
            | Self::Denied(_)
            | Self::Locked(_)
            | Self::Format { .. } => ErrorClass::Config,
            Self::UnknownTopic(_)
            | Self::UnknownPartition { .. }
            | Self::Record { .. }
            | Self::TooLarge { .. } => ErrorClass::Data,
            Self::StaleMember { .. }
            | Self::NotAssigned(_)
            | Self::GroupNotEmpty(_)
            | Self::Away(_)
            | Self::Timeout { .. } => ErrorClass::Retriable,
            Self::Damaged { .. } | Self::Storage(_) | Self::Client(_) => ErrorClass::Fatal,
            Self::Internal(_) => ErrorClass::Internal,
        }
    }

    /// The refusal of a record for a topic whose name is not allowed.
    pub(crate) fn topic_refused(topic: &str, reason: &impl ToString) -> Self {
        Self::Record {
            topic: clean(topic, TOPIC_NAME_BYTES_MAX).into_owned(),
            reason: reason.to_string(),
        }
    }

    /// The refusal of a topic that is not there.
    pub(crate) fn unknown(topic: &TopicName) -> Self {
        Self::UnknownTopic(topic.as_str().to_owned())
    }
}
