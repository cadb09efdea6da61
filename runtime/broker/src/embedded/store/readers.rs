//! The connections that read: opened when they are needed, kept, and never more than a few.
//!
//! One who reads sees the database as it was when it began and keeps the write-ahead log from being begun anew. So
//! reading is short, and [`Readers::pause`] waits for those who read and keeps others from beginning meanwhile.

use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::{READERS_MAX, connection, failure};
use crate::BrokerError;

/// All connections that read a database.
pub struct Readers {
    database: PathBuf,
    cache_kib: u64,
    state: Mutex<State>,
    /// Someone may begin to read.
    free: Condvar,
    /// Someone ended to read.
    ended: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Connection>,
    reading: u32,
    paused: bool,
}

/// A connection on loan.
struct Loan<'a> {
    readers: &'a Readers,
    connection: Option<Connection>,
}

/// Nobody reads while this is there.
pub struct Pause<'a>(&'a Readers);

impl Readers {
    /// Of a database; opens nothing yet.
    pub fn new(database: PathBuf, cache_kib: u64) -> Self {
        Self {
            database,
            cache_kib,
            state: Mutex::default(),
            free: Condvar::new(),
            ended: Condvar::new(),
        }
    }

    /// Reads, as soon as a connection is free.
    ///
    /// # Errors
    /// When the store fails, or `work` does.
    pub fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, BrokerError> {
        let mut loan = self.borrow();
        let read = loan.connection().and_then(work);
        read.map_err(|error| failure::of(&error))
    }

    /// Waits until nobody reads; until the pause is dropped nobody begins to.
    pub fn pause(&self) -> Pause<'_> {
        let mut state = self.state();
        state.paused = true;
        let _quiet = self
            .ended
            .wait_while(state, |state| state.reading > 0)
            .unwrap_or_else(PoisonError::into_inner);
        Pause(self)
    }

    /// Closes all connections. Whoever reads afterwards opens one again.
    pub fn close(&self) {
        self.state().idle.clear();
    }

    fn borrow(&self) -> Loan<'_> {
        let busy = |state: &mut State| state.paused || state.reading >= READERS_MAX;
        let state = self.free.wait_while(self.state(), busy);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        state.reading += 1;
        Loan {
            readers: self,
            connection: state.idle.pop(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Loan<'_> {
    /// The connection, which is opened when there was none.
    fn connection(&mut self) -> rusqlite::Result<&Connection> {
        let opened = match self.connection.take() {
            Some(connection) => connection,
            None => connection::for_reading(&self.readers.database, self.readers.cache_kib)?,
        };
        Ok(self.connection.insert(opened))
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        let mut state = self.readers.state();
        state.idle.extend(self.connection.take());
        state.reading -= 1;
        drop(state);
        self.readers.free.notify_one();
        self.readers.ended.notify_one();
    }
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        self.0.state().paused = false;
        self.0.free.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn few_read_at_once_and_nobody_while_they_are_paused() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("d.sqlite");
        connection::create(&database, "id").unwrap();
        let readers = Readers::new(database, 100);
        let reading = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..10 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let read = readers.read(|connection| {
                            let at_once = reading.fetch_add(1, Ordering::SeqCst) + 1;
                            assert!(at_once <= READERS_MAX, "{at_once}");
                            let id = super::super::tables::cluster_id(connection);
                            reading.fetch_sub(1, Ordering::SeqCst);
                            id
                        });
                        assert_eq!(read.unwrap(), "id");
                    }
                });
            }
            for _ in 0..100 {
                let pause = readers.pause();
                assert_eq!(reading.load(Ordering::SeqCst), 0);
                drop(pause);
            }
        });
        assert!(readers.state().idle.len() <= READERS_MAX as usize);
        let failed: Result<(), _> = readers.read(|_| Err(rusqlite::Error::InvalidQuery));
        assert!(failed.is_err() && readers.state().reading == 0);
    }
}
