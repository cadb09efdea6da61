//! How a task is started, and who is told what becomes of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tidegate_config::secrets::Secrets;
use tidegate_model::{ErrorClass, TaskId};
use tidegate_sandbox::Identity;
use tokio::sync::watch;

use super::{NewPipeline, NewTask, Starting, Watched, Worker};
use crate::asked_tasks::AskedTasks;
use crate::error::WorkerError;
use crate::progress::Progress;
use crate::task::{Abandoned, Listener, State, TargetState, TaskHandle};
use crate::used_topics::UsedTopics;

/// Who is told the states of a task.
struct Told {
    task: TaskId,
    listener: Arc<dyn Listener>,
    progress: Arc<Progress>,
    worker: Arc<Worker>,
    /// Whether it has started, or failed to.
    started: AtomicBool,
}

impl Told {
    fn state(&self, state: State) {
        self.progress.measures().states.enter(&state);
        if !self.started.swap(true, Ordering::Relaxed) {
            let failed = matches!(state, State::Failed { .. });
            self.worker.task_startups.ended(!failed);
        }
        self.listener.task_state(&self.task, state);
    }
}

impl Worker {
    /// Starts a task. Everything that can fail is reported to the listener.
    pub fn start(self: &Arc<Self>, new: NewTask, listener: Arc<dyn Listener>) -> TaskHandle {
        let (sender, target) = watch::channel(new.target);
        let progress: Arc<Progress> = Arc::default();
        let abandoned = Abandoned::default();
        let task = new.task.clone();
        let watched = Watched {
            progress: Arc::clone(&progress),
            abandoned: abandoned.clone(),
            topics: UsedTopics::of(&new.task, &listener),
            asked: AskedTasks::of(&new.task, &listener),
        };
        self.task_startups.attempt();
        let told = Told {
            task: new.task.clone(),
            listener,
            progress: Arc::clone(&progress),
            worker: Arc::clone(self),
            started: AtomicBool::new(false),
        };
        let running = Arc::clone(self).run_and_tell(new, target, watched, Arc::new(told));
        TaskHandle {
            task,
            target: sender,
            end: tokio::spawn(running),
            progress,
            abandoned,
        }
    }

    /// Runs a task to its end, and tells what became of it.
    async fn run_and_tell(
        self: Arc<Self>,
        new: NewTask,
        target: watch::Receiver<TargetState>,
        watched: Watched,
        told: Arc<Told>,
    ) {
        let task = new.task.clone();
        let usage = Arc::clone(&watched.progress.measures().usage);
        let (ended, secrets) = match Arc::clone(&self).resolve_task(new).await {
            Ok((new, mut identity)) => {
                let turns = self.steps.of(&task.connector, &usage);
                identity.usage = usage;
                identity.share = Arc::clone(turns.share());
                let secrets = identity.secrets.clone();
                let hears = Arc::clone(&told);
                let starting = Starting {
                    pipeline: NewPipeline {
                        new,
                        identity,
                        turns,
                        watched,
                    },
                    target,
                    report: Box::new(move |state| hears.state(state)),
                };
                let ran = self.run(starting).await;
                (ran.map_err(|error| error.redacted(&secrets)), secrets)
            }
            Err(error) => (Err(error), Secrets::default()),
        };
        match ended {
            Ok(()) => told.state(State::Unassigned),
            Err(WorkerError::Abandoned) => {
                tracing::info!(connector = %task.connector, task = task.task,
                    "The task that did not stop in time has ended.");
                told.state(State::Unassigned);
            }
            Err(error) => {
                tracing::error!(connector = %task.connector, task = task.task, %error, "The task failed.");
                told.state(State::Failed {
                    by_guest: error.class() == ErrorClass::GuestFault,
                    trace: secrets.redact(&trace(&error)).into_owned(),
                });
            }
        }
    }

    /// Resolves the configurations of a task: only now, so that what is stored is what was written. In the task's own
    /// only references that stand in its connector's are resolved.
    async fn resolve_task(
        self: Arc<Self>,
        mut new: NewTask,
    ) -> Result<(NewTask, Identity), WorkerError> {
        let resolving = move || {
            let resolution = self.resolve(&new.connector)?;
            let identity = resolution.identity(Some(new.task.task));
            new.config = resolution.resolved.fill_in(&new.config);
            new.connector = resolution.connector;
            Ok((new, identity))
        };
        let resolved = tokio::task::spawn_blocking(resolving).await;
        resolved.map_err(|error| WorkerError::Internal(error.to_string()))?
    }
}

/// An error with its causes, as the status shows it.
fn trace(error: &WorkerError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str("\nCaused by: ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
