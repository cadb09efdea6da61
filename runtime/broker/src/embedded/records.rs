//! Records of the log: appended, read, replaced.

use std::collections::HashMap;
use std::sync::Arc;

use tidegate_model::Batch;

use super::chunk::Broken;
use super::cursor::Cursor;
use super::log::Log;
use super::store::tables::{self, ChunkKey};
use super::store::{Writer, damaged};
use super::topic::{State, Topic};
use crate::BrokerError;

/// A chunk to be written.
pub struct Append {
    /// The topic.
    pub topic: Arc<Topic>,
    /// The partition.
    pub partition: i32,
    /// How many records.
    pub count: u32,
    /// The encoded chunk.
    pub chunk: Vec<u8>,
}

/// Where one who reads a partition is.
#[derive(Debug, Default)]
pub struct Position {
    /// The offset of the next record.
    pub offset: i64,
    /// What is left of the chunk that it is in, when it was not taken as a whole.
    pub cursor: Option<Cursor<'static>>,
}

/// What compaction or retention changes in a partition.
pub struct Replacement<'a> {
    /// The first offsets of chunks that are removed.
    pub removed: &'a [i64],
    /// Chunks that come instead, each with its first offset.
    pub added: &'a [(i64, Vec<u8>)],
    /// The partition's state afterwards.
    pub state: State,
}

impl Log {
    /// Writes chunks, all or none, and makes them visible. Returns the first offset of each.
    ///
    /// # Errors
    /// When the store fails, or a topic was deleted.
    pub fn append(&self, appends: &[Append]) -> Result<Vec<i64>, BrokerError> {
        let mut writer = self.store.write();
        let mut states: HashMap<(u32, i32), (&Topic, State)> = HashMap::new();
        let mut bases = Vec::with_capacity(appends.len());
        for append in appends {
            let topic = append.topic.as_ref();
            let partition = topic.partition(append.partition);
            let partition = partition.filter(|_| !topic.is_deleted());
            let partition = partition.ok_or_else(|| BrokerError::unknown(&topic.name))?;
            let (_, state) = states
                .entry((topic.id, append.partition))
                .or_insert_with(|| (topic, partition.state()));
            bases.push(state.next);
            state.next += i64::from(append.count);
            state.bytes += append.chunk.len() as u64;
            state.dirty += append.chunk.len() as u64;
        }
        writer.transaction(|connection| {
            for (append, base) in appends.iter().zip(&bases) {
                let key = key(&append.topic, append.partition, *base);
                tables::add_chunk(connection, key, &append.chunk)?;
            }
            for ((topic, partition), (_, state)) in &states {
                tables::set_state(connection, *topic, *partition, state)?;
            }
            Ok(())
        })?;
        let changed = || {
            let changed = states.iter();
            changed.filter_map(|((_, number), (topic, state))| {
                Some((topic.partition(*number)?, state))
            })
        };
        changed().for_each(|(partition, state)| partition.set(*state));
        drop(writer);
        changed().for_each(|(partition, _)| partition.raise());
        self.bell.written();
        Ok(bases)
    }

    /// Replaces chunks of a partition, as compaction and retention do. The caller is the one who writes.
    ///
    /// # Errors
    /// When the store fails.
    pub fn replace(
        &self,
        writer: &mut Writer,
        topic: &Topic,
        number: i32,
        Replacement {
            removed,
            added,
            state,
        }: &Replacement<'_>,
    ) -> Result<(), BrokerError> {
        writer.transaction(|connection| {
            for base in *removed {
                tables::remove_chunk(connection, key(topic, number, *base))?;
            }
            for (base, chunk) in *added {
                tables::add_chunk(connection, key(topic, number, *base), chunk)?;
            }
            tables::set_state(connection, topic.id, number, state)
        })?;
        if let Some(partition) = topic.partition(number) {
            partition.set(*state);
        }
        self.bell.written();
        Ok(())
    }

    /// Appends records from a position on to a batch, as topic number `index` of it; returns how many and their bytes.
    ///
    /// # Errors
    /// When the store fails.
    pub fn read(
        &self,
        topic: &Topic,
        number: i32,
        position: &mut Position,
        batch: &mut Batch,
        index: u32,
        (records_max, bytes_max): (usize, usize),
    ) -> Result<(usize, usize), BrokerError> {
        let Some(partition) = topic.partition(number) else {
            return Ok((0, 0));
        };
        let end = partition.next();
        let mut taker = Taker {
            batch,
            index,
            partition: number,
            records_max,
            bytes_max,
            records: 0,
            bytes: 0,
        };
        if let Some(cursor) = position.cursor.as_mut() {
            let taken = taker.take(cursor, &mut position.offset);
            taken.map_err(|Broken| broken(topic, number, position.offset))?;
            if cursor.is_done() {
                position.cursor = None;
            }
        }
        if !taker.is_full() && position.offset < end && !topic.is_deleted() {
            let place = (topic.id, number);
            let mut taken = Ok(false);
            let enough = self.store.read(|connection| {
                tables::chunks_from(connection, place, position.offset, end, |base, chunk| {
                    taken = take_chunk(&mut taker, position, base, chunk);
                    !matches!(taken, Ok(false))
                })
            })?;
            taken.map_err(|Broken| broken(topic, number, position.offset))?;
            if !enough {
                position.offset = end; // What may be missing before it was removed by compaction.
            }
        }
        Ok((taker.records, taker.bytes))
    }

    /// The first chunk of a partition whose first offset is in `from..end`, with that offset.
    ///
    /// # Errors
    /// When the store fails.
    pub fn next_chunk(
        &self,
        topic: &Topic,
        number: i32,
        from: i64,
        end: i64,
    ) -> Result<Option<(i64, Vec<u8>)>, BrokerError> {
        let place = (topic.id, number);
        self.store
            .read(|connection| tables::chunk_from(connection, place, from, end))
    }
}

/// Takes records into a batch, up to limits.
struct Taker<'a> {
    batch: &'a mut Batch,
    index: u32,
    partition: i32,
    records_max: usize,
    bytes_max: usize,
    records: usize,
    bytes: usize,
}

impl Taker<'_> {
    fn is_full(&self) -> bool {
        self.records >= self.records_max || self.bytes >= self.bytes_max
    }

    /// Takes what is wanted of a chunk, and steps on to the offset after it.
    fn take(&mut self, cursor: &mut Cursor<'_>, offset: &mut i64) -> Result<(), Broken> {
        while !self.is_full() && !cursor.is_done() {
            let (records, bytes) = (self.records_max - self.records, self.bytes_max - self.bytes);
            let (records, bytes, after) =
                cursor.take(self.batch, self.index, self.partition, records, bytes)?;
            self.records += records;
            self.bytes += bytes;
            *offset = after;
        }
        if cursor.is_done() {
            *offset = cursor.end();
        }
        Ok(())
    }
}

/// Takes what is wanted of a chunk at a position; says whether that is enough.
fn take_chunk(
    taker: &mut Taker<'_>,
    position: &mut Position,
    base: i64,
    chunk: &[u8],
) -> Result<bool, Broken> {
    let mut cursor = Cursor::open(base, chunk)?;
    if cursor.end() <= position.offset {
        return Ok(false); // The chunk before a gap.
    }
    cursor.skip_to(position.offset)?;
    taker.take(&mut cursor, &mut position.offset)?;
    if !cursor.is_done() {
        position.cursor = Some(cursor.into_owned());
    }
    Ok(taker.is_full())
}

/// The key of a chunk.
fn key(topic: &Topic, partition: i32, base: i64) -> ChunkKey {
    ChunkKey {
        topic: topic.id,
        partition,
        base,
    }
}

/// The refusal of a chunk that does not parse.
pub fn broken(topic: &Topic, partition: i32, offset: i64) -> BrokerError {
    damaged(&format!(
        "the records of {}-{partition} from offset {offset} on do not have the right checksum",
        topic.name
    ))
}
