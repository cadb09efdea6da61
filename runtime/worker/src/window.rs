//! Averages, highest values and rates of the last half to whole minute, as Kafka Connect's metrics have them: two
//! samples of 30 s, of which the older one is forgotten.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a sample is.
const SAMPLE: Duration = Duration::from_secs(30);

/// What was added in the last two samples, and in all.
#[derive(Debug)]
pub struct Window(Mutex<Samples>);

#[derive(Debug)]
struct Samples {
    /// When the present sample began.
    begun: Instant,
    present: Sample,
    /// The one before; none: there was none.
    before: Option<Sample>,
    total: u64,
    sum: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sample {
    count: u64,
    sum: u64,
    max: u64,
}

/// What a window has at one time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Recent {
    /// How many values were added since the start.
    pub total: u64,
    /// Their sum.
    pub sum: u64,
    /// How many values are in the window.
    pub count: u64,
    /// The average of those; NaN: there are none.
    pub average: f64,
    /// The highest of those; NaN: there are none.
    pub max: f64,
    /// How many of those there were in a second.
    pub count_per_second: f64,
    /// Their sum in a second.
    pub sum_per_second: f64,
}

impl Default for Window {
    fn default() -> Self {
        Self(Mutex::new(Samples {
            begun: Instant::now(),
            present: Sample::default(),
            before: None,
            total: 0,
            sum: 0,
        }))
    }
}

impl Window {
    /// Adds a value.
    pub(crate) fn add(&self, value: u64) {
        self.add_at(Instant::now(), value);
    }

    /// Adds a time in milliseconds, of which less than a half counts as none.
    pub(crate) fn add_time(&self, time: Duration) {
        let rounded = (time.as_micros() + 500) / 1_000;
        self.add(u64::try_from(rounded).unwrap_or(u64::MAX));
    }

    /// What it has now.
    #[must_use]
    pub fn recent(&self) -> Recent {
        self.recent_at(Instant::now())
    }

    fn add_at(&self, now: Instant, value: u64) {
        let mut samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        samples.advance(now);
        samples.total += 1;
        samples.sum = samples.sum.wrapping_add(value);
        let present = &mut samples.present;
        present.count += 1;
        present.sum = present.sum.wrapping_add(value);
        present.max = present.max.max(value);
    }

    fn recent_at(&self, now: Instant) -> Recent {
        let mut samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        samples.advance(now);
        let before = samples.before.unwrap_or_default();
        let count = samples.present.count + before.count;
        let sum = samples.present.sum.wrapping_add(before.sum);
        let max = samples.present.max.max(before.max);
        let present = now.saturating_duration_since(samples.begun);
        // As in Kafka Connect, a window that is not full yet counts as one sample at least.
        let length = match samples.before {
            Some(_) => SAMPLE + present,
            None => SAMPLE.max(present),
        };
        let some = |value: f64| if count == 0 { f64::NAN } else { value };
        Recent {
            total: samples.total,
            sum: samples.sum,
            count,
            average: some(sum as f64 / count as f64),
            max: some(max as f64),
            count_per_second: count as f64 / length.as_secs_f64(),
            sum_per_second: sum as f64 / length.as_secs_f64(),
        }
    }
}

impl Samples {
    fn advance(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.begun);
        if passed < SAMPLE {
            return;
        }
        let present = std::mem::take(&mut self.present);
        if passed < SAMPLE * 2 {
            self.before = Some(present);
            self.begun += SAMPLE;
        } else {
            self.before = Some(Sample::default());
            self.begun = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_forgotten_after_two_samples() {
        let window = Window::default();
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let nothing = window.recent_at(begun);
        assert!(nothing.average.is_nan() && nothing.max.is_nan());
        assert_eq!(nothing.sum_per_second, 0.0);

        window.add_at(at(1), 10);
        window.add_at(at(2), 20);
        let recent = window.recent_at(at(3));
        assert_eq!((recent.average, recent.max), (15.0, 20.0));
        assert_eq!(recent.sum_per_second, 1.0, "30 in a sample of 30 s");

        window.add_at(at(40), 6);
        let recent = window.recent_at(at(45));
        assert_eq!((recent.average, recent.max, recent.count), (12.0, 20.0, 3));
        assert!(
            (recent.sum_per_second - 36.0 / 45.0).abs() < 0.01,
            "{recent:?}"
        );

        let recent = window.recent_at(at(65));
        assert_eq!((recent.average, recent.count), (6.0, 1));
        let recent = window.recent_at(at(500));
        assert!(recent.average.is_nan());
        assert_eq!(
            (recent.total, recent.sum, recent.sum_per_second),
            (3, 36, 0.0)
        );
    }
}
