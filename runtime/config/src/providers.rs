//! References in configurations and where their values come from: Kafka Connect's config providers (KIP-297).
//!
//! | written | provider | what may be read |
//! | --- | --- | --- |
//! | `${NAME:path:key}` | `FileConfigProvider`: a key of a `.properties` file | `config.providers.NAME.param.allowed.paths` |
//! | `${NAME:folder:file}` | `DirectoryConfigProvider`: a whole file | the same |
//! | `${NAME:VARIABLE}` | `EnvVarConfigProvider`: an environment variable | `config.providers.NAME.param.allowlist.pattern` |
//! | `${VARIABLE}` | none: as guides write it | `config.variables.allowlist.pattern` |
//!
//! Without those keys nothing may be read. A reference whose provider is not configured, and a bare one that the
//! pattern does not match, is text and stays as it is. Any other that cannot be resolved is an error. What was resolved
//! is not looked through again.
//!
//! Invariant: what is stored and shown is what was written; only tasks, and plugins that are asked about a
//! configuration, get what is resolved.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use regex::{Captures, Regex};
use tidegate_java::regex::Pattern;
use tidegate_model::guest_text::clean;

use crate::Properties;
use crate::allowed_paths::AllowedPaths;
use crate::converter::with_prefix;
use crate::definition::{ConfigType, list};
use crate::error::ConfigError;
use crate::errors::number;
use crate::properties;
use crate::resolved::Resolved;

/// The worker's key with the names of its providers.
pub const CONFIG_PROVIDERS: &str = "config.providers";
/// The worker's key with the pattern of environment variables that bare references may name.
pub const VARIABLES_ALLOWED: &str = "config.variables.allowlist.pattern";

/// The most references of a configuration.
pub const REFERENCES_MAX: usize = 1_000;
/// The most bytes of a value that a provider gives.
pub const PROVIDED_BYTES_MAX: usize = 64 * 1024;
/// The most bytes of all values of a configuration that have references, resolved.
pub const RESOLVED_BYTES_MAX: usize = 1024 * 1024;
/// The most bytes of a reference in a message.
const REFERENCE_BYTES_SHOWN: usize = 300;

/// A bare reference in the first group; else provider, path and key as in Kafka's `ConfigTransformer`.
#[allow(clippy::unwrap_used, reason = "a constant, which the tests use")]
static REFERENCE: LazyLock<Regex> = LazyLock::new(|| {
    let bare = r"([A-Za-z_][A-Za-z0-9_]*)";
    let provided = r"([^}]*?):(?:([^}]*?):)?([^}]*?)";
    Regex::new(&format!(r"\$\{{(?:{bare}|{provided})\}}")).unwrap()
});

/// The providers of a worker.
#[derive(Default)]
pub struct Providers {
    providers: BTreeMap<String, Provider>,
    bare: Variables,
}

/// A provider.
struct Provider {
    kind: Kind,
    /// How long a value counts; `None`: until the connector is started again.
    ttl: Option<Duration>,
}

enum Kind {
    File(AllowedPaths),
    Directory(AllowedPaths),
    Environment(Variables),
}

/// Environment variables.
#[derive(Default)]
struct Variables {
    /// The worker's key with the pattern.
    key: String,
    /// None: nothing is allowed.
    pattern: Option<Box<Pattern>>,
    /// Those that the pattern allows, as they were when the worker started.
    allowed: BTreeMap<String, String>,
}

impl Providers {
    /// Takes the providers that a worker's keys configure.
    ///
    /// # Errors
    /// When a class is missing or not known, a path does not exist, or a pattern is none.
    pub fn of(keys: &Properties, env: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let mut providers = BTreeMap::new();
        for name in list(keys.get(CONFIG_PROVIDERS).map_or("", String::as_str)) {
            if name.is_empty() || name.contains([':', '}']) {
                let message = "names of providers are wanted, separated by commas, without : and }";
                return Err(ConfigError::value(CONFIG_PROVIDERS, &name, message));
            }
            let provider = Provider::of(&name, keys, env)?;
            providers.insert(name, provider);
        }
        let pattern = keys.get(VARIABLES_ALLOWED).map(String::as_str);
        let bare = Variables::of(VARIABLES_ALLOWED.to_owned(), pattern, env)?;
        Ok(Self { providers, bare })
    }

    /// Resolves all references in the values of a configuration, but for its name.
    ///
    /// # Errors
    /// With the first key whose reference cannot be resolved, or may not be.
    pub fn resolve(&self, properties: &Properties) -> Result<Resolved, ConfigError> {
        let (resolved, mut errors) = self.resolve_all(properties);
        match errors.is_empty() {
            true => Ok(resolved),
            false => Err(errors.swap_remove(0)),
        }
    }

    /// The same with all that is wrong; what cannot be resolved stays as it is.
    #[must_use]
    pub fn resolve_all(&self, properties: &Properties) -> (Resolved, Vec<ConfigError>) {
        let mut run = Run {
            providers: self,
            files: BTreeMap::new(),
            resolved: Resolved::of(properties),
            references: 0,
            bytes: 0,
        };
        let mut errors = Vec::new();
        for (key, value) in properties {
            if key == "name" || !value.contains("${") {
                continue;
            }
            if let Err(message) = run.value(key, value) {
                let message = format!("Invalid value for configuration {key}: {message}");
                errors.push(ConfigError::key_message(key, message));
            }
        }
        (run.resolved.finished(), errors)
    }
}

/// Resolving a configuration. Each file is read once.
struct Run<'a> {
    providers: &'a Providers,
    files: BTreeMap<(&'a str, String), Result<Properties, String>>,
    resolved: Resolved,
    references: usize,
    bytes: usize,
}

impl<'a> Run<'a> {
    fn value(&mut self, key: &str, value: &str) -> Result<(), String> {
        let mut text = String::with_capacity(value.len());
        let mut rest = 0;
        let mut changed = false;
        for found in REFERENCE.captures_iter(value) {
            let Some(whole) = found.get(0) else { continue };
            let provided = self.provided(key, &found);
            let provided = provided.map_err(|message| {
                let reference = clean(whole.as_str(), REFERENCE_BYTES_SHOWN);
                format!("the reference {reference} is refused: {message}")
            })?;
            let Some(provided) = provided else { continue };
            self.references += 1;
            if self.references > REFERENCES_MAX {
                return Err(format!(
                    "the configuration has more than {REFERENCES_MAX} references, which is the most"
                ));
            }
            text.push_str(value.get(rest..whole.start()).unwrap_or_default());
            text.push_str(&provided);
            rest = whole.end();
            changed = true;
            if self.bytes + text.len() > RESOLVED_BYTES_MAX {
                return Err(format!(
                    "the values that have references become more than {RESOLVED_BYTES_MAX} bytes, which is the most"
                ));
            }
            self.resolved.provide(whole.as_str(), provided);
        }
        if changed {
            text.push_str(value.get(rest..).unwrap_or_default());
            self.bytes += text.len();
            self.resolved.replace(key, value, text);
        }
        Ok(())
    }

    /// The value of a reference; `None`: it is text.
    fn provided(&mut self, key: &str, found: &Captures<'_>) -> Result<Option<String>, String> {
        let text = |group| found.get(group).map_or("", |found| found.as_str());
        if let Some(bare) = found.get(1) {
            let variables = &self.providers.bare;
            if !variables.allows(bare.as_str()) {
                return Ok(None);
            }
            return variables.get(bare.as_str()).map(Some);
        }
        let (name, path, wanted) = (text(2), text(3), text(4));
        let Some((name, provider)) = self.providers.providers.get_key_value(name) else {
            self.resolved.is_unknown(key, name);
            return Ok(None);
        };
        let value = match &provider.kind {
            Kind::Environment(_) if !path.is_empty() => Err(format!(
                "Path is not supported for EnvVarConfigProvider, invalid value '{}'",
                clean(path, REFERENCE_BYTES_SHOWN)
            )),
            Kind::Environment(variables) => variables.get(wanted),
            Kind::Directory(allowed) => file_of(allowed, path, wanted),
            Kind::File(allowed) => self.key_of(name, allowed, path, wanted),
        }?;
        if value.len() > PROVIDED_BYTES_MAX {
            return Err(format!(
                "its value has more than {PROVIDED_BYTES_MAX} bytes, which is the most"
            ));
        }
        if properties::check("value", &value).is_err() {
            return Err("its value has a control character; remove it".to_owned());
        }
        self.resolved.expires_in(provider.ttl);
        Ok(Some(value))
    }

    /// A key of a `.properties` file.
    fn key_of(
        &mut self,
        provider: &'a str,
        allowed: &AllowedPaths,
        path: &str,
        key: &str,
    ) -> Result<String, String> {
        let read = || {
            let text = allowed.read(Path::new(path))?;
            properties::parse(&text).map_err(|error| match error {
                ConfigError::Syntax { line, .. } => {
                    format!("the file is no .properties file; look at line {line}")
                }
                _ => "the file is no .properties file".to_owned(),
            })
        };
        let file = self.files.entry((provider, path.to_owned()));
        let file = file.or_insert_with(read).as_ref().map_err(String::clone)?;
        let value = file.get(key).cloned();
        value.ok_or_else(|| "the file does not have this key".to_owned())
    }
}

/// A file of a folder, without the end of its last line.
fn file_of(allowed: &AllowedPaths, folder: &str, name: &str) -> Result<String, String> {
    if name.is_empty() || name.contains('/') || matches!(name, "." | "..") {
        return Err("the name of a file in the folder is wanted".to_owned());
    }
    let mut text = allowed.read(&Path::new(folder).join(name))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

impl Provider {
    fn of(
        name: &str,
        keys: &Properties,
        env: &BTreeMap<String, String>,
    ) -> Result<Self, ConfigError> {
        let prefix = format!("{CONFIG_PROVIDERS}.{name}.");
        let class_key = format!("{prefix}class");
        let class = keys.get(&class_key).map(|class| class.trim());
        let class = class.ok_or_else(|| ConfigError::Missing(class_key.clone()))?;
        let parameters = format!("{prefix}param.");
        let config = with_prefix(keys, &parameters);
        let text = |key: &str| config.get(key).map(String::as_str);
        let allowed = || {
            let key = format!("{parameters}allowed.paths");
            AllowedPaths::parse(key, text("allowed.paths"))
        };
        let simple = class.strip_prefix("org.apache.kafka.common.config.provider.");
        let kind = match simple.unwrap_or(class) {
            "FileConfigProvider" => Kind::File(allowed()?),
            "DirectoryConfigProvider" => Kind::Directory(allowed()?),
            "EnvVarConfigProvider" => {
                let key = format!("{parameters}allowlist.pattern");
                Kind::Environment(Variables::of(key, text("allowlist.pattern"), env)?)
            }
            _ => {
                let message = "there is no such config provider; FileConfigProvider, DirectoryConfigProvider and \
                               EnvVarConfigProvider of org.apache.kafka.common.config.provider are there";
                return Err(ConfigError::value(&class_key, class, message));
            }
        };
        let ttl_key = format!("{parameters}ttl.ms");
        let ttl = match keys.contains_key(&ttl_key) {
            false => None,
            true => {
                let ttl = number(keys, &ttl_key, ConfigType::Long, 0)?;
                let positive = u64::try_from(ttl).ok().filter(|ttl| *ttl >= TTL_MS_MIN);
                let message = format!("Value must be at least {TTL_MS_MIN}");
                let ttl = positive
                    .ok_or_else(|| ConfigError::value(&ttl_key, &ttl.to_string(), message))?;
                Some(Duration::from_millis(ttl))
            }
        };
        Ok(Self { kind, ttl })
    }
}

/// The least time after which values are looked at again.
const TTL_MS_MIN: u64 = 1_000;

impl Variables {
    fn of(
        key: String,
        pattern: Option<&str>,
        env: &BTreeMap<String, String>,
    ) -> Result<Self, ConfigError> {
        let Some(pattern) = pattern.map(str::trim).filter(|pattern| !pattern.is_empty()) else {
            return Ok(Self {
                key,
                ..Self::default()
            });
        };
        let whole = Pattern::compile(pattern).map_err(|error| {
            let message = format!("a regular expression is wanted: {error}");
            ConfigError::value(&key, pattern, message)
        })?;
        let allowed = env.iter().filter(|(name, _)| whole.is_match(name));
        Ok(Self {
            key,
            allowed: allowed
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            pattern: Some(Box::new(whole)),
        })
    }

    fn allows(&self, name: &str) -> bool {
        let pattern = self.pattern.as_ref();
        pattern.is_some_and(|pattern| pattern.is_match(name))
    }

    fn get(&self, name: &str) -> Result<String, String> {
        let key = &self.key;
        if self.pattern.is_none() {
            return Err(format!(
                "nothing may be read, for the worker's {key} is not set"
            ));
        }
        if !self.allows(name) {
            return Err(format!("the variable does not match the worker's {key}"));
        }
        let value = self.allowed.get(name).cloned();
        value.ok_or_else(|| "the environment variable is not set".to_owned())
    }
}

impl fmt::Debug for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: BTreeSet<&String> = self.providers.keys().collect();
        f.debug_tuple("Providers").field(&names).finish()
    }
}

/// The keys that configure them are compared with the worker's other keys.
impl PartialEq for Providers {
    fn eq(&self, other: &Self) -> bool {
        self.providers.keys().eq(other.providers.keys())
    }
}

impl Eq for Providers {}

/// Whether a worker's key configures a provider, and does something.
pub(crate) fn is_provider_key(key: &str) -> bool {
    let Some((_, parameter)) = key
        .strip_prefix("config.providers.")
        .and_then(|rest| rest.split_once('.'))
    else {
        return false;
    };
    matches!(
        parameter,
        "class" | "param.allowed.paths" | "param.allowlist.pattern" | "param.ttl.ms"
    )
}

#[cfg(test)]
#[path = "providers_tests.rs"]
mod tests;
