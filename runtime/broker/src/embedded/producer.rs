//! Writes batches to the embedded log.
//!
//! All records of a batch become durable in one step, except those that can never be written: their groups are told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tidegate_model::{Batch, TopicName};

use super::chunk::ChunkBuilder;
use super::log::Log;
use super::maintenance::now_ms;
use super::partitioner::partition_of_key;
use super::records::Append;
use super::topic::Topic;
use crate::{Acknowledge, BrokerError, NewTopic, Producer, Properties, Refused};

/// A chunk is ended when it has this many bytes.
const CHUNK_BYTES: usize = 512 * 1024;
/// The partition of a record that is not written.
const REFUSED: i32 = -1;
/// What Kafka counts for a record besides its key, value and headers, about.
const RECORD_OVERHEAD_BYTES: usize = 70;

/// A producer of the embedded log.
pub struct EmbeddedProducer {
    log: Arc<Log>,
    /// Records without a key stay together; each batch goes to the next partition.
    turn: AtomicU32,
}

/// Where the records of a batch go.
struct Plan {
    topics: Vec<Result<Arc<Topic>, BrokerError>>,
    partitions: Vec<i32>,
    refused: BTreeMap<u64, Refused>,
}

impl EmbeddedProducer {
    /// Makes a producer.
    pub fn new(log: Arc<Log>) -> Self {
        Self {
            log,
            turn: AtomicU32::new(0),
        }
    }

    fn topic(&self, name: &str) -> Result<Arc<Topic>, BrokerError> {
        let name =
            TopicName::parse(name).map_err(|error| BrokerError::topic_refused(name, &error))?;
        if let Some(topic) = self.log.topic(&name) {
            return Ok(topic);
        }
        if !self.log.settings.auto_create_topics {
            return Err(BrokerError::unknown(&name));
        }
        let new = NewTopic {
            name,
            partitions: -1,
            replication_factor: -1,
            config: Properties::new(),
        };
        if let Some(topic) = self.log.create_topic(&new)? {
            return Ok(topic);
        }
        self.log
            .topic(&new.name)
            .ok_or_else(|| BrokerError::unknown(&new.name))
    }

    /// Chooses the partition of each record and finds what can never be written.
    fn plan(&self, batch: &Batch, group_of: impl Fn(usize) -> u64) -> Plan {
        let topics: Vec<_> = batch.topics.iter().map(|name| self.topic(name)).collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut refused = BTreeMap::new();
        let mut partitions = Vec::with_capacity(batch.count);
        let mut keys = batch.iter_keys();
        let mut values = batch.iter_values();
        for row in 0..batch.count {
            let key = keys.next().flatten();
            let value = values.next().flatten();
            let size = key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len);
            let index = batch
                .topic_indexes
                .get(row)
                .map_or(0, |index| *index as usize);
            let chosen = match topics.get(index) {
                Some(Ok(topic)) => choose(topic, batch.partition(row), key, size, turn),
                Some(Err(error)) => Err(error.clone()),
                None => Err(BrokerError::Internal("a record without a topic".to_owned())),
            };
            partitions.push(chosen.unwrap_or_else(|error| {
                let refused = refused.entry(group_of(row)).or_insert(Refused {
                    rows: Vec::new(),
                    error,
                });
                refused.rows.extend(u32::try_from(row));
                REFUSED
            }));
        }
        Plan {
            topics,
            partitions,
            refused,
        }
    }

    fn write(&self, batch: &Batch, plan: &Plan) -> Result<(), BrokerError> {
        let now = now_ms();
        let mut appends = Vec::new();
        let mut builders: Vec<Vec<ChunkBuilder>> = plan.topics.iter().map(|_| Vec::new()).collect();
        let mut keys = batch.iter_keys();
        let mut values = batch.iter_values();
        let mut headers = batch.headers.keys.iter().zip(batch.headers.values.iter());
        for row in 0..batch.count {
            let key = keys.next().flatten();
            let value = values.next().flatten();
            let count = batch.headers.counts.get(row).copied().unwrap_or(0) as usize;
            let mine = headers.by_ref().take(count);
            let partition = plan.partitions.get(row).copied().unwrap_or(REFUSED);
            let index = batch
                .topic_indexes
                .get(row)
                .map_or(0, |index| *index as usize);
            if partition == REFUSED {
                mine.for_each(drop);
                continue;
            }
            let (Some(builders), Some(Ok(topic)), Ok(slot)) = (
                builders.get_mut(index),
                plan.topics.get(index),
                usize::try_from(partition),
            ) else {
                continue;
            };
            if builders.len() <= slot {
                builders.resize_with(topic.partitions.len(), ChunkBuilder::default);
            }
            let Some(builder) = builders.get_mut(slot) else {
                continue;
            };
            builder.push(batch.timestamp(row).unwrap_or(now), key, value, mine);
            if builder.payload_bytes() > CHUNK_BYTES {
                appends.push(seal(topic, partition, &std::mem::take(builder)));
            }
        }
        for (topic, builders) in plan.topics.iter().zip(&builders) {
            let Ok(topic) = topic else { continue };
            for (partition, builder) in (0..).zip(builders) {
                if builder.len() > 0 {
                    appends.push(seal(topic, partition, builder));
                }
            }
        }
        if appends.is_empty() {
            return Ok(());
        }
        self.log.append(&appends).map(drop)
    }
}

fn seal(topic: &Arc<Topic>, partition: i32, builder: &ChunkBuilder) -> Append {
    let count = u32::try_from(builder.len()).unwrap_or(u32::MAX);
    Append {
        topic: Arc::clone(topic),
        partition,
        count,
        chunk: builder.encode(count),
    }
}

/// The partition of a record, or why it can never be written.
fn choose(
    topic: &Topic,
    partition: Option<i32>,
    key: Option<&[u8]>,
    size: usize,
    turn: u32,
) -> Result<i32, BrokerError> {
    let name = || topic.name.as_str().to_owned();
    if key.is_none() && topic.settings.compact {
        return Err(BrokerError::Record {
            topic: name(),
            reason: "the topic is compacted, so each record needs a key; this one has none"
                .to_owned(),
        });
    }
    let wanted = topic.settings.message_bytes_max;
    if size + RECORD_OVERHEAD_BYTES > wanted {
        return Err(BrokerError::TooLarge {
            topic: name(),
            found: size,
            wanted: wanted.saturating_sub(RECORD_OVERHEAD_BYTES),
            key: "the topic's max.message.bytes",
        });
    }
    let count = topic.count();
    match (partition, key) {
        (Some(partition), _) if partition < count => Ok(partition),
        (Some(partition), _) => Err(BrokerError::UnknownPartition {
            topic: name(),
            partition,
            count,
        }),
        (None, _) if count == 1 => Ok(0),
        (None, Some(key)) => Ok(partition_of_key(key, count)),
        (None, None) => {
            let turn = turn.checked_rem(count.unsigned_abs()).unwrap_or(0);
            Ok(i32::try_from(turn).unwrap_or(0))
        }
    }
}

impl Producer for EmbeddedProducer {
    fn submit(
        &self,
        batch: &Batch,
        groups: &[u32],
        first_group: u64,
        group_count: u32,
        to: &Arc<dyn Acknowledge>,
    ) -> Result<(), BrokerError> {
        let group_of = |row: usize| match groups.get(row) {
            Some(group) => first_group + u64::from(*group),
            None => first_group,
        };
        let plan = self.plan(batch, group_of);
        let written = self.write(batch, &plan);
        for group in first_group..first_group + u64::from(group_count) {
            let result = match (&written, plan.refused.get(&group)) {
                (Ok(()), None) => Ok(()),
                (Ok(()), Some(refused)) => Err(refused.clone()),
                (Err(error), _) => Err(Refused {
                    rows: (0..batch.count)
                        .filter(|row| group_of(*row) == group)
                        .filter_map(|row| row.try_into().ok())
                        .collect(),
                    error: error.clone(),
                }),
            };
            to.acknowledged(group, result);
        }
        let first_refused = plan.refused.into_values().next();
        written.and(first_refused.map_or(Ok(()), |refused| Err(refused.error)))
    }

    fn flush(&self, _timeout: Duration) -> Result<(), BrokerError> {
        Ok(())
    }
}
