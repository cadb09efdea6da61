//! Where the log is kept: one SQLite database in the log's folder, with a write-ahead log beside it.
//!
//! Invariants: a transaction is whole or not there, also after `kill -9`; the write-ahead log has at most
//! [`WAL_BYTES_MAX`] and one transaction more; what is kept in memory does not grow with what is stored.
//!
//! | module | what |
//! | --- | --- |
//! | `folder` | the folder's lock, and what is found in it |
//! | `connection` | how connections are set up |
//! | `tables` | the tables, and every statement |
//! | `writer` | the one connection that writes |
//! | `readers` | the few that read |
//! | `tail` | the end of a write-ahead log that was not closed |
//! | `failure` | errors in the operator's words |

mod connection;
mod failure;
mod folder;
mod readers;
pub mod tables;
mod tail;
mod writer;

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

pub use self::failure::damaged;
use self::readers::Readers;
pub use self::writer::Writer;
use super::settings::{EmbeddedSettings, SyncPolicy};
use crate::BrokerError;

/// The database's file in the folder.
pub const DATABASE: &str = "log.sqlite";
/// The write-ahead log is copied into the database when it has this many bytes.
pub const WAL_BYTES_MAX: u32 = 16 * 1024 * 1024;
/// The most connections that read at a time: a further read waits for one.
pub const READERS_MAX: u32 = 4;

/// The database of a folder.
pub struct Store {
    writer: Mutex<Writer>,
    readers: Arc<Readers>,
    /// The write-ahead log, to bring it to the disk. SQLite keeps the file as long as a connection is open.
    wal: File,
    sync: SyncPolicy,
    /// Held as long as the store is open. Last, so that it is given back last.
    _lock: File,
}

impl Store {
    /// Opens the store of a folder, which is created when it is not there.
    ///
    /// # Errors
    /// When another process uses it, it is of another format, or it is damaged.
    pub fn open(folder: &Path, settings: &EmbeddedSettings) -> Result<Self, BrokerError> {
        let lock = folder::lock(folder)?;
        let database = folder.join(DATABASE);
        folder::prepare(folder, &database)?;
        let memory = Memory::of(settings);
        let connection = connection::for_writing(&database, settings.sync, memory.writer_kib)?;
        let wal = folder::wal(&database);
        tail::report(folder, &wal, &connection)?;
        let wal = File::open(&wal).map_err(|error| failure::io(&wal, &error))?;
        connection::copy_wal_when_closed(&connection, true)
            .map_err(|error| failure::at(&database, &error))?;
        let readers = Arc::new(Readers::new(database, memory.reader_kib));
        Ok(Self {
            writer: Mutex::new(Writer::new(connection, Arc::clone(&readers))?),
            readers,
            wal,
            sync: settings.sync,
            _lock: lock,
        })
    }

    /// Becomes the one who writes.
    pub fn write(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what was committed, while others write. `work` is short: it keeps the write-ahead log from being emptied.
    ///
    /// # Errors
    /// When the store fails, or `work` does.
    pub fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, BrokerError> {
        self.readers.read(work)
    }

    /// Brings all that was committed to the disk.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn sync(&self) -> Result<(), BrokerError> {
        match self.sync {
            SyncPolicy::Always => Ok(()), // Done with each commit.
            // What is no longer in the write-ahead log was brought to the disk when it was copied.
            SyncPolicy::Interval => {
                let synced = self.wal.sync_data();
                synced.map_err(|error| failure::io(&folder::wal(Path::new(DATABASE)), &error))
            }
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // The last connection that is closed copies the write-ahead log, which one that only reads cannot.
        self.readers.close();
    }
}

/// How `embedded.memory.bytes` is divided: half for the one who writes, the rest for those who read.
struct Memory {
    writer_kib: u64,
    reader_kib: u64,
}

impl Memory {
    fn of(settings: &EmbeddedSettings) -> Self {
        let half_kib = settings.memory_bytes / 2 / 1024;
        Self {
            writer_kib: half_kib,
            reader_kib: half_kib / u64::from(READERS_MAX),
        }
    }
}
