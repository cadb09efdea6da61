//! Messages into the columns of a batch.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rdkafka::message::{BorrowedMessage, Headers as _, Message, Timestamp};
use tidegate_model::Batch;

use super::native::Taken;

/// A batch that is being filled with messages.
#[derive(Default)]
pub struct Rows {
    batch: Batch,
    /// The topic of the last message: where librdkafka has it, and its number in the batch.
    topic: Option<(usize, u32)>,
    any_key: bool,
    any_value: bool,
    ends: Vec<End>,
}

/// Where a row of messages of one partition ends.
#[derive(Debug, Clone, Copy)]
pub struct End {
    /// The topic's number in the batch.
    pub topic: u32,
    /// The partition.
    pub partition: i32,
    /// The offset after the last message.
    pub next: i64,
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

    /// Where each partition's messages end, the last word of each partition last.
    pub fn ends(&self) -> impl Iterator<Item = (&str, i32, i64)> {
        self.ends.iter().filter_map(|end| {
            let topic = self.batch.topics.get(end.topic as usize)?;
            Some((topic.as_str(), end.partition, end.next))
        })
    }

    /// Appends a message of the safe interface.
    pub fn push(&mut self, message: &BorrowedMessage<'_>) {
        let time = match message.timestamp() {
            Timestamp::CreateTime(time) | Timestamp::LogAppendTime(time) => time,
            Timestamp::NotAvailable => -1,
        };
        self.start(
            message.topic_ptr() as usize,
            || message.topic(),
            (message.partition(), message.offset(), time),
            message.key(),
            message.payload(),
        );
        let mut count = 0;
        if let Some(headers) = message.headers() {
            for index in 0..headers.count() {
                // The client library panics on a name that is not UTF-8; anybody may have written one.
                let header = catch_unwind(AssertUnwindSafe(|| headers.try_get(index)));
                let Ok(Some(header)) = header else {
                    left_out(message.topic(), message.partition(), message.offset());
                    continue;
                };
                self.header(header.key, header.value);
                count += 1;
            }
        }
        self.end(count);
    }

    /// Appends a message.
    #[inline]
    pub fn push_taken(&mut self, message: &Taken<'_>) {
        self.start(
            message.topic_address(),
            || message.topic(),
            (message.partition(), message.offset(), message.timestamp()),
            message.key(),
            message.value(),
        );
        let mut count = 0;
        message.each_header(|name, value| match std::str::from_utf8(name) {
            Ok(name) => {
                self.header(name, value);
                count += 1;
            }
            Err(_) => left_out(message.topic(), message.partition(), message.offset()),
        });
        self.end(count);
    }

    #[inline]
    fn start<'a>(
        &mut self,
        topic_address: usize,
        topic_name: impl FnOnce() -> &'a str,
        (partition, offset, time): (i32, i64, i64),
        key: Option<&[u8]>,
        value: Option<&[u8]>,
    ) {
        let topic = match self.topic {
            Some((known, topic)) if known == topic_address => topic,
            _ => {
                let topic = self.batch.topic_index(topic_name());
                self.topic = Some((topic_address, topic));
                topic
            }
        };
        match self.ends.last_mut() {
            Some(end) if end.partition == partition && end.topic == topic => end.next = offset + 1,
            _ => self.ends.push(End {
                topic,
                partition,
                next: offset + 1,
            }),
        }
        let batch = &mut self.batch;
        if topic != 0 && batch.topic_indexes.is_empty() {
            batch.topic_indexes.resize(batch.count, 0);
        }
        if topic != 0 || !batch.topic_indexes.is_empty() {
            batch.topic_indexes.push(topic);
        }
        batch.partitions.push(partition);
        batch.offsets.push(offset);
        batch.timestamps.push(time);
        self.any_key |= key.is_some();
        self.any_value |= value.is_some();
        batch.keys.push(key);
        batch.values.push(value);
    }

    fn header(&mut self, name: &str, value: Option<&[u8]>) {
        self.batch.headers.keys.push(Some(name.as_bytes()));
        self.batch.headers.values.push(value);
    }

    #[inline]
    fn end(&mut self, headers: u32) {
        let batch = &mut self.batch;
        if headers > 0 && batch.headers.counts.is_empty() {
            batch.headers.counts.resize(batch.count, 0);
        }
        if headers > 0 || !batch.headers.counts.is_empty() {
            batch.headers.counts.push(headers);
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

#[cold]
fn left_out(topic: &str, partition: i32, offset: i64) {
    tracing::warn!(
        topic,
        partition,
        offset,
        "a header whose name is not UTF-8 was left out"
    );
}
