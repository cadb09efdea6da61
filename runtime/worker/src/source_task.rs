//! A source task: poll → transforms → converters → submit → acknowledgement → offsets → commit.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tidegate_config::Properties;
use tidegate_model::TaskId;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::blocking::RUN_MAX;
use crate::error::{Stage, WorkerError};
use crate::file_watch::FileChanges;
use crate::offset_store::OffsetStore;
use crate::progress::Progress;
use crate::source_pipeline::{SourcePipeline, Stepped};
use crate::submitted::Submitted;
use crate::task::{Abandoned, State, TargetState};

/// How long a source that finds nothing waits at first, and at most, before it is polled again.
const BACKOFF_MIN: Duration = Duration::from_millis(1);
const BACKOFF_MAX: Duration = Duration::from_secs(1);
/// The longest such wait of a source whose files are watched: it is woken when they change.
const BACKOFF_WATCHED_MAX: Duration = Duration::from_secs(10);
/// Waits of [`BACKOFF_MAX`] and more end on multiples of it.
const BEAT: Duration = Duration::from_millis(250);
/// The longest wait that a guest may ask for.
const GUEST_WAIT_MAX: Duration = Duration::from_secs(60);
/// How much longer than its guest computed for nothing a source waits before it is polled again: finding nothing takes
/// less than a twentieth of a core.
const IDLE_WAIT: u32 = 24;
/// How long a source waits whose offsets have to be written and could not be.
const WRITE_PAUSE: Duration = Duration::from_secs(1);

/// When a source that found nothing is polled again.
struct NextPoll {
    at: Instant,
    /// When a file changes or something else is wanted: not before this.
    earliest: Instant,
}

/// A source task.
pub struct SourceTask {
    pub task: TaskId,
    pub config: Properties,
    pub pipeline: Option<SourcePipeline>,
    pub submitted: Arc<Submitted>,
    pub progress: Arc<Progress>,
    pub offsets: Arc<OffsetStore>,
    pub target: watch::Receiver<TargetState>,
    /// Told when a granted file changes.
    pub file_changes: FileChanges,
    pub flush_interval: Duration,
    pub flush_timeout: Duration,
    pub abandoned: Abandoned,
    pub report: Box<dyn Fn(State) + Send + Sync>,
}

impl SourceTask {
    /// Runs until told to stop, or until an error.
    pub async fn run(mut self) -> Result<(), WorkerError> {
        let config = self.config.clone();
        self.guest(move |pipeline| pipeline.instance.start(&config))
            .await?;
        self.progress.set_joined(true);
        (self.report)(State::Running);
        let result = self.poll_until_stopped().await;
        match result {
            Ok(()) => {
                self.drain().await?;
                self.guest(|pipeline| pipeline.instance.stop()).await
            }
            Err(error) => {
                self.keep_what_is_safe().await;
                Err(error)
            }
        }
    }

    /// Writes the offsets of a task that failed, as far as its records are acknowledged: they are not sent again when
    /// it is restarted. Its guest hears nothing of it.
    async fn keep_what_is_safe(&mut self) {
        if self.abandoned.check().is_err() || self.pipeline.is_none() {
            return;
        }
        self.wait_for_acknowledgements().await;
        let written = match self.write_offsets().await {
            Ok(_) => return,
            Err(error) => error,
        };
        tracing::warn!(connector = %self.task.connector, task = self.task.task, error = %written,
            "The offsets of the task that failed could not be written; its last records are sent again.");
    }

    async fn poll_until_stopped(&mut self) -> Result<(), WorkerError> {
        let mut commit_due = Instant::now() + self.flush_interval;
        let mut backoff = BACKOFF_MIN;
        let mut next_poll: Option<NextPoll> = None;
        let backoff_max = if self.file_changes.watched {
            BACKOFF_WATCHED_MAX
        } else {
            BACKOFF_MAX
        };
        loop {
            let target = *self.target.borrow_and_update();
            match target {
                TargetState::Running => {}
                TargetState::Stopped => return Ok(()),
                TargetState::Paused => {
                    self.pause().await?;
                    continue;
                }
            }
            let crowded = self.submitted.must_write();
            if crowded || Instant::now() >= commit_due {
                self.commit().await?;
                commit_due = Instant::now() + self.flush_interval;
            }
            if crowded && self.submitted.must_write() {
                tokio::select! {
                    () = tokio::time::sleep(WRITE_PAUSE) => {}
                    _ = self.target.changed() => {}
                }
                continue;
            }
            if !self.room(commit_due).await? {
                continue;
            }
            if let Some(poll) = next_poll.as_mut().filter(|poll| Instant::now() < poll.at) {
                if self.wait_to_poll(poll, commit_due).await {
                    backoff = BACKOFF_MIN;
                }
                continue;
            }
            if self.held_back(commit_due).await {
                continue;
            }
            let usage = Arc::clone(&self.progress.measures().usage);
            let used_before = usage.cpu();
            let until = commit_due.min(Instant::now() + RUN_MAX).into_std();
            let wanted = self.target.clone();
            let interrupted = move || wanted.has_changed().unwrap_or(true);
            let run = move |pipeline: &mut SourcePipeline| pipeline.run(until, interrupted);
            let ran = self.blocking(run).await?;
            if ran.moved {
                backoff = BACKOFF_MIN;
            }
            if let Stepped::Idle(wait) = ran.last {
                let used = match ran.moved {
                    true => Duration::ZERO,
                    false => usage.cpu().saturating_sub(used_before),
                };
                let earliest = Instant::now() + (used * IDLE_WAIT).min(GUEST_WAIT_MAX);
                let named = wait.map(|wait| Instant::now() + wait.min(GUEST_WAIT_MAX));
                let at = named.unwrap_or_else(|| end_of(backoff)).max(earliest);
                next_poll = Some(NextPoll { at, earliest });
                backoff = (backoff * 2).min(backoff_max);
            }
        }
    }

    /// Waits until a source that found nothing is polled again, at most until the next commit. Whether a file changed,
    /// which makes it sooner.
    async fn wait_to_poll(&mut self, poll: &mut NextPoll, commit_due: Instant) -> bool {
        tokio::select! {
            () = self.file_changes.notify.notified() => {
                poll.at = poll.earliest;
                true
            }
            () = tokio::time::sleep_until(poll.at.min(commit_due)) => false,
            _ = self.target.changed() => {
                poll.at = poll.earliest;
                false
            }
        }
    }

    /// Waits where a cap of the connector is used up, at most until the next commit. Whether it waited.
    async fn held_back(&mut self, commit_due: Instant) -> bool {
        let pipeline = self.pipeline.as_ref();
        let Some((until, hold)) = pipeline.and_then(|pipeline| pipeline.turns.share().held())
        else {
            return false;
        };
        let begun = Instant::now();
        self.progress.set_held(true);
        tokio::select! {
            () = tokio::time::sleep_until(commit_due.min(until.into())) => {}
            _ = self.target.changed() => {}
        }
        self.progress.set_held(false);
        self.progress.measures().usage.held(hold, begun.elapsed());
        true
    }

    /// Back-pressure: waits while too much is not acknowledged. `false`: something else is to be done first.
    async fn room(&mut self, commit_due: Instant) -> Result<bool, WorkerError> {
        loop {
            // Asked for before looking, so that no acknowledgement falls between.
            let changed = self.submitted.changed();
            if let Some(failure) = self.submitted.take_failure() {
                return Err(WorkerError::Produce(failure));
            }
            if self.submitted.has_room() {
                return Ok(true);
            }
            if self.submitted.must_write() {
                return Ok(false);
            }
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep_until(commit_due) => return Ok(false),
                _ = self.target.changed() => return Ok(false),
            }
        }
    }

    async fn pause(&mut self) -> Result<(), WorkerError> {
        self.drain().await?;
        (self.report)(State::Paused);
        while *self.target.borrow_and_update() == TargetState::Paused {
            if self.target.changed().await.is_err() {
                return Ok(());
            }
        }
        if *self.target.borrow() == TargetState::Running {
            (self.report)(State::Running);
        }
        Ok(())
    }

    /// Waits for what was submitted, then commits. What is not acknowledged in time is sent again later.
    async fn drain(&mut self) -> Result<(), WorkerError> {
        self.wait_for_acknowledgements().await;
        self.commit().await?;
        match self.submitted.take_failure() {
            Some(failure) => Err(WorkerError::Produce(failure)),
            None => Ok(()),
        }
    }

    async fn wait_for_acknowledgements(&mut self) {
        let deadline = Instant::now() + self.flush_timeout;
        loop {
            let changed = self.submitted.changed();
            if self.submitted.in_flight() == 0 || Instant::now() >= deadline {
                break;
            }
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep_until(deadline) => {}
            }
        }
    }

    /// Writes the offsets that are safe, and only then tells the guest. What cannot be written now is kept
    /// for the next time.
    async fn commit(&mut self) -> Result<(), WorkerError> {
        self.abandoned.check()?;
        let begun = Instant::now();
        let written = self.write_offsets().await;
        if written.as_ref().map_or(true, |written| !written.is_empty()) {
            let measures = self.progress.measures();
            measures.committed(begun.elapsed(), written.is_ok());
        }
        let written = match written {
            Ok(written) => written,
            Err(error) if error.may_pass() => {
                tracing::warn!(connector = %self.task.connector, task = self.task.task, %error,
                    "Offsets could not be written; they are written with the next ones.");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if written.is_empty() {
            return Ok(());
        }
        let (partitions, offsets) = written.into_iter().unzip();
        self.guest(move |pipeline| pipeline.instance.commit(partitions, offsets))
            .await
    }

    /// Writes the offsets that are safe, once the records that failed before them are. Answers with those that it
    /// wrote.
    async fn write_offsets(&mut self) -> Result<Vec<(Vec<u8>, Vec<u8>)>, WorkerError> {
        if self.submitted.has_refused() {
            self.blocking(SourcePipeline::deal_with_refused).await?;
        }
        // What was sent to the dead letter queue up to here is all that failed before these offsets.
        let safe = self.submitted.safe();
        if safe.offsets.is_empty() {
            return Ok(Vec::new());
        }
        let settled = self.blocking(|pipeline| pipeline.failures.settle());
        if !settled.await? {
            tracing::warn!(connector = %self.task.connector, task = self.task.task,
                "The dead letter queue did not acknowledge in time; offsets are written with the next ones.");
            return Ok(Vec::new());
        }
        let connector = &self.task.connector;
        self.offsets.write(connector, &safe.offsets).await?;
        self.submitted.written(&safe);
        Ok(safe.offsets)
    }

    async fn guest(
        &mut self,
        call: impl FnOnce(&mut SourcePipeline) -> Result<(), tidegate_sandbox::SandboxError>
        + Send
        + 'static,
    ) -> Result<(), WorkerError> {
        let stage = Stage::TaskLifecycle;
        self.blocking(move |pipeline| {
            call(pipeline).map_err(|error| WorkerError::Guest { stage, error })?;
            pipeline.hear_ask();
            Ok(())
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &mut self,
        step: impl FnOnce(&mut SourcePipeline) -> Result<T, WorkerError> + Send + 'static,
    ) -> Result<T, WorkerError> {
        self.abandoned.check()?;
        let done = crate::blocking::on(&mut self.pipeline, step).await?;
        self.abandoned.check()?;
        Ok(done)
    }
}

/// When a wait that no guest named ends: a long one on a beat that all tasks share. Idle tasks that wake one after
/// another cost a third of what they cost when each wakes alone.
fn end_of(wait: Duration) -> Instant {
    static FIRST_BEAT: LazyLock<Instant> = LazyLock::new(Instant::now);
    let end = Instant::now() + wait;
    if wait < BACKOFF_MAX {
        return end;
    }
    let beats = end.saturating_duration_since(*FIRST_BEAT).as_millis() / BEAT.as_millis() + 1;
    u32::try_from(beats).map_or(end, |beats| *FIRST_BEAT + BEAT * beats)
}
