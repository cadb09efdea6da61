//! What follows when a sink's guest ends in a put: it is made anew and given what it had not flushed again, in parts, until
//! the records stand alone at which it ends.

use tidegate_model::Batch;
use tidegate_sandbox::SandboxError;

use super::{SinkPipeline, Stepped};
use crate::error::{Stage, WorkerError};
use crate::failures::Failed;
use crate::fetched_rows::FetchedRows;
use crate::positions::Span;

impl SinkPipeline {
    /// The record that the sink did not survive alone, as one that failed.
    pub(super) fn lose(
        &mut self,
        row: usize,
        fault: &SandboxError,
        fetched: &FetchedRows,
    ) -> Result<Failed, WorkerError> {
        for span in fetched.spans(row..row + 1) {
            self.suspects.lose(span, fault)?;
        }
        Ok(Failed::in_put(row, fault.class(), fault.without_trace()))
    }

    /// Goes back to where the sink had answered for all that it was given: `rest` of what it had in hand comes again,
    /// from `again` where there is nothing before it.
    pub(super) fn recover(
        &mut self,
        again: Option<Batch>,
        rest: Vec<Span>,
    ) -> Result<(), WorkerError> {
        self.abandoned.check()?;
        let mut back = self.positions.go_back();
        if let Some(mut again) = again.filter(|_| back.is_empty()) {
            if !again.is_empty() {
                again.append(&self.ahead);
                self.ahead = again;
            }
            return Ok(());
        }
        for span in rest {
            if !back
                .iter()
                .any(|(partition, _)| *partition == span.partition)
            {
                back.push(span.begin());
            }
        }
        self.read_again(back)
    }

    /// The records that the sink did not survive, of `given` rows, are suspect from now on, and the guest is made anew;
    /// `rest` is those that it did not say to have delivered.
    pub(super) fn suspect(
        &mut self,
        fault: &SandboxError,
        given: usize,
        said: bool,
        rest: Vec<Span>,
    ) -> Result<Stepped, WorkerError> {
        if !self.suspects.any() {
            tracing::warn!(error = %fault, records = given,
                "The sink ended. It is made anew and given what it had not flushed again, in parts, until the records \
                 stand alone at which it ends.");
        }
        self.suspects.faulted(rest, given, said, fault)?;
        self.suspects.passed(&self.positions, said);
        let made = self.guest.make_anew(&self.assigned);
        made.map_err(|error| WorkerError::Guest {
            stage: Stage::TaskLifecycle,
            error,
        })?;
        Ok(Stepped::Moved)
    }

    /// Flushes a part of what is suspect before the next.
    pub(super) fn flush_part(&mut self) -> Result<Stepped, WorkerError> {
        let before = self.positions.safe_sum();
        self.commit()?;
        let further = self.positions.safe_sum() > before;
        self.suspects.passed(&self.positions, further);
        Ok(Stepped::Moved)
    }
}
