//! What is told about components: `POST /connector-plugins` and what belongs to it.

use serde::{Deserialize, Serialize};

use crate::info::ConfigKeyInfo;

/// A component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentInfo {
    /// The SHA-256 of its bytes, in base 16.
    pub digest: String,
    /// How many bytes it has.
    pub bytes: usize,
    /// Whether it was uploaded; else it is a file of `plugin.path`.
    pub uploaded: bool,
    /// Who uploaded it, where that was somebody who may not use all connectors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The interfaces with functions that it imports.
    pub imports: Vec<String>,
    /// Its plugins.
    pub plugins: Vec<ComponentPlugin>,
    /// The connectors that use it.
    pub connectors: Vec<String>,
}

/// A plugin of a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentPlugin {
    /// Its full class name.
    pub class: String,
    /// Other names that it is found by.
    pub aliases: Vec<String>,
    /// `source`, `sink`, `transformation` or `predicate`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its version.
    pub version: String,
    /// What it does.
    pub documentation: String,
    /// What it would need granted.
    pub grants: Vec<WantedGrant>,
    /// Its configuration keys.
    pub config: Vec<ConfigKeyInfo>,
}

/// Something outside that the value of a key names, and that is granted with it as far as the worker's policy allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedGrant {
    /// The key.
    pub key: String,
    /// `read_file`, `write_file`, `read_folder`, `write_folder`, `address`, `url` or `secret`.
    pub what: String,
}

/// An upgrade of a connector's plugins: in its status, while the worker runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeInfo {
    /// How it stands.
    pub state: UpgradeState,
    /// The version keys before.
    pub from: tidegate_config::Properties,
    /// The version keys that were put.
    pub to: tidegate_config::Properties,
    /// When it began, in milliseconds since 1970.
    pub at_ms: u64,
    /// What failed, when it was taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// How an upgrade stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UpgradeState {
    /// The new version runs, and is taken back when it fails.
    Trial,
    /// The new version stays.
    Done,
    /// The new version failed; the old one runs again.
    RolledBack,
}
