//! `tidegate plugins`: what each component is, imports and can be configured with.

use serde_json::{Value, json};
use tidegate_model::guest_text::clean;
use tidegate_sandbox::{Kind, Plugin, PluginInfo, Registry};

use crate::args::PluginsArguments;
use crate::failure::Failure;
use crate::output::{json_line, line, number, table, without_html};
use crate::runtime::{self, Named};

/// A default is cut here when it is shown in a table.
const DEFAULT_BYTES_SHOWN: usize = 200;

/// Lists plugins, or shows one.
pub fn run(arguments: &PluginsArguments) -> Result<(), Failure> {
    let named = runtime::named_registry(&arguments.path)?;
    let registry = &named.registry;
    if let Some(class) = &arguments.class {
        return one(registry, class, arguments.json);
    }
    let plugins = registry.list();
    if arguments.json {
        let plugins = plugins.iter().map(|(plugin, info)| as_json(plugin, info));
        let problems = registry.problems().iter().map(|(path, error)| {
            json!({ "path": path.display().to_string(), "error": error.to_string() })
        });
        json_line(&Value::from_iter(plugins.chain(problems)))?;
    } else {
        let rows = plugins.iter().map(|(plugin, info)| {
            [
                info.class_name.clone(),
                info.kind.name().to_owned(),
                info.version.clone(),
                imports(plugin),
            ]
        });
        table(["class", "type", "version", "imports"], rows.collect(), 1)?;
    }
    complain(&named, plugins.is_empty())
}

/// Says what cannot be used, and where it was looked when nothing is there.
fn complain(named: &Named, none: bool) -> Result<(), Failure> {
    let folders: Vec<_> = named
        .folders
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    let folders = folders.join(", ");
    let problems = named.registry.problems().len();
    if problems > 0 {
        return Err(Failure::Shown {
            code: 1,
            text: format!("{problems} component(s) of {folders} cannot be used; the log says why"),
        });
    }
    if none {
        tracing::warn!(folders, "There is no component (*.wasm) in these folders.");
    }
    Ok(())
}

fn one(registry: &Registry, class: &str, as_json_text: bool) -> Result<(), Failure> {
    let found = Kind::ALL
        .into_iter()
        .find_map(|kind| registry.find(kind, class).ok());
    let (plugin, info) = found.ok_or_else(|| {
        let nearest = registry.nearest(class);
        let hint = if nearest.is_empty() {
            String::new()
        } else {
            format!("the nearest: {}; ", nearest.join(", "))
        };
        Failure::Usage(format!(
            "no plugin is called {class}; {hint}`tidegate plugins` lists those that are there"
        ))
    })?;
    if as_json_text {
        return Ok(json_line(&as_json(&plugin, &info))?);
    }
    show(&plugin, &info)
}

/// Shows a plugin with its configuration keys.
pub fn show(plugin: &Plugin, info: &PluginInfo) -> Result<(), Failure> {
    line(&format!(
        "{} {} ({})\n{}",
        info.class_name,
        info.version,
        info.kind.name(),
        without_html(&info.documentation)
    ))?;
    let imports = match plugin.imports() {
        [] => "nothing".to_owned(),
        imports => imports.join(", "),
    };
    line(&format!(
        "digest {}\nbytes {}\nimports {imports}",
        plugin.digest(),
        number(plugin.size() as u64)
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
            without_html(&key.documentation),
        ]
    };
    let rows = info.definition.0.iter().map(row).collect();
    Ok(table(
        ["key", "type", "default", "importance", "what it does"],
        rows,
        1,
    )?)
}

/// How many interfaces a component imports; which, is said of one plugin alone.
fn imports(plugin: &Plugin) -> String {
    match plugin.imports().len() {
        0 => "nothing".to_owned(),
        imports => imports.to_string(),
    }
}

/// A plugin as JSON.
pub fn as_json(plugin: &Plugin, info: &PluginInfo) -> Value {
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
