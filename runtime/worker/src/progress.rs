//! Counters of a task, written by the task and read by whoever shows them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tidegate_sandbox::StepCount;

use crate::measures::Measures;

/// What a task has done since it started.
#[derive(Debug, Default)]
pub struct Progress {
    /// Records taken: polled by a source, fetched by a sink.
    records_in: AtomicU64,
    /// Records given: acknowledged for a source, put for a sink.
    records_out: AtomicU64,
    /// Records dropped by a transform.
    filtered: AtomicU64,
    /// Records skipped because they failed and `errors.tolerance` is `all`.
    skipped: AtomicU64,
    /// Tries that failed: each try of an operation on a record.
    failures: AtomicU64,
    /// Records that failed for good.
    errors: AtomicU64,
    /// Tries after a failure that may pass.
    retries: AtomicU64,
    /// Errors that were logged.
    logged: AtomicU64,
    /// Records handed to the dead letter queue.
    dead_letters: AtomicU64,
    /// Records that it did not take.
    dead_letters_refused: AtomicU64,
    /// When a record last failed, in milliseconds since the epoch; 0: never.
    last_error_ms: AtomicU64,
    /// Records waiting: submitted and not acknowledged, or not fetched yet as far as known.
    lag: AtomicU64,
    /// 1 when the task has what it works on: always for a source, partitions for a sink.
    joined: AtomicU64,
    /// 1 while a sink task is paused: what waits for it is not waited for.
    paused: AtomicU64,
    /// 1 while a source task waits because a cap of its connector is used up.
    held: AtomicU64,
    /// What is measured beside.
    measures: Measures,
    /// The transforms of its chain, in order, once that is made.
    transforms: OnceLock<Vec<Arc<TransformProgress>>>,
}

/// What a transform of a task has done since the task started. What comes again after a fault counts again.
#[derive(Debug)]
pub(crate) struct TransformProgress {
    alias: Arc<str>,
    records: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
    nanoseconds: AtomicU64,
}

/// The counters of a transform at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransformCounts {
    /// Its name in the connector's configuration.
    pub alias: Arc<str>,
    /// Records that it was applied to.
    pub records: u64,
    /// Records that it dropped.
    pub dropped: u64,
    /// Records that failed in it, or in its predicate. Of several transforms of one component that were ended by a
    /// trap, the first counts it.
    pub failed: u64,
    /// How long it took, with its predicate, in nanoseconds.
    pub nanoseconds: u64,
}

/// The counters of one or more tasks at one time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records taken: polled by a source, fetched by a sink.
    pub records_in: u64,
    /// Records given: acknowledged for a source, put for a sink.
    pub records_out: u64,
    /// Records dropped by a transform.
    pub filtered: u64,
    /// Records skipped because they failed and `errors.tolerance` is `all`.
    pub skipped: u64,
    /// Tries that failed: each try of an operation on a record.
    pub failures: u64,
    /// Records that failed for good.
    pub errors: u64,
    /// Tries after a failure that may pass.
    pub retries: u64,
    /// Errors that were logged.
    pub logged: u64,
    /// Records handed to the dead letter queue.
    pub dead_letters: u64,
    /// Records that it did not take.
    pub dead_letters_refused: u64,
    /// When a record last failed, in milliseconds since the epoch; 0: never.
    pub last_error_ms: u64,
    /// Records waiting: submitted and not acknowledged, or not fetched yet as far as known.
    pub lag: u64,
    /// How many tasks have what they work on: a sink has none before its group gave it partitions.
    pub joined: u64,
    /// How many sink tasks are paused.
    pub paused: u64,
    /// How many source tasks wait because a cap of their connector is used up.
    pub held: u64,
}

impl TransformProgress {
    pub(crate) fn of(alias: &str) -> Self {
        Self {
            alias: alias.into(),
            records: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            nanoseconds: AtomicU64::new(0),
        }
    }

    pub(crate) fn alias(&self) -> &str {
        &self.alias
    }

    /// It did this.
    pub(crate) fn did(&self, step: &StepCount) {
        self.records.fetch_add(step.records as u64, Relaxed);
        self.dropped.fetch_add(step.dropped as u64, Relaxed);
        self.took(step.time);
    }

    pub(crate) fn took(&self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Relaxed);
    }

    pub(crate) fn failed(&self, records: usize) {
        self.failed.fetch_add(records as u64, Relaxed);
    }

    fn counts(&self) -> TransformCounts {
        TransformCounts {
            alias: Arc::clone(&self.alias),
            records: self.records.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            failed: self.failed.load(Relaxed),
            nanoseconds: self.nanoseconds.load(Relaxed),
        }
    }
}

impl TransformCounts {
    /// Adds those of other tasks of the same connector; each transform stays at its place.
    pub fn add_all(sums: &mut Vec<Self>, others: Vec<Self>) {
        for other in others {
            match sums.iter_mut().find(|sum| sum.alias == other.alias) {
                None => sums.push(other),
                Some(sum) => {
                    sum.records += other.records;
                    sum.dropped += other.dropped;
                    sum.failed += other.failed;
                    sum.nanoseconds += other.nanoseconds;
                }
            }
        }
    }
}

impl Progress {
    /// The task has these transforms.
    pub(crate) fn set_transforms(&self, transforms: Vec<Arc<TransformProgress>>) {
        // A task makes its chain once.
        self.transforms.get_or_init(|| transforms);
    }

    /// What its transforms have done, in the order of its chain.
    #[must_use]
    pub fn transforms(&self) -> Vec<TransformCounts> {
        let transforms = self.transforms.get().into_iter().flatten();
        transforms.map(|transform| transform.counts()).collect()
    }

    /// What is measured beside.
    #[must_use]
    pub fn measures(&self) -> &Measures {
        &self.measures
    }

    pub(crate) fn took(&self, records: usize) {
        self.measures.taken.add(records as u64);
        self.records_in.fetch_add(records as u64, Relaxed);
    }

    pub(crate) fn gave(&self, records: usize) {
        self.measures.given.add(records as u64);
        self.records_out.fetch_add(records as u64, Relaxed);
    }

    pub(crate) fn filtered(&self, records: usize) {
        self.filtered.fetch_add(records as u64, Relaxed);
    }

    pub(crate) fn skipped(&self, records: usize) {
        self.skipped.fetch_add(records as u64, Relaxed);
    }

    /// Records failed for good, now.
    pub(crate) fn failed(&self, records: usize) {
        self.failed_attempts(records);
        self.errors.fetch_add(records as u64, Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
        self.last_error_ms.store(now, Relaxed);
    }

    /// Tries of operations on records failed.
    pub(crate) fn failed_attempts(&self, records: usize) {
        self.failures.fetch_add(records as u64, Relaxed);
    }

    pub(crate) fn retried(&self, records: usize) {
        self.retries.fetch_add(records as u64, Relaxed);
    }

    pub(crate) fn logged(&self, errors: usize) {
        self.logged.fetch_add(errors as u64, Relaxed);
    }

    pub(crate) fn dead_letters(&self, records: usize) {
        self.dead_letters.fetch_add(records as u64, Relaxed);
    }

    pub(crate) fn dead_letters_refused(&self, records: usize) {
        self.dead_letters_refused.fetch_add(records as u64, Relaxed);
    }

    pub(crate) fn set_lag(&self, records: u64) {
        self.lag.store(records, Relaxed);
    }

    pub(crate) fn set_joined(&self, joined: bool) {
        self.joined.store(joined.into(), Relaxed);
    }

    pub(crate) fn set_paused(&self, paused: bool) {
        self.paused.store(paused.into(), Relaxed);
    }

    pub(crate) fn set_held(&self, held: bool) {
        self.held.store(held.into(), Relaxed);
    }

    /// The counters now.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            records_in: self.records_in.load(Relaxed),
            records_out: self.records_out.load(Relaxed),
            filtered: self.filtered.load(Relaxed),
            skipped: self.skipped.load(Relaxed),
            failures: self.failures.load(Relaxed),
            errors: self.errors.load(Relaxed),
            retries: self.retries.load(Relaxed),
            logged: self.logged.load(Relaxed),
            dead_letters: self.dead_letters.load(Relaxed),
            dead_letters_refused: self.dead_letters_refused.load(Relaxed),
            last_error_ms: self.last_error_ms.load(Relaxed),
            lag: self.lag.load(Relaxed),
            joined: self.joined.load(Relaxed),
            paused: self.paused.load(Relaxed),
            held: self.held.load(Relaxed),
        }
    }
}

impl Counts {
    /// Records that the dead letter queue took, or has on their way.
    #[must_use]
    pub fn dead_lettered(&self) -> u64 {
        self.dead_letters.saturating_sub(self.dead_letters_refused)
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.records_in += other.records_in;
        self.records_out += other.records_out;
        self.filtered += other.filtered;
        self.skipped += other.skipped;
        self.failures += other.failures;
        self.errors += other.errors;
        self.retries += other.retries;
        self.logged += other.logged;
        self.dead_letters += other.dead_letters;
        self.dead_letters_refused += other.dead_letters_refused;
        self.last_error_ms = self.last_error_ms.max(other.last_error_ms);
        self.lag += other.lag;
        self.joined += other.joined;
        self.paused += other.paused;
        self.held += other.held;
    }
}
