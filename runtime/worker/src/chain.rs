//! The transformation chain of a task.
//!
//! Consecutive transforms of the same component, with their predicates when those are of that component too,
//! run in one crossing. A predicate of another component is asked first and decides which records cross.

use tidegate_config::connector::{ConnectorConfig, PredicateConfig, TransformConfig};
use tidegate_model::Batch;
use tidegate_sandbox::{
    Condition, Identity, Kind, Plugin, PredicateInstance, Registry, Step, Tested, TransformInstance,
};

use crate::error::{Stage, WorkerError};
use crate::record_converters::Failed;

/// The transforms of a task, in order.
pub struct Chain {
    links: Vec<Link>,
}

/// Transforms that run in one crossing.
struct Link {
    /// Decides which records cross; none: all do.
    guard: Option<Guard>,
    transforms: TransformInstance,
    /// The names of the steps, for messages.
    aliases: Vec<String>,
}

/// A predicate of another component.
struct Guard {
    predicate: PredicateInstance,
    negate: bool,
    /// Its name, for messages.
    alias: String,
}

/// What came of a batch.
pub struct Transformed {
    /// The outputs.
    pub batch: Batch,
    /// For each output the row it came from, ascending. None: output n came from row n.
    pub inputs: Option<Vec<u32>>,
}

impl Transformed {
    /// How many of the rows that were given have no output, besides those that failed.
    pub fn dropped(&self, given: usize, failed: usize) -> usize {
        let kept = match &self.inputs {
            None => self.batch.len(),
            Some(inputs) => inputs.chunk_by(|one, next| one == next).count(),
        };
        given.saturating_sub(failed).saturating_sub(kept)
    }
}

/// A guard that is to be made: the predicate, and whether it is negated.
type GuardConfig = (PredicateConfig, bool);

/// A link that is being put together.
struct Draft {
    plugin: Plugin,
    guard: Option<GuardConfig>,
    steps: Vec<Step>,
    aliases: Vec<String>,
}

impl Chain {
    /// Makes the chain that a connector names. Blocks.
    pub fn of(
        connector: &ConnectorConfig,
        registry: &Registry,
        identity: &Identity,
    ) -> Result<Self, WorkerError> {
        let mut drafts: Vec<Draft> = Vec::new();
        for transform in connector.transforms()? {
            let (plugin, class) = find(registry, Kind::Transform, &transform.class)?;
            let (condition, guard) = condition(registry, &plugin, &transform)?;
            let step = Step {
                class,
                config: transform.config,
                condition,
            };
            match drafts.last_mut() {
                Some(draft)
                    if guard.is_none()
                        && draft.guard.is_none()
                        && draft.plugin.digest() == plugin.digest() =>
                {
                    draft.steps.push(step);
                    draft.aliases.push(transform.alias);
                }
                _ => drafts.push(Draft {
                    plugin,
                    guard,
                    steps: vec![step],
                    aliases: vec![transform.alias],
                }),
            }
        }
        let links = drafts
            .into_iter()
            .map(|draft| Link::make(draft, registry, identity));
        Ok(Self {
            links: links.collect::<Result<_, _>>()?,
        })
    }

    /// Runs the chain. Rows that failed have no output and are listed, by their row in the batch given.
    pub fn apply(
        &mut self,
        batch: Batch,
        failed: &mut Vec<Failed>,
    ) -> Result<Transformed, WorkerError> {
        let mut done = Transformed {
            batch,
            inputs: None,
        };
        for link in &mut self.links {
            if done.batch.is_empty() {
                break;
            }
            let first = failed.len();
            let next = link.apply(done.batch, failed)?;
            if let Some(inputs) = &done.inputs {
                let original = |row: usize| inputs.get(row).copied().unwrap_or_default();
                for failure in failed.iter_mut().skip(first) {
                    failure.row = original(failure.row) as usize;
                }
                done.inputs = Some(match next.inputs {
                    Some(rows) => rows.into_iter().map(|row| original(row as usize)).collect(),
                    None => inputs.clone(),
                });
            } else {
                done.inputs = next.inputs;
            }
            done.batch = next.batch;
        }
        Ok(done)
    }
}

impl Link {
    fn make(draft: Draft, registry: &Registry, identity: &Identity) -> Result<Self, WorkerError> {
        let stage = Stage::Transformation;
        let guest = |error| WorkerError::Guest { stage, error };
        let guard = match draft.guard {
            None => None,
            Some((config, negate)) => {
                let (plugin, class) = find(registry, Kind::Predicate, &config.class)?;
                let predicate = plugin
                    .predicate(identity, &class, &config.config)
                    .map_err(guest)?;
                Some(Guard {
                    predicate,
                    negate,
                    alias: config.alias,
                })
            }
        };
        let transforms = draft
            .plugin
            .transforms(identity, draft.steps)
            .map_err(guest)?;
        Ok(Self {
            guard,
            transforms,
            aliases: draft.aliases,
        })
    }

    fn apply(
        &mut self,
        batch: Batch,
        failed: &mut Vec<Failed>,
    ) -> Result<Transformed, WorkerError> {
        let Some(guard) = &mut self.guard else {
            return self.transform(batch, failed);
        };
        let tested = guard
            .predicate
            .test(&batch)
            .map_err(|error| WorkerError::Guest {
                stage: Stage::Transformation,
                error,
            })?;
        let (crossing, staying) = divide(&tested, guard.negate);
        failed.extend(tested.errors.into_iter().map(|error| Failed {
            row: error.index,
            stage: Stage::Transformation,
            message: format!("predicate {}: {}", guard.alias, error.message),
        }));
        if staying.len() == batch.len() {
            return Ok(Transformed {
                batch,
                inputs: None,
            });
        }
        if crossing.len() == batch.len() {
            return self.transform(batch, failed);
        }
        if crossing.is_empty() {
            return Ok(Transformed {
                batch: batch.select(&staying),
                inputs: Some(staying),
            });
        }
        let first = failed.len();
        let crossed = self.transform(batch.select(&crossing), failed)?;
        let original = |row: u32| crossing.get(row as usize).copied().unwrap_or_default();
        for failure in failed.iter_mut().skip(first) {
            failure.row = original(u32::try_from(failure.row).unwrap_or_default()) as usize;
        }
        let crossed_inputs: Vec<u32> = match crossed.inputs {
            Some(rows) => rows.into_iter().map(original).collect(),
            None => crossing.clone(),
        };
        Ok(merge(
            (batch.select(&staying), staying),
            (crossed.batch, crossed_inputs),
        ))
    }

    fn transform(
        &mut self,
        batch: Batch,
        failed: &mut Vec<Failed>,
    ) -> Result<Transformed, WorkerError> {
        let applied = self
            .transforms
            .apply(batch)
            .map_err(|error| WorkerError::Guest {
                stage: Stage::Transformation,
                error,
            })?;
        failed.extend(applied.errors.into_iter().map(|error| {
            let alias = self.aliases.get(error.step).map_or("?", String::as_str);
            Failed {
                row: error.index,
                stage: Stage::Transformation,
                message: format!("transform {alias}: {}", error.message),
            }
        }));
        Ok(Transformed {
            batch: applied.batch,
            inputs: applied.inputs,
        })
    }
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
fn merge(
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

/// A predicate of the transform's own component as a condition; of another as a guard.
fn condition(
    registry: &Registry,
    plugin: &Plugin,
    transform: &TransformConfig,
) -> Result<(Option<Condition>, Option<GuardConfig>), WorkerError> {
    let Some(predicate) = &transform.predicate else {
        return Ok((None, None));
    };
    let (of, class) = find(registry, Kind::Predicate, &predicate.class)?;
    if of.digest() == plugin.digest() {
        let config = predicate.config.clone();
        Ok((
            Some(Condition {
                class,
                config,
                negate: transform.negate,
            }),
            None,
        ))
    } else {
        Ok((None, Some((predicate.clone(), transform.negate))))
    }
}

/// The component and full class name of a plugin.
fn find(registry: &Registry, kind: Kind, class: &str) -> Result<(Plugin, String), WorkerError> {
    let (plugin, info) = registry.find(kind, class)?;
    Ok((plugin, info.class_name.clone()))
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
