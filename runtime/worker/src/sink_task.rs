//! A sink task: fetch → converters → transforms → put → flush → commit.
//!
//! A paused task goes on with its steps, so that it stays a member of its group and partitions come and go; its
//! consumer gives it no records.

use std::sync::Arc;
use std::time::Duration;

use tidegate_broker::Subscription;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::blocking::RUN_MAX;
use crate::error::{Stage, WorkerError};
use crate::sink_pipeline::{SinkPipeline, Stepped};
use crate::task::{Abandoned, State, TargetState};

/// How long a sink that asks to be called again waits at first, and at most.
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(10);

/// How often a sink that is held back looks at what happens in its group.
const HELD_BEAT: Duration = Duration::from_secs(1);

/// A sink task.
pub struct SinkTask {
    pub subscription: Subscription,
    pub pipeline: Option<SinkPipeline>,
    pub target: watch::Receiver<TargetState>,
    pub flush_interval: Duration,
    pub abandoned: Abandoned,
    pub report: Box<dyn Fn(State) + Send + Sync>,
}

impl SinkTask {
    /// Runs until told to stop, or until an error.
    pub async fn run(mut self) -> Result<(), WorkerError> {
        let result = self.start_and_deliver().await;
        // However it ended: leaving a group blocks.
        let closed = crate::blocking::on(&mut self.pipeline, |pipeline| {
            pipeline.consumer.close();
            Ok(())
        });
        let closed = closed.await;
        result.and(closed)
    }

    async fn start_and_deliver(&mut self) -> Result<(), WorkerError> {
        let subscription = self.subscription.clone();
        self.blocking(move |pipeline| {
            pipeline.guest.start().map_err(|error| WorkerError::Guest {
                stage: Stage::TaskLifecycle,
                error,
            })?;
            Ok(pipeline.consumer.subscribe(&subscription)?)
        })
        .await?;
        (self.report)(State::Running);
        self.deliver_until_stopped().await?;
        self.blocking(SinkPipeline::stop).await
    }

    async fn deliver_until_stopped(&mut self) -> Result<(), WorkerError> {
        let mut commit_due = Instant::now() + self.flush_interval;
        let mut retry = RETRY_MIN;
        let mut paused = false;
        let mut beat = Instant::now() + HELD_BEAT;
        loop {
            let target = *self.target.borrow_and_update();
            if target == TargetState::Stopped {
                return Ok(());
            }
            let pause = target == TargetState::Paused;
            if pause != paused {
                self.set_paused(pause).await?;
                paused = pause;
            }
            if Instant::now() >= commit_due {
                self.blocking(SinkPipeline::commit).await?;
                commit_due = Instant::now() + self.flush_interval;
            }
            if !paused && self.held_back(commit_due, &mut beat).await? {
                continue;
            }
            beat = Instant::now() + HELD_BEAT;
            let until = commit_due.min(Instant::now() + RUN_MAX).into_std();
            let wanted = self.target.clone();
            let interrupted = move || wanted.has_changed().unwrap_or(true);
            let run = move |pipeline: &mut SinkPipeline| pipeline.run(until, interrupted);
            let ran = self.blocking(run).await?;
            if ran.moved {
                retry = RETRY_MIN;
            }
            match ran.last {
                Stepped::Moved => {}
                Stepped::Idle => self.wait(commit_due).await,
                Stepped::Retry { error, .. } => {
                    tracing::warn!(%error, wait_ms = retry.as_millis(), "Delivery is tried again.");
                    tokio::select! {
                        () = tokio::time::sleep(retry) => {}
                        _ = self.target.changed() => {}
                    }
                    retry = (retry * 2).min(RETRY_MAX);
                }
            }
        }
    }

    /// Waits where a cap of the connector is used up. Now and then the consumer is asked for nothing but what happens in
    /// its group. Whether it waited.
    async fn held_back(
        &mut self,
        commit_due: Instant,
        beat: &mut Instant,
    ) -> Result<bool, WorkerError> {
        let pipeline = self.pipeline.as_ref();
        let Some(pipeline) = pipeline else {
            return Ok(false);
        };
        let Some((until, hold)) = pipeline.turns.share().held() else {
            return Ok(false);
        };
        let usage = Arc::clone(&pipeline.progress.measures().usage);
        let begun = Instant::now();
        tokio::select! {
            () = tokio::time::sleep_until((*beat).min(commit_due).min(until.into())) => {}
            _ = self.target.changed() => {}
        }
        usage.held(hold, begun.elapsed());
        if Instant::now() >= *beat {
            self.blocking(SinkPipeline::step_held).await?;
            *beat = Instant::now() + HELD_BEAT;
        }
        Ok(true)
    }

    /// Waits for records, the next commit, or another target.
    async fn wait(&mut self, commit_due: Instant) {
        let Some(pipeline) = &self.pipeline else {
            return;
        };
        tokio::select! {
            () = pipeline.consumer.ready() => {}
            () = tokio::time::sleep_until(commit_due) => {}
            _ = self.target.changed() => {}
        }
    }

    async fn set_paused(&mut self, paused: bool) -> Result<(), WorkerError> {
        self.blocking(move |pipeline| pipeline.set_paused(paused))
            .await?;
        (self.report)(if paused {
            State::Paused
        } else {
            State::Running
        });
        Ok(())
    }

    async fn blocking<T: Send + 'static>(
        &mut self,
        step: impl FnOnce(&mut SinkPipeline) -> Result<T, WorkerError> + Send + 'static,
    ) -> Result<T, WorkerError> {
        self.abandoned.check()?;
        let done = crate::blocking::on(&mut self.pipeline, step).await?;
        self.abandoned.check()?;
        Ok(done)
    }
}
