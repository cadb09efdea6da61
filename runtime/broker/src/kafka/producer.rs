//! Writes batches to Kafka.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::BaseRecord;
use tidegate_model::{Batch, Column, TopicName};

use super::batching::{Client, failure};
use super::in_flight::{InFlight, Ticket};
use crate::{Acknowledge, BrokerError, Producer};

/// What the client counts for a record besides its key, value and headers, at most.
const RECORD_OVERHEAD_BYTES: usize = 70;
/// The keys that limit what the client takes.
const SIZE_KEY: &str = "producer.override.max.request.size of the connector, or producer.max.request.size of the worker";

/// A producer of Kafka.
pub struct KafkaProducer {
    client: Client,
    in_flight: Arc<InFlight>,
    /// The most bytes of a record that the client takes, without what is written around it.
    record_bytes_max: usize,
}

impl KafkaProducer {
    /// Makes a producer.
    ///
    /// # Errors
    /// When a setting is refused.
    pub fn new(config: &ClientConfig) -> Result<Self, BrokerError> {
        let in_flight = Arc::<InFlight>::default();
        let client = Client::new(config, &in_flight)?;
        let limit = config.get("message.max.bytes");
        let limit: usize = limit
            .and_then(|limit| limit.parse().ok())
            .unwrap_or_default();
        Ok(Self {
            client,
            in_flight,
            record_bytes_max: limit.saturating_sub(RECORD_OVERHEAD_BYTES),
        })
    }

    /// Why the client did not take a record.
    #[cold]
    fn not_sent(&self, error: &KafkaError, batch: &Batch, row: usize) -> BrokerError {
        let topic = batch.topic(row);
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::MessageSizeTooLarge) => BrokerError::TooLarge {
                topic: topic.to_owned(),
                found: record_bytes(batch, row),
                wanted: self.record_bytes_max,
                key: SIZE_KEY,
            },
            Some(RDKafkaErrorCode::UnknownPartition) => BrokerError::Record {
                topic: topic.to_owned(),
                reason: format!(
                    "the topic has no partition {}",
                    batch.partition(row).unwrap_or(-1)
                ),
            },
            _ => failure(error, topic),
        }
    }
}

impl Producer for KafkaProducer {
    fn submit(
        &self,
        batch: &Batch,
        groups: &[u32],
        first_group: u64,
        group_count: u32,
        to: &Arc<dyn Acknowledge>,
    ) -> Result<(), BrokerError> {
        let Some(slot) =
            self.in_flight
                .open(counts(batch.count, groups, group_count), first_group, to)
        else {
            return Ok(());
        };
        let mut first_failure = None;
        let refused = RefusedTopics::of(batch);
        let mut keys = batch.iter_keys();
        let mut values = batch.iter_values();
        let mut headers = HeaderRows::of(batch);
        for row in 0..batch.count {
            let group = groups.get(row).copied().unwrap_or(0);
            let ticket = Ticket {
                slot,
                group,
                row: u32::try_from(row).unwrap_or(u32::MAX),
            }
            .pack();
            let topic = batch.topic(row);
            let mut record = BaseRecord::<[u8], [u8], usize>::with_opaque_to(topic, ticket);
            record.partition = batch.partition(row);
            record.timestamp = batch.timestamp(row);
            record.key = keys.next().flatten();
            record.payload = values.next().flatten();
            record.headers = headers.next();
            let sent = match refused.of_row(batch, row) {
                Some(refused) => Err((refused, ticket)),
                None => (self.client.of_topic(topic).send(record))
                    .map_err(|(error, ticket)| (self.not_sent(&error, batch, row), ticket)),
            };
            if let Err((failure, ticket)) = sent {
                self.in_flight.done(ticket, Some(failure.clone()));
                first_failure.get_or_insert(failure);
            }
        }
        first_failure.map_or(Ok(()), Err)
    }

    fn flush(&self, timeout: Duration) -> Result<(), BrokerError> {
        let deadline = Instant::now() + timeout;
        while !self.in_flight.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                return Err(BrokerError::Timeout {
                    what: "waiting for the broker's acknowledgements",
                    limit_ms: timeout.as_millis(),
                });
            }
            self.in_flight.wait(left);
        }
        Ok(())
    }
}

/// The topics of a batch whose names Kafka does not allow; mostly there are none.
struct RefusedTopics(Vec<(usize, BrokerError)>);

impl RefusedTopics {
    fn of(batch: &Batch) -> Self {
        let topics = batch.topics.iter().enumerate();
        let refused = topics.filter_map(|(index, topic)| {
            let error = TopicName::parse(topic).err()?;
            Some((index, BrokerError::topic_refused(topic, &error)))
        });
        Self(refused.collect())
    }

    fn of_row(&self, batch: &Batch, row: usize) -> Option<BrokerError> {
        if self.0.is_empty() {
            return None;
        }
        let topic = batch.topic_indexes.get(row).copied().unwrap_or(0) as usize;
        let refused = self.0.iter().find(|(index, _)| *index == topic);
        refused.map(|(_, error)| error.clone())
    }
}

/// The bytes of a record.
fn record_bytes(batch: &Batch, row: usize) -> usize {
    let length = |entry: Option<&[u8]>| entry.map_or(0, <[u8]>::len);
    let headers = &batch.headers;
    let before = headers.counts.iter().take(row);
    let first = before.map(|count| *count as usize).sum();
    let count = headers.counts.get(row).copied().unwrap_or(0) as usize;
    let in_headers: usize = [&headers.keys, &headers.values]
        .into_iter()
        .flat_map(|column| column.iter().skip(first).take(count))
        .map(length)
        .sum();
    let key = batch.iter_keys().nth(row).flatten();
    let value = batch.iter_values().nth(row).flatten();
    length(key) + length(value) + in_headers
}

/// How many records each group has.
fn counts(records: usize, groups: &[u32], group_count: u32) -> Vec<u32> {
    let mut counts = vec![0_u32; group_count.max(1) as usize];
    if groups.is_empty() {
        if let Some(first) = counts.first_mut() {
            *first = u32::try_from(records).unwrap_or(u32::MAX);
        }
        counts.truncate(group_count as usize);
    }
    for group in groups.iter().take(records) {
        if let Some(count) = counts.get_mut(*group as usize) {
            *count += 1;
        }
    }
    counts
}

/// The headers of one record after another.
struct HeaderRows<'a> {
    counts: std::slice::Iter<'a, u32>,
    keys: <&'a Column as IntoIterator>::IntoIter,
    values: <&'a Column as IntoIterator>::IntoIter,
}

impl<'a> HeaderRows<'a> {
    fn of(batch: &'a Batch) -> Self {
        Self {
            counts: batch.headers.counts.iter(),
            keys: batch.headers.keys.iter(),
            values: batch.headers.values.iter(),
        }
    }

    fn next(&mut self) -> Option<OwnedHeaders> {
        let count = *self.counts.next().unwrap_or(&0) as usize;
        if count == 0 {
            return None;
        }
        let mut headers = OwnedHeaders::new_with_capacity(count);
        for _ in 0..count {
            let key = self.keys.next().flatten().unwrap_or_default();
            let value = self.values.next().flatten();
            headers = headers.insert(Header {
                key: std::str::from_utf8(key).unwrap_or_default(),
                value,
            });
        }
        Some(headers)
    }
}
