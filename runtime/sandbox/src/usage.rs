//! What the guests of a task have used: counted at each call, and read by whoever shows it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::network::refusals::{Refusal, Refusals};
use crate::share::Hold;

/// What the guests of a task have used since the task started.
#[derive(Debug, Default)]
pub struct Usage {
    calls: AtomicU64,
    nanoseconds: AtomicU64,
    cpu_nanoseconds: AtomicU64,
    memory_bytes: AtomicU64,
    bytes_to_guests: AtomicU64,
    bytes_from_guests: AtomicU64,
    faults: AtomicU64,
    /// How long what was held back waited, in nanoseconds, in the order of [`Hold::ALL`].
    held: [AtomicU64; Hold::ALL.len()],
    /// What they were refused, over all starts of the task, once there is a guest.
    refusals: OnceLock<Arc<Refusals>>,
}

/// What was used at one time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// Calls from the host into guests.
    pub calls: u64,
    /// How long they took.
    pub nanoseconds: u64,
    /// The time that the processor spent on them.
    pub cpu_nanoseconds: u64,
    /// The linear memories of the guests that live now.
    pub memory_bytes: u64,
    /// The bytes of records that were handed to guests.
    pub bytes_to_guests: u64,
    /// The bytes of records that guests handed over.
    pub bytes_from_guests: u64,
    /// Traps, missed deadlines and broken rules.
    pub faults: u64,
    /// How long what was held back waited, in nanoseconds, in the order of [`Hold::ALL`].
    pub held_nanoseconds: [u64; Hold::ALL.len()],
    /// What was refused, in the order of [`Refusal::ALL`].
    pub refusals: [u64; Refusal::ALL.len()],
}

impl Usage {
    /// Its guests' refusals are counted there.
    pub(crate) fn set_refusals(&self, refusals: &Arc<Refusals>) {
        self.refusals.get_or_init(|| Arc::clone(refusals));
    }

    pub(crate) fn refused(&self, what: Refusal, times: u64) {
        if let Some(refusals) = self.refusals.get()
            && times > 0
        {
            refusals.add_times(what, times);
        }
    }

    /// A task, or a call of its guests, was kept waiting.
    pub fn held(&self, hold: Hold, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let all = Hold::ALL.iter().zip(&self.held);
        for (_, held) in all.filter(|(which, _)| **which == hold) {
            held.fetch_add(nanoseconds, Relaxed);
        }
    }

    pub(crate) fn faulted(&self) {
        self.faults.fetch_add(1, Relaxed);
    }

    pub(crate) fn gave(&self, bytes: usize) {
        self.bytes_to_guests.fetch_add(bytes as u64, Relaxed);
    }

    pub(crate) fn got(&self, bytes: usize) {
        self.bytes_from_guests.fetch_add(bytes as u64, Relaxed);
    }

    /// A guest's memories have another size.
    pub(crate) fn resized(&self, from: usize, to: usize) {
        if from != to {
            // Wraps around and back: the sum of all that were added and taken is never negative.
            let change = (to as u64).wrapping_sub(from as u64);
            self.memory_bytes.fetch_add(change, Relaxed);
        }
    }

    /// A call took so long, of which the processor worked for so long.
    pub(crate) fn called(&self, time: Duration, cpu: Duration) {
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.calls.fetch_add(1, Relaxed);
        self.nanoseconds.fetch_add(nanoseconds(time), Relaxed);
        self.cpu_nanoseconds.fetch_add(nanoseconds(cpu), Relaxed);
    }

    /// The processor time of its calls until now.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        Duration::from_nanos(self.cpu_nanoseconds.load(Relaxed))
    }

    /// What was used until now.
    #[must_use]
    pub fn used(&self) -> Used {
        Used {
            calls: self.calls.load(Relaxed),
            nanoseconds: self.nanoseconds.load(Relaxed),
            cpu_nanoseconds: self.cpu_nanoseconds.load(Relaxed),
            memory_bytes: self.memory_bytes.load(Relaxed),
            bytes_to_guests: self.bytes_to_guests.load(Relaxed),
            bytes_from_guests: self.bytes_from_guests.load(Relaxed),
            faults: self.faults.load(Relaxed),
            held_nanoseconds: self.held.each_ref().map(|held| held.load(Relaxed)),
            refusals: self
                .refusals
                .get()
                .map_or([0; Refusal::ALL.len()], |refusals| {
                    Refusal::ALL.map(|what| refusals.count(what))
                }),
        }
    }
}

/// The time that the processor has spent on this thread.
#[must_use]
pub fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_what_lives() {
        let usage = Usage::default();
        usage.resized(0, 10);
        usage.resized(0, 5);
        usage.resized(10, 4);
        assert_eq!(usage.used().memory_bytes, 9);
        usage.resized(5, 0);
        usage.resized(4, 0);
        assert_eq!(usage.used().memory_bytes, 0);
    }

    #[test]
    fn refusals_are_counted_once_it_is_said_where() {
        let usage = Usage::default();
        usage.refused(Refusal::Log, 1);
        assert_eq!(usage.used().refusals, [0; Refusal::ALL.len()]);
        usage.set_refusals(&Arc::default());
        usage.refused(Refusal::Log, 2);
        usage.refused(Refusal::Memory, 3);
        assert_eq!(usage.used().refusals.iter().sum::<u64>(), 5);
    }

    #[test]
    fn a_thread_that_works_has_spent_time_and_one_that_sleeps_has_not() {
        let begun = thread_time();
        std::thread::sleep(Duration::from_millis(50));
        assert!(thread_time() - begun < Duration::from_millis(40));
        let begun = thread_time();
        while thread_time() - begun < Duration::from_millis(5) {
            std::hint::spin_loop();
        }
    }
}
