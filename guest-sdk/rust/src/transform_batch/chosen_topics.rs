//! Topics that a step chooses record by record.

use std::collections::HashMap;

use tidegate_model::TopicName;
use tidegate_model::ids::NameError;

use super::TransformBatch;

/// The topic that each record of a batch goes to, where a step chose another. There may be as many as records,
/// so they are looked up by hash.
#[derive(Debug, Default)]
pub struct ChosenTopics {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
    chosen: Vec<(usize, u32)>,
}

impl ChosenTopics {
    /// Sends a record to a topic.
    ///
    /// # Errors
    /// When Kafka takes no such name.
    pub fn choose(&mut self, index: usize, topic: &str) -> Result<(), NameError> {
        let number = match self.numbers.get(topic) {
            Some(number) => *number,
            None => {
                TopicName::parse(topic)?;
                let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
                self.names.push(topic.to_owned());
                self.numbers.insert(topic.to_owned(), number);
                number
            }
        };
        self.chosen.push((index, number));
        Ok(())
    }
}

impl TransformBatch {
    /// Sends records to the topics chosen for them; the others stay where they are.
    pub fn choose_topics(&mut self, topics: ChosenTopics) {
        if topics.chosen.is_empty() {
            return;
        }
        let batch = &mut self.batch;
        let mut known: HashMap<String, u32> = batch.topics.iter().cloned().zip(0..).collect();
        let mut numbers = Vec::with_capacity(topics.names.len());
        for name in topics.names {
            let next = u32::try_from(batch.topics.len()).unwrap_or(u32::MAX);
            let number = *known.entry(name.clone()).or_insert(next);
            if number == next {
                batch.topics.push(name);
            }
            numbers.push(number);
        }
        batch.topic_indexes.resize(batch.count, 0);
        for (index, number) in topics.chosen {
            let topic = numbers.get(number as usize);
            if let (Some(place), Some(topic)) = (batch.topic_indexes.get_mut(index), topic) {
                *place = *topic;
            }
        }
        self.changed.topics = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Record, batch_of};
    use tidegate_model::Value;

    #[test]
    fn records_go_to_topics_old_and_new() {
        let given = ["a", "b", "a", "b"].map(|topic| Record::new(topic, Value::Null));
        let mut batch = TransformBatch::new(batch_of(&given));
        let mut topics = ChosenTopics::default();
        batch.choose_topics(ChosenTopics::default());
        assert!(!batch.changed.topics);
        for (index, topic) in [(1, "new"), (2, "b"), (3, "new")] {
            topics.choose(index, topic).unwrap();
        }
        for topic in ["", "..", "a/b", "\u{e4}"] {
            assert!(topics.choose(0, topic).is_err(), "{topic}");
        }
        batch.choose_topics(topics);
        batch.batch().check().unwrap();
        let topics: Vec<&str> = (0..4).map(|index| batch.batch().topic(index)).collect();
        assert_eq!(topics, ["a", "new", "b", "new"]);
        assert_eq!(batch.batch().topics, ["a", "b", "new"]);
        assert!(batch.changed.topics);
    }
}
