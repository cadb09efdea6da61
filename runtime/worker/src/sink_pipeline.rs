//! One step of a sink task, as it runs on a blocking thread: fetch → converters → transforms → put, and the
//! flush before a commit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate_broker::{Consumer, Fetched};
use tidegate_model::{Batch, ErrorClass, TopicName, TopicPartition};
use tidegate_sandbox::SinkInstance;

use crate::chain::Chain;
use crate::error::{Stage, WorkerError};
use crate::progress::Progress;
use crate::record_converters::{Failed, RecordConverters};
use crate::source_pipeline::{rows_without, tolerate};

/// The most records of one fetch.
const FETCH_RECORDS_MAX: usize = 2_000;
/// The most bytes of one fetch; one record may exceed it.
const FETCH_BYTES_MAX: usize = 1024 * 1024;

/// How long a step that follows records waits for the next: they come in bursts, and a thread that sleeps through
/// the gap between two costs less than one that hands over.
const LULL: Duration = Duration::from_millis(1);

/// What a sink task owns and a blocking thread borrows for each step.
pub struct SinkPipeline {
    pub consumer: Box<dyn Consumer>,
    pub instance: SinkInstance,
    pub converters: RecordConverters,
    pub chain: Chain,
    pub progress: Arc<Progress>,
    pub tolerant: bool,
    /// The partitions that the guest was told to open.
    pub assigned: BTreeSet<TopicPartition>,
    pub positions: Positions,
}

/// What a step did.
pub enum Stepped {
    /// Records were put, or partitions changed hands.
    Moved,
    /// There was nothing.
    Idle,
    /// The sink or the broker asks to try again later; nothing was lost.
    Retry(WorkerError),
}

/// How far each assigned partition was delivered, and how far that is committed.
#[derive(Default)]
pub struct Positions(BTreeMap<TopicPartition, Position>);

#[derive(Clone, Copy)]
struct Position {
    delivered: i64,
    committed: i64,
}

/// The offsets that a batch spans in one partition.
struct Span {
    partition: TopicPartition,
    first: i64,
    next: i64,
}

impl SinkPipeline {
    /// Steps until nothing is left to do, `until` has come or something else is wanted. A thread that stays
    /// with a full topic is not handed over and back for each batch.
    pub fn run(
        &mut self,
        until: Instant,
        interrupted: impl Fn() -> bool,
    ) -> Result<Stepped, WorkerError> {
        let mut moved = false;
        loop {
            let stepped = self.step()?;
            match stepped {
                Stepped::Moved => moved = true,
                Stepped::Idle if moved => {
                    moved = false;
                    std::thread::sleep(LULL);
                }
                _ => return Ok(stepped),
            }
            if Instant::now() >= until || interrupted() {
                return Ok(stepped);
            }
        }
    }

    /// Fetches once and delivers what came.
    fn step(&mut self) -> Result<Stepped, WorkerError> {
        let fetched = match self.consumer.fetch(FETCH_RECORDS_MAX, FETCH_BYTES_MAX) {
            Ok(fetched) => fetched,
            Err(error) if error.class() == ErrorClass::Retriable => {
                return Ok(Stepped::Retry(error.into()));
            }
            Err(error) => return Err(error.into()),
        };
        match fetched {
            Fetched::Nothing => {
                self.progress.set_lag(self.consumer.lag().unwrap_or(0));
                Ok(Stepped::Idle)
            }
            Fetched::Assigned(partitions) => {
                self.lifecycle(|instance| instance.open(&partitions))?;
                self.assigned.extend(partitions);
                self.progress.set_joined(true);
                Ok(Stepped::Moved)
            }
            Fetched::Revoked(partitions) => {
                self.commit()?;
                self.lifecycle(|instance| instance.close(&partitions))?;
                self.assigned
                    .retain(|partition| !partitions.contains(partition));
                self.positions.forget(&partitions);
                self.consumer.released(&partitions)?;
                Ok(Stepped::Moved)
            }
            Fetched::Records(batch) => self.deliver(batch),
        }
    }

    /// Flushes the sink and commits how far it was delivered.
    pub fn commit(&mut self) -> Result<(), WorkerError> {
        let delivered = self.positions.uncommitted();
        if delivered.is_empty() {
            return Ok(());
        }
        let safe = match self.instance.flush(&delivered) {
            Ok(safe) => safe,
            // What was taken stays taken; the next commit flushes it again.
            Err(error) if error.class() == ErrorClass::Retriable => {
                tracing::warn!(%error, "The sink asks to be flushed again later.");
                return Ok(());
            }
            Err(error) => {
                return Err(WorkerError::Guest {
                    stage: Stage::TaskPut,
                    error,
                });
            }
        };
        let safe = self.positions.accept(safe);
        match self.consumer.commit(&safe) {
            Ok(()) => self.positions.committed(&safe),
            // The next commit takes them in; until then a restart would deliver them again.
            Err(error) if error.class() == ErrorClass::Retriable => {
                tracing::warn!(%error, "Positions could not be committed; they are committed with the next ones.");
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Delivers and commits what there is, gives the partitions back and ends the guest.
    pub fn stop(&mut self) -> Result<(), WorkerError> {
        let committed = self.commit();
        let partitions: Vec<_> = std::mem::take(&mut self.assigned).into_iter().collect();
        let closed = self.lifecycle(|instance| instance.close(&partitions));
        let stopped = self.lifecycle(SinkInstance::stop);
        self.consumer.close();
        committed.and(closed).and(stopped)
    }

    fn deliver(&mut self, batch: Batch) -> Result<Stepped, WorkerError> {
        let spans = spans(&batch);
        let fetched = batch.len();
        let names = RecordNames::of(&batch);
        let mut failed = Vec::new();

        let batch = self.converters.decode(batch, &mut failed);
        self.tolerate(&failed, &names, None)?;
        let (batch, rows) = if failed.is_empty() {
            (batch, None)
        } else {
            let rows = rows_without(fetched, &failed);
            (batch.select(&rows), Some(rows))
        };
        failed.clear();
        let converted = batch.len();
        let transformed = self.chain.apply(batch, &mut failed)?;
        self.tolerate(&failed, &names, rows.as_deref())?;
        self.progress
            .filtered(transformed.dropped(converted, failed.len()));

        if !transformed.batch.is_empty() {
            let count = transformed.batch.len();
            match self.instance.put(transformed.batch) {
                Ok((_, errors)) => {
                    self.progress.gave(count - errors.len());
                    let errant = errors.into_iter().map(|error| Failed {
                        row: transformed.inputs.as_ref().map_or(error.index, |inputs| {
                            inputs.get(error.index).map_or(0, |row| *row as usize)
                        }),
                        stage: Stage::TaskPut,
                        message: error.message,
                    });
                    self.tolerate(&errant.collect::<Vec<_>>(), &names, rows.as_deref())?;
                }
                Err(error) if error.class() == ErrorClass::Retriable => {
                    let back: Vec<_> = spans
                        .into_iter()
                        .map(|span| (span.partition, span.first))
                        .collect();
                    self.consumer.seek(&back)?;
                    return Ok(Stepped::Retry(WorkerError::Guest {
                        stage: Stage::TaskPut,
                        error,
                    }));
                }
                Err(error) => {
                    return Err(WorkerError::Guest {
                        stage: Stage::TaskPut,
                        error,
                    });
                }
            }
        }
        self.progress.took(fetched);
        self.progress.set_lag(self.consumer.lag().unwrap_or(0));
        self.positions.delivered(spans);
        Ok(Stepped::Moved)
    }

    /// `rows` gives for each row that failed its row in the batch that was fetched.
    fn tolerate(
        &self,
        failed: &[Failed],
        names: &RecordNames,
        rows: Option<&[u32]>,
    ) -> Result<(), WorkerError> {
        tolerate(failed, self.tolerant, &self.progress, |row| {
            let fetched = rows.map_or(row, |rows| rows.get(row).map_or(0, |row| *row as usize));
            names.of_row(fetched)
        })
    }

    fn lifecycle(
        &mut self,
        call: impl FnOnce(&mut SinkInstance) -> Result<(), tidegate_sandbox::SandboxError>,
    ) -> Result<(), WorkerError> {
        call(&mut self.instance).map_err(|error| WorkerError::Guest {
            stage: Stage::TaskLifecycle,
            error,
        })
    }
}

impl Positions {
    fn delivered(&mut self, spans: Vec<Span>) {
        for span in spans {
            let position = self.0.entry(span.partition).or_insert(Position {
                delivered: 0,
                committed: -1,
            });
            position.delivered = span.next;
        }
    }

    fn uncommitted(&self) -> Vec<(TopicPartition, i64)> {
        let moved = self
            .0
            .iter()
            .filter(|(_, position)| position.delivered != position.committed);
        moved
            .map(|(partition, position)| (partition.clone(), position.delivered))
            .collect()
    }

    /// What a guest says may be committed, never further than it was delivered.
    fn accept(&self, offsets: Vec<(TopicPartition, i64)>) -> Vec<(TopicPartition, i64)> {
        let known = |(partition, offset): (TopicPartition, i64)| {
            let position = self.0.get(&partition)?;
            (offset > position.committed).then(|| (partition, offset.min(position.delivered)))
        };
        offsets.into_iter().filter_map(known).collect()
    }

    fn committed(&mut self, offsets: &[(TopicPartition, i64)]) {
        for (partition, offset) in offsets {
            if let Some(position) = self.0.get_mut(partition) {
                position.committed = *offset;
            }
        }
    }

    fn forget(&mut self, partitions: &[TopicPartition]) {
        self.0
            .retain(|partition, _| !partitions.contains(partition));
    }
}

/// Where the records of a fetched batch came from, for messages; the batch itself moves on.
struct RecordNames {
    topics: Vec<String>,
    topic_indexes: Vec<u32>,
    partitions: Vec<i32>,
    offsets: Vec<i64>,
}

impl RecordNames {
    fn of(batch: &Batch) -> Self {
        Self {
            topics: batch.topics.clone(),
            topic_indexes: batch.topic_indexes.clone(),
            partitions: batch.partitions.clone(),
            offsets: batch.offsets.clone(),
        }
    }

    fn of_row(&self, row: usize) -> String {
        let topic = self
            .topic_indexes
            .get(row)
            .map_or(0, |topic| *topic as usize);
        let topic = self.topics.get(topic).map_or("?", String::as_str);
        let partition = self.partitions.get(row).copied().unwrap_or(0);
        let offset = self.offsets.get(row).copied().unwrap_or(-1);
        format!("{topic}-{partition} offset {offset}")
    }
}

/// What a batch spans in each partition. Consumers give long runs of one partition.
fn spans(batch: &Batch) -> Vec<Span> {
    let mut spans: Vec<(u32, i32, i64, i64)> = Vec::new();
    let mut current = None;
    for (row, offset) in batch.offsets.iter().enumerate() {
        let topic = batch.topic_indexes.get(row).copied().unwrap_or(0);
        let partition = batch.partitions.get(row).copied().unwrap_or(0);
        if current.is_none_or(|index: usize| {
            spans
                .get(index)
                .is_none_or(|span| (span.0, span.1) != (topic, partition))
        }) {
            current = spans
                .iter()
                .position(|span| (span.0, span.1) == (topic, partition))
                .or_else(|| {
                    spans.push((topic, partition, *offset, *offset));
                    Some(spans.len() - 1)
                });
        }
        if let Some(span) = current.and_then(|index| spans.get_mut(index)) {
            span.3 = offset.saturating_add(1);
        }
    }
    let named = spans
        .into_iter()
        .filter_map(|(topic, partition, first, next)| {
            let topic = TopicName::parse(batch.topics.get(topic as usize)?).ok()?;
            Some(Span {
                partition: TopicPartition { topic, partition },
                first,
                next,
            })
        });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(partition: i32, offset: i64) -> (TopicPartition, i64) {
        (
            TopicPartition {
                topic: TopicName::parse("t").unwrap(),
                partition,
            },
            offset,
        )
    }

    #[test]
    fn a_batch_spans_each_of_its_partitions() {
        let batch = Batch {
            count: 4,
            topics: vec!["t".to_owned()],
            partitions: vec![0, 0, 1, 0],
            offsets: vec![5, 6, 40, 9],
            ..Batch::default()
        };
        let found: Vec<_> = spans(&batch)
            .iter()
            .map(|span| (span.partition.partition, span.first, span.next))
            .collect();
        assert_eq!(found, [(0, 5, 10), (1, 40, 41)]);
    }

    #[test]
    fn a_guest_cannot_commit_further_than_was_delivered() {
        let mut positions = Positions::default();
        let (partition, _) = at(0, 0);
        positions.delivered(vec![Span {
            partition,
            first: 0,
            next: 10,
        }]);
        assert_eq!(positions.uncommitted(), [at(0, 10)]);
        assert_eq!(positions.accept(vec![at(0, 99), at(7, 3)]), [at(0, 10)]);
        positions.committed(&[at(0, 10)]);
        assert_eq!(positions.uncommitted(), []);
        assert_eq!(positions.accept(vec![at(0, 4)]), [], "nor go back");
    }
}
