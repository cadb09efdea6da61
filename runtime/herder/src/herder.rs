//! The handle that REST and the command line hold, and the actor behind it.
//!
//! One task owns every connector; requests come to it one after another through a bounded channel, so no two
//! changes cross. States are read from the board without asking it.

use std::sync::Arc;

use tidegate_config::Properties;
use tidegate_config::connector::ConnectorConfig;
use tidegate_config::grants::Policy;
use tidegate_config::worker::{Bootstrap, WorkerConfig};
use tidegate_model::ConnectorName;
use tidegate_worker::progress::Counts;
use tidegate_worker::topic_log::TopicLog;
use tidegate_worker::{TargetState, Worker};
use tokio::sync::{mpsc, oneshot};

use crate::actor::Actor;
use crate::config_log::{ConfigLog, Stored};
use crate::error::HerderError;
use crate::info::{
    ConfigInfos, ConfigKeyInfo, ConnectorInfo, ConnectorStatus, PluginSummary, ServerInfo,
    TaskInfo, TaskStatus,
};
use crate::status_board::StatusBoard;
use crate::{plugins, validation};

/// How many requests may wait for the actor; further ones wait to be sent.
const REQUESTS_MAX: usize = 256;

/// The handle of a running herder. Cheap to clone.
#[derive(Clone)]
pub struct Herder {
    requests: mpsc::Sender<Request>,
    worker: Arc<Worker>,
}

/// What a connector does first (KIP-980).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InitialState {
    /// Moves records.
    #[default]
    Running,
    /// Its tasks wait.
    Paused,
    /// Has no tasks.
    Stopped,
}

/// Whether a connector was created or updated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It is new.
    Created(ConnectorInfo),
    /// It was there.
    Updated(ConnectorInfo),
}

/// A connector's name and what is to be done with it.
pub(crate) enum Request {
    List(Reply<Vec<String>>),
    Info(ConnectorName, Reply<ConnectorInfo>),
    Status(ConnectorName, Reply<ConnectorStatus>),
    Tasks(ConnectorName, Reply<Vec<TaskInfo>>),
    Put {
        config: ConnectorConfig,
        policy: Policy,
        mode: PutMode,
        reply: Reply<Created>,
    },
    Patch {
        name: ConnectorName,
        changes: Vec<(String, Option<String>)>,
        reply: Reply<ConnectorInfo>,
    },
    Delete(ConnectorName, Reply<()>),
    Target(ConnectorName, TargetState, Reply<()>),
    Restart {
        name: ConnectorName,
        include_tasks: bool,
        only_failed: bool,
        reply: Reply<ConnectorStatus>,
    },
    RestartTask(ConnectorName, u32, Reply<()>),
    Progress(Reply<Vec<Moved>>),
    Shutdown(Reply<Vec<String>>),
}

/// How a configuration is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PutMode {
    /// It must be new.
    Create(InitialState),
    /// It may be there, and is then replaced.
    CreateOrReplace,
}

pub(crate) type Reply<T> = oneshot::Sender<Result<T, HerderError>>;

/// What the tasks of a connector have moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The connector.
    pub connector: String,
    /// Whether it is a sink.
    pub sink: bool,
    /// How many tasks it has.
    pub tasks: usize,
    /// How many of its tasks failed, or the connector itself.
    pub failed: usize,
    /// The counters of its tasks.
    pub counts: Counts,
}

impl Herder {
    /// Opens the config and status topics and starts the connectors that they name, under the policy for what
    /// comes over REST; not those of `expected`, which wait to be put again. `worker_id` is `host:port` of the
    /// REST server. Blocks; call it on a thread of the runtime.
    ///
    /// # Errors
    /// When the broker is away, or the config topic holds something else.
    pub fn start(
        worker: Arc<Worker>,
        worker_id: String,
        expected: &[ConnectorName],
    ) -> Result<Self, HerderError> {
        let broker = worker.broker().as_ref();
        let (config_log, stored) =
            ConfigLog::open(broker, worker.producer(), &worker.config().config_topic)?;
        // What it holds is of earlier lives of this worker, and is replaced as things start.
        let status_log =
            TopicLog::open_to_write(broker, worker.producer(), &worker.config().status_topic)?;
        let board = Arc::new(StatusBoard::new(worker_id));
        tokio::spawn(Arc::clone(&board).write_changes(status_log));
        let (requests, received) = mpsc::channel(REQUESTS_MAX);
        let actor = Actor::new(Arc::clone(&worker), config_log, board);
        let (waiting, stored): (Stored, Stored) = stored
            .into_iter()
            .partition(|(name, _)| expected.iter().any(|expected| expected.as_str() == name));
        warn_of_another_worker(worker.config(), &stored);
        tokio::spawn(actor.run(stored, waiting, received));
        Ok(Self { requests, worker })
    }

    /// The names of all connectors, in order.
    ///
    /// # Errors
    /// When the herder has stopped.
    pub async fn connectors(&self) -> Result<Vec<String>, HerderError> {
        self.ask(Request::List).await
    }

    /// A connector.
    ///
    /// # Errors
    /// When there is none of that name.
    pub async fn connector(&self, name: &str) -> Result<ConnectorInfo, HerderError> {
        let name = known(name)?;
        self.ask(|reply| Request::Info(name, reply)).await
    }

    /// The status of a connector and its tasks.
    ///
    /// # Errors
    /// When there is none of that name.
    pub async fn status(&self, name: &str) -> Result<ConnectorStatus, HerderError> {
        let name = known(name)?;
        self.ask(|reply| Request::Status(name, reply)).await
    }

    /// The status of a task.
    ///
    /// # Errors
    /// When there is no such connector or task.
    pub async fn task_status(&self, name: &str, task: u32) -> Result<TaskStatus, HerderError> {
        let status = self.status(name).await?;
        let found = status.tasks.into_iter().find(|status| status.id == task);
        found
            .ok_or_else(|| HerderError::NotFound(format!("No status found for task {name}-{task}")))
    }

    /// The tasks of a connector with their configurations.
    ///
    /// # Errors
    /// When there is none of that name.
    pub async fn tasks(&self, name: &str) -> Result<Vec<TaskInfo>, HerderError> {
        let name = known(name)?;
        self.ask(|reply| Request::Tasks(name, reply)).await
    }

    /// Creates a connector. It is durable when this returns.
    ///
    /// # Errors
    /// When it exists, or its configuration cannot work.
    pub async fn create(
        &self,
        config: ConnectorConfig,
        policy: Policy,
        initial: InitialState,
    ) -> Result<ConnectorInfo, HerderError> {
        let mode = PutMode::Create(initial);
        match self
            .ask(|reply| Request::Put {
                config,
                policy,
                mode,
                reply,
            })
            .await?
        {
            Created::Created(info) | Created::Updated(info) => Ok(info),
        }
    }

    /// Creates a connector or replaces its configuration. It is durable when this returns.
    ///
    /// # Errors
    /// When its configuration cannot work.
    pub async fn put_config(
        &self,
        config: ConnectorConfig,
        policy: Policy,
    ) -> Result<Created, HerderError> {
        self.ask(|reply| Request::Put {
            config,
            policy,
            mode: PutMode::CreateOrReplace,
            reply,
        })
        .await
    }

    /// Changes keys of a connector's configuration (KIP-477); no value removes a key.
    ///
    /// # Errors
    /// When there is none of that name, or its configuration could not work any more.
    pub async fn patch_config(
        &self,
        name: &str,
        changes: Vec<(String, Option<String>)>,
    ) -> Result<ConnectorInfo, HerderError> {
        let name = known(name)?;
        self.ask(|reply| Request::Patch {
            name,
            changes,
            reply,
        })
        .await
    }

    /// Deletes a connector; its tasks end first.
    ///
    /// # Errors
    /// When there is none of that name.
    pub async fn delete(&self, name: &str) -> Result<(), HerderError> {
        let name = known(name)?;
        self.ask(|reply| Request::Delete(name, reply)).await
    }

    /// Tells a connector what to do: resume, pause or stop.
    ///
    /// # Errors
    /// When there is none of that name.
    pub async fn set_target(&self, name: &str, target: TargetState) -> Result<(), HerderError> {
        let name = known(name)?;
        self.ask(|reply| Request::Target(name, target, reply)).await
    }

    /// Restarts a connector and, when asked, its tasks (KIP-745). The answer is the status with RESTARTING for
    /// what is restarted.
    ///
    /// # Errors
    /// When there is none of that name.
    pub async fn restart(
        &self,
        name: &str,
        include_tasks: bool,
        only_failed: bool,
    ) -> Result<ConnectorStatus, HerderError> {
        let name = known(name)?;
        self.ask(|reply| Request::Restart {
            name,
            include_tasks,
            only_failed,
            reply,
        })
        .await
    }

    /// Restarts a task.
    ///
    /// # Errors
    /// When there is no such connector or task.
    pub async fn restart_task(&self, name: &str, task: u32) -> Result<(), HerderError> {
        let name = known(name)?;
        self.ask(|reply| Request::RestartTask(name, task, reply))
            .await
    }

    /// What the tasks of each connector have moved.
    ///
    /// # Errors
    /// When the herder has stopped.
    pub async fn progress(&self) -> Result<Vec<Moved>, HerderError> {
        self.ask(Request::Progress).await
    }

    /// Stops all tasks, commits what they did, and answers with the names of those that did not stop in time.
    ///
    /// # Errors
    /// When the herder has stopped already.
    pub async fn shutdown(&self) -> Result<Vec<String>, HerderError> {
        self.ask(Request::Shutdown).await
    }

    /// The worker. Asks the broker for the cluster's id. Blocks.
    ///
    /// # Errors
    /// When the broker is away.
    pub fn server_info(&self) -> Result<ServerInfo, HerderError> {
        let kafka_cluster_id = self
            .worker
            .broker()
            .admin()
            .cluster_id()
            .map_err(tidegate_worker::WorkerError::from)?;
        Ok(ServerInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: option_env!("TIDEGATE_COMMIT")
                .unwrap_or("unknown")
                .to_owned(),
            kafka_cluster_id,
        })
    }

    /// The plugins: connectors only, or transforms, predicates and converters too.
    #[must_use]
    pub fn plugins(&self, connectors_only: bool) -> Vec<PluginSummary> {
        plugins::list(&self.worker, connectors_only)
    }

    /// The configuration keys of a plugin, by its class or an alias.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn plugin_config(&self, class: &str) -> Result<Vec<ConfigKeyInfo>, HerderError> {
        plugins::keys(&self.worker, class)
    }

    /// Checks a connector's configuration without creating it. Blocks.
    ///
    /// # Errors
    /// When no plugin has that class.
    pub fn validate(&self, class: &str, config: &Properties) -> Result<ConfigInfos, HerderError> {
        validation::of_class(&self.worker, class, config)
    }

    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, HerderError> {
        let (reply, answer) = oneshot::channel();
        self.requests
            .send(request(reply))
            .await
            .map_err(|_| HerderError::Stopped)?;
        answer.await.map_err(|_| HerderError::Stopped)?
    }
}

/// Says which connectors are from a command line that was not this worker's, where a cluster is shared. Whether
/// another worker runs them now cannot be seen: it would have to say so again and again in a topic that Kafka
/// Connect reads too. A folder has one worker at a time.
fn warn_of_another_worker(config: &WorkerConfig, stored: &Stored) {
    let others: Vec<&str> = stored
        .iter()
        .filter(|(_, connector)| connector.from_command_line)
        .map(|(name, _)| name.as_str())
        .collect();
    if others.is_empty() || !matches!(config.bootstrap, Bootstrap::Kafka(_)) {
        return;
    }
    tracing::warn!(
        connectors = others.join(", "),
        topic = %config.config_topic.name,
        "These connectors are from another command line and are started here too. Where another worker runs them \
         now, their records are delivered twice: give each worker of a cluster its own config.storage.topic, \
         offset.storage.topic and status.storage.topic. What nobody needs any more can be deleted over REST."
    );
}

/// A name that could be a connector's; any other cannot be found.
fn known(name: &str) -> Result<ConnectorName, HerderError> {
    ConnectorName::parse(name)
        .map_err(|_| HerderError::NotFound(format!("Connector {name} not found")))
}
