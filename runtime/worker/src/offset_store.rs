//! Source offsets in their compacted topic, as Kafka Connect keeps them.
//!
//! Key: the JSON array `["<connector>",{source partition}]`. Value: the JSON object of the source offset, or
//! null when it was reset. A record that is not of this form is never taken for "no offset": the store does
//! not open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tidegate_broker::{Broker, Producer};
use tidegate_config::ConfigError;
use tidegate_config::worker::StorageTopic;
use tidegate_convert::{Converter, Role};
use tidegate_model::value::Encoder;
use tidegate_model::{Column, ConnectorName, Value};
use tidegate_sandbox::OffsetReader;

use crate::error::WorkerError;
use crate::topic_log::{LogRecord, TopicLog};

/// The offsets of all connectors.
pub struct OffsetStore {
    log: TopicLog,
    table: Mutex<Table>,
}

/// The most source partitions of a connector whose offsets are kept.
const CONNECTOR_PARTITIONS_MAX: usize = 100_000;
/// The most bytes of a connector's source partitions and offsets that are kept.
const CONNECTOR_OFFSETS_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The offsets of each connector, by its name.
type Table = HashMap<String, Offsets>;

/// By source partition (in canonical form).
type ByPartition = HashMap<Vec<u8>, Kept>;

/// What is kept of a source partition.
#[derive(Debug, Clone)]
struct Kept {
    /// The source offset, encoded.
    offset: Vec<u8>,
    /// The source partition as it was written, where that is another way to write it: its next record has the same
    /// key.
    written: Option<Box<[u8]>>,
}

impl Kept {
    fn of(partition: &[u8], canonical: &[u8], offset: Vec<u8>) -> Self {
        Self {
            offset,
            written: (partition != canonical).then(|| partition.into()),
        }
    }

    fn bytes(&self) -> usize {
        self.offset.len() + self.written.as_ref().map_or(0, |written| written.len())
    }
}

/// What the operator is not shown of a source offset: fields that begin so.
const PRIVATE_PREFIX: &str = "tidegate.";

/// The offsets of one connector.
#[derive(Debug, Default)]
struct Offsets {
    by_partition: ByPartition,
    /// The bytes of all source partitions and offsets.
    bytes: usize,
}

impl Offsets {
    fn insert(&mut self, partition: Vec<u8>, kept: Kept) {
        self.bytes += kept.bytes();
        let partition_bytes = partition.len();
        match self.by_partition.insert(partition, kept) {
            Some(replaced) => self.bytes -= replaced.bytes(),
            None => self.bytes += partition_bytes,
        }
    }

    fn remove(&mut self, partition: &[u8]) {
        if let Some(removed) = self.by_partition.remove(partition) {
            self.bytes -= partition.len() + removed.bytes();
        }
    }

    /// Whether there is room for these too.
    fn check_room(&self, more: &ByPartition) -> Result<(), String> {
        let (mut partitions, mut bytes) = (self.by_partition.len(), self.bytes);
        for (partition, kept) in more {
            bytes += kept.bytes();
            match self.by_partition.get(partition) {
                Some(replaced) => bytes -= replaced.bytes(),
                None => {
                    partitions += 1;
                    bytes += partition.len();
                }
            }
        }
        if partitions > CONNECTOR_PARTITIONS_MAX {
            return Err(format!(
                "it has {partitions} source partitions; the offsets of at most {CONNECTOR_PARTITIONS_MAX} are kept"
            ));
        }
        if bytes > CONNECTOR_OFFSETS_BYTES_MAX {
            return Err(format!(
                "its source partitions and offsets have {bytes} bytes; at most {CONNECTOR_OFFSETS_BYTES_MAX} are kept"
            ));
        }
        Ok(())
    }
}

impl OffsetStore {
    /// Opens the offset topic and reads it to its end. Blocks.
    ///
    /// # Errors
    /// When the broker is away, or the topic holds something else.
    pub fn open(
        broker: &dyn Broker,
        producer: &Arc<dyn Producer>,
        storage: &StorageTopic,
    ) -> Result<Self, WorkerError> {
        let mut json = json_converter()?;
        let mut table = Table::new();
        let log = TopicLog::open(broker, producer, storage, |record| {
            apply(&mut table, json.as_mut(), record)
        })?;
        Ok(Self {
            log,
            table: Mutex::new(table),
        })
    }

    /// Writes offsets of a connector and waits until they are durable; only then they can be read.
    ///
    /// # Errors
    /// When the connector has too many, and when the broker refuses or does not answer in time.
    pub async fn write(
        &self,
        connector: &ConnectorName,
        offsets: &[(Vec<u8>, Vec<u8>)],
    ) -> Result<(), WorkerError> {
        let new = self.keyed(connector, offsets);
        let new = new.map_err(|message| WorkerError::Offsets {
            connector: connector.clone(),
            message,
        })?;
        let mut entries = Vec::with_capacity(new.len());
        {
            let mut json = json_converter()?;
            for (canonical, kept) in &new {
                let partition = kept.written.as_deref().unwrap_or(canonical);
                entries.push((
                    to_json(json.as_mut(), &key(connector, partition))?,
                    Some(to_json(json.as_mut(), &kept.offset)?),
                ));
            }
        }
        self.log.write(entries).await?;
        let mut table = self.table();
        let kept = table.entry(connector.to_string()).or_default();
        for (partition, offset) in new {
            kept.insert(partition, offset);
        }
        Ok(())
    }

    /// Sets and forgets offsets of a connector that has no tasks, as its operator asks, and waits until that is
    /// durable.
    ///
    /// # Errors
    /// As [`OffsetStore::write`].
    pub async fn alter(
        &self,
        connector: &ConnectorName,
        offsets: &[(Vec<u8>, Option<Vec<u8>>)],
    ) -> Result<(), WorkerError> {
        let mut set = Vec::new();
        let mut forgotten = Vec::new();
        for (partition, offset) in offsets {
            match offset {
                Some(offset) => set.push((partition.clone(), offset.clone())),
                None => forgotten.push(self.as_written(connector, partition)),
            }
        }
        if !set.is_empty() {
            self.write(connector, &set).await?;
        }
        let mut entries = Vec::with_capacity(forgotten.len());
        {
            let mut json = json_converter()?;
            for partition in &forgotten {
                entries.push((to_json(json.as_mut(), &key(connector, partition))?, None));
            }
        }
        self.log.write(entries).await?;
        if let Some(kept) = self.table().get_mut(connector.as_str()) {
            for partition in forgotten {
                kept.remove(&canonical(&partition));
            }
        }
        Ok(())
    }

    /// Offsets by source partition, each partition as its last record has it: a record with another key would not take
    /// its place.
    ///
    /// # Errors
    /// When the connector has too many.
    fn keyed(
        &self,
        connector: &ConnectorName,
        offsets: &[(Vec<u8>, Vec<u8>)],
    ) -> Result<ByPartition, String> {
        let table = self.table();
        let known = table.get(connector.as_str());
        let mut new = ByPartition::with_capacity(offsets.len());
        for (partition, offset) in offsets {
            let canonical = canonical(partition);
            let before = known.and_then(|known| known.by_partition.get(&canonical));
            let kept = match new.get(&canonical).or(before) {
                Some(before) => Kept {
                    offset: offset.clone(),
                    written: before.written.clone(),
                },
                None => Kept::of(partition, &canonical, offset.clone()),
            };
            new.insert(canonical, kept);
        }
        match known {
            Some(known) => known.check_room(&new)?,
            None => Offsets::default().check_room(&new)?,
        }
        Ok(new)
    }

    /// A source partition as its last record has it.
    fn as_written(&self, connector: &ConnectorName, partition: &[u8]) -> Vec<u8> {
        let canonical = canonical(partition);
        let table = self.table();
        let kept = table.get(connector.as_str());
        match kept.and_then(|kept| kept.by_partition.get(&canonical)) {
            None => partition.to_vec(),
            Some(kept) => kept.written.as_deref().unwrap_or(&canonical).to_vec(),
        }
    }

    /// All source partitions of a connector with their offsets, encoded and in order. What a connector keeps in an
    /// offset for itself, under names that begin with `tidegate.`, is left out.
    #[must_use]
    pub fn all(&self, connector: &ConnectorName) -> Vec<(Vec<u8>, Vec<u8>)> {
        let table = self.table();
        let offsets = table.get(connector.as_str());
        let offsets = offsets.into_iter().flat_map(|kept| &kept.by_partition);
        let mut all: Vec<_> = offsets
            .map(|(partition, kept)| {
                let partition = kept.written.as_deref().unwrap_or(partition);
                (partition.to_vec(), without_private(&kept.offset))
            })
            .collect();
        all.sort();
        all
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The offsets of one connector, as its tasks read them.
    #[must_use]
    pub fn of(self: &Arc<Self>, connector: &ConnectorName) -> Arc<dyn OffsetReader> {
        Arc::new(ConnectorOffsets {
            store: Arc::clone(self),
            connector: connector.to_string(),
        })
    }
}

/// The offsets of one connector: a task cannot read another's.
struct ConnectorOffsets {
    store: Arc<OffsetStore>,
    connector: String,
}

impl OffsetReader for ConnectorOffsets {
    fn read(&self, partition: &[u8]) -> Result<Option<Vec<u8>>, String> {
        let partition = canonical(partition);
        let table = self.store.table();
        let offsets = table.get(&self.connector);
        Ok(offsets.and_then(|offsets| Some(offsets.by_partition.get(&partition)?.offset.clone())))
    }
}

fn apply(table: &mut Table, json: &mut dyn Converter, record: LogRecord<'_>) -> Result<(), String> {
    let key = record
        .key
        .ok_or("the key is null; [\"connector\",{partition}] was wanted")?;
    let Value::Array(parts) =
        Value::decode(&from_json(json, key)?).map_err(|error| error.to_string())?
    else {
        return Err("the key is not an array; [\"connector\",{partition}] was wanted".to_owned());
    };
    let [Value::String(connector), partition @ Value::Map(_)] = parts.as_slice() else {
        return Err("the key is not [\"connector\",{partition}]".to_owned());
    };
    let written = partition.to_encoded();
    let partition = canonical(&written);
    let offsets = table.entry(connector.clone()).or_default();
    match record.value {
        None => offsets.remove(&partition),
        Some(value) => {
            let offset = from_json(json, value)?;
            if !matches!(Value::decode(&offset), Ok(Value::Map(_))) {
                return Err("the value is not an object".to_owned());
            }
            let kept = Kept::of(&written, &partition, offset);
            offsets.insert(partition, kept);
        }
    }
    Ok(())
}

/// A source offset without what the connector keeps in it for itself.
pub fn without_private(offset: &[u8]) -> Vec<u8> {
    let Ok(Value::Map(mut entries)) = Value::decode(offset) else {
        return offset.to_vec();
    };
    entries
        .retain(|(key, _)| !matches!(key, Value::String(name) if name.starts_with(PRIVATE_PREFIX)));
    Value::Map(entries).to_encoded()
}

/// The key of a source partition, as an encoded value.
fn key(connector: &ConnectorName, partition: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let array = Encoder::new(&mut out).array();
    Encoder::new(&mut out).string(connector.as_str());
    Encoder::new(&mut out).encoded(partition);
    Encoder::new(&mut out).end(array, 2);
    out
}

/// A source partition with its entries in order of their keys, and integers as JSON would give them back:
/// two ways to write the same partition are one.
fn canonical(partition: &[u8]) -> Vec<u8> {
    fn normal(value: Value) -> Value {
        match value {
            Value::Int8(value) => Value::Int64(value.into()),
            Value::Int16(value) => Value::Int64(value.into()),
            Value::Int32(value) => Value::Int64(value.into()),
            Value::Float32(value) => Value::Float64(value.into()),
            Value::Array(elements) => Value::Array(elements.into_iter().map(normal).collect()),
            Value::Map(entries) => {
                let mut entries: Vec<_> = entries
                    .into_iter()
                    .map(|(key, value)| (normal(key), normal(value)))
                    .collect();
                entries.sort_by_cached_key(|(key, _)| key.to_encoded());
                Value::Map(entries)
            }
            other => other,
        }
    }
    Value::decode(partition).map_or_else(|_| partition.to_vec(), |value| normal(value).to_encoded())
}

/// Encoded values, such as source partitions and offsets, as JSON texts.
///
/// # Errors
/// When a value is not for JSON.
pub fn as_json(encoded: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, WorkerError> {
    let mut json = json_converter()?;
    let texts = encoded.iter().map(|value| to_json(json.as_mut(), value));
    texts.collect()
}

/// A JSON text as an encoded value.
///
/// # Errors
/// When it is none, or has too much of something.
pub fn of_json(text: &[u8]) -> Result<Vec<u8>, WorkerError> {
    let encoded = from_json(json_converter()?.as_mut(), text);
    encoded.map_err(|message| {
        WorkerError::Config(ConfigError::Key {
            key: "offsets".to_owned(),
            message,
        })
    })
}

fn json_converter() -> Result<Box<dyn Converter>, WorkerError> {
    let config = [("schemas.enable".to_owned(), "false".to_owned())].into();
    tidegate_convert::converter(
        "org.apache.kafka.connect.json.JsonConverter",
        Role::Value,
        &config,
    )
    .map_err(|error| WorkerError::Internal(error.to_string()))
}

/// An encoded value as JSON.
fn to_json(json: &mut dyn Converter, encoded: &[u8]) -> Result<Vec<u8>, WorkerError> {
    let mut failures = Vec::new();
    let column = json.from_connect("", &one(encoded), &[], &[], &mut failures);
    match failures.pop() {
        Some(failure) => Err(WorkerError::Convert {
            stage: crate::error::Stage::TaskLifecycle,
            error: failure.error,
        }),
        None => Ok(column.bytes),
    }
}

fn from_json(json: &mut dyn Converter, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut failures = Vec::new();
    let column = json.to_connect("", &one(bytes), &mut Vec::new(), &mut failures);
    match failures.pop() {
        Some(failure) => Err(failure.error.to_string()),
        None => Ok(column.values.bytes),
    }
}

fn one(entry: &[u8]) -> Column {
    [Some(entry)].into_iter().collect()
}

#[cfg(test)]
mod tests {
    use tidegate_broker::{EmbeddedBroker, EmbeddedSettings};
    use tidegate_config::Properties;
    use tidegate_model::TopicName;

    use super::*;

    fn partition(entries: &[(&str, Value)]) -> Vec<u8> {
        let entries = entries
            .iter()
            .map(|(key, value)| (Value::from(*key), value.clone()));
        Value::Map(entries.collect()).to_encoded()
    }

    #[test]
    fn two_ways_to_write_a_partition_are_one() {
        let one = partition(&[("a", Value::Int32(1)), ("b", Value::from("x"))]);
        let other = partition(&[("b", Value::from("x")), ("a", Value::Int64(1))]);
        assert_eq!(canonical(&one), canonical(&other));
    }

    #[tokio::test]
    async fn an_offset_takes_the_place_of_one_whose_partition_was_written_in_another_way() {
        let folder = tempfile::tempdir().unwrap();
        let broker = EmbeddedBroker::open(folder.path(), EmbeddedSettings::default()).unwrap();
        let producer = broker.producer(&Properties::new()).unwrap();
        let storage = StorageTopic {
            name: TopicName::parse("offsets").unwrap(),
            partitions: 5,
            replication_factor: 1,
        };
        let store = OffsetStore::open(&broker, &producer, &storage).unwrap();
        let name = ConnectorName::parse("c").unwrap();
        let (a, b) = (("a", Value::Int32(1)), ("b", Value::from("x")));
        let ways = [partition(&[b.clone(), a.clone()]), partition(&[a, b])];
        let offset = |number: i64| partition(&[("at", Value::Int64(number))]);
        let [one, other] = ways.clone();
        store.write(&name, &[(one, offset(1))]).await.unwrap();
        store.write(&name, &[(other, offset(2))]).await.unwrap();
        let [one, other] = ways;
        let both = [(one, offset(3)), (other, offset(4))];
        store.write(&name, &both).await.unwrap();
        let mut written = Vec::new();
        TopicLog::open(&broker, &producer, &storage, |record| {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            written.push((text(record.key.unwrap()), text(record.value.unwrap())));
            Ok(())
        })
        .unwrap();
        let record = |number| {
            let key = r#"["c",{"b":"x","a":1}]"#.to_owned();
            (key, format!(r#"{{"at":{number}}}"#))
        };
        assert_eq!(written, [1, 2, 4].map(record));
    }

    #[test]
    fn garbage_in_the_offset_topic_is_an_error_and_not_an_empty_table() {
        let mut json = json_converter().unwrap();
        let mut table = Table::new();
        let mut apply = |key: Option<&[u8]>, value: Option<&[u8]>| {
            apply(
                &mut table,
                json.as_mut(),
                LogRecord {
                    partition: 0,
                    offset: 0,
                    key,
                    value,
                },
            )
        };
        let good = br#"["c",{"filename":"a"}]"#;
        assert_eq!(apply(Some(good), Some(br#"{"position":6}"#)), Ok(()));
        assert!(apply(None, Some(b"{}")).is_err());
        assert!(apply(Some(b"garbage"), None).is_err());
        assert!(apply(Some(br#"["c"]"#), None).is_err());
        assert!(apply(Some(good), Some(b"7")).is_err());
        assert!(apply(Some(good), Some(b"{\"position\":")).is_err());
        assert_eq!(table["c"].by_partition.len(), 1);
    }

    #[test]
    fn a_connector_has_room_for_so_many_partitions_and_bytes() {
        let mut offsets = Offsets::default();
        let kept = |offset: Vec<u8>| Kept {
            offset,
            written: None,
        };
        let numbered = |number: usize| (number.to_le_bytes().to_vec(), kept(vec![1]));
        for number in 0..CONNECTOR_PARTITIONS_MAX {
            let (partition, offset) = numbered(number);
            offsets.insert(partition, offset);
        }
        assert_eq!(offsets.check_room(&[numbered(7)].into()), Ok(()));
        assert_eq!(
            offsets
                .check_room(&[numbered(CONNECTOR_PARTITIONS_MAX)].into())
                .unwrap_err(),
            "it has 100001 source partitions; the offsets of at most 100000 are kept"
        );
        let large =
            |bytes: usize| -> ByPartition { [(numbered(7).0, kept(vec![0; bytes]))].into() };
        let room = CONNECTOR_OFFSETS_BYTES_MAX - offsets.bytes + 1;
        assert_eq!(offsets.check_room(&large(room)), Ok(()));
        assert!(offsets.check_room(&large(room + 1)).is_err());
        for number in 0..CONNECTOR_PARTITIONS_MAX {
            offsets.remove(&numbered(number).0);
        }
        assert_eq!(offsets.bytes, 0);
    }
}
