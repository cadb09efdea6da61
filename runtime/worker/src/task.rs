//! A running task as its supervisor sees it.
//!
//! | target | what the task does |
//! | --- | --- |
//! | Running | moves records |
//! | Paused | commits what is done, then waits; the guest stays, and a sink stays a member of its group |
//! | Stopped | commits what is done, stops the guest, ends |
//!
//! A task that does not end in time is abandoned: nobody waits for it, and another may run in its place. When the
//! guest call that holds it up is over, it ends without another one, and submits and commits nothing more.
//!
//! The task reports its state to a [`Listener`]: RUNNING, PAUSED, FAILED with a trace, or UNASSIGNED when
//! it ended as told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tidegate_model::TaskId;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::error::WorkerError;
use crate::progress::Progress;

/// What a task is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetState {
    /// Move records.
    Running,
    /// Wait, and keep the guest.
    Paused,
    /// End.
    Stopped,
}

/// What a task does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Moves records.
    Running,
    /// Waits.
    Paused,
    /// Ended as told.
    Unassigned,
    /// Ended by an error.
    Failed {
        /// What happened, for the operator.
        trace: String,
        /// Whether it was a fault of a guest: a trap, a missed deadline, or a broken rule of the interface.
        by_guest: bool,
    },
}

/// Whether nobody waits for a task any more.
#[derive(Debug, Clone, Default)]
pub(crate) struct Abandoned(Arc<AtomicBool>);

impl Abandoned {
    /// Looked at after each guest call, and before anything is submitted, written or committed.
    ///
    /// # Errors
    /// When nobody waits for the task any more.
    pub(crate) fn check(&self) -> Result<(), WorkerError> {
        match self.0.load(Ordering::Acquire) {
            true => Err(WorkerError::Abandoned),
            false => Ok(()),
        }
    }

    fn set(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Hears what tasks do.
pub trait Listener: Send + Sync {
    /// A task has a new state. Called on the task's own thread; returns at once.
    fn task_state(&self, task: &TaskId, state: State);

    /// A task wrote to a topic, or read from it. Called once for each topic and reset, on a thread of the task's;
    /// returns at once.
    fn topic_used(&self, task: &TaskId, topic: &str) {
        let _ = (task, topic);
    }

    /// A task asks for its connector's work to be divided anew. Called on a thread of the task's; returns at once.
    fn tasks_asked(&self, task: &TaskId) {
        let _ = task;
    }

    /// How often topics were forgotten: those that are used afterwards are told again.
    fn topic_resets(&self) -> u64 {
        0
    }
}

/// A running task.
pub struct TaskHandle {
    pub(crate) task: TaskId,
    pub(crate) target: watch::Sender<TargetState>,
    pub(crate) end: JoinHandle<()>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) abandoned: Abandoned,
}

impl TaskHandle {
    /// Tells the task what to do.
    pub fn set_target(&self, target: TargetState) {
        self.target.send_replace(target);
    }

    /// The task's counters.
    #[must_use]
    pub fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// Which task it is.
    #[must_use]
    pub fn id(&self) -> &TaskId {
        &self.task
    }

    /// Stops the task and waits for its end, at most `deadline`. `false`: it did not end in time and is abandoned;
    /// its guest call still runs until its own deadline, then the task ends without another call.
    pub async fn stop(self, deadline: Duration) -> bool {
        self.set_target(TargetState::Stopped);
        let ended = tokio::time::timeout(deadline, self.end).await.is_ok();
        if !ended {
            self.abandoned.set();
        }
        ended
    }
}
