//! One step of a sink task, as it runs on a blocking thread: fetch → converters → transforms → put, and the
//! flush before a commit.

mod given_rows;
mod recovery;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate_broker::{Consumer, Fetched};
use tidegate_model::{Batch, ErrorClass, TopicName, TopicPartition};
use tidegate_sandbox::{SandboxError, SinkInstance};
use tracing::field::Empty;

use self::given_rows::Rows;
use crate::blocking::Lent;
use crate::chain::Chain;
use crate::error::{Stage, WorkerError};
use crate::failures::{Failed, Failures, rows_without};
use crate::fetched_rows::FetchedRows;
use crate::positions::{Positions, Span};
use crate::progress::Progress;
use crate::record_converters::RecordConverters;
use crate::sink_guest::SinkGuest;
use crate::steps::Turns;
use crate::suspects::Suspects;
use crate::task::Abandoned;
use crate::used_topics::UsedTopics;

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
    pub guest: SinkGuest,
    pub converters: RecordConverters,
    pub chain: Chain,
    pub progress: Arc<Progress>,
    pub topics: UsedTopics,
    pub failures: Failures,
    /// The partitions that the guest was told to open.
    pub assigned: BTreeSet<TopicPartition>,
    pub positions: Positions,
    pub suspects: Suspects,
    /// What was fetched and is given later: records behind those that are suspect.
    pub ahead: Batch,
    /// Topics that are not for this connector, whoever assigns them.
    pub refused_topics: Vec<TopicName>,
    pub abandoned: Abandoned,
    /// Whether a cap of the connector is used up: nothing is delivered then.
    pub held: bool,
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
    /// The rows that failed on the way.
    failed: Vec<Failed>,
}

/// What came of a batch that was put.
struct Done {
    /// How many rows, from the first on, the sink answered for.
    done: usize,
    /// How many of them it said to have delivered, with all before them.
    said: usize,
    /// Why the others were not taken.
    ended: Option<SandboxError>,
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
            let last = self.step(&interrupted)?;
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
            if self.turns.end_run() || Instant::now() >= until || interrupted() {
                return Ok(Ran { moved, last });
            }
        }
    }

    /// A step that delivers nothing: the task stays a member of its group, and partitions come and go.
    pub fn step_held(&mut self) -> Result<Stepped, WorkerError> {
        self.held = true;
        self.consumer.set_paused(true);
        let stepped = self.step(&|| true);
        self.consumer.set_paused(false);
        self.held = false;
        stepped
    }

    /// Fetches once and delivers what came.
    fn step(&mut self, interrupted: &dyn Fn() -> bool) -> Result<Stepped, WorkerError> {
        self.failures.check()?;
        let share = self.turns.share();
        let (records, bytes) = share.batch(FETCH_RECORDS_MAX, FETCH_BYTES_MAX);
        // With records kept from before no more are needed. One is asked for all the same: fetching is how partitions come
        // and go.
        let most = match self.ahead.is_empty() {
            true => records,
            false => 1,
        };
        let fetched = match self.consumer.fetch(most, bytes) {
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
            Fetched::Nothing if !self.ahead.is_empty() && !self.held => {
                let ahead = std::mem::take(&mut self.ahead);
                self.deliver(ahead, interrupted)
            }
            Fetched::Nothing => {
                self.progress.set_lag(self.consumer.lag().unwrap_or(0));
                Ok(Stepped::Idle)
            }
            Fetched::Assigned(partitions) => {
                self.refuse(&partitions)?;
                self.lifecycle(|instance| instance.open(&partitions))?;
                self.assigned.extend(partitions);
                self.progress.measures().set_partitions(self.assigned.len());
                self.progress.set_joined(true);
                Ok(Stepped::Moved)
            }
            Fetched::Revoked(partitions) => {
                self.commit()?;
                self.lifecycle(|instance| instance.close(&partitions))?;
                self.assigned
                    .retain(|partition| !partitions.contains(partition));
                self.progress.measures().set_partitions(self.assigned.len());
                self.positions.forget(&partitions);
                self.suspects.forget(&partitions);
                self.keep_ahead(|partition| !partitions.contains(partition));
                self.consumer.released(&partitions)?;
                Ok(Stepped::Moved)
            }
            Fetched::Records(batch) if self.ahead.is_empty() => self.deliver(batch, interrupted),
            Fetched::Records(batch) => {
                let mut ahead = std::mem::take(&mut self.ahead);
                ahead.append(&batch);
                self.deliver(ahead, interrupted)
            }
        }
    }

    /// Flushes the sink and commits how far it was delivered, once the records that failed on that way are safe.
    pub fn commit(&mut self) -> Result<(), WorkerError> {
        self.failures.check()?;
        let delivered = self.positions.uncommitted();
        if delivered.is_empty() {
            return Ok(());
        }
        self.abandoned.check()?;
        let identity = &self.failures.task;
        let _span = tracing::debug_span!(
            target: "tidegate::span", "flush and commit",
            connector = %identity.connector, task = identity.task,
        )
        .entered();
        let safe = match self.guest.instance.flush(&delivered) {
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
        if !self.failures.settle()? {
            tracing::warn!(
                "The dead letter queue did not acknowledge in time; positions are committed with the next ones."
            );
            return Ok(());
        }
        self.abandoned.check()?;
        let begun = Instant::now();
        let committed = self.consumer.commit(&safe);
        let measures = self.progress.measures();
        measures.committed(begun.elapsed(), committed.is_ok());
        match committed {
            Ok(()) => {
                self.positions.committed(&safe);
                if self.positions.uncommitted().is_empty() {
                    measures.set_active(0);
                }
            }
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

    /// What the sink takes of a batch is delivered, and never again, unless its guest faults before it is flushed.
    fn deliver(
        &mut self,
        batch: Batch,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Stepped, WorkerError> {
        let identity = &self.failures.task;
        let span = tracing::debug_span!(
            target: "tidegate::span", "sink batch",
            connector = %identity.connector, task = identity.task,
            records = batch.len(), bytes = batch.payload_bytes(), failed = Empty,
        );
        let _entered = span.clone().entered();
        let delivered = self.deliver_batch(batch, interrupted);
        span.record("failed", delivered.is_err());
        delivered
    }

    fn deliver_batch(
        &mut self,
        batch: Batch,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Stepped, WorkerError> {
        let (batch, mut fetched) = self.together(batch);
        self.topics.used(&batch.topics);
        let bytes = batch.payload_bytes();
        self.progress.measures().came(bytes);
        self.turns.share().moved(batch.len(), bytes);
        let again = self.suspects.any().then(|| batch.clone());
        let counted = self.positions.counted(&fetched);
        let Some(prepared) = self.prepare(batch, &mut fetched, interrupted)? else {
            let begins = fetched.spans(0..fetched.len()).into_iter();
            self.read_again(begins.map(Span::begin).collect())?;
            return Ok(Stepped::Idle);
        };
        let (batch, mut failed) = (prepared.batch, prepared.failed);
        if !self.failures.tolerant() {
            // Before the sink has anything of the batch.
            self.failures.report(&mut failed, &mut fetched)?;
        }
        let rows = Rows {
            rows: prepared.rows.as_deref(),
            fetched: fetched.len(),
            counted: counted.as_deref(),
        };
        let rows_given = rows.distinct(batch.len());
        let put = self.put(batch, &rows, &mut failed)?;
        let Done { done, said, ended } = put;
        let fault = ended.as_ref().filter(|error| self.suspects.isolates(error));
        let (mut done, alone) = (done, rows_given == 1 && said == 0 && fault.is_some());
        if let Some(fault) = fault.filter(|_| alone) {
            failed.push(self.lose(rows.of(0), fault, &fetched)?);
            done = fetched.len();
        }
        // What comes again fails then, or failed before.
        failed.retain(|failure| failure.row < done && rows.is_new(failure.row));
        self.failures.report(&mut failed, &mut fetched)?;
        self.count(done, &failed, &rows);
        self.went(&fetched, said, done, alone);
        let rest = fetched.spans(done..fetched.len());
        match (fault, ended.as_ref()) {
            (Some(fault), _) => {
                let again = again.map(|batch| rows_of(&batch, done..fetched.len()));
                self.recover(again, rest.clone())?;
                self.suspect(fault, rows_given, said > 0, rest)
            }
            (None, Some(error)) if error.class() == ErrorClass::Retriable => {
                self.read_again(rest.into_iter().map(Span::begin).collect())?;
                let (stage, error) = (Stage::TaskPut, error.clone());
                Ok(Stepped::Retry {
                    error: WorkerError::Guest { stage, error },
                    moved: done > 0,
                })
            }
            (None, Some(error)) => {
                let (stage, error) = (Stage::TaskPut, error.clone());
                Err(WorkerError::Guest { stage, error }.in_hand(|| fetched.describe()))
            }
            (None, None) if self.suspects.any() => self.flush_part(),
            (None, None) => Ok(Stepped::Moved),
        }
    }

    /// Notes how far a batch went: the sink answered for the rows before `done`, and said that those before `said` are
    /// delivered. `lost`: there was one record, which it did not survive.
    fn went(&mut self, fetched: &FetchedRows, said: usize, done: usize, lost: bool) {
        if said > 0 {
            self.positions.delivered(fetched.spans(0..said));
            self.positions.all_safe();
        }
        match lost {
            true => self.positions.passed(fetched.spans(0..done)),
            false => self.positions.delivered(fetched.spans(said..done)),
        }
    }

    /// Gives the sink a batch.
    fn put(
        &mut self,
        batch: Batch,
        rows: &Rows<'_>,
        failed: &mut Vec<Failed>,
    ) -> Result<Done, WorkerError> {
        let mut done = Done {
            done: rows.fetched,
            said: 0,
            ended: None,
        };
        if batch.is_empty() {
            return Ok(done);
        }
        self.abandoned.check()?;
        let measures = self.progress.measures();
        let (records, begun) = (batch.len(), Instant::now());
        measures.went(batch.payload_bytes());
        let put = {
            let _span = tracing::debug_span!(target: "tidegate::span", "put", records).entered();
            self.guest.instance.put(batch)
        };
        measures.called(records, begun.elapsed());
        let refused = put.errors.iter().map(|error| error.index);
        self.progress.gave(rows.new_of(put.answered, refused));
        let errors = put.errors.into_iter();
        failed.extend(
            errors.map(|error| Failed::in_put(rows.of(error.index), error.class, error.message)),
        );
        if put.delivered > 0 {
            // With all that it was given before.
            self.positions.all_safe();
            done.said = rows.of(put.delivered);
        }
        if let Some(error) = put.ended {
            // Of a row that became several records, none counts as taken before all are.
            done.done = rows.of(put.answered);
            done.ended = Some(error);
        } else {
            self.suspects.answered();
        }
        Ok(done)
    }

    /// Those of the records that are given together; the others are kept.
    fn together(&mut self, batch: Batch) -> (Batch, FetchedRows) {
        let fetched = self.fetched(&batch);
        let count = self.suspects.together(&fetched);
        if count == fetched.len() {
            return (batch, fetched);
        }
        self.ahead = rows_of(&batch, count..fetched.len());
        let batch = rows_of(&batch, 0..count);
        let fetched = self.fetched(&batch);
        (batch, fetched)
    }

    fn fetched(&self, batch: &Batch) -> FetchedRows {
        match self.failures.keep_originals() {
            true => FetchedRows::with_records(batch),
            false => FetchedRows::of(batch),
        }
    }

    /// Forgets what is kept of other partitions.
    fn keep_ahead(&mut self, keeps: impl Fn(&TopicPartition) -> bool) {
        if self.ahead.is_empty() {
            return;
        }
        let ahead = FetchedRows::of(&self.ahead);
        let kept = |row: &u32| {
            let position = ahead.position(*row as usize);
            position.is_some_and(|(partition, _)| keeps(&partition))
        };
        let rows: Vec<_> = (0..).take(ahead.len()).filter(kept).collect();
        self.ahead = self.ahead.select(&rows);
    }

    /// Reads these partitions next from these offsets on, with what was kept.
    fn read_again(&mut self, mut from: Vec<(TopicPartition, i64)>) -> Result<(), WorkerError> {
        let ahead = std::mem::take(&mut self.ahead);
        for span in FetchedRows::of(&ahead).spans(0..ahead.len()) {
            if !from
                .iter()
                .any(|(partition, _)| *partition == span.partition)
            {
                from.push(span.begin());
            }
        }
        if !from.is_empty() {
            self.consumer.seek(&from)?;
        }
        Ok(())
    }

    /// Pauses or goes on. What was kept is read again later: a paused sink is given nothing.
    pub fn set_paused(&mut self, paused: bool) -> Result<(), WorkerError> {
        if paused {
            self.commit()?;
            self.read_again(Vec::new())?;
        }
        self.consumer.set_paused(paused);
        self.progress.set_paused(paused);
        Ok(())
    }

    /// Converts and transforms a batch. `None`: it was interrupted, and comes again.
    fn prepare(
        &mut self,
        batch: Batch,
        fetched: &mut FetchedRows,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Option<Prepared>, WorkerError> {
        let trying = self.failures.retry.until(interrupted);
        let mut failed = self.suspects.lost(fetched);
        let decoded = {
            let _span = tracing::debug_span!(target: "tidegate::span", "converters").entered();
            let taken = self.chain.takes_map_shapes();
            let taken = taken.unwrap_or_else(|| self.guest.instance.reads().map_shapes);
            self.converters.shape_maps(taken);
            self.converters.decode(batch, &mut failed, trying)
        };
        let Some((batch, replaced)) = decoded else {
            return Ok(None);
        };
        if self.failures.keep_originals() {
            fetched.keep(replaced);
        }
        let (batch, rows) = if failed.is_empty() {
            (batch, None)
        } else {
            let rows = rows_without(batch.len(), &failed);
            (batch.select(&rows), Some(rows))
        };
        let first = failed.len();
        let transformed = {
            let idle = self.chain.is_empty();
            let span = tracing::debug_span!(target: "tidegate::span", "transforms", idle);
            let _entered = span.entered();
            self.chain.apply(batch, &mut failed, trying)
        };
        let transformed = transformed.map_err(|error| error.in_hand(|| fetched.describe()))?;
        let Some(transformed) = transformed else {
            return Ok(None);
        };
        for failure in failed.iter_mut().skip(first) {
            failure.row = row_at(rows.as_deref(), failure.row);
        }
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
        Ok(Some(Prepared {
            batch: transformed.batch,
            rows,
            failed,
        }))
    }

    /// Counts the rows before `done`: what comes again is counted then. Those that came before are not counted again.
    fn count(&self, done: usize, failed: &[Failed], rows: &Rows<'_>) {
        let mut kept = vec![rows.rows.is_none(); done];
        for row in rows.rows.unwrap_or_default() {
            if let Some(kept) = kept.get_mut(*row as usize) {
                *kept = true;
            }
        }
        for failure in failed {
            if let Some(kept) = kept.get_mut(failure.row) {
                *kept = true;
            }
        }
        let filtered = |(row, kept): (usize, &bool)| !kept && rows.is_new(row);
        let filtered = kept.iter().enumerate().filter(|at| filtered(*at)).count();
        let taken = (0..done).filter(|row| rows.is_new(*row)).count();
        self.progress.took(taken);
        self.progress.measures().add_active(taken);
        self.progress.filtered(filtered);
        let lag = self.consumer.lag().unwrap_or(0);
        self.progress.set_lag(lag + self.ahead.len() as u64);
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
        call: impl FnOnce(&mut SinkInstance) -> Result<(), SandboxError>,
    ) -> Result<(), WorkerError> {
        self.abandoned.check()?;
        call(&mut self.guest.instance).map_err(|error| WorkerError::Guest {
            stage: Stage::TaskLifecycle,
            error,
        })
    }
}

/// Some rows of a batch.
fn rows_of(batch: &Batch, rows: Range<usize>) -> Batch {
    let rows = rows.filter_map(|row| u32::try_from(row).ok());
    batch.select(&rows.collect::<Vec<_>>())
}

/// The row that a record came from.
fn row_at(rows: Option<&[u32]>, index: usize) -> usize {
    rows.map_or(index, |rows| rows.get(index).map_or(0, |row| *row as usize))
}
