//! What is told about plugins: those of components, and the converters that are built in.

use tidegate_config::plugin_version::VersionRange;
use tidegate_sandbox::Kind;
use tidegate_worker::Worker;

use crate::error::HerderError;
use crate::info::{ConfigKeyInfo, PluginSummary};
use crate::validation::{config_key, key_info};

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

/// The configuration keys of a plugin, in a version that is asked for (KIP-891).
pub fn keys(
    worker: &Worker,
    class: &str,
    version: Option<&str>,
) -> Result<Vec<ConfigKeyInfo>, HerderError> {
    for kind in Kind::ALL {
        if let Ok((_, any)) = worker.registry().find(kind, class) {
            let there = worker.registry().versions(kind, &any.class_name);
            let range = asked(class, &there, version)?;
            let found = worker
                .registry()
                .find_version(kind, class, Some(range.text()));
            let info = found.map_or(any, |(_, info)| info);
            return Ok(info.definition.0.iter().map(key_info).collect());
        }
    }
    if let Some(converter) = tidegate_convert::class::find(class) {
        asked(class, &[env!("CARGO_PKG_VERSION").to_owned()], version)?;
        let keys = converter.keys.iter();
        return Ok(keys.map(|key| key_info(&config_key(key, ""))).collect());
    }
    Err(HerderError::NotFound(format!(
        "Unknown plugin {class}. See GET /connector-plugins for those that are there."
    )))
}

/// The versions that are asked for. One of those that are there must be among them.
fn asked(class: &str, there: &[String], wanted: Option<&str>) -> Result<VersionRange, HerderError> {
    let range = VersionRange::parse(wanted.unwrap_or_default()).map_err(HerderError::BadRequest)?;
    if there.iter().any(|version| range.contains(version)) {
        return Ok(range);
    }
    let message = range.not_found(class, &there.join(", "));
    Err(HerderError::BadRequest(message))
}
