//! The topics that the rows of a batch name.

use std::collections::HashMap;

use tidegate_sdk::TransformBatch;
use tidegate_sdk::model::short::append;

/// The topic of each record whose row names one. Each name is kept once.
#[derive(Debug, Default)]
pub struct Topics {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
    /// The number of the topic of a record, in ascending order of records.
    chosen: Vec<(usize, u32)>,
}

impl Topics {
    /// Notes the topic of a record, which comes after all records noted before.
    pub fn choose(&mut self, index: usize, topic: &str) {
        let number = match self.numbers.get(topic) {
            Some(number) => *number,
            None => {
                let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
                self.names.push(topic.to_owned());
                self.numbers.insert(topic.to_owned(), number);
                number
            }
        };
        self.chosen.push((index, number));
    }

    /// Sends the records there.
    pub fn route(&self, batch: &mut TransformBatch) {
        if self.chosen.is_empty() {
            return;
        }
        let mut chosen = self.chosen.iter().peekable();
        batch.route(|record, name| {
            while chosen.next_if(|(index, _)| *index < record.index).is_some() {}
            let number = chosen.next_if(|(index, _)| *index == record.index);
            let topic = number.and_then(|(_, number)| self.names.get(*number as usize));
            let topic = topic.map_or(record.topic(), String::as_str);
            append(name, topic.as_bytes());
            Ok(())
        });
    }
}
