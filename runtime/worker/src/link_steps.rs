//! The steps of a link: what records may fail in, and the counters of it.

use std::sync::Arc;
use std::time::Duration;

use tidegate_sandbox::{Applied, RecordError, SandboxError, Step};

use crate::chain::Transformed;
use crate::error::Stage;
use crate::failures::{Failed, Operation};
use crate::progress::TransformProgress;

/// The steps of a link.
pub struct LinkSteps {
    operations: Vec<Arc<Operation>>,
    /// All of them, of which it cannot be seen which one ended the guest.
    together: Arc<Operation>,
    counters: Vec<Arc<TransformProgress>>,
}

impl LinkSteps {
    /// Of these steps; the counters have their names.
    pub fn new(steps: &[Step], counters: Vec<Arc<TransformProgress>>) -> Self {
        let named = steps.iter().zip(&counters);
        let operations: Vec<_> = named
            .map(|(step, counter)| operation(&step.class, format!("transform {}", counter.alias())))
            .collect();
        let together = match operations.as_slice() {
            [only] => Arc::clone(only),
            several => {
                let classes: Vec<_> = several.iter().map(|step| step.class.as_str()).collect();
                let names: Vec<_> = counters.iter().map(|counter| counter.alias()).collect();
                let name = format!("one of the transforms {}", names.join(", "));
                operation(&classes.join(", "), name)
            }
        };
        Self {
            operations,
            together,
            counters,
        }
    }

    /// Asking a predicate of another component: in Kafka Connect's words, an operation of the transform.
    pub fn guarded_by(&self, alias: &str) -> Arc<Operation> {
        operation(&self.together.class, format!("predicate {alias}"))
    }

    /// The predicate of another component took so long, and so many records failed in it. A link with one has one step.
    pub fn guard_did(&self, time: Duration, failed: usize) {
        if let Some(counter) = self.counters.first() {
            counter.took(time);
            counter.failed(failed);
        }
    }

    /// The outputs; what failed is listed, and what the steps did is counted.
    pub fn taken(&self, applied: Applied, failed: &mut Vec<Failed>) -> Transformed {
        for (counter, step) in self.counters.iter().zip(&applied.steps) {
            counter.did(step);
        }
        failed.extend(applied.errors.into_iter().map(|error| {
            if let Some(counter) = self.counters.get(error.step) {
                counter.failed(1);
            }
            let operation = self.operations.get(error.step).unwrap_or(&self.together);
            Failed::refused(error.index, operation, error.class, error.message)
        }));
        Transformed {
            batch: applied.batch,
            inputs: applied.inputs,
        }
    }

    /// A record at which the guest ended.
    pub fn ended(&self, row: usize, fault: &SandboxError) -> Failed {
        if let Some(counter) = self.counters.first() {
            counter.failed(1);
        }
        Failed::new(row, &self.together, fault.class(), fault.without_trace())
    }
}

/// A record that failed in an operation.
pub fn failed_in(operation: &Arc<Operation>, error: RecordError) -> Failed {
    Failed::refused(error.index, operation, error.class, error.message)
}

fn operation(class: &str, name: String) -> Arc<Operation> {
    Arc::new(Operation {
        stage: Stage::Transformation,
        class: class.to_owned(),
        name,
    })
}
