//! Reads all partitions of a Kafka topic from the beginning.
//!
//! Positions also pass what is never delivered, such as the marks of transactions at the end of a partition:
//! when a read finds nothing and a partition's end was reached below its end offset, that end is asked for,
//! the partition is read once more from its position, and only when that again finds nothing the position
//! becomes the end that was asked for.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tidegate_model::{Batch, TopicName, TopicPartition};

use super::context::LogContext;
use super::rows::Rows;
use crate::{BrokerError, Reader};

/// The most bytes that one read takes.
const READ_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long the broker may take to say where a partition ends.
const ASK_TIMEOUT: Duration = Duration::from_secs(10);

impl ConsumerContext for LogContext {}

/// A reader of Kafka.
pub struct KafkaReader {
    client: BaseConsumer<LogContext>,
    topic: TopicName,
    positions: BTreeMap<i32, Position>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Position {
    next: i64,
    at_end: End,
}

/// What is known about the end of a partition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum End {
    /// There may be more.
    #[default]
    Ahead,
    /// The end was reached and it was not asked where it is.
    Reached,
    /// The partition is read once more, to see whether there is something before this offset.
    Asked(i64),
    /// The position is the end.
    Known,
}

impl KafkaReader {
    /// Makes a reader of a topic whose partitions have these first and last offsets.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub fn new(
        mut config: ClientConfig,
        topic: &TopicName,
        partitions: &[(i64, i64)],
    ) -> Result<Self, BrokerError> {
        // librdkafka wants a group for every consumer; this one never joins it.
        config.set("group.id", format!("tidegate-reader-{}", topic.as_str()));
        let client: BaseConsumer<LogContext> = config.create_with_context(LogContext)?;
        let mut list = TopicPartitionList::new();
        let mut positions = BTreeMap::new();
        for (number, (first, end)) in (0..).zip(partitions) {
            list.add_partition(topic.as_str(), number)
                .set_offset(Offset::Offset(*first))?;
            let at_end = if first == end { End::Known } else { End::Ahead };
            positions.insert(
                number,
                Position {
                    next: *first,
                    at_end,
                },
            );
        }
        client.assign(&list)?;
        Ok(Self {
            client,
            topic: topic.clone(),
            positions,
        })
    }

    fn take(&mut self, records_max: usize, deadline: Instant) -> Result<Rows, BrokerError> {
        let mut rows = Rows::default();
        while rows.len() < records_max && rows.bytes() < READ_BYTES_MAX {
            let wait = match rows.len() {
                0 => deadline.saturating_duration_since(Instant::now()),
                _ => Duration::ZERO,
            };
            match self.client.poll(wait) {
                Some(Ok(message)) => {
                    rows.push(&message);
                    if let Some(position) = self.positions.get_mut(&message.partition()) {
                        position.next = message.offset() + 1;
                        position.at_end = End::Ahead;
                    }
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    if let Some(position) = self.positions.get_mut(&partition) {
                        position.reached();
                    }
                }
                Some(Err(error)) => match error.rdkafka_error_code() {
                    Some(
                        RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic,
                    ) => return Err(BrokerError::unknown(&self.topic)),
                    Some(
                        RDKafkaErrorCode::TopicAuthorizationFailed
                        | RDKafkaErrorCode::SaslAuthenticationFailed
                        | RDKafkaErrorCode::Authentication
                        | RDKafkaErrorCode::AllBrokersDown
                        | RDKafkaErrorCode::Fatal,
                    ) if rows.len() == 0 => return Err(error.into()),
                    _ => {}
                },
                None if wait == Duration::ZERO => break,
                None => {}
            }
        }
        Ok(rows)
    }

    /// Asks where partitions end whose end was reached.
    fn ask(&mut self) -> Result<(), BrokerError> {
        for (number, position) in &mut self.positions {
            if position.at_end != End::Reached {
                continue;
            }
            let topic = self.topic.as_str();
            let (_, end) = self.client.fetch_watermarks(topic, *number, ASK_TIMEOUT)?;
            if end <= position.next {
                position.at_end = End::Known;
            } else {
                self.client
                    .seek(topic, *number, Offset::Offset(position.next), ASK_TIMEOUT)?;
                position.at_end = End::Asked(end);
            }
        }
        Ok(())
    }

    fn is_settled(&self) -> bool {
        self.positions
            .values()
            .all(|position| matches!(position.at_end, End::Known | End::Ahead))
    }
}

impl Position {
    fn reached(&mut self) {
        self.at_end = match self.at_end {
            End::Asked(end) => {
                self.next = self.next.max(end);
                End::Known
            }
            End::Known => End::Known,
            End::Ahead | End::Reached => End::Reached,
        };
    }
}

impl Reader for KafkaReader {
    fn read(&mut self, records_max: usize, wait: Duration) -> Result<Batch, BrokerError> {
        let deadline = Instant::now() + wait;
        let rows = self.take(records_max, deadline)?;
        if rows.len() == 0 && !self.is_settled() {
            self.ask()?;
        }
        Ok(rows.finish())
    }

    fn positions(&self) -> Vec<(TopicPartition, i64)> {
        let positions = self.positions.iter().map(|(partition, position)| {
            let partition = TopicPartition {
                topic: self.topic.clone(),
                partition: *partition,
            };
            (partition, position.next)
        });
        positions.collect()
    }
}
