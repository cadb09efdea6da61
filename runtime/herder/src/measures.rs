//! What is measured of the worker, its connectors and their tasks, at one time: `GET /metrics` is made of it.

use tidegate_config::connector::{ConnectorConfig, ConverterRole};
use tidegate_config::worker::WorkerConfig;
use tidegate_sandbox::{Kind, Registry, Used};
use tidegate_worker::Worker;
use tidegate_worker::progress::{Counts, TransformCounts};
use tidegate_worker::window::Recent;

use crate::connectors::{Connectors, MeasuredTask};
use crate::info::{ConnectorKind, StateName};

/// The most tasks that are measured: of further ones only how many there are is told.
pub const MEASURED_TASKS_MAX: usize = 5_000;

/// The worker.
#[derive(Debug, Clone, Default)]
pub struct WorkerMeasures {
    /// Tidegate's version.
    pub version: String,
    /// The commit it was built from.
    pub commit: String,
    /// When the worker started, in milliseconds since the epoch.
    pub started_ms: u64,
    /// Starts of connectors: attempts, successes and failures.
    pub connector_startups: (u64, u64, u64),
    /// Starts of tasks: attempts, successes and failures.
    pub task_startups: (u64, u64, u64),
    /// How many connectors there are.
    pub connector_count: usize,
    /// How many tasks there are.
    pub task_count: usize,
    /// Its connectors, in order; without those whose tasks would be too many.
    pub connectors: Vec<ConnectorMeasures>,
}

/// A connector.
#[derive(Debug, Clone)]
pub struct ConnectorMeasures {
    /// Its name.
    pub name: String,
    /// Source or sink.
    pub kind: ConnectorKind,
    /// Its class.
    pub class: String,
    /// The class's version, as far as it is known.
    pub version: Option<String>,
    /// Its state.
    pub state: StateName,
    /// Its converters: of keys, values and headers, by class.
    pub converters: [String; 3],
    /// Its predicates.
    pub predicates: Vec<NamedClass>,
    /// Its transforms.
    pub transforms: Vec<NamedClass>,
    /// Its tasks.
    pub tasks: Vec<TaskMeasures>,
}

/// A transform or predicate of a connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedClass {
    /// Its name in the connector's configuration.
    pub alias: String,
    /// Its class.
    pub class: String,
    /// The class's version.
    pub version: String,
}

/// A task.
#[derive(Debug, Clone)]
pub struct TaskMeasures {
    /// Its number.
    pub task: u32,
    /// Its state.
    pub state: StateName,
    /// Its counters.
    pub counts: Counts,
    /// The records of each batch.
    pub batches: Recent,
    /// How long each poll or put took, in milliseconds.
    pub calls: Recent,
    /// Records taken.
    pub taken: Recent,
    /// Records given.
    pub given: Recent,
    /// Records under way, each time that their number changed.
    pub active: Recent,
    /// Records under way now.
    pub active_now: u64,
    /// How long each commit took, in milliseconds.
    pub commits: Recent,
    /// Commits that failed.
    pub commits_failed: u64,
    /// Which part of its life it was running, and which part paused.
    pub ratios: (f64, f64),
    /// Topic partitions that a sink has.
    pub partitions: u64,
    /// The bytes of records that came and that went.
    pub bytes: (u64, u64),
    /// What its guests have used.
    pub used: Used,
    /// What its transforms have done.
    pub transforms: Vec<TransformCounts>,
}

/// Measures everything. Blocks for as long as looking at each connector takes.
pub(crate) fn measure(worker: &Worker, connectors: &Connectors) -> WorkerMeasures {
    let mut measures = WorkerMeasures {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: option_env!("TIDEGATE_COMMIT")
            .unwrap_or("unknown")
            .to_owned(),
        started_ms: connectors.started_ms(),
        connector_startups: connectors.startups().counts(),
        task_startups: worker.task_startups().counts(),
        ..WorkerMeasures::default()
    };
    for name in connectors.names() {
        let Some(measured) = connectors.measured(&name) else {
            continue;
        };
        measures.connector_count += 1;
        let before = measures.task_count;
        measures.task_count += measured.tasks.len();
        if before >= MEASURED_TASKS_MAX {
            continue;
        }
        let classes = Classes::of(worker.config(), worker.registry(), &measured.config);
        measures.connectors.push(ConnectorMeasures {
            name: name.to_string(),
            kind: measured.kind,
            class: classes.connector,
            version: measured.version,
            state: measured.state,
            converters: classes.converters,
            predicates: classes.predicates,
            transforms: classes.transforms,
            tasks: measured.tasks.into_iter().map(task).collect(),
        });
    }
    measures
}

fn task(measured: MeasuredTask) -> TaskMeasures {
    let progress = measured.progress.as_deref();
    let measures = progress.map(|progress| progress.measures());
    let recent = |window: fn(&tidegate_worker::Measures) -> Recent| {
        measures.map_or_else(Recent::default, window)
    };
    TaskMeasures {
        task: measured.task,
        state: measured.state,
        counts: progress
            .map(|progress| progress.counts())
            .unwrap_or_default(),
        batches: recent(|measures| measures.batches.recent()),
        calls: recent(|measures| measures.calls.recent()),
        taken: recent(|measures| measures.taken.recent()),
        given: recent(|measures| measures.given.recent()),
        active: recent(|measures| measures.active.recent()),
        active_now: measures.map_or(0, |measures| measures.active_now()),
        commits: recent(|measures| measures.commits.recent()),
        commits_failed: measures.map_or(0, |measures| measures.commits_failed()),
        ratios: measures.map_or((0.0, 0.0), |measures| measures.states.ratios()),
        partitions: measures.map_or(0, |measures| measures.partitions()),
        bytes: measures.map_or((0, 0), |measures| measures.bytes()),
        used: measures
            .map(|measures| measures.usage.used())
            .unwrap_or_default(),
        transforms: progress
            .map(|progress| progress.transforms())
            .unwrap_or_default(),
    }
}

/// The classes that a connector's configuration names.
struct Classes {
    connector: String,
    converters: [String; 3],
    predicates: Vec<NamedClass>,
    transforms: Vec<NamedClass>,
}

impl Classes {
    fn of(worker: &WorkerConfig, registry: &Registry, config: &ConnectorConfig) -> Self {
        let named = |kind, alias: &str, class: &str| {
            let found = registry.find(kind, class).ok();
            let (class, version) = match found {
                Some((_, info)) => (info.class_name.clone(), info.version.clone()),
                None => (class.to_owned(), "unknown".to_owned()),
            };
            NamedClass {
                alias: alias.to_owned(),
                class,
                version,
            }
        };
        let mut predicates: Vec<NamedClass> = Vec::new();
        let mut transforms = Vec::new();
        for transform in config.transforms().unwrap_or_default() {
            transforms.push(named(Kind::Transform, &transform.alias, &transform.class));
            if let Some(predicate) = &transform.predicate
                && !predicates
                    .iter()
                    .any(|known| known.alias == predicate.alias)
            {
                predicates.push(named(Kind::Predicate, &predicate.alias, &predicate.class));
            }
        }
        let class = config.class().unwrap_or_default();
        let found = registry.find_connector(class);
        let roles = [
            ConverterRole::Key,
            ConverterRole::Value,
            ConverterRole::Header,
        ];
        Self {
            connector: found.map_or_else(|_| class.to_owned(), |(_, info)| info.class_name.clone()),
            converters: roles.map(|role| {
                let converter = config.converter(role, worker);
                converter.map_or_else(|_| String::new(), |converter| converter.class.clone())
            }),
            predicates,
            transforms,
        }
    }
}
