//! What is measured of a task beside its counters: batches, calls, commits, states, and what its guests use. Each is
//! written once for a batch or less often, and read by whoever shows it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tidegate_sandbox::Usage;

use crate::state_times::StateTimes;
use crate::window::Window;

/// What is measured of a task since it started.
#[derive(Debug, Default)]
pub struct Measures {
    /// The records of each batch: polled from a source, put to a sink.
    pub batches: Window,
    /// How long each of these polls and puts took, in milliseconds.
    pub calls: Window,
    /// Records taken: polled by a source, fetched by a sink.
    pub taken: Window,
    /// Records given: acknowledged for a source, put for a sink.
    pub given: Window,
    /// Records that are under way: not acknowledged by the broker, or not committed by the sink.
    pub active: Window,
    /// How long each commit of offsets took, in milliseconds.
    pub commits: Window,
    /// How long the task has been in which state.
    pub states: StateTimes,
    /// What its guests have used.
    pub usage: Arc<Usage>,
    active_now: AtomicU64,
    commits_failed: AtomicU64,
    partitions: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

impl Measures {
    /// A poll or a put of so many records took so long.
    pub(crate) fn called(&self, records: usize, time: Duration) {
        self.batches.add(records as u64);
        self.calls.add_time(time);
    }

    /// So many bytes of records came: from the source's guest, or from the topic.
    pub(crate) fn came(&self, bytes: usize) {
        self.bytes_in.fetch_add(bytes as u64, Relaxed);
    }

    /// So many bytes of records went: to the topic, or to the sink's guest.
    pub(crate) fn went(&self, bytes: usize) {
        self.bytes_out.fetch_add(bytes as u64, Relaxed);
    }

    /// So many records are under way.
    pub(crate) fn set_active(&self, records: u64) {
        self.active_now.store(records, Relaxed);
        self.active.add(records);
    }

    /// So many more are.
    pub(crate) fn add_active(&self, records: usize) {
        self.set_active(self.active_now() + records as u64);
    }

    /// A commit of offsets took so long.
    pub(crate) fn committed(&self, time: Duration, done: bool) {
        self.commits.add_time(time);
        if !done {
            self.commits_failed.fetch_add(1, Relaxed);
        }
    }

    pub(crate) fn set_partitions(&self, partitions: usize) {
        self.partitions.store(partitions as u64, Relaxed);
    }

    /// Records that are under way now.
    #[must_use]
    pub fn active_now(&self) -> u64 {
        self.active_now.load(Relaxed)
    }

    /// Commits of offsets that failed.
    #[must_use]
    pub fn commits_failed(&self) -> u64 {
        self.commits_failed.load(Relaxed)
    }

    /// Topic partitions that a sink has.
    #[must_use]
    pub fn partitions(&self) -> u64 {
        self.partitions.load(Relaxed)
    }

    /// The bytes of the records that came and that went.
    #[must_use]
    pub fn bytes(&self) -> (u64, u64) {
        (self.bytes_in.load(Relaxed), self.bytes_out.load(Relaxed))
    }
}

/// How often something was started, and how often that failed.
#[derive(Debug, Default)]
pub struct Startups {
    attempts: AtomicU64,
    failures: AtomicU64,
    successes: AtomicU64,
}

impl Startups {
    /// It is being started.
    pub fn attempt(&self) {
        self.attempts.fetch_add(1, Relaxed);
    }

    /// It has started, or failed to.
    pub fn ended(&self, well: bool) {
        let count = if well {
            &self.successes
        } else {
            &self.failures
        };
        count.fetch_add(1, Relaxed);
    }

    /// Attempts, successes and failures.
    #[must_use]
    pub fn counts(&self) -> (u64, u64, u64) {
        let count = |count: &AtomicU64| count.load(Relaxed);
        (
            count(&self.attempts),
            count(&self.successes),
            count(&self.failures),
        )
    }
}
