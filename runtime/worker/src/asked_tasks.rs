//! Passes on that a source's guest asks for its connector's work to be divided anew.

use std::sync::Arc;

use tidegate_model::TaskId;

use crate::task::Listener;

/// Who is told that a task asks.
pub(crate) struct AskedTasks {
    task: TaskId,
    listener: Arc<dyn Listener>,
}

impl AskedTasks {
    pub(crate) fn of(task: &TaskId, listener: &Arc<dyn Listener>) -> Self {
        Self {
            task: task.clone(),
            listener: Arc::clone(listener),
        }
    }

    pub(crate) fn ask(&self) {
        self.listener.tasks_asked(&self.task);
    }
}
