//! A running task as its supervisor sees it.
//!
//! | target | what the task does |
//! | --- | --- |
//! | Running | moves records |
//! | Paused | commits what is done, then waits; the guest stays, and a sink stays a member of its group |
//! | Stopped | commits what is done, stops the guest, ends |
//!
//! The task reports its state to a [`Listener`]: RUNNING, PAUSED, FAILED with a trace, or UNASSIGNED when
//! it ended as told.

use std::sync::Arc;
use std::time::Duration;

use tidegate_model::TaskId;
use tokio::sync::watch;
use tokio::task::JoinHandle;

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
    },
}

/// Hears what tasks do.
pub trait Listener: Send + Sync {
    /// A task has a new state. Called on the task's own thread; returns at once.
    fn task_state(&self, task: &TaskId, state: State);
}

/// A running task.
pub struct TaskHandle {
    pub(crate) task: TaskId,
    pub(crate) target: watch::Sender<TargetState>,
    pub(crate) end: JoinHandle<()>,
    pub(crate) progress: Arc<Progress>,
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

    /// Stops the task and waits for its end, at most `deadline`. `false`: it did not end in time; its guest
    /// call still runs until its own deadline, then the task ends without another call.
    pub async fn stop(self, deadline: Duration) -> bool {
        self.set_target(TargetState::Stopped);
        tokio::time::timeout(deadline, self.end).await.is_ok()
    }
}
