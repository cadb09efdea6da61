//! One step of a source task, as it runs on a blocking thread: poll → transforms → converters → submit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate_broker::{Acknowledge, Producer};
use tidegate_model::{Batch, ErrorClass, TopicName};
use tidegate_sandbox::{SandboxError, SourceInstance};
use tracing::Span;
use tracing::field::Empty;

use crate::asked_tasks::AskedTasks;
use crate::blocking::Lent;
use crate::chain::{Chain, Transformed};
use crate::error::{Stage, WorkerError};
use crate::failures::{Failed, Failures, PRODUCE, rows_without};
use crate::polled_positions::PolledPositions;
use crate::progress::Progress;
use crate::record_converters::{RecordConverters, Replaced};
use crate::source_rows::{JsonLetters, SourceRows, before_conversion};
use crate::steps::Turns;
use crate::submitted::{Sent, Submitted};
use crate::task::Abandoned;
use crate::topic_creator::TopicCreator;
use crate::used_topics::UsedTopics;

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
    pub creator: TopicCreator,
    pub submitted: Arc<Submitted>,
    pub progress: Arc<Progress>,
    pub topics: UsedTopics,
    pub asked: AskedTasks,
    pub failures: Failures,
    /// Writes records that failed, where they are kept.
    pub json: Option<JsonLetters>,
    /// What was polled and not submitted, as the task was told something else while it tried something again.
    pub left: Option<Polled>,
    pub abandoned: Abandoned,
    /// Whether the last poll failed, which was tolerated and said.
    pub poll_failed: bool,
}

/// A polled batch.
pub struct Polled {
    batch: Batch,
    positions: PolledPositions,
}

/// A batch as it is submitted.
struct Prepared {
    batch: Batch,
    /// For each record the polled record that it came from. None: record n came from record n.
    inputs: Option<Vec<u32>>,
    positions: PolledPositions,
    /// As it was polled, where that is kept.
    polled: Batch,
    /// Why the task ends behind this batch.
    end: Option<WorkerError>,
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
            let last = self.step(&interrupted)?;
            let idle = matches!(last, Stepped::Idle(_));
            moved |= !idle;
            let ends = idle || self.turns.end_run() || !self.submitted.has_room();
            if ends || Instant::now() >= until || interrupted() {
                return Ok(Ran { moved, last });
            }
        }
    }

    /// Passes on that the guest asks for its connector's work to be divided anew, if it does.
    pub fn hear_ask(&mut self) {
        if self.instance.takes_ask() {
            self.asked.ask();
        }
    }

    /// Polls once and submits what came.
    fn step(&mut self, interrupted: &dyn Fn() -> bool) -> Result<Stepped, WorkerError> {
        self.failures.check()?;
        self.deal_with_refused()?;
        self.hear_ask();
        let identity = &self.failures.task;
        let span = tracing::debug_span!(
            target: "tidegate::span", "source batch",
            connector = %identity.connector, task = identity.task,
            records = Empty, bytes = Empty, idle = Empty, failed = Empty,
        );
        let _entered = span.clone().entered();
        let stepped = self.step_in(&span, interrupted);
        span.record("failed", stepped.is_err());
        stepped
    }

    fn step_in(
        &mut self,
        span: &Span,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Stepped, WorkerError> {
        let polled = match self.left.take() {
            Some(polled) => polled,
            None => match self.poll()? {
                Ok(polled) => polled,
                Err(nothing) => {
                    span.record("idle", true);
                    return Ok(nothing);
                }
            },
        };
        span.record("records", polled.batch.len());
        span.record("bytes", polled.batch.payload_bytes());
        match self.prepare(polled, interrupted)? {
            Some(prepared) => self.submit(prepared),
            None => Ok(Stepped::Idle(None)),
        }
    }

    /// Hands a batch to the producer. Where more than counting happens to records that are refused, it is kept as it was
    /// polled until it is acknowledged.
    fn submit(&mut self, prepared: Prepared) -> Result<Stepped, WorkerError> {
        let Prepared {
            batch,
            inputs,
            positions,
            polled,
            end,
        } = prepared;
        if !batch.is_empty() {
            self.creator.ensure(&batch.topics)?;
        }
        let kept = self.failures.reports().then(|| positions.clone());
        let (mut new_groups, groups) = positions.groups(&batch, inputs.as_deref());
        let sent = kept.map(|positions| {
            // As much again is kept of them beside what is sent.
            new_groups.iter_mut().for_each(|group| group.bytes *= 2);
            Arc::new(Sent {
                polled,
                positions,
                inputs,
            })
        });
        self.abandoned.check()?;
        let count = u32::try_from(new_groups.len()).unwrap_or(u32::MAX);
        self.progress.measures().went(batch.payload_bytes());
        let first = self.submitted.register(new_groups, sent.as_ref());
        let acknowledge: Arc<dyn Acknowledge> = Arc::clone(&self.submitted) as _;
        let _span = tracing::debug_span!(target: "tidegate::span", "submit").entered();
        let submitted = self
            .producer
            .submit(&batch, &groups, first, count, &acknowledge);
        match submitted {
            // Its group was told, which counts and logs it; the others are on their way.
            Err(error) if self.failures.tolerant() && error.class() == ErrorClass::Data => {}
            submitted => submitted?,
        }
        if !batch.is_empty() {
            self.topics.used(&batch.topics);
        }
        end.map_or(Ok(Stepped::Moved), Err)
    }

    /// Deals with the records that the producer refused, where that is tolerated, so that their offsets may pass.
    pub fn deal_with_refused(&mut self) -> Result<(), WorkerError> {
        for group in self.submitted.take_refused() {
            let sent = &group.sent;
            let inputs = sent.inputs.as_deref();
            let error = &group.refused.error;
            let rows = group.refused.rows.iter();
            let failed = rows.map(|row| {
                let row = input_of(inputs, *row as usize);
                Failed::new(row, &PRODUCE, error.class(), error.to_string())
            });
            let json = self.json.as_mut();
            let mut rows = SourceRows::new(&sent.polled, None, &sent.positions, json);
            self.failures.report_refused(failed.collect(), &mut rows)?;
            self.submitted.dealt_with(&group);
        }
        Ok(())
    }

    /// Polls once; or what to do when that found nothing.
    fn poll(&mut self) -> Result<Result<Polled, Stepped>, WorkerError> {
        let begun = Instant::now();
        let span = tracing::debug_span!(target: "tidegate::span", "poll", idle = Empty);
        let _entered = span.clone().entered();
        let share = self.turns.share();
        let (records, bytes) = share.batch(POLL_RECORDS_MAX as usize, POLL_BYTES_MAX as usize);
        let wanted = |most: usize| u32::try_from(most).unwrap_or(u32::MAX);
        let polled = match self.instance.poll(wanted(records), wanted(bytes)) {
            Ok(polled) => polled,
            Err(error) => return self.poll_failed(error).map(Err),
        };
        self.poll_failed = false;
        self.abandoned.check()?;
        if polled.batch.is_empty() {
            span.record("idle", true);
            let wait = Duration::from_millis(polled.wait_ms.into());
            return Ok(Err(Stepped::Idle((!wait.is_zero()).then_some(wait))));
        }
        let measures = self.progress.measures();
        measures.called(polled.batch.len(), begun.elapsed());
        let bytes = polled.batch.payload_bytes();
        measures.came(bytes);
        share.moved(polled.batch.len(), bytes);
        self.progress.took(polled.batch.len());
        Ok(Ok(Polled {
            batch: polled.batch,
            positions: PolledPositions {
                partitions: polled.source_partitions,
                partition_of: polled.source_partition_indexes,
                offsets: polled.source_offsets,
            },
        }))
    }

    /// Transforms and converts a batch, and leaves out what failed, as far as that is tolerated. `None`: it was
    /// interrupted, and the batch is left for the next step.
    fn prepare(
        &mut self,
        polled: Polled,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Option<Prepared>, WorkerError> {
        let trying = self.failures.retry.until(interrupted);
        let Polled { batch, positions } = polled;
        let polled_count = batch.len();
        let keeps = self.failures.keep_originals() || trying.is_on();
        let kept = keeps.then(|| batch.clone());
        let mut failed = Vec::new();
        let transformed = {
            let idle = self.chain.is_empty();
            let span = tracing::debug_span!(target: "tidegate::span", "transforms", idle);
            let _entered = span.entered();
            self.chain.apply(batch, &mut failed, trying)
        };
        let transformed = transformed
            .map_err(|error| error.in_hand(|| format!("{polled_count} polled records")))?;
        let Some(Transformed { mut batch, inputs }) = transformed else {
            self.left = kept.map(|batch| Polled { batch, positions });
            return Ok(None);
        };
        batch.forget_unused_topics();
        let own = |topic: &&String| self.own_topics.iter().any(|own| own.as_str() == *topic);
        if let Some(topic) = batch.topics.iter().find(own) {
            return Err(WorkerError::OwnTopic(topic.clone()));
        }
        let dropped = Transformed::dropped(&batch, inputs.as_deref(), polled_count, failed.len());
        let mut unconverted = Vec::new();
        let encoded = {
            let _span = tracing::debug_span!(target: "tidegate::span", "converters").entered();
            self.converters.encode(batch, &mut unconverted, trying)
        };
        let Some((batch, replaced)) = encoded else {
            self.left = kept.map(|batch| Polled { batch, positions });
            return Ok(None);
        };
        self.progress.filtered(dropped);
        let prepared = Prepared {
            batch,
            inputs,
            positions,
            polled: kept.unwrap_or_default(),
            end: None,
        };
        let first = prepared.first_failed(&failed, &unconverted);
        match self.report(failed, &mut unconverted, &prepared, replaced) {
            Ok(()) => Ok(Some(prepared.without(&unconverted))),
            // As with Kafka Connect, the records before it are delivered.
            Err(error @ WorkerError::Record { .. }) if first > 0 => {
                Ok(Some(prepared.before(first, error)))
            }
            Err(error) => Err(error),
        }
    }

    /// Deals with what failed in transforms, of the batch as polled, and in converters, of the batch prepared. Where
    /// nothing is tolerated, the first record counts, whatever it failed in.
    fn report(
        &mut self,
        mut failed: Vec<Failed>,
        unconverted: &mut Vec<Failed>,
        prepared: &Prepared,
        replaced: Replaced,
    ) -> Result<(), WorkerError> {
        if failed.is_empty() && unconverted.is_empty() {
            return Ok(());
        }
        let (positions, inputs) = (&prepared.positions, prepared.inputs.as_deref());
        let transformed = before_conversion(&prepared.batch, replaced);
        let first = |failed: &[Failed], input: &dyn Fn(usize) -> usize| {
            failed.iter().map(|failure| input(failure.row)).min()
        };
        let input = |row| input_of(inputs, row);
        let converters_first = match (first(unconverted, &input), first(&failed, &|row| row)) {
            (Some(unconverted), Some(failed)) => unconverted < failed,
            (unconverted, _) => unconverted.is_some(),
        };
        for of_converters in [converters_first, !converters_first] {
            let (failed, batch, inputs) = match of_converters {
                true => (&mut *unconverted, &transformed, inputs),
                false => (&mut failed, &prepared.polled, None),
            };
            let mut rows = SourceRows::new(batch, inputs, positions, self.json.as_mut());
            self.failures.report(failed, &mut rows)?;
        }
        Ok(())
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
            ErrorClass::Data if self.failures.tolerant() => {
                self.progress.failed(1);
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
}

impl Prepared {
    /// The first polled record that failed; 0 when none did.
    fn first_failed(&self, failed: &[Failed], unconverted: &[Failed]) -> usize {
        let inputs = self.inputs.as_deref();
        let failed = failed.iter().map(|failure| failure.row);
        let unconverted = unconverted.iter();
        let unconverted = unconverted.map(|failure| input_of(inputs, failure.row));
        failed.chain(unconverted).min().unwrap_or(0)
    }

    /// What came of the first polled records; behind them the task ends.
    fn before(self, count: usize, end: WorkerError) -> Self {
        let inputs = self.inputs.as_deref();
        let is_before = |row: &u32| input_of(inputs, *row as usize) < count;
        let rows: Vec<u32> = (0..).take(self.batch.len()).filter(is_before).collect();
        let before = rows.iter().map(|row| input_of(inputs, *row as usize));
        let before = before.filter_map(|input| u32::try_from(input).ok());
        Self {
            batch: self.batch.select(&rows),
            inputs: Some(before.collect()),
            positions: self.positions.first(count),
            polled: self.polled,
            end: Some(end),
        }
    }

    /// Without the records that could not be converted.
    fn without(self, unconverted: &[Failed]) -> Self {
        if unconverted.is_empty() {
            return self;
        }
        let good = rows_without(self.batch.len(), unconverted);
        let inputs = match &self.inputs {
            None => good.clone(),
            Some(inputs) => good
                .iter()
                .filter_map(|row| inputs.get(*row as usize).copied())
                .collect(),
        };
        Self {
            batch: self.batch.select(&good),
            inputs: Some(inputs),
            ..self
        }
    }
}

/// The polled record that a record came from.
fn input_of(inputs: Option<&[u32]>, row: usize) -> usize {
    inputs.map_or(row, |inputs| {
        inputs.get(row).map_or(0, |input| *input as usize)
    })
}
