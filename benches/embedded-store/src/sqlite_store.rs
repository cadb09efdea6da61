//! SQLite, with a write-ahead log.
//!
//! A commit appends pages to the log file, each with a checksum that continues the one before. With
//! `synchronous=FULL` it syncs that file; with `NORMAL` it does not, and the file is synced from outside once a
//! second. After a power failure SQLite takes what is whole of it, so the two settings promise what fjall's do.

use std::fs::File;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use crate::chunk::State;
use crate::store::{Durability, Result, STATE_KEY, Store};

/// SQLite's default. Larger pages write chunks as fast, and single records at up to five times the CPU.
const PAGE_BYTES: u32 = 4 * 1024;
/// How much is in the write-ahead log before it is copied into the database: as fjall's journal may have.
const LOG_BYTES: u32 = 64 * 1024 * 1024;
const CACHE_KIB: u32 = 8 * 1024;

/// A SQLite database.
pub struct SqliteStore {
    connection: Connection,
    /// The write-ahead log, to sync it.
    log: File,
}

/// Opens or makes a database.
pub fn open(folder: &Path, durability: Durability) -> Result<SqliteStore> {
    let path = folder.join("log.sqlite");
    let connection = Connection::open(&path)?;
    let synchronous = match durability {
        Durability::Process => "NORMAL",
        Durability::Disk => "FULL",
    };
    connection.execute_batch(&format!(
        "PRAGMA page_size = {PAGE_BYTES};
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = {synchronous};
         PRAGMA wal_autocheckpoint = {};
         PRAGMA cache_size = -{CACHE_KIB};
         CREATE TABLE IF NOT EXISTS records_1_0 (base INTEGER PRIMARY KEY, chunk BLOB NOT NULL);
         CREATE TABLE IF NOT EXISTS meta (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;",
        LOG_BYTES / PAGE_BYTES
    ))?;
    let log = File::open(folder.join("log.sqlite-wal"))?;
    Ok(SqliteStore { connection, log })
}

impl Store for SqliteStore {
    fn append(&mut self, base: i64, chunk: &[u8], state: State) -> Result<()> {
        self.replace(&[], base, chunk, state)
    }

    fn replace(&mut self, removed: &[i64], base: i64, chunk: &[u8], state: State) -> Result<()> {
        let sql = |text| self.connection.prepare_cached(text);
        sql("BEGIN IMMEDIATE")?.execute([])?;
        for base in removed {
            sql("DELETE FROM records_1_0 WHERE base = ?")?.execute([base])?;
        }
        sql("INSERT OR REPLACE INTO records_1_0 VALUES (?, ?)")?.execute(params![base, chunk])?;
        sql("INSERT OR REPLACE INTO meta VALUES (?, ?)")?
            .execute(params![STATE_KEY, state.encode()])?;
        sql("COMMIT")?.execute([])?;
        Ok(())
    }

    fn read(&mut self, base: i64, into: &mut Vec<u8>) -> Result<bool> {
        into.clear();
        let mut select = self
            .connection
            .prepare_cached("SELECT chunk FROM records_1_0 WHERE base = ?")?;
        let mut rows = select.query([base])?;
        let Some(row) = rows.next()? else {
            return Ok(false);
        };
        into.extend_from_slice(row.get_ref(0)?.as_blob()?);
        Ok(true)
    }

    fn state(&mut self) -> Result<Option<State>> {
        let bytes: Option<Vec<u8>> = self
            .connection
            .query_row("SELECT value FROM meta WHERE key = ?", [STATE_KEY], |row| {
                row.get(0)
            })
            .optional()?;
        Ok(bytes.and_then(|bytes| State::decode(&bytes)))
    }

    fn sync(&mut self) -> Result<()> {
        Ok(self.log.sync_data()?)
    }
}
