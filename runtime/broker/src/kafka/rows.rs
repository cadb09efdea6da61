//! Messages into the columns of a batch.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rdkafka::message::{BorrowedMessage, Headers as _, Message, Timestamp};
use tidegate_model::Batch;

/// A batch that is being filled with messages.
#[derive(Default)]
pub struct Rows {
    batch: Batch,
    /// The topic of the last message: where librdkafka has it, and its number in the batch.
    topic: Option<(usize, u32)>,
    any_key: bool,
    any_value: bool,
}

impl Rows {
    /// How many messages it has.
    pub fn len(&self) -> usize {
        self.batch.count
    }

    /// The bytes that it has.
    pub fn bytes(&self) -> usize {
        self.batch.payload_bytes()
    }

    /// Appends a message.
    #[inline]
    pub fn push(&mut self, message: &BorrowedMessage<'_>) {
        let address = message.topic_ptr() as usize;
        let topic = match self.topic {
            Some((known, topic)) if known == address => topic,
            _ => {
                let topic = self.batch.topic_index(message.topic());
                self.topic = Some((address, topic));
                topic
            }
        };
        let batch = &mut self.batch;
        if topic != 0 && batch.topic_indexes.is_empty() {
            batch.topic_indexes.resize(batch.count, 0);
        }
        if topic != 0 || !batch.topic_indexes.is_empty() {
            batch.topic_indexes.push(topic);
        }
        batch.partitions.push(message.partition());
        batch.offsets.push(message.offset());
        batch.timestamps.push(match message.timestamp() {
            Timestamp::CreateTime(time) | Timestamp::LogAppendTime(time) => time,
            Timestamp::NotAvailable => -1,
        });
        let (key, value) = (message.key(), message.payload());
        self.any_key |= key.is_some();
        self.any_value |= value.is_some();
        batch.keys.push(key);
        batch.values.push(value);
        let mut count = 0;
        if let Some(headers) = message.headers() {
            for index in 0..headers.count() {
                // The client library panics on a name that is not UTF-8; anybody may have written one.
                let header = catch_unwind(AssertUnwindSafe(|| headers.try_get(index)));
                let Ok(Some(header)) = header else {
                    tracing::warn!(
                        topic = message.topic(),
                        partition = message.partition(),
                        offset = message.offset(),
                        "a header whose name is not UTF-8 was left out"
                    );
                    continue;
                };
                batch.headers.keys.push(Some(header.key.as_bytes()));
                batch.headers.values.push(header.value);
                count += 1;
            }
        }
        if count > 0 && batch.headers.counts.is_empty() {
            batch.headers.counts.resize(batch.count, 0);
        }
        if count > 0 || !batch.headers.counts.is_empty() {
            batch.headers.counts.push(count);
        }
        batch.count += 1;
    }

    /// The batch.
    pub fn finish(mut self) -> Batch {
        if !self.any_key {
            self.batch.keys.clear();
        }
        if !self.any_value {
            self.batch.values.clear();
        }
        self.batch
    }
}
