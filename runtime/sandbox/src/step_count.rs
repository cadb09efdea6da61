//! What each step of a chain did, as the guest says it, within what is possible.
//!
//! The counts are for people to look at. A guest that lies about them deceives its own operator only, as far as the
//! host cannot see it: records and drops are held to what a batch may have, and times to what the host measured.

use std::time::Duration;

use tidegate_model::limits::BATCH_RECORDS_MAX;

use crate::bindings::transform::StepCount as WireStepCount;
use crate::merge::Applied;

/// What a step of a chain did with a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StepCount {
    /// How many records it was applied to.
    pub records: usize,
    /// How many of them it dropped.
    pub dropped: usize,
    /// How long it took.
    pub time: Duration,
}

/// Checks what a guest says of its steps about a batch of `count` records.
pub(crate) fn step_counts(
    counts: &[WireStepCount],
    count: usize,
    steps: usize,
) -> Result<Vec<StepCount>, String> {
    if counts.is_empty() {
        return Ok(Vec::new());
    }
    if counts.len() != steps {
        return Err(format!("counts of {} steps of {steps}", counts.len()));
    }
    // A step may make many records of one, so only the first is bounded by what was given.
    let mut most = count;
    let mut checked = Vec::with_capacity(steps);
    for (step, said) in counts.iter().enumerate() {
        let (records, dropped) = (said.records as usize, said.dropped as usize);
        if records > most || dropped > records {
            return Err(format!(
                "step {step} was applied to {records} records and dropped {dropped}; there were at most {most}"
            ));
        }
        most = usize::MAX;
        checked.push(StepCount {
            records: records.min(BATCH_RECORDS_MAX),
            dropped: dropped.min(BATCH_RECORDS_MAX),
            time: Duration::from_nanos(said.nanoseconds),
        });
    }
    Ok(checked)
}

impl Applied {
    /// Holds what the steps took to what the call took; of a single step that nobody counted, the host knows.
    pub(crate) fn within(&mut self, call: Duration, count: usize, steps: usize) {
        if self.steps.is_empty() && steps == 1 {
            let kept = match &self.inputs {
                None => count,
                Some(inputs) => inputs.chunk_by(|one, next| one == next).count(),
            };
            self.steps.push(StepCount {
                records: count,
                dropped: count.saturating_sub(self.errors.len()).saturating_sub(kept),
                time: call,
            });
        }
        let mut left = call;
        for step in &mut self.steps {
            step.time = step.time.min(left);
            left -= step.time;
        }
    }
}

/// Adds what was counted of another part of a batch.
pub(crate) fn add(sums: &mut Vec<StepCount>, steps: &[StepCount]) {
    sums.resize(sums.len().max(steps.len()), StepCount::default());
    for (sum, step) in sums.iter_mut().zip(steps) {
        sum.records += step.records;
        sum.dropped += step.dropped;
        sum.time += step.time;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(records: u32, dropped: u32, nanoseconds: u64) -> WireStepCount {
        WireStepCount {
            records,
            dropped,
            nanoseconds,
        }
    }

    #[test]
    fn a_guest_need_not_count_and_may_not_count_what_cannot_be() {
        assert_eq!(step_counts(&[], 3, 2), Ok(vec![]));
        assert!(step_counts(&[said(3, 3, 0), said(50, 0, 0)], 3, 2).is_ok());
        for wrong in [
            vec![said(3, 0, 0)],
            vec![said(4, 0, 0), said(0, 0, 0)],
            vec![said(3, 4, 0), said(0, 0, 0)],
            vec![said(3, 0, 0), said(0, 1, 0)],
        ] {
            assert!(step_counts(&wrong, 3, 2).is_err(), "{wrong:?}");
        }
        let many = step_counts(&[said(1, 0, 0), said(u32::MAX, 0, 0)], 1, 2).unwrap();
        assert_eq!(many[1].records, BATCH_RECORDS_MAX);
    }

    #[test]
    fn steps_take_no_longer_than_their_call() {
        let call = Duration::from_nanos(100);
        let steps = [said(1, 0, 30), said(1, 0, u64::MAX), said(1, 0, 5)];
        let mut applied = Applied {
            steps: step_counts(&steps, 1, 3).unwrap(),
            ..Applied::default()
        };
        applied.within(call, 1, 3);
        let times = applied.steps.iter().map(|step| step.time.as_nanos());
        assert_eq!(times.collect::<Vec<_>>(), [30, 70, 0]);
    }

    #[test]
    fn of_a_single_step_that_does_not_count_the_host_does() {
        let mut applied = Applied {
            inputs: Some(vec![0, 0, 3]),
            ..Applied::default()
        };
        let call = Duration::from_nanos(7);
        applied.within(call, 5, 1);
        let wanted = StepCount {
            records: 5,
            dropped: 3,
            time: call,
        };
        assert_eq!(applied.steps, [wanted]);
        let mut several = Applied::default();
        several.within(call, 5, 2);
        assert_eq!(several.steps, []);
    }
}
