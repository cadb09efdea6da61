//! Faults of a guest that are one record's: what a guest did not survive is given again in halves, to guests made
//! anew, until the records at which it faults stand alone.
//!
//! Used by the links of a chain, whose guests are pure: nothing was delivered, so all of it can be given again. Sinks
//! search in their topics instead (`suspects`). Both do so only where the failure of a record can be told from that
//! of the task: when failures are tolerated, or a dead letter queue is named.

use std::ops::Range;
use std::time::Instant;

use tidegate_config::connector::ErrorsConfig;
use tidegate_model::ErrorClass;
use tidegate_sandbox::SandboxError;

use crate::error::{Stage, WorkerError};
use crate::task::Abandoned;

/// The most records in succession at which a guest may fault, each given alone, before its task fails: it is then not
/// the records.
pub const FAULTS_ALONE_MAX: usize = 10;

/// How a task takes the faults of its guests.
#[derive(Debug, Clone)]
pub struct Isolation {
    /// Whether a record at which a guest faults is found and fails alone.
    pub isolates: bool,
    /// Before this, a fault fails the task: a plugin that is new on trial is to be found out, not worked around.
    pub trial_until: Option<Instant>,
    pub abandoned: Abandoned,
}

impl Isolation {
    /// Records are looked for where their failures are tolerated or a dead letter queue is named.
    pub fn of(errors: &ErrorsConfig, trial_until: Option<Instant>, abandoned: &Abandoned) -> Self {
        Self {
            isolates: errors.tolerance_all || errors.dlq.is_some(),
            trial_until,
            abandoned: abandoned.clone(),
        }
    }

    /// Whether the record is to be looked for at which this happened.
    pub fn isolates(&self, error: &SandboxError) -> bool {
        let on_trial = self.trial_until.is_some_and(|until| Instant::now() < until);
        self.isolates && !on_trial && error.class() == ErrorClass::GuestFault
    }
}

/// How a guest took records.
pub type Given = Result<(), SandboxError>;

/// The faults of one guest and those that follow it.
pub struct Faults {
    isolation: Isolation,
    /// How many records in succession the guest did not survive, each given alone.
    alone: usize,
}

impl Faults {
    pub fn new(isolation: Isolation) -> Self {
        Self {
            isolation,
            alone: 0,
        }
    }

    /// Whether the record is to be looked for at which this happened.
    pub fn isolates(&self, error: &SandboxError) -> bool {
        self.isolation.isolates(error)
    }

    /// The guest answered.
    pub fn answered(&mut self) {
        self.alone = 0;
    }

    /// Finds the records at which a guest faults among `count` that it did not survive together. `give` gives some of
    /// them to a guest, made anew where it has to be, and says how that went; they come in order, and each is
    /// answered for once, or `lost`.
    ///
    /// # Errors
    /// When the guest answers with an error, cannot be made anew, or faults at record after record.
    pub fn find(
        &mut self,
        count: usize,
        fault: SandboxError,
        mut give: impl FnMut(Range<usize>) -> Result<Given, WorkerError>,
        mut lost: impl FnMut(usize, &SandboxError),
    ) -> Result<(), WorkerError> {
        tracing::warn!(error = %fault, records = count,
            "A guest ended. It is made anew and given the records in halves, until those stand alone at which it ends.");
        let mut todo = Vec::new();
        self.faulted(0..count, &fault, &mut todo, &mut lost)?;
        while let Some(run) = todo.pop() {
            self.isolation.abandoned.check()?;
            match give(run.clone())? {
                Ok(()) => self.answered(),
                Err(error) if self.isolates(&error) => {
                    self.faulted(run, &error, &mut todo, &mut lost)?;
                }
                Err(error) => return Err(failure(error)),
            }
        }
        Ok(())
    }

    fn faulted(
        &mut self,
        run: Range<usize>,
        fault: &SandboxError,
        todo: &mut Vec<Range<usize>>,
        lost: &mut impl FnMut(usize, &SandboxError),
    ) -> Result<(), WorkerError> {
        if run.len() > 1 {
            let middle = run.start + run.len() / 2;
            todo.push(middle..run.end);
            todo.push(run.start..middle);
            return Ok(());
        }
        self.alone += 1;
        if self.alone >= FAULTS_ALONE_MAX {
            return Err(WorkerError::FaultsAlone {
                stage: Stage::Transformation,
                records: self.alone,
                error: fault.clone(),
            });
        }
        lost(run.start, fault);
        Ok(())
    }
}

/// What ends the task of a transform or predicate.
pub fn failure(error: SandboxError) -> WorkerError {
    WorkerError::Guest {
        stage: Stage::Transformation,
        error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults() -> Faults {
        Faults::new(Isolation {
            isolates: true,
            trial_until: None,
            abandoned: Abandoned::default(),
        })
    }

    fn trap() -> SandboxError {
        SandboxError::Trap {
            call: "apply",
            message: "bad".to_owned(),
            trace: String::new(),
        }
    }

    /// What a guest that faults at these records answered for, what was lost, and how often it was made anew.
    fn find(count: usize, bad: &[usize]) -> Result<(Vec<usize>, Vec<usize>, usize), WorkerError> {
        let (mut answered, mut lost, mut anew) = (Vec::new(), Vec::new(), 1);
        let give = |run: Range<usize>| {
            if bad.iter().any(|bad| run.contains(bad)) {
                anew += 1;
                return Ok(Err(trap()));
            }
            answered.extend(run);
            Ok(Ok(()))
        };
        faults().find(count, trap(), give, |row, _| lost.push(row))?;
        Ok((answered, lost, anew))
    }

    #[test]
    fn the_bad_records_are_found_and_the_others_answered_for_in_order() {
        for bad in [vec![0], vec![499], vec![250], vec![3, 4, 400]] {
            let (answered, lost, anew) = find(500, &bad).unwrap();
            assert_eq!(lost, bad);
            let good: Vec<_> = (0..500).filter(|row| !bad.contains(row)).collect();
            assert_eq!(answered, good);
            assert!(anew <= 10 * bad.len(), "{anew} guests for {bad:?}");
        }
    }

    #[test]
    fn a_guest_that_always_faults_is_given_up_soon() {
        let mut given = 0;
        let give = |_| {
            given += 1;
            Ok(Err(trap()))
        };
        let failed = faults().find(2_000, trap(), give, |_, _| {}).unwrap_err();
        assert!(
            failed.to_string().contains("10 records in succession"),
            "{failed}"
        );
        assert!(given < 40, "{given}");
    }

    #[test]
    fn records_that_come_alone_in_batch_after_batch_count_too() {
        let mut faults = faults();
        let mut alone = || faults.find(1, trap(), |_| Ok(Ok(())), |_, _| {});
        for _ in 1..FAULTS_ALONE_MAX {
            alone().unwrap();
        }
        assert!(alone().is_err());
    }
}
