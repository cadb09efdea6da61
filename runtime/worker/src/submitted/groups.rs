//! The groups of each source partition, and the offsets that are safe by them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use tidegate_model::limits::{UNWRITTEN_BYTES_MAX, UNWRITTEN_PARTITIONS_MAX};

use super::{NewGroup, RefusedGroup, Sent};

/// A source partition, encoded; all that is kept of it shares it.
pub(super) type Partition = Arc<[u8]>;

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) next_group: u64,
    /// The groups of each source partition, from the first that is not acknowledged on.
    pub(super) partitions: HashMap<Partition, VecDeque<Group>>,
    /// The source partition of each group that is not acknowledged yet, and what it was made of.
    pub(super) waiting: HashMap<u64, (Partition, Option<Arc<Sent>>)>,
    /// The groups some of whose records were refused, and are to be dealt with.
    pub(super) refused: Vec<RefusedGroup>,
    pub(super) records: usize,
    /// Of records that are not acknowledged, and of what is kept of groups.
    pub(super) bytes: usize,
    /// The newest offset of each source partition that is safe and not written yet, and when it became so.
    pub(super) safe: BTreeMap<Partition, (u64, Vec<u8>)>,
    pub(super) safe_bytes: usize,
    /// How often an offset became safe.
    pub(super) safe_count: u64,
    pub(super) failure: Option<String>,
}

#[derive(Debug)]
pub(super) struct Group {
    pub(super) id: u64,
    /// Where to go on after the group; none when the source gave no offset in it.
    offset: Option<Vec<u8>>,
    records: usize,
    bytes: usize,
    acknowledged: bool,
}

/// A group that was told about.
pub(super) struct Told {
    pub(super) partition: Partition,
    /// Where it stands among the groups of its source partition.
    pub(super) index: usize,
    pub(super) records: usize,
    pub(super) sent: Option<Arc<Sent>>,
}

impl State {
    pub(super) fn register(&mut self, group: NewGroup, sent: Option<&Arc<Sent>>) {
        let NewGroup {
            partition,
            offset,
            records,
            bytes,
        } = group;
        let known = self.partitions.get_key_value(partition.as_slice());
        let known = known.map(|(known, _)| Arc::clone(known));
        let partition = known.unwrap_or_else(|| partition.into());
        let id = self.next_group;
        self.next_group += 1;
        let group = Group {
            id,
            offset,
            records,
            bytes,
            acknowledged: false,
        };
        self.records += records;
        self.bytes += bytes + kept_bytes(&partition, &group);
        self.waiting
            .insert(id, (Arc::clone(&partition), sent.cloned()));
        self.partitions
            .entry(partition)
            .or_default()
            .push_back(group);
    }

    /// Takes a group out of those that wait; none when it was told before.
    pub(super) fn told(&mut self, id: u64) -> Option<Told> {
        let (partition, sent) = self.waiting.remove(&id)?;
        let groups = self.partitions.get_mut(&partition)?;
        let index = groups.binary_search_by_key(&id, |group| group.id).ok()?;
        let group = groups.get(index)?;
        self.records -= group.records;
        self.bytes -= group.bytes;
        Some(Told {
            partition,
            index,
            records: group.records,
            sent,
        })
    }

    /// A group counts as acknowledged: what is safe by that is, and what still waits for an earlier group is kept in
    /// one piece with its neighbours.
    pub(super) fn acknowledged(&mut self, partition: &Partition, mut index: usize) {
        let Some(groups) = self.partitions.get_mut(partition) else {
            return;
        };
        if let Some(group) = groups.get_mut(index) {
            group.acknowledged = true;
        }
        let is_acknowledged = |groups: &VecDeque<Group>, index: usize| {
            groups.get(index).is_some_and(|group| group.acknowledged)
        };
        if is_acknowledged(groups, index + 1) {
            self.bytes -= join(groups, partition, index);
        }
        if index > 0 && is_acknowledged(groups, index - 1) {
            index -= 1;
            self.bytes -= join(groups, partition, index);
        }
        if index > 0 {
            return;
        }
        let Some(first) = groups.pop_front() else {
            return;
        };
        self.bytes -= kept_bytes(partition, &first);
        if groups.is_empty() {
            self.partitions.remove(partition);
        }
        if let Some(offset) = first.offset {
            self.is_safe(partition, offset);
        }
    }

    fn is_safe(&mut self, partition: &Partition, offset: Vec<u8>) {
        self.safe_bytes += offset.len();
        self.safe_count += 1;
        let newest = (self.safe_count, offset);
        match self.safe.entry(Arc::clone(partition)) {
            Entry::Vacant(place) => {
                self.safe_bytes += partition.len();
                place.insert(newest);
            }
            Entry::Occupied(mut older) => self.safe_bytes -= older.insert(newest).1.len(),
        }
    }

    pub(super) fn must_write(&self) -> bool {
        self.safe.len() >= UNWRITTEN_PARTITIONS_MAX || self.safe_bytes >= UNWRITTEN_BYTES_MAX
    }
}

/// What a group takes besides its records.
fn kept_bytes(partition: &Partition, group: &Group) -> usize {
    partition.len() + group.offset.as_ref().map_or(0, Vec::len)
}

/// Makes one of two acknowledged groups that follow each other; answers with the bytes that are no longer kept.
fn join(groups: &mut VecDeque<Group>, partition: &Partition, index: usize) -> usize {
    let Some(mut later) = groups.remove(index + 1) else {
        return 0;
    };
    let Some(earlier) = groups.get_mut(index) else {
        return 0;
    };
    if later.offset.is_some() {
        std::mem::swap(&mut earlier.offset, &mut later.offset);
    }
    kept_bytes(partition, &later)
}
