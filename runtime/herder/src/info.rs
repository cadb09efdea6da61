//! What is told about connectors, tasks and plugins, in the shapes of Kafka Connect's REST API.

use serde::{Deserialize, Serialize};
use tidegate_config::Properties;

use crate::component_info::UpgradeInfo;

/// A connector: `GET /connectors/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorInfo {
    /// Its name.
    pub name: String,
    /// Its configuration.
    pub config: Properties,
    /// Its tasks.
    pub tasks: Vec<TaskRef>,
    /// Source or sink.
    #[serde(rename = "type")]
    pub kind: ConnectorKind,
}

/// A task of a connector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRef {
    /// The connector's name.
    pub connector: String,
    /// The task's number.
    pub task: u32,
}

/// A task with its configuration: `GET /connectors/{name}/tasks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskInfo {
    /// Which task.
    pub id: TaskRef,
    /// Its configuration.
    pub config: Properties,
}

/// What a connector is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConnectorKind {
    /// It writes to topics.
    Source,
    /// It reads from topics.
    Sink,
    /// Its class is not known here.
    Unknown,
}

/// The states that Kafka Connect knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum StateName {
    /// Not running anywhere.
    Unassigned,
    /// Running.
    Running,
    /// Waiting, its tasks kept.
    Paused,
    /// Without tasks until it is resumed.
    Stopped,
    /// Ended by an error.
    Failed,
    /// Being restarted.
    Restarting,
}

/// The status of a connector and its tasks: `GET /connectors/{name}/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorStatus {
    /// Its name.
    pub name: String,
    /// The connector itself.
    pub connector: Status,
    /// Its tasks.
    pub tasks: Vec<TaskStatus>,
    /// Source or sink.
    #[serde(rename = "type")]
    pub kind: ConnectorKind,
    /// The last upgrade of its plugins, if there was one since the worker started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<UpgradeInfo>,
}

/// The state of a connector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The state.
    pub state: StateName,
    /// The worker that runs it, as `host:port`.
    pub worker_id: String,
    /// The plugin's version.
    pub version: Option<String>,
    /// What failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// The state of a task: `GET /connectors/{name}/tasks/{task}/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskStatus {
    /// The task's number.
    pub id: u32,
    /// The rest is as a connector's.
    #[serde(flatten)]
    pub status: Status,
}

/// A plugin: `GET /connector-plugins`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginSummary {
    /// Its full class name.
    pub class: String,
    /// `source`, `sink`, `transformation`, `predicate`, `converter` or `header_converter`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its version.
    pub version: String,
}

/// The answer to `PUT /connector-plugins/{plugin}/config/validate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigInfos {
    /// The plugin's class, as it was asked for.
    pub name: String,
    /// How many errors there are in all.
    pub error_count: usize,
    /// The groups of keys, in order.
    pub groups: Vec<String>,
    /// Each key with its definition and its value.
    pub configs: Vec<ConfigInfo>,
}

/// A key with its definition and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigInfo {
    /// What is known of the key; none where nothing defines it.
    pub definition: Option<ConfigKeyInfo>,
    /// What was given for it.
    pub value: ConfigValueInfo,
}

/// What is known of a key: `GET /connector-plugins/{plugin}/config`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigKeyInfo {
    /// The key.
    pub name: String,
    /// Its type, such as `STRING`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it must be given.
    pub required: bool,
    /// The value when it is absent.
    pub default_value: Option<String>,
    /// `HIGH`, `MEDIUM` or `LOW`.
    pub importance: String,
    /// What it does.
    pub documentation: String,
    /// Its group.
    pub group: Option<String>,
    /// How wide a form shows it.
    pub width: String,
    /// How a form calls it.
    pub display_name: String,
    /// The keys that depend on it.
    pub dependents: Vec<String>,
    /// Its place in its group; -1: none.
    #[serde(rename = "order_in_group")]
    pub order: i32,
}

/// What was given for a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigValueInfo {
    /// The key.
    pub name: String,
    /// The value.
    pub value: Option<String>,
    /// The values that could be given.
    pub recommended_values: Vec<String>,
    /// What is wrong.
    pub errors: Vec<String>,
    /// Whether a form shows it.
    pub visible: bool,
}

/// The offsets of a connector: `GET /connectors/{name}/offsets`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorOffsets {
    /// Each partition with its offset.
    pub offsets: Vec<ConnectorOffset>,
}

/// Where a connector goes on in a partition. What both look like is the source connector's own; a sink's are
/// `kafka_topic`, `kafka_partition` and `kafka_offset`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorOffset {
    /// The partition, an object.
    pub partition: serde_json::Value,
    /// The offset, an object; null, where it is altered: it is forgotten.
    pub offset: serde_json::Value,
}

/// The worker: `GET /`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerInfo {
    /// Tidegate's version.
    pub version: String,
    /// The commit it was built from.
    pub commit: String,
    /// The cluster's id.
    pub kafka_cluster_id: String,
}
