//! One step of a sink task, as it runs on a blocking thread: fetch → converters → transforms → put, and the
//! flush before a commit.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate_broker::{Consumer, Fetched};
use tidegate_model::{Batch, ErrorClass, TopicName, TopicPartition};
use tidegate_sandbox::SinkInstance;

use crate::blocking::Lent;
use crate::chain::Chain;
use crate::error::{Stage, WorkerError};
use crate::positions::{FetchedRows, Positions};
use crate::progress::Progress;
use crate::record_converters::{Failed, RecordConverters};
use crate::source_pipeline::{rows_without, tolerate};
use crate::steps::Turns;
use crate::task::Abandoned;

/// The most records of one fetch.
const FETCH_RECORDS_MAX: usize = 2_000;
/// The most bytes of one fetch; one record may exceed it.
const FETCH_BYTES_MAX: usize = 1024 * 1024;

/// How long a step that follows records waits for the next: they come in bursts, and a thread that sleeps through
/// the gap between two costs less than one that hands over.
const LULL: Duration = Duration::from_millis(1);

/// What a sink task owns and a blocking thread borrows for each step.
pub struct SinkPipeline {
    pub turns: Turns,
    pub consumer: Box<dyn Consumer>,
    pub instance: SinkInstance,
    pub converters: RecordConverters,
    pub chain: Chain,
    pub progress: Arc<Progress>,
    pub tolerant: bool,
    /// The partitions that the guest was told to open.
    pub assigned: BTreeSet<TopicPartition>,
    pub positions: Positions,
    /// Topics that are not for this connector, whoever assigns them.
    pub refused_topics: Vec<TopicName>,
    pub abandoned: Abandoned,
}

/// What steps that followed each other did.
pub struct Ran {
    /// Whether any of them put records, or partitions changed hands.
    pub moved: bool,
    /// What the last one did.
    pub last: Stepped,
}

/// What a step did.
pub enum Stepped {
    /// Records were put, or partitions changed hands.
    Moved,
    /// There was nothing.
    Idle,
    /// The sink or the broker asks to try again later; nothing was lost.
    Retry {
        error: WorkerError,
        /// Whether the sink took records before.
        moved: bool,
    },
}

/// A batch as the sink gets it.
struct Prepared {
    batch: Batch,
    /// For each record of it the row that it came from. None: record n came from row n.
    rows: Option<Vec<u32>>,
    /// The rows that failed on the way, which are tolerated.
    failed: Vec<Failed>,
}

impl Lent for SinkPipeline {
    fn turns(&self) -> &Turns {
        &self.turns
    }
}

impl SinkPipeline {
    /// Steps until nothing is left to do, `until` has come or something else is wanted. A thread that stays
    /// with a full topic is not handed over and back for each batch.
    pub fn run(
        &mut self,
        until: Instant,
        interrupted: impl Fn() -> bool,
    ) -> Result<Ran, WorkerError> {
        let (mut moved, mut busy) = (false, false);
        loop {
            let last = self.step()?;
            match &last {
                Stepped::Moved => (moved, busy) = (true, true),
                Stepped::Idle if busy => {
                    busy = false;
                    std::thread::sleep(LULL);
                }
                Stepped::Idle => return Ok(Ran { moved, last }),
                Stepped::Retry { moved: some, .. } => {
                    let moved = moved || *some;
                    return Ok(Ran { moved, last });
                }
            }
            if Instant::now() >= until || interrupted() {
                return Ok(Ran { moved, last });
            }
        }
    }

    /// Fetches once and delivers what came.
    fn step(&mut self) -> Result<Stepped, WorkerError> {
        let fetched = match self.consumer.fetch(FETCH_RECORDS_MAX, FETCH_BYTES_MAX) {
            Ok(fetched) => fetched,
            Err(error) if error.class() == ErrorClass::Retriable => {
                return Ok(Stepped::Retry {
                    error: error.into(),
                    moved: false,
                });
            }
            Err(error) => return Err(error.into()),
        };
        match fetched {
            Fetched::Nothing => {
                self.progress.set_lag(self.consumer.lag().unwrap_or(0));
                Ok(Stepped::Idle)
            }
            Fetched::Assigned(partitions) => {
                self.refuse(&partitions)?;
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
        self.abandoned.check()?;
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
        self.abandoned.check()?;
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

    /// Commits what was delivered, has the guest close its partitions, and ends it.
    pub fn stop(&mut self) -> Result<(), WorkerError> {
        let committed = self.commit();
        let partitions: Vec<_> = std::mem::take(&mut self.assigned).into_iter().collect();
        let closed = self.lifecycle(|instance| instance.close(&partitions));
        let stopped = self.lifecycle(SinkInstance::stop);
        committed.and(closed).and(stopped)
    }

    /// What the sink takes of a batch is delivered, and never again, even when it asks to be given the rest later.
    fn deliver(&mut self, batch: Batch) -> Result<Stepped, WorkerError> {
        let fetched = FetchedRows::of(&batch);
        let Prepared {
            batch,
            rows,
            mut failed,
        } = self.prepare(batch, &fetched)?;
        let row_of = |index| row_at(rows.as_deref(), index);
        let (mut done, mut ended) = (fetched.len(), None);
        if !batch.is_empty() {
            self.abandoned.check()?;
            let put = self.instance.put(batch);
            self.progress.gave(put.answered - put.errors.len());
            let first = failed.len();
            failed.extend(put.errors.into_iter().map(|error| Failed {
                row: row_of(error.index),
                stage: Stage::TaskPut,
                message: error.message,
            }));
            self.tolerate(failed.get(first..).unwrap_or_default(), &fetched)?;
            if let Some(error) = put.ended {
                // Of a row that became several records, none counts as taken before all are.
                done = row_of(put.answered);
                ended = Some(WorkerError::Guest {
                    stage: Stage::TaskPut,
                    error,
                });
            }
        }
        self.count(done, &failed, rows.as_deref());
        self.positions.delivered(fetched.spans(0..done));
        match ended {
            None => Ok(Stepped::Moved),
            Some(error) if error.class() == ErrorClass::Retriable => {
                let rest = fetched.spans(done..fetched.len()).into_iter();
                let back: Vec<_> = rest.map(|span| (span.partition, span.first)).collect();
                self.consumer.seek(&back)?;
                let moved = done > 0;
                Ok(Stepped::Retry { error, moved })
            }
            Some(error) => Err(error),
        }
    }

    /// Converts and transforms a batch.
    fn prepare(&mut self, batch: Batch, fetched: &FetchedRows) -> Result<Prepared, WorkerError> {
        let mut failed = Vec::new();
        let batch = self.converters.decode(batch, &mut failed);
        self.tolerate(&failed, fetched)?;
        let (batch, rows) = if failed.is_empty() {
            (batch, None)
        } else {
            let rows = rows_without(batch.len(), &failed);
            (batch.select(&rows), Some(rows))
        };
        let first = failed.len();
        let transformed = self.chain.apply(batch, &mut failed);
        let transformed = transformed.map_err(|error| error.in_hand(|| fetched.describe()))?;
        for failure in failed.iter_mut().skip(first) {
            failure.row = row_at(rows.as_deref(), failure.row);
        }
        self.tolerate(failed.get(first..).unwrap_or_default(), fetched)?;
        let rows = match (rows, transformed.inputs) {
            (rows, None) => rows,
            (None, inputs) => inputs,
            (Some(rows), Some(inputs)) => Some(
                inputs
                    .iter()
                    .filter_map(|input| rows.get(*input as usize).copied())
                    .collect(),
            ),
        };
        Ok(Prepared {
            batch: transformed.batch,
            rows,
            failed,
        })
    }

    /// Fails with the first of these rows, unless failures are tolerated.
    fn tolerate(&self, failed: &[Failed], fetched: &FetchedRows) -> Result<(), WorkerError> {
        tolerate(failed, self.tolerant, |row| fetched.name(row))
    }

    /// Counts the rows before `done`: what comes again is counted then.
    fn count(&self, done: usize, failed: &[Failed], rows: Option<&[u32]>) {
        let mut kept = vec![rows.is_none(); done];
        for row in rows.unwrap_or_default() {
            if let Some(kept) = kept.get_mut(*row as usize) {
                *kept = true;
            }
        }
        let mut skipped = 0;
        for failure in failed {
            if let Some(kept) = kept.get_mut(failure.row) {
                skipped += 1;
                *kept = true;
            }
        }
        self.progress.took(done);
        self.progress.skipped(skipped);
        self.progress
            .filtered(kept.iter().filter(|kept| !**kept).count());
        self.progress.set_lag(self.consumer.lag().unwrap_or(0));
    }

    /// Refuses topics that are not for this connector, which another member of the group may have subscribed to.
    fn refuse(&self, assigned: &[TopicPartition]) -> Result<(), WorkerError> {
        let refused = |partition: &&TopicPartition| self.refused_topics.contains(&partition.topic);
        match assigned.iter().find(refused) {
            Some(partition) => Err(WorkerError::OwnTopic(partition.topic.to_string())),
            None => Ok(()),
        }
    }

    fn lifecycle(
        &mut self,
        call: impl FnOnce(&mut SinkInstance) -> Result<(), tidegate_sandbox::SandboxError>,
    ) -> Result<(), WorkerError> {
        self.abandoned.check()?;
        call(&mut self.instance).map_err(|error| WorkerError::Guest {
            stage: Stage::TaskLifecycle,
            error,
        })
    }
}

/// The row that a record came from.
fn row_at(rows: Option<&[u32]>, index: usize) -> usize {
    rows.map_or(index, |rows| rows.get(index).map_or(0, |row| *row as usize))
}
