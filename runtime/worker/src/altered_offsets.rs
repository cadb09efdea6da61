//! The offsets of a connector as its operator reads, alters and forgets them while it has no tasks (KIP-875).

use std::sync::Arc;

use tidegate_config::connector::ConnectorConfig;
use tidegate_model::TopicPartition;
use tidegate_sandbox::Kind;

use crate::error::{Stage, WorkerError};
use crate::resolution::Resolution;
use crate::worker::{ConnectorClass, Worker};

/// What offsets of a connector are to become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlteredOffsets {
    /// Of a source: source partitions and source offsets, encoded; no offset: it is forgotten.
    Source(Vec<(Vec<u8>, Option<Vec<u8>>)>),
    /// Of a sink: where it goes on; no offset: it is forgotten.
    Sink(Vec<(TopicPartition, Option<i64>)>),
}

/// The offsets of a connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundOffsets {
    /// Of a source: source partitions and source offsets, encoded.
    Source(Vec<(Vec<u8>, Vec<u8>)>),
    /// Of a sink: where it goes on.
    Sink(Vec<(TopicPartition, i64)>),
}

impl FoundOffsets {
    /// All of them, to be forgotten.
    #[must_use]
    pub fn forgotten(self) -> AlteredOffsets {
        match self {
            Self::Source(found) => {
                let found = found.into_iter().map(|(partition, _)| (partition, None));
                AlteredOffsets::Source(found.collect())
            }
            Self::Sink(found) => {
                let found = found.into_iter().map(|(partition, _)| (partition, None));
                AlteredOffsets::Sink(found.collect())
            }
        }
    }
}

impl Worker {
    /// The offsets of a connector. Blocks.
    ///
    /// # Errors
    /// When its configuration cannot be resolved, no plugin has its class, or the broker is away.
    pub fn found_offsets(&self, connector: &ConnectorConfig) -> Result<FoundOffsets, WorkerError> {
        let connector = self.resolve(connector)?.connector;
        let class = self.connector_class(&connector)?;
        if class.info.kind == Kind::Source {
            return Ok(FoundOffsets::Source(self.offsets().all(&connector.name)));
        }
        let admin = self.broker().admin();
        Ok(FoundOffsets::Sink(
            admin.group_offsets(&sink_group(&connector))?,
        ))
    }

    /// Asks a connector whether its offsets may be altered so; whether it has looked at them. Blocks.
    ///
    /// # Errors
    /// When the connector refuses.
    pub fn ask_to_alter(
        &self,
        connector: &ConnectorConfig,
        offsets: &AlteredOffsets,
    ) -> Result<bool, WorkerError> {
        let resolution = self.resolve(connector)?;
        let identity = resolution.identity(None);
        let ConnectorClass { plugin, info } = self.connector_class(&resolution.connector)?;
        let config = info.definition.resolved(&resolution.connector.properties);
        let class = &info.class_name;
        let asked = match offsets {
            AlteredOffsets::Source(offsets) => {
                plugin.alter_source_offsets(&identity, class, &config, offsets)
            }
            AlteredOffsets::Sink(offsets) => {
                plugin.alter_sink_offsets(&identity, class, &config, offsets)
            }
        };
        asked.map_err(|error| WorkerError::Guest {
            stage: Stage::TaskLifecycle,
            error,
        })
    }

    /// Alters the offsets of a connector that has no tasks.
    ///
    /// # Errors
    /// When the broker refuses or is away, or a task that did not stop in time is still there.
    pub async fn alter_offsets(
        &self,
        connector: &ConnectorConfig,
        offsets: AlteredOffsets,
    ) -> Result<(), WorkerError> {
        match offsets {
            AlteredOffsets::Source(offsets) => {
                self.offsets().alter(&connector.name, &offsets).await
            }
            AlteredOffsets::Sink(offsets) => {
                let admin = self.broker().admin();
                let (registry, config) = (Arc::clone(self.registry()), self.config().clone());
                let connector = connector.clone();
                let alter = move || {
                    let resolution = Resolution::of(&registry, &config, &connector).whole()?;
                    let group = sink_group(&resolution.connector);
                    Ok(admin.alter_group_offsets(&group, &offsets)?)
                };
                let altered = tokio::task::spawn_blocking(alter).await;
                altered.map_err(|error| WorkerError::Internal(error.to_string()))?
            }
        }
    }
}

/// The consumer group of a sink.
pub(crate) fn sink_group(connector: &ConnectorConfig) -> String {
    let overrides = connector.client_overrides("consumer.override.");
    let own = overrides.get("group.id").cloned();
    own.unwrap_or_else(|| format!("connect-{}", connector.name))
}
