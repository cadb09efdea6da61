//! How many blocking threads tasks may hold at a time: a guest that waits inside a call holds one, and must leave
//! the others to its neighbours and to what the worker itself has to do.
//!
//! A step takes a [`Turn`] first and gives it back when it ends. While turns are left, taking one is two atomic
//! operations; a task that finds none waits in order, without a thread.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tidegate_model::ConnectorName;
use tidegate_sandbox::{GuestThreads, Share, Usage, thread_time};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most steps of a connector's tasks that run at a time; further ones wait.
pub const CONNECTOR_STEPS_MAX: usize = 64;
/// The most steps of all tasks of a worker that run at a time; further ones wait. The runtime must have more
/// blocking threads.
pub const STEPS_MAX: usize = 1_024;

/// The turns of all tasks of a worker.
pub(crate) struct Steps {
    all: Arc<Semaphore>,
    threads: GuestThreads,
    connectors: Mutex<BTreeMap<ConnectorName, Weak<OfConnector>>>,
}

/// What the tasks of one connector share.
struct OfConnector {
    steps: Arc<Semaphore>,
    share: Arc<Share>,
}

/// The turns of a task.
#[derive(Clone)]
pub struct Turns {
    connector: Arc<OfConnector>,
    all: Arc<Semaphore>,
    threads: GuestThreads,
    usage: Arc<Usage>,
}

/// What a step holds while it runs. Semaphores are never closed, so both are there.
pub struct Turn {
    _connector: Option<OwnedSemaphorePermit>,
    _all: Option<OwnedSemaphorePermit>,
}

impl Steps {
    pub(crate) fn new() -> Self {
        Self {
            all: Arc::new(Semaphore::new(STEPS_MAX)),
            threads: GuestThreads::default(),
            connectors: Mutex::default(),
        }
    }

    /// The turns of a task of a connector, whose guests' use is counted there. A task that still runs after its
    /// connector was started anew shares them, too.
    pub(crate) fn of(&self, connector: &ConnectorName, usage: &Arc<Usage>) -> Turns {
        let mut connectors = self
            .connectors
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let known = connectors.get(connector).and_then(Weak::upgrade);
        let shared = known.unwrap_or_else(|| {
            connectors.retain(|_, turns| turns.strong_count() > 0);
            let new = Arc::new(OfConnector {
                steps: Arc::new(Semaphore::new(CONNECTOR_STEPS_MAX)),
                share: Arc::default(),
            });
            connectors.insert(connector.clone(), Arc::downgrade(&new));
            new
        });
        Turns {
            connector: shared,
            all: Arc::clone(&self.all),
            threads: self.threads.clone(),
            usage: Arc::clone(usage),
        }
    }
}

impl Turns {
    /// Waits for a turn: first for one of the connector's, so that a connector which holds all of its own does not
    /// keep others waiting.
    pub async fn take(&self) -> Turn {
        Turn {
            _connector: permit(&self.connector.steps).await,
            _all: permit(&self.all).await,
        }
    }

    /// What the tasks of the connector share of the worker.
    pub fn share(&self) -> &Arc<Share> {
        &self.connector.share
    }

    /// Whether the next step is for another time or another thread: a cap is used up, or this thread is less urgent
    /// than others because a guest computed for long on it.
    pub fn end_run(&self) -> bool {
        tidegate_sandbox::is_spent() || self.share().held().is_some()
    }

    /// The threads for steps.
    pub(crate) fn threads(&self) -> &GuestThreads {
        &self.threads
    }

    /// Does a step, and counts the host's part of it among what its connector used of the processor, where that is
    /// capped. The guests' part is counted as they go.
    pub(crate) fn metered<T>(&self, work: impl FnOnce() -> T) -> T {
        if !self.share().caps_cpu() {
            return work();
        }
        let (begun, guests) = (thread_time(), self.usage.cpu());
        let done = work();
        let guests = self.usage.cpu().saturating_sub(guests);
        let all = thread_time().saturating_sub(begun);
        self.share().used_cpu(all.saturating_sub(guests));
        done
    }
}

async fn permit(of: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    match Arc::clone(of).try_acquire_owned() {
        Ok(permit) => Some(permit),
        Err(_) => Arc::clone(of).acquire_owned().await.ok(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Condvar;
    use std::time::Duration;

    use super::*;
    use crate::blocking::{self, Lent};

    const DEADLINE: Duration = Duration::from_secs(30);

    struct Fake(Turns);

    impl Lent for Fake {
        fn turns(&self) -> &Turns {
            &self.0
        }
    }

    /// Steps that wait until they are let go.
    #[derive(Default)]
    struct Door {
        /// How many wait, the most that ever did, and whether the door is open.
        state: Mutex<(usize, usize, bool)>,
        changed: Condvar,
    }

    impl Door {
        fn pass(&self) {
            let mut state = self.state.lock().unwrap();
            state.0 += 1;
            state.1 = state.1.max(state.0);
            self.changed.notify_all();
            let (mut state, late) = self
                .changed
                .wait_timeout_while(state, DEADLINE, |state| !state.2)
                .unwrap();
            assert!(!late.timed_out(), "the door stayed shut");
            state.0 -= 1;
        }

        fn wait_for(&self, count: usize) {
            let state = self.state.lock().unwrap();
            let (state, _) = self
                .changed
                .wait_timeout_while(state, DEADLINE, |state| state.0 < count)
                .unwrap();
            assert_eq!(state.0, count);
        }

        fn open(&self) -> usize {
            let mut state = self.state.lock().unwrap();
            state.2 = true;
            self.changed.notify_all();
            state.1
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn steps_of_a_connector_that_wait_leave_threads_to_others() {
        let name = |name| ConnectorName::parse(name).unwrap();
        let steps = Steps::new();
        let door = Arc::new(Door::default());
        let waiting: Vec<_> = (0..CONNECTOR_STEPS_MAX + 10)
            .map(|_| {
                let mut pipeline = Some(Fake(steps.of(&name("hostile"), &Arc::default())));
                let door = Arc::clone(&door);
                tokio::spawn(async move {
                    blocking::on(&mut pipeline, move |_| {
                        door.pass();
                        Ok(())
                    })
                    .await
                })
            })
            .collect();
        let told = Arc::clone(&door);
        tokio::task::spawn_blocking(move || told.wait_for(CONNECTOR_STEPS_MAX))
            .await
            .unwrap();
        let mut neighbour = Some(Fake(steps.of(&name("neighbour"), &Arc::default())));
        blocking::on(&mut neighbour, |_| Ok(())).await.unwrap();
        assert_eq!(door.open(), CONNECTOR_STEPS_MAX);
        for step in waiting {
            step.await.unwrap().unwrap();
        }
        assert_eq!(
            door.state.lock().unwrap().1,
            CONNECTOR_STEPS_MAX,
            "no more at a time"
        );
    }

    #[test]
    fn tasks_of_a_connector_share_its_turns_for_as_long_as_one_runs() {
        let steps = Steps::new();
        let name = ConnectorName::parse("c").unwrap();
        let old = steps.of(&name, &Arc::default());
        assert!(Arc::ptr_eq(
            &old.connector,
            &steps.of(&name, &Arc::default()).connector
        ));
        drop(old);
        let other = steps.of(&ConnectorName::parse("d").unwrap(), &Arc::default());
        assert_eq!(steps.connectors.lock().unwrap().len(), 1);
        assert!(Arc::ptr_eq(&other.all, &steps.all));
    }
}
