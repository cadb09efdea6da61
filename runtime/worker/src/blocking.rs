//! Lends a task's pipeline to a blocking thread for one step, or for many that follow each other.

use std::time::Duration;

use crate::error::WorkerError;

/// How long a pipeline that always finds more to do keeps its thread before the task looks around.
pub const RUN_MAX: Duration = Duration::from_millis(100);

/// Runs a step on a blocking thread and always awaits its end: a guest call ends by its own deadline, never by
/// being dropped. The pipeline is away only while the step runs.
pub async fn on<P: Send + 'static, T: Send + 'static>(
    pipeline: &mut Option<P>,
    step: impl FnOnce(&mut P) -> Result<T, WorkerError> + Send + 'static,
) -> Result<T, WorkerError> {
    let lost = || WorkerError::Internal("the task's pipeline was lost".to_owned());
    let mut lent = pipeline.take().ok_or_else(lost)?;
    let ran = tokio::task::spawn_blocking(move || {
        let result = step(&mut lent);
        (lent, result)
    });
    let (back, result) = ran
        .await
        .map_err(|error| WorkerError::Internal(error.to_string()))?;
    *pipeline = Some(back);
    result
}
