//! The guest of a transformation chain, and of a predicate.

use std::time::Instant;

use tidegate_config::Properties;
use tidegate_model::Batch;
use tidegate_model::map_shape::replace_map_shapes;

use crate::bindings::{predicate, transform, types};
use crate::bridge::{from_wire, to_wire};
use crate::error::{RecordError, SandboxError};
use crate::gathered::Gathered;
use crate::guest::Guest;
use crate::incoming::Checks;
use crate::merge::{Applied, merge};
use crate::parts::{Parts, part};
use crate::plugin::wire_config;
use crate::reads::{Held, Reads};
use crate::settings::Deadline;

/// One transform of a chain, all of one component.
#[derive(Debug, Clone)]
pub struct Step {
    /// The transform's class name.
    pub class: String,
    /// Its configuration, keys without their prefix.
    pub config: Properties,
    /// When it applies; `None`: always.
    pub condition: Option<Condition>,
}

/// A predicate of the same component that decides whether a step applies to a record.
#[derive(Debug, Clone)]
pub struct Condition {
    /// The predicate's class name.
    pub class: String,
    /// Its configuration, keys without their prefix.
    pub config: Properties,
    /// Apply the step where the predicate does not hold.
    pub negate: bool,
}

/// The guest of a chain of transforms of one component, configured.
pub struct TransformInstance {
    guest: Guest<transform::Guest>,
    reads: Reads,
    steps: usize,
    checks: Checks,
    given: Option<Batch>,
}

impl TransformInstance {
    pub(crate) fn new(
        mut guest: Guest<transform::Guest>,
        steps: Vec<Step>,
    ) -> Result<Self, SandboxError> {
        let chain: Vec<transform::Step> = steps
            .into_iter()
            .map(|step| transform::Step {
                class_name: step.class,
                config: wire_config(&step.config),
                condition: step.condition.map(|condition| transform::Condition {
                    class_name: condition.class,
                    config: wire_config(&condition.config),
                    negate: condition.negate,
                }),
            })
            .collect();
        let reads = guest.call("configure", Deadline::Validate, |exports, store| {
            exports.call_configure(store, &chain)
        })?;
        Ok(Self {
            checks: guest.checks(),
            guest,
            reads: reads.into(),
            steps: chain.len(),
            given: None,
        })
    }

    /// Which columns the chain reads.
    #[must_use]
    pub fn reads(&self) -> Reads {
        self.reads
    }

    /// Runs the chain over a batch, in several calls where one cannot carry it (`parts`). When a call did not
    /// answer, [`TransformInstance::take_back`] has the batch.
    ///
    /// # Errors
    /// The guest's own, or its fault; an answer that breaks the interface is one, and so is a batch that grows
    /// beyond [`APPLIED_BYTES_MAX`](tidegate_model::limits::APPLIED_BYTES_MAX).
    pub fn apply(&mut self, batch: Batch) -> Result<Applied, SandboxError> {
        self.given = None;
        let batch = self.reads.shown(batch);
        let Some(parts) = Parts::of(&batch, self.reads, self.guest.input_bytes_max()) else {
            return self.apply_part(batch);
        };
        let mut gathered = Gathered::of(parts.too_large);
        for run in parts.runs {
            let applied = self.apply_part(part(&batch, &run)).and_then(|applied| {
                let grown = gathered.add(run.start, run.len(), applied);
                grown.map_err(|message| self.guest.violation("apply", message))
            });
            if let Err(error) = applied {
                // The whole batch stands for its part.
                self.given = self.given.take().map(|_| batch);
                return Err(error);
            }
        }
        Ok(gathered.finish(batch.count))
    }

    fn apply_part(&mut self, mut batch: Batch) -> Result<Applied, SandboxError> {
        let held = Held::take(&mut batch, self.reads);
        let count = batch.count;
        self.guest.gives(batch.payload_bytes());
        let wire = to_wire(batch);
        let begun = Instant::now();
        let answer = self
            .guest
            .call("apply", Deadline::Transform, |exports, store| {
                exports.call_apply(store, &wire)
            });
        let call = begun.elapsed();
        let mut batch = from_wire(wire);
        held.give_back(&mut batch);
        match answer {
            Ok(mut answer) => {
                self.guest.gave(answer_bytes(&answer));
                for error in &mut answer.errors {
                    self.guest.redact(&mut error.error.message);
                }
                let mut applied = merge(batch, answer, self.steps, &mut self.checks)
                    .map_err(|message| self.guest.violation("apply", message))?;
                applied.within(call, count, self.steps);
                Ok(applied)
            }
            Err(error) => {
                self.given = Some(batch);
                Err(error)
            }
        }
    }

    /// The batch of the last `apply` in which a call did not answer: the guest trapped, was ended, or said why not.
    pub fn take_back(&mut self) -> Option<Batch> {
        self.given.take()
    }

    /// Whether a fault ended the guest.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.guest.is_dead()
    }

    /// The bytes of its linear memories.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.guest.memory_bytes()
    }
}

/// The bytes of the columns that a chain answers with.
fn answer_bytes(answer: &transform::Transformed) -> usize {
    let column = |column: &Option<transform::ValueColumn>| {
        let column = column.as_ref();
        column.map_or(0, |column| column.values.bytes.len())
    };
    let headers = answer.headers.as_ref().map_or(0, |headers| {
        headers.keys.bytes.len() + headers.values.bytes.len()
    });
    column(&answer.keys) + column(&answer.values) + headers
}

/// What a predicate says of a batch.
#[derive(Debug, PartialEq, Eq)]
pub struct Tested {
    /// For each record whether the predicate holds; `false` for those that failed.
    pub holds: Vec<bool>,
    /// The records that it could not be asked about, in ascending order.
    pub errors: Vec<RecordError>,
}

/// The guest of a predicate on its own, configured.
pub struct PredicateInstance {
    guest: Guest<predicate::Guest>,
    reads: Reads,
    wire: types::Batch,
}

impl PredicateInstance {
    pub(crate) fn new(
        mut guest: Guest<predicate::Guest>,
        class: &str,
        config: &Properties,
    ) -> Result<Self, SandboxError> {
        let config = wire_config(config);
        let reads = guest.call("configure", Deadline::Validate, |exports, store| {
            exports.call_configure(store, class, &config)
        })?;
        Ok(Self {
            guest,
            reads: reads.into(),
            wire: to_wire(Batch::default()),
        })
    }

    /// Which columns the predicate reads.
    #[must_use]
    pub fn reads(&self) -> Reads {
        self.reads
    }

    /// For each record whether the predicate holds, asked in several calls where one cannot carry the batch
    /// (`parts`).
    ///
    /// # Errors
    /// The guest's own, or its fault.
    pub fn test(&mut self, batch: &Batch) -> Result<Tested, SandboxError> {
        let expanded;
        let reads_maps = self.reads.keys || self.reads.values;
        let batch = if reads_maps && !self.reads.map_shapes && batch.has_map_shapes() {
            expanded = self.reads.shown(batch.clone());
            &expanded
        } else {
            batch
        };
        let Some(parts) = Parts::of(batch, self.reads, self.guest.input_bytes_max()) else {
            return Ok(Tested {
                holds: self.test_part(batch)?,
                errors: Vec::new(),
            });
        };
        let mut holds = vec![false; batch.count];
        for run in parts.runs {
            let answers = self.test_part(&part(batch, &run))?;
            for (holds, answer) in holds.iter_mut().skip(run.start).zip(answers) {
                *holds = answer;
            }
        }
        Ok(Tested {
            holds,
            errors: parts.too_large,
        })
    }

    /// Whether a fault ended the guest.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.guest.is_dead()
    }

    fn test_part(&mut self, batch: &Batch) -> Result<Vec<bool>, SandboxError> {
        self.fill(batch);
        let (keys, headers) = (&self.wire.keys, &self.wire.headers);
        let bytes = keys.bytes.len() + self.wire.values.bytes.len();
        let bytes = bytes + headers.keys.bytes.len() + headers.values.bytes.len();
        self.guest.gives(bytes);
        let wire = &self.wire;
        let answer = self
            .guest
            .call("test", Deadline::Transform, |exports, store| {
                exports.call_test(store, wire)
            })?;
        let refused = if answer.len() != batch.count {
            Some(format!(
                "{} answers for {} records",
                answer.len(),
                batch.count
            ))
        } else {
            answer
                .iter()
                .find(|answer| **answer > 1)
                .map(|answer| format!("the answer {answer}; 0 and 1 are allowed"))
        };
        match refused {
            Some(message) => Err(self.guest.violation("test", message)),
            None => Ok(answer.iter().map(|answer| *answer == 1).collect()),
        }
    }

    /// Copies what is read into the buffers of the last call.
    fn fill(&mut self, batch: &Batch) {
        let wire = &mut self.wire;
        wire.count = u32::try_from(batch.count).unwrap_or(u32::MAX);
        wire.topics.clone_from(&batch.topics);
        wire.topic_indexes.clone_from(&batch.topic_indexes);
        wire.partitions.clone_from(&batch.partitions);
        wire.offsets.clone_from(&batch.offsets);
        wire.timestamps.clone_from(&batch.timestamps);
        wire.schemas.clone_from(&batch.schemas);
        if !self.reads.map_shapes {
            replace_map_shapes(&mut wire.schemas);
        }
        if self.reads.keys {
            wire.key_schemas.clone_from(&batch.key_schemas);
            fill_column(&mut wire.keys, &batch.keys);
        }
        if self.reads.values {
            wire.value_schemas.clone_from(&batch.value_schemas);
            fill_column(&mut wire.values, &batch.values);
        }
        if self.reads.headers {
            wire.headers.counts.clone_from(&batch.headers.counts);
            wire.headers.schemas.clone_from(&batch.headers.schemas);
            fill_column(&mut wire.headers.keys, &batch.headers.keys);
            fill_column(&mut wire.headers.values, &batch.headers.values);
        }
    }
}

fn fill_column(wire: &mut types::Column, column: &tidegate_model::Column) {
    wire.bytes.clone_from(&column.bytes);
    wire.lengths.clone_from(&column.lengths);
}
