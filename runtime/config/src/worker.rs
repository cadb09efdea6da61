//! The worker's configuration, with Kafka Connect's keys and defaults.
//!
//! Deliberate differences: the REST server listens on loopback unless `listeners` says otherwise; a standalone
//! worker without `bootstrap.servers` keeps its log in a folder; `embedded:FOLDER` is accepted there; offsets of
//! a standalone worker go to a topic, not to a file.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tidegate_model::TopicName;

use crate::Properties;
pub use crate::client_overrides::OverridePolicy;
pub use crate::converter::{ConverterConfig, ConverterRole};
pub use crate::listener::Listener;
pub use crate::sandbox_settings::SandboxSettings;
pub use crate::storage_topic::StorageTopic;

use crate::address;
use crate::connector_file;
use crate::converter::with_prefix;
use crate::definition::{ConfigType, list};
use crate::environment;
use crate::error::ConfigError;
use crate::errors::{boolean, number};
use crate::limits::InFlightLimits;
use crate::origin::Origin;
use crate::policy::Policy;
use crate::properties;
use crate::providers::{CONFIG_PROVIDERS, Providers};
use crate::resolved::Resolved;
use crate::rest::RestConfig;
use crate::rules::rest_policy;
use crate::secrets::Secrets;
use crate::telemetry::TracesConfig;
use crate::worker_keys::{self, Known};

/// The folder of the embedded log when a standalone worker has no `bootstrap.servers`.
pub const EMBEDDED_FOLDER_DEFAULT: &str = "tidegate-data";

/// What `bootstrap.servers` begins with when it names a folder.
const EMBEDDED_PREFIX: &str = "embedded:";

/// Where the topics are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bootstrap {
    /// In a Kafka cluster, reached through these `host:port`, separated by commas.
    Kafka(String),
    /// In a folder of this machine.
    Embedded(PathBuf),
}

/// Something in the configuration that works otherwise than its writer may think.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The key.
    pub key: String,
    /// What happens with it, and what to do.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}

/// The worker's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerConfig {
    /// Where the topics are.
    pub bootstrap: Bootstrap,
    /// Whether `bootstrap.servers` was written.
    pub bootstrap_given: bool,
    /// What clients call themselves towards the broker; empty: their own default.
    pub client_id: String,
    /// The cluster of workers.
    pub group_id: String,
    /// For record keys, unless a connector names its own.
    pub key_converter: ConverterConfig,
    /// For record values, unless a connector names its own.
    pub value_converter: ConverterConfig,
    /// For header values, unless a connector names its own.
    pub header_converter: ConverterConfig,
    /// Where the REST server listens.
    pub listeners: Vec<Listener>,
    /// What else is said of it.
    pub rest: RestConfig,
    /// Where traces go; `None`: nowhere.
    pub traces: Option<TracesConfig>,
    /// The folders with plugins; empty when `plugin.path` is not set.
    pub plugin_path: Vec<PathBuf>,
    /// How often tasks commit offsets.
    pub offset_flush_interval: Duration,
    /// How long a source task waits for acknowledgements when it commits offsets.
    pub offset_flush_timeout: Duration,
    /// Limits on the records of a task that wait for their acknowledgement.
    pub in_flight: InFlightLimits,
    /// How long tasks have to stop.
    pub task_shutdown_timeout: Duration,
    /// The topic of source offsets.
    pub offset_topic: StorageTopic,
    /// The topic of configurations.
    pub config_topic: StorageTopic,
    /// The topic of states.
    pub status_topic: StorageTopic,
    /// Client settings that producers, consumers and the admin client share.
    pub client: Properties,
    /// Settings of producers, without the prefix.
    pub producer: Properties,
    /// Settings of consumers, without the prefix.
    pub consumer: Properties,
    /// Settings of the admin client, without the prefix.
    pub admin: Properties,
    /// Whether source connectors may have topics created as they say.
    pub topic_creation_enable: bool,
    /// Which client settings connectors may set.
    pub override_policy: OverridePolicy,
    /// Whether the topics that connectors use are remembered.
    pub topic_tracking_enable: bool,
    /// Whether a client may have them forgotten.
    pub topic_tracking_allow_reset: bool,
    /// Limits on guests.
    pub sandbox: SandboxSettings,
    /// What connectors configured over REST may be granted.
    pub rest_policy: Policy,
    /// Where references in configurations are resolved: those of this one are.
    pub providers: Arc<Providers>,
    /// What nobody may be shown of this configuration.
    pub secrets: Secrets,
    /// All keys.
    pub properties: Properties,
    /// Where they were written.
    pub origin: Origin,
}

/// Which of Kafka Connect's two workers it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Standalone,
    Distributed,
}

impl WorkerConfig {
    /// Takes the configuration of a standalone worker.
    ///
    /// # Errors
    /// When a required key is missing, or a value cannot work.
    pub fn standalone(properties: Properties) -> Result<(Self, Vec<Warning>), ConfigError> {
        Self::of(Mode::Standalone, properties, &BTreeMap::new())
    }

    /// Takes the configuration of a worker of a cluster.
    ///
    /// # Errors
    /// As [`WorkerConfig::standalone`]; `bootstrap.servers`, `group.id` and the three topics are required too.
    pub fn distributed(properties: Properties) -> Result<(Self, Vec<Warning>), ConfigError> {
        Self::of(Mode::Distributed, properties, &BTreeMap::new())
    }

    /// Reads a standalone worker's file; keys from `CONNECT_…` variables count more than the file's.
    ///
    /// # Errors
    /// When the file cannot be read, and as [`WorkerConfig::standalone`].
    pub fn from_file(
        path: &Path,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(Self, Vec<Warning>), ConfigError> {
        let mut origin = Origin {
            file: Some(path.to_owned()),
            ..Origin::default()
        };
        let keys = properties::parse(&connector_file::read(path)?);
        let mut keys = keys.map_err(|error| origin.blame(error))?;
        let env: BTreeMap<String, String> = env.into_iter().collect();
        take_variables(&mut keys, &mut origin, &env);
        Self::written(keys, origin, &env)
    }

    /// What a command without a worker's file needs to know of one: the `CONNECT_…` variables, and what the command
    /// line gives, which counts more. Converters are not asked for.
    ///
    /// # Errors
    /// As [`WorkerConfig::standalone`].
    pub fn from_variables(
        env: impl IntoIterator<Item = (String, String)>,
        given: Properties,
    ) -> Result<(Self, Vec<Warning>), ConfigError> {
        let (mut keys, mut origin) = (Properties::new(), Origin::default());
        let env: BTreeMap<String, String> = env.into_iter().collect();
        take_variables(&mut keys, &mut origin, &env);
        for (key, value) in given {
            origin.variables.remove(&key);
            keys.insert(key, value);
        }
        for role in [ConverterRole::Key, ConverterRole::Value] {
            keys.entry(role.class_key().to_owned())
                .or_insert_with(|| "ByteArrayConverter".to_owned());
        }
        Self::written(keys, origin, &env)
    }

    fn written(
        keys: Properties,
        origin: Origin,
        env: &BTreeMap<String, String>,
    ) -> Result<(Self, Vec<Warning>), ConfigError> {
        let read = Self::of(Mode::Standalone, keys, env);
        let (config, warnings) = read.map_err(|error| origin.blame(error))?;
        Ok((Self { origin, ..config }, warnings))
    }

    /// A worker's configuration that names nothing, to check what a connector names itself.
    #[must_use]
    pub fn none() -> &'static Self {
        static NONE: LazyLock<WorkerConfig> = LazyLock::new(|| {
            let converter = ConverterConfig {
                class: String::new(),
                config: Properties::new(),
            };
            let topic = StorageTopic {
                name: TopicName::unnamed(),
                partitions: 1,
                replication_factor: -1,
            };
            WorkerConfig {
                bootstrap: Bootstrap::Embedded(EMBEDDED_FOLDER_DEFAULT.into()),
                bootstrap_given: false,
                client_id: String::new(),
                group_id: String::new(),
                key_converter: converter.clone(),
                value_converter: converter.clone(),
                header_converter: converter,
                listeners: Vec::new(),
                rest: RestConfig::default(),
                traces: None,
                plugin_path: Vec::new(),
                offset_flush_interval: Duration::from_secs(60),
                offset_flush_timeout: Duration::from_secs(5),
                in_flight: InFlightLimits::default(),
                task_shutdown_timeout: Duration::from_secs(5),
                offset_topic: topic.clone(),
                config_topic: topic.clone(),
                status_topic: topic,
                client: Properties::new(),
                producer: Properties::new(),
                consumer: Properties::new(),
                admin: Properties::new(),
                topic_creation_enable: true,
                override_policy: OverridePolicy::All,
                topic_tracking_enable: true,
                topic_tracking_allow_reset: true,
                sandbox: SandboxSettings::default(),
                rest_policy: Policy::Strict,
                providers: Arc::default(),
                secrets: Secrets::default(),
                properties: Properties::new(),
                origin: Origin::default(),
            }
        });
        &NONE
    }

    /// The converter of a role.
    #[must_use]
    pub fn converter(&self, role: ConverterRole) -> &ConverterConfig {
        match role {
            ConverterRole::Key => &self.key_converter,
            ConverterRole::Value => &self.value_converter,
            ConverterRole::Header => &self.header_converter,
        }
    }

    /// The `host:port` of what controls this worker, which no plugin is ever granted: its REST server, the bootstrap
    /// servers, and the schema registries of its converters.
    #[must_use]
    pub fn control_plane(&self) -> Vec<String> {
        let mut all = Vec::new();
        for listener in &self.listeners {
            let host = match listener.host.parse::<std::net::Ipv6Addr>() {
                Ok(address) => format!("[{address}]"),
                Err(_) => listener.host.clone(),
            };
            all.extend(address::host_port(&host, Some(listener.port)).ok());
        }
        if let Bootstrap::Kafka(servers) = &self.bootstrap {
            let servers = list(servers).into_iter();
            // librdkafka takes `PLAINTEXT://host:port` too.
            all.extend(servers.filter_map(|server| {
                let server = server.rsplit("://").next().unwrap_or_default();
                address::host_port(server, Some(9092)).ok()
            }));
        }
        for converter in [
            &self.key_converter,
            &self.value_converter,
            &self.header_converter,
        ] {
            let urls = converter.config.get("schema.registry.url");
            for url in list(urls.map_or("", String::as_str)) {
                all.extend(address::of_url(&url).unwrap_or_default());
            }
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Takes a worker's keys; references in them are resolved by the providers that they configure.
    fn of(
        mode: Mode,
        keys: Properties,
        env: &BTreeMap<String, String>,
    ) -> Result<(Self, Vec<Warning>), ConfigError> {
        for (key, value) in &keys {
            properties::check(key, value)
                .map_err(|message| ConfigError::key_message(key, message))?;
        }
        let providers = Providers::of(&keys, env)?;
        let resolved = providers.resolve(&keys)?;
        let read = Self::of_resolved(mode, resolved.properties().clone());
        let (config, mut warnings) = read.map_err(|error| resolved.redact(error))?;
        warnings.extend(unknown_providers(&resolved));
        let config = Self {
            providers: Arc::new(providers),
            secrets: resolved.secrets().clone(),
            ..config
        };
        Ok((config, warnings))
    }

    fn of_resolved(mode: Mode, keys: Properties) -> Result<(Self, Vec<Warning>), ConfigError> {
        let converter = |role: ConverterRole| {
            ConverterConfig::of(role, &keys).ok_or_else(|| missing(role.class_key()))
        };
        let simple = || ConverterConfig {
            class: "org.apache.kafka.connect.storage.SimpleHeaderConverter".to_owned(),
            config: Properties::new(),
        };
        let group_id = match (text(&keys, "group.id"), mode) {
            (Some(group), _) => group.to_owned(),
            (None, Mode::Standalone) => "connect-standalone".to_owned(),
            (None, Mode::Distributed) => return Err(missing("group.id")),
        };
        let listeners = listeners(&keys)?;
        let sandbox = SandboxSettings::of(&keys)?;
        let config = Self {
            bootstrap: bootstrap(mode, &keys)?,
            bootstrap_given: text(&keys, "bootstrap.servers").is_some(),
            client_id: text(&keys, "client.id").unwrap_or_default().to_owned(),
            group_id,
            key_converter: converter(ConverterRole::Key)?,
            value_converter: converter(ConverterRole::Value)?,
            header_converter: ConverterConfig::of(ConverterRole::Header, &keys)
                .unwrap_or_else(simple),
            rest: RestConfig::of(&keys, &listeners)?,
            traces: TracesConfig::of(&keys)?,
            listeners,
            plugin_path: list(text(&keys, "plugin.path").unwrap_or_default())
                .into_iter()
                .map(PathBuf::from)
                .collect(),
            offset_flush_interval: milliseconds(&keys, "offset.flush.interval.ms", 60_000)?,
            offset_flush_timeout: milliseconds(&keys, "offset.flush.timeout.ms", 5_000)?,
            in_flight: InFlightLimits::of(&keys)?,
            task_shutdown_timeout: milliseconds(&keys, "task.shutdown.graceful.timeout.ms", 5_000)?,
            offset_topic: StorageTopic::of(mode, &keys, "offset", "connect-offsets", 25)?,
            config_topic: StorageTopic::of(mode, &keys, "config", "connect-configs", 1)?,
            status_topic: StorageTopic::of(mode, &keys, "status", "connect-status", 5)?,
            client: keys
                .iter()
                .filter(|(key, _)| worker_keys::is_client_key(key))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
            producer: with_prefix(&keys, "producer."),
            consumer: with_prefix(&keys, "consumer."),
            admin: admin(&keys),
            topic_creation_enable: boolean(&keys, "topic.creation.enable", true)?,
            override_policy: OverridePolicy::of(&keys)?,
            topic_tracking_enable: boolean(&keys, "topic.tracking.enable", true)?,
            topic_tracking_allow_reset: boolean(&keys, "topic.tracking.allow.reset", true)?,
            rest_policy: rest_policy(&keys, &sandbox)?,
            sandbox,
            providers: Arc::default(),
            secrets: Secrets::default(),
            properties: Properties::new(),
            origin: Origin::default(),
        };
        config.check_topics_differ()?;
        let warnings = warnings(mode, &keys);
        Ok((
            Self {
                properties: keys,
                ..config
            },
            warnings,
        ))
    }

    /// Each of the three topics has records of its own; one that held another's would end the next start.
    fn check_topics_differ(&self) -> Result<(), ConfigError> {
        let topics = [
            ("config.storage.topic", &self.config_topic),
            ("offset.storage.topic", &self.offset_topic),
            ("status.storage.topic", &self.status_topic),
        ];
        for (index, (key, topic)) in topics.iter().enumerate() {
            let mut before = topics.iter().take(index);
            let same = before.find(|(_, other)| other.name == topic.name);
            if let Some((other, _)) = same {
                let message = format!("{other} is the same topic; each needs one of its own");
                return Err(ConfigError::value(key, topic.name.as_str(), message));
            }
        }
        Ok(())
    }
}

/// Takes the keys of variables in place of the file's.
fn take_variables(keys: &mut Properties, origin: &mut Origin, env: &BTreeMap<String, String>) {
    for variable in environment::worker_keys(env) {
        origin.variables.insert(variable.key.clone(), variable.name);
        keys.insert(variable.key, variable.value);
    }
}

/// Values that look like references, and are none.
fn unknown_providers(resolved: &Resolved) -> impl Iterator<Item = Warning> + '_ {
    let unknown = resolved.unknown_providers().iter();
    unknown.map(|(key, provider)| Warning {
        key: key.clone(),
        message: format!(
            "the value has a reference to the config provider {provider:?}, which {CONFIG_PROVIDERS} does not name: it is \
             taken as text"
        ),
    })
}

pub(crate) fn missing(key: &str) -> ConfigError {
    ConfigError::Missing(key.to_owned())
}

pub(crate) fn text<'a>(keys: &'a Properties, key: &str) -> Option<&'a str> {
    keys.get(key)
        .map(|text| text.trim())
        .filter(|text| !text.is_empty())
}

fn bootstrap(mode: Mode, keys: &Properties) -> Result<Bootstrap, ConfigError> {
    let key = "bootstrap.servers";
    let servers = match (text(keys, key), mode) {
        (Some(servers), _) => servers,
        (None, Mode::Standalone) => return Ok(Bootstrap::Embedded(EMBEDDED_FOLDER_DEFAULT.into())),
        (None, Mode::Distributed) => return Err(missing(key)),
    };
    if let Some(folder) = servers.strip_prefix(EMBEDDED_PREFIX) {
        let folder = folder.trim();
        return match (folder.is_empty(), mode) {
            (true, _) => Err(ConfigError::value(
                key,
                servers,
                "a folder is wanted, such as embedded:data",
            )),
            (_, Mode::Distributed) => Err(ConfigError::value(
                key,
                servers,
                "the embedded log serves one process; use tidegate standalone, or name a Kafka cluster",
            )),
            (false, Mode::Standalone) => Ok(Bootstrap::Embedded(folder.into())),
        };
    }
    for server in list(servers) {
        let without_protocol = server
            .split_once("://")
            .map_or(server.as_str(), |(_, rest)| rest);
        let port = without_protocol.rsplit_once(':').and_then(|(host, port)| {
            let is_host = !host.is_empty() && !host.chars().any(char::is_whitespace);
            port.parse::<u16>().ok().filter(|_| is_host)
        });
        if port.is_none() {
            let message = format!("{server:?} was found; host:port is wanted, or embedded:FOLDER");
            return Err(ConfigError::value(key, servers, message));
        }
    }
    Ok(Bootstrap::Kafka(servers.to_owned()))
}

/// Settings of the admin client; `admin.listeners` is the REST server's.
fn admin(keys: &Properties) -> Properties {
    let mut settings = with_prefix(keys, "admin.");
    settings.remove("listeners");
    settings
}

fn listeners(keys: &Properties) -> Result<Vec<Listener>, ConfigError> {
    let urls = list(text(keys, "listeners").unwrap_or_default());
    if urls.is_empty() {
        return Ok(vec![Listener::default()]);
    }
    urls.iter().map(|url| Listener::parse(url)).collect()
}

pub(crate) fn milliseconds(
    keys: &Properties,
    key: &str,
    default: i64,
) -> Result<Duration, ConfigError> {
    let found = number(keys, key, ConfigType::Long, default)?;
    let positive = u64::try_from(found).ok().filter(|ms| *ms > 0);
    positive
        .map(Duration::from_millis)
        .ok_or_else(|| ConfigError::value(key, &found.to_string(), "Value must be at least 1"))
}

fn warnings(mode: Mode, keys: &Properties) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for (key, value) in keys {
        let message = match worker_keys::known(key) {
            Known::No => {
                "this is no key of a worker, and does nothing; check its spelling".to_owned()
            }
            Known::WithoutEffect
                if value.trim().is_empty()
                    || (key == "exactly.once.source.support"
                        && value.trim().eq_ignore_ascii_case("disabled")) =>
            {
                continue;
            }
            Known::WithoutEffect => "this does nothing in this version of Tidegate".to_owned(),
            Known::Yes if key == "offset.storage.file.filename" && mode == Mode::Standalone => {
                "offsets are kept in the offset topic, not in this file; offsets in it are not read"
                    .to_owned()
            }
            Known::Yes if key == "group.id" && mode == Mode::Standalone => {
                "workers do not form a group in this version of Tidegate: each worker with the same \
                 config.storage.topic runs all of its connectors, so run one"
                    .to_owned()
            }
            Known::Yes => continue,
        };
        warnings.push(Warning {
            key: key.clone(),
            message,
        });
    }
    warnings
}

#[cfg(test)]
mod tests;
