//! What is told about plugins: those of components, and the converters that are built in.

use tidegate_sandbox::{Kind, VersionRange};
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
    for kind in [Kind::Source, Kind::Sink, Kind::Transform, Kind::Predicate] {
        if let Ok((_, info)) = worker.registry().find(kind, class) {
            check_version(class, &info.version, version)?;
            return Ok(info.definition.0.iter().map(key_info).collect());
        }
    }
    if let Some(converter) = tidegate_convert::class::find(class) {
        check_version(class, env!("CARGO_PKG_VERSION"), version)?;
        let keys = converter.keys.iter();
        return Ok(keys.map(|key| key_info(&config_key(key, ""))).collect());
    }
    Err(HerderError::NotFound(format!(
        "Unknown plugin {class}. See GET /connector-plugins for those that are there."
    )))
}

/// Refuses a version that is not there.
fn check_version(class: &str, there: &str, wanted: Option<&str>) -> Result<(), HerderError> {
    let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) else {
        return Ok(());
    };
    let range = VersionRange::parse(wanted).map_err(HerderError::BadRequest)?;
    match range.is_none_or(|range| range.contains(there)) {
        true => Ok(()),
        false => Err(HerderError::BadRequest(format!(
            "Plugin {class} not found that matches the version range {wanted}, available versions: [{there}]"
        ))),
    }
}
