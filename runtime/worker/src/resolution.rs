//! A connector's configuration as its tasks and plugins get it: references resolved, and what of it nobody may be shown.
//!
//! Made when it is needed, and kept no longer: what is stored and shown is what was written.

use tidegate_config::ConfigError;
use tidegate_config::Properties;
use tidegate_config::connector::{ConnectorConfig, ConverterRole, EnrichedKind};
use tidegate_config::converter::{ConverterConfig, with_prefix};
use tidegate_config::definition::{ConfigType, Definition, Names, list};
use tidegate_config::resolved::Resolved;
use tidegate_config::secrets::Secrets;
use tidegate_config::worker::WorkerConfig;
use tidegate_convert::class;
use tidegate_sandbox::{Identity, Kind, Registry};

/// What the names of client settings have in them whose values are not for showing.
const SECRET_SETTINGS: [&str; 5] = ["password", "secret", "token", "jaas", "ssl.key"];

/// A connector's configuration, resolved.
pub struct Resolution {
    /// The configuration with references resolved.
    pub connector: ConnectorConfig,
    /// What was written, and which values came from a provider.
    pub resolved: Resolved,
    /// What could not be resolved, and stays as it was written.
    pub errors: Vec<ConfigError>,
    /// What nobody may be shown: what came from providers, and the values of passwords.
    pub secrets: Secrets,
}

impl Resolution {
    /// Resolves a connector's configuration. Blocks.
    #[must_use]
    pub fn of(registry: &Registry, worker: &WorkerConfig, connector: &ConnectorConfig) -> Self {
        let (connector, resolved, errors) = connector.resolved(&worker.providers);
        let passwords = passwords(registry, worker, &connector.properties);
        let passwords = passwords.iter().map(String::as_str);
        let secrets = Secrets::of(passwords).and(resolved.secrets());
        Self {
            connector,
            resolved,
            errors,
            secrets: secrets.and(&worker.secrets),
        }
    }

    /// The same, when all could be resolved.
    ///
    /// # Errors
    /// With the first that could not.
    pub fn whole(mut self) -> Result<Self, ConfigError> {
        match self.errors.is_empty() {
            true => Ok(self),
            false => Err(self.errors.swap_remove(0)),
        }
    }

    /// Whose guests are asked or run with it.
    #[must_use]
    pub fn identity(&self, task: Option<u32>) -> Identity {
        Identity {
            connector: self.connector.name.clone(),
            task,
            usage: Default::default(),
            share: Default::default(),
            secrets: self.secrets.clone(),
        }
    }
}

/// The values of keys that are passwords or secrets: of the connector's class, its converters, transforms, predicates and
/// client settings, and of the worker's converters.
fn passwords(registry: &Registry, worker: &WorkerConfig, properties: &Properties) -> Vec<String> {
    let mut found = Vec::new();
    let class = properties
        .get("connector.class")
        .map_or("", |class| class.trim());
    if let Ok((_, info)) = registry.find_connector(class) {
        of_definition(&info.definition, "", properties, &mut found);
    }
    for (kind, plugin) in [
        (EnrichedKind::Transform, Kind::Transform),
        (EnrichedKind::Predicate, Kind::Predicate),
    ] {
        for alias in list(properties.get(kind.key()).map_or("", String::as_str)) {
            let prefix = format!("{}.{alias}.", kind.key());
            let class = properties.get(&format!("{prefix}type"));
            let class = class.map_or("", |class| class.trim());
            if let Ok((_, info)) = registry.find(plugin, class) {
                of_definition(&info.definition, &prefix, properties, &mut found);
            }
        }
    }
    for role in [
        ConverterRole::Key,
        ConverterRole::Value,
        ConverterRole::Header,
    ] {
        let own = ConverterConfig::of(role, properties);
        of_converter(own.as_ref().unwrap_or(worker.converter(role)), &mut found);
    }
    for client in [
        "producer.override.",
        "consumer.override.",
        "admin.override.",
    ] {
        let secret = |(key, value): (String, String)| {
            let is_secret = SECRET_SETTINGS.iter().any(|part| key.contains(part));
            is_secret.then_some(value)
        };
        found.extend(
            with_prefix(properties, client)
                .into_iter()
                .filter_map(secret),
        );
    }
    found
}

fn of_definition(
    definition: &Definition,
    prefix: &str,
    properties: &Properties,
    found: &mut Vec<String>,
) {
    let secret = |key: &&tidegate_config::definition::ConfigKey| {
        key.kind == ConfigType::Password || key.names == Names::Secret
    };
    let keys = definition.0.iter().filter(secret);
    found.extend(keys.filter_map(|key| properties.get(&format!("{prefix}{}", key.name)).cloned()));
}

fn of_converter(converter: &ConverterConfig, found: &mut Vec<String>) {
    let keys = class::find(converter.class.trim()).map_or([].as_slice(), |class| class.keys);
    for key in keys.iter().filter(|key| key.kind == "PASSWORD") {
        let Some(value) = converter.config.get(key.name) else {
            continue;
        };
        found.push(value.clone());
        // user:password
        found.extend(
            value
                .split_once(':')
                .map(|(_, password)| password.to_owned()),
        );
    }
}
