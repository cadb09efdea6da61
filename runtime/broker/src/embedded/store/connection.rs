//! How connections are set up.
//!
//! | setting | value | why |
//! | --- | --- | --- |
//! | `journal_mode` | WAL | a commit is one row of writes to one file; reading goes on meanwhile |
//! | `synchronous` | NORMAL, or FULL with `embedded.sync=always` | FULL brings each commit to the disk; with NORMAL the log does that once in an interval |
//! | `page_size` | 4 KiB | single records cost more with larger pages, and chunks no less |
//! | `auto_vacuum` | incremental | space can be given back to the disk in small steps |
//! | `wal_autocheckpoint` | off | [`super::writer`] copies the write-ahead log, so that readers cannot keep it growing |
//! | `cache_size` | from `embedded.memory.bytes` | |
//! | `temp_store` | memory | no files outside of the folder |

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::super::settings::SyncPolicy;
use super::{failure, tables};
use crate::BrokerError;

/// How long another program, such as `sqlite3`, may hold the database before a write fails.
pub const BUSY_TIME_MAX: Duration = Duration::from_secs(5);
/// The size of a database's pages.
pub const PAGE_BYTES: u32 = 4 * 1024;
/// More than there are statements.
const STATEMENTS_KEPT: usize = 32;

/// Makes a whole database with empty tables, closes it, and brings it to the disk.
///
/// # Errors
/// When it cannot be written.
pub fn create(path: &Path, cluster_id: &str) -> Result<(), BrokerError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let made = open(path, flags).and_then(|connection| {
        connection.execute_batch(&format!(
            "PRAGMA synchronous = OFF;
             PRAGMA journal_mode = OFF;
             PRAGMA page_size = {PAGE_BYTES};
             PRAGMA auto_vacuum = INCREMENTAL;"
        ))?;
        tables::create(&connection, cluster_id)?;
        connection.execute_batch("PRAGMA journal_mode = WAL")?;
        connection.close().map_err(|(_, error)| error)
    });
    made.map_err(|error| failure::at(path, &error))?;
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|error| failure::io(path, &error))
}

/// Opens a database to write to it. Closing the connection leaves the write-ahead log as it is until
/// [`copy_wal_when_closed`] says other, so that a database that is refused stays as it was found.
///
/// # Errors
/// When it is not a log's, of another format, or damaged.
pub fn for_writing(
    database: &Path,
    sync: SyncPolicy,
    cache_kib: u64,
) -> Result<Connection, BrokerError> {
    let synchronous = match sync {
        SyncPolicy::Interval => "NORMAL",
        SyncPolicy::Always => "FULL",
    };
    let opened = open(database, OpenFlags::SQLITE_OPEN_READ_WRITE).and_then(|connection| {
        copy_wal_when_closed(&connection, false)?;
        connection.execute_batch(&format!(
            "PRAGMA synchronous = {synchronous};
             PRAGMA wal_autocheckpoint = 0;
             PRAGMA cache_size = -{cache_kib};
             PRAGMA temp_store = MEMORY;"
        ))?;
        let identity = tables::identity(&connection)?;
        Ok((connection, identity))
    });
    let (connection, identity) = opened.map_err(|error| failure::at(database, &error))?;
    identity.check(database)?;
    Ok(connection)
}

/// Opens a database that is open for writing already, to read it.
///
/// # Errors
/// When the system has no file to give.
pub fn for_reading(database: &Path, cache_kib: u64) -> rusqlite::Result<Connection> {
    let connection = open(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.execute_batch(&format!(
        "PRAGMA cache_size = -{cache_kib}; PRAGMA temp_store = MEMORY;"
    ))?;
    Ok(connection)
}

/// Whether closing the last connection copies the write-ahead log into the database and deletes it.
///
/// # Errors
/// When SQLite does not know the setting.
pub fn copy_wal_when_closed(connection: &Connection, copy: bool) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !copy)?;
    Ok(())
}

/// Each connection is used by one thread at a time, so SQLite need not lock it.
fn open(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIME_MAX)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    // Else statements are prepared again for other values, with STAT4, which rusqlite's SQLite is built with.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_set_up_as_the_table_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.sqlite");
        create(&path, "id").unwrap();
        for (sync, synchronous) in [(SyncPolicy::Interval, 1), (SyncPolicy::Always, 2)] {
            let connection = for_writing(&path, sync, 1000).unwrap();
            let number = |name| -> i64 {
                let found = connection.pragma_query_value(None, name, |row| row.get(0));
                found.unwrap()
            };
            assert_eq!(number("synchronous"), synchronous);
            assert_eq!(number("page_size"), i64::from(PAGE_BYTES));
            assert_eq!(number("auto_vacuum"), 2);
            assert_eq!(number("wal_autocheckpoint"), 0);
            assert_eq!(number("cache_size"), -1000);
            let mode = connection.pragma_query_value(None, "journal_mode", |row| row.get(0));
            assert_eq!(mode, Ok("wal".to_owned()));
        }
    }
}
