//! What happens to records that fail: the keys of `errors.`.

use std::time::Duration;

use tidegate_model::TopicName;

use crate::Properties;
use crate::definition::{ConfigType, Parsed};
use crate::error::ConfigError;

/// The key of how long an operation is tried again.
const RETRY_TIMEOUT: &str = "errors.retry.timeout";
/// The key of the longest wait between two tries.
const RETRY_DELAY_MAX: &str = "errors.retry.delay.max.ms";
/// The key of the dead letter queue's topic.
pub const DLQ_TOPIC: &str = "errors.deadletterqueue.topic.name";
/// The key of that topic's replicas.
pub const DLQ_REPLICATION_FACTOR: &str = "errors.deadletterqueue.topic.replication.factor";

/// What happens to records that fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorsConfig {
    /// Whether records that fail are skipped, rather than failing the task.
    pub tolerance_all: bool,
    /// How long an operation that may succeed later is tried again; `None`: for ever.
    pub retry_timeout: Option<Duration>,
    /// The longest wait between two tries.
    pub retry_delay_max: Duration,
    /// Whether each failure is logged.
    pub log_enable: bool,
    /// Whether the log shows the record.
    pub log_include_messages: bool,
    /// Where failed records of a sink go.
    pub dlq: Option<DlqConfig>,
}

/// The dead letter queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DlqConfig {
    /// Its topic.
    pub topic: TopicName,
    /// The replicas of the topic when it is created; -1: the broker's default.
    pub replication_factor: i16,
    /// Whether headers tell what failed.
    pub context_headers: bool,
}

pub(crate) fn parse(properties: &Properties) -> Result<ErrorsConfig, ConfigError> {
    let tolerance = properties
        .get("errors.tolerance")
        .map_or("none", |text| text.trim());
    let tolerance_all = match tolerance {
        "all" => true,
        "none" => false,
        other => {
            return Err(ConfigError::value(
                "errors.tolerance",
                other,
                "String must be one of: none, all",
            ));
        }
    };
    let retry_timeout = number(properties, RETRY_TIMEOUT, ConfigType::Long, 0)?;
    if retry_timeout < -1 {
        return Err(refused(
            RETRY_TIMEOUT,
            retry_timeout,
            "Value must be at least 0, or -1 to try again for ever",
        ));
    }
    let retry_delay_max = number(properties, RETRY_DELAY_MAX, ConfigType::Long, 60_000)?;
    if retry_delay_max < 0 {
        return Err(refused(
            RETRY_DELAY_MAX,
            retry_delay_max,
            "Value must be at least 0",
        ));
    }
    Ok(ErrorsConfig {
        tolerance_all,
        retry_timeout: u64::try_from(retry_timeout).ok().map(Duration::from_millis),
        retry_delay_max: Duration::from_millis(u64::try_from(retry_delay_max).unwrap_or(0)),
        log_enable: boolean(properties, "errors.log.enable", false)?,
        log_include_messages: boolean(properties, "errors.log.include.messages", false)?,
        dlq: dlq(properties)?,
    })
}

fn dlq(properties: &Properties) -> Result<Option<DlqConfig>, ConfigError> {
    let name = properties.get(DLQ_TOPIC).map_or("", |text| text.trim());
    let replication_factor = number(properties, DLQ_REPLICATION_FACTOR, ConfigType::Short, 3)?;
    if replication_factor < -1 || replication_factor == 0 {
        return Err(refused(
            DLQ_REPLICATION_FACTOR,
            replication_factor,
            "Value must be at least 1, or -1 for the broker's default",
        ));
    }
    let context_headers = boolean(
        properties,
        "errors.deadletterqueue.context.headers.enable",
        false,
    )?;
    if name.is_empty() {
        return Ok(None);
    }
    Ok(Some(DlqConfig {
        topic: TopicName::parse(name)
            .map_err(|error| ConfigError::value(DLQ_TOPIC, name, error.to_string()))?,
        replication_factor: i16::try_from(replication_factor).unwrap_or(3),
        context_headers,
    }))
}

fn refused(key: &str, value: i64, message: &str) -> ConfigError {
    ConfigError::value(key, &value.to_string(), message)
}

/// A number of a type, or its default.
pub(crate) fn number(
    properties: &Properties,
    key: &str,
    kind: ConfigType,
    default: i64,
) -> Result<i64, ConfigError> {
    let Some(text) = properties.get(key) else {
        return Ok(default);
    };
    match Parsed::of(kind, text) {
        Ok(Parsed::Number(number)) => Ok(number),
        Ok(_) => Ok(default),
        Err(message) => Err(ConfigError::value(key, text, message)),
    }
}

/// A boolean, or its default.
pub(crate) fn boolean(
    properties: &Properties,
    key: &str,
    default: bool,
) -> Result<bool, ConfigError> {
    let Some(text) = properties.get(key) else {
        return Ok(default);
    };
    match Parsed::of(ConfigType::Boolean, text) {
        Ok(Parsed::Boolean(value)) => Ok(value),
        Ok(_) => Ok(default),
        Err(message) => Err(ConfigError::value(key, text, message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(pairs: &[(&str, &str)]) -> Result<ErrorsConfig, ConfigError> {
        parse(
            &pairs
                .iter()
                .map(|(key, value)| (format!("errors.{key}"), (*value).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn the_defaults_are_those_of_kafka_connect() {
        let errors = errors(&[]).unwrap();
        assert!(!errors.tolerance_all && !errors.log_enable && !errors.log_include_messages);
        assert_eq!(errors.retry_timeout, Some(Duration::ZERO));
        assert_eq!(errors.retry_delay_max, Duration::from_secs(60));
        assert_eq!(errors.dlq, None);
    }

    #[test]
    fn a_dead_letter_queue_is_a_topic() {
        let all = errors(&[
            ("tolerance", "all"),
            ("deadletterqueue.topic.name", "dlq"),
            ("retry.timeout", "-1"),
        ])
        .unwrap();
        assert!(all.tolerance_all);
        assert_eq!(all.retry_timeout, None);
        let dlq = all.dlq.unwrap();
        assert_eq!(
            (
                dlq.topic.as_str(),
                dlq.replication_factor,
                dlq.context_headers
            ),
            ("dlq", 3, false)
        );
        assert!(errors(&[("deadletterqueue.topic.name", "a b")]).is_err());
        assert!(errors(&[("tolerance", "some")]).is_err());
        assert!(errors(&[("log.enable", "yes")]).is_err());
    }

    #[test]
    fn numbers_that_mean_nothing_are_refused_with_key_value_and_what_is_allowed() {
        for (key, value, wanted) in [
            ("retry.timeout", "-2", "-1 to try again for ever"),
            ("retry.delay.max.ms", "-1", "at least 0"),
            (
                "deadletterqueue.topic.replication.factor",
                "0",
                "at least 1",
            ),
            ("deadletterqueue.topic.replication.factor", "-2", "-1 for"),
            ("deadletterqueue.topic.replication.factor", "40000", "40000"),
        ] {
            let error = errors(&[(key, value)]).unwrap_err();
            assert_eq!(error.key(), Some(&*format!("errors.{key}")));
            let text = error.to_string();
            assert!(text.contains(value) && text.contains(wanted), "{text}");
        }
        assert!(errors(&[("deadletterqueue.topic.replication.factor", "-1")]).is_ok());
    }
}
