//! The file source: one record for each line of a file.

use std::time::{SystemTime, UNIX_EPOCH};

use tidegate_sdk::prelude::*;
use tidegate_sdk::{AlteredOffset, Encoder, IntegerOffset, field};

use crate::follower::Follower;

/// The class name of Kafka Connect's connector, which this one stands in for.
pub const CLASS: &str = "org.apache.kafka.connect.file.FileStreamSourceConnector";

/// The connector.
#[derive(Debug)]
pub struct FileStreamSource;

impl SourceConnector for FileStreamSource {
    type Task = FileStreamSourceTask;

    fn describe() -> Description {
        Description::new(CLASS)
            .version(env!("CARGO_PKG_VERSION"))
            .documentation("Follows a file and makes a record of each line.")
            .config(
                ConfigDef::new()
                    .nullable(
                        "file",
                        Type::Text,
                        Importance::High,
                        "The file to follow. It may come later; its folder must exist. It has to be given: a worker's standard input is not read",
                    )
                    .names(Names::ReadFile)
                    .required(
                        "topic",
                        Type::Text,
                        Importance::High,
                        "The topic to publish data to",
                    )
                    .optional(
                        "batch.size",
                        Type::Int,
                        "2000",
                        Importance::Low,
                        "The maximum number of records the source task can read from the file each time it is polled. At least 1",
                    ),
            )
    }

    fn validate(config: &Config) -> Vec<ConfigIssue> {
        let mut issues: Vec<ConfigIssue> = file_of(config)
            .err()
            .map(|error| ConfigIssue::new("file", error.message()))
            .into_iter()
            .collect();
        if config
            .get("topic")
            .is_some_and(|topic| topic.trim().is_empty())
        {
            issues.push(ConfigIssue::new(
                "topic",
                "Invalid value  for configuration topic: String must be non-empty",
            ));
        }
        // What is no number is said by the definition.
        if let Ok(size) = config.integer("batch.size")
            && size < 1
        {
            issues.push(ConfigIssue::new(
                "batch.size",
                format!(
                    "Invalid value {size} for configuration batch.size: Value must be at least 1"
                ),
            ));
        }
        issues
    }

    fn task_configs(config: &Config, _tasks_max: u32) -> Result<Vec<Config>> {
        file_of(config)?;
        Ok(vec![config.clone()])
    }

    /// Refuses what Kafka Connect's refuses, in its words. Anything may be forgotten.
    fn alter_offsets(config: &Config, offsets: &[AlteredOffset]) -> Result<bool> {
        file_of(config)?;
        for altered in offsets {
            if let Some(offset) = &altered.offset {
                check_offset(&altered.partition, offset)?;
            }
        }
        Ok(true)
    }
}

fn check_offset(partition: &Value, offset: &Value) -> Result<()> {
    let message = match field(offset, None, POSITION) {
        None => format!("Offset objects should either be null or contain the key '{POSITION}'"),
        Some(Value::Int64(position)) if *position < 0 => format!(
            "The value for the '{POSITION}' key in the offset should be a non-negative value"
        ),
        Some(Value::Int64(_)) if field(partition, None, FILENAME).is_none() => {
            format!("Partition objects should contain the key '{FILENAME}'")
        }
        Some(Value::Int64(_)) => return Ok(()),
        Some(_) => format!(
            "The value for the '{POSITION}' key in the offset is expected to be a Long value"
        ),
    };
    Err(Error::data(message))
}

fn file_of(config: &Config) -> Result<&str> {
    config
        .get("file")
        .filter(|file| !file.is_empty())
        .ok_or_else(|| {
            Error::config_key(
                "file",
                "\"file\" is not given, and the standard input of a worker is not read; set it to the path of a file",
            )
        })
}

/// The key of a source partition.
const FILENAME: &str = "filename";
/// The keys of a source offset. The worker shows nobody what begins with `tidegate.`: an operator who alters the
/// position does not take the fingerprint of the old one along.
const POSITION: &str = "position";
const FINGERPRINT: &str = "tidegate.fingerprint";

/// The task. It keeps a read position and one block of the file, nothing else.
///
/// Each record's source offset is `{"position": n}`. The last one of a poll, which is the one that is committed, has
/// the fingerprint of what stands before the position too.
#[derive(Debug)]
pub struct FileStreamSourceTask {
    follower: Follower,
    topic: String,
    batch_records_max: usize,
    partition: Vec<u8>,
    schema: Vec<u8>,
    offset: IntegerOffset,
    /// What went wrong after records that had to be given first.
    failure: Option<Error>,
}

impl SourceTask for FileStreamSourceTask {
    fn start(config: &Config, offsets: &Offsets) -> Result<Self> {
        let file = file_of(config)?;
        let partition = Value::Map(vec![(FILENAME.into(), file.into())]);
        let position = offsets.integer(&partition, POSITION)?.unwrap_or(0);
        let position = u64::try_from(position).map_err(|_| {
            Error::fatal(format_args!(
                "the stored position of {file} is {position}; 0 and up are possible. Reset the connector's offsets"
            ))
        })?;
        let fingerprint = offsets.text(&partition, FINGERPRINT)?;
        let batch_records_max = config.integer_in("batch.size", 1..=i64::from(i32::MAX))?;
        Ok(Self {
            follower: Follower::new(file, position, fingerprint),
            topic: config.required("topic")?.to_owned(),
            batch_records_max: usize::try_from(batch_records_max).unwrap_or(usize::MAX),
            partition: partition.to_encoded(),
            schema: Schema::new(SchemaType::String).to_encoded(),
            offset: IntegerOffset::new(POSITION),
            failure: None,
        })
    }

    fn poll(&mut self, batch: &mut SourceBatch) -> Result<()> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        batch.limit_records(self.batch_records_max);
        match self.read_lines(batch) {
            Err(failure) if !batch.is_empty() => {
                self.failure = Some(failure);
                Ok(())
            }
            outcome => outcome,
        }
    }
}

impl FileStreamSourceTask {
    fn read_lines(&mut self, batch: &mut SourceBatch) -> Result<()> {
        let topic = batch.topic(&self.topic);
        let partition = batch.source_partition(&self.partition);
        let schema = batch.schema(&self.schema);
        let now = now_ms();
        let mut last = None;
        let outcome = loop {
            if batch.is_full() {
                break Ok(());
            }
            match self.follower.next_line() {
                Some(Ok((line, position))) => {
                    let mut row = batch.row(topic, partition);
                    row.timestamp(now);
                    row.value(schema, |out: &mut Encoder<'_>| out.string(&line));
                    let offset = i64::try_from(position).unwrap_or(i64::MAX);
                    row.offset(self.offset.at(offset));
                    last = Some(position);
                }
                Some(Err(error)) => break Err(error),
                None => {
                    // What stands before the last line's end is known until more is read.
                    self.add_fingerprint(batch, last.take());
                    match self.follower.fill() {
                        Ok(true) => {}
                        Ok(false) => break Ok(()),
                        Err(error) => break Err(error),
                    }
                }
            }
        };
        self.add_fingerprint(batch, last);
        outcome
    }

    /// Adds the fingerprint of what stands before `position`, the end of the last line, to its source offset.
    fn add_fingerprint(&self, batch: &mut SourceBatch, position: Option<u64>) {
        let Some(position) = position else { return };
        let Some(fingerprint) = self.follower.fingerprint(position) else {
            return;
        };
        let offset = Value::Map(vec![
            (
                POSITION.into(),
                i64::try_from(position).unwrap_or(i64::MAX).into(),
            ),
            (FINGERPRINT.into(), fingerprint.into()),
        ]);
        batch.replace_last_offset(&offset.to_encoded());
    }
}

/// Milliseconds since the epoch.
fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|now| i64::try_from(now.as_millis()).ok())
        .unwrap_or(0)
}
