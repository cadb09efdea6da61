//! Kafka's Java client settings as librdkafka's.
//!
//! What means the same is passed on; what has another name is translated; what only a Java client has is left
//! out, with a warning when somebody set it, as a Java client does with settings that it does not know.

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use super::stores;
use crate::{BrokerError, Properties};

/// The memory that a producer's queue may take, in KiB.
const PRODUCER_QUEUE_KIB: &str = "262144";
/// The records that a producer's queue may hold.
const PRODUCER_QUEUE_RECORDS: &str = "1000000";
/// The memory that a consumer reads ahead, in KiB.
const CONSUMER_QUEUE_KIB: &str = "4096";

/// The settings of all clients of a cluster.
#[derive(Debug)]
pub struct ClientSettings {
    /// Where the cluster is.
    pub bootstrap: String,
    /// What all clients share.
    pub client: Properties,
    /// Of producers.
    pub producer: Properties,
    /// Of consumers.
    pub consumer: Properties,
    /// Of managers.
    pub admin: Properties,
}

/// What a client is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Writes.
    Producer,
    /// Reads as a member of a group.
    Consumer,
    /// Reads whole topics.
    Reader,
    /// Manages.
    Admin,
}

/// What becomes of a setting.
#[derive(Debug, PartialEq, Eq)]
enum Translated {
    Settings(Vec<(&'static str, String)>),
    Same,
    JavaOnly,
    Unknown,
}

impl ClientSettings {
    /// The configuration of a client.
    ///
    /// # Errors
    /// When a setting is refused.
    pub fn config(&self, role: Role, overrides: &Properties) -> Result<ClientConfig, BrokerError> {
        let mut config = ClientConfig::new();
        config.set_log_level(RDKafkaLogLevel::Info);
        for (key, value) in defaults(role) {
            config.set(*key, *value);
        }
        let own = match role {
            Role::Producer => &self.producer,
            Role::Consumer | Role::Reader => &self.consumer,
            Role::Admin => &self.admin,
        };
        let mut merged: Properties = self.client.clone();
        merged.extend(own.clone());
        merged.extend(overrides.clone());
        merged.insert("bootstrap.servers".to_owned(), self.bootstrap.clone());
        let mut left_out = Vec::new();
        for (key, value) in &merged {
            match translate(key, value)? {
                Translated::Settings(settings) => {
                    for (key, value) in settings {
                        config.set(key, value);
                    }
                }
                Translated::Same => {
                    config.set(key, value);
                }
                Translated::JavaOnly => {}
                Translated::Unknown => left_out.push(key.as_str()),
            }
        }
        if !left_out.is_empty() && role != Role::Reader {
            tracing::warn!(
                settings = left_out.join(", "),
                "client settings without effect here were left out"
            );
        }
        let acks = merged.get("acks").map_or("all", String::as_str);
        if role == Role::Producer
            && acks != "all"
            && acks != "-1"
            && !merged.contains_key("enable.idempotence")
        {
            config.set("enable.idempotence", "false"); // As the Java client does.
        }
        for (key, value) in fixed(role) {
            config.set(*key, *value);
        }
        Ok(config)
    }
}

/// What is so unless somebody says otherwise.
fn defaults(role: Role) -> &'static [(&'static str, &'static str)] {
    match role {
        Role::Producer => &[
            ("client.id", "tidegate"),
            ("acks", "all"),
            ("enable.idempotence", "true"),
            ("linger.ms", "5"),
            ("delivery.timeout.ms", "2147483647"),
            ("message.max.bytes", "1048576"),
            ("queue.buffering.max.messages", PRODUCER_QUEUE_RECORDS),
            ("queue.buffering.max.kbytes", PRODUCER_QUEUE_KIB),
            ("partitioner", "murmur2_random"),
        ],
        Role::Consumer | Role::Reader => &[
            ("client.id", "tidegate"),
            ("auto.offset.reset", "earliest"),
            ("isolation.level", "read_committed"),
            ("partition.assignment.strategy", "cooperative-sticky"),
            ("allow.auto.create.topics", "true"),
            ("queued.max.messages.kbytes", CONSUMER_QUEUE_KIB),
            ("fetch.wait.max.ms", "500"),
            // How soon a full queue is looked at again; the library waits a second.
            ("fetch.queue.backoff.ms", "10"),
        ],
        Role::Admin => &[("client.id", "tidegate")],
    }
}

/// What is so whatever anybody says.
fn fixed(role: Role) -> &'static [(&'static str, &'static str)] {
    match role {
        Role::Producer | Role::Admin => &[],
        Role::Consumer => &[
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("enable.partition.eof", "false"),
        ],
        Role::Reader => &[
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("enable.partition.eof", "true"),
            ("allow.auto.create.topics", "false"),
            ("auto.offset.reset", "earliest"),
        ],
    }
}

/// Settings that librdkafka has under the same name and that mean the same.
const SAME: &[&str] = &[
    "acks",
    "allow.auto.create.topics",
    "auto.offset.reset",
    "batch.num.messages",
    "batch.size",
    "bootstrap.servers",
    "broker.address.family",
    "broker.address.ttl",
    "check.crcs",
    "client.dns.lookup",
    "client.id",
    "client.rack",
    "compression.codec",
    "compression.level",
    "compression.type",
    "connections.max.idle.ms",
    "debug",
    "delivery.timeout.ms",
    "enable.idempotence",
    "enable.ssl.certificate.verification",
    "fetch.error.backoff.ms",
    "fetch.max.bytes",
    "fetch.message.max.bytes",
    "fetch.min.bytes",
    "fetch.queue.backoff.ms",
    "fetch.wait.max.ms",
    "group.instance.id",
    "group.protocol",
    "group.remote.assignor",
    "heartbeat.interval.ms",
    "isolation.level",
    "linger.ms",
    "max.in.flight.requests.per.connection",
    "max.partition.fetch.bytes",
    "max.poll.interval.ms",
    "message.max.bytes",
    "message.send.max.retries",
    "message.timeout.ms",
    "partitioner",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.messages",
    "queue.buffering.max.ms",
    "queued.max.messages.kbytes",
    "queued.min.messages",
    "receive.message.max.bytes",
    "reconnect.backoff.max.ms",
    "reconnect.backoff.ms",
    "retries",
    "retry.backoff.max.ms",
    "retry.backoff.ms",
    "sasl.kerberos.keytab",
    "sasl.kerberos.principal",
    "sasl.kerberos.service.name",
    "sasl.password",
    "sasl.username",
    "security.protocol",
    "session.timeout.ms",
    "socket.connection.setup.timeout.ms",
    "socket.keepalive.enable",
    "socket.nagle.disable",
    "socket.receive.buffer.bytes",
    "socket.send.buffer.bytes",
    "socket.timeout.ms",
    "ssl.ca.location",
    "ssl.ca.pem",
    "ssl.certificate.location",
    "ssl.certificate.pem",
    "ssl.cipher.suites",
    "ssl.curves.list",
    "ssl.key.location",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.password",
    "ssl.sigalgs.list",
    "statistics.interval.ms",
    "sticky.partitioning.linger.ms",
    "topic.metadata.refresh.interval.ms",
    "transaction.timeout.ms",
    "transactional.id",
];

/// Settings of Java clients that have a default here that means the same, or that Tidegate keeps itself.
const JAVA_ONLY: &[&str] = &[
    "enable.auto.commit",
    "exclude.internal.topics",
    "group.id",
    "key.deserializer",
    "key.serializer",
    "max.poll.records",
    "value.deserializer",
    "value.serializer",
];

fn translate(key: &str, value: &str) -> Result<Translated, BrokerError> {
    let refuse = |reason: &str| {
        Err(BrokerError::Setting {
            key: key.to_owned(),
            reason: reason.to_owned(),
        })
    };
    let as_is = |name: &'static str| Ok(Translated::Settings(vec![(name, value.to_owned())]));
    let text = value.trim();
    match key {
        "buffer.memory" => match text.parse::<u64>() {
            Ok(bytes) => Ok(Translated::Settings(vec![(
                "queue.buffering.max.kbytes",
                (bytes / 1024).max(1).to_string(),
            )])),
            Err(_) => refuse("a number of bytes is wanted"),
        },
        "fetch.max.wait.ms" => as_is("fetch.wait.max.ms"),
        "max.request.size" => as_is("message.max.bytes"),
        "metadata.max.age.ms" => as_is("topic.metadata.refresh.interval.ms"),
        "partition.assignment.strategy" => assignors(key, text),
        "receive.buffer.bytes" if text != "-1" => as_is("socket.receive.buffer.bytes"),
        "send.buffer.bytes" if text != "-1" => as_is("socket.send.buffer.bytes"),
        "receive.buffer.bytes" | "send.buffer.bytes" => Ok(Translated::JavaOnly),
        "request.timeout.ms" => as_is("socket.timeout.ms"),
        "socket.connection.setup.timeout.max.ms" => Ok(Translated::JavaOnly),
        "sasl.mechanism" | "sasl.mechanisms" => as_is("sasl.mechanism"),
        "sasl.jaas.config" => jaas(text),
        "ssl.endpoint.identification.algorithm" => Ok(Translated::Settings(vec![(
            "ssl.endpoint.identification.algorithm",
            if text.is_empty() { "none" } else { text }.to_owned(),
        )])),
        "ssl.truststore.location" => Ok(Translated::Settings(stores::trusted(text)?)),
        "ssl.truststore.certificates" => as_is("ssl.ca.pem"),
        "ssl.keystore.location" => Ok(Translated::Settings(stores::own(text)?)),
        // What a store is, is seen in it.
        "ssl.truststore.type" | "ssl.keystore.type" | "ssl.truststore.password" => {
            Ok(Translated::JavaOnly)
        }
        "ssl.keystore.certificate.chain" => as_is("ssl.certificate.pem"),
        "ssl.keystore.key" => as_is("ssl.key.pem"),
        _ if SAME.contains(&key) => Ok(Translated::Same),
        _ if JAVA_ONLY.contains(&key) => Ok(Translated::JavaOnly),
        _ => Ok(Translated::Unknown),
    }
}

/// Java's class names of assignors as librdkafka's names.
fn assignors(key: &str, text: &str) -> Result<Translated, BrokerError> {
    let mut names = Vec::new();
    for name in text
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
    {
        names.push(match name.rsplit('.').next().unwrap_or(name) {
            "RangeAssignor" | "range" => "range",
            "RoundRobinAssignor" | "roundrobin" => "roundrobin",
            "CooperativeStickyAssignor" | "StickyAssignor" | "cooperative-sticky" => {
                "cooperative-sticky"
            }
            _ => {
                return Err(BrokerError::Setting {
                    key: key.to_owned(),
                    reason: format!("{name:?} was found; RangeAssignor, RoundRobinAssignor or CooperativeStickyAssignor is wanted"),
                });
            }
        });
    }
    names.dedup();
    // Cooperative and eager assignors cannot be mixed; Java's default list is a step of an upgrade.
    if names.contains(&"cooperative-sticky") {
        names = vec!["cooperative-sticky"];
    }
    Ok(Translated::Settings(vec![(
        "partition.assignment.strategy",
        names.join(","),
    )]))
}

/// User and password of a login module of PLAIN or SCRAM.
fn jaas(text: &str) -> Result<Translated, BrokerError> {
    let refuse = |reason: &str| BrokerError::Setting {
        key: "sasl.jaas.config".to_owned(),
        reason: reason.to_owned(),
    };
    let mut words = jaas_words(text).into_iter();
    let module = words.next().unwrap_or_default();
    let module = module.rsplit('.').next().unwrap_or_default();
    if module != "PlainLoginModule" && module != "ScramLoginModule" {
        return Err(refuse(
            "only PlainLoginModule and ScramLoginModule are understood here",
        ));
    }
    let (mut user, mut password) = (None, None);
    for word in words {
        match word.split_once('=') {
            Some(("username", value)) => user = Some(value.to_owned()),
            Some(("password", value)) => password = Some(value.to_owned()),
            _ => {}
        }
    }
    match (user, password) {
        (Some(user), Some(password)) => Ok(Translated::Settings(vec![
            ("sasl.username", user),
            ("sasl.password", password),
        ])),
        _ => Err(refuse("username and password are wanted")),
    }
}

/// The words of a JAAS line without their quotes; the last semicolon is left out.
fn jaas_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut escaped = false;
    for letter in text.chars() {
        match (quote, letter) {
            _ if escaped => {
                word.push(letter);
                escaped = false;
            }
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if open == letter => quote = None,
            (Some(_), _) => word.push(letter),
            (None, '"' | '\'') => quote = Some(letter),
            (None, ';') => break,
            (None, _) if letter.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            (None, _) => word.push(letter),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&'static str, &str)]) -> Translated {
        let own = |(key, value): &(&'static str, &str)| (*key, (*value).to_owned());
        Translated::Settings(pairs.iter().map(own).collect())
    }

    fn config(role: Role, pairs: &[(&str, &str)]) -> ClientConfig {
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let settings = ClientSettings {
            bootstrap: "127.0.0.1:9".to_owned(),
            client: pairs.iter().map(own).collect(),
            producer: Properties::new(),
            consumer: Properties::new(),
            admin: Properties::new(),
        };
        settings.config(role, &Properties::new()).unwrap()
    }

    #[test]
    fn a_jaas_line_gives_user_and_password() {
        let line = r#"org.apache.kafka.common.security.scram.ScramLoginModule required
            username="al ice" password="a\"b;c=d";"#;
        assert_eq!(
            jaas(line),
            Ok(settings(&[
                ("sasl.username", "al ice"),
                ("sasl.password", "a\"b;c=d")
            ]))
        );
        for wrong in [
            "",
            "com.sun.security.auth.module.JndiLoginModule required user.provider.url=\"ldap://x\";",
            "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"a\";",
        ] {
            assert!(jaas(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_of_java_clients_are_translated() {
        for (key, value, wanted) in [
            (
                "buffer.memory",
                "1048576",
                ("queue.buffering.max.kbytes", "1024"),
            ),
            ("fetch.max.wait.ms", "7", ("fetch.wait.max.ms", "7")),
            (
                "ssl.endpoint.identification.algorithm",
                "",
                ("ssl.endpoint.identification.algorithm", "none"),
            ),
            (
                "partition.assignment.strategy",
                "org.apache.kafka.clients.consumer.RangeAssignor, org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
                ("partition.assignment.strategy", "cooperative-sticky"),
            ),
        ] {
            assert_eq!(translate(key, value), Ok(settings(&[wanted])), "{key}");
        }
        assert_eq!(translate("key.serializer", "x"), Ok(Translated::JavaOnly));
        assert_eq!(
            translate("interceptor.classes", "x"),
            Ok(Translated::Unknown)
        );
    }

    #[test]
    fn weaker_acks_turn_idempotence_off() {
        let weak = config(Role::Producer, &[("acks", "1")]);
        assert_eq!(weak.get("enable.idempotence"), Some("false"));
        let strong = config(Role::Producer, &[]);
        assert_eq!(strong.get("enable.idempotence"), Some("true"));
        assert_eq!(strong.get("acks"), Some("all"));
    }

    #[test]
    fn a_consumer_never_commits_by_itself() {
        let config = config(Role::Consumer, &[("enable.auto.commit", "true")]);
        assert_eq!(config.get("enable.auto.commit"), Some("false"));
        assert_eq!(config.get("isolation.level"), Some("read_committed"));
    }

    #[test]
    fn librdkafka_knows_every_setting_that_is_passed_on() {
        let known = ["compression.type", "ssl.ca.pem", "transaction.timeout.ms"];
        for key in known {
            assert!(SAME.contains(&key));
        }
        for role in [Role::Producer, Role::Consumer, Role::Reader, Role::Admin] {
            config(role, &[]).create_native_config().unwrap();
        }
        for key in SAME {
            let mut config = ClientConfig::new();
            config.set(*key, "\u{1}");
            let Err(error) = config.create_native_config() else {
                continue;
            };
            assert!(!error.to_string().contains("No such"), "{key}: {error}");
        }
    }
}
