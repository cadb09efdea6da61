//! What a plugin is granted: the files, folders and addresses that the configuration names under the keys whose
//! definition says that they name such a thing.
//!
//! Invariant: only what was written in the configuration is granted. A default of a definition is the
//! component's own word and grants nothing.

use std::path::{Component, Path, PathBuf};

use crate::Properties;
use crate::address;
use crate::definition::{ConfigKey, Definition, Names, list};
use crate::error::ConfigError;

pub use crate::policy::{Allowed, Policy};

/// What a plugin is granted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grants {
    /// Folders, each once.
    pub folders: Vec<FolderGrant>,
    /// The files that were named, for watching them; their folders are granted.
    pub files: Vec<PathBuf>,
    /// `host:port`, each once.
    pub addresses: Vec<String>,
}

/// A folder with all that is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderGrant {
    /// The folder, absolute.
    pub path: PathBuf,
    /// Whether it may be written too.
    pub writable: bool,
    /// Where it was, links followed, when the policy allowed it: it is granted there and nowhere else. `None`:
    /// wherever the path leads.
    pub real: Option<PathBuf>,
}

/// Computes what a plugin is granted.
///
/// # Errors
/// When a value names nothing that could be granted, or the policy does not allow it.
pub fn grants(
    definition: &Definition,
    config: &Properties,
    policy: &Policy,
) -> Result<Grants, ConfigError> {
    let mut grants = Grants::default();
    for key in &definition.0 {
        let value = config.get(&key.name).map_or("", |value| value.trim());
        if !value.is_empty() {
            grants.add(key, value, policy)?;
        }
    }
    Ok(grants)
}

impl Grants {
    fn add(&mut self, key: &ConfigKey, value: &str, policy: &Policy) -> Result<(), ConfigError> {
        match key.names {
            Names::Nothing | Names::Secret => Ok(()),
            Names::ReadFile | Names::WriteFile => {
                let file = absolute(key, value)?;
                let folder = match (file.file_name(), file.parent()) {
                    (Some(_), Some(folder)) => folder.to_owned(),
                    _ => {
                        return Err(ConfigError::value(
                            &key.name,
                            value,
                            "the name of a file is wanted",
                        ));
                    }
                };
                self.files.push(file);
                self.folder(key, folder, key.names == Names::WriteFile, policy)
            }
            Names::ReadFolder | Names::WriteFolder => {
                let folder = absolute(key, value)?;
                self.folder(key, folder, key.names == Names::WriteFolder, policy)
            }
            Names::Address => list(value).iter().try_for_each(|address| {
                let address = address::host_port(address, None)
                    .map_err(|message| ConfigError::value(&key.name, address, message))?;
                self.address(key, address, policy)
            }),
            Names::Url => {
                let is_list = value.matches("://").count() > 1;
                let urls = if is_list {
                    list(value)
                } else {
                    vec![value.to_owned()]
                };
                urls.iter().try_for_each(|url| {
                    // A URL may hold a password: it is not shown.
                    let addresses = address::of_url(url).map_err(|message| {
                        ConfigError::key_message(
                            &key.name,
                            format!("The value of {} is no URL: {message}", key.name),
                        )
                    })?;
                    addresses
                        .into_iter()
                        .try_for_each(|address| self.address(key, address, policy))
                })
            }
        }
    }

    fn folder(
        &mut self,
        key: &ConfigKey,
        path: PathBuf,
        writable: bool,
        policy: &Policy,
    ) -> Result<(), ConfigError> {
        let Some(grant) = policy.folder(path.clone(), writable) else {
            let (what, line) = if writable {
                ("write", "sandbox.policy.write")
            } else {
                ("read", "sandbox.policy.read")
            };
            return Err(refused(
                key,
                &format!("asks to {what} the folder {}", path.display()),
                line,
                &path.display().to_string(),
            ));
        };
        let mut known = self.folders.iter_mut();
        match known.find(|known| known.path == grant.path && known.real == grant.real) {
            Some(known) => known.writable |= writable,
            None => self.folders.push(grant),
        }
        Ok(())
    }

    fn address(
        &mut self,
        key: &ConfigKey,
        address: String,
        policy: &Policy,
    ) -> Result<(), ConfigError> {
        if !policy.allows_address(&address) {
            return Err(refused(
                key,
                &format!("asks to connect to {address}"),
                "sandbox.policy.addresses",
                &address,
            ));
        }
        if !self.addresses.contains(&address) {
            self.addresses.push(address);
        }
        Ok(())
    }
}

fn refused(key: &ConfigKey, asks: &str, line: &str, value: &str) -> ConfigError {
    let message = format!(
        "The configuration {} {asks}, which this worker's policy does not allow. This line in the worker's \
         configuration would allow it: {line}={value}",
        key.name
    );
    ConfigError::key_message(&key.name, message)
}

/// The absolute path of a name; relative ones are in the current folder.
fn absolute(key: &ConfigKey, value: &str) -> Result<PathBuf, ConfigError> {
    let path = Path::new(value);
    if path
        .components()
        .any(|component| component == Component::ParentDir)
    {
        return Err(ConfigError::value(
            &key.name,
            value,
            "a path without .. is wanted",
        ));
    }
    std::path::absolute(path)
        .map_err(|error| ConfigError::value(&key.name, value, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, names: Names) -> ConfigKey {
        ConfigKey {
            names,
            ..ConfigKey::named(name)
        }
    }

    fn of(names: Names, value: &str, policy: &Policy) -> Result<Grants, ConfigError> {
        let definition = Definition(vec![key("k", names)]);
        grants(
            &definition,
            &Properties::from([("k".into(), value.into())]),
            policy,
        )
    }

    #[test]
    fn a_file_grants_its_folder() {
        let read = of(Names::ReadFile, "/data/in.txt", &Policy::Permissive).unwrap();
        assert_eq!(
            read.folders,
            [FolderGrant {
                path: "/data".into(),
                writable: false,
                real: None,
            }]
        );
        assert_eq!(read.files, [PathBuf::from("/data/in.txt")]);
        let write = of(Names::WriteFile, "out.txt", &Policy::Permissive).unwrap();
        let here = std::env::current_dir().unwrap();
        assert_eq!(
            write.folders,
            [FolderGrant {
                path: here.clone(),
                writable: true,
                real: None,
            }]
        );
        assert_eq!(write.files, [here.join("out.txt")]);
    }

    #[test]
    fn the_same_folder_is_granted_once_with_the_wider_right() {
        let definition = Definition(vec![
            key("in", Names::ReadFile),
            key("out", Names::WriteFile),
        ]);
        let config =
            Properties::from([("in".into(), "/d/a".into()), ("out".into(), "/d/b".into())]);
        let granted = grants(&definition, &config, &Policy::Permissive).unwrap();
        assert_eq!(
            granted.folders,
            [FolderGrant {
                path: "/d".into(),
                writable: true,
                real: None,
            }]
        );
        assert_eq!(granted.files.len(), 2);
    }

    #[test]
    fn a_default_grants_nothing() {
        let definition = Definition(vec![ConfigKey {
            default: Some("/etc/passwd".into()),
            ..key("file", Names::ReadFile)
        }]);
        assert_eq!(
            grants(&definition, &Properties::new(), &Policy::Permissive).unwrap(),
            Grants::default()
        );
        let empty = Properties::from([("file".into(), " ".into())]);
        assert_eq!(
            grants(&definition, &empty, &Policy::Strict).unwrap(),
            Grants::default()
        );
    }

    #[test]
    fn strict_grants_nothing_and_says_what_would() {
        for (names, value, line) in [
            (Names::ReadFile, "/data/in.txt", "sandbox.policy.read=/data"),
            (
                Names::WriteFile,
                "/data/out.txt",
                "sandbox.policy.write=/data",
            ),
            (Names::WriteFolder, "/data", "sandbox.policy.write=/data"),
            (Names::Address, "db:1", "sandbox.policy.addresses=db:1"),
            (
                Names::Url,
                "jdbc:postgresql://u:canary@db/x",
                "sandbox.policy.addresses=db:5432",
            ),
        ] {
            let error = of(names, value, &Policy::Strict).unwrap_err();
            assert_eq!(error.key(), Some("k"));
            assert!(
                error.to_string().contains(line) && !error.to_string().contains("canary"),
                "{error}"
            );
        }
        assert_eq!(
            of(Names::Nothing, "/data", &Policy::Strict).unwrap(),
            Grants::default()
        );
        assert_eq!(
            of(Names::Secret, "/data", &Policy::Strict).unwrap(),
            Grants::default()
        );
    }

    #[test]
    fn an_allowed_folder_is_compared_by_where_it_really_is() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, outside) = (folder.path().join("in"), folder.path().join("out"));
        std::fs::create_dir_all(inside.join("deep")).unwrap();
        std::fs::create_dir(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("link")).unwrap();
        let policy = Policy::Allow(
            Allowed {
                read: vec![inside.clone()],
                ..Allowed::default()
            }
            .into(),
        );
        let read = |path: PathBuf| of(Names::ReadFile, &path.to_string_lossy(), &policy);
        assert!(read(inside.join("a")).is_ok());
        assert!(read(inside.join("deep/a")).is_ok());
        assert!(read(inside.join("link/a")).is_err());
        assert!(read(outside.join("a")).is_err());
        assert!(read(inside.join("../out/a")).is_err());
        assert!(
            of(
                Names::WriteFile,
                &inside.join("a").to_string_lossy(),
                &policy
            )
            .is_err()
        );
    }

    #[test]
    fn addresses_are_allowed_by_host_and_port() {
        let policy = Policy::Allow(
            Allowed {
                addresses: vec!["db:5432".into(), "*:443".into()],
                ..Allowed::default()
            }
            .into(),
        );
        assert_eq!(
            of(Names::Address, "DB:5432, x:443", &policy)
                .unwrap()
                .addresses,
            ["db:5432", "x:443"]
        );
        assert!(of(Names::Address, "db:5433", &policy).is_err());
        assert_eq!(
            of(Names::Url, "https://a/x,https://b", &policy)
                .unwrap()
                .addresses,
            ["a:443", "b:443"]
        );
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for (names, value) in [
            (Names::ReadFile, "/"),
            (Names::ReadFile, "/a/.."),
            (Names::Address, "x"),
            (Names::Url, "x"),
        ] {
            assert!(of(names, value, &Policy::Permissive).is_err(), "{value}");
        }
    }
}
