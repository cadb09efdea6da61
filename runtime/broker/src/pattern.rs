//! Patterns of topic names: `topics.regex`.
//!
//! One engine says what matches, whoever asks: the broker that subscribes, and the worker that keeps connectors away
//! from topics which are not theirs. It takes time linear in the name, and a pattern has a limited size. No pattern is
//! given to librdkafka, which would have the C library compile it, in another syntax and without a limit.

use regex::{Regex, RegexBuilder};
use tidegate_model::TopicName;

use crate::BrokerError;

/// The most bytes that a compiled pattern may have.
const PATTERN_BYTES_MAX: usize = 1024 * 1024;

/// A pattern that matches whole topic names.
#[derive(Debug, Clone)]
pub struct TopicPattern(Regex);

impl TopicPattern {
    /// Reads a pattern: a Java regular expression, as far as the `regex` crate has it.
    ///
    /// # Errors
    /// When it cannot be read, or is too large.
    pub fn parse(pattern: &str) -> Result<Self, BrokerError> {
        let refused = |error: regex::Error| BrokerError::Setting {
            key: "topics.regex".to_owned(),
            reason: error.to_string(),
        };
        let build = |pattern: &str| {
            RegexBuilder::new(pattern)
                .size_limit(PATTERN_BYTES_MAX)
                .build()
        };
        // By itself first: what is put around it must not make a pattern of something that is none.
        build(pattern).map_err(refused)?;
        build(&format!("^(?:{pattern})$"))
            .map(Self)
            .map_err(refused)
    }

    /// Whether a topic's whole name matches.
    #[must_use]
    pub fn matches(&self, topic: &TopicName) -> bool {
        self.0.is_match(topic.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, topic: &str) -> bool {
        let topic = TopicName::parse(topic).unwrap();
        TopicPattern::parse(pattern).unwrap().matches(&topic)
    }

    #[test]
    fn whole_names_match() {
        assert!(matches("a|bc", "bc"));
        assert!(!matches("a|bc", "abc"));
        assert!(matches("(?:a)\\d+", "a12") && !matches("(?:a)\\d+", "a12b"));
        // What the C library makes of these is another name, and all the memory there is.
        assert!(!matches(r"connect-config[\s]", "connect-configs"));
        assert!(matches(r"[\](((a{1,255}){1,255}){1,255})]", "a"));
    }

    #[test]
    fn patterns_that_are_none_or_too_large_are_refused() {
        for pattern in ["(", "a)(?:b", "(((a{1,255}){1,255}){1,255})"] {
            assert!(TopicPattern::parse(pattern).is_err(), "{pattern}");
        }
    }
}
