//! A member of a Kafka consumer group.
//!
//! librdkafka tells of a rebalance while it is polled. Partitions that are assigned are taken at once, and their
//! messages routed to the queue of [`BatchConsumer`]. When partitions are revoked, librdkafka waits until the
//! client says that it gave them up; that is said in [`released`](Consumer::released), after the owner delivered
//! and committed what it had of them. Messages of revoked partitions are dropped until then; after it, and after a
//! seek, librdkafka knows by itself which waiting messages are outdated and drops them.
//!
//! A paused consumer leaves messages in that queue, where librdkafka stops reading ahead, and goes on polling for
//! everything else. librdkafka's own pause is not used: it would outlast the assignment.
//!
//! librdkafka subscribes to exact names only. What a pattern means is looked up by a [`TopicWatch`].

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tidegate_model::{TopicName, TopicPartition};

use super::native::BatchConsumer;
use super::rebalances::{Event, Rebalances, Shared, give_up, take_over, warn_of};
use super::rows::Rows;
use super::topic_watch::TopicWatch;
use crate::{BrokerError, Consumer, Fetched, Subscription};

/// How often a consumer that finds nothing is polled nevertheless, so that the group does not take it for dead; a
/// third of `max.poll.interval.ms` when that is less.
const IDLE_POLL: Duration = Duration::from_secs(60);
/// How long a consumer that is closed waits until its group has heard of it.
const LEAVE_WAIT: Duration = Duration::from_secs(1);
/// How long going to a position may take.
const SEEK_TIMEOUT: Duration = Duration::from_secs(10);
/// How often it is looked what a pattern matches, when `metadata.max.age.ms` says nothing; and the shortest time.
const WATCH_EVERY: Duration = Duration::from_secs(300);
const WATCH_EVERY_MIN: Duration = Duration::from_secs(1);

/// A consumer of Kafka.
pub struct KafkaConsumer {
    /// `None` once closed.
    client: Option<BatchConsumer<Rebalances>>,
    config: ClientConfig,
    /// Of a pattern.
    watch: Option<TopicWatch>,
    subscribed: bool,
    rebalances: Arc<Shared>,
    group: String,
    idle_poll: Duration,
    paused: bool,
    /// Nothing more was in the queues when they were looked at last.
    drained: bool,
    /// Partitions that are being taken away and are not released yet.
    revoking: BTreeSet<TopicPartition>,
    /// What librdkafka waits for; nothing of it is delivered any more.
    revoked: Vec<TopicPartition>,
    /// The offset up to which each assigned partition was fetched; `None` when nothing was yet.
    positions: BTreeMap<TopicPartition, Option<i64>>,
}

fn idle_poll(config: &ClientConfig) -> Duration {
    let limit = config.get("max.poll.interval.ms");
    let limit = limit.and_then(|limit| limit.parse().ok());
    limit.map_or(IDLE_POLL, |limit| {
        IDLE_POLL.min(Duration::from_millis(limit) / 3)
    })
}

fn watch_every(config: &ClientConfig) -> Duration {
    let age = config.get("topic.metadata.refresh.interval.ms");
    let age = age.and_then(|age| age.parse().ok());
    age.map_or(WATCH_EVERY, |age| {
        Duration::from_millis(age).max(WATCH_EVERY_MIN)
    })
}

fn closed() -> BrokerError {
    BrokerError::Internal("the consumer is closed".to_owned())
}

/// How much one fetch takes.
#[derive(Debug, Clone, Copy)]
struct Limits {
    records: usize,
    bytes: usize,
}

impl Limits {
    fn reached(self, rows: &Rows) -> bool {
        rows.len() >= self.records || rows.bytes() >= self.bytes
    }
}

/// The error that the owner must see; the others are librdkafka's own business, which it logs.
fn serious(group: &str, error: &KafkaError) -> Option<BrokerError> {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::PollExceeded) => {
            tracing::warn!(
                group,
                "the consumer was not polled for too long and has to join its group again"
            );
            None
        }
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
            tracing::warn!(group, %error, "a topic of the subscription does not exist");
            None
        }
        Some(
            RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::GroupAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed
            | RDKafkaErrorCode::SaslAuthenticationFailed
            | RDKafkaErrorCode::Authentication
            | RDKafkaErrorCode::AllBrokersDown
            | RDKafkaErrorCode::Fatal
            | RDKafkaErrorCode::FencedInstanceId,
        ) => Some(error.clone().into()),
        _ if matches!(error, KafkaError::MessageConsumptionFatal(_)) => {
            Some(BrokerError::Client(error.to_string()))
        }
        _ => None,
    }
}

fn contains(partitions: &[TopicPartition], topic: &str, number: i32) -> bool {
    partitions
        .iter()
        .any(|known| known.partition == number && known.topic.as_str() == topic)
}

fn names(partitions: &TopicPartitionList) -> Vec<TopicPartition> {
    let elements = partitions.elements();
    let parsed = elements.iter().filter_map(|element| {
        Some(TopicPartition {
            topic: TopicName::parse(element.topic()).ok()?,
            partition: element.partition(),
        })
    });
    parsed.collect()
}

fn list<'a>(partitions: impl Iterator<Item = &'a TopicPartition>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition(partition.topic.as_str(), partition.partition);
    }
    list
}

/// Partitions with positions.
pub fn list_at(positions: &[(TopicPartition, i64)]) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(positions.len());
    for (partition, offset) in positions {
        list.add_partition(partition.topic.as_str(), partition.partition)
            .set_offset(Offset::Offset(*offset))?;
    }
    Ok(list)
}

/// Makes the client of a consumer.
fn client(
    config: &ClientConfig,
    rebalances: &Arc<Shared>,
) -> Result<BatchConsumer<Rebalances>, BrokerError> {
    let mut client: BaseConsumer<Rebalances> =
        config.create_with_context(Rebalances(Arc::clone(rebalances)))?;
    let wake = Arc::clone(rebalances);
    client.set_nonempty_callback(move || wake.ready.notify_one());
    BatchConsumer::new(client, Arc::clone(&rebalances.ready))
        .ok_or_else(|| BrokerError::Internal("no queue for a consumer".to_owned()))
}

impl KafkaConsumer {
    /// Makes a consumer.
    ///
    /// # Errors
    /// When a setting is refused.
    pub fn new(config: &ClientConfig, group: &str) -> Result<Self, BrokerError> {
        let rebalances = Arc::<Shared>::default();
        Ok(Self {
            client: Some(client(config, &rebalances)?),
            config: config.clone(),
            watch: None,
            subscribed: false,
            rebalances,
            group: group.to_owned(),
            idle_poll: idle_poll(config),
            paused: false,
            drained: false,
            revoking: BTreeSet::new(),
            revoked: Vec::new(),
            positions: BTreeMap::new(),
        })
    }

    fn batches(&self) -> Result<&BatchConsumer<Rebalances>, BrokerError> {
        self.client.as_ref().ok_or_else(closed)
    }

    fn client(&self) -> Result<&BaseConsumer<Rebalances>, BrokerError> {
        self.batches().map(BatchConsumer::client)
    }

    /// Subscribes to exactly these topics; to none is no longer to any.
    fn subscribe_to(&mut self, topics: &[TopicName]) -> Result<(), BrokerError> {
        let client = self.client()?;
        if topics.is_empty() {
            client.unsubscribe();
            return Ok(());
        }
        let names: Vec<&str> = topics.iter().map(TopicName::as_str).collect();
        client.subscribe(&names)?;
        self.subscribed = true;
        Ok(())
    }

    /// Subscribes to what a pattern matches by now, when that changed.
    fn follow_pattern(&mut self) -> Result<(), BrokerError> {
        let changed = self.watch.as_ref().and_then(TopicWatch::take_changed);
        changed.map_or(Ok(()), |topics| self.subscribe_to(&topics))
    }

    /// Takes part in what librdkafka told of, and says so to the owner.
    fn take_event(&mut self) -> Result<Option<Fetched>, BrokerError> {
        while let Some(event) = self.rebalances.pop() {
            match event {
                Event::Assigned(list) => {
                    let names = names(&list);
                    let batches = self.batches()?;
                    for TopicPartition { topic, partition } in &names {
                        if !batches.route(topic.as_str(), *partition) {
                            tracing::debug!(%topic, partition, "messages come one by one");
                        }
                    }
                    warn_of(take_over(batches.client(), &list));
                    if !names.is_empty() {
                        let new = names.iter().map(|name| (name.clone(), None));
                        self.positions.extend(new);
                        return Ok(Some(Fetched::Assigned(names)));
                    }
                }
                Event::Revoked(list) => {
                    let names = names(&list);
                    if names.is_empty() {
                        warn_of(give_up(self.client()?, &list));
                        continue;
                    }
                    // Not paused until they are released: a pause would outlast the assignment.
                    self.positions.retain(|name, _| !names.contains(name));
                    self.revoking.extend(names.iter().cloned());
                    self.revoked.extend(names.iter().cloned());
                    return Ok(Some(Fetched::Revoked(names)));
                }
            }
        }
        Ok(None)
    }

    /// Takes what is not a message, until there is no more or something came up; and messages, should any be there.
    /// Says whether there is no more.
    fn take_others(&self, rows: &mut Rows, limits: Limits) -> Result<bool, BrokerError> {
        let client = self.client()?;
        let mut others = self.rebalances.others.load(Ordering::Acquire);
        while !limits.reached(rows) {
            match client.poll(Duration::ZERO) {
                Some(Ok(message)) => {
                    if !contains(&self.revoked, message.topic(), message.partition()) {
                        rows.push(&message);
                    }
                }
                Some(Err(error)) => {
                    if let Some(error) = serious(&self.group, &error) {
                        // What was taken is delivered first; librdkafka says it again when it lasts.
                        return if rows.len() > 0 {
                            Ok(false)
                        } else {
                            Err(error)
                        };
                    }
                }
                None => {
                    // Nothing, or something that was not a message.
                    let now = self.rebalances.others.load(Ordering::Acquire);
                    if now == others {
                        return Ok(true);
                    }
                    others = now;
                    if self.rebalances.any_pending.load(Ordering::Acquire) {
                        break;
                    }
                }
            }
        }
        Ok(false)
    }

    /// Takes messages until there are none or the limits are reached; says whether there are none.
    fn take_messages(&mut self, rows: &mut Rows, limits: Limits) -> Result<bool, BrokerError> {
        if limits.reached(rows) {
            return Ok(false);
        }
        let Self {
            client,
            group,
            revoked,
            ..
        } = self;
        let mut failed = None;
        let batches = client.as_mut().ok_or_else(closed)?;
        let empty = batches.take(limits.records - rows.len(), |message| {
            if let Some(code) = message.error() {
                failed = serious(group, &KafkaError::MessageConsumption(code));
            } else if revoked.is_empty() || !contains(revoked, message.topic(), message.partition())
            {
                rows.push_taken(&message);
            }
            match failed.is_some() || limits.reached(rows) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        match failed {
            // What was taken is delivered first; librdkafka says it again when it lasts.
            Some(error) if rows.len() == 0 => Err(error),
            _ => Ok(empty),
        }
    }
}

impl Consumer for KafkaConsumer {
    fn subscribe(&mut self, topics: &Subscription) -> Result<(), BrokerError> {
        self.watch = None;
        let pattern = match topics {
            Subscription::Topics(topics) => return self.subscribe_to(topics),
            Subscription::Pattern(pattern) => pattern.clone(),
        };
        self.batches()?;
        if !self.subscribed {
            // A topic that was deleted since it was listed must not come back because it is asked for by its name.
            self.config.set("allow.auto.create.topics", "false");
            self.client = Some(client(&self.config, &self.rebalances)?);
        }
        let (every, wake) = (
            watch_every(&self.config),
            Arc::clone(&self.rebalances.ready),
        );
        self.watch = Some(TopicWatch::start(&self.config, pattern, every, wake)?);
        Ok(())
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        let records = !self.paused && !self.drained;
        let topics = self.watch.as_ref().is_some_and(TopicWatch::has_changed);
        if records || topics || self.rebalances.any_pending.load(Ordering::Acquire) {
            return std::future::ready(()).boxed();
        }
        let (shared, limit) = (Arc::clone(&self.rebalances), self.idle_poll);
        async move {
            // Over or not: the owner looks.
            let _looked = tokio::time::timeout(limit, shared.ready.notified()).await;
        }
        .boxed()
    }

    fn fetch(&mut self, records_max: usize, bytes_max: usize) -> Result<Fetched, BrokerError> {
        self.follow_pattern()?;
        if let Some(event) = self.take_event()? {
            return Ok(event);
        }
        self.drained = false;
        let mut rows = Rows::default();
        let limits = Limits {
            records: records_max,
            bytes: bytes_max,
        };
        let no_others = self.take_others(&mut rows, limits)?;
        if rows.len() == 0 {
            // What librdkafka told of just now comes before the messages that wait.
            if let Some(event) = self.take_event()? {
                return Ok(event);
            }
        }
        let no_messages = !self.paused && self.take_messages(&mut rows, limits)?;
        self.drained = no_others && no_messages;
        if rows.len() == 0 {
            return Ok(Fetched::Nothing);
        }
        for (topic, number, next) in rows.ends() {
            let known = self
                .positions
                .iter_mut()
                .find(|(name, _)| name.partition == number && name.topic.as_str() == topic);
            if let Some((_, position)) = known {
                *position = Some(next);
            }
        }
        Ok(Fetched::Records(rows.finish()))
    }

    fn released(&mut self, partitions: &[TopicPartition]) -> Result<(), BrokerError> {
        for partition in partitions {
            self.revoking.remove(partition);
        }
        if self.revoked.is_empty() || !self.revoking.is_empty() {
            return Ok(());
        }
        let given = std::mem::take(&mut self.revoked);
        self.drained = false;
        if let Some(batches) = &mut self.client {
            batches.forget(|topic, number| contains(&given, topic, number));
        }
        give_up(self.client()?, &list(given.iter()))?;
        Ok(())
    }

    fn commit(&mut self, offsets: &[(TopicPartition, i64)]) -> Result<(), BrokerError> {
        if offsets.is_empty() {
            return Ok(());
        }
        let result = self.client()?.commit(&list_at(offsets)?, CommitMode::Sync);
        result.map_err(|error| match BrokerError::from(error) {
            BrokerError::StaleMember { reason, .. } => BrokerError::StaleMember {
                group: self.group.clone(),
                reason,
            },
            other => other,
        })
    }

    fn seek(&mut self, to: &[(TopicPartition, i64)]) -> Result<(), BrokerError> {
        if to.is_empty() {
            return Ok(());
        }
        self.drained = false;
        if let Some(batches) = &mut self.client {
            batches.forget(|topic, number| {
                to.iter().any(|(partition, _)| {
                    partition.partition == number && partition.topic.as_str() == topic
                })
            });
        }
        let result = self.client()?.seek_partitions(list_at(to)?, SEEK_TIMEOUT)?;
        for (element, (partition, offset)) in result.elements().iter().zip(to) {
            if element.error().is_err() {
                return Err(BrokerError::NotAssigned(partition.clone()));
            }
            if let Some(position) = self.positions.get_mut(partition) {
                *position = Some(*offset);
            }
        }
        Ok(())
    }

    fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
        self.drained = false;
    }

    fn lag(&self) -> Option<u64> {
        let batches = self.batches().ok()?;
        let mut lag = 0;
        for (partition, position) in &self.positions {
            let end = batches.end(partition.topic.as_str(), partition.partition)?;
            lag += match position {
                Some(next) => u64::try_from(end - next).unwrap_or(0),
                // Nothing was delivered yet, and nothing waits to be.
                None if self.drained => 0,
                None => return None,
            };
        }
        Some(lag)
    }

    fn close(&mut self) {
        self.watch = None;
        if let Some(client) = self.client.take() {
            self.rebalances.closing.store(true, Ordering::Release);
            while let Some(event) = self.rebalances.pop() {
                warn_of(match event {
                    Event::Assigned(list) => take_over(client.client(), &list),
                    Event::Revoked(list) => give_up(client.client(), &list),
                });
            }
            if !self.revoked.is_empty() {
                let given = std::mem::take(&mut self.revoked);
                if let Err(error) = give_up(client.client(), &list(given.iter())) {
                    tracing::debug!(%error, "a consumer that is being closed could not give up its partitions");
                }
            }
            leave(client, &self.group);
        }
    }
}

/// Has a consumer leave its group, and waits for that, but not long: the broker hears of it only when it has answered
/// what the consumer asked before. One that waits to be let into its group, as after a worker that was killed, is
/// answered when the group has given up on those who do not come back. Nothing is lost by going on meanwhile.
fn leave(client: BatchConsumer<Rebalances>, group: &str) {
    let (tell, left) = std::sync::mpsc::channel();
    let started = std::thread::Builder::new()
        .name("leaves its group".to_owned())
        .spawn(move || {
            drop(client);
            // Nobody may listen any more.
            tell.send(()).ok();
        });
    if started.is_ok() && left.recv_timeout(LEAVE_WAIT) == Err(RecvTimeoutError::Timeout) {
        tracing::debug!(group, "the group does not answer that its member leaves it");
    }
}

impl Drop for KafkaConsumer {
    fn drop(&mut self) {
        self.close();
    }
}
