//! What failed: taken back when a plugin is on trial, started anew when a guest has faulted, or left FAILED.
//!
//! A task that is to be started anew is RESTARTING meanwhile, with the trace of what happened.

use std::time::Instant;

use tidegate_config::limits::RestartLimits;
use tidegate_model::{ConnectorName, TaskId};
use tokio::time::sleep;

use super::Actor;
use crate::connectors::Connector;
use crate::info::StateName;
use crate::status_board::Subject;

/// What the actor hears of tasks.
pub(crate) enum Event {
    /// One failed, or its connector did not start.
    Failed(Failure),
    /// One is to be started anew, unless it was meanwhile.
    Due(TaskId, u64),
}

/// A task failed, or its connector did not start.
pub(crate) struct Failure {
    pub(crate) connector: ConnectorName,
    /// The task, where it is RESTARTING.
    pub(crate) task: Option<u32>,
    pub(crate) generation: u64,
    pub(crate) trace: String,
}

/// When a task was started anew by itself.
#[derive(Debug, Default)]
pub(crate) struct Restarts(Vec<Instant>);

impl Restarts {
    /// How long to wait before the next, which counts as done; `None`: there were too many.
    fn next(&mut self, limits: &RestartLimits, now: Instant) -> Option<std::time::Duration> {
        self.0.retain(|at| now.duration_since(*at) < limits.window);
        let wait = limits.wait(self.0.len())?;
        self.0.push(now + wait);
        Some(wait)
    }
}

impl Actor {
    pub(super) async fn heard(&mut self, event: Event) {
        match event {
            Event::Failed(failure) => {
                if !self.take_back(&failure).await {
                    self.restart_later(failure);
                }
            }
            Event::Due(task, generation) => {
                let known = self.board.get(&Subject::Task(task.clone()));
                let waits = |state, of| state == StateName::Restarting && of == generation;
                if known.is_some_and(|known| waits(known.state, known.generation)) {
                    tracing::info!(connector = %task.connector, task = task.task, "The task is started anew.");
                    // A connector that is gone has no tasks.
                    drop(self.restart_task(&task.connector, task.task).await);
                }
            }
        }
    }

    /// Starts a task anew after a while, unless that was done too often.
    fn restart_later(&self, failure: Failure) {
        let Some(task) = failure.task else {
            return;
        };
        let (name, generation) = (failure.connector, failure.generation);
        let limits = &self.worker.config().sandbox.restarts;
        let next = |known: &mut Connector| {
            let task = known.tasks.iter_mut().find(|known| known.id.task == task)?;
            task.restarts.next(limits, Instant::now())
        };
        let wait = self.connectors.change(&name, next).flatten();
        let id = TaskId {
            connector: name,
            task,
        };
        let Some(wait) = wait else {
            tracing::error!(connector = %id.connector, task, restarts = limits.restarts_max,
                "The task is not started anew any more; it stays FAILED.");
            self.board.change(&Subject::Task(id), |known| {
                if known.generation == generation {
                    known.state = StateName::Failed;
                }
            });
            return;
        };
        tracing::warn!(connector = %id.connector, task, wait_ms = wait.as_millis(),
            "The task's guest has faulted; it is started anew after a wait.");
        let tell = self.events_told.clone();
        tokio::spawn(async move {
            sleep(wait).await;
            // Nobody hears it when the herder has ended.
            drop(tell.send(Event::Due(id, generation)));
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn so_many_restarts_are_in_a_window_and_each_waits_longer() {
        let limits = RestartLimits {
            restarts_max: 3,
            window: Duration::from_secs(100),
            backoff: Duration::from_secs(4),
            backoff_max: Duration::from_secs(10),
        };
        let mut restarts = Restarts::default();
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let wait = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(restarts.next(&limits, at(0)), wait(4));
        assert_eq!(restarts.next(&limits, at(5)), wait(8));
        assert_eq!(restarts.next(&limits, at(20)), wait(10));
        assert_eq!(restarts.next(&limits, at(40)), None);
        // The first was 104 s ago.
        assert_eq!(restarts.next(&limits, at(108)), wait(10));
        let never = RestartLimits {
            restarts_max: 0,
            ..limits
        };
        assert_eq!(Restarts::default().next(&never, begin), None);
    }
}
