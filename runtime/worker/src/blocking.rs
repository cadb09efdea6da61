//! Lends a task's pipeline to a blocking thread for one step, or for many that follow each other.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::error::WorkerError;
use crate::steps::{Turn, Turns};

/// How long a pipeline that always finds more to do keeps its thread before the task looks around.
pub const RUN_MAX: Duration = Duration::from_millis(100);

/// What is lent to a thread.
pub trait Lent: Send + 'static {
    /// The turns that its steps take.
    fn turns(&self) -> &Turns;
}

/// Waits for a turn, then runs a step on a blocking thread and always awaits its end: a guest call ends by its own
/// deadline, never by being dropped. The pipeline is away only while the step runs.
pub async fn on<P: Lent, T: Send + 'static>(
    pipeline: &mut Option<P>,
    step: impl FnOnce(&mut P) -> Result<T, WorkerError> + Send + 'static,
) -> Result<T, WorkerError> {
    let lost = || WorkerError::Internal("the task's pipeline was lost".to_owned());
    let turns = pipeline.as_ref().ok_or_else(lost)?.turns().clone();
    let turn = turns.take().await;
    let mut lent = pipeline.take().ok_or_else(lost)?;
    let (back, result) = with(&turns, turn, move || {
        let result = step(&mut lent);
        (lent, result)
    })
    .await?;
    *pipeline = Some(back);
    result
}

/// Makes a pipeline, which takes a turn as its steps do: guests start here.
pub async fn make<T: Send + 'static>(
    turns: &Turns,
    make: impl FnOnce() -> Result<T, WorkerError> + Send + 'static,
) -> Result<T, WorkerError> {
    with(turns, turns.take().await, make).await?
}

/// The turn ends with the work, and not with whoever waits for it.
async fn with<T: Send + 'static>(
    turns: &Turns,
    turn: Turn,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, WorkerError> {
    let (tell, told) = oneshot::channel();
    let metered = turns.clone();
    let on_thread = move || {
        let done = metered.metered(work);
        drop(turn);
        // Whoever waited may be gone.
        drop(tell.send(done));
    };
    let internal = |error: &dyn std::fmt::Display| WorkerError::Internal(error.to_string());
    let started = turns.threads().run(on_thread);
    started.map_err(|error| internal(&error))?;
    told.await
        .map_err(|_| internal(&"a step of the task ended without an answer"))
}
