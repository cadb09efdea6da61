//! Source connectors and their tasks.

use std::fmt;

use tidegate_model::limits::{BATCH_RECORDS_MAX, CALL_BYTES_FROM_GUEST_MAX};
use tidegate_model::value::tag;
use tidegate_model::{Batch, Column, Encoder, Value};

use crate::config::Config;
use crate::definition::{ConfigIssue, Description};
use crate::error::{Error, Result};
use crate::record::{Record, RecordWriter};
use crate::schemas::{NO_SCHEMA, Schemas};

/// A source connector: it describes itself and divides its work into tasks.
pub trait SourceConnector {
    /// The task that does the work.
    type Task: SourceTask + 'static;

    /// What the connector says of itself. Always the same answer.
    fn describe() -> Description;

    /// Checks a configuration beyond its definition.
    fn validate(config: &Config) -> Vec<ConfigIssue> {
        let _ = config;
        Vec::new()
    }

    /// Divides the work among at most `tasks_max` tasks: one configuration for each. By default one task with
    /// the connector's configuration.
    ///
    /// # Errors
    /// When the work cannot be divided.
    fn task_configs(config: &Config, tasks_max: u32) -> Result<Vec<Config>> {
        let _ = tasks_max;
        Ok(vec![config.clone()])
    }

    /// The same, with a look at the offsets that its tasks have committed; by default without. A task that has found
    /// more to do leaves it in an offset and asks for this
    /// ([`host::request_task_reconfiguration`](crate::host::request_task_reconfiguration)).
    ///
    /// # Errors
    /// When the work cannot be divided.
    fn task_configs_of(config: &Config, tasks_max: u32, offsets: &Offsets) -> Result<Vec<Config>> {
        let _ = offsets;
        Self::task_configs(config, tasks_max)
    }

    /// The operator alters or forgets offsets while the connector is stopped. `true`: the connector has looked at
    /// them; `false`, the default: it has not.
    ///
    /// # Errors
    /// When they could not work: nothing is altered.
    fn alter_offsets(config: &Config, offsets: &[AlteredOffset]) -> Result<bool> {
        let _ = (config, offsets);
        Ok(false)
    }
}

/// What the source offset of a source partition is to become.
#[derive(Debug, Clone, PartialEq)]
pub struct AlteredOffset {
    /// The source partition.
    pub partition: Value,
    /// The source offset; `None`: it is forgotten.
    pub offset: Option<Value>,
}

/// A task of a source connector.
pub trait SourceTask {
    /// Starts the task. Committed offsets can be read from `offsets`.
    ///
    /// # Errors
    /// When the task cannot work.
    fn start(config: &Config, offsets: &Offsets) -> Result<Self>
    where
        Self: Sized;

    /// Takes what is there, without waiting for more, until `batch` is full.
    ///
    /// # Errors
    /// When nothing can be taken. What is in `batch` is then lost: return what there is and fail next time.
    fn poll(&mut self, batch: &mut SourceBatch) -> Result<()>;

    /// Says what is durable: everything up to these source offsets is with the broker.
    ///
    /// # Errors
    /// When the source cannot take note.
    fn commit(&mut self, committed: &[Committed]) -> Result<()> {
        let _ = committed;
        Ok(())
    }

    /// Ends the task. Nothing is called after it.
    fn stop(&mut self) {}
}

/// A source partition and the source offset that was committed for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Committed {
    /// The source partition.
    pub partition: Value,
    /// The source offset.
    pub offset: Value,
}

/// What answers a question for offsets.
type ReadOffsets = dyn Fn(&[Vec<u8>]) -> Vec<Option<Vec<u8>>>;

/// The offsets that were committed.
pub struct Offsets {
    read: Box<ReadOffsets>,
}

impl fmt::Debug for Offsets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Offsets")
    }
}

impl Offsets {
    /// Offsets that `read` looks up: encoded source partitions to encoded source offsets.
    pub fn new(read: impl Fn(&[Vec<u8>]) -> Vec<Option<Vec<u8>>> + 'static) -> Self {
        Self {
            read: Box::new(read),
        }
    }

    /// No offsets at all, as of a connector that never ran.
    #[must_use]
    pub fn none() -> Self {
        Self::new(|partitions| vec![None; partitions.len()])
    }

    /// The offset committed for a source partition.
    ///
    /// # Errors
    /// When the stored offset is damaged.
    pub fn get(&self, partition: &Value) -> Result<Option<Value>> {
        let found = (self.read)(&[partition.to_encoded()]);
        match found.into_iter().next().flatten() {
            Some(offset) => Value::decode(&offset)
                .map(Some)
                .map_err(|error| Error::fatal(format_args!("the stored source offset: {error}"))),
            None => Ok(None),
        }
    }

    /// A field of the offset committed for a source partition, such as `position`, when it is an integer.
    ///
    /// # Errors
    /// When the stored offset is damaged or the field is no integer.
    pub fn integer(&self, partition: &Value, field: &str) -> Result<Option<i64>> {
        let Some(offset) = self.get(partition)? else {
            return Ok(None);
        };
        match crate::record::field(&offset, None, field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Int64(number)) => Ok(Some(*number)),
            Some(Value::Int32(number)) => Ok(Some((*number).into())),
            Some(Value::Int16(number)) => Ok(Some((*number).into())),
            Some(Value::Int8(number)) => Ok(Some((*number).into())),
            Some(other) => Err(Error::fatal(format_args!(
                "the stored source offset has {other:?} as \"{field}\"; an integer is wanted. Reset the connector's offsets"
            ))),
        }
    }

    /// A field of the offset committed for a source partition, when it is a string.
    ///
    /// # Errors
    /// When the stored offset is damaged or the field is no string.
    pub fn text(&self, partition: &Value, field: &str) -> Result<Option<String>> {
        let Some(offset) = self.get(partition)? else {
            return Ok(None);
        };
        match crate::record::field(&offset, None, field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(Error::fatal(format_args!(
                "the stored source offset has {other:?} as \"{field}\"; a string is wanted. Reset the connector's offsets"
            ))),
        }
    }
}

/// A source offset of one integer field, encoded once and patched for each record.
#[derive(Debug, Clone)]
pub struct IntegerOffset {
    encoded: Vec<u8>,
}

impl IntegerOffset {
    /// The offset `{field: number}`.
    #[must_use]
    pub fn new(field: &str) -> Self {
        let offset = Value::Map(vec![(field.into(), 0_i64.into())]);
        Self {
            encoded: offset.to_encoded(),
        }
    }

    /// The encoded offset with a number.
    #[inline]
    pub fn at(&mut self, number: i64) -> &[u8] {
        let place = self.encoded.len().saturating_sub(8);
        if let Some(bytes) = self.encoded.get_mut(place..) {
            bytes.copy_from_slice(&number.to_le_bytes());
        }
        &self.encoded
    }
}

/// A record with where it came from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SourceRecord {
    /// The source partition: a map, such as `{"filename": ".."}`.
    pub source_partition: Value,
    /// The source offset: a map that says where to go on after this record. Null: a restart after this
    /// record is not possible; a later one has an offset.
    pub source_offset: Value,
    /// The record.
    pub record: Record,
}

/// What a poll finds. Records go in one by one ([`SourceBatch::push`]) or, without an allocation for each,
/// through [`SourceBatch::row`].
#[derive(Debug, Default)]
pub struct SourceBatch {
    batch: Batch,
    source_partitions: Vec<Vec<u8>>,
    source_partition_indexes: Vec<u32>,
    source_offsets: Column,
    wait_ms: u32,
    records_max: usize,
    bytes_max: usize,
    writer: RecordWriter,
}

/// What a poll found, in the terms of `polled` in `wit/source.wit`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Polled {
    /// The records.
    pub batch: Batch,
    /// The distinct source partitions, encoded.
    pub source_partitions: Vec<Vec<u8>>,
    /// For each record the index of its source partition; empty: 0 for each.
    pub source_partition_indexes: Vec<u32>,
    /// For each record its source offset, encoded.
    pub source_offsets: Column,
    /// How long to wait before the next poll when this one found nothing.
    pub wait_ms: u32,
}

impl SourceBatch {
    /// An empty batch with room for `records_max` records of `bytes_max` bytes; the limits of a call are
    /// observed too.
    #[must_use]
    pub fn new(records_max: usize, bytes_max: usize) -> Self {
        Self {
            records_max: records_max.clamp(1, BATCH_RECORDS_MAX),
            bytes_max: bytes_max.clamp(1, CALL_BYTES_FROM_GUEST_MAX / 2),
            ..Self::default()
        }
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.batch.count
    }

    /// Whether there are no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.batch.count == 0
    }

    /// Whether no further record should be added.
    #[inline]
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.batch.count >= self.records_max || self.batch.payload_bytes() >= self.bytes_max
    }

    /// Lowers the most records of this batch.
    pub fn limit_records(&mut self, records_max: usize) {
        self.records_max = self.records_max.min(records_max.max(1));
    }

    /// Says how long to wait before the next poll when this one found nothing, in milliseconds; 0: the
    /// worker decides.
    pub fn wait_ms(&mut self, wait_ms: u32) {
        self.wait_ms = wait_ms;
    }

    /// Adds a record.
    pub fn push(&mut self, record: &SourceRecord) {
        self.complete(true);
        self.writer.push(&mut self.batch, &record.record);
        let partition = record.source_partition.to_encoded();
        let partition = self.source_partition(&partition);
        self.source_partition_indexes.push(partition);
        let offset = &record.source_offset;
        let encoded = offset.to_encoded();
        let offset = (*offset != Value::Null).then_some(encoded.as_slice());
        self.source_offsets.push(offset);
    }

    /// The number of a topic in this batch.
    pub fn topic(&mut self, topic: &str) -> u32 {
        self.batch.topic_index(topic)
    }

    /// The number of an encoded source partition in this batch.
    pub fn source_partition(&mut self, encoded: &[u8]) -> u32 {
        let known = &mut self.source_partitions;
        let index = known
            .iter()
            .position(|known| known == encoded)
            .unwrap_or_else(|| {
                known.push(encoded.to_vec());
                known.len() - 1
            });
        u32::try_from(index).unwrap_or(u32::MAX)
    }

    /// The index of an encoded schema in this batch.
    pub fn schema(&mut self, encoded: &[u8]) -> i32 {
        Schemas::new(&mut self.batch.schemas).index(encoded)
    }

    /// Begins a record of a topic and a source partition, by their numbers in this batch. It ends where the
    /// row is dropped; what was not written is null.
    #[inline]
    pub fn row(&mut self, topic: u32, source_partition: u32) -> SourceRow<'_> {
        let before = self.batch.count;
        self.batch.count += 1;
        if topic != 0 || !self.batch.topic_indexes.is_empty() {
            self.batch.topic_indexes.resize(before, 0);
            self.batch.topic_indexes.push(topic);
        }
        if source_partition != 0 || !self.source_partition_indexes.is_empty() {
            self.source_partition_indexes.resize(before, 0);
            self.source_partition_indexes.push(source_partition);
        }
        SourceRow { batch: self }
    }

    /// Replaces the source offset of the record that was added last. The last one of a poll is what is committed, so
    /// what is dear to work out need not be in the others.
    pub fn replace_last_offset(&mut self, encoded: &[u8]) {
        let offsets = &mut self.source_offsets;
        if self.batch.count == 0 {
            return;
        }
        if offsets.lengths.len() == self.batch.count
            && let Some(length) = offsets.lengths.pop()
        {
            let length = usize::try_from(length).unwrap_or(0);
            let rest = offsets.bytes.len().saturating_sub(length);
            offsets.bytes.truncate(rest);
        }
        write_entry(offsets, self.batch.count, |out| out.encoded(encoded));
    }

    /// Takes what was found.
    #[must_use]
    pub fn finish(mut self) -> Polled {
        let any_pushed = !self.batch.partitions.is_empty();
        self.complete(any_pushed);
        Polled {
            batch: self.batch,
            source_partitions: self.source_partitions,
            source_partition_indexes: self.source_partition_indexes,
            source_offsets: self.source_offsets,
            wait_ms: self.wait_ms,
        }
    }

    /// Fills lists that rows began and later rows did not go on with; `all`: those without any entry too.
    fn complete(&mut self, all: bool) {
        let count = self.batch.count;
        let batch = &mut self.batch;
        fill(&mut batch.topic_indexes, count, 0, all);
        fill(&mut batch.partitions, count, -1, all);
        fill(&mut batch.timestamps, count, -1, all);
        fill(&mut batch.key_schemas, count, NO_SCHEMA, all);
        fill(&mut batch.value_schemas, count, NO_SCHEMA, all);
        fill(&mut batch.keys.lengths, count, -1, all);
        fill(&mut batch.values.lengths, count, -1, all);
        fill(&mut batch.headers.counts, count, 0, all);
        fill(&mut self.source_partition_indexes, count, 0, all);
        fill(&mut self.source_offsets.lengths, count, -1, all);
        // A source's records have no Kafka offsets.
        batch.offsets.clear();
    }
}

fn fill<T: Copy>(list: &mut Vec<T>, count: usize, with: T, always: bool) {
    if always || !list.is_empty() {
        list.resize(count, with);
    }
}

/// A record that is being written straight into the columns.
#[derive(Debug)]
pub struct SourceRow<'a> {
    batch: &'a mut SourceBatch,
}

impl SourceRow<'_> {
    /// Sets the timestamp, in milliseconds since the epoch.
    #[inline]
    pub fn timestamp(&mut self, timestamp_ms: i64) {
        let batch = &mut self.batch.batch;
        put(&mut batch.timestamps, batch.count, -1, timestamp_ms);
    }

    /// Sets the partition.
    #[inline]
    pub fn partition(&mut self, partition: i32) {
        let batch = &mut self.batch.batch;
        put(&mut batch.partitions, batch.count, -1, partition);
    }

    /// Writes the key, with a schema's index or [`NO_SCHEMA`]; the last one counts.
    #[inline]
    pub fn key(&mut self, schema: i32, write: impl FnOnce(&mut Encoder<'_>)) {
        let batch = &mut self.batch.batch;
        write_entry(&mut batch.keys, batch.count, write);
        put_schema(&mut batch.key_schemas, batch.count, schema);
    }

    /// Writes the value, with a schema's index or [`NO_SCHEMA`]; the last one counts.
    #[inline]
    pub fn value(&mut self, schema: i32, write: impl FnOnce(&mut Encoder<'_>)) {
        let batch = &mut self.batch.batch;
        write_entry(&mut batch.values, batch.count, write);
        put_schema(&mut batch.value_schemas, batch.count, schema);
    }

    /// Writes a header.
    pub fn header(&mut self, key: &str, schema: i32, write: impl FnOnce(&mut Encoder<'_>)) {
        let batch = &mut self.batch.batch;
        let headers = &mut batch.headers;
        headers.counts.resize(batch.count, 0);
        if let Some(count) = headers.counts.last_mut() {
            *count += 1;
        }
        headers.keys.push(Some(key.as_bytes()));
        let total = headers.keys.len();
        write_entry(&mut headers.values, total, write);
        headers.schemas.push(schema);
    }

    /// Sets the source offset, an encoded map; the last one counts.
    #[inline]
    pub fn offset(&mut self, encoded: &[u8]) {
        let count = self.batch.batch.count;
        write_entry(&mut self.batch.source_offsets, count, |out| {
            out.encoded(encoded);
        });
    }
}

/// Sets the entry of record number `count`, the last one.
#[inline]
fn put<T: Copy>(list: &mut Vec<T>, count: usize, default: T, value: T) {
    list.resize(count.saturating_sub(1), default);
    list.push(value);
}

#[inline]
fn put_schema(indexes: &mut Vec<i32>, count: usize, schema: i32) {
    if schema != NO_SCHEMA || !indexes.is_empty() {
        put(indexes, count, NO_SCHEMA, schema);
    }
}

/// Writes the entry of record number `count`, the last one, in place of the one it has; encoded null becomes null.
#[inline]
fn write_entry(column: &mut Column, count: usize, write: impl FnOnce(&mut Encoder<'_>)) {
    let before = count.saturating_sub(1);
    // A second entry for the same record takes the place of the first.
    while column.lengths.len() > before {
        let replaced = column.lengths.pop().unwrap_or(-1);
        let length = usize::try_from(replaced).unwrap_or(0);
        let left = column.bytes.len().saturating_sub(length);
        column.bytes.truncate(left);
    }
    column.lengths.resize(before, -1);
    let mark = column.begin();
    write(&mut Encoder::new(&mut column.bytes));
    if column.bytes.get(mark..) == Some(&[tag::NULL]) {
        column.bytes.truncate(mark);
        column.push(None);
    } else {
        column.end(mark);
    }
}
