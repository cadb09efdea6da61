//! Putting together what a transform made of the parts of a batch, as if it had been one.

use tidegate_model::Batch;
use tidegate_model::limits::APPLIED_BYTES_MAX;

use crate::error::RecordError;
use crate::merge::{Applied, StepError};
use crate::step_count::{self, StepCount};

/// What came of the parts so far.
pub(crate) struct Gathered {
    batch: Batch,
    inputs: Vec<u32>,
    errors: Vec<StepError>,
    steps: Vec<StepCount>,
}

impl Gathered {
    /// Nothing yet, but the records that are too large for any part: they fail in the first step.
    pub(crate) fn of(too_large: Vec<RecordError>) -> Self {
        let errors = too_large.into_iter().map(|error| StepError {
            index: error.index,
            step: 0,
            class: error.class,
            message: error.message,
        });
        Self {
            batch: Batch::default(),
            inputs: Vec::new(),
            errors: errors.collect(),
            steps: Vec::new(),
        }
    }

    /// Adds what came of the part of `count` records that begins with record `first`; refuses a batch that has
    /// grown too much.
    pub(crate) fn add(
        &mut self,
        first: usize,
        count: usize,
        applied: Applied,
    ) -> Result<(), String> {
        let bytes = self.batch.payload_bytes() + applied.batch.payload_bytes();
        if bytes > APPLIED_BYTES_MAX {
            return Err(format!(
                "records of {bytes} bytes for one batch; it may become {APPLIED_BYTES_MAX}"
            ));
        }
        step_count::add(&mut self.steps, &applied.steps);
        let inputs = match applied.inputs {
            Some(inputs) => inputs,
            None => (0..).take(count).collect(),
        };
        let base = u32::try_from(first).unwrap_or(u32::MAX);
        self.inputs
            .extend(inputs.into_iter().map(|input| base.saturating_add(input)));
        self.errors
            .extend(applied.errors.into_iter().map(|error| StepError {
                index: first + error.index,
                ..error
            }));
        if self.batch.is_empty() {
            self.batch = applied.batch;
        } else {
            self.batch.append(&applied.batch);
        }
        Ok(())
    }

    /// The answer for the whole batch of `count` records.
    pub(crate) fn finish(mut self, count: usize) -> Applied {
        self.errors.sort_by_key(|error| error.index);
        let all =
            self.inputs.len() == count && (0..).zip(&self.inputs).all(|(row, input)| row == *input);
        Applied {
            batch: self.batch,
            inputs: (!all).then_some(self.inputs),
            errors: self.errors,
            steps: self.steps,
        }
    }
}
