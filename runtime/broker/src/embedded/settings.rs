//! Settings of the embedded log and of its topics, by Kafka's names where Kafka has one.

use std::time::Duration;

use tidegate_model::TopicName;

use crate::{BrokerError, Properties};

/// The most partitions of an embedded topic.
pub const PARTITIONS_MAX: i32 = 1000;
/// Kafka's default of `max.message.bytes`: the most bytes of a record.
pub const MESSAGE_BYTES_DEFAULT: usize = 1_048_588;
/// Kafka's default of `delete.retention.ms`: how long a tombstone stays for those who read late.
const TOMBSTONE_MS_DEFAULT: i64 = 24 * 60 * 60 * 1000;
/// Kafka's default of `retention.ms`: a week.
const RETENTION_MS_DEFAULT: i64 = 7 * 24 * 60 * 60 * 1000;
/// The topic settings that mean something to Kafka and nothing here.
const WITHOUT_EFFECT: &[&str] = &[
    "compression.gzip.level",
    "compression.lz4.level",
    "compression.type",
    "compression.zstd.level",
    "file.delete.delay.ms",
    "flush.messages",
    "flush.ms",
    "follower.replication.throttled.replicas",
    "index.interval.bytes",
    "leader.replication.throttled.replicas",
    "local.retention.bytes",
    "local.retention.ms",
    "max.compaction.lag.ms",
    "message.timestamp.after.max.ms",
    "message.timestamp.before.max.ms",
    "message.timestamp.type",
    "min.cleanable.dirty.ratio",
    "min.compaction.lag.ms",
    "min.insync.replicas",
    "preallocate",
    "remote.log.copy.disable",
    "remote.log.delete.on.disable",
    "remote.storage.enable",
    "segment.bytes",
    "segment.index.bytes",
    "segment.jitter.ms",
    "segment.ms",
    "unclean.leader.election.enable",
];

/// When what was acknowledged is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncPolicy {
    /// Each write is handed to the operating system before it is acknowledged, so it survives the end of the
    /// process, even by `kill -9`; it is on the disk after `embedded.sync.interval.ms`, so a power failure
    /// may lose that much.
    Interval,
    /// Each write is on the disk before it is acknowledged.
    Always,
}

/// Settings of the embedded log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedSettings {
    /// `embedded.sync`: `interval` (the default) or `always`.
    pub sync: SyncPolicy,
    /// `embedded.sync.interval.ms`: how often the log is brought to the disk; 1000.
    pub sync_interval: Duration,
    /// `num.partitions`: of a topic that does not say; 1.
    pub partitions: i32,
    /// `auto.create.topics.enable`: whether writing to a topic creates it; true.
    pub auto_create_topics: bool,
    /// `embedded.retention.check.interval.ms`: how often old records are looked for; 300000.
    pub retention_check: Duration,
    /// `embedded.memory.bytes`: what the store keeps of its database in memory: half for who writes, half for those
    /// who read; 8 MiB.
    pub memory_bytes: u64,
}

impl Default for EmbeddedSettings {
    fn default() -> Self {
        Self {
            sync: SyncPolicy::Interval,
            sync_interval: Duration::from_secs(1),
            partitions: 1,
            auto_create_topics: true,
            retention_check: Duration::from_secs(300),
            memory_bytes: 8 * 1024 * 1024,
        }
    }
}

impl EmbeddedSettings {
    /// Takes the settings from a worker's properties; keys that are not its own are left alone.
    ///
    /// # Errors
    /// When one has a wrong value.
    pub fn from_properties(properties: &Properties) -> Result<Self, BrokerError> {
        let mut settings = Self::default();
        let wrong = |key: &str, found: &str, wanted: &str| BrokerError::Setting {
            key: key.to_owned(),
            reason: format!("{found:?} was found, {wanted} is wanted"),
        };
        let number = |key: &str, from: u64, to: u64| match properties.get(key) {
            None => Ok(None),
            Some(text) => text
                .trim()
                .parse::<u64>()
                .ok()
                .filter(|number| (from..=to).contains(number))
                .map(Some)
                .ok_or_else(|| wrong(key, text, &format!("a number from {from} to {to}"))),
        };
        if let Some(text) = properties.get("embedded.sync") {
            settings.sync = match text.trim() {
                "interval" => SyncPolicy::Interval,
                "always" => SyncPolicy::Always,
                found => return Err(wrong("embedded.sync", found, "interval or always")),
            };
        }
        if let Some(ms) = number("embedded.sync.interval.ms", 1, 60_000)? {
            settings.sync_interval = Duration::from_millis(ms);
        }
        if let Some(ms) = number("embedded.retention.check.interval.ms", 1, 86_400_000)? {
            settings.retention_check = Duration::from_millis(ms);
        }
        if let Some(bytes) = number("embedded.memory.bytes", 1024 * 1024, 1024 * 1024 * 1024)? {
            settings.memory_bytes = bytes;
        }
        if let Some(count) = number("num.partitions", 1, PARTITIONS_MAX.unsigned_abs().into())? {
            settings.partitions = i32::try_from(count).unwrap_or(1);
        }
        if let Some(text) = properties.get("auto.create.topics.enable") {
            settings.auto_create_topics = boolean(text)
                .ok_or_else(|| wrong("auto.create.topics.enable", text, "true or false"))?;
        }
        Ok(settings)
    }
}

/// What a topic's configuration means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSettings {
    /// Whether only the last record of each key is kept.
    pub compact: bool,
    /// Whether old records are deleted.
    pub delete: bool,
    /// The age in milliseconds from which records are deleted; `None`: never.
    pub retention_ms: Option<i64>,
    /// The bytes of a partition from which its oldest records are deleted; `None`: never.
    pub retention_bytes: Option<u64>,
    /// How long tombstones stay in a compacted topic, in milliseconds.
    pub tombstone_ms: i64,
    /// The most bytes of a record.
    pub message_bytes_max: usize,
}

impl TopicSettings {
    /// Reads a topic's configuration.
    ///
    /// # Errors
    /// When Kafka would refuse it.
    pub fn parse(topic: &TopicName, config: &Properties) -> Result<Self, BrokerError> {
        let refuse = |reason: String| BrokerError::TopicConfig {
            topic: topic.as_str().to_owned(),
            reason,
        };
        let mut settings = Self {
            compact: false,
            delete: true,
            retention_ms: Some(RETENTION_MS_DEFAULT),
            retention_bytes: None,
            tombstone_ms: TOMBSTONE_MS_DEFAULT,
            message_bytes_max: MESSAGE_BYTES_DEFAULT,
        };
        for (key, text) in config {
            let number = |from: i64| {
                text.trim()
                    .parse::<i64>()
                    .ok()
                    .filter(|number| *number >= from)
                    .ok_or_else(|| {
                        refuse(format!(
                            "invalid value {text:?} for configuration {key}: a number from {from} is wanted"
                        ))
                    })
            };
            match key.as_str() {
                "cleanup.policy" => {
                    (settings.compact, settings.delete) = (false, false);
                    for policy in text
                        .split(',')
                        .map(str::trim)
                        .filter(|text| !text.is_empty())
                    {
                        match policy {
                            "compact" => settings.compact = true,
                            "delete" => settings.delete = true,
                            _ => {
                                return Err(refuse(format!(
                                    "invalid value {text:?} for configuration cleanup.policy: compact, delete or both are wanted"
                                )));
                            }
                        }
                    }
                }
                "retention.ms" => {
                    settings.retention_ms = Some(number(-1)?).filter(|number| *number >= 0);
                }
                "retention.bytes" => {
                    settings.retention_bytes = u64::try_from(number(-1)?).ok();
                }
                "delete.retention.ms" => settings.tombstone_ms = number(0)?,
                "max.message.bytes" => {
                    settings.message_bytes_max = usize::try_from(number(0)?).unwrap_or(usize::MAX);
                }
                other if WITHOUT_EFFECT.contains(&other) => {}
                other => return Err(refuse(format!("unknown topic config name: {other}"))),
            }
        }
        Ok(settings)
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<TopicSettings, BrokerError> {
        let config = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        TopicSettings::parse(&TopicName::parse("t").unwrap(), &config)
    }

    #[test]
    fn topic_settings_are_those_of_kafka() {
        let compacted = parse(&[
            ("cleanup.policy", "compact, delete"),
            ("retention.ms", "-1"),
        ]);
        let compacted = compacted.unwrap();
        assert!(compacted.compact && compacted.delete);
        assert_eq!(compacted.retention_ms, None);
        assert!(parse(&[("segment.bytes", "100")]).is_ok());
    }

    #[test]
    fn what_kafka_refuses_is_refused() {
        for (key, value) in [
            ("cleanup.policy", "shrink"),
            ("retention.ms", "-2"),
            ("retention.bytes", "many"),
            ("no.such.setting", "1"),
        ] {
            assert!(parse(&[(key, value)]).is_err(), "{key}");
        }
    }

    #[test]
    fn settings_of_the_log_are_read() {
        let properties = [("embedded.sync", "always"), ("num.partitions", "3")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()));
        let settings = EmbeddedSettings::from_properties(&properties.into()).unwrap();
        assert_eq!(settings.sync, SyncPolicy::Always);
        assert_eq!(settings.partitions, 3);
        let wrong = [("embedded.sync".to_owned(), "often".to_owned())];
        assert!(EmbeddedSettings::from_properties(&wrong.into()).is_err());
    }
}
