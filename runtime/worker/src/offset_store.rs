//! Source offsets in their compacted topic, as Kafka Connect keeps them.
//!
//! Key: the JSON array `["<connector>",{source partition}]`. Value: the JSON object of the source offset, or
//! null when it was reset. A record that is not of this form is never taken for "no offset": the store does
//! not open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tidegate_broker::{Broker, Producer};
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

/// By connector and source partition (in canonical form): the encoded source offset.
type Table = HashMap<(String, Vec<u8>), Vec<u8>>;

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
    /// When the broker refuses or does not answer in time.
    pub async fn write(
        &self,
        connector: &ConnectorName,
        offsets: &[(Vec<u8>, Vec<u8>)],
    ) -> Result<(), WorkerError> {
        let mut entries = Vec::with_capacity(offsets.len());
        {
            let mut json = json_converter()?;
            for (partition, offset) in offsets {
                let key = key(connector, partition);
                entries.push((
                    to_json(json.as_mut(), &key)?,
                    Some(to_json(json.as_mut(), offset)?),
                ));
            }
        }
        self.log.write(entries).await?;
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        for (partition, offset) in offsets {
            table.insert(
                (connector.to_string(), canonical(partition)),
                offset.clone(),
            );
        }
        Ok(())
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
    fn read(&self, partitions: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, String> {
        let table = self
            .store
            .table
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let find = |partition: &Vec<u8>| {
            table
                .get(&(self.connector.clone(), canonical(partition)))
                .cloned()
        };
        Ok(partitions.iter().map(find).collect())
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
    let at = (connector.clone(), canonical(&partition.to_encoded()));
    match record.value {
        None => drop(table.remove(&at)),
        Some(value) => {
            let offset = from_json(json, value)?;
            if !matches!(Value::decode(&offset), Ok(Value::Map(_))) {
                return Err("the value is not an object".to_owned());
            }
            table.insert(at, offset);
        }
    }
    Ok(())
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

fn json_converter() -> Result<Box<dyn Converter>, WorkerError> {
    let config = [("schemas.enable".to_owned(), "false".to_owned())].into();
    tidegate_convert::converter(
        "org.apache.kafka.connect.json.JsonConverter",
        Role::Value,
        &config,
    )
    .map_err(|error| WorkerError::Internal(error.to_string()))
}

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
        assert_eq!(table.len(), 1);
    }
}
