//! The tables, and every statement on them.
//!
//! | table | a row |
//! | --- | --- |
//! | `cluster` | the cluster's id; one row |
//! | `topic` | a topic: id (never used again), name, partitions, configuration as JSON |
//! | `partition` | the state of a partition to which something was written |
//! | `chunk` | where the records are that were written together: by topic, partition and first offset |
//! | `records` | these records, encoded; apart, since SQLite reads what it compares as a whole |
//! | `position` | the committed position of a group in a partition |
//!
//! Changing functions are called inside of a transaction of [`super::Writer`].

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::topic::State;
use crate::BrokerError;

/// The format of what is stored, in the database's `user_version`.
pub const FORMAT: u32 = 2;
/// Says that a database is a log of Tidegate: `Tide`, in its `application_id`.
const APPLICATION: u32 = u32::from_be_bytes(*b"Tide");

/// A topic as it is stored.
pub struct TopicRow {
    /// Its number.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// How many partitions.
    pub partitions: i32,
    /// Its configuration, JSON.
    pub config: String,
}

/// Where a chunk belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkKey {
    /// The topic's number.
    pub topic: u32,
    /// The partition.
    pub partition: i32,
    /// The first offset.
    pub base: i64,
}

/// What a database says that it is.
pub struct Identity {
    application: u32,
    format: u32,
}

impl Identity {
    /// Refuses what is not a log of this format.
    ///
    /// # Errors
    /// When it is not.
    pub fn check(&self, database: &Path) -> Result<(), BrokerError> {
        if self.application != APPLICATION {
            return Err(BrokerError::Storage(format!(
                "{} is a database of another program; use another folder",
                database.display()
            )));
        }
        if self.format != FORMAT {
            return Err(BrokerError::Format {
                folder: database.parent().unwrap_or(database).to_owned(),
                found: self.format,
                wanted: FORMAT,
            });
        }
        Ok(())
    }
}

/// Makes the tables.
pub fn create(connection: &Connection, cluster_id: &str) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "BEGIN;
         CREATE TABLE cluster (id TEXT NOT NULL);
         CREATE TABLE topic (
             id INTEGER PRIMARY KEY AUTOINCREMENT,
             name TEXT NOT NULL UNIQUE,
             partitions INTEGER NOT NULL,
             config TEXT NOT NULL
         );
         CREATE TABLE partition (
             topic INTEGER NOT NULL,
             number INTEGER NOT NULL,
             first_offset INTEGER NOT NULL,
             next_offset INTEGER NOT NULL,
             bytes INTEGER NOT NULL,
             dirty INTEGER NOT NULL,
             PRIMARY KEY (topic, number)
         ) WITHOUT ROWID;
         CREATE TABLE chunk (
             topic INTEGER NOT NULL,
             partition INTEGER NOT NULL,
             base INTEGER NOT NULL,
             records INTEGER NOT NULL,
             PRIMARY KEY (topic, partition, base)
         ) WITHOUT ROWID;
         CREATE TABLE records (id INTEGER PRIMARY KEY, chunk BLOB NOT NULL);
         CREATE TABLE position (
             consumer_group TEXT NOT NULL,
             topic INTEGER NOT NULL,
             partition INTEGER NOT NULL,
             next_offset INTEGER NOT NULL,
             PRIMARY KEY (consumer_group, topic, partition)
         ) WITHOUT ROWID;
         PRAGMA application_id = {APPLICATION};
         PRAGMA user_version = {FORMAT};
         COMMIT;"
    ))?;
    connection.execute("INSERT INTO cluster VALUES (?1)", [cluster_id])?;
    Ok(())
}

/// What the database says that it is.
pub fn identity(connection: &Connection) -> rusqlite::Result<Identity> {
    Ok(Identity {
        application: connection.pragma_query_value(None, "application_id", |row| row.get(0))?,
        format: connection.pragma_query_value(None, "user_version", |row| row.get(0))?,
    })
}

/// The cluster's id.
pub fn cluster_id(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("SELECT id FROM cluster", [], |row| row.get(0))
}

/// All topics.
pub fn topics(connection: &Connection) -> rusqlite::Result<Vec<TopicRow>> {
    let mut select = connection.prepare("SELECT id, name, partitions, config FROM topic")?;
    let rows = select.query_map([], |row| {
        Ok(TopicRow {
            id: row.get(0)?,
            name: row.get(1)?,
            partitions: row.get(2)?,
            config: row.get(3)?,
        })
    })?;
    rows.collect()
}

/// The states of all partitions that have one, each with its topic and its number.
pub fn states(connection: &Connection) -> rusqlite::Result<Vec<((u32, i32), State)>> {
    let mut select = connection.prepare("SELECT * FROM partition")?;
    let rows = select.query_map([], |row| {
        let state = State {
            first: row.get(2)?,
            next: row.get(3)?,
            bytes: number(row, 4)?,
            dirty: number(row, 5)?,
        };
        Ok(((row.get(0)?, row.get(1)?), state))
    })?;
    rows.collect()
}

fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.cast_unsigned())
}

/// Adds a topic; returns its number.
pub fn add_topic(
    connection: &Connection,
    name: &str,
    partitions: i32,
    config: &str,
) -> rusqlite::Result<u32> {
    connection
        .prepare_cached(
            "INSERT INTO topic (name, partitions, config) VALUES (?1, ?2, ?3) RETURNING id",
        )?
        .query_row(params![name, partitions, config], |row| row.get(0))
}

/// Removes a topic, the states of its partitions and the positions in it, but not its chunks.
pub fn remove_topic(connection: &Connection, id: u32) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM topic WHERE id = ?1", [id])?;
    connection.execute("DELETE FROM partition WHERE topic = ?1", [id])?;
    connection.execute("DELETE FROM position WHERE topic = ?1", [id])?;
    Ok(())
}

/// Stores the state of a partition.
pub fn set_state(
    connection: &Connection,
    topic: u32,
    partition: i32,
    state: &State,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO partition VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![
            topic,
            partition,
            state.first,
            state.next,
            state.bytes.cast_signed(),
            state.dirty.cast_signed()
        ])?;
    Ok(())
}

/// Adds a chunk. One that is there already is an error.
pub fn add_chunk(connection: &Connection, key: ChunkKey, records: &[u8]) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO records (chunk) VALUES (?1)")?
        .execute([records])?;
    connection
        .prepare_cached("INSERT INTO chunk VALUES (?1, ?2, ?3, last_insert_rowid())")?
        .execute(params![key.topic, key.partition, key.base])?;
    Ok(())
}

/// Removes a chunk.
pub fn remove_chunk(connection: &Connection, key: ChunkKey) -> rusqlite::Result<()> {
    let records: Option<i64> = connection
        .prepare_cached(
            "DELETE FROM chunk WHERE topic = ?1 AND partition = ?2 AND base = ?3 RETURNING records",
        )?
        .query_row(params![key.topic, key.partition, key.base], |row| {
            row.get(0)
        })
        .optional()?;
    connection
        .prepare_cached("DELETE FROM records WHERE id = ?1")?
        .execute([records])?;
    Ok(())
}

/// The keys of the first chunks of a topic.
pub fn first_chunks(
    connection: &Connection,
    topic: u32,
    count: u32,
) -> rusqlite::Result<Vec<ChunkKey>> {
    let mut select = connection.prepare_cached(
        "SELECT partition, base FROM chunk WHERE topic = ?1 ORDER BY partition, base LIMIT ?2",
    )?;
    let rows = select.query_map([topic, count], |row| {
        Ok(ChunkKey {
            topic,
            partition: row.get(0)?,
            base: row.get(1)?,
        })
    })?;
    rows.collect()
}

/// The lowest number above `after` of a topic that has chunks.
pub fn topic_with_chunks(connection: &Connection, after: u32) -> rusqlite::Result<Option<u32>> {
    connection
        .prepare_cached("SELECT topic FROM chunk WHERE topic > ?1 ORDER BY topic LIMIT 1")?
        .query_row([after], |row| row.get(0))
        .optional()
}

/// The first chunk of a partition whose first offset is in `from..end`, with that offset.
pub fn chunk_from(
    connection: &Connection,
    (topic, partition): (u32, i32),
    from: i64,
    end: i64,
) -> rusqlite::Result<Option<(i64, Vec<u8>)>> {
    connection
        .prepare_cached(
            "SELECT base, records.chunk FROM chunk LEFT JOIN records ON id = chunk.records
             WHERE topic = ?1 AND partition = ?2 AND base >= ?3 AND base < ?4
             ORDER BY base LIMIT 1",
        )?
        .query_row(params![topic, partition, from, end], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()
}

/// Hands out the chunks of a partition below `end` in order, from the one in which `offset` may be, until `take` says
/// that it is enough or there are no more. All of them are of one moment. Says whether `take` had enough.
pub fn chunks_from(
    connection: &Connection,
    (topic, partition): (u32, i32),
    offset: i64,
    end: i64,
    mut take: impl FnMut(i64, &[u8]) -> bool,
) -> rusqlite::Result<bool> {
    let mut select = connection.prepare_cached(
        "SELECT base, records.chunk FROM chunk LEFT JOIN records ON id = chunk.records
         WHERE topic = ?1 AND partition = ?2 AND base < ?4 AND base >= coalesce((
             SELECT max(base) FROM chunk WHERE topic = ?1 AND partition = ?2 AND base <= ?3
         ), ?3)
         ORDER BY base",
    )?;
    let mut rows = select.query(params![topic, partition, offset, end])?;
    while let Some(row) = rows.next()? {
        if take(row.get(0)?, row.get_ref(1)?.as_blob()?) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The committed position of a group in a partition.
pub fn position(
    connection: &Connection,
    group: &str,
    topic: &str,
    partition: i32,
) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached(
            "SELECT next_offset FROM position
             WHERE consumer_group = ?1 AND topic = (SELECT id FROM topic WHERE name = ?2) AND partition = ?3",
        )?
        .query_row(params![group, topic, partition], |row| row.get(0))
        .optional()
}

/// The committed positions of a group: topic, partition, position.
pub fn positions(
    connection: &Connection,
    group: &str,
) -> rusqlite::Result<Vec<(String, i32, i64)>> {
    let mut select = connection.prepare_cached(
        "SELECT topic.name, position.partition, position.next_offset
         FROM position JOIN topic ON topic.id = position.topic
         WHERE consumer_group = ?1 ORDER BY 1, 2",
    )?;
    let rows = select.query_map([group], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

/// Stores the position of a group in a partition, unless the topic is gone.
pub fn set_position(
    connection: &Connection,
    group: &str,
    topic: &str,
    partition: i32,
    offset: i64,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO position SELECT ?1, id, ?3, ?4 FROM topic WHERE name = ?2",
        )?
        .execute(params![group, topic, partition, offset])?;
    Ok(())
}

/// Removes the position of a group in a partition.
pub fn remove_position(
    connection: &Connection,
    group: &str,
    topic: &str,
    partition: i32,
) -> rusqlite::Result<()> {
    connection.execute(
        "DELETE FROM position WHERE consumer_group = ?1 AND partition = ?3
         AND topic = (SELECT id FROM topic WHERE name = ?2)",
        (group, topic, partition),
    )?;
    Ok(())
}

/// Removes the positions of a group.
pub fn remove_positions(connection: &Connection, group: &str) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM position WHERE consumer_group = ?1", [group])?;
    Ok(())
}
