//! Counters of a task, written by the task and read by whoever shows them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

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
    /// Records waiting: submitted and not acknowledged, or not fetched yet as far as known.
    lag: AtomicU64,
    /// 1 when the task has what it works on: always for a source, partitions for a sink.
    joined: AtomicU64,
    /// 1 while a sink task is paused: what waits for it is not waited for.
    paused: AtomicU64,
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
    /// Records waiting: submitted and not acknowledged, or not fetched yet as far as known.
    pub lag: u64,
    /// How many tasks have what they work on: a sink has none before its group gave it partitions.
    pub joined: u64,
    /// How many sink tasks are paused.
    pub paused: u64,
}

impl Progress {
    pub(crate) fn took(&self, records: usize) {
        self.records_in.fetch_add(records as u64, Relaxed);
    }

    pub(crate) fn gave(&self, records: usize) {
        self.records_out.fetch_add(records as u64, Relaxed);
    }

    pub(crate) fn filtered(&self, records: usize) {
        self.filtered.fetch_add(records as u64, Relaxed);
    }

    pub(crate) fn skipped(&self, records: usize) {
        self.skipped.fetch_add(records as u64, Relaxed);
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

    /// The counters now.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            records_in: self.records_in.load(Relaxed),
            records_out: self.records_out.load(Relaxed),
            filtered: self.filtered.load(Relaxed),
            skipped: self.skipped.load(Relaxed),
            lag: self.lag.load(Relaxed),
            joined: self.joined.load(Relaxed),
            paused: self.paused.load(Relaxed),
        }
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.records_in += other.records_in;
        self.records_out += other.records_out;
        self.filtered += other.filtered;
        self.skipped += other.skipped;
        self.lag += other.lag;
        self.joined += other.joined;
        self.paused += other.paused;
    }
}
