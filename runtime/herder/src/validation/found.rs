//! What was found of a configuration so far, key by key, and the answer that is made of it.

use std::borrow::Cow;

use tidegate_config::definition::{ConfigKey, ConfigType, ConfigValue};
use tidegate_config::{ConfigError, Properties};
use tidegate_worker::resolution::Resolution;

use crate::info::{ConfigInfo, ConfigInfos, ConfigKeyInfo, ConfigValueInfo};

/// What was found so far.
pub(super) struct Found<'a> {
    /// Without a definition: something is wrong with a key that nothing defines.
    configs: Vec<(Option<ConfigKey>, ConfigValue)>,
    /// What was written, and what of it may not be shown.
    resolution: &'a Resolution,
}

impl<'a> Found<'a> {
    pub(super) fn new(resolution: &'a Resolution) -> Self {
        Self {
            configs: Vec::new(),
            resolution,
        }
    }

    /// Adds keys with the values that are given for them. A connector may define a key of the framework again: its
    /// own definition counts, in the place of the other.
    pub(super) fn add(&mut self, keys: impl IntoIterator<Item = ConfigKey>, config: &Properties) {
        for key in keys {
            let given = config.get(&key.name).map(String::as_str);
            let value = match self.resolution.resolved.is_provided(&key.name) {
                true => key.validate_hidden(given),
                false => key.validate(given),
            };
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

    /// Says that a reference in a value cannot be resolved; nothing else matters of that value then.
    pub(super) fn unresolved(&mut self, error: &ConfigError) {
        let name = error.key().unwrap_or("connector.class");
        if let Some((_, value)) = self.of(name) {
            value.errors.clear();
        }
        self.error(name, error.to_string());
    }

    /// What was written stands for what a provider gave, and no message shows it.
    fn hide(&mut self) {
        let Resolution {
            resolved, secrets, ..
        } = self.resolution;
        for (key, value) in &mut self.configs {
            let is_password = (key.as_ref()).is_some_and(|key| key.kind == ConfigType::Password);
            if let Some(written) = resolved.written(&value.name)
                && !is_password
            {
                value.value = Some(written.to_owned());
            }
            for error in &mut value.errors {
                if let Cow::Owned(redacted) = secrets.redact(error) {
                    *error = redacted;
                }
            }
        }
    }

    /// The answer for a class, as it was asked for.
    pub(super) fn into_infos(mut self, class: &str) -> ConfigInfos {
        self.hide();
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
