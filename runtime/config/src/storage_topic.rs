//! A topic that the worker keeps its own state in.

use tidegate_model::TopicName;

use crate::Properties;
use crate::definition::ConfigType;
use crate::error::ConfigError;
use crate::errors::number;
use crate::worker::{Mode, missing, text};

/// A topic that the worker keeps its own state in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageTopic {
    /// Its name.
    pub name: TopicName,
    /// How many partitions it gets when it is created; -1: the broker's default.
    pub partitions: i32,
    /// How many replicas it gets when it is created; -1: the broker's default.
    pub replication_factor: i16,
}

impl StorageTopic {
    /// Takes the keys of one of the three topics.
    pub(crate) fn of(
        mode: Mode,
        keys: &Properties,
        which: &str,
        name: &str,
        partitions: i64,
    ) -> Result<Self, ConfigError> {
        let key = format!("{which}.storage.topic");
        let name = match (text(keys, &key), mode) {
            (Some(name), _) => name,
            (None, Mode::Standalone) => name,
            (None, Mode::Distributed) => return Err(missing(&key)),
        };
        // One worker alone needs no more than a partition, and a broker knows how many replicas it can keep.
        let (partitions, replicas) = if mode == Mode::Standalone {
            (1, -1)
        } else {
            (partitions, 3)
        };
        let count = |key: &str, kind, default| {
            let found = number(keys, key, kind, default)?;
            if found == -1 || found > 0 {
                Ok(found)
            } else {
                let message = "Value must be at least 1, or -1 to use the broker's default";
                Err(ConfigError::value(key, &found.to_string(), message))
            }
        };
        let found = match which {
            // The config topic has one partition: its records are in one order.
            "config" => 1,
            _ => count(
                &format!("{which}.storage.partitions"),
                ConfigType::Int,
                partitions,
            )?,
        };
        let replicas = count(
            &format!("{which}.storage.replication.factor"),
            ConfigType::Short,
            replicas,
        )?;
        Ok(Self {
            name: TopicName::parse(name)
                .map_err(|error| ConfigError::value(&key, name, error.to_string()))?,
            partitions: i32::try_from(found).unwrap_or(1),
            replication_factor: i16::try_from(replicas).unwrap_or(-1),
        })
    }
}
