//! How long a task has been in which state.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::task::State;

/// How long a task has been in which state.
#[derive(Debug)]
pub struct StateTimes(Mutex<Times>);

#[derive(Debug)]
struct Times {
    begun: Instant,
    since: Instant,
    state: Kind,
    running: Duration,
    paused: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Running,
    Paused,
    Other,
}

impl Default for StateTimes {
    fn default() -> Self {
        let now = Instant::now();
        Self(Mutex::new(Times {
            begun: now,
            since: now,
            state: Kind::Other,
            running: Duration::ZERO,
            paused: Duration::ZERO,
        }))
    }
}

impl StateTimes {
    /// The task has another state from now on.
    pub(crate) fn enter(&self, state: &State) {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        times.settle(Instant::now());
        times.state = match state {
            State::Running => Kind::Running,
            State::Paused => Kind::Paused,
            State::Unassigned | State::Failed { .. } => Kind::Other,
        };
    }

    /// Which part of its life it was running, and which part paused.
    #[must_use]
    pub fn ratios(&self) -> (f64, f64) {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        times.settle(now);
        let life = now.saturating_duration_since(times.begun).as_secs_f64();
        let part = |time: Duration| {
            if life > 0.0 {
                time.as_secs_f64() / life
            } else {
                0.0
            }
        };
        (part(times.running), part(times.paused))
    }
}

impl Times {
    fn settle(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.since);
        match self.state {
            Kind::Running => self.running += passed,
            Kind::Paused => self.paused += passed,
            Kind::Other => {}
        }
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_parts_of_the_whole_life() {
        let times = StateTimes::default();
        times.enter(&State::Running);
        std::thread::sleep(Duration::from_millis(20));
        times.enter(&State::Paused);
        std::thread::sleep(Duration::from_millis(5));
        times.enter(&State::Unassigned);
        let (running, paused) = times.ratios();
        assert!(running > paused && paused > 0.0, "{running} {paused}");
        assert!(running + paused <= 1.0);
    }
}
