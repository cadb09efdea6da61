//! The committed positions of groups.

use tidegate_model::{TopicName, TopicPartition};

use super::log::Log;
use super::store::{damaged, tables};
use crate::BrokerError;

impl Log {
    /// The committed position of a group in a partition.
    ///
    /// # Errors
    /// When the store fails.
    pub fn committed(
        &self,
        group: &str,
        partition: &TopicPartition,
    ) -> Result<Option<i64>, BrokerError> {
        let topic = partition.topic.as_str();
        self.store
            .read(|connection| tables::position(connection, group, topic, partition.partition))
    }

    /// All committed positions of a group.
    ///
    /// # Errors
    /// When the store fails.
    pub fn all_committed(&self, group: &str) -> Result<Vec<(TopicPartition, i64)>, BrokerError> {
        let rows = self
            .store
            .read(|connection| tables::positions(connection, group))?;
        let positions = rows.into_iter().map(|(topic, partition, offset)| {
            let topic = TopicName::parse(&topic).map_err(|error| damaged(&error.to_string()))?;
            Ok((TopicPartition { topic, partition }, offset))
        });
        positions.collect()
    }

    /// Commits positions of a group, all or none. Those in topics that are gone are left out.
    ///
    /// # Errors
    /// When the store fails.
    pub fn commit_positions(
        &self,
        group: &str,
        positions: &[(TopicPartition, i64)],
    ) -> Result<(), BrokerError> {
        self.store.write().transaction(|connection| {
            for (TopicPartition { topic, partition }, offset) in positions {
                tables::set_position(connection, group, topic.as_str(), *partition, *offset)?;
            }
            Ok(())
        })?;
        self.bell.written();
        Ok(())
    }

    /// Sets and forgets positions of a group, all or none.
    ///
    /// # Errors
    /// When the store fails.
    pub fn alter_positions(
        &self,
        group: &str,
        positions: &[(TopicPartition, Option<i64>)],
    ) -> Result<(), BrokerError> {
        self.store.write().transaction(|connection| {
            for (TopicPartition { topic, partition }, offset) in positions {
                let (topic, partition) = (topic.as_str(), *partition);
                match offset {
                    Some(offset) => {
                        tables::set_position(connection, group, topic, partition, *offset)?;
                    }
                    None => tables::remove_position(connection, group, topic, partition)?,
                }
            }
            Ok(())
        })?;
        self.bell.written();
        Ok(())
    }

    /// Forgets all positions of a group.
    ///
    /// # Errors
    /// When the store fails.
    pub fn forget_group(&self, group: &str) -> Result<(), BrokerError> {
        let forget = |connection: &_| tables::remove_positions(connection, group);
        self.store.write().transaction(forget)?;
        self.bell.written();
        Ok(())
    }
}
