//! One step of a source task, as it runs on a blocking thread: poll → transforms → converters → submit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate_broker::{Acknowledge, Producer};
use tidegate_model::{Batch, Column, ErrorClass, TopicName};
use tidegate_sandbox::{SandboxError, SourceInstance};

use crate::chain::{Chain, Transformed};
use crate::error::{Stage, WorkerError};
use crate::progress::Progress;
use crate::record_converters::{Failed, RecordConverters};
use crate::submitted::{NewGroup, Submitted};

/// The most records of one poll.
pub const POLL_RECORDS_MAX: u32 = 2_000;
/// The most bytes of one poll; one record may exceed it.
pub const POLL_BYTES_MAX: u32 = 1024 * 1024;

/// What a source task owns and a blocking thread borrows for each step.
pub struct SourcePipeline {
    pub instance: SourceInstance,
    pub chain: Chain,
    pub converters: RecordConverters,
    pub producer: Arc<dyn Producer>,
    /// Topics that no connector writes to.
    pub own_topics: [TopicName; 3],
    pub submitted: Arc<Submitted>,
    pub progress: Arc<Progress>,
    pub tolerant: bool,
}

/// What a step found.
pub enum Stepped {
    /// Records were submitted.
    Moved,
    /// There was nothing; look again when a file changes or after this time, when the guest named one.
    Idle(Option<Duration>),
}

impl SourcePipeline {
    /// Steps until there is nothing, no room for more in flight, `until` has come or something else is wanted. A
    /// thread that stays with a full source is not handed over and back for each batch.
    pub fn run(
        &mut self,
        until: Instant,
        interrupted: impl Fn() -> bool,
    ) -> Result<Stepped, WorkerError> {
        loop {
            match self.step()? {
                Stepped::Moved
                    if Instant::now() < until && self.submitted.has_room() && !interrupted() => {}
                stepped => return Ok(stepped),
            }
        }
    }

    /// Polls once and submits what came.
    fn step(&mut self) -> Result<Stepped, WorkerError> {
        let polled = match self.instance.poll(POLL_RECORDS_MAX, POLL_BYTES_MAX) {
            Ok(polled) => polled,
            Err(error) => return self.poll_failed(error),
        };
        if polled.batch.is_empty() {
            let wait = Duration::from_millis(polled.wait_ms.into());
            return Ok(Stepped::Idle((!wait.is_zero()).then_some(wait)));
        }
        let polled_count = polled.batch.len();
        self.progress.took(polled_count);
        let mut failed = Vec::new();
        let transformed = self.chain.apply(polled.batch, &mut failed)?;
        self.progress
            .filtered(transformed.dropped(polled_count, failed.len()));
        let Transformed { batch, inputs } = transformed;
        self.tolerate(&failed)?;
        let own = |topic: &&String| self.own_topics.iter().any(|own| own.as_str() == *topic);
        if let Some(topic) = batch.topics.iter().find(own) {
            return Err(WorkerError::OwnTopic(topic.clone()));
        }
        let (batch, inputs) = self.convert(batch, inputs)?;

        let source_partition_of = polled.source_partition_indexes;
        let groups: Vec<u32> = match (&inputs, source_partition_of.is_empty()) {
            (_, true) => Vec::new(),
            (None, false) => source_partition_of.clone(),
            (Some(inputs), false) => inputs
                .iter()
                .map(|row| source_partition_of.get(*row as usize).copied().unwrap_or(0))
                .collect(),
        };
        let new_groups = new_groups(
            &polled.source_partitions,
            &source_partition_of,
            &polled.source_offsets,
            &groups,
            &batch,
        );
        let count = u32::try_from(new_groups.len()).unwrap_or(u32::MAX);
        let first = self.submitted.register(new_groups);
        let acknowledge: Arc<dyn Acknowledge> = Arc::clone(&self.submitted) as _;
        let submitted = self
            .producer
            .submit(&batch, &groups, first, count, &acknowledge);
        match submitted {
            // Its group was told, which counts and logs it; the others are on their way.
            Err(error) if self.tolerant && error.class() == ErrorClass::Data => {}
            submitted => submitted?,
        }
        Ok(Stepped::Moved)
    }

    /// As Kafka Connect: a retriable error is as if nothing was found, a record that cannot be read is passed
    /// over where that is tolerated, anything else ends the task.
    fn poll_failed(&self, error: SandboxError) -> Result<Stepped, WorkerError> {
        let stage = Stage::TaskPoll;
        match error.class() {
            ErrorClass::Retriable => {
                tracing::warn!(%error, "The source asks to be polled again later.");
                Ok(Stepped::Idle(None))
            }
            ErrorClass::Data if self.tolerant => {
                self.progress.skipped(1);
                Ok(Stepped::Moved)
            }
            _ => Err(WorkerError::Guest { stage, error }),
        }
    }

    /// Converts what is to be sent, and drops rows that cannot be converted, as far as tolerated.
    fn convert(
        &mut self,
        batch: Batch,
        inputs: Option<Vec<u32>>,
    ) -> Result<(Batch, Option<Vec<u32>>), WorkerError> {
        let mut failed = Vec::new();
        let batch = self.converters.encode(batch, &mut failed);
        if failed.is_empty() {
            return Ok((batch, inputs));
        }
        self.tolerate(&failed)?;
        let good = rows_without(batch.len(), &failed);
        let inputs = match inputs {
            None => good.clone(),
            Some(inputs) => good
                .iter()
                .filter_map(|row| inputs.get(*row as usize).copied())
                .collect(),
        };
        Ok((batch.select(&good), Some(inputs)))
    }

    fn tolerate(&self, failed: &[Failed]) -> Result<(), WorkerError> {
        tolerate(failed, self.tolerant, |row| {
            format!("{row} of the polled batch")
        })?;
        self.progress.skipped(failed.len());
        Ok(())
    }
}

/// Fails with the first of these records, whichever transform it was that refused it, unless failures are tolerated.
pub fn tolerate(
    failed: &[Failed],
    tolerant: bool,
    name: impl Fn(usize) -> String,
) -> Result<(), WorkerError> {
    match failed.iter().min_by_key(|failure| failure.row) {
        Some(first) if !tolerant => Err(WorkerError::Record {
            stage: first.stage,
            record: name(first.row),
            message: first.message.clone(),
        }),
        _ => Ok(()),
    }
}

/// The rows of a batch of `count` that did not fail.
pub fn rows_without(count: usize, failed: &[Failed]) -> Vec<u32> {
    let mut good = vec![true; count];
    for failure in failed {
        if let Some(row) = good.get_mut(failure.row) {
            *row = false;
        }
    }
    (0_u32..)
        .zip(good)
        .filter_map(|(row, good)| good.then_some(row))
        .collect()
}

/// One group for each source partition of a polled batch, with its last offset and what of it is submitted.
fn new_groups(
    partitions: &[Vec<u8>],
    partition_of: &[u32],
    offsets: &Column,
    groups: &[u32],
    batch: &Batch,
) -> Vec<NewGroup> {
    let mut new: Vec<NewGroup> = partitions
        .iter()
        .map(|partition| NewGroup {
            partition: partition.clone(),
            offset: None,
            records: 0,
            bytes: 0,
        })
        .collect();
    if partition_of.is_empty() {
        // All rows are of one source partition: the last offset in the batch is its last offset.
        if let Some(group) = new.first_mut() {
            group.offset = last_offset(offsets);
            group.records = batch.len();
            group.bytes = batch.payload_bytes();
        }
        return new;
    }
    for (partition, offset) in partition_of.iter().zip(offsets) {
        if let (Some(group), Some(offset)) = (new.get_mut(*partition as usize), offset) {
            group.offset = Some(offset.to_vec());
        }
    }
    let bytes_each = batch.payload_bytes() / batch.len().max(1);
    for partition in groups {
        if let Some(group) = new.get_mut(*partition as usize) {
            group.records += 1;
            group.bytes += bytes_each;
        }
    }
    new
}

/// The last entry that is not null, found from the end.
fn last_offset(offsets: &Column) -> Option<Vec<u8>> {
    let length = offsets
        .lengths
        .iter()
        .rev()
        .find_map(|length| usize::try_from(*length).ok())?;
    let start = offsets.bytes.len().checked_sub(length)?;
    offsets.bytes.get(start..).map(<[u8]>::to_vec)
}
