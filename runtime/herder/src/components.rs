//! Components over REST: kept, told about, taken away.

use tidegate_config::definition::Names;
use tidegate_config::plugin_version::VersionRange;
use tidegate_model::guest_text::clean;
use tidegate_sandbox::{Digest, Entry, Kind, PluginInfo, SandboxError};
use tidegate_worker::Worker;

use crate::component_info::{ComponentInfo, ComponentPlugin, WantedGrant};
use crate::connectors::Connectors;
use crate::error::HerderError;
use crate::validation::key_info;

/// Keeps a component; whether it is new. Blocks.
pub(crate) fn upload(
    worker: &Worker,
    connectors: &Connectors,
    component: &[u8],
    owner: Option<&str>,
) -> Result<(ComponentInfo, bool), HerderError> {
    let (plugin, new) = worker
        .registry()
        .upload(component, owner)
        .map_err(refused)?;
    let digest = plugin.digest();
    if new {
        let classes: Vec<_> = plugin.infos().iter().map(|info| &info.class_name).collect();
        tracing::info!(%digest, ?classes, "A component was uploaded.");
    }
    Ok((describe(worker, connectors, digest)?, new))
}

/// All components, without the keys of their plugins.
pub(crate) fn list(worker: &Worker, connectors: &Connectors) -> Vec<ComponentInfo> {
    let entries = worker.registry().entries();
    let infos = entries.iter().map(|entry| {
        let mut info = info(entry, connectors.using(entry.plugin.digest()));
        info.plugins
            .iter_mut()
            .for_each(|plugin| plugin.config.clear());
        info
    });
    infos.collect()
}

/// A component by its digest, or by a class of it.
pub(crate) fn describe(
    worker: &Worker,
    connectors: &Connectors,
    digest: Digest,
) -> Result<ComponentInfo, HerderError> {
    let entry = worker.registry().entry(digest);
    let entry = entry.ok_or_else(|| unknown(&digest.to_string()))?;
    Ok(info(&entry, connectors.using(digest)))
}

/// The component that a client names: by digest, or by a class and, where it has several, a version.
pub(crate) fn find(
    worker: &Worker,
    name: &str,
    version: Option<&str>,
) -> Result<Digest, HerderError> {
    let registry = worker.registry();
    if let Ok(digest) = name.strip_prefix("sha256:").unwrap_or(name).parse() {
        return match registry.entry(digest) {
            Some(_) => Ok(digest),
            None => Err(unknown(name)),
        };
    }
    if let Err(wanted) = VersionRange::parse(version.unwrap_or_default()) {
        return Err(HerderError::BadRequest(format!("version: {wanted}")));
    }
    let mut missing = unknown(name);
    for kind in Kind::ALL {
        match registry.find_version(kind, name, version) {
            Ok((plugin, _)) => return Ok(plugin.digest()),
            Err(error) if registry.find(kind, name).is_ok() => missing = refused(error),
            Err(_) => {}
        }
    }
    Err(missing)
}

/// The component that a client wants taken away. A class must leave no doubt.
pub(crate) fn find_one(
    worker: &Worker,
    name: &str,
    version: Option<&str>,
) -> Result<Digest, HerderError> {
    let digest = find(worker, name, version)?;
    let entries = worker.registry().entries();
    let versions: Vec<_> = entries
        .iter()
        .flat_map(|entry| entry.plugin.infos())
        .filter(|info| info.class_name == name || info.aliases.iter().any(|alias| alias == name))
        .map(|info| info.version.as_str())
        .collect();
    if version.is_none() && versions.len() > 1 {
        return Err(HerderError::Conflict(format!(
            "{} is there in the versions {}; say which with ?version=, or name the digest",
            clean(name, 255),
            versions.join(", ")
        )));
    }
    Ok(digest)
}

/// Refuses what somebody who may not use all connectors wants of a component that is not theirs.
pub(crate) fn check_owner(
    worker: &Worker,
    digest: Digest,
    owner: Option<&str>,
) -> Result<(), HerderError> {
    let Some(owner) = owner else {
        return Ok(());
    };
    let known = worker.registry().entry(digest);
    if known.is_some_and(|entry| entry.owner.as_deref() == Some(owner)) {
        return Ok(());
    }
    Err(HerderError::Forbidden(format!(
        "the component {digest} was not uploaded by you; who may use all connectors can delete it"
    )))
}

/// Takes a component away that no connector uses.
pub(crate) fn remove(
    worker: &Worker,
    connectors: &Connectors,
    digest: Digest,
) -> Result<(), HerderError> {
    let resolved = connectors.leading_to(digest, |config| worker.components(config));
    let mut using = connectors.using(digest);
    using.extend(resolved);
    using.sort_unstable();
    using.dedup();
    if !using.is_empty()
        && worker
            .registry()
            .entry(digest)
            .is_some_and(|entry| entry.uploaded)
    {
        return Err(HerderError::Conflict(format!(
            "the component {digest} is used by {}; delete these connectors, or let them use another version first",
            using.join(", ")
        )));
    }
    worker.registry().remove(digest).map_err(refused)?;
    tracing::info!(%digest, "A component was deleted.");
    Ok(())
}

fn info(entry: &Entry, connectors: Vec<String>) -> ComponentInfo {
    let plugin = &entry.plugin;
    ComponentInfo {
        digest: plugin.digest().to_string(),
        bytes: plugin.size(),
        uploaded: entry.uploaded,
        owner: entry.owner.clone(),
        imports: plugin.imports().to_vec(),
        plugins: plugin
            .infos()
            .iter()
            .map(|info| plugin_info(info))
            .collect(),
        connectors,
    }
}

fn plugin_info(info: &PluginInfo) -> ComponentPlugin {
    let grants = info.definition.0.iter().filter_map(|key| {
        let what = match key.names {
            Names::Nothing => return None,
            Names::ReadFile => "read_file",
            Names::WriteFile => "write_file",
            Names::ReadFolder => "read_folder",
            Names::WriteFolder => "write_folder",
            Names::Address => "address",
            Names::Url => "url",
            Names::Secret => "secret",
        };
        Some(WantedGrant {
            key: key.name.clone(),
            what: what.to_owned(),
        })
    });
    ComponentPlugin {
        class: info.class_name.clone(),
        aliases: info.aliases.clone(),
        kind: info.kind.name().to_owned(),
        version: info.version.clone(),
        documentation: info.documentation.clone(),
        grants: grants.collect(),
        config: info.definition.0.iter().map(key_info).collect(),
    }
}

fn unknown(name: &str) -> HerderError {
    HerderError::NotFound(format!(
        "there is no plugin {}; GET /connector-plugins?expand=component lists those that are there",
        clean(name, 255)
    ))
}

/// What a client hears when a component is not taken.
fn refused(error: SandboxError) -> HerderError {
    match error {
        SandboxError::Class(message) => HerderError::NotFound(message),
        SandboxError::Conflict(message) => HerderError::Conflict(message),
        SandboxError::Io(_) | SandboxError::Internal(_) => {
            HerderError::Worker(tidegate_worker::WorkerError::from(error))
        }
        error => HerderError::Unfit(error.without_trace()),
    }
}
