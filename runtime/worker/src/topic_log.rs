//! A compacted topic as a table: Kafka Connect's `KafkaBasedLog`.
//!
//! The offset, config and status logs are such topics. Each is created compacted when it is missing, read to
//! the end when it is opened, and written with the acknowledgement awaited.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tidegate_broker::{Acknowledge, Broker, NewTopic, Producer, Refused};
use tidegate_config::Properties;
use tidegate_config::worker::StorageTopic;
use tidegate_model::{Batch, Column, TopicName};
use tokio::sync::{Mutex as AsyncMutex, oneshot};

use crate::error::WorkerError;

/// The most records that one read of a log takes at a time.
const READ_RECORDS_MAX: usize = 5_000;
/// How long a read waits for the first record before it asks again how far the topic goes.
const READ_WAIT: Duration = Duration::from_millis(100);
/// How long an opened log may make no progress before it is an error.
const READ_STALL_MAX: Duration = Duration::from_secs(60);
/// How long a write may take: being handed over, which waits while the producer's queue is full, and acknowledged.
const WRITE_WAIT_MAX: Duration = Duration::from_secs(30);

/// A compacted topic.
pub struct TopicLog {
    topic: TopicName,
    producer: Arc<dyn Producer>,
    /// Held while records are handed over, which may outlast the write that gave up: writes keep their order, and no
    /// more than one thread waits.
    turn: Arc<AsyncMutex<()>>,
    write_wait_max: Duration,
}

/// A record of a log.
#[derive(Debug, Clone, Copy)]
pub struct LogRecord<'a> {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value; null is a tombstone.
    pub value: Option<&'a [u8]>,
}

/// A record to write: key and value; no value is a tombstone.
pub type Entry = (Vec<u8>, Option<Vec<u8>>);

impl TopicLog {
    /// Opens the log of a topic, creates it when it is missing, and gives every record to `each` in order.
    /// Blocks until the end that the topic had when it was opened.
    ///
    /// # Errors
    /// When the broker refuses or is away, or `each` refuses a record.
    pub fn open(
        broker: &dyn Broker,
        producer: &Arc<dyn Producer>,
        storage: &StorageTopic,
        each: impl FnMut(LogRecord<'_>) -> Result<(), String>,
    ) -> Result<Self, WorkerError> {
        let log = Self::open_to_write(broker, producer, storage)?;
        log.read(broker, each)?;
        Ok(log)
    }

    /// As [`TopicLog::open`], for a log whose records are in order across all keys: one partition.
    ///
    /// # Errors
    /// When the topic has more partitions, and as [`TopicLog::open`].
    pub fn open_ordered(
        broker: &dyn Broker,
        producer: &Arc<dyn Producer>,
        storage: &StorageTopic,
        each: impl FnMut(LogRecord<'_>) -> Result<(), String>,
    ) -> Result<Self, WorkerError> {
        let log = Self::open_to_write(broker, producer, storage)?;
        let partitions = broker.admin().describe(&log.topic)?.offsets.len();
        if partitions != 1 {
            return Err(WorkerError::Partitions {
                topic: log.topic.to_string(),
                partitions,
            });
        }
        log.read(broker, each)?;
        Ok(log)
    }

    fn read(
        &self,
        broker: &dyn Broker,
        mut each: impl FnMut(LogRecord<'_>) -> Result<(), String>,
    ) -> Result<(), WorkerError> {
        let begun = std::time::Instant::now();
        let topic = &self.topic;
        let ends = broker.admin().describe(topic)?.offsets;
        let mut reader = broker.reader(topic)?;
        let mut progressed = std::time::Instant::now();
        let reached = |positions: &[(tidegate_model::TopicPartition, i64)]| {
            ends.iter().enumerate().all(|(partition, (first, end))| {
                first >= end
                    || positions.iter().any(|(at, position)| {
                        usize::try_from(at.partition) == Ok(partition) && position >= end
                    })
            })
        };
        while !reached(&reader.positions()) {
            let batch = reader.read(READ_RECORDS_MAX, READ_WAIT)?;
            if !batch.is_empty() {
                progressed = std::time::Instant::now();
            } else if progressed.elapsed() > READ_STALL_MAX {
                return Err(WorkerError::Timeout {
                    what: format!("reading topic {topic}"),
                    milliseconds: READ_STALL_MAX.as_millis(),
                });
            }
            for record in records(&batch) {
                each(record).map_err(|message| WorkerError::InternalTopic {
                    topic: topic.to_string(),
                    partition: record.partition,
                    offset: record.offset,
                    message,
                })?;
            }
        }
        // Closing a Kafka client takes a tenth of a second that nobody has to wait for.
        std::thread::spawn(move || drop(reader));
        tracing::debug!(%topic, milliseconds = begun.elapsed().as_millis(), "A log was read to its end.");
        Ok(())
    }

    /// Opens the log of a topic whose records are of no interest, and creates it when it is missing. Blocks.
    ///
    /// # Errors
    /// When the broker refuses or is away.
    pub fn open_to_write(
        broker: &dyn Broker,
        producer: &Arc<dyn Producer>,
        storage: &StorageTopic,
    ) -> Result<Self, WorkerError> {
        broker.admin().create_topic(&NewTopic {
            name: storage.name.clone(),
            partitions: storage.partitions,
            replication_factor: storage.replication_factor,
            config: Properties::from([("cleanup.policy".to_owned(), "compact".to_owned())]),
        })?;
        Ok(Self {
            topic: storage.name.clone(),
            producer: Arc::clone(producer),
            turn: Arc::default(),
            write_wait_max: WRITE_WAIT_MAX,
        })
    }

    /// Writes records and waits until they are durable.
    ///
    /// # Errors
    /// When the broker refuses, or does not answer in time: the records may be written nevertheless, or later.
    pub async fn write(&self, entries: Vec<Entry>) -> Result<(), WorkerError> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut batch = Batch {
            count: entries.len(),
            topics: vec![self.topic.to_string()],
            ..Batch::default()
        };
        let mut keys = Column::default();
        let mut values = Column::default();
        for (key, value) in &entries {
            keys.push(Some(key));
            values.push(value.as_deref());
        }
        (batch.keys, batch.values) = (keys, values);
        let written = self.submit_and_wait(batch);
        match tokio::time::timeout(self.write_wait_max, written).await {
            Ok(result) => result,
            Err(_) => Err(WorkerError::Timeout {
                what: format!("writing to topic {}", self.topic),
                milliseconds: self.write_wait_max.as_millis(),
            }),
        }
    }

    async fn submit_and_wait(&self, batch: Batch) -> Result<(), WorkerError> {
        let (told, answer) = oneshot::channel();
        let acknowledge: Arc<dyn Acknowledge> = Arc::new(Once(Mutex::new(Some(told))));
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let producer = Arc::clone(&self.producer);
        let submitted = tokio::task::spawn_blocking(move || {
            let submitted = producer.submit(&batch, &[], 0, 1, &acknowledge);
            drop(turn);
            submitted
        });
        submitted
            .await
            .map_err(|error| WorkerError::Internal(error.to_string()))??;
        match answer.await {
            Ok(result) => Ok(result.map_err(|refused| refused.error)?),
            Err(_) => Err(WorkerError::Internal(format!(
                "topic {}: a write was forgotten",
                self.topic
            ))),
        }
    }
}

/// The records of a batch as the log has them.
fn records(batch: &Batch) -> impl Iterator<Item = LogRecord<'_>> {
    batch
        .iter_keys()
        .zip(batch.iter_values())
        .enumerate()
        .map(|(row, (key, value))| LogRecord {
            partition: batch.partition(row).unwrap_or(0),
            offset: batch.offsets.get(row).copied().unwrap_or(-1),
            key,
            value,
        })
}

/// Passes one acknowledgement on.
struct Once(Mutex<Option<oneshot::Sender<Result<(), Refused>>>>);

impl Acknowledge for Once {
    fn acknowledged(&self, _group: u64, result: Result<(), Refused>) {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(told) = told {
            // The writer may have given up waiting; then nobody needs the answer.
            drop(told.send(result));
        }
    }
}

#[cfg(test)]
mod tests {
    use tidegate_broker::{EmbeddedBroker, EmbeddedSettings};
    use tidegate_test_fakes::{FakeProducer, Fate};

    use super::*;

    #[tokio::test]
    async fn a_write_ends_in_time_when_the_producer_takes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let broker = EmbeddedBroker::open(folder.path(), EmbeddedSettings::default()).unwrap();
        let producer = FakeProducer::new(broker.producer(&Properties::new()).unwrap());
        let log = TopicLog {
            topic: TopicName::parse("log").unwrap(),
            producer: Arc::clone(&producer) as _,
            turn: Arc::default(),
            write_wait_max: Duration::from_millis(50),
        };
        let entry = || vec![(b"key".to_vec(), None)];
        producer.set("log", Fate::Waits);
        for _ in 0..3 {
            let written = log.write(entry()).await;
            assert!(matches!(written, Err(WorkerError::Timeout { .. })));
        }
        assert_eq!(producer.submits(), 1, "more than one thread waits");
        producer.set("log", Fate::Written);
        let log = TopicLog {
            write_wait_max: WRITE_WAIT_MAX,
            ..log
        };
        log.write(entry()).await.unwrap();
    }
}
