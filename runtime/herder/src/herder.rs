//! The handle that REST and the command line hold, and the actor behind it.
//!
//! One task owns every connector; changes come to it one after another through a bounded channel, so no two cross.
//! What is told of connectors is read from a table (`connectors`) and the states from the board, without asking the
//! actor. What a plugin has to be asked for a change is asked before the actor hears of it (`checks`).

use std::collections::BTreeMap;
use std::sync::Arc;

use tidegate_config::Properties;
use tidegate_config::connector::ConnectorConfig;
use tidegate_config::grants::Policy;
use tidegate_config::worker::{Bootstrap, WorkerConfig};
use tidegate_model::ConnectorName;
use tidegate_worker::altered_offsets::AlteredOffsets;
use tidegate_worker::topic_log::TopicLog;
use tidegate_worker::{TargetState, Worker};
use tokio::sync::{mpsc, oneshot, watch};

use crate::actor::{Actor, NewActor};
use crate::checks::{Checks, VALIDATION_WAIT_MAX, VALIDATIONS_MAX, blocking};
use crate::component_info::ComponentInfo;
use crate::config_log::{ConfigLog, Stored};
use crate::connectors::{Connector, Connectors};
use crate::control::{Change, Control, Health, LogScope};
use crate::error::HerderError;
use crate::info::{
    ConfigInfos, ConfigKeyInfo, ConnectorInfo, ConnectorOffset, ConnectorOffsets, ConnectorStatus,
    PluginSummary, ServerInfo, TaskInfo, TaskStatus,
};
use crate::loggers::{LogLevel, LoggerLevel, Loggers};
use crate::measures::WorkerMeasures;
use crate::preparation::Prepared;
use crate::reconfiguration::{ASKED_MAX, Reconfiguration};
use crate::requests::{Created, InitialState, Moved, Put, PutMode, Reply, Request};
use crate::status_board::StatusBoard;
use crate::{components, measures, offsets, plugins, reload, validation};

/// How many requests may wait for the actor; further ones wait to be sent.
const REQUESTS_MAX: usize = 256;

/// The handle of a running herder. Cheap to clone.
#[derive(Clone)]
pub struct Herder {
    requests: mpsc::Sender<Request>,
    connectors: Arc<Connectors>,
    checks: Checks,
    worker: Arc<Worker>,
    loggers: Arc<Loggers>,
    /// Told that the herder is to end.
    ending: Arc<watch::Sender<bool>>,
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
        let config = worker.config();
        let board = Arc::new(StatusBoard::new(worker_id, config.topic_tracking_enable));
        let is_known = |name: &str| {
            stored.contains_key(name) || expected.iter().any(|known| known.as_str() == name)
        };
        let status_log =
            TopicLog::open(broker, worker.producer(), &config.status_topic, |record| {
                board.take_in(record, &is_known);
                Ok(())
            })?;
        tokio::spawn(Arc::clone(&board).write_changes(status_log));
        let (requests, received) = mpsc::channel(REQUESTS_MAX);
        let connectors = Arc::new(Connectors::new(Arc::clone(&board)));
        let (ending, told) = watch::channel(false);
        let checks = Checks::new(VALIDATIONS_MAX, VALIDATION_WAIT_MAX, told);
        let (waiting, stored): (Stored, Stored) = stored
            .into_iter()
            .partition(|(name, _)| expected.iter().any(|expected| expected.as_str() == name));
        warn_of_another_worker(worker.config(), &stored);
        let (asks, asked) = mpsc::channel(ASKED_MAX);
        let actor = Actor::new(NewActor {
            worker: Arc::clone(&worker),
            log: config_log,
            board,
            connectors: Arc::clone(&connectors),
            stored,
            waiting,
            asks,
        });
        tokio::spawn(actor.run(checks.clone(), received));
        let reconfiguration = Reconfiguration {
            worker: Arc::clone(&worker),
            connectors: Arc::clone(&connectors),
            checks: checks.clone(),
            requests: requests.downgrade(),
        };
        tokio::spawn(reconfiguration.run(asked));
        let watched = Arc::clone(&connectors);
        tokio::spawn(reload::watch(
            Arc::clone(&worker),
            watched,
            requests.downgrade(),
            ending.subscribe(),
        ));
        Ok(Self {
            requests,
            connectors,
            checks,
            worker,
            loggers: Arc::default(),
            ending: Arc::new(ending),
        })
    }

    /// Sets the loggers that clients read and set.
    #[must_use]
    pub fn with_loggers(self, loggers: Loggers) -> Self {
        Self {
            loggers: Arc::new(loggers),
            ..self
        }
    }

    /// Puts a connector of the command line, which is granted what its configuration says. It is durable when this
    /// returns.
    ///
    /// # Errors
    /// When its configuration cannot work.
    pub async fn put_from_command_line(
        &self,
        config: ConnectorConfig,
    ) -> Result<Created, HerderError> {
        let policy = Policy::Permissive;
        if let Some(same) = self.same(&config, &policy) {
            return Ok(same);
        }
        let prepared = self
            .checks
            .run_at_once(self.preparation(&config, &policy))
            .await?;
        let put = Put {
            config,
            policy,
            mode: PutMode::CreateOrReplace,
            changed_from: None,
            prepared,
        };
        self.ask(|reply| Request::Put(Box::new(put), reply)).await
    }

    /// What the tasks of each connector have moved. Asked of the actor, so that what starts or ends is waited for.
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
        self.ending.send_replace(true);
        self.ask(Request::Shutdown).await
    }

    /// Puts a client's configuration.
    async fn put(
        &self,
        config: ConnectorConfig,
        mode: PutMode,
        changed_from: Option<Properties>,
    ) -> Result<Created, HerderError> {
        let policy = self.worker.config().rest_policy.clone();
        let replaces = mode == PutMode::CreateOrReplace;
        if let Some(same) = self.same(&config, &policy).filter(|_| replaces) {
            return Ok(same);
        }
        let prepared = self.checks.run(self.preparation(&config, &policy)).await?;
        let put = Put {
            config,
            policy,
            mode,
            changed_from,
            prepared,
        };
        self.ask(|reply| Request::Put(Box::new(put), reply)).await
    }

    /// The connector, when it has this configuration already: putting it changes nothing.
    fn same(&self, config: &ConnectorConfig, policy: &Policy) -> Option<Created> {
        let same = |known: &Connector| known.has(&config.properties, policy);
        let is_same = self.connectors.find(&config.name, same)?;
        let info = self.connectors.info(&config.name).ok()?;
        is_same.then_some(Created::Updated(info))
    }

    /// Checks a configuration and asks its plugin how it divides the work.
    fn preparation(
        &self,
        config: &ConnectorConfig,
        policy: &Policy,
    ) -> impl FnOnce() -> Result<Prepared, HerderError> + Send + 'static {
        let (worker, config, policy) = (Arc::clone(&self.worker), config.clone(), policy.clone());
        move || {
            validation::check(&worker, &config, &policy)?;
            Ok(Prepared::of(&worker, &config))
        }
    }

    /// Asks the plugin of a connector that is there how it divides the work.
    async fn prepared(&self, name: &ConnectorName) -> Result<Prepared, HerderError> {
        let config = self.connectors.with(name, |known| known.config.clone())?;
        let worker = Arc::clone(&self.worker);
        self.checks
            .run(move || Ok(Prepared::of(&worker, &config)))
            .await
    }

    fn check_tracking(&self) -> Result<(), HerderError> {
        match self.worker.config().topic_tracking_enable {
            true => Ok(()),
            false => Err(HerderError::Forbidden(
                "Topic tracking is disabled.".to_owned(),
            )),
        }
    }

    async fn set_target(&self, name: &str, target: TargetState) -> Result<(), HerderError> {
        let name = known(name)?;
        let needs_plugin = |known: &Connector| known.starts_anew(target);
        let prepared = if self.connectors.with(&name, needs_plugin)? {
            Some(self.prepared(&name).await?)
        } else {
            None
        };
        self.ask(|reply| Request::Target(name, target, prepared, reply))
            .await
    }

    /// Asks a stopped connector whether its offsets may be altered so, and then has it done. Whether the connector has
    /// looked at them.
    async fn change_offsets(
        &self,
        name: &ConnectorName,
        offsets: impl FnOnce(&Worker, &ConnectorConfig) -> Result<AlteredOffsets, HerderError>
        + Send
        + 'static,
    ) -> Result<bool, HerderError> {
        let config = self.connectors.check_stopped(name)?;
        let properties = config.properties.clone();
        let worker = Arc::clone(&self.worker);
        let ask = move || {
            let offsets = offsets(&worker, &config)?;
            let asked = worker.ask_to_alter(&config, &offsets);
            Ok((offsets, asked.map_err(offsets::refusal)?))
        };
        let (offsets, looked) = self.checks.run(ask).await?;
        let name = name.clone();
        self.ask(|reply| Request::AlterOffsets(name, properties, offsets, reply))
            .await?;
        Ok(looked)
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Worker) -> Result<T, HerderError> + Send + 'static,
    ) -> Result<T, HerderError> {
        let worker = Arc::clone(&self.worker);
        blocking(move || work(&worker)).await
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

impl Control for Herder {
    async fn server_info(&self) -> Result<ServerInfo, HerderError> {
        self.blocking(|worker| {
            let kafka_cluster_id = worker
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
        })
        .await
    }

    async fn health(&self) -> Health {
        if self.requests.is_closed() || *self.ending.borrow() {
            Health::Unhealthy(HerderError::Stopped.to_string())
        } else if self.connectors.have_started() {
            Health::Healthy
        } else {
            Health::Starting("Worker is still starting up.".to_owned())
        }
    }

    async fn measures(&self) -> Result<WorkerMeasures, HerderError> {
        let connectors = Arc::clone(&self.connectors);
        self.blocking(move |worker| Ok(measures::measure(worker, &connectors)))
            .await
    }

    async fn connectors(&self) -> Result<Vec<String>, HerderError> {
        let names = self.connectors.names();
        Ok(names.iter().map(ToString::to_string).collect())
    }

    async fn connector(&self, name: &str) -> Result<ConnectorInfo, HerderError> {
        self.connectors.info(&known(name)?)
    }

    async fn status(&self, name: &str) -> Result<ConnectorStatus, HerderError> {
        self.connectors.status(&known(name)?)
    }

    async fn tasks(&self, name: &str) -> Result<Vec<TaskInfo>, HerderError> {
        self.connectors.tasks(&known(name)?)
    }

    async fn task_status(&self, name: &str, task: u32) -> Result<TaskStatus, HerderError> {
        let status = self.status(name).await?;
        let found = status.tasks.into_iter().find(|status| status.id == task);
        found
            .ok_or_else(|| HerderError::NotFound(format!("No status found for task {name}-{task}")))
    }

    async fn topics(&self, name: &str) -> Result<Vec<String>, HerderError> {
        self.check_tracking()?;
        let name = known(name)?;
        self.connectors.with(&name, |_| ())?;
        Ok(self.connectors.topics(&name))
    }

    async fn reset_topics(&self, name: &str) -> Result<(), HerderError> {
        self.check_tracking()?;
        if !self.worker.config().topic_tracking_allow_reset {
            let message = "Topic tracking reset is disabled.".to_owned();
            return Err(HerderError::Forbidden(message));
        }
        let name = known(name)?;
        self.ask(|reply| Request::ForgetTopics(name, reply)).await
    }

    async fn loggers(&self) -> Result<BTreeMap<String, LoggerLevel>, HerderError> {
        Ok(self.loggers.all())
    }

    async fn logger(&self, name: &str) -> Result<LoggerLevel, HerderError> {
        self.loggers.get(name)
    }

    async fn set_logger(
        &self,
        name: &str,
        level: LogLevel,
        scope: LogScope,
    ) -> Result<Vec<String>, HerderError> {
        let set = self.loggers.set(name, level)?;
        if scope == LogScope::Cluster {
            let name = name.to_owned();
            self.ask(|reply| Request::ClusterLogger(name, level, reply))
                .await?;
        }
        Ok(set)
    }

    async fn create(
        &self,
        config: ConnectorConfig,
        initial: InitialState,
    ) -> Result<ConnectorInfo, HerderError> {
        if self.connectors.find(&config.name, |_| ()).is_some() {
            return Err(HerderError::AlreadyExists(config.name.to_string()));
        }
        let (Created::Created(info) | Created::Updated(info)) =
            self.put(config, PutMode::Create(initial), None).await?;
        Ok(info)
    }

    async fn put_config(&self, config: ConnectorConfig) -> Result<Created, HerderError> {
        self.put(config, PutMode::CreateOrReplace, None).await
    }

    async fn patch_config(
        &self,
        name: &str,
        changes: Vec<Change>,
    ) -> Result<ConnectorInfo, HerderError> {
        let name = known(name)?;
        let before = self
            .connectors
            .with(&name, |known| known.config.properties.clone())?;
        let mut properties = before.clone();
        for (key, value) in changes {
            match value {
                Some(value) => drop(properties.insert(key, value)),
                None => drop(properties.remove(&key)),
            }
        }
        let config = ConnectorConfig::of(name.as_str(), properties)?;
        let (Created::Created(info) | Created::Updated(info)) = self
            .put(config, PutMode::CreateOrReplace, Some(before))
            .await?;
        Ok(info)
    }

    async fn delete(&self, name: &str) -> Result<(), HerderError> {
        let name = known(name)?;
        self.ask(|reply| Request::Delete(name, reply)).await
    }

    async fn pause(&self, name: &str) -> Result<(), HerderError> {
        self.set_target(name, TargetState::Paused).await
    }

    async fn resume(&self, name: &str) -> Result<(), HerderError> {
        self.set_target(name, TargetState::Running).await
    }

    async fn stop(&self, name: &str) -> Result<(), HerderError> {
        self.set_target(name, TargetState::Stopped).await
    }

    async fn restart(
        &self,
        name: &str,
        include_tasks: bool,
        only_failed: bool,
    ) -> Result<ConnectorStatus, HerderError> {
        let name = known(name)?;
        let plan = self
            .connectors
            .restart_plan(&name, include_tasks, only_failed)?;
        let prepared = if plan.whole {
            Some(self.prepared(&name).await?)
        } else {
            None
        };
        self.ask(|reply| Request::Restart {
            name,
            include_tasks,
            only_failed,
            prepared,
            reply,
        })
        .await
    }

    async fn restart_task(&self, name: &str, task: u32) -> Result<(), HerderError> {
        let name = known(name)?;
        self.ask(|reply| Request::RestartTask(name, task, reply))
            .await
    }

    async fn offsets(&self, name: &str) -> Result<ConnectorOffsets, HerderError> {
        let config = |known: &Connector| known.config.clone();
        let config = self.connectors.with(&known(name)?, config)?;
        self.blocking(move |worker| offsets::shown(worker.found_offsets(&config)?))
            .await
    }

    async fn alter_offsets(
        &self,
        name: &str,
        offsets: Vec<ConnectorOffset>,
    ) -> Result<String, HerderError> {
        let name = known(name)?;
        let kind = self.connectors.with(&name, |known| known.kind)?;
        let looked = self
            .change_offsets(&name, move |_, _| offsets::altered(kind, offsets))
            .await?;
        Ok(offsets::done("altered", looked))
    }

    async fn reset_offsets(&self, name: &str) -> Result<String, HerderError> {
        let all = |worker: &Worker, config: &ConnectorConfig| {
            Ok(worker.found_offsets(config)?.forgotten())
        };
        let looked = self.change_offsets(&known(name)?, all).await?;
        Ok(offsets::done("reset", looked))
    }

    async fn upload(
        &self,
        component: Vec<u8>,
        owner: Option<String>,
    ) -> Result<(ComponentInfo, bool), HerderError> {
        let connectors = Arc::clone(&self.connectors);
        self.blocking(move |worker| {
            components::upload(worker, &connectors, &component, owner.as_deref())
        })
        .await
    }

    async fn components(&self) -> Result<Vec<ComponentInfo>, HerderError> {
        Ok(components::list(&self.worker, &self.connectors))
    }

    async fn component(
        &self,
        name: &str,
        version: Option<&str>,
    ) -> Result<ComponentInfo, HerderError> {
        let digest = components::find(&self.worker, name, version)?;
        components::describe(&self.worker, &self.connectors, digest)
    }

    async fn remove_component(
        &self,
        name: &str,
        version: Option<&str>,
        owner: Option<&str>,
    ) -> Result<(), HerderError> {
        let digest = components::find_one(&self.worker, name, version)?;
        components::check_owner(&self.worker, digest, owner)?;
        self.ask(|reply| Request::RemoveComponent(digest, reply))
            .await
    }

    async fn plugins(&self, connectors_only: bool) -> Result<Vec<PluginSummary>, HerderError> {
        self.blocking(move |worker| Ok(plugins::list(worker, connectors_only)))
            .await
    }

    async fn plugin_config(
        &self,
        class: &str,
        version: Option<&str>,
    ) -> Result<Vec<ConfigKeyInfo>, HerderError> {
        let (class, version) = (class.to_owned(), version.map(str::to_owned));
        self.blocking(move |worker| plugins::keys(worker, &class, version.as_deref()))
            .await
    }

    async fn validate(&self, class: &str, config: Properties) -> Result<ConfigInfos, HerderError> {
        let (worker, class) = (Arc::clone(&self.worker), class.to_owned());
        self.checks
            .run(move || validation::of_class(&worker, &class, &config))
            .await
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
