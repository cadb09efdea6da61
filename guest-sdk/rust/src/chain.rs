//! Runs a chain of one component's transforms over a batch, in one call of the host.

use std::time::Instant;

use tidegate_model::Batch;

use crate::error::Result;
use crate::plugins::{Plugins, Step};
use crate::predicate::Predicate;
use crate::transform::{Reads, Transform};
use crate::transform_batch::{StepCount, TransformBatch, Transformed};

/// A prepared chain.
pub struct Chain {
    steps: Vec<ChainStep>,
}

struct ChainStep {
    transform: Box<dyn Transform>,
    condition: Option<Condition>,
}

struct Condition {
    predicate: Box<dyn Predicate>,
    negate: bool,
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Chain of {} steps", self.steps.len())
    }
}

impl Chain {
    /// Prepares the transforms and predicates of a chain.
    ///
    /// # Errors
    /// When one is not known or its configuration cannot work.
    pub fn configure(plugins: &Plugins, steps: Vec<Step>) -> Result<Self> {
        let steps = steps
            .into_iter()
            .map(|step| {
                let condition = match step.condition {
                    Some(condition) => Some(Condition {
                        predicate: plugins.predicate(&condition.class_name, condition.config)?,
                        negate: condition.negate,
                    }),
                    None => None,
                };
                Ok(ChainStep {
                    transform: plugins.transform(&step.class_name, step.config)?,
                    condition,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self { steps })
    }

    /// A chain of one transform that applies to every record.
    #[must_use]
    pub fn of(transform: Box<dyn Transform>) -> Self {
        Self {
            steps: vec![ChainStep {
                transform,
                condition: None,
            }],
        }
    }

    /// Which columns the chain reads.
    #[must_use]
    pub fn reads(&self) -> Reads {
        self.steps.iter().fold(Reads::NONE, |reads, step| {
            let reads = reads.and(step.transform.reads());
            match &step.condition {
                // A step that applies to some records changes a column in part.
                Some(condition) => reads
                    .and(condition.predicate.reads())
                    .and(step.transform.reads_when_conditional()),
                None => reads,
            }
        })
    }

    /// Runs the chain over a batch.
    ///
    /// # Errors
    /// When a step failed as a whole; failures of records are in the answer.
    pub fn apply(&mut self, batch: Batch) -> Result<Transformed> {
        let mut batch = TransformBatch::new(batch);
        let mut counts = vec![StepCount::default(); self.steps.len()];
        let mut clock = Instant::now();
        for ((number, step), count) in (0_u32..).zip(&mut self.steps).zip(&mut counts) {
            if batch.is_empty() {
                break;
            }
            let mut records = batch.len();
            let selected = match &mut step.condition {
                Some(condition) => {
                    let mut holds = condition.predicate.test_batch(batch.batch())?;
                    if condition.negate {
                        holds.iter_mut().for_each(|holds| *holds = !*holds);
                    }
                    records = holds.iter().filter(|holds| **holds).count();
                    (records < batch.len()).then_some(holds)
                }
                None => None,
            };
            if records > 0 {
                batch.begin_step(number, selected);
                step.transform.apply_batch(&mut batch)?;
                count.records = u32::try_from(records).unwrap_or(u32::MAX);
                count.dropped = batch.end_step();
            }
            // One reading of the clock for each step and batch.
            let now = Instant::now();
            let elapsed = now.duration_since(std::mem::replace(&mut clock, now));
            count.nanoseconds = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        }
        Ok(batch.finish(counts))
    }
}
