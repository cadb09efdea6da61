//! A topic and its partitions in memory.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde::{Deserialize, Serialize};
use tidegate_model::TopicName;

use super::settings::TopicSettings;
use super::signal::Signal;
use crate::Properties;

/// What the store keeps of a topic.
#[derive(Debug, Serialize, Deserialize)]
pub struct TopicRecord {
    /// Its number, never used again.
    pub id: u32,
    /// How many partitions.
    pub partitions: i32,
    /// Its configuration as it was given.
    pub config: Properties,
}

/// A topic.
#[derive(Debug)]
pub struct Topic {
    /// Its number.
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
    /// Makes a topic whose partitions have these states.
    pub fn new(
        name: TopicName,
        record: &TopicRecord,
        settings: TopicSettings,
        states: impl Fn(i32) -> State,
    ) -> Arc<Self> {
        Arc::new(Self {
            id: record.id,
            name,
            settings,
            partitions: (0..record.partitions)
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

impl State {
    /// As bytes: four little-endian numbers.
    pub fn encode(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let numbers = [
            self.first.cast_unsigned(),
            self.next.cast_unsigned(),
            self.bytes,
            self.dirty,
        ];
        for (place, number) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(numbers) {
            *place = number.to_le_bytes();
        }
        bytes
    }

    /// From bytes.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let [first, next, size, dirty] = bytes.as_chunks::<8>().0 else {
            return None;
        };
        Some(Self {
            first: i64::from_le_bytes(*first),
            next: i64::from_le_bytes(*next),
            bytes: u64::from_le_bytes(*size),
            dirty: u64::from_le_bytes(*dirty),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_found_again() {
        let state = State {
            first: 1,
            next: i64::MAX,
            bytes: 3,
            dirty: 4,
        };
        assert_eq!(State::decode(&state.encode()), Some(state));
        assert_eq!(State::decode(&[0; 31]), None);
    }
}
