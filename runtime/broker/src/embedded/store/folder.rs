//! The folder of a log: who may use it, and what is found in it.
//!
//! SQLite makes an empty database of a file that is missing or empty, and leaves out a write-ahead log that does not
//! fit. So a database is made under another name and gets its own when it is whole, and one that is missing or empty
//! where there was one is refused.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

use super::tables::FORMAT;
use super::{connection, failure};
use crate::BrokerError;

/// What only folders of the first format have: a journal and a folder of another store.
const FIRST_FORMAT: [&str; 2] = ["0.jnl", "keyspaces"];

/// Makes sure that nobody else uses the folder, which is created when it is not there.
///
/// # Errors
/// When another process uses it.
pub fn lock(folder: &Path) -> Result<File, BrokerError> {
    fs::create_dir_all(folder).map_err(|error| failure::io(folder, &error))?;
    let path = folder.join("tidegate.lock");
    let file = File::create(&path).map_err(|error| failure::io(&path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(BrokerError::Locked(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(failure::io(&path, &error)),
    }
}

/// The path of a database's write-ahead log.
pub fn wal(database: &Path) -> PathBuf {
    let mut path = OsString::from(database);
    path.push("-wal");
    path.into()
}

/// Makes a new database, unless there is one. The caller holds the lock.
///
/// # Errors
/// When what is there cannot be a log, or none can be made.
pub fn prepare(folder: &Path, database: &Path) -> Result<(), BrokerError> {
    let failed = |error: io::Error| failure::io(folder, &error);
    let wal = wal(database);
    match size(database).map_err(failed)? {
        Some(0) => Err(BrokerError::Damaged {
            file: database.to_owned(),
            found: "it is empty".to_owned(),
        }),
        Some(_) => Ok(()),
        None if size(&wal).map_err(failed)?.is_some_and(|bytes| bytes > 0) => {
            Err(BrokerError::Damaged {
                file: database.to_owned(),
                found: format!("it is missing, but {} is there", wal.display()),
            })
        }
        None if FIRST_FORMAT.iter().any(|name| folder.join(name).exists()) => {
            Err(BrokerError::Format {
                folder: folder.to_owned(),
                found: 1,
                wanted: FORMAT,
            })
        }
        None => create(folder, database),
    }
}

fn create(folder: &Path, database: &Path) -> Result<(), BrokerError> {
    let new = database.with_extension("new");
    match fs::remove_file(&new) {
        // What a kill left of an earlier try.
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(failure::io(&new, &error));
        }
        _ => {}
    }
    connection::create(&new, &cluster_id())?;
    fs::rename(&new, database).map_err(|error| failure::io(database, &error))?;
    let folder_synced = File::open(folder).and_then(|folder| folder.sync_all());
    folder_synced.map_err(|error| failure::io(folder, &error))
}

/// A new id of a cluster: 22 characters, as Kafka's.
fn cluster_id() -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let letter = |_| {
        let random = RandomState::new().build_hasher().finish();
        let index = usize::try_from(random % 64).unwrap_or(0);
        char::from(LETTERS.get(index).copied().unwrap_or(b'A'))
    };
    std::iter::once('T').chain((0..21).map(letter)).collect()
}

/// The bytes of a file; `None` when it is not there.
fn size(path: &Path) -> io::Result<Option<u64>> {
    match fs::metadata(path) {
        Ok(found) => Ok(Some(found.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
