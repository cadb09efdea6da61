//! The log: topics, partitions and committed positions on one store.
//!
//! Invariants: all of one `append` becomes durable together or not at all; a record is visible only after it
//! is durable as the sync policy says; offsets of a partition have no gaps except where compaction made them,
//! and are never used twice. One writer at a time, any number of readers, who never wait for it.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, TryLockError};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use fjall::config::CompressionPolicy;
use fjall::{
    CompressionType, Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode,
    Readable,
};
use tidegate_model::{Batch, TopicName, TopicPartition};

use super::chunk::{Broken, Cursor};
use super::group::Groups;
use super::journal::cut_torn_tail;
use super::keys;
use super::maintenance::Bell;
use super::settings::{EmbeddedSettings, PARTITIONS_MAX, SyncPolicy, TopicSettings};
use super::topic::{State, Topic, TopicRecord};
use crate::{BrokerError, NewTopic};

/// The format of what is stored.
const FORMAT: u32 = 1;
/// The most topics of an embedded log.
const TOPICS_MAX: usize = 10_000;
/// How many chunks are removed in one step.
const REMOVED_AT_ONCE: usize = 1000;
/// What the store may keep of its files in memory.
const CACHE_BYTES: u64 = 8 * 1024 * 1024;

/// The log of one folder.
pub struct Log {
    pub(super) settings: EmbeddedSettings,
    pub(super) folder: PathBuf,
    pub(super) groups: Mutex<Groups>,
    pub(super) bell: Arc<Bell>,
    /// Held by the one who compacts or removes old records.
    pub(super) maintaining: Mutex<()>,
    topics: RwLock<BTreeMap<TopicName, Arc<Topic>>>,
    records: Keyspace,
    meta: Keyspace,
    writer: Mutex<Writer>,
    cluster_id: String,
    db: Database,
    /// Held as long as the log is open. Last, so that it is given back last.
    _lock: File,
}

/// What only the one who writes may touch.
pub struct Writer {
    next_topic_id: u32,
}

/// A chunk to be written.
pub struct Append {
    /// The topic.
    pub topic: Arc<Topic>,
    /// The partition.
    pub partition: i32,
    /// How many records.
    pub count: u32,
    /// The encoded chunk.
    pub chunk: Vec<u8>,
}

/// Where one who reads a partition is.
#[derive(Debug, Clone, Default)]
pub struct Position {
    /// The offset of the next record.
    pub offset: i64,
    /// The chunk that it is in, when one is open.
    pub cursor: Option<Cursor>,
}

impl From<fjall::Error> for BrokerError {
    fn from(error: fjall::Error) -> Self {
        Self::Storage(format!("{error:?}"))
    }
}

impl From<Broken> for BrokerError {
    fn from(error: Broken) -> Self {
        Self::Storage(error.to_string())
    }
}

impl Log {
    /// Opens the log of a folder, which is created when it is not there.
    ///
    /// # Errors
    /// When another process uses it, or it cannot be read.
    pub fn open(folder: &Path, settings: EmbeddedSettings) -> Result<Self, BrokerError> {
        let failed = |error: std::io::Error| {
            BrokerError::Storage(format!("{} cannot be used: {error}", folder.display()))
        };
        fs::create_dir_all(folder).map_err(failed)?;
        let lock = lock(folder)?;
        if let Some(torn) = cut_torn_tail(folder).map_err(failed)? {
            tracing::warn!(
                folder = %folder.display(),
                bytes_cut = torn.cut,
                kept = %torn.kept.display(),
                "the log ended in a write that was not complete, as after a power failure; it was cut off"
            );
        }
        let db = Database::builder(folder)
            .journal_compression(CompressionType::None)
            .worker_threads(1)
            .cache_size(CACHE_BYTES)
            .max_journaling_size((4 * settings.memory_bytes).max(64 * 1024 * 1024))
            .open()
            .map_err(|error| match error {
                fjall::Error::Locked => BrokerError::Locked(folder.to_owned()),
                error => BrokerError::Storage(format!(
                    "{} cannot be opened: {error:?}",
                    folder.display()
                )),
            })?;
        let memory = settings.memory_bytes;
        let records = db.keyspace("records", || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(memory)
                .data_block_compression_policy(CompressionPolicy::disabled())
        })?;
        let meta = db.keyspace("meta", || {
            KeyspaceCreateOptions::default().max_memtable_size(1024 * 1024)
        })?;
        check_format(folder, &meta)?;
        let cluster_id = cluster_id(&meta)?;
        let topics = load_topics(&meta)?;
        let next_topic_id = topics.values().map(|topic| topic.id + 1).max().unwrap_or(1);
        let stored = meta.get(b"n")?.and_then(|id| keys::topic_of(&id));
        let log = Self {
            bell: Arc::default(),
            maintaining: Mutex::default(),
            groups: Mutex::default(),
            folder: folder.to_owned(),
            writer: Mutex::new(Writer {
                next_topic_id: stored.map_or(next_topic_id, |stored| stored.max(next_topic_id)),
            }),
            topics: RwLock::new(topics),
            settings,
            records,
            meta,
            cluster_id,
            db,
            _lock: lock,
        };
        log.remove_orphans()?;
        Ok(log)
    }

    /// The cluster's id.
    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    /// A topic by its name.
    pub fn topic(&self, name: &TopicName) -> Option<Arc<Topic>> {
        self.topics
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned()
    }

    /// All topics, by name.
    pub fn topics(&self) -> Vec<Arc<Topic>> {
        let topics = self.topics.read().unwrap_or_else(PoisonError::into_inner);
        topics.values().cloned().collect()
    }

    /// The groups and their members.
    pub fn groups(&self) -> MutexGuard<'_, Groups> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Becomes the one who writes.
    pub fn write(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Creates a topic; `None` when there is one of that name.
    ///
    /// # Errors
    /// When Kafka would refuse it.
    pub fn create_topic(&self, new: &NewTopic) -> Result<Option<Arc<Topic>>, BrokerError> {
        let refuse = |reason: String| BrokerError::TopicConfig {
            topic: new.name.as_str().to_owned(),
            reason,
        };
        let settings = TopicSettings::parse(&new.name, &new.config)?;
        let partitions = match new.partitions {
            -1 => self.settings.partitions,
            count if (1..=PARTITIONS_MAX).contains(&count) => count,
            count => {
                return Err(refuse(format!(
                    "{count} partitions were asked for; 1 to {PARTITIONS_MAX} are allowed"
                )));
            }
        };
        match new.replication_factor {
            -1 | 1 => {}
            2.. => tracing::warn!(
                topic = new.name.as_str(),
                replication_factor = new.replication_factor,
                "the embedded log keeps one copy"
            ),
            _ => {
                return Err(refuse(
                    "the replication factor must be 1 or more".to_owned(),
                ));
            }
        }
        let mut writer = self.write();
        if self.topic(&new.name).is_some() {
            return Ok(None);
        }
        let topics = self.topics();
        if topics.len() >= TOPICS_MAX {
            return Err(refuse(format!("there are {TOPICS_MAX} topics already")));
        }
        let alike = new.name.as_str().replace('.', "_");
        let collides = |topic: &&Arc<Topic>| topic.name.as_str().replace('.', "_") == alike;
        if let Some(other) = topics.iter().find(collides) {
            return Err(refuse(format!(
                "its name collides with that of the topic {}, since '.' and '_' count as the same",
                other.name
            )));
        }
        let record = TopicRecord {
            id: writer.next_topic_id,
            partitions,
            config: new.config.clone(),
        };
        let json = serde_json::to_vec(&record)
            .map_err(|error| BrokerError::Internal(error.to_string()))?;
        let mut batch = self.batch();
        batch.insert(&self.meta, keys::topic(&new.name), json);
        batch.insert(&self.meta, b"n".as_slice(), (record.id + 1).to_be_bytes());
        self.commit(batch)?;
        writer.next_topic_id = record.id + 1;
        let topic = Topic::new(new.name.clone(), &record, settings, |_| State::default());
        self.topics
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(new.name.clone(), Arc::clone(&topic));
        drop(writer);
        self.groups().topics_changed(self);
        Ok(Some(topic))
    }

    /// Deletes a topic with its records and the positions in it; says whether it was there.
    ///
    /// # Errors
    /// When the store fails.
    pub fn delete_topic(&self, name: &TopicName) -> Result<bool, BrokerError> {
        let writer = self.write();
        let Some(topic) = self.topic(name) else {
            return Ok(false);
        };
        let mut batch = self.batch();
        batch.remove(&self.meta, keys::topic(name));
        for partition in 0..topic.count() {
            batch.remove(&self.meta, keys::state(topic.id, partition));
        }
        for entry in self.meta.prefix(keys::GROUPS) {
            let key = entry.key()?;
            if keys::topic_of_position(&key) == Some(name.as_str().as_bytes()) {
                batch.remove(&self.meta, key);
            }
        }
        self.commit(batch)?;
        topic.deleted.store(true, Ordering::Release);
        self.topics
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(name);
        drop(writer);
        self.groups().topics_changed(self);
        self.remove_chunks(topic.id)?;
        Ok(true)
    }

    /// Writes chunks, all or none, and makes them visible. Returns the first offset of each.
    ///
    /// # Errors
    /// When the store fails, or a topic was deleted.
    pub fn append(&self, appends: Vec<Append>) -> Result<Vec<i64>, BrokerError> {
        let writer = self.write();
        let mut batch = OwnedWriteBatch::with_capacity(self.db.clone(), appends.len() * 2)
            .durability(Some(self.durability()));
        let mut states: HashMap<(u32, i32), (Arc<Topic>, State)> = HashMap::new();
        let mut bases = Vec::with_capacity(appends.len());
        for Append {
            topic,
            partition: number,
            count,
            chunk,
        } in appends
        {
            let partition = topic.partition(number).filter(|_| !topic.is_deleted());
            let partition = partition.ok_or_else(|| BrokerError::unknown(&topic.name))?;
            let (_, state) = states
                .entry((topic.id, number))
                .or_insert_with(|| (Arc::clone(&topic), partition.state()));
            bases.push(state.next);
            let key = keys::chunk(topic.id, number, state.next);
            state.next += i64::from(count);
            state.bytes += chunk.len() as u64;
            state.dirty += chunk.len() as u64;
            batch.insert(&self.records, key, chunk);
        }
        for ((topic, partition), (_, state)) in &states {
            batch.insert(&self.meta, keys::state(*topic, *partition), state.encode());
        }
        self.commit(batch)?;
        for ((_, number), (topic, state)) in &states {
            if let Some(partition) = topic.partition(*number) {
                partition.set(*state);
            }
        }
        drop(writer);
        for ((_, number), (topic, _)) in &states {
            if let Some(partition) = topic.partition(*number) {
                partition.raise();
            }
        }
        self.bell.written();
        Ok(bases)
    }

    /// Replaces chunks of a partition, as compaction and retention do. The caller is the one who writes.
    ///
    /// # Errors
    /// When the store fails.
    pub fn replace(
        &self,
        _writer: &Writer,
        topic: &Topic,
        number: i32,
        removed: &[i64],
        added: &[(i64, Vec<u8>)],
        state: State,
    ) -> Result<(), BrokerError> {
        let mut batch = self.batch();
        for offset in removed {
            batch.remove(&self.records, keys::chunk(topic.id, number, *offset));
        }
        for (offset, chunk) in added {
            batch.insert(
                &self.records,
                keys::chunk(topic.id, number, *offset),
                chunk.as_slice(),
            );
        }
        batch.insert(&self.meta, keys::state(topic.id, number), state.encode());
        self.commit(batch)?;
        if let Some(partition) = topic.partition(number) {
            partition.set(state);
        }
        self.bell.written();
        Ok(())
    }

    /// Appends records from a position on to a batch, as topic number `index` of it; returns how many and their bytes.
    ///
    /// # Errors
    /// When the store fails.
    pub fn read(
        &self,
        topic: &Topic,
        number: i32,
        position: &mut Position,
        batch: &mut Batch,
        index: u32,
        (records_max, bytes_max): (usize, usize),
    ) -> Result<(usize, usize), BrokerError> {
        let (mut records, mut bytes) = (0, 0);
        let Some(partition) = topic.partition(number) else {
            return Ok((0, 0));
        };
        let end = partition.next();
        while records < records_max && bytes < bytes_max {
            if position.cursor.is_none() {
                if position.offset >= end || topic.is_deleted() {
                    break;
                }
                position.cursor = self.find(topic.id, number, position.offset, end)?;
            }
            let Some(cursor) = position.cursor.as_mut() else {
                position.offset = end;
                break;
            };
            let (taken, size, next) = cursor.take(
                batch,
                index,
                number,
                records_max - records,
                bytes_max - bytes,
            )?;
            position.offset = next;
            records += taken;
            bytes += size;
            if cursor.is_done() {
                position.cursor = None;
            }
        }
        Ok((records, bytes))
    }

    /// The chunk in which `offset` is, or the next one, opened there; `None` when there is none before `end`.
    fn find(
        &self,
        topic: u32,
        partition: i32,
        offset: i64,
        end: i64,
    ) -> Result<Option<Cursor>, BrokerError> {
        let here = keys::chunk(topic, partition, offset);
        let open = |entry: fjall::Guard| -> Result<Cursor, BrokerError> {
            let (key, chunk) = entry.into_inner()?;
            let base = keys::offset_of(&key).ok_or(Broken)?;
            Ok(Cursor::open(base, chunk)?)
        };
        if let Some(chunk) = self.records.get(here)? {
            return Ok(Some(Cursor::open(offset, chunk)?));
        }
        // One view for both looks, since compaction may move records from behind to before.
        let view = self.db.snapshot();
        let start = keys::chunk(topic, partition, 0);
        if let Some(entry) = view.range(&self.records, start..here).next_back() {
            let mut cursor = open(entry)?;
            if cursor.end() > offset {
                cursor.skip_to(offset)?;
                if !cursor.is_done() {
                    return Ok(Some(cursor));
                }
            }
        }
        let limit = keys::chunk(topic, partition, end);
        let next = view.range(&self.records, here..limit).next();
        next.map(open).transpose()
    }

    /// The chunks of a partition below `end`, in order, each with its first offset and its bytes.
    pub fn chunks(
        &self,
        topic: u32,
        partition: i32,
        end: i64,
    ) -> impl Iterator<Item = Result<(i64, fjall::UserValue), BrokerError>> {
        let range = keys::chunk(topic, partition, 0)..keys::chunk(topic, partition, end);
        self.records.range(range).map(|entry| {
            let (key, chunk) = entry.into_inner()?;
            Ok((keys::offset_of(&key).ok_or(Broken)?, chunk))
        })
    }

    /// The committed position of a group in a partition.
    ///
    /// # Errors
    /// When the store fails.
    pub fn committed(
        &self,
        group: &str,
        partition: &TopicPartition,
    ) -> Result<Option<i64>, BrokerError> {
        let value = self.meta.get(keys::position(group, partition))?;
        Ok(value.and_then(|value| keys::offset_of(&value)))
    }

    /// All committed positions of a group.
    ///
    /// # Errors
    /// When the store fails.
    pub fn all_committed(&self, group: &str) -> Result<Vec<(TopicPartition, i64)>, BrokerError> {
        let prefix = keys::group(group);
        let mut positions = Vec::new();
        for entry in self.meta.prefix(&prefix) {
            let (key, value) = entry.into_inner()?;
            let rest = key.get(prefix.len()..).unwrap_or_default();
            positions.extend(keys::partition_of(rest).zip(keys::offset_of(&value)));
        }
        Ok(positions)
    }

    /// Commits positions of a group, all or none.
    ///
    /// # Errors
    /// When the store fails.
    pub fn commit_positions(
        &self,
        group: &str,
        positions: &[(TopicPartition, i64)],
    ) -> Result<(), BrokerError> {
        let mut batch = self.batch();
        for (partition, offset) in positions {
            batch.insert(
                &self.meta,
                keys::position(group, partition),
                offset.to_be_bytes(),
            );
        }
        self.commit(batch)?;
        self.bell.written();
        Ok(())
    }

    /// Forgets all positions of a group.
    ///
    /// # Errors
    /// When the store fails.
    pub fn forget_group(&self, group: &str) -> Result<(), BrokerError> {
        let mut batch = self.batch();
        for entry in self.meta.prefix(keys::group(group)) {
            batch.remove(&self.meta, entry.key()?);
        }
        self.commit(batch)
    }

    /// Brings all that was written to the disk.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn sync(&self) -> Result<(), BrokerError> {
        Ok(self.db.persist(PersistMode::SyncData)?)
    }

    fn durability(&self) -> PersistMode {
        match self.settings.sync {
            SyncPolicy::Always => PersistMode::SyncData,
            SyncPolicy::Interval => PersistMode::Buffer,
        }
    }

    fn batch(&self) -> OwnedWriteBatch {
        self.db.batch().durability(Some(self.durability()))
    }

    fn commit(&self, batch: OwnedWriteBatch) -> Result<(), BrokerError> {
        Ok(batch.commit()?)
    }

    /// Removes what was left of topics whose deletion did not come to its end.
    fn remove_orphans(&self) -> Result<(), BrokerError> {
        let known: Vec<u32> = self.topics().iter().map(|topic| topic.id).collect();
        let mut from = keys::chunk(0, 0, 0);
        loop {
            let Some(entry) = self.records.range(from..).next() else {
                return Ok(());
            };
            let id = keys::topic_of(&entry.key()?).ok_or(Broken)?;
            if !known.contains(&id) {
                self.remove_chunks(id)?;
            }
            let Some(next) = id.checked_add(1) else {
                return Ok(());
            };
            from = keys::chunk(next, 0, 0);
        }
    }

    /// Removes all chunks of a topic that is no longer known.
    fn remove_chunks(&self, topic: u32) -> Result<(), BrokerError> {
        loop {
            let mut batch = self.batch();
            for entry in self
                .records
                .prefix(topic.to_be_bytes())
                .take(REMOVED_AT_ONCE)
            {
                batch.remove(&self.records, entry.key()?);
            }
            if batch.is_empty() {
                return Ok(());
            }
            self.commit(batch)?;
        }
    }
}

/// Makes sure that nobody else uses the folder.
fn lock(folder: &Path) -> Result<File, BrokerError> {
    let path = folder.join("tidegate.lock");
    let failed = |error: std::io::Error| {
        BrokerError::Storage(format!("{} cannot be used: {error}", path.display()))
    };
    let file = File::create(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(BrokerError::Locked(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn check_format(folder: &Path, meta: &Keyspace) -> Result<(), BrokerError> {
    match meta.get(keys::FORMAT)? {
        None => meta.insert(keys::FORMAT, FORMAT.to_be_bytes())?,
        Some(found) => {
            let found = keys::topic_of(&found).unwrap_or(0);
            if found != FORMAT {
                return Err(BrokerError::Format {
                    folder: folder.to_owned(),
                    found,
                    wanted: FORMAT,
                });
            }
        }
    }
    Ok(())
}

/// The stored cluster id, or a new one: 22 characters, as Kafka's.
fn cluster_id(meta: &Keyspace) -> Result<String, BrokerError> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    if let Some(id) = meta.get(keys::CLUSTER_ID)? {
        return Ok(String::from_utf8_lossy(&id).into_owned());
    }
    let letter = |_| {
        let random = RandomState::new().build_hasher().finish();
        let index = usize::try_from(random % 64).unwrap_or(0);
        char::from(LETTERS.get(index).copied().unwrap_or(b'A'))
    };
    let id: String = std::iter::once('T').chain((0..21).map(letter)).collect();
    meta.insert(keys::CLUSTER_ID, id.as_str())?;
    Ok(id)
}

fn load_topics(meta: &Keyspace) -> Result<BTreeMap<TopicName, Arc<Topic>>, BrokerError> {
    let mut topics = BTreeMap::new();
    let broken = |what: String| BrokerError::Storage(format!("a topic does not parse: {what}"));
    for entry in meta.prefix(keys::TOPICS) {
        let (key, json) = entry.into_inner()?;
        let name = key.get(keys::TOPICS.len()..).unwrap_or_default();
        let name = TopicName::parse(&String::from_utf8_lossy(name))
            .map_err(|error| broken(error.to_string()))?;
        let record: TopicRecord =
            serde_json::from_slice(&json).map_err(|error| broken(error.to_string()))?;
        let settings = TopicSettings::parse(&name, &record.config)?;
        let mut states = HashMap::new();
        for partition in 0..record.partitions {
            if let Some(state) = meta.get(keys::state(record.id, partition))? {
                states.insert(partition, State::decode(&state).ok_or(Broken)?);
            }
        }
        let topic = Topic::new(name.clone(), &record, settings, |partition| {
            states.get(&partition).copied().unwrap_or_default()
        });
        topics.insert(name, topic);
    }
    Ok(topics)
}
