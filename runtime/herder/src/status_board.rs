//! The states of connectors and tasks: a table that is read at once, and the status topic that follows it.
//!
//! Changes are written behind: several changes of one entry in a row become one record.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;
use tidegate_model::{ConnectorName, TaskId};
use tidegate_worker::topic_log::{Entry, TopicLog};
use tokio::sync::Notify;

use crate::info::StateName;

/// The states of connectors and tasks.
pub struct StatusBoard {
    table: Mutex<Table>,
    changed: Notify,
    worker_id: String,
}

#[derive(Default)]
struct Table {
    known: BTreeMap<Subject, Known>,
    dirty: BTreeSet<Subject>,
}

/// Whose state it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A connector's.
    Connector(ConnectorName),
    /// A task's.
    Task(TaskId),
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

impl StatusBoard {
    /// Makes an empty board, whose entries are of the worker `worker_id`.
    pub fn new(worker_id: String) -> Self {
        Self {
            table: Mutex::default(),
            changed: Notify::new(),
            worker_id,
        }
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
    }

    fn take_dirty(&self) -> Vec<Entry> {
        let mut table = self.lock();
        let dirty = std::mem::take(&mut table.dirty);
        let entry = |subject: Subject| {
            let value = table.known.get(&subject).map(|known| self.value(known));
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_written_once_in_kafka_connects_form() {
        let board = StatusBoard::new("127.0.0.1:8083".to_owned());
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
}
