//! Names and numbers as types: parsed once at the edge, trusted afterwards.

use std::fmt;
use std::sync::Arc;

use crate::limits::{CONNECTOR_NAME_BYTES_MAX, TOPIC_NAME_BYTES_MAX};

/// A name that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("the {what} is empty; give it at least one character")]
    Empty {
        /// What was to be named.
        what: &'static str,
    },
    /// More bytes than allowed.
    #[error("the {what} has {found} bytes; at most {wanted} are allowed")]
    TooLong {
        /// What was to be named.
        what: &'static str,
        /// Its bytes.
        found: usize,
        /// The bytes allowed.
        wanted: usize,
    },
    /// A character that is not allowed.
    #[error("the {what} has the character {found:?}; {wanted}")]
    Character {
        /// What was to be named.
        what: &'static str,
        /// The character.
        found: char,
        /// What is allowed.
        wanted: &'static str,
    },
    /// A name that Kafka keeps for itself.
    #[error(
        "the topic name {0:?} is not allowed; use letters, digits, '.', '_' and '-', and not only dots"
    )]
    Reserved(String),
}

/// The name of a connector: any text without control characters, as Kafka Connect has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectorName(Arc<str>);

impl ConnectorName {
    /// Checks and takes a name; surrounding white space is dropped, as Kafka Connect does.
    ///
    /// # Errors
    /// When it is empty, longer than 255 bytes, or has a control character.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        let what = "connector name";
        let name = name.trim();
        if name.is_empty() {
            return Err(NameError::Empty { what });
        }
        if name.len() > CONNECTOR_NAME_BYTES_MAX {
            return Err(NameError::TooLong {
                what,
                found: name.len(),
                wanted: CONNECTOR_NAME_BYTES_MAX,
            });
        }
        if let Some(found) = name.chars().find(|c| c.is_control()) {
            return Err(NameError::Character {
                what,
                found,
                wanted: "control characters are not allowed",
            });
        }
        Ok(Self(name.into()))
    }

    /// Stands for the name of a configuration that is only checked and has none, or none that could work.
    #[must_use]
    pub fn unnamed() -> Self {
        Self("unnamed".into())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ConnectorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A task of a connector.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId {
    /// The connector.
    pub connector: ConnectorName,
    /// The task's number, from 0.
    pub task: u32,
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.connector, self.task)
    }
}

/// The name of a Kafka topic: 1 to 249 of `[a-zA-Z0-9._-]`, and neither `.` nor `..`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicName(Arc<str>);

impl TopicName {
    /// Checks and takes a name.
    ///
    /// # Errors
    /// When Kafka would refuse it.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        let what = "topic name";
        if name.is_empty() {
            return Err(NameError::Empty { what });
        }
        if name.len() > TOPIC_NAME_BYTES_MAX {
            return Err(NameError::TooLong {
                what,
                found: name.len(),
                wanted: TOPIC_NAME_BYTES_MAX,
            });
        }
        if name == "." || name == ".." {
            return Err(NameError::Reserved(name.to_owned()));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if let Some(found) = name.chars().find(|c| !allowed(*c)) {
            return Err(NameError::Character {
                what,
                found,
                wanted: "use ASCII letters, digits, '.', '_' and '-'",
            });
        }
        Ok(Self(name.into()))
    }

    /// Stands for a topic where none is named.
    #[must_use]
    pub fn unnamed() -> Self {
        Self("unnamed".into())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    /// The topic.
    pub topic: TopicName,
    /// The partition's number.
    pub partition: i32,
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_topic_name_is_what_kafka_allows() {
        for good in ["a", "a.b_c-D9", &"x".repeat(249)] {
            assert_eq!(TopicName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", ".", "..", "a b", "ü", "a/b", &"x".repeat(250)] {
            assert!(TopicName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_connector_name_is_any_text_without_control_characters() {
        assert_eq!(ConnectorName::parse(" a b/ü ").unwrap().as_str(), "a b/ü");
        for bad in ["", "  ", "a\nb", "\u{7}", &"x".repeat(256)] {
            assert!(ConnectorName::parse(bad).is_err(), "{bad:?}");
        }
    }
}
