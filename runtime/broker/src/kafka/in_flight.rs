//! Submitted batches whose records the broker has not all acknowledged.
//!
//! A fixed table. Each record carries a ticket of three numbers, its batch's place in the table, its group's number in
//! the batch and its row, so that an acknowledgement costs one atomic subtraction and no allocation.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::time::Duration;

use crate::{Acknowledge, BrokerError, Refused};

/// How many batches may be in flight; more wait in `open`.
pub const BATCHES_IN_FLIGHT_MAX: usize = 8192;

/// The table.
pub struct InFlight {
    slots: Box<[RwLock<Option<Arc<Submission>>>]>,
    free: Mutex<Vec<u32>>,
    changed: Condvar,
}

/// One submitted batch.
pub struct Submission {
    to: Arc<dyn Acknowledge>,
    first_group: u64,
    /// The records of each group that are not acknowledged yet.
    remaining: Box<[AtomicU32]>,
    /// The groups that are not acknowledged yet.
    groups: AtomicU32,
    failed: AtomicBool,
    failures: Mutex<BTreeMap<u32, Refused>>,
}

/// How many bits of a ticket are the row's, and how many the group's.
const ROW_BITS: u32 = 24;
const GROUP_BITS: u32 = 24;

/// Says which group of which batch a record counts for, and which row it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    pub slot: u32,
    pub group: u32,
    pub row: u32,
}

impl Ticket {
    /// As one number. Groups and rows are far fewer than their bits allow; one beyond them counts as the last.
    pub fn pack(self) -> usize {
        let row = self.row.min((1 << ROW_BITS) - 1) as usize;
        let group = self.group.min((1 << GROUP_BITS) - 1) as usize;
        (self.slot as usize) << (ROW_BITS + GROUP_BITS) | group << ROW_BITS | row
    }

    /// From one number.
    pub fn unpack(number: usize) -> Self {
        let bits = |shift: u32, count: u32| {
            u32::try_from(number >> shift & ((1 << count) - 1)).unwrap_or(u32::MAX)
        };
        Self {
            slot: bits(ROW_BITS + GROUP_BITS, 16),
            group: bits(ROW_BITS, GROUP_BITS),
            row: bits(0, ROW_BITS),
        }
    }
}

impl Default for InFlight {
    fn default() -> Self {
        let count = u32::try_from(BATCHES_IN_FLIGHT_MAX).unwrap_or(0);
        Self {
            slots: (0..count).map(|_| RwLock::default()).collect(),
            free: Mutex::new((0..count).rev().collect()),
            changed: Condvar::new(),
        }
    }
}

impl InFlight {
    /// Enters a batch whose groups have `counts` records, waiting for a place. Returns the place, or `None`
    /// when all groups are empty. Groups without records are acknowledged at once.
    pub fn open(
        &self,
        counts: Vec<u32>,
        first_group: u64,
        to: &Arc<dyn Acknowledge>,
    ) -> Option<u32> {
        let mut groups = 0;
        for (group, count) in (first_group..).zip(&counts) {
            if *count == 0 {
                to.acknowledged(group, Ok(()));
            } else {
                groups += 1;
            }
        }
        if groups == 0 {
            return None;
        }
        let submission = Arc::new(Submission {
            to: Arc::clone(to),
            first_group,
            remaining: counts.into_iter().map(AtomicU32::new).collect(),
            groups: AtomicU32::new(groups),
            failed: AtomicBool::new(false),
            failures: Mutex::default(),
        });
        let slot = self.take_slot();
        if let Some(place) = self.slots.get(slot as usize) {
            *place.write().unwrap_or_else(PoisonError::into_inner) = Some(submission);
        }
        Some(slot)
    }

    /// A record was acknowledged or failed.
    #[inline]
    pub fn done(&self, ticket: usize, failure: Option<BrokerError>) {
        let ticket = Ticket::unpack(ticket);
        let Some(place) = self.slots.get(ticket.slot as usize) else {
            return;
        };
        let complete = {
            let place = place.read().unwrap_or_else(PoisonError::into_inner);
            let Some(submission) = &*place else { return };
            submission.count(ticket.group, ticket.row, failure)
        };
        if complete {
            *place.write().unwrap_or_else(PoisonError::into_inner) = None;
            let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            free.push(ticket.slot);
            drop(free);
            self.changed.notify_all();
        }
    }

    /// Whether nothing is in flight.
    pub fn is_empty(&self) -> bool {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.len() == self.slots.len()
    }

    /// Waits until a batch is complete, at most `limit`; returns at once when nothing is in flight.
    pub fn wait(&self, limit: Duration) {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < self.slots.len() {
            let _guard = self
                .changed
                .wait_timeout(free, limit)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn take_slot(&self) -> u32 {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(slot) = free.pop() {
                return slot;
            }
            free = self
                .changed
                .wait(free)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Submission {
    /// Counts a record; says whether it was the last of the batch.
    fn count(&self, group: u32, row: u32, failure: Option<BrokerError>) -> bool {
        if let Some(error) = failure {
            let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
            let refused = failures.entry(group).or_insert(Refused {
                rows: Vec::new(),
                error,
            });
            refused.rows.push(row);
            self.failed.store(true, Ordering::Release);
        }
        let Some(remaining) = self.remaining.get(group as usize) else {
            return false;
        };
        if remaining.fetch_sub(1, Ordering::AcqRel) != 1 {
            return false;
        }
        let failure = if self.failed.load(Ordering::Acquire) {
            let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
            failures.remove(&group)
        } else {
            None
        };
        self.to.acknowledged(
            self.first_group + u64::from(group),
            failure.map_or(Ok(()), Err),
        );
        self.groups.fetch_sub(1, Ordering::AcqRel) == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Told(Mutex<Vec<(u64, bool)>>);

    impl Acknowledge for Told {
        fn acknowledged(&self, group: u64, result: Result<(), Refused>) {
            self.0.lock().unwrap().push((group, result.is_ok()));
        }
    }

    fn ticket(slot: u32, group: u32) -> usize {
        let row = 7;
        Ticket { slot, group, row }.pack()
    }

    #[test]
    fn each_group_is_told_once_and_places_are_used_again() {
        let table = InFlight::default();
        let told = Arc::new(Told::default());
        let to: Arc<dyn Acknowledge> = told.clone();
        for round in 0..2 * BATCHES_IN_FLIGHT_MAX as u64 {
            let slot = table.open(vec![2, 0, 1], round * 3, &to).unwrap();
            let failure = Some(BrokerError::Away("x".to_owned()));
            table.done(ticket(slot, 0), None);
            table.done(ticket(slot, 2), None);
            assert!(!table.is_empty());
            table.done(ticket(slot, 0), failure);
            assert!(table.is_empty());
            let told = std::mem::take(&mut *told.0.lock().unwrap());
            let first = round * 3;
            assert_eq!(told, [(first + 1, true), (first + 2, true), (first, false)]);
        }
    }

    #[test]
    fn a_ticket_is_one_number() {
        let ticket = Ticket {
            slot: 8191,
            group: (1 << GROUP_BITS) - 1,
            row: (1 << ROW_BITS) - 1,
        };
        assert_eq!(Ticket::unpack(ticket.pack()), ticket);
    }
}
