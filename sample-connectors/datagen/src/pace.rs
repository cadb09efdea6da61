//! How many records are due.

use std::time::Duration;

/// What was not made in time is made up for at most this long.
const BURST_SECONDS: f64 = 1.0;
/// The longest wait between two looks.
const WAIT_MS_MAX: f64 = 60_000.0;

/// A rate, and what was made of it.
#[derive(Debug)]
pub struct Pace {
    rate: f64,
    due: f64,
    last: Duration,
}

impl Pace {
    /// So many records a second, from now on; 0: as many as wanted.
    #[must_use]
    pub fn new(rate: f64) -> Self {
        Self {
            rate,
            due: 0.0,
            last: Duration::ZERO,
        }
    }

    /// How many records are due `elapsed` after the start; `None`: as many as wanted.
    pub fn due(&mut self, elapsed: Duration) -> Option<u32> {
        if self.rate <= 0.0 {
            return None;
        }
        let passed = elapsed.saturating_sub(self.last).as_secs_f64();
        self.last = elapsed;
        let most = (self.rate * BURST_SECONDS).max(1.0);
        self.due = (self.due + passed * self.rate).min(most);
        Some(whole(self.due))
    }

    /// Says that records were made.
    pub fn made(&mut self, count: usize) {
        if self.rate > 0.0 {
            self.due -= f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        }
    }

    /// How long until the next record is due, in milliseconds, at least 1.
    #[must_use]
    pub fn wait_ms(&self) -> u32 {
        if self.rate <= 0.0 {
            return 0;
        }
        let wait = ((1.0 - self.due) / self.rate * 1000.0).ceil();
        whole(wait.clamp(1.0, WAIT_MS_MAX))
    }
}

/// The whole part of a number that is not negative.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(number: f64) -> u32 {
    number as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_grows_with_time_and_is_capped() {
        let mut pace = Pace::new(10.0);
        assert_eq!(pace.due(Duration::ZERO), Some(0));
        assert_eq!(pace.wait_ms(), 100);
        assert_eq!(pace.due(Duration::from_millis(250)), Some(2));
        pace.made(2);
        assert_eq!(pace.due(Duration::from_millis(250)), Some(0));
        assert_eq!(pace.wait_ms(), 50);
        assert_eq!(pace.due(Duration::from_secs(60)), Some(10));
    }

    #[test]
    fn without_a_rate_there_is_no_limit() {
        let mut pace = Pace::new(0.0);
        assert_eq!(pace.due(Duration::ZERO), None);
    }

    #[test]
    fn less_than_one_a_second_is_possible() {
        let mut pace = Pace::new(0.1);
        assert_eq!(pace.due(Duration::from_secs(9)), Some(0));
        assert_eq!(pace.due(Duration::from_secs(11)), Some(1));
    }
}
