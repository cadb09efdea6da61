//! The log: its topics, on one store.
//!
//! Invariants: all of one `append` becomes durable together or not at all; a record is visible only after it
//! is durable as the sync policy says; offsets of a partition have no gaps except where compaction made them,
//! and are never used twice. One writer at a time, and readers who do not wait for it.
//!
//! Records are in [`super::records`], committed positions in [`super::positions`].

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tidegate_model::TopicName;

use super::group::Groups;
use super::maintenance::Bell;
use super::settings::{EmbeddedSettings, PARTITIONS_MAX, TopicSettings};
use super::store::tables::{self, TopicRow};
use super::store::{Store, damaged};
use super::topic::{State, Topic};
use crate::{BrokerError, NewTopic, Properties};

/// The most topics of an embedded log.
const TOPICS_MAX: usize = 10_000;
/// How many chunks of a deleted topic are removed in one step.
const REMOVED_AT_ONCE: u32 = 100;

/// The log of one folder.
pub struct Log {
    pub(super) settings: EmbeddedSettings,
    pub(super) folder: PathBuf,
    pub(super) groups: Mutex<Groups>,
    pub(super) bell: Arc<Bell>,
    /// Held by the one who compacts or removes old records.
    pub(super) maintaining: Mutex<()>,
    pub(super) store: Store,
    topics: RwLock<BTreeMap<TopicName, Arc<Topic>>>,
    cluster_id: String,
}

impl Log {
    /// Opens the log of a folder, which is created when it is not there.
    ///
    /// # Errors
    /// When another process uses it, or it cannot be read.
    pub fn open(folder: &Path, settings: EmbeddedSettings) -> Result<Self, BrokerError> {
        let store = Store::open(folder, &settings)?;
        Self::load(folder, settings, store).map_err(|error| match error {
            // Whoever starts the worker may know the whole path, other than a client of REST later.
            BrokerError::Damaged { file, found } => BrokerError::Damaged {
                file: folder.join(file),
                found,
            },
            other => other,
        })
    }

    fn load(folder: &Path, settings: EmbeddedSettings, store: Store) -> Result<Self, BrokerError> {
        let log = Self {
            bell: Arc::default(),
            maintaining: Mutex::default(),
            groups: Mutex::default(),
            folder: folder.to_owned(),
            topics: RwLock::new(load_topics(&store)?),
            cluster_id: store.read(tables::cluster_id)?,
            settings,
            store,
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
        let config = serde_json::to_string(&new.config)
            .map_err(|error| BrokerError::Internal(error.to_string()))?;
        let mut writer = self.store.write();
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
        let name = new.name.as_str();
        let id = writer
            .transaction(|connection| tables::add_topic(connection, name, partitions, &config))?;
        let name = new.name.clone();
        let topic = Topic::new(id, name, settings, partitions, |_| State::default());
        self.topics
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(new.name.clone(), Arc::clone(&topic));
        drop(writer);
        self.bell.written();
        self.groups().topics_changed(self);
        Ok(Some(topic))
    }

    /// Deletes a topic with its records and the positions in it; says whether it was there.
    ///
    /// # Errors
    /// When the store fails.
    pub fn delete_topic(&self, name: &TopicName) -> Result<bool, BrokerError> {
        let mut writer = self.store.write();
        let Some(topic) = self.topic(name) else {
            return Ok(false);
        };
        writer.transaction(|connection| tables::remove_topic(connection, topic.id))?;
        topic.deleted.store(true, Ordering::Release);
        self.topics
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(name);
        drop(writer);
        self.bell.written();
        self.groups().topics_changed(self);
        self.remove_chunks(topic.id)?;
        Ok(true)
    }

    /// Removes what was left of topics whose deletion did not come to its end.
    fn remove_orphans(&self) -> Result<(), BrokerError> {
        let known: Vec<u32> = self.topics().iter().map(|topic| topic.id).collect();
        let mut last = 0;
        let next = |last| {
            let read = |connection: &_| tables::topic_with_chunks(connection, last);
            self.store.read(read)
        };
        while let Some(topic) = next(last)? {
            if !known.contains(&topic) {
                self.remove_chunks(topic)?;
            }
            last = topic;
        }
        Ok(())
    }

    /// Removes all chunks of a topic that is no longer known. Others may write in between.
    fn remove_chunks(&self, topic: u32) -> Result<(), BrokerError> {
        loop {
            let removed = self.store.write().transaction(|connection| {
                let keys = tables::first_chunks(connection, topic, REMOVED_AT_ONCE)?;
                for key in &keys {
                    tables::remove_chunk(connection, *key)?;
                }
                Ok(keys.len())
            })?;
            if removed == 0 {
                return Ok(());
            }
        }
    }
}

fn load_topics(store: &Store) -> Result<BTreeMap<TopicName, Arc<Topic>>, BrokerError> {
    let stored = |connection: &_| Ok((tables::topics(connection)?, tables::states(connection)?));
    let (rows, states) = store.read(stored)?;
    let states: HashMap<(u32, i32), State> = states.into_iter().collect();
    let topics = rows.into_iter().map(|row| {
        let id = row.id;
        let state = |partition| states.get(&(id, partition)).copied().unwrap_or_default();
        let topic = load_topic(row, state)?;
        Ok((topic.name.clone(), topic))
    });
    topics.collect()
}

fn load_topic(row: TopicRow, state: impl Fn(i32) -> State) -> Result<Arc<Topic>, BrokerError> {
    let broken =
        |what: String| damaged(&format!("the topic {:?} does not parse: {what}", row.name));
    let name = TopicName::parse(&row.name).map_err(|error| broken(error.to_string()))?;
    let config: Properties =
        serde_json::from_str(&row.config).map_err(|error| broken(error.to_string()))?;
    let settings = TopicSettings::parse(&name, &config)?;
    Ok(Topic::new(row.id, name, settings, row.partitions, state))
}
