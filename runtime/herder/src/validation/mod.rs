//! Whether a connector's configuration can work: the framework's keys, the connector's own, its converters,
//! transforms and predicates. The answer is that of Kafka Connect's `AbstractHerder.validateConnectorConfig`.
//!
//! | module | what |
//! | --- | --- |
//! | `found` | what was found so far, and the answer made of it |
//! | `versions` | the versions of plugins that a configuration asks for |
//! | `converters` | the classes of converters and their keys |
//! | `plugins` | transforms and predicates, as `ConnectorConfig.EnrichablePlugin` has them |
//!
//! Plugins are asked in the sandbox with nothing granted, and all of them together for a bounded time.

mod converters;
mod found;
mod plugins;
mod versions;

use std::time::{Duration, Instant};

use tidegate_config::Properties;
use tidegate_config::connector::{self, ConnectorConfig, ConnectorRole, DLQ_TOPIC, EnrichedKind};
use tidegate_config::grants::{Policy, check_asking_keys, grants_without};
use tidegate_config::worker::WorkerConfig;
use tidegate_model::guest_text::clean;
use tidegate_sandbox::{Kind, Registry};
use tidegate_worker::converter_grants::check_converters;
use tidegate_worker::resolution::Resolution;
use tidegate_worker::worker::{ConnectorClass, connector_class};
use tidegate_worker::{Worker, WorkerError};

use crate::error::HerderError;
use crate::info::ConfigInfos;

pub(crate) use converters::config_key;
pub(crate) use found::key_info;

use found::Found;
use plugins::Asking;

/// How long the plugins that a configuration names may check it, together; those that are left then are not asked.
/// The last that was asked has its own deadlines beside.
pub const VALIDATION_TIME_MAX: Duration = Duration::from_secs(10);
/// The most bytes of what a client wrote in a message about all of it.
const SHOWN_BYTES_MAX: usize = 2_000;

/// Refuses a configuration that cannot work, with all that is wrong. Blocks.
pub(crate) fn check(
    worker: &Worker,
    connector: &ConnectorConfig,
    policy: &Policy,
) -> Result<(), HerderError> {
    let config = Some(worker.config());
    let resolution = resolve(worker.registry(), config, connector);
    for (key, provider) in resolution.resolved.unknown_providers() {
        tracing::warn!(connector = %connector.name, key, provider,
            "The value has a reference to a config provider that the worker does not have: it is taken as text.");
    }
    if connector.class().is_err() {
        let keys: Vec<&str> = connector.properties.keys().map(String::as_str).collect();
        return Err(HerderError::BadRequest(format!(
            "Connector config {{{}}} contains no connector type; set connector.class",
            clean(&keys.join(", "), SHOWN_BYTES_MAX)
        )));
    }
    let class = class_of(worker.registry(), &resolution.connector).map_err(|error| {
        let written = connector.class().unwrap_or_default();
        let error = error.redacted(&resolution.secrets);
        HerderError::BadRequest(format!(
            "Failed to find any class that implements Connector and which name matches {}: {error}",
            clean(written, SHOWN_BYTES_MAX)
        ))
    })?;
    let infos = validate(worker.registry(), config, &resolution, &class, policy);
    let errors: Vec<String> = infos
        .configs
        .into_iter()
        .flat_map(|config| {
            let name = config.value.name;
            let errors = config.value.errors.into_iter();
            errors.map(move |error| with_its_key(&name, error))
        })
        .collect();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(HerderError::Invalid(errors))
    }
}

/// What the keys of plugins begin with of which a connector may have several.
const SEVERAL: [&str; 5] = [
    "transforms.",
    "predicates.",
    "key.converter.",
    "value.converter.",
    "header.converter.",
];

/// A message that stands alone, without its key beside it: it then says which of several plugins is meant.
fn with_its_key(key: &str, message: String) -> String {
    let of_one_of_several = SEVERAL.iter().any(|prefix| key.starts_with(prefix));
    match of_one_of_several && !message.contains(key) {
        true => format!("{message} ({key})"),
        false => message,
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
    // As Kafka Connect compares: for full and for simple names, with or without the suffix.
    if !without_suffix(&given).ends_with(without_suffix(class)) {
        return Err(HerderError::BadRequest(format!(
            "Included connector type {given} does not match request type {class}"
        )));
    }
    let name = properties.get("name").cloned().unwrap_or_default();
    let connector = ConnectorConfig::unnamed(&name, properties);
    let resolution = resolve(worker.registry(), Some(worker.config()), &connector);
    let class = class_of(worker.registry(), &resolution.connector);
    let class = class
        .map_err(|error| HerderError::NotFound(error.redacted(&resolution.secrets).to_string()))?;
    Ok(validate(
        worker.registry(),
        Some(worker.config()),
        &resolution,
        &class,
        &worker.config().rest_policy,
    ))
}

fn without_suffix(class: &str) -> &str {
    let short = class.strip_suffix("Connector");
    short.filter(|short| !short.is_empty()).unwrap_or(class)
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
    let resolution = resolve(registry, worker, connector);
    let class = class_of(registry, &resolution.connector);
    let class = class.map_err(|error| error.redacted(&resolution.secrets))?;
    let policy = Policy::Permissive;
    Ok(validate(registry, worker, &resolution, &class, &policy))
}

/// The class of a connector in the version that it asks for; in another where that is not there, which is then said.
fn class_of(
    registry: &Registry,
    connector: &ConnectorConfig,
) -> Result<ConnectorClass, WorkerError> {
    connector_class(registry, connector).or_else(|_| {
        let (plugin, info) = registry.find_connector(connector.class()?)?;
        Ok(ConnectorClass { plugin, info })
    })
}

/// Resolves a configuration; without a worker no provider is known.
fn resolve(
    registry: &Registry,
    worker: Option<&WorkerConfig>,
    connector: &ConnectorConfig,
) -> Resolution {
    Resolution::of(registry, worker.unwrap_or(WorkerConfig::none()), connector)
}

/// Everything that is known of a configuration, key by key. Blocks.
fn validate(
    registry: &Registry,
    worker: Option<&WorkerConfig>,
    resolution: &Resolution,
    class: &ConnectorClass,
    policy: &Policy,
) -> ConfigInfos {
    let connector = &resolution.connector;
    let asking = Asking {
        registry,
        identity: resolution.identity(None),
        until: Instant::now() + VALIDATION_TIME_MAX,
    };
    let role = if class.info.kind == Kind::Sink {
        ConnectorRole::Sink
    } else {
        ConnectorRole::Source
    };
    let own = &class.info.definition;
    let properties = &connector.properties;
    // Asked first, and said where its keys stand.
    let said = class.plugin.validate(
        &asking.identity,
        &class.info.class_name,
        &own.resolved(properties),
    );
    let mut found = Found::new(resolution);
    found.add(connector::definition(role).0, properties);
    versions::of_connector(registry, class, properties, &mut found);
    converters::classes(registry, worker, properties, &mut found);
    plugins::check(EnrichedKind::Transform, &asking, properties, &mut found);
    plugins::check(EnrichedKind::Predicate, &asking, properties, &mut found);
    found.add(own.0.iter().cloned(), properties);
    match said {
        Ok(errors) => errors
            .into_iter()
            .for_each(|(key, message)| found.error_once(&key, message)),
        Err(error) => found.error("connector.class", error.to_string()),
    }
    // Looked at again when a task starts: the folders may have changed.
    let never = worker.map(WorkerConfig::control_plane).unwrap_or_default();
    let granted = check_asking_keys(own, properties)
        .and_then(|()| grants_without(own, properties, policy, &never).map(drop));
    if let Err(error) = granted {
        let key = error.key().unwrap_or("connector.class").to_owned();
        found.error_once(&key, error.to_string());
    }
    let allowed = check_converters(connector, policy);
    converters::keys(worker, properties, allowed.is_ok(), &mut found);
    if let Err(error) = allowed {
        let key = error.key().unwrap_or("connector.class").to_owned();
        found.error_once(&key, error.to_string());
    }
    for (key, message) in connector.check(role) {
        found.error_once(&key, message);
    }
    for (key, message) in worker
        .into_iter()
        .flat_map(|worker| worker.override_policy.check(properties))
    {
        found.error_once(&key, message);
    }
    if let Some(message) = worker.and_then(|worker| own_dead_letters(worker, connector)) {
        found.error_once(DLQ_TOPIC, message);
    }
    for error in &resolution.errors {
        found.unresolved(error);
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
