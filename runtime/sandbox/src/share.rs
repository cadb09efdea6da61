//! What the tasks of a connector share of the worker: caps on processor time, records and bytes, each a bucket that
//! fills up at the rate of the cap and holds what comes in a second; and what they owe the others (`debt`).
//!
//! What was used is taken out afterwards, so a bucket may owe: then its connector waits until that is paid. One
//! batch, or one tick of a guest, may exceed what there is.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tidegate_config::caps::Caps;

use crate::debt::Debt;

/// The part of a second's records and bytes that is asked for at once, so that tasks take turns and nothing comes in
/// large steps.
const BATCHES_PER_SECOND: u64 = 10;

/// What the tasks of a connector share.
#[derive(Debug, Default)]
pub struct Share {
    cpu: Bucket,
    records: Bucket,
    bytes: Bucket,
    /// What its guests computed beyond what its records account for.
    pub(crate) debt: Debt,
}

/// Why something was held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// A long call waited for those of other connectors.
    Fairness,
    /// The cap on processor time.
    Cpu,
    /// The cap on records.
    Records,
    /// The cap on bytes.
    Bytes,
}

impl Hold {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Fairness, Self::Cpu, Self::Records, Self::Bytes];

    /// What metrics call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fairness => "fairness",
            Self::Cpu => "cpu",
            Self::Records => "records",
            Self::Bytes => "bytes",
        }
    }
}

impl Share {
    /// Caps it. What was used before stays used.
    pub fn cap(&self, caps: Caps) {
        let cpu = caps.cpu_percent.map(|percent| percent as f64 / 100.0);
        self.cpu.cap(cpu);
        self.records
            .cap(caps.records_per_second.map(|cap| cap as f64));
        self.bytes.cap(caps.bytes_per_second.map(|cap| cap as f64));
    }

    /// Whether its processor time is capped.
    #[must_use]
    pub fn caps_cpu(&self) -> bool {
        self.cpu.rate().is_some()
    }

    /// Its tasks have used the processor.
    pub fn used_cpu(&self, time: Duration) {
        self.cpu.take(time.as_secs_f64());
    }

    /// Its tasks have moved records.
    pub fn moved(&self, records: usize, bytes: usize) {
        self.records.take(records as f64);
        self.bytes.take(bytes as f64);
        self.debt.pay(records, bytes);
    }

    /// Until when it has to wait, and for what.
    #[must_use]
    pub fn held(&self) -> Option<(Instant, Hold)> {
        let buckets = [
            (&self.cpu, Hold::Cpu),
            (&self.records, Hold::Records),
            (&self.bytes, Hold::Bytes),
        ];
        let held = buckets.into_iter();
        held.filter_map(|(bucket, hold)| Some((bucket.owes_until()?, hold)))
            .max_by_key(|(until, _)| *until)
    }

    /// Until when it has to wait for its processor time.
    pub(crate) fn held_cpu(&self) -> Option<Instant> {
        self.cpu.owes_until()
    }

    /// The records and bytes of a batch that is not larger than these, and fits its caps.
    #[must_use]
    pub fn batch(&self, records_max: usize, bytes_max: usize) -> (usize, usize) {
        let part = |bucket: &Bucket, most: usize| {
            bucket.rate().map_or(most, |rate| {
                // At most what a second brings, which is far below what a number can hold.
                let part = rate as u64 / BATCHES_PER_SECOND;
                most.min(usize::try_from(part.max(1)).unwrap_or(most))
            })
        };
        (
            part(&self.records, records_max),
            part(&self.bytes, bytes_max),
        )
    }
}

/// Fills up at a rate.
#[derive(Debug, Default)]
struct Bucket(Mutex<Option<Level>>);

#[derive(Debug)]
struct Level {
    per_second: f64,
    /// What there is; below 0: what is owed.
    left: f64,
    at: Instant,
}

impl Level {
    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * self.per_second).min(self.per_second);
        self.at = now;
    }
}

impl Bucket {
    fn level(&self) -> std::sync::MutexGuard<'_, Option<Level>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cap(&self, per_second: Option<f64>) {
        let now = Instant::now();
        let mut level = self.level();
        *level = per_second.map(|per_second| match level.take() {
            Some(mut level) => {
                level.refill(now);
                Level {
                    per_second,
                    left: level.left.min(per_second),
                    at: now,
                }
            }
            None => Level {
                per_second,
                left: per_second,
                at: now,
            },
        });
    }

    fn rate(&self) -> Option<f64> {
        self.level().as_ref().map(|level| level.per_second)
    }

    fn take(&self, amount: f64) {
        if let Some(level) = &mut *self.level() {
            level.refill(Instant::now());
            level.left -= amount;
        }
    }

    fn owes_until(&self) -> Option<Instant> {
        let mut level = self.level();
        let level = level.as_mut()?;
        level.refill(Instant::now());
        if level.left >= 0.0 {
            return None;
        }
        let wait = Duration::try_from_secs_f64(-level.left / level.per_second);
        level.at.checked_add(wait.unwrap_or(Duration::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capped(caps: Caps) -> Share {
        let share = Share::default();
        share.cap(caps);
        share
    }

    #[test]
    fn nothing_is_held_back_without_a_cap() {
        let share = Share::default();
        share.moved(1_000_000, 1_000_000_000);
        share.used_cpu(Duration::from_secs(100));
        assert_eq!(share.held(), None);
        assert_eq!(share.batch(2_000, 1_000_000), (2_000, 1_000_000));
    }

    #[test]
    fn what_comes_in_a_second_is_there_at_once_and_more_is_owed() {
        let share = capped(Caps {
            records_per_second: Some(100),
            bytes_per_second: Some(1_000_000),
            ..Caps::default()
        });
        assert_eq!(share.batch(2_000, 1_000_000), (10, 100_000));
        share.moved(100, 10);
        assert_eq!(share.held(), None);
        share.moved(200, 10);
        let (until, hold) = share.held().unwrap();
        let wait = until - Instant::now();
        assert_eq!(hold, Hold::Records);
        assert!(wait > Duration::from_millis(1_800) && wait <= Duration::from_secs(2));
        // Less of it takes longer to pay.
        share.cap(Caps {
            records_per_second: Some(10),
            ..Caps::default()
        });
        assert!(share.held().unwrap().0 - Instant::now() > Duration::from_secs(15));
        share.cap(Caps::default());
        assert_eq!(share.held(), None);
    }

    #[test]
    fn the_longest_wait_counts() {
        let share = capped(Caps {
            cpu_percent: Some(50),
            bytes_per_second: Some(5),
            ..Caps::default()
        });
        share.used_cpu(Duration::from_secs(1));
        let (until, hold) = share.held().unwrap();
        assert_eq!(hold, Hold::Cpu);
        assert!(until - Instant::now() <= Duration::from_secs(1));
        share.moved(1, 100);
        assert_eq!(share.held().unwrap().1, Hold::Bytes);
        assert_eq!(share.batch(2_000, 1_000), (2_000, 1), "a record at a time");
    }
}
