//! Runs a chain of one component's transforms over a batch, in one call of the host.

use std::ops::Range;
use std::time::Instant;

use tidegate_model::Batch;

use crate::error::Result;
use crate::map_edits::{Fused, MapEdits};
use crate::plugins::{Plugins, Step};
use crate::predicate::Predicate;
use crate::row::Side;
use crate::transform::{Reads, Transform};
use crate::transform_batch::{StepCount, TransformBatch, Transformed};

/// A prepared chain.
pub struct Chain {
    steps: Vec<ChainStep>,
    runs: Vec<Run>,
}

/// Steps in a row.
struct Run {
    steps: Range<usize>,
    /// Steps that edit maps, put together.
    fused: Option<Fused>,
    /// Maps are given their keys back before it: it takes no shapes, and there may be some.
    expands_maps: bool,
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
        Ok(Self::of_steps(steps))
    }

    /// A chain of one transform that applies to every record.
    #[must_use]
    pub fn of(transform: Box<dyn Transform>) -> Self {
        Self::of_steps(vec![ChainStep {
            transform,
            condition: None,
        }])
    }

    fn of_steps(steps: Vec<ChainStep>) -> Self {
        let mut runs: Vec<Run> = Vec::new();
        let mut from = 0;
        // Steps that edit maps make shapes of shapes only; who says that it takes them may make them of anything.
        let mut may_have_shapes = true;
        for neighbours in steps.chunk_by(|one, next| {
            let side = one.edited_side();
            side.is_some() && side == next.edited_side()
        }) {
            let edits: Vec<_> = neighbours.iter().filter_map(ChainStep::map_edits).collect();
            let side = edits.first().map(|edits| edits.side());
            let to = from + neighbours.len();
            let takes_shapes = side.is_some() || neighbours.iter().all(ChainStep::takes_map_shapes);
            let expands_maps = may_have_shapes && !takes_shapes;
            let may_make_shapes = neighbours
                .iter()
                .any(|step| step.transform.reads().map_shapes);
            may_have_shapes = may_make_shapes || may_have_shapes && !expands_maps;
            runs.push(Run {
                steps: from..to,
                fused: side.map(|side| Fused::of(&edits, side)),
                expands_maps,
            });
            from = to;
        }
        Self { steps, runs }
    }

    /// Which columns the chain reads.
    #[must_use]
    pub fn reads(&self) -> Reads {
        let mut reads = self.columns();
        // Those behind it get maps with their keys from the chain itself.
        let mut readers = self.runs.iter().filter(|run| {
            let steps = self.steps.get(run.steps.clone()).unwrap_or_default();
            run.fused.is_some() || !steps.iter().all(ChainStep::takes_map_shapes)
        });
        reads.map_shapes = readers.next().is_none_or(|run| run.fused.is_some());
        reads
    }

    fn columns(&self) -> Reads {
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
        let mut clock = Clock::started();
        for run in &mut self.runs {
            let Run { steps, fused, .. } = run;
            let numbered = (0_u32..).skip(steps.start);
            let (Some(steps), Some(counts)) = (
                self.steps.get_mut(steps.clone()),
                counts.get_mut(steps.clone()),
            ) else {
                break;
            };
            if batch.is_empty() {
                break;
            }
            if run.expands_maps {
                batch.expand_maps();
            }
            if let Some(fused) = fused {
                let edits: Vec<_> = steps.iter().filter_map(ChainStep::map_edits).collect();
                let left = fused.apply(&mut batch, &edits);
                let left_count = left.as_ref().map_or(0, |left| holding(left));
                let done = batch.len() - left_count;
                // What they did together is divided among them.
                let each = clock.lap() / u64::try_from(steps.len()).unwrap_or(1);
                for count in &mut *counts {
                    count.records = u32::try_from(done).unwrap_or(u32::MAX);
                    count.nanoseconds = each;
                }
                if left_count == 0 {
                    continue;
                }
                batch.leave_to_steps(left.filter(|_| done > 0));
            }
            for ((number, step), count) in numbered.zip(steps).zip(counts) {
                if batch.is_empty() {
                    break;
                }
                step.apply(number, &mut batch, count)?;
                count.nanoseconds += clock.lap();
            }
            batch.leave_to_steps(None);
        }
        Ok(batch.finish(counts))
    }
}

impl ChainStep {
    /// What it does to maps without a schema, where it does that to every record.
    fn map_edits(&self) -> Option<&dyn MapEdits> {
        match self.condition {
            Some(_) => None,
            None => self.transform.map_edits(),
        }
    }

    /// Whether its columns may have map shapes.
    fn takes_map_shapes(&self) -> bool {
        let condition = self.condition.as_ref();
        let asks = condition.is_none_or(|condition| condition.predicate.reads().takes_map_shapes());
        asks && self.transform.reads().takes_map_shapes()
    }

    fn edited_side(&self) -> Option<Side> {
        self.map_edits().map(|edits| edits.side())
    }

    fn apply(
        &mut self,
        number: u32,
        batch: &mut TransformBatch,
        count: &mut StepCount,
    ) -> Result<()> {
        let selected = match &mut self.condition {
            Some(condition) => {
                let mut holds = condition.predicate.test_batch(batch.batch())?;
                if condition.negate {
                    holds.iter_mut().for_each(|holds| *holds = !*holds);
                }
                Some(holds)
            }
            None => batch.left_to_steps().cloned(),
        };
        let records = selected.as_deref().map_or(batch.len(), holding);
        if records > 0 {
            batch.begin_step(number, selected.filter(|_| records < batch.len()));
            self.transform.apply_batch(batch)?;
            count.records += u32::try_from(records).unwrap_or(u32::MAX);
            count.dropped += batch.end_step();
        }
        Ok(())
    }
}

/// Of how many something holds.
fn holding(holds: &[bool]) -> usize {
    holds.iter().filter(|holds| **holds).count()
}

/// What each step takes: one reading of the clock for each step and batch.
struct Clock(Instant);

impl Clock {
    fn started() -> Self {
        Self(Instant::now())
    }

    /// The nanoseconds since the last reading.
    fn lap(&mut self) -> u64 {
        let now = Instant::now();
        let elapsed = now.duration_since(std::mem::replace(&mut self.0, now));
        u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
    }
}
