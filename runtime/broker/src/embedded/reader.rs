//! Reads all partitions of an embedded topic from the beginning.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate_model::{Batch, TopicPartition};

use super::log::Log;
use super::records::Position;
use super::signal::Signal;
use super::topic::Topic;
use crate::{BrokerError, Reader};

/// The most bytes that one read takes.
const READ_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A reader of the embedded log.
pub struct EmbeddedReader {
    log: Arc<Log>,
    topic: Arc<Topic>,
    positions: Vec<Position>,
    signal: Arc<Signal>,
}

impl EmbeddedReader {
    /// Makes a reader at the beginning of a topic.
    pub fn new(log: Arc<Log>, topic: Arc<Topic>) -> Self {
        let signal = Arc::<Signal>::default();
        let positions = topic.partitions.iter().map(|partition| {
            partition.wake(&signal);
            Position {
                offset: partition.first(),
                cursor: None,
            }
        });
        Self {
            positions: positions.collect(),
            log,
            topic,
            signal,
        }
    }

    fn take(&mut self, records_max: usize) -> Result<Batch, BrokerError> {
        let mut batch = Batch::default();
        let topic = batch.topic_index(self.topic.name.as_str());
        let (mut records, mut bytes) = (0, 0);
        for (number, position) in (0..).zip(&mut self.positions) {
            if records >= records_max || bytes >= READ_BYTES_MAX {
                break;
            }
            let first = self.topic.partition(number).map_or(0, |p| p.first());
            if position.offset < first && position.cursor.is_none() {
                position.offset = first;
            }
            let limits = (records_max - records, READ_BYTES_MAX - bytes);
            let (taken, size) =
                self.log
                    .read(&self.topic, number, position, &mut batch, topic, limits)?;
            records += taken;
            bytes += size;
        }
        Ok(batch)
    }
}

impl Reader for EmbeddedReader {
    fn read(&mut self, records_max: usize, wait: Duration) -> Result<Batch, BrokerError> {
        let deadline = Instant::now() + wait;
        loop {
            let batch = self.take(records_max)?;
            if self.topic.is_deleted() && batch.is_empty() {
                return Err(BrokerError::unknown(&self.topic.name));
            }
            if !batch.is_empty() || !self.signal.wait(deadline) {
                return Ok(batch);
            }
        }
    }

    fn positions(&self) -> Vec<(TopicPartition, i64)> {
        let positions = (0..).zip(&self.positions).map(|(partition, position)| {
            let partition = TopicPartition {
                topic: self.topic.name.clone(),
                partition,
            };
            (partition, position.offset)
        });
        positions.collect()
    }
}
