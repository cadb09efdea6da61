//! Topics: writing to them, reading them, managing them. One set of traits, two implementations.
//!
//! | module | what |
//! | --- | --- |
//! | [`kafka`] | Apache Kafka through librdkafka; the only module that sees `rdkafka` |
//! | [`embedded`] | a log in this process on SQLite, for standalone use and tests |
//! | `altered_offsets` | whether offsets that are to be altered could be a group's |
//! | `pattern` | which topics a sink's `topics.regex` means, the same on both |
//!
//! Records travel as [`Batch`]es whose keys, values and header values are the bytes on the topic.
//! All methods block unless they return a future; the worker calls them from blocking threads.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tidegate_model::{Batch, TopicName, TopicPartition};

mod altered_offsets;
pub mod embedded;
mod error;
pub mod kafka;
mod pattern;
mod settings_refused;

pub use embedded::{EmbeddedBroker, EmbeddedSettings};
pub use error::BrokerError;
pub use kafka::KafkaBroker;
pub use pattern::TopicPattern;

/// Settings by name.
pub type Properties = std::collections::BTreeMap<String, String>;

/// Told once for each group of records that were submitted together.
pub trait Acknowledge: Send + Sync {
    /// All records of the group are durable, or what is not. Called from any thread; returns at once.
    fn acknowledged(&self, group: u64, result: Result<(), Refused>);
}

/// Records of a group that are not durable; the others of it are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct Refused {
    /// Their rows in the batch that was submitted.
    pub rows: Vec<u32>,
    /// Why the first of them is not.
    pub error: BrokerError,
}

/// Writes records. Safe to share: every task that has no client settings of its own uses the worker's.
pub trait Producer: Send + Sync {
    /// Takes a batch for delivery, in order per partition. `groups` gives for each record the group whose
    /// acknowledgement it counts for; empty: all count for `first_group`. Group numbers are
    /// `first_group..first_group + group_count`; a group without records is acknowledged at once.
    /// Waits while the producer's own queue is full.
    ///
    /// # Errors
    /// When a record can never be sent (unknown topic, too large): then its group is told too, and the other records
    /// are sent all the same.
    fn submit(
        &self,
        batch: &Batch,
        groups: &[u32],
        first_group: u64,
        group_count: u32,
        to: &Arc<dyn Acknowledge>,
    ) -> Result<(), BrokerError>;

    /// Waits until all that was submitted is acknowledged, at most `timeout`.
    ///
    /// # Errors
    /// When the time is over.
    fn flush(&self, timeout: Duration) -> Result<(), BrokerError>;
}

/// What a consumer found.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // Moved once per batch; a box would be one more allocation.
pub enum Fetched {
    /// Records, in order per partition, with topics, partitions, offsets and timestamps.
    Records(Batch),
    /// These partitions are now this consumer's.
    Assigned(Vec<TopicPartition>),
    /// These partitions are being taken away: deliver, commit, then call [`Consumer::released`].
    Revoked(Vec<TopicPartition>),
    /// Nothing now.
    Nothing,
}

/// Reads topics as a member of a consumer group.
pub trait Consumer: Send {
    /// Joins the group for these topics.
    ///
    /// # Errors
    /// When the client cannot be told.
    fn subscribe(&mut self, topics: &Subscription) -> Result<(), BrokerError>;

    /// Resolves when [`Consumer::fetch`] may find something. Costs nothing while it waits. May resolve for nothing.
    fn ready(&self) -> BoxFuture<'_, ()>;

    /// Takes what is there, without waiting, up to the limits (one record may exceed the bytes).
    ///
    /// # Errors
    /// When the broker refuses; `ErrorClass::Retriable` when it is only away.
    fn fetch(&mut self, records_max: usize, bytes_max: usize) -> Result<Fetched, BrokerError>;

    /// Gives revoked partitions back, after what they held was delivered and committed.
    ///
    /// # Errors
    /// When the client cannot be told.
    fn released(&mut self, partitions: &[TopicPartition]) -> Result<(), BrokerError>;

    /// Commits positions: for each partition the offset of the next record to read. Durable on return.
    ///
    /// # Errors
    /// When the group does not accept it (a newer generation), or the broker is away.
    fn commit(&mut self, offsets: &[(TopicPartition, i64)]) -> Result<(), BrokerError>;

    /// Goes to a position, as after a failure of the sink.
    ///
    /// # Errors
    /// When the partition is not assigned.
    fn seek(&mut self, to: &[(TopicPartition, i64)]) -> Result<(), BrokerError>;

    /// While paused, [`Consumer::fetch`] gives no records and [`Consumer::ready`] does not wait for them. The consumer
    /// stays a member of its group as long as it goes on fetching: partitions come and go as ever, and those that
    /// come give no records either. Afterwards it goes on where it was.
    fn set_paused(&mut self, paused: bool);

    /// How many records of the assigned partitions are not fetched yet, as far as known without asking.
    fn lag(&self) -> Option<u64>;

    /// Leaves the group.
    fn close(&mut self);
}

/// What a consumer subscribes to.
#[derive(Debug, Clone)]
pub enum Subscription {
    /// These topics.
    Topics(Vec<TopicName>),
    /// The topics whose whole name matches, also those that are made later. They are not created by it.
    Pattern(TopicPattern),
}

/// Reads whole topics without a group: Kafka Connect's own compacted logs, and `tidegate consume`.
pub trait Reader: Send {
    /// Takes what is there in order per partition, waiting at most `wait` for the first record.
    ///
    /// # Errors
    /// When the broker refuses.
    fn read(&mut self, records_max: usize, wait: Duration) -> Result<Batch, BrokerError>;

    /// The offset up to which each partition was read.
    fn positions(&self) -> Vec<(TopicPartition, i64)>;
}

/// A topic to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: TopicName,
    /// How many partitions; -1: the broker's default.
    pub partitions: i32,
    /// How many replicas; -1: the broker's default.
    pub replication_factor: i16,
    /// Topic configuration, such as `cleanup.policy`.
    pub config: Properties,
}

/// A topic as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicDescription {
    /// Its name.
    pub name: TopicName,
    /// How many partitions.
    pub partitions: i32,
    /// For each partition its first offset and the offset after its last record.
    pub offsets: Vec<(i64, i64)>,
}

/// Manages topics and groups.
pub trait Admin: Send + Sync {
    /// Creates a topic; one that exists is left as it is and `false` is returned.
    ///
    /// # Errors
    /// When the broker refuses.
    fn create_topic(&self, topic: &NewTopic) -> Result<bool, BrokerError>;
    /// All topics, without Kafka's internal ones unless `internal`.
    ///
    /// # Errors
    /// When the broker is away.
    fn topics(&self, internal: bool) -> Result<Vec<TopicName>, BrokerError>;
    /// One topic with its offsets.
    ///
    /// # Errors
    /// When it does not exist, or the broker is away.
    fn describe(&self, topic: &TopicName) -> Result<TopicDescription, BrokerError>;
    /// Deletes a topic.
    ///
    /// # Errors
    /// When it does not exist, or the broker is away.
    fn delete_topic(&self, topic: &TopicName) -> Result<(), BrokerError>;
    /// The committed positions of a group.
    ///
    /// # Errors
    /// When the broker is away.
    fn group_offsets(&self, group: &str) -> Result<Vec<(TopicPartition, i64)>, BrokerError>;
    /// Sets the committed positions of a group that has no members; no offset: the position is forgotten. Others stay
    /// as they are.
    ///
    /// # Errors
    /// When it has members, a topic or partition does not exist, an offset is negative, or the broker is away.
    fn alter_group_offsets(
        &self,
        group: &str,
        offsets: &[(TopicPartition, Option<i64>)],
    ) -> Result<(), BrokerError>;
    /// Forgets a group.
    ///
    /// # Errors
    /// When it has members, or the broker is away.
    fn delete_group(&self, group: &str) -> Result<(), BrokerError>;
    /// The cluster's id.
    ///
    /// # Errors
    /// When the broker is away.
    fn cluster_id(&self) -> Result<String, BrokerError>;
}

/// A broker: makes producers, consumers and readers.
pub trait Broker: Send + Sync {
    /// A producer with `acks=all` and idempotence; `overrides` are Kafka client settings by Kafka's names.
    ///
    /// # Errors
    /// When a setting is refused.
    fn producer(&self, overrides: &Properties) -> Result<Arc<dyn Producer>, BrokerError>;
    /// A consumer of a group, which starts at the earliest offset and commits only when told.
    ///
    /// # Errors
    /// When a setting is refused.
    fn consumer(
        &self,
        group: &str,
        overrides: &Properties,
    ) -> Result<Box<dyn Consumer>, BrokerError>;
    /// A reader of all partitions of a topic, from the beginning.
    ///
    /// # Errors
    /// When the topic does not exist.
    fn reader(&self, topic: &TopicName) -> Result<Box<dyn Reader>, BrokerError>;
    /// The manager of topics and groups.
    fn admin(&self) -> Arc<dyn Admin>;
}
