//! Wakes the one who reads a partition, whether it waits as a future or as a thread.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Raised when there may be something new; remembered until someone looked.
#[derive(Debug, Default)]
pub struct Signal {
    notify: Notify,
    raised: Mutex<bool>,
    condition: Condvar,
}

impl Signal {
    /// Wakes the waiter, or the next one.
    pub fn raise(&self) {
        self.notify.notify_one();
        *self.raised.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.condition.notify_one();
    }

    /// Resolves when the signal was raised.
    pub async fn raised(&self) {
        self.notify.notified().await;
    }

    /// Blocks until the signal was raised or the time is over; says whether it was raised.
    pub fn wait(&self, deadline: Instant) -> bool {
        let mut raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        while !*raised {
            let left = deadline.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                return false;
            }
            raised = self
                .condition
                .wait_timeout(raised, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        *raised = false;
        true
    }
}
