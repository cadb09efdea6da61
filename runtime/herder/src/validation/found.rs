//! What was found of a configuration so far, key by key, and the answer that is made of it.

use tidegate_config::Properties;
use tidegate_config::definition::{ConfigKey, ConfigValue};

use crate::info::{ConfigInfo, ConfigInfos, ConfigKeyInfo, ConfigValueInfo};

/// What was found so far.
#[derive(Default)]
pub(super) struct Found {
    /// Without a definition: something is wrong with a key that nothing defines.
    configs: Vec<(Option<ConfigKey>, ConfigValue)>,
}

impl Found {
    /// Adds keys with the values that are given for them. A connector may define a key of the framework again: its
    /// own definition counts, in the place of the other.
    pub(super) fn add(&mut self, keys: impl IntoIterator<Item = ConfigKey>, config: &Properties) {
        for key in keys {
            let value = key.validate(config.get(&key.name).map(String::as_str));
            match self.of(&key.name) {
                Some(known) => *known = (Some(key), value),
                None => self.configs.push((Some(key), value)),
            }
        }
    }

    /// A key with its value.
    pub(super) fn of(&mut self, name: &str) -> Option<&mut (Option<ConfigKey>, ConfigValue)> {
        self.configs
            .iter_mut()
            .find(|(_, value)| value.name == name)
    }

    /// Adds what is wrong with the value of a key.
    pub(super) fn error(&mut self, name: &str, message: String) {
        match self.of(name) {
            Some((_, value)) => value.errors.push(message),
            None => {
                let value = ConfigValue {
                    errors: vec![message],
                    ..ConfigValue::named(name)
                };
                self.configs.push((None, value));
            }
        }
    }

    /// The same, where what was said of the key before says enough.
    pub(super) fn error_once(&mut self, name: &str, message: String) {
        match self.of(name) {
            Some((_, value)) if !value.errors.is_empty() => {}
            _ => self.error(name, message),
        }
    }

    /// The answer for a class, as it was asked for.
    pub(super) fn into_infos(self, class: &str) -> ConfigInfos {
        let mut groups: Vec<String> = Vec::new();
        let keys = self.configs.iter().filter_map(|(key, _)| key.as_ref());
        for group in keys.filter_map(|key| key.group.as_ref()) {
            if !groups.contains(group) {
                groups.push(group.clone());
            }
        }
        let (defined, undefined): (Vec<_>, Vec<_>) =
            (self.configs.into_iter()).partition(|(key, _)| key.is_some());
        // In Kafka Connect's order.
        let all = undefined.into_iter().chain(defined);
        let configs: Vec<ConfigInfo> = all
            .map(|(key, value)| ConfigInfo {
                definition: key.as_ref().map(key_info),
                value: value_info(value),
            })
            .collect();
        ConfigInfos {
            name: class.to_owned(),
            error_count: configs.iter().map(|info| info.value.errors.len()).sum(),
            groups,
            configs,
        }
    }
}

fn value_info(value: ConfigValue) -> ConfigValueInfo {
    ConfigValueInfo {
        name: value.name,
        value: value.value,
        recommended_values: value.recommended_values,
        errors: value.errors,
        visible: value.visible,
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
        dependents: key.dependents.clone(),
        order: key.order,
    }
}
