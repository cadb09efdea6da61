//! A sink task's guest.

use tidegate_config::Properties;
use tidegate_model::{Batch, ErrorClass, TopicName, TopicPartition};

use crate::bindings::sink::Guest as Exports;
use crate::bindings::types;
use crate::bridge::{from_wire, to_wire};
use crate::error::SandboxError;
use crate::guest::{self, Guest};
use crate::plugin::wire_config;
use crate::settings::Deadline;

/// A sink task's guest. Life: `start` → (`open` | `put` | `flush` | `close`)* → `stop`.
pub struct SinkInstance {
    guest: Guest<Exports>,
    class: String,
    given: Option<Batch>,
}

/// A failure of one record of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordError {
    /// The record's index in the batch that was given.
    pub index: usize,
    /// What kind of failure it is.
    pub class: ErrorClass,
    /// What went wrong.
    pub message: String,
}

impl SinkInstance {
    pub(crate) fn new(guest: Guest<Exports>, class: &str) -> Self {
        Self {
            guest,
            class: class.to_owned(),
            given: None,
        }
    }

    /// Starts the task.
    ///
    /// # Errors
    /// The guest's own, or its fault.
    pub fn start(&mut self, config: &Properties) -> Result<(), SandboxError> {
        let (class, config) = (&self.class, wire_config(config));
        self.guest.call("start", Deadline::Start, |exports, store| {
            exports.call_start(store, class, &config)
        })
    }

    /// Partitions were assigned.
    ///
    /// # Errors
    /// The guest's own, or its fault.
    pub fn open(&mut self, partitions: &[TopicPartition]) -> Result<(), SandboxError> {
        let partitions = wire_partitions(partitions);
        self.guest.call("open", Deadline::Put, |exports, store| {
            exports.call_open(store, &partitions)
        })
    }

    /// Hands over records. The answer is the batch again, and the records that cannot be delivered, in
    /// ascending order; all others are taken. After an error, [`SinkInstance::take_back`] has the batch.
    ///
    /// # Errors
    /// The guest's own (no record was taken), or its fault.
    pub fn put(&mut self, batch: Batch) -> Result<(Batch, Vec<RecordError>), SandboxError> {
        let count = batch.count;
        let wire = to_wire(batch);
        let answer = self.guest.call("put", Deadline::Put, |exports, store| {
            exports.call_put(store, &wire)
        });
        let batch = from_wire(wire);
        let checked = answer.and_then(|errors| {
            record_errors(errors, count).map_err(|message| self.guest.violation("put", message))
        });
        match checked {
            Ok(errors) => Ok((batch, errors)),
            Err(error) => {
                self.given = Some(batch);
                Err(error)
            }
        }
    }

    /// The batch of the `put` that failed last.
    pub fn take_back(&mut self) -> Option<Batch> {
        self.given.take()
    }

    /// Delivers all that was taken. `offsets` says where each partition stands; the answer is what may be
    /// committed: of these partitions, and at most these offsets.
    ///
    /// # Errors
    /// The guest's own, or its fault.
    pub fn flush(
        &mut self,
        offsets: &[(TopicPartition, i64)],
    ) -> Result<Vec<(TopicPartition, i64)>, SandboxError> {
        let wire: Vec<_> = offsets
            .iter()
            .map(|(partition, offset)| types::TopicPartitionOffset {
                topic: partition.topic.as_str().to_owned(),
                partition: partition.partition,
                offset: *offset,
            })
            .collect();
        let answer = self.guest.call("flush", Deadline::Put, |exports, store| {
            exports.call_flush(store, &wire)
        })?;
        committable(answer, offsets).map_err(|message| self.guest.violation("flush", message))
    }

    /// Partitions are being taken away.
    ///
    /// # Errors
    /// The guest's own, or its fault.
    pub fn close(&mut self, partitions: &[TopicPartition]) -> Result<(), SandboxError> {
        let partitions = wire_partitions(partitions);
        self.guest.call("close", Deadline::Put, |exports, store| {
            exports.call_close(store, &partitions)
        })
    }

    /// Ends the task.
    ///
    /// # Errors
    /// The guest's fault.
    pub fn stop(&mut self) -> Result<(), SandboxError> {
        self.guest
            .call_infallible("stop", Deadline::Start, |exports, store| {
                exports.call_stop(store)
            })
    }

    /// Whether a fault ended the guest.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.guest.is_dead()
    }

    /// The bytes of its linear memories.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.guest.memory_bytes()
    }
}

fn wire_partitions(partitions: &[TopicPartition]) -> Vec<types::TopicPartition> {
    partitions
        .iter()
        .map(|partition| types::TopicPartition {
            topic: partition.topic.as_str().to_owned(),
            partition: partition.partition,
        })
        .collect()
}

fn record_errors(
    errors: Vec<types::RecordError>,
    count: usize,
) -> Result<Vec<RecordError>, String> {
    let mut next = 0;
    let mut checked = Vec::with_capacity(errors.len());
    for error in errors {
        let index = error.index as usize;
        if index >= count || index < next {
            return Err(format!(
                "an error of record {index} of {count}, after {next} records; errors are in ascending order, one for a record"
            ));
        }
        next = index + 1;
        checked.push(RecordError {
            index,
            class: guest::class(error.error.kind),
            message: guest::message(&error.error.message),
        });
    }
    Ok(checked)
}

/// What may be committed. A guest cannot commit what it was not given: another partition, or a later offset.
fn committable(
    answer: Vec<types::TopicPartitionOffset>,
    offsets: &[(TopicPartition, i64)],
) -> Result<Vec<(TopicPartition, i64)>, String> {
    let mut committable = Vec::with_capacity(answer.len());
    for entry in answer {
        let topic = TopicName::parse(&entry.topic).map_err(|error| error.to_string())?;
        let partition = TopicPartition {
            topic,
            partition: entry.partition,
        };
        let given = offsets.iter().find(|(known, _)| *known == partition);
        match given {
            Some((_, offset)) if (0..=*offset).contains(&entry.offset) => {
                committable.push((partition, entry.offset));
            }
            Some((_, offset)) => {
                return Err(format!(
                    "offset {} of {partition}; 0 to {offset} are allowed",
                    entry.offset
                ));
            }
            None => return Err(format!("an offset of {partition}, which was not asked for")),
        }
    }
    Ok(committable)
}
