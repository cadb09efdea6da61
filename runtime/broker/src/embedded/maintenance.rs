//! What the log does in the background: bringing it to the disk, compaction, retention.
//!
//! One thread. It sleeps until something was written and then works once in each sync interval, so a log that
//! nobody writes to costs nothing but a look for old records every few minutes.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use tidegate_model::Batch;

use super::chunk::{ChunkBuilder, Cursor, HeaderEntry};
use super::log::Log;
use super::topic::{State, Topic};
use crate::BrokerError;

/// A partition is compacted when more than this was written to it, and more than it had before.
const COMPACT_BYTES_MIN: u64 = 1024 * 1024;
/// The bytes of keys that one compaction keeps in memory; it stops looking further there and goes on next time.
const COMPACT_KEY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The size of the chunks that compaction writes.
const COMPACT_CHUNK_BYTES: usize = 256 * 1024;
/// How many chunks retention removes in one step.
const REMOVED_AT_ONCE: usize = 1000;

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
        let result = if state.written { log.sync() } else { Ok(()) };
        let result = result.and_then(|()| log.compact_if_worth_it());
        let result = result.and_then(|()| match due {
            true => {
                checked = Some(Instant::now());
                log.remove_old()
            }
            false => Ok(()),
        });
        if let Err(error) = result {
            tracing::error!(folder = %log.folder.display(), %error, "the embedded log cannot be maintained");
        }
    }
}

impl Log {
    /// Compacts the partitions in which that would free much.
    ///
    /// # Errors
    /// When the store fails.
    pub fn compact_if_worth_it(&self) -> Result<(), BrokerError> {
        self.compact(|state| {
            state.dirty > COMPACT_BYTES_MIN && state.dirty > state.bytes.saturating_sub(state.dirty)
        })
    }

    /// Compacts the partitions of compacted topics whose state asks for it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn compact(&self, wanted: impl Fn(&State) -> bool) -> Result<(), BrokerError> {
        let _alone = self
            .maintaining
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for topic in self.topics() {
            if !topic.settings.compact {
                continue;
            }
            for (number, partition) in (0..).zip(&topic.partitions) {
                if wanted(&partition.state()) {
                    self.compact_partition(&topic, number)?;
                }
            }
        }
        Ok(())
    }

    fn compact_partition(&self, topic: &Topic, number: i32) -> Result<(), BrokerError> {
        let Some(partition) = topic.partition(number) else {
            return Ok(());
        };
        let before = partition.state();
        let end = before.next;
        let tombstones_from = now_ms() - topic.settings.tombstone_ms;
        let last = self.last_offsets(topic, number, end)?;
        let mut pass = Pass {
            log: self,
            topic,
            number,
            removed: Vec::new(),
            removed_bytes: 0,
            added: Vec::new(),
            builder: ChunkBuilder::default(),
            base: 0,
            last: 0,
        };
        for entry in self.chunks(topic.id, number, end) {
            let (base, chunk) = entry?;
            pass.removed.push(base);
            pass.removed_bytes += chunk.len() as u64;
            let rows = rows(base, chunk)?;
            let mut headers = rows.headers.keys.iter().zip(rows.headers.values.iter());
            let mut keys = rows.iter_keys();
            let mut values = rows.iter_values();
            for row in 0..rows.count {
                let count = rows.headers.counts.get(row).copied().unwrap_or(0) as usize;
                let mine: Vec<_> = headers.by_ref().take(count).collect();
                let key = keys.next().flatten();
                let value = values.next().flatten();
                let offset = rows.offsets.get(row).copied().unwrap_or(0);
                let timestamp = rows.timestamp(row).unwrap_or(-1);
                let newer = key.and_then(|key| last.get(key));
                let superseded = newer.is_some_and(|newer| *newer > offset);
                let forgotten = value.is_none() && timestamp < tombstones_from;
                if !superseded && !forgotten {
                    pass.keep(offset, timestamp, key, value, &mine)?;
                }
            }
        }
        pass.finish()?;
        let after = partition.state();
        tracing::debug!(
            topic = topic.name.as_str(),
            partition = number,
            bytes_before = before.bytes,
            bytes_after = after.bytes,
            "a partition was compacted"
        );
        Ok(())
    }

    /// The last offset of each key, as far as the keys fit into memory.
    fn last_offsets(
        &self,
        topic: &Topic,
        number: i32,
        end: i64,
    ) -> Result<HashMap<Vec<u8>, i64>, BrokerError> {
        let mut last: HashMap<Vec<u8>, i64> = HashMap::new();
        let mut bytes = 0;
        for entry in self.chunks(topic.id, number, end) {
            let (base, chunk) = entry?;
            let rows = rows(base, chunk)?;
            for (key, offset) in rows.iter_keys().zip(&rows.offsets) {
                let Some(key) = key else { continue };
                if let Some(known) = last.get_mut(key) {
                    *known = *offset;
                } else {
                    bytes += key.len();
                    last.insert(key.to_vec(), *offset);
                }
            }
            if bytes > COMPACT_KEY_BYTES_MAX {
                break;
            }
        }
        Ok(last)
    }

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
        for entry in self.chunks(topic.id, number, state.next) {
            let (base, chunk) = entry?;
            let size = chunk.len() as u64;
            let cursor = Cursor::open(base, chunk)?;
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
            state.first = cursor.end();
        }
        if removed.is_empty() {
            return Ok(false);
        }
        let writer = self.write();
        let now = partition.state();
        let state = State {
            first: state.first,
            next: now.next,
            bytes: now.bytes.saturating_sub(removed_bytes),
            dirty: now.dirty.saturating_sub(removed_bytes),
        };
        self.replace(&writer, topic, number, &removed, &[], state)?;
        Ok(removed.len() >= REMOVED_AT_ONCE)
    }
}

/// One compaction on its way through a partition.
struct Pass<'a> {
    log: &'a Log,
    topic: &'a Topic,
    number: i32,
    removed: Vec<i64>,
    removed_bytes: u64,
    added: Vec<(i64, Vec<u8>)>,
    builder: ChunkBuilder,
    base: i64,
    last: i64,
}

impl Pass<'_> {
    fn keep(
        &mut self,
        offset: i64,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[HeaderEntry<'_>],
    ) -> Result<(), BrokerError> {
        if self.builder.len() == 0 {
            self.base = offset;
        }
        let after = match u32::try_from(offset - self.base) {
            Ok(after) if self.builder.payload_bytes() < COMPACT_CHUNK_BYTES => after,
            _ => {
                self.seal();
                self.base = offset;
                0
            }
        };
        self.builder
            .push_at(after, timestamp, key, value, headers.iter().copied());
        self.last = offset;
        Ok(())
    }

    /// Ends the chunk that is being filled.
    fn seal(&mut self) {
        if self.builder.len() > 0 {
            let span = u32::try_from(self.last + 1 - self.base).unwrap_or(u32::MAX);
            self.added.push((self.base, self.builder.encode(span)));
            self.builder = ChunkBuilder::default();
        }
    }

    /// Replaces what was read by what is kept, in one step.
    fn finish(mut self) -> Result<(), BrokerError> {
        self.seal();
        let added_bytes: u64 = self.added.iter().map(|(_, chunk)| chunk.len() as u64).sum();
        let Some(partition) = self.topic.partition(self.number) else {
            return Ok(());
        };
        // A removal and an insertion of one key in one step would be one too many.
        let bases: HashSet<i64> = self.added.iter().map(|(base, _)| *base).collect();
        self.removed.retain(|base| !bases.contains(base));
        let writer = self.log.write();
        let now = partition.state();
        let appended = now.bytes.saturating_sub(self.removed_bytes);
        let state = State {
            bytes: appended + added_bytes,
            dirty: appended,
            ..now
        };
        if self.topic.is_deleted() {
            return Ok(());
        }
        self.log.replace(
            &writer,
            self.topic,
            self.number,
            &self.removed,
            &self.added,
            state,
        )
    }
}

/// The records of a chunk.
fn rows(base: i64, chunk: fjall::UserValue) -> Result<Batch, BrokerError> {
    let mut batch = Batch::default();
    let mut cursor = Cursor::open(base, chunk)?;
    cursor.take(&mut batch, 0, 0, usize::MAX, usize::MAX)?;
    Ok(batch)
}

/// Milliseconds since the epoch.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(0))
}
