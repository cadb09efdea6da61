//! Submitted records: which source offsets are safe to commit.
//!
//! Every polled batch is divided into groups, one for each source partition in it. The producer tells each
//! group once, when all its records are durable. An offset is safe when its group and all groups of the same
//! source partition before it are acknowledged: the longest acknowledged prefix. One source partition never
//! waits for another.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tidegate_broker::{Acknowledge, Refused};
use tidegate_model::limits::{IN_FLIGHT_BYTES_MAX, IN_FLIGHT_RECORDS_MAX};
use tokio::sync::Notify;

use crate::progress::Progress;

/// Records that were submitted and whose offsets are not all committed yet.
#[derive(Debug)]
pub struct Submitted {
    state: Mutex<State>,
    /// Told whenever a group is acknowledged.
    changed: Notify,
    progress: std::sync::Arc<Progress>,
    /// Whether a record that is refused is skipped (`errors.tolerance=all`) instead of failing the task.
    tolerant: bool,
}

#[derive(Debug, Default)]
struct State {
    next_group: u64,
    partitions: HashMap<Vec<u8>, VecDeque<Group>>,
    /// The source partition of each group that is not acknowledged yet.
    waiting: HashMap<u64, Vec<u8>>,
    records: usize,
    bytes: usize,
    failure: Option<String>,
}

#[derive(Debug)]
struct Group {
    id: u64,
    /// Where to go on after the group; none when the source gave no offset in it.
    offset: Option<Vec<u8>>,
    records: usize,
    bytes: usize,
    acknowledged: bool,
}

/// A group that is about to be submitted.
#[derive(Debug)]
pub struct NewGroup {
    /// The source partition, encoded.
    pub partition: Vec<u8>,
    /// The last source offset in the group, encoded.
    pub offset: Option<Vec<u8>>,
    /// How many records of it are submitted; transforms may have dropped all.
    pub records: usize,
    /// Their bytes.
    pub bytes: usize,
}

/// Source offsets by source partition, both encoded.
pub type Offsets = Vec<(Vec<u8>, Vec<u8>)>;

impl Submitted {
    pub fn new(progress: std::sync::Arc<Progress>, tolerant: bool) -> Self {
        Self {
            state: Mutex::default(),
            changed: Notify::new(),
            progress,
            tolerant,
        }
    }

    /// Takes groups in their order; returns the number of the first. They are acknowledged by number.
    pub fn register(&self, groups: Vec<NewGroup>) -> u64 {
        let mut state = self.lock();
        let first = state.next_group;
        for (id, group) in (first..).zip(groups) {
            let NewGroup {
                partition,
                offset,
                records,
                bytes,
            } = group;
            state.records += records;
            state.bytes += bytes;
            state.waiting.insert(id, partition.clone());
            state
                .partitions
                .entry(partition)
                .or_default()
                .push_back(Group {
                    id,
                    offset,
                    records,
                    bytes,
                    acknowledged: false,
                });
            state.next_group = id + 1;
        }
        first
    }

    /// Takes the offsets that are safe now and were not taken before.
    pub fn take_safe(&self) -> Offsets {
        let mut state = self.lock();
        let mut safe = Vec::new();
        for (partition, groups) in &mut state.partitions {
            let mut last = None;
            while groups.front().is_some_and(|group| group.acknowledged) {
                if let Some(offset) = groups.pop_front().and_then(|group| group.offset) {
                    last = Some(offset);
                }
            }
            if let Some(offset) = last {
                safe.push((partition.clone(), offset));
            }
        }
        state.partitions.retain(|_, groups| !groups.is_empty());
        safe
    }

    /// Records and bytes that wait for their acknowledgement.
    pub fn in_flight(&self) -> (usize, usize) {
        let state = self.lock();
        (state.records, state.bytes)
    }

    /// Whether more may be submitted: nothing failed, and neither too many records nor bytes are in flight.
    pub fn has_room(&self) -> bool {
        let state = self.lock();
        state.failure.is_none()
            && state.records < IN_FLIGHT_RECORDS_MAX
            && state.bytes < IN_FLIGHT_BYTES_MAX
    }

    /// The first failure that was told, once.
    pub fn take_failure(&self) -> Option<String> {
        self.lock().failure.take()
    }

    /// Resolves when a group was acknowledged after this call.
    pub fn changed(&self) -> tokio::sync::futures::Notified<'_> {
        self.changed.notified()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Acknowledge for Submitted {
    fn acknowledged(&self, id: u64, result: Result<(), Refused>) {
        let mut guard = self.lock();
        let state = &mut *guard;
        let Some(partition) = state.waiting.remove(&id) else {
            return;
        };
        let groups = state.partitions.get_mut(&partition);
        let group = groups.and_then(|groups| {
            let index = groups.binary_search_by_key(&id, |group| group.id).ok()?;
            groups.get_mut(index)
        });
        let Some(group) = group else {
            return;
        };
        state.records -= group.records;
        state.bytes -= group.bytes;
        match result {
            Ok(()) => {
                group.acknowledged = true;
                self.progress.gave(group.records);
            }
            Err(refused) if self.tolerant => {
                group.acknowledged = true;
                let skipped = refused.records.min(group.records);
                self.progress.gave(group.records - skipped);
                self.progress.skipped(skipped);
                tracing::error!(error = %refused.error, records = skipped, "Records were refused and are skipped.");
            }
            Err(refused) => {
                state.failure.get_or_insert_with(|| refused.to_string());
            }
        }
        self.progress.set_lag(state.records as u64);
        drop(guard);
        self.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use tidegate_broker::BrokerError;

    use super::*;

    fn refused() -> Refused {
        Refused {
            records: 1,
            error: BrokerError::Internal("too large".to_owned()),
        }
    }

    fn submitted(tolerant: bool) -> Submitted {
        Submitted::new(std::sync::Arc::default(), tolerant)
    }

    fn group(partition: &[u8], offset: Option<u8>) -> NewGroup {
        NewGroup {
            partition: partition.to_vec(),
            offset: offset.map(|offset| vec![offset]),
            records: 1,
            bytes: 10,
        }
    }

    #[test]
    fn an_offset_is_safe_only_when_all_before_it_are_acknowledged() {
        let submitted = submitted(false);
        let first = submitted.register(vec![
            group(b"p", Some(1)),
            group(b"p", Some(2)),
            group(b"p", Some(3)),
        ]);
        submitted.acknowledged(first + 1, Ok(()));
        assert_eq!(submitted.take_safe(), []);
        submitted.acknowledged(first, Ok(()));
        assert_eq!(submitted.take_safe(), [(b"p".to_vec(), vec![2])]);
        assert_eq!(submitted.take_safe(), []);
        assert_eq!(submitted.in_flight(), (1, 10));
        submitted.acknowledged(first + 2, Ok(()));
        assert_eq!(submitted.take_safe(), [(b"p".to_vec(), vec![3])]);
    }

    #[test]
    fn one_source_partition_does_not_wait_for_another() {
        let submitted = submitted(false);
        let first = submitted.register(vec![group(b"slow", Some(1)), group(b"fast", Some(7))]);
        submitted.acknowledged(first + 1, Ok(()));
        assert_eq!(submitted.take_safe(), [(b"fast".to_vec(), vec![7])]);
    }

    #[test]
    fn a_group_without_an_offset_holds_the_earlier_one() {
        let submitted = submitted(false);
        let first = submitted.register(vec![group(b"p", Some(1)), group(b"p", None)]);
        submitted.acknowledged(first, Ok(()));
        submitted.acknowledged(first + 1, Ok(()));
        assert_eq!(submitted.take_safe(), [(b"p".to_vec(), vec![1])]);
    }

    #[test]
    fn a_failure_keeps_the_offset_back_and_is_told() {
        let submitted = submitted(false);
        let first = submitted.register(vec![group(b"p", Some(1))]);
        submitted.acknowledged(first, Err(refused()));
        assert_eq!(submitted.take_safe(), []);
        assert!(
            submitted
                .take_failure()
                .is_some_and(|failure| failure.contains("too large"))
        );
    }

    #[test]
    fn a_tolerated_failure_lets_the_offset_pass() {
        let submitted = submitted(true);
        let first = submitted.register(vec![group(b"p", Some(1))]);
        submitted.acknowledged(first, Err(refused()));
        assert_eq!(submitted.take_safe(), [(b"p".to_vec(), vec![1])]);
        assert_eq!(submitted.take_failure(), None);
    }
}
