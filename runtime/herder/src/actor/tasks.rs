//! The tasks of a connector: started, started anew, ended, and heard.

use std::sync::Arc;

use tidegate_model::{ConnectorName, TaskId};
use tidegate_worker::task::{Listener, State};
use tidegate_worker::worker::NewTask;
use tidegate_worker::{TargetState, TaskHandle};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Actor;
use super::failures::{Event, Failure};
use crate::connectors::Connector;
use crate::error::HerderError;
use crate::info::StateName;
use crate::status_board::{Known, StatusBoard, Subject};

impl Actor {
    pub(super) async fn restart_task(
        &mut self,
        name: &ConnectorName,
        task: u32,
    ) -> Result<(), HerderError> {
        let has = |known: &Connector| known.tasks.iter().any(|known| known.id.task == task);
        if !self.connectors.with(name, has)? {
            return Err(HerderError::NotFound(format!(
                "Task {name}-{task} not found"
            )));
        }
        let deadline = self.worker.config().task_shutdown_timeout;
        if let Some(old) = self.exchange(name, task, None)
            && !old.stop(deadline).await
        {
            tracing::warn!(connector = %name, task, "The task did not stop in time; it is started anew all the same.");
        }
        self.generation += 1;
        let new = self.start_task(name, task);
        self.exchange(name, task, new);
        Ok(())
    }

    /// Puts another handle in the place of a task's.
    pub(super) fn exchange(
        &self,
        name: &ConnectorName,
        task: u32,
        new: Option<TaskHandle>,
    ) -> Option<TaskHandle> {
        let exchange = |known: &mut Connector| {
            let task = known.tasks.iter_mut().find(|known| known.id.task == task)?;
            std::mem::replace(&mut task.handle, new)
        };
        self.connectors.change(name, exchange).flatten()
    }

    pub(super) fn start_task(&self, name: &ConnectorName, task: u32) -> Option<TaskHandle> {
        let id = task_id(name, task);
        let new = |connector: &Connector| {
            let new = NewTask {
                task: id.clone(),
                connector: connector.config.clone(),
                config: connector.task_configs.get(task as usize)?.clone(),
                policy: connector.policy.clone(),
                target: connector.target,
                trial_until: connector.trial.as_ref().map(|trial| trial.until),
            };
            Some((new, connector.version.clone()))
        };
        let (new, version) = self.connectors.find(name, new).flatten()?;
        let known = Known {
            state: StateName::Unassigned,
            trace: None,
            version,
            generation: self.generation,
        };
        self.board.set(Subject::Task(id), known);
        let listener = TaskListener {
            board: Arc::clone(&self.board),
            generation: self.generation,
            events: self.events_told.clone(),
            restarts: self.worker.config().sandbox.restarts.restarts_max > 0,
            asks: self.asks.clone(),
        };
        Some(self.worker.start(new, Arc::new(listener)))
    }

    /// Ends a connector's tasks; answers with those that did not end in time.
    pub(super) async fn end_tasks(&mut self, name: &ConnectorName) -> Vec<String> {
        let deadline = Instant::now() + self.worker.config().task_shutdown_timeout;
        self.end_tasks_until(name, deadline).await
    }

    pub(super) async fn end_tasks_until(
        &mut self,
        name: &ConnectorName,
        deadline: Instant,
    ) -> Vec<String> {
        let handles = |known: &mut Connector| -> Vec<TaskHandle> {
            let handles = known.tasks.iter_mut().map(|task| task.handle.take());
            handles.flatten().collect()
        };
        let tasks = self.connectors.change(name, handles).unwrap_or_default();
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
        self.connectors.change(name, |known| known.tasks.clear());
        late
    }

    pub(super) async fn stop_all(&mut self) -> Vec<String> {
        self.connectors.stop_all_tasks();
        let deadline = Instant::now() + self.worker.config().task_shutdown_timeout;
        let mut late = Vec::new();
        for name in self.connectors.names() {
            late.extend(self.end_tasks_until(&name, deadline).await);
        }
        late
    }
}

/// Writes what tasks do to the board.
struct TaskListener {
    board: Arc<StatusBoard>,
    generation: u64,
    /// Where it is told that a task failed.
    events: mpsc::UnboundedSender<Event>,
    /// Whether a task whose guest has faulted may be started anew.
    restarts: bool,
    asks: mpsc::Sender<ConnectorName>,
}

impl TaskListener {
    /// Whether the task was not replaced and is not gone.
    fn is_of_today(&self, task: &TaskId) -> bool {
        let known = self.board.get(&Subject::Task(task.clone()));
        known.is_some_and(|known| known.generation == self.generation)
    }
}

impl Listener for TaskListener {
    fn tasks_asked(&self, task: &TaskId) {
        // Without room it may ask again.
        drop(self.asks.try_send(task.connector.clone()));
    }

    fn topic_used(&self, task: &TaskId, topic: &str) {
        if self.is_of_today(task) {
            self.board.topic_used(task, topic);
        }
    }

    fn topic_resets(&self) -> u64 {
        self.board.topic_resets()
    }

    fn task_state(&self, task: &TaskId, state: State) {
        let (state, trace, failed) = match state {
            State::Running => (StateName::Running, None, false),
            State::Paused => (StateName::Paused, None, false),
            State::Unassigned => (StateName::Unassigned, None, false),
            State::Failed { trace, by_guest } if by_guest && self.restarts => {
                (StateName::Restarting, Some(trace), true)
            }
            State::Failed { trace, .. } => (StateName::Failed, Some(trace), true),
        };
        let failure = failed.then(|| Failure {
            connector: task.connector.clone(),
            task: (state == StateName::Restarting).then_some(task.task),
            generation: self.generation,
            trace: trace.clone().unwrap_or_default(),
        });
        self.board.change(&Subject::Task(task.clone()), |known| {
            // A task that was replaced has nothing to say any more.
            if known.generation == self.generation {
                (known.state, known.trace) = (state, trace);
            }
        });
        if let Some(failure) = failure {
            // Nobody hears it when the herder has ended.
            drop(self.events.send(Event::Failed(failure)));
        }
    }
}

pub(super) fn task_id(name: &ConnectorName, task: u32) -> TaskId {
    TaskId {
        connector: name.clone(),
        task,
    }
}
