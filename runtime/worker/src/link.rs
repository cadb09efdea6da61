//! A link of a chain: transforms of one component that run in one crossing, and the predicate of another component
//! that decides which records cross.
//!
//! A guest that faults is made anew when it is needed next.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use tidegate_config::Properties;
use tidegate_model::Batch;
use tidegate_model::ErrorClass;
use tidegate_model::limits::APPLIED_BYTES_MAX;
use tidegate_sandbox::{
    Identity, Plugin, PredicateInstance, RecordError, SandboxError, Step, Tested, TransformInstance,
};

use crate::chain::Transformed;
use crate::error::WorkerError;
use crate::failures::{Failed, Operation};
use crate::faults::{Faults, Isolation, failure};
use crate::link_steps::{LinkSteps, failed_in};
use crate::progress::TransformProgress;
use crate::retried;
use crate::retry::{Next, Trying};

/// Transforms that run in one crossing.
pub struct Link {
    /// Decides which records cross; none: all do.
    guard: Option<Guard>,
    transforms: Transforms,
}

/// A predicate of another component.
struct Guard {
    guest: PredicateGuest,
    negate: bool,
    /// Being asked: in Kafka Connect's words, an operation of the transform.
    operation: Arc<Operation>,
    faults: Faults,
}

/// The guest of a predicate, and what it is made of.
struct PredicateGuest {
    instance: PredicateInstance,
    plugin: Plugin,
    identity: Identity,
    class: String,
    config: Properties,
}

/// A predicate to be made.
pub struct NewGuard {
    pub plugin: Plugin,
    pub class: String,
    pub config: Properties,
    pub negate: bool,
    pub alias: String,
}

/// The transforms of a link.
struct Transforms {
    guest: TransformGuest,
    steps: LinkSteps,
    faults: Faults,
}

/// The guest of transforms, and what it is made of.
struct TransformGuest {
    instance: TransformInstance,
    plugin: Plugin,
    identity: Identity,
    steps: Vec<Step>,
}

impl Link {
    /// Makes the guests. Blocks.
    pub fn make(
        plugin: Plugin,
        steps: Vec<Step>,
        counters: Vec<Arc<TransformProgress>>,
        guard: Option<NewGuard>,
        identity: &Identity,
        isolation: &Isolation,
    ) -> Result<Self, WorkerError> {
        let operations = LinkSteps::new(&steps, counters);
        let guard = guard.map(|new| {
            let operation = operations.guarded_by(&new.alias);
            Guard::make(new, operation, identity, isolation)
        });
        Ok(Self {
            guard: guard.transpose()?,
            transforms: Transforms {
                guest: TransformGuest {
                    instance: plugin
                        .transforms(identity, steps.clone())
                        .map_err(failure)?,
                    plugin,
                    identity: identity.clone(),
                    steps,
                },
                steps: operations,
                faults: Faults::new(isolation.clone()),
            },
        })
    }

    /// Whether its transforms take maps that left their keys to a shape.
    pub fn takes_map_shapes(&self) -> bool {
        self.transforms.guest.instance.reads().map_shapes
    }

    /// Runs the transforms on the records that cross. Rows that failed have no output and are listed. `None`: it was
    /// interrupted.
    pub fn apply(
        &mut self,
        batch: Batch,
        failed: &mut Vec<Failed>,
        trying: Trying<'_>,
    ) -> Result<Option<Transformed>, WorkerError> {
        let transforms = &mut self.transforms;
        let Some(guard) = &mut self.guard else {
            return transforms.apply_until_done(batch, failed, trying);
        };
        let begun = Instant::now();
        let Some(tested) = guard.test_until_done(&batch, trying)? else {
            return Ok(None);
        };
        transforms
            .steps
            .guard_did(begun.elapsed(), tested.errors.len());
        let (crossing, staying) = divide(&tested, guard.negate);
        let errors = tested.errors.into_iter();
        failed.extend(errors.map(|error| failed_in(&guard.operation, error)));
        if staying.len() == batch.len() {
            return Ok(Some(Transformed {
                batch,
                inputs: None,
            }));
        }
        if crossing.len() == batch.len() {
            return transforms.apply_until_done(batch, failed, trying);
        }
        if crossing.is_empty() {
            return Ok(Some(Transformed {
                batch: batch.select(&staying),
                inputs: Some(staying),
            }));
        }
        let first = failed.len();
        let crossed = transforms.apply_until_done(batch.select(&crossing), failed, trying)?;
        let Some(crossed) = crossed else {
            return Ok(None);
        };
        let original = |row: u32| crossing.get(row as usize).copied().unwrap_or_default();
        for failure in failed.iter_mut().skip(first) {
            failure.row = original(u32::try_from(failure.row).unwrap_or_default()) as usize;
        }
        let crossed_inputs: Vec<u32> = match crossed.inputs {
            Some(rows) => rows.into_iter().map(original).collect(),
            None => crossing.clone(),
        };
        Ok(Some(merge(
            (batch.select(&staying), staying),
            (crossed.batch, crossed_inputs),
        )))
    }
}

impl Guard {
    fn make(
        new: NewGuard,
        operation: Arc<Operation>,
        identity: &Identity,
        isolation: &Isolation,
    ) -> Result<Self, WorkerError> {
        Ok(Self {
            guest: PredicateGuest {
                instance: new
                    .plugin
                    .predicate(identity, &new.class, &new.config)
                    .map_err(failure)?,
                plugin: new.plugin,
                identity: identity.clone(),
                class: new.class,
                config: new.config,
            },
            negate: new.negate,
            operation,
            faults: Faults::new(isolation.clone()),
        })
    }

    /// Asks until the call as a whole does not ask to come again. `None`: it was interrupted.
    fn test_until_done(
        &mut self,
        batch: &Batch,
        trying: Trying<'_>,
    ) -> Result<Option<Tested>, WorkerError> {
        let mut attempts = trying.begin();
        loop {
            match self.test(batch) {
                Err(error) if error.class() == ErrorClass::Retriable => {
                    match attempts.again(batch.len()) {
                        Next::Try => {}
                        Next::GiveUp => return Err(error),
                        Next::Interrupted => return Ok(None),
                    }
                }
                tested => return tested.map(Some),
            }
        }
    }

    fn test(&mut self, batch: &Batch) -> Result<Tested, WorkerError> {
        self.guest.revive()?;
        let fault = match self.guest.instance.test(batch) {
            Ok(tested) => {
                self.faults.answered();
                return Ok(tested);
            }
            Err(error) if self.faults.isolates(&error) => error,
            Err(error) => return Err(failure(error)),
        };
        let guest = &mut self.guest;
        let mut holds = vec![false; batch.len()];
        let (mut errors, mut lost) = (Vec::new(), Vec::new());
        let give = |run: Range<usize>| {
            guest.revive()?;
            let answer = match guest.instance.test(&rows_of(batch, &run)) {
                Ok(answer) => answer,
                Err(error) => return Ok(Err(error)),
            };
            for (holds, answer) in holds.iter_mut().skip(run.start).zip(answer.holds) {
                *holds = answer;
            }
            errors.extend(answer.errors.into_iter().map(|error| RecordError {
                index: run.start + error.index,
                ..error
            }));
            Ok(Ok(()))
        };
        self.faults.find(batch.len(), fault, give, |index, fault| {
            lost.push(RecordError {
                index,
                class: fault.class(),
                message: fault.without_trace(),
            });
        })?;
        errors.extend(lost);
        errors.sort_by_key(|error| error.index);
        Ok(Tested { holds, errors })
    }
}

impl PredicateGuest {
    /// Makes it anew after a fault.
    fn revive(&mut self) -> Result<(), WorkerError> {
        if self.instance.is_dead() {
            let (class, config) = (&self.class, &self.config);
            let made = self.plugin.predicate(&self.identity, class, config);
            self.instance = made.map_err(failure)?;
        }
        Ok(())
    }
}

impl TransformGuest {
    /// Makes it anew after a fault.
    fn revive(&mut self) -> Result<(), WorkerError> {
        if self.instance.is_dead() {
            let made = self.plugin.transforms(&self.identity, self.steps.clone());
            self.instance = made.map_err(failure)?;
        }
        Ok(())
    }
}

impl Transforms {
    fn apply_until_done(
        &mut self,
        batch: Batch,
        failed: &mut Vec<Failed>,
        trying: Trying<'_>,
    ) -> Result<Option<Transformed>, WorkerError> {
        retried::apply(batch, failed, trying, |batch, failed| {
            self.apply(batch, failed)
        })
    }

    fn apply(
        &mut self,
        batch: Batch,
        failed: &mut Vec<Failed>,
    ) -> Result<Transformed, WorkerError> {
        self.guest.revive()?;
        let instance = &mut self.guest.instance;
        match instance.apply(batch) {
            Ok(applied) => {
                self.faults.answered();
                Ok(self.steps.taken(applied, failed))
            }
            Err(error) if self.faults.isolates(&error) => match instance.take_back() {
                Some(batch) => self.find(&batch, error, failed),
                None => Err(failure(error)),
            },
            Err(error) => Err(failure(error)),
        }
    }

    /// Runs a batch that the guest did not survive in parts, without the records at which it faults.
    fn find(
        &mut self,
        batch: &Batch,
        fault: SandboxError,
        failed: &mut Vec<Failed>,
    ) -> Result<Transformed, WorkerError> {
        let (guest, steps) = (&mut self.guest, &self.steps);
        let (mut outputs, mut inputs) = (Batch::default(), Vec::new());
        let mut lost = Vec::new();
        let give = |run: Range<usize>| {
            guest.revive()?;
            let applied = match guest.instance.apply(rows_of(batch, &run)) {
                Ok(applied) => applied,
                Err(error) => return Ok(Err(error)),
            };
            let first = failed.len();
            let done = steps.taken(applied, failed);
            for failure in failed.iter_mut().skip(first) {
                failure.row += run.start;
            }
            let base = u32::try_from(run.start).unwrap_or(u32::MAX);
            match done.inputs {
                Some(rows) => inputs.extend(rows.iter().map(|row| base.saturating_add(*row))),
                None => inputs.extend((base..).take(run.len())),
            }
            append(&mut outputs, done.batch)?;
            Ok(Ok(()))
        };
        self.faults.find(batch.len(), fault, give, |row, fault| {
            lost.push(steps.ended(row, fault));
        })?;
        failed.extend(lost);
        Ok(Transformed {
            batch: outputs,
            inputs: Some(inputs),
        })
    }
}

/// Some records of a batch.
fn rows_of(batch: &Batch, run: &Range<usize>) -> Batch {
    let rows = run.clone().filter_map(|row| u32::try_from(row).ok());
    batch.select(&rows.collect::<Vec<_>>())
}

/// Adds the outputs of a part, of which there may not be more than of a batch that was not divided.
fn append(outputs: &mut Batch, part: Batch) -> Result<(), WorkerError> {
    let bytes = outputs.payload_bytes() + part.payload_bytes();
    if bytes > APPLIED_BYTES_MAX {
        return Err(failure(SandboxError::Violation {
            call: "apply",
            message: format!(
                "records of {bytes} bytes for one batch; it may become {APPLIED_BYTES_MAX}"
            ),
        }));
    }
    if outputs.is_empty() {
        *outputs = part;
    } else {
        outputs.append(&part);
    }
    Ok(())
}

/// The rows that a guard lets cross, and those that stay as they are. Those that failed do neither.
fn divide(tested: &Tested, negate: bool) -> (Vec<u32>, Vec<u32>) {
    let (mut crossing, mut staying) = (Vec::new(), Vec::new());
    let mut failed = tested.errors.iter().map(|error| error.index).peekable();
    for (index, (row, holds)) in (0_u32..).zip(&tested.holds).enumerate() {
        if failed.next_if_eq(&index).is_some() {
            continue;
        }
        if *holds == negate {
            staying.push(row);
        } else {
            crossing.push(row);
        }
    }
    (crossing, staying)
}

/// Puts two sets of records in the order of the rows that they came from.
pub fn merge(
    (mut batch, mut rows): (Batch, Vec<u32>),
    (other, other_rows): (Batch, Vec<u32>),
) -> Transformed {
    batch.append(&other);
    rows.extend(other_rows);
    let mut order: Vec<u32> = (0..).take(rows.len()).collect();
    order.sort_by_key(|position| rows.get(*position as usize).copied());
    let inputs = order
        .iter()
        .filter_map(|position| rows.get(*position as usize).copied())
        .collect();
    Transformed {
        batch: batch.select(&order),
        inputs: Some(inputs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_model::ErrorClass;
    use tidegate_sandbox::RecordError;

    #[test]
    fn a_record_that_a_predicate_cannot_be_asked_about_neither_crosses_nor_stays() {
        let tested = Tested {
            holds: vec![false, true, false, true, false],
            errors: vec![RecordError {
                index: 2,
                class: ErrorClass::Data,
                message: "too large".to_owned(),
            }],
        };
        assert_eq!(divide(&tested, false), (vec![1, 3], vec![0, 4]));
        assert_eq!(divide(&tested, true), (vec![0, 4], vec![1, 3]));
    }
}
