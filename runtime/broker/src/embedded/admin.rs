//! Manages the embedded log.

use std::sync::Arc;

use tidegate_model::{TopicName, TopicPartition};

use super::log::Log;
use crate::altered_offsets::check_offsets;
use crate::{Admin, BrokerError, NewTopic, TopicDescription};

/// The manager of an embedded log.
pub struct EmbeddedAdmin {
    log: Arc<Log>,
}

impl EmbeddedAdmin {
    /// Makes a manager.
    pub fn new(log: Arc<Log>) -> Self {
        Self { log }
    }
}

impl Admin for EmbeddedAdmin {
    fn create_topic(&self, topic: &NewTopic) -> Result<bool, BrokerError> {
        Ok(self.log.create_topic(topic)?.is_some())
    }

    fn topics(&self, internal: bool) -> Result<Vec<TopicName>, BrokerError> {
        let topics = self.log.topics().into_iter();
        let names = topics.map(|topic| topic.name.clone());
        Ok(names
            .filter(|name| internal || !name.as_str().starts_with("__"))
            .collect())
    }

    fn describe(&self, topic: &TopicName) -> Result<TopicDescription, BrokerError> {
        let found = self.log.topic(topic);
        let found = found.ok_or_else(|| BrokerError::unknown(topic))?;
        Ok(TopicDescription {
            name: topic.clone(),
            partitions: found.count(),
            offsets: found
                .partitions
                .iter()
                .map(|partition| (partition.first(), partition.next()))
                .collect(),
        })
    }

    fn delete_topic(&self, topic: &TopicName) -> Result<(), BrokerError> {
        if self.log.delete_topic(topic)? {
            Ok(())
        } else {
            Err(BrokerError::unknown(topic))
        }
    }

    fn group_offsets(&self, group: &str) -> Result<Vec<(TopicPartition, i64)>, BrokerError> {
        self.log.all_committed(group)
    }

    fn alter_group_offsets(
        &self,
        group: &str,
        offsets: &[(TopicPartition, Option<i64>)],
    ) -> Result<(), BrokerError> {
        check_offsets(offsets, |topic| {
            Ok(self.log.topic(topic).map(|topic| topic.count()))
        })?;
        let groups = self.log.groups();
        if groups.has_members(group) {
            return Err(BrokerError::GroupNotEmpty(group.to_owned()));
        }
        self.log.alter_positions(group, offsets)
    }

    fn delete_group(&self, group: &str) -> Result<(), BrokerError> {
        let groups = self.log.groups();
        if groups.has_members(group) {
            return Err(BrokerError::GroupNotEmpty(group.to_owned()));
        }
        self.log.forget_group(group)
    }

    fn cluster_id(&self) -> Result<String, BrokerError> {
        Ok(self.log.cluster_id().to_owned())
    }
}
