//! The dead letter queue of a task: a topic that keeps the records which failed.
//!
//! A batch of letters is handed to a producer and acknowledged by it later. At most
//! `task.in.flight.records.max` records and `task.in.flight.bytes.max` bytes wait for that, and one batch more; then the task
//! waits. What the topic refuses fails the task with its next step or commit, whichever comes first.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tidegate_broker::{Acknowledge, Admin, NewTopic, Producer, Properties, Refused};
use tidegate_config::connector::DlqConfig;
use tidegate_config::limits::InFlightLimits;
use tidegate_model::{Batch, Column, ErrorClass, TaskId, TopicName};

use crate::error::WorkerError;
use crate::failures::{Failed, Originals};
use crate::progress::Progress;
use crate::task::Abandoned;

/// How often a wait looks whether the task was given up.
const LOOK: Duration = Duration::from_millis(100);
/// How many headers tell what failed.
const CONTEXT_HEADERS: u32 = 10;

/// The dead letter queue of a task.
pub struct DeadLetters {
    topic: TopicName,
    producer: Arc<dyn Producer>,
    context: Option<Context>,
    sent: Arc<Sent>,
    /// How long acknowledgements are waited for before a commit.
    settle_timeout: Duration,
    abandoned: Abandoned,
}

/// What the headers say of the task.
struct Context {
    connector: String,
    task: String,
}

/// What was handed to the producer.
struct Sent {
    topic: TopicName,
    limits: InFlightLimits,
    state: Mutex<State>,
    changed: Condvar,
    progress: Arc<Progress>,
}

#[derive(Default)]
struct State {
    next: u64,
    /// What is not acknowledged.
    waiting: BTreeMap<u64, Waiting>,
    records: usize,
    bytes: usize,
    /// Why the first record that was refused was.
    refused: Option<String>,
}

/// What a record does that the queue refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusals {
    /// It fails the task.
    Fail,
    /// It is logged and counted.
    Pass,
}

/// A batch of letters on its way.
struct Waiting {
    records: usize,
    bytes: usize,
    refusals: Refusals,
}

/// What a queue is made of.
pub struct NewDeadLetters<'a> {
    pub task: &'a TaskId,
    pub config: &'a DlqConfig,
    pub producer: Arc<dyn Producer>,
    pub settle_timeout: Duration,
    pub limits: InFlightLimits,
    pub progress: Arc<Progress>,
    pub abandoned: Abandoned,
}

impl DeadLetters {
    /// Opens the queue; its topic is created when it is missing. Blocks.
    ///
    /// # Errors
    /// When the topic cannot be created.
    pub fn open(admin: &dyn Admin, new: NewDeadLetters<'_>) -> Result<Self, WorkerError> {
        create(admin, new.config)?;
        let context = new.config.context_headers.then(|| Context {
            connector: new.task.connector.to_string(),
            task: new.task.task.to_string(),
        });
        let topic = new.config.topic.clone();
        Ok(Self {
            topic: topic.clone(),
            producer: new.producer,
            context,
            sent: Arc::new(Sent {
                topic,
                limits: new.limits,
                state: Mutex::default(),
                changed: Condvar::new(),
                progress: new.progress,
            }),
            settle_timeout: new.settle_timeout,
            abandoned: new.abandoned,
        })
    }

    /// Hands records that failed to the producer.
    ///
    /// # Errors
    /// When the queue refused a record, this or an earlier one.
    pub fn send(
        &mut self,
        failed: &[Failed],
        originals: &mut dyn Originals,
        refusals: Refusals,
    ) -> Result<(), WorkerError> {
        self.sent.progress.dead_letters(failed.len());
        let rows: Vec<u32> = failed
            .iter()
            .filter_map(|failure| failure.row.try_into().ok())
            .collect();
        let mut unfit = Vec::new();
        let mut letters = originals.letters(&rows, &mut unfit);
        self.sent.progress.dead_letters_refused(unfit.len());
        let mut is_unfit = vec![false; failed.len()];
        for (index, reason) in unfit {
            tracing::error!(topic = %self.topic, reason,
                "A record that failed cannot be written to the dead letter queue either; it is lost.");
            if let Some(unfit) = is_unfit.get_mut(index) {
                *unfit = true;
            }
        }
        let written = failed.iter().zip(is_unfit);
        let written: Vec<_> = written
            .filter_map(|(failure, unfit)| (!unfit).then_some(failure))
            .collect();
        if written.is_empty() {
            return self.check();
        }
        letters.topics = vec![self.topic.as_str().to_owned()];
        letters.topic_indexes = Vec::new();
        letters.partitions = Vec::new();
        letters.offsets = Vec::new();
        if let Some(context) = &self.context {
            context.add(&mut letters, &written, originals);
        }
        self.submit(&letters, refusals)
    }

    fn submit(&self, letters: &Batch, refusals: Refusals) -> Result<(), WorkerError> {
        self.sent.wait_for_room(&self.abandoned)?;
        self.abandoned.check()?;
        let group = self.sent.register(Waiting {
            records: letters.count,
            bytes: letters.payload_bytes(),
            refusals,
        });
        let to: Arc<dyn Acknowledge> = Arc::clone(&self.sent) as _;
        let submitted = self.producer.submit(letters, &[], group, 1, &to);
        self.check()?;
        match submitted {
            // What is refused was told to the group, with how many records.
            Err(error) if error.class() != ErrorClass::Data => {
                Err(self.sent.failure(&error.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// Whether nothing was refused so far.
    ///
    /// # Errors
    /// When the queue refused a record.
    pub fn check(&self) -> Result<(), WorkerError> {
        self.sent.check(&self.sent.lock())
    }

    /// Waits until all is acknowledged; `false`: not in time.
    ///
    /// # Errors
    /// When the queue refused a record.
    pub fn settle(&self) -> Result<bool, WorkerError> {
        let deadline = Instant::now() + self.settle_timeout;
        let mut state = self.sent.lock();
        loop {
            self.sent.check(&state)?;
            let left = deadline.saturating_duration_since(Instant::now());
            if state.waiting.is_empty() || left.is_zero() {
                return Ok(state.waiting.is_empty());
            }
            state = self.sent.wait(state, left);
        }
    }
}

/// Creates the topic unless it is there.
fn create(admin: &dyn Admin, config: &DlqConfig) -> Result<(), WorkerError> {
    let topic = &config.topic;
    let cannot = |error| WorkerError::DeadLetterTopic {
        topic: topic.to_string(),
        replication_factor: config.replication_factor,
        error,
    };
    if admin.topics(true).map_err(cannot)?.contains(topic) {
        return Ok(());
    }
    let new = NewTopic {
        name: topic.clone(),
        partitions: 1,
        replication_factor: config.replication_factor,
        config: Properties::new(),
    };
    if admin.create_topic(&new).map_err(cannot)? {
        tracing::info!(%topic, "The topic of the dead letter queue was created.");
    }
    Ok(())
}

impl Context {
    /// Adds the headers that tell what failed, behind those that the records have.
    fn add(&self, letters: &mut Batch, failed: &[&Failed], originals: &mut dyn Originals) {
        let old = std::mem::take(&mut letters.headers);
        let mut old_headers = old.keys.iter().zip(old.values.iter());
        let headers = &mut letters.headers;
        headers.counts.reserve(failed.len());
        for (index, failure) in failed.iter().enumerate() {
            let count = old.counts.get(index).copied().unwrap_or(0);
            for (key, value) in old_headers.by_ref().take(count as usize) {
                headers.keys.push(key);
                headers.values.push(value);
            }
            headers.counts.push(count + CONTEXT_HEADERS);
            self.push(&mut headers.keys, &mut headers.values, failure, originals);
        }
    }

    fn push(
        &self,
        keys: &mut Column,
        values: &mut Column,
        failure: &Failed,
        originals: &mut dyn Originals,
    ) {
        let place = originals.place(failure.row);
        let operation = &failure.operation;
        let texts = [
            ("__connect.errors.topic", place.topic),
            ("__connect.errors.partition", &place.partition),
            ("__connect.errors.offset", &place.offset),
            ("__connect.errors.connector.name", &self.connector),
            ("__connect.errors.task.id", &self.task),
            ("__connect.errors.stage", operation.stage.name()),
            ("__connect.errors.class.name", &operation.class),
            ("__connect.errors.exception.class.name", failure.exception()),
            ("__connect.errors.exception.message", &failure.message),
        ];
        for (key, value) in texts {
            keys.push(Some(key.as_bytes()));
            values.push(Some(value.as_bytes()));
        }
        keys.push(Some(b"__connect.errors.exception.stacktrace"));
        let begin = values.begin();
        failure.stack_trace(&mut values.bytes);
        values.end(begin);
    }
}

impl Sent {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, limit: Duration) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_timeout(state, limit.min(LOOK));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn check(&self, state: &State) -> Result<(), WorkerError> {
        match &state.refused {
            Some(reason) => Err(self.failure(reason)),
            None => Ok(()),
        }
    }

    fn failure(&self, reason: &str) -> WorkerError {
        WorkerError::DeadLetter {
            topic: self.topic.to_string(),
            reason: reason.to_owned(),
        }
    }

    fn wait_for_room(&self, abandoned: &Abandoned) -> Result<(), WorkerError> {
        let mut state = self.lock();
        while state.records >= self.limits.in_flight_records_max
            || state.bytes >= self.limits.in_flight_bytes_max
        {
            abandoned.check()?;
            self.check(&state)?;
            state = self.wait(state, LOOK);
        }
        Ok(())
    }

    fn register(&self, batch: Waiting) -> u64 {
        let mut state = self.lock();
        let group = state.next;
        state.next += 1;
        state.records += batch.records;
        state.bytes += batch.bytes;
        state.waiting.insert(group, batch);
        group
    }
}

impl Acknowledge for Sent {
    fn acknowledged(&self, group: u64, result: Result<(), Refused>) {
        let mut state = self.lock();
        let Some(batch) = state.waiting.remove(&group) else {
            return;
        };
        state.records -= batch.records;
        state.bytes -= batch.bytes;
        if let Err(Refused { rows, error }) = result {
            let records = rows.len().min(batch.records);
            self.progress.dead_letters_refused(records);
            match batch.refusals {
                Refusals::Fail => {
                    state.refused.get_or_insert_with(|| error.to_string());
                }
                Refusals::Pass => tracing::error!(topic = %self.topic, %error, records,
                    "Records that their topics refused are refused by the dead letter queue too; they are lost."),
            }
        }
        drop(state);
        self.changed.notify_all();
    }
}
