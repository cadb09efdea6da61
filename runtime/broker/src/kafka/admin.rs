//! Manages topics and groups of a Kafka cluster.
//!
//! A question is asked again while the cluster is away, until [`TIMEOUT`]; a refusal ends it at once. The first
//! thing a manager does is such a question, so that whoever opens a cluster hears soon and clearly what is wrong.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic as KafkaTopic, TopicReplication};
use rdkafka::client::Client;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use tidegate_model::{TopicName, TopicPartition};

use super::context::{AskContext, LogContext};
use super::error::of_code;
use super::native;
use super::settings::{ClientSettings, Role};
use crate::altered_offsets::check_offsets;
use crate::{Admin, BrokerError, NewTopic, Properties, TopicDescription};

/// How long the cluster may take to answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long a question waits for its answer before it is asked again, at first; then twice as long each time.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The pause before a question is asked again.
const ASK_PAUSE: Duration = Duration::from_millis(50);
/// How long a new topic may take until all see it.
const VISIBLE_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause between two looks whether a new topic is there.
const VISIBLE_PAUSE: Duration = Duration::from_millis(20);

/// A manager of a Kafka cluster.
pub struct KafkaAdmin {
    client: AdminClient<AskContext>,
    /// Whether the cluster has ever answered.
    reached: AtomicBool,
    settings: Arc<ClientSettings>,
}

impl KafkaAdmin {
    /// Makes a manager.
    ///
    /// # Errors
    /// When a setting is refused.
    pub fn new(settings: Arc<ClientSettings>) -> Result<Self, BrokerError> {
        let config = settings.config(Role::Admin, &Properties::new())?;
        let client = config.create_with_context(AskContext::default())?;
        Ok(Self {
            client,
            reached: AtomicBool::new(false),
            settings,
        })
    }

    /// Asks the cluster. The question gets the time that it may wait.
    fn ask<T>(
        &self,
        question: impl Fn(&Client<AskContext>, Duration) -> KafkaResult<T>,
    ) -> Result<T, BrokerError> {
        let client = self.client.inner();
        native::hear(client);
        // What was before is not about this question.
        drop(client.context().take_trouble());
        let deadline = Instant::now() + TIMEOUT;
        let mut wait = FIRST_WAIT;
        let mut reason = None;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let answer = question(client, wait.min(left));
            native::hear(client);
            let trouble = client.context().take_trouble();
            reason = trouble.reason.or(reason);
            match (answer, trouble.refusal, &reason) {
                (Ok(answer), ..) => {
                    self.reached.store(true, Ordering::Relaxed);
                    return Ok(answer);
                }
                (Err(error), ..) if !is_away(&error) => return Err(error.into()),
                (Err(_), Some(refusal), _) => return Err(refusal),
                (Err(error), None, reason) if left.is_zero() => {
                    let reason = reason.clone().unwrap_or_else(|| error.to_string());
                    return Err(BrokerError::Away(format!(
                        "{reason}; where it runs, look at bootstrap.servers and security.protocol"
                    )));
                }
                _ => {}
            }
            std::thread::sleep(ASK_PAUSE);
            wait *= 2;
        }
    }

    /// Asks something small when the cluster has never answered: other requests do not say why it does not.
    fn reach(&self) -> Result<(), BrokerError> {
        if !self.reached.load(Ordering::Relaxed) {
            self.all()?;
        }
        Ok(())
    }

    /// All topics with the number of their partitions.
    fn all(&self) -> Result<Vec<(TopicName, i32)>, BrokerError> {
        let metadata = self.ask(|client, wait| client.fetch_metadata(None, wait))?;
        let topics = metadata.topics().iter().filter_map(|topic| {
            let count = i32::try_from(topic.partitions().len()).ok()?;
            Some((TopicName::parse(topic.name()).ok()?, count))
        });
        Ok(topics.collect())
    }

    fn partitions(&self, topic: &TopicName) -> Result<i32, BrokerError> {
        let all = self.all()?;
        let found = all.into_iter().find(|(name, _)| name == topic);
        found
            .filter(|(_, count)| *count > 0)
            .map(|(_, count)| count)
            .ok_or_else(|| BrokerError::unknown(topic))
    }

    /// The first offset of a partition and the one after its last record; waits while it has no leader.
    fn watermarks(&self, topic: &TopicName, number: i32) -> Result<(i64, i64), BrokerError> {
        let deadline = Instant::now() + VISIBLE_TIMEOUT;
        loop {
            let found = self.ask(|client, wait| {
                match client.fetch_watermarks(topic.as_str(), number, wait) {
                    Err(error) if no_leader(&error) && Instant::now() < deadline => Ok(None),
                    found => found.map(Some),
                }
            })?;
            match found {
                Some(found) => return Ok(found),
                None => std::thread::sleep(VISIBLE_PAUSE),
            }
        }
    }

    /// A client that asks about a group, and is no member of it.
    fn group_client(&self, group: &str) -> Result<BaseConsumer<LogContext>, BrokerError> {
        let mut config = self.settings.config(Role::Reader, &Properties::new())?;
        config.set("group.id", group);
        Ok(config.create_with_context(LogContext)?)
    }

    /// Waits until a new topic is seen, so that who created it can use it.
    fn wait_visible(&self, topic: &TopicName, there: bool) -> Result<(), BrokerError> {
        let deadline = Instant::now() + VISIBLE_TIMEOUT;
        while Instant::now() < deadline {
            match self.partitions(topic) {
                Ok(_) if there => return Ok(()),
                Err(BrokerError::UnknownTopic(_)) if !there => return Ok(()),
                Ok(_) | Err(BrokerError::UnknownTopic(_)) => std::thread::sleep(VISIBLE_PAUSE),
                Err(error) => return Err(error),
            }
        }
        Err(BrokerError::Timeout {
            what: "creating or deleting a topic",
            limit_ms: VISIBLE_TIMEOUT.as_millis(),
        })
    }
}

/// Whether the cluster did not answer.
fn is_away(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::Authentication
                | RDKafkaErrorCode::SSL
        )
    )
}

/// Whether a partition is on its way to a new leader, as one of a new topic.
fn no_leader(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownPartition
        )
    )
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(TIMEOUT))
        .operation_timeout(Some(TIMEOUT))
}

impl Admin for KafkaAdmin {
    fn create_topic(&self, topic: &NewTopic) -> Result<bool, BrokerError> {
        let name = topic.name.as_str();
        self.reach()?;
        let mut new = KafkaTopic::new(
            name,
            topic.partitions,
            TopicReplication::Fixed(topic.replication_factor.into()),
        );
        for (key, value) in &topic.config {
            new = new.set(key, value);
        }
        let results = block_on(self.client.create_topics([&new], &options()))?;
        match results.into_iter().next() {
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(false),
            Some(Err((_, code))) => Err(of_code(code, name, code.to_string())),
            Some(Ok(_)) | None => {
                self.wait_visible(&topic.name, true)?;
                Ok(true)
            }
        }
    }

    fn topics(&self, internal: bool) -> Result<Vec<TopicName>, BrokerError> {
        let mut names: Vec<TopicName> = self.all()?.into_iter().map(|(name, _)| name).collect();
        names.retain(|name| internal || !name.as_str().starts_with("__"));
        names.sort();
        Ok(names)
    }

    fn describe(&self, topic: &TopicName) -> Result<TopicDescription, BrokerError> {
        let partitions = self.partitions(topic)?;
        let offsets = (0..partitions)
            .map(|number| self.watermarks(topic, number))
            .collect::<Result<_, _>>()?;
        Ok(TopicDescription {
            name: topic.clone(),
            partitions,
            offsets,
        })
    }

    fn delete_topic(&self, topic: &TopicName) -> Result<(), BrokerError> {
        self.reach()?;
        let name = topic.as_str();
        let results = block_on(self.client.delete_topics(&[name], &options()))?;
        match results.into_iter().next() {
            Some(Err((_, code))) => Err(of_code(code, name, code.to_string())),
            Some(Ok(_)) | None => self.wait_visible(topic, false),
        }
    }

    fn group_offsets(&self, group: &str) -> Result<Vec<(TopicPartition, i64)>, BrokerError> {
        let client = self.group_client(group)?;
        let mut list = TopicPartitionList::new();
        for (topic, count) in self.all()? {
            for partition in 0..count {
                list.add_partition(topic.as_str(), partition);
            }
        }
        let committed = client.committed_offsets(list, TIMEOUT)?;
        let elements = committed.elements();
        let positions = elements.iter().filter_map(|element| {
            let Offset::Offset(offset) = element.offset() else {
                return None;
            };
            let partition = TopicPartition {
                topic: TopicName::parse(element.topic()).ok()?,
                partition: element.partition(),
            };
            Some((partition, offset))
        });
        Ok(positions.collect())
    }

    /// Positions are committed by a client that is no member, which a group with members refuses. librdkafka lets
    /// nobody forget single positions, so the group is forgotten and the others are committed again: a failure in
    /// between delivers again what those had passed, and loses nothing.
    fn alter_group_offsets(
        &self,
        group: &str,
        offsets: &[(TopicPartition, Option<i64>)],
    ) -> Result<(), BrokerError> {
        let topics = self.all()?;
        check_offsets(offsets, |topic| {
            let found = topics.iter().find(|(name, _)| name == topic);
            Ok(found.map(|(_, count)| *count))
        })?;
        let mut wanted: BTreeMap<TopicPartition, i64> = BTreeMap::new();
        if offsets.iter().any(|(_, offset)| offset.is_none()) {
            wanted.extend(self.group_offsets(group)?);
            self.delete_group(group)?;
        }
        for (partition, offset) in offsets {
            match offset {
                Some(offset) => drop(wanted.insert(partition.clone(), *offset)),
                None => drop(wanted.remove(partition)),
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let mut list = TopicPartitionList::new();
        for (TopicPartition { topic, partition }, offset) in wanted {
            list.add_partition_offset(topic.as_str(), partition, Offset::Offset(offset))?;
        }
        let committed = self.group_client(group)?.commit(&list, CommitMode::Sync);
        committed.map_err(|error| match error.rdkafka_error_code() {
            Some(
                RDKafkaErrorCode::UnknownMemberId
                | RDKafkaErrorCode::IllegalGeneration
                | RDKafkaErrorCode::RebalanceInProgress,
            ) => BrokerError::GroupNotEmpty(group.to_owned()),
            _ => error.into(),
        })
    }

    fn delete_group(&self, group: &str) -> Result<(), BrokerError> {
        self.reach()?;
        let results = block_on(self.client.delete_groups(&[group], &options()))?;
        match results.into_iter().next() {
            Some(Err((_, RDKafkaErrorCode::NonEmptyGroup))) => {
                Err(BrokerError::GroupNotEmpty(group.to_owned()))
            }
            Some(Err((_, RDKafkaErrorCode::GroupIdNotFound))) | Some(Ok(_)) | None => Ok(()),
            Some(Err((_, code))) => Err(of_code(code, "", code.to_string())),
        }
    }

    fn cluster_id(&self) -> Result<String, BrokerError> {
        self.client
            .inner()
            .fetch_cluster_id(TIMEOUT)
            .ok_or_else(|| BrokerError::Away("it did not tell the cluster's id".to_owned()))
    }
}

/// Runs a future on this thread, which it blocks. The client's own thread completes it.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}
