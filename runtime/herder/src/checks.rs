//! Asks plugins about configurations on behalf of requests: few at a time, and never inside the actor, so that a
//! plugin that does not answer keeps nobody waiting who did not ask for it.

use std::sync::Arc;
use std::time::Duration;

use tidegate_worker::WorkerError;
use tokio::sync::{Semaphore, watch};

use crate::error::HerderError;

/// The most requests whose plugins are asked at a time; further ones wait.
pub const VALIDATIONS_MAX: usize = 2;
/// How long a request waits for its turn; then it is told to come again.
pub const VALIDATION_WAIT_MAX: Duration = Duration::from_secs(20);

/// The turns of requests.
#[derive(Clone)]
pub(crate) struct Checks {
    turns: Arc<Semaphore>,
    wait_max: Duration,
    /// Whether the herder is to end: nobody waits for a plugin then.
    ending: watch::Receiver<bool>,
}

impl Checks {
    pub(crate) fn new(at_a_time: usize, wait_max: Duration, ending: watch::Receiver<bool>) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(at_a_time)),
            wait_max,
            ending,
        }
    }

    /// Waits for a turn, then runs `work` on a blocking thread. The turn ends with the work, and not with a client
    /// that hangs up.
    ///
    /// # Errors
    /// When no turn came in time or the herder ends meanwhile, and what `work` says.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HerderError> + Send + 'static,
    ) -> Result<T, HerderError> {
        let turn = Arc::clone(&self.turns).acquire_owned();
        let turn = tokio::time::timeout(self.wait_max, turn).await;
        let Ok(Ok(turn)) = turn else {
            return Err(HerderError::Busy(self.wait_max));
        };
        self.run_at_once(move || {
            let _turn = turn;
            work()
        })
        .await
    }

    /// Runs `work` without waiting for a turn: for the operator's own connectors, which come one after another.
    ///
    /// # Errors
    /// When the herder ends meanwhile, and what `work` says.
    pub(crate) async fn run_at_once<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HerderError> + Send + 'static,
    ) -> Result<T, HerderError> {
        let mut ending = self.ending.clone();
        tokio::select! {
            done = blocking(work) => done,
            _ = ending.wait_for(|ending| *ending) => Err(HerderError::Stopped),
        }
    }
}

/// Runs `work` on a blocking thread.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, HerderError> + Send + 'static,
) -> Result<T, HerderError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| HerderError::Worker(WorkerError::Internal(error.to_string())))?
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const SHORT: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn what_finds_no_turn_in_time_is_told_to_come_again() {
        let (_tell, ending) = watch::channel(false);
        let checks = Checks::new(2, SHORT, ending);
        let (begun, mut both) = tokio::sync::mpsc::channel(2);
        let hold = |checks: Checks| {
            let (go, wait) = mpsc::channel::<()>();
            let begun = begun.clone();
            let held = async move {
                let work = move || {
                    begun.blocking_send(()).unwrap();
                    wait.recv_timeout(LONG).unwrap();
                    Ok(())
                };
                checks.run(work).await
            };
            (go, tokio::spawn(held))
        };
        let (first, one) = hold(checks.clone());
        let (second, two) = hold(checks.clone());
        both.recv().await.unwrap();
        both.recv().await.unwrap();
        let third = checks.run(|| Ok(())).await;
        assert!(matches!(third, Err(HerderError::Busy(SHORT))), "{third:?}");
        // Who asked is gone, and the plugin still runs: the turn is not free.
        one.abort();
        assert!(one.await.is_err());
        assert!(checks.run(|| Ok(())).await.is_err());
        first.send(()).unwrap();
        second.send(()).unwrap();
        two.await.unwrap().unwrap();
        let patient = Checks {
            wait_max: LONG,
            ..checks
        };
        patient.run(|| Ok(())).await.unwrap();
    }

    #[tokio::test]
    async fn nobody_waits_for_a_plugin_when_the_herder_ends() {
        let (tell, ending) = watch::channel(false);
        let checks = Checks::new(1, LONG, ending);
        let (go, wait) = mpsc::channel::<()>();
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let work = move || {
            begun.send(()).unwrap();
            wait.recv_timeout(LONG).unwrap();
            Ok(())
        };
        let asked = tokio::spawn(async move { checks.run(work).await });
        has_begun.await.unwrap();
        tell.send_replace(true);
        let answer = asked.await.unwrap();
        assert!(matches!(answer, Err(HerderError::Stopped)), "{answer:?}");
        go.send(()).unwrap();
    }
}
