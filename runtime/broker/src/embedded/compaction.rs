//! Compaction: of each key in a compacted topic only the last record is kept.
//!
//! A partition is read twice, once for the last offset of each key, once to write what is kept. That is done in
//! portions, each in one step, so memory and transactions stay small; a log that ends in between is compacted as far as
//! it came.

use std::collections::HashMap;
use std::sync::PoisonError;

use tidegate_model::Batch;

use super::chunk::{Broken, ChunkBuilder, HeaderEntry};
use super::cursor::Cursor;
use super::log::Log;
use super::maintenance::now_ms;
use super::records::{Replacement, broken};
use super::topic::{State, Topic};
use crate::BrokerError;

/// A partition is compacted when more than this was written to it, and more than it had before.
const COMPACT_BYTES_MIN: u64 = 1024 * 1024;
/// The bytes of keys that one compaction keeps in memory; it stops looking further there and goes on next time.
const COMPACT_KEY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The size of the chunks that compaction writes.
const COMPACT_CHUNK_BYTES: usize = 256 * 1024;
/// What compaction reads before it replaces it in one step.
const COMPACT_STEP_BYTES: u64 = 8 * 1024 * 1024;

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
        let mut pass = Pass::new(self, topic, number, before.dirty);
        let mut from = 0;
        while let Some((base, chunk)) = self.next_chunk(topic, number, from, end)? {
            let rows;
            (rows, from) = read(topic, number, base, &chunk)?;
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
                let newer = key.and_then(|key| last.offsets.get(key));
                let superseded = newer.is_some_and(|newer| *newer > offset);
                // Where not all keys were looked at, a tombstone may be all that hides an older record.
                let forgotten = value.is_none() && timestamp < tombstones_from && offset < last.end;
                if !superseded && !forgotten {
                    pass.keep(offset, timestamp, key, value, &mine);
                }
            }
            pass.read(base, chunk.len())?;
        }
        pass.replace(true)?;
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
    ) -> Result<LastOffsets, BrokerError> {
        let mut last = LastOffsets::default();
        let mut bytes = 0;
        while bytes <= COMPACT_KEY_BYTES_MAX
            && let Some((base, chunk)) = self.next_chunk(topic, number, last.end, end)?
        {
            let rows;
            (rows, last.end) = read(topic, number, base, &chunk)?;
            for (key, offset) in rows.iter_keys().zip(&rows.offsets) {
                let Some(key) = key else { continue };
                if let Some(known) = last.offsets.get_mut(key) {
                    *known = *offset;
                } else {
                    bytes += key.len();
                    last.offsets.insert(key.to_vec(), *offset);
                }
            }
        }
        Ok(last)
    }
}

/// The last offset of each key in the records before `end`.
#[derive(Default)]
struct LastOffsets {
    offsets: HashMap<Vec<u8>, i64>,
    end: i64,
}

/// One compaction on its way through a partition.
struct Pass<'a> {
    log: &'a Log,
    topic: &'a Topic,
    number: i32,
    /// What was written since the last compaction when this one began.
    dirty_before: u64,
    removed: Vec<i64>,
    removed_bytes: u64,
    added: Vec<(i64, Vec<u8>)>,
    builder: ChunkBuilder,
    base: i64,
    last: i64,
}

impl<'a> Pass<'a> {
    fn new(log: &'a Log, topic: &'a Topic, number: i32, dirty_before: u64) -> Self {
        Self {
            log,
            topic,
            number,
            dirty_before,
            removed: Vec::new(),
            removed_bytes: 0,
            added: Vec::new(),
            builder: ChunkBuilder::default(),
            base: 0,
            last: 0,
        }
    }

    fn keep(
        &mut self,
        offset: i64,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[HeaderEntry<'_>],
    ) {
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
    }

    /// A chunk was read, and what is kept of it was handed to `keep`.
    fn read(&mut self, base: i64, bytes: usize) -> Result<(), BrokerError> {
        self.removed.push(base);
        self.removed_bytes += bytes as u64;
        if self.removed_bytes < COMPACT_STEP_BYTES {
            return Ok(());
        }
        self.replace(false)
    }

    /// Ends the chunk that is being filled.
    fn seal(&mut self) {
        if self.builder.len() > 0 {
            let span = u32::try_from(self.last + 1 - self.base).unwrap_or(u32::MAX);
            self.added.push((self.base, self.builder.encode(span)));
            self.builder = ChunkBuilder::default();
        }
    }

    /// Replaces what was read by what is kept, in one step; `done`: there is nothing more to be read.
    fn replace(&mut self, done: bool) -> Result<(), BrokerError> {
        self.seal();
        let added_bytes: u64 = self.added.iter().map(|(_, chunk)| chunk.len() as u64).sum();
        let Some(partition) = self.topic.partition(self.number) else {
            return Ok(());
        };
        let mut writer = self.log.store.write();
        if self.topic.is_deleted() {
            return Ok(());
        }
        let now = partition.state();
        let dirty_before = if done { self.dirty_before } else { 0 };
        let replacement = Replacement {
            removed: &self.removed,
            added: &self.added,
            state: State {
                bytes: now.bytes.saturating_sub(self.removed_bytes) + added_bytes,
                dirty: now.dirty.saturating_sub(dirty_before),
                ..now
            },
        };
        self.log
            .replace(&mut writer, self.topic, self.number, &replacement)?;
        self.removed.clear();
        self.added.clear();
        self.removed_bytes = 0;
        Ok(())
    }
}

/// The records of a chunk, and the offset after them.
fn read(topic: &Topic, number: i32, base: i64, chunk: &[u8]) -> Result<(Batch, i64), BrokerError> {
    let mut batch = Batch::default();
    let read = Cursor::open(base, chunk).and_then(|mut cursor| {
        cursor.take(&mut batch, 0, 0, usize::MAX, usize::MAX)?;
        Ok(cursor.end())
    });
    let end = read.map_err(|Broken| broken(topic, number, base))?;
    Ok((batch, end))
}
