//! The plugins of the `plugin.path` folders, and those that were uploaded; found by class name.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tidegate_model::guest_text::clean;

use crate::class_name::closeness;
use crate::describe::{Kind, PluginInfo};
use crate::error::SandboxError;
use crate::nearest_name::nearest;
use crate::plugin::Plugin;
use crate::sandbox::Sandbox;
use crate::version_range::VersionRange;

/// The most components of all folders together.
pub const COMPONENTS_MAX: usize = 1_000;
/// How many classes of one name a message lists.
const NAMES_LISTED: usize = 20;

/// Plugins by class name. Shared by all who look for one; what is uploaded is there at once.
#[derive(Default)]
pub struct Registry {
    plugins: RwLock<Vec<Plugin>>,
    problems: Vec<(PathBuf, SandboxError)>,
}

impl Registry {
    /// Loads each `*.wasm` of the folders and of their subfolders (one level). A file that cannot be loaded is
    /// a problem that is reported ([`Registry::problems`]), and no reason to stop.
    #[must_use]
    pub fn open(sandbox: &Sandbox, folders: &[PathBuf]) -> Self {
        let mut registry = Self::default();
        let mut files = Vec::new();
        for folder in folders {
            if let Err(error) = collect(folder, 1, &mut files) {
                let message = format!(
                    "the folder {} of plugin.path cannot be read: {error}",
                    folder.display()
                );
                registry
                    .problems
                    .push((folder.clone(), SandboxError::Io(message)));
            }
        }
        files.sort();
        files.dedup();
        for file in files.into_iter().take(COMPONENTS_MAX) {
            match sandbox.load_file(&file) {
                Ok(plugin) => registry.add(plugin),
                Err(error) => registry.problems.push((file, error)),
            }
        }
        registry
    }

    /// Adds a component; one that is there already is not added twice.
    pub fn add(&self, plugin: Plugin) {
        let mut plugins = self.plugins.write().unwrap_or_else(PoisonError::into_inner);
        if !plugins
            .iter()
            .any(|known| known.digest() == plugin.digest())
        {
            plugins.push(plugin);
        }
    }

    /// The files and folders that could not be loaded.
    #[must_use]
    pub fn problems(&self) -> &[(PathBuf, SandboxError)] {
        &self.problems
    }

    /// The components.
    #[must_use]
    pub fn plugins(&self) -> Vec<Plugin> {
        self.plugins
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// All plugins of all components.
    #[must_use]
    pub fn list(&self) -> Vec<(Plugin, Arc<PluginInfo>)> {
        self.plugins()
            .iter()
            .flat_map(|plugin| {
                plugin
                    .infos()
                    .iter()
                    .map(|info| (plugin.clone(), Arc::clone(info)))
            })
            .collect()
    }

    /// Finds a plugin of a kind by its full name, its simple name, that without its suffix, or an alias. When
    /// several components have the class, the highest version is taken.
    ///
    /// # Errors
    /// When there is none, or the name fits several classes; both are listed.
    pub fn find(&self, kind: Kind, class: &str) -> Result<(Plugin, Arc<PluginInfo>), SandboxError> {
        find(&self.plugins(), &[kind], class, None)
    }

    /// The same, in the highest of the versions that are asked for (KIP-891): one, or a range.
    ///
    /// # Errors
    /// As [`Registry::find`], and when none of those versions is there.
    pub fn find_version(
        &self,
        kind: Kind,
        class: &str,
        asked: Option<&str>,
    ) -> Result<(Plugin, Arc<PluginInfo>), SandboxError> {
        find(&self.plugins(), &[kind], class, asked)
    }

    /// Finds a source or sink connector.
    ///
    /// # Errors
    /// As [`Registry::find`].
    pub fn find_connector(&self, class: &str) -> Result<(Plugin, Arc<PluginInfo>), SandboxError> {
        find(&self.plugins(), &[Kind::Source, Kind::Sink], class, None)
    }

    /// The same, in the highest of the versions that are asked for.
    ///
    /// # Errors
    /// As [`Registry::find_version`].
    pub fn find_connector_version(
        &self,
        class: &str,
        asked: Option<&str>,
    ) -> Result<(Plugin, Arc<PluginInfo>), SandboxError> {
        find(&self.plugins(), &[Kind::Source, Kind::Sink], class, asked)
    }

    /// The full names of the classes of a kind, in alphabetical order, each once.
    #[must_use]
    pub fn class_names(&self, kind: Kind) -> Vec<String> {
        let infos = self.list().into_iter();
        let names = infos.filter(|(_, info)| info.kind == kind);
        let names: BTreeSet<String> = names.map(|(_, info)| info.class_name.clone()).collect();
        names.into_iter().collect()
    }

    /// The versions that there are of a class of a kind, the lowest first.
    #[must_use]
    pub fn versions(&self, kind: Kind, class_name: &str) -> Vec<String> {
        let infos = self.list().into_iter();
        let same = infos.filter(|(_, info)| info.kind == kind && info.class_name == class_name);
        let mut versions: Vec<String> = same.map(|(_, info)| info.version.clone()).collect();
        versions.sort_by(|one, other| version(one).cmp(&version(other)));
        versions.dedup();
        versions
    }

    /// The classes of any kind whose names are most like a name, the nearest first.
    #[must_use]
    pub fn nearest(&self, class: &str) -> Vec<String> {
        let plugins = self.plugins();
        let infos = plugins.iter().flat_map(Plugin::infos);
        let names = nearest(class, infos.map(|info| info.class_name.as_str()));
        names.into_iter().map(str::to_owned).collect()
    }
}

fn find(
    plugins: &[Plugin],
    kinds: &[Kind],
    class: &str,
    asked: Option<&str>,
) -> Result<(Plugin, Arc<PluginInfo>), SandboxError> {
    let candidates: Vec<(&Plugin, &Arc<PluginInfo>)> = plugins
        .iter()
        .flat_map(|plugin| plugin.infos().iter().map(move |info| (plugin, info)))
        .filter(|(_, info)| kinds.contains(&info.kind))
        .collect();
    let names = |of: &[(&Plugin, &Arc<PluginInfo>)]| -> Vec<String> {
        of.iter().map(|(_, info)| info.class_name.clone()).collect()
    };
    let closeness =
        |info: &PluginInfo| closeness(class, info.kind, &info.class_name, &info.aliases);
    let what = match kinds {
        [kind] => kind.name(),
        _ => "connector",
    };
    let Some(closest) = candidates
        .iter()
        .filter_map(|(_, info)| closeness(info))
        .min()
    else {
        return Err(SandboxError::Class(format!(
            "there is no {what} class {}; {}",
            clean(class, 255),
            what_there_is(class, kinds, &names(&candidates))
        )));
    };
    let mut found: Vec<_> = candidates
        .into_iter()
        .filter(|(_, info)| closeness(info) == Some(closest))
        .collect();
    found.sort_by_key(|(_, info)| Reverse(version(&info.version)));
    if let Some(asked) = asked {
        keep_versions(&mut found, asked)?;
    }
    match found.as_slice() {
        [(plugin, info), others @ ..]
            if others
                .iter()
                .all(|(_, other)| other.class_name == info.class_name) =>
        {
            Ok(((*plugin).clone(), Arc::clone(info)))
        }
        _ => Err(SandboxError::Class(format!(
            "{class} is the name of more than one {what}; use one of the full names: {}",
            listed(names(&found))
        ))),
    }
}

/// Keeps those whose version is asked for.
fn keep_versions(
    found: &mut Vec<(&Plugin, &Arc<PluginInfo>)>,
    asked: &str,
) -> Result<(), SandboxError> {
    let range = VersionRange::parse(asked)
        .map_err(|message| SandboxError::Class(format!("the version {asked}: {message}")))?;
    let Some(range) = range else { return Ok(()) };
    let class = found.first().map(|(_, info)| info.class_name.clone());
    let there: Vec<String> = found.iter().map(|(_, info)| info.version.clone()).collect();
    found.retain(|(_, info)| range.contains(&info.version));
    if !found.is_empty() {
        return Ok(());
    }
    Err(SandboxError::Class(format!(
        "Plugin {} not found that matches the version range {range}, available versions: [{}]",
        class.unwrap_or_default(),
        there.join(", ")
    )))
}

/// What somebody may look at who asked for a class that is not there.
fn what_there_is(class: &str, kinds: &[Kind], names: &[String]) -> String {
    if names.is_empty() {
        return "there is none at all: put components into a folder of plugin.path".to_owned();
    }
    let path = if kinds.contains(&Kind::Source) {
        "/connector-plugins"
    } else {
        "/connector-plugins?connectorsOnly=false"
    };
    let all = format!("`tidegate plugins` and GET {path} list all");
    match nearest(class, names.iter().map(String::as_str)).as_slice() {
        [] => format!("{all} that are there"),
        [one] => format!("the nearest is {one}; {all}"),
        several => format!("the nearest are {}; {all}", several.join(", ")),
    }
}

fn listed(mut names: Vec<String>) -> String {
    names.sort_unstable();
    names.dedup();
    let more = names.len().saturating_sub(NAMES_LISTED);
    names.truncate(NAMES_LISTED);
    let mut text = names.join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

/// A version as something to compare: its numbers, then its text.
pub(crate) fn version(version: &str) -> (Vec<u64>, &str) {
    let numbers = version
        .split(['.', '-', '+'])
        .map_while(|part| part.parse().ok())
        .collect();
    (numbers, version)
}

/// The `*.wasm` files of a folder, and of its subfolders as many levels deep.
fn collect(folder: &Path, levels: u32, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            if levels > 0 {
                collect(&path, levels - 1, files)?;
            }
        } else if path
            .extension()
            .is_some_and(|extension| extension == "wasm")
        {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert!(version("0.10.0") > version("0.9.1"));
        assert!(version("1.0.1") > version("1.0"));
    }
}
