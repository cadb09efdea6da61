//! What is told about plugins: those of components, and the converters that are built in.

use tidegate_sandbox::Kind;
use tidegate_worker::Worker;

use crate::error::HerderError;
use crate::info::{ConfigKeyInfo, PluginSummary};
use crate::validation::key_info;

/// All plugins, or only connectors, in the order of their kinds and classes.
pub fn list(worker: &Worker, connectors_only: bool) -> Vec<PluginSummary> {
    let mut plugins: Vec<PluginSummary> = worker
        .registry()
        .list()
        .into_iter()
        .filter(|(_, info)| !connectors_only || matches!(info.kind, Kind::Source | Kind::Sink))
        .map(|(_, info)| PluginSummary {
            kind: info.kind.name().to_owned(),
            class: info.class_name.clone(),
            version: info.version.clone(),
        })
        .collect();
    if !connectors_only {
        plugins.extend(
            tidegate_convert::class_names()
                .iter()
                .map(|converter| PluginSummary {
                    class: converter.name.to_owned(),
                    kind: converter.kind.name().to_owned(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                }),
        );
    }
    plugins.sort_by(|a, b| (&a.kind, &a.class).cmp(&(&b.kind, &b.class)));
    plugins
}

/// The configuration keys of a plugin.
pub fn keys(worker: &Worker, class: &str) -> Result<Vec<ConfigKeyInfo>, HerderError> {
    for kind in [Kind::Source, Kind::Sink, Kind::Transform, Kind::Predicate] {
        if let Ok((_, info)) = worker.registry().find(kind, class) {
            return Ok(info.definition.0.iter().map(key_info).collect());
        }
    }
    if let Some(converter) = tidegate_convert::class::find(class) {
        return Ok(converter.keys.iter().map(converter_key).collect());
    }
    Err(HerderError::NotFound(format!(
        "Unknown plugin {class}. See GET /connector-plugins for those that are there."
    )))
}

/// A key of a converter as REST tells it.
fn converter_key(key: &tidegate_convert::class::Key) -> ConfigKeyInfo {
    ConfigKeyInfo {
        name: key.name.to_owned(),
        kind: key.kind.to_owned(),
        required: key.required,
        default_value: key.default.map(str::to_owned),
        importance: key.importance.to_owned(),
        documentation: key.documentation.to_owned(),
        group: None,
        width: "NONE".to_owned(),
        display_name: key.name.to_owned(),
        dependents: Vec::new(),
        order: -1,
    }
}
