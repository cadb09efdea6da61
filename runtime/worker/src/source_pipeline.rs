//! One step of a source task, as it runs on a blocking thread: poll → transforms → converters → submit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate_broker::{Acknowledge, Producer};
use tidegate_model::{Batch, Column, ErrorClass, TopicName};
use tidegate_sandbox::{SandboxError, SourceInstance};

use crate::blocking::Lent;
use crate::chain::{Chain, Transformed};
use crate::error::{Stage, WorkerError};
use crate::progress::Progress;
use crate::record_converters::{Failed, RecordConverters};
use crate::steps::Turns;
use crate::submitted::{NewGroup, Submitted};
use crate::task::Abandoned;

/// The most records of one poll.
pub const POLL_RECORDS_MAX: u32 = 2_000;
/// The most bytes of one poll; one record may exceed it.
pub const POLL_BYTES_MAX: u32 = 1024 * 1024;

/// What a source task owns and a blocking thread borrows for each step.
pub struct SourcePipeline {
    pub turns: Turns,
    pub instance: SourceInstance,
    pub chain: Chain,
    pub converters: RecordConverters,
    pub producer: Arc<dyn Producer>,
    /// Topics that no connector writes to.
    pub own_topics: [TopicName; 3],
    pub submitted: Arc<Submitted>,
    pub progress: Arc<Progress>,
    pub tolerant: bool,
    pub abandoned: Abandoned,
    /// Whether the last poll failed, which was tolerated and said.
    pub poll_failed: bool,
}

/// What steps that followed each other did.
pub struct Ran {
    /// Whether any of them submitted records.
    pub moved: bool,
    /// What the last one found.
    pub last: Stepped,
}

/// What a step found.
pub enum Stepped {
    /// Records were submitted.
    Moved,
    /// There was nothing; look again when a file changes or after this time, when the guest named one.
    Idle(Option<Duration>),
}

impl Lent for SourcePipeline {
    fn turns(&self) -> &Turns {
        &self.turns
    }
}

impl SourcePipeline {
    /// Steps until there is nothing, no room for more in flight, `until` has come or something else is wanted. A
    /// thread that stays with a full source is not handed over and back for each batch.
    pub fn run(
        &mut self,
        until: Instant,
        interrupted: impl Fn() -> bool,
    ) -> Result<Ran, WorkerError> {
        let mut moved = false;
        loop {
            let last = self.step()?;
            let idle = matches!(last, Stepped::Idle(_));
            moved |= !idle;
            if idle || Instant::now() >= until || !self.submitted.has_room() || interrupted() {
                return Ok(Ran { moved, last });
            }
        }
    }

    /// Polls once and submits what came.
    fn step(&mut self) -> Result<Stepped, WorkerError> {
        let polled = match self.instance.poll(POLL_RECORDS_MAX, POLL_BYTES_MAX) {
            Ok(polled) => polled,
            Err(error) => return self.poll_failed(error),
        };
        self.poll_failed = false;
        self.abandoned.check()?;
        if polled.batch.is_empty() {
            let wait = Duration::from_millis(polled.wait_ms.into());
            return Ok(Stepped::Idle((!wait.is_zero()).then_some(wait)));
        }
        let polled_count = polled.batch.len();
        self.progress.took(polled_count);
        let mut failed = Vec::new();
        let transformed = self.chain.apply(polled.batch, &mut failed);
        let transformed = transformed
            .map_err(|error| error.in_hand(|| format!("{polled_count} polled records")))?;
        self.progress
            .filtered(transformed.dropped(polled_count, failed.len()));
        let Transformed { batch, inputs } = transformed;
        self.tolerate(&failed)?;
        let own = |topic: &&String| self.own_topics.iter().any(|own| own.as_str() == *topic);
        if let Some(topic) = batch.topics.iter().find(own) {
            return Err(WorkerError::OwnTopic(topic.clone()));
        }
        let (batch, inputs) = self.convert(batch, inputs)?;

        let positions = PolledPositions {
            partitions: polled.source_partitions,
            partition_of: polled.source_partition_indexes,
            offsets: polled.source_offsets,
        };
        let (new_groups, groups) = positions.groups(&batch, inputs.as_deref());
        self.abandoned.check()?;
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
    fn poll_failed(&mut self, error: SandboxError) -> Result<Stepped, WorkerError> {
        let stage = Stage::TaskPoll;
        match error.class() {
            ErrorClass::Retriable => {
                tracing::warn!(%error, "The source asks to be polled again later.");
                Ok(Stepped::Idle(None))
            }
            ErrorClass::Data if self.tolerant => {
                self.progress.skipped(1);
                if !std::mem::replace(&mut self.poll_failed, true) {
                    tracing::warn!(%error,
                        "The source could not read a record, which is skipped; the next like it are counted only.");
                }
                Ok(Stepped::Idle(None))
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

/// Where the records of a polled batch came from.
struct PolledPositions {
    /// The source partitions that the guest listed, of which not all need have records.
    partitions: Vec<Vec<u8>>,
    /// For each polled record the number of its source partition. Empty: 0 for every record.
    partition_of: Vec<u32>,
    offsets: Column,
}

impl PolledPositions {
    /// One group for each source partition that has records, with its last offset and what of it is submitted; and
    /// for each record of `batch` its group. Record n of it came from record `inputs[n]`; none: from record n.
    /// Records that were dropped count for their group's offset too, which passes them.
    fn groups(self, batch: &Batch, inputs: Option<&[u32]>) -> (Vec<NewGroup>, Vec<u32>) {
        let Self {
            partitions,
            partition_of,
            offsets,
        } = self;
        let group = |partition| NewGroup {
            partition,
            offset: None,
            records: 0,
            bytes: 0,
        };
        if partition_of.is_empty() {
            // All records are of one source partition: the last offset in the batch is its last offset.
            let only = partitions.into_iter().next().map(|partition| NewGroup {
                offset: last_offset(&offsets),
                records: batch.len(),
                bytes: batch.payload_bytes(),
                ..group(partition)
            });
            return (only.into_iter().collect(), Vec::new());
        }
        let mut new: Vec<NewGroup> = Vec::new();
        let mut offset_of: Vec<Option<&[u8]>> = Vec::new();
        let mut partitions: Vec<(Vec<u8>, Option<u32>)> = partitions
            .into_iter()
            .map(|partition| (partition, None))
            .collect();
        let mut group_of = Vec::with_capacity(partition_of.len());
        let offsets = offsets.iter().chain(std::iter::repeat(None));
        for (partition, offset) in partition_of.iter().zip(offsets) {
            let Some((partition, known)) = partitions.get_mut(*partition as usize) else {
                continue; // The sandbox checked it.
            };
            let number = *known.get_or_insert_with(|| {
                new.push(group(std::mem::take(partition)));
                offset_of.push(None);
                u32::try_from(new.len() - 1).unwrap_or(u32::MAX)
            });
            group_of.push(number);
            if let Some(last) = offset_of.get_mut(number as usize) {
                *last = offset.or(*last);
            }
        }
        for (group, offset) in new.iter_mut().zip(offset_of) {
            group.offset = offset.map(<[u8]>::to_vec);
        }
        let groups: Vec<u32> = match inputs {
            None => group_of,
            Some(inputs) => inputs
                .iter()
                .map(|row| group_of.get(*row as usize).copied().unwrap_or(0))
                .collect(),
        };
        let bytes_each = batch.payload_bytes() / batch.len().max(1);
        for number in &groups {
            if let Some(group) = new.get_mut(*number as usize) {
                group.records += 1;
                group.bytes += bytes_each;
            }
        }
        (new, groups)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A group: source partition, offset and records.
    type Shown = (String, Option<u8>, usize);

    /// The groups of a batch of so many records, and the group of each.
    fn groups(
        positions: PolledPositions,
        records: usize,
        inputs: Option<&[u32]>,
    ) -> (Vec<Shown>, Vec<u32>) {
        let batch = Batch {
            count: records,
            ..Batch::default()
        };
        let (new, groups) = positions.groups(&batch, inputs);
        let shown = new.into_iter().map(|group| {
            let partition = String::from_utf8(group.partition).unwrap();
            let offset = group.offset.map(|offset| offset[0]);
            (partition, offset, group.records)
        });
        (shown.collect(), groups)
    }

    fn positions(partition_of: &[u32], offsets: &[Option<u8>]) -> PolledPositions {
        let mut column = Column::default();
        for offset in offsets {
            column.push(offset.as_ref().map(std::slice::from_ref));
        }
        PolledPositions {
            partitions: ["a", "b", "c", "d"].map(|name| name.into()).to_vec(),
            partition_of: partition_of.to_vec(),
            offsets: column,
        }
    }

    #[test]
    fn source_partitions_that_are_listed_and_have_no_records_are_left_out() {
        let only = positions(&[], &[Some(1), Some(2), None]);
        let wanted = vec![("a".to_owned(), Some(2), 3)];
        assert_eq!(groups(only, 3, None), (wanted, vec![]));

        let two = positions(&[3, 1, 3], &[Some(1), Some(2), None]);
        let wanted = vec![("d".to_owned(), Some(1), 2), ("b".to_owned(), Some(2), 1)];
        assert_eq!(groups(two, 3, None), (wanted, vec![0, 1, 0]));

        let none = positions(&[1, 1], &[]);
        let wanted = vec![("b".to_owned(), None, 2)];
        assert_eq!(groups(none, 2, None), (wanted, vec![0, 0]));
    }

    #[test]
    fn records_that_were_dropped_let_the_offset_of_their_source_partition_pass() {
        let dropped = positions(&[0, 2, 2], &[Some(1), Some(2), Some(3)]);
        let wanted = vec![("a".to_owned(), Some(1), 1), ("c".to_owned(), Some(3), 0)];
        assert_eq!(groups(dropped, 1, Some(&[0])), (wanted, vec![0]));

        let all = positions(&[], &[Some(1), Some(2)]);
        let wanted = vec![("a".to_owned(), Some(2), 0)];
        assert_eq!(groups(all, 0, Some(&[])), (wanted, vec![]));
    }
}
