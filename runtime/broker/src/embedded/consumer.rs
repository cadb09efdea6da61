//! A member of a group of the embedded log.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use tidegate_model::{Batch, TopicName, TopicPartition};

use super::group::{Event, Wants};
use super::log::Log;
use super::records::Position;
use super::signal::Signal;
use super::topic::Topic;
use crate::{BrokerError, Consumer, Fetched, Subscription};

/// A consumer of the embedded log.
pub struct EmbeddedConsumer {
    log: Arc<Log>,
    group: String,
    member: Option<u64>,
    signal: Arc<Signal>,
    assigned: BTreeMap<TopicPartition, Assigned>,
    /// How many fetches there were: each begins with another partition.
    turn: usize,
    paused: bool,
}

struct Assigned {
    topic: Arc<Topic>,
    position: Position,
    /// Being taken away: nothing more is read.
    revoked: bool,
}

impl Assigned {
    fn lag(&self, partition: i32) -> u64 {
        let next = self.topic.partition(partition).map_or(0, |p| p.next());
        u64::try_from(next - self.position.offset).unwrap_or(0)
    }
}

impl EmbeddedConsumer {
    /// Makes a consumer that is not yet a member.
    pub fn new(log: Arc<Log>, group: &str) -> Self {
        Self {
            log,
            group: group.to_owned(),
            member: None,
            signal: Arc::default(),
            assigned: BTreeMap::new(),
            turn: 0,
            paused: false,
        }
    }

    fn assign(&mut self, partitions: &[TopicPartition]) -> Result<(), BrokerError> {
        for key in partitions {
            let Some(topic) = self.log.topic(&key.topic) else {
                continue; // Deleted in between; it is revoked next.
            };
            let Some(partition) = topic.partition(key.partition) else {
                continue;
            };
            let offset = match self.log.committed(&self.group, key)? {
                Some(offset) if (partition.first()..=partition.next()).contains(&offset) => offset,
                Some(offset) => {
                    tracing::warn!(
                        group = self.group,
                        topic = key.topic.as_str(),
                        partition = key.partition,
                        offset,
                        first = partition.first(),
                        "the committed position is not in the log; reading begins at its start"
                    );
                    partition.first()
                }
                None => partition.first(),
            };
            partition.wake(&self.signal);
            let position = Position {
                offset,
                cursor: None,
            };
            self.assigned.insert(
                key.clone(),
                Assigned {
                    topic,
                    position,
                    revoked: false,
                },
            );
        }
        Ok(())
    }

    /// A sink may come before the source that makes its topic; a topic that is misspelt never comes.
    fn say_what_is_missing(&self, topics: &Subscription) {
        let Subscription::Topics(topics) = topics else {
            return;
        };
        let missing: Vec<_> = topics
            .iter()
            .filter(|topic| self.log.topic(topic).is_none())
            .map(TopicName::as_str)
            .collect();
        if !missing.is_empty() {
            tracing::info!(
                group = self.group,
                topics = missing.join(", "),
                "These topics do not exist yet; they are read as soon as they do."
            );
        }
    }

    fn drop_partition(&mut self, key: &TopicPartition) {
        if let Some(assigned) = self.assigned.remove(key)
            && let Some(partition) = assigned.topic.partition(key.partition)
        {
            partition.forget(&self.signal);
        }
    }

    fn has_records(&self) -> bool {
        let unread = |(key, assigned): (&TopicPartition, &Assigned)| {
            !assigned.revoked && assigned.lag(key.partition) > 0
        };
        self.assigned.iter().any(unread)
    }

    fn records(&mut self, records_max: usize, bytes_max: usize) -> Result<Batch, BrokerError> {
        let mut batch = Batch::default();
        let (mut records, mut bytes) = (0, 0);
        let count = self.assigned.len();
        self.turn = self.turn.wrapping_add(1);
        let first = self.turn.checked_rem(count).unwrap_or(0);
        for turn in [first..count, 0..first] {
            for (key, assigned) in self.assigned.iter_mut().skip(turn.start).take(turn.len()) {
                if assigned.revoked || records >= records_max || bytes >= bytes_max {
                    continue;
                }
                // Removed by retention while nobody looked: as Kafka, from the earliest record on.
                let earliest = assigned
                    .topic
                    .partition(key.partition)
                    .map_or(0, |p| p.first());
                if assigned.position.offset < earliest && assigned.position.cursor.is_none() {
                    assigned.position.offset = earliest;
                }
                if assigned.lag(key.partition) == 0 {
                    continue;
                }
                let topic = batch.topic_index(key.topic.as_str());
                let limits = (records_max - records, bytes_max - bytes);
                let (taken, size) = self.log.read(
                    &assigned.topic,
                    key.partition,
                    &mut assigned.position,
                    &mut batch,
                    topic,
                    limits,
                )?;
                records += taken;
                bytes += size;
            }
        }
        Ok(batch)
    }
}

impl Consumer for EmbeddedConsumer {
    fn subscribe(&mut self, topics: &Subscription) -> Result<(), BrokerError> {
        let wants = Wants::of(topics);
        self.say_what_is_missing(topics);
        let mut groups = self.log.groups();
        let member = groups.join(&self.log, &self.group, self.member, wants, &self.signal);
        self.member = Some(member);
        Ok(())
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        let (log, group, member) = (Arc::clone(&self.log), self.group.clone(), self.member);
        let told = move || member.is_some_and(|member| log.groups().has_event(&group, member));
        let paused = self.paused;
        if told() || (!paused && self.has_records()) {
            return std::future::ready(()).boxed();
        }
        let signal = Arc::clone(&self.signal);
        async move {
            signal.raised().await;
            // Records raise it too; they are of no interest to a paused consumer.
            while paused && !told() {
                signal.raised().await;
            }
        }
        .boxed()
    }

    fn fetch(&mut self, records_max: usize, bytes_max: usize) -> Result<Fetched, BrokerError> {
        let event = self
            .member
            .and_then(|member| self.log.groups().event(&self.group, member));
        match event {
            Some(Event::Assigned(partitions)) => {
                self.assign(&partitions)?;
                return Ok(Fetched::Assigned(partitions));
            }
            Some(Event::Revoked(partitions)) => {
                for key in &partitions {
                    if let Some(assigned) = self.assigned.get_mut(key) {
                        assigned.revoked = true;
                    }
                }
                return Ok(Fetched::Revoked(partitions));
            }
            None if self.paused => return Ok(Fetched::Nothing),
            None => {}
        }
        let batch = self.records(records_max, bytes_max)?;
        if batch.is_empty() {
            Ok(Fetched::Nothing)
        } else {
            Ok(Fetched::Records(batch))
        }
    }

    fn released(&mut self, partitions: &[TopicPartition]) -> Result<(), BrokerError> {
        for key in partitions {
            self.drop_partition(key);
        }
        if let Some(member) = self.member {
            self.log
                .groups()
                .released(&self.log, &self.group, member, partitions);
        }
        Ok(())
    }

    fn commit(&mut self, offsets: &[(TopicPartition, i64)]) -> Result<(), BrokerError> {
        let refuse = |reason: String| BrokerError::StaleMember {
            group: self.group.clone(),
            reason,
        };
        // Held until the positions are written, so that the owner cannot change in between.
        let mut groups = self.log.groups();
        for (partition, offset) in offsets {
            let owner = self
                .member
                .is_some_and(|member| groups.owns(&self.group, member, partition));
            if !owner {
                return Err(refuse(format!("the partition {partition} is not its own")));
            }
            if *offset < 0 {
                return Err(refuse(format!("{offset} is not an offset of {partition}")));
            }
        }
        self.log.commit_positions(&self.group, offsets)
    }

    fn seek(&mut self, to: &[(TopicPartition, i64)]) -> Result<(), BrokerError> {
        for (key, offset) in to {
            let assigned = self
                .assigned
                .get_mut(key)
                .ok_or_else(|| BrokerError::NotAssigned(key.clone()))?;
            assigned.position = Position {
                offset: *offset,
                cursor: None,
            };
        }
        self.signal.raise();
        Ok(())
    }

    fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
    }

    fn lag(&self) -> Option<u64> {
        let lags = self
            .assigned
            .iter()
            .map(|(key, assigned)| assigned.lag(key.partition));
        Some(lags.sum())
    }

    fn close(&mut self) {
        let keys: Vec<_> = self.assigned.keys().cloned().collect();
        keys.iter().for_each(|key| self.drop_partition(key));
        if let Some(member) = self.member.take() {
            self.log.groups().leave(&self.log, &self.group, member);
        }
    }
}

impl Drop for EmbeddedConsumer {
    fn drop(&mut self) {
        self.close();
    }
}
