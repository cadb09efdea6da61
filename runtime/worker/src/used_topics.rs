//! Which topics a task uses, told to its listener once for each (KIP-558).

use std::collections::HashSet;
use std::sync::Arc;

use tidegate_model::TaskId;

use crate::task::Listener;

/// The most topics of a task that are told; further ones are not.
pub const USED_TOPICS_MAX: usize = 10_000;

/// The topics that a task was seen to use.
pub(crate) struct UsedTopics {
    task: TaskId,
    listener: Arc<dyn Listener>,
    told: HashSet<String>,
    /// How often the listener had forgotten topics when these were told.
    resets: u64,
}

impl UsedTopics {
    pub(crate) fn of(task: &TaskId, listener: &Arc<dyn Listener>) -> Self {
        Self {
            task: task.clone(),
            listener: Arc::clone(listener),
            told: HashSet::new(),
            resets: listener.topic_resets(),
        }
    }

    /// The task uses the topics of a batch.
    pub(crate) fn used(&mut self, topics: &[String]) {
        let resets = self.listener.topic_resets();
        if resets != self.resets {
            self.told.clear();
            self.resets = resets;
        }
        for topic in topics {
            if self.told.contains(topic) || self.told.len() >= USED_TOPICS_MAX {
                continue;
            }
            self.told.insert(topic.clone());
            self.listener.topic_used(&self.task, topic);
        }
    }
}
