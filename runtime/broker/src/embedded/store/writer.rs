//! The one connection that writes: transactions, and keeping the files small.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rusqlite::Connection;

use super::connection::{BUSY_TIME_MAX, PAGE_BYTES};
use super::readers::Readers;
use super::{WAL_BYTES_MAX, failure};
use crate::BrokerError;

/// How many free pages the database keeps for what is written next, besides a quarter of what is in use.
const FREE_PAGES_KEPT: u32 = 64 * 1024 * 1024 / PAGE_BYTES;
/// How many pages are given back to the disk in one transaction.
const PAGES_GIVEN_BACK_AT_ONCE: u32 = 1000;

/// Writes to the database.
pub struct Writer {
    connection: Connection,
    readers: Arc<Readers>,
    /// The pages of the write-ahead log after the last commit.
    wal_pages: Arc<AtomicU32>,
    /// When the write-ahead log has this many pages it is copied.
    wal_pages_due: u32,
}

impl Writer {
    /// Writes through this connection.
    ///
    /// # Errors
    /// When SQLite has no memory.
    pub fn new(mut connection: Connection, readers: Arc<Readers>) -> Result<Self, BrokerError> {
        let wal_pages = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&wal_pages);
        let hooked = connection.wal_hook(Some(move |_: &mut _, pages: i32| {
            counted.store(pages.unsigned_abs(), Ordering::Relaxed);
            Ok(())
        }));
        hooked.map_err(|error| failure::of(&error))?;
        Ok(Self {
            connection,
            readers,
            wal_pages,
            wal_pages_due: WAL_BYTES_MAX / PAGE_BYTES,
        })
    }

    /// Does all of `work` or nothing of it. What is committed survives the end of the process, and with
    /// `embedded.sync=always` a power failure.
    ///
    /// # Errors
    /// When the store fails, or `work` does.
    pub fn transaction<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, BrokerError> {
        let done = self.attempt(work);
        let done = done.map_err(|error| failure::of(&error))?;
        if self.wal_pages.load(Ordering::Relaxed) >= self.wal_pages_due {
            self.copy_wal();
        }
        Ok(done)
    }

    /// Gives some of the pages that are free back to the disk; says whether there are more to give.
    ///
    /// # Errors
    /// When the store fails.
    pub fn give_back(&mut self) -> Result<bool, BrokerError> {
        let pages = |name| {
            self.connection
                .pragma_query_value(None, name, |row| row.get(0))
        };
        let counted = pages("freelist_count").and_then(|free| Ok((free, pages("page_count")?)));
        let (free, all): (u32, u32) = counted.map_err(|error| failure::of(&error))?;
        let kept = FREE_PAGES_KEPT + all.saturating_sub(free) / 4;
        let given = free.saturating_sub(kept).min(PAGES_GIVEN_BACK_AT_ONCE);
        if given == 0 {
            return Ok(false);
        }
        self.transaction(|connection| {
            // A page for each step.
            let mut vacuum = connection.prepare(&format!("PRAGMA incremental_vacuum({given})"))?;
            let mut steps = vacuum.query([])?;
            while steps.next()?.is_some() {}
            Ok(())
        })?;
        Ok(given == PAGES_GIVEN_BACK_AT_ONCE)
    }

    fn attempt<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let run = |sql| self.connection.prepare_cached(sql)?.execute([]);
        run("BEGIN IMMEDIATE")?;
        let done = work(&self.connection).and_then(|done| run("COMMIT").map(|_| done));
        // A failed commit, such as on a full disk, may have ended the transaction by itself.
        if done.is_err() && !self.connection.is_autocommit() {
            run("ROLLBACK")?;
        }
        done
    }

    /// Copies the write-ahead log into the database and begins it anew. What was committed is safe in it, so a failure
    /// is told and tried again when it has grown as much again.
    fn copy_wal(&mut self) {
        let copied = self.checkpoint("PASSIVE").and_then(|_| {
            // Only what was added for the longest reader is left to be copied, so this pause is short.
            let _pause = self.readers.pause();
            // Waiting for another program would keep all readers waiting.
            self.connection.busy_timeout(Duration::ZERO)?;
            let copied = self.checkpoint("RESTART");
            self.connection.busy_timeout(BUSY_TIME_MAX)?;
            copied
        });
        self.wal_pages_due = WAL_BYTES_MAX / PAGE_BYTES;
        let reason = match copied {
            Ok(true) => return self.wal_pages.store(0, Ordering::Relaxed),
            Ok(false) => "another program reads the database; end it".to_owned(),
            Err(error) => failure::of(&error).to_string(),
        };
        let pages = self.wal_pages.load(Ordering::Relaxed);
        self.wal_pages_due += pages;
        tracing::warn!(
            wal_bytes = u64::from(pages) * u64::from(PAGE_BYTES),
            reason,
            "the write-ahead log of the embedded log cannot be emptied and grows"
        );
    }

    /// Copies what can be copied; says whether it was all.
    fn checkpoint(&self, mode: &str) -> rusqlite::Result<bool> {
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        let mut checkpoint = self.connection.prepare_cached(&sql)?;
        checkpoint.query_row([], |row| Ok(row.get::<_, i64>(0)? == 0))
    }
}
