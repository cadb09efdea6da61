//! What the log does in the background: bringing it to the disk, [compaction](super::compaction), retention, giving
//! space back.
//!
//! One thread. It sleeps until something was written and then works once in each sync interval, so a log that
//! nobody writes to costs nothing but a look for old records every few minutes.

use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use super::chunk::Broken;
use super::cursor::Cursor;
use super::log::Log;
use super::records::{Replacement, broken};
use super::topic::{State, Topic};
use crate::BrokerError;

/// How many chunks retention removes in one step.
const REMOVED_AT_ONCE: usize = 100;

/// Rung when something was written or the log is closed.
#[derive(Debug, Default)]
pub struct Bell {
    state: Mutex<BellState>,
    condition: Condvar,
}

#[derive(Debug, Default, Clone, Copy)]
struct BellState {
    written: bool,
    closed: bool,
}

impl Bell {
    /// Something was written.
    pub fn written(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.written {
            state.written = true;
            self.condition.notify_one();
        }
    }

    /// The log is being closed.
    pub fn close(&self) {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .closed = true;
        self.condition.notify_one();
    }

    fn is_closed(&self) -> bool {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .closed
    }

    /// Waits until something was written, the log is closed, or the time is over.
    fn wait(&self, limit: Duration) -> BellState {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = |state: &mut BellState| !state.written && !state.closed;
        let (state, _) = self
            .condition
            .wait_timeout_while(state, limit, wait)
            .unwrap_or_else(PoisonError::into_inner);
        *state
    }

    /// Waits out the interval, unless the log is closed; what is written from now on rings again.
    fn pause(&self, interval: Duration) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut state, _) = self
            .condition
            .wait_timeout_while(state, interval, |state| !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        state.written = false;
        state.closed
    }
}

/// Starts the thread. It ends when the log is closed.
///
/// # Errors
/// When the system has no thread to give.
pub fn start(log: &Arc<Log>) -> Result<std::thread::JoinHandle<()>, BrokerError> {
    let (weak, bell) = (Arc::downgrade(log), Arc::clone(&log.bell));
    let (interval, check) = (log.settings.sync_interval, log.settings.retention_check);
    std::thread::Builder::new()
        .name("embedded-log".to_owned())
        .spawn(move || run(&weak, &bell, interval, check))
        .map_err(|error| BrokerError::Storage(format!("no thread for the log: {error}")))
}

fn run(log: &Weak<Log>, bell: &Bell, interval: Duration, check: Duration) {
    let mut checked = None;
    loop {
        let due = checked.is_none_or(|checked: Instant| checked.elapsed() >= check);
        let state = bell.wait(if due { Duration::ZERO } else { check });
        if state.closed || (state.written && bell.pause(interval)) {
            return;
        }
        let Some(log) = log.upgrade() else {
            return;
        };
        let result = if state.written {
            log.store.sync()
        } else {
            Ok(())
        };
        let result = result.and_then(|()| log.compact_if_worth_it());
        let result = result.and_then(|()| match due {
            true => {
                checked = Some(Instant::now());
                log.remove_old()?;
                log.give_space_back(|| bell.is_closed())
            }
            false => Ok(()),
        });
        if let Err(error) = result {
            tracing::error!(folder = %log.folder.display(), %error, "the embedded log cannot be maintained");
        }
    }
}

impl Log {
    /// Removes records that are older or more than their topics keep.
    ///
    /// # Errors
    /// When the store fails.
    pub fn remove_old(&self) -> Result<(), BrokerError> {
        let _alone = self
            .maintaining
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for topic in self.topics() {
            if !topic.settings.delete {
                continue;
            }
            for number in 0..topic.count() {
                while self.remove_some_old(&topic, number)? {}
            }
        }
        Ok(())
    }

    /// Removes some old chunks of a partition; says whether there may be more.
    fn remove_some_old(&self, topic: &Topic, number: i32) -> Result<bool, BrokerError> {
        let Some(partition) = topic.partition(number) else {
            return Ok(false);
        };
        let oldest = topic.settings.retention_ms.map(|age| now_ms() - age);
        let mut state = partition.state();
        if state.bytes == 0 {
            return Ok(false);
        }
        let mut removed = Vec::new();
        let mut removed_bytes = 0;
        let mut from = 0;
        while let Some((base, chunk)) = self.next_chunk(topic, number, from, state.next)? {
            let size = chunk.len() as u64;
            let cursor = Cursor::open(base, &chunk);
            let cursor = cursor.map_err(|Broken| broken(topic, number, base))?;
            from = cursor.end();
            let old = oldest.is_some_and(|oldest| cursor.last_timestamp() < oldest);
            let left = state.bytes.saturating_sub(removed_bytes + size);
            let much = topic
                .settings
                .retention_bytes
                .is_some_and(|max| left >= max);
            if !(old || much) || removed.len() >= REMOVED_AT_ONCE {
                break;
            }
            removed.push(base);
            removed_bytes += size;
            state.first = from;
        }
        if removed.is_empty() {
            return Ok(false);
        }
        let mut writer = self.store.write();
        let now = partition.state();
        let state = State {
            first: state.first,
            next: now.next,
            bytes: now.bytes.saturating_sub(removed_bytes),
            dirty: now.dirty.saturating_sub(removed_bytes),
        };
        if topic.is_deleted() {
            return Ok(false);
        }
        let replacement = Replacement {
            removed: &removed,
            added: &[],
            state,
        };
        self.replace(&mut writer, topic, number, &replacement)?;
        Ok(removed.len() >= REMOVED_AT_ONCE)
    }

    /// Gives space that was free for long, or is much, back to the disk. Others may write in between.
    ///
    /// # Errors
    /// When the store fails.
    pub fn give_space_back(&self, is_enough: impl Fn() -> bool) -> Result<(), BrokerError> {
        while !is_enough() && self.store.write().give_back()? {}
        Ok(())
    }
}

/// Milliseconds since the epoch.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(0))
}
