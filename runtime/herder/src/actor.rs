//! The actor that owns every connector: starts and stops their tasks, and writes changes down first.
//!
//! | request | config topic | then |
//! | --- | --- | --- |
//! | create, put, patch | configuration, target state | the tasks end and start anew |
//! | pause, resume, stop | target state | the tasks are told, end or start |
//! | restart | nothing | what is asked for ends and starts anew |
//! | delete | tombstones | the tasks end |

use std::collections::BTreeMap;
use std::sync::Arc;

use tidegate_config::Properties;
use tidegate_config::connector::ConnectorConfig;
use tidegate_config::grants::Policy;
use tidegate_model::{ConnectorName, TaskId};
use tidegate_sandbox::Kind;
use tidegate_worker::progress::Counts;
use tidegate_worker::task::{Listener, State};
use tidegate_worker::worker::NewTask;
use tidegate_worker::{TargetState, TaskHandle, Worker, WorkerError};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::config_log::{ConfigLog, Stored};
use crate::error::HerderError;
use crate::herder::{Created, InitialState, Moved, PutMode, Request};
use crate::info::{
    ConnectorInfo, ConnectorKind, ConnectorStatus, StateName, Status, TaskInfo, TaskRef, TaskStatus,
};
use crate::status_board::{Known, StatusBoard, Subject};
use crate::validation;

/// The owner of every connector.
pub(crate) struct Actor {
    worker: Arc<Worker>,
    log: ConfigLog,
    board: Arc<StatusBoard>,
    connectors: BTreeMap<ConnectorName, Connector>,
    /// Stored connectors that wait to be put again by whoever starts the worker.
    waiting: Stored,
    /// Counts starts; later states of the same task have a higher one.
    generation: u64,
}

struct Connector {
    config: ConnectorConfig,
    policy: Policy,
    target: TargetState,
    kind: ConnectorKind,
    version: Option<String>,
    task_configs: Vec<Properties>,
    tasks: Vec<TaskHandle>,
    /// A write to the config topic failed, or had no answer in time: the topic may hold something else than this.
    unsure: bool,
}

impl Actor {
    pub(crate) fn new(worker: Arc<Worker>, log: ConfigLog, board: Arc<StatusBoard>) -> Self {
        Self {
            worker,
            log,
            board,
            connectors: BTreeMap::new(),
            waiting: Stored::new(),
            generation: 0,
        }
    }

    /// Starts what is stored, then answers requests until it is told to shut down.
    pub(crate) async fn run(
        mut self,
        stored: Stored,
        waiting: Stored,
        mut requests: mpsc::Receiver<Request>,
    ) {
        self.waiting = waiting;
        for (name, stored) in stored {
            let Some(properties) = stored.properties else {
                continue;
            };
            match ConnectorConfig::of(&name, properties) {
                Ok(config) => {
                    let target = stored.target.unwrap_or(TargetState::Running);
                    let policy = self.policy_of(stored.from_command_line);
                    self.install(config, policy, target, stored.tasks).await;
                }
                Err(error) => {
                    tracing::error!(connector = name, %error, "A stored connector cannot be started.")
                }
            }
        }
        while let Some(request) = requests.recv().await {
            if let Request::Shutdown(reply) = request {
                let late = self.stop_all().await;
                // Whoever asked may be gone; there is nothing left to do for them.
                drop(reply.send(Ok(late)));
                return;
            }
            self.answer(request).await;
        }
        self.stop_all().await;
    }

    async fn answer(&mut self, request: Request) {
        // A client that hung up does not hear the answer: that is not an error.
        match request {
            Request::List(reply) => {
                drop(reply.send(Ok(
                    self.connectors.keys().map(ToString::to_string).collect(),
                )));
            }
            Request::Info(name, reply) => drop(reply.send(self.info(&name))),
            Request::Status(name, reply) => drop(reply.send(self.status(&name))),
            Request::Tasks(name, reply) => drop(reply.send(self.tasks(&name))),
            Request::Progress(reply) => drop(reply.send(Ok(self.progress()))),
            Request::Put {
                config,
                policy,
                mode,
                reply,
            } => drop(reply.send(self.put(config, policy, mode).await)),
            Request::Patch {
                name,
                changes,
                reply,
            } => drop(reply.send(self.patch(&name, changes).await)),
            Request::Delete(name, reply) => drop(reply.send(self.delete(&name).await)),
            Request::Target(name, target, reply) => {
                drop(reply.send(self.set_target(&name, target).await))
            }
            Request::Restart {
                name,
                include_tasks,
                only_failed,
                reply,
            } => {
                drop(reply.send(self.restart(&name, include_tasks, only_failed).await));
            }
            Request::RestartTask(name, task, reply) => {
                drop(reply.send(self.restart_task(&name, task).await))
            }
            Request::Shutdown(_) => {}
        }
    }

    async fn put(
        &mut self,
        config: ConnectorConfig,
        policy: Policy,
        mode: PutMode,
    ) -> Result<Created, HerderError> {
        let name = config.name.clone();
        let known = self.connectors.get(&name);
        if known.is_some() && mode != PutMode::CreateOrReplace {
            return Err(HerderError::AlreadyExists(name.to_string()));
        }
        let is_new = known.is_none();
        // The same configuration again changes nothing, and takes nothing away that the operator granted.
        let grants_more =
            |known: &Connector| policy == Policy::Permissive && known.policy != policy;
        if let Some(known) = known
            && known.config.properties == config.properties
            && !grants_more(known)
        {
            if known.unsure {
                self.write_again(&name).await?;
            }
            return Ok(Created::Updated(self.info(&name)?));
        }
        let unsure = known.is_some_and(|known| known.unsure);
        let waiting = self.waiting.get(name.as_str());
        let target = match mode {
            PutMode::Create(InitialState::Paused) => TargetState::Paused,
            PutMode::Create(InitialState::Stopped) => TargetState::Stopped,
            _ => known
                .map(|known| known.target)
                .or_else(|| waiting.and_then(|waiting| waiting.target))
                .unwrap_or(TargetState::Running),
        };
        let (worker, checked) = (Arc::clone(&self.worker), config.clone());
        blocking(move || validation::check(&worker, &checked)).await?;
        let is_initial = matches!(mode, PutMode::Create(state) if state != InitialState::Running);
        let written_target = (is_initial || unsure).then_some(target);
        let waiting = self.waiting.remove(name.as_str()).unwrap_or_default();
        let from_command_line = policy == Policy::Permissive;
        if waiting.properties.as_ref() != Some(&config.properties)
            || waiting.from_command_line != from_command_line
        {
            let written = self.log.put_connector(
                &name,
                &config.properties,
                from_command_line,
                written_target,
            );
            let written = written.await;
            self.sure_of(&name, written)?;
        }
        self.end_tasks(&name).await;
        self.install(config, policy, target, waiting.tasks).await;
        let info = self.info(&name)?;
        Ok(if is_new {
            Created::Created(info)
        } else {
            Created::Updated(info)
        })
    }

    /// Writes a connector's configuration and target state as they are, after a write that may have failed.
    async fn write_again(&mut self, name: &ConnectorName) -> Result<(), HerderError> {
        let connector = self.connector(name)?;
        let from_command_line = connector.policy == Policy::Permissive;
        let (properties, target) = (&connector.config.properties, Some(connector.target));
        self.log
            .put_connector(name, properties, from_command_line, target)
            .await?;
        if let Some(connector) = self.connectors.get_mut(name) {
            connector.unsure = false;
        }
        Ok(())
    }

    /// After a write that failed it is not known what the config topic holds of a connector: it may have been
    /// written all the same, or be on its way. Whatever is put next is written, also when nothing changed here.
    fn sure_of<T>(
        &mut self,
        name: &ConnectorName,
        written: Result<T, WorkerError>,
    ) -> Result<T, HerderError> {
        if written.is_err()
            && let Some(connector) = self.connectors.get_mut(name)
        {
            connector.unsure = true;
        }
        Ok(written?)
    }

    async fn patch(
        &mut self,
        name: &ConnectorName,
        changes: Vec<(String, Option<String>)>,
    ) -> Result<ConnectorInfo, HerderError> {
        let mut properties = self.connector(name)?.config.properties.clone();
        for (key, value) in changes {
            match value {
                Some(value) => drop(properties.insert(key, value)),
                None => drop(properties.remove(&key)),
            }
        }
        let config = ConnectorConfig::of(name.as_str(), properties)?;
        // What a client changes is the client's, whoever wrote the rest.
        let policy = self.worker.config().rest_policy.clone();
        match self.put(config, policy, PutMode::CreateOrReplace).await? {
            Created::Created(info) | Created::Updated(info) => Ok(info),
        }
    }

    async fn delete(&mut self, name: &ConnectorName) -> Result<(), HerderError> {
        self.connector(name)?;
        let deleted = self.log.delete(name).await;
        self.sure_of(name, deleted)?;
        self.end_tasks(name).await;
        self.connectors.remove(name);
        self.board.remove(Subject::Connector(name.clone()));
        tracing::info!(connector = %name, "The connector was deleted.");
        Ok(())
    }

    async fn set_target(
        &mut self,
        name: &ConnectorName,
        target: TargetState,
    ) -> Result<(), HerderError> {
        let connector = self.connector(name)?;
        let before = connector.target;
        if before == target && !connector.unsure {
            return Ok(());
        }
        let written = self.log.put_target(name, target).await;
        self.sure_of(name, written)?;
        if before == target {
            return Ok(());
        }
        if let Some(connector) = self.connectors.get_mut(name) {
            connector.target = target;
        }
        match (before, target) {
            (_, TargetState::Stopped) => {
                self.end_tasks(name).await;
                self.set_connector_state(name, StateName::Stopped, None);
            }
            (TargetState::Stopped, _) => self.start(name).await,
            _ => {
                for task in self
                    .connectors
                    .get(name)
                    .into_iter()
                    .flat_map(|connector| &connector.tasks)
                {
                    task.set_target(target);
                }
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
    ) -> Result<ConnectorStatus, HerderError> {
        let mut plan = self.status(name)?;
        let restarts = |state: StateName| !only_failed || state == StateName::Failed;
        let whole = restarts(plan.connector.state);
        let tasks: Vec<u32> = plan
            .tasks
            .iter()
            .filter(|task| include_tasks && restarts(task.status.state))
            .map(|task| task.id)
            .collect();
        if whole {
            plan.connector.state = StateName::Restarting;
        }
        for task in &mut plan.tasks {
            if tasks.contains(&task.id) {
                task.status.state = StateName::Restarting;
            }
        }
        let failed = self
            .board
            .get(&Subject::Connector(name.clone()))
            .is_some_and(|known| known.state == StateName::Failed);
        if whole && (failed || (include_tasks && !only_failed)) {
            self.end_tasks(name).await;
            self.start(name).await;
        } else {
            for task in tasks {
                self.restart_task(name, task).await?;
            }
        }
        Ok(plan)
    }

    async fn restart_task(&mut self, name: &ConnectorName, task: u32) -> Result<(), HerderError> {
        let connector = self.connector(name)?;
        let index = connector
            .tasks
            .iter()
            .position(|handle| handle.id().task == task);
        let index =
            index.ok_or_else(|| HerderError::NotFound(format!("Task {name}-{task} not found")))?;
        let deadline = self.worker.config().task_shutdown_timeout;
        let Some(connector) = self.connectors.get_mut(name) else {
            return Ok(());
        };
        let old = connector.tasks.remove(index);
        if !old.stop(deadline).await {
            tracing::warn!(connector = %name, task, "The task did not stop in time; it is started anew all the same.");
        }
        self.generation += 1;
        let handle = self.start_task(name, task);
        if let (Some(connector), Some(handle)) = (self.connectors.get_mut(name), handle) {
            connector.tasks.insert(index, handle);
        }
        Ok(())
    }

    /// Takes a connector in and starts it as far as its target says.
    async fn install(
        &mut self,
        config: ConnectorConfig,
        policy: Policy,
        target: TargetState,
        stored_tasks: Vec<Properties>,
    ) {
        let name = config.name.clone();
        let connector = Connector {
            config,
            policy,
            target,
            kind: ConnectorKind::Unknown,
            version: None,
            task_configs: stored_tasks,
            tasks: Vec::new(),
            unsure: false,
        };
        self.connectors.insert(name.clone(), connector);
        self.start(&name).await;
    }

    /// Starts a connector's tasks. What fails is in its state.
    async fn start(&mut self, name: &ConnectorName) {
        self.generation += 1;
        let Some(connector) = self.connectors.get_mut(name) else {
            return;
        };
        match self.worker.connector_class(&connector.config) {
            Ok(class) => {
                connector.kind = if class.info.kind == Kind::Sink {
                    ConnectorKind::Sink
                } else {
                    ConnectorKind::Source
                };
                connector.version = Some(class.info.version);
            }
            Err(error) => return self.fail(name, &error),
        }
        if connector.target == TargetState::Stopped {
            return self.set_connector_state(name, StateName::Stopped, None);
        }
        let (worker, config) = (Arc::clone(&self.worker), connector.config.clone());
        let configs = match blocking(move || Ok(worker.task_configs(&config)?)).await {
            Ok(configs) => configs,
            Err(error) => return self.fail(name, &error),
        };
        let state = state_of(connector.target);
        if connector.task_configs != configs {
            if let Err(error) = self.log.put_tasks(name, &configs).await {
                return self.fail(name, &error);
            }
            connector.task_configs = configs;
        }
        let tasks = (0_u32..).take(connector.task_configs.len());
        self.set_connector_state(name, state, None);
        let handles: Vec<TaskHandle> = tasks
            .filter_map(|task| self.start_task(name, task))
            .collect();
        if let Some(connector) = self.connectors.get_mut(name) {
            connector.tasks = handles;
        }
        tracing::info!(connector = %name, "The connector was started.");
    }

    fn start_task(&mut self, name: &ConnectorName, task: u32) -> Option<TaskHandle> {
        let connector = self.connectors.get(name)?;
        let id = TaskId {
            connector: name.clone(),
            task,
        };
        let known = Known {
            state: StateName::Unassigned,
            trace: None,
            version: connector.version.clone(),
            generation: self.generation,
        };
        self.board.set(Subject::Task(id.clone()), known);
        let new = NewTask {
            task: id,
            connector: connector.config.clone(),
            config: connector.task_configs.get(task as usize)?.clone(),
            policy: connector.policy.clone(),
            target: connector.target,
        };
        let listener = TaskListener {
            board: Arc::clone(&self.board),
            generation: self.generation,
        };
        Some(self.worker.start(new, Arc::new(listener)))
    }

    /// Ends a connector's tasks; answers with those that did not end in time.
    async fn end_tasks(&mut self, name: &ConnectorName) -> Vec<String> {
        let deadline = Instant::now() + self.worker.config().task_shutdown_timeout;
        self.end_tasks_until(name, deadline).await
    }

    async fn end_tasks_until(&mut self, name: &ConnectorName, deadline: Instant) -> Vec<String> {
        let Some(connector) = self.connectors.get_mut(name) else {
            return Vec::new();
        };
        let tasks = std::mem::take(&mut connector.tasks);
        tasks
            .iter()
            .for_each(|task| task.set_target(TargetState::Stopped));
        let mut late = Vec::new();
        for task in tasks {
            let id = task.id().clone();
            if !task
                .stop(deadline.saturating_duration_since(Instant::now()))
                .await
            {
                tracing::warn!(connector = %name, task = id.task, "The task did not stop in time.");
                late.push(id.to_string());
            }
            self.board.remove(Subject::Task(id));
        }
        late
    }

    async fn stop_all(&mut self) -> Vec<String> {
        for task in self
            .connectors
            .values()
            .flat_map(|connector| &connector.tasks)
        {
            task.set_target(TargetState::Stopped);
        }
        let deadline = Instant::now() + self.worker.config().task_shutdown_timeout;
        let names: Vec<ConnectorName> = self.connectors.keys().cloned().collect();
        let mut late = Vec::new();
        for name in names {
            late.extend(self.end_tasks_until(&name, deadline).await);
        }
        late
    }

    fn fail(&mut self, name: &ConnectorName, error: &dyn std::error::Error) {
        tracing::error!(connector = %name, %error, "The connector failed.");
        self.set_connector_state(name, StateName::Failed, Some(error.to_string()));
    }

    fn set_connector_state(&self, name: &ConnectorName, state: StateName, trace: Option<String>) {
        let version = self
            .connectors
            .get(name)
            .and_then(|connector| connector.version.clone());
        let known = Known {
            state,
            trace,
            version,
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

    fn connector(&self, name: &ConnectorName) -> Result<&Connector, HerderError> {
        self.connectors
            .get(name)
            .ok_or_else(|| HerderError::NotFound(format!("Connector {name} not found")))
    }

    fn info(&self, name: &ConnectorName) -> Result<ConnectorInfo, HerderError> {
        let connector = self.connector(name)?;
        let tasks = connector
            .tasks
            .iter()
            .map(|task| task_ref(name, task.id().task))
            .collect();
        Ok(ConnectorInfo {
            name: name.to_string(),
            config: connector.config.properties.clone(),
            tasks,
            kind: connector.kind,
        })
    }

    fn tasks(&self, name: &ConnectorName) -> Result<Vec<TaskInfo>, HerderError> {
        let connector = self.connector(name)?;
        let info = |(task, config): (u32, &Properties)| TaskInfo {
            id: task_ref(name, task),
            config: config.clone(),
        };
        let running = connector.tasks.len();
        Ok((0..)
            .zip(&connector.task_configs)
            .take(running)
            .map(info)
            .collect())
    }

    fn status(&self, name: &ConnectorName) -> Result<ConnectorStatus, HerderError> {
        let connector = self.connector(name)?;
        let status = |subject| self.status_of(&subject, connector.version.as_ref());
        let tasks = connector.tasks.iter().map(|task| TaskStatus {
            id: task.id().task,
            status: status(Subject::Task(task.id().clone())),
        });
        Ok(ConnectorStatus {
            name: name.to_string(),
            connector: status(Subject::Connector(name.clone())),
            tasks: tasks.collect(),
            kind: connector.kind,
        })
    }

    fn status_of(&self, subject: &Subject, version: Option<&String>) -> Status {
        let worker_id = self.board.worker_id().to_owned();
        match self.board.get(subject) {
            Some(known) => Status {
                state: known.state,
                worker_id,
                version: known.version,
                trace: known.trace,
            },
            None => Status {
                state: StateName::Unassigned,
                worker_id,
                version: version.cloned(),
                trace: None,
            },
        }
    }

    fn progress(&self) -> Vec<Moved> {
        let moved = |(name, connector): (&ConnectorName, &Connector)| {
            let mut counts = Counts::default();
            let failed_task =
                |task: &&TaskHandle| self.is_failed(&Subject::Task(task.id().clone()));
            let failed = connector.tasks.iter().filter(failed_task).count()
                + usize::from(self.is_failed(&Subject::Connector(name.clone())));
            connector
                .tasks
                .iter()
                .for_each(|task| counts += task.progress().counts());
            Moved {
                connector: name.to_string(),
                sink: connector.kind == ConnectorKind::Sink,
                tasks: connector.tasks.len(),
                failed,
                counts,
            }
        };
        self.connectors.iter().map(moved).collect()
    }

    fn is_failed(&self, subject: &Subject) -> bool {
        self.board
            .get(subject)
            .is_some_and(|known| known.state == StateName::Failed)
    }
}

/// Writes what tasks do to the board.
struct TaskListener {
    board: Arc<StatusBoard>,
    generation: u64,
}

impl Listener for TaskListener {
    fn task_state(&self, task: &TaskId, state: State) {
        let (state, trace) = match state {
            State::Running => (StateName::Running, None),
            State::Paused => (StateName::Paused, None),
            State::Unassigned => (StateName::Unassigned, None),
            State::Failed { trace } => (StateName::Failed, Some(trace)),
        };
        self.board.change(&Subject::Task(task.clone()), |known| {
            // A task that was replaced has nothing to say any more.
            if known.generation == self.generation {
                (known.state, known.trace) = (state, trace);
            }
        });
    }
}

fn state_of(target: TargetState) -> StateName {
    match target {
        TargetState::Running => StateName::Running,
        TargetState::Paused => StateName::Paused,
        TargetState::Stopped => StateName::Stopped,
    }
}

fn task_ref(name: &ConnectorName, task: u32) -> TaskRef {
    TaskRef {
        connector: name.to_string(),
        task,
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, HerderError> + Send + 'static,
) -> Result<T, HerderError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| HerderError::Worker(WorkerError::Internal(error.to_string())))?
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use tidegate_broker::{
        Acknowledge, Broker, BrokerError, EmbeddedBroker, EmbeddedSettings, Producer, Refused,
    };
    use tidegate_config::worker::WorkerConfig;
    use tidegate_model::Batch;
    use tidegate_sandbox::Registry;

    use super::*;

    /// Writes, and says that it did not while it is away.
    struct Forgetful {
        inner: Arc<dyn Producer>,
        away: Mutex<bool>,
    }

    struct Swallowed;

    impl Acknowledge for Swallowed {
        fn acknowledged(&self, _group: u64, _result: Result<(), Refused>) {}
    }

    impl Producer for Forgetful {
        fn submit(
            &self,
            batch: &Batch,
            groups: &[u32],
            first_group: u64,
            group_count: u32,
            to: &Arc<dyn Acknowledge>,
        ) -> Result<(), BrokerError> {
            if !*self.away.lock().unwrap() {
                return self
                    .inner
                    .submit(batch, groups, first_group, group_count, to);
            }
            let nobody: Arc<dyn Acknowledge> = Arc::new(Swallowed);
            self.inner
                .submit(batch, groups, first_group, group_count, &nobody)?;
            Err(BrokerError::Away("a test".to_owned()))
        }

        fn flush(&self, timeout: Duration) -> Result<(), BrokerError> {
            self.inner.flush(timeout)
        }
    }

    struct Place {
        broker: Arc<EmbeddedBroker>,
        producer: Arc<Forgetful>,
        actor: Actor,
        _folder: tempfile::TempDir,
    }

    impl Place {
        /// An actor with a stopped connector of a class that is not there.
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let opened = EmbeddedBroker::open(folder.path(), EmbeddedSettings::default());
            let broker = Arc::new(opened.unwrap());
            let converter = "org.apache.kafka.connect.storage.StringConverter";
            let config = ["key.converter", "value.converter"]
                .map(|key| (key.to_owned(), converter.to_owned()));
            let (config, _) = WorkerConfig::standalone(config.into()).unwrap();
            let shared = Arc::clone(&broker) as Arc<dyn Broker>;
            let worker = Worker::open(config, shared, Arc::<Registry>::default()).unwrap();
            let producer = Arc::new(Forgetful {
                inner: broker.producer(&Properties::new()).unwrap(),
                away: Mutex::new(false),
            });
            let log = ConfigLog::open(
                broker.as_ref(),
                &(Arc::clone(&producer) as _),
                &worker.config().config_topic,
            );
            let board = Arc::new(StatusBoard::new("w:1".to_owned()));
            let mut actor = Actor::new(Arc::new(worker), log.unwrap().0, board);
            let stopped = (Policy::Permissive, TargetState::Stopped);
            actor
                .install(config_of("1"), stopped.0, stopped.1, vec![])
                .await;
            Self {
                broker,
                producer,
                actor,
                _folder: folder,
            }
        }

        fn set_away(&self, away: bool) {
            *self.producer.away.lock().unwrap() = away;
        }

        /// What the config topic has of the connector.
        fn stored(&self) -> Option<crate::config_log::StoredConnector> {
            let producer = self.broker.producer(&Properties::new()).unwrap();
            let storage = &self.actor.worker.config().config_topic;
            let opened = ConfigLog::open(self.broker.as_ref(), &producer, storage);
            opened.unwrap().1.remove("c")
        }

        async fn put_again(&mut self) {
            let mode = PutMode::CreateOrReplace;
            let put = self.actor.put(config_of("1"), Policy::Permissive, mode);
            put.await.unwrap();
        }
    }

    fn config_of(value: &str) -> ConnectorConfig {
        let entries = [("connector.class", "Missing"), ("key", value)];
        let own = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        ConnectorConfig::of("c", entries.map(own).into()).unwrap()
    }

    fn name() -> ConnectorName {
        ConnectorName::parse("c").unwrap()
    }

    #[tokio::test]
    async fn the_same_configuration_is_written_again_after_a_write_that_failed() {
        let mut place = Place::new().await;
        place.put_again().await;
        assert_eq!(place.stored(), None, "nothing changed, nothing is written");
        place.set_away(true);
        assert!(place.actor.delete(&name()).await.is_err());
        place.set_away(false);
        place.put_again().await;
        let stored = place.stored().unwrap();
        assert_eq!(stored.properties.unwrap()["key"], "1");
        assert_eq!(stored.target, Some(TargetState::Stopped));
        assert!(stored.from_command_line);
    }

    #[tokio::test]
    async fn the_same_target_state_is_written_again_after_a_write_that_failed() {
        let mut place = Place::new().await;
        place.actor.write_again(&name()).await.unwrap();
        let target = |place: &Place| place.stored().unwrap().target;
        place.set_away(true);
        let paused = place.actor.set_target(&name(), TargetState::Paused).await;
        assert!(paused.is_err());
        assert_eq!(target(&place), Some(TargetState::Paused), "it was written");
        place.set_away(false);
        let stopped = place.actor.set_target(&name(), TargetState::Stopped).await;
        stopped.unwrap();
        assert_eq!(target(&place), Some(TargetState::Stopped));
    }
}
