//! Whether offsets that are to be altered could be a group's.

use tidegate_model::{TopicName, TopicPartition};

use crate::BrokerError;

/// Refuses topics and partitions that are not there, and offsets below zero. `partitions` tells how many partitions a
/// topic has.
///
/// # Errors
/// When one of them cannot be, or `partitions` fails.
pub fn check_offsets(
    offsets: &[(TopicPartition, Option<i64>)],
    partitions: impl Fn(&TopicName) -> Result<Option<i32>, BrokerError>,
) -> Result<(), BrokerError> {
    for (at, offset) in offsets {
        // What is forgotten may be of a topic that is gone.
        let Some(offset) = *offset else { continue };
        let count = partitions(&at.topic)?.ok_or_else(|| BrokerError::unknown(&at.topic))?;
        if !(0..count).contains(&at.partition) {
            return Err(BrokerError::UnknownPartition {
                topic: at.topic.to_string(),
                partition: at.partition,
                count,
            });
        }
        if offset < 0 {
            return Err(BrokerError::Name(format!(
                "{offset} is no offset of {at}; 0 and up are possible"
            )));
        }
    }
    Ok(())
}
