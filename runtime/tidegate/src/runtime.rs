//! Opens what commands share: the worker's configuration, the broker, the sandbox and the plugins.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tidegate_broker::Broker;
use tidegate_broker::embedded::{EmbeddedBroker, EmbeddedSettings};
use tidegate_broker::kafka::KafkaBroker;
use tidegate_config::worker::{Bootstrap, EMBEDDED_FOLDER_DEFAULT, SandboxSettings, WorkerConfig};
use tidegate_sandbox::{Limits, Registry, Sandbox, Settings};

use crate::args::{BrokerArguments, PluginPathArguments};
use crate::failure::Failure;

/// Reads a worker's file and says what is odd in it.
pub fn worker_config(path: &Path) -> Result<WorkerConfig, Failure> {
    let (config, warnings) = WorkerConfig::from_file(path, std::env::vars())?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Ok(config)
}

/// Opens the broker of a worker.
pub fn broker(config: &WorkerConfig) -> Result<Arc<dyn Broker>, Failure> {
    Ok(match &config.bootstrap {
        Bootstrap::Kafka(servers) => Arc::new(KafkaBroker::connect(
            servers,
            &config.client,
            &config.producer,
            &config.consumer,
            &config.admin,
        )?),
        Bootstrap::Embedded(folder) => Arc::new(EmbeddedBroker::open(
            folder,
            EmbeddedSettings::from_properties(&config.properties)?,
        )?),
    })
}

/// Opens the broker that a command names.
pub fn named_broker(arguments: &BrokerArguments) -> Result<Arc<dyn Broker>, Failure> {
    if let Some(worker) = &arguments.worker {
        return broker(&worker_config(worker)?);
    }
    let servers = arguments.bootstrap_servers.clone();
    let servers = servers.unwrap_or_else(|| format!("embedded:{EMBEDDED_FOLDER_DEFAULT}"));
    match servers.strip_prefix("embedded:") {
        Some(folder) if !Path::new(folder).is_dir() => Err(Failure::Usage(format!(
            "there is no embedded log in the folder {folder}; name one with --bootstrap-servers embedded:FOLDER, \
             or the worker's file with --worker"
        ))),
        Some(folder) => Ok(Arc::new(EmbeddedBroker::open(
            Path::new(folder),
            EmbeddedSettings::default(),
        )?)),
        None => {
            let none = Default::default();
            Ok(Arc::new(KafkaBroker::connect(
                &servers, &none, &none, &none, &none,
            )?))
        }
    }
}

/// Opens the plugins of a worker.
pub fn registry(
    config: Option<&WorkerConfig>,
    plugin_path: &[PathBuf],
) -> Result<Arc<Registry>, Failure> {
    let settings = match config {
        Some(config) => sandbox_settings(&config.sandbox),
        None => Settings::new(default_cache_dir()),
    };
    let folders = if plugin_path.is_empty() {
        default_plugin_path()
    } else {
        plugin_path.to_vec()
    };
    let registry = Registry::open(&Sandbox::new(settings)?, &folders);
    for (path, error) in registry.problems() {
        tracing::error!(path = %path.display(), %error, "A plugin cannot be used.");
    }
    Ok(Arc::new(registry))
}

/// Opens the plugins that a command names.
pub fn named_registry(arguments: &PluginPathArguments) -> Result<Arc<Registry>, Failure> {
    let config = arguments.worker.as_deref().map(worker_config).transpose()?;
    let folders: Vec<PathBuf> = match &arguments.plugin_path {
        Some(folders) => folders
            .split(',')
            .map(|folder| folder.trim().into())
            .collect(),
        None => config
            .as_ref()
            .map(|config| config.plugin_path.clone())
            .unwrap_or_default(),
    };
    registry(config.as_ref(), &folders)
}

/// Without `plugin.path`: the folder `plugins` beside the program, or one above it.
fn default_plugin_path() -> Vec<PathBuf> {
    let program = std::env::current_exe().unwrap_or_default();
    let folders = program
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join("plugins"));
    folders.filter(|folder| folder.is_dir()).collect()
}

/// What the worker's `sandbox.` keys say.
fn sandbox_settings(given: &SandboxSettings) -> Settings {
    let mut settings = Settings::new(given.cache_dir.clone().unwrap_or_else(default_cache_dir));
    settings.limits = Limits {
        memory_bytes_max: given.memory_bytes_max,
        table_elements_max: given.table_elements_max,
        poll_ms: given.poll_ms,
        put_ms: given.put_ms,
        transform_ms: given.transform_ms,
        start_ms: given.start_ms,
        validate_ms: given.validate_ms,
        call_bytes_max: given.call_bytes_max,
        resources_max: given.resources_max,
        handles_max: given.handles_max,
    };
    settings
}

/// Where compiled plugins are kept when nothing is said: the user's cache folder.
fn default_cache_dir() -> PathBuf {
    let given = std::env::var_os("XDG_CACHE_HOME")
        .filter(|folder| !folder.is_empty())
        .map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    given
        .or_else(home)
        .unwrap_or_else(std::env::temp_dir)
        .join("tidegate")
        .join("compiled")
}
