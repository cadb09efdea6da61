//! A topic and its partitions in memory.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tidegate_model::TopicName;

use super::settings::TopicSettings;
use super::signal::Signal;

/// A topic.
#[derive(Debug)]
pub struct Topic {
    /// Its number, never used again.
    pub id: u32,
    /// Its name.
    pub name: TopicName,
    /// What its configuration means.
    pub settings: TopicSettings,
    /// Its partitions.
    pub partitions: Vec<Partition>,
    /// Set when it is deleted: those who still hold it find nothing more.
    pub deleted: AtomicBool,
}

/// A partition. Changed only under the log's writer lock; read by anyone.
#[derive(Debug, Default)]
pub struct Partition {
    first: AtomicI64,
    next: AtomicI64,
    bytes: AtomicU64,
    dirty: AtomicU64,
    waiting: Mutex<Vec<Weak<Signal>>>,
}

/// What the store keeps of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    /// The offset of the first record that is kept.
    pub first: i64,
    /// The offset of the next record.
    pub next: i64,
    /// The bytes of its chunks.
    pub bytes: u64,
    /// The bytes that were written since the last compaction.
    pub dirty: u64,
}

impl Topic {
    /// Makes a topic of so many partitions, which have these states.
    pub fn new(
        id: u32,
        name: TopicName,
        settings: TopicSettings,
        partitions: i32,
        states: impl Fn(i32) -> State,
    ) -> Arc<Self> {
        Arc::new(Self {
            id,
            name,
            settings,
            partitions: (0..partitions)
                .map(|number| Partition::new(states(number)))
                .collect(),
            deleted: AtomicBool::new(false),
        })
    }

    /// How many partitions it has.
    pub fn count(&self) -> i32 {
        i32::try_from(self.partitions.len()).unwrap_or(i32::MAX)
    }

    /// A partition by its number.
    pub fn partition(&self, number: i32) -> Option<&Partition> {
        self.partitions.get(usize::try_from(number).ok()?)
    }

    /// Whether it was deleted.
    pub fn is_deleted(&self) -> bool {
        self.deleted.load(Ordering::Acquire)
    }
}

impl Partition {
    fn new(state: State) -> Self {
        let partition = Self::default();
        partition.set(state);
        partition
    }

    /// Its state now.
    pub fn state(&self) -> State {
        State {
            first: self.first(),
            next: self.next(),
            bytes: self.bytes.load(Ordering::Acquire),
            dirty: self.dirty.load(Ordering::Acquire),
        }
    }

    /// Takes a state that is durable.
    pub fn set(&self, state: State) {
        self.first.store(state.first, Ordering::Release);
        self.bytes.store(state.bytes, Ordering::Release);
        self.dirty.store(state.dirty, Ordering::Release);
        self.next.store(state.next, Ordering::Release);
    }

    /// The offset of the first record that is kept.
    pub fn first(&self) -> i64 {
        self.first.load(Ordering::Acquire)
    }

    /// The offset of the next record.
    pub fn next(&self) -> i64 {
        self.next.load(Ordering::Acquire)
    }

    /// Raises `signal` from now on when records are added.
    pub fn wake(&self, signal: &Arc<Signal>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|other| other.strong_count() > 0);
        waiting.push(Arc::downgrade(signal));
    }

    /// Raises `signal` no more.
    pub fn forget(&self, signal: &Arc<Signal>) {
        let gone = Arc::as_ptr(signal);
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|other| other.as_ptr() != gone && other.strong_count() > 0);
    }

    /// Tells all who wait that there is something new.
    pub fn raise(&self) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for signal in waiting.iter().filter_map(Weak::upgrade) {
            signal.raise();
        }
    }
}
