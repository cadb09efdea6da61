//! A connector's configuration: what it names, in types.
//!
//! Invariant: `properties` holds the connector's name, and no key or value with control characters, unless the
//! configuration was taken with [`ConnectorConfig::unnamed`] in order to check it.

use tidegate_java::regex::Pattern;
use tidegate_model::{ConnectorName, TopicName};

pub use crate::converter::{ConverterConfig, ConverterRole};
pub use crate::errors::{DLQ_REPLICATION_FACTOR, DLQ_TOPIC, DlqConfig, ErrorsConfig};
pub use crate::framework::{ConnectorRole, EnrichedKind, definition, plugin_definition};
pub use crate::topic_creation::{TOPIC_CREATION_GROUPS_MAX, TopicCreation, TopicGroup};
pub use crate::transforms::{PREDICATES_MAX, PredicateConfig, TRANSFORMS_MAX, TransformConfig};

use crate::Properties;
use crate::definition::{ConfigType, Parsed, list};
use crate::error::ConfigError;
use crate::providers::Providers;
use crate::resolved::Resolved;
use crate::worker::WorkerConfig;
use crate::{client_overrides, errors, properties, topic_creation, transforms};

/// A connector's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorConfig {
    /// Its name.
    pub name: ConnectorName,
    /// All its keys, `name` too.
    pub properties: Properties,
}

/// The topics of a sink connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SinkTopics {
    /// These.
    List(Vec<TopicName>),
    /// Those whose whole name matches.
    Regex(String),
}

impl ConnectorConfig {
    /// Takes the configuration of a connector of this name. The name becomes the key `name`.
    ///
    /// # Errors
    /// When it is no name, the configuration has another, or a key or value has control characters.
    pub fn of(name: &str, mut properties: Properties) -> Result<Self, ConfigError> {
        if let Some(given) = properties.get("name")
            && given.trim() != name.trim()
        {
            let message = format!(
                "Connector name configuration ({given}) doesn't match connector name in the URL ({name})"
            );
            return Err(ConfigError::key_message("name", message));
        }
        for (key, value) in &properties {
            properties::check(key, value)
                .map_err(|message| ConfigError::key_message(key, message))?;
        }
        let name = ConnectorName::parse(name)?;
        properties.insert("name".to_owned(), name.to_string());
        Ok(Self { name, properties })
    }

    /// Takes a configuration in order to check it; the name may be missing or wrong, and nothing is refused.
    #[must_use]
    pub fn unnamed(name: &str, properties: Properties) -> Self {
        Self {
            name: ConnectorName::parse(name).unwrap_or_else(|_| ConnectorName::unnamed()),
            properties,
        }
    }

    /// The same with its references resolved: for tasks and plugins, not to be stored or shown. All that is wrong with
    /// the references is listed; what cannot be resolved stays as it is.
    #[must_use]
    pub fn resolved(&self, providers: &Providers) -> (Self, Resolved, Vec<ConfigError>) {
        let (resolved, errors) = providers.resolve_all(&self.properties);
        let connector = Self {
            name: self.name.clone(),
            properties: resolved.properties().clone(),
        };
        (connector, resolved, errors)
    }

    /// Takes a configuration that has its name as the key `name`.
    ///
    /// # Errors
    /// When it has none, and as [`ConnectorConfig::of`].
    pub fn from_properties(properties: Properties) -> Result<Self, ConfigError> {
        let name = properties
            .get("name")
            .cloned()
            .ok_or_else(|| ConfigError::Missing("name".to_owned()))?;
        Self::of(&name, properties)
    }

    /// The class, as it was written.
    ///
    /// # Errors
    /// When it is missing.
    pub fn class(&self) -> Result<&str, ConfigError> {
        match self
            .properties
            .get("connector.class")
            .map(|class| class.trim())
        {
            Some(class) if !class.is_empty() => Ok(class),
            _ => Err(ConfigError::Missing("connector.class".to_owned())),
        }
    }

    /// The most tasks it may have.
    ///
    /// # Errors
    /// When it is not a number of at least 1.
    pub fn tasks_max(&self) -> Result<u32, ConfigError> {
        let key = "tasks.max";
        let text = self.properties.get(key).map_or("1", String::as_str);
        match Parsed::of(ConfigType::Int, text) {
            Ok(Parsed::Number(number)) => {
                let number = u32::try_from(number).ok().filter(|number| *number > 0);
                number.ok_or_else(|| ConfigError::value(key, text, "Value must be at least 1"))
            }
            Ok(_) => Err(ConfigError::value(key, text, "Not a number of type INT")),
            Err(message) => Err(ConfigError::value(key, text, message)),
        }
    }

    /// The transforms, in order, each with its predicate.
    ///
    /// # Errors
    /// When there are more than [`TRANSFORMS_MAX`] or [`PREDICATES_MAX`], an alias is given twice, a class is
    /// missing, or a predicate is not defined.
    pub fn transforms(&self) -> Result<Vec<TransformConfig>, ConfigError> {
        transforms::parse(&self.properties)
    }

    /// The converter of a role: the connector's, when it names a class, or else the worker's.
    ///
    /// # Errors
    /// None today; a worker always has its converters.
    pub fn converter(
        &self,
        role: ConverterRole,
        worker: &WorkerConfig,
    ) -> Result<ConverterConfig, ConfigError> {
        Ok(ConverterConfig::of(role, &self.properties)
            .unwrap_or_else(|| worker.converter(role).clone()))
    }

    /// The topics of a sink connector.
    ///
    /// # Errors
    /// When none are named, both ways are used, or one is no topic's name.
    pub fn topics(&self) -> Result<SinkTopics, ConfigError> {
        let topics = list(self.properties.get("topics").map_or("", String::as_str));
        let regex = self
            .properties
            .get("topics.regex")
            .map_or("", |regex| regex.trim());
        match (topics.is_empty(), regex.is_empty()) {
            (true, true) => Err(ConfigError::key_message(
                "topics",
                "Must configure one of topics or topics.regex",
            )),
            (false, false) => Err(ConfigError::key_message(
                "topics",
                "topics and topics.regex are mutually exclusive options, but both are set.",
            )),
            (true, false) => Ok(SinkTopics::Regex(regex.to_owned())),
            (false, true) => {
                let mut names: Vec<TopicName> = Vec::with_capacity(topics.len());
                for topic in topics {
                    let name = TopicName::parse(&topic)
                        .map_err(|error| ConfigError::value("topics", &topic, error.to_string()))?;
                    if !names.contains(&name) {
                        names.push(name);
                    }
                }
                Ok(SinkTopics::List(names))
            }
        }
    }

    /// How the worker creates topics for a source connector; nothing when the broker is to.
    ///
    /// # Errors
    /// When a key of `topic.creation.` has a value that cannot work.
    pub fn topic_creation(&self) -> Result<Option<TopicCreation>, ConfigError> {
        topic_creation::parse(&self.properties)
    }

    /// Whether a connector that divides its work among more tasks than `tasks.max` fails (KIP-1004).
    #[must_use]
    pub fn enforces_tasks_max(&self) -> bool {
        let enforces = self.properties.get("tasks.max.enforce");
        enforces.is_none_or(|text| !text.trim().eq_ignore_ascii_case("false"))
    }

    /// What happens to records that fail.
    ///
    /// # Errors
    /// When a key of `errors.` has a value that cannot work.
    pub fn errors(&self) -> Result<ErrorsConfig, ConfigError> {
        errors::parse(&self.properties)
    }

    /// The client settings that the connector sets itself, without their prefix, such as `producer.override.`.
    /// Keys that would run code or read files of the worker are left out; [`ConnectorConfig::check`] names them.
    #[must_use]
    pub fn client_overrides(&self, prefix: &str) -> Properties {
        client_overrides::of(&self.properties, prefix)
    }

    /// What is wrong beyond single values, each with the key to show it at: topics of a sink, its dead letter
    /// queue, transforms and predicates, error handling, client settings that are not allowed.
    #[must_use]
    pub fn check(&self, role: ConnectorRole) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let mut add = |error: ConfigError, key: &str| {
            found.push((error.key().unwrap_or(key).to_owned(), error.to_string()));
        };
        if let Err(error) = self.transforms() {
            add(error, "transforms");
        }
        if let Err(error) = self.errors() {
            add(error, "errors.tolerance");
        }
        for error in client_overrides::check(&self.properties) {
            add(error, "connector.class");
        }
        if role == ConnectorRole::Sink {
            found.extend(self.check_topics());
        }
        found
    }

    fn check_topics(&self) -> Vec<(String, String)> {
        let dlq = self
            .properties
            .get(DLQ_TOPIC)
            .map_or("", |name| name.trim());
        match self.topics() {
            Err(error @ ConfigError::Key { .. }) => {
                // Kafka Connect shows it at both keys.
                ["topics", "topics.regex"]
                    .map(|key| (key.to_owned(), error.to_string()))
                    .into()
            }
            Err(error) => vec![("topics".to_owned(), error.to_string())],
            Ok(SinkTopics::List(topics)) if topics.iter().any(|topic| topic.as_str() == dlq) => {
                let topics: Vec<_> = topics.iter().map(TopicName::as_str).collect();
                let topics = topics.join(", ");
                vec![(
                    "topics".to_owned(),
                    format!(
                        "The DLQ topic '{dlq}' may not be included in the list of topics ('topics=[{topics}]') consumed by the connector"
                    ),
                )]
            }
            Ok(SinkTopics::Regex(regex)) if !dlq.is_empty() && matches_whole(&regex, dlq) => {
                vec![(
                    "topics.regex".to_owned(),
                    format!(
                        "The DLQ topic '{dlq}' may not be matched by the regex for the topics ('topics.regex={regex}') consumed by the connector"
                    ),
                )]
            }
            Ok(_) => Vec::new(),
        }
    }
}

fn matches_whole(regex: &str, text: &str) -> bool {
    Pattern::compile(regex).is_ok_and(|pattern| pattern.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pairs: &[(&str, &str)]) -> ConnectorConfig {
        let properties = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        ConnectorConfig::of("c", properties).unwrap()
    }

    #[test]
    fn the_name_is_a_key_too_and_must_agree() {
        assert_eq!(config(&[]).properties["name"], "c");
        assert_eq!(config(&[("name", "c")]).name.as_str(), "c");
        let other = Properties::from([("name".into(), "rc-y".into())]);
        assert_eq!(
            ConnectorConfig::of("rc-x", other).unwrap_err().to_string(),
            "Connector name configuration (rc-y) doesn't match connector name in the URL (rc-x)"
        );
        assert!(
            ConnectorConfig::of("c", Properties::from([("a\u{0}".into(), "b".into())])).is_err()
        );
        assert!(
            ConnectorConfig::of("c", Properties::from([("a".into(), "b\u{1b}[31m".into())]))
                .is_err()
        );
        assert!(
            ConnectorConfig::of("c", Properties::from([("a".into(), "b\nc\td".into())])).is_ok()
        );
    }

    #[test]
    fn tasks_max_is_a_positive_number() {
        assert_eq!(config(&[]).tasks_max().unwrap(), 1);
        assert_eq!(config(&[("tasks.max", " 3 ")]).tasks_max().unwrap(), 3);
        for bad in ["0", "-1", "x", "99999999999"] {
            assert!(config(&[("tasks.max", bad)]).tasks_max().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_sink_names_its_topics_in_one_way() {
        let topics = config(&[("topics", "a, b,a")]).topics().unwrap();
        assert_eq!(
            topics,
            SinkTopics::List(
                ["a", "b"]
                    .map(|name| TopicName::parse(name).unwrap())
                    .into()
            )
        );
        assert_eq!(
            config(&[("topics.regex", "a.*")]).topics().unwrap(),
            SinkTopics::Regex("a.*".into())
        );
        assert_eq!(
            config(&[]).check(ConnectorRole::Sink),
            ["topics", "topics.regex"].map(|key| (
                key.to_owned(),
                "Must configure one of topics or topics.regex".to_owned()
            ))
        );
        let both = config(&[("topics", "a"), ("topics.regex", "b")]).check(ConnectorRole::Sink);
        assert_eq!(
            both[1].1,
            "topics and topics.regex are mutually exclusive options, but both are set."
        );
        assert!(config(&[("topics", "a b")]).topics().is_err());
    }

    #[test]
    fn the_dead_letter_queue_may_not_be_consumed() {
        let dlq = (DLQ_TOPIC, "dlq");
        let found = |topics| config(&[topics, dlq]).check(ConnectorRole::Sink);
        let list = "The DLQ topic 'dlq' may not be included in the list of topics ('topics=[a, dlq]') consumed by the connector";
        let wanted = ("topics".to_owned(), list.to_owned());
        assert_eq!(found(("topics", "a,dlq")), [wanted]);
        let regex = "The DLQ topic 'dlq' may not be matched by the regex for the topics ('topics.regex=d.q') consumed by the connector";
        let wanted = ("topics.regex".to_owned(), regex.to_owned());
        assert_eq!(found(("topics.regex", "d.q")), [wanted]);
        assert_eq!(found(("topics.regex", "d")), []);
    }

    #[test]
    fn a_connector_that_names_a_converter_uses_its_own_keys_only() {
        let worker = WorkerConfig::standalone(Properties::from([
            ("key.converter".into(), "K".into()),
            ("value.converter".into(), "V".into()),
            ("value.converter.schemas.enable".into(), "false".into()),
        ]))
        .unwrap()
        .0;
        let own = config(&[
            ("value.converter", "W"),
            ("value.converter.a", "b"),
            ("key.converter.x", "y"),
        ]);
        let value = own.converter(ConverterRole::Value, &worker).unwrap();
        assert_eq!(
            (
                value.class.as_str(),
                value.config["a"].as_str(),
                value.config.len()
            ),
            ("W", "b", 1)
        );
        let key = own.converter(ConverterRole::Key, &worker).unwrap();
        assert_eq!((key.class.as_str(), key.config.len()), ("K", 0));
        let value = config(&[])
            .converter(ConverterRole::Value, &worker)
            .unwrap();
        assert_eq!(value.config["schemas.enable"], "false");
    }

    #[test]
    fn client_settings_that_run_code_are_refused_by_name() {
        let own = config(&[
            ("producer.override.linger.ms", "5"),
            ("producer.override.plugin.library.paths", "/tmp/x.so"),
            ("consumer.override.sasl.jaas.config", "canary"),
        ]);
        assert_eq!(
            own.client_overrides("producer.override."),
            Properties::from([("linger.ms".into(), "5".into())])
        );
        let found = own.check(ConnectorRole::Source);
        let keys: Vec<_> = found.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "consumer.override.sasl.jaas.config",
                "producer.override.plugin.library.paths"
            ]
        );
        assert!(!format!("{found:?}").contains("canary"));
    }
}
