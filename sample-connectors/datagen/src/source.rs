//! The connector and its task.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tidegate_sdk::prelude::*;
use tidegate_sdk::{IntegerOffset, NO_SCHEMA};

use crate::pace::Pace;
use crate::quickstart::{Quickstart, SchemaIndexes};
use crate::random::Random;

/// The class name.
pub const CLASS: &str = "io.tidegate.datagen.DatagenSourceConnector";
/// How long to wait once all records were made, in milliseconds.
const DONE_WAIT_MS: u32 = 60_000;
/// The highest rate that makes sense to give.
const RATE_MAX: f64 = 100_000_000.0;

/// The connector.
#[derive(Debug)]
pub struct DatagenSource;

impl SourceConnector for DatagenSource {
    type Task = DatagenTask;

    fn describe() -> Description {
        Description::new(CLASS)
            .version(env!("CARGO_PKG_VERSION"))
            .documentation("Makes up records: orders or users, the same ones for the same seed.")
            .config(
                ConfigDef::new()
                    .required(
                        "topic",
                        Type::Text,
                        Importance::High,
                        "The topic to write to.",
                    )
                    .optional(
                        "quickstart",
                        Type::Text,
                        "orders",
                        Importance::High,
                        "What to make: orders or users.",
                    )
                    .one_of(&["orders", "users"])
                    .optional(
                        "rate",
                        Type::Double,
                        "0",
                        Importance::Medium,
                        "Records a second. 0: as fast as possible.",
                    )
                    .optional(
                        "records.max",
                        Type::Long,
                        "-1",
                        Importance::Medium,
                        "How many records to make in all, over all restarts. -1: no end.",
                    )
                    .optional(
                        "seed",
                        Type::Long,
                        "0",
                        Importance::Low,
                        "Another seed makes other records.",
                    )
                    .optional(
                        "schema.enable",
                        Type::Boolean,
                        "false",
                        Importance::Medium,
                        "Make structs with a schema instead of maps without one.",
                    ),
            )
    }

    fn validate(config: &Config) -> Vec<ConfigIssue> {
        let issue = |error: Error| {
            let key = error.key().unwrap_or("quickstart");
            ConfigIssue::new(key, error.message())
        };
        // What the definition alone shows is reported by the worker.
        let rate = config.get("rate").and_then(|rate| rate.parse().ok());
        rate.and_then(|rate| check_rate(rate).err())
            .map(issue)
            .into_iter()
            .collect()
    }
}

fn check_rate(rate: f64) -> Result<f64> {
    if (0.0..=RATE_MAX).contains(&rate) {
        return Ok(rate);
    }
    Err(Error::config_key(
        "rate",
        format_args!(
            "Invalid value {rate} for configuration rate: Value must be between 0 and {RATE_MAX}"
        ),
    ))
}

/// The task.
#[derive(Debug)]
pub struct DatagenTask {
    topic: String,
    quickstart: Quickstart,
    seed: i64,
    /// How many records were made.
    position: i64,
    /// How many are to be made.
    end: i64,
    pace: Pace,
    started: Instant,
    /// The encoded schemas of keys and values.
    schemas: Option<(Vec<u8>, Vec<u8>)>,
    partition: Vec<u8>,
    offset: IntegerOffset,
    text: String,
}

impl SourceTask for DatagenTask {
    fn start(config: &Config, offsets: &Offsets) -> Result<Self> {
        let topic = config.required("topic")?;
        let quickstart = Quickstart::parse(config.required("quickstart")?)?;
        let partition = Value::Map(vec![("topic".into(), topic.into())]);
        let schemas = config.boolean("schema.enable")?.then(|| {
            let (key, value) = quickstart.schemas();
            (key.to_encoded(), value.to_encoded())
        });
        let records_max = config.integer("records.max")?;
        Ok(Self {
            topic: topic.to_owned(),
            quickstart,
            seed: config.integer("seed")?,
            position: offsets.integer(&partition, "position")?.unwrap_or(0),
            end: if records_max < 0 {
                i64::MAX
            } else {
                records_max
            },
            pace: Pace::new(check_rate(config.float("rate")?)?),
            started: Instant::now(),
            schemas,
            partition: partition.to_encoded(),
            offset: IntegerOffset::new("position"),
            text: String::new(),
        })
    }

    fn poll(&mut self, batch: &mut SourceBatch) -> Result<()> {
        if self.position >= self.end {
            batch.wait_ms(DONE_WAIT_MS);
            return Ok(());
        }
        match self.pace.due(self.started.elapsed()) {
            Some(0) => {
                batch.wait_ms(self.pace.wait_ms());
                return Ok(());
            }
            Some(due) => batch.limit_records(due as usize),
            None => {}
        }
        self.make(batch);
        self.pace.made(batch.len());
        Ok(())
    }
}

impl DatagenTask {
    fn make(&mut self, batch: &mut SourceBatch) {
        let topic = batch.topic(&self.topic);
        let partition = batch.source_partition(&self.partition);
        let schemas = match &self.schemas {
            Some((key, value)) => SchemaIndexes {
                key: batch.schema(key),
                value: batch.schema(value),
            },
            None => SchemaIndexes {
                key: NO_SCHEMA,
                value: NO_SCHEMA,
            },
        };
        let now = now_ms();
        while self.position < self.end && !batch.is_full() {
            let mut random = Random::of(self.seed, self.position);
            let mut row = batch.row(topic, partition);
            row.timestamp(now);
            self.quickstart.write(
                &mut row,
                self.position,
                &mut random,
                schemas,
                &mut self.text,
            );
            self.position += 1;
            row.offset(self.offset.at(self.position));
        }
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
