//! `tidegate plugins`: what each component is, imports and can be configured with.

use std::sync::Arc;

use serde_json::{Value, json};
use tidegate_model::guest_text::clean;
use tidegate_sandbox::{Kind, Plugin, PluginInfo, Registry};

use crate::args::PluginsArguments;
use crate::failure::Failure;
use crate::output::{json_line, line, number, table};
use crate::runtime;

/// A default is cut here when it is shown in a table.
const DEFAULT_BYTES_SHOWN: usize = 200;

/// Lists plugins, or shows one.
pub fn run(arguments: &PluginsArguments) -> Result<(), Failure> {
    let registry = runtime::named_registry(&arguments.path)?;
    if let Some(class) = &arguments.class {
        return one(&registry, class, arguments.json);
    }
    let plugins = registry.list();
    if arguments.json {
        let plugins: Vec<Value> = plugins
            .iter()
            .map(|(plugin, info)| as_json(plugin, info))
            .collect();
        return Ok(json_line(&Value::from(plugins))?);
    }
    let row = |(plugin, info): &(Plugin, Arc<PluginInfo>)| {
        let digest: String = plugin.digest().to_string().chars().take(12).collect();
        let imports = if info.pure {
            "nothing".to_owned()
        } else {
            imports(plugin)
        };
        [
            info.class_name.clone(),
            info.kind.name().to_owned(),
            info.version.clone(),
            digest,
            number(plugin.size() as u64),
            imports,
        ]
    };
    let rows = plugins.iter().map(row).collect();
    Ok(table(
        ["class", "type", "version", "digest", "bytes", "imports"],
        rows,
    )?)
}

fn one(registry: &Registry, class: &str, as_json_text: bool) -> Result<(), Failure> {
    let kinds = [Kind::Source, Kind::Sink, Kind::Transform, Kind::Predicate];
    let found = kinds
        .into_iter()
        .find_map(|kind| registry.find(kind, class).ok());
    let (plugin, info) = found.ok_or_else(|| {
        Failure::Usage(format!(
            "no plugin is called {class}; `tidegate plugins` lists those that are there"
        ))
    })?;
    if as_json_text {
        return Ok(json_line(&as_json(&plugin, &info))?);
    }
    line(&format!(
        "{} {} ({})\n{}",
        info.class_name,
        info.version,
        info.kind.name(),
        info.documentation
    ))?;
    line(&format!(
        "digest {}\nimports {}",
        plugin.digest(),
        plugin.imports().join(", ")
    ))?;
    let row = |key: &tidegate_config::definition::ConfigKey| {
        let default = if key.required {
            "(required)".to_owned()
        } else {
            let default = key.default.as_deref().unwrap_or("null");
            clean(default, DEFAULT_BYTES_SHOWN).into_owned()
        };
        [
            key.name.clone(),
            key.kind.to_string(),
            default,
            key.importance.to_string(),
            key.documentation.clone(),
        ]
    };
    let rows = info.definition.0.iter().map(row).collect();
    Ok(table(
        ["key", "type", "default", "importance", "what it does"],
        rows,
    )?)
}

/// The interfaces that a component imports, without package and version.
fn imports(plugin: &Plugin) -> String {
    let short = |import: &String| {
        let name = import.split('@').next().unwrap_or(import);
        name.rsplit(':').next().unwrap_or(name).to_owned()
    };
    let mut names: Vec<String> = plugin.imports().iter().map(short).collect();
    let all = names.len();
    names.truncate(3);
    if all > 3 {
        format!("{}, … {} in all", names.join(", "), all)
    } else {
        names.join(", ")
    }
}

fn as_json(plugin: &Plugin, info: &PluginInfo) -> Value {
    let key = |key: &tidegate_config::definition::ConfigKey| {
        json!({
            "name": key.name, "type": key.kind.to_string(), "required": key.required, "default_value": key.default,
            "importance": key.importance.to_string(), "documentation": key.documentation,
        })
    };
    json!({
        "class": info.class_name,
        "aliases": info.aliases,
        "type": info.kind.name(),
        "version": info.version,
        "documentation": info.documentation,
        "digest": plugin.digest().to_string(),
        "bytes": plugin.size(),
        "imports": plugin.imports(),
        "config": info.definition.0.iter().map(key).collect::<Vec<_>>(),
    })
}
