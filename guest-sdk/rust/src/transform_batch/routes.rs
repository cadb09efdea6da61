//! Topics that a step chooses record by record.

use std::collections::HashMap;

use tidegate_model::short::same;

use super::TransformBatch;
use crate::error::{Error, Result};
use crate::row::{Row, rows};

/// The topics of a batch, found by name.
struct Topics {
    names: Vec<String>,
    known: HashMap<Vec<u8>, u32>,
    last: u32,
}

impl Topics {
    fn new(names: &[String]) -> Self {
        let known = names.iter().map(|name| name.clone().into_bytes()).zip(0..);
        Self {
            names: names.to_vec(),
            known: known.collect(),
            last: 0,
        }
    }

    /// The number of a topic, which is added when it is new. The same topic most often comes again.
    fn index(&mut self, name: &[u8]) -> Result<u32> {
        let last = self.names.get(self.last as usize);
        if last.is_some_and(|last| same(last.as_bytes(), name)) {
            return Ok(self.last);
        }
        if let Some(index) = self.known.get(name) {
            self.last = *index;
            return Ok(self.last);
        }
        let text = std::str::from_utf8(name)
            .map_err(|_| Error::data("the name of a topic is not valid UTF-8"))?;
        self.last = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(text.to_owned());
        self.known.insert(name.to_vec(), self.last);
        Ok(self.last)
    }
}

impl TransformBatch {
    /// Gives records another topic, each its own: `route` is called for each selected record and appends the name of
    /// its topic.
    ///
    /// An error fails the record, and so does a name that is not UTF-8.
    pub fn route<F>(&mut self, mut route: F)
    where
        F: FnMut(Row<'_>, &mut Vec<u8>) -> Result<()>,
    {
        let mut topics = Topics::new(&self.batch.topics);
        let mut name = Vec::new();
        let mut indexes = Vec::with_capacity(self.batch.count);
        let mut failures = Vec::new();
        let mut changed = false;
        for row in rows(&self.batch) {
            let index = row.index;
            let old = self.batch.topic_indexes.get(index).copied().unwrap_or(0);
            let mut new = old;
            if self.is_selected(index) {
                name.clear();
                match route(row, &mut name).and_then(|()| topics.index(&name)) {
                    Ok(topic) => new = topic,
                    Err(error) => failures.push((index, error)),
                }
            }
            changed |= new != old;
            indexes.push(new);
        }
        if changed {
            self.batch.topics = topics.names;
            self.batch.topic_indexes = indexes;
            self.changed.topics = true;
        }
        for (index, error) in failures {
            self.fail(index, error);
        }
    }
}
