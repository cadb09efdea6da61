//! A sink task's guest.

use std::sync::Arc;

use tidegate_config::Properties;
use tidegate_model::{Batch, TopicName, TopicPartition};

use crate::bindings::sink::Guest as Exports;
use crate::bindings::types;
use crate::bridge::{from_wire, to_wire};
use crate::error::{RecordError, SandboxError};
use crate::guest::{self, Guest};
use crate::in_hand::InHand;
use crate::parts::{Parts, part};
use crate::reads::{Held, Reads};
use crate::settings::Deadline;

/// A sink task's guest. Life: `start` → (`open` | `put` | `flush` | `close`)* → `stop`.
pub struct SinkInstance {
    guest: Guest<Exports>,
    class: String,
    reads: Reads,
    in_hand: Arc<InHand>,
}

/// What came of a batch that was put.
#[derive(Debug)]
pub struct Put {
    /// The batch again.
    pub batch: Batch,
    /// How many records, from the first on, were answered for or said to be delivered: all, unless `ended` says why
    /// not.
    pub answered: usize,
    /// How many records, from the first on, the sink said to have delivered, with all that it was given before. 0: it
    /// said nothing.
    pub delivered: usize,
    /// Those of them that cannot be delivered, in ascending order; all others are taken.
    pub errors: Vec<RecordError>,
    /// The guest's own error, or its fault: no record after the answered ones was taken.
    pub ended: Option<SandboxError>,
}

impl SinkInstance {
    pub(crate) fn new(guest: Guest<Exports>, class: &str, in_hand: Arc<InHand>) -> Self {
        Self {
            guest,
            in_hand,
            reads: Reads::ALL,
            class: class.to_owned(),
        }
    }

    /// Starts the task.
    ///
    /// # Errors
    /// The guest's own, or its fault.
    pub fn start(&mut self, config: &Properties) -> Result<(), SandboxError> {
        let (class, config) = (&self.class, self.guest.config(config));
        let reads = self
            .guest
            .call("start", Deadline::Start, |exports, store| {
                exports.call_start(store, class, &config)
            })?;
        self.reads = reads.into();
        Ok(())
    }

    /// What it reads of records, once it was started.
    #[must_use]
    pub fn reads(&self) -> Reads {
        self.reads
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

    /// Hands over records, in several calls where one cannot carry them (`parts`).
    pub fn put(&mut self, batch: Batch) -> Put {
        let batch = self.reads.shown(batch);
        let Some(parts) = Parts::of(&batch, self.reads, self.guest.input_bytes_max()) else {
            let (batch, part) = self.put_part(batch);
            let mut put = Put::nothing_of(batch);
            put.take(0, put.batch.count, part);
            return put;
        };
        let mut put = Put::nothing_of(batch);
        for run in parts.runs {
            let (_, part) = self.put_part(part(&put.batch, &run));
            put.take(run.start, run.end, part);
            if put.ended.is_some() {
                break;
            }
        }
        if put.ended.is_none() {
            // After the last part only records that are too large are left.
            put.answered = put.batch.count;
        }
        let answered = put.answered;
        let too_large = parts.too_large.into_iter();
        put.errors
            .extend(too_large.filter(|error| error.index < answered));
        put.errors.sort_by_key(|error| error.index);
        put
    }

    fn put_part(&mut self, mut batch: Batch) -> (Batch, PutPart) {
        let held = Held::take(&mut batch, self.reads);
        let count = batch.count;
        self.guest.gives(batch.payload_bytes());
        let wire = to_wire(batch);
        self.in_hand.give(count);
        let answer = self.guest.call("put", Deadline::Put, |exports, store| {
            exports.call_put(store, &wire)
        });
        let checked = answer.and_then(|errors| {
            record_errors(&self.guest, errors, count)
                .map_err(|message| self.guest.violation("put", message))
        });
        let part = PutPart {
            delivered: self.in_hand.taken_back(),
            answer: checked,
        };
        let mut batch = from_wire(wire);
        held.give_back(&mut batch);
        (batch, part)
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

/// What came of a call.
struct PutPart {
    /// How many records the sink said to have delivered.
    delivered: usize,
    answer: Result<Vec<RecordError>, SandboxError>,
}

impl Put {
    fn nothing_of(batch: Batch) -> Self {
        Self {
            batch,
            answered: 0,
            delivered: 0,
            errors: Vec::new(),
            ended: None,
        }
    }

    /// Adds the answer for the records from `first` to `end`.
    fn take(&mut self, first: usize, end: usize, part: PutPart) {
        if part.delivered > 0 {
            self.delivered = first + part.delivered;
        }
        match part.answer {
            Ok(errors) => {
                self.answered = end;
                self.errors
                    .extend(errors.into_iter().map(|error| RecordError {
                        index: first + error.index,
                        ..error
                    }));
            }
            Err(error) => {
                self.answered = first + part.delivered;
                self.ended = Some(error);
            }
        }
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
    guest: &Guest<Exports>,
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
            message: guest.message(&error.error.message),
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
