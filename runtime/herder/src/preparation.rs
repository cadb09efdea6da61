//! What a plugin is asked before its connector starts: what it is, and how it divides the work. The answer is for
//! one configuration, and of no use when another has come in its place.

use tidegate_config::Properties;
use tidegate_config::connector::ConnectorConfig;
use tidegate_sandbox::{Digest, Kind};
use tidegate_worker::{Worker, WorkerError};

use crate::info::ConnectorKind;
use crate::reload::Reload;

/// What a plugin said of a configuration.
pub(crate) struct Prepared {
    /// The configuration.
    pub(crate) properties: Properties,
    /// The connector's class, unless there is none.
    pub(crate) class: Result<Class, WorkerError>,
    /// The components that it runs.
    pub(crate) components: Vec<Digest>,
    /// What config providers gave, if the connector is to follow that.
    pub(crate) reload: Option<Reload>,
}

/// A connector's class.
pub(crate) struct Class {
    pub(crate) kind: ConnectorKind,
    pub(crate) version: String,
    /// The configurations of the tasks, unless the plugin refuses.
    pub(crate) tasks: Result<Vec<Properties>, WorkerError>,
}

impl Prepared {
    /// Asks the plugin of a connector. Blocks.
    pub(crate) fn of(worker: &Worker, config: &ConnectorConfig) -> Self {
        let resolution = match worker.resolve(config) {
            Ok(resolution) => resolution,
            Err(error) => return Self::refused(config, error),
        };
        let secrets = &resolution.secrets;
        let class = worker.connector_class(&resolution.connector);
        let class = class.map_err(|error| error.redacted(secrets));
        let class = class.map(|class| Class {
            kind: if class.info.kind == Kind::Sink {
                ConnectorKind::Sink
            } else {
                ConnectorKind::Source
            },
            version: class.info.version.clone(),
            tasks: worker
                .task_configs(&resolution)
                .map(|tasks| with_class(tasks, &class.info.class_name))
                .map_err(|error| error.redacted(secrets)),
        });
        Self {
            properties: config.properties.clone(),
            class,
            components: worker.components(config),
            reload: Reload::of(&resolution),
        }
    }

    fn refused(config: &ConnectorConfig, error: WorkerError) -> Self {
        Self {
            properties: config.properties.clone(),
            class: Err(error),
            components: Vec::new(),
            reload: None,
        }
    }
}

/// Names the class in each task's configuration, as Kafka Connect does. Here the connector's class runs its tasks
/// too; the name is what it would be there: `…SourceTask` for `…SourceConnector`.
fn with_class(mut tasks: Vec<Properties>, connector_class: &str) -> Vec<Properties> {
    let name = connector_class.strip_suffix("Connector");
    let class = format!("{}Task", name.unwrap_or(connector_class));
    for task in &mut tasks {
        task.entry("task.class".to_owned())
            .or_insert_with(|| class.clone());
    }
    tasks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_has_the_class_that_it_would_have_in_kafka_connect() {
        let connector = "org.apache.kafka.connect.file.FileStreamSourceConnector";
        let tasks = with_class(vec![Properties::new()], connector);
        assert_eq!(
            tasks[0]["task.class"],
            "org.apache.kafka.connect.file.FileStreamSourceTask"
        );
    }
}
