//! Opens what commands share: the worker's configuration, the broker, the sandbox and the plugins.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tidegate_broker::embedded::{EmbeddedBroker, EmbeddedSettings};
use tidegate_broker::kafka::KafkaBroker;
use tidegate_broker::{Broker, BrokerError};
use tidegate_config::connector::ConverterRole;
use tidegate_config::definition::list;
use tidegate_config::worker::{Bootstrap, SandboxSettings, Warning, WorkerConfig};
use tidegate_config::{ConfigError, Properties};
use tidegate_convert::{ConvertError, Role};
use tidegate_sandbox::{Digest, Registry, Sandbox, Settings};

use crate::args::{BrokerArguments, PluginPathArguments};
use crate::failure::Failure;

/// Reads a worker's file and says what is odd in it.
pub fn worker_config(path: &Path) -> Result<WorkerConfig, Failure> {
    said(WorkerConfig::from_file(path, variables())?)
}

/// What a command knows of a worker: by its file, or by what stands on the command line and in variables.
fn command_config(worker: Option<&Path>, given: Properties) -> Result<WorkerConfig, Failure> {
    match worker {
        Some(worker) => worker_config(worker),
        None => said(WorkerConfig::from_variables(variables(), given)?),
    }
}

fn said((config, warnings): (WorkerConfig, Vec<Warning>)) -> Result<WorkerConfig, Failure> {
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Ok(config)
}

/// The environment, as far as it is text.
fn variables() -> impl Iterator<Item = (String, String)> {
    let text = |text: std::ffi::OsString| text.into_string().ok();
    std::env::vars_os().filter_map(move |(name, value)| Some((text(name)?, text(value)?)))
}

/// Refuses a worker whose converters cannot be made: each connector that names none would fail.
pub fn check_converters(config: &WorkerConfig) -> Result<(), Failure> {
    for (config_role, role) in [
        (ConverterRole::Key, Role::Key),
        (ConverterRole::Value, Role::Value),
        (ConverterRole::Header, Role::Header),
    ] {
        let converter = config.converter(config_role);
        let Err(error) = tidegate_convert::converter(&converter.class, role, &converter.config)
        else {
            continue;
        };
        let class_key = config_role.class_key();
        let (key, message) = match error {
            ConvertError::Option { key, found, wanted } => (
                format!("{class_key}.{key}"),
                format!("{found:?} was found; allowed: {wanted}"),
            ),
            error => (class_key.to_owned(), error.to_string()),
        };
        let message = format!("{key}: {message}");
        let error = ConfigError::Key { key, message }.redacted(&config.secrets, false);
        return Err(config.origin.blame(error).into());
    }
    Ok(())
}

/// Opens the broker of a worker.
pub fn broker(config: &WorkerConfig) -> Result<Arc<dyn Broker>, Failure> {
    let opened: Result<Arc<dyn Broker>, BrokerError> = match &config.bootstrap {
        Bootstrap::Kafka(servers) => KafkaBroker::connect(
            servers,
            &config.client,
            &config.producer,
            &config.consumer,
            &config.admin,
        )
        .map(|broker| Arc::new(broker) as _),
        Bootstrap::Embedded(folder) => EmbeddedSettings::from_properties(&config.properties)
            .and_then(|settings| EmbeddedBroker::open(folder, settings))
            .map(|broker| Arc::new(broker) as _),
    };
    opened.map_err(|error| setting_as_written(config, error))
}

/// A refused setting with the key and the place where it was written.
fn setting_as_written(config: &WorkerConfig, error: BrokerError) -> Failure {
    let BrokerError::Setting { key, reason } = &error else {
        return error.into();
    };
    let written = ["", "producer.", "consumer.", "admin."]
        .map(|prefix| format!("{prefix}{key}"))
        .into_iter()
        .find_map(|key| {
            config
                .properties
                .get(&key)
                .map(|value| (key.clone(), value))
        });
    let Some((key, value)) = written else {
        return error.into();
    };
    let may_hold_a_secret = ["sasl.", "ssl.", "password"]
        .iter()
        .any(|part| key.contains(part));
    let message = if may_hold_a_secret || reason.contains(&format!("{value:?}")) {
        format!("{key}: {reason}")
    } else {
        format!("{key}: {value:?} was found: {reason}")
    };
    let error = ConfigError::Key { key, message }.redacted(&config.secrets, false);
    config.origin.blame(error).into()
}

/// Opens the broker that a command names.
pub fn named_broker(arguments: &BrokerArguments) -> Result<Arc<dyn Broker>, Failure> {
    let given = arguments.bootstrap_servers.iter();
    let given = given.map(|servers| ("bootstrap.servers".to_owned(), servers.clone()));
    let config = command_config(arguments.worker.as_deref(), given.collect())?;
    match &config.bootstrap {
        Bootstrap::Embedded(folder) if !folder.is_dir() => Err(Failure::Usage(format!(
            "there is no embedded log in the folder {}; name one with --bootstrap-servers embedded:FOLDER, or the \
             worker's file with --worker",
            folder.display()
        ))),
        _ => broker(&config),
    }
}

/// A sandbox without a worker.
pub fn sandbox() -> Result<Sandbox, Failure> {
    let config = command_config(None, Properties::new())?;
    Ok(Sandbox::new(sandbox_settings(&config.sandbox))?)
}

/// Opens the plugins of a worker, and says which cannot be used.
pub fn registry(config: &WorkerConfig, folders: &[PathBuf]) -> Result<Arc<Registry>, Failure> {
    let mut settings = sandbox_settings(&config.sandbox);
    settings.control_plane = config.control_plane();
    let sandbox = Sandbox::new(settings)?;
    let mut registry = Registry::open(&sandbox, folders);
    let uploads = uploads_folder(config);
    registry.accept_uploads(&sandbox, &uploads, config.sandbox.plugins_bytes_max)?;
    for (path, error) in registry.problems() {
        tracing::error!(path = %path.display(), %error, "A plugin cannot be used.");
    }
    Ok(Arc::new(registry))
}

/// Where a worker keeps uploaded components. Without `sandbox.plugins.dir`: beside its embedded log, or in a folder of the
/// user's that is this worker's alone.
pub fn uploads_folder(config: &WorkerConfig) -> PathBuf {
    if let Some(folder) = &config.sandbox.plugins_dir {
        return folder.clone();
    }
    let servers = match &config.bootstrap {
        Bootstrap::Embedded(folder) => return folder.join("plugins"),
        Bootstrap::Kafka(servers) => servers,
    };
    let worker = format!("{servers} {}", config.config_topic.name);
    let digest = Digest::of(worker.as_bytes()).to_string();
    let name = digest.get(..16).unwrap_or_default();
    user_folder("XDG_DATA_HOME", ".local/share")
        .join("plugins")
        .join(name)
}

/// The folders of a worker's plugins.
pub fn plugin_path(config: &WorkerConfig) -> Vec<PathBuf> {
    if config.plugin_path.is_empty() {
        let folders = default_plugin_path().into_iter();
        folders.filter(|folder| folder.is_dir()).collect()
    } else {
        config.plugin_path.clone()
    }
}

/// The plugins that a command names.
pub struct Named {
    /// The plugins.
    pub registry: Arc<Registry>,
    /// Where they were looked for.
    pub folders: Vec<PathBuf>,
}

/// Opens the plugins that a command names.
pub fn named_registry(arguments: &PluginPathArguments) -> Result<Named, Failure> {
    let given = arguments.plugin_path.iter();
    let given = given.map(|folders| ("plugin.path".to_owned(), folders.clone()));
    let given: Properties = given.collect();
    let mut config = command_config(arguments.worker.as_deref(), given.clone())?;
    if let Some(folders) = given.get("plugin.path") {
        config.plugin_path = list(folders).into_iter().map(PathBuf::from).collect();
    }
    let folders = plugin_path(&config);
    if let Some(path) = folders.iter().find(|path| !path.is_dir()) {
        let what = if path.exists() {
            "is no folder"
        } else {
            "does not exist"
        };
        return Err(Failure::Usage(format!(
            "{} {what}; plugin.path and --plugin-path name folders with components (*.wasm)",
            path.display()
        )));
    }
    if folders.is_empty() {
        let looked: Vec<_> = default_plugin_path()
            .iter()
            .map(|folder| folder.display().to_string())
            .collect();
        return Err(Failure::Usage(format!(
            "there is no folder of plugins: neither {} exists; name one with --plugin-path, CONNECT_PLUGIN_PATH or \
             plugin.path in the file of --worker",
            looked.join(" nor ")
        )));
    }
    Ok(Named {
        registry: registry(&config, &folders)?,
        folders,
    })
}

/// Without `plugin.path`: the folder `plugins` beside the program or one above it, as `make build` has it, and
/// `../lib/tidegate/plugins`, where `make install` puts them.
fn default_plugin_path() -> Vec<PathBuf> {
    let program = std::env::current_exe().unwrap_or_default();
    let above: Vec<&Path> = program.ancestors().skip(1).take(2).collect();
    let beside = above.iter().map(|folder| folder.join("plugins"));
    let installed = above
        .last()
        .map(|folder| folder.join("lib/tidegate/plugins"));
    beside.chain(installed).collect()
}

/// What the worker's `sandbox.` keys say.
fn sandbox_settings(given: &SandboxSettings) -> Settings {
    let mut settings = Settings::new(given.cache_dir.clone().unwrap_or_else(default_cache_dir));
    settings.limits = given.guest.clone();
    settings.compile = given.compile;
    settings.truststore.clone_from(&given.truststore);
    settings
}

/// Where compiled plugins are kept when nothing is said: the user's cache folder.
fn default_cache_dir() -> PathBuf {
    user_folder("XDG_CACHE_HOME", ".cache").join("compiled")
}

/// This program's folder in the one that a variable names, or in that below the home folder.
fn user_folder(variable: &str, below_home: &str) -> PathBuf {
    let given = std::env::var_os(variable)
        .filter(|folder| !folder.is_empty())
        .map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(below_home));
    given
        .or_else(home)
        .unwrap_or_else(std::env::temp_dir)
        .join("tidegate")
}
