//! What the store's errors mean to the one who runs the worker.
//!
//! While a log is opened they name the whole path; later only the file, since tasks show them to clients of REST.

use std::io;
use std::path::Path;

use rusqlite::{Error, ErrorCode};

use super::DATABASE;
use crate::BrokerError;

/// An error of SQLite on the database at this path.
pub fn at(database: &Path, error: &Error) -> BrokerError {
    let storage = |what: String| BrokerError::Storage(format!("{}: {what}", database.display()));
    match error.sqlite_error_code() {
        // A row that is there already, or a value of another type, is not what the log wrote.
        None
        | Some(
            ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::ConstraintViolation
            | ErrorCode::TypeMismatch,
        ) => BrokerError::Damaged {
            file: database.to_owned(),
            found: error.to_string(),
        },
        Some(ErrorCode::DiskFull) => {
            storage("the disk is full; make room, then start again".to_owned())
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => storage(
            "another program holds it, which it must not while the log is in use; end it"
                .to_owned(),
        ),
        Some(_) => storage(error.to_string()),
    }
}

/// An error of SQLite on a database that is open.
pub fn of(error: &Error) -> BrokerError {
    at(Path::new(DATABASE), error)
}

/// Something in the database that the log did not write.
pub fn damaged(found: &str) -> BrokerError {
    BrokerError::Damaged {
        file: DATABASE.into(),
        found: found.to_owned(),
    }
}

/// An error of the operating system.
pub fn io(path: &Path, error: &io::Error) -> BrokerError {
    BrokerError::Storage(format!("{} cannot be used: {error}", path.display()))
}
