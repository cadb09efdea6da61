//! SQLite, with the settings and tables of `runtime/broker/src/embedded/store`.
//!
//! A commit appends pages to the write-ahead log, each with a checksum that continues the one before. With
//! `synchronous=FULL` it syncs that file; with `NORMAL` it does not, and the file is synced from outside once a
//! second. After a power failure SQLite takes what is whole of it, so the two settings promise what fjall's do.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, params};

use crate::chunk::State;
use crate::store::{Durability, Result, Store};

const PAGE_BYTES: u32 = 4 * 1024;
/// How much is in the write-ahead log before it is copied into the database.
const WAL_BYTES: u32 = 16 * 1024 * 1024;
const CACHE_KIB: u32 = 4 * 1024;

/// A SQLite database.
pub struct SqliteStore {
    connection: Connection,
    /// The write-ahead log, to sync it.
    wal: File,
    wal_pages: Arc<AtomicU32>,
}

/// Opens or makes a database.
pub fn open(folder: &Path, durability: Durability) -> Result<SqliteStore> {
    let path = folder.join("log.sqlite");
    let mut connection = Connection::open(&path)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    let synchronous = match durability {
        Durability::Process => "NORMAL",
        Durability::Disk => "FULL",
    };
    connection.execute_batch(&format!(
        "PRAGMA page_size = {PAGE_BYTES};
         PRAGMA auto_vacuum = INCREMENTAL;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = {synchronous};
         PRAGMA wal_autocheckpoint = 0;
         PRAGMA cache_size = -{CACHE_KIB};
         CREATE TABLE IF NOT EXISTS chunk (
             topic INTEGER NOT NULL, partition INTEGER NOT NULL, base INTEGER NOT NULL, records INTEGER NOT NULL,
             PRIMARY KEY (topic, partition, base)
         ) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS records (id INTEGER PRIMARY KEY, chunk BLOB NOT NULL);
         CREATE TABLE IF NOT EXISTS partition (
             topic INTEGER NOT NULL, number INTEGER NOT NULL, first_offset INTEGER NOT NULL,
             next_offset INTEGER NOT NULL, bytes INTEGER NOT NULL, dirty INTEGER NOT NULL,
             PRIMARY KEY (topic, number)
         ) WITHOUT ROWID;"
    ))?;
    let wal_pages = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&wal_pages);
    connection.wal_hook(Some(move |_: &mut _, pages: i32| {
        counted.store(pages.unsigned_abs(), Ordering::Relaxed);
        Ok(())
    }))?;
    Ok(SqliteStore {
        connection,
        wal: File::open(folder.join("log.sqlite-wal"))?,
        wal_pages,
    })
}

impl Store for SqliteStore {
    fn append(&mut self, base: i64, chunk: &[u8], state: State) -> Result<()> {
        self.replace(&[], base, chunk, state)
    }

    fn replace(&mut self, removed: &[i64], base: i64, chunk: &[u8], state: State) -> Result<()> {
        let sql = |text| self.connection.prepare_cached(text);
        sql("BEGIN IMMEDIATE")?.execute([])?;
        for base in removed.iter().chain([&base]) {
            let records: Option<i64> = sql("DELETE FROM chunk WHERE topic = 1 AND partition = 0 AND base = ?1 RETURNING records")?
                .query_row([base], |row| row.get(0))
                .optional()?;
            if records.is_some() {
                sql("DELETE FROM records WHERE id = ?1")?.execute([records])?;
            }
        }
        sql("INSERT INTO records (chunk) VALUES (?1)")?.execute([chunk])?;
        sql("INSERT INTO chunk VALUES (1, 0, ?1, last_insert_rowid())")?.execute([base])?;
        sql("INSERT OR REPLACE INTO partition VALUES (1, 0, 0, ?1, ?2, ?2)")?
            .execute(params![state.next, state.bytes.cast_signed()])?;
        sql("COMMIT")?.execute([])?;
        if self.wal_pages.load(Ordering::Relaxed) >= WAL_BYTES / PAGE_BYTES {
            for checkpoint in [
                "PRAGMA wal_checkpoint(PASSIVE)",
                "PRAGMA wal_checkpoint(RESTART)",
            ] {
                sql(checkpoint)?.query_row([], |_| Ok(()))?;
            }
            self.wal_pages.store(0, Ordering::Relaxed);
        }
        Ok(())
    }

    fn read(&mut self, base: i64, into: &mut Vec<u8>) -> Result<bool> {
        into.clear();
        let mut select = self.connection.prepare_cached(
            "SELECT records.chunk FROM chunk LEFT JOIN records ON id = chunk.records
             WHERE topic = 1 AND partition = 0 AND base = ?1",
        )?;
        let mut rows = select.query([base])?;
        let Some(row) = rows.next()? else {
            return Ok(false);
        };
        into.extend_from_slice(row.get_ref(0)?.as_blob()?);
        Ok(true)
    }

    fn state(&mut self) -> Result<Option<State>> {
        let sql = "SELECT next_offset, bytes FROM partition WHERE topic = 1 AND number = 0";
        let state = self.connection.query_row(sql, [], |row| {
            Ok(State {
                next: row.get(0)?,
                bytes: row.get::<_, i64>(1)?.cast_unsigned(),
            })
        });
        Ok(state.optional()?)
    }

    fn sync(&mut self) -> Result<()> {
        Ok(self.wal.sync_data()?)
    }
}
