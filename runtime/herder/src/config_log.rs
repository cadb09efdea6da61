//! The config topic: one partition, compacted, with Kafka Connect's keys and formats.
//!
//! | key | value |
//! | --- | --- |
//! | `connector-<name>` | `{"properties":{…}}`; null: deleted |
//! | `target-state-<name>` | `{"state":"PAUSED","state.v2":"STOPPED"}`; null: deleted |
//! | `task-<name>-<n>` | `{"properties":{…}}` |
//! | `commit-<name>` | `{"tasks":N}`: the task configurations before it are complete |
//! | `tidegate-origin-<name>` | `{"origin":"command-line"}`: granted as the operator's own; null: under the policy for REST |
//! | `logger-cluster-<logger>` | `{"level":"WARN"}`: for the workers that run when it is written |
//!
//! Keys of other kinds (session keys, fencing, restarts) are Kafka Connect's own; they are left alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tidegate_broker::{Broker, Producer};
use tidegate_config::Properties;
use tidegate_config::worker::StorageTopic;
use tidegate_model::ConnectorName;
use tidegate_worker::topic_log::{Entry, LogRecord, TopicLog};
use tidegate_worker::{TargetState, WorkerError};

/// The config topic, open for writing.
pub struct ConfigLog(TopicLog);

/// A connector as the config topic has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredConnector {
    /// Its configuration; none when only other records of it are left.
    pub properties: Option<Properties>,
    /// What it should do.
    pub target: Option<TargetState>,
    /// The configurations of its tasks, as far as they are complete.
    pub tasks: Vec<Properties>,
    /// Whether the operator gave it on the command line.
    pub from_command_line: bool,
    /// Task configurations that no commit record followed yet.
    pending: BTreeMap<usize, Properties>,
}

/// All connectors of the config topic, by name.
pub type Stored = BTreeMap<String, StoredConnector>;

impl ConfigLog {
    /// Opens the config topic and reads it to its end. Blocks.
    ///
    /// # Errors
    /// When the broker refuses or is away, the topic has more than one partition, or holds something else.
    pub fn open(
        broker: &dyn Broker,
        producer: &Arc<dyn Producer>,
        storage: &StorageTopic,
    ) -> Result<(Self, Stored), WorkerError> {
        let mut stored = Stored::new();
        let log = TopicLog::open_ordered(broker, producer, storage, |record| {
            apply(&mut stored, record)
        })?;
        stored.retain(|_, connector| connector.properties.is_some());
        Ok((Self(log), stored))
    }

    /// Writes a connector's configuration, where it came from and, when it is given, its target state. Records
    /// become durable one after another: an origin that grants comes last, and one that takes away comes first,
    /// so that a write that breaks off never leaves a client's configuration with the operator's grants.
    pub async fn put_connector(
        &self,
        name: &ConnectorName,
        properties: &Properties,
        from_command_line: bool,
        target: Option<TargetState>,
    ) -> Result<(), WorkerError> {
        let origin = format!("tidegate-origin-{name}");
        let mut entries: Vec<Entry> = Vec::new();
        if !from_command_line {
            entries.push((origin.clone().into_bytes(), None));
        }
        entries.extend(target.map(|target| target_entry(name, target)));
        entries.push(entry(
            format!("connector-{name}"),
            &json!({ "properties": properties }),
        ));
        if from_command_line {
            entries.push(entry(origin, &json!({ "origin": "command-line" })));
        }
        self.0.write(entries).await
    }

    /// Writes the configurations of a connector's tasks, and that they are complete.
    pub async fn put_tasks(
        &self,
        name: &ConnectorName,
        tasks: &[Properties],
    ) -> Result<(), WorkerError> {
        let mut entries: Vec<Entry> = tasks
            .iter()
            .enumerate()
            .map(|(task, properties)| {
                entry(
                    format!("task-{name}-{task}"),
                    &json!({ "properties": properties }),
                )
            })
            .collect();
        entries.push(commit_entry(name, tasks.len()));
        self.0.write(entries).await
    }

    /// Writes what a connector should do. One that is stopped has no tasks any more.
    pub async fn put_target(
        &self,
        name: &ConnectorName,
        target: TargetState,
    ) -> Result<(), WorkerError> {
        let mut entries = Vec::new();
        if target == TargetState::Stopped {
            entries.push(commit_entry(name, 0));
        }
        entries.push(target_entry(name, target));
        self.0.write(entries).await
    }

    /// Writes the level of a logger for all workers that run now (KIP-976). It does not outlast them.
    pub async fn put_logger(&self, logger: &str, level: &str) -> Result<(), WorkerError> {
        let key = format!("logger-cluster-{logger}");
        self.0
            .write(vec![entry(key, &json!({ "level": level }))])
            .await
    }

    /// Deletes a connector: tombstones for its origin, and for its configuration and target state, as Kafka
    /// Connect writes them.
    pub async fn delete(&self, name: &ConnectorName) -> Result<(), WorkerError> {
        let tombstone = |key: String| (key.into_bytes(), None);
        self.0
            .write(vec![
                tombstone(format!("tidegate-origin-{name}")),
                tombstone(format!("connector-{name}")),
                tombstone(format!("target-state-{name}")),
            ])
            .await
    }
}

fn commit_entry(name: &ConnectorName, tasks: usize) -> Entry {
    entry(format!("commit-{name}"), &json!({ "tasks": tasks }))
}

fn entry(key: String, value: &Value) -> Entry {
    (key.into_bytes(), Some(value.to_string().into_bytes()))
}

/// `state` is for workers before KIP-875, which do not know STOPPED and take it for PAUSED.
fn target_entry(name: &ConnectorName, target: TargetState) -> Entry {
    let (state, state_v2) = match target {
        TargetState::Running => ("STARTED", "STARTED"),
        TargetState::Paused => ("PAUSED", "PAUSED"),
        TargetState::Stopped => ("PAUSED", "STOPPED"),
    };
    entry(
        format!("target-state-{name}"),
        &json!({ "state": state, "state.v2": state_v2 }),
    )
}

fn apply(stored: &mut Stored, record: LogRecord<'_>) -> Result<(), String> {
    let key = record.key.ok_or("the key is null")?;
    let key = std::str::from_utf8(key).map_err(|_| "the key is not valid UTF-8")?;
    if let Some(name) = key.strip_prefix("connector-") {
        match record.value {
            None => drop(stored.remove(name)),
            Some(value) => {
                stored.entry(name.to_owned()).or_default().properties = Some(properties(value)?);
            }
        }
    } else if let Some(name) = key.strip_prefix("tidegate-origin-") {
        let origin = record.value.map(object).transpose()?;
        let from_command_line = origin.is_some_and(|origin| {
            origin
                .get("origin")
                .is_some_and(|origin| origin == "command-line")
        });
        if from_command_line || stored.contains_key(name) {
            stored.entry(name.to_owned()).or_default().from_command_line = from_command_line;
        }
    } else if let Some(name) = key.strip_prefix("target-state-") {
        let target = record.value.map(target).transpose()?;
        if target.is_some() || stored.contains_key(name) {
            stored.entry(name.to_owned()).or_default().target = target;
        }
    } else if let Some((name, task)) = key
        .strip_prefix("task-")
        .and_then(|rest| rest.rsplit_once('-'))
    {
        let (Ok(task), Some(value)) = (task.parse(), record.value) else {
            return Ok(());
        };
        let connector = stored.entry(name.to_owned()).or_default();
        connector.pending.insert(task, properties(value)?);
    } else if let Some(name) = key.strip_prefix("commit-") {
        let Some(value) = record.value else {
            return Ok(());
        };
        let tasks = object(value)?
            .get("tasks")
            .and_then(Value::as_u64)
            .ok_or("\"tasks\" is missing")?;
        let connector = stored.entry(name.to_owned()).or_default();
        let pending = std::mem::take(&mut connector.pending);
        let mut known: BTreeMap<usize, Properties> = std::mem::take(&mut connector.tasks)
            .into_iter()
            .enumerate()
            .collect();
        known.extend(pending);
        connector.tasks = (0..usize::try_from(tasks).unwrap_or(0))
            .map_while(|task| known.remove(&task))
            .collect();
    }
    Ok(())
}

fn object(value: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(value).map_err(|error| format!("the value is not JSON: {error}"))
}

fn properties(value: &[u8]) -> Result<Properties, String> {
    let value = object(value)?;
    let properties = value
        .get("properties")
        .and_then(Value::as_object)
        .ok_or("\"properties\" is missing")?;
    let text = |(key, value): (&String, &Value)| match value {
        Value::String(text) => Some((key.clone(), text.clone())),
        Value::Null => None,
        other => Some((key.clone(), other.to_string())),
    };
    Ok(properties.iter().filter_map(text).collect())
}

fn target(value: &[u8]) -> Result<TargetState, String> {
    let value = object(value)?;
    let state = value
        .get("state.v2")
        .or_else(|| value.get("state"))
        .and_then(Value::as_str);
    match state {
        Some("STARTED") => Ok(TargetState::Running),
        Some("PAUSED") => Ok(TargetState::Paused),
        Some("STOPPED") => Ok(TargetState::Stopped),
        other => Err(format!(
            "the target state is {other:?}; STARTED, PAUSED or STOPPED was wanted"
        )),
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;
    use tidegate_broker::{EmbeddedBroker, EmbeddedSettings, NewTopic};
    use tidegate_model::TopicName;
    use tidegate_test_fakes::{FakeProducer, Fate};

    use super::*;

    fn read(records: &[(&str, Option<&str>)]) -> Result<Stored, String> {
        let mut stored = Stored::new();
        for (offset, (key, value)) in (0..).zip(records) {
            let (key, value) = (Some(key.as_bytes()), value.map(str::as_bytes));
            apply(
                &mut stored,
                LogRecord {
                    partition: 0,
                    offset,
                    key,
                    value,
                },
            )?;
        }
        Ok(stored)
    }

    #[test]
    fn a_connector_is_read_as_kafka_connect_wrote_it() {
        let stored = read(&[
            (
                "target-state-a b/ü",
                Some(r#"{"state":"PAUSED","state.v2":"STOPPED"}"#),
            ),
            (
                "connector-a b/ü",
                Some(r#"{"properties":{"connector.class":"FileStreamSource","name":"a b/ü"}}"#),
            ),
            ("task-a b/ü-0", Some(r#"{"properties":{"file":"x"}}"#)),
            ("commit-a b/ü", Some(r#"{"tasks":1}"#)),
            (
                "task-a b/ü-0",
                Some(r#"{"properties":{"file":"not committed"}}"#),
            ),
            ("session-key", Some(r#"{"key":"…"}"#)),
        ]);
        let stored = stored.unwrap();
        let connector = &stored["a b/ü"];
        assert_eq!(connector.target, Some(TargetState::Stopped));
        assert_eq!(
            connector.properties.as_ref().unwrap()["connector.class"],
            "FileStreamSource"
        );
        assert_eq!(connector.tasks[0]["file"], "x");
        assert_eq!(stored.len(), 1);
    }

    #[test]
    fn only_the_command_line_makes_an_operators_connector() {
        let config = ("connector-a", Some(r#"{"properties":{}}"#));
        let origin = ("tidegate-origin-a", Some(r#"{"origin":"command-line"}"#));
        assert!(read(&[origin, config]).unwrap()["a"].from_command_line);
        assert!(!read(&[config]).unwrap()["a"].from_command_line);
        let other = ("tidegate-origin-a", Some(r#"{"origin":"elsewhere"}"#));
        assert!(!read(&[origin, config, other]).unwrap()["a"].from_command_line);
        assert!(
            !read(&[origin, config, ("tidegate-origin-a", None)]).unwrap()["a"].from_command_line
        );
    }

    /// A log in a folder of its own, whose writes break off after some records.
    struct BreaksOff {
        inner: EmbeddedBroker,
        producer: Arc<FakeProducer>,
        _folder: TempDir,
    }

    impl BreaksOff {
        fn after(records: usize) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let inner = EmbeddedBroker::open(folder.path(), EmbeddedSettings::default()).unwrap();
            let producer = FakeProducer::new(inner.producer(&Properties::new()).unwrap());
            producer.set_others(Fate::Cut(records));
            Self {
                inner,
                producer,
                _folder: folder,
            }
        }

        fn whole(&self) -> Arc<dyn Producer> {
            self.producer.inner()
        }

        fn open(&self, producer: Arc<dyn Producer>) -> Result<(ConfigLog, Stored), WorkerError> {
            ConfigLog::open(&self.inner, &producer, &storage())
        }
    }

    fn storage() -> StorageTopic {
        StorageTopic {
            name: TopicName::parse("configs").unwrap(),
            partitions: 1,
            replication_factor: 1,
        }
    }

    fn written_by(who: &str) -> Properties {
        Properties::from([("by".to_owned(), who.to_owned())])
    }

    #[tokio::test]
    async fn a_write_that_breaks_off_leaves_no_client_with_the_operators_grants() {
        let name = ConnectorName::parse("c").unwrap();
        let target = Some(TargetState::Running);
        for operator_first in [true, false] {
            for after in 0..=3 {
                let place = BreaksOff::after(after);
                let put = async |log: &ConfigLog, operator: bool| {
                    let by = written_by(if operator { "operator" } else { "client" });
                    log.put_connector(&name, &by, operator, target).await
                };
                let (log, _) = place.open(place.whole()).unwrap();
                put(&log, operator_first).await.unwrap();
                let (log, _) = place.open(place.producer.clone()).unwrap();
                assert_eq!(put(&log, !operator_first).await.is_ok(), after == 3);
                let (_, stored) = place.open(place.whole()).unwrap();
                let stored = &stored["c"];
                let by_client = stored.properties.as_ref() == Some(&written_by("client"));
                assert!(
                    !(by_client && stored.from_command_line),
                    "after {after}, operator first: {operator_first}"
                );
                if after == 3 {
                    assert_eq!(by_client, operator_first);
                    assert_eq!(stored.from_command_line, !operator_first);
                }
            }
        }
    }

    #[tokio::test]
    async fn a_deletion_that_breaks_off_leaves_no_grants_behind() {
        let name = ConnectorName::parse("c").unwrap();
        for after in 1..=3 {
            let place = BreaksOff::after(after);
            let (log, _) = place.open(place.whole()).unwrap();
            let by = written_by("operator");
            log.put_connector(&name, &by, true, None).await.unwrap();
            let (log, _) = place.open(place.producer.clone()).unwrap();
            assert_eq!(log.delete(&name).await.is_ok(), after == 3);
            // When compaction has forgotten the other records, this one counts for the next of that name.
            let mut origin = Some(());
            TopicLog::open(&place.inner, &place.whole(), &storage(), |record| {
                if record.key == Some(b"tidegate-origin-c") {
                    origin = record.value.map(drop);
                }
                Ok(())
            })
            .unwrap();
            assert_eq!(origin, None, "after {after}");
        }
    }

    #[test]
    fn a_topic_with_several_partitions_is_refused() {
        let place = BreaksOff::after(0);
        let several = NewTopic {
            name: storage().name,
            partitions: 2,
            replication_factor: 1,
            config: Properties::new(),
        };
        assert!(place.inner.admin().create_topic(&several).unwrap());
        let refused = place.open(place.whole()).err().unwrap().to_string();
        assert!(
            refused.starts_with("topic configs has 2 partitions"),
            "{refused}"
        );
    }

    #[test]
    fn a_tombstone_deletes_a_connector() {
        let config = Some(r#"{"properties":{}}"#);
        let stored = read(&[
            ("connector-a", config),
            ("connector-a", None),
            ("target-state-a", None),
        ])
        .unwrap();
        assert!(stored.is_empty());
    }

    #[test]
    fn garbage_is_an_error() {
        assert!(read(&[("connector-a", Some("{"))]).is_err());
        assert!(read(&[("connector-a", Some("{}"))]).is_err());
        assert!(read(&[("target-state-a", Some(r#"{"state":"DANCING"}"#))]).is_err());
    }
}
