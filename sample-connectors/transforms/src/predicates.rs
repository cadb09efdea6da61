//! `HasHeaderKey`, `RecordIsTombstone` and `TopicNameMatches`.

use tidegate_java::regex::Pattern;
use tidegate_sdk::model::value::tag;
use tidegate_sdk::prelude::*;

use crate::replacement::compile;

const PACKAGE: &str = "org.apache.kafka.connect.transforms.predicates.";

fn non_empty<'a>(config: &'a Config, key: &str) -> Result<&'a str> {
    let value = config.required(key)?;
    if value.is_empty() {
        return Err(Error::config_key(
            key,
            format_args!("Invalid value  for configuration {key}: String must be non-empty"),
        ));
    }
    Ok(value)
}

/// Holds for records that have a header of a name.
#[derive(Debug)]
pub struct HasHeaderKey {
    name: String,
}

impl Predicate for HasHeaderKey {
    fn describe() -> Description {
        Description::new(format!("{PACKAGE}HasHeaderKey"))
            .version(env!("CARGO_PKG_VERSION"))
            .documentation(
                "A predicate which is true for records with at least one header with the configured name.",
            )
            .config(ConfigDef::new().required(
                "name",
                Type::Text,
                Importance::Medium,
                "The header name.",
            ))
    }

    fn configure(config: &Config) -> Result<Self> {
        Ok(Self {
            name: non_empty(config, "name")?.to_owned(),
        })
    }

    fn reads(&self) -> Reads {
        Reads {
            headers: true,
            ..Reads::NONE
        }
    }

    fn test_batch(&mut self, batch: &Batch) -> Result<Vec<bool>> {
        let mut names = batch.headers.keys.iter();
        let mut holds = Vec::with_capacity(batch.count);
        for count in &batch.headers.counts {
            let mut found = false;
            for name in names.by_ref().take(*count as usize) {
                found |= name == Some(self.name.as_bytes());
            }
            holds.push(found);
        }
        holds.resize(batch.count, false);
        Ok(holds)
    }
}

/// Holds for records whose value is null.
#[derive(Debug)]
pub struct RecordIsTombstone;

impl Predicate for RecordIsTombstone {
    fn describe() -> Description {
        Description::new(format!("{PACKAGE}RecordIsTombstone"))
            .version(env!("CARGO_PKG_VERSION"))
            .documentation(
                "A predicate which is true for records which are tombstones (i.e. have null value).",
            )
    }

    fn configure(_config: &Config) -> Result<Self> {
        Ok(Self)
    }

    fn reads(&self) -> Reads {
        Reads::VALUES
    }

    fn test_batch(&mut self, batch: &Batch) -> Result<Vec<bool>> {
        let is_null = |value: Option<&[u8]>| value.is_none_or(|value| value == [tag::NULL]);
        Ok(batch.iter_values().map(is_null).collect())
    }
}

/// Holds for records whose topic matches a pattern as a whole.
#[derive(Debug)]
pub struct TopicNameMatches {
    pattern: Pattern,
}

impl Predicate for TopicNameMatches {
    fn describe() -> Description {
        Description::new(format!("{PACKAGE}TopicNameMatches"))
            .version(env!("CARGO_PKG_VERSION"))
            .documentation(
                "A predicate which is true for records with a topic name that matches the configured regular expression.",
            )
            .config(ConfigDef::new().required(
                "pattern",
                Type::Text,
                Importance::Medium,
                "A Java regular expression for matching against the name of a record's topic.",
            ))
    }

    fn configure(config: &Config) -> Result<Self> {
        Ok(Self {
            pattern: compile("pattern", non_empty(config, "pattern")?)?,
        })
    }

    fn reads(&self) -> Reads {
        Reads::NONE
    }

    fn test_batch(&mut self, batch: &Batch) -> Result<Vec<bool>> {
        let topics: Vec<bool> = batch
            .topics
            .iter()
            .map(|topic| self.pattern.matches(topic))
            .collect::<std::result::Result<_, _>>()
            .map_err(Error::data)?;
        let holds = |index: usize| {
            let topic = batch.topic_indexes.get(index).copied().unwrap_or(0);
            topics.get(topic as usize).copied().unwrap_or(false)
        };
        Ok((0..batch.count).map(holds).collect())
    }
}
