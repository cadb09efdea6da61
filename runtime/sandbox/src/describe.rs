//! What a component says of itself, checked and in the model's words.

use std::collections::{HashMap, HashSet};

use tidegate_config::definition::{ConfigKey, ConfigType, Definition, Importance, Names, Width};
use tidegate_model::guest_text::clean;

use crate::bindings::plugin::{self, Info};

/// The most plugins of a component.
pub const PLUGINS_MAX: usize = 1_000;
/// The most configuration keys of a plugin.
pub const CONFIG_KEYS_MAX: usize = 1_000;
/// The most aliases of a plugin, and values that a key allows.
const NAMES_MAX: usize = 1_000;
/// The most bytes of a class name, an alias or a key.
const NAME_BYTES_MAX: usize = 255;
/// The most bytes of a documentation that are kept.
const TEXT_BYTES_MAX: usize = 8 * 1024;
/// The most bytes of a default, and of a value that a key allows. Both are kept as they are, for the guest gets the
/// default as a value and values are compared: they are made safe where they are shown.
const VALUE_BYTES_MAX: usize = 8 * 1024;

/// What a plugin is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A source connector.
    Source,
    /// A sink connector.
    Sink,
    /// A single message transform.
    Transform,
    /// A predicate.
    Predicate,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Source, Self::Sink, Self::Transform, Self::Predicate];

    /// The name that Kafka Connect's REST API gives it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Sink => "sink",
            Self::Transform => "transformation",
            Self::Predicate => "predicate",
        }
    }

    /// The interface that implements it.
    pub(crate) fn interface(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Sink => "sink",
            Self::Transform => "transform",
            Self::Predicate => "predicate",
        }
    }
}

impl From<plugin::Kind> for Kind {
    fn from(kind: plugin::Kind) -> Self {
        match kind {
            plugin::Kind::Source => Self::Source,
            plugin::Kind::Sink => Self::Sink,
            plugin::Kind::Transform => Self::Transform,
            plugin::Kind::Predicate => Self::Predicate,
        }
    }
}

/// A plugin of a component.
#[derive(Debug, Clone)]
pub struct PluginInfo {
    /// The full class name.
    pub class_name: String,
    /// Further names it is found by.
    pub aliases: Vec<String>,
    /// What it is for.
    pub kind: Kind,
    /// Its version.
    pub version: String,
    /// What it does.
    pub documentation: String,
    /// Its configuration keys.
    pub definition: Definition,
    /// Whether its component imports nothing but, perhaps, the log: it can then neither read nor write anything.
    pub pure: bool,
}

/// Checks what a component says of itself. `exports` says whether it has an interface.
pub(crate) fn check(infos: &[Info], exports: impl Fn(Kind) -> bool) -> Result<(), String> {
    if infos.is_empty() || infos.len() > PLUGINS_MAX {
        return Err(format!(
            "it describes {} plugins; 1 to {PLUGINS_MAX} are allowed",
            infos.len()
        ));
    }
    let mut seen = HashSet::new();
    for info in infos {
        name("a class name", &info.class_name)?;
        let class = &info.class_name;
        let kind = Kind::from(info.kind);
        if !exports(kind) {
            return Err(format!(
                "it describes the {} {class} but does not export the interface {}",
                kind.name(),
                kind.interface()
            ));
        }
        if !seen.insert((kind, class)) {
            return Err(format!("it describes the {} {class} twice", kind.name()));
        }
        name("a version", &info.version)?;
        if info.aliases.len() > NAMES_MAX || info.config.len() > CONFIG_KEYS_MAX {
            return Err(format!(
                "{class} has {} aliases and {} configuration keys; at most {NAMES_MAX} and {CONFIG_KEYS_MAX} are allowed",
                info.aliases.len(),
                info.config.len()
            ));
        }
        for alias in &info.aliases {
            name("an alias", alias)?;
        }
        keys(info)?;
    }
    Ok(())
}

fn keys(info: &Info) -> Result<(), String> {
    let mut seen = HashSet::new();
    for key in &info.config {
        name("a configuration key", &key.name)?;
        let class = &info.class_name;
        if !seen.insert(&key.name) {
            return Err(format!(
                "{class} has the configuration key {} twice",
                key.name
            ));
        }
        let listed = key.valid_values.len().max(key.recommended_values.len());
        if listed > NAMES_MAX {
            return Err(format!(
                "the key {} of {class} allows or recommends {listed} values; at most {NAMES_MAX} are listed",
                key.name
            ));
        }
        let listed = key.valid_values.iter().chain(&key.recommended_values);
        let values = key.default_value.iter().chain(listed);
        if let Some(long) = values.map(String::len).find(|len| *len > VALUE_BYTES_MAX) {
            return Err(format!(
                "the key {} of {class} has a default, or an allowed or recommended value, of {long} bytes; at most {VALUE_BYTES_MAX} are allowed",
                key.name
            ));
        }
        if key.required && key.default_value.is_some() {
            return Err(format!(
                "the key {} of {class} is required and has a default; only one makes sense",
                key.name
            ));
        }
    }
    Ok(())
}

fn name(what: &str, name: &str) -> Result<(), String> {
    let visible = |c: char| c.is_ascii_graphic();
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(visible) {
        return Err(format!(
            "{what} is {:?}; 1 to {NAME_BYTES_MAX} visible ASCII characters are allowed",
            clean(name, 100)
        ));
    }
    Ok(())
}

/// The plugin in the model's words.
pub(crate) fn plugin_info(info: &Info, pure: bool) -> PluginInfo {
    PluginInfo {
        class_name: info.class_name.clone(),
        aliases: info.aliases.clone(),
        kind: info.kind.into(),
        version: info.version.clone(),
        documentation: text(&info.documentation),
        definition: Definition(config_keys(info)),
        pure,
    }
}

fn text(text: &str) -> String {
    clean(text, TEXT_BYTES_MAX).into_owned()
}

fn config_key(key: &plugin::ConfigKey) -> ConfigKey {
    ConfigKey {
        name: key.name.clone(),
        kind: match key.type_ {
            plugin::ConfigType::Boolean => ConfigType::Boolean,
            plugin::ConfigType::Text => ConfigType::String,
            plugin::ConfigType::Int => ConfigType::Int,
            plugin::ConfigType::Short => ConfigType::Short,
            plugin::ConfigType::Long => ConfigType::Long,
            plugin::ConfigType::Double => ConfigType::Double,
            plugin::ConfigType::List => ConfigType::List,
            plugin::ConfigType::Class => ConfigType::Class,
            plugin::ConfigType::Password => ConfigType::Password,
        },
        default: key.default_value.clone(),
        required: key.required,
        importance: match key.importance {
            plugin::Importance::High => Importance::High,
            plugin::Importance::Medium => Importance::Medium,
            plugin::Importance::Low => Importance::Low,
        },
        documentation: text(&key.documentation),
        valid_values: key.valid_values.clone(),
        names: match key.names {
            plugin::Names::Nothing => Names::Nothing,
            plugin::Names::ReadFile => Names::ReadFile,
            plugin::Names::WriteFile => Names::WriteFile,
            plugin::Names::ReadFolder => Names::ReadFolder,
            plugin::Names::WriteFolder => Names::WriteFolder,
            plugin::Names::Address => Names::Address,
            plugin::Names::Url => Names::Url,
            plugin::Names::Secret => Names::Secret,
        },
        group: key.group.as_deref().map(name_in_a_form),
        width: match key.width {
            plugin::Width::None => Width::None,
            plugin::Width::Short => Width::Short,
            plugin::Width::Medium => Width::Medium,
            plugin::Width::Long => Width::Long,
        },
        display_name: name_in_a_form(key.display_name.as_deref().unwrap_or(&key.name)),
        recommended_values: key.recommended_values.clone(),
        ..ConfigKey::named(&key.name)
    }
}

fn name_in_a_form(text: &str) -> String {
    clean(text, NAME_BYTES_MAX).into_owned()
}

/// The keys; those of a group are numbered in it, as authors of Kafka Connect number theirs.
fn config_keys(info: &Info) -> Vec<ConfigKey> {
    let mut counts: HashMap<String, i32> = HashMap::new();
    let numbered = |key: &plugin::ConfigKey| {
        let mut key = config_key(key);
        if let Some(group) = &key.group {
            let count = counts.entry(group.clone()).or_default();
            *count += 1;
            key.order = *count;
        }
        key
    };
    info.config.iter().map(numbered).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(default: &str, valid: &str) -> Info {
        Info {
            class_name: "test.Sink".to_owned(),
            aliases: vec![],
            kind: plugin::Kind::Sink,
            version: "1".to_owned(),
            documentation: "One\ntwo.".to_owned(),
            config: vec![plugin::ConfigKey {
                name: "separator".to_owned(),
                type_: plugin::ConfigType::Text,
                default_value: Some(default.to_owned()),
                required: false,
                importance: plugin::Importance::Low,
                documentation: String::new(),
                valid_values: vec![valid.to_owned()],
                names: plugin::Names::Nothing,
                group: None,
                width: plugin::Width::None,
                display_name: None,
                recommended_values: vec![],
            }],
        }
    }

    #[test]
    fn defaults_and_allowed_values_are_kept_as_they_are() {
        let described = plugin_info(&info("\n", "\u{1f}"), true);
        let key = &described.definition.0[0];
        assert_eq!(key.default.as_deref(), Some("\n"));
        assert_eq!(key.valid_values, ["\u{1f}"]);
        assert_eq!(described.documentation, "One\\ntwo.");
        let resolved = described.definition.resolved(&Default::default());
        assert_eq!(resolved["separator"], "\n");
    }

    #[test]
    fn a_default_or_an_allowed_value_that_is_too_long_is_refused() {
        let check = |info| check(&[info], |_| true);
        let (most, over) = ("x".repeat(VALUE_BYTES_MAX), "x".repeat(VALUE_BYTES_MAX + 1));
        assert_eq!(check(info(&most, &most)), Ok(()));
        for long in [info(&over, ""), info("", &over)] {
            let refused = check(long).unwrap_err();
            assert!(
                refused.contains("separator of test.Sink") && refused.contains("8193 bytes"),
                "{refused}"
            );
        }
    }
}
