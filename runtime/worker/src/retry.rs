//! Trying an operation again that may succeed later, within `errors.retry.timeout`.
//!
//! The waits are Kafka Connect's: 300 ms, then twice as long each time; beyond `errors.retry.delay.max.ms` any time
//! below that. A wait ends at once when the task is told something else.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate_config::connector::ErrorsConfig;

use crate::progress::Progress;

/// The first wait.
const DELAY_FIRST: Duration = Duration::from_millis(300);
/// How often a wait looks whether it is interrupted.
const LOOK: Duration = Duration::from_millis(20);

/// How a task tries again.
pub struct Retry {
    /// How long; none: for ever.
    timeout: Option<Duration>,
    delay_max: Duration,
    progress: Arc<Progress>,
}

/// How a step tries again: it ends early when the task is told something else.
#[derive(Clone, Copy)]
pub struct Trying<'a> {
    retry: &'a Retry,
    interrupted: &'a dyn Fn() -> bool,
}

/// One operation that is tried again.
pub struct Attempts<'a> {
    trying: Trying<'a>,
    begun: Instant,
    /// How often it was tried again.
    retries: u32,
}

/// What is to be done about a failure that may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The wait is over: try again.
    Try,
    /// The time is over: it failed.
    GiveUp,
    /// The task is told something else: leave the batch as it was.
    Interrupted,
}

impl Retry {
    /// As a connector's configuration says.
    pub fn of(errors: &ErrorsConfig, progress: &Arc<Progress>) -> Self {
        Self {
            timeout: errors.retry_timeout,
            delay_max: errors.retry_delay_max,
            progress: Arc::clone(progress),
        }
    }

    /// Nothing is tried again.
    pub fn never() -> Self {
        Self {
            timeout: Some(Duration::ZERO),
            delay_max: Duration::ZERO,
            progress: Arc::default(),
        }
    }

    /// Whether anything is tried again at all.
    pub fn is_on(&self) -> bool {
        self.timeout != Some(Duration::ZERO)
    }

    /// For one step.
    pub fn until<'a>(&'a self, interrupted: &'a dyn Fn() -> bool) -> Trying<'a> {
        Trying {
            retry: self,
            interrupted,
        }
    }
}

impl<'a> Trying<'a> {
    /// Whether anything is tried again at all.
    pub fn is_on(&self) -> bool {
        self.retry.is_on()
    }

    /// Before the first try of an operation.
    pub fn begin(&self) -> Attempts<'a> {
        Attempts {
            trying: *self,
            begun: Instant::now(),
            retries: 0,
        }
    }
}

impl Attempts<'_> {
    /// After a try in which so many records failed in a way that may pass: waits before the next.
    pub fn again(&mut self, records: usize) -> Next {
        let retry = self.trying.retry;
        if !retry.is_on() {
            return Next::GiveUp;
        }
        let left = match retry.timeout {
            None => Duration::MAX,
            Some(timeout) => timeout.saturating_sub(self.begun.elapsed()),
        };
        if left.is_zero() {
            return Next::GiveUp;
        }
        let wait = delay(self.retries, retry.delay_max, random()).min(left);
        if self.retries == 0 {
            tracing::warn!(
                records,
                wait_ms = wait.as_millis(),
                "An operation failed in a way that may pass; it is tried again."
            );
        }
        self.retries = self.retries.saturating_add(1);
        if !sleep(wait, self.trying.interrupted) {
            return Next::Interrupted;
        }
        retry.progress.failed_attempts(records);
        retry.progress.retried(records);
        Next::Try
    }
}

/// Connect's wait before a retry: `retries` came before it, `random` is any number.
fn delay(retries: u32, delay_max: Duration, random: u64) -> Duration {
    let doubled = 1_u32
        .checked_shl(retries)
        .and_then(|times| DELAY_FIRST.checked_mul(times));
    match doubled {
        Some(delay) if delay <= delay_max => delay,
        _ => {
            let below = u64::try_from(delay_max.as_millis()).unwrap_or(u64::MAX);
            // Without a wait at all, a task that tries again would do nothing else.
            Duration::from_millis(random.checked_rem(below).unwrap_or(0).max(1))
        }
    }
}

/// Any number: each hasher of the standard library has random keys.
fn random() -> u64 {
    RandomState::new().hash_one(0)
}

/// Sleeps; `false` when it was interrupted.
fn sleep(wait: Duration, interrupted: &dyn Fn() -> bool) -> bool {
    let begun = Instant::now();
    loop {
        if interrupted() {
            return false;
        }
        let left = wait.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return true;
        }
        std::thread::sleep(left.min(LOOK));
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub fn retry(timeout: Option<u64>, delay_max: u64) -> Retry {
        Retry {
            timeout: timeout.map(Duration::from_millis),
            delay_max: Duration::from_millis(delay_max),
            progress: Arc::default(),
        }
    }

    #[test]
    fn waits_double_from_300_ms_and_are_any_below_the_longest_then() {
        let max = Duration::from_secs(2);
        let ms = |retries| delay(retries, max, 12_345_678).as_millis();
        assert_eq!([ms(0), ms(1), ms(2)], [300, 600, 1_200]);
        for retries in [3, 4, 31, 32, 64, u32::MAX] {
            assert_eq!(ms(retries), 12_345_678 % 2_000);
        }
        assert_eq!(delay(0, Duration::from_millis(300), 7).as_millis(), 300);
        assert_eq!(delay(0, Duration::from_millis(299), 7).as_millis(), 7);
        assert_eq!(delay(9, Duration::ZERO, 7).as_millis(), 1);
    }

    #[test]
    fn it_is_tried_until_the_time_is_over() {
        let none = retry(Some(0), 60_000);
        assert!(!none.is_on());
        assert_eq!(none.until(&|| false).begin().again(1), Next::GiveUp);

        let short = retry(Some(50), 60_000);
        let begun = Instant::now();
        let mut attempts = short.until(&|| false).begin();
        assert_eq!(attempts.again(3), Next::Try);
        assert!(begun.elapsed() >= Duration::from_millis(50), "all the time");
        assert_eq!(attempts.again(3), Next::GiveUp);
        assert_eq!(short.progress.counts().retries, 3);
    }

    #[test]
    fn a_wait_is_interrupted() {
        let long = retry(None, 60_000);
        let begun = Instant::now();
        let soon = || begun.elapsed() > Duration::from_millis(30);
        assert_eq!(long.until(&soon).begin().again(1), Next::Interrupted);
        assert!(begun.elapsed() < Duration::from_millis(250));
        assert_eq!(long.progress.counts().retries, 0);
    }
}
