//! The states of connectors and tasks, and the topics that they use: a table that is read at once, and the status
//! topic that follows it.
//!
//! | key | value |
//! | --- | --- |
//! | `status-connector-<name>`, `status-task-<name>-<n>` | `{"state":…,"trace":…,"worker_id":…,"generation":…,"version":…}` |
//! | `status-topic-<topic>:connector-<name>` | `{"topic":{"name":…,"connector":…,"task":…,"discoverTimestamp":…}}` |
//!
//! Changes are written behind: several changes of one entry in a row become one record.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use tidegate_model::{ConnectorName, TaskId};
use tidegate_worker::topic_log::{Entry, LogRecord, TopicLog};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::info::StateName;

/// The states of connectors and tasks.
pub struct StatusBoard {
    table: Mutex<Table>,
    changed: Notify,
    /// Told when what was changed is written.
    settled: Notify,
    worker_id: String,
    /// Whether the topics that tasks use are kept.
    tracks_topics: bool,
    /// How often topics were forgotten.
    topic_resets: AtomicU64,
}

#[derive(Default)]
struct Table {
    known: BTreeMap<Subject, Known>,
    /// The topics that each connector uses.
    topics: BTreeMap<ConnectorName, BTreeMap<String, UsedTopic>>,
    dirty: BTreeSet<Subject>,
    /// Whether what was taken to be written is not written yet.
    writing: bool,
}

/// Who was the first to use a topic, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct UsedTopic {
    task: u32,
    /// In milliseconds since the epoch.
    discovered_ms: u64,
}

/// The most topics of a connector that are kept; further ones are not shown.
pub const CONNECTOR_TOPICS_MAX: usize = 10_000;

/// Whose state it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A connector's.
    Connector(ConnectorName),
    /// A task's.
    Task(TaskId),
    /// That of a topic which a connector uses.
    Topic(ConnectorName, String),
}

/// A state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The state.
    pub state: StateName,
    /// What failed.
    pub trace: Option<String>,
    /// The plugin's version.
    pub version: Option<String>,
    /// Counts the starts of what the state belongs to.
    pub generation: u64,
}

impl Table {
    fn is_settled(&self) -> bool {
        self.dirty.is_empty() && !self.writing
    }
}

impl StatusBoard {
    /// Makes an empty board, whose entries are of the worker `worker_id`.
    pub fn new(worker_id: String, tracks_topics: bool) -> Self {
        Self {
            table: Mutex::default(),
            changed: Notify::new(),
            settled: Notify::new(),
            worker_id,
            tracks_topics,
            topic_resets: AtomicU64::new(0),
        }
    }

    /// Takes in what the status topic has of the topics that these connectors use. Its other records are of earlier
    /// lives of the worker, and are replaced as things start.
    pub fn take_in(&self, record: LogRecord<'_>, connectors: &dyn Fn(&str) -> bool) {
        let Some((topic, name)) = record
            .key
            .and_then(topic_key)
            .filter(|_| self.tracks_topics)
        else {
            return;
        };
        if !connectors(name.as_str()) {
            return;
        }
        let mut table = self.lock();
        let topics = table.topics.entry(name).or_default();
        match record.value.and_then(used_topic) {
            Some(used) if topics.len() < CONNECTOR_TOPICS_MAX => {
                topics.insert(topic, used);
            }
            Some(_) => {}
            None => drop(topics.remove(&topic)),
        }
    }

    /// A task uses a topic.
    pub fn topic_used(&self, task: &TaskId, topic: &str) {
        if !self.tracks_topics {
            return;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
        let mut table = self.lock();
        let topics = table.topics.entry(task.connector.clone()).or_default();
        if topics.contains_key(topic) || topics.len() >= CONNECTOR_TOPICS_MAX {
            return;
        }
        let used = UsedTopic {
            task: task.task,
            discovered_ms: now,
        };
        topics.insert(topic.to_owned(), used);
        let subject = Subject::Topic(task.connector.clone(), topic.to_owned());
        table.dirty.insert(subject);
        drop(table);
        self.changed.notify_one();
    }

    /// The topics that a connector uses.
    pub fn topics(&self, connector: &ConnectorName) -> Vec<String> {
        let table = self.lock();
        let topics = table.topics.get(connector);
        topics
            .into_iter()
            .flatten()
            .map(|(topic, _)| topic.clone())
            .collect()
    }

    /// Forgets the topics that a connector used up to now.
    pub fn forget_topics(&self, connector: &ConnectorName) {
        let mut table = self.lock();
        let topics = table.topics.remove(connector).unwrap_or_default();
        let subjects = topics.into_keys();
        table
            .dirty
            .extend(subjects.map(|topic| Subject::Topic(connector.clone(), topic)));
        drop(table);
        self.topic_resets.fetch_add(1, Ordering::Release);
        self.changed.notify_one();
    }

    /// How often topics were forgotten.
    pub fn topic_resets(&self) -> u64 {
        self.topic_resets.load(Ordering::Acquire)
    }

    /// The worker's id, `host:port`.
    pub fn worker_id(&self) -> &str {
        &self.worker_id
    }

    /// Sets a state.
    pub fn set(&self, subject: Subject, known: Known) {
        let mut table = self.lock();
        table.dirty.insert(subject.clone());
        table.known.insert(subject, known);
        drop(table);
        self.changed.notify_one();
    }

    /// Changes a state that is there; one that was removed stays so.
    pub fn change(&self, subject: &Subject, change: impl FnOnce(&mut Known)) {
        let mut table = self.lock();
        if let Some(known) = table.known.get_mut(subject) {
            change(known);
            table.dirty.insert(subject.clone());
        }
        drop(table);
        self.changed.notify_one();
    }

    /// Removes a state; the status topic gets a tombstone.
    pub fn remove(&self, subject: Subject) {
        let mut table = self.lock();
        table.known.remove(&subject);
        table.dirty.insert(subject);
        drop(table);
        self.changed.notify_one();
    }

    /// A state.
    pub fn get(&self, subject: &Subject) -> Option<Known> {
        self.lock().known.get(subject).cloned()
    }

    /// Writes changes to the status topic until the process ends.
    pub async fn write_changes(self: Arc<Self>, log: TopicLog) {
        loop {
            self.changed.notified().await;
            self.write_dirty(&log).await;
        }
    }

    async fn write_dirty(&self, log: &TopicLog) {
        let entries = self.take_dirty();
        let count = entries.len();
        if let Err(error) = log.write(entries).await {
            tracing::warn!(%error, count, "States could not be written to the status topic; REST still tells them.");
        }
        self.lock().writing = false;
        self.settled.notify_waiters();
    }

    /// Waits until all that was changed is written, as long as `limit`.
    pub async fn settle(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        loop {
            // Asked for before looking, so that no end falls between.
            let settled = self.settled.notified();
            if self.lock().is_settled() || tokio::time::timeout_at(deadline, settled).await.is_err()
            {
                return;
            }
        }
    }

    fn take_dirty(&self) -> Vec<Entry> {
        let mut table = self.lock();
        let dirty = std::mem::take(&mut table.dirty);
        table.writing = true;
        let entry = |subject: Subject| {
            let value = match &subject {
                Subject::Topic(connector, topic) => {
                    let used = table
                        .topics
                        .get(connector)
                        .and_then(|topics| topics.get(topic));
                    used.map(|used| topic_value(connector, topic, *used))
                }
                _ => table.known.get(&subject).map(|known| self.value(known)),
            };
            (key(&subject).into_bytes(), value)
        };
        dirty.into_iter().map(entry).collect()
    }

    fn value(&self, known: &Known) -> Vec<u8> {
        json!({
            "state": known.state,
            "trace": known.trace,
            "worker_id": self.worker_id,
            "generation": known.generation,
            "version": known.version,
        })
        .to_string()
        .into_bytes()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(subject: &Subject) -> String {
    match subject {
        Subject::Connector(name) => format!("status-connector-{name}"),
        Subject::Task(task) => format!("status-task-{}-{}", task.connector, task.task),
        Subject::Topic(connector, topic) => {
            format!("{TOPIC_PREFIX}{topic}{CONNECTOR_INFIX}{connector}")
        }
    }
}

/// What the key of a topic's record begins with, and what stands between topic and connector; no topic's name has a
/// colon.
const TOPIC_PREFIX: &str = "status-topic-";
const CONNECTOR_INFIX: &str = ":connector-";

fn topic_key(key: &[u8]) -> Option<(String, ConnectorName)> {
    let key = std::str::from_utf8(key).ok()?.strip_prefix(TOPIC_PREFIX)?;
    let (topic, connector) = key.split_once(CONNECTOR_INFIX)?;
    Some((topic.to_owned(), ConnectorName::parse(connector).ok()?))
}

fn topic_value(connector: &ConnectorName, topic: &str, used: UsedTopic) -> Vec<u8> {
    json!({ "topic": {
        "name": topic,
        "connector": connector.as_str(),
        "task": used.task,
        "discoverTimestamp": used.discovered_ms,
    }})
    .to_string()
    .into_bytes()
}

fn used_topic(value: &[u8]) -> Option<UsedTopic> {
    let value: serde_json::Value = serde_json::from_slice(value).ok()?;
    let topic = value.get("topic")?;
    Some(UsedTopic {
        task: topic.get("task")?.as_u64()?.try_into().ok()?,
        discovered_ms: topic.get("discoverTimestamp")?.as_u64()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_written_once_in_kafka_connects_form() {
        let board = StatusBoard::new("127.0.0.1:8083".to_owned(), true);
        let name = ConnectorName::parse("c").unwrap();
        let known = Known {
            state: StateName::Running,
            trace: None,
            version: Some("1".to_owned()),
            generation: 2,
        };
        board.set(Subject::Connector(name.clone()), known.clone());
        board.set(
            Subject::Connector(name.clone()),
            Known {
                state: StateName::Paused,
                ..known
            },
        );
        let task = Subject::Task(TaskId {
            connector: name,
            task: 0,
        });
        board.remove(task.clone());
        board.change(&task, |_| unreachable!("a removed state stays removed"));
        let entries: Vec<_> = board
            .take_dirty()
            .into_iter()
            .map(|(key, value)| {
                (
                    String::from_utf8(key).unwrap(),
                    value.map(|value| String::from_utf8(value).unwrap()),
                )
            })
            .collect();
        let value = r#"{"state":"PAUSED","trace":null,"worker_id":"127.0.0.1:8083","generation":2,"version":"1"}"#;
        let wanted = [
            ("status-connector-c".to_owned(), Some(value.to_owned())),
            ("status-task-c-0".to_owned(), None),
        ];
        assert_eq!(entries, wanted);
        assert_eq!(board.take_dirty(), []);
    }

    #[test]
    fn topics_are_written_once_and_come_back() {
        let board = StatusBoard::new("w:1".to_owned(), true);
        let task = TaskId {
            connector: ConnectorName::parse("c:connector-x").unwrap(),
            task: 3,
        };
        board.topic_used(&task, "a");
        board.topic_used(&task, "a");
        let entries = board.take_dirty();
        let [(key, Some(value))] = entries.as_slice() else {
            panic!("{entries:?}");
        };
        assert_eq!(key, b"status-topic-a:connector-c:connector-x");
        let value_text = String::from_utf8_lossy(value);
        let begins =
            r#"{"topic":{"name":"a","connector":"c:connector-x","task":3,"discoverTimestamp":"#;
        assert!(value_text.starts_with(begins), "{value_text}");
        let again = StatusBoard::new("w:1".to_owned(), true);
        let record = |value| LogRecord {
            partition: 0,
            offset: 0,
            key: Some(key),
            value,
        };
        again.take_in(record(Some(value)), &|_| false);
        assert_eq!(again.topics(&task.connector), [""; 0]);
        again.take_in(record(Some(value)), &|_| true);
        assert_eq!(again.topics(&task.connector), ["a"]);
        board.forget_topics(&task.connector);
        assert_eq!(board.take_dirty(), [(key.clone(), None)]);
        assert_eq!(
            (board.topic_resets(), board.topics(&task.connector).len()),
            (1, 0)
        );
        again.take_in(record(None), &|_| true);
        assert_eq!(again.topics(&task.connector), [""; 0]);
    }
}
