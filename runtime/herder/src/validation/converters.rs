//! The converters of a configuration: their classes, versions and own keys.

use tidegate_config::Properties;
use tidegate_config::connector::{ConverterConfig, ConverterRole};
use tidegate_config::converter::with_prefix;
use tidegate_config::definition::{ConfigKey, ConfigType, Importance, Validator, Width};
use tidegate_config::worker::WorkerConfig;
use tidegate_convert::{ConverterClass, Key, Role, class, class_names};
use tidegate_sandbox::Registry;

use super::found::Found;
use super::plugins::is_a_plugin;
use super::versions::Versions;

/// The version of the converters: they are built in.
const VERSION: &str = env!("CARGO_PKG_VERSION");

const ROLES: [(ConverterRole, Role); 3] = [
    (ConverterRole::Key, Role::Key),
    (ConverterRole::Value, Role::Value),
    (ConverterRole::Header, Role::Header),
];

/// Looks at the keys that name converters: what the worker's are, which there are, and whether those that the connector
/// names are there.
pub(super) fn classes(
    registry: &Registry,
    worker: Option<&WorkerConfig>,
    properties: &Properties,
    found: &mut Found<'_>,
) {
    for (config_role, role) in ROLES {
        let class_key = config_role.class_key();
        let version_key = format!("{class_key}.plugin.version");
        let given = properties.get(class_key);
        let of_worker = worker.and_then(|worker| class::find(&worker.converter(config_role).class));
        let used = match given {
            Some(given) => class::find(given.trim()),
            None => of_worker,
        };
        if let Some((Some(key), value)) = found.of(class_key) {
            key.default = of_worker.map(|class| class.name.to_owned());
            let serving = class_names().iter().filter(|class| class.serves(role));
            value.recommended_values = serving.map(|class| class.name.to_owned()).collect();
            value.value = used.map(|class| class.name.to_owned());
        }
        match (given, used) {
            (Some(_), Some(class)) if !class.serves(role) => {
                found.error(class_key, not_a_converter(class.name, role));
            }
            (_, Some(class)) => {
                let there = [VERSION.to_owned()];
                let versions = Versions {
                    class_name: class.name,
                    class_key,
                    version_key: &version_key,
                    there: &there,
                };
                versions.fill_in(properties, found);
                if given.is_some() {
                    versions.check(properties, found);
                }
            }
            (Some(given), None) if is_a_plugin(registry, given.trim()) => {
                if let Some((_, value)) = found.of(class_key) {
                    value.value = Some(given.trim().to_owned());
                }
                found.error(class_key, not_a_converter(given.trim(), role));
            }
            (Some(given), None) => {
                found.error(class_key, not_found(class_key, given));
                hide(&version_key, found);
            }
            (None, None) => {}
        }
    }
}

/// Adds the keys of the converters that the connector itself names, and checks all three. What may not be reached is
/// not made, for making it reads files.
pub(super) fn keys(
    worker: Option<&WorkerConfig>,
    properties: &Properties,
    may_be_made: bool,
    found: &mut Found<'_>,
) {
    // In Kafka Connect's order: headers first.
    let [key, value, header] = ROLES;
    for (config_role, role) in [header, key, value] {
        let class_key = config_role.class_key();
        let own = ConverterConfig::of(config_role, properties);
        let is_wrong = |found: &mut Found<'_>| {
            let known = found.of(class_key);
            known.is_some_and(|(_, value)| !value.errors.is_empty())
        };
        let class = own.as_ref().and_then(|own| class::find(&own.class));
        if let Some(class) = class
            && !is_wrong(found)
        {
            own_keys(class, config_role, properties, found);
        }
        let config = own.or_else(|| worker.map(|worker| worker.converter(config_role).clone()));
        let Some(config) = config.filter(|_| may_be_made && !is_wrong(found)) else {
            continue;
        };
        if let Err(error) = tidegate_convert::converter(&config.class, role, &config.config) {
            let key = match error.config_key() {
                Some(key) => format!("{class_key}.{key}"),
                None => class_key.to_owned(),
            };
            found.error_once(&key, error.to_string());
        }
    }
}

fn own_keys(
    class: &ConverterClass,
    role: ConverterRole,
    properties: &Properties,
    found: &mut Found<'_>,
) {
    let prefix = format!("{}.", role.class_key());
    let mut given: Properties = with_prefix(properties, &prefix)
        .into_iter()
        .map(|(key, value)| (format!("{prefix}{key}"), value))
        .collect();
    let used_as = match role {
        ConverterRole::Key => "key",
        ConverterRole::Value => "value",
        ConverterRole::Header => "header",
    };
    given
        .entry(format!("{prefix}converter.type"))
        .or_insert_with(|| used_as.to_owned());
    found.add(
        class.keys.iter().map(|key| config_key(key, &prefix)),
        &given,
    );
}

/// A key of a converter, with what stands before it in a connector's configuration.
pub(crate) fn config_key(key: &Key, prefix: &str) -> ConfigKey {
    let display_name = if key.display_name.is_empty() {
        key.name
    } else {
        key.display_name
    };
    ConfigKey {
        kind: ConfigType::named(key.kind).unwrap_or(ConfigType::String),
        default: key.default.map(str::to_owned),
        required: key.required,
        importance: Importance::named(key.importance).unwrap_or(Importance::Low),
        documentation: key.documentation.to_owned(),
        valid_values: key
            .valid_values
            .iter()
            .map(|value| (*value).to_owned())
            .collect(),
        validators: if key.ignores_case {
            vec![Validator::OneOfIgnoringCase]
        } else {
            Vec::new()
        },
        group: key.group.map(str::to_owned),
        order: key.order,
        width: Width::named(key.width).unwrap_or_default(),
        display_name: display_name.to_owned(),
        ..ConfigKey::named(&format!("{prefix}{}", key.name))
    }
}

/// A version of a class that is not there cannot be chosen.
fn hide(version_key: &str, found: &mut Found<'_>) {
    if let Some((_, value)) = found.of(version_key) {
        value.visible = false;
    }
}

fn not_a_converter(class: &str, role: Role) -> String {
    let interface = match role {
        Role::Header => "HeaderConverter",
        _ => "Converter",
    };
    format!("Class class {class} does not implement the {interface} interface")
}

fn not_found(key: &str, given: &str) -> String {
    let message =
        format!("Invalid value {given} for configuration {key}: Class {given} could not be found.");
    let nearest = class::nearest(given);
    if given.trim().is_empty() || nearest.is_empty() {
        return message;
    }
    match nearest.as_slice() {
        [one] => format!("{message} The nearest is {one}."),
        several => format!("{message} The nearest are {}.", several.join(", ")),
    }
}
