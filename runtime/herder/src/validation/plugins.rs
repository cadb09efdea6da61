//! The transforms and predicates of a configuration: the keys of each alias, and what its plugin says of them.

use std::time::Instant;

use tidegate_config::Properties;
use tidegate_config::connector::{EnrichedKind, PREDICATES_MAX, TRANSFORMS_MAX, plugin_definition};
use tidegate_config::converter::with_prefix;
use tidegate_config::definition::list;
use tidegate_convert::class;
use tidegate_sandbox::{Identity, Kind, Plugin, PluginInfo, Registry};

use super::VALIDATION_TIME_MAX;
use super::found::Found;
use super::versions::{Versions, is_there};

/// Who is asked, and for how long.
pub(super) struct Asking<'a> {
    pub(super) registry: &'a Registry,
    /// For whom.
    pub(super) identity: Identity,
    pub(super) until: Instant,
}

/// An alias with the keys that are written for it.
struct Alias<'a> {
    kind: EnrichedKind,
    name: &'a str,
    /// What its keys begin with.
    prefix: String,
    /// Its keys without the prefix.
    config: Properties,
}

/// Adds the keys of all aliases of a kind and checks them. What is wrong with the list itself is said elsewhere.
pub(super) fn check(
    kind: EnrichedKind,
    asking: &Asking<'_>,
    properties: &Properties,
    found: &mut Found<'_>,
) {
    let max = match kind {
        EnrichedKind::Transform => TRANSFORMS_MAX,
        EnrichedKind::Predicate => PREDICATES_MAX,
    };
    let mut names = list(properties.get(kind.key()).map_or("", String::as_str));
    if names.len() > max {
        // Refused as a whole: none is asked.
        return;
    }
    names.retain(|name| !name.is_empty());
    if names.len() > max {
        return;
    }
    let mut checked: Vec<&String> = Vec::new();
    for name in &names {
        if checked.contains(&name) {
            continue;
        }
        checked.push(name);
        let prefix = format!("{}.{name}.", kind.key());
        let alias = Alias {
            kind,
            name,
            config: with_prefix(properties, &prefix),
            prefix,
        };
        alias.check(asking, properties, found);
    }
}

impl Alias<'_> {
    fn check(&self, asking: &Asking<'_>, properties: &Properties, found: &mut Found<'_>) {
        let registry = asking.registry;
        let plugin_kind = match self.kind {
            EnrichedKind::Transform => Kind::Transform,
            EnrichedKind::Predicate => Kind::Predicate,
        };
        let type_key = format!("{}type", self.prefix);
        let class = self.config.get("type").map(String::as_str);
        let asked = self.config.get("plugin.version").map(String::as_str);
        let plugin = class.map(|class| {
            let found = registry.find_version(plugin_kind, class.trim(), asked);
            found.or_else(|_| registry.find(plugin_kind, class.trim()))
        });
        let info = plugin.as_ref().and_then(|found| found.as_ref().ok());
        let there = info.map(|(_, info)| registry.versions(plugin_kind, &info.class_name));
        let is_there = is_there(asked, there.as_deref().unwrap_or_default());
        let own = info.filter(|_| is_there).map(|(_, info)| &info.definition);
        let keys = plugin_definition(self.kind, self.name, own);
        found.add(keys.0, properties);
        if let Some((_, value)) = found.of(&type_key) {
            value.recommended_values = registry.class_names(plugin_kind);
            value.value = info.map(|(_, info)| info.class_name.clone());
        }
        if let (Some(class), None) = (class, info) {
            self.no_such_class(registry, plugin_kind, class, found);
        }
        if self.config.contains_key("negate") && !self.config.contains_key("predicate") {
            let prefix = &self.prefix;
            let message = format!(
                "Config '{prefix}negate' was provided but there is no config '{prefix}predicate' defining a predicate \
                 to be negated."
            );
            found.error(&type_key, message);
        }
        if let (Some((plugin, info)), Some(there)) = (info, there) {
            let versions = Versions {
                class_name: &info.class_name,
                class_key: &type_key,
                version_key: &format!("{}plugin.version", self.prefix),
                there: &there,
            };
            versions.fill_in(properties, found);
            versions.check(properties, found);
            if is_there {
                self.ask(asking, plugin, info, found);
            }
        }
    }

    /// Says that there is no such class, or that it is something else.
    fn no_such_class(&self, registry: &Registry, kind: Kind, class: &str, found: &mut Found<'_>) {
        let type_key = format!("{}type", self.prefix);
        let written = class.trim();
        let parts: Vec<String> = registry
            .class_names(kind)
            .into_iter()
            .filter(|name| {
                name.strip_prefix(written)
                    .is_some_and(|rest| rest.starts_with('$'))
            })
            .collect();
        let (message, is_there) = if !parts.is_empty() {
            let parts = parts.join(", ");
            let message =
                format!("This class is abstract and cannot be created. Did you mean {parts}?");
            (message, true)
        } else if is_a_plugin(registry, written) {
            let interface = self.kind.interface();
            let message =
                format!("Class class {written} does not implement the {interface} interface");
            (message, true)
        } else {
            let message = format!(
                "Invalid value {class} for configuration {type_key}: Class {class} could not be found.{}",
                nearest(registry, kind, written)
            );
            (message, false)
        };
        found.error(&type_key, message);
        if let Some((_, value)) = found.of(&type_key) {
            value.value = is_there.then(|| written.to_owned());
        }
    }

    /// Asks the plugin what it thinks of its keys.
    fn ask(&self, asking: &Asking<'_>, plugin: &Plugin, info: &PluginInfo, found: &mut Found<'_>) {
        let type_key = format!("{}type", self.prefix);
        if Instant::now() >= asking.until {
            let message = format!(
                "The configuration of {} was not checked: the plugins before it took longer than {} s together",
                info.class_name,
                VALIDATION_TIME_MAX.as_secs()
            );
            return found.error(&type_key, message);
        }
        let mut config = self.config.clone();
        for framework in ["type", "plugin.version", "predicate", "negate"] {
            config.remove(framework);
        }
        let config = info.definition.resolved(&config);
        match plugin.validate(&asking.identity, &info.class_name, &config) {
            Ok(errors) => errors.into_iter().for_each(|(key, message)| {
                let whole = format!("{}{key}", self.prefix);
                let message = message.replacen(
                    &format!(" for configuration {key}: "),
                    &format!(" for configuration {whole}: "),
                    1,
                );
                found.error_once(&whole, message);
            }),
            Err(error) => found.error(&type_key, error.to_string()),
        }
    }
}

/// Whether a class of this full name is there as something of another kind.
pub(super) fn is_a_plugin(registry: &Registry, class_name: &str) -> bool {
    let is = |kind| {
        registry
            .class_names(kind)
            .iter()
            .any(|name| name == class_name)
    };
    class::find(class_name).is_some_and(|class| class.name == class_name)
        || Kind::ALL.into_iter().any(is)
}

fn nearest(registry: &Registry, kind: Kind, class: &str) -> String {
    let of_kind = registry.class_names(kind);
    let mut nearest = registry.nearest(class);
    nearest.retain(|name| of_kind.contains(name));
    match nearest.as_slice() {
        [] => " `tidegate plugins` and GET /connector-plugins?connectorsOnly=false list all."
            .to_owned(),
        [one] => format!(" The nearest is {one}."),
        several => format!(" The nearest are {}.", several.join(", ")),
    }
}
