//! What all tasks of this process share, and how a task is made of it.

mod sinks;
mod sources;
mod starts;

use std::sync::Arc;
use std::time::Instant;

use tidegate_broker::{Broker, Producer};
use tidegate_config::Properties;
use tidegate_config::connector::{ConnectorConfig, DlqConfig, ErrorsConfig};
use tidegate_config::grants::{Grants, Policy, check_asking_keys, grants_without};
use tidegate_config::worker::WorkerConfig;
use tidegate_model::{TaskId, TopicName};
use tidegate_sandbox::{Digest, Identity, Kind, Plugin, PluginInfo, Registry};
use tokio::sync::watch;

use crate::asked_tasks::AskedTasks;
use crate::dead_letters::{DeadLetters, NewDeadLetters};
use crate::error::{Stage, WorkerError};
use crate::failures::Failures;
use crate::file_watch::FileWatch;
use crate::measures::Startups;
use crate::offset_store::OffsetStore;
use crate::progress::Progress;
use crate::resolution::Resolution;
use crate::steps::{Steps, Turns};
use crate::task::{Abandoned, State, TargetState};
use crate::used_topics::UsedTopics;

/// What all tasks of this process share.
pub struct Worker {
    config: WorkerConfig,
    broker: Arc<dyn Broker>,
    registry: Arc<Registry>,
    offsets: Arc<OffsetStore>,
    /// The producer of every source task that has no client settings of its own.
    producer: Arc<dyn Producer>,
    files: FileWatch,
    steps: Steps,
    task_startups: Startups,
}

/// A task to start.
pub struct NewTask {
    /// Which task it is.
    pub task: TaskId,
    /// Its connector's configuration.
    pub connector: ConnectorConfig,
    /// Its own configuration, as the connector made it.
    pub config: Properties,
    /// What it may be granted.
    pub policy: Policy,
    /// What it does first.
    pub target: TargetState,
    /// Until when a plugin of it is on trial: the first fault of a guest fails the task.
    pub trial_until: Option<Instant>,
}

/// A task whose configurations are resolved, about to run.
struct Starting {
    pipeline: NewPipeline,
    target: watch::Receiver<TargetState>,
    report: Box<dyn Fn(State) + Send + Sync>,
}

/// What a task's pipeline is made of.
struct NewPipeline {
    new: NewTask,
    identity: Identity,
    turns: Turns,
    watched: Watched,
}

/// What a task shares with whoever watches it.
struct Watched {
    progress: Arc<Progress>,
    abandoned: Abandoned,
    topics: UsedTopics,
    asked: AskedTasks,
}

/// A connector's class, found.
pub struct ConnectorClass {
    /// The component.
    pub plugin: Plugin,
    /// The plugin in it.
    pub info: Arc<PluginInfo>,
}

impl Worker {
    /// Opens what tasks share: the offset topic is read to its end. Blocks.
    ///
    /// # Errors
    /// When the broker is away, or the offset topic holds something else.
    pub fn open(
        config: WorkerConfig,
        broker: Arc<dyn Broker>,
        registry: Arc<Registry>,
    ) -> Result<Self, WorkerError> {
        let producer = broker.producer(&Properties::new())?;
        let offsets = OffsetStore::open(broker.as_ref(), &producer, &config.offset_topic)?;
        let offsets = Arc::new(offsets);
        Ok(Self {
            config,
            broker,
            registry,
            offsets,
            producer,
            files: FileWatch::new(),
            steps: Steps::new(),
            task_startups: Startups::default(),
        })
    }

    /// The worker's configuration.
    #[must_use]
    pub fn config(&self) -> &WorkerConfig {
        &self.config
    }

    /// The broker.
    #[must_use]
    pub fn broker(&self) -> &Arc<dyn Broker> {
        &self.broker
    }

    /// The producer that the worker's own topics are written with too.
    #[must_use]
    pub fn producer(&self) -> &Arc<dyn Producer> {
        &self.producer
    }

    /// How often tasks were started.
    #[must_use]
    pub fn task_startups(&self) -> &Startups {
        &self.task_startups
    }

    /// The plugins.
    #[must_use]
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// The components that a configuration leads to now: those of its class, its transforms and their predicates. What
    /// is not there is left out.
    #[must_use]
    pub fn components(&self, connector: &ConnectorConfig) -> Vec<Digest> {
        let class = self.connector_class(connector);
        let mut found: Vec<_> = class.iter().map(|class| class.plugin.digest()).collect();
        let find = |kind, class: &str, asked: Option<&str>| {
            let found = self.registry.find_version(kind, class, asked);
            found.ok().map(|(plugin, _)| plugin.digest())
        };
        for transform in connector.transforms().unwrap_or_default() {
            found.extend(find(
                Kind::Transform,
                &transform.class,
                transform.version.as_deref(),
            ));
            found.extend(transform.predicate.and_then(|predicate| {
                find(
                    Kind::Predicate,
                    &predicate.class,
                    predicate.version.as_deref(),
                )
            }));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The source offsets of all connectors.
    pub(crate) fn offsets(&self) -> &Arc<OffsetStore> {
        &self.offsets
    }

    /// Resolves a connector's configuration for its tasks and plugins. Blocks.
    ///
    /// # Errors
    /// When a reference in it cannot be resolved, or may not be.
    pub fn resolve(&self, connector: &ConnectorConfig) -> Result<Resolution, WorkerError> {
        Ok(Resolution::of(&self.registry, &self.config, connector).whole()?)
    }

    /// Finds the class of a connector, whose configuration is resolved.
    ///
    /// # Errors
    /// When no plugin, or more than one, has that name.
    pub fn connector_class(
        &self,
        connector: &ConnectorConfig,
    ) -> Result<ConnectorClass, WorkerError> {
        connector_class(&self.registry, connector)
    }

    /// Asks a connector to divide its work among at most `tasks.max` tasks. The answer is for storing: references stand
    /// in it as they were written. Blocks.
    ///
    /// # Errors
    /// When the connector refuses, or answers with more.
    pub fn task_configs(&self, resolution: &Resolution) -> Result<Vec<Properties>, WorkerError> {
        let connector = &resolution.connector;
        let identity = resolution.identity(None);
        let ConnectorClass { plugin, info } = self.connector_class(connector)?;
        let tasks_max = connector.tasks_max()?;
        if info.kind == Kind::Source && self.config.topic_creation_enable {
            // As in Kafka Connect, validation leaves these keys to the start.
            connector.topic_creation()?;
        }
        let config = info.definition.resolved(&connector.properties);
        let class = &info.class_name;
        let divided = match info.kind {
            Kind::Source => {
                let offsets = self.offsets.of(&connector.name);
                plugin.source_connector_task_configs(
                    &identity,
                    class,
                    &config,
                    tasks_max,
                    Some(offsets),
                )
            }
            _ => plugin.sink_connector_task_configs(&identity, class, &config, tasks_max),
        };
        let configs = divided.map_err(|error| WorkerError::Guest {
            stage: Stage::TaskLifecycle,
            error,
        })?;
        if configs.len() > tasks_max as usize {
            let too_many = WorkerError::TooManyTasks {
                connector: connector.name.clone(),
                tasks: configs.len(),
                tasks_max,
            };
            if connector.enforces_tasks_max() {
                return Err(too_many);
            }
            tracing::warn!(connector = %connector.name, tasks = configs.len(), tasks_max,
                "The connector has more tasks than tasks.max, which tasks.max.enforce=false allows.");
        }
        let stored = |config| resolution.resolved.unresolve(config);
        Ok(configs.into_iter().map(stored).collect())
    }

    async fn run(self: Arc<Self>, starting: Starting) -> Result<(), WorkerError> {
        let class = self.connector_class(&starting.pipeline.new.connector)?;
        match class.info.kind {
            Kind::Sink => self.run_sink(starting, class).await,
            _ => self.run_source(starting, class).await,
        }
    }

    /// What the operator's configuration names. What a connector wrote into its task's configuration, and the
    /// defaults of its definition, are the component's own words and grant nothing.
    fn grants(&self, new: &NewTask, class: &ConnectorClass) -> Result<Grants, WorkerError> {
        let (definition, asked) = (&class.info.definition, &new.connector.properties);
        check_asking_keys(definition, asked)?;
        let never = self.config.control_plane();
        Ok(grants_without(definition, asked, &new.policy, &never)?)
    }

    /// Caps a connector as it and the worker say.
    fn cap(&self, turns: &Turns, granted: &Grants) {
        let caps = granted.limits.caps(self.config.sandbox.caps);
        turns.share().cap(caps);
    }

    /// The topics that the worker keeps its own state in.
    fn own_topics(&self) -> [TopicName; 3] {
        let config = &self.config;
        [
            &config.offset_topic,
            &config.config_topic,
            &config.status_topic,
        ]
        .map(|topic| topic.name.clone())
    }

    /// The producer of a task: the worker's, unless its connector has client settings of its own.
    fn producer_of(&self, new: &NewTask) -> Result<Arc<dyn Producer>, WorkerError> {
        let overrides = new.connector.client_overrides("producer.override.");
        if overrides.is_empty() {
            return Ok(Arc::clone(&self.producer));
        }
        Ok(self.broker.producer(&overrides)?)
    }

    /// How a task deals with records that fail. Its dead letter queue is opened.
    fn failures(
        &self,
        new: &NewTask,
        errors: &ErrorsConfig,
        producer: &Arc<dyn Producer>,
        progress: &Arc<Progress>,
        abandoned: &Abandoned,
    ) -> Result<Failures, WorkerError> {
        let open = |config: &DlqConfig| {
            if self.own_topics().contains(&config.topic) {
                return Err(WorkerError::OwnTopic(config.topic.to_string()));
            }
            let letters = NewDeadLetters {
                task: &new.task,
                config,
                producer: Arc::clone(producer),
                settle_timeout: self.config.offset_flush_timeout,
                limits: self.config.in_flight,
                progress: Arc::clone(progress),
                abandoned: abandoned.clone(),
            };
            DeadLetters::open(self.broker.admin().as_ref(), letters)
        };
        let letters = errors.dlq.as_ref().map(open).transpose()?;
        Ok(Failures::of(&new.task, errors, letters, progress))
    }
}

/// Finds the class of a connector among plugins.
///
/// # Errors
/// When no plugin, or more than one, has that name, or not in the version that is asked for.
pub fn connector_class(
    registry: &Registry,
    connector: &ConnectorConfig,
) -> Result<ConnectorClass, WorkerError> {
    let asked = connector.properties.get("connector.plugin.version");
    let asked = asked.map(String::as_str);
    let (plugin, info) = registry.find_connector_version(connector.class()?, asked)?;
    Ok(ConnectorClass { plugin, info })
}
