//! Every connector, as a table: the actor alone changes it, and whoever asks reads it without asking the actor.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use tidegate_config::Properties;
use tidegate_config::connector::ConnectorConfig;
use tidegate_config::grants::Policy;
use tidegate_model::{ConnectorName, TaskId};
use tidegate_sandbox::Digest;
use tidegate_worker::progress::{Counts, TransformCounts};
use tidegate_worker::{Progress, Startups, TargetState, TaskHandle};

use crate::actor::failures::Restarts;
use crate::error::HerderError;
use crate::info::{
    ConnectorInfo, ConnectorKind, ConnectorStatus, StateName, Status, TaskInfo, TaskRef, TaskStatus,
};
use crate::reload::Reload;
use crate::requests::Moved;
use crate::status_board::{StatusBoard, Subject};
use crate::upgrade::{Trial, Upgrade};

/// Every connector, by name.
pub(crate) struct Connectors {
    table: RwLock<BTreeMap<ConnectorName, Connector>>,
    board: Arc<StatusBoard>,
    started: AtomicBool,
    started_ms: u64,
    startups: Startups,
}

/// A connector as it is measured.
pub(crate) struct Measured {
    pub(crate) config: ConnectorConfig,
    pub(crate) kind: ConnectorKind,
    pub(crate) version: Option<String>,
    pub(crate) state: StateName,
    pub(crate) tasks: Vec<MeasuredTask>,
}

/// A task as it is measured.
pub(crate) struct MeasuredTask {
    pub(crate) task: u32,
    pub(crate) state: StateName,
    /// None while the task is being stopped.
    pub(crate) progress: Option<Arc<Progress>>,
}

/// A connector.
pub(crate) struct Connector {
    pub(crate) config: ConnectorConfig,
    pub(crate) policy: Policy,
    pub(crate) target: TargetState,
    pub(crate) kind: ConnectorKind,
    pub(crate) version: Option<String>,
    pub(crate) task_configs: Vec<Properties>,
    pub(crate) tasks: Vec<Task>,
    /// The components that it was started with.
    pub(crate) components: Vec<Digest>,
    /// What it goes back to when a plugin that is new fails.
    pub(crate) trial: Option<Trial>,
    /// The last upgrade of its plugins.
    pub(crate) upgrade: Option<Upgrade>,
    /// Its tasks are not those that its plugin would divide its work among now: it was not asked while it was paused.
    pub(crate) undivided: bool,
    /// What config providers gave when it was started, if it is to follow that.
    pub(crate) reload: Option<Reload>,
    /// A write to the config topic failed, or had no answer in time: the topic may hold something else than this.
    pub(crate) unsure: bool,
}

/// A task of a connector.
pub(crate) struct Task {
    pub(crate) id: TaskId,
    /// None while the task is being stopped.
    pub(crate) handle: Option<TaskHandle>,
    /// How often it was started anew by itself.
    pub(crate) restarts: Restarts,
}

/// What a restart does.
pub(crate) struct RestartPlan {
    /// The status with RESTARTING for what is restarted.
    pub(crate) status: ConnectorStatus,
    /// Whether the connector starts anew, its tasks with it.
    pub(crate) whole: bool,
    /// The tasks to restart when it does not.
    pub(crate) tasks: Vec<u32>,
}

impl Connectors {
    pub(crate) fn new(board: Arc<StatusBoard>) -> Self {
        Self {
            table: RwLock::default(),
            board,
            started: AtomicBool::new(false),
            started_ms: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX)),
            startups: Startups::default(),
        }
    }

    /// When this was made, in milliseconds since the epoch.
    pub(crate) fn started_ms(&self) -> u64 {
        self.started_ms
    }

    /// How often connectors were started.
    pub(crate) fn startups(&self) -> &Startups {
        &self.startups
    }

    /// What is measured of a connector.
    pub(crate) fn measured(&self, name: &ConnectorName) -> Option<Measured> {
        let state = |subject| {
            let known = self.board.get(&subject);
            known.map_or(StateName::Unassigned, |known| known.state)
        };
        self.find(name, |connector| Measured {
            config: connector.config.clone(),
            kind: connector.kind,
            version: connector.version.clone(),
            state: state(Subject::Connector(name.clone())),
            tasks: connector
                .tasks
                .iter()
                .map(|task| MeasuredTask {
                    task: task.id.task,
                    state: state(Subject::Task(task.id.clone())),
                    progress: task
                        .handle
                        .as_ref()
                        .map(|handle| Arc::clone(handle.progress())),
                })
                .collect(),
        })
    }

    /// Whether all connectors that were stored have been started.
    pub(crate) fn have_started(&self) -> bool {
        self.started.load(Ordering::Acquire)
    }

    pub(crate) fn set_started(&self) {
        self.started.store(true, Ordering::Release);
    }

    pub(crate) fn names(&self) -> Vec<ConnectorName> {
        self.read().keys().cloned().collect()
    }

    /// Looks at a connector.
    pub(crate) fn with<T>(
        &self,
        name: &ConnectorName,
        look: impl FnOnce(&Connector) -> T,
    ) -> Result<T, HerderError> {
        self.find(name, look)
            .ok_or_else(|| HerderError::NotFound(format!("Connector {name} not found")))
    }

    /// The same, where there need not be one.
    pub(crate) fn find<T>(
        &self,
        name: &ConnectorName,
        look: impl FnOnce(&Connector) -> T,
    ) -> Option<T> {
        self.read().get(name).map(look)
    }

    /// Changes a connector, if there is one.
    pub(crate) fn change<T>(
        &self,
        name: &ConnectorName,
        change: impl FnOnce(&mut Connector) -> T,
    ) -> Option<T> {
        self.write().get_mut(name).map(change)
    }

    pub(crate) fn insert(&self, connector: Connector) {
        let name = connector.config.name.clone();
        self.write().insert(name, connector);
    }

    pub(crate) fn remove(&self, name: &ConnectorName) {
        self.write().remove(name);
    }

    /// The connectors that follow what config providers give, and are not stopped.
    pub(crate) fn reloads(&self) -> Vec<(ConnectorConfig, Reload)> {
        let table = self.read();
        let connectors = table.values();
        let active = connectors.filter(|known| known.target != TargetState::Stopped);
        active
            .filter_map(|known| Some((known.config.clone(), known.reload?)))
            .collect()
    }

    /// Tells every task to stop.
    pub(crate) fn stop_all_tasks(&self) {
        for connector in self.read().values() {
            connector
                .running()
                .for_each(|task| task.set_target(TargetState::Stopped));
        }
    }

    pub(crate) fn info(&self, name: &ConnectorName) -> Result<ConnectorInfo, HerderError> {
        self.with(name, |connector| ConnectorInfo {
            name: name.to_string(),
            config: connector.config.properties.clone(),
            tasks: connector
                .tasks
                .iter()
                .map(|task| task_ref(name, task.id.task))
                .collect(),
            kind: connector.kind,
        })
    }

    /// The topics that a connector used.
    pub(crate) fn topics(&self, name: &ConnectorName) -> Vec<String> {
        self.board.topics(name)
    }

    pub(crate) fn tasks(&self, name: &ConnectorName) -> Result<Vec<TaskInfo>, HerderError> {
        let info = |(task, config): (u32, &Properties)| TaskInfo {
            id: task_ref(name, task),
            config: config.clone(),
        };
        self.with(name, |connector| {
            let running = connector.tasks.len();
            (0..)
                .zip(&connector.task_configs)
                .take(running)
                .map(info)
                .collect()
        })
    }

    pub(crate) fn status(&self, name: &ConnectorName) -> Result<ConnectorStatus, HerderError> {
        self.with(name, |connector| {
            let status = |subject| self.status_of(&subject, connector.version.as_ref());
            let tasks = connector.tasks.iter().map(|task| TaskStatus {
                id: task.id.task,
                status: status(Subject::Task(task.id.clone())),
            });
            ConnectorStatus {
                name: name.to_string(),
                connector: status(Subject::Connector(name.clone())),
                tasks: tasks.collect(),
                kind: connector.kind,
                upgrade: connector.upgrade.as_ref().map(Upgrade::info),
            }
        })
    }

    /// The connectors that were started with a component.
    pub(crate) fn using(&self, digest: Digest) -> Vec<String> {
        let read = self.read();
        let using = read.iter().filter(|(_, known)| {
            let trial = known.trial.as_ref();
            let before = trial.is_some_and(|trial| trial.prepared.components.contains(&digest));
            known.components.contains(&digest) || before
        });
        using.map(|(name, _)| name.to_string()).collect()
    }

    /// The connectors whose configurations lead to a component.
    pub(crate) fn leading_to(
        &self,
        digest: Digest,
        components: impl Fn(&ConnectorConfig) -> Vec<Digest>,
    ) -> Vec<String> {
        let read = self.read();
        let leading = read
            .iter()
            .filter(|(_, known)| components(&known.config).contains(&digest));
        leading.map(|(name, _)| name.to_string()).collect()
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

    /// The configuration of a connector whose offsets may be altered: one that is stopped and has no tasks.
    pub(crate) fn check_stopped(
        &self,
        name: &ConnectorName,
    ) -> Result<ConnectorConfig, HerderError> {
        let look = |known: &Connector| {
            let stopped = known.target == TargetState::Stopped && known.tasks.is_empty();
            stopped.then(|| known.config.clone())
        };
        self.with(name, look)?.ok_or_else(|| {
            HerderError::BadRequest(format!(
                "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for \
                 the specified connector by issuing a 'PUT' request to the '/connectors/{name}/stop' endpoint"
            ))
        })
    }

    /// What a restart would do now.
    pub(crate) fn restart_plan(
        &self,
        name: &ConnectorName,
        include_tasks: bool,
        only_failed: bool,
    ) -> Result<RestartPlan, HerderError> {
        let mut status = self.status(name)?;
        let failed = status.connector.state == StateName::Failed;
        let restarts = |state: StateName| !only_failed || state == StateName::Failed;
        let connector = restarts(status.connector.state);
        if connector {
            status.connector.state = StateName::Restarting;
        }
        let mut tasks = Vec::new();
        for task in &mut status.tasks {
            if include_tasks && restarts(task.status.state) {
                tasks.push(task.id);
                task.status.state = StateName::Restarting;
            }
        }
        Ok(RestartPlan {
            status,
            whole: connector && (failed || (include_tasks && !only_failed)),
            tasks,
        })
    }

    pub(crate) fn progress(&self) -> Vec<Moved> {
        let moved = |(name, connector): (&ConnectorName, &Connector)| {
            let mut counts = Counts::default();
            let tasks_in = |state: StateName| {
                let subjects = connector.tasks.iter();
                let subjects = subjects.map(|task| Subject::Task(task.id.clone()));
                subjects.filter(|task| self.is_in(task, state)).count()
            };
            let whole = Subject::Connector(name.clone());
            let failed =
                tasks_in(StateName::Failed) + usize::from(self.is_in(&whole, StateName::Failed));
            let mut transforms = Vec::new();
            for task in connector.running() {
                counts += task.progress().counts();
                TransformCounts::add_all(&mut transforms, task.progress().transforms());
            }
            Moved {
                connector: name.to_string(),
                sink: connector.kind == ConnectorKind::Sink,
                tasks: connector.tasks.len(),
                failed,
                restarting: tasks_in(StateName::Restarting),
                counts,
                transforms,
            }
        };
        self.read().iter().map(moved).collect()
    }

    fn is_in(&self, subject: &Subject, state: StateName) -> bool {
        let known = self.board.get(subject);
        known.is_some_and(|known| known.state == state)
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<ConnectorName, Connector>> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<ConnectorName, Connector>> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connector {
    /// A connector that has not been started.
    pub(crate) fn new(
        config: ConnectorConfig,
        policy: Policy,
        target: TargetState,
        task_configs: Vec<Properties>,
    ) -> Self {
        Self {
            config,
            policy,
            target,
            kind: ConnectorKind::Unknown,
            version: None,
            task_configs,
            tasks: Vec::new(),
            components: Vec::new(),
            trial: None,
            upgrade: None,
            undivided: false,
            reload: None,
            unsure: false,
        }
    }

    /// Whether a configuration under a policy is the one that it surely has: the same again takes nothing away that the
    /// operator granted.
    pub(crate) fn has(&self, properties: &Properties, policy: &Policy) -> bool {
        let grants_more = *policy == Policy::Permissive && self.policy != *policy;
        self.config.properties == *properties && !grants_more && !self.unsure
    }

    /// Whether its plugin has to be asked for its tasks when it is told to do this.
    pub(crate) fn starts_anew(&self, target: TargetState) -> bool {
        match self.target {
            TargetState::Stopped => target != TargetState::Stopped,
            _ => self.undivided && target == TargetState::Running,
        }
    }

    /// The tasks that are not being stopped.
    pub(crate) fn running(&self) -> impl Iterator<Item = &TaskHandle> {
        self.tasks.iter().filter_map(|task| task.handle.as_ref())
    }
}

fn task_ref(name: &ConnectorName, task: u32) -> TaskRef {
    TaskRef {
        connector: name.to_string(),
        task,
    }
}
