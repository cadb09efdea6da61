//! Live upgrades: a connector that is put with other versions of its plugins, and nothing else changed, gets them at a
//! batch boundary, on trial. When a task fails within the trial, or the connector does not start, what ran before is back.
//!
//! While a plugin is on trial, the first fault of a guest fails its task, whatever is tolerated: no record is given up
//! for a fault of the new version. Nothing is committed past the records in hand, so the old version gets them.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tidegate_config::Properties;
use tidegate_config::connector::ConnectorConfig;
use tidegate_worker::TargetState;

use crate::component_info::{UpgradeInfo, UpgradeState};
use crate::connectors::Connector;
use crate::preparation::{Class, Prepared};

/// What a connector goes back to.
pub(crate) struct Trial {
    /// The configuration before.
    pub(crate) before: ConnectorConfig,
    /// What its plugin said of it.
    pub(crate) prepared: Prepared,
    /// When it is over.
    pub(crate) until: Instant,
    /// The first start of the new version: what failed before it says nothing of it.
    pub(crate) generation: u64,
}

/// An upgrade, as it is told.
#[derive(Debug, Clone)]
pub(crate) struct Upgrade {
    from: Properties,
    to: Properties,
    at_ms: u64,
    until: Instant,
    trace: Option<String>,
}

/// Begins a trial, when a running connector is put with other versions and nothing else. `generation` is that of its
/// next start.
pub(crate) fn begin(
    known: &Connector,
    config: &ConnectorConfig,
    until: Instant,
    generation: u64,
) -> Option<(Trial, Upgrade)> {
    let (from, rest_before) = divided(&known.config.properties);
    let (to, rest) = divided(&config.properties);
    if known.target != TargetState::Running || from == to || rest != rest_before {
        return None;
    }
    let class = Class {
        kind: known.kind,
        version: known.version.clone()?,
        tasks: Ok(known.task_configs.clone()),
    };
    let trial = Trial {
        before: known.config.clone(),
        prepared: Prepared {
            properties: known.config.properties.clone(),
            class: Ok(class),
            components: known.components.clone(),
            reload: known.reload,
        },
        until,
        generation,
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let upgrade = Upgrade {
        from,
        to,
        at_ms: now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX)),
        until,
        trace: None,
    };
    Some((trial, upgrade))
}

impl Upgrade {
    /// The same, taken back.
    pub(crate) fn rolled_back(mut self, trace: String) -> Self {
        self.trace = Some(trace);
        self
    }

    pub(crate) fn info(&self) -> UpgradeInfo {
        UpgradeInfo {
            state: match self.trace {
                Some(_) => UpgradeState::RolledBack,
                None if Instant::now() < self.until => UpgradeState::Trial,
                None => UpgradeState::Done,
            },
            from: self.from.clone(),
            to: self.to.clone(),
            at_ms: self.at_ms,
            trace: self.trace.clone(),
        }
    }
}

/// The keys that say versions of components, and all others.
fn divided(properties: &Properties) -> (Properties, Properties) {
    let is_version = |key: &str| {
        let of_a_step = key.starts_with("transforms.") || key.starts_with("predicates.");
        key == "connector.plugin.version" || (of_a_step && key.ends_with(".plugin.version"))
    };
    properties
        .clone()
        .into_iter()
        .partition(|(key, _)| is_version(key))
}
