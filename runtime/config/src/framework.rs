//! The keys that every source and sink connector has, with Kafka Connect's order, groups, widths and words.
//!
//! The defaults of converters are the worker's, and those of versions the plugin's: they are absent here.

use crate::definition::{ConfigKey, ConfigType, Definition, Importance, Validator, Width};

const COMMON: &str = "Common";
const TRANSFORMS: &str = "Transforms";
const PREDICATES: &str = "Predicates";
const ERRORS: &str = "Error Handling";
const TOPIC_CREATION: &str = "Topic Creation";
const EXACTLY_ONCE: &str = "Exactly Once Support";
const OFFSETS_TOPIC: &str = "offsets.topic";

/// What a connector is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConnectorRole {
    /// It writes to topics.
    Source,
    /// It reads from topics.
    Sink,
}

/// The framework's own keys of a connector.
#[must_use]
pub fn definition(role: ConnectorRole) -> Definition {
    let mut keys = common();
    keys.extend(errors());
    keys.extend(match role {
        ConnectorRole::Source => source(),
        ConnectorRole::Sink => sink(),
    });
    Definition(keys)
}

/// What [`plugin_definition`] makes the keys of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnrichedKind {
    /// A transform: `transforms.ALIAS.`.
    Transform,
    /// A predicate: `predicates.ALIAS.`.
    Predicate,
}

impl EnrichedKind {
    /// The key that lists the aliases, which is also what the keys of an alias begin with.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Transform => "transforms",
            Self::Predicate => "predicates",
        }
    }

    fn group(self) -> &'static str {
        match self {
            Self::Transform => TRANSFORMS,
            Self::Predicate => PREDICATES,
        }
    }

    /// The name of the Java interface.
    #[must_use]
    pub fn interface(self) -> &'static str {
        match self {
            Self::Transform => "Transformation",
            Self::Predicate => "Predicate",
        }
    }
}

/// The keys of a transform or predicate of this alias, as Kafka Connect's `EnrichablePlugin` adds them to a
/// connector's: `type` and `plugin.version`, then, where the class is known, its own and those that every transform
/// has, in the order of `ConfigDef.embed`: required ones first, then by importance and name.
#[must_use]
pub fn plugin_definition(kind: EnrichedKind, alias: &str, own: Option<&Definition>) -> Definition {
    let prefix = format!("{}.{alias}.", kind.key());
    let group = format!("{}: {alias}", kind.group());
    let lowercase = kind.interface().to_lowercase();
    let mut keys = vec![
        ConfigKey {
            name: format!("{prefix}type"),
            kind: ConfigType::Class,
            required: true,
            importance: Importance::High,
            documentation: format!("Class for the '{alias}' {lowercase}."),
            ..key(
                &group,
                0,
                Width::Long,
                &format!("{} type for {alias}", kind.interface()),
            )
        },
        ConfigKey {
            name: format!("{prefix}plugin.version"),
            importance: Importance::High,
            documentation: format!("Version of the '{alias}' {lowercase}."),
            ..key(
                &group,
                1,
                Width::Long,
                &format!("{} version for {alias}", kind.interface()),
            )
        },
    ];
    let Some(own) = own else {
        return Definition(keys);
    };
    let implicit = match kind {
        EnrichedKind::Transform => implicit(),
        EnrichedKind::Predicate => Vec::new(),
    };
    // The framework's mask those of the class with the same name.
    let masked = |key: &&ConfigKey| implicit.iter().all(|masking| masking.name != key.name);
    let mut embedded: Vec<ConfigKey> = own.0.iter().filter(masked).cloned().collect();
    embedded.extend(implicit.iter().cloned());
    embedded.sort_by(|one, other| {
        let rank = |key: &ConfigKey| {
            (
                key.group.is_some(),
                key.order,
                !key.required,
                key.importance,
            )
        };
        (rank(one).cmp(&rank(other))).then_with(|| one.name.cmp(&other.name))
    });
    for (order, mut key) in (2..).zip(embedded) {
        key.name = format!("{prefix}{}", key.name);
        let dependents = key.dependents.into_iter();
        key.dependents = dependents.map(|name| format!("{prefix}{name}")).collect();
        key.group = Some(match &key.group {
            Some(own) => format!("{group}: {own}"),
            None => group.clone(),
        });
        key.order = order;
        keys.push(key);
    }
    Definition(keys)
}

/// The keys that every transform has.
fn implicit() -> Vec<ConfigKey> {
    vec![
        ConfigKey {
            importance: Importance::Medium,
            documentation:
                "The alias of a predicate used to determine whether to apply this transformation."
                    .to_owned(),
            ..ConfigKey::named("predicate")
        },
        ConfigKey {
            kind: ConfigType::Boolean,
            default: Some("false".to_owned()),
            importance: Importance::Medium,
            documentation: "Whether the configured predicate should be negated.".to_owned(),
            ..ConfigKey::named("negate")
        },
    ]
}

fn key(group: &str, order: i32, width: Width, display_name: &str) -> ConfigKey {
    ConfigKey {
        group: Some(group.to_owned()),
        order,
        width,
        display_name: display_name.to_owned(),
        ..ConfigKey::named("")
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn common() -> Vec<ConfigKey> {
    vec![
        ConfigKey {
            name: "name".to_owned(),
            kind: ConfigType::String,
            required: true,
            importance: Importance::High,
            documentation: "Globally unique name to use for this connector.".to_owned(),
            validators: vec![Validator::ConnectorName],
            ..key(COMMON, 1, Width::Medium, "Connector name")
        },
        ConfigKey {
            name: "connector.class".to_owned(),
            kind: ConfigType::String,
            required: true,
            importance: Importance::High,
            documentation: "Name or alias of the class for this connector. If the connector is \
                            org.apache.kafka.connect.file.FileStreamSinkConnector, you can either specify this full name, \
                            or use \"FileStreamSink\" or \"FileStreamSinkConnector\" to make the configuration a bit shorter".to_owned(),
            ..key(COMMON, 2, Width::Long, "Connector class")
        },
        ConfigKey {
            name: "connector.plugin.version".to_owned(),
            kind: ConfigType::String,
            importance: Importance::Medium,
            documentation: "Version of the connector.".to_owned(),
            ..key(COMMON, 3, Width::Medium, "Connector version")
        },
        ConfigKey {
            name: "tasks.max".to_owned(),
            kind: ConfigType::Int,
            default: Some("1".to_owned()),
            importance: Importance::High,
            documentation: "Maximum number of tasks to use for this connector.".to_owned(),
            validators: vec![Validator::AtLeast(1)],
            ..key(COMMON, 4, Width::Short, "Tasks max")
        },
        ConfigKey {
            name: "tasks.max.enforce".to_owned(),
            kind: ConfigType::Boolean,
            default: Some("true".to_owned()),
            importance: Importance::Low,
            documentation: "(Deprecated) Whether to enforce that the tasks.max property is respected by the connector. By \
                            default, connectors that generate too many tasks will fail, and existing sets of tasks that \
                            exceed the tasks.max property will also be failed. If this property is set to false, then \
                            connectors will be allowed to generate more than the maximum number of tasks, and existing sets \
                            of tasks that exceed the tasks.max property will be allowed to run. This property is deprecated \
                            and will be removed in an upcoming major release.".to_owned(),
            ..key(COMMON, 5, Width::Short, "Enforce tasks max")
        },
        ConfigKey {
            name: "key.converter".to_owned(),
            kind: ConfigType::Class,
            importance: Importance::Low,
            documentation: "Converter class used to convert between Kafka Connect format and the serialized form that is \
                            written to Kafka. This controls the format of the keys in messages written to or read from \
                            Kafka, and since this is independent of connectors it allows any connector to work with any \
                            serialization format. Examples of common formats include JSON and Avro.".to_owned(),
            ..key(COMMON, 6, Width::Short, "Key converter class")
        },
        ConfigKey {
            name: "key.converter.plugin.version".to_owned(),
            kind: ConfigType::String,
            importance: Importance::Low,
            documentation: "Version of the key converter.".to_owned(),
            ..key(COMMON, 7, Width::Short, "Key converter version")
        },
        ConfigKey {
            name: "value.converter".to_owned(),
            kind: ConfigType::Class,
            importance: Importance::Low,
            documentation: "Converter class used to convert between Kafka Connect format and the serialized form that is \
                            written to Kafka. This controls the format of the values in messages written to or read from \
                            Kafka, and since this is independent of connectors it allows any connector to work with any \
                            serialization format. Examples of common formats include JSON and Avro.".to_owned(),
            ..key(COMMON, 8, Width::Short, "Value converter class")
        },
        ConfigKey {
            name: "value.converter.plugin.version".to_owned(),
            kind: ConfigType::String,
            importance: Importance::Low,
            documentation: "Version of the value converter.".to_owned(),
            ..key(COMMON, 9, Width::Short, "Value converter version")
        },
        ConfigKey {
            name: "header.converter".to_owned(),
            kind: ConfigType::Class,
            importance: Importance::Low,
            documentation: "HeaderConverter class used to convert between Kafka Connect format and the serialized form that \
                            is written to Kafka. This controls the format of the header values in messages written to or \
                            read from Kafka, and since this is independent of connectors it allows any connector to work \
                            with any serialization format. Examples of common formats include JSON and Avro. By default, \
                            the SimpleHeaderConverter is used to serialize header values to strings and deserialize them by \
                            inferring the schemas.".to_owned(),
            ..key(COMMON, 10, Width::Short, "Header converter class")
        },
        ConfigKey {
            name: "header.converter.plugin.version".to_owned(),
            kind: ConfigType::String,
            importance: Importance::Low,
            documentation: "Version of the header converter.".to_owned(),
            ..key(COMMON, 11, Width::Short, "Header converter version")
        },
        ConfigKey {
            name: "transforms".to_owned(),
            kind: ConfigType::List,
            default: Some("".to_owned()),
            importance: Importance::Low,
            documentation: "Aliases for the transformations to be applied to records.".to_owned(),
            validators: vec![Validator::UniqueAliases],
            ..key(TRANSFORMS, 12, Width::Long, "Transforms")
        },
        ConfigKey {
            name: "predicates".to_owned(),
            kind: ConfigType::List,
            default: Some("".to_owned()),
            importance: Importance::Low,
            documentation: "Aliases for the predicates used by transformations.".to_owned(),
            validators: vec![Validator::UniqueAliases],
            ..key(PREDICATES, 13, Width::Long, "Predicates")
        },
        ConfigKey {
            name: "config.action.reload".to_owned(),
            kind: ConfigType::String,
            default: Some("restart".to_owned()),
            importance: Importance::Low,
            documentation: "The action that Connect should take on the connector when changes in external configuration \
                            providers result in a change in the connector's configuration properties. A value of 'none' \
                            indicates that Connect will do nothing. A value of 'restart' indicates that Connect should \
                            restart/reload the connector with the updated configuration properties.The restart may actually \
                            be scheduled in the future if the external configuration provider indicates that a \
                            configuration value will expire in the future.".to_owned(),
            valid_values: words(&["none", "restart"]),
            ..key(COMMON, 14, Width::Medium, "Reload Action")
        },
    ]
}

fn errors() -> Vec<ConfigKey> {
    vec![
        ConfigKey {
            name: "errors.retry.timeout".to_owned(),
            kind: ConfigType::Long,
            default: Some("0".to_owned()),
            importance: Importance::Medium,
            documentation: "The maximum duration in milliseconds that a failed operation will be reattempted. The default \
                            is 0, which means no retries will be attempted. Use -1 for infinite retries.".to_owned(),
            ..key(ERRORS, 1, Width::Medium, "Retry Timeout for Errors")
        },
        ConfigKey {
            name: "errors.retry.delay.max.ms".to_owned(),
            kind: ConfigType::Long,
            default: Some("60000".to_owned()),
            importance: Importance::Medium,
            documentation: "The maximum duration in milliseconds between consecutive retry attempts. Jitter will be added \
                            to the delay once this limit is reached to prevent thundering herd issues.".to_owned(),
            ..key(ERRORS, 2, Width::Medium, "Maximum Delay Between Retries for Errors")
        },
        ConfigKey {
            name: "errors.tolerance".to_owned(),
            kind: ConfigType::String,
            default: Some("none".to_owned()),
            importance: Importance::Medium,
            documentation: "Behavior for tolerating errors during connector operation. 'none' is the default value and \
                            signals that any error will result in an immediate connector task failure; 'all' changes the \
                            behavior to skip over problematic records.".to_owned(),
            valid_values: words(&["none", "all"]),
            ..key(ERRORS, 3, Width::Short, "Error Tolerance")
        },
        ConfigKey {
            name: "errors.log.enable".to_owned(),
            kind: ConfigType::Boolean,
            default: Some("false".to_owned()),
            importance: Importance::Medium,
            documentation: "If true, write each error and the details of the failed operation and problematic record to the \
                            Connect application log. This is 'false' by default, so that only errors that are not tolerated \
                            are reported.".to_owned(),
            ..key(ERRORS, 4, Width::Short, "Log Errors")
        },
        ConfigKey {
            name: "errors.log.include.messages".to_owned(),
            kind: ConfigType::Boolean,
            default: Some("false".to_owned()),
            importance: Importance::Medium,
            documentation: "Whether to include in the log the Connect record that resulted in a failure. For sink records, \
                            the topic, partition, offset, and timestamp will be logged. For source records, the key and \
                            value (and their schemas), all headers, and the timestamp, Kafka topic, Kafka partition, source \
                            partition, and source offset will be logged. This is 'false' by default, which will prevent \
                            record keys, values, and headers from being written to log files.".to_owned(),
            ..key(ERRORS, 5, Width::Short, "Log Error Details")
        },
    ]
}

fn source() -> Vec<ConfigKey> {
    vec![
        ConfigKey {
            name: "topic.creation.groups".to_owned(),
            kind: ConfigType::List,
            default: Some("".to_owned()),
            importance: Importance::Low,
            documentation: "Groups of configurations for topics created by source connectors".to_owned(),
            validators: vec![Validator::UniqueAliases],
            ..key(TOPIC_CREATION, 1, Width::Long, "Topic Creation Groups")
        },
        ConfigKey {
            name: "exactly.once.support".to_owned(),
            kind: ConfigType::String,
            default: Some("requested".to_owned()),
            importance: Importance::Medium,
            documentation: "Permitted values are requested, required. If set to \"required\", forces a preflight check for \
                            the connector to ensure that it can provide exactly-once semantics with the given \
                            configuration. Some connectors may be capable of providing exactly-once semantics but not \
                            signal to Connect that they support this; in that case, documentation for the connector should \
                            be consulted carefully before creating it, and the value for this property should be set to \
                            \"requested\". Additionally, if the value is set to \"required\" but the worker that performs \
                            preflight validation does not have exactly-once support enabled for source connectors, requests \
                            to create or validate the connector will fail.".to_owned(),
            valid_values: words(&["REQUIRED", "REQUESTED"]),
            validators: vec![Validator::OneOfIgnoringCase],
            ..key(EXACTLY_ONCE, 2, Width::Short, "Exactly once support")
        },
        ConfigKey {
            name: "transaction.boundary".to_owned(),
            kind: ConfigType::String,
            default: Some("poll".to_owned()),
            importance: Importance::Medium,
            documentation: "Permitted values are: poll, interval, connector. If set to 'poll', a new producer transaction \
                            will be started and committed for every batch of records that each task from this connector \
                            provides to Connect. If set to 'connector', relies on connector-defined transaction boundaries; \
                            note that not all connectors are capable of defining their own transaction boundaries, and in \
                            that case, attempts to instantiate a connector with this value will fail. Finally, if set to \
                            'interval', commits transactions only after a user-defined time interval has passed.".to_owned(),
            valid_values: words(&["INTERVAL", "POLL", "CONNECTOR"]),
            validators: vec![Validator::OneOfIgnoringCase],
            ..key(EXACTLY_ONCE, 3, Width::Short, "Transaction Boundary")
        },
        ConfigKey {
            name: "transaction.boundary.interval.ms".to_owned(),
            kind: ConfigType::Long,
            importance: Importance::Low,
            documentation: "If 'transaction.boundary' is set to 'interval', determines the interval for producer \
                            transaction commits by connector tasks. If unset, defaults to the value of the worker-level \
                            'offset.flush.interval.ms' property. It has no effect if a different transaction.boundary is \
                            specified.".to_owned(),
            validators: vec![Validator::NullOrAtLeast(0)],
            ..key(EXACTLY_ONCE, 4, Width::Short, "Transaction boundary interval")
        },
        ConfigKey {
            name: "offsets.storage.topic".to_owned(),
            kind: ConfigType::String,
            importance: Importance::Low,
            documentation: "The name of a separate offsets topic to use for this connector. If empty or not specified, the \
                            worker’s global offsets topic name will be used. If specified, the offsets topic will be \
                            created if it does not already exist on the Kafka cluster targeted by this connector (which may \
                            be different from the one used for the worker's global offsets topic if the bootstrap.servers \
                            property of the connector's producer has been overridden from the worker's). Only applicable in \
                            distributed mode; in standalone mode, setting this property will have no effect.".to_owned(),
            validators: vec![Validator::NotEmpty],
            ..key(OFFSETS_TOPIC, 1, Width::Long, "Offsets topic")
        },
    ]
}

fn sink() -> Vec<ConfigKey> {
    vec![
        ConfigKey {
            name: "topics".to_owned(),
            kind: ConfigType::List,
            default: Some("".to_owned()),
            importance: Importance::High,
            documentation: "List of topics to consume, separated by commas".to_owned(),
            validators: vec![Validator::NoRepeats],
            ..key(COMMON, 4, Width::Long, "Topics")
        },
        ConfigKey {
            name: "topics.regex".to_owned(),
            kind: ConfigType::String,
            default: Some("".to_owned()),
            importance: Importance::High,
            documentation: "Regular expression giving topics to consume. Under the hood, the regex is compiled to a \
                            <code>java.util.regex.Pattern</code>. Only one of topics or topics.regex should be specified.".to_owned(),
            validators: vec![Validator::Regex],
            ..key(COMMON, 4, Width::Long, "Topics regex")
        },
        ConfigKey {
            name: "errors.deadletterqueue.topic.name".to_owned(),
            kind: ConfigType::String,
            default: Some("".to_owned()),
            importance: Importance::Medium,
            documentation: "The name of the topic to be used as the dead letter queue (DLQ) for messages that result in an \
                            error when processed by this sink connector, or its transformations or converters. The topic \
                            name is blank by default, which means that no messages are to be recorded in the DLQ.".to_owned(),
            ..key(ERRORS, 6, Width::Medium, "Dead Letter Queue Topic Name")
        },
        ConfigKey {
            name: "errors.deadletterqueue.topic.replication.factor".to_owned(),
            kind: ConfigType::Short,
            default: Some("3".to_owned()),
            importance: Importance::Medium,
            documentation: "Replication factor used to create the dead letter queue topic when it doesn't already exist.".to_owned(),
            ..key(ERRORS, 7, Width::Medium, "Dead Letter Queue Topic Replication Factor")
        },
        ConfigKey {
            name: "errors.deadletterqueue.context.headers.enable".to_owned(),
            kind: ConfigType::Boolean,
            default: Some("false".to_owned()),
            importance: Importance::Medium,
            documentation: "If true, add headers containing error context to the messages written to the dead letter queue. \
                            To avoid clashing with headers from the original record, all error context header keys, all \
                            error context header keys will start with <code>__connect.errors.</code>".to_owned(),
            ..key(ERRORS, 8, Width::Medium, "Enable Error Context Headers")
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_kafka_connect() {
        let names = |role| {
            definition(role)
                .0
                .iter()
                .map(|key| key.name.clone())
                .collect::<Vec<_>>()
        };
        let source = names(ConnectorRole::Source);
        assert_eq!(
            source[..4],
            [
                "name",
                "connector.class",
                "connector.plugin.version",
                "tasks.max"
            ]
        );
        assert_eq!(source.last().unwrap(), "offsets.storage.topic");
        let sink = names(ConnectorRole::Sink);
        assert_eq!(sink[19..21], ["topics", "topics.regex"]);
        assert_eq!((source.len(), sink.len()), (24, 24));
    }

    #[test]
    fn the_keys_of_a_transform_stand_as_kafka_connect_embeds_them() {
        let key = |name: &str, required, importance| ConfigKey {
            required,
            importance,
            ..ConfigKey::named(name)
        };
        let own = Definition(vec![
            key("zone", false, Importance::Medium),
            key("field", true, Importance::Medium),
            key("alpha", false, Importance::High),
            key("negate", false, Importance::Low),
        ]);
        let keys = plugin_definition(EnrichedKind::Transform, "a", Some(&own)).0;
        let found: Vec<_> = keys
            .iter()
            .map(|key| (key.name.as_str(), key.order))
            .collect();
        let wanted = [
            "type",
            "plugin.version",
            "field",
            "alpha",
            "negate",
            "predicate",
            "zone",
        ];
        let wanted: Vec<_> = wanted
            .map(|name| format!("transforms.a.{name}"))
            .into_iter()
            .zip(0..)
            .collect();
        let wanted: Vec<_> = wanted
            .iter()
            .map(|(name, order)| (name.as_str(), *order))
            .collect();
        assert_eq!(found, wanted);
        assert_eq!(keys[4].kind, ConfigType::Boolean, "the framework's negate");
        assert!(
            keys.iter()
                .all(|key| key.group.as_deref() == Some("Transforms: a"))
        );
        let unknown = plugin_definition(EnrichedKind::Predicate, "p", None).0;
        assert_eq!(unknown.len(), 2);
        assert_eq!(unknown[0].display_name, "Predicate type for p");
    }

    #[test]
    fn the_defaults_can_work() {
        for role in [ConnectorRole::Source, ConnectorRole::Sink] {
            let config = [
                ("name".to_owned(), "c".to_owned()),
                ("connector.class".to_owned(), "C".to_owned()),
            ]
            .into();
            for value in definition(role).validate(&config) {
                assert_eq!(value.errors, [""; 0], "{}", value.name);
            }
        }
    }
}
