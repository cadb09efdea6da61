//! The actor that owns every connector: starts and stops their tasks, and writes changes down first.
//!
//! | request | config topic | then |
//! | --- | --- | --- |
//! | create, put, patch | configuration, target state | the tasks end and start anew |
//! | pause, resume, stop | target state | the tasks are told, end or start |
//! | restart | nothing | what is asked for ends and starts anew |
//! | a task asks for other tasks | their configurations | the tasks end and start anew, if there are others |
//! | alter offsets | nothing | of a connector without tasks, in their own topics |
//! | delete | tombstones | the tasks end |

pub(crate) mod failures;
mod tasks;
mod trials;

use std::sync::Arc;
use std::time::Duration;

use tidegate_broker::BrokerError;
use tidegate_config::Properties;
use tidegate_config::connector::ConnectorConfig;
use tidegate_config::grants::Policy;
use tidegate_model::ConnectorName;
use tidegate_worker::altered_offsets::AlteredOffsets;
use tidegate_worker::{TargetState, Worker, WorkerError};
use tokio::sync::mpsc;

use crate::checks::Checks;
use crate::components;
use crate::config_log::{ConfigLog, Stored};
use crate::connectors::{Connector, Connectors, Task};
use crate::error::HerderError;
use crate::info::{ConnectorStatus, StateName};
use crate::preparation::Prepared;
use crate::requests::{Created, InitialState, Put, PutMode, Request};
use crate::status_board::{Known, StatusBoard, Subject};
use crate::upgrade;
use failures::{Event, Restarts};
use tasks::task_id;

/// How long the last states may take to be written when the worker ends.
const STATUS_WRITE_MAX: Duration = Duration::from_secs(2);

/// The owner of every connector.
pub(crate) struct Actor {
    worker: Arc<Worker>,
    log: ConfigLog,
    board: Arc<StatusBoard>,
    /// Read by others, changed here only.
    connectors: Arc<Connectors>,
    /// Stored connectors that wait to be put again by whoever starts the worker.
    waiting: Stored,
    /// Told which connectors' tasks ask for their work to be divided anew.
    asks: mpsc::Sender<ConnectorName>,
    /// Counts starts; later states of the same task have a higher one.
    generation: u64,
    /// What becomes of tasks. Unbounded, since who tells it cannot wait; it holds no more than two events for each start
    /// of a task or connector.
    events: mpsc::UnboundedReceiver<Event>,
    events_told: mpsc::UnboundedSender<Event>,
}

/// What an actor is made of.
pub(crate) struct NewActor {
    pub(crate) worker: Arc<Worker>,
    pub(crate) log: ConfigLog,
    pub(crate) board: Arc<StatusBoard>,
    pub(crate) connectors: Arc<Connectors>,
    /// Stored connectors that it starts.
    pub(crate) stored: Stored,
    /// Stored connectors that wait to be put again by whoever starts the worker.
    pub(crate) waiting: Stored,
    /// Told which connectors' tasks ask for their work to be divided anew.
    pub(crate) asks: mpsc::Sender<ConnectorName>,
}

impl Actor {
    /// Takes in what is stored, which [`Actor::run`] starts.
    pub(crate) fn new(new: NewActor) -> Self {
        let NewActor {
            worker,
            log,
            board,
            connectors,
            stored,
            waiting,
            asks,
        } = new;
        let (events_told, events) = mpsc::unbounded_channel();
        let actor = Self {
            events,
            events_told,
            worker,
            log,
            board,
            connectors,
            waiting,
            asks,
            generation: 0,
        };
        for (name, stored) in stored {
            let Some(properties) = stored.properties else {
                continue;
            };
            match ConnectorConfig::of(&name, properties) {
                Ok(config) => {
                    let target = stored.target.unwrap_or(TargetState::Running);
                    let policy = actor.policy_of(stored.from_command_line);
                    let connector = Connector::new(config, policy, target, stored.tasks);
                    actor.connectors.insert(connector);
                }
                Err(error) => {
                    tracing::error!(connector = name, %error, "A stored connector cannot be started.")
                }
            }
        }
        actor
    }

    /// Starts what is stored, then answers requests until it is told to shut down.
    pub(crate) async fn run(mut self, checks: Checks, mut requests: mpsc::Receiver<Request>) {
        for name in self.connectors.names() {
            let Some(config) = self.connectors.find(&name, |known| known.config.clone()) else {
                continue;
            };
            let worker = Arc::clone(&self.worker);
            let prepared = checks.run_at_once(move || Ok(Prepared::of(&worker, &config)));
            match prepared.await {
                Ok(prepared) => self.start(&name, prepared).await,
                Err(HerderError::Stopped) => break,
                Err(error) => {
                    self.connectors.startups().attempt();
                    self.fail(&name, &error);
                }
            }
        }
        self.connectors.set_started();
        loop {
            tokio::select! {
                biased;
                Some(event) = self.events.recv() => self.heard(event).await,
                request = requests.recv() => match request {
                    None => break,
                    Some(Request::Shutdown(reply)) => {
                        let late = self.stop_all().await;
                        self.board.settle(STATUS_WRITE_MAX).await;
                        // Whoever asked may be gone; there is nothing left to do for them.
                        drop(reply.send(Ok(late)));
                        return;
                    }
                    Some(request) => self.answer(request).await,
                },
            }
        }
        self.stop_all().await;
    }

    async fn answer(&mut self, request: Request) {
        // A client that hung up does not hear the answer: that is not an error.
        match request {
            Request::Progress(reply) => drop(reply.send(Ok(self.connectors.progress()))),
            Request::RemoveComponent(digest, reply) => {
                // Nobody starts a connector meanwhile.
                let removed = components::remove(&self.worker, &self.connectors, digest);
                drop(reply.send(removed));
            }
            Request::Put(put, reply) => drop(reply.send(self.put(*put).await)),
            Request::Delete(name, reply) => drop(reply.send(self.delete(&name).await)),
            Request::Target(name, target, prepared, reply) => {
                drop(reply.send(self.set_target(&name, target, prepared).await))
            }
            Request::Restart {
                name,
                include_tasks,
                only_failed,
                prepared,
                reply,
            } => {
                let restarted = self.restart(&name, include_tasks, only_failed, prepared);
                drop(reply.send(restarted.await));
            }
            Request::RestartTask(name, task, reply) => {
                drop(reply.send(self.restart_task(&name, task).await))
            }
            Request::AlterOffsets(name, asked, offsets, reply) => {
                drop(reply.send(self.alter_offsets(&name, &asked, offsets).await))
            }
            Request::Reconfigure(name, prepared) => self.reconfigure(&name, *prepared).await,
            Request::ForgetTopics(name, reply) => {
                let there = self.connectors.with(&name, |_| ());
                drop(reply.send(there.map(|()| self.board.forget_topics(&name))));
            }
            Request::ClusterLogger(name, level, reply) => {
                let written = self.log.put_logger(&name, level.name()).await;
                drop(reply.send(written.map_err(HerderError::from)));
            }
            Request::Shutdown(_) => {}
        }
    }

    async fn put(&mut self, put: Put) -> Result<Created, HerderError> {
        let Put {
            config,
            policy,
            mode,
            changed_from,
            prepared,
        } = put;
        let name = config.name.clone();
        let known = self
            .connectors
            .find(&name, |known| (known.target, known.unsure));
        let unsure = known.is_some_and(|(_, unsure)| unsure);
        let known = known.map(|(target, _)| target);
        if known.is_some() && matches!(mode, PutMode::Create(_)) {
            return Err(HerderError::AlreadyExists(name.to_string()));
        }
        if let Some(before) = changed_from
            && self
                .connectors
                .with(&name, |known| known.config.properties != before)?
        {
            return Err(HerderError::Changed(name.to_string()));
        }
        let waiting = self.waiting.get(name.as_str()).cloned();
        let waiting = waiting.unwrap_or_default();
        let target = match mode {
            PutMode::Create(InitialState::Paused) => TargetState::Paused,
            PutMode::Create(InitialState::Stopped) => TargetState::Stopped,
            _ => known.or(waiting.target).unwrap_or(TargetState::Running),
        };
        let is_initial = matches!(mode, PutMode::Create(state) if state != InitialState::Running);
        let written_target = (is_initial || unsure).then_some(target);
        let from_command_line = policy == Policy::Permissive;
        if waiting.properties.as_ref() != Some(&config.properties)
            || waiting.from_command_line != from_command_line
        {
            let properties = &config.properties;
            let log = &self.log;
            let written = log.put_connector(&name, properties, from_command_line, written_target);
            let written = written.await;
            self.sure_of(&name, written)?;
        }
        self.waiting.remove(name.as_str());
        let until = std::time::Instant::now() + self.worker.config().sandbox.trial;
        let begin = |known: &Connector| upgrade::begin(known, &config, until, self.generation + 1);
        let upgraded = self.connectors.find(&name, begin).flatten();
        self.end_tasks(&name).await;
        let tasks = self
            .connectors
            .change(&name, |known| std::mem::take(&mut known.task_configs));
        let tasks = tasks.unwrap_or(waiting.tasks);
        let mut connector = Connector::new(config, policy, target, tasks);
        if let Some((trial, upgrade)) = upgraded {
            connector.trial = Some(trial);
            connector.upgrade = Some(upgrade);
        }
        self.connectors.insert(connector);
        self.start(&name, prepared).await;
        let info = self.connectors.info(&name)?;
        Ok(if known.is_none() {
            Created::Created(info)
        } else {
            Created::Updated(info)
        })
    }

    /// After a write that failed it is not known what the config topic holds of a connector: it may have been
    /// written all the same, or be on its way. Whatever is put next is written, also when nothing changed here.
    fn sure_of<T>(
        &self,
        name: &ConnectorName,
        written: Result<T, WorkerError>,
    ) -> Result<T, HerderError> {
        if written.is_err() {
            self.connectors.change(name, |known| known.unsure = true);
        }
        Ok(written?)
    }

    async fn delete(&mut self, name: &ConnectorName) -> Result<(), HerderError> {
        self.connectors.with(name, |_| ())?;
        let deleted = self.log.delete(name).await;
        self.sure_of(name, deleted)?;
        self.end_tasks(name).await;
        self.connectors.remove(name);
        self.board.remove(Subject::Connector(name.clone()));
        self.board.forget_topics(name);
        tracing::info!(connector = %name, "The connector was deleted.");
        Ok(())
    }

    async fn set_target(
        &mut self,
        name: &ConnectorName,
        target: TargetState,
        prepared: Option<Prepared>,
    ) -> Result<(), HerderError> {
        let look = |known: &Connector| (known.target, known.unsure, known.starts_anew(target));
        let (before, unsure, anew) = self.connectors.with(name, look)?;
        if before == target && !unsure {
            return Ok(());
        }
        let prepared = match anew {
            true => Some(self.of_today(name, prepared)?),
            false => None,
        };
        let written = self.log.put_target(name, target).await;
        self.sure_of(name, written)?;
        if before == target {
            return Ok(());
        }
        self.connectors.change(name, |known| known.target = target);
        match (prepared, target) {
            (_, TargetState::Stopped) => {
                self.end_tasks(name).await;
                self.connectors
                    .change(name, |known| known.task_configs.clear());
                self.set_connector_state(name, StateName::Stopped, None);
            }
            (Some(prepared), _) => {
                self.end_tasks(name).await;
                self.start(name, prepared).await;
            }
            (None, _) => {
                self.connectors.find(name, |known| {
                    known.running().for_each(|task| task.set_target(target));
                });
                self.set_connector_state(name, state_of(target), None);
            }
        }
        tracing::info!(connector = %name, state = ?target, "The connector has a new target state.");
        Ok(())
    }

    async fn restart(
        &mut self,
        name: &ConnectorName,
        include_tasks: bool,
        only_failed: bool,
        prepared: Option<Prepared>,
    ) -> Result<ConnectorStatus, HerderError> {
        let plan = self
            .connectors
            .restart_plan(name, include_tasks, only_failed)?;
        if plan.whole {
            let prepared = self.of_today(name, prepared)?;
            self.end_tasks(name).await;
            self.start(name, prepared).await;
        } else {
            for task in plan.tasks {
                self.restart_task(name, task).await?;
            }
        }
        Ok(plan.status)
    }

    /// Starts the tasks of a connector anew when it divides its work otherwise than before.
    async fn reconfigure(&mut self, name: &ConnectorName, prepared: Prepared) {
        // The configuration has changed meanwhile: its tasks are new anyway.
        let Ok(prepared) = self.of_today(name, Some(prepared)) else {
            return;
        };
        let tasks = prepared.class.as_ref().map(|class| class.tasks.as_ref());
        let configs = match tasks {
            Ok(Ok(configs)) => configs,
            Ok(Err(error)) | Err(error) => {
                tracing::warn!(connector = %name, %error, "The connector was asked for other tasks and failed; it goes on with those it has.");
                return;
            }
        };
        let changes = |known: &Connector| {
            known.target == TargetState::Running && known.task_configs != *configs
        };
        if self.connectors.find(name, changes).unwrap_or(false) {
            tracing::info!(connector = %name, tasks = configs.len(), "The connector divides its work anew.");
            self.end_tasks(name).await;
            self.start(name, prepared).await;
        }
    }

    /// Alters offsets of a stopped connector, which was asked with the configuration `asked`.
    async fn alter_offsets(
        &self,
        name: &ConnectorName,
        asked: &Properties,
        offsets: AlteredOffsets,
    ) -> Result<(), HerderError> {
        let config = self.connectors.check_stopped(name)?;
        if config.properties != *asked {
            return Err(HerderError::Changed(name.to_string()));
        }
        let failed = "Failed to alter consumer group offsets for connector";
        match self.worker.alter_offsets(&config, offsets).await {
            Ok(()) => {}
            Err(WorkerError::Broker(BrokerError::GroupNotEmpty(_))) => {
                return Err(HerderError::Conflict(format!(
                    "{failed} {name} because its tasks haven't stopped completely yet; try again"
                )));
            }
            Err(WorkerError::Broker(
                error @ (BrokerError::UnknownTopic(_)
                | BrokerError::UnknownPartition { .. }
                | BrokerError::Name(_)),
            )) => return Err(HerderError::BadRequest(format!("{failed} {name}: {error}"))),
            Err(error) => return Err(error.into()),
        }
        tracing::info!(connector = %name, "The connector's offsets were altered.");
        Ok(())
    }

    /// What was prepared, if it is for the configuration that the connector has.
    fn of_today(
        &self,
        name: &ConnectorName,
        prepared: Option<Prepared>,
    ) -> Result<Prepared, HerderError> {
        let is_of_today = |prepared: &Prepared| {
            let same = |known: &Connector| known.config.properties == prepared.properties;
            self.connectors.find(name, same).unwrap_or(false)
        };
        prepared
            .filter(is_of_today)
            .ok_or_else(|| HerderError::Changed(name.to_string()))
    }

    /// Starts a connector's tasks. What fails is in its state.
    async fn start(&mut self, name: &ConnectorName, prepared: Prepared) {
        self.generation += 1;
        let components = prepared.components;
        self.connectors.startups().attempt();
        let reload = prepared.reload;
        self.connectors.change(name, |known| known.reload = reload);
        let class = match prepared.class {
            Ok(class) => class,
            Err(error) => return self.plugin_failed(name, &error),
        };
        let Some((target, stored_configs)) = self.connectors.change(name, |known| {
            known.kind = class.kind;
            known.version = Some(class.version);
            known.components = components;
            (known.target, known.task_configs.clone())
        }) else {
            return;
        };
        if target == TargetState::Stopped {
            self.connectors.startups().ended(true);
            return self.set_connector_state(name, StateName::Stopped, None);
        }
        // A paused connector is not asked for its tasks before it runs: it keeps those that it had.
        let undivided = target == TargetState::Paused;
        let configs = match class.tasks {
            _ if undivided => stored_configs.clone(),
            Ok(configs) => configs,
            Err(error) => return self.plugin_failed(name, &error),
        };
        if stored_configs != configs
            && let Err(error) = self.log.put_tasks(name, &configs).await
        {
            return self.fail(name, &error);
        }
        let tasks = (0_u32..).take(configs.len());
        self.connectors.change(name, |known| {
            known.task_configs = configs;
            known.undivided = undivided;
        });
        self.set_connector_state(name, state_of(target), None);
        let tasks: Vec<Task> = tasks
            .map(|task| Task {
                id: task_id(name, task),
                handle: self.start_task(name, task),
                restarts: Restarts::default(),
            })
            .collect();
        self.connectors.change(name, |known| known.tasks = tasks);
        self.connectors.startups().ended(true);
        tracing::info!(connector = %name, "The connector was started.");
    }

    fn fail(&mut self, name: &ConnectorName, error: &dyn std::error::Error) {
        tracing::error!(connector = %name, %error, "The connector failed.");
        self.connectors.startups().ended(false);
        self.set_connector_state(name, StateName::Failed, Some(error.to_string()));
    }

    fn set_connector_state(&self, name: &ConnectorName, state: StateName, trace: Option<String>) {
        let version = self.connectors.find(name, |known| known.version.clone());
        let known = Known {
            state,
            trace,
            version: version.flatten(),
            generation: self.generation,
        };
        self.board.set(Subject::Connector(name.clone()), known);
    }

    /// What a stored connector may be granted.
    fn policy_of(&self, from_command_line: bool) -> Policy {
        if from_command_line {
            Policy::Permissive
        } else {
            self.worker.config().rest_policy.clone()
        }
    }
}

fn state_of(target: TargetState) -> StateName {
    match target {
        TargetState::Running => StateName::Running,
        TargetState::Paused => StateName::Paused,
        TargetState::Stopped => StateName::Stopped,
    }
}

#[cfg(test)]
mod tests;
