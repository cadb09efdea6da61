//! Offsets in the shape of Kafka Connect's REST API, and as the worker takes them (KIP-875).

use std::fmt::Display;

use serde_json::{Map, Value, json};
use tidegate_model::limits::SOURCE_POSITION_BYTES_MAX;
use tidegate_model::{TopicName, TopicPartition};
use tidegate_sandbox::SandboxError;
use tidegate_worker::WorkerError;
use tidegate_worker::altered_offsets::{AlteredOffsets, FoundOffsets};
use tidegate_worker::offset_store::{as_json, of_json};

use crate::error::HerderError;
use crate::info::{ConnectorKind, ConnectorOffset, ConnectorOffsets};

const KAFKA_TOPIC: &str = "kafka_topic";
const KAFKA_PARTITION: &str = "kafka_partition";
const KAFKA_OFFSET: &str = "kafka_offset";

/// Offsets as they are shown.
pub(crate) fn shown(found: FoundOffsets) -> Result<ConnectorOffsets, HerderError> {
    let offsets = match found {
        FoundOffsets::Source(found) => {
            let (partitions, offsets): (Vec<_>, Vec<_>) = found.into_iter().unzip();
            let (partitions, offsets) = (as_json(&partitions)?, as_json(&offsets)?);
            let pairs = partitions.iter().zip(&offsets);
            pairs
                .map(|(partition, offset)| ConnectorOffset {
                    partition: serde_json::from_slice(partition).unwrap_or_default(),
                    offset: serde_json::from_slice(offset).unwrap_or_default(),
                })
                .collect()
        }
        FoundOffsets::Sink(found) => found
            .into_iter()
            .map(|(at, offset)| ConnectorOffset {
                partition: json!({KAFKA_PARTITION: at.partition, KAFKA_TOPIC: at.topic.as_str()}),
                offset: json!({KAFKA_OFFSET: offset}),
            })
            .collect(),
    };
    Ok(ConnectorOffsets { offsets })
}

/// What a client asks for, as the worker takes it.
pub(crate) fn altered(
    kind: ConnectorKind,
    offsets: Vec<ConnectorOffset>,
) -> Result<AlteredOffsets, HerderError> {
    let offsets = offsets.into_iter();
    Ok(if kind == ConnectorKind::Sink {
        AlteredOffsets::Sink(offsets.map(of_sink).collect::<Result<_, _>>()?)
    } else {
        AlteredOffsets::Source(offsets.map(of_source).collect::<Result<_, _>>()?)
    })
}

fn of_source(given: ConnectorOffset) -> Result<(Vec<u8>, Option<Vec<u8>>), HerderError> {
    let encoded = |what: &str, value: &Value| {
        let encoded = of_json(value.to_string().as_bytes())
            .map_err(|error| refused(format_args!("the {what} {value}: {error}")))?;
        if encoded.len() > SOURCE_POSITION_BYTES_MAX {
            return Err(refused(format_args!(
                "the {what} has {} bytes; at most {SOURCE_POSITION_BYTES_MAX} are allowed",
                encoded.len()
            )));
        }
        Ok(encoded)
    };
    if !given.partition.is_object() {
        return Err(refused(
            "The partition for a source connector offset cannot be null or missing",
        ));
    }
    let offset = Some(&given.offset).filter(|offset| !offset.is_null());
    Ok((
        encoded("partition", &given.partition)?,
        offset.map(|offset| encoded("offset", offset)).transpose()?,
    ))
}

fn of_sink(given: ConnectorOffset) -> Result<(TopicPartition, Option<i64>), HerderError> {
    let Value::Object(partition) = &given.partition else {
        return Err(refused(
            "The partition for a sink connector offset cannot be null or missing",
        ));
    };
    let (Some(topic), Some(number)) = (partition.get(KAFKA_TOPIC), partition.get(KAFKA_PARTITION))
    else {
        return Err(refused(format_args!(
            "The partition for a sink connector offset must contain the keys '{KAFKA_TOPIC}' and '{KAFKA_PARTITION}'"
        )));
    };
    let number = text(number).parse().map_err(|_| {
        refused(format_args!(
            "Failed to parse the following Kafka partition value in the provided offsets: '{}'. Partition values for \
             sink connectors need to be integers.",
            text(number)
        ))
    })?;
    let partition = TopicPartition {
        topic: TopicName::parse(&text(topic)).map_err(refused)?,
        partition: number,
    };
    let Value::Object(offset) = &given.offset else {
        return Ok((partition, None));
    };
    Ok((partition, Some(kafka_offset(offset)?)))
}

fn kafka_offset(offset: &Map<String, Value>) -> Result<i64, HerderError> {
    let Some(offset) = offset.get(KAFKA_OFFSET) else {
        return Err(refused(format_args!(
            "The offset for a sink connector should either be null or contain the key '{KAFKA_OFFSET}'"
        )));
    };
    text(offset).parse().map_err(|_| {
        refused(format_args!(
            "Failed to parse the following Kafka offset value in the provided offsets: '{}'. Offset values for sink \
             connectors need to be integers.",
            text(offset)
        ))
    })
}

/// A value as Java's `String.valueOf` has it: `"10"` and `10` are the same.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn refused(message: impl Display) -> HerderError {
    HerderError::BadRequest(message.to_string())
}

/// What is said when offsets were altered or reset; `looked`: whether the connector looked at them.
pub(crate) fn done(what: &str, looked: bool) -> String {
    if looked {
        format!("The offsets for this connector have been {what} successfully")
    } else {
        format!(
            "The Connect framework-managed offsets for this connector have been {what} successfully. However, if this \
             connector manages offsets externally, they will need to be manually {what} in the system that the \
             connector uses."
        )
    }
}

/// What a connector says against it, in its own words alone.
pub(crate) fn refusal(error: WorkerError) -> HerderError {
    match error {
        WorkerError::Guest {
            error: SandboxError::Guest { message, .. },
            ..
        } => HerderError::BadRequest(message),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(partition: Value, offset: Value) -> Vec<ConnectorOffset> {
        vec![ConnectorOffset { partition, offset }]
    }

    #[test]
    fn a_sinks_numbers_may_be_texts() {
        let partition = json!({"kafka_topic": "t", "kafka_partition": "1"});
        let found = altered(
            ConnectorKind::Sink,
            given(partition, json!({"kafka_offset": "7"})),
        );
        let AlteredOffsets::Sink(found) = found.unwrap() else {
            panic!("of a sink");
        };
        assert_eq!((found[0].0.partition, found[0].1), (1, Some(7)));
    }

    #[test]
    fn what_cannot_be_is_said_in_kafka_connects_words() {
        let good = json!({"kafka_topic": "t", "kafka_partition": 0});
        for (partition, offset, message) in [
            (
                json!({"kafka_topic": "t"}),
                json!(null),
                "must contain the keys 'kafka_topic' and 'kafka_partition'",
            ),
            (json!(null), json!(null), "cannot be null or missing"),
            (
                json!({"kafka_topic": "t", "kafka_partition": 1.5}),
                json!(null),
                "'1.5'",
            ),
            (good.clone(), json!({}), "contain the key 'kafka_offset'"),
            (good, json!({"kafka_offset": null}), "'null'"),
        ] {
            let refused = altered(ConnectorKind::Sink, given(partition, offset));
            let refused = refused.unwrap_err().to_string();
            assert!(refused.contains(message), "{refused}");
        }
    }

    #[test]
    fn a_sources_offsets_come_back_as_they_were_given() {
        let (partition, offset) = (json!({"b": [1, 2.5, null], "a": "x"}), json!({"n": 7}));
        let taken = altered(
            ConnectorKind::Source,
            given(partition.clone(), offset.clone()),
        );
        let AlteredOffsets::Source(taken) = taken.unwrap() else {
            panic!("of a source");
        };
        let found = taken
            .into_iter()
            .map(|(partition, offset)| (partition, offset.unwrap()));
        let shown = shown(FoundOffsets::Source(found.collect())).unwrap();
        assert_eq!(shown.offsets, given(partition, offset));
        let none = altered(ConnectorKind::Source, given(json!(null), json!(null)));
        assert!(none.is_err());
    }
}
