//! fjall, with the settings that the log had when it used it, and the same with a bound on its memory.
//!
//! When a memtable is full, fjall asks its worker thread with each commit to begin a new one. While the worker merges
//! files, 1,000 such requests fill its queue. The worker then waits for room in its own queue, and memtable and journal
//! grow without limit until the database is closed. The bounded form does not let fjall ask: it begins a new memtable
//! itself. fjall stops the writer when four of them wait to be written.

use std::path::Path;

use fjall::config::CompressionPolicy;
use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::chunk::State;
use crate::store::{Durability, Result, STATE_KEY, Store, chunk_key};

const MIB: u64 = 1024 * 1024;
const RECORDS_BYTES: u64 = 8 * MIB;
const META_BYTES: u64 = MIB;
/// What an entry of a memtable takes besides key and value, about.
const ENTRY_BYTES: u64 = 64;

/// A fjall database. The keyspaces go before the database that they are of.
pub struct FjallStore {
    records: Keyspace,
    meta: Keyspace,
    database: Database,
    durability: PersistMode,
    bound: Option<Bound>,
}

/// Who begins new memtables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// The worker, asked by fjall with each commit, as the log had it.
    ByWorker,
    /// The writer.
    ByWriter,
}

/// What was written since the last new memtable.
#[derive(Debug, Default)]
struct Bound {
    records: u64,
    meta: u64,
}

/// Opens or makes a database.
pub fn open(folder: &Path, durability: Durability, rotation: Rotation) -> Result<FjallStore> {
    let bounded = rotation == Rotation::ByWriter;
    let memtable = |bytes| if bounded { u64::MAX } else { bytes };
    let database = Database::builder(folder)
        .journal_compression(CompressionType::None)
        .worker_threads(1)
        .cache_size(8 * MIB)
        .max_journaling_size(64 * MIB)
        .open()?;
    let records = database.keyspace("records", || {
        KeyspaceCreateOptions::default()
            .max_memtable_size(memtable(RECORDS_BYTES))
            .data_block_compression_policy(CompressionPolicy::disabled())
    })?;
    let meta = database.keyspace("meta", || {
        KeyspaceCreateOptions::default().max_memtable_size(memtable(META_BYTES))
    })?;
    Ok(FjallStore {
        records,
        meta,
        database,
        durability: match durability {
            Durability::Process => PersistMode::Buffer,
            Durability::Disk => PersistMode::SyncData,
        },
        bound: bounded.then(Bound::default),
    })
}

impl Store for FjallStore {
    fn append(&mut self, base: i64, chunk: &[u8], state: State) -> Result<()> {
        self.replace(&[], base, chunk, state)
    }

    fn replace(&mut self, removed: &[i64], base: i64, chunk: &[u8], state: State) -> Result<()> {
        let mut batch = self.database.batch().durability(Some(self.durability));
        for base in removed {
            batch.remove(&self.records, chunk_key(*base));
        }
        batch.insert(&self.records, chunk_key(base), chunk);
        batch.insert(&self.meta, STATE_KEY, state.encode());
        batch.commit()?;
        if let Some(bound) = &mut self.bound {
            let removed = removed.len() as u64 * ENTRY_BYTES;
            bound.records += removed + chunk.len() as u64 + ENTRY_BYTES;
            bound.meta += 2 * ENTRY_BYTES;
            if bound.records > RECORDS_BYTES {
                self.records.rotate_memtable()?;
                bound.records = 0;
            }
            if bound.meta > META_BYTES {
                self.meta.rotate_memtable()?;
                bound.meta = 0;
            }
        }
        Ok(())
    }

    fn read(&mut self, base: i64, into: &mut Vec<u8>) -> Result<bool> {
        let chunk = self.records.get(chunk_key(base))?;
        into.clear();
        into.extend_from_slice(chunk.as_deref().unwrap_or_default());
        Ok(chunk.is_some())
    }

    fn state(&mut self) -> Result<Option<State>> {
        Ok(self
            .meta
            .get(STATE_KEY)?
            .and_then(|bytes| State::decode(&bytes)))
    }

    fn sync(&mut self) -> Result<()> {
        Ok(self.database.persist(PersistMode::SyncData)?)
    }
}
