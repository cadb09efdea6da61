//! Drivers for native unit tests: they call a plugin as the host would, without WebAssembly.

use std::cell::{Cell, RefCell};

use tidegate_model::{Batch, Value};

use crate::chain::Chain;
use crate::config::Config;
use crate::definition::Description;
use crate::error::{Error, Result};
use crate::host::Level;
use crate::plugins::ConfigPairs;
use crate::predicate::Predicate;
use crate::record::{Record, batch_of, records};
use crate::sink::{Failures, SinkConnector, SinkTask, TopicPartitionOffset};
use crate::source::{
    Committed, Offsets, Polled, SourceBatch, SourceConnector, SourceRecord, SourceTask,
};
use crate::transform::Transform;
use crate::transform_batch::{TransformBatch, Transformed};

thread_local! {
    static DELIVERED: Cell<u32> = const { Cell::new(0) };
    static LOG: RefCell<Vec<(Level, String)>> = const { RefCell::new(Vec::new()) };
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn keep_log_line(level: Level, message: &str) {
    LOG.with_borrow_mut(|log| log.push((level, message.to_owned())));
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn keep_delivered(count: u32) {
    DELIVERED.set(count.max(DELIVERED.get()));
}

/// Takes the log lines that this thread's plugins wrote.
#[must_use]
pub fn log_lines() -> Vec<(Level, String)> {
    LOG.take()
}

/// Keys and values as the host hands them over.
#[must_use]
pub fn pairs(config: &[(&str, &str)]) -> ConfigPairs {
    config
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn resolve(description: &Description, config: &[(&str, &str)]) -> Config {
    Config::resolve(&description.config, pairs(config))
}

/// Prepares a transform, with the defaults of its definition filled in.
///
/// # Errors
/// When its configuration cannot work.
pub fn transform<T: Transform>(config: &[(&str, &str)]) -> Result<T> {
    T::configure(&resolve(&T::describe(), config))
}

/// Prepares a predicate, with the defaults of its definition filled in.
///
/// # Errors
/// When its configuration cannot work.
pub fn predicate<P: Predicate>(config: &[(&str, &str)]) -> Result<P> {
    P::configure(&resolve(&P::describe(), config))
}

/// Runs a transform over one record: its outputs, none when it was dropped.
///
/// # Errors
/// The error of the record.
pub fn apply(transform: &mut dyn Transform, record: Record) -> Result<Vec<Record>> {
    let mut batch = TransformBatch::new(batch_of([&record]));
    transform.apply_batch(&mut batch)?;
    batch.end_step();
    outputs(batch.finish(Vec::new()))
}

/// Runs a chain over one record: its outputs, none when it was dropped.
///
/// # Errors
/// The error of the record.
pub fn apply_chain(chain: &mut Chain, record: &Record) -> Result<Vec<Record>> {
    outputs(chain.apply(batch_of([record]))?)
}

fn outputs(done: Transformed) -> Result<Vec<Record>> {
    match done.errors.into_iter().next() {
        Some(failure) => Err(failure.error),
        None => records(&done.batch).collect(),
    }
}

/// Asks a predicate about one record.
///
/// # Errors
/// When it cannot decide.
pub fn test(predicate: &mut dyn Predicate, record: &Record) -> Result<bool> {
    let answers = predicate.test_batch(&batch_of([record]))?;
    let answer = answers.first().copied();
    answer.ok_or_else(|| Error::fatal("the predicate gave no answer"))
}

/// A source task that a test drives.
#[derive(Debug)]
pub struct SourceDriver<T> {
    task: T,
}

impl<T: SourceTask> SourceDriver<T> {
    /// Starts a task of the connector `C`; `committed` is what was committed before.
    ///
    /// # Errors
    /// When the task cannot work.
    pub fn start<C: SourceConnector<Task = T>>(
        config: &[(&str, &str)],
        committed: Vec<Committed>,
    ) -> Result<Self> {
        let offsets = Offsets::new(move |partitions| {
            let find = |partition: &Vec<u8>| {
                let partition = Value::decode(partition).ok()?;
                let found = committed
                    .iter()
                    .find(|known| known.partition == partition)?;
                Some(found.offset.to_encoded())
            };
            partitions.iter().map(find).collect()
        });
        let config = resolve(&C::describe(), config);
        Ok(Self {
            task: T::start(&config, &offsets)?,
        })
    }

    /// Polls for at most `records_max` records of 1 MiB.
    ///
    /// # Errors
    /// When the task fails, or what it gave contradicts itself.
    pub fn poll(&mut self, records_max: usize) -> Result<Vec<SourceRecord>> {
        let polled = self.poll_columns(records_max, 1024 * 1024)?;
        records(&polled.batch)
            .enumerate()
            .map(|(index, record)| {
                let partition = polled.source_partition_indexes.get(index).copied();
                let partition = polled
                    .source_partitions
                    .get(partition.unwrap_or(0) as usize);
                let offset = polled.source_offsets.iter().nth(index).flatten();
                Ok(SourceRecord {
                    source_partition: decoded(partition.map(Vec::as_slice))?,
                    source_offset: decoded(offset)?,
                    record: record?,
                })
            })
            .collect()
    }

    /// Polls and gives the columns.
    ///
    /// # Errors
    /// When the task fails, or what it gave contradicts itself.
    pub fn poll_columns(&mut self, records_max: usize, bytes_max: usize) -> Result<Polled> {
        let mut batch = SourceBatch::new(records_max, bytes_max);
        self.task.poll(&mut batch)?;
        let polled = batch.finish();
        polled.batch.check().map_err(Error::fatal)?;
        Ok(polled)
    }

    /// The task.
    pub fn task(&mut self) -> &mut T {
        &mut self.task
    }
}

fn decoded(bytes: Option<&[u8]>) -> Result<Value> {
    Ok(match bytes {
        Some(bytes) => Value::decode(bytes)?,
        None => Value::Null,
    })
}

/// A sink task that a test drives.
#[derive(Debug)]
pub struct SinkDriver<T> {
    task: T,
}

impl<T: SinkTask> SinkDriver<T> {
    /// Starts a task of the connector `C`.
    ///
    /// # Errors
    /// When the task cannot work.
    pub fn start<C: SinkConnector<Task = T>>(config: &[(&str, &str)]) -> Result<Self> {
        let config = resolve(&C::describe(), config);
        Ok(Self {
            task: T::start(&config)?,
        })
    }

    /// Puts records; the answer names those that failed.
    ///
    /// # Errors
    /// When no record was taken.
    pub fn put(&mut self, records: &[Record]) -> Result<Vec<(u32, Error)>> {
        self.put_columns(&batch_of(records))
    }

    /// Puts a batch; the answer names the records that failed.
    ///
    /// # Errors
    /// When no record was taken.
    pub fn put_columns(&mut self, batch: &Batch) -> Result<Vec<(u32, Error)>> {
        let mut failures = Failures::default();
        DELIVERED.set(0);
        self.task.put(batch, &mut failures)?;
        Ok(failures.into_vec())
    }

    /// How many records of the last put the task said to have delivered ([`Failures::delivered`]).
    #[must_use]
    pub fn delivered(&self) -> u32 {
        DELIVERED.get()
    }

    /// Flushes at the given positions.
    ///
    /// # Errors
    /// When what was taken cannot be delivered.
    pub fn flush(
        &mut self,
        offsets: Vec<TopicPartitionOffset>,
    ) -> Result<Vec<TopicPartitionOffset>> {
        self.task.flush(offsets)
    }

    /// The task.
    pub fn task(&mut self) -> &mut T {
        &mut self.task
    }
}
