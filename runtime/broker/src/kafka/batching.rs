//! A client that writes, and a further one for topics that do not take its batches.
//!
//! librdkafka fills a batch up to `batch.size`, whatever the topic allows, and does not divide one that the broker
//! refuses as too large, as the Java client does. So the records of such a batch are sent again by a client with
//! smaller batches (16 KiB as the Java client's, then one record each), and so are all later ones of that topic.
//! Each of these clients is made when it is first needed. Only a record that is refused alone is too large itself.
//!
//! The first time that a topic refuses a batch, batches behind it may have been taken already: its records then come
//! after theirs.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, Weak};
use std::time::Duration;

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::{ClientConfig, ClientContext};

use super::context::{log, report};
use super::error::of_code;
use super::in_flight::InFlight;
use crate::BrokerError;

/// How long the thread that takes acknowledgements waits before it looks whether it is still needed.
const POLL_WAIT: Duration = Duration::from_millis(250);
/// How long a send that finds the queue full waits before it tries again, unless a batch is complete before.
const FULL_WAIT: Duration = Duration::from_millis(50);
/// What the clients after the first have instead of its batches, one after another.
const SMALLER: [(&str, &str); 2] = [("batch.size", "16384"), ("batch.num.messages", "1")];

/// A client that writes, with the thread that takes its acknowledgements.
pub struct Client {
    client: Arc<BaseProducer<Deliveries>>,
    stopped: Arc<AtomicBool>,
}

/// What librdkafka calls.
struct Deliveries {
    in_flight: Arc<InFlight>,
    smaller: Option<Smaller>,
}

/// The client for topics that refused a batch.
struct Smaller {
    config: ClientConfig,
    /// How many of [`SMALLER`] come after it.
    left: usize,
    client: OnceLock<Option<Client>>,
    topics: RwLock<BTreeSet<String>>,
    any: AtomicBool,
}

impl Client {
    /// Makes a client.
    ///
    /// # Errors
    /// When a setting is refused.
    pub fn new(config: &ClientConfig, in_flight: &Arc<InFlight>) -> Result<Self, BrokerError> {
        Self::with_smaller(config, in_flight, SMALLER.len())
    }

    fn with_smaller(
        config: &ClientConfig,
        in_flight: &Arc<InFlight>,
        left: usize,
    ) -> Result<Self, BrokerError> {
        let deliveries = Deliveries {
            in_flight: Arc::clone(in_flight),
            smaller: Smaller::after(config, left),
        };
        let client: Arc<BaseProducer<Deliveries>> =
            Arc::new(config.create_with_context(deliveries)?);
        let stopped = Arc::new(AtomicBool::new(false));
        let (weak, stop) = (Arc::downgrade(&client), Arc::clone(&stopped));
        std::thread::Builder::new()
            .name("kafka-acks".to_owned())
            .spawn(move || poll(&weak, &stop))
            .map_err(|error| {
                BrokerError::Internal(format!("no thread for the producer: {error}"))
            })?;
        Ok(Self { client, stopped })
    }

    /// The client that takes the records of a topic: this one, unless the topic refused its batches.
    #[inline]
    pub fn of_topic(&self, topic: &str) -> &Self {
        let smaller = self.client.context().smaller.as_ref();
        match smaller.filter(|smaller| smaller.any.load(Ordering::Acquire)) {
            None => self,
            Some(smaller) => smaller
                .has(topic)
                .then(|| smaller.client(&self.client.context().in_flight))
                .flatten()
                .map_or(self, |client| client.of_topic(topic)),
        }
    }

    /// Hands a record to the client, waiting while its queue is full. What it does not take comes back as the
    /// error and the record's ticket.
    pub fn send(
        &self,
        mut record: BaseRecord<'_, [u8], [u8], usize>,
    ) -> Result<(), (KafkaError, usize)> {
        loop {
            match self.client.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = back;
                    self.client.context().in_flight.wait(FULL_WAIT);
                }
                Err((error, back)) => return Err((error, back.delivery_opaque)),
            }
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Release);
    }
}

/// Takes acknowledgements until the client is dropped.
fn poll(client: &Weak<BaseProducer<Deliveries>>, stopped: &AtomicBool) {
    while !stopped.load(Ordering::Acquire) {
        let Some(client) = client.upgrade() else {
            return;
        };
        client.poll(POLL_WAIT);
    }
}

impl Smaller {
    fn after(config: &ClientConfig, left: usize) -> Option<Self> {
        let left = left.checked_sub(1)?;
        let (key, value) = SMALLER.iter().rev().nth(left)?;
        let mut config = config.clone();
        config.set(*key, *value);
        Some(Self {
            config,
            left,
            client: OnceLock::new(),
            topics: RwLock::default(),
            any: AtomicBool::new(false),
        })
    }

    fn has(&self, topic: &str) -> bool {
        let topics = self.topics.read().unwrap_or_else(PoisonError::into_inner);
        topics.contains(topic)
    }

    fn client(&self, in_flight: &Arc<InFlight>) -> Option<&Client> {
        let make = || {
            Client::with_smaller(&self.config, in_flight, self.left)
                .inspect_err(|error| tracing::error!(%error, "No client with smaller batches."))
                .ok()
        };
        self.client.get_or_init(make).as_ref()
    }

    /// Sends a record again whose batch was refused; says whether it could.
    #[cold]
    fn send(
        &self,
        message: &BorrowedMessage<'_>,
        ticket: usize,
        in_flight: &Arc<InFlight>,
    ) -> bool {
        let topic = message.topic();
        if !self.has(topic) {
            let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
            if topics.insert(topic.to_owned()) {
                tracing::warn!(
                    topic,
                    "The topic's max.message.bytes is below the producer's batch.size: its records go in smaller batches. A batch.size below it, as producer.override.batch.size of the connector, saves that."
                );
            }
            self.any.store(true, Ordering::Release);
        }
        let Some(client) = self.client(in_flight) else {
            return false;
        };
        let mut record = BaseRecord::<[u8], [u8], usize>::with_opaque_to(topic, ticket);
        record.partition = Some(message.partition());
        record.timestamp = message.timestamp().to_millis();
        record.key = message.key();
        record.payload = message.payload();
        record.headers = message.headers().map(|headers| headers.detach());
        client.of_topic(topic).send(record).is_ok()
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        report(&error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: usize) {
        let failure = match result {
            Ok(_) => None,
            Err((error, message)) => {
                let too_large =
                    error.rdkafka_error_code() == Some(RDKafkaErrorCode::MessageSizeTooLarge);
                if let Some(smaller) = self.smaller.as_ref().filter(|_| too_large)
                    && smaller.send(message, ticket, &self.in_flight)
                {
                    return;
                }
                Some(refusal(error, message))
            }
        };
        self.in_flight.done(ticket, failure);
    }
}

/// What the broker says of a record that it does not take.
fn refusal(error: &KafkaError, message: &BorrowedMessage<'_>) -> BrokerError {
    let topic = message.topic();
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::MessageSizeTooLarge) => BrokerError::Record {
            topic: topic.to_owned(),
            reason: format!(
                "it has {} bytes, and the topic's max.message.bytes allows fewer",
                [message.key(), message.payload()]
                    .map(|part| part.map_or(0, <[u8]>::len))
                    .iter()
                    .sum::<usize>()
            ),
        },
        _ => failure(error, topic),
    }
}

/// An error of the client about a record of a topic.
pub fn failure(error: &KafkaError, topic: &str) -> BrokerError {
    match error.rdkafka_error_code() {
        Some(code) => of_code(code, topic, error.to_string()),
        None => BrokerError::Client(error.to_string()),
    }
}
