//! The plugins of the `plugin.path` folders, and those that were uploaded; found by class name.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tidegate_config::plugin_version::{VersionRange, compare};
use tidegate_model::guest_text::clean;

use crate::class_name::{closeness, simple};
use crate::describe::{Kind, PluginInfo};
use crate::digest::Digest;
use crate::error::SandboxError;
use crate::nearest_name::nearest;
use crate::plugin::Plugin;
use crate::sandbox::Sandbox;
use crate::uploads::Uploads;

/// The most components of all folders together.
pub const COMPONENTS_MAX: usize = 1_000;
/// How many classes of one name a message lists.
const NAMES_LISTED: usize = 20;

/// Plugins by class name. Shared by all who look for one; what is uploaded is there at once.
#[derive(Default)]
pub struct Registry {
    plugins: RwLock<Vec<Entry>>,
    uploads: Option<Uploads>,
    problems: Vec<(PathBuf, SandboxError)>,
}

/// A component that is there.
#[derive(Clone)]
pub struct Entry {
    /// The component.
    pub plugin: Plugin,
    /// Whether it was uploaded; else it is of `plugin.path`, the operator's own.
    pub uploaded: bool,
    /// Who uploaded it, where that was somebody who may not use all connectors.
    pub owner: Option<String>,
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

    /// Takes in what was uploaded to a folder before, and lets more be uploaded to it.
    ///
    /// # Errors
    /// When the folder cannot be made or read, or others may write to it.
    pub fn accept_uploads(
        &mut self,
        sandbox: &Sandbox,
        folder: &Path,
        bytes_max: u64,
    ) -> Result<(), SandboxError> {
        let uploads = Uploads::open(sandbox, folder, bytes_max)?;
        for (file, loaded) in uploads.load_all()? {
            match loaded {
                Ok((plugin, owner)) => self.insert(Entry {
                    plugin,
                    uploaded: true,
                    owner,
                }),
                Err(error) => self.problems.push((file, error)),
            }
        }
        self.uploads = Some(uploads);
        Ok(())
    }

    /// Adds a component of the operator's; one that is there already is not added twice.
    pub fn add(&self, plugin: Plugin) {
        self.insert(Entry {
            plugin,
            uploaded: false,
            owner: None,
        });
    }

    fn insert(&self, entry: Entry) {
        let mut plugins = self.plugins.write().unwrap_or_else(PoisonError::into_inner);
        if !plugins
            .iter()
            .any(|known| known.plugin.digest() == entry.plugin.digest())
        {
            plugins.push(entry);
        }
    }

    /// Keeps a component and makes its plugins known. The same one again changes nothing; the answer says whether it
    /// is new. Blocks, as long as compiling takes.
    ///
    /// An `owner` is somebody who may not use all connectors: no component of theirs is found by a name that finds one
    /// of somebody else's, so that nobody's connector comes to run it.
    ///
    /// # Errors
    /// When it is no plugin ([`Sandbox::load`]), another component has one of its classes in the same version, one of
    /// somebody else's has one of its names, there is no room, or nothing can be uploaded here.
    pub fn upload(
        &self,
        component: &[u8],
        owner: Option<&str>,
    ) -> Result<(Plugin, bool), SandboxError> {
        let uploads = self.uploads()?;
        if let Some(known) = self.entry(Digest::of(component)) {
            return Ok((known.plugin, false));
        }
        let plugin = uploads.load(component)?;
        // One at a time from here on: two that have a class in common may come together.
        let _alone = uploads.alone();
        if self.entry(plugin.digest()).is_some() {
            return Ok((plugin, false));
        }
        self.check_new(&plugin)?;
        if let Some(owner) = owner {
            self.check_names(&plugin, owner)?;
        }
        uploads.keep(plugin.digest(), component, owner)?;
        self.insert(Entry {
            plugin: plugin.clone(),
            uploaded: true,
            owner: owner.map(str::to_owned),
        });
        Ok((plugin, true))
    }

    /// Takes an uploaded component away. What runs of it goes on until it ends.
    ///
    /// # Errors
    /// When it is the operator's, is not there, or its file cannot be removed.
    pub fn remove(&self, digest: Digest) -> Result<(), SandboxError> {
        let uploads = self.uploads()?;
        let _alone = uploads.alone();
        match self.entry(digest) {
            None => Err(SandboxError::Class(format!(
                "there is no component of the digest {digest}"
            ))),
            Some(entry) if !entry.uploaded => Err(SandboxError::Conflict(
                "the component was not uploaded: it is a file of plugin.path. Remove the file and start the worker anew"
                    .to_owned(),
            )),
            Some(_) => {
                uploads.remove(digest)?;
                let mut plugins = self.plugins.write().unwrap_or_else(PoisonError::into_inner);
                plugins.retain(|known| known.plugin.digest() != digest);
                Ok(())
            }
        }
    }

    fn uploads(&self) -> Result<&Uploads, SandboxError> {
        self.uploads.as_ref().ok_or_else(|| {
            SandboxError::Conflict(
                "this worker keeps no uploaded components: its sandbox.plugins.dir is empty"
                    .to_owned(),
            )
        })
    }

    /// A class in a version is one thing: who asks for it must always get the same.
    fn check_new(&self, plugin: &Plugin) -> Result<(), SandboxError> {
        let known = self.entries();
        if known.len() >= COMPONENTS_MAX {
            return Err(SandboxError::Conflict(format!(
                "there are {} components; at most {COMPONENTS_MAX} are allowed. Delete some that are not used",
                known.len()
            )));
        }
        for info in plugin.infos() {
            let same = |other: &&Entry| {
                other.plugin.infos().iter().any(|other| {
                    other.kind == info.kind
                        && other.class_name == info.class_name
                        && compare(&other.version, &info.version).is_eq()
                })
            };
            if let Some(other) = known.iter().find(same) {
                return Err(SandboxError::Conflict(format!(
                    "{} {} is there already, in the component {}; give the new one another version, or delete that one first",
                    info.class_name,
                    info.version,
                    other.plugin.digest()
                )));
            }
        }
        Ok(())
    }

    /// No name finds both one of these plugins and one that is not the owner's.
    fn check_names(&self, plugin: &Plugin, owner: &str) -> Result<(), SandboxError> {
        let known = self.entries();
        let others = known
            .iter()
            .filter(|entry| entry.owner.as_deref() != Some(owner))
            .flat_map(|entry| entry.plugin.infos());
        for other in others {
            let named = |one: &PluginInfo, by: &PluginInfo| {
                let mut names = std::iter::once(&by.class_name).chain(&by.aliases);
                names.any(|name| is_found(name, one) || is_found(simple(name), one))
            };
            let shares = |info: &&Arc<PluginInfo>| named(info, other) || named(other, info);
            if let Some(info) = plugin.infos().iter().find(shares) {
                return Err(SandboxError::Conflict(format!(
                    "{} and {} are found by the same name, and the latter is not yours; give your class another name, or \
                     another alias",
                    info.class_name, other.class_name
                )));
            }
        }
        Ok(())
    }

    /// A component by its digest.
    #[must_use]
    pub fn entry(&self, digest: Digest) -> Option<Entry> {
        let plugins = self.plugins.read().unwrap_or_else(PoisonError::into_inner);
        let found = plugins.iter().find(|known| known.plugin.digest() == digest);
        found.cloned()
    }

    /// The files and folders that could not be loaded.
    #[must_use]
    pub fn problems(&self) -> &[(PathBuf, SandboxError)] {
        &self.problems
    }

    /// The components.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.plugins
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// All plugins of all components.
    #[must_use]
    pub fn list(&self) -> Vec<(Plugin, Arc<PluginInfo>)> {
        let each = |entry: &Entry| {
            let infos = entry.plugin.infos().iter();
            let each = infos.map(|info| (entry.plugin.clone(), Arc::clone(info)));
            each.collect::<Vec<_>>()
        };
        self.entries().iter().flat_map(each).collect()
    }

    /// Finds a plugin of a kind by its full name, its simple name, that without its suffix, or an alias, as
    /// [`Registry::find_version`] does in any version.
    ///
    /// # Errors
    /// When there is none, or the name fits several classes; both are listed.
    pub fn find(&self, kind: Kind, class: &str) -> Result<(Plugin, Arc<PluginInfo>), SandboxError> {
        self.find_version(kind, class, None)
    }

    /// The same, in one of the versions that are asked for (KIP-891): one, or a range. Of several that fit, the
    /// operator's own count before what was uploaded, so that an upload changes nothing for who did not ask for its
    /// version; then the highest.
    ///
    /// # Errors
    /// As [`Registry::find`], and when none of those versions is there.
    pub fn find_version(
        &self,
        kind: Kind,
        class: &str,
        asked: Option<&str>,
    ) -> Result<(Plugin, Arc<PluginInfo>), SandboxError> {
        find(&self.entries(), &[kind], class, asked)
    }

    /// Finds a source or sink connector.
    ///
    /// # Errors
    /// As [`Registry::find`].
    pub fn find_connector(&self, class: &str) -> Result<(Plugin, Arc<PluginInfo>), SandboxError> {
        self.find_connector_version(class, None)
    }

    /// The same, in one of the versions that are asked for.
    ///
    /// # Errors
    /// As [`Registry::find_version`].
    pub fn find_connector_version(
        &self,
        class: &str,
        asked: Option<&str>,
    ) -> Result<(Plugin, Arc<PluginInfo>), SandboxError> {
        find(&self.entries(), &[Kind::Source, Kind::Sink], class, asked)
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
        versions.sort_by(|one, other| compare(one, other));
        versions.dedup();
        versions
    }

    /// The classes of any kind whose names are most like a name, the nearest first.
    #[must_use]
    pub fn nearest(&self, class: &str) -> Vec<String> {
        let entries = self.entries();
        let infos = entries.iter().flat_map(|entry| entry.plugin.infos());
        let names = nearest(class, infos.map(|info| info.class_name.as_str()));
        names.into_iter().map(str::to_owned).collect()
    }
}

/// A plugin that may be meant.
struct Candidate<'a> {
    entry: &'a Entry,
    info: &'a Arc<PluginInfo>,
}

fn find(
    entries: &[Entry],
    kinds: &[Kind],
    class: &str,
    asked: Option<&str>,
) -> Result<(Plugin, Arc<PluginInfo>), SandboxError> {
    let what = match kinds {
        [kind] => kind.name(),
        _ => "connector",
    };
    let named = named(entries, kinds, class, what)?;
    let mut found = of_version(named, asked, what)?;
    if found.iter().any(|one| !one.entry.uploaded) {
        found.retain(|one| !one.entry.uploaded);
    }
    found.sort_by(|a, b| compare(&b.info.version, &a.info.version));
    match found.as_slice() {
        [first, others @ ..]
            if others
                .iter()
                .all(|other| other.info.class_name == first.info.class_name) =>
        {
            Ok((first.entry.plugin.clone(), Arc::clone(first.info)))
        }
        _ => Err(SandboxError::Class(format!(
            "{class} is the name of more than one {what}; use one of the full names: {}",
            listed(class_names(&found))
        ))),
    }
}

/// The plugins, in all their versions, of the classes whose names are closest to a name. A name of the operator's own
/// means nothing else, however close a name of an upload is.
fn named<'a>(
    entries: &'a [Entry],
    kinds: &[Kind],
    class: &str,
    what: &str,
) -> Result<Vec<Candidate<'a>>, SandboxError> {
    let candidates: Vec<Candidate<'_>> = entries
        .iter()
        .flat_map(|entry| {
            let infos = entry.plugin.infos().iter();
            infos.map(move |info| Candidate { entry, info })
        })
        .filter(|candidate| kinds.contains(&candidate.info.kind))
        .collect();
    let closeness =
        |info: &PluginInfo| closeness(class, info.kind, &info.class_name, &info.aliases);
    let closest_of = |own: bool| {
        let of = candidates.iter().filter(|one| one.entry.uploaded != own);
        of.filter_map(|one| closeness(one.info)).min()
    };
    let own = closest_of(true);
    let Some(closest) = own.or_else(|| closest_of(false)) else {
        return Err(SandboxError::Class(format!(
            "there is no {what} class {}; {}",
            clean(class, 255),
            what_there_is(class, kinds, &class_names(&candidates))
        )));
    };
    let meant: BTreeSet<&str> = candidates
        .iter()
        .filter(|one| own.is_none() || !one.entry.uploaded)
        .filter(|one| closeness(one.info) == Some(closest))
        .map(|one| one.info.class_name.as_str())
        .collect();
    Ok(candidates
        .into_iter()
        .filter(|one| meant.contains(one.info.class_name.as_str()))
        .collect())
}

/// Those of them in one of the versions that are asked for.
fn of_version<'a>(
    named: Vec<Candidate<'a>>,
    asked: Option<&str>,
    what: &str,
) -> Result<Vec<Candidate<'a>>, SandboxError> {
    let asked = asked.unwrap_or_default();
    let range = VersionRange::parse(asked).map_err(|wanted| {
        let asked = clean(asked, 255);
        SandboxError::Class(format!("{asked} is no version of {what}s: {wanted}"))
    })?;
    let fits = |one: &Candidate<'_>| range.contains(&one.info.version);
    match named.first() {
        Some(first) if !named.iter().any(fits) => {
            let versions = named.iter().map(|one| one.info.version.clone()).collect();
            let message = range.not_found(&first.info.class_name, &listed(versions));
            Err(SandboxError::Class(message))
        }
        _ => Ok(named.into_iter().filter(fits).collect()),
    }
}

fn class_names(candidates: &[Candidate<'_>]) -> Vec<String> {
    let names = candidates.iter();
    names.map(|one| one.info.class_name.clone()).collect()
}

/// Whether a plugin is found by a name.
fn is_found(name: &str, info: &PluginInfo) -> bool {
    closeness(name, info.kind, &info.class_name, &info.aliases).is_some()
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
