//! The versions of plugins that a configuration asks for (KIP-891).

use tidegate_config::Properties;
use tidegate_config::plugin_version::VersionRange;
use tidegate_sandbox::Registry;
use tidegate_worker::worker::ConnectorClass;

use super::found::Found;

/// Says which versions there are of a connector's class, and whether one is asked for that is not there.
pub(super) fn of_connector(
    registry: &Registry,
    class: &ConnectorClass,
    properties: &Properties,
    found: &mut Found<'_>,
) {
    let there = registry.versions(class.info.kind, &class.info.class_name);
    let plugin = Versions {
        class_name: &class.info.class_name,
        class_key: "connector.class",
        version_key: "connector.plugin.version",
        there: &there,
    };
    plugin.fill_in(properties, found);
    plugin.check(properties, found);
}

/// Whether a version that is asked for is among those that there are.
pub(super) fn is_there(asked: Option<&str>, there: &[String]) -> bool {
    match asked.map(VersionRange::parse) {
        None => true,
        Some(Ok(range)) => range.is_any() || there.iter().any(|version| range.contains(version)),
        Some(Err(_)) => false,
    }
}

/// A class with its versions.
pub(super) struct Versions<'a> {
    pub(super) class_name: &'a str,
    /// The key that names the class.
    pub(super) class_key: &'a str,
    /// The key that asks for a version.
    pub(super) version_key: &'a str,
    /// The versions that there are, the lowest first.
    pub(super) there: &'a [String],
}

impl Versions<'_> {
    /// The newest is the default, and all are recommended.
    pub(super) fn fill_in(&self, properties: &Properties, found: &mut Found<'_>) {
        let Some((Some(key), value)) = found.of(self.version_key) else {
            return;
        };
        key.default = self.there.last().cloned();
        if !properties.contains_key(self.version_key) {
            value.value.clone_from(&key.default);
        }
        value.recommended_values = self.there.to_vec();
    }

    /// Whether what is asked for is there; said of the class and of the version, as Kafka Connect does.
    pub(super) fn check(&self, properties: &Properties, found: &mut Found<'_>) {
        let Some(asked) = properties.get(self.version_key) else {
            return;
        };
        let range = match VersionRange::parse(asked) {
            Ok(range) if range.is_any() => return,
            Ok(range) => range,
            Err(message) => {
                let key = self.version_key;
                let message = format!("Invalid value {asked} for configuration {key}: {message}");
                return found.error_once(key, message);
            }
        };
        if self.there.iter().any(|version| range.contains(version)) {
            return;
        }
        let message = range.not_found(self.class_name, &self.there.join(", "));
        found.error(self.class_key, message.clone());
        found.error(self.version_key, message);
    }
}
