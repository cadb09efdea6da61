//! Sink connectors and their tasks.

use tidegate_model::Batch;

use crate::config::Config;
use crate::definition::{ConfigIssue, Description};
use crate::error::{Error, Result};
use crate::transform::Reads;

/// A sink connector: it describes itself and divides its work into tasks.
pub trait SinkConnector {
    /// The task that does the work.
    type Task: SinkTask + 'static;

    /// What the connector says of itself. Always the same answer.
    fn describe() -> Description;

    /// Checks a configuration beyond its definition.
    fn validate(config: &Config) -> Vec<ConfigIssue> {
        let _ = config;
        Vec::new()
    }

    /// Divides the work among at most `tasks_max` tasks: one configuration for each. By default one task with
    /// the connector's configuration. The worker divides the topics' partitions among the tasks.
    ///
    /// # Errors
    /// When the work cannot be divided.
    fn task_configs(config: &Config, tasks_max: u32) -> Result<Vec<Config>> {
        let _ = tasks_max;
        Ok(vec![config.clone()])
    }

    /// The operator alters or forgets offsets while the connector is stopped. `true`: the connector has looked at
    /// them; `false`, the default: it has not.
    ///
    /// # Errors
    /// When they could not work: nothing is altered.
    fn alter_offsets(config: &Config, offsets: &[AlteredPosition]) -> Result<bool> {
        let _ = (config, offsets);
        Ok(false)
    }
}

/// Where a sink connector is to go on in a partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlteredPosition {
    /// The topic's name.
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
    /// The offset of the next record to consume; `None`: it is forgotten.
    pub offset: Option<i64>,
}

/// A task of a sink connector.
pub trait SinkTask {
    /// Starts the task.
    ///
    /// # Errors
    /// When the task cannot work.
    fn start(config: &Config) -> Result<Self>
    where
        Self: Sized;

    /// What it reads of the records that it takes, by default all. What is not named here looks null.
    fn reads(&self) -> Reads {
        Reads::ALL
    }

    /// Partitions were assigned to this task.
    ///
    /// # Errors
    /// When the task cannot go on.
    fn open(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        let _ = partitions;
        Ok(())
    }

    /// Takes records: delivers them, or keeps them until [`flush`](SinkTask::flush). Read them with
    /// [`records`](crate::records) or [`rows`](crate::rows); report those that cannot be delivered in
    /// `failures`, all others are taken. A task that delivers at once may say how far it came
    /// ([`Failures::delivered`]).
    ///
    /// # Errors
    /// When no record was taken, but those that were said to be delivered.
    fn put(&mut self, batch: &Batch, failures: &mut Failures) -> Result<()>;

    /// Delivers all that was taken. The answer is what may be committed, by default where each partition
    /// stands.
    ///
    /// # Errors
    /// When it cannot be delivered: nothing is committed.
    fn flush(&mut self, offsets: Vec<TopicPartitionOffset>) -> Result<Vec<TopicPartitionOffset>> {
        Ok(offsets)
    }

    /// Partitions are being taken away; `flush` was called before.
    ///
    /// # Errors
    /// When the task cannot go on.
    fn close(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        let _ = partitions;
        Ok(())
    }

    /// Ends the task. Nothing is called after it.
    fn stop(&mut self) {}
}

/// The records of a batch that cannot be delivered.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Failures {
    found: Vec<(u32, Error)>,
}

impl Failures {
    /// Reports a record, by its index in the batch. The first report of a record counts.
    pub fn push(&mut self, index: usize, error: Error) {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let place = self.found.partition_point(|(known, _)| *known < index);
        if self
            .found
            .get(place)
            .is_none_or(|(known, _)| *known != index)
        {
            self.found.insert(place, (index, error));
        }
    }

    /// Says that the first `count` records of this batch, and all records of the `put`s before, are delivered: none of
    /// them is given again, whatever becomes of this instance. May be called after each record; it costs a call of the
    /// host.
    ///
    /// Without it, and when `put` panics or runs out of time, all is given again that was not flushed. It stops at the
    /// first record that was reported as failed: a report counts when `put` returns.
    pub fn delivered(&self, count: usize) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let reported = self.found.first().map_or(u32::MAX, |(index, _)| *index);
        say_delivered(count.min(reported));
    }

    /// The reports, in ascending order.
    #[must_use]
    pub fn into_vec(self) -> Vec<(u32, Error)> {
        self.found
    }

    /// Whether every record was taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }
}

#[cfg(target_arch = "wasm32")]
fn say_delivered(count: u32) {
    crate::bindings::imports::tidegate::connect::sink_progress::delivered(count);
}

#[cfg(not(target_arch = "wasm32"))]
fn say_delivered(count: u32) {
    crate::testing::keep_delivered(count);
}

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    /// The topic.
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
}

/// A position in a partition: the offset of the next record to consume.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartitionOffset {
    /// The topic.
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
    /// The offset of the next record to consume.
    pub offset: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::Description;
    use crate::record::Record;
    use crate::testing::SinkDriver;

    struct Writes;
    struct WritesTask;

    impl SinkConnector for Writes {
        type Task = WritesTask;

        fn describe() -> Description {
            Description::new("test.Writes")
        }
    }

    impl SinkTask for WritesTask {
        fn start(_: &Config) -> Result<Self> {
            Ok(Self)
        }

        fn put(&mut self, batch: &Batch, failures: &mut Failures) -> Result<()> {
            for (index, record) in crate::record::records(batch).enumerate() {
                match record?.value {
                    crate::Value::Null => failures.push(index, Error::data("null")),
                    _ => failures.delivered(index + 1),
                }
            }
            Ok(())
        }
    }

    #[test]
    fn a_record_that_was_reported_is_not_said_to_be_delivered() {
        let mut task = SinkDriver::start::<Writes>(&[]).unwrap();
        let record =
            |value: Option<i64>| Record::new("t", value.map_or(crate::Value::Null, Into::into));
        task.put(&[record(Some(1)), record(Some(2))]).unwrap();
        assert_eq!(task.delivered(), 2);
        task.put(&[record(Some(1)), record(None), record(Some(2))])
            .unwrap();
        assert_eq!(task.delivered(), 1);
    }
}
