//! Submitted records: which source offsets are safe to commit.
//!
//! Every polled batch is divided into groups, one for each source partition that has records in it. The producer
//! tells each group once, when all its records are durable. An offset is safe when its group and all groups of the
//! same source partition before it are acknowledged: the longest acknowledged prefix. One source partition never
//! waits for another.
//!
//! | of a group | what is kept |
//! | --- | --- |
//! | not acknowledged | it counts as in flight |
//! | acknowledged, one before it is not | its offset, in one piece with those beside it that are acknowledged too |
//! | refused in part, where such records are dealt with | its records, until they are; then it counts as acknowledged |
//! | acknowledged like all before it | the newest offset of its source partition, until that is written |
//!
//! What is kept is limited by what is in flight and by the number of source partitions, not by the time between
//! two commits.

mod groups;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tidegate_broker::{Acknowledge, Refused};
use tidegate_config::limits::InFlightLimits;
use tidegate_model::Batch;
use tidegate_model::limits::IN_FLIGHT_PARTITIONS_MAX;
use tokio::sync::Notify;

use self::groups::{Partition, State, Told};
use crate::polled_positions::PolledPositions;
use crate::progress::Progress;

/// Records that were submitted and whose offsets are not all written yet.
#[derive(Debug)]
pub struct Submitted {
    state: Mutex<State>,
    /// Told whenever a group is acknowledged.
    changed: Notify,
    progress: Arc<Progress>,
    limits: InFlightLimits,
    /// Whether a record that is refused is skipped (`errors.tolerance=all`) instead of failing the task.
    tolerant: bool,
}

/// A batch that was submitted, as it was before: kept until it is acknowledged, in case records of it are refused.
#[derive(Debug)]
pub struct Sent {
    /// As it was polled.
    pub polled: Batch,
    pub positions: PolledPositions,
    /// For each record that was submitted the polled one it came from. None: record n came from record n.
    pub inputs: Option<Vec<u32>>,
}

/// A group some of whose records were refused.
#[derive(Debug)]
pub struct RefusedGroup {
    id: u64,
    partition: Partition,
    pub sent: Arc<Sent>,
    pub refused: Refused,
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

/// Offsets that are safe.
#[derive(Debug)]
pub struct Safe {
    /// By source partition, both encoded.
    pub offsets: Vec<(Vec<u8>, Vec<u8>)>,
    /// How often an offset had become safe.
    count: u64,
}

impl Submitted {
    pub fn new(progress: Arc<Progress>, tolerant: bool, limits: InFlightLimits) -> Self {
        Self {
            state: Mutex::default(),
            changed: Notify::new(),
            progress,
            limits,
            tolerant,
        }
    }

    /// Takes groups in their order; returns the number of the first. They are acknowledged by number. `sent`: what they
    /// were made of, where records that are refused are dealt with; their groups are then not acknowledged before
    /// [`Submitted::dealt_with`].
    pub fn register(&self, groups: Vec<NewGroup>, sent: Option<&Arc<Sent>>) -> u64 {
        let mut state = self.lock();
        let first = state.next_group;
        for group in groups {
            state.register(group, sent);
        }
        first
    }

    /// Whether records were refused that are to be dealt with.
    pub fn has_refused(&self) -> bool {
        !self.lock().refused.is_empty()
    }

    /// The groups some of whose records were refused, once.
    pub fn take_refused(&self) -> Vec<RefusedGroup> {
        std::mem::take(&mut self.lock().refused)
    }

    /// The refused records of a group are dealt with: its offset may pass, like those of the records that were not
    /// refused.
    pub fn dealt_with(&self, group: &RefusedGroup) {
        let mut state = self.lock();
        let groups = state.partitions.get(&group.partition);
        let index = groups.and_then(|groups| {
            groups
                .binary_search_by_key(&group.id, |known| known.id)
                .ok()
        });
        if let Some(index) = index {
            state.acknowledged(&group.partition, index);
        }
    }

    /// The offsets that are safe and not written yet.
    pub fn safe(&self) -> Safe {
        let state = self.lock();
        let pairs = state.safe.iter();
        Safe {
            offsets: pairs
                .map(|(partition, (_, offset))| (partition.to_vec(), offset.clone()))
                .collect(),
            count: state.safe_count,
        }
    }

    /// These offsets are written: they are forgotten, unless there is a newer one by now.
    pub fn written(&self, safe: &Safe) {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.safe.retain(|partition, (number, offset)| {
            let newer = *number > safe.count;
            if !newer {
                state.safe_bytes -= partition.len() + offset.len();
            }
            newer
        });
    }

    /// Whether offsets are to be written now, whenever the next commit is due: there are so many.
    pub fn must_write(&self) -> bool {
        self.lock().must_write()
    }

    /// How many records wait for their acknowledgement.
    pub fn in_flight(&self) -> usize {
        self.lock().records
    }

    /// Whether more may be submitted: nothing failed, and neither is too much in flight nor are there too many
    /// offsets that are not written.
    pub fn has_room(&self) -> bool {
        let state = self.lock();
        state.failure.is_none()
            && state.records < self.limits.in_flight_records_max
            && state.bytes < self.limits.in_flight_bytes_max
            && state.partitions.len() < IN_FLIGHT_PARTITIONS_MAX
            && !state.must_write()
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
        let Some(told) = state.told(id) else {
            return;
        };
        let Told {
            partition,
            index,
            records,
            sent,
        } = told;
        match result {
            Ok(()) => {
                state.acknowledged(&partition, index);
                self.progress.gave(records);
            }
            Err(refused) if self.tolerant => {
                let skipped = refused.rows.len().min(records);
                self.progress.gave(records - skipped);
                tracing::error!(error = %refused.error, records = skipped, "Records were refused and are skipped.");
                match sent {
                    Some(sent) => state.refused.push(RefusedGroup {
                        id,
                        partition,
                        sent,
                        refused,
                    }),
                    None => {
                        state.acknowledged(&partition, index);
                        self.progress.failed(skipped);
                        self.progress.skipped(skipped);
                    }
                }
            }
            Err(refused) => {
                state.failure.get_or_insert_with(|| refused.to_string());
            }
        }
        self.progress.set_lag(state.records as u64);
        self.progress.measures().set_active(state.records as u64);
        drop(guard);
        self.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use tidegate_broker::BrokerError;

    use super::*;
    use tidegate_model::limits::{IN_FLIGHT_BYTES_MAX, UNWRITTEN_PARTITIONS_MAX};

    fn refused() -> Refused {
        Refused {
            rows: vec![0],
            error: BrokerError::Internal("too large".to_owned()),
        }
    }

    fn submitted(tolerant: bool) -> Submitted {
        Submitted::new(Arc::default(), tolerant, InFlightLimits::default())
    }

    fn group(partition: &[u8], offset: Option<u8>) -> NewGroup {
        NewGroup {
            partition: partition.to_vec(),
            offset: offset.map(|offset| vec![offset]),
            records: 1,
            bytes: 10,
        }
    }

    /// What is safe, which is then written.
    fn take_safe(submitted: &Submitted) -> Vec<(Vec<u8>, Vec<u8>)> {
        let safe = submitted.safe();
        submitted.written(&safe);
        safe.offsets
    }

    #[test]
    fn an_offset_is_safe_only_when_all_before_it_are_acknowledged() {
        let submitted = submitted(false);
        let first = submitted.register(
            vec![
                group(b"p", Some(1)),
                group(b"p", Some(2)),
                group(b"p", Some(3)),
            ],
            None,
        );
        submitted.acknowledged(first + 1, Ok(()));
        assert_eq!(take_safe(&submitted), []);
        submitted.acknowledged(first, Ok(()));
        assert_eq!(take_safe(&submitted), [(b"p".to_vec(), vec![2])]);
        assert_eq!(take_safe(&submitted), []);
        assert_eq!(submitted.in_flight(), 1);
        submitted.acknowledged(first + 2, Ok(()));
        assert_eq!(take_safe(&submitted), [(b"p".to_vec(), vec![3])]);
        assert_eq!(submitted.lock().bytes, 0);
        assert_eq!(submitted.lock().safe_bytes, 0);
    }

    #[test]
    fn one_source_partition_does_not_wait_for_another() {
        let submitted = submitted(false);
        let first =
            submitted.register(vec![group(b"slow", Some(1)), group(b"fast", Some(7))], None);
        submitted.acknowledged(first + 1, Ok(()));
        assert_eq!(take_safe(&submitted), [(b"fast".to_vec(), vec![7])]);
    }

    #[test]
    fn a_group_without_an_offset_holds_the_earlier_one() {
        let submitted = submitted(false);
        let first = submitted.register(vec![group(b"p", Some(1)), group(b"p", None)], None);
        submitted.acknowledged(first, Ok(()));
        submitted.acknowledged(first + 1, Ok(()));
        assert_eq!(take_safe(&submitted), [(b"p".to_vec(), vec![1])]);
    }

    #[test]
    fn a_safe_offset_stays_until_it_is_written_and_a_newer_one_longer() {
        let submitted = submitted(false);
        let first = submitted.register(vec![group(b"p", Some(1)), group(b"p", Some(2))], None);
        submitted.acknowledged(first, Ok(()));
        let safe = submitted.safe();
        let again = submitted.safe().offsets;
        assert_eq!(again, safe.offsets, "writing it may fail");
        submitted.acknowledged(first + 1, Ok(()));
        submitted.written(&safe);
        assert_eq!(take_safe(&submitted), [(b"p".to_vec(), vec![2])]);
    }

    #[test]
    fn acknowledged_groups_do_not_pile_up_until_they_are_written() {
        let submitted = submitted(false);
        for _ in 0..1_000 {
            let mut large = group(b"p", None);
            large.offset = Some(vec![0; 100_000]);
            let first = submitted.register(vec![large], None);
            submitted.acknowledged(first, Ok(()));
        }
        let state = submitted.lock();
        assert_eq!((state.partitions.len(), state.waiting.len()), (0, 0));
        assert_eq!((state.bytes, state.safe_bytes), (0, 100_001));
    }

    #[test]
    fn acknowledged_groups_do_not_pile_up_behind_one_that_is_not() {
        let submitted = submitted(false);
        let stuck = submitted.register(vec![group(b"p", Some(0))], None);
        let mut waiting = Vec::new();
        for number in 1..=100_u8 {
            waiting.push(submitted.register(vec![group(b"p", Some(number))], None));
        }
        // In any order: every third first, then the others from the end.
        let (some, others): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|id| id % 3 == 0);
        for id in some.into_iter().chain(others.into_iter().rev()) {
            submitted.acknowledged(id, Ok(()));
        }
        {
            let state = submitted.lock();
            assert_eq!(state.partitions[b"p".as_slice()].len(), 2);
            assert_eq!(state.bytes, 10 + 2 * 2);
        }
        assert_eq!(submitted.safe().offsets, []);
        submitted.acknowledged(stuck, Ok(()));
        assert_eq!(take_safe(&submitted), [(b"p".to_vec(), vec![100])]);
        assert_eq!(submitted.lock().bytes, 0);
    }

    #[test]
    fn offsets_count_as_in_flight() {
        let submitted = submitted(false);
        let mut large = group(&[7; 1000], None);
        large.offset = Some(vec![0; IN_FLIGHT_BYTES_MAX]);
        let first = submitted.register(vec![large], None);
        assert!(!submitted.has_room());
        submitted.acknowledged(first, Ok(()));
        assert!(
            submitted.must_write(),
            "it is too large to be kept for long"
        );
        assert!(!submitted.has_room());
        take_safe(&submitted);
        assert!(submitted.has_room());
    }

    #[test]
    fn source_partitions_are_limited() {
        let submitted = submitted(false);
        let partition = |number: usize| group(&number.to_le_bytes(), Some(0));
        let first = submitted.register(
            (0..IN_FLIGHT_PARTITIONS_MAX - 1).map(partition).collect(),
            None,
        );
        let submit = || submitted.register(vec![partition(IN_FLIGHT_PARTITIONS_MAX)], None);
        let full = |submitted: &Submitted| {
            let state = submitted.lock();
            state.partitions.len() >= IN_FLIGHT_PARTITIONS_MAX
        };
        assert!(!full(&submitted));
        let last = submit();
        assert!(full(&submitted) && !submitted.has_room());
        for id in first..=last {
            submitted.acknowledged(id, Ok(()));
        }
        assert!(submitted.must_write() && !submitted.has_room());
        assert_eq!(take_safe(&submitted).len(), UNWRITTEN_PARTITIONS_MAX);
        assert!(submitted.has_room());
    }

    #[test]
    fn a_failure_keeps_the_offset_back_and_is_told() {
        let submitted = submitted(false);
        let first = submitted.register(vec![group(b"p", Some(1))], None);
        submitted.acknowledged(first, Err(refused()));
        assert_eq!(take_safe(&submitted), []);
        assert!(
            submitted
                .take_failure()
                .is_some_and(|failure| failure.contains("too large"))
        );
    }

    #[test]
    fn a_tolerated_failure_lets_the_offset_pass() {
        let submitted = submitted(true);
        let first = submitted.register(vec![group(b"p", Some(1))], None);
        submitted.acknowledged(first, Err(refused()));
        assert_eq!(take_safe(&submitted), [(b"p".to_vec(), vec![1])]);
        assert_eq!(submitted.take_failure(), None);
    }

    #[test]
    fn records_that_are_refused_keep_the_offset_back_until_they_are_dealt_with() {
        let submitted = submitted(true);
        let sent = Arc::new(Sent {
            polled: Batch::default(),
            positions: PolledPositions {
                partitions: Vec::new(),
                partition_of: Vec::new(),
                offsets: Default::default(),
            },
            inputs: None,
        });
        let groups = vec![group(b"p", Some(1)), group(b"p", Some(2))];
        let first = submitted.register(groups, Some(&sent));
        submitted.acknowledged(first, Err(refused()));
        submitted.acknowledged(first + 1, Ok(()));
        assert_eq!(submitted.in_flight(), 0);
        assert_eq!(take_safe(&submitted), []);
        let taken = submitted.take_refused();
        assert_eq!((taken.len(), &*taken[0].refused.rows), (1, [0].as_slice()));
        assert!(submitted.take_refused().is_empty());
        submitted.dealt_with(&taken[0]);
        assert_eq!(take_safe(&submitted), [(b"p".to_vec(), vec![2])]);
        drop(taken);
        assert_eq!(Arc::strong_count(&sent), 1, "it is kept no longer");
        assert_eq!(submitted.lock().bytes, 0);
    }
}
