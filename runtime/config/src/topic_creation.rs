//! Topics that the worker creates for a source connector (KIP-158): `topic.creation.…`.
//!
//! A topic is created as the first group says whose patterns match its whole name, or else as the group `default` says.

use tidegate_java::regex::Pattern;

use crate::Properties;
use crate::converter::with_prefix;
use crate::definition::{ConfigType, list};
use crate::error::ConfigError;
use crate::errors::number;

/// What the keys begin with.
const PREFIX: &str = "topic.creation.";
/// The key that names the groups.
const GROUPS: &str = "topic.creation.groups";
/// The group that takes what no other does.
const DEFAULT: &str = "default";
/// The most groups.
pub const TOPIC_CREATION_GROUPS_MAX: usize = 50;

/// How topics are created.
#[derive(Debug, Clone)]
pub struct TopicCreation {
    /// In their order; the default last.
    groups: Vec<TopicGroup>,
}

/// How the topics of a group are created.
#[derive(Debug, Clone)]
pub struct TopicGroup {
    include: Vec<Pattern>,
    exclude: Vec<Pattern>,
    /// How many partitions; -1: the broker's default.
    pub partitions: i32,
    /// How many replicas; -1: the broker's default.
    pub replication_factor: i16,
    /// Topic configuration, such as `cleanup.policy`.
    pub config: Properties,
}

impl TopicCreation {
    /// How the group that a topic belongs to is created.
    #[must_use]
    pub fn group_of(&self, topic: &str) -> Option<&TopicGroup> {
        self.groups.iter().find(|group| group.takes(topic))
    }
}

impl TopicGroup {
    fn takes(&self, topic: &str) -> bool {
        let matches = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.is_match(topic));
        matches(&self.include) && !matches(&self.exclude)
    }
}

/// What a source connector says of it; nothing when it has none of the keys.
pub(crate) fn parse(properties: &Properties) -> Result<Option<TopicCreation>, ConfigError> {
    if !properties.keys().any(|key| key.starts_with(PREFIX)) {
        return Ok(None);
    }
    let names = list(properties.get(GROUPS).map_or("", String::as_str));
    if names.len() > TOPIC_CREATION_GROUPS_MAX {
        let message = format!(
            "{GROUPS} names {} groups; at most {TOPIC_CREATION_GROUPS_MAX} are possible",
            names.len()
        );
        return Err(ConfigError::key_message(GROUPS, message));
    }
    for key in ["replication.factor", "partitions"] {
        let key = format!("{PREFIX}{DEFAULT}.{key}");
        if !properties.contains_key(&key) {
            return Err(ConfigError::Missing(key));
        }
    }
    let default = group(properties, DEFAULT, None)?;
    let own = names.iter().filter(|name| *name != DEFAULT);
    let own = own.map(|name| group(properties, name, Some(&default)));
    let mut groups: Vec<_> = own.collect::<Result<_, _>>()?;
    groups.push(default);
    Ok(Some(TopicCreation { groups }))
}

fn group(
    properties: &Properties,
    name: &str,
    default: Option<&TopicGroup>,
) -> Result<TopicGroup, ConfigError> {
    let prefix = format!("{PREFIX}{name}.");
    let count = |key: &str, kind: ConfigType, otherwise: i64| {
        let key = format!("{prefix}{key}");
        let found = number(properties, &key, kind, otherwise)?;
        if found == -1 || found > 0 {
            return Ok(found);
        }
        let message = "Value must be at least 1, or -1 to use the broker's default";
        Err(ConfigError::value(&key, &found.to_string(), message))
    };
    let of_default = |value: fn(&TopicGroup) -> i64| default.map_or(-1, value);
    let partitions = of_default(|group| group.partitions.into());
    let replicas = of_default(|group| group.replication_factor.into());
    let everything = if default.is_none() { ".*" } else { "" };
    let mut config = with_prefix(properties, &prefix);
    for own in ["include", "exclude", "partitions", "replication.factor"] {
        config.remove(own);
    }
    let partitions = count("partitions", ConfigType::Int, partitions)?;
    let replicas = count("replication.factor", ConfigType::Short, replicas)?;
    Ok(TopicGroup {
        include: patterns(properties, &format!("{prefix}include"), everything)?,
        exclude: patterns(properties, &format!("{prefix}exclude"), "")?,
        partitions: i32::try_from(partitions).unwrap_or(-1),
        replication_factor: i16::try_from(replicas).unwrap_or(-1),
        config,
    })
}

fn patterns(
    properties: &Properties,
    key: &str,
    otherwise: &str,
) -> Result<Vec<Pattern>, ConfigError> {
    let given = properties.get(key).map_or(otherwise, String::as_str);
    let whole = |pattern: &String| {
        Pattern::compile(pattern).map_err(|error| {
            ConfigError::value(key, pattern, format!("no regular expression: {error}"))
        })
    };
    list(given).iter().map(whole).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(pairs: &[(&str, &str)]) -> Result<Option<TopicCreation>, ConfigError> {
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        parse(&pairs.iter().map(own).collect())
    }

    const DEFAULTS: [(&str, &str); 2] = [
        ("topic.creation.default.partitions", "3"),
        ("topic.creation.default.replication.factor", "-1"),
    ];

    #[test]
    fn the_first_group_that_matches_counts() {
        let [partitions, replicas] = DEFAULTS;
        let creation = parsed(&[
            partitions,
            replicas,
            ("topic.creation.groups", "logs, compacted"),
            ("topic.creation.logs.include", "log.*, audit"),
            ("topic.creation.logs.exclude", "log-x"),
            ("topic.creation.logs.partitions", "7"),
            ("topic.creation.compacted.include", ".*-table"),
            ("topic.creation.compacted.cleanup.policy", "compact"),
        ]);
        let creation = creation.unwrap().unwrap();
        let of = |topic| {
            let group = creation.group_of(topic).unwrap();
            (group.partitions, group.config.len())
        };
        assert_eq!(of("log-a"), (7, 0));
        assert_eq!(of("audit"), (7, 0));
        assert_eq!(of("log-x"), (3, 0));
        assert_eq!(of("a-table"), (3, 1));
        assert_eq!(of("a-table-b"), (3, 0), "the whole name");
    }

    #[test]
    fn what_cannot_work_is_refused_with_its_key() {
        assert!(parsed(&[("topic", "t")]).unwrap().is_none());
        let [partitions, replicas] = DEFAULTS;
        let key = |pairs: &[_]| parsed(pairs).unwrap_err().to_string();
        assert!(key(&[partitions]).contains("topic.creation.default.replication.factor"));
        assert!(key(&[replicas]).contains("topic.creation.default.partitions"));
        let zero = ("topic.creation.default.partitions", "0");
        assert!(key(&[zero, replicas]).contains("at least 1"));
        let wrong = [
            partitions,
            replicas,
            ("topic.creation.groups", "a"),
            ("topic.creation.a.include", "("),
        ];
        assert!(key(&wrong).contains("topic.creation.a.include"));
        let many: Vec<_> = (0..=TOPIC_CREATION_GROUPS_MAX)
            .map(|group| group.to_string())
            .collect();
        let many = many.join(",");
        assert!(key(&[partitions, replicas, (GROUPS, &many)]).contains("51 groups"));
    }
}
