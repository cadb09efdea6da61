//! What a plugin is granted: the files, folders, addresses and secrets that the configuration names under the keys whose
//! definition says that they name such a thing, and what it asks for under keys of its own that begin with `sandbox.`.
//!
//! Invariant: only what was written in the configuration is granted. A default of a definition is the
//! component's own word and grants nothing.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use crate::Properties;
use crate::address;
use crate::definition::{ConfigKey, Definition, Names, list};
use crate::error::ConfigError;
use crate::ip::Block;
use crate::own_limits::{self, OwnLimits};
use crate::policy::Purpose;

pub use crate::policy::{Allowed, Policy};

/// The keys of a connector that ask for something: folders that are read, that are read and written, `host:port`, and
/// hosts that are sent HTTP requests.
const ASKING: [(&str, Names); 4] = [
    ("sandbox.read", Names::ReadFolder),
    ("sandbox.write", Names::WriteFolder),
    ("sandbox.addresses", Names::Address),
    (HTTP, Names::Url),
];
const HTTP: &str = "sandbox.http";

/// What a plugin is granted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grants {
    /// Folders, each once.
    pub folders: Vec<FolderGrant>,
    /// The files that were named, for watching them; their folders are granted.
    pub files: Vec<PathBuf>,
    /// `host:port`, each once.
    pub addresses: Vec<String>,
    /// `host:port` that may be sent HTTP requests and nothing else, each once.
    pub http: Vec<String>,
    /// Addresses that are not public and may be reached all the same, also by a granted name.
    pub blocks: Vec<Block>,
    /// What the guest is not shown, and the host puts on the wire for it.
    pub secrets: Vec<Secret>,
    /// The limits of its tasks.
    pub limits: OwnLimits,
}

/// The value of a key that holds a secret. Its text is in no output.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.key)
    }
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
    grants_without(definition, config, policy, &[])
}

/// The same, where some `host:port` are never granted: those that control the worker.
///
/// # Errors
/// When a value names nothing that could be granted, is one of `never`, or the policy does not allow it.
pub fn grants_without(
    definition: &Definition,
    config: &Properties,
    policy: &Policy,
    never: &[String],
) -> Result<Grants, ConfigError> {
    let policy = policy.of(config.get("name").map_or("", |name| name.trim()));
    let rule = Rule {
        policy: &policy,
        never,
    };
    let mut grants = Grants {
        blocks: policy.blocks(),
        limits: OwnLimits::of(config, policy.most())?,
        ..Grants::default()
    };
    let asking = ASKING.map(|(name, names)| ConfigKey {
        names,
        ..ConfigKey::named(name)
    });
    for key in definition.0.iter().chain(&asking) {
        let value = config.get(&key.name).map_or("", |value| value.trim());
        if !value.is_empty() {
            grants.add(key, value, rule)?;
        }
    }
    Ok(grants)
}

/// Refuses `sandbox.` keys of a connector that nobody knows: a limit or wish with a slip in its name would be without
/// effect.
///
/// # Errors
/// With the key.
pub fn check_asking_keys(definition: &Definition, config: &Properties) -> Result<(), ConfigError> {
    let own = config.keys().filter(|key| key.starts_with("sandbox."));
    for key in own {
        let known = own_limits::KEYS.contains(&key.as_str())
            || ASKING.iter().any(|(name, _)| name == key)
            || definition.key(key).is_some();
        if !known {
            let known: Vec<&str> = ASKING
                .iter()
                .map(|(name, _)| *name)
                .chain(own_limits::KEYS)
                .collect();
            let message = format!(
                "{key} is no key of a connector; these are: {}",
                known.join(", ")
            );
            return Err(ConfigError::key_message(key, message));
        }
    }
    Ok(())
}

/// What may be granted.
#[derive(Clone, Copy)]
struct Rule<'a> {
    policy: &'a Policy,
    never: &'a [String],
}

impl Grants {
    fn add(&mut self, key: &ConfigKey, value: &str, rule: Rule<'_>) -> Result<(), ConfigError> {
        let policy = rule.policy;
        match key.names {
            Names::Nothing => Ok(()),
            Names::Secret => {
                self.secrets.push(Secret {
                    key: key.name.clone(),
                    value: value.to_owned(),
                });
                Ok(())
            }
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
                let writable = key.names == Names::WriteFolder;
                // A key of a plugin names one folder, whatever characters it has.
                let asks = ASKING.iter().any(|(name, _)| *name == key.name);
                let folders = if asks {
                    list(value)
                } else {
                    vec![value.to_owned()]
                };
                folders.iter().try_for_each(|folder| {
                    let folder = absolute(key, folder)?;
                    self.folder(key, folder, writable, policy)
                })
            }
            Names::Address => list(value).iter().try_for_each(|address| {
                let address = address::host_port(address, None)
                    .map_err(|message| ConfigError::value(&key.name, address, message))?;
                self.address(key, address, Purpose::Tcp, rule)
            }),
            Names::Url if key.name == HTTP => {
                let mut hosts = list(value).into_iter();
                hosts.try_for_each(|host| self.http_host(key, &host, rule))
            }
            Names::Url if value.matches("://").count() > 1 => {
                let mut urls = list(value).into_iter();
                urls.try_for_each(|url| self.url(key, &url, rule))
            }
            Names::Url => self.url(key, value, rule),
        }
    }

    /// A host that `sandbox.http` names, as a URL or alone.
    fn http_host(
        &mut self,
        key: &ConfigKey,
        host: &str,
        rule: Rule<'_>,
    ) -> Result<(), ConfigError> {
        let found = match host.split_once("://") {
            Some(("http" | "https", _)) => address::of_url(host),
            Some(_) => Err("http:// or https:// is wanted, or a host alone".to_owned()),
            None => address::host_port(host, Some(443)).map(|address| vec![address]),
        };
        let found = found.map_err(|message| ConfigError::key_message(HTTP, message))?;
        let mut found = found.into_iter();
        found.try_for_each(|address| self.address(key, address, Purpose::Http, rule))
    }

    /// What a URL leads to. It may hold a password, and is not shown.
    fn url(&mut self, key: &ConfigKey, url: &str, rule: Rule<'_>) -> Result<(), ConfigError> {
        let addresses = address::of_url(url).map_err(|message| {
            let message = format!("The value of {} is no URL: {message}", key.name);
            ConfigError::key_message(&key.name, message)
        })?;
        let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
        let is_http = ["http", "https"]
            .iter()
            .any(|http| http.eq_ignore_ascii_case(scheme));
        let purpose = if is_http { Purpose::Http } else { Purpose::Tcp };
        let mut addresses = addresses.into_iter();
        addresses.try_for_each(|address| self.address(key, address, purpose, rule))
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
        purpose: Purpose,
        rule: Rule<'_>,
    ) -> Result<(), ConfigError> {
        if rule.never.contains(&address) {
            let message = format!(
                "The configuration {} asks to connect to {address}, which controls this worker (its REST server, a \
                 bootstrap server or its schema registry) and is never granted",
                key.name
            );
            return Err(ConfigError::key_message(&key.name, message));
        }
        let any = rule.policy.allows_address(&address, Purpose::Tcp);
        if !any && !rule.policy.allows_address(&address, purpose) {
            let line = match purpose {
                Purpose::Tcp => "sandbox.policy.addresses",
                Purpose::Http => "sandbox.policy.http",
            };
            return Err(refused(
                key,
                &format!("asks to connect to {address}"),
                line,
                &address,
            ));
        }
        // A URL grants any connection where the policy allows that, for guests that speak HTTP themselves.
        let granted = match purpose {
            Purpose::Http if key.name == HTTP || !any => &mut self.http,
            _ => &mut self.addresses,
        };
        if !granted.contains(&address) {
            granted.push(address);
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

    fn nothing(policy: &Policy) -> Grants {
        grants(&Definition::default(), &Properties::new(), policy).unwrap()
    }

    #[test]
    fn keys_of_the_sandbox_ask_for_what_the_policy_allows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let policy = Policy::Allow(
            Allowed {
                write: vec![folder.path().to_owned()],
                addresses: vec!["db:5432".into(), "10.0.0.0/8:1".into()],
                http: vec!["api:443".into(), "api:80".into()],
                ..Allowed::default()
            }
            .into(),
        );
        let ask = |key: &str, value: &str| {
            let config = Properties::from([(key.to_owned(), value.to_owned())]);
            grants(&Definition::default(), &config, &policy)
        };
        assert!(ask("sandbox.write", path).unwrap().folders[0].writable);
        assert!(!ask("sandbox.read", path).unwrap().folders[0].writable);
        assert_eq!(
            ask("sandbox.addresses", "db:5432, 10.1.1.1:1")
                .unwrap()
                .addresses,
            ["db:5432", "10.1.1.1:1"]
        );
        let http = ask("sandbox.http", "api, http://api/x").unwrap();
        assert_eq!(http.http, ["api:443", "api:80"]);
        assert!(http.addresses.is_empty());
        assert_eq!(http.blocks.len(), 1);
        for (key, value, line) in [
            ("sandbox.read", "/", "sandbox.policy.read=/"),
            ("sandbox.write", "/etc", "sandbox.policy.write=/etc"),
            (
                "sandbox.addresses",
                "api:443",
                "sandbox.policy.addresses=api:443",
            ),
            ("sandbox.http", "other", "sandbox.policy.http=other:443"),
            (
                "sandbox.http",
                "http://127.0.0.1/",
                "sandbox.policy.http=127.0.0.1:80",
            ),
            ("sandbox.http", "ftp://api", "http://"),
        ] {
            let error = ask(key, value).unwrap_err();
            assert_eq!(error.key(), Some(key));
            assert!(error.to_string().contains(line), "{error}");
        }
        let slip = Properties::from([("sandbox.adresses".to_owned(), "x:1".to_owned())]);
        assert!(check_asking_keys(&Definition::default(), &slip).is_err());
    }

    #[test]
    fn what_controls_the_worker_is_never_granted() {
        let config = Properties::from([(
            "sandbox.addresses".to_owned(),
            "[::ffff:127.0.0.1]:8083".to_owned(),
        )]);
        let never = ["127.0.0.1:8083".to_owned()];
        let refused = grants_without(&Definition::default(), &config, &Policy::Permissive, &never);
        assert!(refused.unwrap_err().to_string().contains("never granted"));
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
            nothing(&Policy::Permissive)
        );
        let empty = Properties::from([("file".into(), " ".into())]);
        assert_eq!(
            grants(&definition, &empty, &Policy::Strict).unwrap(),
            nothing(&Policy::Strict)
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
            (
                Names::Url,
                "https://u:canary@db/x",
                "sandbox.policy.http=db:443",
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
            nothing(&Policy::Strict)
        );
        let secret = of(Names::Secret, "canary", &Policy::Strict).unwrap();
        assert_eq!(secret.secrets.len(), 1);
        assert!(!format!("{secret:?}").contains("canary"));
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
