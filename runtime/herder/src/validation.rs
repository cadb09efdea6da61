//! Whether a connector's configuration can work: the framework's keys, the connector's own, its converters,
//! transforms and predicates.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tidegate_config::Properties;
use tidegate_config::connector::{
    self, ConnectorConfig, ConnectorRole, ConverterConfig, ConverterRole, DLQ_TOPIC,
};
use tidegate_config::definition::{ConfigKey, ConfigValue, Definition};
use tidegate_config::grants::{Policy, check_asking_keys, grants_without};
use tidegate_config::worker::WorkerConfig;
use tidegate_convert::Role;
use tidegate_sandbox::Kind;
use tidegate_sandbox::Registry;
use tidegate_worker::Worker;
use tidegate_worker::converter_grants::check_converters;
use tidegate_worker::worker::{ConnectorClass, connector_class};

use crate::error::HerderError;
use crate::info::{ConfigInfo, ConfigInfos, ConfigKeyInfo, ConfigValueInfo};

/// How long the plugins that a configuration names may check it, together; those that are left then are not asked.
/// The last that was asked has its own deadlines beside.
pub const VALIDATION_TIME_MAX: Duration = Duration::from_secs(10);

/// Refuses a configuration that cannot work, with all that is wrong. Blocks.
pub(crate) fn check(
    worker: &Worker,
    connector: &ConnectorConfig,
    policy: &Policy,
) -> Result<(), HerderError> {
    let class = worker
        .connector_class(connector)
        .map_err(|error| HerderError::BadRequest(error.to_string()))?;
    let config = Some(worker.config());
    let infos = validate(worker.registry(), config, connector, &class, policy);
    let errors: Vec<String> = infos
        .configs
        .into_iter()
        .flat_map(|config| config.value.errors)
        .collect();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(HerderError::Invalid(errors))
    }
}

/// Checks a configuration for a class, as `PUT /connector-plugins/{class}/config/validate` does. Blocks.
pub(crate) fn of_class(
    worker: &Worker,
    class: &str,
    config: &Properties,
) -> Result<ConfigInfos, HerderError> {
    let mut properties = config.clone();
    let given = properties
        .entry("connector.class".to_owned())
        .or_insert_with(|| class.to_owned())
        .clone();
    let simple = |name: &str| {
        name.rsplit('.')
            .next()
            .unwrap_or(name)
            .trim_end_matches("Connector")
            .to_owned()
    };
    if simple(&given) != simple(class) {
        return Err(HerderError::BadRequest(format!(
            "Included connector type {given} does not match request type {class}"
        )));
    }
    let name = properties.get("name").cloned().unwrap_or_default();
    let connector = ConnectorConfig::unnamed(&name, properties);
    let class = worker
        .connector_class(&connector)
        .map_err(|error| HerderError::NotFound(error.to_string()))?;
    Ok(validate(
        worker.registry(),
        Some(worker.config()),
        &connector,
        &class,
        &worker.config().rest_policy,
    ))
}

/// Checks a connector's configuration without a worker; converters that only the worker names are not
/// checked then. Blocks.
///
/// # Errors
/// When no plugin has the connector's class.
pub fn of_connector(
    registry: &Registry,
    worker: Option<&WorkerConfig>,
    connector: &ConnectorConfig,
) -> Result<ConfigInfos, HerderError> {
    let class = connector_class(registry, connector)?;
    let policy = Policy::Permissive;
    Ok(validate(registry, worker, connector, &class, &policy))
}

/// Everything that is known of a configuration, key by key. Blocks.
fn validate(
    registry: &Registry,
    worker: Option<&WorkerConfig>,
    connector: &ConnectorConfig,
    class: &ConnectorClass,
    policy: &Policy,
) -> ConfigInfos {
    let until = Instant::now() + VALIDATION_TIME_MAX;
    let role = if class.info.kind == Kind::Sink {
        ConnectorRole::Sink
    } else {
        ConnectorRole::Source
    };
    let framework = connector::definition(role);
    let own = &class.info.definition;
    let mut found = Found::default();
    found.add(&framework, &connector.properties);
    found.add(own, &connector.properties);
    match class
        .plugin
        .validate(&class.info.class_name, &own.resolved(&connector.properties))
    {
        Ok(errors) => errors
            .into_iter()
            .for_each(|(key, message)| found.error(&key, message)),
        Err(error) => found.error("connector.class", error.to_string()),
    }
    // Looked at again when a task starts: the folders may have changed.
    let never = worker.map(WorkerConfig::control_plane).unwrap_or_default();
    let asked = &connector.properties;
    let granted = check_asking_keys(own, asked)
        .and_then(|()| grants_without(own, asked, policy, &never).map(drop));
    if let Err(error) = granted {
        let key = error.key().unwrap_or("connector.class").to_owned();
        found.error_once(&key, error.to_string());
    }
    match check_converters(connector, policy) {
        // What may not be reached is not read either.
        Err(error) => {
            let key = error.key().unwrap_or("connector.class").to_owned();
            found.error_once(&key, error.to_string());
        }
        Ok(()) => converters(worker, connector, &mut found),
    }
    transforms(registry, connector, until, &mut found);
    for (key, message) in connector.check(role) {
        found.error_once(&key, message);
    }
    if let Some(message) = worker.and_then(|worker| own_dead_letters(worker, connector)) {
        found.error_once(DLQ_TOPIC, message);
    }
    found.into_infos(connector.class().unwrap_or_default())
}

/// What is wrong with a dead letter queue that is a topic of the worker's own.
fn own_dead_letters(worker: &WorkerConfig, connector: &ConnectorConfig) -> Option<String> {
    let topic = connector.errors().ok()?.dlq?.topic;
    let own = [
        &worker.offset_topic,
        &worker.config_topic,
        &worker.status_topic,
    ];
    own.iter().any(|own| own.name == topic).then(|| {
        format!(
            "Invalid value {topic} for configuration {DLQ_TOPIC}: the topic is the worker's own and not for connectors; \
             choose another"
        )
    })
}

fn converters(worker: Option<&WorkerConfig>, connector: &ConnectorConfig, found: &mut Found) {
    let roles = [
        (ConverterRole::Key, Role::Key),
        (ConverterRole::Value, Role::Value),
        (ConverterRole::Header, Role::Header),
    ];
    for (config_role, role) in roles {
        let own = ConverterConfig::of(config_role, &connector.properties);
        let Some(config) =
            own.or_else(|| worker.map(|worker| worker.converter(config_role).clone()))
        else {
            continue;
        };
        if let Err(error) = tidegate_convert::converter(&config.class, role, &config.config) {
            let class_key = config_role.class_key();
            let key = match error.config_key() {
                Some(key) => format!("{class_key}.{key}"),
                None => class_key.to_owned(),
            };
            found.error_once(&key, error.to_string());
        }
    }
}

fn transforms(registry: &Registry, connector: &ConnectorConfig, until: Instant, found: &mut Found) {
    // What is wrong with the list itself is said by the check of the connector.
    let transforms = connector.transforms().unwrap_or_default();
    let mut predicates = BTreeSet::new();
    for transform in transforms {
        let transform_part = Part {
            kind: Kind::Transform,
            prefix: format!("transforms.{}.", transform.alias),
            class: &transform.class,
            config: &transform.config,
        };
        plugin(registry, &transform_part, until, found);
        if let Some(predicate) = transform.predicate
            && predicates.insert(predicate.alias.clone())
        {
            let predicate_part = Part {
                kind: Kind::Predicate,
                prefix: format!("predicates.{}.", predicate.alias),
                class: &predicate.class,
                config: &predicate.config,
            };
            plugin(registry, &predicate_part, until, found);
        }
    }
}

/// A transform or predicate of a configuration; its keys have a prefix in the connector's.
struct Part<'a> {
    kind: Kind,
    prefix: String,
    class: &'a str,
    config: &'a Properties,
}

/// Checks the configuration of a transform or predicate.
fn plugin(registry: &Registry, part: &Part<'_>, until: Instant, found: &mut Found) {
    let Part {
        kind,
        prefix,
        class,
        config,
    } = part;
    let type_key = format!("{prefix}type");
    let (plugin, info) = match registry.find(*kind, class) {
        Ok(found) => found,
        Err(error) => return found.error(&type_key, error.to_string()),
    };
    let values = info.definition.validate(config);
    for (key, value) in info.definition.0.iter().zip(values) {
        let (mut key, mut value) = (key.clone(), value);
        key.name = format!("{prefix}{}", key.name);
        value.name = key.name.clone();
        found.configs.push((key, value));
    }
    if Instant::now() >= until {
        let message = format!(
            "The configuration of {} was not checked: the plugins before it took longer than {} s together",
            info.class_name,
            VALIDATION_TIME_MAX.as_secs()
        );
        return found.error(&type_key, message);
    }
    match plugin.validate(&info.class_name, &info.definition.resolved(config)) {
        Ok(errors) => {
            errors
                .into_iter()
                .for_each(|(key, message)| found.error_once(&format!("{prefix}{key}"), message));
        }
        Err(error) => found.error(&type_key, error.to_string()),
    }
}

/// What was found so far.
#[derive(Default)]
struct Found {
    configs: Vec<(ConfigKey, ConfigValue)>,
}

impl Found {
    fn add(&mut self, definition: &Definition, config: &Properties) {
        let values = definition.validate(config);
        for (key, value) in definition.0.iter().cloned().zip(values) {
            // A connector may define a key of the framework again; its own definition counts.
            self.configs.retain(|(known, _)| known.name != key.name);
            self.configs.push((key, value));
        }
    }

    fn error(&mut self, key: &str, message: String) {
        match self.configs.iter_mut().find(|(known, _)| known.name == key) {
            Some((_, value)) => value.errors.push(message),
            None => {
                let key = ConfigKey::named(key);
                let value = ConfigValue {
                    errors: vec![message],
                    ..ConfigValue::named(&key.name)
                };
                self.configs.push((key, value));
            }
        }
    }

    /// The same, where the definition may have said it already.
    fn error_once(&mut self, key: &str, message: String) {
        let said = self
            .configs
            .iter()
            .any(|(known, value)| known.name == key && !value.errors.is_empty());
        if !said {
            self.error(key, message);
        }
    }

    fn into_infos(self, class: &str) -> ConfigInfos {
        let error_count = self
            .configs
            .iter()
            .map(|(_, value)| value.errors.len())
            .sum();
        let mut groups: Vec<String> = Vec::new();
        for group in self
            .configs
            .iter()
            .filter_map(|(key, _)| key.group.as_ref())
        {
            if !groups.contains(group) {
                groups.push(group.clone());
            }
        }
        let info = |(key, value): (ConfigKey, ConfigValue)| ConfigInfo {
            definition: key_info(&key),
            value: ConfigValueInfo {
                name: value.name,
                value: value.value,
                recommended_values: value.recommended_values,
                errors: value.errors,
                visible: value.visible,
            },
        };
        let configs = self.configs.into_iter().map(info).collect();
        ConfigInfos {
            name: class.to_owned(),
            error_count,
            groups,
            configs,
        }
    }
}

/// A key as REST tells it.
pub(crate) fn key_info(key: &ConfigKey) -> ConfigKeyInfo {
    ConfigKeyInfo {
        name: key.name.clone(),
        kind: key.kind.to_string(),
        required: key.required,
        default_value: key.default.clone(),
        importance: key.importance.to_string(),
        documentation: key.documentation.clone(),
        group: key.group.clone(),
        width: key.width.to_string(),
        display_name: key.display_name.clone(),
        dependents: Vec::new(),
        order: key.order,
    }
}
