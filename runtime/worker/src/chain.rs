//! The transformation chain of a task.
//!
//! Consecutive transforms of the same component, with their predicates when those are of that component too,
//! run in one crossing: a link. A predicate of another component is asked first and decides which records cross.

use std::sync::Arc;

use tidegate_config::connector::{ConnectorConfig, TransformConfig};
use tidegate_model::Batch;
use tidegate_sandbox::{Condition, Identity, Kind, Plugin, Registry, Step};

use crate::error::WorkerError;
use crate::failures::Failed;
use crate::faults::Isolation;
use crate::link::{Link, NewGuard};
use crate::progress::{Progress, TransformProgress};
use crate::retry::Trying;

/// The transforms of a task, in order.
pub struct Chain {
    links: Vec<Link>,
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
    pub fn dropped(batch: &Batch, inputs: Option<&[u32]>, given: usize, failed: usize) -> usize {
        let kept = match inputs {
            None => batch.len(),
            Some(inputs) => inputs.chunk_by(|one, next| one == next).count(),
        };
        given.saturating_sub(failed).saturating_sub(kept)
    }
}

/// A link that is being put together.
struct Draft {
    plugin: Plugin,
    guard: Option<NewGuard>,
    steps: Vec<Step>,
    counters: Vec<Arc<TransformProgress>>,
}

impl Chain {
    /// Makes the chain that a connector names. Blocks.
    pub fn of(
        connector: &ConnectorConfig,
        registry: &Registry,
        identity: &Identity,
        isolation: &Isolation,
        progress: &Progress,
    ) -> Result<Self, WorkerError> {
        let mut drafts: Vec<Draft> = Vec::new();
        let mut counters = Vec::new();
        for transform in connector.transforms()? {
            let asked = transform.version.as_deref();
            let (plugin, class) = find(registry, Kind::Transform, &transform.class, asked)?;
            let (condition, guard) = condition(registry, &plugin, &transform)?;
            let counter = Arc::new(TransformProgress::of(&transform.alias));
            counters.push(Arc::clone(&counter));
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
                    draft.counters.push(counter);
                }
                _ => drafts.push(Draft {
                    plugin,
                    guard,
                    steps: vec![step],
                    counters: vec![counter],
                }),
            }
        }
        progress.set_transforms(counters);
        let links = drafts.into_iter().map(|draft| {
            let Draft {
                plugin,
                guard,
                steps,
                counters,
            } = draft;
            Link::make(plugin, steps, counters, guard, identity, isolation)
        });
        Ok(Self {
            links: links.collect::<Result<_, _>>()?,
        })
    }

    /// Whether there is no transform.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// Whether its first component takes maps that left their keys to a shape; `None`: there is no transform.
    pub fn takes_map_shapes(&self) -> Option<bool> {
        self.links.first().map(Link::takes_map_shapes)
    }

    /// Runs the chain. Rows that failed have no output and are listed, by their row in the batch given. `None`: it was
    /// interrupted while it tried something again.
    pub fn apply(
        &mut self,
        batch: Batch,
        failed: &mut Vec<Failed>,
        trying: Trying<'_>,
    ) -> Result<Option<Transformed>, WorkerError> {
        let mut done = Transformed {
            batch,
            inputs: None,
        };
        for link in &mut self.links {
            if done.batch.is_empty() {
                break;
            }
            let first = failed.len();
            let Some(next) = link.apply(done.batch, failed, trying)? else {
                return Ok(None);
            };
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
        Ok(Some(done))
    }
}

/// A predicate of the transform's own component as a condition; of another as a guard.
fn condition(
    registry: &Registry,
    plugin: &Plugin,
    transform: &TransformConfig,
) -> Result<(Option<Condition>, Option<NewGuard>), WorkerError> {
    let Some(predicate) = &transform.predicate else {
        return Ok((None, None));
    };
    let asked = predicate.version.as_deref();
    let (of, class) = find(registry, Kind::Predicate, &predicate.class, asked)?;
    let (config, negate) = (predicate.config.clone(), transform.negate);
    if of.digest() == plugin.digest() {
        let condition = Condition {
            class,
            config,
            negate,
        };
        Ok((Some(condition), None))
    } else {
        let guard = NewGuard {
            plugin: of,
            class,
            config,
            negate,
            alias: predicate.alias.clone(),
        };
        Ok((None, Some(guard)))
    }
}

/// The component and full class name of a plugin.
fn find(
    registry: &Registry,
    kind: Kind,
    class: &str,
    asked: Option<&str>,
) -> Result<(Plugin, String), WorkerError> {
    let (plugin, info) = registry.find_version(kind, class, asked)?;
    Ok((plugin, info.class_name.clone()))
}
