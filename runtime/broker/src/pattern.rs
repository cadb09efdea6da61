//! Patterns of topic names: `topics.regex`.
//!
//! One engine says what matches, whoever asks: the broker that subscribes, and the worker that keeps connectors away
//! from topics which are not theirs. The pattern and the steps for a name are limited. No pattern is given to librdkafka,
//! which would have the C library compile it, in another syntax and without a limit.

use tidegate_java::regex::Pattern;
use tidegate_model::TopicName;
use tracing::warn;

use crate::BrokerError;

/// A pattern that matches whole topic names.
#[derive(Debug, Clone)]
pub struct TopicPattern(Pattern);

impl TopicPattern {
    /// Reads a pattern: a Java regular expression.
    ///
    /// # Errors
    /// When it is none, or too large.
    pub fn parse(pattern: &str) -> Result<Self, BrokerError> {
        let pattern = Pattern::compile(pattern).map_err(|error| BrokerError::Setting {
            key: "topics.regex".to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self(pattern))
    }

    /// Whether a topic's whole name matches. One that takes too many steps does not, which is logged.
    #[must_use]
    pub fn matches(&self, topic: &TopicName) -> bool {
        let matches = self.0.matches(topic.as_str());
        matches.unwrap_or_else(|reason| {
            warn!("topics.regex: the topic {topic} is left out: {reason}");
            false
        })
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
    fn topics_are_left_out_by_look_ahead() {
        assert!(matches("(?!__|connect-).*", "orders"));
        assert!(!matches("(?!__|connect-).*", "__consumer_offsets"));
        // It would go back for ever.
        let endless = format!("{}b", "a".repeat(200));
        assert!(!matches("(?=a)(a|aa)+$", &endless));
    }

    #[test]
    fn patterns_that_are_none_or_too_large_are_refused() {
        for pattern in ["(", "a)(?:b", "(((a{1,255}){1,255}){1,255})"] {
            assert!(TopicPattern::parse(pattern).is_err(), "{pattern}");
        }
    }
}
