//! Apache Kafka, through librdkafka. The only module that sees `rdkafka`.
//!
//! | module | what |
//! | --- | --- |
//! | `settings` | Kafka's names of client settings into librdkafka's |
//! | `stores` | where certificates and keys are: PEM, and what is said of Java's stores |
//! | `context` | librdkafka's log lines into `tracing` |
//! | `refusal` | a cluster that refuses a client, and which keys to look at |
//! | `error` | its errors into [`BrokerError`](crate::BrokerError) |
//! | `producer`, `in_flight` | writing, and who is told when it is durable |
//! | `batching` | batches that a topic takes |
//! | `consumer`, `rows` | reading as a member of a group |
//! | `topic_watch` | which topics a pattern matches now |
//! | `reader` | reading whole topics |
//! | `native` | librdkafka's own calls, many messages at a time; `unsafe` is here only |
//! | `admin` | topics and groups |

mod admin;
mod batching;
mod consumer;
mod context;
mod error;
mod in_flight;
mod native;
mod producer;
mod reader;
mod rebalances;
mod refusal;
mod rows;
mod settings;
mod stores;
mod topic_watch;

use std::sync::{Arc, Mutex, PoisonError};

use tidegate_model::TopicName;

use self::admin::KafkaAdmin;
use self::consumer::KafkaConsumer;
use self::producer::KafkaProducer;
use self::reader::KafkaReader;
use self::settings::{ClientSettings, Role};
use crate::settings_refused::{refuse_dangerous, refuse_overrides};
use crate::{Admin, Broker, BrokerError, Consumer, Producer, Properties, Reader};

/// A Kafka cluster.
pub struct KafkaBroker {
    settings: Arc<ClientSettings>,
    admin: Arc<KafkaAdmin>,
    /// The producer that all share who have no settings of their own.
    shared: Mutex<Option<Arc<KafkaProducer>>>,
}

impl KafkaBroker {
    /// Makes the clients of a cluster; they connect by themselves, so this does not need the cluster to be there.
    ///
    /// `client` are the settings that all clients share, the others those of each kind, all by Kafka's names.
    ///
    /// # Errors
    /// When a setting is refused.
    pub fn connect(
        bootstrap: &str,
        client: &Properties,
        producer: &Properties,
        consumer: &Properties,
        admin: &Properties,
    ) -> Result<Self, BrokerError> {
        for properties in [client, producer, consumer, admin] {
            refuse_dangerous(properties)?;
        }
        let settings = Arc::new(ClientSettings {
            bootstrap: bootstrap.to_owned(),
            client: client.clone(),
            producer: producer.clone(),
            consumer: consumer.clone(),
            admin: admin.clone(),
        });
        // What librdkafka refuses is said now, and not when the first task makes its client.
        for role in [Role::Producer, Role::Consumer] {
            let config = settings.config(role, &Properties::new())?;
            config.create_native_config()?;
        }
        let admin = Arc::new(KafkaAdmin::new(Arc::clone(&settings))?);
        Ok(Self {
            settings,
            admin,
            shared: Mutex::new(None),
        })
    }
}

impl Broker for KafkaBroker {
    fn producer(&self, overrides: &Properties) -> Result<Arc<dyn Producer>, BrokerError> {
        refuse_overrides(overrides)?;
        let config = || self.settings.config(Role::Producer, overrides);
        if !overrides.is_empty() {
            return Ok(Arc::new(KafkaProducer::new(&config()?)?));
        }
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(producer) = &*shared {
            return Ok(Arc::clone(producer) as Arc<dyn Producer>);
        }
        let producer = Arc::new(KafkaProducer::new(&config()?)?);
        *shared = Some(Arc::clone(&producer));
        Ok(producer)
    }

    fn consumer(
        &self,
        group: &str,
        overrides: &Properties,
    ) -> Result<Box<dyn Consumer>, BrokerError> {
        refuse_overrides(overrides)?;
        if group.is_empty() || group.contains('\0') {
            return Err(BrokerError::Name(format!(
                "the group name {group:?} is not allowed; give it at least one character, none of them zero"
            )));
        }
        let mut config = self.settings.config(Role::Consumer, overrides)?;
        config.set("group.id", group);
        Ok(Box::new(KafkaConsumer::new(&config, group)?))
    }

    fn reader(&self, topic: &TopicName) -> Result<Box<dyn Reader>, BrokerError> {
        let partitions = self.admin.describe(topic)?.offsets;
        let config = self.settings.config(Role::Reader, &Properties::new())?;
        Ok(Box::new(KafkaReader::new(config, topic, &partitions)?))
    }

    fn admin(&self) -> Arc<dyn Admin> {
        Arc::clone(&self.admin) as Arc<dyn Admin>
    }
}
